//! Where the moments of a playing film stand in its file, by the page's clock: it starts where the film does.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use freshet_media::index::{ContainerIndex, TimeIndex};
use freshet_model::{FileIndex, InfoHash};
use tracing::debug;

use crate::App;

/// What the container of a film says of its moments, as soon as somebody has asked for it and it was read.
#[derive(Debug, Clone, Default)]
pub(super) struct Moments {
    is_asked: bool,
    index: Arc<OnceLock<ContainerIndex>>,
    /// [`freshet_media::Probe::start_secs`] of the file.
    start_secs: f64,
}

impl Moments {
    pub(super) fn set_start(&mut self, secs: f64) {
        self.start_secs = secs;
    }

    /// Has the container read, once. Nothing waits for it.
    pub(super) fn learn(&mut self, app: &App, info_hash: InfoHash, file_index: FileIndex) {
        if std::mem::replace(&mut self.is_asked, true) {
            return;
        }
        let (app, index) = (app.clone(), Arc::clone(&self.index));
        app.clone().inner.tasks.spawn("container index", async move {
            match app.container_index(info_hash, file_index).await {
                Ok(Ok(found)) => drop(index.set(found)),
                Ok(Err(error)) => {
                    debug!(%info_hash, %error, "where the moments of a film stand stays an estimate")
                }
                Err(error) => {
                    debug!(%info_hash, %error, "where the moments of a film stand stays an estimate")
                }
            }
        });
    }

    fn times(&self) -> Option<&TimeIndex> {
        self.index.get()?.time_index.as_ref().ok()
    }

    /// The time at a byte of the file; `None` if the container does not tell.
    pub(super) fn secs_at(&self, byte: u64) -> Option<f64> {
        Some(self.times()?.time_at(byte).value.as_secs_f64() - self.start_secs)
    }

    /// The byte of the file at a time; `None` if the container does not tell.
    pub(super) fn byte_at(&self, secs: f64) -> Option<u64> {
        Some(self.times()?.byte_at(self.by_file(secs)).value)
    }

    /// The key frame that is shown for a time.
    pub(super) fn key_frame(&self, secs: f64) -> Option<KeyFrame> {
        let (point, end_byte) = self.times()?.sync_span(self.by_file(secs))?;
        let secs = (point.time.as_secs_f64() - self.start_secs).max(0.0);
        Some(KeyFrame { secs, start_byte: point.byte, end_byte })
    }

    fn by_file(&self, secs: f64) -> Duration {
        Duration::try_from_secs_f64(secs + self.start_secs).unwrap_or_default()
    }
}

/// What the container says of a key frame: everything that it needs stands between these bytes of the file.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct KeyFrame {
    pub(super) secs: f64,
    pub(super) start_byte: u64,
    /// `None` is the end of the file.
    pub(super) end_byte: Option<u64>,
}
