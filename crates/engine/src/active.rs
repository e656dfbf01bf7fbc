//! One active torrent: who reads it, what is selected, how it stands.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use freshet_model::{InfoHash, TransferStats};
use freshet_swarm::{Bitfield, Torrent};
use tokio::sync::{Notify, watch};
use tokio_util::sync::CancellationToken;

use crate::phase::{Failure, Phase};
use crate::pieces::Layout;
use crate::search::Trackers;
use crate::telemetry;

/// A torrent that takes part in transfers.
pub(crate) struct ActiveTorrent {
    pub(crate) info_hash: InfoHash,
    pub(crate) torrent: Torrent,
    pub(crate) layout: Layout,
    pub(crate) phase: watch::Sender<Phase>,
    /// Ends the search for its peers.
    pub(crate) end_search: CancellationToken,
    /// Somebody opened a file of it: before that, nobody is asked for peers.
    pub(crate) in_use: CancellationToken,
    /// How its trackers stand, while they are asked.
    pub(crate) trackers: Trackers,
    usage: Mutex<Usage>,
    /// Tells the supervisor that a file was opened.
    changed: Arc<Notify>,
}

struct Usage {
    /// Open readers of each file that is read for watching.
    watched: HashMap<usize, usize>,
    /// Files that were watched, and until when they go on downloading.
    lingering: HashMap<usize, Instant>,
    /// All open readers, in the order in which they were opened.
    readers: BTreeMap<u64, OpenReader>,
    next_reader: u64,
    last_used: Instant,
    /// Somebody asked after it, and may come back until then.
    kept_until: Option<Instant>,
    /// What the swarm was told to download.
    selected: BTreeSet<usize>,
    /// Files that were opened since it is active.
    opened: BTreeSet<usize>,
    /// Nobody can open it any more: it is being deactivated.
    is_closing: bool,
}

/// One open reader.
#[derive(Debug)]
pub(crate) struct OpenReader {
    pub(crate) file: usize,
    /// Of the next byte in its file.
    pub(crate) position: Arc<AtomicU64>,
}

/// What a reader is for: only one that watches selects its file for download.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Purpose {
    Watch,
    /// Somewhere else, or to copy it: what is watched here comes first.
    Cast,
    Look,
    /// The first bytes of what comes after it.
    Next {
        first_bytes: u64,
    },
    /// Nothing is fetched for it.
    WhatIsHere,
    /// What is said in the film that somebody watches.
    Subtitles,
}

impl Purpose {
    fn selects_its_file(self) -> bool {
        matches!(self, Self::Watch | Self::Cast)
    }
}

/// As long as this lives, the torrent is in use.
pub(crate) struct Lease {
    torrent: Arc<ActiveTorrent>,
    number: u64,
    position: Arc<AtomicU64>,
    file: usize,
    purpose: Purpose,
    linger: Duration,
}

impl ActiveTorrent {
    pub(crate) fn new(
        info_hash: InfoHash,
        torrent: Torrent,
        layout: Layout,
        phase: Phase,
        changed: Arc<Notify>,
    ) -> Self {
        Self {
            info_hash,
            torrent,
            layout,
            phase: watch::Sender::new(phase),
            end_search: CancellationToken::new(),
            in_use: CancellationToken::new(),
            trackers: Trackers::default(),
            usage: Mutex::new(Usage {
                watched: HashMap::new(),
                lingering: HashMap::new(),
                readers: BTreeMap::new(),
                next_reader: 0,
                last_used: Instant::now(),
                kept_until: None,
                selected: BTreeSet::new(),
                opened: BTreeSet::new(),
                is_closing: false,
            }),
            changed,
        }
    }

    /// Counts a new reader; `None` if the torrent is being deactivated.
    pub(crate) fn lease(self: &Arc<Self>, file: usize, purpose: Purpose, linger: Duration) -> Option<Lease> {
        let mut usage = self.usage();
        if usage.is_closing {
            return None;
        }
        let number = usage.next_reader;
        usage.next_reader += 1;
        let position = Arc::<AtomicU64>::default();
        usage.readers.insert(number, OpenReader { file, position: Arc::clone(&position) });
        if purpose.selects_its_file() {
            *usage.watched.entry(file).or_default() += 1;
            usage.lingering.remove(&file);
        }
        drop(usage);
        self.in_use.cancel();
        self.changed.notify_one();
        Some(Lease { torrent: Arc::clone(self), number, position, file, purpose, linger })
    }

    /// Whether this file was never opened since the torrent is active; from now on it was.
    pub(crate) fn is_first_use(&self, file: usize) -> bool {
        self.usage().opened.insert(file)
    }

    pub(crate) fn has_readers(&self) -> bool {
        !self.usage().readers.is_empty()
    }

    /// What `look` makes of each open reader.
    pub(crate) fn readers<T>(&self, look: impl FnMut(&OpenReader) -> Option<T>) -> Vec<T> {
        self.usage().readers.values().filter_map(look).collect()
    }

    /// Keeps it from being idle for so long from now, at least.
    pub(crate) fn keep(&self, duration: Duration) {
        let until = Instant::now() + duration;
        let mut usage = self.usage();
        usage.kept_until = usage.kept_until.max(Some(until));
    }

    /// Closes the torrent for new readers if nobody has used it since `idle_timeout`, or asked after it.
    pub(crate) fn close_if_idle(&self, idle_timeout: Duration) -> bool {
        let mut usage = self.usage();
        let is_kept = usage.kept_until.is_some_and(|until| until > Instant::now());
        let is_idle = usage.readers.is_empty() && !is_kept && usage.last_used.elapsed() >= idle_timeout;
        if is_idle && !usage.is_closing {
            usage.is_closing = true;
            return true;
        }
        false
    }

    /// The pieces of the files that should be downloading now, if that is not what the swarm was told last.
    pub(crate) fn new_selection(&self) -> Option<Option<Bitfield>> {
        let now = Instant::now();
        let mut usage = self.usage();
        usage.lingering.retain(|_, until| *until > now);
        let wanted: BTreeSet<usize> = usage.watched.keys().chain(usage.lingering.keys()).copied().collect();
        if wanted == usage.selected {
            return None;
        }
        let pieces = (!wanted.is_empty()).then(|| {
            let cut = self.torrent.spec().layout;
            let mut pieces = Bitfield::new(cut.pieces());
            for range in wanted.iter().filter_map(|file| self.layout.file_range(*file)) {
                for piece in cut.pieces_of(range) {
                    pieces.set(freshet_swarm::PieceIndex(piece));
                }
            }
            pieces
        });
        usage.selected = wanted;
        Some(pieces)
    }

    /// Tells the readers at once, unless the torrent has already ended for them.
    pub(crate) fn publish(&self, phase: Phase) {
        self.phase.send_if_modified(|current| {
            let has_ended = matches!(current, Phase::Removed);
            if has_ended || *current == phase {
                return false;
            }
            *current = phase;
            true
        });
    }

    pub(crate) fn is_failed(&self) -> bool {
        matches!(&*self.phase.borrow(), Phase::Failed(_)) || self.failure().is_some()
    }

    /// What stopped the transfer, if something did.
    pub(crate) fn failure(&self) -> Option<Failure> {
        self.torrent.stats().borrow().failure.as_ref().map(Failure::from)
    }

    /// What it does at this moment.
    pub(crate) fn stats(&self) -> TransferStats {
        let stats = Arc::clone(&self.torrent.stats().borrow());
        TransferStats {
            info_hash: self.info_hash,
            down_bytes_per_sec: stats.down_bytes_per_sec,
            up_bytes_per_sec: stats.up_bytes_per_sec,
            downloaded_bytes: stats.downloaded_bytes,
            uploaded_bytes: stats.uploaded_bytes,
            have_bytes: stats.have_bytes,
            connected_peers: stats.connected_peers,
            known_peers: stats.known_peers,
            connected_seeders: stats.connected_seeders,
            connecting_peers: stats.connecting_peers,
            peers: telemetry::peer_counts(&stats),
            counters: telemetry::counters(&stats),
            waiting: stats.waiting.map(telemetry::wait_reason),
            tracker_refusal: self.trackers.refusal(),
        }
    }

    fn usage(&self) -> MutexGuard<'_, Usage> {
        self.usage.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Lease {
    /// Says where its reader stands.
    pub(crate) fn set_position(&self, position: u64) {
        self.position.store(position, Ordering::Relaxed);
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        let mut usage = self.torrent.usage();
        usage.readers.remove(&self.number);
        usage.last_used = Instant::now();
        if self.purpose.selects_its_file()
            && let Some(count) = usage.watched.get_mut(&self.file)
        {
            *count -= 1;
            if *count == 0 {
                usage.watched.remove(&self.file);
                usage.lingering.insert(self.file, Instant::now() + self.linger);
            }
        }
    }
}
