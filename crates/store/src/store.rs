//! [`Store`]: the face of the crate.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use arc_swap::ArcSwap;
use freshet_model::{
    Access, AccessChange, DeviceId, FileIndex, Foretold, InfoHash, Revision, Settings, SettingsPatch,
    TorrentMarks, TorrentRecord,
};
use rusqlite::Connection;
use tokio::sync::{broadcast, mpsc, oneshot, watch};

use crate::cache::{self, CacheReader};
use crate::error::{ChangeAccessError, CloseError, OpenError, ReadError, UpdateSettingsError, WriteError};
use crate::events::{self, StoreEvent, StoreEvents};
use crate::foretold::{Foretell, Foretelling, RemoveForetoldMarks};
use crate::library::{AddTorrent, Added, ChangeTorrent, RemoveIfTemporary, RemoveTorrent, TorrentChange};
use crate::listing::{self, ListPage, ListQuery};
use crate::open::{self, OpenReport, StoreOptions};
use crate::owner::{Outlets, Owner, QUEUE_LENGTH, StoreState};
use crate::preferences::{ChangeAccess, UpdateSettings};
use crate::readers::Readers;
use crate::request::{Operation, Pending, Request};
use crate::tables::{access, foretold, marks, meta, settings, torrents};
use crate::viewed::{ChangeMark, MarkChange, RemoveMarks};

/// A handle to the store; cheap to clone.
///
/// Every change is durable once its future has given `Ok`, and is made all the same if the future is dropped after it was
/// first polled to a pending state. When the last handle is dropped the store closes by itself, but only
/// [`Store::close`] waits until it has.
#[derive(Debug, Clone)]
pub struct Store(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    requests: mpsc::Sender<Request>,
    cache: CacheReader,
    is_running: Arc<AtomicBool>,
    settings: Arc<ArcSwap<Settings>>,
    settings_watch: watch::Receiver<Arc<Settings>>,
    access: watch::Receiver<Arc<Access>>,
    applied: watch::Receiver<Revision>,
    events: broadcast::WeakSender<StoreEvent>,
    state: watch::Receiver<StoreState>,
    readers: Readers,
}

/// Everything, as it was between two changes.
#[derive(Debug, Clone, PartialEq)]
pub struct StoreSnapshot<T = Arc<TorrentRecord>> {
    /// Changes up to this one are in it, and no later ones.
    pub revision: Revision,
    /// Newest first.
    pub torrents: Vec<T>,
    /// Only torrents that have marks; in the order of their info hashes.
    pub marks: Vec<TorrentMarks>,
    pub settings: Settings,
    pub access: Access,
}

impl Store {
    /// Opens the database and starts its owner thread. Blocks: it checks the whole file, and may migrate or restore it.
    ///
    /// # Errors
    /// [`OpenError`]; a newer or locked database is left exactly as it was.
    pub fn open(options: StoreOptions) -> Result<(Self, OpenReport), OpenError> {
        let (opened, report) = open::open(&options)?;
        #[cfg(test)]
        let hooks = options.hooks.clone();
        #[cfg(not(test))]
        let hooks = crate::hooks::Hooks;

        let settings = Arc::new(opened.settings);
        let (cache, cache_writer) = cache::cache(options.cache_bytes);
        let (requests, queue) = mpsc::channel(QUEUE_LENGTH);
        let (settings_sender, settings_watch) = watch::channel(Arc::clone(&settings));
        let (access_sender, access) = watch::channel(Arc::new(opened.access));
        let (applied_sender, applied) = watch::channel(opened.revision);
        let (events_sender, _) = broadcast::channel(events::KEPT_EVENTS);
        let (state_sender, state) = watch::channel(StoreState::Running);
        let is_running = Arc::new(AtomicBool::new(true));
        let settings = Arc::new(ArcSwap::new(settings));
        let events = events_sender.downgrade();
        let owner = Owner {
            path: options.path.clone(),
            conn: opened.conn,
            identity: opened.identity,
            queue,
            cache: cache_writer,
            outlets: Outlets {
                is_running: Arc::clone(&is_running),
                settings: Arc::clone(&settings),
                settings_watch: settings_sender,
                access: access_sender,
                applied: applied_sender,
                events: events_sender,
            },
            last_revision: opened.revision,
            now_ms: options.now_ms,
            backup_every: options.backup_every,
            next_backup_at_secs: opened.next_backup_at_secs,
            backup_thread: None,
            hooks,
        };
        owner
            .spawn(opened.lock, state_sender)
            .map_err(|error| OpenError::Failed { path: options.path.clone(), reason: error.to_string() })?;
        let readers = Readers::new(options.path);
        let inner = Inner {
            requests,
            cache,
            is_running,
            settings,
            settings_watch,
            access,
            applied,
            events,
            state,
            readers,
        };
        Ok((Self(Arc::new(inner)), report))
    }

    /// All changes from now on, in the order of their commits.
    ///
    /// To follow the state: take this first, then a [`Store::snapshot`], then skip events up to the snapshot's revision.
    pub fn events(&self) -> StoreEvents {
        let receiver = self.0.events.upgrade().map(|sender| sender.subscribe());
        StoreEvents(receiver.unwrap_or_else(|| broadcast::channel(1).1))
    }

    /// Whether the store works, and a way to learn that it does no more.
    pub fn watch_state(&self) -> watch::Receiver<StoreState> {
        self.0.state.clone()
    }

    /// The settings as last committed. Never waits.
    pub fn settings(&self) -> Arc<Settings> {
        self.0.settings.load_full()
    }

    pub fn watch_settings(&self) -> watch::Receiver<Arc<Settings>> {
        self.0.settings_watch.clone()
    }

    /// Changes what the patch names; the rest stays, whoever else changes settings at the same time.
    ///
    /// # Errors
    /// [`UpdateSettingsError::Invalid`] if a value is out of range, else why it could not be stored.
    pub async fn update_settings(&self, patch: SettingsPatch) -> Result<Arc<Settings>, UpdateSettingsError> {
        self.write(UpdateSettings(patch)).await
    }

    /// Who may come in from the network, as last committed. Never waits.
    pub fn access(&self) -> Arc<Access> {
        Arc::clone(&self.0.access.borrow())
    }

    pub fn watch_access(&self) -> watch::Receiver<Arc<Access>> {
        self.0.access.clone()
    }

    /// Changes who may come in; gives all of it, and the device that was added.
    ///
    /// # Errors
    /// [`ChangeAccessError::Invalid`] if the change makes no sense, else why it could not be stored.
    pub async fn change_access(
        &self,
        change: AccessChange,
    ) -> Result<(Arc<Access>, Option<DeviceId>), ChangeAccessError> {
        self.write(ChangeAccess(change)).await
    }

    /// One torrent, from the cache or the disk.
    ///
    /// # Errors
    /// [`ReadError`]
    pub async fn torrent(&self, info_hash: InfoHash) -> Result<Option<Arc<TorrentRecord>>, ReadError> {
        match self.0.cache.torrent(info_hash) {
            Some(torrent) if self.is_running() => Ok(torrent),
            _ => self.fill(|caller| Request::FillTorrent(info_hash, caller)).await,
        }
    }

    /// All torrents, newest first. Reads the disk: for one torrent use [`Store::torrent`].
    ///
    /// # Errors
    /// [`ReadError`]
    pub async fn torrents(&self) -> Result<Vec<Arc<TorrentRecord>>, ReadError> {
        let torrents = self.read(torrents::read_all).await?;
        Ok(torrents.into_iter().map(Arc::new).collect())
    }

    /// All torrents, newest first, as a list needs them: the metainfo of each is left out (empty where there is one), and
    /// neither read from the disk nor held in memory. With the change up to which they are right: as long as
    /// [`Store::revision`] gives the same, nothing else is in the store.
    ///
    /// # Errors
    /// [`ReadError`]
    pub async fn outlines(&self) -> Result<(Revision, Vec<TorrentRecord>), ReadError> {
        self.read(|conn| Ok((meta::revision(conn)?, torrents::read_outlines(conn)?))).await
    }

    /// The last change that reads see. Never waits.
    pub fn revision(&self) -> Revision {
        *self.0.applied.borrow()
    }

    /// One page of the library, searched and sorted, with the marks of its torrents.
    ///
    /// # Errors
    /// [`ReadError`]
    pub async fn list(&self, query: ListQuery) -> Result<ListPage, ReadError> {
        self.read(move |conn| listing::list(conn, &query)).await
    }

    /// The torrents that a text is found in, best match first, as [`ListQuery::text`] says; at most `limit` of them.
    ///
    /// # Errors
    /// [`ReadError`]
    pub async fn find(&self, text: String, limit: u32) -> Result<Vec<InfoHash>, ReadError> {
        self.read(move |conn| listing::find(conn, &text, limit)).await
    }

    /// Adds a torrent, or fills the blanks of the one that is there: title, category, poster, data, trackers, peers, and the details
    /// as a whole. What is not blank stays, and so do the ids of its files. A temporary one
    /// stays so only if the new one is temporary too.
    ///
    /// # Errors
    /// [`WriteError`]; nothing was changed.
    pub async fn add_torrent(&self, torrent: TorrentRecord) -> Result<Added, WriteError> {
        self.write(AddTorrent(torrent)).await
    }

    /// Changes a torrent of the library, and gives it as it is then; `None` if it is not there.
    ///
    /// # Errors
    /// [`WriteError`]; nothing was changed.
    pub async fn change_torrent(
        &self,
        info_hash: InfoHash,
        change: TorrentChange,
    ) -> Result<Option<Arc<TorrentRecord>>, WriteError> {
        self.write(ChangeTorrent(info_hash, change)).await
    }

    /// Removes a torrent if it is temporary, and says whether it did. Whether it is so is judged together with the removal:
    /// one that was saved in the meantime stays.
    ///
    /// # Errors
    /// [`WriteError`]; nothing was changed.
    pub async fn remove_if_temporary(&self, info_hash: InfoHash) -> Result<bool, WriteError> {
        self.write(RemoveIfTemporary(info_hash)).await
    }

    /// Removes a torrent and says whether it was there. Its marks and positions stay for the day it is added again.
    ///
    /// # Errors
    /// [`WriteError`]; nothing was changed.
    pub async fn remove_torrent(&self, info_hash: InfoHash) -> Result<bool, WriteError> {
        self.write(RemoveTorrent(info_hash)).await
    }

    /// The marks of a torrent, from the cache or the disk; an empty list if there are none.
    ///
    /// # Errors
    /// [`ReadError`]
    pub async fn marks(&self, info_hash: InfoHash) -> Result<Arc<TorrentMarks>, ReadError> {
        match self.0.cache.marks(info_hash) {
            Some(marks) if self.is_running() => Ok(marks),
            _ => self.fill(|caller| Request::FillMarks(info_hash, caller)).await,
        }
    }

    /// The marks of all torrents that have any, also of those that are not in the library.
    ///
    /// # Errors
    /// [`ReadError`]
    pub async fn all_marks(&self) -> Result<Vec<TorrentMarks>, ReadError> {
        self.read(marks::read_all).await
    }

    /// Sets or takes away the viewed mark of a file, and nothing else: the position stays, and no play is counted.
    ///
    /// It is a person's act, so it counts whatever time it has.
    ///
    /// # Errors
    /// [`WriteError`]; nothing was changed.
    pub async fn set_viewed(
        &self,
        info_hash: InfoHash,
        file_index: FileIndex,
        viewed: bool,
        at_ms: u64,
    ) -> Result<Arc<TorrentMarks>, WriteError> {
        self.write(ChangeMark { info_hash, file_index, at_ms, change: MarkChange::Viewed(viewed) }).await
    }

    /// Counts that a file was played to its end: viewed, one play more, and the next one starts at the beginning.
    ///
    /// # Errors
    /// [`WriteError`]; nothing was changed.
    pub async fn count_play(
        &self,
        info_hash: InfoHash,
        file_index: FileIndex,
        at_ms: u64,
    ) -> Result<Arc<TorrentMarks>, WriteError> {
        self.write(ChangeMark { info_hash, file_index, at_ms, change: MarkChange::Played }).await
    }

    /// Stores where somebody is in a file. A report that is older than what is known is ignored, and so is a position that is
    /// no time (negative or not finite).
    ///
    /// It is a change like any other, on the disk when it is acknowledged: a position held back for later would be lost with
    /// a crash after its caller was told that it is safe. Players report every few seconds
    /// ([`freshet_model::rules::SAVE_POSITION_EVERY`]), and reports that come together share a commit.
    ///
    /// # Errors
    /// [`WriteError`]; nothing was changed.
    pub async fn put_position(
        &self,
        info_hash: InfoHash,
        file_index: FileIndex,
        position_secs: f64,
        duration_secs: Option<f64>,
        at_ms: u64,
    ) -> Result<Arc<TorrentMarks>, WriteError> {
        let change = MarkChange::Position { position_secs, duration_secs };
        self.write(ChangeMark { info_hash, file_index, at_ms, change }).await
    }

    /// Forgets the mark and position of one file, or of all files of a torrent; gives what is left.
    ///
    /// # Errors
    /// [`WriteError`]; nothing was changed.
    pub async fn remove_marks(
        &self,
        info_hash: InfoHash,
        file_index: Option<FileIndex>,
    ) -> Result<Arc<TorrentMarks>, WriteError> {
        self.write(RemoveMarks(info_hash, file_index)).await
    }

    /// Takes note of what was said of files by TorrServer's ids. Where the details are here, marks are put at once; else ids and
    /// marks wait for them, also for a torrent that is not in the library.
    ///
    /// # Errors
    /// [`WriteError`]; nothing was changed.
    pub async fn foretell(&self, foretold: Foretold) -> Result<Foretelling, WriteError> {
        self.write(Foretell(foretold)).await
    }

    /// Forgets the marks of one id, or of all, that wait for the details of a torrent.
    ///
    /// # Errors
    /// [`WriteError`]; nothing was changed.
    pub async fn remove_foretold_marks(
        &self,
        info_hash: InfoHash,
        id: Option<u32>,
    ) -> Result<(), WriteError> {
        self.write(RemoveForetoldMarks(info_hash, id)).await
    }

    /// What is known of the files of a torrent by TorrServer's ids alone. Reads the disk.
    ///
    /// # Errors
    /// [`ReadError`]
    pub async fn foretold(&self, info_hash: InfoHash) -> Result<Option<Foretold>, ReadError> {
        self.read(move |conn| foretold::read(conn, info_hash)).await
    }

    /// The same of all torrents of which anything is, in the order of their info hashes. Reads the disk.
    ///
    /// # Errors
    /// [`ReadError`]
    pub async fn all_foretold(&self) -> Result<Vec<Foretold>, ReadError> {
        self.read(foretold::read_all).await
    }

    /// Everything at one point in the order of changes.
    ///
    /// # Errors
    /// [`ReadError`]
    pub async fn snapshot(&self) -> Result<StoreSnapshot, ReadError> {
        self.snapshot_of(|torrent, _| Arc::new(torrent)).await
    }

    /// The same, with what `shape` makes of each torrent and its marks in the torrent's place.
    ///
    /// Only one torrent is in memory at a time: the metainfo of a large library is hundreds of megabytes. `shape` runs on a
    /// thread for reading, and must not wait for anything.
    ///
    /// # Errors
    /// [`ReadError`]
    pub async fn snapshot_of<T: Send + 'static>(
        &self,
        shape: impl Fn(TorrentRecord, Option<&TorrentMarks>) -> T + Send + 'static,
    ) -> Result<StoreSnapshot<T>, ReadError> {
        self.read(move |conn| {
            let marks = marks::read_all(conn)?;
            let marks_of = |info_hash: InfoHash| {
                let at = marks.binary_search_by_key(&info_hash, |marks| marks.info_hash);
                at.ok().map(|at| &marks[at])
            };
            let shaped = torrents::shape_all(conn, |torrent| {
                let marks = marks_of(torrent.info_hash);
                shape(torrent, marks)
            })?;
            Ok(StoreSnapshot {
                revision: meta::revision(conn)?,
                torrents: shaped,
                settings: settings::read(conn)?.settings,
                access: access::read(conn)?,
                marks,
            })
        })
        .await
    }

    /// Makes the changes that wait, folds the log into the database, ends the owner thread and frees the folder.
    ///
    /// Later calls on any handle give `Closed`. Closing twice is fine; both wait for the end.
    ///
    /// # Errors
    /// [`CloseError::Fatal`] if the owner thread had ended by a fault.
    pub async fn close(&self) -> Result<(), CloseError> {
        // Readers first: the log can't be folded in while one of them looks at it.
        self.0.readers.close().await;
        // An error means that the queue is closed already.
        let _ = self.0.requests.send(Request::Close).await;
        match self.end().await {
            StoreState::Fatal(reason) => Err(CloseError::Fatal(reason)),
            StoreState::Closed | StoreState::Running => Ok(()),
        }
    }

    /// How many reads on the connections beside the owner have been finished.
    #[cfg(test)]
    pub(crate) fn finished_reads(&self) -> usize {
        self.0.readers.finished()
    }

    /// Places in the queue.
    #[cfg(test)]
    pub(crate) fn free_places(&self) -> usize {
        self.0.requests.capacity()
    }

    fn is_running(&self) -> bool {
        self.0.is_running.load(Ordering::Acquire)
    }

    /// Waits until the owner thread has ended, and says how.
    async fn end(&self) -> StoreState {
        let mut state = self.0.state.clone();
        let end = state.wait_for(|state| *state != StoreState::Running).await;
        end.map_or(StoreState::Closed, |state| state.clone())
    }

    async fn read_end(&self) -> ReadError {
        match self.end().await {
            StoreState::Fatal(reason) => ReadError::Fatal(reason),
            StoreState::Closed | StoreState::Running => ReadError::Closed,
        }
    }

    pub(crate) async fn write<O: Operation>(&self, operation: O) -> Result<O::Output, O::Error> {
        let (caller, reply) = oneshot::channel();
        let request = Request::Write(Box::new(Pending::new(operation, caller)));
        if self.0.requests.send(request).await.is_ok()
            && let Ok(result) = reply.await
        {
            return result;
        }
        Err(O::Error::from(match self.end().await {
            StoreState::Fatal(reason) => WriteError::Fatal(reason),
            StoreState::Closed | StoreState::Running => WriteError::Closed,
        }))
    }

    async fn fill<T>(
        &self,
        request: impl FnOnce(oneshot::Sender<Result<T, ReadError>>) -> Request,
    ) -> Result<T, ReadError> {
        let (caller, reply) = oneshot::channel();
        if self.0.requests.send(request(caller)).await.is_ok()
            && let Ok(result) = reply.await
        {
            return result;
        }
        Err(self.read_end().await)
    }

    /// Reads beside the owner, from one committed state.
    ///
    /// That state may be one that the owner has committed and not yet put into the cache. The result waits for the cache, so
    /// that nobody who has seen a value in a list finds an older one by asking for it.
    pub(crate) async fn read<T: Send + 'static>(
        &self,
        read: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, ReadError> {
        if !self.is_running() {
            return Err(self.read_end().await);
        }
        let (revision, value) = self.0.readers.run(|conn| Ok((meta::revision(conn)?, read(conn)?))).await?;
        let mut applied = self.0.applied.clone();
        if applied.wait_for(|applied| *applied >= revision).await.is_err() {
            return Err(self.read_end().await);
        }
        Ok(value)
    }
}
