//! Peers that were good to a torrent, kept until somebody remembers them for its next start.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use freshet_model::InfoHash;
use freshet_swarm::Torrent;
use tokio::sync::Notify;

use crate::Engine;

/// A torrent that is busy may take so long to name them; its end does not wait longer.
const ASK_TIMEOUT: Duration = Duration::from_secs(1);
/// Torrents whose peers wait to be fetched. Whoever comes too late is not remembered.
const MAX_TORRENTS: usize = 1024;

/// Peers of torrents that have ended.
#[derive(Debug, Default)]
pub(crate) struct GoodPeers {
    kept: Mutex<HashMap<InfoHash, Vec<SocketAddr>>>,
    added: Notify,
}

impl GoodPeers {
    /// Asks a torrent that is about to end. Where nobody was good, nothing is kept: what is known from before is better.
    pub(crate) async fn ask(&self, torrent: &Torrent) {
        // BEP 27: only its trackers say who may take part.
        if torrent.spec().is_private {
            return;
        }
        let Ok(peers) = tokio::time::timeout(ASK_TIMEOUT, torrent.good_peers()).await else {
            tracing::debug!(info_hash = %torrent.spec().info_hash, "good peers were not named in time");
            return;
        };
        self.keep(torrent.spec().info_hash, peers);
    }

    fn keep(&self, info_hash: InfoHash, peers: Vec<SocketAddr>) {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if peers.is_empty() || (kept.len() >= MAX_TORRENTS && !kept.contains_key(&info_hash)) {
            return;
        }
        kept.insert(info_hash, peers);
        self.added.notify_one();
    }

    fn take(&self) -> Option<(InfoHash, Vec<SocketAddr>)> {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let info_hash = *kept.keys().next()?;
        kept.remove_entry(&info_hash)
    }
}

impl Engine {
    /// Peers that sent something right to a torrent which has ended, at most 200, to be given back in
    /// [`crate::TorrentSpec::peers`]; each torrent is named once. After [`Engine::shutdown`] those of the last torrents are
    /// among them. Torrents to which nobody was good are not named, and private ones never.
    pub fn take_good_peers(&self) -> Option<(InfoHash, Vec<SocketAddr>)> {
        self.inner.good_peers.take()
    }

    /// Waits until [`Engine::take_good_peers`] may have something. Of several who wait, one is woken.
    pub async fn good_peers_added(&self) {
        self.inner.good_peers.added.notified().await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn peers_are_kept_until_they_are_taken_and_no_more_than_somebody_needs() {
        let good_peers = GoodPeers::default();
        let peer: SocketAddr = "1.1.1.1:7000".parse().unwrap();
        let hash =
            |n: usize| InfoHash::new([(n % 251) as u8, (n / 251) as u8].repeat(10).try_into().unwrap());

        good_peers.keep(hash(0), Vec::new());
        assert_eq!(good_peers.take(), None, "nobody was good");
        for n in 0..MAX_TORRENTS + 1 {
            good_peers.keep(hash(n), vec![peer]);
        }
        good_peers.keep(hash(0), vec![peer, peer]);

        good_peers.added.notified().await;
        let taken: HashMap<_, _> = std::iter::from_fn(|| good_peers.take()).collect();
        assert_eq!((taken.len(), taken[&hash(0)].len()), (MAX_TORRENTS, 2));
    }
}
