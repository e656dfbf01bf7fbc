//! Opening and closing: who may have the folder, and what is refused untouched.

#![allow(clippy::unwrap_used, reason = "a test that meets an error has failed")]

mod common;

use std::fs;
use std::path::{Path, PathBuf};

use common::{FILE, Place, bare, child, full, hash, schema};
use freshet_model::SettingsPatch;
use freshet_store::{
    OpenError, OpenReport, ReadError, Store, StoreOptions, StoreState, UpdateSettingsError, WriteError,
};
use rusqlite::Connection;

fn all_files(folder: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let mut files: Vec<_> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.is_file())
        .map(|path| (path.clone(), fs::read(path).unwrap()))
        .collect();
    files.sort();
    files
}

/// Which schema was found and which is known, if that is what is wrong.
fn newer_schema(error: &OpenError) -> Option<(u32, u32)> {
    match error {
        OpenError::NewerSchema { found, known } => Some((*found, *known)),
        _ => None,
    }
}

#[tokio::test]
async fn a_new_database_says_so_and_an_old_one_has_nothing_to_say() {
    let place = Place::new();
    let (store, report) = Store::open(place.options()).unwrap();
    assert_eq!(report, OpenReport { is_new: true, ..OpenReport::default() });
    store.close().await.unwrap();

    let (store, report) = Store::open(place.options()).unwrap();
    assert_eq!(report, OpenReport::default());
    store.close().await.unwrap();
}

#[tokio::test]
async fn a_newer_database_is_refused_and_stays_as_it_is_to_the_byte() {
    let place = Place::new();
    let store = place.open();
    store.add_torrent(full(1)).await.unwrap();
    store.close().await.unwrap();
    let newer = Connection::open(place.database()).unwrap();
    newer.pragma_update(None, "user_version", 99).unwrap();
    newer.close().unwrap();
    let before = all_files(&place.folder());

    let error = Store::open(place.options()).unwrap_err();

    assert_eq!(newer_schema(&error), Some((99, schema())), "{error}");
    assert!(all_files(&place.folder()) == before, "a file was changed, added or removed");
}

#[tokio::test]
async fn a_newer_database_with_an_unfinished_log_is_refused_too() {
    let place = Place::new();
    place.open().close().await.unwrap();
    let newer = Connection::open(place.database()).unwrap();
    newer.pragma_update(None, "user_version", 99).unwrap();
    // A copy of the files while the log is still in use is what a killed process leaves.
    let copy = Place::new();
    fs::create_dir_all(copy.folder()).unwrap();
    for name in ["freshet.db", "freshet.db-wal"] {
        fs::copy(place.folder().join(name), copy.folder().join(name)).unwrap();
    }
    let contents = |name| fs::read(copy.folder().join(name)).unwrap();
    let (main, log) = (contents("freshet.db"), contents("freshet.db-wal"));
    assert!(!log.is_empty());

    let error = Store::open(copy.options()).unwrap_err();

    assert_eq!(newer_schema(&error), Some((99, schema())), "{error}");
    assert!(contents("freshet.db") == main, "the database was changed");
    assert!(contents("freshet.db-wal") == log, "the log was changed");
}

#[tokio::test]
async fn the_folder_has_one_user_at_a_time() {
    let place = Place::new();
    let store = place.open();

    let error = Store::open(place.options()).unwrap_err();

    assert!(matches!(&error, OpenError::Locked { folder } if *folder == place.folder()), "{error}");
    store.close().await.unwrap();
    place.open().close().await.unwrap();
}

#[cfg(unix)]
#[tokio::test]
async fn folder_and_files_belong_to_their_owner_alone() {
    use std::os::unix::fs::PermissionsExt;
    let place = Place::new();
    let store = place.open();
    store.add_torrent(bare(1)).await.unwrap();

    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&place.folder()), 0o700);
    let files: Vec<_> = fs::read_dir(place.folder()).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert!(files.len() >= 4, "{files:?}");
    for file in files {
        assert_eq!(mode(&file), 0o600, "{}", file.display());
    }
    store.close().await.unwrap();
}

/// As a user without the right to write there. A test that runs as root becomes somebody else in a child process.
#[cfg(target_os = "linux")]
#[test]
fn a_read_only_folder_is_refused_and_named() {
    use std::os::unix::fs::{MetadataExt, PermissionsExt};
    use std::os::unix::process::CommandExt;
    const VARIABLE: &str = "FRESHET_TEST_READ_ONLY";
    if let Some(folder) = std::env::var_os(VARIABLE) {
        let folder = PathBuf::from(folder);
        let error = Store::open(StoreOptions::new(folder.join("freshet.db"))).unwrap_err();
        assert!(
            matches!(&error, OpenError::FolderNotWritable { folder: named, .. } if *named == folder),
            "{error}"
        );
        return;
    }
    let place = tempfile::tempdir().unwrap();
    let set_mode = |mode| fs::set_permissions(place.path(), fs::Permissions::from_mode(mode)).unwrap();
    let folder = place.path().join("data");
    fs::create_dir(&folder).unwrap();
    set_mode(0o555);
    fs::set_permissions(&folder, fs::Permissions::from_mode(0o555)).unwrap();

    let mut child = child("a_read_only_folder_is_refused_and_named", VARIABLE, &folder);
    if fs::metadata(place.path()).unwrap().uid() == 0 {
        const NOBODY: u32 = 65534;
        child.uid(NOBODY).gid(NOBODY);
    }
    let output = child.output().unwrap();

    set_mode(0o755);
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success() && text.contains("1 passed"), "{text}");
    assert_eq!(fs::read_dir(&folder).unwrap().count(), 0);
}

#[tokio::test]
async fn a_folder_that_cannot_be_made_is_named() {
    let place = tempfile::tempdir().unwrap();
    fs::write(place.path().join("file"), "in the way").unwrap();

    let error = Store::open(StoreOptions::new(place.path().join("file/data/freshet.db"))).unwrap_err();

    assert!(matches!(error, OpenError::FolderNotWritable { .. }), "{error}");
}

#[tokio::test]
async fn after_closing_everything_says_closed_and_closing_again_is_fine() {
    let place = Place::new();
    let store = place.open();
    store.add_torrent(bare(1)).await.unwrap();
    store.count_play(hash(1), FILE, 1).await.unwrap();
    let other = store.clone();
    let mut events = store.events();
    let state = store.watch_state();
    assert_eq!(*state.borrow(), StoreState::Running);

    store.close().await.unwrap();
    other.close().await.unwrap();

    assert_eq!(*state.borrow(), StoreState::Closed);
    assert_eq!(other.torrent(hash(1)).await, Err(ReadError::Closed), "also what is cached");
    assert_eq!(other.marks(hash(1)).await, Err(ReadError::Closed));
    assert_eq!(other.torrents().await, Err(ReadError::Closed));
    assert_eq!(other.snapshot().await, Err(ReadError::Closed));
    assert_eq!(other.add_torrent(bare(2)).await, Err(WriteError::Closed));
    let settings = other.update_settings(SettingsPatch::default()).await;
    assert_eq!(settings, Err(UpdateSettingsError::Store(WriteError::Closed)));
    assert!(events.next().await.is_none());
    assert!(other.events().next().await.is_none());
    assert!(!place.folder().join("freshet.db-wal").exists(), "the log is folded in");
}

#[tokio::test]
async fn when_the_last_handle_is_dropped_the_folder_becomes_free() {
    let place = Place::new();
    let store = place.open();
    let mut state = store.watch_state();
    store.add_torrent(bare(1)).await.unwrap();

    drop(store);

    state.wait_for(|state| *state == StoreState::Closed).await.unwrap();
    let store = place.open();
    assert_eq!(*store.torrent(hash(1)).await.unwrap().unwrap(), bare(1));
    store.close().await.unwrap();
}
