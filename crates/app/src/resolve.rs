//! Getting the details of torrents that are in the library without them: one job each, that can be given up.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use freshet_engine::{ResolveError, Resolved};
use freshet_model::{ErrorCode, InfoHash, Magnet, TorrentRecord, TorrentSource, WireError};
use freshet_store::TorrentChange;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use crate::App;
use crate::error::Coded as _;

/// Magnets that look for details at the same time; more wait for their turn.
const AT_ONCE: usize = 8;
/// Longer than the engine's own time-out, so that its answer comes first.
const WAIT_FOR_DETAILS: Duration = Duration::from_secs(120);

#[derive(Debug)]
pub(crate) struct Resolving {
    jobs: Mutex<HashMap<InfoHash, CancellationToken>>,
    turns: Arc<Semaphore>,
}

impl Default for Resolving {
    fn default() -> Self {
        Self { jobs: Mutex::default(), turns: Arc::new(Semaphore::new(AT_ONCE)) }
    }
}

impl Resolving {
    fn jobs(&self) -> std::sync::MutexGuard<'_, HashMap<InfoHash, CancellationToken>> {
        self.jobs.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn is_running(&self, info_hash: InfoHash) -> bool {
        self.jobs().contains_key(&info_hash)
    }

    pub(crate) fn cancel(&self, info_hash: InfoHash) {
        if let Some(token) = self.jobs().remove(&info_hash) {
            token.cancel();
        }
    }
}

impl App {
    /// Starts looking for the details of a record; a job that is already at it goes on alone.
    pub(crate) fn start_resolving(&self, record: &TorrentRecord) {
        let info_hash = record.info_hash;
        let token = self.inner.tasks.token().child_token();
        match self.inner.resolving.jobs().entry(info_hash) {
            std::collections::hash_map::Entry::Occupied(_) => return,
            std::collections::hash_map::Entry::Vacant(entry) => entry.insert(token.clone()),
        };
        let magnet = Magnet {
            info_hash,
            display_name: None,
            trackers: record.trackers.iter().filter_map(|tracker| tracker.parse().ok()).collect(),
            peers: record.peers.clone(),
            web_seeds: record.web_seeds.iter().filter_map(|url| url.parse().ok()).collect(),
        };
        let app = self.clone();
        self.inner.tasks.spawn("resolve", async move {
            let result = app.resolve_in_turn(magnet, token.clone()).await;
            if !token.is_cancelled() {
                // Who has waited for this needs a moment to go on.
                app.touch(info_hash);
                app.inner.resolving.jobs().remove(&info_hash);
                app.store_resolved(info_hash, result).await;
            }
        });
    }

    async fn resolve_in_turn(
        &self,
        magnet: Magnet,
        token: CancellationToken,
    ) -> Result<Resolved, ResolveError> {
        let Ok(_turn) = self.inner.resolving.turns.acquire().await else {
            return Err(ResolveError::Cancelled);
        };
        self.inner.engine.resolve(TorrentSource::Magnet(magnet), token).await
    }

    async fn store_resolved(&self, info_hash: InfoHash, result: Result<Resolved, ResolveError>) {
        let change = match result {
            Ok(resolved) => {
                info!(%info_hash, "details found");
                details(resolved)
            }
            Err(error) => {
                info!(%info_hash, %error, "no details");
                TorrentChange::Failed(error.wire())
            }
        };
        if let Err(error) = self.inner.store.change_torrent(info_hash, change).await {
            warn!(%info_hash, %error, "the details could not be stored");
        }
    }

    /// Waits until a torrent has its details.
    ///
    /// # Errors
    /// What the search for them ended with; [`ErrorCode::NotFound`] if the torrent is not or no longer in the library.
    pub async fn wait_until_ready(&self, info_hash: InfoHash) -> Result<Arc<TorrentRecord>, WireError> {
        let not_found =
            || WireError::new(ErrorCode::NotFound, format!("no torrent {info_hash} in the library"));
        let wait = async {
            // Listens before it looks, so that a change in between is not missed.
            let mut changes = self.inner.store.events();
            loop {
                let record = self.torrent(info_hash).await?.ok_or_else(not_found)?;
                if record.metainfo.is_some() {
                    return Ok(record);
                }
                if let Some(error) = &record.error {
                    return Err(error.clone());
                }
                if changes.next().await.is_none() {
                    return Err(WireError::new(ErrorCode::StoreFailed, "the store has ended"));
                }
            }
        };
        tokio::time::timeout(WAIT_FOR_DETAILS, wait).await.unwrap_or_else(|_| {
            Err(WireError::new(ErrorCode::NoDetails, "nobody gave the details of the torrent in time"))
        })
    }
}

/// What the store keeps of details that passed the door.
fn details(resolved: Resolved) -> TorrentChange {
    let metainfo = resolved.metainfo;
    TorrentChange::Resolved {
        name: metainfo.name,
        total_bytes: metainfo.total_bytes,
        is_single_file: metainfo.is_single_file,
        is_private: metainfo.is_private,
        metainfo: resolved.torrent_file,
        files: metainfo.files,
        trackers: resolved.trackers.iter().map(ToString::to_string).collect(),
    }
}
