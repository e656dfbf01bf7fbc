//! Peers come and go, readers seek, torrents are paused, removed and added again, for as long as one likes; nothing grows.
//!
//! A few rounds run always. `FRESHET_DEEP=1` runs for some minutes, or for `FRESHET_SOAK_SECS` seconds.

#![allow(clippy::unwrap_used, reason = "what prepares a test fails with it")]

mod support;

use std::io::SeekFrom;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use freshet_swarm::schedule::Class;
use freshet_swarm::{NetworkSettings, PeerSource, ReadEnd, Swarm, Torrent};
use support::hostile::{Hostile, hostile};
use support::process::{open_files, resident_bytes, tasks};
use support::villains::VILLAINS;
use support::{Film, PATIENCE, address_of, film, seed, swarm, swarm_with, until};
use tokio::io::{AsyncReadExt, AsyncSeekExt};
use tokio::task::JoinSet;
use tokio::time::timeout;

const FILM_BYTES: usize = 2_000_001;
const ROUNDS: usize = 12;
const SOAK_SECS: u64 = 180;
const READERS: usize = 6;
const SEEKS: u64 = 8;
/// What an allocator may keep and give back as it likes.
const MAX_GROWTH_BYTES: u64 = 24 << 20;

/// How it stands at the end of a round, when all is quiet.
#[derive(Debug, Clone, Copy)]
struct Mark {
    resident_bytes: u64,
    tasks: usize,
    files: usize,
}

/// One number of it.
type Value = fn(&Mark) -> u64;

struct World {
    film: Film,
    leecher: Swarm,
    honest: Vec<SocketAddr>,
    /// Three of them call in each round.
    villains: Vec<Hostile>,
}

/// Reads here and there; what comes is right, and a pause is no end.
async fn watch(torrent: Torrent, content: std::sync::Arc<[u8]>, seed: u64) {
    let mut reader = torrent.open_reader(0..u64::MAX, Class::Player).await.unwrap();
    for step in 0..SEEKS {
        let start = (seed * 7919 + step * 104_729) * 4096 % (FILM_BYTES as u64 - 70_000);
        timeout(PATIENCE, reader.seek(SeekFrom::Start(start))).await.unwrap().unwrap();
        let mut bytes = vec![0; 65_536];
        loop {
            let read = timeout(PATIENCE, reader.read_exact(&mut bytes)).await.expect("it comes in time");
            match read {
                Ok(_) => break assert!(bytes == content[start as usize..start as usize + bytes.len()]),
                Err(error) => {
                    assert!(matches!(ReadEnd::from_io(&error), Some(ReadEnd::Paused)), "{error}");
                    timeout(PATIENCE, reader.seek(SeekFrom::Start(start))).await.unwrap().unwrap();
                    tokio::task::yield_now().await;
                }
            }
        }
    }
}

async fn round(world: &World, dir: &std::path::Path, number: usize) {
    let torrent = world.leecher.add(world.film.spec.clone()).unwrap();
    let villains = world.villains.iter().cycle().skip(number * 3).take(3).map(|villain| villain.address);
    torrent.add_peers(villains.collect(), PeerSource::Given).await;
    torrent.add_peers(world.honest.clone(), PeerSource::Given).await;
    let content: std::sync::Arc<[u8]> = world.film.content.clone().into();
    let mut watching = JoinSet::new();
    for reader in 0..READERS {
        let seed = (number * READERS + reader) as u64;
        watching.spawn(watch(torrent.clone(), std::sync::Arc::clone(&content), seed));
    }
    for _ in 0..3 {
        torrent.set_paused(true).await;
        tokio::task::yield_now().await;
        torrent.set_paused(false).await;
    }
    while let Some(watched) = watching.join_next().await {
        watched.unwrap();
    }
    torrent.stop();
    timeout(PATIENCE, torrent.stopped()).await.unwrap();
    let info_hash = world.film.spec.info_hash;
    // Every other time what is here stays here.
    if number.is_multiple_of(2) {
        freshet_swarm::pieces::delete(dir, info_hash).unwrap();
        world.leecher.forget_pieces(info_hash).await;
    }
}

/// The median, as one value can be bad luck.
fn median(mut values: Vec<u64>) -> u64 {
    values.sort_unstable();
    values[values.len() / 2]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rounds_of_everything_leave_the_same_behind() {
    let film = film(FILM_BYTES);
    let dirs: Vec<_> = (0..3).map(|_| tempfile::tempdir().unwrap()).collect();
    // Else the seeders hear of the villains from us, and call them too.
    let network = NetworkSettings { pex: false, ..NetworkSettings::default() };
    let first = swarm_with(dirs[0].path(), b'1', network).await;
    let second = swarm_with(dirs[1].path(), b'2', network).await;
    let _seeding = [seed(&first, dirs[0].path(), &film).await, seed(&second, dirs[1].path(), &film).await];
    let mut villains = Vec::new();
    for (.., script) in VILLAINS {
        villains.push(hostile(&film, script).await);
    }
    let world = World {
        honest: vec![address_of(&first), address_of(&second)],
        leecher: swarm(dirs[2].path(), b'l').await,
        film,
        villains,
    };
    let is_deep = std::env::var_os("FRESHET_DEEP").is_some();
    let secs = std::env::var("FRESHET_SOAK_SECS").map_or(SOAK_SECS, |secs| secs.parse().unwrap());
    let (begun, lasts) = (Instant::now(), Duration::from_secs(secs));
    let mut marks = Vec::new();
    while marks.len() < ROUNDS || (is_deep && begun.elapsed() < lasts) {
        round(&world, dirs[2].path(), marks.len()).await;
        let is_over = async || {
            let open = world.villains.iter().map(|who| who.open.load(std::sync::atomic::Ordering::SeqCst));
            open.sum::<usize>() == 0
        };
        until("all villains are gone", is_over).await;
        marks.push(Mark { resident_bytes: resident_bytes(), tasks: tasks(), files: open_files() });
    }

    let quarter = marks.len() / 4;
    let (early, late) = (&marks[quarter..2 * quarter], &marks[3 * quarter..]);
    let of = |marks: &[Mark], value: Value| median(marks.iter().map(value).collect());
    let names: [(&str, Value, u64); 3] = [
        ("memory", |mark| mark.resident_bytes, MAX_GROWTH_BYTES),
        ("tasks", |mark| mark.tasks as u64, 8),
        ("files", |mark| mark.files as u64, 8),
    ];
    for (name, value, allowed) in names {
        let (before, after) = (of(early, value), of(late, value));
        assert!(after <= before + allowed, "{name}: {before}, then {after}, after {} rounds", marks.len());
        eprintln!("{name}: {before}, then {after}, after {} rounds", marks.len());
    }
}
