//! Magnet links: the metadata comes from peers, and the connections live on.

mod support;

use freshet_swarm::ResolveError;
use librqbit::{ConnectionOptions, ListenerOptions};
use support::{
    PATIENCE, address_of, film, foreign, foreign_fetch, foreign_seed, local, read_all, resolve, seed, swarm,
};
use tokio::sync::{mpsc, watch};
use tokio::time::timeout;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_connection_that_gave_the_metadata_gives_the_film_too() {
    let film = film(3_000_001);
    let (there, here) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (seeder, leecher) = (swarm(there.path(), b's').await, swarm(here.path(), b'l').await);
    let _seeding = seed(&seeder, there.path(), &film).await;

    let metadata = resolve(&leecher, film.spec.info_hash, &[address_of(&seeder)]).await;
    assert_eq!(metadata.info, film.info);
    assert_eq!((metadata.asked, metadata.peers.len()), (1, 1));

    // Nobody else is named to the torrent.
    let torrent = leecher.add(film.spec.clone()).unwrap();
    torrent.adopt(metadata.peers).await;
    assert!(read_all(&torrent).await == film.content);
    assert!(seeder.shutdown(PATIENCE).await && leecher.shutdown(PATIENCE).await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_foreign_seeder_gives_metadata_and_film_over_one_connection() {
    let film = film(3_000_001);
    let (there, here) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let session = foreign(there.path(), ListenerOptions::default(), ConnectionOptions::default()).await;
    let address = foreign_seed(&session, there.path(), &film).await;
    let leecher = swarm(here.path(), b'l').await;

    let metadata = resolve(&leecher, film.spec.info_hash, &[address]).await;
    assert_eq!(metadata.info, film.info);

    let torrent = leecher.add(film.spec.clone()).unwrap();
    torrent.adopt(metadata.peers).await;
    assert!(read_all(&torrent).await == film.content);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn we_give_metadata_and_film_to_a_foreign_peer() {
    let film = film(2_000_001);
    let (here, there) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let seeder = swarm(here.path(), b's').await;
    let _seeding = seed(&seeder, here.path(), &film).await;
    let session = foreign(there.path(), ListenerOptions::default(), ConnectionOptions::default()).await;

    let got = foreign_fetch(&session, there.path(), &film, &[address_of(&seeder)]).await;
    assert!(got == film.content);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_peer_that_calls_while_its_magnet_is_resolved_is_asked() {
    let film = film(500_000);
    let (there, here) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (seeder, leecher) = (swarm(there.path(), b's').await, swarm(here.path(), b'l').await);
    let seeding = seed(&seeder, there.path(), &film).await;
    let (_found, finding) = mpsc::channel(1);
    let (progress, _) = watch::channel(Default::default());

    let resolving = leecher.resolve(film.spec.info_hash, finding, progress);
    let calling = seeding.add_peers(vec![address_of(&leecher)], freshet_swarm::PeerSource::Given);
    let (metadata, ()) = tokio::join!(timeout(PATIENCE, resolving), calling);
    assert_eq!(metadata.unwrap().unwrap().info, film.info);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_to_ask_is_an_end_and_so_is_the_end_of_the_program() {
    let film = film(1000);
    let here = tempfile::tempdir().unwrap();
    let leecher = swarm(here.path(), b'l').await;
    let (progress, _) = watch::channel(Default::default());
    let (found, finding) = mpsc::channel(1);
    drop(found);
    let resolving = leecher.resolve(film.spec.info_hash, finding, progress.clone());
    assert_eq!(timeout(PATIENCE, resolving).await.unwrap().unwrap_err(), ResolveError::NoPeers);

    let (found, finding) = mpsc::channel(1);
    found.send(local(1)).await.unwrap();
    let resolving = leecher.resolve(film.spec.info_hash, finding, progress);
    let (ended, is_down) = tokio::join!(timeout(PATIENCE, resolving), leecher.shutdown(PATIENCE));
    assert_eq!((ended.unwrap().unwrap_err(), is_down), (ResolveError::Stopped, true));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_here_from_before_is_given_over_a_connection_that_asked_for_metadata() {
    let film = film(500_001);
    let (there, here) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let before = swarm(here.path(), b'b').await;
    drop(seed(&before, here.path(), &film).await);
    assert!(before.shutdown(PATIENCE).await);

    // It knows the torrent, and has nothing of it.
    let reading = swarm(there.path(), b'r').await;
    let wanted = reading.add(film.spec.clone()).unwrap();
    let seeder = swarm(here.path(), b's').await;
    let metadata = resolve(&seeder, film.spec.info_hash, &[address_of(&reading)]).await;
    let torrent = seeder.add(film.spec.clone()).unwrap();
    torrent.adopt(metadata.peers).await;
    assert!(read_all(&wanted).await == film.content);
    assert_eq!(wanted.stats().borrow().known_peers, 0, "nobody was called");
}
