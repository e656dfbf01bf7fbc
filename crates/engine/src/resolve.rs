//! From what a person gave to a checked torrent.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::atomic::AtomicU32;
use std::sync::{Arc, Mutex};

use freshet_model::{InfoHash, Magnet, Metainfo, TorrentSource};
use freshet_web::TorrentLink;
use librqbit::{AddTorrent, AddTorrentOptions, AddTorrentResponse};
use tokio_util::sync::CancellationToken;
use url::Url;

use crate::engine::{Engine, Inner};
use crate::tasks::TaskFailed;
use crate::{ResolveError, peers};

/// A torrent whose details are known and checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resolved {
    pub metainfo: Metainfo,
    /// The `.torrent` with nothing but its `info` dictionary ([`Metainfo::bare_torrent_file`]).
    pub torrent_file: Vec<u8>,
    /// Trackers as they were given, in the magnet link or the file; judged again at every activation.
    pub trackers: Vec<Url>,
    /// Peers that were seen meanwhile.
    pub peers: Vec<SocketAddr>,
}

/// Peers that are being asked, for every magnet that is being resolved.
#[derive(Debug, Default)]
pub(crate) struct Resolving {
    #[allow(dead_code)]
    asked: Mutex<HashMap<InfoHash, Arc<AtomicU32>>>,
}

impl Engine {
    /// Gets the details of a torrent and checks them. Runs in a task of its own, which ends when the caller goes away,
    /// `cancel` is cancelled or [`crate::EngineLimits::resolve_timeout`] is over.
    ///
    /// # Errors
    /// [`ResolveError`].
    pub async fn resolve(
        &self,
        source: TorrentSource,
        cancel: CancellationToken,
    ) -> Result<Resolved, ResolveError> {
        let inner = Arc::clone(&self.inner);
        let limit = inner.config.limits.resolve_timeout;
        let task = self.inner.tasks.run_while_wanted("resolve".to_owned(), async move {
            tokio::time::timeout(limit, inner.resolve(source)).await.unwrap_or(Err(ResolveError::TimedOut))
        });
        match cancel.run_until_cancelled(task).await {
            Some(Ok(result)) => result,
            Some(Err(TaskFailed::Stopped)) | None => Err(ResolveError::Cancelled),
            Some(Err(failed @ TaskFailed::Panicked)) => Err(ResolveError::Failed(failed.to_string())),
        }
    }
}

impl Inner {
    async fn resolve(&self, source: TorrentSource) -> Result<Resolved, ResolveError> {
        let magnet = match source {
            TorrentSource::TorrentFile(bytes) => return check(&bytes, Vec::new(), Vec::new()),
            TorrentSource::Web(url) => match self.web.get_torrent(&url).await? {
                TorrentLink::File(bytes) => return check(&bytes, Vec::new(), Vec::new()),
                TorrentLink::Magnet(link) => Magnet::parse(&link)?,
            },
            TorrentSource::Magnet(magnet) => magnet,
        };
        self.resolve_magnet(magnet).await
    }

    async fn resolve_magnet(&self, magnet: Magnet) -> Result<Resolved, ResolveError> {
        let vetted = self.trackers.judge(&magnet.trackers).await;
        let rewritten =
            Magnet { trackers: vetted, peers: Vec::new(), display_name: None, ..magnet.clone() }.to_uri();
        let options = AddTorrentOptions {
            list_only: true,
            initial_peers: Some(peers::allowed(&magnet.peers, self.config.addresses)),
            output_folder: Some(String::new()),
            ..AddTorrentOptions::default()
        };
        let found = self
            .session
            .add_torrent(AddTorrent::from_url(rewritten), Some(options))
            .await
            .map_err(|error| ResolveError::Failed(format!("{error:#}")))?;
        let AddTorrentResponse::ListOnly(found) = found else {
            return Err(ResolveError::Failed("the session did not list the torrent".to_owned()));
        };
        let peers = peers::allowed(&found.seen_peers, self.config.addresses);
        let resolved = check(&found.torrent_bytes, magnet.trackers, peers)?;
        if resolved.metainfo.info_hash != magnet.info_hash {
            return Err(ResolveError::WrongInfoHash);
        }
        Ok(resolved)
    }
}

/// The one door: nothing goes on that [`Metainfo::parse`] refuses.
fn check(bytes: &[u8], given_trackers: Vec<Url>, peers: Vec<SocketAddr>) -> Result<Resolved, ResolveError> {
    let metainfo = Metainfo::parse(bytes)?;
    let torrent_file = metainfo.bare_torrent_file(bytes);
    let trackers = if given_trackers.is_empty() { metainfo.trackers.clone() } else { given_trackers };
    Ok(Resolved { metainfo, torrent_file, trackers, peers })
}
