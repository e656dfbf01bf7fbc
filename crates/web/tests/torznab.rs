//! Search services over real sockets. Jackett and Prowlarr can't be had in a test, so a server says what they say.

#![allow(clippy::unwrap_used, reason = "what prepares a test fails with it")]

mod common;

use std::time::Duration;

use common::{Server, answer, redirect};
use freshet_model::{AddressPolicy, Indexer};
use freshet_web::torznab::{FeedError, TorznabError, limits};
use freshet_web::{FetchError, TorrentLink, WebClient};

const FEED: &[u8] =
    b"<rss><channel><item><title>Film</title><link>https://a.example/1.torrent</link></item></channel></rss>";

fn client() -> WebClient {
    WebClient::new(AddressPolicy::PrivateToo).unwrap()
}

fn indexer(server: &Server) -> Indexer {
    Indexer {
        url: format!("http://{}/torznab", server.address),
        api_key: "s3cret&key".to_owned(),
        ..Indexer::default()
    }
}

async fn search(server: &Server) -> Result<Vec<String>, TorznabError> {
    let (client, indexer) = (client(), indexer(server));
    let search = client.torznab_search(&indexer, "some film");
    let items = tokio::time::timeout(Duration::from_secs(30), search).await.unwrap()?;
    Ok(items.into_iter().map(|item| item.title).collect())
}

#[tokio::test]
async fn a_service_is_asked_with_query_and_key_and_its_items_come_back() {
    let server = Server::start(|_| vec![answer("200 OK", FEED)]).await;

    assert_eq!(search(&server).await.unwrap(), ["Film"]);
    let request = server.requests().remove(0);
    assert!(
        request.starts_with("GET /torznab/api?t=search&q=some+film&apikey=s3cret%26key HTTP/1.1\r\n"),
        "{request}"
    );
}

#[tokio::test]
async fn a_refusal_is_told_without_the_key() {
    let refusal = b"<error code='100' description='Invalid API Key s3cret&amp;key'/>";
    let server = Server::start(|_| vec![answer("200 OK", refusal)]).await;

    let error = search(&server).await.unwrap_err().to_string();

    assert_eq!(error, "the search service refused: Invalid API Key … (code 100)");
}

#[tokio::test]
async fn no_failure_says_the_key() {
    let closed = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let cut = Server::start(|_| vec![answer("200 OK\r\ncontent-length: 10", b"half")]).await;
    let missing = Server::start(|_| vec![answer("404 Not Found", b"s3cret&key")]).await;
    for address in [closed, cut.address, missing.address] {
        let indexer = Indexer {
            url: format!("http://me:passw0rd@{address}/?apikey=in-the-query"),
            api_key: "s3cret".to_owned(),
            ..Indexer::default()
        };
        let error = client().torznab_search(&indexer, "x").await.unwrap_err();
        let told = format!("{error} {error:?}");
        for secret in ["s3cret", "passw0rd", "in-the-query"] {
            assert!(!told.contains(secret), "{told}");
        }
    }
}

#[tokio::test]
async fn answers_that_are_too_large_or_none_are_refused() {
    let item = "<item><title>T</title><link>https://a.example/1</link></item>";
    let large = format!("<rss><channel>{}</channel></rss>", item.repeat(10 * 1024 * 1024 / item.len()));
    let server = Server::start(|_| vec![answer("200 OK", large.as_bytes())]).await;
    let refused = search(&server).await.unwrap_err();
    assert!(
        matches!(refused, TorznabError::Fetch(FetchError::TooLarge(limits::MAX_ANSWER_BYTES))),
        "{refused:?}"
    );

    let bomb = b"<!DOCTYPE a [<!ENTITY a 'aaaa'><!ENTITY b '&a;&a;'>]><rss><channel>&b;</channel></rss>";
    let server = Server::start(|_| vec![answer("200 OK", bomb)]).await;
    assert!(matches!(search(&server).await, Err(TorznabError::Feed(FeedError::Dtd))));

    // What a service does that wants a person to log in.
    let server =
        Server::start(|_| vec![redirect("/login"), answer("200 OK", b"<!DOCTYPE html><html></html>")]).await;
    assert!(matches!(search(&server).await, Err(TorznabError::Feed(FeedError::Page))));
}

#[tokio::test]
async fn the_test_of_a_service_tries_a_search_where_it_tells_nothing_of_itself() {
    let caps = Server::start(|_| vec![answer("200 OK", b"<caps/>")]).await;
    client().torznab_check(&indexer(&caps)).await.unwrap();
    assert_eq!(caps.connections(), 1);

    let searches = Server::start(|_| vec![answer("404 Not Found", b""), answer("200 OK", FEED)]).await;
    client().torznab_check(&indexer(&searches)).await.unwrap();
    assert_eq!(searches.connections(), 2);

    let refuses = Server::start(|_| vec![answer("200 OK", b"<error code='100' description='No'/>")]).await;
    let error = client().torznab_check(&indexer(&refuses)).await.unwrap_err();
    assert_eq!(error.to_string(), "the search service refused: No (code 100)");
}

#[tokio::test]
async fn a_link_of_a_service_is_fetched_there_and_nowhere_else_in_private() {
    let other = Server::start(|_| vec![answer("200 OK", b"private")]).await;
    let service = Server::start(|_| {
        vec![
            answer("200 OK", b"bytes"),
            redirect("/moved"),
            answer("200 OK", b"moved"),
            redirect("magnet:?xt=urn:btih:00"),
            redirect(other.url().as_str()),
        ]
    })
    .await;
    let (client, link) = (client(), service.url());
    let trusted = format!("http://{}/torznab?x=1", service.address).parse().unwrap();

    assert_eq!(client.get_torrent_of(&link, &trusted).await.unwrap(), TorrentLink::File(b"bytes".to_vec()));
    assert_eq!(client.get_torrent_of(&link, &trusted).await.unwrap(), TorrentLink::File(b"moved".to_vec()));
    let magnet = client.get_torrent_of(&link, &trusted).await.unwrap();
    assert_eq!(magnet, TorrentLink::Magnet("magnet:?xt=urn:btih:00".to_owned()));
    let refused = client.get_torrent_of(&link, &trusted).await;
    assert!(matches!(refused, Err(FetchError::AddressRefused(_))), "{refused:?}");
    let refused = client.get_torrent_of(&other.url(), &trusted).await;
    assert!(matches!(refused, Err(FetchError::AddressRefused(_))), "{refused:?}");
    assert_eq!(other.connections(), 0);
}
