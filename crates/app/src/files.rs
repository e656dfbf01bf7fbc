//! Opening a file of a torrent for reading, which makes the torrent active.

use std::sync::Arc;

use freshet_engine::{FileReader, TorrentSpec};
use freshet_model::{ErrorCode, FileEntry, FileIndex, InfoHash, TorrentRecord, WireError};
use freshet_store::TorrentChange;

use crate::error::Coded as _;
use crate::library::not_found;
use crate::{App, clock};

/// "Last opened" need not be rewritten for each of the many ranges of one playback.
const LAST_OPENED_STEP_SECS: u64 = 60;

/// A file that is open for reading.
#[derive(Debug)]
pub struct OpenFile {
    /// Waits for missing pieces; see [`FileReader`].
    pub reader: FileReader,
    pub file: FileEntry,
    pub record: Arc<TorrentRecord>,
}

impl App {
    /// Opens a file; the torrent becomes active if it is not.
    ///
    /// # Errors
    /// [`ErrorCode::NotFound`], [`ErrorCode::NotReady`] (no details yet), [`ErrorCode::NoSuchFile`], [`ErrorCode::Busy`]
    /// (all readers taken), or what the engine says.
    pub async fn open_file(&self, info_hash: InfoHash, file_index: FileIndex) -> Result<OpenFile, WireError> {
        let (record, file) = self.activate_for(info_hash, file_index).await?;
        let reader =
            self.inner.engine.open_file(info_hash, file_index).await.map_err(|error| error.wire())?;
        self.note_opened(&record).await;
        Ok(OpenFile { reader, file, record })
    }

    /// The same for another device, or a program that copies: what is watched on this computer comes first.
    ///
    /// # Errors
    /// As [`App::open_file`].
    pub async fn open_for_device(
        &self,
        info_hash: InfoHash,
        file_index: FileIndex,
    ) -> Result<OpenFile, WireError> {
        let (record, file) = self.activate_for(info_hash, file_index).await?;
        let opening = self.inner.engine.open_for_device(info_hash, file_index);
        let reader = opening.await.map_err(|error| error.wire())?;
        self.note_opened(&record).await;
        Ok(OpenFile { reader, file, record })
    }

    /// The same for a look into a file: only what is read is fetched, and it does not count as opened by a person.
    ///
    /// # Errors
    /// As [`App::open_file`].
    pub(crate) async fn peek_file(
        &self,
        info_hash: InfoHash,
        file_index: FileIndex,
    ) -> Result<OpenFile, WireError> {
        let (record, file) = self.activate_for(info_hash, file_index).await?;
        let reader =
            self.inner.engine.peek_file(info_hash, file_index).await.map_err(|error| error.wire())?;
        Ok(OpenFile { reader, file, record })
    }

    /// The same for subtitles of a film that is being watched: only the film itself comes first.
    ///
    /// # Errors
    /// As [`App::open_file`].
    pub(crate) async fn open_subtitle_file(
        &self,
        info_hash: InfoHash,
        file_index: FileIndex,
    ) -> Result<OpenFile, WireError> {
        let (record, file) = self.activate_for(info_hash, file_index).await?;
        let reader =
            self.inner.engine.open_subtitles(info_hash, file_index).await.map_err(|error| error.wire())?;
        Ok(OpenFile { reader, file, record })
    }

    /// The same, and nothing is fetched: a read of what is not here fails. The torrent has to be active.
    ///
    /// # Errors
    /// As [`App::open_file`].
    pub(crate) async fn open_what_is_here(
        &self,
        info_hash: InfoHash,
        file_index: FileIndex,
    ) -> Result<OpenFile, WireError> {
        let record = self.torrent(info_hash).await?.ok_or_else(|| not_found(info_hash))?;
        let file = file_of(&record, file_index)?.clone();
        let opening = self.inner.engine.open_what_is_here(info_hash, file_index);
        Ok(OpenFile { reader: opening.await.map_err(|error| error.wire())?, file, record })
    }

    pub(crate) async fn activate_for(
        &self,
        info_hash: InfoHash,
        file_index: FileIndex,
    ) -> Result<(Arc<TorrentRecord>, FileEntry), WireError> {
        let record = self.torrent(info_hash).await?.ok_or_else(|| not_found(info_hash))?;
        let file = file_of(&record, file_index)?.clone();
        self.activate(&record).await?;
        Ok((record, file))
    }

    /// Makes a torrent active that has its details.
    pub(crate) async fn activate(&self, record: &TorrentRecord) -> Result<(), WireError> {
        let info_hash = record.info_hash;
        let Some(metainfo) = &record.metainfo else {
            return Err(no_details(record));
        };
        let spec = TorrentSpec {
            info_hash,
            torrent_file: metainfo.as_slice().into(),
            trackers: record.trackers.iter().filter_map(|tracker| tracker.parse().ok()).collect(),
            peers: record.peers.clone(),
            is_pinned: record.is_pinned,
        };
        self.inner.engine.activate(spec).await.map_err(|error| error.wire())
    }

    async fn note_opened(&self, record: &TorrentRecord) {
        let now = clock::now_secs();
        if record.last_opened_at_secs.is_none_or(|last| now.saturating_sub(last) >= LAST_OPENED_STEP_SECS) {
            // Only the order of "continue watching" hangs on it: not worth failing the playback for.
            let change = TorrentChange::Opened { at_secs: now };
            if let Err(error) = self.inner.store.change_torrent(record.info_hash, change).await {
                tracing::warn!(%error, "the time of opening could not be stored");
            }
        }
    }
}

/// A file of a torrent.
///
/// # Errors
/// [`ErrorCode::NoSuchFile`]; of a torrent without details, why it has none.
pub(crate) fn file_of(record: &TorrentRecord, file_index: FileIndex) -> Result<&FileEntry, WireError> {
    if record.metainfo.is_none() {
        return Err(no_details(record));
    }
    record.file(file_index).ok_or_else(|| {
        let count = record.files.len();
        WireError::new(ErrorCode::NoSuchFile, format!("no file {file_index} in a torrent of {count} files"))
    })
}

fn no_details(record: &TorrentRecord) -> WireError {
    record.error.clone().unwrap_or_else(|| {
        let message = format!("the details of {} are not here yet", record.info_hash);
        WireError::new(ErrorCode::NotReady, message)
    })
}
