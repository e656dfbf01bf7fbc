//! Moving in from another server over its interface: here the other one is a Freshet too.

use data_encoding::BASE64;
use freshet_app::App;
use serde_json::{Value, json};

use crate::common::{World, start_app};

async fn set(world: &World, sets: Value) {
    assert_eq!(world.post("/settings", json!({"action": "set", "sets": sets})).await.status, 200);
}

/// What a client sees of the library of a world: everything but what moves.
async fn seen(world: &World) -> (Vec<Value>, Value) {
    let list = world.post("/torrents", json!({"action": "list"})).await.json();
    let steady = |torrent: &Value| {
        let fields =
            ["hash", "title", "category", "poster", "data", "timestamp", "file_stats", "torrent_size"];
        Value::Object(fields.into_iter().map(|name| (name.to_owned(), torrent[name].clone())).collect())
    };
    let mut torrents: Vec<Value> = list.as_array().unwrap().iter().map(steady).collect();
    torrents.sort_by_key(|torrent| torrent["hash"].to_string());
    (torrents, world.post("/viewed", json!({"action": "list"})).await.json())
}

async fn run(world: &World, url: &str, settings: Value) -> Value {
    let what = json!({"torrents": true, "marks": true, "settings": settings});
    let reply = world.rpc("import_run", json!({"url": url, "what": what})).await;
    assert_eq!(reply.status, 200, "{}", reply.text());
    reply.json()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_library_moves_from_one_server_to_another_and_does_not_double() {
    let (old, new) = (World::start().await, World::start().await);
    let film = old.add(&old.film).await.to_string();
    let show = old.add(&old.show).await.to_string();
    let describe = json!({"action": "set", "hash": show, "title": "Шоу <1>", "category": "tv", "poster": "http://p/1",
        "data": "{\"lampa\":true}"});
    old.post("/torrents", describe).await;
    for (hash, id, secs) in [(&show, 3, 90.5), (&film, 1, 0.0)] {
        let mark = json!({"action": "set", "hash": hash, "file_index": id, "timecode": secs});
        assert_eq!(old.post("/viewed", mark).await.status, 200);
    }
    set(&old, json!({"DownloadRateLimit": 2048, "FriendlyName": "den", "EnableDLNA": true})).await;
    let url = old.address().to_string();

    let preview = new.rpc("import_preview", json!({"url": url})).await;
    assert_eq!(preview.status, 200, "{}", preview.text());
    let preview = preview.json();
    let counts = [
        &preview["torrents"].as_array().unwrap().len().into(),
        &preview["viewed_count"],
        &preview["position_count"],
    ];
    assert_eq!(counts, [&json!(2), &json!(2), &json!(1)]);
    let report = run(&new, &url, json!(["download_limit"])).await;

    assert_eq!(
        (&report["added"], &report["marks"], &report["settings"]),
        (&json!(2), &json!(2), &json!(["download_limit"]))
    );
    let viewed_of_old = seen(&old).await.1;
    assert_eq!(seen(&new).await.1, viewed_of_old, "also before the details are here");
    for torrent in [&old.film, &old.show] {
        new.rpc("torrent_add_file", json!({"base64": BASE64.encode(&torrent.torrent_file)})).await;
    }
    assert_eq!(seen(&new).await, seen(&old).await);
    let settings = new.app.settings();
    assert_eq!(settings.download_limit_bytes_per_sec, 2048 * 1024);
    assert!(!settings.network.dlna_enabled && settings.network.friendly_name.is_empty());

    let before = seen(&new).await;
    let again = run(&new, &url, json!(["download_limit"])).await;
    assert_eq!(
        again,
        json!({"added": 0, "completed": 0, "unchanged": 2, "marks": 0, "settings": [], "left_out": []})
    );
    assert_eq!(seen(&new).await, before);
    new.end().await;
    old.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn marks_by_id_wait_for_the_files_that_have_the_ids() {
    let world = World::start().await;
    let hash = world.show.info_hash.to_string();
    let post = async |body: Value| assert_eq!(world.post("/viewed", body).await.status, 200);
    let list = async || world.post("/viewed", json!({"action": "list", "hash": hash})).await.json();
    let mark = |id: i64| json!({"action": "set", "hash": hash, "file_index": id, "timecode": 10});
    for id in [3, 1, 2, 0, -1, 20_001] {
        post(mark(id)).await;
    }
    post(json!({"action": "rem", "hash": hash, "file_index": 2})).await;
    let entry = |id: u32| json!({"hash": hash, "file_index": id, "timecode": 10});
    assert_eq!(list().await, json!([entry(1), entry(3)]));

    world.add(&world.show).await;

    assert_eq!(list().await, json!([entry(1), entry(3)]));
    let record = world.app.torrent(world.show.info_hash).await.unwrap().unwrap();
    let viewed = world.app.marks(record.info_hash).await.unwrap();
    let names: Vec<&str> =
        viewed.marks.iter().map(|mark| record.file(mark.file_index).unwrap().path.as_str()).collect();
    assert_eq!(names, ["e1.mkv", "e2.mkv"]);
    // The torrent goes, its marks stay, and they can be taken away.
    world.post("/torrents", json!({"action": "rem", "hash": hash})).await;
    assert_eq!(list().await, json!([entry(1), entry(3)]));
    post(json!({"action": "rem", "hash": hash, "file_index": 3})).await;
    assert_eq!(list().await, json!([entry(1)]));
    post(json!({"action": "rem", "hash": hash, "file_index": -1})).await;
    assert_eq!(list().await, json!([]));
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn ids_of_another_server_outlive_a_restart_and_a_removal() {
    let world = World::start().await;
    let folder = tempfile::tempdir().unwrap();
    let add = async |app: &App| {
        let source = freshet_model::TorrentSource::TorrentFile(world.show.torrent_file.clone());
        let added = app.add(source, freshet_app::Description::default()).await.unwrap();
        added.record.files.iter().map(|file| file.torrserver_id).collect::<Vec<_>>()
    };
    let other = crate::site::Site::start(torrserver(&world)).await;
    let app = start_app(folder.path().to_owned()).await;
    let what = freshet_app::ImportWhat { torrents: true, ..freshet_app::ImportWhat::default() };
    app.run_import(&other.url(""), &what).await.unwrap();
    app.shutdown(std::time::Duration::from_secs(10)).await;

    let app = start_app(folder.path().to_owned()).await;
    assert_eq!(app.torrent(world.show.info_hash).await.unwrap().unwrap().title, "Show of another");
    let ids = add(&app).await;
    app.remove(world.show.info_hash, true).await.unwrap();
    let again = add(&app).await;

    assert_eq!((&ids[..], &again[..]), (&[4, 3, 2, 1][..], &[4, 3, 2, 1][..]));
    app.shutdown(std::time::Duration::from_secs(10)).await;
    world.end().await;
}

/// A TorrServer that counts the files of the show backward.
fn torrserver(world: &World) -> impl Fn(&crate::site::Asked) -> crate::site::Told + use<> {
    let hash = world.show.info_hash.to_string();
    move |asked| {
        let files: Vec<Value> = crate::common::show_files()
            .iter()
            .zip([4, 3, 2, 1])
            .map(
                |((path, _, length), id)| json!({"id": id, "path": format!("Show/{path}"), "length": length}),
            )
            .collect();
        match (asked.target.as_str(), asked.body.contains("list")) {
            ("/echo", _) => crate::site::ok("MatriX.145"),
            ("/torrents", true) => {
                let torrent = json!({"hash": hash, "title": "Show of another", "file_stats": files});
                crate::site::ok(json!([torrent]).to_string())
            }
            ("/viewed", _) => crate::site::ok("null"),
            _ => crate::site::status("404 Not Found"),
        }
    }
}
