//! `extras/mpv/freshet.lua` in a real mpv.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test may fail")]

#[path = "common/clip.rs"]
mod clip;
mod common;

use std::net::TcpListener;
use std::path::PathBuf;
use std::process::{Output, Stdio};

use common::{PATIENCE, World, until};
use freshet_engine::testing::SeededTorrent;
use serde_json::{Value, json};
use tokio::process::Command;

const CLIP_SECS: u32 = 12;

/// mpv without screen, sound and settings, with the script and nothing else.
fn mpv(url: &str, world: &World, arguments: &[&str]) -> Command {
    let script = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../extras/mpv/freshet.lua");
    let mut command = Command::new("mpv");
    command.args(["--no-config", "--load-scripts=no", "--ytdl=no", "--vo=null", "--ao=null"]);
    command.args(["--no-input-terminal", "--msg-color=no", "--term-status-msg="]);
    command.arg(format!("--script={}", script.display()));
    command.arg(format!("--script-opts=freshet-url={url},freshet-report_secs=1"));
    command.arg("--term-playing-msg=PLAYING <${media-title}> AT <${=time-pos}>");
    command.args(arguments).env("HOME", world.folder.path()).env_remove("DISPLAY").kill_on_drop(true);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

async fn run(mut command: Command) -> (Output, String) {
    let output = tokio::time::timeout(PATIENCE, command.output()).await.expect("mpv ends in time").unwrap();
    let text = String::from_utf8_lossy(&[&output.stdout[..], &output.stderr].concat()).into_owned();
    (output, text)
}

fn url(world: &World) -> String {
    format!("http://{}", world.address())
}

/// A seeded film that is not in the library yet.
async fn clip(world: &World) -> SeededTorrent {
    let path = world.folder.path().join("seeds/Clip é #1.mkv");
    clip::make(&path, CLIP_SECS);
    world.seeder.seed(&path, None).await.unwrap()
}

/// The kept position of each file of a torrent, by number.
async fn positions(world: &World, torrent: &SeededTorrent) -> Vec<(u64, f64)> {
    let list = json!({"action": "list", "hash": torrent.info_hash.to_string()});
    let viewed = world.post("/viewed", list).await.json();
    let position = |one: &Value| (one["file_index"].as_u64().unwrap(), one["timecode"].as_f64().unwrap());
    let mut positions: Vec<_> = viewed.as_array().unwrap().iter().map(position).collect();
    positions.sort_by_key(|(index, _)| *index);
    positions
}

fn played(text: &str) -> Vec<(&str, f64)> {
    let part = |line: &'_ str| -> Option<(usize, usize)> { Some((line.find('<')?, line.find('>')?)) };
    text.lines()
        .filter_map(|line| line.strip_prefix("PLAYING "))
        .map(|line| {
            let (from, to) = part(line).unwrap();
            let at = line[to + 1..].trim_start_matches(" AT <").trim_end_matches('>');
            (&line[from + 1..to], at.parse().unwrap_or_else(|_| panic!("{line}")))
        })
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_magnet_plays_and_its_position_is_kept_and_found_again() {
    let world = World::start().await;
    let clip = clip(&world).await;

    let mut child = mpv(&url(&world), &world, &["--end=6", &clip.magnet()]).spawn().unwrap();
    let early = until("a position comes while it plays", async || {
        positions(&world, &clip).await.first().copied().filter(|(_, position)| *position > 0.5)
    })
    .await;
    assert_eq!(child.try_wait().unwrap(), None, "it still plays at {early:?}");
    let output = tokio::time::timeout(PATIENCE, child.wait_with_output()).await.unwrap().unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{text}");
    assert_eq!(played(&text)[0].0, "Clip é #1.mkv", "{text}");
    let after = positions(&world, &clip).await;
    assert!(matches!(after[..], [(1, position)] if (5.0..=6.1).contains(&position)), "{after:?}");

    // Another way to say which torrent: it goes on where it stopped.
    let hash = clip.info_hash.to_string().to_uppercase();
    let (output, text) = run(mpv(&url(&world), &world, &["--length=0.5", &hash])).await;
    assert!(output.status.success(), "{text}");
    assert!(matches!(played(&text)[..], [(_, at)] if (4.5..=6.5).contains(&at)), "{text}");

    // An own wish counts more.
    let torrs = torrs_link(&world, &clip).await;
    let (output, text) = run(mpv(&url(&world), &world, &["--start=1", "--length=0.5", &torrs])).await;
    assert!(output.status.success(), "{text}");
    assert!(matches!(played(&text)[..], [(_, at)] if (0.0..=1.5).contains(&at)), "{text}");
    world.end().await;
}

async fn torrs_link(world: &World, torrent: &SeededTorrent) -> String {
    let get = json!({"action": "get", "hash": torrent.info_hash.to_string()});
    let status = world.post("/torrents", get).await.json();
    format!("torrs://{}", status["torrs_hash"].as_str().unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_torrent_file_of_a_series_becomes_a_list() {
    let world = World::start().await;
    let show = world.folder.path().join("seeds/Series");
    std::fs::create_dir(&show).unwrap();
    for name in ["e1.mkv", "e2 & ü.mkv"] {
        clip::make(&show.join(name), 3);
    }
    std::fs::write(show.join("readme.txt"), "x").unwrap();
    let series = world.seeder.seed(&show, None).await.unwrap();
    // The file only names the torrent; its peers have to be known.
    world.add(&series).await;
    let file = world.folder.path().join("a; \"b\", ü.torrent");
    std::fs::write(&file, &series.torrent_file).unwrap();

    let (output, text) = run(mpv(&url(&world), &world, &["--end=2", file.to_str().unwrap()])).await;

    assert!(output.status.success(), "{text}");
    let titles: Vec<_> = played(&text).into_iter().map(|(title, _)| title).collect();
    assert_eq!(titles, ["e1.mkv", "e2 & ü.mkv"], "{text}");
    let positions = positions(&world, &series).await;
    assert!(
        positions.len() == 2 && positions.iter().all(|(_, at)| (1.0..=2.1).contains(at)),
        "{positions:?}"
    );
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_not_there_is_said_in_words() {
    let world = World::start().await;
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();

    let (output, text) = run(mpv(&format!("http://{free}"), &world, &[&world.film.magnet()])).await;

    assert_eq!(output.status.code(), Some(2), "{text}");
    let expected = format!("nobody answers at http://{free}; start Freshet or freshetd");
    assert!(text.contains(&expected), "{text}");
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_torrent_is_left_alone() {
    let world = World::start().await;
    let film = world.folder.path().join("seeds/plain.mkv");
    clip::make(&film, 1);

    let (output, text) = run(mpv(&url(&world), &world, &[film.to_str().unwrap()])).await;

    assert!(output.status.success(), "{text}");
    assert!(!text.contains("[freshet]"), "{text}");
    assert_eq!(world.post("/torrents", json!({"action": "list"})).await.text(), "[]");
    world.end().await;
}
