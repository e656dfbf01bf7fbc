//! From what a person gave to a checked torrent.

mod magnet;

use std::net::SocketAddr;
use std::sync::Arc;

use freshet_model::{Magnet, Metainfo, TorrentSource};
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
    /// The `.torrent` with nothing but its `info` dictionary and web seeds ([`Metainfo::bare_torrent_file`]).
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
        // Whoever awaits this need not have room for all of it.
        let resolving = Box::pin(async move {
            tokio::time::timeout(limit, inner.resolve(source)).await.unwrap_or(Err(ResolveError::TimedOut))
        });
        let task = self.inner.tasks.run_while_wanted("resolve".to_owned(), resolving);
        match cancel.run_until_cancelled(task).await {
            Some(Ok(result)) => result,
            Some(Err(TaskFailed::Stopped)) | None => Err(ResolveError::Cancelled),
            Some(Err(failed @ TaskFailed::Panicked)) => Err(ResolveError::Failed(failed.to_string())),
        }
    }
}

impl Inner {
    async fn resolve(self: &Arc<Self>, source: TorrentSource) -> Result<Resolved, ResolveError> {
        let magnet = match source {
            TorrentSource::TorrentFile(bytes) => return check(&bytes, Given::default()),
            TorrentSource::Web(url) => match self.web.get_torrent(&url).await? {
                TorrentLink::File(bytes) => return check(&bytes, Given::default()),
                TorrentLink::Magnet(link) => Magnet::parse(&link)?,
            },
            TorrentSource::Magnet(magnet) => magnet,
            TorrentSource::Torrs(torrs) => torrs.magnet(),
        };
        magnet::resolve(self, magnet).await
    }
}

/// What is known of a torrent beside its file.
#[derive(Debug, Default)]
struct Given {
    trackers: Vec<Url>,
    /// Of a magnet link.
    web_seeds: Vec<Url>,
    peers: Vec<SocketAddr>,
}

/// The one door: nothing goes on that [`Metainfo::parse`] refuses.
fn check(bytes: &[u8], given: Given) -> Result<Resolved, ResolveError> {
    let Given { trackers, web_seeds, peers } = given;
    let mut metainfo = Metainfo::parse(bytes)?;
    // Who made a private torrent says where it comes from (BEP 27), and not who made a link to it.
    if !metainfo.is_private && metainfo.web_seeds.is_empty() {
        metainfo.web_seeds = web_seeds;
    }
    let torrent_file = metainfo.bare_torrent_file(bytes);
    let trackers = if trackers.is_empty() { metainfo.trackers } else { trackers };
    // From here on the details belong to the bytes that are kept.
    let metainfo = Metainfo::parse(&torrent_file)?;
    Ok(Resolved { metainfo, torrent_file, trackers, peers })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_magnet_link_names_web_seeds_of_public_torrents_that_name_none() {
        let torrent = |private: &str, outer: &str| {
            format!(
                "d4:infod6:lengthi9e4:name1:a12:piece lengthi16384e6:pieces20:01234567890123456789{private}e{outer}e"
            )
        };
        let own = "8:url-list17:http://o.example/";
        let table = [
            (torrent("", ""), Some("http://m.example/")),
            (torrent("", own), Some("http://o.example/")),
            (torrent("7:privatei1e", ""), None),
            (torrent("7:privatei1e", own), Some("http://o.example/")),
        ];
        for (bytes, expected) in table {
            let web_seeds = vec!["http://m.example/".parse().unwrap()];
            let resolved = check(bytes.as_bytes(), Given { web_seeds, ..Given::default() }).unwrap();
            let kept = Metainfo::parse(&resolved.torrent_file).unwrap().web_seeds;
            assert_eq!(kept.first().map(Url::as_str), expected, "{bytes}");
            assert!(kept.len() <= 1);
        }
    }
}
