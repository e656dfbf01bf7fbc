//! Passwords, tokens, and who hears what.

#![allow(clippy::unwrap_used, reason = "a test that meets an error has failed")]

use std::time::Duration;

use freshet_app::{App, AppConfig, Caller, dispatch};
use freshet_model::{AppEvent, ErrorCode, Indexer, SearchPatch, SettingsPatch};
use serde_json::{Value, json};

async fn start(folder: &std::path::Path) -> App {
    App::start(AppConfig { enable_dht: false, ..AppConfig::new(folder) }).await.unwrap()
}

async fn call(app: &App, name: &str, args: Value) -> Result<Value, ErrorCode> {
    dispatch(app, Caller::Browser, name, args).await.map_err(|error| error.code)
}

#[tokio::test(flavor = "multi_thread")]
async fn only_the_chosen_password_is_right_also_after_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let app = start(folder.path()).await;
    assert!(!app.is_password("").await && !app.is_password("anything at all").await);
    for bad in ["", "1234567", "with\u{0}control", &"x".repeat(257)] {
        let set = call(&app, "password_set", json!({ "password": bad })).await;
        assert_eq!(set, Err(ErrorCode::BadRequest), "{bad:?}");
    }

    call(&app, "password_set", json!({"password": "Пароль для TV"})).await.unwrap();

    for _ in 0..2 {
        assert!(app.is_password("Пароль для TV").await);
        assert!(!app.is_password("Пароль для Tv").await);
        assert!(!app.is_password("").await);
    }
    app.shutdown(Duration::from_secs(5)).await;
    let app = start(folder.path()).await;
    assert!(app.is_password("Пароль для TV").await);
    call(&app, "password_set", json!({"password": "another one"})).await.unwrap();
    assert!(!app.is_password("Пароль для TV").await, "the old one is forgotten at once");
    call(&app, "password_set", json!({"password": null})).await.unwrap();
    assert!(!app.is_password("another one").await);
    app.shutdown(Duration::from_secs(5)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_opens_until_its_device_is_taken_away() {
    let folder = tempfile::tempdir().unwrap();
    let app = start(folder.path()).await;
    let tv = call(&app, "device_add", json!({"name": "TV"})).await.unwrap();
    let phone = call(&app, "device_add", json!({"name": "Phone"})).await.unwrap();
    let token = |added: &Value| added["token"].as_str().unwrap().to_owned();
    assert_eq!(token(&tv).len(), 22);
    assert_ne!(token(&tv), token(&phone));

    assert_eq!(app.device_of_token(&token(&tv)).map(|id| id.0), Some(1));
    assert_eq!(app.device_of_token(&token(&phone)).map(|id| id.0), Some(2));
    for wrong in ["", "x", &token(&tv)[..21], &app.access().devices[0].token_digest] {
        assert_eq!(app.device_of_token(wrong), None);
    }

    call(&app, "device_remove", json!({"id": 1})).await.unwrap();
    assert_eq!(app.device_of_token(&token(&tv)), None);
    assert_eq!(call(&app, "device_remove", json!({"id": 1})).await, Err(ErrorCode::NotFound));
    assert_eq!(call(&app, "device_add", json!({"name": " "})).await, Err(ErrorCode::BadRequest));
    app.shutdown(Duration::from_secs(5)).await;

    let stored = std::fs::read(folder.path().join("freshet.db")).unwrap();
    for secret in [token(&tv), token(&phone)] {
        assert!(!stored.windows(secret.len()).any(|window| window == secret.as_bytes()));
    }
    let app = start(folder.path()).await;
    assert_eq!(app.device_of_token(&token(&phone)).map(|id| id.0), Some(2));
    app.shutdown(Duration::from_secs(5)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn other_devices_and_the_player_administer_nothing_and_hear_no_keys() {
    let folder = tempfile::tempdir().unwrap();
    let app = start(folder.path()).await;
    let indexer = Indexer { name: "J".to_owned(), url: "http://j".to_owned(), api_key: "secret".to_owned() };
    let search = SearchPatch { indexers: Some(vec![indexer]), ..SearchPatch::default() };
    app.update_settings(SettingsPatch { search: Some(search), ..SettingsPatch::default() }).await.unwrap();

    for caller in [Caller::NetworkBrowser, Caller::PlayerWindow] {
        for (name, args) in [
            ("settings_update", json!({})),
            ("password_set", json!({"password": "12345678"})),
            ("device_add", json!({"name": "x"})),
            ("device_remove", json!({"id": 1})),
            ("qr_code", json!({"text": "x"})),
        ] {
            let refused = dispatch(&app, caller, name, args).await.unwrap_err();
            assert_eq!(refused.code, ErrorCode::Forbidden, "{caller:?} {name}");
        }
        let Some(AppEvent::Snapshot(snapshot)) = app.subscribe(caller).next().await else { panic!() };
        assert_eq!(snapshot.settings.search.indexers[0].api_key, "", "{caller:?}");
        assert_eq!(snapshot.settings.search.indexers[0].name, "J");
    }
    let Some(AppEvent::Snapshot(snapshot)) = app.subscribe(Caller::MainWindow).next().await else { panic!() };
    assert_eq!(snapshot.settings.search.indexers[0].api_key, "secret");
    app.shutdown(Duration::from_secs(5)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_of_access_is_told_to_windows() {
    let folder = tempfile::tempdir().unwrap();
    let app = start(folder.path()).await;
    let mut events = app.subscribe(Caller::MainWindow);
    let Some(AppEvent::Snapshot(snapshot)) = events.next().await else { panic!() };
    assert!(!snapshot.access.has_password && snapshot.access.devices.is_empty());

    call(&app, "device_add", json!({"name": "TV"})).await.unwrap();

    let access = loop {
        if let AppEvent::AccessChanged { access, .. } = events.next().await.unwrap() {
            break access;
        }
    };
    assert_eq!(access.devices[0].name, "TV");
    app.shutdown(Duration::from_secs(5)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_qr_code_is_a_square_with_its_three_corners() {
    let folder = tempfile::tempdir().unwrap();
    let app = start(folder.path()).await;

    let code = call(&app, "qr_code", json!({"text": "http://192.168.1.5:8090/t/abc"})).await.unwrap();

    let rows: Vec<&str> = code["rows"].as_array().unwrap().iter().map(|row| row.as_str().unwrap()).collect();
    assert!(rows.iter().all(|row| row.len() == rows.len()));
    assert!(rows[0].starts_with("11111110") && rows[0].ends_with("01111111"));
    assert!(rows[rows.len() - 1].starts_with("11111110"));
    let long = call(&app, "qr_code", json!({"text": "x".repeat(513)})).await;
    assert_eq!(long, Err(ErrorCode::BadRequest));
    app.shutdown(Duration::from_secs(5)).await;
}
