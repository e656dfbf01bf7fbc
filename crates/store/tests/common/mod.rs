//! What the tests of the store share: places, torrents, and a child process of the same test.

#![allow(dead_code, reason = "no test file uses all of it")]

use std::path::{Path, PathBuf};
use std::process::Command;

use freshet_model::{AddedFrom, FileEntry, FileIndex, InfoHash, MediaKind, TorrentRecord};
use freshet_store::{Store, StoreOptions};

pub(crate) const FILE: FileIndex = FileIndex(0);

pub(crate) struct Place(tempfile::TempDir);

impl Place {
    pub(crate) fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    pub(crate) fn folder(&self) -> PathBuf {
        self.0.path().join("data")
    }

    pub(crate) fn database(&self) -> PathBuf {
        self.folder().join("freshet.db")
    }

    pub(crate) fn options(&self) -> StoreOptions {
        StoreOptions::new(self.database())
    }

    pub(crate) fn open(&self) -> Store {
        Store::open(self.options()).unwrap().0
    }
}

pub(crate) fn hash(n: u32) -> InfoHash {
    let mut bytes = [0x5a; 20];
    bytes[..4].copy_from_slice(&n.to_be_bytes());
    InfoHash::new(bytes)
}

pub(crate) fn file(index: u32, path: &str) -> FileEntry {
    FileEntry {
        index: FileIndex(index),
        path: path.to_owned(),
        length_bytes: 1000 + u64::from(index),
        kind: MediaKind::Video,
        torrserver_id: index + 1,
    }
}

/// A torrent of which only title and hash are known.
pub(crate) fn bare(n: u32) -> TorrentRecord {
    TorrentRecord { title: format!("title {n}"), ..TorrentRecord::new(hash(n), 1000 + u64::from(n)) }
}

/// A torrent with every field filled.
pub(crate) fn full(n: u32) -> TorrentRecord {
    TorrentRecord {
        name: format!("Name.{n}"),
        category: "movie".to_owned(),
        poster: "http://example.org/poster.jpg".to_owned(),
        data: "{\"opaque\":\"\u{0}\"}".to_owned(),
        added_from: AddedFrom::Magnet,
        last_opened_at_secs: Some(2000),
        is_pinned: true,
        total_bytes: 1 << 41,
        is_single_file: true,
        is_private: true,
        metainfo: Some(vec![0, 1, 2, 255]),
        files: vec![file(0, "Name/Film.mkv"), file(1, "Name/Sample.mkv")],
        trackers: vec!["http://tracker.example.org/announce".to_owned()],
        peers: vec!["192.0.2.1:6881".parse().unwrap()],
        ..bare(n)
    }
}

/// Runs the named test of this test binary again, in a process of its own, with `variable` set to `value`.
pub(crate) fn child(test: &str, variable: &str, value: &Path) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", test, "--nocapture", "--test-threads=1"]).env(variable, value);
    command
}

/// Whether the long forms are asked for.
pub(crate) fn is_deep() -> bool {
    std::env::var_os("FRESHET_DEEP").is_some()
}

/// The schema of this version: as many as there are migrations.
pub(crate) fn schema() -> u32 {
    let migrations = concat!(env!("CARGO_MANIFEST_DIR"), "/migrations");
    u32::try_from(std::fs::read_dir(migrations).unwrap().count()).unwrap()
}
