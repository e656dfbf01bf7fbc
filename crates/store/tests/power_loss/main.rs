//! A power cut: what was not synced may be gone, wholly or in part, in any order.
//!
//! A child process works on the store while a small library records what it writes and syncs. Then the disk is put together as
//! a power cut at some moment could have left it, and opened: every change that was acknowledged before that moment is there,
//! and nothing is damaged. `FRESHET_DEEP=1` tries many more moments.

#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, reason = "a test that meets an error has failed")]

#[path = "../common/mod.rs"]
mod common;

use std::collections::BTreeMap;
use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

use common::{FILE, bare, child, full, hash, is_deep};
use freshet_model::TorrentRecord;
use freshet_store::{Store, StoreOptions};

const VARIABLE: &str = "FRESHET_TEST_POWER";
const TEST: &str = "after_a_power_cut_everything_acknowledged_is_there";
const ROUNDS: u32 = 150;

fn large(n: u32) -> TorrentRecord {
    TorrentRecord { metainfo: Some(vec![u8::try_from(n % 251).unwrap(); 40_000]), ..full(n) }
}

/// Enough to fold the log in while working, and once more by closing and opening again.
async fn work(folder: &Path) {
    let mut acks = OpenOptions::new().create(true).append(true).open(folder.join("acks")).unwrap();
    for half in [0..ROUNDS / 2, ROUNDS / 2..ROUNDS] {
        let (store, _) = Store::open(StoreOptions::new(folder.join("freshet.db"))).unwrap();
        for n in half {
            if n % 3 == 0 {
                store.add_torrent(large(n)).await.unwrap();
                acks.write_all(format!("torrent {n}\n").as_bytes()).unwrap();
            }
            // Position 0 at time 0 would say what an absent mark says, and leave nothing to look for.
            let at_ms = u64::from(n) + 1;
            store.put_position(hash(0), FILE, f64::from(n), None, at_ms).await.unwrap();
            acks.write_all(format!("position {n}\n").as_bytes()).unwrap();
            if n % 10 == 9 {
                store.remove_torrent(hash(n / 10 * 3)).await.unwrap();
                acks.write_all(format!("removed {}\n", n / 10 * 3).as_bytes()).unwrap();
            }
        }
        store.close().await.unwrap();
    }
}

#[derive(Clone)]
enum Change {
    Write(usize, Vec<u8>),
    Truncate(usize),
}

impl Change {
    fn apply(&self, content: &mut Vec<u8>) {
        match self {
            Self::Write(offset, data) => {
                content.resize(content.len().max(offset + data.len()), 0);
                content[*offset..offset + data.len()].copy_from_slice(data);
            }
            Self::Truncate(length) => content.resize(*length, 0),
        }
    }
}

#[derive(Clone, Default)]
struct OnDisk {
    synced: Vec<u8>,
    unsynced: Vec<Change>,
}

/// The disk: names are there at once (as on a file system with a journal), contents when they are synced.
#[derive(Clone, Default)]
struct Disk(BTreeMap<PathBuf, OnDisk>);

impl Disk {
    fn file(&mut self, path: &Path) -> &mut OnDisk {
        self.0.entry(path.to_owned()).or_default()
    }

    fn apply(&mut self, record: &Record) {
        match record.kind {
            b'C' => drop(self.file(&record.path)),
            b'W' => self.file(&record.path).unsynced.push(Change::Write(record.offset, record.data.clone())),
            b'T' => self.file(&record.path).unsynced.push(Change::Truncate(record.offset)),
            b'S' => {
                let file = self.file(&record.path);
                for change in std::mem::take(&mut file.unsynced) {
                    change.apply(&mut file.synced);
                }
            }
            b'U' => drop(self.0.remove(&record.path)),
            b'R' => {
                let file = self.0.remove(&record.path).unwrap_or_default();
                self.0.insert(PathBuf::from(String::from_utf8(record.data.clone()).unwrap()), file);
            }
            kind => panic!("record of kind {kind}"),
        }
    }

    /// Writes the files as a power cut leaves them. Of what was not synced, `survives` decides for each 512 bytes.
    fn cut_power(&self, recorded: &Path, folder: &Path, survives: &mut impl FnMut() -> bool) {
        for (path, file) in &self.0 {
            let Ok(name) = path.strip_prefix(recorded) else { continue };
            let mut content = file.synced.clone();
            for change in &file.unsynced {
                match change {
                    Change::Write(offset, data) => {
                        for (n, sector) in data.chunks(512).enumerate() {
                            if survives() {
                                Change::Write(offset + n * 512, sector.to_vec()).apply(&mut content);
                            }
                        }
                    }
                    Change::Truncate(_) if survives() => change.apply(&mut content),
                    Change::Truncate(_) => {}
                }
            }
            let target = folder.join(name);
            fs::create_dir_all(target.parent().unwrap()).unwrap();
            fs::write(target, content).unwrap();
        }
    }

    /// What the process had been told by now: read from its own notes, synced or not.
    fn acknowledged(&self, recorded: &Path) -> String {
        let mut acks = self.0.get(&recorded.join("acks")).cloned().unwrap_or_default();
        for change in &acks.unsynced {
            change.apply(&mut acks.synced);
        }
        String::from_utf8(acks.synced).unwrap()
    }
}

struct Record {
    kind: u8,
    path: PathBuf,
    offset: usize,
    data: Vec<u8>,
}

fn parse(mut log: &[u8]) -> Vec<Record> {
    fn take<'a>(log: &mut &'a [u8], length: usize) -> &'a [u8] {
        let (head, tail) = log.split_at(length);
        *log = tail;
        head
    }
    fn number(log: &mut &[u8]) -> usize {
        usize::try_from(u64::from_le_bytes(take(log, 8).try_into().unwrap())).unwrap()
    }
    let mut records = Vec::new();
    while !log.is_empty() {
        let kind = take(&mut log, 1)[0];
        let length = number(&mut log);
        let path = PathBuf::from(std::str::from_utf8(take(&mut log, length)).unwrap());
        let offset = number(&mut log);
        let length = number(&mut log);
        records.push(Record { kind, path, offset, data: take(&mut log, length).to_vec() });
    }
    records
}

fn record_work(place: &Path) -> Vec<Record> {
    let (folder, log, library) = (place.join("recorded"), place.join("log"), place.join("recorder.so"));
    fs::create_dir(&folder).unwrap();
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/power_loss/recorder.c");
    let compiled = Command::new("cc")
        .args(["-shared", "-fPIC", "-O1", "-Wall", "-Werror", "-o"])
        .arg(&library)
        .arg(source)
        .arg("-ldl")
        .output()
        .unwrap();
    assert!(compiled.status.success(), "{}", String::from_utf8_lossy(&compiled.stderr));
    let output = child(TEST, VARIABLE, &folder)
        .env("LD_PRELOAD", library)
        .env("FRESHET_RECORD_FOLDER", &folder)
        .env("FRESHET_RECORD_LOG", &log)
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    parse(&fs::read(log).unwrap())
}

async fn check(folder: &Path, acknowledged: &str, moment: &str) {
    let (store, report) = Store::open(StoreOptions::new(folder.join("freshet.db"))).unwrap();
    assert_eq!(report.restored_from_backup, None, "{moment}");
    let (mut position, mut torrents) = (None, BTreeMap::new());
    for line in acknowledged.lines() {
        let (what, n) = line.split_once(' ').unwrap();
        let n: u32 = n.parse().unwrap();
        match what {
            "torrent" => drop(torrents.insert(n, true)),
            "removed" => drop(torrents.insert(n, false)),
            _ => position = Some(n),
        }
    }
    if let Some(position) = position {
        let marks = store.marks(hash(0)).await.unwrap();
        let found = marks.get(FILE).map(|mark| mark.position_secs);
        // The change under way may be there too.
        assert!(found >= Some(f64::from(position)), "{moment}: position {found:?}, acknowledged {position}");
    }
    let last_line = acknowledged.lines().last().unwrap_or_default();
    for (n, is_there) in torrents {
        let found = store.torrent(hash(n)).await.unwrap();
        if is_there {
            // Its removal may be the change under way.
            let may_be_removed = last_line == format!("position {}", n / 3 * 10 + 9);
            assert!(may_be_removed || found.as_deref() == Some(&large(n)), "{moment}: torrent {n}");
        } else {
            assert!(found.is_none(), "{moment}: torrent {n} is back");
        }
    }
    assert!(store.add_torrent(bare(9999)).await.unwrap().is_new, "{moment}");
    store.close().await.unwrap();
}

#[tokio::test]
async fn after_a_power_cut_everything_acknowledged_is_there() {
    if let Some(folder) = std::env::var_os(VARIABLE) {
        return work(Path::new(&folder)).await;
    }
    let place = tempfile::tempdir().unwrap();
    let recorded = place.path().join("recorded");
    let records = record_work(place.path());
    let count = |kind| records.iter().filter(|record| record.kind == kind).count();
    assert!(
        count(b'W') > 1000 && count(b'S') > ROUNDS as usize,
        "{} writes, {} syncs",
        count(b'W'),
        count(b'S')
    );

    let mut dice = 0x2545_f491_u32;
    let mut disk = Disk::default();
    let moments = if is_deep() { 1500 } else { 60 };
    let every = records.len().div_ceil(moments);
    for (n, record) in records.iter().enumerate() {
        disk.apply(record);
        // The first moments make the database; each of those is tried.
        if n % every != 0 && n > 40 {
            continue;
        }
        let acknowledged = disk.acknowledged(&recorded);
        for some_survive in [false, true] {
            let folder = place.path().join("after");
            disk.cut_power(&recorded, &folder, &mut || {
                dice ^= dice << 13;
                dice ^= dice >> 17;
                dice ^= dice << 5;
                some_survive && dice.is_multiple_of(2)
            });
            check(&folder, &acknowledged, &format!("record {n} of {}, {some_survive}", records.len())).await;
            fs::remove_dir_all(&folder).unwrap();
        }
    }
}
