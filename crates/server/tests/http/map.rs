//! The map of the seek bar of a film whose seconds are of very different sizes, against the times of its packets.

use std::path::Path;
use std::process::Command;

use serde_json::json;

use crate::common::{World, until};

const PIECE_BYTES: u64 = 64 * 1024;
const TOLERANCE_SECS: f64 = 1.0;
const FILM_SECS: f64 = 60.0;

/// A still picture, and from the 20th second to the 40th one that can hardly be made smaller.
fn make(path: &Path) {
    let picture = "color=gray:s=480x270:r=25:d=60,noise=alls=70:allf=t:enable='between(t,20,40)'";
    let made = Command::new("ffmpeg")
        .args(["-v", "error", "-f", "lavfi", "-i", picture, "-f", "lavfi", "-i", "sine=440:d=60"])
        .args(["-c:v", "libx264", "-preset", "ultrafast", "-crf", "24", "-pix_fmt", "yuv420p", "-g", "25"])
        .args(["-c:a", "aac", "-b:a", "96k"])
        .arg(path)
        .status();
    assert!(made.expect("ffmpeg is installed").success());
}

/// Where packets of the picture stand, and when they are shown, as `ffprobe` says.
fn packets(path: &Path) -> Vec<(u64, f64)> {
    let said = Command::new("ffprobe")
        .args(["-v", "error", "-select_streams", "v", "-show_entries", "packet=pos,pts_time", "-of", "json"])
        .arg(path)
        .output()
        .unwrap();
    let said: serde_json::Value = serde_json::from_slice(&said.stdout).unwrap();
    let number = |value: &serde_json::Value| value.as_str().unwrap().parse::<f64>().unwrap();
    let packets = said["packets"].as_array().unwrap();
    packets.iter().map(|packet| (number(&packet["pos"]) as u64, number(&packet["pts_time"]))).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_edges_of_what_is_here_are_those_of_the_packets_in_a_film_of_variable_bit_rate() {
    let world = World::start().await;
    let clip = world.folder.path().join("variable.mkv");
    make(&clip);
    let packets = packets(&clip);
    let torrent = world.seeder.seed(&clip, Some(PIECE_BYTES as u32)).await.unwrap();
    world.rpc("settings_update", json!({"download_limit_bytes_per_sec": 1 << 20})).await;
    let hash = world.add(&torrent).await;
    let args =
        json!({"info_hash": hash.to_string(), "playable_types": ["video/mp4; codecs=\"avc1.640028\""]});
    let ticket = world.rpc("playback_open", args).await.json();
    let playback = ticket["playback_id"].as_str().unwrap_or_else(|| panic!("{ticket}")).to_owned();
    let record = world.app.torrent(hash).await.unwrap().unwrap();
    let has = |range| world.app.pieces(&record).have_bytes_in(range) > 0;
    let byte_at = |secs: f64| packets.iter().find(|(_, time)| *time >= secs).unwrap().0;
    let map = async || world.rpc("playback_map", json!({"playback_id": playback})).await.json();
    // Somebody jumps: there are holes.
    for at_secs in [27.0, 33.0] {
        let started = world.rpc("playback_start", json!({"playback_id": playback, "at_secs": at_secs})).await;
        assert_eq!(started.status, 200, "{}", started.text());
        until("the film is here from there on", async || {
            let from = byte_at(at_secs + 0.5);
            (map().await["is_estimate"] == false && has(from..from + 1)).then_some(())
        })
        .await;
    }
    world.rpc("transfers_pause", json!({"paused": true})).await;
    let mut same = (0, 0);
    until("what was on its way is here", async || {
        let now = world.app.pieces(&record).have_bytes_in(0..record.total_bytes);
        same = (now, if now == same.0 { same.1 + 1 } else { 0 });
        (same.1 == 20).then_some(())
    })
    .await;

    let pieces: Vec<bool> = (0..record.total_bytes.div_ceil(PIECE_BYTES))
        .map(|piece| {
            let span = piece * PIECE_BYTES..((piece + 1) * PIECE_BYTES).min(record.total_bytes);
            world.app.pieces(&record).have_bytes_in(span.clone()) == span.end - span.start
        })
        .collect();
    let borders = (1..pieces.len()).filter(|piece| pieces[*piece] != pieces[*piece - 1]);
    let borders: Vec<u64> = borders.map(|piece| piece as u64 * PIECE_BYTES).collect();
    let secs_at =
        |byte: u64| packets.iter().find(|(pos, _)| *pos >= byte).map_or(FILM_SECS, |(_, secs)| *secs);
    let map = map().await;
    assert_eq!(map["is_estimate"], false);
    let spans = map["spans"].as_array().unwrap();
    let here: Vec<bool> = spans.iter().map(|span| span["stand"] == "have").collect();
    let edges = (1..spans.len()).filter(|at| here[*at] != here[*at - 1]);
    let edges: Vec<f64> = edges.map(|at| spans[at]["start_secs"].as_f64().unwrap()).collect();

    assert!(borders.len() >= 2, "the film is here in parts: {borders:?}");
    let nearest = |secs: f64, all: &[f64]| all.iter().map(|one| (one - secs).abs()).fold(f64::MAX, f64::min);
    let true_edges: Vec<f64> = borders.iter().map(|byte| secs_at(*byte)).collect();
    for edge in &edges {
        assert!(
            nearest(*edge, &true_edges) <= TOLERANCE_SECS,
            "{edge} of the map; {true_edges:?} of packets"
        );
    }
    // What is at the end, such as the index, takes no time of the film.
    for edge in true_edges.iter().filter(|secs| **secs < FILM_SECS - TOLERANCE_SECS) {
        assert!(nearest(*edge, &edges) <= TOLERANCE_SECS, "{edge} of packets; {edges:?} of the map");
    }
    let by_share = |byte: &u64| *byte as f64 / record.total_bytes as f64 * FILM_SECS;
    let wrong = borders.iter().map(|byte| (by_share(byte) - secs_at(*byte)).abs()).fold(0.0, f64::max);
    assert!(wrong > 3.0 * TOLERANCE_SECS, "bytes alone would be wrong by {wrong} s");
    world.end().await;
}
