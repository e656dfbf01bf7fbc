//! Ids and marks that are told before the details, and what becomes of them when these arrive.

#![allow(clippy::unwrap_used, reason = "a test that meets an error has failed")]

mod common;

use common::{Place, bare, file, full, hash};
use freshet_model::{FileIndex, FileMark, Foretold, ForetoldFile, ForetoldMark, TorrentRecord};
use freshet_store::{Foretelling, Store, TorrentChange};

/// Two films whose order in the torrent is not that of their names.
fn details() -> TorrentRecord {
    let files = vec![file(0, "b.mkv"), file(1, "a.mkv")];
    TorrentRecord { is_single_file: false, files, ..full(1) }
}

fn resolved(record: &TorrentRecord) -> TorrentChange {
    TorrentChange::Resolved {
        name: record.name.clone(),
        total_bytes: record.total_bytes,
        is_single_file: record.is_single_file,
        is_private: false,
        metainfo: vec![1],
        files: record.files.clone(),
        trackers: Vec::new(),
    }
}

fn mark(id: u32, position_secs: f64, at_ms: u64, is_report: bool) -> ForetoldMark {
    ForetoldMark { id, viewed: true, position_secs, at_ms, is_report }
}

/// As another server has them: by name.
fn told(marks: Vec<ForetoldMark>) -> Foretold {
    let files = [(1, "Name.1/a.mkv", 1001), (2, "Name.1/b.mkv", 1000)];
    let files = files.iter().map(|(id, path, length)| ForetoldFile::from_wire(*id, path, *length).unwrap());
    Foretold { files: files.collect(), marks, ..Foretold::new(hash(1)) }
}

fn viewed(index: u32, position_secs: f64, updated_at_ms: u64) -> FileMark {
    FileMark { viewed: true, position_secs, updated_at_ms, ..FileMark::new(FileIndex(index)) }
}

async fn ids(store: &Store) -> Vec<u32> {
    let torrent = store.torrent(hash(1)).await.unwrap().unwrap();
    torrent.files.iter().map(|file| file.torrserver_id).collect()
}

#[tokio::test]
async fn ids_and_marks_wait_over_a_restart_and_land_on_their_files() {
    let place = Place::new();
    let store = place.open();
    let first = store.foretell(told(vec![mark(1, 60.0, 5, false)])).await.unwrap();
    assert_eq!(first, Foretelling { marks_changed: 1, ids_changed: true });
    store.add_torrent(bare(1)).await.unwrap();
    let report = Foretold { marks: vec![mark(2, 0.0, 6, true)], ..Foretold::new(hash(1)) };
    store.foretell(report).await.unwrap();
    assert_eq!(store.marks(hash(1)).await.unwrap().marks, [], "nobody knows yet which files they are");
    store.close().await.unwrap();

    let store = place.open();
    store.change_torrent(hash(1), resolved(&details())).await.unwrap();

    assert_eq!(ids(&store).await, [2, 1]);
    assert_eq!(store.marks(hash(1)).await.unwrap().marks, [viewed(0, 0.0, 6), viewed(1, 60.0, 5)]);
    assert_eq!(store.all_foretold().await.unwrap(), [], "the torrent itself knows it now");
    store.close().await.unwrap();
}

#[tokio::test]
async fn a_torrent_that_comes_with_its_details_is_settled_at_once() {
    let place = Place::new();
    let store = place.open();
    store.foretell(told(vec![mark(1, 60.0, 5, false)])).await.unwrap();

    store.add_torrent(details()).await.unwrap();

    assert_eq!(ids(&store).await, [2, 1]);
    assert_eq!(store.marks(hash(1)).await.unwrap().marks, [viewed(1, 60.0, 5)]);
    store.close().await.unwrap();
}

#[tokio::test]
async fn where_the_details_are_here_marks_go_by_path_and_ids_stay() {
    let place = Place::new();
    let store = place.open();
    store.add_torrent(details()).await.unwrap();
    assert_eq!(ids(&store).await, [1, 2]);

    let told_by_path = store.foretell(told(vec![mark(1, 60.0, 5, false)])).await.unwrap();
    let by_our_id = Foretold { marks: vec![mark(1, 0.0, 6, true)], ..Foretold::new(hash(1)) };
    store.foretell(by_our_id).await.unwrap();

    assert_eq!(told_by_path, Foretelling { marks_changed: 1, ids_changed: false });
    assert_eq!(ids(&store).await, [1, 2]);
    assert_eq!(store.marks(hash(1)).await.unwrap().marks, [viewed(0, 0.0, 6), viewed(1, 60.0, 5)]);
    store.close().await.unwrap();
}

#[tokio::test]
async fn telling_it_twice_undoes_nothing() {
    let place = Place::new();
    let store = place.open();
    let telling = || told(vec![mark(1, 60.0, 5, false), mark(2, 0.0, 5, false)]);
    let nothing = Foretelling::default();
    store.foretell(telling()).await.unwrap();
    assert_eq!(store.foretell(telling()).await.unwrap(), nothing, "while it waits");
    store.add_torrent(details()).await.unwrap();
    assert_eq!(store.foretell(telling()).await.unwrap(), nothing, "and after");

    store.put_position(hash(1), FileIndex(1), 90.0, None, 10).await.unwrap();
    store.set_viewed(hash(1), FileIndex(0), false, 11).await.unwrap();
    assert_eq!(store.foretell(telling()).await.unwrap(), nothing, "what a person did since counts");
    store.count_play(hash(1), FileIndex(1), 12).await.unwrap();
    assert_eq!(store.foretell(telling()).await.unwrap(), nothing);
    let marks = store.marks(hash(1)).await.unwrap();
    assert_eq!(marks.get(FileIndex(1)).unwrap().position_secs, 0.0, "a film that was watched starts over");
    store.close().await.unwrap();
}

#[tokio::test]
async fn ids_and_marks_outlive_the_torrent() {
    let place = Place::new();
    let store = place.open();
    store.foretell(told(Vec::new())).await.unwrap();
    store.add_torrent(details()).await.unwrap();
    store.set_viewed(hash(1), FileIndex(1), true, 5).await.unwrap();

    store.remove_torrent(hash(1)).await.unwrap();

    let kept = store.foretold(hash(1)).await.unwrap().unwrap();
    assert_eq!((kept.id_of(FileIndex(1)), kept.index_of(2)), (Some(1), Some(FileIndex(0))));
    let other_ids = ForetoldFile::from_wire(9, "Name.1/a.mkv", 1001).unwrap();
    let others = Foretold { files: vec![other_ids], ..Foretold::new(hash(1)) };
    assert!(!store.foretell(others).await.unwrap().ids_changed, "these are in addresses already");
    store.foretell(Foretold { marks: vec![mark(2, 7.0, 8, true)], ..Foretold::new(hash(1)) }).await.unwrap();
    store.add_torrent(details()).await.unwrap();
    assert_eq!(ids(&store).await, [2, 1]);
    assert_eq!(store.marks(hash(1)).await.unwrap().marks, [viewed(0, 7.0, 8), viewed(1, 0.0, 5)]);
    store.close().await.unwrap();
}

#[tokio::test]
async fn waiting_marks_can_be_forgotten_one_by_one_or_all() {
    let place = Place::new();
    let store = place.open();
    let marks = [mark(1, 0.0, 1, true), mark(2, 0.0, 1, true), mark(3, 0.0, 1, true)];
    let nonsense = [mark(0, 0.0, 1, true), mark(20_001, 0.0, 1, true), mark(4, f64::NAN, 1, true)];
    let telling = Foretold { marks: [&marks[..], &nonsense[..]].concat(), ..Foretold::new(hash(1)) };
    assert_eq!(store.foretell(telling).await.unwrap().marks_changed, 3);

    store.remove_foretold_marks(hash(1), Some(2)).await.unwrap();
    let left: Vec<u32> =
        store.foretold(hash(1)).await.unwrap().unwrap().marks.iter().map(|mark| mark.id).collect();
    assert_eq!(left, [1, 3]);
    store.remove_foretold_marks(hash(1), None).await.unwrap();
    assert_eq!(store.foretold(hash(1)).await.unwrap(), None);
    store.close().await.unwrap();
}
