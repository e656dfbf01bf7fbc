//! `/ffp`: what is in a file.

use std::process::Command;

use serde_json::json;

use crate::common::World;

#[tokio::test(flavor = "multi_thread")]
async fn a_film_is_described_in_the_words_of_ffprobe() {
    let world = World::start().await;
    let path = world.folder.path().join("Clip.mkv");
    let made = Command::new("ffmpeg")
        .args(["-v", "error", "-f", "lavfi", "-i", "testsrc2=s=320x180:r=10:d=3"])
        .args(["-f", "lavfi", "-i", "sine=d=3", "-metadata:s:a:0", "language=rus"])
        .arg(&path)
        .status()
        .unwrap();
    assert!(made.success());
    let length = std::fs::metadata(&path).unwrap().len();
    let clip = world.seeder.seed(&path, None).await.unwrap();
    let hash = world.add(&clip).await;
    assert_eq!(world.get("/ffp/status").await.text(), "{\"available\":true}");

    let reply = world.get(&format!("/ffp/{hash}/1")).await;

    assert_eq!(reply.field("content-type"), Some("application/json; charset=utf-8"));
    let described = reply.json();
    let (video, audio) = (&described["streams"][0], &described["streams"][1]);
    assert_eq!(
        (&video["codec_type"], &video["width"], &video["height"], &video["r_frame_rate"]),
        (&json!("video"), &json!(320), &json!(180), &json!("10/1"))
    );
    assert_eq!((&audio["codec_type"], &audio["tags"]["language"]), (&json!("audio"), &json!("rus")));
    assert_eq!(video["codec_time_base"], "", "every field is there");
    let format = &described["format"];
    assert_eq!((&format["nb_streams"], &format["size"]), (&json!(2), &json!(length.to_string())));
    assert!(format["duration"].as_str().unwrap().starts_with("3.0"), "{format}");
    assert!(format["start_time"].is_string() && format["bit_rate"].is_string());
    assert_eq!(format["filename"], format!("/play/{hash}/1"), "and no secret address");
    assert_eq!(
        world.post("/viewed", json!({"action": "list"})).await.text(),
        "[]",
        "looking is not watching"
    );

    // Known now, so a client that preloads is told.
    let status = world.get(&format!("/stream?link={hash}&index=1&preload&stat")).await.json();
    assert!((3.0..3.2).contains(&status["duration_seconds"].as_f64().unwrap()), "{status}");
    assert_eq!(status["bit_rate"], format["bit_rate"]);
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_can_not_be_described_is_an_empty_400() {
    let world = World::start().await;
    let show = world.add(&world.show).await;
    let unknown = world.film.info_hash;

    for path in [
        format!("/ffp/{show}/2"),
        format!("/ffp/{show}/9"),
        format!("/ffp/{show}/x"),
        format!("/ffp/{unknown}/1"),
        "/ffp/nonsense/1".to_owned(),
        "/ffp/%ff/1".to_owned(),
    ] {
        let reply = world.get(&path).await;
        assert_eq!(
            (reply.status, reply.field("content-length"), reply.text()),
            (400, Some("0"), ""),
            "{path}"
        );
    }
    world.end().await;
}
