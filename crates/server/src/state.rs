//! What every handler gets.

use std::future::Future;
use std::sync::Arc;

use freshet_app::{App, Description};
use freshet_model::{ErrorCode, InfoHash, Magnet, TorrentRecord, TorrentSource, TorrentState, WireError};
use tokio_util::sync::CancellationToken;

/// Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct ServerState {
    pub(crate) app: App,
    /// Fires when the server stops: long answers end then.
    pub(crate) stop: CancellationToken,
}

impl ServerState {
    /// Waits for something that may take minutes, but not longer than the server runs.
    ///
    /// # Errors
    /// What the future says, or [`ErrorCode::Cancelled`].
    pub(crate) async fn unless_stopped<T>(
        &self,
        wait: impl Future<Output = Result<T, WireError>>,
    ) -> Result<T, WireError> {
        let stopped = || Err(WireError::new(ErrorCode::Cancelled, "the server stops"));
        self.stop.run_until_cancelled(wait).await.unwrap_or_else(stopped)
    }

    /// A torrent of the library. If its details could not be had, they are looked for once more: clients that come back
    /// for a torrent mean it.
    ///
    /// # Errors
    /// The store can't be read.
    pub(crate) async fn torrent(&self, info_hash: InfoHash) -> Result<Option<Arc<TorrentRecord>>, WireError> {
        match self.app.torrent(info_hash).await? {
            Some(record) if record.state() == TorrentState::Failed => {
                let bare = TorrentSource::Magnet(Magnet::bare(info_hash));
                Ok(Some(self.app.add(bare, Description::default()).await?.record))
            }
            known => Ok(known),
        }
    }

    /// Waits for the details of a torrent.
    ///
    /// # Errors
    /// They can't be had, or the server stops.
    pub(crate) async fn ready(&self, info_hash: InfoHash) -> Result<Arc<TorrentRecord>, WireError> {
        self.unless_stopped(self.app.wait_until_ready(info_hash)).await
    }
}
