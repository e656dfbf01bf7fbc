//! A read ends: with bytes, or with a typed error.

#![allow(clippy::unwrap_used, reason = "what prepares a test fails with it")]

mod common;

use std::io::SeekFrom;
use std::time::Duration;

use common::{Bench, Film, film, soon};
use freshet_engine::testing::SeederOptions;
use freshet_engine::{FileReader, OpenFileError, PreloadError, ReadError};
use freshet_model::FileIndex;
use futures::future::join_all;
use tokio::io::{AsyncReadExt, AsyncSeekExt};
use tokio_util::sync::CancellationToken;

const MIB: usize = 1024 * 1024;
/// Slow enough that a piece of 256 KiB is not whole before a test has looked.
const CRAWL: SeederOptions = SeederOptions { port: 0, upload_limit_bytes_per_sec: 16 * 1024 };

async fn open(bench: &Bench, film: &Film) -> FileReader {
    bench.activate(&film.torrent).await;
    soon("open", bench.engine.open_file(film.torrent.info_hash, FileIndex(0))).await.unwrap()
}

fn read_error<T: std::fmt::Debug>(result: std::io::Result<T>) -> ReadError {
    ReadError::from_io(&result.unwrap_err()).expect("a typed error").clone()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pending_read_ends_when_transfers_pause_and_goes_on_when_they_resume() {
    let film = film(20, MIB, CRAWL).await;
    let bench = Bench::start().await;
    let mut reader = open(&bench, &film).await;
    let mut buf = [0; 1000];

    {
        let mut read = std::pin::pin!(reader.read_exact(&mut buf));
        assert!(futures::poll!(read.as_mut()).is_pending());
        bench.engine.set_paused(true).await;
        assert_eq!(read_error(soon("paused read", read).await), ReadError::Paused);
    }
    assert_eq!(read_error(soon("read while paused", reader.read(&mut buf)).await), ReadError::Paused);

    film.seeder.set_upload_limit(0);
    bench.engine.set_paused(false).await;
    soon("resumed read", reader.read_exact(&mut buf)).await.unwrap();
    assert_eq!(buf, film.bytes[..1000]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_here_can_be_read_while_transfers_are_paused() {
    let film = film(21, MIB, SeederOptions::default()).await;
    let bench = Bench::start().await;
    let mut reader = open(&bench, &film).await;
    let mut whole = Vec::new();
    soon("read", reader.read_to_end(&mut whole)).await.unwrap();

    bench.engine.set_paused(true).await;
    soon("seek", reader.seek(SeekFrom::Start(500_000))).await.unwrap();
    let mut buf = [0; 1000];
    soon("read while paused", reader.read_exact(&mut buf)).await.unwrap();
    assert_eq!(buf, film.bytes[500_000..501_000]);

    let other = common::film(22, MIB, SeederOptions::default()).await;
    let mut late = open(&bench, &other).await;
    assert_eq!(read_error(soon("read", late.read(&mut buf)).await), ReadError::Paused);
    bench.engine.set_paused(false).await;
    soon("read after the pause", late.read_exact(&mut buf)).await.unwrap();
    assert_eq!(buf, other.bytes[..1000]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pending_read_ends_when_its_torrent_is_deactivated() {
    let film = film(23, MIB, CRAWL).await;
    let bench = Bench::start().await;
    let mut reader = open(&bench, &film).await;
    let mut buf = [0; 1000];

    let mut read = std::pin::pin!(reader.read_exact(&mut buf));
    assert!(futures::poll!(read.as_mut()).is_pending());
    let was_active = soon("deactivate", bench.engine.deactivate(film.torrent.info_hash, false)).await;
    assert!(was_active.unwrap());
    assert_eq!(read_error(soon("read", read).await), ReadError::Removed);

    let gone = bench.engine.open_file(film.torrent.info_hash, FileIndex(0)).await;
    assert!(matches!(gone, Err(OpenFileError::NotActive)), "{gone:?}");
    film.seeder.set_upload_limit(0);
    let mut again = open(&bench, &film).await;
    let mut buf = [0; 1000];
    soon("read again", again.read_exact(&mut buf)).await.unwrap();
    assert_eq!(buf, film.bytes[..1000]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_starved_read_ends_by_its_time_limit_and_the_reader_stays_usable() {
    let film = film(24, MIB, CRAWL).await;
    let bench = Bench::with(|config| config.limits.stall_timeout = Duration::from_millis(200)).await;
    let mut reader = open(&bench, &film).await;
    let mut buf = [0; 1000];

    for _ in 0..2 {
        assert_eq!(read_error(soon("starved read", reader.read(&mut buf)).await), ReadError::Stalled);
    }
    film.seeder.set_upload_limit(0);
    let count = soon("read", async {
        loop {
            match reader.read(&mut buf).await {
                Ok(count) => return count,
                Err(error) => assert_eq!(ReadError::from_io(&error), Some(&ReadError::Stalled)),
            }
        }
    })
    .await;
    assert!(count > 0);
    assert_eq!(buf[..count], film.bytes[..count]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn idle_readers_do_not_stop_another_one() {
    let film = film(25, 4 * MIB, SeederOptions::default()).await;
    let bench = Bench::start().await;
    bench.activate(&film.torrent).await;
    let idle = join_all((0..64).map(|_| bench.engine.open_file(film.torrent.info_hash, FileIndex(0))));
    let idle: Vec<_> = soon("open", idle).await.into_iter().map(Result::unwrap).collect();

    let mut reader = open(&bench, &film).await;
    let mut whole = Vec::new();
    soon("read beside idle readers", reader.read_to_end(&mut whole)).await.unwrap();

    assert!(whole == film.bytes);
    assert_eq!(idle.len(), 64);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn readers_are_counted_and_a_dropped_one_makes_room() {
    let film = film(26, MIB, SeederOptions::default()).await;
    let bench = Bench::with(|config| config.limits.max_readers = 2).await;
    let first = open(&bench, &film).await;
    let second = open(&bench, &film).await;

    let third = bench.engine.open_file(film.torrent.info_hash, FileIndex(0)).await;
    assert!(matches!(third, Err(OpenFileError::TooManyReaders)), "{third:?}");
    drop(first);
    let mut third = open(&bench, &film).await;
    let mut buf = [0; 10];
    soon("read", third.read_exact(&mut buf)).await.unwrap();
    drop(second);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_preload_brings_head_and_tail_and_can_be_cancelled() {
    let film = film(27, 8 * MIB, SeederOptions::default()).await;
    let slow = common::film(28, 8 * MIB, CRAWL).await;
    let bench = Bench::start().await;
    bench.activate(&film.torrent).await;
    bench.activate(&slow.torrent).await;
    let preload = |torrent: &freshet_engine::testing::SeededTorrent, cancel: &CancellationToken| {
        bench.engine.preload(torrent.info_hash, FileIndex(0), 300_000, 100_000, cancel.clone())
    };

    soon("preload", preload(&film.torrent, &CancellationToken::new())).await.unwrap();
    bench.engine.set_paused(true).await;
    let mut reader = open(&bench, &film).await;
    for (position, length) in [(0, 300_000), (film.bytes.len() - 100_000, 100_000)] {
        reader.seek(SeekFrom::Start(position as u64)).await.unwrap();
        let mut buf = vec![0; length];
        soon("read what was preloaded", reader.read_exact(&mut buf)).await.unwrap();
        assert!(buf == film.bytes[position..position + length]);
    }
    bench.engine.set_paused(false).await;

    let cancel = CancellationToken::new();
    let mut preloading = std::pin::pin!(preload(&slow.torrent, &cancel));
    assert!(futures::poll!(preloading.as_mut()).is_pending());
    cancel.cancel();
    let ended = soon("cancelled preload", preloading).await;
    assert!(matches!(ended, Err(PreloadError::Cancelled)), "{ended:?}");
}
