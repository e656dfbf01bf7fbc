//! Memory is bounded, whoever is there: all villains, twice, and as many readers as there may be, in 512 MiB.

#![allow(clippy::unwrap_used, reason = "what prepares a test fails with it")]

mod support;

use std::process::Command;

use freshet_swarm::PeerSource;
use freshet_swarm::schedule::Class;
use support::hostile::hostile;
use support::process::peak_memory_bytes;
use support::villains::VILLAINS;
use support::{Film, PATIENCE, address_of, film, read_all, seed, swarm};
use tokio::io::AsyncReadExt;
use tokio::task::JoinSet;
use tokio::time::timeout;

const FILM_BYTES: usize = 24_000_001;
const LIMIT_BYTES: u64 = 512 << 20;
/// Of the test itself, with two swarms and a film in memory: far below the limit, so that a slow growth shows.
const MAX_PEAK_BYTES: u64 = 320 << 20;
const READERS: usize = 512;
const INSIDE: &str = "FRESHET_TEST_CGROUP";

/// Runs what is given under the limit, in a control group of either version. Ends with 77 if this user may make none.
const SCRIPT: &str = r#"
group=
leave() { [ -z "$group" ] || rmdir "$group"; }
trap leave EXIT
enter() {
    mkdir "$1/freshet-test-$$" && group="$1/freshet-test-$$" && echo "$LIMIT" > "$group/$2"
}
if [ -e /sys/fs/cgroup/cgroup.subtree_control ]; then
    enter /sys/fs/cgroup memory.max || exit 77
else
    mount -t cgroup -o memory memory /mnt && enter /mnt memory.limit_in_bytes || exit 77
fi 2> /dev/null
GROUP="$group" sh -c 'echo $$ > "$GROUP/cgroup.procs" && exec "$@"' sh "$@"
"#;

/// Runs this test again, under the limit where this user may set one.
fn run_again(test: &str) {
    let run = |mut command: Command| {
        let output = command
            .arg(std::env::current_exe().unwrap())
            .args(["--exact", test, "--nocapture"])
            .env(INSIDE, "1")
            .env("LIMIT", LIMIT_BYTES.to_string())
            .output()
            .unwrap();
        let text =
            String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
        (output.status, text)
    };
    let mut limited = Command::new("unshare");
    limited.args(["--mount", "sh", "-c", SCRIPT, "sh"]);
    let (status, text) = run(limited);
    if status.success() {
        assert!(text.contains("1 passed"), "{text}");
        return;
    }
    // What fails there, and not for want of a group, is a failure.
    assert!(!text.contains("running 1 test"), "{status} {text}");
    eprintln!("without a control group: this user may make none");
    let mut env = Command::new("env");
    env.arg("--");
    let (status, text) = run(env);
    assert!(status.success() && text.contains("1 passed"), "{text}");
}

async fn siege_with_readers() {
    let film = film(FILM_BYTES);
    let (there, here) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (seeder, leecher) = (swarm(there.path(), b's').await, swarm(here.path(), b'l').await);
    let _seeding = seed(&seeder, there.path(), &film).await;
    let torrent = leecher.add(film.spec.clone()).unwrap();
    let mut villains = Vec::new();
    // Each of them gets a copy, which it does not look into.
    let known = Film { content: Vec::new(), info: film.info.clone(), spec: film.spec.clone() };
    for (.., script) in VILLAINS.into_iter().chain(VILLAINS) {
        villains.push(hostile(&known, script).await);
    }
    let all = villains.iter().map(|villain| villain.address).collect();
    torrent.add_peers(all, PeerSource::Given).await;
    let mut reading = JoinSet::new();
    for number in 0..READERS {
        let torrent = torrent.clone();
        let start = number * (FILM_BYTES / READERS);
        let expected = film.content[start..start + 1000].to_vec();
        reading.spawn(async move {
            let mut reader = torrent.open_reader(start as u64..u64::MAX, Class::Player).await.unwrap();
            let mut bytes = vec![0; expected.len()];
            timeout(PATIENCE, reader.read_exact(&mut bytes)).await.expect("it comes in time").unwrap();
            assert!(bytes == expected);
            reader
        });
    }
    torrent.add_peers(vec![address_of(&seeder)], PeerSource::Given).await;
    let readers = reading.join_all().await;
    assert!(read_all(&torrent).await == film.content, "beside {} readers", readers.len());
    let peak_bytes = peak_memory_bytes();
    assert!(peak_bytes < MAX_PEAK_BYTES, "{peak_bytes}");
    eprintln!("{} MiB at most", peak_bytes >> 20);
}

#[test]
fn villains_and_readers_together_stay_within_the_memory_of_a_small_computer() {
    if std::env::var_os(INSIDE).is_none() {
        return run_again("villains_and_readers_together_stay_within_the_memory_of_a_small_computer");
    }
    tokio::runtime::Runtime::new().unwrap().block_on(siege_with_readers());
}
