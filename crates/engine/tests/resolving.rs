//! From what a person gave to checked details, and what stops on the way.

#![allow(clippy::unwrap_used, reason = "what prepares a test fails with it")]

mod common;

use std::time::{Duration, Instant};

use common::fake::{Server, extended, ok, redirect};
use common::{Bench, film, soon};
use freshet_engine::testing::{SeederOptions, pattern};
use freshet_engine::{ResolveError, Resolved};
use freshet_model::{
    AddressPolicy, InfoHash, Magnet, MetainfoError, TorrentSource, TransferStats, WaitReason,
};
use freshet_web::FetchError;
use tokio_util::sync::CancellationToken;

const LENGTH: usize = 300_000;

fn magnet(text: &str) -> TorrentSource {
    TorrentSource::Magnet(Magnet::parse(text).unwrap())
}

async fn resolve(bench: &Bench, source: TorrentSource) -> Result<Resolved, ResolveError> {
    soon("resolve", bench.engine.resolve(source, CancellationToken::new())).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_bytes_of_a_file_are_checked_and_cut_to_their_info() {
    let film = film(10, LENGTH, SeederOptions::default()).await;
    let bench = Bench::start().await;
    let with_tracker = [b"d8:announce18:udp://1.1.1.1:6969", &film.torrent.torrent_file[1..]].concat();

    let resolved = resolve(&bench, TorrentSource::TorrentFile(with_tracker)).await.unwrap();

    assert_eq!(resolved.metainfo.info_hash, film.torrent.info_hash);
    assert_eq!(resolved.torrent_file, film.torrent.torrent_file);
    assert_eq!(resolved.trackers, ["udp://1.1.1.1:6969".parse().unwrap()]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_web_link_is_fetched_also_when_it_leads_to_a_magnet() {
    let film = film(11, LENGTH, SeederOptions::default()).await;
    let bench = Bench::start().await;
    let file = Server::http(ok(&film.torrent.torrent_file)).await;
    let moved = Server::http(redirect(&format!("http://{}/real.torrent", file.address))).await;
    let to_magnet = Server::http(redirect(&film.torrent.magnet())).await;

    for server in [&file, &moved, &to_magnet] {
        let url = format!("http://{}/a.torrent", server.address).parse().unwrap();
        let resolved = resolve(&bench, TorrentSource::Web(url)).await.unwrap();
        assert_eq!(resolved.metainfo, freshet_model::Metainfo::parse(&resolved.torrent_file).unwrap());
        assert_eq!(resolved.metainfo.info_hash, film.torrent.info_hash);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_private_is_asked_when_only_public_addresses_are_allowed() {
    let film = film(12, LENGTH, SeederOptions::default()).await;
    let bench = Bench::with(|config| config.addresses = AddressPolicy::GlobalOnly).await;
    let server = Server::http(ok(&film.torrent.torrent_file)).await;
    let peer = Server::peer(film.torrent.info_hash, None).await;

    for host in ["127.0.0.1", "localhost", "[::ffff:127.0.0.1]", "2130706433"] {
        let url = format!("http://{host}:{}/a.torrent", server.address.port()).parse().unwrap();
        let refused = resolve(&bench, TorrentSource::Web(url)).await;
        let is_refused = matches!(refused, Err(ResolveError::Fetch(FetchError::AddressRefused(_))));
        assert!(is_refused, "{host}: {refused:?}");
    }
    let link = format!(
        "magnet:?xt=urn:btih:{}&x.pe={}&tr=http://{}/announce&tr=udp://127.0.0.1:9",
        film.torrent.info_hash, peer.address, server.address
    );
    let refused = resolve(&bench, magnet(&link)).await;
    assert!(matches!(refused, Err(ResolveError::NobodyToAsk)), "{refused:?}");

    assert_eq!((server.connections(), peer.connections()), (0, 0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_tracker_names_the_peer_that_has_the_details() {
    let film = film(13, LENGTH, SeederOptions::default()).await;
    let bench = Bench::start().await;
    let mut answer = b"d8:intervali1800e5:peers6:\x7f\0\0\x01".to_vec();
    answer.extend_from_slice(&film.torrent.peer.port().to_be_bytes());
    answer.push(b'e');
    let tracker = Server::http(ok(&answer)).await;

    let link =
        format!("magnet:?xt=urn:btih:{}&tr=http://{}/announce", film.torrent.info_hash, tracker.address);
    let resolved = resolve(&bench, magnet(&link)).await.unwrap();

    assert_eq!(resolved.metainfo.info_hash, film.torrent.info_hash);
    assert_eq!(resolved.peers, [film.torrent.peer]);
    assert_eq!(resolved.trackers.len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn resolving_ends_by_its_time_limit_and_by_cancelling() {
    let info_hash = InfoHash::new([5; 20]);
    let silent = Server::peer(info_hash, None).await;
    let link = format!("magnet:?xt=urn:btih:{info_hash}&x.pe={}", silent.address);

    let bench = Bench::with(|config| config.limits.resolve_timeout = Duration::from_millis(300)).await;
    let ended = resolve(&bench, magnet(&link)).await;
    assert!(matches!(ended, Err(ResolveError::TimedOut)), "{ended:?}");

    let bench = Bench::start().await;
    let greeting = Server::peer(info_hash, Some(Vec::new())).await;
    let link = format!("magnet:?xt=urn:btih:{info_hash}&x.pe={}", greeting.address);
    let cancel = CancellationToken::new();
    let resolving = bench.engine.resolve(magnet(&link), cancel.clone());
    let ended = soon("cancelled resolve", async {
        tokio::join!(resolving, async {
            let shown = TransferStats {
                connected_peers: 1,
                known_peers: 1,
                waiting: Some(WaitReason::NoDetails),
                ..TransferStats::new(info_hash)
            };
            common::until("a peer is asked", || **bench.engine.stats() == [shown.clone()]).await;
            cancel.cancel();
        })
    })
    .await
    .0;
    assert!(matches!(ended, Err(ResolveError::Cancelled)), "{ended:?}");
    common::until("resolving is over", || bench.engine.stats().is_empty()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_magnet_link_shows_why_its_tracker_refuses_it() {
    let tracker = Server::http(ok(b"d14:failure reason12:unregisterede")).await;
    let info_hash = InfoHash::new([6; 20]);
    let link = format!("magnet:?xt=urn:btih:{info_hash}&tr=http://{}/announce", tracker.address);
    let bench = Bench::start().await;
    let cancel = CancellationToken::new();
    let resolving = bench.engine.resolve(magnet(&link), cancel.clone());
    let shown = TransferStats {
        waiting: Some(WaitReason::NoPeers),
        tracker_refusal: Some("unregistered".to_owned()),
        ..TransferStats::new(info_hash)
    };

    let (resolved, ()) = soon("resolving", async {
        tokio::join!(resolving, async {
            common::until("it is shown", || **bench.engine.stats() == [shown.clone()]).await;
            cancel.cancel();
        })
    })
    .await;

    assert!(matches!(resolved, Err(ResolveError::Cancelled)), "{resolved:?}");
}

/// What a peer may say instead of the details.
fn broken_scripts() -> Vec<Vec<u8>> {
    let no_size = extended(0, b"d1:md11:ut_metadatai1eee");
    let huge = extended(0, b"d1:md11:ut_metadatai1ee13:metadata_sizei2147483647ee");
    let empty = extended(0, b"d1:md11:ut_metadatai1ee13:metadata_sizei0ee");
    let early = extended(3, b"d8:msg_typei1e5:piecei0e10:total_sizei5eexxxxx");
    let wrong_data = [
        extended(0, b"d1:md11:ut_metadatai1ee13:metadata_sizei5ee"),
        extended(3, b"d8:msg_typei1e5:piecei0e10:total_sizei5eexxxxx"),
    ]
    .concat();
    let far_piece = [
        extended(0, b"d1:md11:ut_metadatai1ee13:metadata_sizei5ee"),
        extended(3, b"d8:msg_typei1e5:piecei4294967295e10:total_sizei5eexxxxx"),
    ]
    .concat();
    vec![pattern(7, 2000), vec![0xff; 100], no_size, huge, empty, early, wrong_data, far_piece]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn peers_that_break_the_exchange_are_an_error_of_that_magnet_only() {
    let film = film(14, LENGTH, SeederOptions::default()).await;
    let info_hash = film.torrent.info_hash;
    let bench = Bench::with(|config| config.limits.resolve_timeout = Duration::from_secs(1)).await;
    let mut peers = Vec::new();
    for script in broken_scripts() {
        peers.push(Server::peer(info_hash, Some(script)).await);
    }

    for peer in &peers {
        let link = format!("magnet:?xt=urn:btih:{info_hash}&x.pe={}", peer.address);
        let refused = resolve(&bench, magnet(&link)).await;
        let is_told = matches!(refused, Err(ResolveError::NoAnswer { asked: 1 } | ResolveError::TimedOut));
        assert!(is_told, "{refused:?}");
        assert!(peer.connections() > 0);
    }

    let bench = Bench::start().await;
    let mut link = film.torrent.magnet();
    for peer in &peers {
        link = format!("{link}&x.pe={}", peer.address);
    }
    let resolved = resolve(&bench, magnet(&link)).await.unwrap();
    assert_eq!(resolved.metainfo.info_hash, info_hash);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn hostile_files_are_refused_at_the_door() {
    let bench = Bench::start().await;
    let info = |piece_bytes: i64, name: &str| {
        format!(
            "d4:infod6:lengthi1e4:name{}:{name}12:piece lengthi{piece_bytes}e6:pieces20:{}ee",
            name.len(),
            "h".repeat(20)
        )
        .into_bytes()
    };
    let table = [
        (info(0, "a"), MetainfoError::PieceLength(0)),
        (info(1 << 40, "a"), MetainfoError::PieceLength(1 << 40)),
        (info(16384, ".."), MetainfoError::Path(0)),
        (info(16384, "\u{feff}.."), MetainfoError::Path(0)),
    ];
    for (bytes, expected) in table {
        let refused = resolve(&bench, TorrentSource::TorrentFile(bytes)).await;
        assert!(matches!(&refused, Err(ResolveError::Metainfo(error)) if *error == expected), "{refused:?}");
    }
    assert_eq!(std::fs::read_dir(bench.dir.path().join("pieces")).unwrap().count(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_magnet_that_names_nobody_ends_at_once() {
    let bench = Bench::start().await;
    let started = Instant::now();

    let refused = resolve(&bench, TorrentSource::Magnet(Magnet::bare(InfoHash::new([3; 20])))).await;

    assert!(matches!(refused, Err(ResolveError::NobodyToAsk)), "{refused:?}");
    assert!(started.elapsed() < common::PATIENCE / 2);
}
