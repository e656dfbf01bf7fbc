//! Peers that hang up are dialed again within seconds while somebody waits.

#![allow(clippy::unwrap_used, reason = "what prepares a test fails with it")]

mod common;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use common::fake::{Server, ok};
use common::{Bench, film, soon, spec, until};
use freshet_engine::testing::{SeededTorrent, SeederOptions};
use freshet_engine::{ReadError, TorrentSpec};
use freshet_model::FileIndex;
use tokio::io::AsyncReadExt;
use tokio::sync::watch;

const MIB: usize = 1024 * 1024;
/// Whoever waits longer without a byte gets an error.
const SOON_ENOUGH: Duration = Duration::from_secs(9);

async fn impatient_bench() -> Bench {
    Bench::with(|config| config.limits.stall_timeout = SOON_ENOUGH).await
}

fn behind(door: &Server, torrent: &SeededTorrent) -> SeededTorrent {
    SeededTorrent { peer: door.address, ..torrent.clone() }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_connection_that_gave_the_details_serves_the_film() {
    let film = film(60, MIB, SeederOptions::default()).await;
    let cut = watch::Sender::new(());
    // After the first connection it lets nobody in.
    let door = Server::door(film.torrent.peer, |number| number == 0, &cut).await;
    let bench = impatient_bench().await;
    let info_hash = film.torrent.info_hash;

    let resolved = bench.resolve(&behind(&door, &film.torrent)).await;
    assert_eq!((door.connections(), resolved.peers.as_slice()), (1, &[door.address][..]));
    let spec = TorrentSpec {
        info_hash,
        torrent_file: resolved.torrent_file.into(),
        trackers: Vec::new(),
        peers: resolved.peers,
        is_pinned: false,
    };
    soon("activate", bench.engine.activate(spec)).await.unwrap();
    let mut reader = soon("open", bench.engine.open_file(info_hash, FileIndex(0))).await.unwrap();
    let mut whole = Vec::new();
    soon("read", reader.read_to_end(&mut whole)).await.unwrap();

    assert!(whole == film.bytes);
    assert_eq!(door.connections(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reader_whose_peers_are_all_gone_gets_them_back() {
    let slow = SeederOptions { upload_limit_bytes_per_sec: 256 * 1024, ..SeederOptions::default() };
    let film = film(61, 4 * MIB, slow).await;
    let cut = watch::Sender::new(());
    let door = Server::door(film.torrent.peer, |number| number != 1, &cut).await;
    let bench = impatient_bench().await;
    let torrent = behind(&door, &film.torrent);
    bench.activate(&torrent).await;
    let open = bench.engine.open_file(torrent.info_hash, FileIndex(0));
    let mut reader = soon("open", open).await.unwrap();
    let mut whole = vec![0; 1000];
    soon("first bytes", reader.read_exact(&mut whole)).await.unwrap();
    assert_eq!(door.connections(), 1);

    film.seeder.set_upload_limit(0);
    cut.send_replace(());
    soon("the rest", reader.read_to_end(&mut whole)).await.unwrap();

    assert!(whole == film.bytes);
    // The one that was refused was tried once more, encrypted, and then as it was.
    assert_eq!(door.connections(), 4);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reader_hears_of_a_pause_by_hand_only() {
    let film = film(62, MIB, SeederOptions::default()).await;
    let cut = watch::Sender::new(());
    let is_open = Arc::new(AtomicBool::new(false));
    let lets_in = Arc::clone(&is_open);
    let door = Server::door(film.torrent.peer, move |_| lets_in.load(Ordering::SeqCst), &cut).await;
    let bench = impatient_bench().await;
    let torrent = behind(&door, &film.torrent);
    soon("activate", bench.engine.activate(spec(&torrent))).await.unwrap();
    let open = bench.engine.open_file(torrent.info_hash, FileIndex(0));
    let mut reader = soon("open", open).await.unwrap();

    let mut buf = [0; 1000];
    {
        let mut read = std::pin::pin!(reader.read_exact(&mut buf));
        tokio::select! {
            ended = &mut read => panic!("{ended:?}"),
            () = until("it is dialed again twice", || door.connections() >= 3) => {}
        }
        bench.engine.set_paused(true).await;
        let error = soon("paused read", read).await.unwrap_err();
        assert_eq!(ReadError::from_io(&error), Some(&ReadError::Paused));
    }

    is_open.store(true, Ordering::SeqCst);
    bench.engine.set_paused(false).await;
    soon("resumed read", reader.read_exact(&mut buf)).await.unwrap();
    assert_eq!(buf, film.bytes[..1000]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_tracker_that_has_just_answered_is_spared_when_its_peers_are_dialed_again() {
    let film = film(63, MIB, SeederOptions::default()).await;
    let cut = watch::Sender::new(());
    let door = Server::door(film.torrent.peer, |number| number > 1, &cut).await;
    let mut answer = b"d8:intervali1800e5:peers6:\x7f\0\0\x01".to_vec();
    answer.extend_from_slice(&door.address.port().to_be_bytes());
    answer.push(b'e');
    let tracker = Server::http(ok(&answer)).await;
    let bench = impatient_bench().await;
    let mut announced = spec(&film.torrent);
    announced.peers.clear();
    announced.trackers = vec![format!("http://{}/announce", tracker.address).parse().unwrap()];
    soon("activate", bench.engine.activate(announced)).await.unwrap();

    let open = bench.engine.open_file(film.torrent.info_hash, FileIndex(0));
    let mut reader = soon("open", open).await.unwrap();
    let mut whole = Vec::new();
    soon("read", reader.read_to_end(&mut whole)).await.unwrap();

    assert!(whole == film.bytes);
    assert_eq!((door.connections(), tracker.connections()), (3, 1));
}
