//! What a torrent looks after now and then, and what it shows of itself.

use std::sync::Arc;
use std::time::Duration;

use super::peers::Peer;
use super::task::Task;
use super::timeline::Happening;
use super::{PiecePicture, TorrentStats};
use crate::schedule::PeerId;

/// What is here is remembered so often while something comes in.
const REMEMBER_INTERVAL: Duration = Duration::from_secs(30);
/// How long nobody is there before all are called again; the last wait repeats as long as a reader waits.
const CALL_AGAIN_WAITS: [Duration; 7] = [
    Duration::from_millis(500),
    Duration::from_secs(1),
    Duration::from_secs(2),
    Duration::from_secs(5),
    Duration::from_secs(15),
    Duration::from_secs(60),
    Duration::from_secs(180),
];
/// Peers that stayed so long were worth the call.
const SETTLED: Duration = Duration::from_secs(10);

impl Task {
    pub(super) async fn tick(&mut self, now: Duration) {
        self.count_seeding(now.saturating_sub(self.ticked_at));
        self.ticked_at = now;
        tracing::trace!(
            info_hash = %self.spec.info_hash,
            down = self.down.bytes_per_sec(now),
            counters = ?self.scheduler.counters(),
            peers = %self.peers_in_short(),
            "tick"
        );
        self.follow_keep_rules(now);
        self.choose_uploads(now);
        self.shed_peers(now);
        self.exchange_addresses(now);
        self.check_doubtful();
        self.report(now);
        self.look_at_storage(now);
        self.note_what_happened(now);
        self.call_again_if_alone(now);
        self.publish(now);
        if now.saturating_sub(self.remembered_at) >= REMEMBER_INTERVAL {
            self.remembered_at = now;
            self.remember().await;
        }
    }

    /// Room comes and goes with other torrents, and with the disk.
    fn look_at_storage(&mut self, now: Duration) {
        self.cut_windows(now);
        self.look_at_rest();
        if self.full_at.is_some() || self.keeper.is_disk_low() {
            let keeper = Arc::clone(&self.keeper);
            self.context.tasks.spawn_blocking(move || keeper.look_at_disk());
        }
    }

    fn note_what_happened(&mut self, now: Duration) {
        for reader in self.readers.take_dry(now) {
            self.timeline.note(now, Happening::Dry { reader });
        }
        let hedges = self.scheduler.counters().hedges;
        if hedges != self.hedges {
            self.timeline.note(now, Happening::Hedges(hedges - self.hedges));
            self.hedges = hedges;
        }
    }

    pub(super) fn publish(&mut self, now: Duration) {
        // A web seed counts once it has sent something: nobody knows before whether the server is there.
        let is_there = |peer: &&Peer| peer.web.is_none() || peer.down.total_bytes() > 0;
        let connected = self.peers.values().filter(is_there).count();
        let seeders = self.peers.values().filter(is_there).filter(|peer| peer.is_seed).count();
        // First: who hears of new numbers finds the picture that goes with them.
        self.publish_picture();
        self.waiting = self.why_waiting(now);
        let stats = TorrentStats {
            down_bytes_per_sec: self.down.bytes_per_sec(now),
            up_bytes_per_sec: self.up.bytes_per_sec(now),
            downloaded_bytes: self.down.total_bytes(),
            uploaded_bytes: self.up.total_bytes(),
            lifetime: self.lifetime(),
            retired: self.keeping.retired,
            have_bytes: self.have_bytes,
            connected_peers: connected as u32,
            connected_seeders: seeders as u32,
            connecting_peers: self.book.dialing() as u32,
            known_peers: self.book.len() as u32,
            counters: self.scheduler.counters(),
            peers_by_state: self.peers_by_state(now),
            corrupt_bytes: self.corrupt_bytes,
            banned_peers: self.banned_peers,
            waiting: self.waiting,
            failure: self.failure.clone(),
        };
        self.stats.send_if_modified(|current| {
            let is_new = **current != stats;
            if is_new {
                *current = Arc::new(stats);
            }
            is_new
        });
    }

    pub(super) fn publish_picture(&mut self) {
        if std::mem::take(&mut self.is_picture_old) {
            self.picture.send_replace(Arc::new(PiecePicture { have: Some(self.have.clone()) }));
        }
    }

    pub(super) fn peers_in_short(&self) -> String {
        let short = |(id, peer): (&PeerId, &Peer)| {
            let rate = self.scheduler.rate_of(*id).map_or(0.0, |rate| rate / 1e3);
            format!("{}:{:.0}k/{}", peer.address, rate, self.scheduler.requests_of(*id).count())
        };
        self.peers.iter().map(short).collect::<Vec<_>>().join(" ")
    }

    /// Somebody waits, and nobody is there: who was called in vain is called again soon.
    pub(super) fn call_again_if_alone(&mut self, now: Duration) {
        let is_alone = self.wire_peers() == 0 && self.book.dialing() == 0;
        if !is_alone || self.is_paused || self.readers.awaited(&self.spec.layout).is_empty() {
            self.alone_since = None;
            if self.wire_peers() > 0 && now.saturating_sub(self.called_again_at) >= SETTLED {
                self.calls_in_vain = 0;
            }
            return;
        }
        let since = *self.alone_since.get_or_insert(now);
        let wait = CALL_AGAIN_WAITS[self.calls_in_vain.min(CALL_AGAIN_WAITS.len() - 1)];
        if now.saturating_sub(since) >= wait {
            self.calls_in_vain += 1;
            self.called_again_at = now;
            self.alone_since = Some(now);
            self.book.begin_anew(now);
        }
    }
}
