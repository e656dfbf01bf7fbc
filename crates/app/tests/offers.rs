//! Links that other programs handed over wait for the person's word.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test may fail")]

use std::time::Duration;

use freshet_app::{App, AppConfig, Caller, EventStream, dispatch};
use freshet_model::{AppEvent, ErrorCode, LinkOffer};
use serde_json::{Value, json};

const HEX: &str = "08ada5a7a6183aae1e09d831df6748d566095a10";

async fn start(folder: &std::path::Path) -> App {
    App::start(AppConfig { enable_dht: false, ..AppConfig::new(folder) }).await.unwrap()
}

/// What waits after the next word about it.
async fn waiting(events: &mut EventStream) -> Vec<LinkOffer> {
    let hear = async {
        loop {
            match events.next().await.expect("the application runs") {
                AppEvent::LinkOffersChanged { link_offers } => return link_offers,
                AppEvent::Snapshot(snapshot) => return snapshot.link_offers,
                _ => {}
            }
        }
    };
    tokio::time::timeout(Duration::from_secs(30), hear).await.expect("it is told")
}

async fn answer(app: &App, id: u64, answer: &str) -> Result<Value, ErrorCode> {
    let args = json!({ "id": id, "answer": answer });
    dispatch(app, Caller::MainWindow, "link_offer_answer", args).await.map_err(|error| error.code)
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_added_before_the_person_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let app = start(folder.path()).await;
    let mut person = app.subscribe(Caller::MainWindow);
    let mut player = app.subscribe(Caller::PlayerWindow);
    let mut neighbor = app.subscribe(Caller::NetworkBrowser);
    for events in [&mut person, &mut player, &mut neighbor] {
        assert_eq!(waiting(events).await, []);
    }

    app.offer_link(&format!("magnet:?xt=urn:btih:{HEX}&dn=A+film&tr=http://t.example/x")).await.unwrap();
    app.offer_link(HEX).await.unwrap();

    let waits = waiting(&mut person).await;
    assert_eq!(waits.len(), 1, "the same link waits once");
    assert_eq!((waits[0].name.as_deref(), waits[0].is_known), (Some("A film"), false));
    for events in [&mut player, &mut neighbor] {
        assert_eq!(waiting(events).await, [], "it is nobody else's business");
    }
    assert!(app.torrents().await.unwrap().is_empty());
    assert!(app.offer_link("hello").await.is_err());

    assert_eq!(answer(&app, waits[0].id, "dismiss").await, Ok(Value::Null));
    assert_eq!(waiting(&mut person).await, []);
    assert!(app.torrents().await.unwrap().is_empty());
    assert_eq!(answer(&app, waits[0].id, "play").await, Err(ErrorCode::NotFound), "it was answered");
    app.shutdown(Duration::from_secs(5)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_link_is_added_or_played_as_it_is_answered() {
    let folder = tempfile::tempdir().unwrap();
    let app = start(folder.path()).await;
    let other = HEX.replace('0', "1");
    let mut person = app.subscribe(Caller::MainWindow);
    waiting(&mut person).await;

    app.offer_link(HEX).await.unwrap();
    let id = waiting(&mut person).await[0].id;
    assert_eq!(answer(&app, id, "add").await, Ok(json!(HEX)));
    assert_eq!(waiting(&mut person).await, []);
    assert_eq!(app.torrents().await.unwrap().len(), 1);
    assert_eq!(app.watch_player().borrow().1, None, "what is added is not played");

    // One that is here already is asked about as well: a page must not start a film either.
    app.offer_link(HEX).await.unwrap();
    app.offer_link(&other).await.unwrap();
    waiting(&mut person).await;
    let waits = waiting(&mut person).await;
    assert_eq!(waits.iter().map(|offer| offer.is_known).collect::<Vec<_>>(), [true, false]);
    assert_eq!(answer(&app, waits[1].id, "play").await, Ok(json!(other)));
    let target = app.watch_player().borrow().1.unwrap();
    assert_eq!(target.info_hash.to_string(), other);
    assert_eq!(waiting(&mut person).await.len(), 1, "the other one still waits");
    app.shutdown(Duration::from_secs(5)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn only_the_person_at_the_computer_answers() {
    let folder = tempfile::tempdir().unwrap();
    let app = start(folder.path()).await;
    app.offer_link(HEX).await.unwrap();

    for caller in [Caller::PlayerWindow, Caller::NetworkBrowser] {
        let args = json!({ "id": 0, "answer": "play" });
        let refused = dispatch(&app, caller, "link_offer_answer", args).await.unwrap_err();
        assert_eq!(refused.code, ErrorCode::Forbidden, "{caller:?}");
    }
    assert!(app.torrents().await.unwrap().is_empty());
    app.shutdown(Duration::from_secs(5)).await;
}
