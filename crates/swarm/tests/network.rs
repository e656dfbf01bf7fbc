//! Encryption and uTP, from end to end.

#![allow(clippy::unwrap_used, reason = "what prepares a test fails with it")]

mod support;

use std::time::Duration;

use freshet_swarm::mse::Policy;
use freshet_swarm::{NetworkSettings, PeerSource, Torrent, UtpState};
use librqbit::{ConnectionOptions, ListenerMode, ListenerOptions};
use support::{PATIENCE, address_of, film, foreign, foreign_fetch, foreign_seed, read_all, resolve, seed};
use tokio::time::timeout;

/// Fetches a film of one from the other, from the magnet link on.
async fn passes(theirs: NetworkSettings, ours: NetworkSettings) {
    let film = film(1_500_001);
    let (there, here) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let seeder = support::swarm_with(there.path(), b's', theirs).await;
    let leecher = support::swarm_with(here.path(), b'l', ours).await;
    let _seeding = seed(&seeder, there.path(), &film).await;
    let metadata = resolve(&leecher, film.spec.info_hash, &[address_of(&seeder)]).await;
    let torrent = leecher.add(film.spec.clone()).unwrap();
    torrent.adopt(metadata.peers).await;
    assert!(read_all(&torrent).await == film.content);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_film_passes_encrypted_to_who_requires_it() {
    let required = NetworkSettings { encryption: Policy::Require, ..NetworkSettings::default() };
    passes(required, NetworkSettings::default()).await;
    passes(NetworkSettings::default(), required).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_film_passes_over_utp_alone_in_the_clear_and_encrypted() {
    let utp = NetworkSettings { tcp: false, ..NetworkSettings::default() };
    passes(utp, utp).await;
    let required = NetworkSettings { encryption: Policy::Require, ..utp };
    passes(required, NetworkSettings { utp: true, ..required }).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_film_passes_over_utp_from_and_to_a_foreign_peer() {
    let film = film(1_500_001);
    let (there, here, again) =
        (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let listener = || ListenerOptions { mode: ListenerMode::UtpOnly, ..ListenerOptions::default() };
    let session = foreign(there.path(), listener(), ConnectionOptions::default()).await;
    let address = foreign_seed(&session, there.path(), &film).await;
    let ours = support::swarm(here.path(), b'o').await;
    assert_eq!(ours.utp_state(), UtpState::Open(ours.listen_port().unwrap()));
    let metadata = resolve(&ours, film.spec.info_hash, &[address]).await;
    let torrent = ours.add(film.spec.clone()).unwrap();
    torrent.adopt(metadata.peers).await;
    assert!(read_all(&torrent).await == film.content);

    let no_tcp = ConnectionOptions { enable_tcp: false, ..ConnectionOptions::default() };
    let other = foreign(again.path(), listener(), no_tcp).await;
    assert!(foreign_fetch(&other, again.path(), &film, &[address_of(&ours)]).await == film.content);
}

async fn connected(torrent: &Torrent, peers: u32) {
    let mut stats = torrent.stats();
    let waiting = stats.wait_for(|stats| stats.connected_peers == peers);
    timeout(PATIENCE, waiting).await.expect("it happens in time").unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn peers_are_told_of_each_other_unless_the_torrent_is_private() {
    for is_private in [false, true] {
        let mut film = film(1000);
        film.spec.is_private = is_private;
        let dirs = [(); 3].map(|()| tempfile::tempdir().unwrap());
        let middle = support::swarm(dirs[0].path(), b'm').await;
        let left = support::swarm(dirs[1].path(), b'l').await;
        let right = support::swarm(dirs[2].path(), b'r').await;
        let [in_middle, in_left, in_right] =
            [&middle, &left, &right].map(|swarm| swarm.add(film.spec.clone()).unwrap());
        in_left.add_peers(vec![address_of(&middle)], PeerSource::Tracker).await;
        connected(&in_middle, 1).await;
        in_right.add_peers(vec![address_of(&middle)], PeerSource::Tracker).await;
        connected(&in_middle, 2).await;
        if is_private {
            // As long as it takes in the other case.
            tokio::time::sleep(Duration::from_secs(2)).await;
            assert_eq!(in_right.stats().borrow().known_peers, 1);
        } else {
            connected(&in_right, 2).await;
            connected(&in_left, 2).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_more_connections_are_kept_than_are_allowed() {
    let film = film(300_000);
    let dirs = [(); 4].map(|()| tempfile::tempdir().unwrap());
    let two = NetworkSettings { max_connected: 2, ..NetworkSettings::default() };
    let leecher = support::swarm_with(dirs[0].path(), b'l', two).await;
    let mut seeders = Vec::new();
    for (dir, id) in dirs[1..].iter().zip(b'1'..) {
        let swarm = support::swarm(dir.path(), id).await;
        let torrent = seed(&swarm, dir.path(), &film).await;
        seeders.push((swarm, torrent));
    }
    let torrent = leecher.add(film.spec.clone()).unwrap();
    let addresses = seeders.iter().map(|(swarm, _)| address_of(swarm)).collect();
    torrent.add_peers(addresses, PeerSource::Tracker).await;
    connected(&torrent, 2).await;
    assert!(read_all(&torrent).await == film.content);
    assert_eq!(torrent.stats().borrow().connected_peers, 2);
    let good = torrent.good_peers().await;
    assert!(
        !good.is_empty()
            && good.iter().all(|good| seeders.iter().any(|(swarm, _)| address_of(swarm) == *good))
    );

    leecher.set_network(NetworkSettings { max_connected: 1, ..two });
    connected(&torrent, 1).await;
    leecher.set_network(NetworkSettings::default());
    connected(&torrent, 3).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_end_does_not_wait_for_whoever_does_not_answer() {
    let film = film(1000);
    let here = tempfile::tempdir().unwrap();
    let swarm = support::swarm(here.path(), b'o').await;
    let torrent = swarm.add(film.spec.clone()).unwrap();
    let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    torrent.add_peers(vec![silent.local_addr().unwrap()], PeerSource::Tracker).await;
    let _held = silent.accept().await.unwrap();
    assert!(swarm.shutdown(Duration::from_secs(3)).await);
}
