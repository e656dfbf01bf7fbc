//! `freshetd play`, with the real mpv and without a player.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test may fail")]

#[path = "common/clip.rs"]
mod clip;
mod common;

use std::path::Path;
use std::process::{Output, Stdio};

use common::{EPISODE_BYTES, PATIENCE, World, until};
use freshet_engine::testing::pattern;
use serde_json::json;
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::Command;

/// The command in a folder of its own, away from the public network.
fn play(data: &Path, port: u16, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_freshetd"));
    command.args(["--no-dht", "--allow-private-networks", "-p", &port.to_string(), "-d"]).arg(data);
    command.arg("play").args(arguments).env("HOME", data).env_remove("DISPLAY").kill_on_drop(true);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

async fn run(mut command: Command) -> (Output, String) {
    let output = tokio::time::timeout(PATIENCE, command.output()).await.expect("it ends in time").unwrap();
    let error = String::from_utf8_lossy(&output.stderr).into_owned();
    (output, error)
}

fn out(output: &Output) -> &str {
    std::str::from_utf8(&output.stdout).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_running_freshet_is_used_and_its_files_are_listed_and_named() {
    let world = World::start().await;
    let data = world.folder.path().join("other");
    let port = world.address().port();
    let magnet = world.show.magnet();

    let (output, error) = run(play(&data, port, &["--list", &magnet])).await;
    assert!(output.status.success(), "{error}");
    let expected = "   1      300 KB  Show/e1.mkv\n   2       500 B  Show/e1.srt\n   3      200 KB  Show/e2.mkv\n   4         0 B  Show/extras/about.txt\n";
    assert_eq!(out(&output), expected);
    assert!(!data.join("freshet.db").exists(), "nothing was started here");

    // The first episode, until it has been seen.
    let hash = world.show.info_hash;
    let base = format!("http://{}/stream", world.address());
    let url = async |arguments: &[&str]| {
        let (output, error) = run(play(&data, port, arguments)).await;
        assert!(output.status.success(), "{error}");
        out(&output).to_owned()
    };
    assert_eq!(url(&["--no-player", &magnet]).await, format!("{base}/e1%2Emkv?link={hash}&index=1&play\n"));
    world.post("/viewed", json!({"action": "set", "hash": hash.to_string(), "file_index": 1})).await;
    let next = url(&["--no-player", &hash.to_string()]).await;
    assert_eq!(next, format!("{base}/e2%2Emkv?link={hash}&index=3&play\n"));
    let chosen = url(&["--no-player", "--file", "1", &hash.to_string()]).await;
    let path = chosen.trim_end().strip_prefix(&format!("http://{}", world.address())).unwrap();
    assert!(world.get(path).await.body == pattern(11, EPISODE_BYTES));
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_goes_wrong_is_said_in_a_sentence() {
    let world = World::start().await;
    let data = world.folder.path().join("other");
    let port = world.address().port();
    let hash = world.add(&world.show).await.to_string();
    let table: [(&[&str], &str); 4] = [
        (&["hello"], "freshetd: not a magnet link, a torrs link, an info hash or a web link"),
        (
            &["--file", "9", "--no-player", &hash],
            "freshetd: the torrent has no file 9; --list shows those that it has",
        ),
        (&["--player", "no-such-player", &hash], "freshetd: there is no program no-such-player"),
        (&["torrs://AAAA"], "freshetd: the torrs link is damaged"),
    ];
    for (arguments, sentence) in table {
        let (output, error) = run(play(&data, port, arguments)).await;
        assert_eq!((output.status.code(), error.lines().last()), (Some(1), Some(sentence)), "{arguments:?}");
    }
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn mpv_plays_from_a_server_that_lives_as_long_as_it() {
    let world = World::start().await;
    let path = world.folder.path().join("seeds/Clip é.mkv");
    clip::make(&path, 3);
    let clip = world.seeder.seed(&path, None).await.unwrap();
    let data = world.folder.path().join("other");
    let magnet = clip.magnet();
    let mpv = ["--", "--no-config", "--vo=null", "--ao=null", "--no-input-terminal", "--term-status-msg="];
    let arguments =
        [&["--player", "mpv", &magnet][..], &mpv, &["--term-playing-msg=<${media-title}>", "--length=1"]]
            .concat();

    let (output, error) = run(play(&data, 0, &arguments)).await;

    assert!(output.status.success(), "{error}");
    assert!(out(&output).contains("<Clip é.mkv>"), "{}", out(&output));
    let stages: Vec<&str> = error.lines().map(|line| line.split(':').next().unwrap()).collect();
    for stage in ["starting freshetd", "adding the torrent", "playing Clip é.mkv with mpv"] {
        assert!(stages.contains(&stage), "{stage} in {error}");
    }
    // The library of this folder knows it now, and nobody is left who holds it.
    assert!(data.join("freshet.db").is_file());
    let (output, error) = run(play(&data, 0, &["--list", &clip.info_hash.to_string()])).await;
    assert!(output.status.success() && out(&output).ends_with("Clip é.mkv\n"), "{error}");
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_exit_code_is_the_players() {
    let world = World::start().await;
    let data = world.folder.path().join("other");
    let hash = world.add(&world.film).await.to_string();
    let script = world.folder.path().join("player.sh");
    // The address is the last argument and never looks like an option.
    std::fs::write(&script, "#!/bin/sh\ncase \"$2\" in http://*) exit 7;; esac\nexit 1\n").unwrap();
    std::fs::set_permissions(&script, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();

    let arguments = ["--player", script.to_str().unwrap(), &hash, "--", "--own-option"];
    let (output, error) = run(play(&data, world.address().port(), &arguments)).await;

    assert_eq!(output.status.code(), Some(7), "{error}");
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn ctrl_c_ends_everything_in_order() {
    let world = World::start().await;
    let data = world.folder.path().join("other");
    let file = world.folder.path().join("film.torrent");
    std::fs::write(&file, &world.film.torrent_file).unwrap();

    let mut child = play(&data, 0, &["--no-player", file.to_str().unwrap()]).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let line = tokio::time::timeout(PATIENCE, lines.next_line()).await.unwrap().unwrap().unwrap();
    let address = line.strip_prefix("http://").unwrap().split('/').next().unwrap().parse().unwrap();
    assert_eq!(common::ask(address, "GET", "/echo", &[], b"").await.text(), "MatriX.145");
    interrupt(&child).await;
    let status = tokio::time::timeout(PATIENCE, child.wait()).await.expect("it ends").unwrap();
    assert!(status.success(), "{status}");
    until("nobody listens any more", async || tokio::net::TcpStream::connect(address).await.err()).await;

    // In the middle of waiting: nobody has the details of this one.
    let nobody = "08ada5a7a6183aae1e09d831df6748d566095a10";
    let mut child = play(&data, 0, &["--no-player", nobody]).spawn().unwrap();
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
    loop {
        let line = tokio::time::timeout(PATIENCE, lines.next_line()).await.unwrap().unwrap().unwrap();
        if line.starts_with("looking for the details: 0 peers") {
            break;
        }
    }
    interrupt(&child).await;
    let status = tokio::time::timeout(PATIENCE, child.wait()).await.expect("it ends").unwrap();
    assert_eq!(status.code(), Some(130));
    world.end().await;
}

async fn interrupt(child: &tokio::process::Child) {
    let pid = child.id().unwrap().to_string();
    assert!(Command::new("kill").args(["-s", "INT", &pid]).status().await.unwrap().success());
}
