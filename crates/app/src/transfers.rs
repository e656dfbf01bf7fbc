//! What is being transferred, and stopping it.

use freshet_model::{ErrorCode, InfoHash, PartialPiece, TransferDetail, TransferStats, WireError};
use freshet_store::TorrentChange;
use tracing::{info, warn};

use crate::App;
use crate::args::{ProblemReport, TorrentRef, TransfersPause};
use crate::error::Coded as _;

impl App {
    /// What a torrent does at this moment; `None` while it is idle.
    pub fn stats(&self, info_hash: InfoHash) -> Option<TransferStats> {
        self.inner.engine.stats().iter().find(|stats| stats.info_hash == info_hash).cloned()
    }

    /// Pieces of a torrent of which some blocks are here or on their way, in order; none while it is not in use.
    pub async fn partial_pieces(&self, info_hash: InfoHash) -> Vec<PartialPiece> {
        self.inner.engine.partial_pieces(info_hash).await
    }

    /// A problem report on a torrent that is in use, as JSON that a person can read before sending it: it names no peer and no
    /// file, and the torrent only if `names_torrent`. How to replay it stands in CONTRIBUTING.md.
    ///
    /// # Errors
    /// [`ErrorCode::NotFound`] while the torrent is not in use.
    pub async fn problem_report(
        &self,
        info_hash: InfoHash,
        names_torrent: bool,
    ) -> Result<Vec<u8>, WireError> {
        let report = self.inner.engine.report(info_hash, names_torrent).await.ok_or_else(|| {
            WireError::new(ErrorCode::NotFound, "nothing is known of a torrent that is not in use")
        })?;
        serde_json::to_vec_pretty(&report)
            .map_err(|error| WireError::new(ErrorCode::Internal, error.to_string()))
    }

    /// Whether a torrent is in use: it has connections or is making some.
    pub fn is_active(&self, info_hash: InfoHash) -> bool {
        self.inner.engine.is_active(info_hash)
    }

    /// Ends the transfers of a torrent; it stays in the library, and its pieces on the disk. A temporary one leaves.
    ///
    /// # Errors
    /// The transfers could not be ended.
    pub async fn drop_transfers(&self, info_hash: InfoHash) -> Result<bool, WireError> {
        let was_active =
            self.inner.engine.deactivate(info_hash, false).await.map_err(|error| error.wire())?;
        self.leave_if_temporary(info_hash).await;
        Ok(was_active)
    }

    /// Stops all transfers, or lets them go on.
    pub async fn pause_transfers(&self, paused: bool) {
        info!(paused, "transfers paused or resumed");
        self.inner.engine.set_paused(paused).await;
        self.inner.events.set_transfers_paused(paused).await;
    }

    /// Keeps the peers that were good to a torrent, so that it starts with them the next time.
    pub(crate) fn remember_good_peers(&self) {
        let app = self.clone();
        self.inner.tasks.spawn("good peers", async move {
            loop {
                app.inner.engine.good_peers_added().await;
                app.store_good_peers().await;
            }
        });
    }

    /// Stores those of the torrents that have ended since the last time.
    pub(crate) async fn store_good_peers(&self) {
        while let Some((info_hash, peers)) = self.inner.engine.take_good_peers() {
            // A torrent that has left the library needs none.
            let change = TorrentChange::Served { peers };
            if let Err(error) = self.inner.store.change_torrent(info_hash, change).await {
                warn!(%info_hash, %error, "its good peers could not be stored");
            }
        }
    }
}

pub(crate) async fn pause(app: &App, args: TransfersPause) -> Result<(), WireError> {
    app.pause_transfers(args.paused).await;
    Ok(())
}

pub(crate) async fn detail(app: &App, args: TorrentRef) -> Result<Option<TransferDetail>, WireError> {
    Ok(app.inner.engine.transfer(args.info_hash).await)
}

pub(crate) async fn report(app: &App, args: TorrentRef) -> Result<ProblemReport, WireError> {
    let text = String::from_utf8_lossy(&app.problem_report(args.info_hash, false).await?).into_owned();
    Ok(ProblemReport { text })
}
