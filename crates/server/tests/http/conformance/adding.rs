//! Adding torrents and looking at them: points 1 to 9, 24 and 25.

use std::time::Duration;

use freshet_server::{PortChoice, Server, ServerOptions};
use serde_json::{Value, json};

use crate::common::{self, World, start_app, until};

fn magnet_without_peers() -> &'static str {
    "magnet:?xt=urn:btih:08ada5a7a6183aae1e09d831df6748d566095a10&dn=Nobody%20has%20it"
}

#[tokio::test(flavor = "multi_thread")]
async fn c01_echo_is_a_version_that_clients_accept() {
    let world = World::start().await;

    let reply = world.get("/echo").await;

    assert_eq!((reply.status, reply.text()), (200, "MatriX.145"));
    assert_eq!(reply.field("content-type"), Some("text/plain; charset=utf-8"));
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn c02_any_content_type_is_json() {
    let world = World::start().await;
    let hash = world.add(&world.film).await.to_string();
    let table = [
        ("/torrents", json!({"action": "get", "hash": hash}), "hash"),
        ("/viewed", json!({"action": "list", "hash": hash}), ""),
        ("/settings", json!({"action": "get"}), "CacheSize"),
        ("/cache", json!({"action": "get", "hash": hash}), "Readers"),
    ];
    for (path, body, key) in table {
        let body = body.to_string();
        for content_type in
            ["", "text/plain", "application/x-www-form-urlencoded; charset=UTF-8", "application/json"]
        {
            let fields = [("content-type", content_type)];
            let fields = if content_type.is_empty() { &fields[..0] } else { &fields[..] };
            let reply = world.ask("POST", path, fields, body.as_bytes()).await;
            assert_eq!(reply.status, 200, "{path} {content_type}");
            let json = reply.json();
            assert!(
                if key.is_empty() { json == json!([]) } else { json.get(key).is_some() },
                "{path} {json}"
            );
        }
    }
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn c03_keys_have_any_case_and_types_any_dress() {
    let world = World::start().await;
    let hash = world.add(&world.film).await.to_string();
    let body =
        format!(r#"{{"Action":"get","HASH":"{}","save_to_db":"true","x":1}} and more"#, hash.to_uppercase());

    let reply = world.ask("POST", "/torrents", &[], body.as_bytes()).await;
    assert_eq!((reply.status, &reply.json()["hash"]), (200, &json!(hash)));

    let viewed = json!({"Action": "set", "Hash": hash, "File_Index": "1", "TimeCode": "90"});
    assert_eq!(world.post("/viewed", viewed).await.status, 200);
    assert_eq!(
        world.post("/viewed", json!({"ACTION": "list"})).await.text(),
        format!(r#"[{{"hash":"{hash}","file_index":1,"timecode":90}}]"#)
    );
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn c04_what_can_not_be_understood_is_an_empty_400() {
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
    let unknown = world.film.info_hash;
    for path in [format!("/play/{unknown}/1"), format!("/playlist?hash={unknown}")] {
        let reply = world.get(&path).await;
        assert_eq!(
            (reply.status, reply.field("content-length"), reply.text()),
            (404, Some("0"), ""),
            "{path}"
        );
    }
    for path in ["/torrents", "/cache"] {
        let reply = world.post(path, json!({"action": "get", "hash": unknown.to_string()})).await;
        assert_eq!(
            (reply.status, reply.field("content-length"), reply.text()),
            (404, Some("0"), ""),
            "{path}"
        );
    }
    let reply = world.ask("POST", "/torrents", &[], &vec![b' '; 3 * 1024 * 1024]).await;
    assert_eq!(reply.status, 413);
    assert_eq!(world.post("/torrents", json!({"action": "list"})).await.text(), "[]", "nothing came of it");
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn c05_a_magnet_is_added_before_anybody_has_answered() {
    let world = World::start().await;
    // More than are looked for at the same time: nobody waits for them.
    for number in 0..20 {
        let link = format!("magnet:?xt=urn:btih:{number:040x}");
        let reply = world.post("/torrents", json!({"action": "add", "link": link})).await.json();
        assert_eq!((&reply["stat"], &reply["hash"]), (&json!(1), &json!(format!("{number:040x}"))));
    }

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

#[tokio::test(flavor = "multi_thread")]
async fn c06_files_follow_with_ids_from_1_below_the_name_of_the_torrent() {
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
async fn c07_set_drop_and_rem_answer_with_an_empty_200() {
    let world = World::start().await;
    let list = json!({"action": "list"});
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
async fn c08_an_empty_library_is_an_empty_list() {
    let world = World::start().await;

    let reply = world.post("/torrents", json!({"action": "list"})).await;

    assert_eq!((reply.status, reply.text()), (200, "[]"));
    assert_eq!(reply.field("content-type"), Some("application/json; charset=utf-8"));
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn c09_torrent_files_come_as_a_form_under_any_name() {
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
        ("file", Some("a.torrent"), film),
        ("broken", Some("b.torrent"), b"d4:infod12:piece lengthi0eee"),
        ("file1", Some("c.torrent"), show),
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
async fn c24_ids_stay_over_a_restart_and_when_added_again() {
    let world = World::start().await;
    let hash = world.add(&world.show).await.to_string();
    let get = json!({"action": "get", "hash": hash});
    let ids = world.post("/torrents", get.clone()).await.json()["file_stats"].clone();
    assert_eq!(ids.as_array().unwrap().len(), 4);

    world.post("/torrents", json!({"action": "rem", "hash": hash})).await;
    world.add(&world.show).await;
    assert_eq!(world.post("/torrents", get.clone()).await.json()["file_stats"], ids, "added again");

    let World { folder, app, server, seeder, .. } = world;
    server.shutdown(Duration::from_secs(10)).await;
    app.shutdown(Duration::from_secs(10)).await;
    let app = start_app(folder.path().join("data")).await;
    let options = ServerOptions { port: PortChoice::Exact(0), ..ServerOptions::default() };
    let server = Server::bind(app.clone(), options).await.unwrap();
    let reply = common::ask(server.local_addr(), "POST", "/torrents", &[], get.to_string().as_bytes()).await;
    assert_eq!(reply.json()["file_stats"], ids, "started again");
    server.shutdown(Duration::from_secs(10)).await;
    app.shutdown(Duration::from_secs(10)).await;
    seeder.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn c25_a_magnet_may_be_encoded_twice() {
    let world = World::start().await;
    let encode = |text: &str| {
        percent_encoding::utf8_percent_encode(text, percent_encoding::NON_ALPHANUMERIC).to_string()
    };
    let magnet = world.film.magnet();

    for link in [encode(&encode(&magnet)), encode(&magnet)] {
        let status = world.get(&format!("/stream?link={link}&index=1&stat")).await.json();
        assert_eq!(
            (&status["hash"], &status["name"]),
            (&json!(world.film.info_hash.to_string()), &json!("Film é.mkv"))
        );
    }
    world.end().await;
}
