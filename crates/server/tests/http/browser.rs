//! The UI in a browser: commands, events, media, files.

use std::time::Duration;

use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::TcpStream;

use crate::common::{PATIENCE, World};

#[tokio::test(flavor = "multi_thread")]
async fn commands_are_run_and_their_errors_have_a_code() {
    let world = World::start().await;

    let info = world.rpc("app_info", json!({})).await;
    assert_eq!(info.status, 200);
    assert_eq!(info.json()["server_url"], format!("http://{}", world.address()));
    assert_eq!(info.field("cache-control"), Some("no-store"));

    let added = world.rpc("torrent_add", json!({"source": world.film.magnet()})).await.json();
    assert_eq!(
        (&added["is_new"], &added["torrent"]["info_hash"]),
        (&json!(true), &json!(world.film.info_hash.to_string()))
    );

    for (command, args, status, code) in [
        ("torrent_add", json!({"source": "hello"}), 400, "invalid_source"),
        ("torrent_add", json!({"sauce": ""}), 400, "bad_request"),
        ("dance", json!({}), 400, "bad_request"),
        ("torrent_detail", json!({"info_hash": world.show.info_hash.to_string()}), 404, "not_found"),
    ] {
        let reply = world.rpc(command, args).await;
        assert_eq!((reply.status, &reply.json()["code"]), (status, &json!(code)), "{command}");
        assert!(reply.json()["message"].is_string());
    }
    assert_eq!(world.rpc("%ff", json!({})).await.status, 404);
    let fields = [("content-type", "application/json"), ("x-freshet", "1")];
    let reply = world.ask("POST", "/rpc/app_info", &fields, b"{").await;
    assert_eq!((reply.status, &reply.json()["code"]), (400, &json!("bad_request")));
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn events_begin_with_a_snapshot_and_end_with_the_server() {
    let world = World::start().await;
    let mut stream = TcpStream::connect(world.address()).await.unwrap();
    stream
        .write_all(format!("GET /events HTTP/1.1\r\nHost: {}\r\n\r\n", world.address()).as_bytes())
        .await
        .unwrap();
    let mut lines = BufReader::new(stream).lines();
    let mut next = async || -> Option<Value> {
        loop {
            let line = tokio::time::timeout(PATIENCE, lines.next_line()).await.unwrap().unwrap()?;
            if let Some(data) = line.strip_prefix("data: ") {
                return Some(serde_json::from_str(data).unwrap());
            }
        }
    };
    assert_eq!(next().await.unwrap()["type"], "snapshot");

    world.rpc("settings_update", json!({"theme": "dark"})).await;
    loop {
        let event = next().await.unwrap();
        if event["type"] == "settings_changed" {
            assert_eq!(event["settings"]["theme"], "dark");
            break;
        }
    }

    tokio::time::timeout(PATIENCE, world.server.shutdown(Duration::from_secs(30))).await.unwrap();
    while next().await.is_some() {}
    world.app.shutdown(Duration::from_secs(10)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn media_of_an_unknown_run_is_not_found() {
    let world = World::start().await;

    for path in
        ["/media/unknown/0", "/media/unknown/x", "/media/unknown/99999999999999999999", "/media/%ff/0"]
    {
        assert_eq!(world.get(path).await.status, 404, "{path}");
    }
    let desktop = [("origin", "tauri://localhost"), ("sec-fetch-site", "cross-site")];
    let reply = world.get_with("/media/unknown/0", &desktop).await;
    assert_eq!(reply.field("access-control-allow-origin"), Some("tauri://localhost"));
    assert_eq!(reply.field("vary"), Some("origin"));
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_files_of_the_ui_are_served_and_nothing_beside_them() {
    let folder = tempfile::tempdir().unwrap();
    let ui = folder.path().join("ui");
    std::fs::create_dir_all(ui.join("assets")).unwrap();
    std::fs::write(folder.path().join("secret.txt"), "secret").unwrap();
    std::fs::write(ui.join("index.html"), "<!doctype html>library").unwrap();
    std::fs::write(ui.join("player.html"), "<!doctype html>player").unwrap();
    std::fs::write(ui.join("assets/main-abc123.js"), "1").unwrap();
    let world = World::with_options(|options| options.ui_dir = Some(ui)).await;

    for (path, text, kind, cache) in [
        ("/", "<!doctype html>library", "text/html", "no-cache"),
        ("/index.html", "<!doctype html>library", "text/html", "no-cache"),
        ("/player.html?info_hash=x", "<!doctype html>player", "text/html", "no-cache"),
        ("/assets/main-abc123.js", "1", "text/javascript", "public, max-age=31536000, immutable"),
    ] {
        let reply = world.get(path).await;
        assert_eq!((reply.status, reply.text()), (200, text), "{path}");
        assert_eq!(reply.field("content-type"), Some(kind), "{path}");
        assert_eq!(reply.field("cache-control"), Some(cache), "{path}");
        assert_eq!(reply.field("x-content-type-options"), Some("nosniff"));
        let policy = reply.field("content-security-policy").unwrap();
        assert!(
            policy.contains("frame-ancestors 'none'") && policy.contains("script-src 'self'"),
            "{policy}"
        );
        assert!(!policy.replace("'wasm-unsafe-eval'", "").contains("unsafe"), "{policy}");
    }
    for path in [
        "/assets/",
        "/assets",
        "/missing.js",
        "/../secret.txt",
        "/%2e%2e/secret.txt",
        "/..%2fsecret.txt",
        "/assets/../../secret.txt",
        "/assets/%2e%2e/%2e%2e/secret.txt",
        "//etc/passwd",
        "/index.html/",
        "/%00",
    ] {
        let reply = world.get(path).await;
        assert_eq!((reply.status, reply.text()), (404, "404 page not found"), "{path}");
    }
    assert_eq!(world.ask("POST", "/index.html", &[], b"").await.status, 404);
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_ui_a_page_says_so() {
    let world = World::start().await;

    let reply = world.get("/").await;

    assert_eq!(reply.status, 200);
    assert!(reply.text().contains("TorrServer MatriX.145"), "clients look for this in the page");
    assert!(reply.field("content-security-policy").is_some());
    assert_eq!(world.get("/player.html").await.status, 404);
    world.end().await;
}

/// Three seconds of a moving picture with a tone.
fn make_clip(path: &std::path::Path) {
    make_clip_with(path, &[]);
}

fn make_clip_with(path: &std::path::Path, more: &[&str]) {
    let mut ffmpeg = std::process::Command::new("ffmpeg");
    ffmpeg.args([
        "-v",
        "error",
        "-f",
        "lavfi",
        "-i",
        "testsrc=s=320x180:r=25:d=3",
        "-f",
        "lavfi",
        "-i",
        "sine=d=3",
    ]);
    ffmpeg
        .args(["-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p", "-g", "25", "-c:a", "aac"])
        .args(more)
        .arg(path);
    assert!(ffmpeg.status().expect("ffmpeg is installed").success());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_film_is_pulled_in_parts_until_its_end() {
    let world = World::start().await;
    let clip = world.folder.path().join("clip.mkv");
    make_clip(&clip);
    let torrent = world.seeder.seed(&clip, None).await.unwrap();
    let hash = world.add(&torrent).await;
    let types = world.rpc("app_info", json!({})).await.json()["probed_types"].clone();

    let ticket = world
        .rpc("playback_open", json!({"info_hash": hash.to_string(), "playable_types": types}))
        .await
        .json();
    let playback = ticket["playback_id"].as_str().unwrap_or_else(|| panic!("{ticket}")).to_owned();
    assert!(ticket["duration_secs"].as_f64().is_some_and(|secs| (2.9..3.2).contains(&secs)), "{ticket}");
    let start = async |at: f64| {
        let run = world.rpc("playback_start", json!({"playback_id": playback, "at_secs": at})).await.json();
        run["path"].as_str().unwrap_or_else(|| panic!("{run}")).to_owned()
    };

    let path = start(0.0).await;
    let mut parts = Vec::new();
    loop {
        let reply = world.get(&format!("{path}/{}", parts.len())).await;
        if reply.status == 204 {
            break;
        }
        assert_eq!((reply.status, reply.field("content-type")), (200, Some("video/mp4")));
        assert_eq!(reply.field("cache-control"), Some("no-store"));
        parts.push(reply.body);
    }
    assert_eq!(&parts[0][4..8], b"ftyp");
    assert!(parts.len() > 1, "header and at least one part");
    // From another place: the first run is over.
    let second = start(1.0).await;
    assert_eq!(world.get(&format!("{path}/{}", parts.len())).await.status, 410);
    assert_eq!(&world.get(&format!("{second}/0")).await.body[4..8], b"ftyp");

    let mapping = async {
        loop {
            let map = world.rpc("playback_map", json!({"playback_id": playback})).await.json();
            if map["is_estimate"] == false {
                return map;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    let map = tokio::time::timeout(PATIENCE, mapping).await.expect("the container tells where moments stand");
    let spans = map["spans"].as_array().unwrap();
    assert_eq!((spans.len(), &spans[0]["stand"], &spans[0]["start_secs"]), (1, &json!("have"), &json!(0.0)));
    let unknown = world.rpc("playback_map", json!({"playback_id": "no"})).await;
    assert_eq!(unknown.json()["code"], "not_found");

    let bytes = std::fs::read(&clip).unwrap();
    let part = world.get_with(&format!("/media/{playback}/file"), &[("range", "bytes=100-199")]).await;
    assert_eq!((part.status, part.body.as_slice()), (206, &bytes[100..200]));
    assert!(
        world.app.marks(hash).await.unwrap().marks.iter().all(|mark| !mark.viewed),
        "probing is not watching"
    );
    world.end().await;
}
