//! Parts of files from servers that do what they like.

#![allow(clippy::unwrap_used, reason = "what prepares a test fails with it")]

mod common;

use std::time::Duration;

use common::{Server, answer, redirect};
use freshet_model::AddressPolicy;
use freshet_web::{FetchError, RangeClient, limits};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

const FILE_BYTES: u64 = 10_000_000;

/// What comes of a question for bytes 10 to 13 of a long file.
async fn four_bytes(server: &Server) -> Result<Vec<u8>, FetchError> {
    let client = RangeClient::new(AddressPolicy::PrivateToo).unwrap();
    let get = async {
        let mut body = client.get(&server.url(), 10..14, FILE_BYTES).await?;
        let mut all = Vec::new();
        while let Some(bytes) = body.next().await? {
            all.extend_from_slice(&bytes);
        }
        Ok(all)
    };
    tokio::time::timeout(Duration::from_secs(30), get).await.unwrap()
}

fn part(head: &str, body: &[u8]) -> Vec<u8> {
    answer(&format!("206 Partial Content\r\n{head}"), body)
}

#[tokio::test]
async fn the_part_that_was_asked_for_comes_through_redirects() {
    let good = part("content-range: bytes 10-13/10000000\r\ncontent-length: 4", b"film");
    let server = Server::start(|_| vec![redirect("/elsewhere"), good.clone()]).await;

    assert_eq!(four_bytes(&server).await.unwrap(), b"film");
    for request in server.requests() {
        assert!(request.to_lowercase().contains("\r\nrange: bytes=10-13\r\n"), "{request}");
        assert!(request.to_lowercase().contains("\r\naccept-encoding: identity\r\n"), "{request}");
    }
}

#[tokio::test]
async fn a_server_need_not_know_how_long_the_file_is() {
    let server = Server::start(|_| vec![part("content-range: bytes 10-13/*", b"film")]).await;

    assert_eq!(four_bytes(&server).await.unwrap(), b"film");
}

#[tokio::test]
async fn anything_but_the_part_that_was_asked_for_is_refused() {
    let table: [(Vec<u8>, &str); 11] = [
        (answer("200 OK", b"film"), "it sends the whole file"),
        (part("x: y", b"film"), "it promises another part"),
        (part("content-range: bytes 11-14/10000000", b"film"), "it promises another part"),
        (part("content-range: bytes 10-12/10000000", b"fil"), "it promises another part"),
        (part("content-range: bytes 10-13/10000001", b"film"), "it promises another part"),
        (part("content-range: items 10-13/10000000", b"film"), "it promises another part"),
        (part("content-range: bytes 10-13/*\r\ncontent-length: 5", b"films"), "it announces another length"),
        (part("content-range: bytes 10-13/*", b"fil"), "it sends too little"),
        (part("content-range: bytes 10-13/*", b"films"), "it sends too much"),
        (part("content-range: bytes 10-13/*\r\ncontent-encoding: gzip", b"film"), "it sends it packed"),
        (
            part("content-range: bytes 10-13/*\r\ntransfer-encoding: chunked", b"5\r\nfilms\r\n0\r\n\r\n"),
            "it sends too much",
        ),
    ];
    for (bytes, why) in table {
        let server = Server::start(|_| vec![bytes.clone()]).await;
        let refused = four_bytes(&server).await;
        assert!(
            matches!(refused, Err(FetchError::WrongRange(said)) if said == why),
            "{refused:?}, not {why}"
        );
    }
}

#[tokio::test]
async fn a_short_file_may_come_whole() {
    let server = Server::start(|_| vec![answer("200 OK\r\ncontent-length: 8", b"the film")]).await;
    let client = RangeClient::new(AddressPolicy::PrivateToo).unwrap();

    let mut body = client.get(&server.url(), 4..7, 8).await.unwrap();
    assert_eq!(body.next().await.unwrap().as_deref(), Some(&b"fil"[..]));
    assert_eq!(body.next().await.unwrap(), None);
    let longer = client.get(&server.url(), 4..7, 9).await;
    assert!(matches!(longer, Err(FetchError::WrongRange("it announces another length"))), "{longer:?}");
}

#[tokio::test]
async fn who_has_no_such_file_says_so() {
    let server = Server::start(|_| vec![answer("404 Not Found", b"")]).await;

    assert!(matches!(four_bytes(&server).await, Err(FetchError::Status(404))));
}

#[tokio::test]
async fn redirects_end_and_are_judged_like_a_link() {
    let server = Server::start(|_| vec![redirect("/again")]).await;
    assert!(matches!(four_bytes(&server).await, Err(FetchError::TooManyRedirects)));
    assert_eq!(server.connections(), limits::MAX_REDIRECTS + 1);

    // Never allowed, whatever the policy.
    let server = Server::start(|_| vec![redirect("http://0.0.0.0/film")]).await;
    let refused = four_bytes(&server).await;
    assert!(matches!(&refused, Err(FetchError::AddressRefused(_))), "{refused:?}");

    for (location, name) in [("ftp://127.0.0.1/a", "ftp"), ("magnet:?xt=urn:btih:00", "magnet")] {
        let server = Server::start(|_| vec![redirect(location)]).await;
        let refused = four_bytes(&server).await;
        assert!(matches!(&refused, Err(FetchError::Scheme(scheme)) if scheme == name), "{refused:?}");
    }
}

#[tokio::test]
async fn the_own_computer_is_not_asked_on_the_word_of_a_torrent() {
    let server = Server::start(|_| vec![answer("200 OK", b"")]).await;
    let client = RangeClient::new(AddressPolicy::GlobalOnly).unwrap();
    for host in ["127.0.0.1", "localhost"] {
        let url = format!("http://{host}:{}/", server.address.port()).parse().unwrap();
        let refused = client.get(&url, 0..1, 1).await;
        assert!(matches!(&refused, Err(FetchError::AddressRefused(_))), "{refused:?}");
    }
    assert_eq!(server.connections(), 0);
}

#[tokio::test]
async fn the_connection_is_kept_for_the_next_part() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/film", listener.local_addr().unwrap()).parse().unwrap();
    let serving = async {
        let (mut stream, _) = listener.accept().await.unwrap();
        for number in 0..3 {
            let mut request = Vec::new();
            while !request.ends_with(b"\r\n\r\n") {
                request.push(stream.read_u8().await.unwrap());
            }
            let head = format!(
                "HTTP/1.1 206 Partial Content\r\ncontent-range: bytes {number}-{number}/3\r\ncontent-length: 1\r\n\r\n"
            );
            stream.write_all(head.as_bytes()).await.unwrap();
            stream.write_all(&[b'a' + number]).await.unwrap();
        }
    };
    let client = RangeClient::new(AddressPolicy::PrivateToo).unwrap();
    let asking = async {
        let mut all = Vec::new();
        for at in 0..3 {
            let mut body = client.get(&url, at..at + 1, 3).await.unwrap();
            while let Some(bytes) = body.next().await.unwrap() {
                all.extend_from_slice(&bytes);
            }
        }
        all
    };
    let both = async { tokio::join!(serving, asking) };
    let ((), all) = tokio::time::timeout(Duration::from_secs(30), both).await.unwrap();

    assert_eq!(all, b"abc");
}
