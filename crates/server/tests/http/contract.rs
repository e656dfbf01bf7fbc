//! TorrServer's contract, endpoint by endpoint.

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use crate::common::{World, film_bytes, show_files, until};
use freshet_engine::testing::pattern;

fn magnet_without_peers() -> &'static str {
    "magnet:?xt=urn:btih:08ada5a7a6183aae1e09d831df6748d566095a10&dn=Nobody%20has%20it"
}

#[tokio::test(flavor = "multi_thread")]
async fn echo_is_a_version_that_clients_accept() {
    let world = World::start().await;

    let reply = world.get("/echo").await;

    assert_eq!((reply.status, reply.text()), (200, "MatriX.145"));
    assert_eq!(reply.field("content-type"), Some("text/plain; charset=utf-8"));
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_magnet_is_added_at_once_and_gets_its_files() {
    let world = World::start().await;
    let hash = world.show.info_hash.to_string();
    let add = json!({
        "action": "add", "link": world.show.magnet(), "title": "My <show>", "category": "tv",
        "poster": "http://p.example/a.jpg", "data": "{\"lampa\":true}", "save_to_db": true,
    });

    let reply = world.post("/torrents", add).await;

    assert_eq!(reply.field("content-type"), Some("application/json; charset=utf-8"));
    assert_eq!(
        reply.steady_text(),
        format!(
            r#"{{"title":"My \u003cshow\u003e","category":"tv","poster":"http://p.example/a.jpg","data":"{{\"lampa\":true}}","timestamp":0,"name":"Show","hash":"{hash}","stat":1,"stat_string":"Torrent getting info"}}"#
        )
    );
    let get = json!({"action": "get", "hash": hash});
    let ready = until("files appear", async || {
        let status = world.post("/torrents", get.clone()).await.json();
        status.get("file_stats").is_some().then_some(status)
    })
    .await;
    assert_eq!(
        ready["file_stats"],
        json!([
            {"id": 1, "path": "Show/e1.mkv", "length": 300_001},
            {"id": 2, "path": "Show/e1.srt", "length": 500},
            {"id": 3, "path": "Show/e2.mkv", "length": 200_000},
            {"id": 4, "path": "Show/extras/about.txt"},
        ])
    );
    assert_eq!((&ready["stat"], &ready["stat_string"]), (&json!(5), &json!("Torrent in db")));
    assert_eq!(ready["torrent_size"], 500_501);
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_library_is_listed_described_and_emptied() {
    let world = World::start().await;
    let list = json!({"action": "list"});
    assert_eq!(world.post("/torrents", list.clone()).await.text(), "[]");
    let film = world.add(&world.film).await.to_string();
    let show = world.add(&world.show).await.to_string();

    let set =
        json!({"action": "set", "hash": film, "title": "T", "category": "movie", "poster": "p", "data": "d"});
    let reply = world.post("/torrents", set).await;
    assert_eq!((reply.status, reply.field("content-length"), reply.text()), (200, Some("0"), ""));
    let get = |hash: &str| world.post("/torrents", json!({"action": "get", "hash": hash}));
    let described = get(&film).await.json();
    assert_eq!(
        (&described["title"], &described["category"], &described["poster"], &described["data"]),
        (&json!("T"), &json!("movie"), &json!("p"), &json!("d"))
    );
    // Without a title it is called by its own name; poster and category are emptied, the data stays.
    world.post("/torrents", json!({"action": "set", "hash": film})).await;
    let described = get(&film).await.json();
    assert_eq!(
        (&described["title"], &described["category"], &described["poster"], &described["data"]),
        (&json!("Film é.mkv"), &json!(""), &json!(""), &json!("d"))
    );

    let reply = world.post("/torrents", json!({"action": "drop", "hash": film})).await;
    assert_eq!((reply.status, reply.text()), (200, ""));
    assert_eq!(get(&film).await.status, 200, "dropped, but still stored");
    let reply = world.post("/torrents", json!({"action": "rem", "hash": film})).await;
    assert_eq!((reply.status, reply.text()), (200, ""));
    let gone = get(&film).await;
    assert_eq!((gone.status, gone.field("content-length"), gone.text()), (404, Some("0"), ""));
    let hashes = |list: Value| -> Vec<Value> {
        list.as_array().unwrap().iter().map(|one| one["hash"].clone()).collect()
    };
    assert_eq!(hashes(world.post("/torrents", list.clone()).await.json()), [json!(show)]);

    let reply = world.post("/torrents", json!({"action": "wipe"})).await;
    assert_eq!((reply.status, reply.text()), (200, ""));
    assert_eq!(world.post("/torrents", list).await.text(), "[]");
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_are_understood_as_real_clients_write_them() {
    let world = World::start().await;
    let hash = world.add(&world.film).await.to_string();
    let body =
        format!(r#"{{"Action":"get","HASH":"{}","save_to_db":"true","x":1}} and more"#, hash.to_uppercase());

    for content_type in
        ["", "text/plain", "application/x-www-form-urlencoded; charset=UTF-8", "application/json"]
    {
        let fields: &[(&str, &str)] =
            if content_type.is_empty() { &[] } else { &[("content-type", content_type)] };
        let reply = world.ask("POST", "/torrents", fields, body.as_bytes()).await;
        assert_eq!((reply.status, &reply.json()["hash"]), (200, &json!(hash)), "{content_type}");
    }
    let viewed = json!({"action": "set", "hash": hash, "file_index": "1", "timecode": "90"});
    assert_eq!(world.post("/viewed", viewed).await.status, 200);
    assert_eq!(
        world.post("/viewed", json!({"Action": "list"})).await.text(),
        format!(r#"[{{"hash":"{hash}","file_index":1,"timecode":90}}]"#)
    );
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_can_not_be_understood_is_an_empty_400() {
    let world = World::start().await;
    let short = "08ada5a7a6183aae1e09d831df6748d566095a1";
    let v2 = format!("magnet:?xt=urn:btmh:1220{}", "ab".repeat(32));
    let table = [
        ("/torrents", String::new()),
        ("/torrents", "{".to_owned()),
        ("/torrents", "[]".to_owned()),
        ("/torrents", "{}".to_owned()),
        ("/torrents", json!({"action": "dance"}).to_string()),
        ("/torrents", json!({"action": "add"}).to_string()),
        ("/torrents", json!({"action": "add", "link": "magnet:?dn=x"}).to_string()),
        ("/torrents", json!({"action": "add", "link": "file:///etc/passwd"}).to_string()),
        ("/torrents", json!({"action": "add", "link": v2}).to_string()),
        ("/torrents", json!({"action": "get"}).to_string()),
        ("/torrents", json!({"action": "get", "hash": short}).to_string()),
        ("/torrents", json!({"action": "rem", "hash": {}}).to_string()),
        ("/viewed", "x".to_owned()),
        ("/viewed", json!({"action": "set"}).to_string()),
        ("/settings", json!({"action": "set"}).to_string()),
        ("/settings", json!({"action": "set", "sets": {"CacheSize": "big"}}).to_string()),
        ("/cache", json!({"action": "get"}).to_string()),
        ("/torrent/upload", "no form".to_owned()),
    ];
    for (path, body) in table {
        let reply = world.ask("POST", path, &[], body.as_bytes()).await;
        assert_eq!(
            (reply.status, reply.field("content-length"), reply.text()),
            (400, Some("0"), ""),
            "{path} {body}"
        );
    }
    let reply = world.ask("POST", "/torrents", &[], &vec![b' '; 3 * 1024 * 1024]).await;
    assert_eq!(reply.status, 413);
    assert_eq!(world.post("/torrents", json!({"action": "list"})).await.text(), "[]", "nothing came of it");
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn torrent_files_come_as_a_form_under_any_name() {
    let world = World::start().await;
    let form = |parts: &[(&str, Option<&str>, &[u8])]| {
        let mut body = Vec::new();
        for (name, file, content) in parts {
            let file = file.map(|file| format!("; filename=\"{file}\"")).unwrap_or_default();
            body.extend_from_slice(
                format!("--B\r\nContent-Disposition: form-data; name=\"{name}\"{file}\r\n\r\n").as_bytes(),
            );
            body.extend_from_slice(content);
            body.extend_from_slice(b"\r\n");
        }
        body.extend_from_slice(b"--B--\r\n");
        body
    };
    let post = async |body: Vec<u8>| {
        world
            .ask("POST", "/torrent/upload", &[("content-type", "multipart/form-data; boundary=B")], &body)
            .await
    };
    let (film, show) = (world.film.torrent_file.as_slice(), world.show.torrent_file.as_slice());

    let one =
        post(form(&[("save", None, b""), ("title", None, b"T"), ("file-0", Some("a.torrent"), film)])).await;
    let one = one.json();
    assert_eq!((&one["title"], &one["hash"]), (&json!("T"), &json!(world.film.info_hash.to_string())));
    assert_eq!(one["file_stats"], json!([{"id": 1, "path": "Film é.mkv", "length": 2_000_003}]));

    let several = post(form(&[
        ("file1", Some("a.torrent"), film),
        ("broken", Some("b.torrent"), b"d4:infod12:piece lengthi0eee"),
        ("file2", Some("c.torrent"), show),
    ]))
    .await
    .json();
    assert_eq!(several.as_array().unwrap().len(), 2);
    assert_eq!(several[1]["hash"], world.show.info_hash.to_string());

    let none = post(form(&[("file", Some("x.torrent"), b"not a torrent")])).await;
    assert_eq!((none.status, none.text()), (200, "null"));
    world.end().await;
}

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
async fn a_single_file_plays_under_any_number() {
    let world = World::start().await;
    let hash = world.add(&world.film).await;

    for path in [
        format!("/stream?link={hash}&play"),
        format!("/stream/x?link={hash}&index=0&play"),
        format!("/play/{hash}/7"),
    ] {
        assert!(world.get(&path).await.body == film_bytes(), "{path}");
    }
    world.end().await;
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
async fn head_with_preload_waits_until_the_bytes_are_here() {
    let world = World::start().await;
    let hash = world.add(&world.film).await;

    let reply = world.head(&format!("/stream?link={hash}&index=1&preload")).await;

    assert_eq!(reply.status, 200);
    let have = world.app.stats(hash).map(|stats| stats.have_bytes);
    until("the statistics follow", async || {
        let have = world.app.stats(hash).map(|stats| stats.have_bytes).or(have);
        (have == Some(film_bytes().len() as u64)).then_some(())
    })
    .await;
    assert!(!world.app.is_preloading(hash));
    let viewed = world.post("/viewed", json!({"action": "list"})).await;
    assert_eq!(viewed.text(), "[]", "preloading is not watching");
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
async fn viewed_marks_are_set_listed_and_taken_away_by_their_ids() {
    let world = World::start().await;
    let show = world.add(&world.show).await.to_string();
    let unknown = "08ada5a7a6183aae1e09d831df6748d566095a10";
    let viewed = |body: Value| world.post("/viewed", body);
    let set = |hash: &str, id: i64, timecode: f64| json!({"action": "set", "hash": hash, "file_index": id, "timecode": timecode});

    for body in [
        set(&show, 3, 61.5),
        set(&show, 1, 0.0),
        set(unknown, 2, 0.0),
        set(&show, 99, 0.0),
        set(&show, 0, 0.0),
    ] {
        let reply = viewed(body).await;
        assert_eq!((reply.status, reply.text()), (200, ""));
    }

    let of_show = viewed(json!({"action": "list", "hash": show})).await.json();
    assert_eq!(
        of_show,
        json!([{"hash": show, "file_index": 1, "timecode": 0}, {"hash": show, "file_index": 3, "timecode": 61.5}])
    );
    let all = viewed(json!({"action": "list"})).await.json();
    assert_eq!(all.as_array().unwrap().len(), 3);
    assert!(all.as_array().unwrap().contains(&json!({"hash": unknown, "file_index": 2, "timecode": 0})));

    viewed(json!({"action": "rem", "hash": show})).await;
    assert_eq!(
        viewed(json!({"action": "list", "hash": show})).await.json(),
        of_show,
        "no file named, none removed"
    );
    viewed(json!({"action": "rem", "hash": show, "file_index": 3})).await;
    assert_eq!(viewed(json!({"action": "list", "hash": show})).await.json().as_array().unwrap().len(), 1);
    viewed(json!({"action": "rem", "hash": show, "file_index": -1})).await;
    assert_eq!(viewed(json!({"action": "list", "hash": show})).await.text(), "[]");
    // Marks outlive their torrent.
    viewed(set(&show, 3, 0.0)).await;
    world.post("/torrents", json!({"action": "rem", "hash": show})).await;
    world.add(&world.show).await;
    assert_eq!(
        viewed(json!({"action": "list", "hash": show})).await.json(),
        json!([{"hash": show, "file_index": 3, "timecode": 0}])
    );
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn time_codes_are_kept_only_if_the_setting_says_so() {
    let world = World::start().await;
    let hash = world.add(&world.film).await.to_string();
    let settings = |sets: Value| world.post("/settings", json!({"action": "set", "sets": sets}));
    let set = json!({"action": "set", "hash": hash, "file_index": 1, "timecode": 42});

    settings(json!({"TrackTimecode": false})).await;
    world.post("/viewed", set.clone()).await;
    assert_eq!(world.post("/viewed", json!({"action": "list"})).await.json()[0]["timecode"], 0);

    settings(json!({"TrackTimecode": true})).await;
    world.post("/viewed", set).await;
    assert_eq!(world.post("/viewed", json!({"action": "list"})).await.json()[0]["timecode"], 42);
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn settings_are_read_changed_in_part_and_reset() {
    let world = World::start().await;
    let get = async || world.post("/settings", json!({"action": "get"})).await.json();
    let defaults = get().await;
    assert_eq!(defaults["CacheSize"], 67_108_864);

    let reply = world
        .post(
            "/settings",
            json!({"action": "set", "Sets": {"FriendlyName": "den", "UploadRateLimit": 100, "Unknown": [1]}}),
        )
        .await;
    assert_eq!((reply.status, reply.text()), (200, ""));
    world.post("/settings", json!({"action": "set", "sets": {"CacheSize": 1_000_000}})).await;

    let changed = get().await;
    assert_eq!(changed["FriendlyName"], "den");
    assert_eq!(changed["UploadRateLimit"], 100);
    assert_eq!(changed["Unknown"], json!([1]));
    assert_eq!(changed["CacheSize"], 1_000_000);
    assert_eq!(world.app.settings().upload_limit_bytes_per_sec, 100 * 1024, "and it is in force");

    world.post("/settings", json!({"action": "def"})).await;
    let mut reset = get().await;
    assert_eq!(
        reset.as_object_mut().unwrap().remove("Unknown"),
        Some(json!([1])),
        "what we don't know we don't reset"
    );
    assert_eq!(reset, defaults);
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_cache_always_has_pieces_and_readers() {
    let world = World::start().await;
    let hash = world.add(&world.film).await.to_string();

    let cache = world.post("/cache", json!({"action": "get", "hash": hash})).await.json();

    assert_eq!(cache["Hash"], hash);
    assert_eq!((&cache["PiecesLength"], &cache["PiecesCount"]), (&json!(65_536), &json!(31)));
    assert_eq!(cache["Capacity"], 67_108_864);
    assert_eq!((&cache["Pieces"], &cache["Readers"]), (&json!({}), &json!([])));
    assert_eq!(cache["Torrent"]["hash"], hash);
    let unknown =
        world.post("/cache", json!({"action": "get", "hash": world.show.info_hash.to_string()})).await;
    assert_eq!((unknown.status, unknown.text()), (404, ""));
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

#[tokio::test(flavor = "multi_thread")]
async fn an_unanswered_magnet_is_added_all_the_same() {
    let world = World::start().await;

    let reply =
        world.post("/torrents", json!({"action": "add", "link": magnet_without_peers()})).await.json();

    assert_eq!((&reply["name"], &reply["stat"]), (&json!("Nobody has it"), &json!(1)));
    let magnets = world.get("/magnets").await;
    assert!(
        magnets.text().contains("xt=urn:btih:08ada5a7a6183aae1e09d831df6748d566095a10&amp;dn=Nobody"),
        "{}",
        magnets.text()
    );
    assert!(world.get("/stat").await.text().contains("Nobody has it: Torrent "));
    let got = world.post("/torrents", json!({"action": "get", "hash": reply["hash"]})).await.json();
    assert_eq!(got["hash"], reply["hash"], "it stays in the library, also when nobody answers");
    world.end().await;
}
