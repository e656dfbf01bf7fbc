//! Web servers as sources of a film (BEP 19): alone, beside peers, and such as do what they like.

#![allow(clippy::unwrap_used, reason = "what prepares a test fails with it")]

mod support;
#[path = "support/web.rs"]
mod web;

use std::convert::Infallible;
use std::io::SeekFrom;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::any;
use freshet_model::{AddressPolicy, InfoHash};
use freshet_swarm::pieces::FileSpan;
use freshet_swarm::schedule::Class;
use freshet_swarm::{Layout, PeerSource, Swarm, SwarmConfig, Torrent, TorrentSpec, WebSeeds};
use freshet_web::RangeClient;
use futures::StreamExt;
use sha1::{Digest, Sha1};
use support::{Film, PATIENCE, PIECE_BYTES, address_of, config, film, read_all, seed, swarm};
use tokio::io::{AsyncReadExt, AsyncSeekExt};
use tokio::task::JoinSet;
use tokio::time::timeout;
use web::WebServer;

const MIB: usize = 1024 * 1024;

/// A folder with the film in it.
fn folder_with(film: &Film) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("film"), &film.content).unwrap();
    folder
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_film_comes_from_a_web_server_alone_with_few_questions() {
    let film = film(8 * MIB + 1);
    let folder = folder_with(&film);
    let here = tempfile::tempdir().unwrap();
    let server = WebServer::of(folder.path()).await;
    let leecher = swarm(here.path(), b'l').await;
    let torrent = leecher.add(film.spec.clone()).unwrap();
    torrent.add_web_seeds(server.seeds()).await;

    assert!(read_all(&torrent).await == film.content);

    let asked = server.requests().len();
    assert!(asked <= 8 * 8, "{asked} questions for 8 MiB");
    let connections = server.connections.load(Ordering::SeqCst);
    assert!(connections <= 4, "{connections} connections for {asked} questions");
    // Nothing has to be asked twice when nobody else is there.
    assert_eq!(server.sent_bytes(), film.content.len() as u64);
    let peers = torrent.peers().await;
    assert_eq!(peers.len(), 1);
    assert_eq!(peers[0].client.as_deref(), Some("web seed"));
    let url = format!("http://{}/", server.address);
    assert_eq!(peers[0].web_seed.as_deref(), Some(url.as_str()));
    let seen = torrent.stats().wait_for(|stats| stats.connected_seeders == 1).await.map(drop);
    assert!(seen.is_ok());
}

/// Files of a torrent, with their paths as they are on the disk; no path is padding.
fn pack(files: &[(Option<&str>, Vec<u8>)], folder: &Path) -> (Vec<u8>, TorrentSpec) {
    let content: Vec<u8> = files.iter().flat_map(|(_, bytes)| bytes.clone()).collect();
    for (path, bytes) in files {
        if let Some(path) = path {
            let path = folder.join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, bytes).unwrap();
        }
    }
    let hashes: Vec<[u8; 20]> =
        content.chunks(PIECE_BYTES as usize).map(|piece| Sha1::digest(piece).into()).collect();
    let span = |(path, bytes): &(Option<&str>, Vec<u8>)| FileSpan {
        length_bytes: bytes.len() as u64,
        is_padding: path.is_none(),
    };
    let spec = TorrentSpec {
        info_hash: InfoHash::new([9; 20]),
        layout: Layout::new(PIECE_BYTES, content.len() as u64).unwrap(),
        piece_hashes: hashes.into(),
        files: files.iter().map(span).collect(),
        is_private: true,
        info: None,
    };
    (content, spec)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_files_come_each_from_its_place_and_padding_from_nowhere() {
    let noise = film(500_000).content;
    let folder = tempfile::tempdir().unwrap();
    let files = [
        (Some("pack/Film & 100% #1.mkv"), noise[..100_000].to_vec()),
        (None, vec![0; (PIECE_BYTES - 100_000 % PIECE_BYTES) as usize]),
        (Some("pack/empty"), Vec::new()),
        (Some("pack/extras/Ф.srt"), noise[..7].to_vec()),
        (Some("pack/extras/b.mkv"), noise[100_000..].to_vec()),
    ];
    let (content, spec) = pack(&files, folder.path());
    let here = tempfile::tempdir().unwrap();
    let server = WebServer::of(folder.path()).await;
    let leecher = swarm(here.path(), b'l').await;
    let torrent = leecher.add(spec).unwrap();
    let paths = [
        "pack/Film%20%26%20100%25%20%231.mkv",
        "pack/.pad/31072",
        "pack/empty",
        "pack/extras/%D0%A4.srt",
        "pack/extras/b.mkv",
    ];
    torrent.add_web_seeds(server.seeds_of(&paths)).await;

    assert!(read_all(&torrent).await == content);

    let mut asked = server.requests();
    asked.sort_unstable();
    asked.dedup();
    assert_eq!(asked, [0, 3, 4].map(|file| format!("/{}", paths[file])));
    assert_eq!(server.sent_bytes(), 500_007);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_look_into_the_middle_asks_for_the_middle() {
    let film = film(32 * MIB);
    let folder = folder_with(&film);
    let here = tempfile::tempdir().unwrap();
    let server = WebServer::of(folder.path()).await;
    let leecher = swarm(here.path(), b'l').await;
    let torrent = leecher.add(film.spec.clone()).unwrap();
    torrent.add_web_seeds(server.seeds()).await;

    let middle = 16 * MIB + 12_345;
    let mut reader = torrent.open_reader(0..24 * MIB as u64, Class::Preview).await.unwrap();
    reader.seek(SeekFrom::Start(middle as u64)).await.unwrap();
    let mut bytes = vec![0; 100_000];
    timeout(PATIENCE, reader.read_exact(&mut bytes)).await.unwrap().unwrap();
    drop(reader);
    timeout(PATIENCE, server.open.clone().wait_for(|open| *open == 0)).await.unwrap().unwrap();

    assert!(bytes == film.content[middle..middle + 100_000]);
    // What was read, what was read ahead, and what was on its way.
    assert!(server.sent_bytes() < 9 * MIB as u64, "{} bytes", server.sent_bytes());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_part_of_a_film_costs_that_part() {
    let film = film(32 * MIB);
    let folder = folder_with(&film);
    let here = tempfile::tempdir().unwrap();
    let server = WebServer::of(folder.path()).await;
    let leecher = swarm(here.path(), b'l').await;
    let torrent = leecher.add(film.spec.clone()).unwrap();
    torrent.add_web_seeds(server.seeds()).await;

    let (start, end) = (20 * MIB + 5, 21 * MIB);
    let mut reader = torrent.open_reader(start as u64..end as u64, Class::Player).await.unwrap();
    let mut bytes = Vec::new();
    timeout(PATIENCE, reader.read_to_end(&mut bytes)).await.unwrap().unwrap();

    assert!(bytes == film.content[start..end]);
    assert_eq!(server.sent_bytes(), MIB as u64);
}

/// Reads the film from this server and an honest peer, which is called when the server was asked.
async fn beside(film: &Film, server: &WebServer) -> (Torrent, Swarm, tempfile::TempDir) {
    let (there, here) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (seeder, leecher) = (swarm(there.path(), b's').await, swarm(here.path(), b'l').await);
    let _seeding = seed(&seeder, there.path(), film).await;
    let torrent = leecher.add(film.spec.clone()).unwrap();
    torrent.add_web_seeds(server.seeds()).await;
    let mut first = torrent.open_reader(0..1, Class::Player).await.unwrap();
    let mut byte = [0];
    let mut heard = server.open.clone();
    let honest = async {
        timeout(PATIENCE, heard.wait_for(|_| !server.requests().is_empty())).await.unwrap().unwrap();
        torrent.add_peers(vec![address_of(&seeder)], PeerSource::Given).await;
    };
    let (read, ()) = tokio::join!(timeout(PATIENCE, first.read_exact(&mut byte)), honest);
    read.expect("it comes in time").unwrap();
    assert!(read_all(&torrent).await == film.content);
    (torrent, leecher, here)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_web_server_and_a_peer_give_the_film_together() {
    let film = film(4 * MIB);
    let folder = folder_with(&film);
    let server = WebServer::of(folder.path()).await;

    let (torrent, _leecher, _here) = beside(&film, &server).await;

    assert!(server.sent_bytes() > 0);
    let peers = torrent.peers().await;
    assert_eq!(peers.iter().filter(|peer| peer.web_seed.is_some()).count(), 1);
    assert_eq!(peers.iter().filter(|peer| peer.web_seed.is_none()).count(), 1);
}

/// The part that is asked for, of these bytes.
fn part_of(content: &[u8], headers: &HeaderMap) -> Response {
    let range = headers[header::RANGE].to_str().unwrap().strip_prefix("bytes=").unwrap();
    let (first, last) = range.split_once('-').unwrap();
    let (first, last): (usize, usize) = (first.parse().unwrap(), last.parse().unwrap());
    let named = format!("bytes {first}-{last}/{}", content.len());
    let body = Bytes::copy_from_slice(&content[first..=last]);
    (StatusCode::PARTIAL_CONTENT, [(header::CONTENT_RANGE, named)], body).into_response()
}

async fn answering(answer: impl Fn(HeaderMap) -> Response + Clone + Send + Sync + 'static) -> WebServer {
    let answer = move |headers: HeaderMap| std::future::ready(answer(headers));
    WebServer::answering(Router::new().fallback(any(answer))).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_lies_is_banned_and_the_film_is_right() {
    let film = film(2 * MIB);
    let wrong: Arc<[u8]> = film.content.iter().map(|byte| byte ^ 1).collect();
    let server = answering(move |headers| part_of(&wrong, &headers)).await;

    let (torrent, leecher, here) = beside(&film, &server).await;

    assert!(torrent.peers().await.iter().all(|peer| peer.web_seed.is_none()));
    // Neither this torrent nor the next attempt asks it again, and a peer on the same computer stays welcome.
    torrent.stop();
    torrent.stopped().await;
    let asked = server.requests().len();
    let there = tempfile::tempdir().unwrap();
    let seeder = swarm(there.path(), b't').await;
    let _seeding = seed(&seeder, there.path(), &film).await;
    freshet_swarm::pieces::delete(here.path(), film.spec.info_hash).unwrap();
    let torrent = leecher.add(film.spec.clone()).unwrap();
    torrent.add_web_seeds(server.seeds()).await;
    torrent.add_peers(vec![address_of(&seeder)], PeerSource::Given).await;
    assert!(read_all(&torrent).await == film.content);
    assert_eq!(server.requests().len(), asked);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lying_server_alone_is_not_asked_without_end() {
    let film = film(2 * MIB);
    let wrong: Arc<[u8]> = film.content.iter().map(|byte| byte ^ 1).collect();
    let server = answering(move |headers| part_of(&wrong, &headers)).await;
    let here = tempfile::tempdir().unwrap();
    let leecher = swarm(here.path(), b'l').await;
    let torrent = leecher.add(film.spec.clone()).unwrap();
    torrent.add_web_seeds(server.seeds()).await;
    let _reading = reading(&torrent).await;

    let mut stats = torrent.stats();
    timeout(PATIENCE, stats.wait_for(|stats| stats.downloaded_bytes > 0)).await.unwrap().unwrap();
    timeout(PATIENCE, stats.wait_for(|stats| stats.connected_peers == 0)).await.unwrap().unwrap();
    assert_eq!(torrent.peers().await, []);
    assert_eq!(torrent.stats().borrow().have_bytes, 0);
    // What it was asked for before its first piece was judged.
    assert!(server.sent_bytes() <= MIB as u64, "{}", server.sent_bytes());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn servers_that_give_something_else_do_not_keep_the_film_from_coming() {
    let film = film(MIB);
    let whole = Bytes::from(film.content.clone());
    let part = |named: String, body: Body| {
        (StatusCode::PARTIAL_CONTENT, [(header::CONTENT_RANGE, named)], body).into_response()
    };
    let asked = |headers: &HeaderMap| headers[header::RANGE].to_str().unwrap().replace("bytes=", "");
    let pour =
        || Body::from_stream(futures::stream::repeat(Ok::<_, Infallible>(Bytes::from_static(&[7; 9999]))));
    let servers = [
        answering(move |_| whole.clone().into_response()).await,
        answering(|_| StatusCode::NOT_FOUND.into_response()).await,
        answering(|_| StatusCode::SERVICE_UNAVAILABLE.into_response()).await,
        answering(|_| Redirect::temporary("/again").into_response()).await,
        answering(|_| Redirect::temporary("file:///etc/passwd").into_response()).await,
        answering(move |headers| part(format!("bytes {}/*", asked(&headers)), Body::from("short"))).await,
        answering(move |headers| part(format!("bytes {}/*", asked(&headers)), pour())).await,
        answering(move |_| part("bytes 5-9/*".to_owned(), Body::from("wrong"))).await,
    ];
    for (number, server) in servers.iter().enumerate() {
        let (_torrent, _leecher, _here) = beside(&film, server).await;

        // It was given up for a while at the first failure; the way of redirects has six stations.
        let asked = server.requests().len();
        assert!((1..=24).contains(&asked), "server {number} was asked {asked} times");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_hangs_does_not_keep_the_film_from_coming() {
    let film = film(MIB);
    let server = answering(|_| {
        Body::from_stream(futures::stream::pending::<std::io::Result<Bytes>>()).into_response()
    });
    beside(&film, &server.await).await;
    let silent = WebServer::answering(Router::new().fallback(any(std::future::pending::<Response>))).await;
    beside(&film, &silent).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_own_network_is_asked_only_if_that_is_allowed() {
    let film = film(MIB);
    let folder = folder_with(&film);
    let server = WebServer::of(folder.path()).await;
    let (there, here) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (seeder, leecher) = (swarm(there.path(), b's').await, swarm(here.path(), b'l').await);
    let _seeding = seed(&seeder, there.path(), &film).await;
    let torrent = leecher.add(film.spec.clone()).unwrap();
    let client = RangeClient::new(AddressPolicy::GlobalOnly).unwrap();
    torrent.add_web_seeds(WebSeeds { client, ..server.seeds() }).await;
    torrent.add_peers(vec![address_of(&seeder)], PeerSource::Given).await;

    assert!(read_all(&torrent).await == film.content);
    assert_eq!(server.connections.load(Ordering::SeqCst), 0);
}

/// Somebody reads, until this is dropped.
async fn reading(torrent: &Torrent) -> JoinSet<()> {
    let mut reader = torrent.open_reader(0..u64::MAX, Class::Player).await.unwrap();
    let mut reading = JoinSet::new();
    reading.spawn(async move { drop(reader.read_to_end(&mut Vec::new()).await) });
    reading
}

/// The first block of what is asked for, and then nothing more.
fn stalls(film: &Film) -> impl Fn(HeaderMap) -> Response + Clone + use<> {
    let content = Bytes::from(film.content.clone());
    move |headers| {
        let range = headers[header::RANGE].to_str().unwrap().replace("bytes=", "");
        let first: usize = range.split_once('-').unwrap().0.parse().unwrap();
        let block = content.slice(first..first + 16 * 1024);
        let stalled =
            futures::stream::iter([Ok::<_, std::io::Error>(block)]).chain(futures::stream::pending());
        let named = format!("bytes {range}/{}", content.len());
        (StatusCode::PARTIAL_CONTENT, [(header::CONTENT_RANGE, named)], Body::from_stream(stalled))
            .into_response()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_nobody_wants_any_more_is_not_listened_to() {
    let film = film(MIB);
    let server = answering(stalls(&film)).await;
    let here = tempfile::tempdir().unwrap();
    let leecher = swarm(here.path(), b'l').await;
    let torrent = leecher.add(film.spec.clone()).unwrap();
    torrent.add_web_seeds(server.seeds()).await;

    let reading = reading(&torrent).await;
    let mut open = server.open.clone();
    timeout(PATIENCE, open.wait_for(|open| *open > 0)).await.unwrap().unwrap();
    drop(reading);
    timeout(PATIENCE, open.wait_for(|open| *open == 0)).await.expect("the answer is let go").unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_torrent_that_is_taken_out_asks_nothing_more() {
    let film = film(MIB);
    let server = answering(stalls(&film)).await;
    let here = tempfile::tempdir().unwrap();
    let leecher = swarm(here.path(), b'l').await;
    let torrent = leecher.add(film.spec.clone()).unwrap();
    torrent.add_web_seeds(server.seeds()).await;
    let _reading = reading(&torrent).await;
    let mut open = server.open.clone();
    timeout(PATIENCE, open.wait_for(|open| *open > 0)).await.unwrap().unwrap();

    torrent.stop();
    timeout(PATIENCE, torrent.stopped()).await.unwrap();
    timeout(PATIENCE, open.wait_for(|open| *open == 0)).await.expect("the answer is let go").unwrap();
    let asked = server.requests().len();
    assert!(leecher.shutdown(PATIENCE).await, "nothing is left to wait for");
    assert_eq!(server.requests().len(), asked);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_download_limit_holds_for_web_servers_too() {
    let film = film(MIB);
    let folder = folder_with(&film);
    let server = WebServer::of(folder.path()).await;
    let here = tempfile::tempdir().unwrap();
    let limited = SwarmConfig { download_limit_bytes_per_sec: Some(400_000), ..config(here.path(), b'l') };
    let leecher = Swarm::start(limited).await.unwrap();
    let torrent = leecher.add(film.spec.clone()).unwrap();
    torrent.add_web_seeds(server.seeds()).await;

    let begun = std::time::Instant::now();
    assert!(read_all(&torrent).await == film.content);
    // It is allowed a burst at the start.
    assert!(begun.elapsed().as_secs_f64() > 1.0, "{:?}", begun.elapsed());
}
