//! Fetching the ends of a file before it is played, and telling how far that is.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use freshet_model::{ErrorCode, FileEntry, FileIndex, InfoHash, WireError};
use futures::FutureExt as _;
use futures::future::{BoxFuture, Shared};

use crate::App;
use crate::error::Coded as _;
use crate::files::file_of;
use crate::library::not_found;

/// Many files keep at their end the index by which a player finds everything else.
const TAIL_BYTES: u64 = 8 * 1024 * 1024;
/// A swarm that brings a byte now and then never stalls; nobody waits longer than this for a first picture.
const LONGEST: Duration = Duration::from_secs(10 * 60);
/// Torrents whose last preload is remembered; when there are more, all but the running ones are forgotten.
const REMEMBERED: usize = 256;

type PreloadJob = Shared<BoxFuture<'static, Result<(), WireError>>>;

/// Running preloads (a second wish for the same file joins the first) and the last one of each torrent.
#[derive(Debug, Default)]
pub(crate) struct Preloads(Mutex<Table>);

#[derive(Debug, Default)]
struct Table {
    jobs: HashMap<(InfoHash, FileIndex), PreloadJob>,
    last: HashMap<InfoHash, Parts>,
}

/// The parts of a file that are fetched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Parts {
    file_index: FileIndex,
    file_bytes: u64,
    head_bytes: u64,
    tail_bytes: u64,
}

/// How far the last preload of a torrent is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PreloadProgress {
    pub file_index: FileIndex,
    /// As much as is wanted; never more than the file has.
    pub target_bytes: u64,
    /// How much of it is here; in the end all.
    pub here_bytes: u64,
}

impl Parts {
    /// At most `target_bytes` of a file: its beginning, and from its end as much as a piece or [`TAIL_BYTES`], but no more
    /// than half.
    fn of(file: &FileEntry, target_bytes: u64, piece_bytes: u64) -> Self {
        let target = target_bytes.min(file.length_bytes);
        let is_whole = target == file.length_bytes;
        let tail_bytes = if is_whole { 0 } else { piece_bytes.max(TAIL_BYTES).min(target / 2) };
        Self {
            file_index: file.index,
            file_bytes: file.length_bytes,
            head_bytes: target - tail_bytes,
            tail_bytes,
        }
    }

    fn target_bytes(&self) -> u64 {
        self.head_bytes + self.tail_bytes
    }
}

impl Preloads {
    fn table(&self) -> std::sync::MutexGuard<'_, Table> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl App {
    /// Fetches the beginning and the end of a file, as much as [`freshet_model::Settings::preload_bytes`] says. A second call
    /// for the same file waits for the first one's end, and a caller that goes away does not stop it.
    ///
    /// Ends after [`LONGEST`] at the latest, and after a time without any byte.
    ///
    /// # Errors
    /// As [`App::open_file`]; [`ErrorCode::Stalled`] if the bytes did not arrive; or what stopped the transfer.
    pub async fn preload(&self, info_hash: InfoHash, file_index: FileIndex) -> Result<(), WireError> {
        let target_bytes = self.settings().preload_bytes;
        let record = self.torrent(info_hash).await?.ok_or_else(|| not_found(info_hash))?;
        let file = file_of(&record, file_index)?;
        if target_bytes == 0 || file.length_bytes == 0 {
            return Ok(());
        }
        let parts = Parts::of(file, target_bytes, self.piece_layout(&record).0.into());
        let key = (info_hash, file_index);
        let job = {
            let mut table = self.inner.preloads.table();
            if table.last.len() >= REMEMBERED {
                let Table { jobs, last } = &mut *table;
                last.retain(|hash, _| jobs.keys().any(|(running, _)| running == hash));
            }
            if let Some(job) = table.jobs.get(&key) {
                job.clone()
            } else {
                // Those who ask in the meantime see how much is wanted, before anything was done for it.
                table.last.insert(info_hash, parts);
                let job = self.start_preload(info_hash, parts);
                table.jobs.insert(key, job.clone());
                job
            }
        };
        job.await
    }

    fn start_preload(&self, info_hash: InfoHash, parts: Parts) -> PreloadJob {
        let app = self.clone();
        let (done, answer) = tokio::sync::oneshot::channel();
        self.inner.tasks.spawn("preload", async move {
            let running = Running { app: app.clone(), key: (info_hash, parts.file_index) };
            let result = tokio::time::timeout(LONGEST, app.run_preload(info_hash, parts)).await;
            drop(running);
            let _ = done.send(result.unwrap_or_else(|_| {
                Err(WireError::new(ErrorCode::Stalled, "the beginning of the file did not arrive in time"))
            }));
        });
        let cancelled = || Err(WireError::new(ErrorCode::Cancelled, "the preload was given up"));
        answer.map(move |answer| answer.unwrap_or_else(|_| cancelled())).boxed().shared()
    }

    /// Whether any file of this torrent is being preloaded.
    pub fn is_preloading(&self, info_hash: InfoHash) -> bool {
        self.inner.preloads.table().jobs.keys().any(|(hash, _)| *hash == info_hash)
    }

    /// How far the last preload of a torrent is, while it runs and as long as the torrent is active afterwards.
    pub fn preload_progress(&self, info_hash: InfoHash) -> Option<PreloadProgress> {
        let parts = self.inner.preloads.table().last.get(&info_hash).copied()?;
        let progress = |here_bytes| PreloadProgress {
            file_index: parts.file_index,
            target_bytes: parts.target_bytes(),
            here_bytes,
        };
        let engine = &self.inner.engine;
        let (Some(map), Some(file)) =
            (engine.pieces(info_hash), engine.file_range(info_hash, parts.file_index))
        else {
            return self.is_preloading(info_hash).then(|| progress(0));
        };
        let head = map.have_bytes_in(file.start..file.start + parts.head_bytes);
        let tail = map.have_bytes_in(file.start + parts.file_bytes - parts.tail_bytes..file.end);
        Some(progress(head + tail))
    }

    async fn run_preload(&self, info_hash: InfoHash, parts: Parts) -> Result<(), WireError> {
        self.activate_for(info_hash, parts.file_index).await?;
        let cancel = self.inner.tasks.token().child_token();
        let engine = &self.inner.engine;
        let preload = engine.preload(info_hash, parts.file_index, parts.head_bytes, parts.tail_bytes, cancel);
        preload.await.map_err(|error| error.wire())
    }
}

/// Takes a job off the list when it ends, however it does.
struct Running {
    app: App,
    key: (InfoHash, FileIndex),
}

impl Drop for Running {
    fn drop(&mut self) {
        self.app.inner.preloads.table().jobs.remove(&self.key);
    }
}

#[cfg(test)]
mod tests {
    use freshet_model::MediaKind;

    use super::*;

    const MIB: u64 = 1024 * 1024;

    #[test]
    fn the_parts_add_up_to_the_target_and_never_to_more_than_the_file() {
        let parts = |file_mib: u64, target_mib: u64, piece_mib: u64| {
            let file = FileEntry {
                index: FileIndex(0),
                path: "a.mkv".to_owned(),
                length_bytes: file_mib * MIB,
                kind: MediaKind::Video,
                torrserver_id: 1,
            };
            let parts = Parts::of(&file, target_mib * MIB, piece_mib * MIB);
            assert_eq!(parts.target_bytes(), (file_mib * MIB).min(target_mib * MIB));
            (parts.head_bytes / MIB, parts.tail_bytes / MIB)
        };

        assert_eq!(parts(1000, 32, 1), (24, 8), "TorrServer's default");
        assert_eq!(parts(1000, 64, 16), (48, 16));
        assert_eq!(parts(1000, 32, 32), (16, 16));
        assert_eq!(parts(1000, 4, 1), (2, 2));
        assert_eq!(parts(3, 32, 1), (3, 0));
        assert_eq!(parts(32, 32, 1), (32, 0));
    }
}
