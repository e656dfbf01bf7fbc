//! Why a reader waits.

use std::sync::PoisonError;
use std::time::Duration;

use super::task::Task;
use crate::layout::PieceIndex;
use crate::schedule::PieceState;

/// What the reader that is needed most waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wait {
    /// Nobody is connected.
    NoPeers,
    /// The same: who was sent bad data and was banned, and nobody else is known who could be tried.
    BadData,
    /// No connected peer has this piece.
    NobodyHasIt(PieceIndex),
    /// Peers are connected, and all of them choke us.
    AllChoke,
    /// The disk has too little free space, and all that is kept is needed more.
    DiskFull,
    /// What we allow ourselves to download.
    RateLimit,
    /// The budget is too small for all who read.
    Budget,
    /// It is on its way.
    Slow,
}

impl Task {
    /// `None` if nobody waits, or nothing can be expected.
    pub(super) fn why_waiting(&self, now: Duration) -> Option<Wait> {
        if self.is_paused || self.failure.is_some() {
            return None;
        }
        let (at, has_window) = self.readers.most_urgent_wait()?;
        let piece = self.spec.layout.piece_at(at);
        if !has_window || self.full_at.is_some() {
            return Some(if self.keeper.is_disk_low() { Wait::DiskFull } else { Wait::Budget });
        }
        let is_on_its_way =
            self.scheduler.state(piece) == PieceState::Checking || self.scheduler.is_requested(piece);
        if !is_on_its_way {
            if self.peers.is_empty() {
                let only_liars = self.banned_peers > 0 && !self.book.has_hope();
                return Some(if only_liars { Wait::BadData } else { Wait::NoPeers });
            }
            if self.scheduler.availability(piece) == 0 {
                return Some(Wait::NobodyHasIt(piece));
            }
            if self.peers.values().all(|peer| peer.is_choking) {
                return Some(Wait::AllChoke);
            }
        }
        let mut down = self.context.limits.down.lock().unwrap_or_else(PoisonError::into_inner);
        Some(if down.wait(now).is_zero() { Wait::Slow } else { Wait::RateLimit })
    }
}
