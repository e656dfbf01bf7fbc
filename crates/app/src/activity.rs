//! How long a torrent stays open, and what leaves the library when it is closed.
//!
//! A client may want a torrent for the moment only. Such a torrent is stored like any other, so that everything works with it,
//! but it leaves when nobody has used it for the idle time, and at the next start at the latest.

use std::collections::{HashMap, HashSet};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use freshet_model::{InfoHash, TorrentRecord, TorrentState, WireError};
use freshet_store::TorrentChange;
use tokio::sync::broadcast::error::RecvError;
use tracing::{info, warn};

use crate::App;
use crate::error::Coded as _;

/// A question after a torrent keeps it open for so long at most.
const LONGEST_STAY: Duration = Duration::from_secs(60);
/// How often is looked for temporary torrents whose time has come.
const SWEEP_INTERVAL: Duration = Duration::from_secs(1);

/// What is known of the use of torrents beside the engine.
#[derive(Debug, Default)]
pub(crate) struct Activity(Mutex<Table>);

#[derive(Debug, Default)]
struct Table {
    /// Temporary torrents, and when somebody last asked after them.
    temporary: HashMap<InfoHash, Instant>,
    /// Torrents that are being opened because somebody asked after them.
    waking: HashSet<InfoHash>,
}

impl Activity {
    fn table(&self) -> std::sync::MutexGuard<'_, Table> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Follows a torrent that is temporary now, and forgets one that is so no more.
    pub(crate) fn note_added(&self, record: &TorrentRecord) {
        let mut table = self.table();
        if record.is_temporary {
            table.temporary.insert(record.info_hash, Instant::now());
        } else {
            table.temporary.remove(&record.info_hash);
        }
    }

    /// Temporary torrents that nobody has asked after for so long.
    fn expired(&self, idle: Duration) -> Vec<InfoHash> {
        let expired = |last: &Instant| last.elapsed() >= idle;
        self.table().temporary.iter().filter(|(_, last)| expired(last)).map(|(hash, _)| *hash).collect()
    }

    fn is_temporary(&self, info_hash: InfoHash) -> bool {
        self.table().temporary.contains_key(&info_hash)
    }
}

impl App {
    /// How long a torrent that nobody reads stays open.
    pub fn idle_timeout(&self) -> Duration {
        Duration::from_secs(self.settings().idle_timeout_secs.into())
    }

    /// A client asked after a torrent: it stays open for another minute, or for the idle time if that is shorter.
    pub fn touch(&self, info_hash: InfoHash) {
        self.inner.engine.keep_active(info_hash, self.idle_timeout().min(LONGEST_STAY));
        if let Some(last) = self.inner.activity.table().temporary.get_mut(&info_hash) {
            *last = Instant::now();
        }
    }

    /// Opens a torrent in the background if it has its details and is closed; nothing is transferred before somebody reads.
    pub fn wake(&self, record: &std::sync::Arc<TorrentRecord>) {
        let info_hash = record.info_hash;
        if record.state() != TorrentState::Ready || self.is_active(info_hash) {
            return;
        }
        if !self.inner.activity.table().waking.insert(info_hash) {
            return;
        }
        let waking = Waking { app: self.clone(), info_hash };
        let record = record.clone();
        self.inner.tasks.spawn("wake torrent", async move {
            if let Err(error) = waking.app.activate(&record).await {
                warn!(%info_hash, %error, "a torrent could not be opened");
            }
        });
    }

    /// Keeps a torrent for good that was wanted for the moment only.
    ///
    /// # Errors
    /// The store can't write.
    pub async fn save(&self, info_hash: InfoHash) -> Result<(), WireError> {
        let saved = self.inner.store.change_torrent(info_hash, TorrentChange::Saved).await;
        if let Some(record) = saved.map_err(|error| error.wire())? {
            self.inner.activity.note_added(&record);
        }
        Ok(())
    }

    /// Takes a torrent out of the library with its pieces if it is temporary still.
    pub(crate) async fn leave_if_temporary(&self, info_hash: InfoHash) {
        self.inner.activity.table().temporary.remove(&info_hash);
        match self.inner.store.remove_if_temporary(info_hash).await {
            Ok(true) => {
                info!(%info_hash, "a temporary torrent leaves");
                self.inner.resolving.cancel(info_hash);
                self.end_playbacks_of(info_hash);
            }
            Ok(false) => return,
            Err(error) => {
                warn!(%info_hash, %error, "a temporary torrent could not be removed");
                return;
            }
        }
        // Somebody may have added it for good in between: then its pieces are theirs.
        if let Ok(None) = self.inner.store.torrent(info_hash).await
            && let Err(error) = self.inner.engine.delete_pieces(info_hash).await
        {
            warn!(%info_hash, %error, "pieces of a temporary torrent are left behind");
        }
    }

    /// What was temporary when the program ended last time leaves.
    pub(crate) async fn sweep_at_start(&self) {
        match self.inner.store.outlines().await {
            Ok((_, records)) => {
                for record in records.iter().filter(|record| record.is_temporary) {
                    self.leave_if_temporary(record.info_hash).await;
                }
            }
            Err(error) => warn!(%error, "temporary torrents could not be looked for"),
        }
    }

    /// Removes temporary torrents when the engine has closed them, or when they were never opened for the idle time.
    pub(crate) fn sweep_temporary(&self) {
        let app = self.clone();
        let mut closed = self.inner.engine.watch_idle();
        self.inner.tasks.spawn("temporary torrents", async move {
            loop {
                tokio::select! {
                    closed = closed.recv() => match closed {
                        Ok(info_hash) if app.inner.activity.is_temporary(info_hash) => {
                            app.leave_if_temporary(info_hash).await;
                        }
                        // What was missed is found by its time.
                        Ok(_) | Err(RecvError::Lagged(_)) => {}
                        Err(RecvError::Closed) => return,
                    },
                    () = tokio::time::sleep(SWEEP_INTERVAL) => {
                        for info_hash in app.inner.activity.expired(app.idle_timeout()) {
                            // Somebody may be waiting for the details, however short the idle time is.
                            if !app.is_active(info_hash) && !app.inner.resolving.is_running(info_hash) {
                                app.leave_if_temporary(info_hash).await;
                            }
                        }
                    }
                }
            }
        });
    }
}

/// Takes a torrent off the list of those that are being opened, however that ends.
struct Waking {
    app: App,
    info_hash: InfoHash,
}

impl Drop for Waking {
    fn drop(&mut self) {
        self.app.inner.activity.table().waking.remove(&self.info_hash);
    }
}
