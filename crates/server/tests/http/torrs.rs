//! `torrs://` links: in by `add` and `/stream`, out by the status object.

use serde_json::{Value, json};

use crate::common::World;
use freshet_model::Torrs;

/// Title "Sintel (2010)", category "movie", poster, two trackers, size; made by another program.
const TOKEN: &str = "ApIfcjfhWwPPUxv6YochReQPafd4yFsNYwxDFWC6xKiHE8rKdcidY3vTxV4jRXKOfyltLbWkQfROs73tqt2PNsgzD20YzdMe2KQrgMVYANLCE70NDjhbL0UbGmfcJOocEzVZLLXFzuGJ2LgJ56KkqVDWmUDrspFysU5hk1yCmunIWZMcLfmAnT2s2e4";
const HASH: &str = "08ada5a7a6183aae1e09d831df6748d566095a10";

fn words(status: &Value) -> [&str; 4] {
    ["hash", "title", "category", "poster"].map(|name| status[name].as_str().unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_torrs_link_fills_what_the_request_leaves_open() {
    let world = World::start().await;
    let link = format!("torrs://{TOKEN}");
    let poster = "https://img.example/sintel.jpg";

    let added = world.post("/torrents", json!({"action": "add", "link": link})).await.json();
    assert_eq!(words(&added), [HASH, "Sintel (2010)", "movie", poster]);
    assert_eq!(added.get("torrs_hash"), None, "no details yet");

    world.post("/torrents", json!({"action": "rem", "hash": HASH})).await;
    let named = json!({"action": "add", "link": link, "title": "Mine", "category": "", "poster": "http://p.example/p"});
    let added = world.post("/torrents", named).await.json();
    assert_eq!(words(&added), [HASH, "Mine", "movie", "http://p.example/p"]);

    let damaged = json!({"action": "add", "link": "torrs://AAAA"});
    assert_eq!(world.post("/torrents", damaged).await.status, 400);
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn stream_takes_a_torrs_link_and_its_bare_token() {
    let world = World::start().await;
    let get = json!({"action": "get", "hash": HASH});
    for link in [format!("torrs%3A%2F%2F{TOKEN}"), format!("torrs%253A%252F%252F{TOKEN}"), TOKEN.to_owned()] {
        let reply = world.get(&format!("/stream/x?link={link}")).await;
        assert_eq!((reply.status, reply.text()), (200, ""), "{link}");
        let status = world.post("/torrents", get.clone()).await.json();
        assert_eq!(words(&status)[..3], [HASH, "Sintel (2010)", "movie"], "{link}");
        world.post("/torrents", json!({"action": "rem", "hash": HASH})).await;
    }
    // Only there a bare token is a link.
    let bare = json!({"action": "add", "link": TOKEN});
    assert_eq!(world.post("/torrents", bare).await.status, 400);
    assert_eq!(world.get(&format!("/stream?link={}&stat", "z".repeat(60))).await.status, 400);
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn c20_the_status_has_a_token_that_follows_every_change_and_plays() {
    let world = World::start().await;
    let hash = world.add(&world.film).await;
    let token = async || {
        let reply = world.post("/torrents", json!({"action": "get", "hash": hash.to_string()})).await;
        let text = reply.text();
        let place = |name: &str| text.find(&format!("\"{name}\":")).unwrap();
        assert!(place("hash") < place("torrs_hash") && place("torrs_hash") < place("stat"), "{text}");
        reply.json()["torrs_hash"].as_str().unwrap().to_owned()
    };
    let first = Torrs::parse(&token().await).unwrap();
    assert_eq!((first.info_hash, first.title.as_str()), (hash, "Film é.mkv"));
    assert_eq!(first.total_bytes, crate::common::FILM_BYTES as u64);

    let set = json!({"action": "set", "hash": hash.to_string(), "title": "Лёд", "category": "movie"});
    world.post("/torrents", set).await;
    let second = token().await;
    let read = Torrs::parse(&second).unwrap();
    assert_eq!((read.title.as_str(), read.category.as_str()), ("Лёд", "movie"));
    let list = world.post("/torrents", json!({"action": "list"})).await.json();
    assert_eq!(list[0]["torrs_hash"], json!(second));

    let reply = world.get_with(&format!("/stream?link={second}&play"), &[("range", "bytes=0-9")]).await;
    assert_eq!((reply.status, &reply.body[..]), (206, &crate::common::film_bytes()[..10]));
    world.end().await;
}
