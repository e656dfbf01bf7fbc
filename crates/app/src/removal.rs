//! Taking torrents out of the library, with a way back.
//!
//! The row goes at once, and the transfers end. The pieces go when the time to think better of it is over: until then the
//! torrent comes back whole, as it was.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use freshet_model::{InfoHash, TorrentRecord, TorrentState, TorrentSummary, WireError};
use tracing::{info, warn};

use crate::App;
use crate::args::{TorrentRef, TorrentRemove};
use crate::error::Coded as _;
use crate::library::not_found;

/// Records are held in memory as long as they can come back; of more than these, the oldest can do so no more.
const REMEMBERED: usize = 1_000;

/// What was taken out last.
#[derive(Debug, Default)]
pub(crate) struct Removals(Mutex<Table>);

#[derive(Debug, Default)]
struct Table {
    removed: HashMap<InfoHash, Removed>,
    last_number: u64,
}

#[derive(Debug, Clone)]
struct Removed {
    record: Arc<TorrentRecord>,
    deletes_pieces: bool,
    /// Which removal it is: the same torrent may have come back and gone again since.
    number: u64,
}

impl Removals {
    fn table(&self) -> std::sync::MutexGuard<'_, Table> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn put(&self, record: Arc<TorrentRecord>, deletes_pieces: bool) -> u64 {
        let mut table = self.table();
        table.last_number += 1;
        let number = table.last_number;
        table.removed.insert(record.info_hash, Removed { record, deletes_pieces, number });
        number
    }

    /// Takes one off the list, so that nothing more happens to it; with a number only if it is that removal still.
    fn take(&self, info_hash: InfoHash, number: Option<u64>) -> Option<Removed> {
        let mut table = self.table();
        let is_it = |removed: &&Removed| number.is_none_or(|number| number == removed.number);
        table.removed.get(&info_hash).filter(is_it)?;
        table.removed.remove(&info_hash)
    }

    /// It is in the library again, and its pieces are wanted.
    pub(crate) fn forget(&self, info_hash: InfoHash) {
        self.take(info_hash, None);
    }

    /// It is out of the library, and may come back as it was.
    pub(crate) fn is_waiting(&self, info_hash: InfoHash) -> bool {
        self.table().removed.contains_key(&info_hash)
    }

    fn oldest_above(&self, count: usize) -> Option<(InfoHash, u64)> {
        let table = self.table();
        let oldest = table.removed.values().min_by_key(|removed| removed.number)?;
        (table.removed.len() > count).then_some((oldest.record.info_hash, oldest.number))
    }
}

impl App {
    /// Takes a torrent out of the library; [`App::restore`] brings it back for as long as the configuration says.
    ///
    /// # Errors
    /// It is not there, or the store can't write.
    pub async fn remove_for_now(&self, info_hash: InfoHash, deletes_pieces: bool) -> Result<(), WireError> {
        let record = self.torrent(info_hash).await?.ok_or_else(|| not_found(info_hash))?;
        // On the list before it is gone: somebody who adds it in between takes it off again.
        let number = self.inner.removals.put(record, deletes_pieces);
        if !self.remove(info_hash, false).await? {
            self.inner.removals.take(info_hash, Some(number));
            return Err(not_found(info_hash));
        }
        let app = self.clone();
        self.inner.tasks.spawn("finish removal", async move {
            tokio::time::sleep(app.inner.config.undo_time).await;
            app.finish_removal(info_hash, Some(number)).await;
        });
        while let Some((oldest, number)) = self.inner.removals.oldest_above(REMEMBERED) {
            self.finish_removal(oldest, Some(number)).await;
        }
        Ok(())
    }

    /// Brings back what was taken out a moment ago, with everything that was known of it.
    ///
    /// # Errors
    /// The time for it is over, or the store can't write.
    pub async fn restore(&self, info_hash: InfoHash) -> Result<Arc<TorrentRecord>, WireError> {
        let removed = self.inner.removals.take(info_hash, None).ok_or_else(|| not_found(info_hash))?;
        let added = self.inner.store.add_torrent((*removed.record).clone()).await;
        let record = match added {
            Ok(added) => added.record,
            Err(error) => {
                // The next attempt may find room on the disk; the pieces stay until then.
                self.inner.removals.put(removed.record, false);
                return Err(error.wire());
            }
        };
        self.inner.activity.note_added(&record);
        if record.state() == TorrentState::Resolving {
            self.start_resolving(&record);
        }
        info!(%info_hash, "torrent brought back");
        Ok(record)
    }

    /// Deletes the pieces of all that were taken out, whose time would not be over before the program ends.
    pub(crate) async fn finish_removals(&self) {
        let waiting: Vec<_> = self.inner.removals.table().removed.keys().copied().collect();
        for info_hash in waiting {
            self.finish_removal(info_hash, None).await;
        }
    }

    async fn finish_removal(&self, info_hash: InfoHash, number: Option<u64>) {
        let Some(removed) = self.inner.removals.take(info_hash, number) else { return };
        // A client may have added it again past this list: then all of it is its own.
        let Ok(None) = self.torrent(info_hash).await else { return };
        self.forget_poster(info_hash).await;
        if removed.deletes_pieces
            && let Err(error) = self.inner.engine.delete_pieces(info_hash).await
        {
            warn!(%info_hash, %error, "pieces of a removed torrent are left behind");
        }
    }
}

pub(crate) async fn remove(app: &App, args: TorrentRemove) -> Result<(), WireError> {
    app.remove_for_now(args.info_hash, args.delete_pieces).await
}

pub(crate) async fn restore(app: &App, args: TorrentRef) -> Result<TorrentSummary, WireError> {
    let record = app.restore(args.info_hash).await?;
    app.summary(&record).await
}
