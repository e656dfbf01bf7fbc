//! Two of us: one has everything on its disk, the other reads it over the wire.

#![allow(clippy::unwrap_used, reason = "what prepares a test fails with it")]

use std::io::SeekFrom;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use freshet_model::InfoHash;
use freshet_swarm::pieces::{FileSpan, ResumeFile};
use freshet_swarm::schedule::Class;
use freshet_swarm::{Layout, NetworkSettings, PeerSource, Swarm, SwarmConfig, TorrentSpec};
use sha1::{Digest, Sha1};
use tokio::io::{AsyncReadExt, AsyncSeekExt};
use tokio::time::timeout;

const PATIENCE: Duration = Duration::from_secs(20);
const PIECE_BYTES: u32 = 256 * 1024;

fn pattern(bytes: usize) -> Vec<u8> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()[0]
    };
    std::iter::repeat_with(next).take(bytes).collect()
}

fn spec(content: &[u8]) -> TorrentSpec {
    let hashes: Vec<[u8; 20]> =
        content.chunks(PIECE_BYTES as usize).map(|piece| Sha1::digest(piece).into()).collect();
    TorrentSpec {
        info_hash: InfoHash::new([7; 20]),
        layout: Layout::new(PIECE_BYTES, content.len() as u64).unwrap(),
        piece_hashes: hashes.into(),
        files: [FileSpan { length_bytes: content.len() as u64, is_padding: false }].into(),
        is_private: false,
        info: None,
    }
}

async fn swarm(dir: &Path, id: u8) -> Swarm {
    Swarm::start(SwarmConfig {
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
    })
    .await
    .unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_one_has_the_other_reads_from_any_place() {
    let content = pattern(8_000_001);
    let spec = spec(&content);
    let (there, here) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let folder = there.path().join(spec.info_hash.to_string());
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join("0"), &content).unwrap();
    let (seeder, leecher) = (swarm(there.path(), b's').await, swarm(here.path(), b'l').await);
    let seeding = seeder.add(spec.clone()).unwrap();
    let mut stats = seeding.stats();
    timeout(PATIENCE, stats.wait_for(|stats| stats.have_bytes == content.len() as u64))
        .await
        .unwrap()
        .unwrap();

    let torrent = leecher.add(spec.clone()).unwrap();
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, seeder.listen_port().unwrap()));
    torrent.add_peers(vec![address], PeerSource::Given).await;
    let mut reader = torrent.open_reader(0..u64::MAX, Class::Player).await.unwrap();
    let mut part = vec![0; 100_000];
    for at in [0, 5_000_000, 7_900_001, 123_456] {
        reader.seek(SeekFrom::Start(at)).await.unwrap();
        timeout(PATIENCE, reader.read_exact(&mut part)).await.unwrap().unwrap();
        assert!(part == content[at as usize..][..part.len()], "at {at}");
    }
    reader.seek(SeekFrom::Start(0)).await.unwrap();
    let mut whole = Vec::new();
    timeout(PATIENCE, reader.read_to_end(&mut whole)).await.unwrap().unwrap();
    assert!(whole == content);

    assert!(seeder.shutdown(PATIENCE).await);
    assert!(leecher.shutdown(PATIENCE).await);
    assert!(
        reader.read(&mut part).await.is_ok_and(|count| count == 0),
        "at its end there is nothing to wait for"
    );
    reader.seek(SeekFrom::Start(0)).await.unwrap();
    assert!(reader.read(&mut part).await.is_err());
    drop(torrent);

    // What is here is known at the next start, without a peer.
    let again = swarm(here.path(), b'l').await;
    let torrent = again.add(spec).unwrap();
    let mut stats = torrent.stats();
    timeout(PATIENCE, stats.wait_for(|stats| stats.have_bytes == content.len() as u64))
        .await
        .unwrap()
        .unwrap();
    let mut reader = torrent.open_reader(1..u64::MAX, Class::Player).await.unwrap();
    let mut whole = Vec::new();
    timeout(PATIENCE, reader.read_to_end(&mut whole)).await.unwrap().unwrap();
    assert!(whole == content[1..]);
}
