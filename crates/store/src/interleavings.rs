//! Every order of events that could show an old value, forced by stopping the owner thread at the point where it matters.

use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use freshet_model::{SettingsPatch, StoreChange, TorrentRecord};

use crate::common::{FILE, Place, bare, hash};
use crate::gates::Gates;
use crate::hooks::Point;
use crate::owner::QUEUE_LENGTH;
use crate::{CloseError, ReadError, Store, StoreState, TorrentChange, UpdateSettingsError, WriteError};

/// Starts a future and says whether it was ready at once.
fn poll_once<F: Future>(future: &mut Pin<&mut F>) -> Option<F::Output> {
    match future.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(value) => Some(value),
        Poll::Pending => None,
    }
}

fn open(place: &Place) -> (Store, Gates) {
    open_with_cache(place, crate::StoreOptions::DEFAULT_CACHE_BYTES)
}

fn open_with_cache(place: &Place, cache_bytes: u64) -> (Store, Gates) {
    let gates = Gates::default();
    let options = crate::StoreOptions { hooks: gates.hooks(), cache_bytes, ..place.options() };
    (Store::open(options).unwrap().0, gates)
}

/// Opens a store that has torrent 1 on the disk and nothing in the cache.
async fn open_cold(place: &Place) -> (Store, Gates) {
    let store = place.open();
    store.add_torrent(bare(1)).await.unwrap();
    store.close().await.unwrap();
    open(place)
}

fn titled(title: &str) -> TorrentChange {
    TorrentChange::Described { title: Some(title.to_owned()), category: None, poster: None, data: None }
}

async fn title(store: &Store) -> Option<String> {
    store.torrent(hash(1)).await.unwrap().map(|torrent| torrent.title.clone())
}

async fn listed_title(store: &Store) -> Option<String> {
    store.torrents().await.unwrap().first().map(|torrent| torrent.title.clone())
}

fn some(title: &str) -> Option<String> {
    Some(title.to_owned())
}

#[tokio::test]
async fn a_fill_that_has_read_the_old_row_does_not_hide_the_write_that_follows() {
    let place = Place::new();
    let (store, gates) = open_cold(&place).await;
    let mut gate = gates.stop_at(Point::Loaded);
    let mut read = pin!(title(&store));
    let mut write = pin!(store.change_torrent(hash(1), titled("new")));

    assert_eq!(poll_once(&mut read), None);
    gate.reached().await;
    assert!(poll_once(&mut write).is_none(), "nobody writes while the fill is under way");
    gate.go_on();
    write.await.unwrap();

    assert_eq!(title(&store).await, some("new"));
    read.await;
    assert_eq!(title(&store).await, some("new"));
    store.close().await.unwrap();
}

#[tokio::test]
async fn a_fill_that_has_read_the_row_does_not_bring_back_what_is_removed() {
    let place = Place::new();
    let (store, gates) = open_cold(&place).await;
    let mut gate = gates.stop_at(Point::Loaded);
    let mut read = pin!(title(&store));
    let mut remove = pin!(store.remove_torrent(hash(1)));

    assert_eq!(poll_once(&mut read), None);
    gate.reached().await;
    assert!(poll_once(&mut remove).is_none());
    gate.go_on();

    assert!(remove.await.unwrap());
    assert_eq!(title(&store).await, None);
    read.await;
    assert_eq!(title(&store).await, None);
    store.close().await.unwrap();
}

#[tokio::test]
async fn a_fill_that_has_found_nothing_does_not_hide_the_torrent_that_is_added() {
    let place = Place::new();
    let (store, gates) = open(&place);
    let mut gate = gates.stop_at(Point::Loaded);
    let mut read = pin!(title(&store));
    let mut add = pin!(store.add_torrent(bare(1)));

    assert_eq!(poll_once(&mut read), None);
    gate.reached().await;
    assert!(poll_once(&mut add).is_none());
    gate.go_on();

    assert!(add.await.unwrap().is_new);
    assert_eq!(title(&store).await, some("title 1"));
    assert_eq!(read.await, None, "it was asked before");
    assert_eq!(title(&store).await, some("title 1"));
    store.close().await.unwrap();
}

#[tokio::test]
async fn nobody_sees_a_write_before_its_commit() {
    let place = Place::new();
    let (store, gates) = open_cold(&place).await;
    assert_eq!(title(&store).await, some("title 1"));
    let mut events = store.events();
    let mut gate = gates.stop_at(Point::BeforeCommit);
    let mut write = pin!(store.change_torrent(hash(1), titled("new")));

    assert!(poll_once(&mut write).is_none());
    gate.reached().await;

    assert_eq!(title(&store).await, some("title 1"));
    assert_eq!(listed_title(&store).await, some("title 1"));
    assert_eq!(poll_once(&mut pin!(events.next())), None);
    gate.go_on();
    write.await.unwrap();
    assert_eq!(title(&store).await, some("new"));
    store.close().await.unwrap();
}

#[tokio::test]
async fn a_list_never_runs_ahead_of_the_cache() {
    let place = Place::new();
    let (store, gates) = open_cold(&place).await;
    assert_eq!(title(&store).await, some("title 1"));
    let mut gate = gates.stop_at(Point::Committed);
    let mut write = pin!(store.change_torrent(hash(1), titled("new")));
    assert!(poll_once(&mut write).is_none());
    gate.reached().await;

    assert_eq!(title(&store).await, some("title 1"), "the write is not acknowledged yet");
    let finished_reads = store.finished_reads();
    let mut list = pin!(async { (listed_title(&store).await, title(&store).await) });
    while store.finished_reads() == finished_reads {
        assert_eq!(poll_once(&mut list), None);
        tokio::task::yield_now().await;
    }
    for _ in 0..1000 {
        assert_eq!(
            poll_once(&mut list),
            None,
            "the list knows the new title, and waits until the cache does"
        );
        tokio::task::yield_now().await;
    }
    gate.go_on();

    assert_eq!(list.await, (some("new"), some("new")));
    write.await.unwrap();
    store.close().await.unwrap();
}

#[tokio::test]
async fn the_cache_knows_before_listeners_and_listeners_before_the_caller() {
    let place = Place::new();
    let (store, gates) = open_cold(&place).await;
    let mut events = store.events();
    let mut at_cache = gates.stop_at(Point::Cached);
    let mut at_events = gates.stop_at(Point::Told);
    let mut write = pin!(store.change_torrent(hash(1), titled("new")));
    assert!(poll_once(&mut write).is_none());

    at_cache.reached().await;
    assert_eq!(title(&store).await, some("new"));
    assert_eq!(poll_once(&mut pin!(events.next())), None);
    at_cache.go_on();
    at_events.reached().await;
    let event = events.next().await.unwrap().unwrap();
    assert!(matches!(event.change, StoreChange::TorrentPut(torrent) if torrent.title == "new"));
    assert!(poll_once(&mut write).is_none());
    at_events.go_on();
    write.await.unwrap();
    store.close().await.unwrap();
}

#[tokio::test]
async fn writes_that_wait_together_share_a_commit_and_all_count() {
    let place = Place::new();
    let (store, gates) = open_cold(&place).await;
    let mut gate = gates.stop_at(Point::BatchTaken);
    let mut first = pin!(store.count_play(hash(1), FILE, 1));
    assert!(poll_once(&mut first).is_none());
    gate.reached().await;
    let volume = SettingsPatch { volume: Some(0.5), ..SettingsPatch::default() };
    let bad = SettingsPatch { volume: Some(7.0), ..SettingsPatch::default() };
    let mut writes = pin!(async {
        tokio::join!(
            store.count_play(hash(1), FILE, 2),
            store.update_settings(bad),
            store.count_play(hash(1), FILE, 3),
            store.update_settings(volume),
            store.change_torrent(hash(1), titled("new")),
            store.change_torrent(hash(1), TorrentChange::Opened { at_secs: 9 }),
        )
    });
    assert!(poll_once(&mut writes).is_none());
    let commits_before = gates.count(Point::Committed);
    gate.go_on();

    let (second, refused, third, settings, _, last) = writes.await;

    first.await.unwrap();
    assert_eq!(gates.count(Point::Committed) - commits_before, 2, "one alone, and one for all that waited");
    assert_eq!(second.unwrap().marks[0].play_count, 2);
    assert!(matches!(refused, Err(UpdateSettingsError::Invalid(_))));
    assert_eq!(third.unwrap().marks[0].play_count, 3, "what stands before the refused one stays");
    assert_eq!(settings.unwrap().volume, 0.5);
    let last = last.unwrap().unwrap();
    assert_eq!((last.title.as_str(), last.last_opened_at_secs), ("new", Some(9)));
    assert_eq!(store.torrent(hash(1)).await.unwrap(), Some(last));
    store.close().await.unwrap();
}

#[tokio::test]
async fn a_caller_who_goes_away_does_not_undo_the_write() {
    let place = Place::new();
    let (store, gates) = open_cold(&place).await;
    let mut gate = gates.stop_at(Point::BatchTaken);
    {
        let mut write = pin!(store.change_torrent(hash(1), titled("new")));
        assert!(poll_once(&mut write).is_none());
        gate.reached().await;
    }
    gate.go_on();

    store.change_torrent(hash(1), TorrentChange::Opened { at_secs: 9 }).await.unwrap();

    assert_eq!(title(&store).await, some("new"));
    store.close().await.unwrap();
}

#[tokio::test]
async fn without_room_in_the_cache_every_read_still_finds_the_last_write() {
    let place = Place::new();
    let (store, gates) = open_with_cache(&place, 0);
    store.add_torrent(bare(1)).await.unwrap();
    for n in 0..50 {
        let new = format!("title {n}");
        store.change_torrent(hash(1), titled(&new)).await.unwrap();
        // The other keys push out what is there.
        store.torrent(hash(n + 2)).await.unwrap();
        assert_eq!(title(&store).await, Some(new));
    }
    assert!(gates.count(Point::Loaded) > 50, "the cache kept something after all");
    store.close().await.unwrap();
}

#[tokio::test]
async fn an_evicted_value_that_is_loaded_again_is_the_new_one() {
    let place = Place::new();
    let (store, gates) = open_with_cache(&place, 0);
    store.add_torrent(bare(1)).await.unwrap();
    let mut gate = gates.stop_at(Point::BatchTaken);
    let mut write = pin!(store.change_torrent(hash(1), titled("new")));
    let mut read = pin!(title(&store));
    assert!(poll_once(&mut write).is_none());
    gate.reached().await;
    let read_before = poll_once(&mut read);
    gate.go_on();
    write.await.unwrap();

    assert_eq!(title(&store).await, some("new"));
    let read = match read_before {
        Some(read) => read,
        None => read.await,
    };
    assert!([some("title 1"), some("new")].contains(&read), "it was asked while the write was under way");
    store.close().await.unwrap();
}

#[tokio::test]
async fn a_commit_that_fails_changes_nothing_and_everybody_in_it_is_told() {
    let place = Place::new();
    let (store, gates) = open_cold(&place).await;
    assert_eq!(title(&store).await, some("title 1"));
    let mut events = store.events();
    let revision = store.snapshot().await.unwrap().revision;
    let disk_full =
        rusqlite::Error::SqliteFailure(rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_FULL), None);
    let mut gate = gates.stop_at(Point::BatchTaken);
    let mut first = pin!(store.count_play(hash(9), FILE, 1));
    assert!(poll_once(&mut first).is_none());
    gate.reached().await;
    let mut writes = pin!(async {
        tokio::join!(
            store.change_torrent(hash(1), titled("new")),
            store.count_play(hash(1), FILE, 1),
            store.update_settings(SettingsPatch { volume: Some(0.5), ..SettingsPatch::default() }),
        )
    });
    assert!(poll_once(&mut writes).is_none());
    let mut second_batch = gates.stop_at(Point::Replied);
    gate.go_on();
    second_batch.reached().await;
    gates.fail_at(Point::BeforeCommit, disk_full);
    second_batch.go_on();

    let (torrent, marks, settings) = writes.await;

    first.await.unwrap();
    assert_eq!(torrent, Err(WriteError::DiskFull));
    assert_eq!(marks, Err(WriteError::DiskFull));
    assert_eq!(settings, Err(UpdateSettingsError::Store(WriteError::DiskFull)));
    assert_eq!(title(&store).await, some("title 1"));
    assert_eq!(store.marks(hash(1)).await.unwrap().marks, []);
    assert_eq!(store.settings().volume, 1.0);
    let snapshot = store.snapshot().await.unwrap();
    assert_eq!(snapshot.torrents[0].title, "title 1");
    assert_eq!(snapshot.revision.0, revision.0 + 1, "only the first one is there");

    store.change_torrent(hash(1), titled("newer")).await.unwrap();
    let (first, second) = (events.next().await.unwrap().unwrap(), events.next().await.unwrap().unwrap());
    assert!(matches!(first.change, StoreChange::Marks(marks) if marks.info_hash == hash(9)));
    assert!(matches!(second.change, StoreChange::TorrentPut(torrent) if torrent.title == "newer"));
    assert!(second.revision > first.revision);
    store.close().await.unwrap();
}

#[tokio::test]
async fn closing_serves_what_waits_and_refuses_what_comes_later() {
    let place = Place::new();
    let (store, gates) = open_cold(&place).await;
    let mut gate = gates.stop_at(Point::BatchTaken);
    let mut first = pin!(store.add_torrent(bare(2)));
    assert!(poll_once(&mut first).is_none());
    gate.reached().await;
    let mut waiting = pin!(store.add_torrent(bare(3)));
    let mut read = pin!(store.torrent(hash(1)));
    let mut close = pin!(store.close());
    let mut list = pin!(store.torrents());
    let mut behind = pin!(store.add_torrent(bare(4)));
    assert!(poll_once(&mut waiting).is_none());
    assert!(poll_once(&mut read).is_none());
    assert!(poll_once(&mut close).is_none());
    assert_eq!(poll_once(&mut list), Some(Err(ReadError::Closed)));
    assert!(poll_once(&mut behind).is_none());
    gate.go_on();

    close.await.unwrap();

    first.await.unwrap();
    waiting.await.unwrap();
    assert_eq!(read.await.unwrap().unwrap().title, "title 1");
    let behind = behind.await;
    assert_eq!(store.torrent(hash(1)).await, Err(ReadError::Closed));
    assert_eq!(store.add_torrent(bare(5)).await, Err(WriteError::Closed));
    let store = place.open();
    let there = |n| {
        let store = store.clone();
        async move { store.torrent(hash(n)).await.unwrap().is_some() }
    };
    assert!(there(2).await && there(3).await);
    assert_eq!(there(4).await, behind.is_ok(), "what was acknowledged is there, what was refused is not");
    assert!(!there(5).await);
    store.close().await.unwrap();
}

#[tokio::test]
async fn a_full_queue_makes_callers_wait_and_loses_nobody() {
    let place = Place::new();
    let (store, gates) = open(&place);
    let mut gate = gates.stop_at(Point::BatchTaken);
    let mut first = pin!(store.count_play(hash(1), FILE, 1));
    assert!(poll_once(&mut first).is_none());
    gate.reached().await;
    let callers = u32::try_from(QUEUE_LENGTH).unwrap() + 50;
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..callers {
        let store = store.clone();
        tasks.spawn(async move { store.count_play(hash(1), FILE, 1).await });
    }
    while store.free_places() > 0 {
        tokio::task::yield_now().await;
    }
    gate.go_on();

    for result in tasks.join_all().await {
        result.unwrap();
    }

    first.await.unwrap();
    assert_eq!(store.marks(hash(1)).await.unwrap().marks[0].play_count, callers + 1);
    store.close().await.unwrap();
}

#[tokio::test]
async fn the_end_of_the_thread_is_seen_by_everybody_and_what_was_committed_is_there() {
    let table = [
        (Point::BatchTaken, false),
        (Point::BeforeCommit, false),
        (Point::Committed, true),
        (Point::Cached, true),
        (Point::Told, true),
    ];
    for (point, is_committed) in table {
        let place = Place::new();
        let (store, gates) = open_cold(&place).await;
        assert_eq!(title(&store).await, some("title 1"));
        let mut state = store.watch_state();
        gates.panic_at(point);

        let write = store.change_torrent(hash(1), titled("new")).await;

        let reason: Arc<str> = Arc::from(format!("planned at {point:?}"));
        assert_eq!(write, Err(WriteError::Fatal(Arc::clone(&reason))), "{point:?}");
        assert_eq!(
            *state.wait_for(|state| *state != StoreState::Running).await.unwrap(),
            StoreState::Fatal(Arc::clone(&reason))
        );
        assert_eq!(store.torrent(hash(1)).await, Err(ReadError::Fatal(Arc::clone(&reason))));
        assert_eq!(store.torrents().await, Err(ReadError::Fatal(Arc::clone(&reason))));
        assert_eq!(store.close().await, Err(CloseError::Fatal(reason)));
        let store = place.open();
        assert_eq!(title(&store).await, some(if is_committed { "new" } else { "title 1" }), "{point:?}");
        store.close().await.unwrap();
    }
}

#[tokio::test]
async fn readers_that_miss_together_load_once() {
    let place = Place::new();
    let (store, gates) = open_cold(&place).await;
    let mut gate = gates.stop_at(Point::BatchTaken);
    let mut first = pin!(store.torrent(hash(1)));
    assert!(poll_once(&mut first).is_none());
    gate.reached().await;
    let mut others = pin!(async { tokio::join!(store.torrent(hash(1)), store.torrent(hash(1))) });
    assert!(poll_once(&mut others).is_none());
    gate.go_on();

    let (second, third) = others.await;

    let first = first.await.unwrap().unwrap();
    assert_eq!(*first, TorrentRecord { ..bare(1) });
    assert!(Arc::ptr_eq(&first, &second.unwrap().unwrap()));
    assert!(Arc::ptr_eq(&first, &third.unwrap().unwrap()));
    assert_eq!(gates.count(Point::Loaded), 1);
    store.close().await.unwrap();
}
