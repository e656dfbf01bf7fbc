//! What lies on the disk from earlier runs, and what it may take.

use std::collections::HashMap;

use freshet_model::InfoHash;
use tracing::warn;

use crate::App;

impl App {
    /// Counts what earlier runs left on the disk, then holds all to the budget. What was opened longest ago goes first.
    ///
    /// To be called before any torrent begins; the counting goes on afterwards.
    pub(crate) async fn hold_to_budget(&self) {
        let engine = self.inner.engine.clone();
        let Ok(on_disk) = tokio::task::spawn_blocking(move || engine.torrents_on_disk()).await else {
            return;
        };
        if let Err(error) = self.inner.store.keep_resume_of(on_disk.iter().copied().collect()).await {
            warn!(%error, "what was remembered of pieces that are gone stays");
        }
        let app = self.clone();
        self.inner.tasks.spawn("count pieces", async move {
            app.count_pieces(on_disk).await;
            // A change of the setting meanwhile may have been overtaken.
            let mut budget_bytes = None;
            while budget_bytes != Some(app.settings().disk_budget_bytes) {
                let wanted_bytes = app.settings().disk_budget_bytes;
                app.inner.engine.set_disk_budget(wanted_bytes).await;
                budget_bytes = Some(wanted_bytes);
            }
        });
    }

    async fn count_pieces(&self, on_disk: Vec<InfoHash>) {
        let outlines = match self.inner.store.outlines().await {
            Ok((_, outlines)) => outlines,
            Err(error) => return warn!(%error, "what lies on the disk could not be counted"),
        };
        let used_at: HashMap<InfoHash, u64> = outlines
            .iter()
            .map(|record| {
                (record.info_hash, record.last_opened_at_secs.unwrap_or(0).max(record.added_at_secs))
            })
            .collect();
        let mut counted: Vec<InfoHash> =
            on_disk.into_iter().filter(|info_hash| used_at.contains_key(info_hash)).collect();
        counted.sort_by_key(|info_hash| used_at.get(info_hash));
        for info_hash in counted {
            self.count_pieces_of(info_hash).await;
        }
    }

    async fn count_pieces_of(&self, info_hash: InfoHash) {
        let record = match self.torrent(info_hash).await {
            Ok(Some(record)) => record,
            Ok(None) => return,
            Err(error) => return warn!(%info_hash, ?error, "what lies on the disk could not be counted"),
        };
        let Some(metainfo) = &record.metainfo else { return };
        if let Err(error) = self.inner.engine.count_pieces(info_hash, metainfo, record.is_pinned).await {
            warn!(%info_hash, %error, "what lies on the disk could not be counted");
        }
    }
}
