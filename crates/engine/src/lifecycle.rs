//! From idle to active and back: activate, pause, deactivate, delete.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use freshet_model::{InfoHash, Metainfo};
use librqbit::storage::StorageFactoryExt;
use librqbit::{AddTorrent, AddTorrentOptions, AddTorrentResponse, ManagedTorrent, ManagedTorrentState};

use url::Url;

use crate::active::ActiveTorrent;
use crate::announce::Route;
use crate::engine::{Engine, Inner};
use crate::phase::Phase;
use crate::pieces::Layout;
use crate::storage::PieceFilesFactory;
use crate::tasks::TaskFailed;
use crate::{ActivateError, DeletePiecesError, TorrentSpec, peers, storage};

/// Trackers say themselves how often they want to be asked; this holds whatever they say.
const TRACKER_INTERVAL: Duration = Duration::from_secs(10 * 60);

impl Engine {
    /// Makes a torrent ready for reading. Nothing is transferred before a file of it is opened.
    ///
    /// Activating an active torrent does nothing, activating a failed one starts it anew. Goes on to its end if the
    /// caller goes away. Waits for the names of the trackers, for [`crate::EngineLimits::tracker_check_timeout`] at
    /// most; pieces that are on the disk are checked afterwards, [`Engine::open_file`] waits for that.
    ///
    /// # Errors
    /// [`ActivateError`].
    pub async fn activate(&self, spec: TorrentSpec) -> Result<(), ActivateError> {
        let inner = Arc::clone(&self.inner);
        let name = format!("activate {}", spec.info_hash);
        match self.inner.tasks.run(name, async move { inner.activate(spec).await }).await {
            Ok(result) => result,
            Err(TaskFailed::Stopped) => Err(ActivateError::ShuttingDown),
            Err(failed @ TaskFailed::Panicked) => Err(ActivateError::Failed(failed.to_string())),
        }
    }

    /// Takes a torrent out of transfers; its readers end with [`crate::ReadError::Removed`]. Gives whether it was
    /// active. Goes on to its end if the caller goes away.
    ///
    /// # Errors
    /// [`DeletePiecesError`]; the torrent is out of transfers even then.
    pub async fn deactivate(
        &self,
        info_hash: InfoHash,
        delete_pieces: bool,
    ) -> Result<bool, DeletePiecesError> {
        let inner = Arc::clone(&self.inner);
        let task = async move {
            let _turn = inner.turns.take(info_hash).await;
            let was_active = inner.end(info_hash).await?;
            if delete_pieces {
                inner.delete_folder(info_hash).await?;
            }
            Ok(was_active)
        };
        self.inner
            .tasks
            .run(format!("deactivate {info_hash}"), task)
            .await
            .unwrap_or_else(|failed| Err(DeletePiecesError::Failed(failed.to_string())))
    }

    /// Deletes the pieces of a torrent, active or not; an active one is deactivated.
    ///
    /// # Errors
    /// [`DeletePiecesError`].
    pub async fn delete_pieces(&self, info_hash: InfoHash) -> Result<(), DeletePiecesError> {
        self.deactivate(info_hash, true).await.map(drop)
    }

    /// Stops or resumes the transfers of all torrents, also of those activated later. While they are stopped, what is
    /// here can be read; reads of what is not end with [`crate::ReadError::Paused`].
    pub async fn set_paused(&self, is_paused: bool) {
        self.inner.set_is_paused(is_paused);
        for torrent in self.inner.all() {
            // Readers hear it before the session has let go of its peers.
            if is_paused && !torrent.is_failed() {
                torrent.publish(Phase::Paused);
            }
            let inner = Arc::clone(&self.inner);
            let name = format!("pause {}", torrent.info_hash);
            let task = async move { inner.follow_pause(&torrent).await };
            if let Err(error) = self.inner.tasks.run(name, task).await {
                tracing::warn!(%error, "a torrent could not be paused or resumed");
            }
        }
    }
}

impl Inner {
    async fn activate(&self, spec: TorrentSpec) -> Result<(), ActivateError> {
        let metainfo = Metainfo::parse(&spec.torrent_file)?;
        if metainfo.info_hash != spec.info_hash {
            return Err(ActivateError::WrongInfoHash(metainfo.info_hash));
        }
        let _turn = self.turns.take(spec.info_hash).await;
        match self.torrent(spec.info_hash) {
            Some(torrent) if torrent.is_failed() => {
                self.end(spec.info_hash).await.map_err(|error| ActivateError::Failed(error.to_string()))?;
            }
            Some(_) => return Ok(()),
            None => {}
        }
        let mut trackers = self.trackers.judge(&spec.trackers).await;
        let mut peers = peers::allowed(&spec.peers, self.config.addresses);
        if metainfo.is_private {
            // BEP 27: one tracker at a time, and nobody that it did not name.
            trackers.truncate(1);
            peers.clear();
        }
        let (trackers, routes) = self.through_relay(trackers);
        let handle = self.add_to_session(&metainfo, &spec, &trackers, peers).await?;
        let layout = Layout::new(&metainfo);
        let phase = if self.is_paused() { Phase::Paused } else { Phase::Live };
        let changed = Arc::clone(&self.changed);
        self.insert(Arc::new(ActiveTorrent::new(spec.info_hash, handle, layout, routes, phase, changed)));
        self.changed.notify_one();
        Ok(())
    }

    /// What the session is told to ask instead of `trackers`.
    fn through_relay(&self, trackers: Vec<Url>) -> (Vec<Url>, Vec<Route>) {
        let mut routes = Vec::new();
        let trackers = trackers
            .into_iter()
            .filter_map(|tracker| {
                if tracker.scheme() == "udp" {
                    return Some(tracker);
                }
                let route = self.relay.as_ref()?.route(tracker)?;
                let url = route.url.clone();
                routes.push(route);
                Some(url)
            })
            .collect();
        (trackers, routes)
    }

    async fn add_to_session(
        &self,
        metainfo: &Metainfo,
        spec: &TorrentSpec,
        trackers: &[Url],
        peers: Vec<SocketAddr>,
    ) -> Result<Arc<ManagedTorrent>, ActivateError> {
        let folder = storage::folder_of(&self.config.pieces_dir, spec.info_hash);
        let options = AddTorrentOptions {
            paused: true,
            only_files: Some(Vec::new()),
            overwrite: true,
            output_folder: Some(folder.to_string_lossy().into_owned()),
            force_tracker_interval: Some(TRACKER_INTERVAL),
            initial_peers: Some(peers),
            preferred_id: Some(self.next_id()),
            storage_factory: Some(PieceFilesFactory::new(folder).boxed()),
            trackers: Some(trackers.iter().map(ToString::to_string).collect()),
            ..AddTorrentOptions::default()
        };
        // The bytes are cut to the checked part once more: what stands beside it, trackers above all, is not judged.
        let torrent_file = AddTorrent::from_bytes(metainfo.bare_torrent_file(&spec.torrent_file));
        let added = self
            .session
            .add_torrent(torrent_file, Some(options))
            .await
            .map_err(|error| ActivateError::Failed(format!("{error:#}")))?;
        match added {
            AddTorrentResponse::Added(_, handle) | AddTorrentResponse::AlreadyManaged(_, handle)
                if handle.info_hash().0 == *spec.info_hash.as_bytes() =>
            {
                Ok(handle)
            }
            _ => Err(ActivateError::Failed("the session answered with another torrent".to_owned())),
        }
    }

    /// Selects what is being watched and starts transfers, in this order: peers that find nothing to do at first don't
    /// look again for seconds.
    pub(crate) async fn start_transfers(self: &Arc<Self>, torrent: &Arc<ActiveTorrent>) {
        self.select_files(torrent).await;
        if torrent.is_started() {
            return;
        }
        let inner = Arc::clone(self);
        let torrent = Arc::clone(torrent);
        let name = format!("start {}", torrent.info_hash);
        let task = async move {
            torrent.set_started();
            inner.follow_pause(&torrent).await;
        };
        if let Err(error) = self.tasks.run(name, task).await {
            tracing::warn!(%error, "transfers could not be started");
        }
    }

    /// Tells the session which files are being watched, if that has changed. It can't hear that while it checks
    /// pieces; then the supervisor tells it later.
    pub(crate) async fn select_files(self: &Arc<Self>, torrent: &Arc<ActiveTorrent>) {
        if torrent.new_selection().is_none() {
            return;
        }
        let inner = Arc::clone(self);
        let torrent = Arc::clone(torrent);
        let name = format!("select files {}", torrent.info_hash);
        let task = async move {
            let _turn = inner.turns.take(torrent.info_hash).await;
            let Some(selected) = torrent.new_selection() else { return };
            let is_ready = torrent.handle.with_state(|state| {
                matches!(state, ManagedTorrentState::Live(_) | ManagedTorrentState::Paused(_))
            });
            if !is_ready {
                return;
            }
            let files = selected.iter().copied().collect();
            match inner.session.update_only_files(&torrent.handle, &files).await {
                Ok(()) => torrent.set_selected(selected),
                Err(error) => tracing::debug!(error = format!("{error:#}"), "selection not taken"),
            }
        };
        if let Err(error) = self.tasks.run(name, task).await {
            tracing::debug!(%error, "selection not taken");
        }
    }

    /// Brings one torrent of the session into the state that [`Engine::set_paused`] asks for.
    async fn follow_pause(&self, torrent: &ActiveTorrent) {
        let _turn = self.turns.take(torrent.info_hash).await;
        let is_removed = self.torrent(torrent.info_hash).is_none();
        if is_removed || torrent.is_failed() {
            return;
        }
        let is_paused = self.is_paused();
        let is_live = torrent.handle.live().is_some();
        let changed = if is_paused && is_live {
            self.session.pause(&torrent.handle).await
        } else if !is_paused && !is_live && torrent.is_started() {
            self.session.unpause(&torrent.handle).await
        } else {
            Ok(())
        };
        if let Err(error) = changed {
            tracing::warn!(info_hash = %torrent.info_hash, error = format!("{error:#}"), is_paused, "not followed");
        }
        torrent.publish(if is_paused { Phase::Paused } else { Phase::Live });
    }

    /// Ends an active torrent; its turn must be held.
    async fn end(&self, info_hash: InfoHash) -> Result<bool, DeletePiecesError> {
        let Some(torrent) = self.remove(info_hash) else { return Ok(false) };
        torrent.publish(Phase::Removed);
        self.changed.notify_one();
        let id = torrent.handle.id();
        self.session
            .delete(id.into(), false)
            .await
            .map_err(|error| DeletePiecesError::Failed(format!("{error:#}")))?;
        Ok(true)
    }

    async fn delete_folder(&self, info_hash: InfoHash) -> Result<(), DeletePiecesError> {
        let folder = storage::folder_of(&self.config.pieces_dir, info_hash);
        tokio::task::spawn_blocking(move || storage::delete_folder(&folder))
            .await
            .map_err(|error| DeletePiecesError::Failed(error.to_string()))?
            .map_err(|error| DeletePiecesError::Io { info_hash, error })
    }
}
