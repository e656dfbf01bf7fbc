//! What of TorrServer's contract has no number in its checklist (see `conformance` for the rest).

use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use crate::common::{World, show_files};
use freshet_engine::testing::pattern;

#[tokio::test(flavor = "multi_thread")]
async fn stream_adds_waits_and_plays_by_one_address() {
    let world = World::start().await;
    let magnet =
        percent_encoding::utf8_percent_encode(&world.show.magnet(), percent_encoding::NON_ALPHANUMERIC)
            .to_string();

    // Nothing but a link: added, and answered at once.
    let reply = world.get(&format!("/stream?link={magnet}&title=My%20show")).await;
    assert_eq!((reply.status, reply.text()), (200, ""));
    let status = world.get(&format!("/stream/name.mkv?link={magnet}&stat&title=Other")).await.json();
    assert_eq!(status["title"], "My show", "what is stored wins over the query");
    assert_eq!(status["file_stats"].as_array().unwrap().len(), 4);

    let (_, seed, length) = show_files()[2];
    let hash = world.show.info_hash;
    for link in [magnet.clone(), hash.to_string(), percent_twice(&world.show.magnet())] {
        let reply = world.get(&format!("/stream/e2.mkv?link={link}&index=3&play")).await;
        assert_eq!(reply.status, 200);
        assert!(reply.body == pattern(seed, length), "the bytes of the file");
    }
    let table = [
        (format!("/stream?link={hash}&play"), 400),
        (format!("/stream?link={hash}&index=x&play"), 400),
        (format!("/stream?link={hash}&index=9&play"), 404),
        ("/stream?play".to_owned(), 400),
        ("/stream/?link=file%3A%2F%2F%2Fetc%2Fpasswd&play".to_owned(), 400),
        ("/stream/?link=nonsense&stat".to_owned(), 400),
    ];
    for (path, status) in table {
        let reply = world.get(&path).await;
        assert_eq!((reply.status, reply.text()), (status, ""), "{path}");
    }
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_file_behind_a_web_link_is_fetched_once() {
    let world = World::start().await;
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let link = format!("http%3A%2F%2F{}%2Fa.torrent", listener.local_addr().unwrap());
    let torrent = world.show.torrent_file.clone();
    let answers = async {
        let mut count = 0;
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            count += 1;
            assert_eq!(count, 1, "fetched again");
            let mut head = [0; 1024];
            let _ = stream.read(&mut head).await.unwrap();
            let length = torrent.len();
            let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n");
            stream.write_all(&[head.as_bytes(), torrent.as_slice()].concat()).await.unwrap();
        }
    };
    let requests = async {
        for _ in 0..2 {
            let path = format!("/stream/e1.mkv?link={link}&index=1&stat");
            let reply = world.get(&path).await;
            assert_eq!(
                (reply.status, reply.json()["hash"].clone()),
                (200, json!(world.show.info_hash.to_string()))
            );
        }
    };

    tokio::select! {
        () = answers => {}
        () = requests => {}
    }
    world.end().await;
}

fn percent_twice(text: &str) -> String {
    let encode = |text: &str| {
        percent_encoding::utf8_percent_encode(text, percent_encoding::NON_ALPHANUMERIC).to_string()
    };
    encode(&encode(text))
}

#[tokio::test(flavor = "multi_thread")]
async fn play_knows_only_the_library() {
    let world = World::start().await;
    let unknown = world.film.info_hash;
    let show = world.add(&world.show).await;

    for (path, status) in [
        (format!("/play/{unknown}/1"), 404),
        ("/play/nonsense/1".to_owned(), 404),
        ("/play/%ff/1".to_owned(), 404),
        (format!("/play/{show}/%ff"), 404),
        (format!("/play/{show}/x"), 400),
        (format!("/play/{show}/9"), 404),
        (format!("/play/{show}/4"), 200),
    ] {
        let reply = world.get(&path).await;
        assert_eq!((reply.status, reply.text()), (status, ""), "{path}");
    }
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn playing_marks_as_viewed_once_and_head_does_not() {
    let world = World::start().await;
    let hash = world.add(&world.show).await;
    let list =
        async || world.post("/viewed", json!({"action": "list", "hash": hash.to_string()})).await.json();

    world.head(&format!("/play/{hash}/3")).await;
    assert_eq!(list().await, json!([]));

    world.get_with(&format!("/play/{hash}/3"), &[("range", "bytes=0-99")]).await;
    assert_eq!(list().await, json!([{"hash": hash.to_string(), "file_index": 3, "timecode": 0}]));

    // A person takes the mark away while the player still reads: its next ranges are the same playback.
    world.post("/viewed", json!({"action": "rem", "hash": hash.to_string(), "file_index": 3})).await;
    world.get_with(&format!("/play/{hash}/3"), &[("range", "bytes=100-199")]).await;
    assert_eq!(list().await, json!([]));
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_here_says_so_in_the_way_that_clients_know() {
    let world = World::start().await;
    let table = [
        ("GET", "/nothing", 404, "404 page not found"),
        ("GET", "/torrents", 404, "404 page not found"),
        ("PUT", "/echo", 404, "404 page not found"),
        ("OPTIONS", "/torrents", 404, "404 page not found"),
        ("GET", "/gst/echo", 404, "404 page not found"),
        ("GET", "/gst/settings", 200, "{\"built_in\":false}"),
        ("POST", "/gst/settings", 404, "{\"error\":\"gstreamer is not built in\"}"),
        ("GET", "/search/?query=a", 400, "[]"),
        ("GET", "/torznab/search/?query=a&index=0", 400, "[]"),
        ("GET", "/storage/settings", 200, "{\"settings\":\"json\",\"viewed\":\"json\",\"viewedCount\":0}"),
        ("POST", "/storage/settings", 200, "{\"status\":\"ok\"}"),
        ("GET", "/stat", 200, ""),
        ("GET", "/magnets", 200, "<div></div>"),
        ("GET", "/download/x", 200, ""),
    ];
    for (method, path, status, text) in table {
        let reply = world.ask(method, path, &[], b"").await;
        assert_eq!((reply.status, reply.text()), (status, text), "{method} {path}");
    }
    let reply = world.get("/search?query=a%20b").await;
    assert_eq!((reply.status, reply.field("location")), (301, Some("/search/?query=a%20b")));
    let tmdb = world.get("/tmdb/settings").await.json();
    assert_eq!(tmdb["APIURL"], "https://api.themoviedb.org");
    let zeros = world.get_with("/download/2", &[("range", "bytes=1048576-")]).await;
    assert_eq!((zeros.status, zeros.body), (206, vec![0; 1024 * 1024]));
    world.end().await;
}
