//! Finds peers for one active torrent, and tells its trackers how far it is.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use freshet_swarm::discover::{self, Discovery, Search, SearchSpec, Source, Totals, TrackerStatus};
use freshet_swarm::{PeerSource, TorrentStats};
use tokio::sync::watch;
use tokio::time::Instant;
use url::Url;

use crate::active::ActiveTorrent;

/// How long trackers may take to hear that we leave.
const STOP_TIMEOUT: Duration = Duration::from_secs(3);

/// Begins when somebody opens a file, and runs until the torrent ends its search, or ends itself. Rests while the torrent
/// has left the swarm because it gave enough: its trackers hear that it stops, and later that it starts.
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
    loop {
        tokio::select! {
            () = active.end_search.cancelled() => return,
            offered = stats.wait_for(|stats| stats.retired.is_none()) => if offered.is_err() {
                return;
            },
        }
        if search(&discovery, &active, spec.clone()).await == After::End {
            return;
        }
    }
}

/// What follows when a search was stopped.
#[derive(Debug, PartialEq, Eq)]
enum After {
    End,
    /// The torrent has left the swarm, and may come back.
    Rest,
}

async fn search(discovery: &Discovery, active: &ActiveTorrent, spec: SearchSpec) -> After {
    let mut stats = active.torrent.stats();
    let total_bytes = active.torrent.spec().layout.total_bytes();
    let (totals, watched) = watch::channel(totals(&stats.borrow(), total_bytes));
    let mut was_complete = totals.borrow().left_bytes == 0;
    let mut search = discovery.search(spec, watched);
    active.trackers.follow(&search);
    let after = loop {
        tokio::select! {
            () = active.end_search.cancelled() => break After::End,
            found = search.recv() => {
                let Some(found) = found else { break After::End };
                active.torrent.add_peers(vec![found.address], source(found.from)).await;
            }
            changed = stats.changed() => {
                if changed.is_err() {
                    break After::End;
                }
                let seen = Arc::clone(&stats.borrow_and_update());
                let now = self::totals(&seen, total_bytes);
                if now.left_bytes == 0 && !was_complete {
                    was_complete = true;
                    search.completed();
                }
                totals.send_replace(now);
                if seen.retired.is_some() {
                    break After::Rest;
                }
                // Who has everything needs nobody, however alone.
                if now.left_bytes > 0 {
                    ask_again_if_lonely(active, &search);
                }
            }
        }
    };
    search.stop(Instant::now() + STOP_TIMEOUT).await;
    after
}

/// How the trackers of one search stand.
#[derive(Debug, Default)]
pub(crate) struct Trackers(Mutex<Option<watch::Receiver<Vec<TrackerStatus>>>>);

impl Trackers {
    pub(crate) fn follow(&self, search: &Search) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(search.status());
    }

    /// Why none of them names anybody, in the words of one.
    pub(crate) fn refusal(&self) -> Option<String> {
        let status = self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()?;
        let trackers = status.borrow();
        discover::refusal(&trackers).map(str::to_owned)
    }
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
