//! A disk that fills up: changes are refused in clear words, nothing acknowledged is lost, and it works again with room.
//!
//! A small memory file system is mounted in a mount namespace of its own, which takes the right to mount.

#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, reason = "a test that meets an error has failed")]

mod common;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use common::{bare, full, hash};
use freshet_model::TorrentRecord;
use freshet_store::{OpenError, OpenReport, Store, StoreOptions, WriteError};

const VARIABLE: &str = "FRESHET_TEST_FULL_DISK";

/// Runs the named test again on a fresh file system of the given size. `false` if this user may not mount.
fn run_on_small_disk(test: &str, size: &str) -> bool {
    let may_mount = Command::new("unshare")
        .args(["--mount", "mount", "-t", "tmpfs", "tmpfs", "/mnt"])
        .output()
        .is_ok_and(|output| output.status.success());
    if !may_mount {
        eprintln!("skipped: this user may not mount a file system");
        return false;
    }
    let place = tempfile::tempdir().unwrap();
    let script =
        format!("mount -t tmpfs -o size={size} tmpfs \"$1\" && exec \"$2\" --exact {test} --nocapture");
    let output = Command::new("unshare")
        .args(["--mount", "sh", "-c", &script, "sh"])
        .arg(place.path())
        .arg(std::env::current_exe().unwrap())
        .env(VARIABLE, place.path())
        .output()
        .unwrap();
    let text =
        String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && text.contains("1 passed"), "{text}");
    true
}

fn small_disk() -> Option<PathBuf> {
    std::env::var_os(VARIABLE).map(PathBuf::from)
}

fn fill(folder: &Path) -> PathBuf {
    let ballast = folder.join("ballast");
    let chunk = vec![1; 4096];
    let mut file = fs::File::create(&ballast).unwrap();
    while std::io::Write::write_all(&mut file, &chunk).is_ok() {}
    ballast
}

fn large(n: u32) -> TorrentRecord {
    TorrentRecord { metainfo: Some(vec![u8::try_from(n % 251).unwrap(); 20_000]), ..full(n) }
}

#[tokio::test]
async fn a_full_disk_refuses_changes_and_loses_none() {
    let Some(folder) = small_disk() else {
        run_on_small_disk("a_full_disk_refuses_changes_and_loses_none", "2m");
        return;
    };
    let options = || StoreOptions::new(folder.join("data/freshet.db"));
    let (store, _) = Store::open(options()).unwrap();
    store.add_torrent(bare(0)).await.unwrap();
    let mut ballast = fill(&folder);

    let mut stored = vec![bare(0)];
    let mut refused = 0;
    let mut events = store.events();
    for n in 1..400 {
        match store.add_torrent(large(n)).await {
            Ok(added) => stored.push((*added.record).clone()),
            Err(error) => {
                assert_eq!(error, WriteError::DiskFull);
                assert_eq!(store.torrent(hash(n)).await.unwrap(), None, "what was refused is not there");
                refused += 1;
                if refused % 5 == 0 {
                    // Room for a little more: it works again without a restart.
                    fs::remove_file(&ballast).unwrap();
                    let added = store.add_torrent(large(1000 + n)).await.unwrap();
                    stored.push((*added.record).clone());
                    ballast = fill(&folder);
                }
                if refused == 20 {
                    break;
                }
            }
        }
    }
    assert_eq!(refused, 20);
    let mut listed: Vec<_> =
        store.torrents().await.unwrap().iter().map(|torrent| (**torrent).clone()).collect();
    listed.sort_by_key(|torrent| torrent.info_hash);
    stored.sort_by_key(|torrent| torrent.info_hash);
    assert!(listed == stored, "{} listed, {} acknowledged", listed.len(), stored.len());
    for _ in 1..stored.len() {
        events.next().await.unwrap().unwrap();
    }

    store.close().await.unwrap();
    assert!(events.next().await.is_none(), "what was refused was told to somebody");
    fs::remove_file(&ballast).unwrap();
    let (store, report) = Store::open(options()).unwrap();
    assert_eq!(report, OpenReport::default());
    for torrent in &stored {
        assert!(store.torrent(torrent.info_hash).await.unwrap().as_deref() == Some(torrent));
    }
    store.close().await.unwrap();
}

#[tokio::test]
async fn no_room_for_a_new_database_is_said_and_leaves_room_for_another_try() {
    let Some(folder) = small_disk() else {
        run_on_small_disk("no_room_for_a_new_database_is_said_and_leaves_room_for_another_try", "1m");
        return;
    };
    let options = || StoreOptions::new(folder.join("data/freshet.db"));
    let ballast = fill(&folder);

    let error = Store::open(options()).unwrap_err();

    assert!(matches!(error, OpenError::DiskFull { .. }), "{error}");
    fs::remove_file(ballast).unwrap();
    let (store, report) = Store::open(options()).unwrap();
    assert!(report.is_new);
    store.add_torrent(bare(1)).await.unwrap();
    store.close().await.unwrap();
}
