//! Adding, looking at, reading and removing torrents, through the commands that windows call.

#![allow(clippy::unwrap_used, reason = "a test may fail")]

mod common;

use std::time::Duration;

use common::{Swarm, call, event, shutdown, snapshot, soon, start};
use data_encoding::BASE64;
use freshet_app::{AppConfig, Caller, Description, dispatch};
use freshet_model::{AddedFrom, AppEvent, ErrorCode, FileIndex, InfoHash, TorrentSource, TorrentState};
use serde_json::json;
use tokio::io::AsyncReadExt as _;

#[tokio::test(flavor = "multi_thread")]
async fn a_magnet_shows_its_row_at_once_then_its_files_then_its_bytes() {
    let swarm = Swarm::seed(&[("film.mkv", 3_000_000), ("cover.jpg", 5_000)]).await;
    let folder = tempfile::tempdir().unwrap();
    let app = start(folder.path()).await;
    let mut events = app.subscribe(Caller::MainWindow);
    assert!(snapshot(&mut events).await.torrents.is_empty());

    let added = call(&app, "torrent_add", json!({ "source": swarm.torrent.magnet() })).await.unwrap();

    assert_eq!(added["is_new"], true);
    assert_eq!(added["torrent"]["title"], "Pack", "the magnet's name, until the details arrive");
    let first = event(&mut events, |event| match event {
        AppEvent::TorrentChanged { torrent, .. } => Some(torrent.clone()),
        _ => None,
    });
    assert_eq!(first.await.state, TorrentState::Resolving);
    let ready = event(&mut events, |event| match event {
        AppEvent::TorrentChanged { torrent, .. } if torrent.state == TorrentState::Ready => {
            Some(torrent.clone())
        }
        _ => None,
    });
    let ready = ready.await;
    assert_eq!((ready.file_count, ready.playable_count, ready.total_bytes), (2, 1, 3_005_000));

    let info_hash = swarm.torrent.info_hash;
    let detail = call(&app, "torrent_detail", json!({ "info_hash": info_hash })).await.unwrap();
    let film = detail["files"].as_array().unwrap().iter().find(|file| file["path"] == "film.mkv").unwrap();
    assert_eq!(film["index"], json!(ready.play_target.unwrap()));
    let mut bytes = Vec::new();
    let mut file = app.open_file(info_hash, ready.play_target.unwrap()).await.unwrap();
    soon("reading", file.reader.read_to_end(&mut bytes)).await.unwrap();
    assert!(bytes == swarm.content("film.mkv"), "the film arrives byte for byte");
    assert!(app.is_active(info_hash));
    drop(file);
    shutdown(app).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_peers_that_were_good_to_a_torrent_are_known_the_next_time() {
    let swarm = Swarm::seed(&[("film.mkv", 300_000)]).await;
    let info_hash = swarm.torrent.info_hash;
    // Nobody is at the other one.
    let magnet = format!("{}&x.pe=127.0.0.1:1", swarm.torrent.magnet());
    for is_shutdown in [false, true] {
        let folder = tempfile::tempdir().unwrap();
        let app = start(folder.path()).await;
        call(&app, "torrent_add", json!({ "source": magnet })).await.unwrap();
        let record = soon("details", app.wait_until_ready(info_hash)).await.unwrap();
        assert_eq!(record.peers.len(), 2);
        let mut file = soon("opening", app.open_file(info_hash, FileIndex(0))).await.unwrap();
        soon("reading", file.reader.read_to_end(&mut Vec::new())).await.unwrap();
        drop(file);

        let app = if is_shutdown {
            shutdown(app).await;
            start(folder.path()).await
        } else {
            assert!(app.drop_transfers(info_hash).await.unwrap());
            app
        };

        let only_the_good = async {
            while app.torrent(info_hash).await.unwrap().unwrap().peers != [swarm.torrent.peer] {
                tokio::time::sleep(std::time::Duration::from_millis(10)).await;
            }
        };
        soon("the good peer", only_the_good).await;
        shutdown(app).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_library_and_its_marks_are_there_after_a_restart_and_after_removal_and_return() {
    let swarm = Swarm::seed(&[("e1.mkv", 400_000), ("e2.mkv", 400_000)]).await;
    let folder = tempfile::tempdir().unwrap();
    let info_hash = swarm.torrent.info_hash;
    let file = json!({ "base64": BASE64.encode(&swarm.torrent.torrent_file) });
    let app = start(folder.path()).await;
    call(&app, "torrent_add_file", file.clone()).await.unwrap();
    call(&app, "viewed_set", json!({ "info_hash": info_hash, "file_index": 0, "viewed": true }))
        .await
        .unwrap();
    shutdown(app).await;

    let app = start(folder.path()).await;
    let row = snapshot(&mut app.subscribe(Caller::MainWindow)).await.torrents.remove(0);
    assert_eq!((row.info_hash, row.viewed_count, row.playable_count), (info_hash, 1, 2));
    assert_eq!(row.play_target, Some(FileIndex(1)), "the next one that was not seen");

    call(&app, "torrent_remove", json!({ "info_hash": info_hash, "delete_pieces": true })).await.unwrap();
    assert!(snapshot(&mut app.subscribe(Caller::MainWindow)).await.torrents.is_empty());
    let gone = call(&app, "torrent_remove", json!({ "info_hash": info_hash, "delete_pieces": true })).await;
    assert_eq!(gone.unwrap_err().code, ErrorCode::NotFound);
    call(&app, "torrent_add_file", file).await.unwrap();
    assert_eq!(
        snapshot(&mut app.subscribe(Caller::MainWindow)).await.torrents[0].viewed_count,
        1,
        "marks outlive the removal"
    );
    shutdown(app).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn bad_input_is_refused_by_name_and_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let app = start(folder.path()).await;
    let v2 = format!("magnet:?xt=urn:btmh:1220{}", "ab".repeat(32));
    let table = [
        ("torrent_add", json!({ "source": "" }), ErrorCode::InvalidSource),
        ("torrent_add", json!({ "source": "hello" }), ErrorCode::InvalidSource),
        ("torrent_add", json!({ "source": "magnet:?xt=urn:btih:123" }), ErrorCode::InvalidInfoHash),
        ("torrent_add", json!({ "source": v2 }), ErrorCode::V2Only),
        ("torrent_add_file", json!({ "base64": BASE64.encode(b"<html>") }), ErrorCode::InvalidTorrent),
        ("torrent_add_file", json!({ "base64": "%%%" }), ErrorCode::BadRequest),
        ("torrent_add", json!({ "sources": "x" }), ErrorCode::BadRequest),
        ("no_such_command", json!({}), ErrorCode::BadRequest),
        ("torrent_detail", json!({ "info_hash": InfoHash::new([7; 20]) }), ErrorCode::NotFound),
        ("player_show", json!({ "info_hash": InfoHash::new([7; 20]) }), ErrorCode::NotFound),
        (
            "playback_go_on",
            json!({ "playback_id": "nobody", "info_hash": "0".repeat(40), "file_index": 0 }),
            ErrorCode::NotFound,
        ),
        ("settings_update", json!({ "volume": 2.0 }), ErrorCode::BadRequest),
        ("settings_update", json!({ "transfers": { "max_connections": 0 } }), ErrorCode::BadRequest),
    ];
    for (command, args, code) in table {
        assert_eq!(call(&app, command, args.clone()).await.unwrap_err().code, code, "{command} {args}");
    }
    assert!(app.torrents().await.unwrap().is_empty());
    shutdown(app).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_duplicate_is_the_same_torrent_and_keeps_what_was_said_of_it() {
    let swarm = Swarm::seed(&[("a.mkv", 100_000)]).await;
    let folder = tempfile::tempdir().unwrap();
    let app = start(folder.path()).await;
    let source = || TorrentSource::TorrentFile(swarm.torrent.torrent_file.clone());
    let named = Description { title: Some("My film".to_owned()), ..Description::default() };
    assert!(app.add(source(), named).await.unwrap().is_new);

    let again = app
        .add(TorrentSource::parse(&swarm.torrent.magnet()).unwrap(), Description::default())
        .await
        .unwrap();

    assert!(!again.is_new);
    assert_eq!(again.record.title, "My film");
    assert_eq!(again.record.added_from, AddedFrom::File, "how it came here first");
    assert_eq!(again.record.state(), TorrentState::Ready);
    assert_eq!(app.torrents().await.unwrap().len(), 1);
    let bare = TorrentSource::parse("08ada5a7a6183aae1e09d831df6748d566095a10").unwrap();
    let by_client = app.add_for_client(bare, Description::default()).await.unwrap();
    assert_eq!(by_client.record.added_from, AddedFrom::Client);
    shutdown(app).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_magnet_that_nobody_answers_fails_with_a_reason_and_can_be_tried_again() {
    let folder = tempfile::tempdir().unwrap();
    let app = start(folder.path()).await;
    let mut events = app.subscribe(Caller::MainWindow);
    // Only now it listens; where there is nobody to ask, the answer comes at once.
    assert!(snapshot(&mut events).await.torrents.is_empty());
    let info_hash = InfoHash::new([9; 20]);

    call(&app, "torrent_add", json!({ "source": info_hash.to_string() })).await.unwrap();

    let failed = event(&mut events, |event| match event {
        AppEvent::TorrentChanged { torrent, .. } => torrent.error.clone(),
        _ => None,
    });
    assert_eq!(failed.await.code, ErrorCode::NoDetails);
    let row = call(&app, "torrent_retry", json!({ "info_hash": info_hash })).await.unwrap();
    assert_eq!(row["state"], "resolving");
    let opened = call(&app, "playback_open", json!({ "info_hash": info_hash, "playable_types": [] })).await;
    assert_eq!(opened.unwrap_err().code, ErrorCode::NotReady);
    shutdown(app).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_player_window_gets_only_what_playing_needs() {
    let folder = tempfile::tempdir().unwrap();
    let app = start(folder.path()).await;
    for (command, _) in freshet_app::COMMANDS {
        let answer = dispatch(&app, Caller::PlayerWindow, command, json!({ "wrong": true })).await;
        let is_refused = answer.unwrap_err().code == ErrorCode::Forbidden;
        let others = [
            "app_info",
            "player_open",
            "players_list",
            "torrent_detail",
            "torrent_retry",
            "viewed_set",
            "volume_set",
        ];
        let is_for_playing = ["playback_", "subtitle_"].iter().any(|group| command.starts_with(group))
            || others.contains(command);
        assert_eq!(is_refused, !is_for_playing, "{command}");
    }
    shutdown(app).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_on_another_device_starts_no_program_here() {
    let folder = tempfile::tempdir().unwrap();
    let app = start(folder.path()).await;
    for command in ["players_list", "player_open"] {
        let answer = dispatch(&app, Caller::NetworkBrowser, command, json!({ "wrong": true })).await;
        assert_eq!(answer.unwrap_err().code, ErrorCode::Forbidden, "{command}");
        let answer = dispatch(&app, Caller::Browser, command, json!({ "wrong": true })).await;
        assert_eq!(answer.unwrap_err().code, ErrorCode::BadRequest, "{command}");
    }
    shutdown(app).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_application_on_the_same_folder_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let app = start(folder.path()).await;

    let second = freshet_app::App::start(common::config(folder.path())).await;

    let message = second.unwrap_err().to_string();
    assert!(message.contains("another instance"), "{message}");
    shutdown(app).await;
    shutdown(start(folder.path()).await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_taken_out_comes_back_whole_and_its_pieces_go_only_when_the_time_for_that_is_over() {
    let swarm = Swarm::seed(&[("film.mkv", 300_000)]).await;
    let folder = tempfile::tempdir().unwrap();
    let info_hash = swarm.torrent.info_hash;
    let of_it = json!({ "info_hash": info_hash });
    let remove = json!({ "info_hash": info_hash, "delete_pieces": true });
    let app = start(folder.path()).await;
    call(&app, "torrent_add", json!({ "source": swarm.torrent.magnet() })).await.unwrap();
    soon("details", app.wait_until_ready(info_hash)).await.unwrap();
    let edit = json!({ "info_hash": info_hash, "title": "Mine", "category": "own", "is_kept": true });
    call(&app, "torrent_edit", edit).await.unwrap();
    let mut file = soon("opening", app.open_file(info_hash, FileIndex(0))).await.unwrap();
    soon("reading", file.reader.read_to_end(&mut Vec::new())).await.unwrap();
    drop(file);
    let before = app.torrent(info_hash).await.unwrap().unwrap();

    call(&app, "torrent_remove", remove.clone()).await.unwrap();
    assert!(snapshot(&mut app.subscribe(Caller::MainWindow)).await.torrents.is_empty());
    assert!(!app.is_active(info_hash));
    let back = call(&app, "torrent_restore", of_it.clone()).await.unwrap();

    assert_eq!(
        (&back["title"], &back["category"], &back["is_kept"]),
        (&json!("Mine"), &json!("own"), &json!(true))
    );
    let after = app.torrent(info_hash).await.unwrap().unwrap();
    assert_eq!(after.files, before.files);
    assert_eq!(
        (after.added_at_secs, after.metainfo.clone()),
        (before.added_at_secs, before.metainfo.clone())
    );
    drop(swarm.seeder);
    let mut bytes = Vec::new();
    let mut file = soon("opening", app.open_file(info_hash, FileIndex(0))).await.unwrap();
    soon("reading what is here", file.reader.read_to_end(&mut bytes)).await.unwrap();
    assert_eq!(bytes.len(), 300_000);
    drop(file);
    let again = call(&app, "torrent_restore", of_it.clone()).await.unwrap_err();
    assert_eq!(again.code, ErrorCode::NotFound, "it is here");

    call(&app, "torrent_remove", remove).await.unwrap();
    shutdown(app).await;
    let left: Vec<_> = std::fs::read_dir(folder.path().join("pieces")).unwrap().flatten().collect();
    assert!(left.is_empty(), "the program does not end with pieces that nobody wants: {left:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn pieces_go_when_the_time_is_over_unless_the_torrent_came_back_by_another_way() {
    let swarm = Swarm::seed(&[("film.mkv", 300_000)]).await;
    let folder = tempfile::tempdir().unwrap();
    let info_hash = swarm.torrent.info_hash;
    let magnet = json!({ "source": swarm.torrent.magnet() });
    let remove = json!({ "info_hash": info_hash, "delete_pieces": true });
    let pieces = || std::fs::read_dir(folder.path().join("pieces")).unwrap().count();
    let read = async |app: &freshet_app::App| {
        soon("details", app.wait_until_ready(info_hash)).await.unwrap();
        let mut file = soon("opening", app.open_file(info_hash, FileIndex(0))).await.unwrap();
        soon("reading", file.reader.read_to_end(&mut Vec::new())).await.unwrap();
    };
    // Long enough for the way back to come first.
    let config = AppConfig { undo_time: Duration::from_secs(3), ..common::config(folder.path()) };
    let app = soon("the start", freshet_app::App::start(config)).await.unwrap();
    call(&app, "torrent_add", magnet.clone()).await.unwrap();
    read(&app).await;

    call(&app, "torrent_remove", remove.clone()).await.unwrap();
    call(&app, "torrent_add", magnet).await.unwrap();
    let over = call(&app, "torrent_restore", json!({ "info_hash": info_hash })).await.unwrap_err();
    assert_eq!(over.code, ErrorCode::NotFound, "it is no removal any more");
    read(&app).await;

    call(&app, "torrent_remove", remove).await.unwrap();
    assert_eq!(pieces(), 1, "it can still come back");
    let gone = async {
        while pieces() > 0 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    soon("the end of the pieces", gone).await;
    let over = call(&app, "torrent_restore", json!({ "info_hash": info_hash })).await.unwrap_err();
    assert_eq!(over.code, ErrorCode::NotFound);
    shutdown(app).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_title_by_hand_stays_until_it_is_cleared_or_a_client_names_it_anew() {
    let swarm = Swarm::seed(&[("Show.S01E01.mkv", 300_000), ("Show.S01E02.mkv", 300_000)]).await;
    let folder = tempfile::tempdir().unwrap();
    let info_hash = swarm.torrent.info_hash;
    let file = json!({ "base64": BASE64.encode(&swarm.torrent.torrent_file) });
    let app = start(folder.path()).await;
    call(&app, "torrent_add_file", file).await.unwrap();
    let edit = async |title: &str| {
        call(&app, "torrent_edit", json!({ "info_hash": info_hash, "title": title })).await
    };
    let record = async || app.torrent(info_hash).await.unwrap().unwrap();
    let describe = async |title: &str| {
        let description = Description { title: Some(title.to_owned()), ..Description::default() };
        app.describe(info_hash, description).await.unwrap().unwrap()
    };

    assert_eq!(edit("  My show ").await.unwrap()["title"], "My show");
    assert!(record().await.is_titled_by_hand);
    assert!(describe("My show").await.is_titled_by_hand, "a client repeats what it was told");
    assert!(!describe("Theirs").await.is_titled_by_hand);
    assert_eq!(edit("").await.unwrap()["title"], "Pack");
    assert!(!record().await.is_titled_by_hand);
    for bad in ["two\nlines", &"x".repeat(301)] {
        assert_eq!(edit(bad).await.unwrap_err().code, ErrorCode::BadRequest);
    }
    assert_eq!(edit("Mine").await.unwrap()["title"], "Mine");

    call(&app, "viewed_set_all", json!({ "info_hash": info_hash, "viewed": true })).await.unwrap();
    assert_eq!(
        call(&app, "torrent_retry", json!({ "info_hash": info_hash })).await.unwrap()["viewed_count"],
        2
    );
    call(&app, "viewed_set_all", json!({ "info_hash": info_hash, "viewed": false })).await.unwrap();
    call(&app, "viewed_set", json!({ "info_hash": info_hash, "file_index": 0, "viewed": true }))
        .await
        .unwrap();
    let next = call(&app, "library_next_up", json!({})).await.unwrap();
    assert_eq!((&next["episodes"][0]["file_index"], &next["episodes"][0]["episode"]), (&json!(1), &json!(2)));
    let found = call(&app, "library_find", json!({ "text": "s01e02" })).await.unwrap();
    assert_eq!(found["info_hashes"], json!([info_hash]));
    assert_eq!(
        call(&app, "library_find", json!({ "text": "nothing" })).await.unwrap()["info_hashes"],
        json!([])
    );
    shutdown(app).await;
}
