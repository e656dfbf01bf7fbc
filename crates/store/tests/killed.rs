//! A process that is killed in the middle of a storm of changes: everything it was told is safe is there.
//!
//! The child prints each change once it is acknowledged; the parent reads along, kills it, and looks.
//! `FRESHET_DEEP=1` runs the long form.

#![cfg(unix)]
#![allow(clippy::unwrap_used, reason = "a test that meets an error has failed")]

mod common;

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::Stdio;

use common::{Place, bare, child, hash, is_deep};
use freshet_model::{FileIndex, SettingsPatch};
use freshet_store::{OpenReport, Store, StoreOptions, TorrentChange};
use rusqlite::Connection;
use tokio::task::JoinSet;

const VARIABLE: &str = "FRESHET_TEST_STORM";
const WRITERS: u32 = 8;

/// Each writer counts up on values of its own, so the last number it printed says what must be there at least.
async fn storm(path: PathBuf) {
    let (store, _) = Store::open(StoreOptions::new(path)).unwrap();
    let mut tasks = JoinSet::new();
    for writer in 0..WRITERS {
        let store = store.clone();
        tasks.spawn(async move {
            let begin = opened_at(&store, writer).await;
            store.add_torrent(bare(writer)).await.unwrap();
            for n in begin + 1.. {
                match n % 3 {
                    0 => drop(
                        store.put_position(hash(writer), FileIndex(writer), n as f64, None, n).await.unwrap(),
                    ),
                    1 => {
                        let fields = serde_json::Map::from_iter([(writer.to_string(), n.into())]);
                        let patch = SettingsPatch { torrserver: Some(fields), ..SettingsPatch::default() };
                        store.update_settings(patch).await.unwrap();
                    }
                    _ => {
                        let change = TorrentChange::Opened { at_secs: n };
                        store.change_torrent(hash(writer), change).await.unwrap();
                    }
                }
                // One write to the pipe, so that a line is there whole or not at all.
                std::io::stdout().write_all(format!("ack {writer} {n}\n").as_bytes()).unwrap();
            }
        });
    }
    tasks.join_all().await;
}

async fn opened_at(store: &Store, writer: u32) -> u64 {
    store.torrent(hash(writer)).await.unwrap().and_then(|torrent| torrent.last_opened_at_secs).unwrap_or(0)
}

/// What must be there: for each writer the last acknowledged number of each kind.
type Acknowledged = [[u64; 3]; WRITERS as usize];

fn kill_after(lines: usize, path: &Path, acknowledged: &mut Acknowledged) {
    let mut child = child("a_killed_process_loses_nothing_that_was_acknowledged", VARIABLE, path)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let output = BufReader::new(child.stdout.take().unwrap());
    let mut acks = output.lines().map(Result::unwrap).filter_map(|line| {
        let mut words = line.strip_prefix("ack ")?.split(' ');
        Some((words.next()?.parse::<usize>().unwrap(), words.next()?.parse::<u64>().unwrap()))
    });
    let mut note = |(writer, n): (usize, u64)| {
        acknowledged[writer][usize::try_from(n % 3).unwrap()] = n;
    };
    for _ in 0..lines {
        note(acks.next().unwrap());
    }
    child.kill().unwrap();
    // What it printed before it died counts too.
    acks.for_each(note);
    assert!(!child.wait().unwrap().success());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_process_loses_nothing_that_was_acknowledged() {
    if let Some(path) = std::env::var_os(VARIABLE) {
        return storm(PathBuf::from(path)).await;
    }
    let place = Place::new();
    let mut acknowledged: Acknowledged = Default::default();
    for round in 0..if is_deep() { 200 } else { 10 } {
        kill_after(20 + round * 37 % 400, &place.database(), &mut acknowledged);

        let (store, report) = Store::open(place.options()).unwrap();
        assert_eq!(report, OpenReport::default(), "round {round}");
        for (writer, expected) in (0..).zip(&acknowledged) {
            let marks = store.marks(hash(writer)).await.unwrap();
            let position = marks.get(FileIndex(writer)).map_or(0.0, |mark| mark.position_secs);
            assert!(position >= expected[0] as f64, "round {round}: position {position}, told {expected:?}");
            let settings = store.settings();
            let setting = settings.torrserver.get(&writer.to_string()).and_then(serde_json::Value::as_u64);
            assert!(
                setting.unwrap_or(0) >= expected[1],
                "round {round}: setting {setting:?}, told {expected:?}"
            );
            let opened = opened_at(&store, writer).await;
            assert!(opened >= expected[2], "round {round}: opened {opened}, told {expected:?}");
        }
        store.close().await.unwrap();
        let verdict: String = Connection::open(place.database())
            .unwrap()
            .query_row("PRAGMA integrity_check", [], |row| row.get(0))
            .unwrap();
        assert_eq!(verdict, "ok", "round {round}");
    }
}
