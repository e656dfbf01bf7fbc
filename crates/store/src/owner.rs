//! The owner thread: the only code with the writing connection, and the only code that puts values into the cache.
//!
//! Everything that could make a cached value older than the disk is decided by this one rule: fills and writes are done
//! here, one after the other. A write is: transaction, COMMIT, cache, settings snapshot, events, replies, in this order. So
//! whoever has a reply finds its value, and nobody finds a value that is not on the disk.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use arc_swap::ArcSwap;
use freshet_model::{Access, InfoHash, Revision, Settings, StoreChange, TorrentMarks};
use rusqlite::Connection;
use tokio::sync::{broadcast, mpsc, watch};

use crate::backup;
use crate::cache::{CacheWriter, CachedTorrent};
use crate::error::{ReadError, WriteError};
use crate::events::StoreEvent;
use crate::files::{FolderLock, Identity};
use crate::hooks::{Hooks, Point};
use crate::request::{PendingWrite, Request, Step, Tx};
use crate::tables::{marks, meta, torrents};

/// Requests that may wait; above that, callers wait for a place.
pub(crate) const QUEUE_LENGTH: usize = 256;
/// Requests that share one COMMIT at most.
const BATCH_LENGTH: usize = 64;
/// After a backup that failed, the next one is not tried before.
const BACKUP_RETRY_SECS: u64 = 60 * 60;

/// Whether the store works.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StoreState {
    Running,
    /// Closed in good order; the folder is free for the next one.
    Closed,
    /// The owner thread ended by a fault of ours: nothing works any more, and everything acknowledged is on the disk.
    Fatal(Arc<str>),
}

/// Where the owner tells others how things are.
pub(crate) struct Outlets {
    pub(crate) is_running: Arc<AtomicBool>,
    pub(crate) settings: Arc<ArcSwap<Settings>>,
    pub(crate) settings_watch: watch::Sender<Arc<Settings>>,
    pub(crate) access: watch::Sender<Arc<Access>>,
    pub(crate) applied: watch::Sender<Revision>,
    pub(crate) events: broadcast::Sender<StoreEvent>,
}

pub(crate) struct Owner {
    pub(crate) path: PathBuf,
    pub(crate) conn: Connection,
    pub(crate) identity: Identity,
    pub(crate) queue: mpsc::Receiver<Request>,
    pub(crate) cache: CacheWriter,
    pub(crate) outlets: Outlets,
    pub(crate) last_revision: Revision,
    pub(crate) now_ms: fn() -> u64,
    pub(crate) backup_every: Duration,
    pub(crate) next_backup_at_secs: u64,
    pub(crate) backup_thread: Option<JoinHandle<()>>,
    pub(crate) hooks: Hooks,
}

impl Owner {
    /// Starts the thread. It ends when it is told to close, or when the last handle is gone; `state` says how it ended, and
    /// by then the folder's lock is free.
    ///
    /// # Errors
    /// The system gives no more threads.
    pub(crate) fn spawn(self, lock: FolderLock, state: watch::Sender<StoreState>) -> std::io::Result<()> {
        let is_running = Arc::clone(&self.outlets.is_running);
        thread::Builder::new().name("freshet-store".to_owned()).spawn(move || {
            let end = catch_unwind(AssertUnwindSafe(|| self.run()));
            is_running.store(false, Ordering::Release);
            drop(lock);
            state.send_replace(match end {
                Ok(()) => StoreState::Closed,
                Err(panic) => {
                    let text = panic_text(panic.as_ref());
                    tracing::error!(text, "the owner thread of the store has ended by a fault");
                    StoreState::Fatal(Arc::from(text))
                }
            });
        })?;
        Ok(())
    }

    fn run(mut self) {
        let mut batch = Vec::with_capacity(BATCH_LENGTH);
        while let Some(first) = self.queue.blocking_recv() {
            batch.push(first);
            while batch.len() < BATCH_LENGTH
                && let Ok(next) = self.queue.try_recv()
            {
                batch.push(next);
            }
            self.serve(&mut batch);
        }
        if let Some(backup) = self.backup_thread.take() {
            // Its panic is logged by the thread's own hook, and a backup that failed is not our end.
            let _ = backup.join();
        }
        // What was acknowledged is in the log already; this only spares the next start the work.
        if let Err(error) = self.conn.execute_batch("PRAGMA optimize; PRAGMA wal_checkpoint(TRUNCATE);") {
            tracing::warn!(%error, "the log of the database could not be folded in");
        }
    }

    /// Fills come first: they answer from what is committed, and need not wait for the disk.
    fn serve(&mut self, batch: &mut Vec<Request>) {
        self.hooks.at(Point::BatchTaken);
        let mut writes = Vec::with_capacity(batch.len());
        for request in batch.drain(..) {
            match request {
                // A caller who has gone away needs no reply.
                Request::FillTorrent(info_hash, caller) => drop(caller.send(self.fill_torrent(info_hash))),
                Request::FillMarks(info_hash, caller) => drop(caller.send(self.fill_marks(info_hash))),
                Request::Write(write) => writes.push(write),
                Request::Close => {
                    // What is in the queue is still served; what comes later is refused.
                    self.outlets.is_running.store(false, Ordering::Release);
                    self.queue.close();
                }
            }
        }
        if !writes.is_empty() {
            self.write(writes);
            self.start_backup_if_due();
        }
    }

    fn fill_torrent(&self, info_hash: InfoHash) -> Result<CachedTorrent, ReadError> {
        // Whoever was first in the queue with the same question has filled it.
        if let Some(cached) = self.cache.reader().torrent(info_hash) {
            return Ok(cached);
        }
        let torrent = torrents::read(&self.conn, info_hash)?.map(Arc::new);
        self.hooks.at(Point::Loaded);
        self.cache.put_torrent(info_hash, torrent.clone());
        Ok(torrent)
    }

    fn fill_marks(&self, info_hash: InfoHash) -> Result<Arc<TorrentMarks>, ReadError> {
        if let Some(cached) = self.cache.reader().marks(info_hash) {
            return Ok(cached);
        }
        let marks = Arc::new(marks::read(&self.conn, info_hash)?);
        self.hooks.at(Point::Loaded);
        self.cache.put_marks(Arc::clone(&marks));
        Ok(marks)
    }

    fn write(&mut self, mut writes: Vec<Box<dyn PendingWrite>>) {
        let result = self.transaction(&mut writes).map(|events| self.publish(events));
        if let Err(error) = &result {
            tracing::warn!(%error, requests = writes.len(), "a batch of changes was not made");
        }
        for write in writes {
            write.reply(result.clone());
        }
        self.hooks.at(Point::Replied);
    }

    /// Makes the changes and commits them. After an error the database is as before.
    fn transaction(&mut self, writes: &mut [Box<dyn PendingWrite>]) -> Result<Vec<StoreEvent>, WriteError> {
        self.identity.check().map_err(|text| WriteError::FolderGone(Arc::from(text)))?;
        self.conn.execute_batch("BEGIN IMMEDIATE")?;
        let mut tx = Tx::new(&self.conn, (self.now_ms)(), self.last_revision);
        let made = make_all(writes, &mut tx).and_then(|()| {
            if tx.change_count() > 0 {
                meta::put_revision(&self.conn, tx.last_revision())?;
            }
            self.hooks.fallible_at(Point::BeforeCommit)?;
            self.conn.execute_batch("COMMIT")
        });
        self.last_revision = tx.last_revision();
        let changes = tx.into_changes();
        if let Err(error) = made {
            self.roll_back();
            return Err(error.into());
        }
        self.hooks.at(Point::Committed);
        // The commit may have gone into a file that nobody will ever find again.
        self.identity.check().map_err(|text| WriteError::FolderGone(Arc::from(text)))?;
        Ok(changes)
    }

    fn roll_back(&self) {
        // Some errors have rolled back already.
        if !self.conn.is_autocommit()
            && let Err(error) = self.conn.execute_batch("ROLLBACK")
        {
            tracing::error!(%error, "a transaction could not be rolled back");
        }
    }

    fn publish(&mut self, events: Vec<StoreEvent>) {
        for event in &events {
            match &event.change {
                StoreChange::TorrentPut(torrent) => {
                    self.cache.put_torrent(torrent.info_hash, Some(Arc::clone(torrent)));
                }
                StoreChange::TorrentRemoved(info_hash) => self.cache.put_torrent(*info_hash, None),
                StoreChange::Marks(marks) => self.cache.put_marks(Arc::clone(marks)),
                StoreChange::Settings(settings) => {
                    self.outlets.settings.store(Arc::clone(settings));
                    self.outlets.settings_watch.send_replace(Arc::clone(settings));
                }
                StoreChange::Access(access) => {
                    self.outlets.access.send_replace(Arc::clone(access));
                }
            }
        }
        self.hooks.at(Point::Cached);
        self.outlets.applied.send_replace(self.last_revision);
        for event in events {
            // Nobody listening is fine.
            let _ = self.outlets.events.send(event);
        }
        self.hooks.at(Point::Told);
    }

    /// Beside the writing, in a thread of its own: a large library takes seconds to copy.
    fn start_backup_if_due(&mut self) {
        let now_secs = (self.now_ms)() / 1000;
        if now_secs < self.next_backup_at_secs {
            return;
        }
        match &self.backup_thread {
            Some(running) if !running.is_finished() => return,
            _ => {}
        }
        self.next_backup_at_secs = now_secs + self.backup_every.as_secs().max(1);
        let path = self.path.clone();
        let spawned = thread::Builder::new().name("freshet-backup".to_owned()).spawn(move || {
            if let Err(error) = backup::make(&path, now_secs) {
                tracing::warn!(%error, "no backup of the database was made");
            }
        });
        match spawned {
            Ok(thread) => self.backup_thread = Some(thread),
            Err(error) => {
                self.next_backup_at_secs = now_secs + BACKUP_RETRY_SECS;
                tracing::warn!(%error, "no backup of the database was made");
            }
        }
    }
}

/// Each change in a savepoint of its own, so that one that fails takes nothing else with it.
fn make_all(writes: &mut [Box<dyn PendingWrite>], tx: &mut Tx<'_>) -> rusqlite::Result<()> {
    for write in writes {
        let changes_before = tx.change_count();
        tx.conn.prepare_cached("SAVEPOINT request")?.execute([])?;
        if write.apply(tx) == Step::Failed {
            tx.forget_after(changes_before);
            // If the failure has rolled back everything, this fails too, and with it the whole batch.
            tx.conn.prepare_cached("ROLLBACK TO request")?.execute([])?;
        }
        tx.conn.prepare_cached("RELEASE request")?.execute([])?;
    }
    Ok(())
}

fn panic_text(panic: &(dyn std::any::Any + Send)) -> String {
    panic
        .downcast_ref::<&str>()
        .map(|text| (*text).to_owned())
        .or_else(|| panic.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "panic without a text".to_owned())
}
