//! What is changed while torrents run.

#![allow(clippy::unwrap_used, reason = "what prepares a test fails with it")]

mod support;

use std::time::Duration;

use freshet_swarm::{NetworkSettings, PeerSource, UtpState};
use support::{PATIENCE, address_of, film, read_all, seed};
use tokio::time::timeout;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_given_while_uploads_are_off() {
    let film = film(1_500_001);
    let (there, here) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let off = NetworkSettings { uploads: false, ..NetworkSettings::default() };
    let seeder = support::swarm_with(there.path(), b's', off).await;
    let leecher = support::swarm(here.path(), b'l').await;
    let seeding = seed(&seeder, there.path(), &film).await;
    let torrent = leecher.add(film.spec.clone()).unwrap();
    torrent.add_peers(vec![address_of(&seeder)], PeerSource::Tracker).await;
    let reading = read_all(&torrent);
    tokio::pin!(reading);

    // Longer than a peer that asks waits otherwise.
    let early = timeout(Duration::from_secs(2), &mut reading).await;
    assert!(early.is_err());
    assert_eq!(seeding.stats().borrow().connected_peers, 1, "it stays a peer");
    assert_eq!(torrent.stats().borrow().downloaded_bytes, 0);

    seeder.set_network(NetworkSettings::default());
    assert!(reading.await == film.content);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn peers_are_not_told_of_each_other_by_whom_exchange_is_off() {
    let film = film(1000);
    let dirs = [(); 3].map(|()| tempfile::tempdir().unwrap());
    let off = NetworkSettings { pex: false, ..NetworkSettings::default() };
    let middle = support::swarm_with(dirs[0].path(), b'm', off).await;
    let left = support::swarm(dirs[1].path(), b'l').await;
    let right = support::swarm(dirs[2].path(), b'r').await;
    let [in_middle, in_left, in_right] =
        [&middle, &left, &right].map(|swarm| swarm.add(film.spec.clone()).unwrap());
    for torrent in [&in_left, &in_right] {
        torrent.add_peers(vec![address_of(&middle)], PeerSource::Tracker).await;
    }
    let mut stats = in_middle.stats();
    timeout(PATIENCE, stats.wait_for(|stats| stats.connected_peers == 2)).await.unwrap().unwrap();

    // As long as it takes in the other case.
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert_eq!(in_right.stats().borrow().known_peers, 1);
    assert_eq!(in_left.stats().borrow().known_peers, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn peers_come_in_at_another_port_from_the_moment_it_is_chosen() {
    let film = film(1_500_001);
    let dirs = [(); 3].map(|()| tempfile::tempdir().unwrap());
    let seeder = support::swarm(dirs[0].path(), b's').await;
    let _seeding = seed(&seeder, dirs[0].path(), &film).await;
    let old = address_of(&seeder);
    let other = std::net::TcpListener::bind(("::", 0)).unwrap();
    let taken = other.local_addr().unwrap().port();
    let mut port = seeder.watch_listen_port();
    port.mark_unchanged();

    seeder.set_listen_port(Some(taken)).await.unwrap_err();
    seeder.set_listen_port(Some(old.port())).await.unwrap();
    seeder.set_listen_port(Some(0)).await.unwrap();
    assert_eq!(address_of(&seeder), old, "what is open already is fine");
    assert!(!port.has_changed().unwrap());

    drop(other);
    seeder.set_listen_port(Some(taken)).await.unwrap();
    assert_eq!((*port.borrow_and_update(), address_of(&seeder).port()), (Some(taken), taken));
    assert_eq!(seeder.utp_state(), UtpState::Open(taken));
    let closed = async {
        while tokio::net::TcpStream::connect(old).await.is_ok() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    timeout(PATIENCE, closed).await.unwrap();
    let utp = NetworkSettings { tcp: false, ..NetworkSettings::default() };
    for (dir, network) in [(&dirs[1], NetworkSettings::default()), (&dirs[2], utp)] {
        let leecher = support::swarm_with(dir.path(), b'l', network).await;
        let torrent = leecher.add(film.spec.clone()).unwrap();
        torrent.add_peers(vec![address_of(&seeder)], PeerSource::Tracker).await;
        assert!(read_all(&torrent).await == film.content);
    }

    seeder.set_listen_port(None).await.unwrap();
    assert_eq!(seeder.listen_port(), None);
}
