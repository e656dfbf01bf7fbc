//! Many callers at once: no read is older than what was known before it began, and no change is lost.
//!
//! `FRESHET_DEEP=1` runs the long form.

#![allow(clippy::unwrap_used, reason = "a test that meets an error has failed")]

mod common;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use common::{FILE, Place, bare, full, hash, is_deep};
use freshet_model::{FileIndex, Revision, SettingsPatch, StoreChange};
use freshet_store::{Store, StoreOptions, TorrentChange};
use tokio::task::JoinSet;

const TASKS: usize = 16;
const KEYS: u32 = 12;

/// What is known of one value that only grows: at least this much was acknowledged or read.
#[derive(Default)]
struct Floor(AtomicU64);

impl Floor {
    fn get(&self) -> u64 {
        self.0.load(Ordering::SeqCst)
    }

    /// Checks a value that was read after the floor was `before`.
    fn read(&self, before: u64, value: u64, what: &str) {
        assert!(value >= before, "{what}: read {value} after {before} was known");
        self.raise(value);
    }

    fn raise(&self, value: u64) {
        self.0.fetch_max(value, Ordering::SeqCst);
    }
}

#[derive(Default)]
struct Known {
    opened: [Floor; KEYS as usize],
    plays: [Floor; KEYS as usize],
    settings: [Floor; TASKS],
    revision: Floor,
    /// Acknowledged plays of each key, to find lost ones.
    counted: [AtomicU64; KEYS as usize],
    next: AtomicU64,
}

/// xorshift: the same numbers in every run.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % sides
    }
}

async fn opened_at(store: &Store, key: u32) -> u64 {
    store.torrent(hash(key)).await.unwrap().unwrap().last_opened_at_secs.unwrap_or(0)
}

async fn one_operation(store: &Store, known: &Known, task: usize, dice: &mut Dice) {
    let key = u32::try_from(dice.roll(u64::from(KEYS))).unwrap();
    let at = key as usize;
    match dice.roll(100) {
        0..55 => {
            let before = known.opened[at].get();
            known.opened[at].read(before, opened_at(store, key).await, "torrent");
        }
        55..80 => {
            let before = known.plays[at].get();
            let marks = store.marks(hash(key)).await.unwrap();
            let plays = marks.get(FILE).map_or(0, |mark| u64::from(mark.play_count));
            known.plays[at].read(before, plays, "marks");
        }
        80..88 => {
            let value = known.next.fetch_add(1, Ordering::SeqCst) + 1;
            let change = TorrentChange::Opened { at_secs: value };
            let after = store.change_torrent(hash(key), change).await.unwrap().unwrap();
            assert!(after.last_opened_at_secs.unwrap() >= value);
            known.opened[at].raise(value);
        }
        88..96 => {
            let after = store.count_play(hash(key), FILE, 1).await.unwrap();
            known.counted[at].fetch_add(1, Ordering::SeqCst);
            known.plays[at].raise(u64::from(after.get(FILE).unwrap().play_count));
        }
        96..98 => {
            // Each task has a field of its own, and all of them are merged into one value.
            let before: Vec<u64> = known.settings.iter().map(Floor::get).collect();
            let value = before[task] + 1;
            let fields = serde_json::Map::from_iter([(task.to_string(), value.into())]);
            let patch = SettingsPatch { torrserver: Some(fields), ..SettingsPatch::default() };
            store.update_settings(patch).await.unwrap();
            known.settings[task].raise(value);
            let settings = store.settings();
            for (other, floor) in known.settings.iter().enumerate() {
                let field = settings.torrserver.get(&other.to_string());
                let value = field.and_then(serde_json::Value::as_u64).unwrap_or(0);
                floor.read(before[other] + u64::from(other == task), value, "settings");
            }
        }
        98 => {
            let before: Vec<u64> = known.opened.iter().map(Floor::get).collect();
            for torrent in store.torrents().await.unwrap() {
                let at = (0..KEYS).find(|key| hash(*key) == torrent.info_hash).unwrap() as usize;
                known.opened[at].read(before[at], torrent.last_opened_at_secs.unwrap_or(0), "list");
            }
        }
        _ => {
            let before = (known.revision.get(), known.plays.iter().map(Floor::get).collect::<Vec<_>>());
            let snapshot = store.snapshot().await.unwrap();
            known.revision.read(before.0, snapshot.revision.0, "revision");
            for marks in snapshot.marks {
                let at = (0..KEYS).find(|key| hash(*key) == marks.info_hash).unwrap() as usize;
                let plays = marks.get(FILE).map_or(0, |mark| u64::from(mark.play_count));
                known.plays[at].read(before.1[at], plays, "snapshot");
            }
        }
    }
}

async fn stress(cache_bytes: u64, operations: u64) {
    let place = Place::new();
    let (store, _) = Store::open(StoreOptions { cache_bytes, ..place.options() }).unwrap();
    for key in 0..KEYS {
        store.add_torrent(bare(key)).await.unwrap();
    }
    let known = Arc::new(Known::default());
    let mut events = store.events();
    let mut tasks = JoinSet::new();
    for task in 0..TASKS {
        let (store, known) = (store.clone(), Arc::clone(&known));
        tasks.spawn(async move {
            let mut dice = Dice(0x9e37_79b9 + task as u64);
            for _ in 0..operations / TASKS as u64 {
                one_operation(&store, &known, task, &mut dice).await;
            }
        });
    }
    let listener = tokio::task::JoinSet::from_iter([async move {
        let (mut last, mut seen) = (Revision(0), 0_u64);
        while let Some(event) = events.next().await {
            // A listener that lags has missed some, and goes on in order all the same.
            let Ok(event) = event else { continue };
            assert!(event.revision > last, "{:?} after {last:?}", event.revision);
            last = event.revision;
            seen += 1;
        }
        seen
    }]);
    while let Some(result) = tasks.join_next().await {
        result.unwrap();
    }

    for key in 0..KEYS {
        let plays = store.marks(hash(key)).await.unwrap().get(FILE).map_or(0, |mark| mark.play_count);
        assert_eq!(
            u64::from(plays),
            known.counted[key as usize].load(Ordering::SeqCst),
            "plays of {key} were lost"
        );
        assert!(opened_at(&store, key).await >= known.opened[key as usize].get());
    }
    store.close().await.unwrap();
    assert!(listener.join_all().await[0] > 0);
}

fn operations() -> u64 {
    if is_deep() { 1_000_000 } else { 40_000 }
}

/// Two or three entries fit: nearly every read is a fill that races with writes and evictions.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn no_read_is_older_than_what_was_known_with_a_tiny_cache() {
    stress(4000, operations()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn no_read_is_older_than_what_was_known_with_a_large_cache() {
    stress(StoreOptions::DEFAULT_CACHE_BYTES, operations()).await;
}

/// What a household does to a server at once: adding, marking, and reading for a preload, on the same torrents.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn adding_marking_and_preloading_at_once_loses_nothing() {
    const TASKS: u32 = 32;
    let end = Instant::now() + Duration::from_secs(if is_deep() { 60 } else { 2 });
    let place = Place::new();
    let store = place.open();
    let mut tasks = JoinSet::new();
    for task in 0..TASKS {
        let store = store.clone();
        tasks.spawn(async move {
            let mut round = 0;
            while Instant::now() < end {
                let torrent = hash(round % 40);
                // Each task has a file of its own in every torrent.
                let marks = store.set_viewed(torrent, FileIndex(task), true, 1).await.unwrap();
                assert!(marks.get(FileIndex(task)).unwrap().viewed);
                let added = store.add_torrent(full(round % 40)).await.unwrap();
                assert_eq!(added.record.files, full(round % 40).files);
                // A preload asks for the torrent and its marks.
                assert!(store.torrent(torrent).await.unwrap().is_some());
                let marks = store.marks(torrent).await.unwrap();
                assert!(marks.get(FileIndex(task)).unwrap().viewed, "the mark of task {task} is lost");
                round += 1;
            }
            round.min(40)
        });
    }
    let rounds = tasks.join_all().await;

    for (task, rounds) in (0..).zip(rounds) {
        for round in 0..rounds {
            let marks = store.marks(hash(round)).await.unwrap();
            assert!(marks.get(FileIndex(task)).unwrap().viewed, "task {task}, torrent {round}");
        }
    }
    store.close().await.unwrap();
}

/// Whoever follows the events and starts from a snapshot has, in the end, exactly what is on the disk.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_snapshot_and_the_events_after_it_give_the_state() {
    let place = Place::new();
    let store = place.open();
    let mut writers = JoinSet::new();
    for task in 0..4_u32 {
        let store = store.clone();
        writers.spawn(async move {
            for n in 0..100_u32 {
                let key = (n * 7 + task) % 20;
                store.add_torrent(bare(key)).await.unwrap();
                store.count_play(hash(key), FileIndex(task), 1).await.unwrap();
                if n % 5 == task {
                    store.remove_torrent(hash(key)).await.unwrap();
                }
            }
        });
    }
    let mut events = store.events();
    let snapshot = store.snapshot().await.unwrap();
    let mut torrents: std::collections::BTreeMap<_, _> =
        snapshot.torrents.into_iter().map(|torrent| (torrent.info_hash, torrent)).collect();
    let mut marks: std::collections::BTreeMap<_, _> =
        snapshot.marks.into_iter().map(|marks| (marks.info_hash, marks)).collect();
    writers.join_all().await;
    let last = store.snapshot().await.unwrap();

    let mut revision = snapshot.revision;
    while revision < last.revision {
        let event = events.next().await.unwrap().unwrap();
        if event.revision <= snapshot.revision {
            continue;
        }
        revision = event.revision;
        match event.change {
            StoreChange::TorrentPut(torrent) => drop(torrents.insert(torrent.info_hash, torrent)),
            StoreChange::TorrentRemoved(info_hash) => drop(torrents.remove(&info_hash)),
            StoreChange::Marks(changed) => drop(marks.insert(changed.info_hash, (*changed).clone())),
            StoreChange::Settings(_) | StoreChange::Access(_) => panic!("nobody changed settings"),
        }
    }

    let mut expected = last.torrents;
    expected.sort_by_key(|torrent| torrent.info_hash);
    assert_eq!(torrents.into_values().collect::<Vec<_>>(), expected);
    assert_eq!(marks.into_values().collect::<Vec<_>>(), last.marks);
    store.close().await.unwrap();
}
