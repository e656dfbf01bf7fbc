//! From idle to active and back: activate, pause, deactivate, delete.

use std::sync::Arc;
use std::time::Duration;

use freshet_model::{InfoHash, Metainfo, TransferInfo};
use freshet_swarm::pieces::FileSpan;
use freshet_swarm::{PeerSource, Torrent, WebSeeds};

use crate::active::ActiveTorrent;
use crate::engine::{Engine, Inner};
use crate::phase::Phase;
use crate::pieces::Layout;
use crate::search;
use crate::tasks::TaskFailed;
use crate::{ActivateError, DeletePiecesError, TorrentSpec, peers};

/// How long a torrent that is taken out may take to end its connections and to remember what is here.
const STOP_TIMEOUT: Duration = Duration::from_secs(10);

impl Engine {
    /// Makes a torrent ready for reading. Nothing is transferred before a file of it is opened.
    ///
    /// Activating an active torrent does nothing, activating a failed one starts it anew. Goes on to its end if the
    /// caller goes away. Waits for nobody; pieces on the disk that nobody remembers are checked afterwards, those that a
    /// reader needs first.
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

    /// Keeps an active torrent, or keeps it no more. Pieces of a kept one are never given up for others, and when it is
    /// complete it is offered as long as the limits of [`freshet_model::TransferSettings`] say: then it leaves the swarm,
    /// and what is here can still be read. Of an idle one that was counted ([`Engine::count_pieces`]) only the pieces are kept;
    /// [`TorrentSpec::is_pinned`] tells the rest.
    pub async fn set_pinned(&self, info_hash: InfoHash, is_pinned: bool) {
        match self.inner.torrent(info_hash) {
            Some(torrent) => torrent.torrent.set_pinned(is_pinned).await,
            None => self.inner.swarm.set_pinned(info_hash, is_pinned).await,
        }
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
            // Readers hear it before the torrents do.
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
        let torrent = self.add_to_swarm(&metainfo, &spec)?;
        let mut peers = peers::allowed(&spec.peers, self.config.addresses);
        if metainfo.is_private {
            // BEP 27: nobody that its trackers did not name.
            peers.clear();
        }
        torrent.set_paused(self.is_paused()).await;
        torrent.add_peers(peers, PeerSource::Given).await;
        if let Some(seeds) = self.web_seeds(&metainfo, &spec.torrent_file) {
            torrent.add_web_seeds(seeds).await;
        }
        if let Some(warm) = self.warm.take(spec.info_hash) {
            torrent.adopt(warm).await;
        }
        let phase = if self.is_paused() { Phase::Paused } else { Phase::Live };
        let changed = Arc::clone(&self.changed);
        let layout = Layout::new(&metainfo);
        let active = Arc::new(ActiveTorrent::new(spec.info_hash, torrent, layout, phase, changed));
        let search =
            search::run(self.discovery.clone(), Arc::clone(&active), spec.trackers, metainfo.is_private);
        drop(self.tasks.spawn(format!("peers of {}", spec.info_hash), search));
        self.insert(active);
        self.changed.notify_one();
        Ok(())
    }

    fn add_to_swarm(&self, metainfo: &Metainfo, spec: &TorrentSpec) -> Result<Torrent, ActivateError> {
        let is_pinned = spec.is_pinned;
        let spec = swarm_spec(metainfo, &spec.torrent_file)?;
        let added = if is_pinned { self.swarm.add_pinned(spec) } else { self.swarm.add(spec) };
        added.map_err(|error| ActivateError::Failed(error.to_string()))
    }

    /// Where the files are on the web, if anybody says so.
    fn web_seeds(&self, metainfo: &Metainfo, torrent_file: &[u8]) -> Option<WebSeeds> {
        if metainfo.web_seeds.is_empty() {
            return None;
        }
        match freshet_model::web_paths(metainfo, torrent_file) {
            Ok(paths) => Some(WebSeeds {
                urls: metainfo.web_seeds.clone(),
                paths: paths.into(),
                is_single_file: metainfo.is_single_file,
                client: self.ranges.clone(),
            }),
            Err(error) => {
                tracing::debug!(info_hash = %metainfo.info_hash, %error, "the files can't be found on the web");
                None
            }
        }
    }

    /// Tells the swarm which files are being watched, if that has changed.
    pub(crate) async fn select_files(&self, torrent: &ActiveTorrent) {
        if let Some(pieces) = torrent.new_selection() {
            torrent.torrent.set_rest(pieces).await;
        }
    }

    /// Brings one torrent into the state that [`Engine::set_paused`] asks for.
    async fn follow_pause(&self, torrent: &ActiveTorrent) {
        let _turn = self.turns.take(torrent.info_hash).await;
        let is_removed = self.torrent(torrent.info_hash).is_none();
        if is_removed || torrent.is_failed() {
            return;
        }
        let is_paused = self.is_paused();
        torrent.torrent.set_paused(is_paused).await;
        torrent.publish(if is_paused { Phase::Paused } else { Phase::Live });
    }

    /// Ends an active torrent; its turn must be held.
    async fn end(&self, info_hash: InfoHash) -> Result<bool, DeletePiecesError> {
        let Some(torrent) = self.remove(info_hash) else { return Ok(false) };
        torrent.publish(Phase::Removed);
        self.changed.notify_one();
        torrent.end_search.cancel();
        self.good_peers.ask(&torrent.torrent).await;
        torrent.torrent.stop();
        if tokio::time::timeout(STOP_TIMEOUT, torrent.torrent.stopped()).await.is_err() {
            return Err(DeletePiecesError::Failed("its transfers did not end in time".to_owned()));
        }
        Ok(true)
    }

    async fn delete_folder(&self, info_hash: InfoHash) -> Result<(), DeletePiecesError> {
        let pieces_dir = self.config.pieces_dir.clone();
        tokio::task::spawn_blocking(move || freshet_swarm::pieces::delete(&pieces_dir, info_hash))
            .await
            .map_err(|error| DeletePiecesError::Failed(error.to_string()))?
            .map_err(|error| DeletePiecesError::Io { info_hash, error })?;
        self.swarm.forget_pieces(info_hash).await;
        Ok(())
    }
}

/// What the swarm needs to know of a torrent.
pub(crate) fn swarm_spec(
    metainfo: &Metainfo,
    torrent_file: &[u8],
) -> Result<freshet_swarm::TorrentSpec, ActivateError> {
    let transfer = TransferInfo::parse(metainfo, torrent_file)?;
    let failed = |error: &dyn std::fmt::Display| ActivateError::Failed(error.to_string());
    let files = metainfo.files.iter().zip(transfer.paddings);
    let spans: Vec<FileSpan> =
        files.map(|(file, is_padding)| FileSpan { length_bytes: file.length_bytes, is_padding }).collect();
    let layout = freshet_swarm::Layout::new(metainfo.piece_bytes, metainfo.total_bytes)
        .map_err(|error| failed(&error))?;
    Ok(freshet_swarm::TorrentSpec {
        info_hash: metainfo.info_hash,
        layout,
        piece_hashes: transfer.piece_hashes.into(),
        files: spans.into(),
        is_private: metainfo.is_private,
        info: torrent_file.get(metainfo.info_range.clone()).map(bytes::Bytes::copy_from_slice),
    })
}
