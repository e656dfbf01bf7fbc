//! Opening a file of a torrent for reading, and fetching its ends before it is played.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use freshet_engine::{FileReader, TorrentSpec};
use freshet_model::{ErrorCode, FileEntry, FileIndex, InfoHash, TorrentRecord, WireError};
use freshet_store::TorrentChange;
use futures::FutureExt as _;
use futures::future::{BoxFuture, Shared};

use crate::error::Coded as _;
use crate::library::not_found;
use crate::{App, clock};

/// What a player reads before its first picture: the beginning, and the index that many files keep at their end.
const PRELOAD_HEAD_BYTES: u64 = 24 * 1024 * 1024;
const PRELOAD_TAIL_BYTES: u64 = 8 * 1024 * 1024;
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

type PreloadJob = Shared<BoxFuture<'static, Result<(), WireError>>>;

/// Running preloads: a second wish for the same file joins the first.
#[derive(Debug, Default)]
pub(crate) struct Preloads(Mutex<HashMap<(InfoHash, FileIndex), PreloadJob>>);

impl Preloads {
    fn jobs(&self) -> std::sync::MutexGuard<'_, HashMap<(InfoHash, FileIndex), PreloadJob>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
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

    /// Fetches the beginning and the end of a file. A second call for the same file waits for the first one's end, and a
    /// caller that goes away does not stop it.
    ///
    /// # Errors
    /// As [`App::open_file`], or what stopped the transfer.
    pub async fn preload(&self, info_hash: InfoHash, file_index: FileIndex) -> Result<(), WireError> {
        let key = (info_hash, file_index);
        let job = {
            let mut jobs = self.inner.preloads.jobs();
            if let Some(job) = jobs.get(&key) {
                job.clone()
            } else {
                let app = self.clone();
                let (done, answer) = tokio::sync::oneshot::channel();
                self.inner.tasks.spawn("preload", async move {
                    let result = app.run_preload(info_hash, file_index).await;
                    app.inner.preloads.jobs().remove(&key);
                    let _ = done.send(result);
                });
                let cancelled = || Err(WireError::new(ErrorCode::Cancelled, "the preload was given up"));
                let job = answer.map(move |answer| answer.unwrap_or_else(|_| cancelled())).boxed().shared();
                jobs.insert(key, job.clone());
                job
            }
        };
        job.await
    }

    /// Whether any file of this torrent is being preloaded.
    pub fn is_preloading(&self, info_hash: InfoHash) -> bool {
        self.inner.preloads.jobs().keys().any(|(hash, _)| *hash == info_hash)
    }

    async fn run_preload(&self, info_hash: InfoHash, file_index: FileIndex) -> Result<(), WireError> {
        self.activate_for(info_hash, file_index).await?;
        let cancel = self.inner.tasks.token().child_token();
        let preload =
            self.inner.engine.preload(info_hash, file_index, PRELOAD_HEAD_BYTES, PRELOAD_TAIL_BYTES, cancel);
        preload.await.map_err(|error| error.wire())
    }

    async fn activate_for(
        &self,
        info_hash: InfoHash,
        file_index: FileIndex,
    ) -> Result<(Arc<TorrentRecord>, FileEntry), WireError> {
        let record = self.torrent(info_hash).await?.ok_or_else(|| not_found(info_hash))?;
        let Some(metainfo) = &record.metainfo else {
            return Err(record.error.clone().unwrap_or_else(|| {
                WireError::new(ErrorCode::NotReady, format!("the details of {info_hash} are not here yet"))
            }));
        };
        let file = record.file(file_index).cloned().ok_or_else(|| {
            let count = record.files.len();
            WireError::new(
                ErrorCode::NoSuchFile,
                format!("no file {file_index} in a torrent of {count} files"),
            )
        })?;
        let spec = TorrentSpec {
            info_hash,
            torrent_file: metainfo.as_slice().into(),
            trackers: record.trackers.iter().filter_map(|tracker| tracker.parse().ok()).collect(),
            peers: record.peers.clone(),
        };
        self.inner.engine.activate(spec).await.map_err(|error| error.wire())?;
        Ok((record, file))
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
