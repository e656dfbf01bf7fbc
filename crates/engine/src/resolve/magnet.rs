//! The details of a magnet's torrent, asked from peers.
//!
//! Each peer is asked in a task of its own, by a session that knows no other way to find peers: so every address that
//! is connected to has passed the address policy, and a peer that breaks the exchange breaks its own attempt only.

use std::collections::{HashMap, HashSet, VecDeque};
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use freshet_model::{InfoHash, Magnet};
use futures::stream::{self, BoxStream, SelectAll, StreamExt};
use librqbit::{AddTorrent, AddTorrentOptions, AddTorrentResponse, Session};
use tokio::task::JoinSet;
use url::Url;

use super::{Resolved, check};
use crate::announce::{Announce, announce};
use crate::engine::Inner;
use crate::{ResolveError, peers};

/// Peers that are asked at the same time.
const CONCURRENT_PEERS: usize = 32;
/// Peers that wait for their turn; beyond that, sources have to wait.
const MAX_WAITING: usize = 500;
/// Peers of one magnet altogether.
const MAX_ASKED: usize = 2000;
const PEER_TIMEOUT: Duration = Duration::from_secs(30);
const ANNOUNCE_AGAIN: Duration = Duration::from_secs(60);
/// For trackers when nobody can reach us; 0 is refused by many.
const PORT_WHEN_CLOSED: u16 = 6881;

/// How many peers were asked, for every magnet that is being resolved.
#[derive(Debug, Default)]
pub(crate) struct Resolving {
    asked: Mutex<HashMap<InfoHash, Arc<AtomicU32>>>,
}

impl Resolving {
    pub(crate) fn asked(&self, info_hash: InfoHash) -> Option<u32> {
        let asked = self.asked.lock().unwrap_or_else(PoisonError::into_inner);
        asked.get(&info_hash).map(|count| count.load(Ordering::Relaxed))
    }

    fn begin(&self, info_hash: InfoHash) -> Counting<'_> {
        let count = Arc::new(AtomicU32::new(0));
        let mut asked = self.asked.lock().unwrap_or_else(PoisonError::into_inner);
        asked.insert(info_hash, Arc::clone(&count));
        Counting { resolving: self, info_hash, count }
    }
}

struct Counting<'a> {
    resolving: &'a Resolving,
    info_hash: InfoHash,
    count: Arc<AtomicU32>,
}

impl Drop for Counting<'_> {
    fn drop(&mut self) {
        let mut asked = self.resolving.asked.lock().unwrap_or_else(PoisonError::into_inner);
        // Somebody else may be resolving the same magnet meanwhile.
        if asked.get(&self.info_hash).is_some_and(|count| Arc::ptr_eq(count, &self.count)) {
            asked.remove(&self.info_hash);
        }
    }
}

/// Asks peers until one of them has given the details, or there is nobody left.
pub(super) async fn resolve(inner: &Arc<Inner>, magnet: Magnet) -> Result<Resolved, ResolveError> {
    let trackers = inner.trackers.judge(&magnet.trackers).await;
    let mut sources = sources(inner, &magnet, &trackers);
    let counting = inner.resolving.begin(magnet.info_hash);
    let mut seen: HashSet<SocketAddr> = HashSet::new();
    let mut waiting: VecDeque<SocketAddr> = VecDeque::new();
    let mut attempts = JoinSet::new();
    loop {
        while attempts.len() < CONCURRENT_PEERS
            && let Some(peer) = waiting.pop_front()
        {
            counting.count.fetch_add(1, Ordering::Relaxed);
            attempts.spawn(ask(Arc::clone(&inner.resolver), magnet.info_hash, peer));
        }
        let has_room = waiting.len() < MAX_WAITING && seen.len() < MAX_ASKED;
        tokio::select! {
            Some(answer) = attempts.join_next() => match answer {
                Ok(Ok((peer, bytes))) => return accept(inner, magnet, &bytes, peer, &seen),
                Ok(Err(error)) => tracing::debug!(info_hash = %magnet.info_hash, error = format!("{error:#}"), "no details"),
                Err(error) => tracing::debug!(info_hash = %magnet.info_hash, %error, "asking a peer broke off"),
            },
            Some(peer) = sources.next(), if has_room => {
                let peer = SocketAddr::new(peer.ip().to_canonical(), peer.port());
                if peers::is_allowed(peer, inner.config.addresses) && seen.insert(peer) {
                    waiting.push_back(peer);
                }
            }
            else => break,
        }
    }
    match counting.count.load(Ordering::Relaxed) {
        0 => Err(ResolveError::NobodyToAsk),
        asked => Err(ResolveError::NoAnswer { asked }),
    }
}

/// Everything that names peers of a torrent, side by side.
fn sources<'a>(
    inner: &'a Arc<Inner>,
    magnet: &Magnet,
    trackers: &[Url],
) -> SelectAll<BoxStream<'a, SocketAddr>> {
    let mut sources = SelectAll::new();
    sources.push(stream::iter(magnet.peers.clone()).boxed());
    if let Some(dht) = inner.session.get_dht() {
        let info_hash = librqbit::dht::Id20::new(*magnet.info_hash.as_bytes());
        sources.push(dht.get_peers(info_hash, None).boxed());
    }
    let question = Announce {
        info_hash: magnet.info_hash,
        peer_id: inner.peer_id,
        port: inner.status.peer_port.unwrap_or(PORT_WHEN_CLOSED),
    };
    for tracker in trackers {
        let tracker = tracker.clone();
        let rounds = stream::unfold(0_u32, move |round| {
            let tracker = tracker.clone();
            async move {
                if round > 0 {
                    tokio::time::sleep(ANNOUNCE_AGAIN).await;
                }
                let peers = match announce(&inner.web, &tracker, &question).await {
                    Ok(peers) => peers,
                    Err(error) => {
                        tracing::debug!(host = tracker.host_str(), %error, "tracker named nobody");
                        Vec::new()
                    }
                };
                Some((stream::iter(peers), round + 1))
            }
        });
        sources.push(rounds.flatten().boxed());
    }
    sources
}

/// Asks one peer. The session gets nothing of the magnet but its info hash.
async fn ask(
    resolver: Arc<Session>,
    info_hash: InfoHash,
    peer: SocketAddr,
) -> anyhow::Result<(SocketAddr, Vec<u8>)> {
    let options = AddTorrentOptions {
        list_only: true,
        initial_peers: Some(vec![peer]),
        output_folder: Some(String::new()),
        ..AddTorrentOptions::default()
    };
    let bare = AddTorrent::from_url(Magnet::bare(info_hash).to_uri());
    let found = tokio::time::timeout(PEER_TIMEOUT, resolver.add_torrent(bare, Some(options))).await??;
    match found {
        AddTorrentResponse::ListOnly(found) => Ok((peer, found.torrent_bytes.to_vec())),
        AddTorrentResponse::AlreadyManaged(..) | AddTorrentResponse::Added(..) => {
            anyhow::bail!("the session did not list the torrent")
        }
    }
}

/// Whoever gave them, the details pass our own door.
fn accept(
    inner: &Inner,
    magnet: Magnet,
    bytes: &[u8],
    answered: SocketAddr,
    seen: &HashSet<SocketAddr>,
) -> Result<Resolved, ResolveError> {
    // Who answered is asked first when the film is opened.
    let known: Vec<SocketAddr> =
        std::iter::once(answered).chain(magnet.peers).chain(seen.iter().copied()).collect();
    let resolved = check(bytes, magnet.trackers, peers::allowed(&known, inner.config.addresses))?;
    if resolved.metainfo.info_hash != magnet.info_hash {
        return Err(ResolveError::WrongInfoHash);
    }
    Ok(resolved)
}
