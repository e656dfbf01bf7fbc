//! Finds peers for one active torrent, and tells its trackers how far it is.

use std::sync::Arc;
use std::time::Duration;

use freshet_swarm::discover::{Discovery, Search, SearchSpec, Source, Totals};
use freshet_swarm::{PeerSource, TorrentStats};
use tokio::sync::watch;
use tokio::time::Instant;
use url::Url;

use crate::active::ActiveTorrent;

/// How long trackers may take to hear that we leave.
const STOP_TIMEOUT: Duration = Duration::from_secs(3);

/// Begins when somebody opens a file, and runs until the torrent ends its search, or ends itself.
pub(crate) async fn run(
    discovery: Discovery,
    active: Arc<ActiveTorrent>,
    trackers: Vec<Url>,
    is_private: bool,
) {
    tokio::select! {
        () = active.end_search.cancelled() => return,
        () = active.in_use.cancelled() => {}
    }
    let spec = SearchSpec {
        info_hash: active.info_hash,
        // A torrent's own file says which belong together; what is kept of it is a list.
        trackers: trackers.into_iter().map(|tracker| vec![tracker]).collect(),
        is_private,
        extra_trackers: Vec::new(),
    };
    let mut stats = active.torrent.stats();
    let total_bytes = active.torrent.spec().layout.total_bytes();
    let (totals, watched) = watch::channel(totals(&stats.borrow(), total_bytes));
    let mut was_complete = totals.borrow().left_bytes == 0;
    let mut search = discovery.search(spec, watched);
    loop {
        tokio::select! {
            () = active.end_search.cancelled() => break,
            found = search.recv() => {
                let Some(found) = found else { break };
                active.torrent.add_peers(vec![found.address], source(found.from)).await;
            }
            changed = stats.changed() => {
                if changed.is_err() {
                    break;
                }
                let now = self::totals(&stats.borrow_and_update(), total_bytes);
                if now.left_bytes == 0 && !was_complete {
                    was_complete = true;
                    search.completed();
                }
                totals.send_replace(now);
                ask_again_if_lonely(&active, &search);
            }
        }
    }
    search.stop(Instant::now() + STOP_TIMEOUT).await;
}

/// Somebody reads, and nobody is there to send.
fn ask_again_if_lonely(active: &ActiveTorrent, search: &Search) {
    let is_lonely = {
        let stats = active.torrent.stats();
        let stats = stats.borrow();
        stats.connected_peers == 0 && stats.connecting_peers == 0
    };
    if is_lonely && active.has_readers() {
        search.announce_now();
    }
}

fn totals(stats: &TorrentStats, total_bytes: u64) -> Totals {
    Totals {
        uploaded_bytes: stats.uploaded_bytes,
        downloaded_bytes: stats.downloaded_bytes,
        left_bytes: total_bytes.saturating_sub(stats.have_bytes),
    }
}

fn source(source: Source) -> PeerSource {
    match source {
        Source::Tracker(_) => PeerSource::Tracker,
        Source::Dht => PeerSource::Dht,
        Source::Lsd => PeerSource::Lsd,
        Source::Pex => PeerSource::Pex,
    }
}
