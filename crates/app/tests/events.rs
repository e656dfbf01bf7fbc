//! The one ordered stream: snapshot first, full values after, a new snapshot for who fell behind.

#![allow(clippy::unwrap_used, reason = "a test may fail")]

mod common;

use common::{call, event, shutdown, snapshot, start};
use freshet_app::Caller;
use freshet_model::{AppEvent, InfoHash, PlayerTarget, Revision, Theme};
use serde_json::json;

fn set_viewed(number: u32) -> serde_json::Value {
    json!({ "info_hash": InfoHash::new([1; 20]), "file_index": number, "viewed": true })
}

#[tokio::test(flavor = "multi_thread")]
async fn a_late_listener_starts_from_what_happened_before_it_came() {
    let folder = tempfile::tempdir().unwrap();
    let app = start(folder.path()).await;
    call(&app, "viewed_set", set_viewed(3)).await.unwrap();
    call(&app, "settings_update", json!({ "theme": "dark" })).await.unwrap();
    call(&app, "transfers_pause", json!({ "paused": true })).await.unwrap();

    let mut events = app.subscribe(Caller::MainWindow);
    let seen = snapshot(&mut events).await;

    assert_eq!(seen.settings.theme, Theme::Dark);
    assert_eq!(seen.marks[0].marks[0].file_index.0, 3);
    assert!(seen.transfers_paused);
    call(&app, "viewed_set", set_viewed(4)).await.unwrap();
    let revision = event(&mut events, |event| match event {
        AppEvent::MarksChanged { revision, marks } if marks.marks.len() == 2 => Some(*revision),
        _ => None,
    });
    assert!(revision.await > seen.revision);
    shutdown(app).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_falls_behind_gets_a_snapshot_and_misses_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let app = start(folder.path()).await;
    let mut slow = app.subscribe(Caller::MainWindow);
    snapshot(&mut slow).await;
    let mut watching = app.subscribe(Caller::MainWindow);
    snapshot(&mut watching).await;

    // More changes than the stream keeps, while nobody reads `slow`.
    const CHANGES: u32 = 600;
    for number in 0..CHANGES {
        app.set_viewed(InfoHash::new([1; 20]), freshet_model::FileIndex(number), true).await.unwrap();
    }
    // The hub has passed on all of it when somebody who follows has seen the last.
    event(&mut watching, |event| match event {
        AppEvent::MarksChanged { marks, .. } => (marks.marks.len() == CHANGES as usize).then_some(()),
        AppEvent::Snapshot(snapshot) => (snapshot.marks[0].marks.len() == CHANGES as usize).then_some(()),
        _ => None,
    })
    .await;

    let caught_up = snapshot(&mut slow).await;
    assert_eq!(caught_up.marks[0].marks.len(), CHANGES as usize);
    shutdown(app).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn revisions_grow_also_over_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let mut last = Revision(0);
    for round in 0..3 {
        let app = start(folder.path()).await;
        let mut events = app.subscribe(Caller::MainWindow);
        assert!(snapshot(&mut events).await.revision >= last);
        call(&app, "viewed_set", set_viewed(round)).await.unwrap();
        let revision = event(&mut events, |event| match event {
            AppEvent::MarksChanged { revision, .. } => Some(*revision),
            _ => None,
        })
        .await;
        assert!(revision > last, "{revision:?} after {last:?}");
        last = revision;
        shutdown(app).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_wish_for_the_player_reaches_windows_and_shell_each_time() {
    let folder = tempfile::tempdir().unwrap();
    let app = start(folder.path()).await;
    let info_hash = InfoHash::new([2; 20]);
    call(&app, "torrent_add", json!({ "source": info_hash.to_string() })).await.unwrap();
    let mut events = app.subscribe(Caller::MainWindow);
    snapshot(&mut events).await;
    let wishes = app.watch_player();

    call(&app, "player_show", json!({ "info_hash": info_hash, "file_index": 2 })).await.unwrap();
    let (first, target) = *wishes.borrow();
    call(&app, "player_show", json!({ "info_hash": info_hash, "file_index": 2 })).await.unwrap();

    assert_eq!(target, Some(PlayerTarget { info_hash, file_index: Some(freshet_model::FileIndex(2)) }));
    assert!(wishes.borrow().0 > first, "asking again is a new wish");
    let told = event(&mut events, |event| match event {
        AppEvent::PlayerTargetChanged { target } => Some(*target),
        _ => None,
    });
    assert_eq!(told.await, target);
    app.player_closed().await;
    assert_eq!(snapshot(&mut app.subscribe(Caller::MainWindow)).await.player_target, None);
    shutdown(app).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_stream_ends_with_the_application() {
    let folder = tempfile::tempdir().unwrap();
    let app = start(folder.path()).await;
    let mut events = app.subscribe(Caller::MainWindow);
    snapshot(&mut events).await;

    shutdown(app).await;

    let rest = common::soon("the end", async { while events.next().await.is_some() {} });
    rest.await;
}
