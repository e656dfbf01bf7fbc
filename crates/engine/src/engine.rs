//! The facade: one engine per process, cheap to clone.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use freshet_model::{FileIndex, InfoHash, TransferStats};
use freshet_swarm::Swarm;
use freshet_swarm::discover::Discovery;
use freshet_swarm::schedule::Class;
use freshet_web::{RangeClient, Route, WebClient};
use tokio::sync::{Notify, Semaphore, broadcast, watch};
use url::Url;

use crate::active::{ActiveTorrent, Purpose};
use crate::good_peers::GoodPeers;
use crate::phase::Phase;
use crate::resolve::{Resolving, Warm};
use crate::route::Wishes;
use crate::tasks::Tasks;
use crate::transfers::{Line, Ways};
use crate::turns::Turns;
use crate::{EngineConfig, EngineStatus, FileReader, OpenFileError, StartError, route, start, supervisor};

/// Somebody who follows the torrents that were closed can be so many behind before one is missed.
const KEPT_IDLE_NEWS: usize = 256;

/// Torrents of this process. All clones are the same engine; when the last one is dropped, transfers end, but only
/// [`Engine::shutdown`] waits for that.
#[derive(Clone)]
pub struct Engine {
    pub(crate) inner: Arc<Inner>,
}

/// What is needed to take part in a torrent.
#[derive(Debug, Clone)]
pub struct TorrentSpec {
    pub info_hash: InfoHash,
    /// The checked `.torrent` file without trackers ([`crate::Resolved::torrent_file`]); it is checked once more. Its web seeds
    /// are asked, where the address policy allows.
    pub torrent_file: Arc<[u8]>,
    /// Those whose host the address policy allows are asked.
    pub trackers: Vec<Url>,
    /// Peers that are known already; those that the address policy allows are asked.
    pub peers: Vec<SocketAddr>,
    /// Whether the person keeps it; see [`Engine::set_pinned`].
    pub is_pinned: bool,
}

pub(crate) struct Inner {
    pub(crate) config: EngineConfig,
    status: Mutex<EngineStatus>,
    pub(crate) swarm: Swarm,
    pub(crate) discovery: Discovery,
    pub(crate) web: WebClient,
    /// For web seeds.
    pub(crate) ranges: RangeClient,
    pub(crate) tasks: Tasks,
    pub(crate) turns: Arc<Turns>,
    torrents: Mutex<HashMap<InfoHash, Arc<ActiveTorrent>>>,
    pub(crate) resolving: Resolving,
    pub(crate) warm: Warm,
    is_paused: AtomicBool,
    idle_timeout: Mutex<Duration>,
    ways: Mutex<Ways>,
    pub(crate) line: Mutex<Line>,
    pub(crate) wishes: Wishes,
    pub(crate) missing_interface: watch::Sender<Option<String>>,
    pub(crate) good_peers: GoodPeers,
    idle_closed: broadcast::Sender<InfoHash>,
    readers: Arc<Semaphore>,
    pub(crate) stats: watch::Sender<Arc<Vec<TransferStats>>>,
    /// Tells the supervisor that something was opened or removed.
    pub(crate) changed: Arc<Notify>,
}

impl Engine {
    /// Starts the engine: creates the folder for pieces, opens the port for peers, starts the DHT.
    ///
    /// A taken port or a DHT that does not start is no error but a state, see [`Engine::status`]. Needs a multi-thread
    /// runtime.
    ///
    /// # Errors
    /// [`StartError`], if the folder can't be used or nothing can be transferred at all.
    pub async fn start(config: EngineConfig) -> Result<Self, StartError> {
        freshet_swarm::pieces::create_pieces_dir(&config.pieces_dir).map_err(StartError::PiecesDir)?;
        let web = WebClient::new(config.addresses)?;
        let ranges = web.ranges()?;
        let route = route::of(&config.transfers, &Route::default())
            .await
            .map_err(|error| StartError::Transfers(error.to_string()))?;
        config.routed_too.iter().chain([&web]).try_for_each(|web| web.set_route(&route))?;
        ranges.set_route(&route)?;
        let start::Started { swarm, discovery, status } = start::start(&config, &web, &route).await?;
        let tasks = Tasks::default();
        let changed = Arc::new(Notify::new());
        let idle_timeout = config.limits.idle_timeout;
        let ways = Ways::of(&config, &config.transfers);
        let line = Line::of(&config.transfers);
        let transfers = config.transfers.clone();
        let (wishes, wished) = route::wishes();
        let inner = Arc::new(Inner {
            readers: Arc::new(Semaphore::new(config.limits.max_readers)),
            config,
            status: Mutex::new(status),
            swarm,
            discovery,
            web,
            ranges,
            tasks,
            turns: Arc::default(),
            torrents: Mutex::default(),
            resolving: Resolving::default(),
            warm: Warm::default(),
            is_paused: AtomicBool::new(false),
            idle_timeout: Mutex::new(idle_timeout),
            ways: Mutex::new(ways),
            line: Mutex::new(line),
            wishes,
            missing_interface: watch::Sender::new(route::missing(&route)),
            good_peers: GoodPeers::default(),
            idle_closed: broadcast::Sender::new(KEPT_IDLE_NEWS),
            stats: watch::Sender::new(Arc::default()),
            changed: Arc::clone(&changed),
        });
        let supervisor = supervisor::run(Arc::downgrade(&inner), changed);
        drop(inner.tasks.spawn("supervisor".to_owned(), supervisor));
        let keeper = route::run(Arc::downgrade(&inner), wished, transfers, route);
        drop(inner.tasks.spawn("way out".to_owned(), keeper));
        Ok(Self { inner })
    }

    /// What could be had at the start, or at the last change of the settings.
    pub fn status(&self) -> EngineStatus {
        self.inner.status()
    }

    /// Opens a file of an active torrent for watching: it is selected for download until nobody has read it for
    /// [`crate::EngineLimits::selection_linger`].
    ///
    /// Does not wait for any transfer.
    ///
    /// # Errors
    /// [`OpenFileError`].
    pub async fn open_file(&self, info_hash: InfoHash, file: FileIndex) -> Result<FileReader, OpenFileError> {
        self.open(info_hash, file, Purpose::Watch).await
    }

    /// As [`Engine::open_file`], for another device, or a program that copies: of what both need, whoever opened it with
    /// [`Engine::open_file`] gets it first.
    ///
    /// # Errors
    /// [`OpenFileError`].
    pub async fn open_for_device(
        &self,
        info_hash: InfoHash,
        file: FileIndex,
    ) -> Result<FileReader, OpenFileError> {
        self.open(info_hash, file, Purpose::Cast).await
    }

    /// As [`Engine::open_file`], but only what is read is downloaded, with some read-ahead: for looking into a file.
    ///
    /// # Errors
    /// [`OpenFileError`].
    pub async fn peek_file(&self, info_hash: InfoHash, file: FileIndex) -> Result<FileReader, OpenFileError> {
        self.open(info_hash, file, Purpose::Look).await
    }

    /// As [`Engine::peek_file`], for subtitles of a film that is being watched: only the film itself comes first.
    ///
    /// # Errors
    /// [`OpenFileError`].
    pub async fn open_subtitles(
        &self,
        info_hash: InfoHash,
        file: FileIndex,
    ) -> Result<FileReader, OpenFileError> {
        self.open(info_hash, file, Purpose::Subtitles).await
    }

    /// As [`Engine::open_file`], but nothing is fetched for it: a read of bytes that are not here fails with
    /// [`crate::ReadError::NotHere`].
    ///
    /// # Errors
    /// [`OpenFileError`].
    pub async fn open_what_is_here(
        &self,
        info_hash: InfoHash,
        file: FileIndex,
    ) -> Result<FileReader, OpenFileError> {
        self.open(info_hash, file, Purpose::WhatIsHere).await
    }

    /// As [`Engine::peek_file`], for the first bytes of what will be watched next: they come after everything that somebody waits
    /// for now. The reader ends with them.
    ///
    /// # Errors
    /// [`OpenFileError`].
    pub async fn open_next(
        &self,
        info_hash: InfoHash,
        file: FileIndex,
        first_bytes: u64,
    ) -> Result<FileReader, OpenFileError> {
        self.open(info_hash, file, Purpose::Next { first_bytes }).await
    }

    async fn open(
        &self,
        info_hash: InfoHash,
        file: FileIndex,
        purpose: Purpose,
    ) -> Result<FileReader, OpenFileError> {
        let inner = &self.inner;
        let limits = &inner.config.limits;
        let torrent = inner.torrent(info_hash).ok_or(OpenFileError::NotActive)?;
        let index = file.as_usize();
        let length_bytes = torrent.layout.file_length(index).ok_or(OpenFileError::NoSuchFile(file))?;
        let slot =
            Arc::clone(&inner.readers).try_acquire_owned().map_err(|_| OpenFileError::TooManyReaders)?;
        let lease = torrent.lease(index, purpose, limits.selection_linger).ok_or(OpenFileError::NotActive)?;
        if let Some(failure) = torrent.failure() {
            return Err(OpenFileError::Failed(failure));
        }
        let bytes = torrent.layout.file_range(index).ok_or(OpenFileError::NoSuchFile(file))?;
        let class = match purpose {
            Purpose::Watch => Class::Player,
            Purpose::Cast => Class::Cast,
            Purpose::Look => Class::Preview,
            Purpose::Subtitles => Class::Subtitles,
            Purpose::Next { first_bytes } => {
                let bytes = bytes.start..bytes.end.min(bytes.start.saturating_add(first_bytes));
                let length_bytes = bytes.end - bytes.start;
                let opening = torrent.torrent.open_reader(bytes, Class::NextEpisode);
                let stream = opening.await.map_err(|_| OpenFileError::NotActive)?;
                return Ok(FileReader::new(
                    stream,
                    &torrent,
                    length_bytes,
                    limits.stall_timeout,
                    lease,
                    slot,
                ));
            }
            Purpose::WhatIsHere => {
                let stream = torrent.torrent.reader_of_what_is_here(bytes);
                return Ok(FileReader::new(
                    stream,
                    &torrent,
                    length_bytes,
                    limits.stall_timeout,
                    lease,
                    slot,
                ));
            }
        };
        if torrent.is_first_use(index)
            && let Some(tail) = torrent.layout.tail(index)
        {
            let task = tail.fetch(Arc::clone(&torrent), bytes.start, class);
            drop(inner.tasks.spawn(format!("end of a file of {info_hash}"), task));
        }
        let stream = torrent.torrent.open_reader(bytes, class).await.map_err(|_| OpenFileError::NotActive)?;
        inner.select_files(&torrent).await;
        Ok(FileReader::new(stream, &torrent, length_bytes, limits.stall_timeout, lease, slot))
    }

    /// What the active torrents do, as it was up to a second ago.
    pub fn stats(&self) -> Arc<Vec<TransferStats>> {
        Arc::clone(&self.inner.stats.borrow())
    }

    /// As [`Engine::stats`], pushed about once a second while a torrent is active.
    pub fn watch_stats(&self) -> watch::Receiver<Arc<Vec<TransferStats>>> {
        self.inner.stats.subscribe()
    }

    /// Whether a torrent takes part in transfers (or is checked for them, or has failed).
    pub fn is_active(&self, info_hash: InfoHash) -> bool {
        self.inner.torrent(info_hash).is_some()
    }

    /// Changes the limits of all transfers together, at once. 0 is no limit.
    pub fn set_limits(&self, download_bytes_per_sec: u64, upload_bytes_per_sec: u64) {
        let limit = |bytes_per_sec: u64| (bytes_per_sec > 0).then_some(bytes_per_sec);
        self.inner.swarm.set_limits(limit(download_bytes_per_sec), limit(upload_bytes_per_sec));
    }

    /// Changes how long a torrent without readers stays active, from now on and also for those that are.
    pub fn set_idle_timeout(&self, timeout: Duration) {
        *self.inner.lock_idle_timeout() = timeout;
        self.inner.changed.notify_one();
    }

    /// Somebody asked after a torrent: it stays active for so long from now, at least. Does nothing for an idle one.
    pub fn keep_active(&self, info_hash: InfoHash, duration: Duration) {
        if let Some(torrent) = self.inner.torrent(info_hash) {
            torrent.keep(duration);
        }
    }

    /// Torrents that were closed because nobody used them, from now on.
    pub fn watch_idle(&self) -> broadcast::Receiver<InfoHash> {
        self.inner.idle_closed.subscribe()
    }

    /// Ends readers and transfers and waits for them, until `deadline` at most; gives the names of what missed it.
    /// Afterwards the engine does nothing any more.
    pub async fn shutdown(&self, deadline: Duration) -> Vec<String> {
        let ends_at = tokio::time::Instant::now() + deadline;
        let torrents = self.inner.all();
        for torrent in &torrents {
            torrent.publish(Phase::Removed);
        }
        let asked = torrents.iter().map(|torrent| self.inner.good_peers.ask(&torrent.torrent));
        // Who does not answer by then is not remembered, and nobody misses that.
        let _ = tokio::time::timeout_at(ends_at, futures::future::join_all(asked)).await;
        drop(torrents);
        let left = ends_at.saturating_duration_since(tokio::time::Instant::now());
        let mut missed = self.inner.tasks.shut_down(left).await;
        self.inner.lock_torrents().clear();
        let left = ends_at.saturating_duration_since(tokio::time::Instant::now());
        let (has_ended, ()) =
            tokio::join!(self.inner.swarm.shutdown(left), self.inner.discovery.shutdown(ends_at));
        if !has_ended {
            missed.push("transfers".to_owned());
        }
        for name in &missed {
            tracing::warn!(name, "did not end in time");
        }
        missed
    }
}

impl Inner {
    pub(crate) fn torrent(&self, info_hash: InfoHash) -> Option<Arc<ActiveTorrent>> {
        self.lock_torrents().get(&info_hash).cloned()
    }

    pub(crate) fn all(&self) -> Vec<Arc<ActiveTorrent>> {
        self.lock_torrents().values().cloned().collect()
    }

    pub(crate) fn insert(&self, torrent: Arc<ActiveTorrent>) {
        self.lock_torrents().insert(torrent.info_hash, torrent);
    }

    pub(crate) fn remove(&self, info_hash: InfoHash) -> Option<Arc<ActiveTorrent>> {
        self.lock_torrents().remove(&info_hash)
    }

    pub(crate) fn idle_timeout(&self) -> Duration {
        *self.lock_idle_timeout()
    }

    /// Tells whoever follows [`Engine::watch_idle`].
    pub(crate) fn tell_idle(&self, info_hash: InfoHash) {
        // Nobody listening is fine.
        let _ = self.idle_closed.send(info_hash);
    }

    fn lock_idle_timeout(&self) -> MutexGuard<'_, Duration> {
        self.idle_timeout.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn status(&self) -> EngineStatus {
        *self.lock_status()
    }

    pub(crate) fn set_status(&self, status: EngineStatus) {
        *self.lock_status() = status;
    }

    fn lock_status(&self) -> MutexGuard<'_, EngineStatus> {
        self.status.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn ways(&self) -> Ways {
        *self.ways.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn set_ways(&self, ways: Ways) {
        *self.ways.lock().unwrap_or_else(PoisonError::into_inner) = ways;
    }

    pub(crate) fn is_paused(&self) -> bool {
        self.is_paused.load(Ordering::Acquire)
    }

    pub(crate) fn set_is_paused(&self, is_paused: bool) {
        self.is_paused.store(is_paused, Ordering::Release);
    }

    fn lock_torrents(&self) -> MutexGuard<'_, HashMap<InfoHash, Arc<ActiveTorrent>>> {
        self.torrents.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl std::fmt::Debug for Engine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Engine").field("status", &self.status()).finish_non_exhaustive()
    }
}
