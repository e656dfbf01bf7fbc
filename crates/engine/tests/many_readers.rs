//! Many readers at once: they wait without harm, and all of them end when there is nothing to wait for.

#![allow(clippy::unwrap_used, reason = "what prepares a test fails with it")]

mod common;

use std::io::SeekFrom;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use common::{Bench, film, soon, spec, until};
use freshet_engine::testing::{SeededTorrent, SeederOptions};
use freshet_engine::{FileReader, OpenFileError, ReadError, TorrentSpec};
use freshet_model::FileIndex;
use futures::future::join_all;
use tokio::io::{AsyncReadExt, AsyncSeekExt};
use tokio::task::JoinSet;

const MIB: usize = 1024 * 1024;
/// As many as the engine allows.
const MAX_READERS: usize = 512;
const COUNTS: [usize; 4] = [8, 9, 64, MAX_READERS];

async fn open_many(bench: &Bench, torrent: &SeededTorrent, count: usize) -> Vec<FileReader> {
    let mut readers = Vec::with_capacity(count);
    for _ in 0..count {
        readers.push(soon("open", bench.engine.open_file(torrent.info_hash, FileIndex(0))).await.unwrap());
    }
    readers
}

type Waiting = Pin<Box<dyn Future<Output = (FileReader, std::io::Result<u8>)>>>;

/// All of them have asked for their next byte, and wait.
async fn wait_all(readers: Vec<FileReader>) -> Vec<Waiting> {
    let mut waiting: Vec<Waiting> = Vec::new();
    for mut reader in readers {
        let mut read: Waiting = Box::pin(async move {
            let read = reader.read_u8().await;
            (reader, read)
        });
        assert!(futures::poll!(read.as_mut()).is_pending());
        waiting.push(read);
    }
    waiting
}

/// Gives the readers back; all have ended for this reason.
async fn ended(waiting: Vec<Waiting>, expected: ReadError) -> Vec<FileReader> {
    let ended = soon("the end of all reads", join_all(waiting)).await;
    let is_expected = |(reader, read): (FileReader, std::io::Result<u8>)| {
        assert_eq!(ReadError::from_io(&read.unwrap_err()), Some(&expected));
        reader
    };
    ended.into_iter().map(is_expected).collect()
}

/// Of which nobody has anything.
fn without_peers(torrent: &SeededTorrent) -> TorrentSpec {
    TorrentSpec { peers: Vec::new(), ..spec(torrent) }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reader_gets_its_bytes_beside_any_number_of_idle_ones() {
    for (seed, count) in (200..).zip(COUNTS) {
        let film = film(seed, 2 * MIB, SeederOptions::default()).await;
        let bench = Bench::with(|config| config.limits.max_readers = count + 1).await;
        bench.activate(&film.torrent).await;
        let idle = open_many(&bench, &film.torrent, count).await;
        let mut reader = open_many(&bench, &film.torrent, 1).await.remove(0);
        let mut whole = Vec::new();
        soon("read", reader.read_to_end(&mut whole)).await.unwrap();
        assert!(whole == film.bytes, "beside {}", idle.len());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_reader_more_than_the_limit_is_refused_until_one_is_dropped() {
    let film = film(210, MIB, SeederOptions::default()).await;
    let bench = Bench::start().await;
    bench.activate(&film.torrent).await;
    let mut readers = open_many(&bench, &film.torrent, MAX_READERS).await;

    let refused = bench.engine.open_file(film.torrent.info_hash, FileIndex(0)).await;
    assert!(matches!(refused, Err(OpenFileError::TooManyReaders)), "{refused:?}");
    let mut whole = Vec::new();
    soon("read", readers[0].read_to_end(&mut whole)).await.unwrap();
    assert!(whole == film.bytes, "beside 511 others");
    readers.pop();
    let mut whole = Vec::new();
    soon("read", open_many(&bench, &film.torrent, 1).await[0].read_to_end(&mut whole)).await.unwrap();
    assert!(whole == film.bytes);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pause_and_a_removal_wake_every_reader() {
    let film = film(211, MIB, SeederOptions::default()).await;
    for count in COUNTS {
        let bench = Bench::start().await;
        soon("activate", bench.engine.activate(without_peers(&film.torrent))).await.unwrap();
        let waiting = wait_all(open_many(&bench, &film.torrent, count).await).await;

        bench.engine.set_paused(true).await;
        let readers = ended(waiting, ReadError::Paused).await;
        assert_eq!(readers.len(), count);

        bench.engine.set_paused(false).await;
        let waiting = wait_all(readers).await;
        let removed = soon("remove", bench.engine.deactivate(film.torrent.info_hash, true)).await;
        assert!(removed.unwrap());
        let readers = ended(waiting, ReadError::Removed).await;
        assert_eq!(readers.len(), count);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_watches_is_served_before_who_copies() {
    let film = film(71, 64 * MIB, SeederOptions::default()).await;
    let bench = Bench::with(|config| config.download_limit_bytes_per_sec = 4 << 20).await;
    bench.activate(&film.torrent).await;
    let copied_bytes = [16, 32, 48].map(|place| (place * MIB, Arc::new(AtomicUsize::new(0))));
    let mut copies = JoinSet::new();
    for (place, copied_bytes) in copied_bytes.clone() {
        let opening = bench.engine.open_for_device(film.torrent.info_hash, FileIndex(0));
        let mut reader = soon("open a copy", opening).await.unwrap();
        copies.spawn(async move {
            reader.seek(SeekFrom::Start(place as u64)).await.unwrap();
            let mut buf = vec![0; 64 * 1024];
            while let Ok(bytes @ 1..) = reader.read(&mut buf).await {
                copied_bytes.fetch_add(bytes, Ordering::Relaxed);
            }
        });
    }
    let copied = || copied_bytes.each_ref().map(|(_, bytes)| bytes.load(Ordering::Relaxed));
    until("all copies got something", || copied().iter().all(|bytes| *bytes > 0)).await;

    let before_bytes: usize = copied().iter().sum();
    let opening = bench.engine.open_file(film.torrent.info_hash, FileIndex(0));
    let mut player = soon("open", opening).await.unwrap();
    let mut watched = vec![0; 8 * MIB];
    soon("watch", player.read_exact(&mut watched)).await.unwrap();
    let meanwhile_bytes = copied().iter().sum::<usize>() - before_bytes;

    assert!(watched == film.bytes[..watched.len()]);
    // Fair shares would have been three times what the player got. What was under way may still come.
    assert!(meanwhile_bytes < watched.len() / 2, "{meanwhile_bytes} bytes were copied beside it");
    copies.shutdown().await;
}
