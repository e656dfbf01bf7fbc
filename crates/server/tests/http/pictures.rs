//! Pictures along the seek bar of a film that is partly here.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use freshet_model::{FileIndex, InfoHash};
use serde_json::json;

use crate::common::{PATIENCE, World};

/// One second of each.
pub(crate) const COLORS: [(&str, [i32; 3]); 10] = [
    ("red", [254, 0, 0]),
    ("lime", [0, 255, 1]),
    ("blue", [0, 0, 254]),
    ("yellow", [255, 255, 0]),
    ("black", [0, 0, 0]),
    ("white", [255, 255, 255]),
    ("red", [254, 0, 0]),
    ("blue", [0, 0, 254]),
    ("lime", [0, 255, 1]),
    ("black", [0, 0, 0]),
];

/// One second of each of these colors, a key frame each second, and much silence to fetch between them: 6 MB a second.
pub(crate) fn make_clip(path: &Path, colors: &[&str]) {
    let sources =
        colors.iter().enumerate().map(|(at, color)| format!("color={color}:s=320x180:r=25:d=1[v{at}];"));
    let inputs: String = (0..colors.len()).map(|at| format!("[v{at}]")).collect();
    let picture = format!("{}{inputs}concat=n={}:v=1:a=0", sources.collect::<String>(), colors.len());
    let sound = format!("aevalsrc=0|0|0|0|0|0|0|0:s=192000:c=7.1:d={}", colors.len());
    let made = Command::new("ffmpeg")
        .args(["-v", "error", "-f", "lavfi", "-i", &picture, "-f", "lavfi", "-i", &sound])
        .args(["-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p", "-g", "25"])
        .args(["-c:a", "pcm_s32le"])
        .arg(path)
        .status();
    assert!(made.expect("ffmpeg is installed").success());
}

/// The color of a JPEG as a whole.
pub(crate) fn color_of(picture: &[u8], folder: &Path) -> [i32; 3] {
    let file = folder.join("picture.jpg");
    std::fs::write(&file, picture).unwrap();
    let output = Command::new("ffmpeg")
        .args(["-v", "error", "-i"])
        .arg(file)
        .args(["-vf", "scale=1:1", "-f", "rawvideo", "-pix_fmt", "rgb24", "pipe:1"])
        .stderr(Stdio::inherit())
        .output()
        .unwrap();
    <[u8; 3]>::try_from(output.stdout.as_slice()).unwrap().map(i32::from)
}

pub(crate) fn is_near(one: [i32; 3], other: [i32; 3]) -> bool {
    one.iter().zip(other).all(|(one, other)| (one - other).abs() < 24)
}

/// Between which bytes of the film the key frame of each second stands, with what follows on it.
async fn spans(world: &World, hash: InfoHash) -> Vec<std::ops::Range<u64>> {
    let index = world.app.container_index(hash, FileIndex(0)).await.unwrap().unwrap();
    let times = index.time_index.as_ref().unwrap();
    let mut borders: Vec<u64> = times.points().iter().map(|point| point.byte).collect();
    borders.push(times.end().unwrap().1);
    borders.windows(2).map(|pair| pair[0]..pair[1]).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_key_frame_of_matroska_that_is_here_has_its_picture_and_no_other_has_one() {
    every_key_frame_that_is_here_has_its_picture("colors.mkv").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_key_frame_of_mp4_that_is_here_has_its_picture_and_no_other_has_one() {
    every_key_frame_that_is_here_has_its_picture("colors.mov").await;
}

async fn every_key_frame_that_is_here_has_its_picture(name: &str) {
    let world = World::start().await;
    let clip = world.folder.path().join(name);
    make_clip(&clip, &COLORS.map(|(color, _)| color));
    let torrent = world.seeder.seed(&clip, None).await.unwrap();
    world.rpc("settings_update", json!({"download_limit_bytes_per_sec": 4 << 20})).await;
    let hash = world.add(&torrent).await;
    let args =
        json!({"info_hash": hash.to_string(), "playable_types": ["video/mp4; codecs=\"avc1.42C01E\""]});
    let ticket = world.rpc("playback_open", args).await.json();
    let playback = ticket["playback_id"].as_str().unwrap_or_else(|| panic!("{ticket}")).to_owned();
    let started = world.rpc("playback_start", json!({"playback_id": playback, "at_secs": 0.0})).await;
    assert_eq!(started.status, 200, "{}", started.text());
    let picture_at = async |secs: f64| world.get(&format!("/media/{playback}/picture?at={secs}")).await;

    let record = world.app.torrent(hash).await.unwrap().unwrap();
    let is_here = |span: &std::ops::Range<u64>| {
        world.app.pieces(&record).have_bytes_in(span.clone()) == span.end - span.start
    };
    let spans = spans(&world, hash).await;
    let partly = async {
        while world.rpc("playback_map", json!({"playback_id": playback})).await.json()["is_estimate"] != false
            || !spans[..2].iter().all(is_here)
        {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(PATIENCE, partly).await.expect("the beginning is here and its index");
    world.rpc("transfers_pause", json!({"paused": true})).await;

    let here: Vec<bool> = spans.iter().map(is_here).collect();
    assert!(here.contains(&false), "the film is only partly here: {here:?}");
    assert_eq!(spans.len(), COLORS.len());
    for (at, (color, rgb)) in COLORS.iter().enumerate() {
        let reply = picture_at(at as f64 + 0.5).await;
        if here[at] {
            assert_eq!(
                (reply.status, reply.field("content-type")),
                (200, Some("image/jpeg")),
                "{color} at {at} s"
            );
            let seen = color_of(&reply.body, world.folder.path());
            assert!(is_near(seen, *rgb), "{seen:?} and not {color} at {at} s");
        } else {
            assert_eq!(reply.status, 204, "{color} at {at} s");
        }
    }
    assert_eq!(here, spans.iter().map(is_here).collect::<Vec<_>>(), "nothing came for it");
    assert_eq!(world.get(&format!("/media/{playback}/picture?at=no")).await.status, 400);
    assert_eq!(world.get("/media/no/picture?at=1").await.status, 404);
    world.end().await;
}
