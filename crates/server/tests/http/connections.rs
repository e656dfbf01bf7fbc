//! Slow, vanished and waiting clients.

use std::time::{Duration, Instant};

use freshet_app::Caller;
use freshet_model::{AppEvent, Notice, NoticeKind};
use freshet_server::{BindError, PortChoice, Server, ServerOptions};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use crate::common::{PATIENCE, World, film_bytes, find, until};

async fn open(world: &World, path: &str) -> TcpStream {
    let mut stream = TcpStream::connect(world.address()).await.unwrap();
    stream
        .write_all(format!("GET {path} HTTP/1.1\r\nHost: {}\r\n\r\n", world.address()).as_bytes())
        .await
        .unwrap();
    stream
}

/// Reads until the head is whole; gives the body that came with it.
async fn read_head(stream: &mut TcpStream) -> Vec<u8> {
    let mut bytes = Vec::new();
    loop {
        let mut chunk = [0; 4096];
        let read = tokio::time::timeout(PATIENCE, stream.read(&mut chunk)).await.unwrap().unwrap();
        assert_ne!(read, 0, "the connection ended: {:?}", String::from_utf8_lossy(&bytes));
        bytes.extend_from_slice(&chunk[..read]);
        if let Some(end) = find(&bytes, b"\r\n\r\n") {
            assert!(bytes.starts_with(b"HTTP/1.1 2"), "{:?}", String::from_utf8_lossy(&bytes[..end]));
            return bytes.split_off(end + 4);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_half_sent_head_is_cut_while_others_are_served() {
    let world = World::start().await;
    let start = Instant::now();
    let mut slow = Vec::new();
    for _ in 0..200 {
        let mut stream = TcpStream::connect(world.address()).await.unwrap();
        stream.write_all(b"GET /echo HTTP/1.1\r\nHost: ").await.unwrap();
        slow.push(stream);
    }

    assert_eq!(world.get("/echo").await.text(), "MatriX.145");
    assert!(start.elapsed() < Duration::from_secs(10), "and that before the slow ones were cut");
    for mut stream in slow {
        // An answer (408) may come before the end.
        let mut rest = Vec::new();
        let _ = tokio::time::timeout(PATIENCE, stream.read_to_end(&mut rest)).await.expect("cut in time");
    }
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_starved_response_is_held_open_and_goes_on() {
    let world = World::start().await;
    let hash = world.add(&world.film).await;
    world.app.pause_transfers(true).await;

    let mut stream = open(&world, &format!("/play/{hash}/1")).await;
    let mut body = read_head(&mut stream).await;
    assert!(body.is_empty());
    let waited = tokio::time::timeout(Duration::from_secs(1), stream.read_u8()).await;
    assert!(waited.is_err(), "neither a byte nor an end: {waited:?}");

    world.app.pause_transfers(false).await;
    tokio::time::timeout(PATIENCE, stream.read_to_end(&mut body)).await.unwrap().unwrap();
    assert!(body == film_bytes());
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn clients_that_vanish_free_their_readers() {
    let world = World::start().await;
    let hash = world.add(&world.film).await;
    world.app.pause_transfers(true).await;
    let path = format!("/play/{hash}/1");

    // Twice as many as there are readers, each gone in the middle of its starved answer.
    for _ in 0..16 {
        let streams: Vec<TcpStream> = futures::future::join_all((0..64).map(|_| open(&world, &path))).await;
        for mut stream in streams {
            read_head(&mut stream).await;
        }
    }

    world.app.pause_transfers(false).await;
    let reply = until("a reader is free", async || {
        let reply = world.get(&path).await;
        (reply.status == 200).then_some(reply)
    })
    .await;
    assert!(reply.body == film_bytes());
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_torrent_that_goes_away_cuts_its_responses() {
    let world = World::start().await;
    let hash = world.add(&world.film).await;
    world.app.pause_transfers(true).await;
    let mut stream = open(&world, &format!("/play/{hash}/1")).await;
    read_head(&mut stream).await;

    world.app.remove(hash, true).await.unwrap();

    let mut rest = Vec::new();
    let end = tokio::time::timeout(PATIENCE, stream.read_to_end(&mut rest)).await.expect("cut in time");
    // Fewer bytes than announced: no client takes that for the end of the film.
    assert!(end.is_err() || rest.len() < film_bytes().len());
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stopping_server_cuts_streams_at_once() {
    let world = World::start().await;
    let hash = world.add(&world.film).await;
    world.app.pause_transfers(true).await;
    let mut stream = open(&world, &format!("/play/{hash}/1")).await;
    read_head(&mut stream).await;
    let idle = TcpStream::connect(world.address()).await.unwrap();
    let address = world.address();

    let deadline = Duration::from_secs(60);
    tokio::time::timeout(PATIENCE, world.server.shutdown(deadline)).await.expect("long before the deadline");

    let mut rest = Vec::new();
    let _ = stream.read_to_end(&mut rest).await;
    assert!(rest.len() < film_bytes().len());
    assert!(TcpStream::connect(address).await.is_err(), "nobody listens any more");
    drop(idle);
    world.app.shutdown(Duration::from_secs(10)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_port_given_by_hand_and_taken_is_an_error() {
    let world = World::start().await;
    let taken = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = taken.local_addr().unwrap().port();

    let options = ServerOptions { port: PortChoice::Exact(port), ..ServerOptions::default() };
    let error = Server::bind(world.app.clone(), options).await.unwrap_err();

    assert!(matches!(error, BindError::PortTaken(known) if known == port));
    assert_eq!(error.to_string(), format!("port {port} is taken by another program; choose another one"));
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_default_port_gives_way_with_a_notice() {
    let world = World::start().await;
    // Whoever has it, us or another: it is taken.
    let _taken = TcpListener::bind(("127.0.0.1", freshet_server::DEFAULT_PORT)).await;

    let server = Server::bind(world.app.clone(), ServerOptions::default()).await.unwrap();

    let port = server.local_addr().port();
    assert_ne!(port, freshet_server::DEFAULT_PORT);
    let Some(AppEvent::Snapshot(snapshot)) = world.app.subscribe(Caller::MainWindow).next().await else {
        panic!("no snapshot")
    };
    let notice = Notice { kind: NoticeKind::PortTaken, subject: port.to_string() };
    assert!(snapshot.notices.contains(&notice), "{:?}", snapshot.notices);
    server.shutdown(Duration::from_secs(10)).await;
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_of_the_network_is_refused() {
    let world = World::start().await;

    for ip in ["0.0.0.0", "192.168.1.2", "::"] {
        let options =
            ServerOptions { ip: ip.parse().unwrap(), port: PortChoice::Exact(0), ..ServerOptions::default() };
        let error = Server::bind(world.app.clone(), options).await.unwrap_err();
        assert!(matches!(error, BindError::NotLoopback(_)), "{ip}");
    }
    world.end().await;
}
