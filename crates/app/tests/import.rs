//! Moving in from a TorrServer. The real one can't be had in a test, so a server of ours answers by its contract.

#![allow(clippy::unwrap_used, reason = "a test may fail")]

mod common;

use std::sync::atomic::{AtomicUsize, Ordering};

use common::site::{Asked, Site, Told, ok, status};
use common::{Swarm, call, shutdown, soon, start};
use data_encoding::BASE64;
use freshet_app::{App, ClientMark};
use freshet_model::{AddedFrom, ErrorCode, FileIndex, InfoHash, TorrentRecord};
use serde_json::{Value, json};

const KEPT: &str = "1111111111111111111111111111111111111111";
const OF_LAMPA: &str = "2222222222222222222222222222222222222222";
const REMOVED: &str = "3333333333333333333333333333333333333333";
const LAMPA_DATA: &str = "{\"lampa\":true,\"movie\":{\"title\":\"\\u0424 \\\"x\\\"\"}}  ";

/// A TorrServer with an open torrent, one that is only kept, one whose files only an opening tells, and things that no list
/// should have. It numbers the files of the open one in its own way.
fn torrserver(open: InfoHash) -> impl Fn(&Asked) -> Told {
    let looks = AtomicUsize::new(0);
    move |asked| {
        let body: Value = serde_json::from_str(&asked.body).unwrap_or_default();
        let answer = match (asked.target.as_str(), body["action"].as_str().unwrap_or_default()) {
            ("/echo", _) => return ok("MatriX.143"),
            ("/torrents", "list") => json!([
                {
                    "title": "My show", "category": "tv", "poster": "http://p.example/a.jpg", "data": LAMPA_DATA,
                    "timestamp": 1_700_000_000, "name": "Pack", "hash": open.to_string(), "stat": 3,
                    "stat_string": "Torrent working", "torrent_size": 300_000, "download_speed": 1.5,
                    "file_stats": [
                        {"id": 1, "path": "Pack/e2.mkv", "length": 200_000},
                        {"id": 2, "path": "Pack/e1.mkv", "length": 100_000},
                    ],
                },
                {
                    "title": "Kept", "category": "", "poster": "", "timestamp": 1_600_000_000, "hash": KEPT, "stat": 5,
                    "stat_string": "Torrent in db", "torrent_size": 7,
                    "data": json!({"TorrServer": {"Files": [{"id": 1, "path": "film.mkv", "length": 7}]}}).to_string(),
                },
                {"title": "Of Lampa", "category": "movie", "poster": "", "timestamp": 0, "hash": OF_LAMPA, "stat": 5,
                 "data": LAMPA_DATA},
                {"title": "Broken", "hash": "zz"},
                {"title": "Kept again", "hash": KEPT},
                7,
            ]),
            ("/torrents", "get") if body["hash"] == OF_LAMPA => {
                let files = json!([{"id": 4, "path": "Film/film.mkv", "length": 9}]);
                match looks.fetch_add(1, Ordering::SeqCst) {
                    0 => json!({"title": "Of Lampa", "hash": OF_LAMPA, "stat": 1}),
                    _ => json!({"title": "Of Lampa", "hash": OF_LAMPA, "stat": 3, "file_stats": files}),
                }
            }
            ("/torrents", "drop") => return ok(""),
            ("/viewed", "list") => json!([
                {"hash": open.to_string(), "file_index": 1, "timecode": 61.5},
                {"hash": OF_LAMPA, "file_index": 4},
                {"hash": REMOVED, "file_index": 3, "timecode": 0},
                {"hash": REMOVED, "file_index": 0},
            ]),
            ("/settings", "get") => {
                json!({"CacheSize": 67_108_864, "PreloadCache": 50, "DownloadRateLimit": 1000,
                "EnableDLNA": true, "FriendlyName": "den", "TrackTimecode": false})
            }
            _ => return status("404 Not Found"),
        };
        ok(answer.to_string())
    }
}

fn run(url: &str, settings: Value) -> Value {
    json!({"url": url, "what": {"torrents": true, "marks": true, "settings": settings}})
}

/// All that an import could change. The search for details goes on beside it.
async fn everything(app: &App) -> (Vec<Value>, Vec<ClientMark>, Value) {
    let torrents = app.torrents().await.unwrap();
    let without_state = |record: &TorrentRecord| {
        serde_json::to_value(TorrentRecord { error: None, ..record.clone() }).unwrap()
    };
    let torrents = torrents.iter().map(|record| without_state(record)).collect();
    let settings = serde_json::to_value(&*app.settings()).unwrap();
    (torrents, app.client_marks(None).await.unwrap(), settings)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_library_is_shown_taken_over_and_asked_for_twice_the_same() {
    let swarm = Swarm::seed(&[("e1.mkv", 100_000), ("e2.mkv", 200_000)]).await;
    let open = swarm.torrent.info_hash;
    let site = Site::start(torrserver(open)).await;
    let folder = tempfile::tempdir().unwrap();
    let app = start(folder.path()).await;
    let url = site.url("");

    let preview = call(&app, "import_preview", json!({"url": url})).await.unwrap();

    assert_eq!(
        preview,
        json!({
            "version": "MatriX.143",
            "torrents": [
                {"info_hash": open, "title": "My show", "category": "tv", "poster": "http://p.example/a.jpg",
                 "file_count": 2, "total_bytes": 300_000, "is_here": false},
                {"info_hash": KEPT, "title": "Kept", "category": "", "poster": "", "file_count": 1, "total_bytes": 7,
                 "is_here": false},
                {"info_hash": OF_LAMPA, "title": "Of Lampa", "category": "movie", "poster": "", "file_count": null,
                 "total_bytes": 0, "is_here": false},
            ],
            "viewed_count": 3, "position_count": 1,
            "settings": [
                {"key": "download_limit", "current": 0, "proposed": 1_024_000},
                {"key": "client_positions", "current": true, "proposed": false},
                {"key": "friendly_name", "current": "", "proposed": "den"},
            ],
            "left_out": [
                {"reason": "opens_network", "subject": "EnableDLNA"},
                {"reason": "unreadable_torrents", "subject": "2"},
                {"reason": "unreadable_marks", "subject": "1"},
            ],
        })
    );
    let nothing = everything(&app).await;
    assert_eq!((&nothing.0[..], &nothing.1[..]), (&[][..], &[][..]), "a preview changes nothing");
    let actions = |site: &Site| -> Vec<String> {
        site.asked()
            .iter()
            .filter(|asked| asked.body.contains("get"))
            .map(|asked| asked.target.clone())
            .collect()
    };
    assert_eq!(actions(&site), ["/settings"], "no torrent is opened for a preview");

    let report =
        call(&app, "import_run", run(&url, json!(["download_limit", "friendly_name"]))).await.unwrap();

    let left_out = json!([
        {"reason": "unreadable_torrents", "subject": "2"}, {"reason": "unreadable_marks", "subject": "1"},
    ]);
    assert_eq!(
        report,
        json!({"added": 3, "completed": 0, "unchanged": 0, "marks": 3,
               "settings": ["download_limit", "friendly_name"], "left_out": left_out})
    );
    let record = app.torrent(open).await.unwrap().unwrap();
    assert_eq!(
        (
            &*record.title,
            &*record.category,
            &*record.poster,
            &*record.data,
            record.added_at_secs,
            record.added_from
        ),
        ("My show", "tv", "http://p.example/a.jpg", LAMPA_DATA, 1_700_000_000, AddedFrom::Client)
    );
    assert!(site.asked().last().unwrap().body.contains("\"drop\""), "what was opened there is closed again");
    let settings = app.settings();
    assert_eq!((settings.download_limit_bytes_per_sec, &*settings.network.friendly_name), (1_024_000, "den"));
    assert!(settings.track_client_positions, "this one was not chosen");
    assert!(!settings.network.dlna_enabled && !settings.network.lan_enabled, "no door is opened");

    let mark =
        |hash: &str, id, position_secs| ClientMark { info_hash: hash.parse().unwrap(), id, position_secs };
    let marks = [mark(OF_LAMPA, 4, 0.0), mark(REMOVED, 3, 0.0), mark(&open.to_string(), 1, 61.5)];
    let mut here = app.client_marks(None).await.unwrap();
    here.sort_by_key(|mark| mark.position_secs as u64);
    assert_eq!(here, marks, "they wait, and clients see them");

    let before = everything(&app).await;
    let again =
        call(&app, "import_run", run(&url, json!(["download_limit", "friendly_name"]))).await.unwrap();
    assert_eq!(
        again,
        json!({"added": 0, "completed": 0, "unchanged": 3, "marks": 0, "settings": [], "left_out": left_out})
    );
    assert_eq!(everything(&app).await, before);

    // The details arrive: files have the ids of the other server, and marks are on the right ones.
    let file = json!({"base64": BASE64.encode(&swarm.torrent.torrent_file)});
    call(&app, "torrent_add_file", file).await.unwrap();
    let ready = soon("the details", app.wait_until_ready(open)).await.unwrap();
    let ids: Vec<(&str, u32)> = ready.files.iter().map(|file| (&*file.path, file.torrserver_id)).collect();
    assert_eq!(ids, [("e1.mkv", 2), ("e2.mkv", 1)]);
    let marks = app.marks(open).await.unwrap();
    assert_eq!((marks.marks.len(), marks.get(FileIndex(1)).unwrap().position_secs), (1, 61.5));
    assert_eq!((&*ready.title, &*ready.data), ("My show", LAMPA_DATA), "what was said of it stays");

    let before = everything(&app).await;
    let third = call(&app, "import_run", run(&url, json!([]))).await.unwrap();
    assert_eq!((&third["unchanged"], &third["marks"]), (&json!(3), &json!(0)));
    assert_eq!(everything(&app).await, before);
    shutdown(app).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_here_is_completed_and_never_overwritten() {
    let swarm = Swarm::seed(&[("e1.mkv", 100_000), ("e2.mkv", 200_000)]).await;
    let open = swarm.torrent.info_hash;
    let site = Site::start(torrserver(open)).await;
    let folder = tempfile::tempdir().unwrap();
    let app = start(folder.path()).await;
    let file = json!({"base64": BASE64.encode(&swarm.torrent.torrent_file)});
    call(&app, "torrent_add_file", file).await.unwrap();
    let title =
        freshet_app::Description { title: Some("Mine".to_owned()), ..freshet_app::Description::default() };
    let before = app.describe(open, title).await.unwrap().unwrap();
    app.client_mark(open, 1, Some(5.0)).await.unwrap();

    let preview = call(&app, "import_preview", json!({"url": site.url("/")})).await.unwrap();
    let what = json!({"torrents": true, "marks": true, "settings": []});
    let report = call(&app, "import_run", json!({"url": site.url("/"), "what": what})).await.unwrap();

    assert_eq!(preview["torrents"][0]["is_here"], true);
    assert_eq!((&report["added"], &report["completed"]), (&json!(2), &json!(1)));
    let after = app.torrent(open).await.unwrap().unwrap();
    assert_eq!((&*after.title, &*after.category, after.added_at_secs), ("Mine", "tv", before.added_at_secs));
    let ids: Vec<u32> = after.files.iter().map(|file| file.torrserver_id).collect();
    assert_eq!(ids, [1, 2], "clients have written ours into addresses");
    let marks = app.marks(open).await.unwrap();
    let positions: Vec<f64> = marks.marks.iter().map(|mark| mark.position_secs).collect();
    assert_eq!(positions, [5.0, 61.5], "its id 1 is our second file");
    shutdown(app).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn only_what_was_chosen_comes_over() {
    let site = Site::start(torrserver(KEPT.parse().unwrap())).await;
    let folder = tempfile::tempdir().unwrap();
    let app = start(folder.path()).await;

    let what = json!({"torrents": false, "marks": false, "settings": ["client_positions"]});
    let report = call(&app, "import_run", json!({"url": site.url("/"), "what": what})).await.unwrap();

    assert_eq!(report["settings"], json!(["client_positions"]));
    let (torrents, marks, settings) = everything(&app).await;
    assert_eq!(
        (&torrents[..], &marks[..], &settings["track_client_positions"]),
        (&[][..], &[][..], &json!(false))
    );
    shutdown(app).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_wants_a_password_gets_it_and_nobody_else_hears_it() {
    let inner = torrserver(KEPT.parse().unwrap());
    let site = Site::start(move |asked| {
        let is_let_in = asked.head.contains(&format!("Basic {}", BASE64.encode(b"name:pa$s")));
        if is_let_in || asked.target == "/echo" { inner(asked) } else { status("401 Unauthorized") }
    })
    .await;
    let folder = tempfile::tempdir().unwrap();
    let app = start(folder.path()).await;
    let address = site.address;
    let preview = async |url: String| call(&app, "import_preview", json!({"url": url})).await;

    let without = preview(address.to_string()).await.unwrap_err();
    let wrong = preview(format!("http://name:s3cret@{address}")).await.unwrap_err();
    let right = preview(format!("http://name:pa$s@{address}")).await.unwrap();

    assert_eq!(without.code, ErrorCode::Forbidden);
    assert_eq!(
        without.message,
        format!(
            "{address} wants a user name and a password: write them in front of the address, as http://name:password@{address}"
        )
    );
    assert_eq!(wrong.message, format!("{address} does not accept this user name and password"));
    assert_eq!(right["version"], "MatriX.143");
    shutdown(app).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_torrserver_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let app = start(folder.path()).await;
    let old = Site::start(|_| ok("1.2.84")).await;
    let page = Site::start(|_| ok("<!DOCTYPE html>".repeat(1000))).await;
    let missing = Site::start(|_| status("404 Not Found")).await;
    let nonsense =
        Site::start(|asked| if asked.target == "/echo" { ok("MatriX.143") } else { ok("{\"a\":1}") }).await;
    let deep = "[".repeat(100_000);
    let deep =
        Site::start(move |asked| if asked.target == "/echo" { ok("MatriX") } else { ok(deep.clone()) }).await;
    let closed = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let table = [
        (old.address, "is TorrServer 1.2.84, which is too old: it has to be a MatriX version"),
        (page.address, "answers, but it is no TorrServer"),
        (missing.address, "answers, but it is no TorrServer"),
        (nonsense.address, "gives no list of its torrents that can be read"),
        (deep.address, "gives no list of its torrents that can be read"),
        (closed, "can't be asked: the link could not be fetched"),
    ];
    for (address, expected) in table {
        let url = format!("http://me:s3cret@{address}/");
        let error = call(&app, "import_preview", json!({"url": url})).await.unwrap_err();
        assert!(error.message.starts_with(&format!("{address} {expected}")), "{}", error.message);
        assert!(!error.message.contains("s3cret"), "{}", error.message);
    }
    let error = call(&app, "import_preview", json!({"url": "ftp://nas"})).await.unwrap_err();
    assert_eq!(error.code, ErrorCode::BadRequest);
    shutdown(app).await;
}
