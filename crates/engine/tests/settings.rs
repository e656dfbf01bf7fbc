//! What a person changes while torrents run, and what is kept of their peers when they end.

#![allow(clippy::unwrap_used, reason = "what prepares a test fails with it")]

mod common;

use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::time::Duration;

use common::{Bench, film, soon, spec};
use freshet_engine::testing::SeederOptions;
use freshet_engine::{EngineStatus, ReadError};
use freshet_model::{FileIndex, TransferSettings};
use tokio::io::AsyncReadExt;

const MIB: usize = 1024 * 1024;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_peer_without_encryption_is_of_use_as_soon_as_none_is_required() {
    // The foreign seeder knows no encryption.
    let film = film(60, MIB, SeederOptions::default()).await;
    let bench = Bench::with(|config| {
        config.transfers.encryption_required = true;
        config.limits.stall_timeout = Duration::from_secs(1);
    })
    .await;
    bench.activate(&film.torrent).await;
    let open = bench.engine.open_file(film.torrent.info_hash, FileIndex(0));
    let mut reader = soon("open", open).await.unwrap();
    let mut buf = vec![0; film.bytes.len()];
    let error = soon("read", reader.read(&mut buf)).await.unwrap_err();
    assert_eq!(ReadError::from_io(&error), Some(&ReadError::Stalled));

    bench.engine.set_transfers(&TransferSettings::default()).await;

    let count = soon("read", async {
        loop {
            match reader.read(&mut buf).await {
                Ok(count) => return count,
                Err(error) => assert_eq!(ReadError::from_io(&error), Some(&ReadError::Stalled)),
            }
        }
    })
    .await;
    assert!(count > 0 && buf[..count] == film.bytes[..count]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_port_is_open_when_the_change_has_ended_and_a_taken_one_is_told() {
    let bench = Bench::start().await;
    let old = bench.engine.status().peer_port.unwrap();
    let holder = TcpListener::bind(("::", 0)).unwrap();
    let wanted = holder.local_addr().unwrap().port();
    let settings = TransferSettings { peer_port: wanted, ..TransferSettings::default() };

    let refused = bench.engine.set_transfers(&settings).await;
    assert_eq!(refused, EngineStatus { peer_port: Some(old), wanted_port_taken: true });
    drop(holder);
    let moved = bench.engine.set_transfers(&settings).await;
    assert_eq!(moved, EngineStatus { peer_port: Some(wanted), wanted_port_taken: false });
    assert_eq!(bench.engine.status(), moved);
    TcpStream::connect((Ipv4Addr::LOCALHOST, wanted)).unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn peers_that_were_good_are_named_once_when_their_torrent_ends() {
    let film = film(61, MIB, SeederOptions::default()).await;
    let bench = Bench::start().await;
    let info_hash = film.torrent.info_hash;
    for is_shutdown in [false, true] {
        bench.activate(&film.torrent).await;
        let open = bench.engine.open_file(info_hash, FileIndex(0));
        let mut reader = soon("open", open).await.unwrap();
        soon("read", reader.read_to_end(&mut Vec::new())).await.unwrap();
        assert_eq!(bench.engine.take_good_peers(), None, "it has not ended");

        if is_shutdown {
            assert_eq!(soon("end", bench.engine.shutdown(Duration::from_secs(20))).await, [""; 0]);
        } else {
            soon("end", bench.engine.deactivate(info_hash, true)).await.unwrap();
            soon("news", bench.engine.good_peers_added()).await;
        }

        assert_eq!(bench.engine.take_good_peers(), Some((info_hash, vec![film.torrent.peer])));
        assert_eq!(bench.engine.take_good_peers(), None);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_torrent_to_which_nobody_was_good_names_nobody() {
    let film = film(62, MIB, SeederOptions::default()).await;
    let bench = Bench::start().await;
    let mut alone = spec(&film.torrent);
    alone.peers.clear();
    soon("activate", bench.engine.activate(alone)).await.unwrap();

    soon("end", bench.engine.deactivate(film.torrent.info_hash, false)).await.unwrap();

    assert_eq!(bench.engine.take_good_peers(), None);
}
