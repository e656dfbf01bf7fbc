//! From what a person gave to a checked torrent.

mod magnet;

use std::net::SocketAddr;
use std::sync::Arc;

use freshet_model::{InfoHash, Magnet, Metainfo, TorrentSource};
use freshet_web::TorrentLink;
use tokio_util::sync::CancellationToken;
use url::Url;

use crate::ResolveError;
use crate::engine::{Engine, Inner};
use crate::tasks::TaskFailed;

pub(crate) use magnet::{Resolving, Warm};

/// A torrent whose details are known and checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resolved {
    /// Read from [`Resolved::torrent_file`].
    pub metainfo: Metainfo,
    /// The `.torrent` with nothing but its `info` dictionary ([`Metainfo::bare_torrent_file`]).
    pub torrent_file: Vec<u8>,
    /// Trackers as they were given, in the magnet link or the file; judged again at every activation.
    pub trackers: Vec<Url>,
    /// Peers that were seen meanwhile.
    pub peers: Vec<SocketAddr>,
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

    /// How many peers were asked so far for the details of a torrent that is being resolved.
    pub fn resolving_peers(&self, info_hash: InfoHash) -> Option<u32> {
        self.inner.resolving.asked(info_hash)
    }
}

impl Inner {
    async fn resolve(self: &Arc<Self>, source: TorrentSource) -> Result<Resolved, ResolveError> {
        let magnet = match source {
            TorrentSource::TorrentFile(bytes) => return check(&bytes, Vec::new(), Vec::new()),
            TorrentSource::Web(url) => match self.web.get_torrent(&url).await? {
                TorrentLink::File(bytes) => return check(&bytes, Vec::new(), Vec::new()),
                TorrentLink::Magnet(link) => Magnet::parse(&link)?,
            },
            TorrentSource::Magnet(magnet) => magnet,
            TorrentSource::Torrs(torrs) => torrs.magnet(),
        };
        magnet::resolve(self, magnet).await
    }
}

/// The one door: nothing goes on that [`Metainfo::parse`] refuses.
fn check(bytes: &[u8], given_trackers: Vec<Url>, peers: Vec<SocketAddr>) -> Result<Resolved, ResolveError> {
    let metainfo = Metainfo::parse(bytes)?;
    let torrent_file = metainfo.bare_torrent_file(bytes);
    let trackers = if given_trackers.is_empty() { metainfo.trackers } else { given_trackers };
    // From here on the details belong to the bytes that are kept.
    let metainfo = Metainfo::parse(&torrent_file)?;
    Ok(Resolved { metainfo, torrent_file, trackers, peers })
}
