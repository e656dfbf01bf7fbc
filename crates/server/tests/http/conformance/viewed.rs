//! Viewed marks: point 14.

use serde_json::{Value, json};

use crate::common::World;

#[tokio::test(flavor = "multi_thread")]
async fn c14_viewed_marks_are_set_listed_and_taken_away_by_their_ids() {
    let world = World::start().await;
    let show = world.add(&world.show).await.to_string();
    let unknown = "08ada5a7a6183aae1e09d831df6748d566095a10";
    let viewed = |body: Value| world.post("/viewed", body);
    let set = |hash: &str, id: i64, timecode: f64| json!({"action": "set", "hash": hash, "file_index": id, "timecode": timecode});

    for body in [
        set(&show, 3, 61.5),
        set(&show, 1, 0.0),
        set(unknown, 2, 0.0),
        set(&show, 99, 0.0),
        set(&show, 0, 0.0),
    ] {
        let reply = viewed(body).await;
        assert_eq!((reply.status, reply.text()), (200, ""));
    }

    let of_show = viewed(json!({"action": "list", "hash": show})).await.json();
    assert_eq!(
        of_show,
        json!([{"hash": show, "file_index": 1, "timecode": 0}, {"hash": show, "file_index": 3, "timecode": 61.5}])
    );
    let all = viewed(json!({"action": "list"})).await.json();
    assert_eq!(all.as_array().unwrap().len(), 3);
    assert!(all.as_array().unwrap().contains(&json!({"hash": unknown, "file_index": 2, "timecode": 0})));

    viewed(json!({"action": "rem", "hash": show})).await;
    assert_eq!(
        viewed(json!({"action": "list", "hash": show})).await.json(),
        of_show,
        "no file named, none removed"
    );
    viewed(json!({"action": "rem", "hash": show, "file_index": 3})).await;
    assert_eq!(viewed(json!({"action": "list", "hash": show})).await.json().as_array().unwrap().len(), 1);
    viewed(json!({"action": "rem", "hash": show, "file_index": -1})).await;
    assert_eq!(viewed(json!({"action": "list", "hash": show})).await.text(), "[]");
    // Marks outlive their torrent.
    viewed(set(&show, 3, 0.0)).await;
    world.post("/torrents", json!({"action": "rem", "hash": show})).await;
    world.add(&world.show).await;
    assert_eq!(
        viewed(json!({"action": "list", "hash": show})).await.json(),
        json!([{"hash": show, "file_index": 3, "timecode": 0}])
    );
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn c14_time_codes_are_kept_only_if_the_setting_says_so() {
    let world = World::start().await;
    let hash = world.add(&world.film).await.to_string();
    let settings = |sets: Value| world.post("/settings", json!({"action": "set", "sets": sets}));
    let set = json!({"action": "set", "hash": hash, "file_index": 1, "timecode": 42});

    settings(json!({"TrackTimecode": false})).await;
    world.post("/viewed", set.clone()).await;
    assert_eq!(world.post("/viewed", json!({"action": "list"})).await.json()[0]["timecode"], 0);

    settings(json!({"TrackTimecode": true})).await;
    world.post("/viewed", set).await;
    assert_eq!(world.post("/viewed", json!({"action": "list"})).await.json()[0]["timecode"], 42);
    world.end().await;
}
