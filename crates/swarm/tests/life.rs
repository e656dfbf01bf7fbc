//! What can happen to a computer while a film is read: no network, another address, a folder that is gone, a disk that
//! fails or is full.

#![allow(clippy::unwrap_used, reason = "what prepares a test fails with it")]

mod support;

use std::fs;
use std::io::SeekFrom;
use std::net::SocketAddr;
use std::process::Command;
use std::time::Duration;

use freshet_swarm::schedule::Class;
use freshet_swarm::{PeerSource, ReadEnd, Reader, Swarm, SwarmConfig, Torrent, Wait};
use support::{Film, PATIENCE, PIECE_BYTES, address_of, config, film, read_all, seed, swarm, until};
use tokio::io::{AsyncReadExt, AsyncSeekExt};
use tokio::task::JoinSet;
use tokio::time::timeout;

const FILM_BYTES: usize = 2_000_001;
const READERS: usize = 512;
const INSIDE: &str = "FRESHET_TEST_NAMESPACE";
/// Runs the program in the rest of the words.
const EXEC: &str = "exec \"$@\"";

/// So that the film is not whole before something has happened.
fn slow(config: SwarmConfig) -> SwarmConfig {
    SwarmConfig { download_limit_bytes_per_sec: Some(2 << 20), ..config }
}

async fn read_some(reader: &mut Reader, bytes: usize) -> Vec<u8> {
    let mut some = vec![0; bytes];
    timeout(PATIENCE, reader.read_exact(&mut some)).await.expect("it comes in time").unwrap();
    some
}

async fn read_at(torrent: &Torrent, film: &Film, start: usize, bytes: usize) {
    let mut reader = torrent.open_reader(0..u64::MAX, Class::Player).await.unwrap();
    timeout(PATIENCE, reader.seek(SeekFrom::Start(start as u64))).await.unwrap().unwrap();
    assert!(read_some(&mut reader, bytes).await == film.content[start..start + bytes]);
}

/// Runs the body of a test after `script` in namespaces of its own: the test calls itself there.
fn inside(test: &str, namespaces: &[&str], script: &str, body: impl Future<Output = ()>) {
    if std::env::var_os(INSIDE).is_some() {
        tokio::runtime::Runtime::new().unwrap().block_on(body);
        return;
    }
    let output = Command::new("unshare")
        .args(["--user", "--map-root-user"])
        .args(namespaces)
        .args(["sh", "-c", &format!("{script}{EXEC}"), "sh"])
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", test, "--nocapture"])
        .env(INSIDE, "1")
        .output()
        .expect("unshare is there");
    let text =
        String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && text.contains("1 passed"), "{text}");
}

fn ip(words: &str) {
    let status = Command::new("ip").args(words.split(' ')).status().unwrap();
    assert!(status.success(), "ip {words}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_folder_that_is_removed_while_it_plays_stops_nothing() {
    let film = film(FILM_BYTES);
    let (there, here) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (seeder, leecher) = (swarm(there.path(), b's').await, swarm(here.path(), b'l').await);
    let _seeding = seed(&seeder, there.path(), &film).await;
    let torrent = leecher.add(film.spec.clone()).unwrap();
    torrent.add_peers(vec![address_of(&seeder)], PeerSource::Given).await;
    let mut reader = torrent.open_reader(0..u64::MAX, Class::Player).await.unwrap();
    let half = FILM_BYTES / 2;
    assert!(read_some(&mut reader, half).await == film.content[..half]);
    let folder = here.path().join(film.spec.info_hash.to_string());
    until("something is written", async || folder.join("0").exists()).await;

    fs::remove_dir_all(&folder).unwrap();

    assert!(read_some(&mut reader, FILM_BYTES - half).await == film.content[half..]);
    read_at(&torrent, &film, 0, half).await;
    drop(reader);
    torrent.stop();
    timeout(PATIENCE, torrent.stopped()).await.unwrap();
    let again = leecher.add(film.spec.clone()).unwrap();
    again.add_peers(vec![address_of(&seeder)], PeerSource::Given).await;
    assert!(read_all(&again).await == film.content);
    assert_eq!(again.stats().borrow().failure, None);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_that_is_removed_between_two_uses_is_fetched_again() {
    let film = film(FILM_BYTES);
    let (there, here) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (seeder, leecher) = (swarm(there.path(), b's').await, swarm(here.path(), b'l').await);
    let _seeding = seed(&seeder, there.path(), &film).await;
    let fetch = async || {
        let torrent = leecher.add(film.spec.clone()).unwrap();
        torrent.add_peers(vec![address_of(&seeder)], PeerSource::Given).await;
        assert!(read_all(&torrent).await == film.content);
        torrent.stop();
        timeout(PATIENCE, torrent.stopped()).await.unwrap();
    };
    fetch().await;
    let file = here.path().join(film.spec.info_hash.to_string()).join("0");
    until("it is written", async || file.metadata().is_ok_and(|file| file.len() == FILM_BYTES as u64)).await;
    fs::write(&file, vec![0; FILM_BYTES]).unwrap();
    fetch().await;
    fs::remove_file(&file).unwrap();
    fetch().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_disk_that_fails_wakes_every_reader_and_is_forgotten_when_the_torrent_begins_anew() {
    let film = film(FILM_BYTES);
    let (there, here) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (seeder, leecher) = (swarm(there.path(), b's').await, swarm(here.path(), b'l').await);
    let _seeding = seed(&seeder, there.path(), &film).await;
    // A file where the folder of the torrent has to be: no piece can be written.
    let folder = here.path().join(film.spec.info_hash.to_string());
    fs::write(&folder, b"in the way").unwrap();
    let torrent = leecher.add(film.spec.clone()).unwrap();
    let mut waiting = JoinSet::new();
    for number in 0..READERS {
        let torrent = torrent.clone();
        let start = number * PIECE_BYTES as usize % FILM_BYTES;
        let byte = film.content[start];
        waiting.spawn(async move {
            let mut reader = torrent.open_reader(start as u64..u64::MAX, Class::Player).await.unwrap();
            let read = reader.read_u8().await;
            // What came over the wire was right before it was to be written.
            read.map(|read| assert_eq!(read, byte)).map_err(|error| ReadEnd::from_io(&error).cloned())
        });
    }
    torrent.add_peers(vec![address_of(&seeder)], PeerSource::Given).await;

    let mut failed = 0;
    while let Some(ended) = timeout(PATIENCE, waiting.join_next()).await.expect("all are woken") {
        match ended.unwrap() {
            Ok(()) => {}
            Err(Some(ReadEnd::Storage(_))) => failed += 1,
            Err(other) => panic!("{other:?}"),
        }
    }
    assert!(failed > 0);
    assert!(torrent.stats().borrow().failure.is_some());

    torrent.stop();
    timeout(PATIENCE, torrent.stopped()).await.unwrap();
    fs::remove_file(&folder).unwrap();
    let again = leecher.add(film.spec.clone()).unwrap();
    again.add_peers(vec![address_of(&seeder)], PeerSource::Given).await;
    assert!(read_all(&again).await == film.content);
}

/// What is left free on a disk.
const FREE_FLOOR: &str = "512m";

fn remount(size: &str) {
    let words = ["-o", &format!("remount,size={size}"), "/mnt"];
    assert!(Command::new("mount").args(words).status().unwrap().success());
}

#[test]
fn a_full_disk_is_a_reason_to_wait_and_with_a_little_room_the_film_is_read_to_its_end() {
    let body = async {
        let film = film(4 * FILM_BYTES);
        let (there, here) = (tempfile::tempdir().unwrap(), std::path::Path::new("/mnt"));
        let seeder = swarm(there.path(), b's').await;
        let leecher = Swarm::start(slow(config(here, b'l'))).await.unwrap();
        let _seeding = seed(&seeder, there.path(), &film).await;
        let torrent = leecher.add(film.spec.clone()).unwrap();
        torrent.add_peers(vec![address_of(&seeder)], PeerSource::Given).await;
        let mut reader = torrent.open_reader(0..u64::MAX, Class::Player).await.unwrap();
        let mut whole = Vec::new();
        let mut reading = std::pin::pin!(reader.read_to_end(&mut whole));
        tokio::select! {
            ended = &mut reading => panic!("{ended:?}"),
            () = until("it is known why", async || torrent.waiting() == Some(Wait::DiskFull)) => {}
        }
        assert_eq!(leecher.kept_bytes(), 0);

        // For a quarter of the film; and what comes between two looks at the disk is kept too.
        remount("514m");
        timeout(PATIENCE, reading).await.expect("it comes in time").unwrap();
        assert!(whole == film.content);
        read_at(&torrent, &film, 0, FILM_BYTES).await;
        assert_eq!(torrent.stats().borrow().failure, None);
        assert!(leecher.kept_bytes() < film.content.len() as u64 * 3 / 4, "{}", leecher.kept_bytes());
    };
    inside(
        "a_full_disk_is_a_reason_to_wait_and_with_a_little_room_the_film_is_read_to_its_end",
        &["--mount"],
        &format!("mount -t tmpfs -o size={FREE_FLOOR} tmpfs /mnt && echo ballast > /mnt/ballast && "),
        body,
    );
}

/// A computer of ours, and beside it, in a network namespace of its own, a seeder; an Ethernet cable between them.
#[test]
fn without_a_network_at_the_start_it_plays_when_there_is_one_and_again_after_another_address() {
    let body = async {
        let film = film(4 * FILM_BYTES);
        let (there, here) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        ip("link add cable type veth peer name plug");
        ip("link set plug up");
        ip("addr add 10.9.0.1/24 dev plug");
        let seeder = swarm(there.path(), b's').await;
        let _seeding = seed(&seeder, there.path(), &film).await;
        // Nothing leads there: the address is on no interface that is up, and no route is known.
        let remote = SocketAddr::from(([10, 9, 0, 1], seeder.listen_port().unwrap()));
        ip("addr del 10.9.0.1/24 dev plug");
        let leecher = Swarm::start(slow(config(here.path(), b'l'))).await.unwrap();
        let torrent = leecher.add(film.spec.clone()).unwrap();
        torrent.add_peers(vec![remote], PeerSource::Given).await;
        let mut reader = torrent.open_reader(0..u64::MAX, Class::Player).await.unwrap();
        let mut first = [0; 1];
        let early = timeout(Duration::from_secs(2), reader.read_exact(&mut first)).await;
        assert!(early.is_err(), "there is no network");

        ip("addr add 10.9.0.1/24 dev plug");
        assert!(read_some(&mut reader, FILM_BYTES).await == film.content[..FILM_BYTES]);

        // Its connections lead nowhere from one moment to the next.
        ip("addr del 10.9.0.1/24 dev plug");
        ip("addr add 10.9.0.2/24 dev plug");
        let moved = SocketAddr::from(([10, 9, 0, 2], remote.port()));
        torrent.add_peers(vec![moved], PeerSource::Tracker).await;
        let rest = FILM_BYTES..4 * FILM_BYTES;
        assert!(read_some(&mut reader, rest.len()).await == film.content[rest]);
    };
    inside(
        "without_a_network_at_the_start_it_plays_when_there_is_one_and_again_after_another_address",
        &["--net"],
        "ip link set lo up && ",
        body,
    );
}
