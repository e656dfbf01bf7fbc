//! A torrent, swarms of ours that have it or not, and librqbit as a foreign peer.
#![allow(dead_code, reason = "each test file uses a part")]
#![allow(clippy::unwrap_used, reason = "what prepares a test fails with it")]

pub(crate) mod hostile;
pub(crate) mod process;
pub(crate) mod villains;

use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use freshet_model::InfoHash;
use freshet_swarm::pieces::{FileSpan, ResumeFile};
use freshet_swarm::schedule::Class;
use freshet_swarm::{Layout, Metadata, NetworkSettings, Swarm, SwarmConfig, Torrent, TorrentSpec};
use librqbit::{AddTorrent, AddTorrentOptions, ConnectionOptions, ListenerOptions, Session, SessionOptions};
use sha1::{Digest, Sha1};
use tokio::io::AsyncReadExt;
use tokio::sync::{mpsc, watch};
use tokio::time::timeout;

pub(crate) const PATIENCE: Duration = Duration::from_secs(30);
pub(crate) const PIECE_BYTES: u32 = 32 * 1024;
const FILE_NAME: &str = "film";

/// One file of bytes that look like noise, as a torrent.
#[derive(Clone)]
pub(crate) struct Film {
    pub(crate) content: Vec<u8>,
    pub(crate) info: Bytes,
    pub(crate) spec: TorrentSpec,
}

pub(crate) fn film(bytes: usize) -> Film {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64 ^ bytes as u64;
    let next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()[0]
    };
    let content: Vec<u8> = std::iter::repeat_with(next).take(bytes).collect();
    let hashes: Vec<[u8; 20]> =
        content.chunks(PIECE_BYTES as usize).map(|piece| Sha1::digest(piece).into()).collect();
    let head = format!(
        "d6:lengthi{bytes}e4:name{}:{FILE_NAME}12:piece lengthi{PIECE_BYTES}e6:pieces{}:",
        FILE_NAME.len(),
        hashes.len() * 20
    );
    let info = Bytes::from([head.as_bytes(), hashes.as_flattened(), b"e"].concat());
    let spec = TorrentSpec {
        info_hash: InfoHash::new(Sha1::digest(&info).into()),
        layout: Layout::new(PIECE_BYTES, bytes as u64).unwrap(),
        piece_hashes: hashes.into(),
        files: [FileSpan { length_bytes: bytes as u64, is_padding: false }].into(),
        is_private: false,
        info: Some(info.clone()),
    };
    Film { content, info, spec }
}

pub(crate) fn config(dir: &Path, id: u8) -> SwarmConfig {
    SwarmConfig {
        pieces_dir: dir.to_owned(),
        listen_port: Some(0),
        peer_id: [id; 20],
        accepts: Arc::new(|_| true),
        budget_bytes: None,
        resume: Arc::new(ResumeFile::new(dir)),
        download_limit_bytes_per_sec: None,
        upload_limit_bytes_per_sec: None,
        network: NetworkSettings::default(),
        route: freshet_web::Route::default(),
        blocklist: Arc::default(),
    }
}

pub(crate) async fn swarm(dir: &Path, id: u8) -> Swarm {
    Swarm::start(config(dir, id)).await.unwrap()
}

pub(crate) async fn swarm_with(dir: &Path, id: u8, network: NetworkSettings) -> Swarm {
    Swarm::start(SwarmConfig { network, ..config(dir, id) }).await.unwrap()
}

pub(crate) fn local(port: u16) -> SocketAddr {
    SocketAddr::from((Ipv4Addr::LOCALHOST, port))
}

pub(crate) fn address_of(swarm: &Swarm) -> SocketAddr {
    local(swarm.listen_port().unwrap())
}

/// Puts the film where the swarm of this folder looks for it, and waits until it has seen it.
pub(crate) async fn seed(swarm: &Swarm, dir: &Path, film: &Film) -> Torrent {
    let folder = dir.join(film.spec.info_hash.to_string());
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join("0"), &film.content).unwrap();
    let torrent = swarm.add(film.spec.clone()).unwrap();
    let mut stats = torrent.stats();
    let is_here = stats.wait_for(|stats| stats.have_bytes == film.content.len() as u64);
    timeout(PATIENCE, is_here).await.unwrap().unwrap();
    torrent
}

/// Looks again and again until it is so.
pub(crate) async fn until<F: Future<Output = bool>>(what: &str, mut is_so: impl FnMut() -> F) {
    let looking = async {
        while !is_so().await {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    timeout(PATIENCE, looking).await.unwrap_or_else(|_| panic!("in time: {what}"));
}

pub(crate) async fn read_all(torrent: &Torrent) -> Vec<u8> {
    let mut reader = torrent.open_reader(0..u64::MAX, Class::Player).await.unwrap();
    let mut whole = Vec::new();
    timeout(PATIENCE, reader.read_to_end(&mut whole)).await.expect("it comes in time").unwrap();
    whole
}

/// Resolves from these addresses, of which more may come.
pub(crate) async fn resolve(swarm: &Swarm, info_hash: InfoHash, addresses: &[SocketAddr]) -> Metadata {
    let (found, finding) = mpsc::channel(addresses.len().max(1));
    for address in addresses {
        found.send(*address).await.unwrap();
    }
    let (progress, _) = watch::channel(Default::default());
    let metadata = timeout(PATIENCE, swarm.resolve(info_hash, finding, progress)).await;
    drop(found);
    metadata.expect("it comes in time").unwrap()
}

/// librqbit on loopback, alone with those it is told of.
pub(crate) async fn foreign(
    dir: &Path,
    listener: ListenerOptions,
    connect: ConnectionOptions,
) -> Arc<Session> {
    let options = SessionOptions {
        dht: None,
        disable_trackers: true,
        disable_local_service_discovery: true,
        ipv4_only: true,
        listen: Some(ListenerOptions { listen_addr: local(0), ipv4_only: true, ..listener }),
        connect: Some(connect),
        runtime_worker_threads: Some(64),
        ..SessionOptions::default()
    };
    Session::new_with_opts(dir.to_owned(), options).await.unwrap()
}

pub(crate) fn torrent_file(film: &Film) -> Vec<u8> {
    [b"d4:info", &film.info[..], b"e"].concat()
}

/// Lets librqbit seed the film; gives where it listens.
pub(crate) async fn foreign_seed(session: &Arc<Session>, dir: &Path, film: &Film) -> SocketAddr {
    std::fs::write(dir.join(FILE_NAME), &film.content).unwrap();
    let handle = session
        .add_torrent(AddTorrent::from_bytes(torrent_file(film)), Some(foreign_options(dir, &[])))
        .await
        .unwrap()
        .into_handle()
        .unwrap();
    timeout(PATIENCE, handle.wait_until_completed()).await.unwrap().unwrap();
    session.listen_addr().unwrap()
}

/// Lets librqbit fetch the film by its magnet link from these peers; gives what it got.
pub(crate) async fn foreign_fetch(
    session: &Arc<Session>,
    dir: &Path,
    film: &Film,
    peers: &[SocketAddr],
) -> Vec<u8> {
    let magnet = format!("magnet:?xt=urn:btih:{}", film.spec.info_hash);
    let adding = session.add_torrent(AddTorrent::from_url(magnet), Some(foreign_options(dir, peers)));
    let handle = timeout(PATIENCE, adding).await.unwrap().unwrap().into_handle().unwrap();
    timeout(PATIENCE, handle.wait_until_completed()).await.unwrap().unwrap();
    std::fs::read(dir.join(FILE_NAME)).unwrap()
}

fn foreign_options(dir: &Path, peers: &[SocketAddr]) -> AddTorrentOptions {
    AddTorrentOptions {
        overwrite: true,
        output_folder: Some(dir.to_string_lossy().into_owned()),
        initial_peers: Some(peers.to_vec()),
        ..AddTorrentOptions::default()
    }
}
