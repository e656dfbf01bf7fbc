//! Who of the network is here: listed for the person at the computer, and sent away by them.

use std::time::Duration;

use freshet_app::{Caller, EventStream, dispatch};
use freshet_model::{AppEvent, FileIndex, ViewedFile, Viewer, ViewerPass};
use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::common::PATIENCE;
use crate::network::Lan;

/// The first list that is meant.
async fn listed(events: &mut EventStream, is_meant: impl Fn(&[Viewer]) -> bool) -> Vec<Viewer> {
    let waiting = async {
        loop {
            let viewers = match events.next().await.unwrap() {
                AppEvent::Snapshot(snapshot) => snapshot.viewers,
                AppEvent::ViewersChanged { viewers } => viewers,
                _ => continue,
            };
            if is_meant(&viewers) {
                return viewers;
            }
        }
    };
    tokio::time::timeout(PATIENCE, waiting).await.expect("the list tells of it")
}

async fn send(lan: &Lan, path: &str, fields: &str) -> TcpStream {
    let mut stream = TcpStream::connect(lan.address()).await.unwrap();
    let head = format!("GET {path} HTTP/1.1\r\nHost: {}\r\n{fields}\r\n", lan.address());
    stream.write_all(head.as_bytes()).await.unwrap();
    stream
}

/// How much still comes until the connection is cut.
async fn rest(stream: &mut TcpStream) -> usize {
    let mut bytes = Vec::new();
    let _ = tokio::time::timeout(PATIENCE, stream.read_to_end(&mut bytes)).await.expect("the answer is cut");
    bytes.len()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_device_is_listed_with_its_film_and_sent_away_with_all_it_reads() {
    let lan = Lan::open().await;
    let film = lan.world.add(&lan.world.film).await;
    let device = lan.world.app.let_device_in("TV".to_owned()).await.unwrap();
    let mut events = lan.world.app.subscribe(Caller::MainWindow);
    assert_eq!(listed(&mut events, |_| true).await, []);
    // What it reads does not end before it is sent away.
    lan.world.seeder.set_upload_limit(20_000);

    let path = format!("/t/{}/play/{film}/1", device.token);
    let mut playing = send(&lan, &path, "User-Agent: Some TV/1.0\r\n").await;

    let viewers =
        listed(&mut events, |viewers| viewers.iter().any(|viewer| !viewer.watching.is_empty())).await;
    let tv = &viewers[0];
    assert_eq!(viewers.len(), 1);
    assert_eq!((tv.address.as_str(), tv.client.as_str()), ("127.0.0.1", "Some TV/1.0"));
    assert_eq!(tv.pass, ViewerPass::Device { id: device.device.id });
    assert_eq!(tv.watching, [ViewedFile { info_hash: film, file_index: FileIndex(0) }]);

    let kick = json!({ "id": tv.id });
    for caller in [Caller::NetworkBrowser, Caller::PlayerWindow] {
        assert!(dispatch(&lan.world.app, caller, "viewer_kick", kick.clone()).await.is_err(), "{caller:?}");
    }
    dispatch(&lan.world.app, Caller::MainWindow, "viewer_kick", kick.clone()).await.unwrap();

    rest(&mut playing).await;
    listed(&mut events, <[Viewer]>::is_empty).await;
    assert_eq!(lan.get(&path).await.status, 403, "it is kept out for a while");
    assert_eq!(lan.get("/echo").await.status, 403, "by whatever door");
    let list = lan.login("POST", "/torrents", r#"{"action":"list"}"#).await;
    assert_eq!(list.status, 200, "the password is another pass");
    let gone = dispatch(&lan.world.app, Caller::MainWindow, "viewer_kick", kick).await.unwrap_err();
    assert_eq!(gone.code, freshet_model::ErrorCode::NotFound);
    lan.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_of_another_device_is_listed_and_hears_nothing_of_others() {
    let lan = Lan::open().await;
    let mut events = lan.world.app.subscribe(Caller::MainWindow);
    let login = format!("Authorization: {}\r\n", crate::network::basic("anybody", crate::network::PASSWORD));

    let mut page = send(&lan, "/events", &login).await;

    let viewers = listed(&mut events, |viewers| !viewers.is_empty()).await;
    assert_eq!((viewers.len(), viewers[0].pass), (1, ViewerPass::Password));
    let mut other = lan.world.app.subscribe(Caller::NetworkBrowser);
    assert_eq!(
        listed(&mut other, |_| true).await,
        [],
        "who else is here is told to the person at the computer"
    );

    dispatch(&lan.world.app, Caller::Browser, "viewer_kick", json!({ "id": viewers[0].id })).await.unwrap();

    assert!(rest(&mut page).await > 0);
    assert_eq!(lan.login("GET", "/events", "").await.status, 403);
    assert_eq!(lan.world.get("/echo").await.status, 200, "this computer is never sent away");
    tokio::time::timeout(Duration::from_secs(60), lan.end()).await.unwrap();
}
