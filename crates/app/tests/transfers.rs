//! Torrents that a person keeps, and how their transfers are told of.

#![allow(clippy::unwrap_used, reason = "a test may fail")]

mod common;

use common::{Swarm, call, shutdown, soon, start};
use freshet_app::{App, Caller, Description};
use freshet_model::{AppEvent, ErrorCode, FileIndex, InfoHash, NoticeKind, TorrentSource};
use serde_json::json;
use tokio::io::AsyncReadExt as _;

async fn until_transfer(app: &App, info_hash: InfoHash, is_right: impl Fn(&serde_json::Value) -> bool) {
    // A command is large to carry about.
    let looking = Box::pin(async {
        loop {
            let detail = call(app, "torrent_transfer", json!({ "info_hash": info_hash })).await.unwrap();
            if is_right(&detail) {
                return;
            }
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
    });
    soon("the transfer", looking).await;
}

async fn until_retired(app: &App, info_hash: InfoHash, is_retired: bool) {
    until_transfer(app, info_hash, |detail| detail["is_retired"] == is_retired).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn limits_hold_for_a_torrent_from_when_it_is_kept_and_at_once_when_they_change() {
    let swarm = Swarm::seed(&[("film.mkv", 300_000)]).await;
    let info_hash = swarm.torrent.info_hash;
    let folder = tempfile::tempdir().unwrap();
    let app = start(folder.path()).await;
    let unknown = app.problem_report(info_hash, true).await.unwrap_err();
    assert_eq!(unknown.code, ErrorCode::NotFound);
    let unknown = call(&app, "torrent_report", json!({ "info_hash": info_hash })).await.unwrap_err();
    assert_eq!(unknown.code, ErrorCode::NotFound);
    assert_eq!(app.keep(info_hash, true).await.unwrap(), None, "it is not in the library");
    let magnet = TorrentSource::parse(&swarm.torrent.magnet()).unwrap();
    app.add(magnet, Description::default()).await.unwrap();
    soon("the details", app.wait_until_ready(info_hash)).await.unwrap();
    assert!(app.keep(info_hash, true).await.unwrap().unwrap().is_pinned);
    let limit = |secs: u32| json!({ "transfers": { "seed_time_limit_secs": secs } });
    call(&app, "settings_update", limit(1)).await.unwrap();

    let mut whole = Vec::new();
    let mut file = app.open_file(info_hash, FileIndex(0)).await.unwrap();
    soon("reading", file.reader.read_to_end(&mut whole)).await.unwrap();
    assert!(whole == swarm.content("film.mkv"));
    until_retired(&app, info_hash, true).await;

    call(&app, "settings_update", limit(0)).await.unwrap();
    until_retired(&app, info_hash, false).await;
    call(&app, "settings_update", limit(1)).await.unwrap();
    until_retired(&app, info_hash, true).await;
    assert!(!app.keep(info_hash, false).await.unwrap().unwrap().is_pinned);
    until_retired(&app, info_hash, false).await;
    let report = app.problem_report(info_hash, false).await.unwrap();
    assert!(!String::from_utf8(report).unwrap().contains(&info_hash.to_string()));
    shutdown(app).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_lies_on_the_disk_counts_in_the_next_run_and_the_budget_follows_its_setting() {
    const MIN_BUDGET_BYTES: u64 = 64 * 1024 * 1024;
    let swarm = Swarm::seed(&[("film.mkv", 300_000)]).await;
    let other = Swarm::seed(&[("other.mkv", 200_000)]).await;
    let folder = tempfile::tempdir().unwrap();
    let app = start(folder.path()).await;
    for torrent in [&swarm.torrent, &other.torrent] {
        let magnet = TorrentSource::parse(&torrent.magnet()).unwrap();
        app.add(magnet, Description::default()).await.unwrap();
        soon("the details", app.wait_until_ready(torrent.info_hash)).await.unwrap();
    }
    let mut whole = Vec::new();
    let mut file = app.open_file(swarm.torrent.info_hash, FileIndex(0)).await.unwrap();
    soon("reading", file.reader.read_to_end(&mut whole)).await.unwrap();
    shutdown(app).await;
    // Nothing is remembered beside the pieces: it is in the database.
    let pieces = folder.path().join("pieces").join(swarm.torrent.info_hash.to_string());
    assert!(pieces.join("0").exists() && !pieces.join("resume").exists());

    let app = start(folder.path()).await;
    let info_hash = other.torrent.info_hash;
    let _reading = app.open_file(info_hash, FileIndex(0)).await.unwrap();
    until_transfer(&app, info_hash, |detail| {
        detail["budget_bytes"].is_u64() && detail["budget_used_bytes"].as_u64() >= Some(300_000)
    })
    .await;
    let refused = call(&app, "settings_update", json!({ "disk_budget_bytes": MIN_BUDGET_BYTES - 1 })).await;
    assert_eq!(refused.unwrap_err().code, ErrorCode::BadRequest);
    call(&app, "settings_update", json!({ "disk_budget_bytes": MIN_BUDGET_BYTES })).await.unwrap();
    until_transfer(&app, info_hash, |detail| detail["budget_bytes"] == MIN_BUDGET_BYTES).await;
    shutdown(app).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_of_blocked_addresses_is_read_again_when_it_changes() {
    let swarm = Swarm::seed(&[("film.mkv", 300_000)]).await;
    let info_hash = swarm.torrent.info_hash;
    let folder = tempfile::tempdir().unwrap();
    let list = folder.path().join("blocked.txt");
    std::fs::write(&list, "not this one:192.0.2.1-192.0.2.2\n").unwrap();
    let app = start(&folder.path().join("data")).await;
    call(&app, "settings_update", json!({ "transfers": { "blocklist_path": list } })).await.unwrap();
    let magnet = TorrentSource::parse(&swarm.torrent.magnet()).unwrap();
    app.add(magnet, Description::default()).await.unwrap();
    soon("the details", app.wait_until_ready(info_hash)).await.unwrap();
    let _reading = app.open_file(info_hash, FileIndex(0)).await.unwrap();
    let has_peers = |count: usize| {
        move |detail: &serde_json::Value| detail["peers"].as_array().is_some_and(|peers| peers.len() == count)
    };
    until_transfer(&app, info_hash, has_peers(1)).await;

    std::fs::write(&list, "the seeder:127.0.0.1-127.0.0.1\n").unwrap();
    until_transfer(&app, info_hash, has_peers(0)).await;
    std::fs::write(&list, "").unwrap();
    until_transfer(&app, info_hash, has_peers(1)).await;
    shutdown(app).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_that_can_not_be_read_is_told_of_until_it_can() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let list = folder.path().join("blocked.txt");
    let app = start(&data).await;
    call(&app, "settings_update", json!({ "transfers": { "blocklist_path": list } })).await.unwrap();
    until_told(&app, NoticeKind::BlocklistUnread, true).await;
    shutdown(app).await;

    let app = start(&data).await;
    until_told(&app, NoticeKind::BlocklistUnread, true).await;
    std::fs::write(&list, "all:127.0.0.0-127.255.255.255\n").unwrap();
    until_told(&app, NoticeKind::BlocklistUnread, false).await;
    shutdown(app).await;
}

/// Waits until windows are told of something, or not any more.
async fn until_told(app: &App, kind: NoticeKind, is_told: bool) {
    let mut events = app.subscribe(Caller::MainWindow);
    let listening = async {
        loop {
            let notices = match events.next().await.unwrap() {
                AppEvent::Snapshot(snapshot) => snapshot.notices,
                AppEvent::NoticesChanged { notices } => notices,
                _ => continue,
            };
            if notices.iter().any(|notice| notice.kind == kind) == is_told {
                return;
            }
        }
    };
    soon("word of it", listening).await;
}

#[cfg(target_os = "linux")]
#[tokio::test(flavor = "multi_thread")]
async fn without_the_chosen_interface_nobody_is_spoken_to_and_windows_are_told() {
    let swarm = Swarm::seed(&[("film.mkv", 300_000)]).await;
    let info_hash = swarm.torrent.info_hash;
    let folder = tempfile::tempdir().unwrap();
    let app = start(folder.path()).await;
    let listed = call(&app, "network_interfaces", json!({})).await.unwrap();
    let names: Vec<_> = listed.as_array().unwrap().iter().map(|one| one["name"].clone()).collect();
    assert!(!names.contains(&json!("lo")), "{names:?}");
    let choose = |name: &str| json!({ "transfers": { "network_interface": name } });
    let refused = call(&app, "settings_update", choose("a name that is too long")).await.unwrap_err();
    assert_eq!(refused.code, ErrorCode::BadRequest);

    call(&app, "settings_update", choose("none0")).await.unwrap();
    until_told(&app, NoticeKind::InterfaceMissing, true).await;
    shutdown(app).await;
    let app = start(folder.path()).await;
    until_told(&app, NoticeKind::InterfaceMissing, true).await;
    assert_eq!(app.info().peer_port, None);
    let link = TorrentSource::parse("http://links.example/a.torrent").unwrap();
    let refused = app.add(link, Description::default()).await.unwrap_err();
    assert_eq!(refused.code, ErrorCode::InterfaceMissing);
    let magnet = TorrentSource::parse(&swarm.torrent.magnet()).unwrap();
    app.add(magnet, Description::default()).await.unwrap();

    // The seeder is on this computer, so this is an interface that leads there.
    call(&app, "settings_update", choose("lo")).await.unwrap();
    until_told(&app, NoticeKind::InterfaceMissing, false).await;
    soon("the details", app.wait_until_ready(info_hash)).await.unwrap();
    let mut whole = Vec::new();
    let mut file = app.open_file(info_hash, FileIndex(0)).await.unwrap();
    soon("reading", file.reader.read_to_end(&mut whole)).await.unwrap();
    assert!(whole == swarm.content("film.mkv"));
    call(&app, "settings_update", choose("none0")).await.unwrap();
    until_transfer(&app, info_hash, |detail| detail["peers"].as_array().is_some_and(Vec::is_empty)).await;
    until_told(&app, NoticeKind::InterfaceMissing, true).await;
    call(&app, "settings_update", choose("")).await.unwrap();
    until_told(&app, NoticeKind::InterfaceMissing, false).await;
    assert!(app.info().peer_port.is_some());
    shutdown(app).await;
}
