//! The details of a magnet's torrent, asked from peers.
//!
//! The connections over which they came are kept for a moment: when the film is opened right away, nobody has to be called
//! anew.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use freshet_model::{InfoHash, Magnet, TransferStats, WaitReason, limits};
use freshet_swarm::discover::{SearchSpec, Totals};
use freshet_swarm::{ResolveProgress, ResolvedPeers};
use freshet_web::{HostError, WebClient};
use futures::stream::{self, BoxStream, SelectAll, StreamExt};
use tokio::sync::{mpsc, watch};
use url::Url;

use super::{Given, Resolved, check};
use crate::engine::Inner;
use crate::search::Trackers;
use crate::{EngineConfig, ResolveError, peers};

/// Addresses that wait to be asked.
const WAITING_ADDRESSES: usize = 64;
/// How long connections are kept for somebody who opens the film after its details came.
const WARM_TIME: Duration = Duration::from_secs(60);
/// Torrents whose connections are kept at a time.
const MAX_WARM: usize = 8;

/// How far every magnet is that is being resolved.
#[derive(Debug, Default)]
pub(crate) struct Resolving {
    progress: Mutex<HashMap<InfoHash, Looked>>,
}

/// How far one is.
#[derive(Debug, Clone)]
struct Looked {
    progress: watch::Receiver<ResolveProgress>,
    trackers: Arc<Trackers>,
}

impl Looked {
    fn stats(&self, info_hash: InfoHash) -> TransferStats {
        let progress = *self.progress.borrow();
        let waiting = if progress.connected == 0 { WaitReason::NoPeers } else { WaitReason::NoDetails };
        TransferStats {
            connected_peers: progress.connected,
            known_peers: progress.known,
            waiting: Some(waiting),
            tracker_refusal: self.trackers.refusal(),
            ..TransferStats::new(info_hash)
        }
    }
}

impl Resolving {
    /// How every one stands.
    pub(crate) fn stats(&self) -> Vec<TransferStats> {
        let all = self.progress.lock().unwrap_or_else(PoisonError::into_inner);
        all.iter().map(|(info_hash, looked)| looked.stats(*info_hash)).collect()
    }

    fn begin(&self, info_hash: InfoHash) -> (watch::Sender<ResolveProgress>, Counting<'_>) {
        let (told, progress) = watch::channel(ResolveProgress::default());
        let looked = Looked { progress, trackers: Arc::default() };
        let mut all = self.progress.lock().unwrap_or_else(PoisonError::into_inner);
        all.insert(info_hash, looked.clone());
        (told, Counting { resolving: self, info_hash, looked })
    }
}

struct Counting<'a> {
    resolving: &'a Resolving,
    info_hash: InfoHash,
    looked: Looked,
}

impl Drop for Counting<'_> {
    fn drop(&mut self) {
        let mut all = self.resolving.progress.lock().unwrap_or_else(PoisonError::into_inner);
        // Somebody else may be resolving the same magnet meanwhile.
        if all.get(&self.info_hash).is_some_and(|looked| Arc::ptr_eq(&looked.trackers, &self.looked.trackers))
        {
            all.remove(&self.info_hash);
        }
    }
}

/// Connections over which details came, for whoever opens the film.
#[derive(Debug, Default)]
pub(crate) struct Warm {
    kept: Mutex<HashMap<InfoHash, (Instant, ResolvedPeers)>>,
}

impl Warm {
    fn keep(&self, info_hash: InfoHash, peers: ResolvedPeers) {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.len() >= MAX_WARM
            && let Some(oldest) = kept.iter().min_by_key(|(_, (since, _))| *since).map(|(hash, _)| *hash)
        {
            kept.remove(&oldest);
        }
        kept.insert(info_hash, (Instant::now(), peers));
    }

    pub(crate) fn take(&self, info_hash: InfoHash) -> Option<ResolvedPeers> {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.remove(&info_hash).map(|(_, peers)| peers)
    }

    /// Closes those that nobody needed in time.
    pub(crate) fn let_cool(&self) {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.retain(|_, (since, _)| since.elapsed() < WARM_TIME);
    }
}

/// Asks peers until the details are whole, or there is nobody left.
pub(super) async fn resolve(inner: &Arc<Inner>, magnet: Magnet) -> Result<Resolved, ResolveError> {
    let may_search = inner.ways().dht || may_ask_any(&magnet.trackers, &inner.config, &inner.web).await;
    let (told, counting) = inner.resolving.begin(magnet.info_hash);
    let mut sources = sources(inner, &magnet, may_search, &counting.looked.trackers);
    let (found, addresses) = mpsc::channel(WAITING_ADDRESSES);
    let policy = inner.config.addresses;
    let name = async move {
        while let Some(peer) = sources.next().await {
            let peer = SocketAddr::new(peer.ip().to_canonical(), peer.port());
            if peers::is_allowed(peer, policy) && found.send(peer).await.is_err() {
                return;
            }
        }
    };
    let asking = inner.swarm.resolve(magnet.info_hash, addresses, told);
    let named = async {
        name.await;
        std::future::pending().await
    };
    let metadata = tokio::select! {
        metadata = asking => metadata,
        () = named => return Err(ResolveError::Cancelled),
    };
    let metadata = match metadata {
        Ok(metadata) => metadata,
        Err(freshet_swarm::ResolveError::Stopped) => return Err(ResolveError::Cancelled),
        Err(freshet_swarm::ResolveError::NoPeers) => {
            let progress = *counting.looked.progress.borrow();
            return Err(match progress.known {
                0 => ResolveError::NobodyToAsk,
                asked => ResolveError::NoAnswer { asked },
            });
        }
    };
    let torrent_file = [b"d4:info", metadata.info.as_ref(), b"e"].concat();
    let known: Vec<SocketAddr> = magnet.peers.into_iter().chain(metadata.addresses).collect();
    let given = Given {
        trackers: magnet.trackers,
        web_seeds: magnet.web_seeds,
        peers: peers::allowed(&known, policy),
    };
    let resolved = check(&torrent_file, given)?;
    if resolved.metainfo.info_hash != magnet.info_hash {
        return Err(ResolveError::WrongInfoHash);
    }
    if !resolved.metainfo.is_private {
        inner.warm.keep(magnet.info_hash, metadata.peers);
    }
    Ok(resolved)
}

/// Everything that names peers of a torrent, side by side.
fn sources(
    inner: &Inner,
    magnet: &Magnet,
    may_search: bool,
    trackers: &Trackers,
) -> SelectAll<BoxStream<'static, SocketAddr>> {
    let mut sources = SelectAll::new();
    sources.push(stream::iter(magnet.peers.clone()).boxed());
    if !may_search {
        return sources;
    }
    let spec = SearchSpec {
        info_hash: magnet.info_hash,
        trackers: magnet.trackers.iter().map(|tracker| vec![tracker.clone()]).collect(),
        is_private: false,
        extra_trackers: Vec::new(),
    };
    // How much is left is not known yet; nothing would make us a seeder.
    let (_, totals) = watch::channel(Totals { left_bytes: 1, ..Totals::default() });
    let search = inner.discovery.search(spec, totals);
    trackers.follow(&search);
    sources.push(search.map(|found| found.address).boxed());
    sources
}

/// Whether there is a tracker that the address policy allows. Who has no address in time may have one later.
async fn may_ask_any(trackers: &[Url], config: &EngineConfig, web: &WebClient) -> bool {
    let judge = async |tracker: &Url| {
        let (Some(host), Some(port)) = (tracker.host(), tracker.port_or_known_default()) else {
            return false;
        };
        let judged = web.check_host(&host, port);
        match tokio::time::timeout(config.limits.tracker_check_timeout, judged).await {
            Ok(Err(HostError::Refused)) => false,
            Ok(_) | Err(_) => true,
        }
    };
    let judged = trackers.iter().take(limits::MAX_TRACKERS).map(judge);
    futures::future::join_all(judged).await.contains(&true)
}
