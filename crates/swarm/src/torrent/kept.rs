//! When a torrent that is kept has given enough, and leaves the swarm.

use std::sync::PoisonError;
use std::time::Duration;

use super::task::Task;
use crate::arbiter::Kept;
use crate::pieces::Resume;
use crate::schedule::PeerId;

/// What was transferred and offered in all the life of a torrent here, over restarts.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Lifetime {
    pub uploaded_bytes: u64,
    pub downloaded_bytes: u64,
    /// How long it was offered since it was complete.
    pub seeded: Duration,
}

impl Lifetime {
    pub(super) fn of(remembered: &Resume) -> Self {
        Self {
            uploaded_bytes: remembered.uploaded_bytes,
            downloaded_bytes: remembered.downloaded_bytes,
            seeded: Duration::from_secs(remembered.seeded_secs),
        }
    }
}

/// How a torrent is kept.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Keeping {
    pub(super) is_pinned: bool,
    /// The rule that ended its offer.
    pub(super) retired: Option<Kept>,
    /// Until this start.
    pub(super) before: Lifetime,
    /// Offered since this start.
    pub(super) seeded: Duration,
}

impl Task {
    pub(super) fn lifetime(&self) -> Lifetime {
        let Lifetime { uploaded_bytes, downloaded_bytes, seeded } = self.keeping.before;
        Lifetime {
            uploaded_bytes: uploaded_bytes.saturating_add(self.up.total_bytes()),
            downloaded_bytes: downloaded_bytes.saturating_add(self.down.total_bytes()),
            seeded: seeded.saturating_add(self.keeping.seeded),
        }
    }

    /// Only the time counts in which somebody could have asked for any part.
    pub(super) fn count_seeding(&mut self, passed: Duration) {
        let is_offered = self.is_complete()
            && !self.is_paused
            && self.keeping.retired.is_none()
            && self.context.dialer.settings().uploads;
        if is_offered {
            self.keeping.seeded = self.keeping.seeded.saturating_add(passed);
            self.has_news_to_remember |= self.keeping.is_pinned;
        }
    }

    /// Leaves the swarm when a rule is met, and comes back when none is: another rule, a lost piece, no pin any more.
    pub(super) fn follow_keep_rules(&mut self, now: Duration) {
        let met = if self.keeping.is_pinned && self.is_complete() {
            let rules = *self.context.keep_rules.lock().unwrap_or_else(PoisonError::into_inner);
            let Lifetime { uploaded_bytes, downloaded_bytes, seeded } = self.lifetime();
            rules.met(uploaded_bytes, downloaded_bytes, self.spec.layout.total_bytes(), seeded)
        } else {
            None
        };
        if met == self.keeping.retired {
            return;
        }
        tracing::debug!(info_hash = %self.spec.info_hash, ?met, "the offer of a kept torrent ends or goes on");
        self.keeping.retired = met;
        if met.is_some() {
            self.choke_all();
            let all: Vec<PeerId> = self.peers.keys().copied().collect();
            all.into_iter().for_each(|id| self.drop_peer(id));
        } else {
            self.book.begin_anew(now);
        }
    }
}
