//! The guard in front of real sockets, where the head of a request can be written in any way.

use crate::common::{World, raw};

#[tokio::test(flavor = "multi_thread")]
async fn a_foreign_doubled_or_missing_host_is_refused() {
    let world = World::start().await;
    let own = world.address();
    let port = own.port();
    let send = |target: String, hosts: String| {
        raw(
            own,
            format!("GET {target} HTTP/1.1\r\n{hosts}Connection: close\r\n\r\n").into_bytes().leak(),
            false,
        )
    };

    for hosts in [
        String::new(),
        "Host: \r\n".to_owned(),
        "Host: evil.example\r\n".to_owned(),
        format!("Host: evil.example:{port}\r\n"),
        format!("Host: localhost.:{port}\r\n"),
        format!("Host: user@{own}\r\n"),
        format!("Host: {own}\r\nHost: {own}\r\n"),
        format!("Host: {own}\r\nHost: evil.example\r\n"),
        "Host: 127.0.0.1\r\n".to_owned(),
        format!("Host: 127.0.0.1:{}\r\n", port - 1),
    ] {
        for target in ["/echo", "/", "/nothing"] {
            let reply = send(target.to_owned(), hosts.clone()).await;
            assert_eq!((reply.status, reply.text()), (403, ""), "{target} {hosts:?}");
        }
    }
    let foreign = format!("http://evil.example:{port}/echo");
    assert_eq!(send(foreign, format!("Host: {own}\r\n")).await.status, 403);
    for host in [format!("localhost:{port}"), format!("[::1]:{port}"), own.to_string()] {
        assert_eq!(
            send("/echo".to_owned(), format!("Host: {host}\r\n")).await.text(),
            "MatriX.145",
            "{host}"
        );
    }
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_of_somebody_else_changes_nothing_and_learns_nothing() {
    let world = World::start().await;
    let magnet = world.film.magnet();
    let add = format!("{{\"action\":\"add\",\"link\":\"{magnet}\"}}");
    let encoded =
        percent_encoding::utf8_percent_encode(&magnet, percent_encoding::NON_ALPHANUMERIC).to_string();

    // A form, a fetch without reading, an image, a frame, a link.
    let form = [
        ("origin", "https://evil.example"),
        ("content-type", "text/plain"),
        ("sec-fetch-site", "cross-site"),
    ];
    assert_eq!(world.ask("POST", "/torrents", &form, add.as_bytes()).await.status, 403);
    let sandboxed = [("origin", "null"), ("content-type", "text/plain")];
    assert_eq!(world.ask("POST", "/torrents", &sandboxed, add.as_bytes()).await.status, 403);
    for fields in [
        vec![("sec-fetch-site", "cross-site"), ("sec-fetch-mode", "no-cors"), ("sec-fetch-dest", "image")],
        vec![("sec-fetch-site", "same-site"), ("sec-fetch-mode", "no-cors"), ("sec-fetch-dest", "video")],
        vec![
            ("sec-fetch-site", "cross-site"),
            ("sec-fetch-mode", "navigate"),
            ("sec-fetch-dest", "document"),
        ],
    ] {
        for path in [
            format!("/stream?link={encoded}&save"),
            "/torrents".to_owned(),
            "/stat".to_owned(),
            "/events".to_owned(),
        ] {
            let reply = world.get_with(&path, &fields).await;
            assert_eq!(reply.status, 403, "{path} {fields:?}");
            assert_eq!(reply.field("access-control-allow-origin"), None);
        }
    }
    let preflight = [("origin", "https://evil.example"), ("access-control-request-method", "POST")];
    for path in ["/torrents", "/rpc/torrent_add", "/media/x/0"] {
        let reply = world.ask("OPTIONS", path, &preflight, b"").await;
        assert_eq!((reply.status, reply.field("access-control-allow-origin")), (403, None), "{path}");
    }

    assert!(world.app.torrents().await.unwrap().is_empty(), "nothing was added");
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn our_own_pages_and_plain_programs_get_through() {
    let world = World::start().await;
    let own = format!("http://{}", world.address());
    let page = [
        ("origin", own.as_str()),
        ("sec-fetch-site", "same-origin"),
        ("content-type", "application/json"),
        ("x-freshet", "1"),
    ];

    assert_eq!(world.ask("POST", "/rpc/app_info", &page, b"{}").await.status, 200);
    assert_eq!(world.ask("POST", "/torrents", &page, b"{\"action\":\"list\"}").await.text(), "[]");
    let reply = world.ask("POST", "/rpc/app_info", &page[..3], b"{}").await;
    assert_eq!((reply.status, reply.json()["code"].as_str()), (403, Some("forbidden")), "without our header");

    let preflight = [("origin", "tauri://localhost"), ("access-control-request-method", "GET")];
    let reply = world.ask("OPTIONS", "/media/x/0", &preflight, b"").await;
    assert_eq!((reply.status, reply.field("access-control-allow-origin")), (204, Some("tauri://localhost")));
    world.end().await;
}
