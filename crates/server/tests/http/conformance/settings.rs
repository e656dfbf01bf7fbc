//! Settings and what they rule: points 16 and 22.

use serde_json::json;

use crate::common::{World, until};

#[tokio::test(flavor = "multi_thread")]
async fn c16_settings_are_read_changed_in_part_and_reset() {
    let world = World::start().await;
    let get = async || world.post("/settings", json!({"action": "get"})).await.json();
    let defaults = get().await;
    assert_eq!(defaults["CacheSize"], 67_108_864);

    let reply = world
        .post(
            "/settings",
            json!({"action": "set", "Sets": {"FriendlyName": "den", "UploadRateLimit": 100, "Unknown": [1]}}),
        )
        .await;
    assert_eq!((reply.status, reply.text()), (200, ""));
    world.post("/settings", json!({"action": "set", "sets": {"CacheSize": 1_000_000}})).await;

    let changed = get().await;
    assert_eq!(changed["FriendlyName"], "den");
    assert_eq!(changed["UploadRateLimit"], 100);
    assert_eq!(changed["Unknown"], json!([1]));
    assert_eq!(changed["CacheSize"], 1_000_000);
    assert_eq!(world.app.settings().upload_limit_bytes_per_sec, 100 * 1024, "and it is in force");

    world.post("/settings", json!({"action": "def"})).await;
    let mut reset = get().await;
    assert_eq!(
        reset.as_object_mut().unwrap().remove("Unknown"),
        Some(json!([1])),
        "what we don't know we don't reset"
    );
    assert_eq!(reset, defaults);
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn c22_an_idle_torrent_is_closed_and_opened_by_the_next_get() {
    let world = World::start().await;
    let hash = world.add(&world.show).await;
    let settings = json!({"action": "set", "sets": {"TorrentDisconnectTimeout": 1}});
    let stat_in_list =
        async || world.post("/torrents", json!({"action": "list"})).await.json()[0]["stat"].clone();
    let get = json!({"action": "get", "hash": hash.to_string()});

    let played = world.get(&format!("/play/{hash}/2")).await;
    assert_eq!(played.field("x-stream-timeout"), Some("600"), "ours is longer than TorrServer's");
    assert_eq!(stat_in_list().await, 3);
    world.post("/settings", settings).await;
    // A list does not keep it open.
    until("it is idle", async || (stat_in_list().await == 5).then_some(())).await;
    assert_eq!(world.head(&format!("/play/{hash}/2")).await.field("x-stream-timeout"), Some("1"));

    let closed = world.post("/torrents", get.clone()).await.json();
    assert_eq!((&closed["stat"], &closed["stat_string"]), (&json!(5), &json!("Torrent in db")));
    let open = until("it is open again", async || {
        let status = world.post("/torrents", get.clone()).await.json();
        (status["stat"] == 3).then_some(status)
    })
    .await;
    assert_eq!(open["stat_string"], "Torrent working");
    world.end().await;
}
