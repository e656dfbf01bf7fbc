//! The door of the player window: its page shows what strangers wrote, and gets what playing needs, and nothing else.

use std::net::SocketAddr;
use std::sync::Arc;

use freshet_app::{Audience, COMMANDS};
use freshet_server::{EmbeddedFile, EmbeddedUi};
use serde_json::json;

use crate::common::{World, ask};

async fn world() -> (World, SocketAddr) {
    let find = |path: &str| {
        let known = ["/player.html", "/index.html", "/assets/player-1.js"];
        let file = || EmbeddedFile { bytes: path.into(), mime: "text/html".to_owned() };
        known.contains(&path).then(file)
    };
    let world = World::with_options(|options| options.embedded_ui = Some(EmbeddedUi(Arc::new(find)))).await;
    let door = world.server.film_addr().unwrap();
    (world, door)
}

/// As the page of an origin calls a command.
fn called_by(origin: &str) -> [(&str, &str); 4] {
    [
        ("content-type", "application/json"),
        ("x-freshet", "1"),
        ("origin", origin),
        ("sec-fetch-site", "same-origin"),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn the_page_of_the_player_window_tries_every_command() {
    let (world, door) = world().await;
    let origin = format!("http://{door}");

    let mut refused = Vec::new();
    for (command, audience) in COMMANDS {
        // Nothing takes this for its arguments, so whatever is let in ends there.
        let reply = ask(door, "POST", &format!("/rpc/{command}"), &called_by(&origin), b"7").await;
        let code = reply.json()["code"].as_str().unwrap().to_owned();
        let is_for_it = matches!(audience, Audience::Both | Audience::Here);
        assert_eq!(code, if is_for_it { "bad_request" } else { "forbidden" }, "{command}");
        if !is_for_it {
            assert_eq!(reply.status, 403, "{command}");
            refused.push(*command);
        }
    }
    for command in
        ["torrent_add", "torrent_remove", "settings_update", "password_set", "import_run", "search"]
    {
        assert!(refused.contains(&command), "{command}");
    }

    let volume = br#"{"volume":0.5,"is_muted":true}"#;
    assert_eq!(ask(door, "POST", "/rpc/volume_set", &called_by(&origin), volume).await.status, 200);
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_else_is_behind_that_door_and_the_other_one_is_shut_to_its_page() {
    let (world, door) = world().await;
    for (path, status) in [
        ("/player.html", 200),
        ("/assets/player-1.js", 200),
        ("/media/unknown/0", 404),
        ("/index.html", 200),
        ("/torrents", 404),
        ("/settings", 404),
        ("/stat", 404),
        ("/report/08ada5a7a6183aae1e09d831df6748d566095a10", 404),
        ("/openapi.json", 404),
        ("/dav/", 404),
        ("/stream/x?link=08ada5a7a6183aae1e09d831df6748d566095a10&play", 404),
    ] {
        assert_eq!(ask(door, "GET", path, &[], b"").await.status, status, "{path}");
    }
    let library = ask(door, "GET", "/index.html", &[], b"").await;
    assert!(library.text() != "/index.html", "the library's page is a page of windows alone");
    assert_eq!(ask(door, "POST", "/shutdown", &[], b"").await.status, 404);
    // The first door knows nothing of the program's pages.
    assert_eq!(world.get("/player.html").await.status, 404);

    let origin = format!("http://{door}");
    let by_film_page =
        [("origin", origin.as_str()), ("sec-fetch-site", "same-site"), ("content-type", "text/plain")];
    let add = json!({"action": "add", "link": world.film.magnet()}).to_string();
    assert_eq!(world.ask("POST", "/torrents", &by_film_page, add.as_bytes()).await.status, 403);
    let call = world.ask("POST", "/rpc/settings_update", &called_by(&origin), b"{}").await;
    assert_eq!(call.status, 403);
    assert!(world.app.torrents().await.unwrap().is_empty());

    let foreign = [("host", "evil.example:1")];
    assert_eq!(ask(door, "GET", "/player.html", &foreign, b"").await.status, 403);
    let main = format!("http://{}", world.address());
    let by_other_page = called_by(&main);
    assert_eq!(ask(door, "POST", "/rpc/app_info", &by_other_page, b"{}").await.status, 403);
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_brings_no_pages_has_no_such_door() {
    let world = World::start().await;
    assert_eq!(world.server.film_addr(), None);
    world.end().await;
}
