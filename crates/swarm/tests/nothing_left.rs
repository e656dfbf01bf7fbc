//! What comes and goes leaves nothing behind, and what only waits costs nothing.

#![allow(clippy::unwrap_used, reason = "what prepares a test fails with it")]

mod support;

use std::time::Duration;

use freshet_swarm::schedule::Class;
use freshet_swarm::wire::{HANDSHAKE_BYTES, Handshake, Message, Reserved};
use freshet_swarm::{PeerSource, ReadEnd, Torrent};
use futures::future::join_all;
use support::hostile::{hostile, introduction, say, shake_as};
use support::process::{open_files, peak_memory_bytes, processor_time, resident_bytes, tasks};
use support::{Film, PATIENCE, address_of, film, read_all, seed, swarm, until};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::timeout;

const FILM_BYTES: usize = 1_000_001;
const READERS: usize = 512;
const MIB: u64 = 1 << 20;

/// Calls somebody, says hello and some more, and hangs up.
async fn pass_by(film: &Film, address: std::net::SocketAddr, number: u32) {
    let Ok(mut stream) = TcpStream::connect(address).await else { return };
    let mut peer_id = [b'v'; 20];
    peer_id[..4].copy_from_slice(&number.to_be_bytes());
    let reserved = Reserved::default().with_extended().with_fast();
    let hello = Handshake { info_hash: film.spec.info_hash, peer_id, reserved };
    if number.is_multiple_of(4) || stream.write_all(&hello.encode()).await.is_err() {
        return;
    }
    let mut theirs = [0; HANDSHAKE_BYTES];
    if number % 4 == 1 || stream.read_exact(&mut theirs).await.is_err() {
        return;
    }
    let request = Message::Request { piece: 0, begin: 0, length: 16 * 1024 };
    // Whether all of it arrives is of no interest.
    let _ = say(&mut stream, &[Message::HaveNone, Message::Interested, request]).await;
    if number % 4 == 2 {
        let _ = timeout(Duration::from_millis(5), stream.read(&mut [0; 100])).await;
    }
}

async fn no_connections(torrent: &Torrent) {
    until("all connections are gone", || async { torrent.peers().await.is_empty() }).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_peers_that_come_and_go_leave_nothing() {
    let film = film(FILM_BYTES);
    let there = tempfile::tempdir().unwrap();
    let seeder = swarm(there.path(), b's').await;
    let torrent = seed(&seeder, there.path(), &film).await;
    let visit = async |from: u32, count: u32| {
        for start in (from..from + count).step_by(8) {
            let all = (start..start + 8).map(|number| pass_by(&film, address_of(&seeder), number));
            timeout(PATIENCE, join_all(all)).await.expect("they hang up themselves");
        }
        no_connections(&torrent).await;
    };
    // What is made at first use is there.
    visit(0, 40).await;
    let (tasks_before, files_before, bytes_before) = (tasks(), open_files(), resident_bytes());

    visit(40, 1000).await;

    until("tasks and files are as before", || async {
        tasks() <= tasks_before && open_files() <= files_before
    })
    .await;
    let grown_bytes = resident_bytes().saturating_sub(bytes_before);
    assert!(grown_bytes < 32 * MIB, "{grown_bytes}");

    let here = tempfile::tempdir().unwrap();
    let leecher = swarm(here.path(), b'l').await;
    let fetched = leecher.add(film.spec.clone()).unwrap();
    fetched.add_peers(vec![address_of(&seeder)], PeerSource::Given).await;
    assert!(read_all(&fetched).await == film.content, "the next one is served");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_readers_opened_and_dropped_leave_nothing() {
    let film = film(FILM_BYTES);
    let (there, here) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (seeder, leecher) = (swarm(there.path(), b's').await, swarm(here.path(), b'l').await);
    let _seeding = seed(&seeder, there.path(), &film).await;
    let torrent = leecher.add(film.spec.clone()).unwrap();
    torrent.add_peers(vec![address_of(&seeder)], PeerSource::Given).await;
    let read_a_little = async |number: u64| {
        let start = number * 7919 % FILM_BYTES as u64;
        let mut reader = torrent.open_reader(start..u64::MAX, Class::Player).await.unwrap();
        match number % 3 {
            0 => {}
            1 => {
                let byte = timeout(PATIENCE, reader.read_u8()).await.expect("it comes in time").unwrap();
                assert_eq!(byte, film.content[start as usize]);
            }
            // It is dropped while it waits, or has just got something.
            _ => drop(timeout(Duration::from_micros(100), reader.read(&mut [0; 100])).await),
        }
    };
    for number in 0..20 {
        read_a_little(number).await;
    }
    assert!(read_all(&torrent).await == film.content);
    until("the last piece is written", || async { tasks() < 100 }).await;
    let (tasks_before, files_before, bytes_before) = (tasks(), open_files(), resident_bytes());

    for number in 0..1000 {
        read_a_little(number).await;
    }

    until("tasks and files are as before", || async {
        tasks() <= tasks_before && open_files() <= files_before
    })
    .await;
    let grown_bytes = resident_bytes().saturating_sub(bytes_before);
    assert!(grown_bytes < 32 * MIB, "{grown_bytes}");
    assert!(read_all(&torrent).await == film.content);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_torrent_that_is_stopped_leaves_nothing() {
    let film = film(FILM_BYTES);
    let (there, here) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (seeder, leecher) = (swarm(there.path(), b's').await, swarm(here.path(), b'l').await);
    let seeding = seed(&seeder, there.path(), &film).await;
    let come_and_go = async || {
        let torrent = leecher.add(film.spec.clone()).unwrap();
        torrent.add_peers(vec![address_of(&seeder)], PeerSource::Given).await;
        assert!(read_all(&torrent).await == film.content);
        torrent.stop();
        timeout(PATIENCE, torrent.stopped()).await.unwrap();
        no_connections(&seeding).await;
    };
    come_and_go().await;
    let (tasks_before, files_before) = (tasks(), open_files());

    for _ in 0..20 {
        come_and_go().await;
    }

    until("tasks and files are as before", || async {
        tasks() <= tasks_before && open_files() <= files_before
    })
    .await;
    assert!(peak_memory_bytes() < 150 * MIB);
}

/// What a processor is busy with this process, from 0 to 1, over some seconds.
async fn business() -> f64 {
    const SPAN: Duration = Duration::from_secs(4);
    const MOMENT: Duration = Duration::from_millis(300);
    // What was just begun has its time.
    until("it becomes quiet", async || {
        let before = processor_time();
        tokio::time::sleep(MOMENT).await;
        processor_time().saturating_sub(before) < MOMENT / 20
    })
    .await;
    let before = processor_time();
    tokio::time::sleep(SPAN).await;
    (processor_time().saturating_sub(before)).as_secs_f64() / SPAN.as_secs_f64()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn waiting_costs_less_than_one_percent_of_a_processor() {
    const PEERS: usize = 8;
    let film = film(FILM_BYTES);
    let (there, here) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (seeder, leecher) = (swarm(there.path(), b's').await, swarm(here.path(), b'l').await);
    let _seeding = seed(&seeder, there.path(), &film).await;
    let torrent = leecher.add(film.spec.clone()).unwrap();
    let mut peers = Vec::new();
    for _ in 0..PEERS {
        let peer = hostile(&film, |mut stream, film| async move {
            shake_as(&mut stream, &film, rand::random()).await?;
            say(&mut stream, &[introduction(&film), Message::HaveNone, Message::Unchoke]).await?;
            Ok(stream)
        });
        peers.push(peer.await);
    }
    torrent.add_peers(peers.iter().map(|peer| peer.address).collect(), PeerSource::Given).await;
    let has_all = async || torrent.peers().await.len() == PEERS;
    until("all are connected", has_all).await;
    let mut reading = JoinSet::new();
    let read = |reading: &mut JoinSet<_>| {
        for _ in 0..READERS {
            let torrent = torrent.clone();
            reading.spawn(async move {
                let mut reader = torrent.open_reader(0..u64::MAX, Class::Player).await.unwrap();
                reader.read_u8().await.map_err(|error| ReadEnd::from_io(&error).cloned())
            });
        }
    };

    read(&mut reading);
    let starved = business().await;
    assert!(reading.try_join_next().is_none(), "nobody has anything");
    assert!(starved < 0.01, "{starved} while readers wait in vain");

    torrent.set_paused(true).await;
    while let Some(ended) = timeout(PATIENCE, reading.join_next()).await.expect("all are woken") {
        let ended = ended.unwrap();
        assert!(matches!(ended, Err(Some(ReadEnd::Paused))), "{ended:?}");
    }
    let mut idle = Vec::new();
    for _ in 0..READERS {
        idle.push(torrent.open_reader(0..u64::MAX, Class::Player).await.unwrap());
    }
    let paused = business().await;
    assert!(paused < 0.01, "{paused} while it is paused");

    torrent.set_paused(false).await;
    torrent.add_peers(vec![address_of(&seeder)], PeerSource::Given).await;
    assert!(read_all(&torrent).await == film.content, "beside readers that want nothing");
    assert_eq!(torrent.peers().await.len(), PEERS + 1);
    let complete = business().await;
    assert!(complete < 0.01, "{complete} with all that is read here");
}
