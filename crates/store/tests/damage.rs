//! Damaged files: what is damaged is noticed, moved aside and replaced by the newest good backup, and never shown as if it
//! were true.
//!
//! `FRESHET_DEEP=1` runs the long form.

#![allow(clippy::unwrap_used, reason = "a test that meets an error has failed")]

mod common;

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use common::{FILE, Place, bare, full, hash, is_deep, schema};
use freshet_model::{Revision, SettingsPatch};
use freshet_store::{OpenError, OpenReport, Store, StoreOptions, StoreSnapshot};

const T0_SECS: u64 = 1_000_000;

fn at_t0() -> u64 {
    T0_SECS * 1000
}

fn a_day_later() -> u64 {
    at_t0() + 25 * 60 * 60 * 1000
}

fn backups(place: &Place) -> Vec<String> {
    let Ok(entries) = fs::read_dir(place.folder().join("backups")) else { return Vec::new() };
    let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

fn content(snapshot: &StoreSnapshot) -> StoreSnapshot {
    StoreSnapshot { revision: Revision(0), ..snapshot.clone() }
}

/// A database with a bit of everything, closed in good order, and a backup of exactly that state.
async fn with_backup(place: &Place) -> StoreSnapshot {
    let due_at_once = StoreOptions { backup_every: Duration::ZERO, now_ms: at_t0, ..place.options() };
    let (store, _) = Store::open(due_at_once).unwrap();
    for n in 0..12 {
        store.add_torrent(full(n)).await.unwrap();
        store.put_position(hash(n), FILE, f64::from(n), Some(90.0), 5).await.unwrap();
    }
    store.close().await.unwrap();
    fs::remove_dir_all(place.folder().join("backups")).unwrap();
    // Each write makes a backup due; the last one finds all of it committed.
    let due_at_once = StoreOptions { backup_every: Duration::ZERO, now_ms: at_t0, ..place.options() };
    let (store, _) = Store::open(due_at_once).unwrap();
    store.update_settings(SettingsPatch { volume: Some(0.5), ..SettingsPatch::default() }).await.unwrap();
    let snapshot = store.snapshot().await.unwrap();
    store.close().await.unwrap();
    assert_eq!(backups(place), [format!("freshet-{T0_SECS}-v{}.db", schema())]);
    snapshot
}

fn copy_folder(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let target = to.join(path.file_name().unwrap());
        if path.is_dir() {
            copy_folder(&path, &target);
        } else {
            fs::copy(&path, &target).unwrap();
        }
    }
}

#[tokio::test]
async fn three_backups_are_kept_and_the_newest_ones() {
    let place = Place::new();
    place.open().close().await.unwrap();
    let clocks: [fn() -> u64; 5] =
        [|| at_t0(), || at_t0() + 100_000, || at_t0() + 200_000, || at_t0() + 300_000, || at_t0() + 400_000];
    for now_ms in clocks {
        let options = StoreOptions { backup_every: Duration::from_secs(100), now_ms, ..place.options() };
        let (store, _) = Store::open(options).unwrap();
        store.count_play(hash(1), FILE, 1).await.unwrap();
        store.close().await.unwrap();
    }

    let expected = [200, 300, 400].map(|secs| format!("freshet-{}-v{}.db", T0_SECS + secs, schema()));
    assert_eq!(backups(&place), expected);
}

#[tokio::test]
async fn a_backup_is_due_after_a_day_or_an_update_of_the_program_and_not_before() {
    let place = Place::new();
    with_backup(&place).await;
    let open_and_change = async |now_ms, app_version: &str| {
        let options = StoreOptions { now_ms, app_version: app_version.to_owned(), ..place.options() };
        let (store, _) = Store::open(options).unwrap();
        store.count_play(hash(1), FILE, 1).await.unwrap();
        store.close().await.unwrap();
        backups(&place).len()
    };
    let version = place.options().app_version;

    assert_eq!(open_and_change(at_t0, &version).await, 1);
    assert_eq!(open_and_change(a_day_later, &version).await, 2);
    assert_eq!(open_and_change(a_day_later, &version).await, 2);
    assert_eq!(open_and_change(|| a_day_later() + 1000, "99.0.0").await, 3);
    assert_eq!(open_and_change(|| a_day_later() + 2000, "99.0.0").await, 3);
}

#[tokio::test]
async fn a_file_that_is_no_database_is_replaced_by_the_backup_and_kept_aside() {
    let place = Place::new();
    let before = with_backup(&place).await;
    fs::write(place.database(), "not a database, but as long as a header of one would be: ".repeat(40))
        .unwrap();

    let (store, report) = Store::open(place.options()).unwrap();

    let restored = report.restored_from_backup.unwrap();
    assert_eq!(restored.made_at_secs, T0_SECS);
    assert!(fs::read(restored.damaged_files.join("freshet.db")).unwrap().starts_with(b"not a database"));
    let after = store.snapshot().await.unwrap();
    assert_eq!(content(&after), content(&before));
    assert!(
        after.revision.0 > before.revision.0 + 1_000_000,
        "numbers given since the backup are not given again"
    );
    store.add_torrent(bare(77)).await.unwrap();
    store.close().await.unwrap();
    let (store, report) = Store::open(place.options()).unwrap();
    assert_eq!(report, OpenReport::default());
    assert!(store.torrent(hash(77)).await.unwrap().is_some());
    store.close().await.unwrap();
}

#[tokio::test]
async fn without_a_good_backup_the_damaged_file_stays_where_it_is() {
    let place = Place::new();
    place.open().close().await.unwrap();
    fs::create_dir_all(place.folder().join("backups")).unwrap();
    fs::write(place.folder().join(format!("backups/freshet-5-v{}.db", schema())), "also damaged").unwrap();
    let damaged = vec![b'x'; 8192];
    fs::write(place.database(), &damaged).unwrap();

    let error = Store::open(place.options()).unwrap_err();

    assert!(matches!(&error, OpenError::Damaged { path, .. } if *path == place.database()), "{error}");
    assert_eq!(fs::read(place.database()).unwrap(), damaged);
}

#[tokio::test]
async fn a_damaged_backup_is_passed_over_for_an_older_good_one() {
    let place = Place::new();
    let before = with_backup(&place).await;
    let newer = place.folder().join(format!("backups/freshet-{}-v{}.db", T0_SECS + 50, schema()));
    let mut bytes = fs::read(place.database()).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle..].fill(0xaa);
    fs::write(&newer, &bytes).unwrap();
    fs::write(place.database(), &bytes).unwrap();

    let (store, report) = Store::open(place.options()).unwrap();

    assert_eq!(report.restored_from_backup.unwrap().made_at_secs, T0_SECS);
    assert_eq!(content(&store.snapshot().await.unwrap()), content(&before));
    store.close().await.unwrap();
}

/// One flipped byte anywhere: either nothing that is kept has changed, or it is noticed and the backup takes over.
#[tokio::test]
async fn a_flipped_byte_is_harmless_or_noticed() {
    let place = Place::new();
    let before = with_backup(&place).await;
    let whole = fs::read(place.database()).unwrap();
    let flips = if is_deep() { 10000 } else { 150 };
    let (mut noticed, mut harmless) = (0, 0);
    for flip in 0..flips {
        // Every byte of the header, and then some of each page.
        let offset = if flip < 100 { flip } else { flip * whole.len() / flips + flip % 7 };
        let copy = Place::new();
        copy_folder(&place.folder(), &copy.folder());
        let mut bytes = whole.clone();
        bytes[offset] ^= 1 << (flip % 8);
        fs::write(copy.database(), bytes).unwrap();

        let (store, report) = match Store::open(copy.options()) {
            Ok(opened) => opened,
            // The byte that says which schema it is.
            Err(OpenError::NewerSchema { .. }) if (60..64).contains(&offset) => continue,
            Err(error) => panic!("offset {offset}: {error}"),
        };

        if report.restored_from_backup.is_some() {
            noticed += 1
        } else {
            harmless += 1
        }
        let after = store.snapshot().await.unwrap_or_else(|error| panic!("offset {offset}: {error}"));
        assert!(content(&after) == content(&before), "offset {offset}: wrong values, {report:?}");
        store.add_torrent(bare(500)).await.unwrap_or_else(|error| panic!("offset {offset}: {error}"));
        store.close().await.unwrap();
    }
    println!("{noticed} noticed, {harmless} harmless");
    assert!(noticed > flips / 20, "only {noticed} of {flips} were noticed");
}

/// Nothing is wrong with any page or row then, and reading works; only the next torrent could not be added.
#[tokio::test]
async fn damage_in_the_definition_of_the_words_is_noticed() {
    let place = Place::new();
    let before = with_backup(&place).await;
    let mut bytes = fs::read(place.database()).unwrap();
    // Pages that are no longer in use may hold it too.
    let found: Vec<usize> = (0..bytes.len()).filter(|&at| bytes[at..].starts_with(b"USING fts5")).collect();
    assert!(!found.is_empty());
    for at in found {
        bytes[at + 6] ^= 1;
    }
    fs::write(place.database(), bytes).unwrap();

    let (store, report) = Store::open(place.options()).unwrap();

    assert!(report.restored_from_backup.is_some(), "{report:?}");
    assert!(content(&store.snapshot().await.unwrap()) == content(&before));
    store.add_torrent(bare(500)).await.unwrap();
    store.close().await.unwrap();
}

/// A log that was cut off: the database is as it was after some change, never between two, and works on.
#[tokio::test]
async fn a_truncated_log_gives_an_earlier_state_and_no_damage() {
    let place = Place::new();
    let store = place.open();
    for n in 1..=40 {
        store.put_position(hash(1), FILE, f64::from(n), None, u64::from(n as u32)).await.unwrap();
    }
    let copy_of = |cut: usize| {
        let copy = Place::new();
        fs::create_dir_all(copy.folder()).unwrap();
        fs::copy(place.database(), copy.database()).unwrap();
        let log = fs::read(log_of(&place)).unwrap();
        fs::write(log_of(&copy), &log[..log.len() - cut.min(log.len())]).unwrap();
        copy
    };
    let length = fs::metadata(log_of(&place)).unwrap().len() as usize;
    let mut last = 41.0;
    for cut in (0..=length).step_by(length / if is_deep() { 300 } else { 40 }) {
        let copy = copy_of(cut);

        let (store, report) = Store::open(copy.options()).unwrap();

        assert_eq!(report.restored_from_backup, None, "cut {cut}");
        let marks = store.marks(hash(1)).await.unwrap();
        let position = marks.get(FILE).map_or(0.0, |mark| mark.position_secs);
        assert!(position < last || position <= last && cut > 0, "cut {cut}: {position} after {last}");
        assert!(cut > 0 || position == 40.0, "nothing was cut, and {position} is left");
        last = position;
        store.count_play(hash(2), FILE, 1).await.unwrap();
        store.close().await.unwrap();
    }
    assert!(last < 20.0, "cutting took nothing away");
    store.close().await.unwrap();
}

fn log_of(place: &Place) -> PathBuf {
    place.folder().join("freshet.db-wal")
}

/// On Unix a removed file can still be written to; whoever is told that all is well would lose everything.
#[cfg(unix)]
#[tokio::test]
async fn a_removed_or_replaced_folder_refuses_changes_until_it_is_back() {
    let place = Place::new();
    let store = place.open();
    store.add_torrent(bare(1)).await.unwrap();
    let aside = place.folder().with_file_name("aside");
    fs::rename(place.folder(), &aside).unwrap();

    let gone = store.add_torrent(bare(2)).await;
    assert!(matches!(gone, Err(freshet_store::WriteError::FolderGone(_))), "{gone:?}");
    fs::create_dir(place.folder()).unwrap();
    fs::write(place.database(), "another one").unwrap();
    let replaced = store.add_torrent(bare(2)).await;
    assert!(matches!(replaced, Err(freshet_store::WriteError::FolderGone(_))), "{replaced:?}");
    assert_eq!(store.torrent(hash(2)).await.unwrap(), None);

    fs::remove_dir_all(place.folder()).unwrap();
    fs::rename(&aside, place.folder()).unwrap();
    assert!(store.add_torrent(bare(2)).await.unwrap().is_new);
    store.close().await.unwrap();
}
