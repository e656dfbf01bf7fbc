//! A torrent whose files lie on a web server, from the link to the film.

#![allow(clippy::unwrap_used, reason = "what prepares a test fails with it")]

mod common;

use std::net::SocketAddr;
use std::path::Path;

use axum::Router;
use common::{Bench, film, soon};
use freshet_engine::TorrentSpec;
use freshet_engine::testing::SeederOptions;
use freshet_model::{AddressPolicy, FileIndex, Magnet, TorrentSource};
use tokio::io::AsyncReadExt;
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tower_http::services::ServeDir;

const LENGTH: usize = 3_000_001;

/// Serves a folder until the second value is dropped.
async fn serve(folder: &Path) -> (SocketAddr, JoinSet<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let router = Router::new().fallback_service(ServeDir::new(folder));
    let mut serving = JoinSet::new();
    serving.spawn(async move { axum::serve(listener, router).await.unwrap() });
    (address, serving)
}

/// Reads the whole film without any peer.
async fn watch(bench: &Bench, source: TorrentSource) -> Vec<u8> {
    let resolved = soon("resolve", bench.engine.resolve(source, CancellationToken::new())).await.unwrap();
    let info_hash = resolved.metainfo.info_hash;
    let torrent_file = resolved.torrent_file.into();
    let spec =
        TorrentSpec { info_hash, torrent_file, trackers: Vec::new(), peers: Vec::new(), is_pinned: false };
    soon("activate", bench.engine.activate(spec)).await.unwrap();
    let mut reader = bench.engine.open_file(info_hash, FileIndex(0)).await.unwrap();
    let mut bytes = Vec::new();
    soon("read", reader.read_to_end(&mut bytes)).await.unwrap();
    bytes
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_torrent_file_that_names_a_web_server_plays_without_peers() {
    let film = film(71, LENGTH, SeederOptions::default()).await;
    let (address, _serving) = serve(film.dir.path()).await;
    film.seeder.stop().await;
    let bench = Bench::start().await;
    let mut bytes = film.torrent.torrent_file.clone();
    assert_eq!(bytes.pop(), Some(b'e'));
    let url = format!("http://{address}/");
    bytes.extend_from_slice(format!("8:url-list{}:{url}e", url.len()).as_bytes());

    assert!(watch(&bench, TorrentSource::TorrentFile(bytes)).await == film.bytes);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_magnet_link_that_names_a_web_server_needs_peers_for_the_details_only() {
    let film = film(72, LENGTH, SeederOptions { upload_limit_bytes_per_sec: 16 * 1024, port: 0 }).await;
    let (address, _serving) = serve(film.dir.path()).await;
    let bench = Bench::start().await;
    let link = format!("{}&ws=http%3A%2F%2F{address}%2Ffilm.mkv", film.torrent.magnet());

    // The peer alone would take three minutes.
    let bytes = watch(&bench, TorrentSource::Magnet(Magnet::parse(&link).unwrap())).await;

    assert!(bytes == film.bytes);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_web_server_of_the_own_network_is_not_asked_unless_that_is_allowed() {
    let film = film(73, LENGTH, SeederOptions::default()).await;
    film.seeder.stop().await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let bench = Bench::with(|config| {
        config.addresses = AddressPolicy::GlobalOnly;
        config.limits.stall_timeout = std::time::Duration::from_secs(3);
    })
    .await;
    let mut bytes = film.torrent.torrent_file.clone();
    bytes.pop();
    bytes.extend_from_slice(format!("8:url-list{}:{url}e", url.len()).as_bytes());
    let source = TorrentSource::TorrentFile(bytes);
    let resolved = soon("resolve", bench.engine.resolve(source, CancellationToken::new())).await.unwrap();
    let info_hash = resolved.metainfo.info_hash;
    let torrent_file = resolved.torrent_file.into();
    let spec =
        TorrentSpec { info_hash, torrent_file, trackers: Vec::new(), peers: Vec::new(), is_pinned: false };
    soon("activate", bench.engine.activate(spec)).await.unwrap();
    let mut reader = bench.engine.open_file(info_hash, FileIndex(0)).await.unwrap();

    let asked = tokio::select! {
        _ = listener.accept() => true,
        read = soon("read", reader.read_u8()) => read.is_ok(),
    };
    assert!(!asked);
}
