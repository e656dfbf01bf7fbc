//! The guarded client against servers that do what they like.

#![allow(clippy::unwrap_used, reason = "what prepares a test fails with it")]

mod common;

use std::io::Write;
use std::time::Duration;

use common::{Server, answer, redirect};
use freshet_model::AddressPolicy;
use freshet_web::{FetchError, Interface, Route, TorrentLink, WebClient, limits};
use tokio::net::TcpListener;
use url::Url;

async fn get(url: &Url) -> Result<TorrentLink, FetchError> {
    let client = WebClient::new(AddressPolicy::PrivateToo).unwrap();
    tokio::time::timeout(Duration::from_secs(30), client.get_torrent(url)).await.unwrap()
}

#[tokio::test]
async fn a_file_is_fetched_through_redirects() {
    let server = Server::start(|address| {
        vec![redirect("/next"), redirect(&format!("http://{address}/last")), answer("200 OK", b"bytes")]
    })
    .await;

    assert_eq!(get(&server.url()).await.unwrap(), TorrentLink::File(b"bytes".to_vec()));
    assert_eq!(server.connections(), 3);
}

#[tokio::test]
async fn a_redirect_to_a_magnet_is_an_answer() {
    let server = Server::start(|_| vec![redirect("magnet:?xt=urn:btih:00")]).await;

    let link = get(&server.url()).await.unwrap();

    assert_eq!(link, TorrentLink::Magnet("magnet:?xt=urn:btih:00".to_owned()));
}

#[tokio::test]
async fn redirects_end() {
    let server = Server::start(|_| vec![redirect("/again")]).await;

    let refused = get(&server.url()).await;

    assert!(matches!(refused, Err(FetchError::TooManyRedirects)), "{refused:?}");
    assert_eq!(server.connections(), limits::MAX_REDIRECTS + 1);
}

#[tokio::test]
async fn a_redirect_is_judged_like_a_link() {
    let table = [
        ("file:///etc/passwd", "only http and https links are fetched, not \"file\""),
        ("ftp://127.0.0.1/a", "only http and https links are fetched, not \"ftp\""),
        ("http://0.0.0.0/a", "0.0.0.0 is at an address that is not asked on the word of a link"),
        ("http://", "the server redirected to something that is no link"),
    ];
    for (location, expected) in table {
        let server = Server::start(|_| vec![redirect(location)]).await;
        let refused = get(&server.url()).await.unwrap_err();
        assert_eq!(refused.to_string(), expected, "{location}");
    }
}

#[tokio::test]
async fn an_answer_is_never_larger_than_its_ceiling() {
    let announced = format!("200 OK\r\ncontent-length: {}", limits::MAX_BODY_BYTES + 1);
    let body = vec![b'x'; limits::MAX_BODY_BYTES + 1];
    let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    packer.write_all(&body).unwrap();
    let packed = packer.finish().unwrap();
    assert!(packed.len() < 100_000);
    let answers = [
        answer(&announced, b""),
        answer("200 OK", &body),
        answer("200 OK\r\ncontent-encoding: gzip", &packed),
    ];
    for bytes in answers {
        let server = Server::start(|_| vec![bytes.clone()]).await;
        let refused = get(&server.url()).await;
        assert!(matches!(refused, Err(FetchError::TooLarge(limits::MAX_BODY_BYTES))), "{refused:?}");
    }
}

#[tokio::test]
async fn what_goes_wrong_is_named() {
    let missing = Server::start(|_| vec![answer("404 Not Found", b"")]).await;
    let refused = get(&missing.url()).await;
    assert!(matches!(refused, Err(FetchError::Status(404))), "{refused:?}");

    let cut = Server::start(|_| vec![answer("200 OK\r\ncontent-length: 10", b"half")]).await;
    let refused = get(&cut.url()).await;
    assert!(matches!(refused, Err(FetchError::Failed(_))), "{refused:?}");

    let closed = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let refused = get(&format!("http://{closed}/").parse().unwrap()).await;
    assert!(matches!(refused, Err(FetchError::Failed(_))), "{refused:?}");
}

#[tokio::test]
async fn private_addresses_are_not_connected_to_unless_allowed() {
    let server = Server::start(|_| vec![answer("200 OK", b"secret")]).await;
    let port = server.address.port();
    let client = WebClient::new(AddressPolicy::GlobalOnly).unwrap();

    for host in ["127.0.0.1", "localhost", "[::1]", "[::ffff:7f00:1]", "0x7f000001", "127.1"] {
        let url = format!("http://{host}:{port}/").parse().unwrap();
        let refused = client.get_torrent(&url).await;
        assert!(matches!(refused, Err(FetchError::AddressRefused(_))), "{host}: {refused:?}");
    }

    assert_eq!(server.connections(), 0);
}

#[tokio::test]
async fn without_its_interface_a_client_reaches_nobody_but_this_computer() {
    let server = Server::start(|_| vec![answer("200 OK", b"bytes"), redirect("http://192.0.2.1/")]).await;
    let client = WebClient::new(AddressPolicy::PrivateToo).unwrap();
    let missing = || Some(Interface::look("no such one"));
    client.set_route(&Route { proxy: None, interface: missing() }).unwrap();
    let by_name: Url = format!("http://localhost:{}/a", server.address.port()).parse().unwrap();
    let is_missing = |outcome: Result<TorrentLink, FetchError>| matches!(outcome, Err(FetchError::InterfaceMissing(name)) if name == "no such one");
    assert_eq!(client.get_torrent(&by_name).await.unwrap(), TorrentLink::File(b"bytes".to_vec()));
    assert!(is_missing(client.get_torrent(&server.url()).await), "it leads on to somebody else");
    for link in ["http://192.0.2.1/", "http://[2001:db8::1]/", "http://name.example/"] {
        assert!(is_missing(client.get_torrent(&link.parse().unwrap()).await), "{link}");
    }
    let name = url::Host::Domain("name.example");
    assert_eq!(client.check_host(&name, 80).await, Err(freshet_web::HostError::NoAddress));

    // A proxy on this computer leads elsewhere.
    let proxy = format!("socks5://{}", server.address).parse().ok();
    client.set_route(&Route { proxy, interface: missing() }).unwrap();
    assert!(is_missing(client.get_torrent(&"http://name.example/".parse().unwrap()).await));
    assert_eq!(server.connections(), 2);
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn another_way_out_ends_what_is_under_way() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url: Url = format!("http://{}/", listener.local_addr().unwrap()).parse().unwrap();
    let client = WebClient::new(AddressPolicy::PrivateToo).unwrap();
    let rerouting = async {
        let called = listener.accept().await.unwrap();
        let interface = Some(Interface::look("lo"));
        client.set_route(&Route { proxy: None, interface }).unwrap();
        called
    };
    let (outcome, _) = tokio::join!(client.get_torrent(&url), rerouting);
    assert!(matches!(outcome, Err(FetchError::Rerouted)), "{outcome:?}");
}
