//! What an active torrent does at this moment.

use freshet_model::TransferStats;
use librqbit::{ManagedTorrent, TorrentStatsState};

use crate::active::ActiveTorrent;

/// Counters of the session start anew after every pause; these go on.
#[derive(Debug, Default)]
pub(crate) struct Totals {
    downloaded: Counter,
    uploaded: Counter,
}

#[derive(Debug, Default)]
struct Counter {
    before: u64,
    last: u64,
}

impl Counter {
    fn observe(&mut self, value: u64) -> u64 {
        if value < self.last {
            self.before += self.last;
        }
        self.last = value;
        self.before + value
    }
}

pub(crate) fn of(torrent: &ActiveTorrent) -> TransferStats {
    let stats = torrent.handle.stats();
    let is_checking = matches!(stats.state, TorrentStatsState::Initializing { .. });
    let (down_bytes_per_sec, up_bytes_per_sec) = speeds(&torrent.handle);
    let live = stats.live.as_ref().map(|live| &live.snapshot);
    let mut totals = torrent.totals();
    let downloaded_bytes = totals.downloaded.observe(live.map_or(0, |live| live.fetched_bytes));
    let uploaded_bytes = totals.uploaded.observe(live.map_or(0, |live| live.uploaded_bytes));
    drop(totals);
    let peers = live.map(|live| &live.peer_stats);
    let connected_peers = peers.map_or(0, |peers| peers.live);
    let connecting_peers = peers.map_or(0, |peers| peers.connecting);
    TransferStats {
        info_hash: torrent.info_hash,
        down_bytes_per_sec,
        up_bytes_per_sec,
        downloaded_bytes,
        uploaded_bytes,
        have_bytes: if is_checking { 0 } else { stats.file_progress.iter().sum() },
        connected_peers,
        known_peers: connected_peers + connecting_peers + peers.map_or(0, |peers| peers.queued),
        connected_seeders: peers.map_or(0, |peers| peers.live_seeders),
        connecting_peers,
    }
}

fn speeds(handle: &ManagedTorrent) -> (u64, u64) {
    handle.live().map_or((0, 0), |live| (live.down_speed_estimator().bps(), live.up_speed_estimator().bps()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_counter_goes_on_when_the_session_starts_anew() {
        let mut counter = Counter::default();

        let seen: Vec<u64> = [10, 25, 0, 5, 7].into_iter().map(|value| counter.observe(value)).collect();

        assert_eq!(seen, [10, 25, 25, 30, 32]);
    }
}
