//! One active torrent: who reads it, what is selected, how it stands.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use freshet_model::InfoHash;
use librqbit::ManagedTorrent;
use tokio::sync::{Notify, watch};

use crate::announce::Route;
use crate::keeper::Keeper;
use crate::phase::Phase;
use crate::stats::Totals;

/// A torrent that the session holds.
pub(crate) struct ActiveTorrent {
    pub(crate) info_hash: InfoHash,
    pub(crate) handle: Arc<ManagedTorrent>,
    /// Lengths of its files, by index.
    pub(crate) file_lengths: Vec<u64>,
    /// Its HTTP trackers, reachable as long as it is active.
    _routes: Vec<Route>,
    pub(crate) phase: watch::Sender<Phase>,
    pub(crate) keeper: Keeper,
    usage: Mutex<Usage>,
    totals: Mutex<Totals>,
    /// Tells the supervisor that a file was opened.
    changed: Arc<Notify>,
}

struct Usage {
    /// Open readers of each file that is read for watching.
    watched: HashMap<usize, usize>,
    /// Files that were watched, and until when they go on downloading.
    lingering: HashMap<usize, Instant>,
    /// All open readers.
    readers: usize,
    last_used: Instant,
    /// What the session was told to download.
    selected: BTreeSet<usize>,
    /// Whether transfers were started: not before somebody reads, so that the first peers find work at once.
    is_started: bool,
    /// Nobody can open it any more: it is being deactivated.
    is_closing: bool,
}

/// Whether a reader selects its file for download, or only looks into it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Purpose {
    Watch,
    Look,
}

/// As long as this lives, the torrent is in use.
pub(crate) struct Lease {
    torrent: Arc<ActiveTorrent>,
    file: usize,
    purpose: Purpose,
    linger: Duration,
}

impl ActiveTorrent {
    pub(crate) fn new(
        info_hash: InfoHash,
        handle: Arc<ManagedTorrent>,
        file_lengths: Vec<u64>,
        routes: Vec<Route>,
        phase: Phase,
        changed: Arc<Notify>,
    ) -> Self {
        Self {
            info_hash,
            handle,
            file_lengths,
            _routes: routes,
            phase: watch::Sender::new(phase),
            keeper: Keeper::new(),
            usage: Mutex::new(Usage {
                watched: HashMap::new(),
                lingering: HashMap::new(),
                readers: 0,
                last_used: Instant::now(),
                selected: BTreeSet::new(),
                is_started: false,
                is_closing: false,
            }),
            totals: Mutex::default(),
            changed,
        }
    }

    /// Counts a new reader; `None` if the torrent is being deactivated.
    pub(crate) fn lease(self: &Arc<Self>, file: usize, purpose: Purpose, linger: Duration) -> Option<Lease> {
        let mut usage = self.usage();
        if usage.is_closing {
            return None;
        }
        usage.readers += 1;
        if purpose == Purpose::Watch {
            *usage.watched.entry(file).or_default() += 1;
            usage.lingering.remove(&file);
        }
        drop(usage);
        self.keeper.begin();
        self.changed.notify_one();
        Some(Lease { torrent: Arc::clone(self), file, purpose, linger })
    }

    pub(crate) fn has_readers(&self) -> bool {
        self.usage().readers > 0
    }

    /// Closes the torrent for new readers if nobody has used it since `idle_timeout`.
    pub(crate) fn close_if_idle(&self, idle_timeout: Duration) -> bool {
        let mut usage = self.usage();
        let is_idle = usage.readers == 0 && usage.last_used.elapsed() >= idle_timeout;
        if is_idle && !usage.is_closing {
            usage.is_closing = true;
            return true;
        }
        false
    }

    /// The files that should be downloading now, if that is not what the session was told last.
    pub(crate) fn new_selection(&self) -> Option<BTreeSet<usize>> {
        let now = Instant::now();
        let mut usage = self.usage();
        usage.lingering.retain(|_, until| *until > now);
        let wanted: BTreeSet<usize> = usage.watched.keys().chain(usage.lingering.keys()).copied().collect();
        (wanted != usage.selected).then_some(wanted)
    }

    pub(crate) fn set_selected(&self, selected: BTreeSet<usize>) {
        self.usage().selected = selected;
    }

    pub(crate) fn is_started(&self) -> bool {
        self.usage().is_started
    }

    pub(crate) fn set_started(&self) {
        self.usage().is_started = true;
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
        matches!(&*self.phase.borrow(), Phase::Failed(_))
    }

    pub(crate) fn totals(&self) -> MutexGuard<'_, Totals> {
        self.totals.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn usage(&self) -> MutexGuard<'_, Usage> {
        self.usage.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        let mut usage = self.torrent.usage();
        usage.readers -= 1;
        usage.last_used = Instant::now();
        if self.purpose == Purpose::Watch
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
