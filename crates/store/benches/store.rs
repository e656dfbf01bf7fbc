//! How fast the store is, as ratios to what it could have been: `cargo xtask bench store`.
//!
//! Criterion prints each figure; the ratios come at the end.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a benchmark stops at an error and prints what it found"
)]

use std::collections::{BTreeMap, HashMap};
use std::hint::black_box;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, RwLock};
use std::time::{Duration, Instant};

use criterion::Criterion;
use freshet_model::{FileEntry, FileIndex, InfoHash, MediaKind, TorrentRecord};
use freshet_store::{ListOrder, ListQuery, Store, StoreOptions};
use rusqlite::{Connection, params};
use tokio::runtime::Runtime;
use tokio::task::JoinSet;

const TORRENTS: u32 = 10_000;
const FILES_EACH: u32 = 10;
const METAINFO_BYTES: usize = 20_000;

fn hash(n: u32) -> InfoHash {
    let mut bytes = [0x5a; 20];
    bytes[..4].copy_from_slice(&n.to_be_bytes());
    InfoHash::new(bytes)
}

fn torrent(n: u32) -> TorrentRecord {
    let file = |index| FileEntry {
        index: FileIndex(index),
        path: format!("Show.{n}.S01.1080p/Show.{n}.S01E{index:02}.Episode.Title.mkv"),
        length_bytes: 1 << 30,
        kind: MediaKind::Video,
        torrserver_id: index + 1,
    };
    TorrentRecord {
        title: format!("Show number {n}"),
        name: format!("Show.{n}.S01.1080p"),
        category: if n.is_multiple_of(3) { "tv" } else { "movie" }.to_owned(),
        metainfo: Some(vec![u8::try_from(n % 251).unwrap(); METAINFO_BYTES]),
        files: (0..FILES_EACH).map(file).collect(),
        ..TorrentRecord::new(hash(n), u64::from(n))
    }
}

fn fill(runtime: &Runtime, store: &Store) {
    runtime.block_on(async {
        let mut tasks = JoinSet::new();
        for task in 0..16 {
            let store = store.clone();
            tasks.spawn(async move {
                for n in (task..TORRENTS).step_by(16) {
                    store.add_torrent(torrent(n)).await.unwrap();
                }
            });
        }
        tasks.join_all().await;
    });
}

/// The fastest time of one operation that each benchmark has seen, in nanoseconds.
type Fastest = BTreeMap<String, f64>;

fn measure(criterion: &mut Criterion, fastest: &mut Fastest, name: &str, mut operation: impl FnMut(u32)) {
    criterion.bench_function(name, |bencher| {
        bencher.iter_custom(|count| {
            let begin = Instant::now();
            for n in 0..count {
                operation(u32::try_from(n % u64::from(TORRENTS)).unwrap());
            }
            let took = begin.elapsed();
            let each = took.as_nanos() as f64 / count as f64;
            let known = fastest.entry(name.to_owned()).or_insert(f64::INFINITY);
            *known = known.min(each);
            took
        });
    });
}

/// Threads that write as fast as they can until this is dropped.
struct Writers {
    stop: Arc<AtomicBool>,
    threads: Vec<std::thread::JoinHandle<()>>,
}

impl Writers {
    fn start(count: u32, write: impl Fn(u32) + Clone + Send + 'static) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let threads = (0..count)
            .map(|writer| {
                let (stop, write) = (Arc::clone(&stop), write.clone());
                std::thread::spawn(move || {
                    let mut n = writer;
                    while !stop.load(Ordering::Relaxed) {
                        write(n % 1000);
                        n += 1;
                    }
                })
            })
            .collect();
        Self { stop, threads }
    }
}

impl Drop for Writers {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        for thread in self.threads.drain(..) {
            thread.join().unwrap();
        }
    }
}

fn cached_reads(
    criterion: &mut Criterion,
    fastest: &mut Fastest,
    runtime: &Runtime,
    store: &Store,
    path: &Path,
) {
    for n in 0..1000 {
        runtime.block_on(store.marks(hash(n))).unwrap();
    }
    let map: Arc<RwLock<HashMap<InfoHash, Arc<Vec<u32>>>>> =
        Arc::new(RwLock::new((0..1000).map(|n| (hash(n), Arc::new(vec![n]))).collect()));
    for writers in 0..=2 {
        let (handle, to_write) = (runtime.handle().clone(), store.clone());
        let running = Writers::start(writers, move |n| {
            handle.block_on(to_write.count_play(hash(n), FileIndex(0), 1)).unwrap();
        });
        measure(criterion, fastest, &format!("cached read, {writers} writers"), |n| {
            // A hit is ready at once; entering the runtime is not what is measured.
            let mut read = std::pin::pin!(store.marks(hash(n % 1000)));
            let mut context = std::task::Context::from_waker(std::task::Waker::noop());
            let std::task::Poll::Ready(marks) = read.as_mut().poll(&mut context) else {
                panic!("not cached")
            };
            black_box(marks.unwrap());
        });
        drop(running);
        let to_write = Arc::clone(&map);
        let running = Writers::start(writers, move |n| {
            to_write.write().unwrap().insert(hash(n), Arc::new(vec![n]));
        });
        measure(criterion, fastest, &format!("RwLock map read, {writers} writers"), |n| {
            black_box(map.read().unwrap().get(&hash(n % 1000)).cloned());
        });
        drop(running);
    }
    let conn = Connection::open(path).unwrap();
    measure(criterion, fastest, "prepared SELECT by primary key", |n| {
        let mut statement =
            conn.prepare_cached("SELECT viewed, play_count FROM marks WHERE info_hash = ?1").unwrap();
        let marks = statement
            .query_map(params![hash(n % 1000).as_bytes()], |row| Ok((row.get(0)?, row.get(1)?)))
            .unwrap()
            .collect::<rusqlite::Result<Vec<(bool, u32)>>>()
            .unwrap();
        black_box(marks);
    });
}

fn commits(criterion: &mut Criterion, fastest: &mut Fastest, runtime: &Runtime, store: &Store) {
    measure(criterion, fastest, "acknowledged mark, one at a time", |n| {
        runtime.block_on(store.count_play(hash(n), FileIndex(0), 1)).unwrap();
    });
    const TOGETHER: u32 = 64;
    measure(criterion, fastest, "64 acknowledged marks, all at a time", |n| {
        runtime.block_on(async {
            let mut tasks = JoinSet::new();
            for task in 0..TOGETHER {
                let store = store.clone();
                tasks.spawn(async move {
                    store.count_play(hash((n + task) % TORRENTS), FileIndex(0), 1).await.unwrap()
                });
            }
            tasks.join_all().await;
        });
    });
}

fn library(criterion: &mut Criterion, fastest: &mut Fastest, runtime: &Runtime, store: &Store) {
    let page =
        |text: &str, order| ListQuery { text: text.to_owned(), order, limit: 100, ..ListQuery::default() };
    let queries = [
        ("page of 100, newest", page("", ListOrder::Newest)),
        ("page of 100, by title", page("", ListOrder::Title)),
        ("search, one word of all", page("show", ListOrder::Match)),
        ("search, one torrent", page("show 7777 s01e05", ListOrder::Match)),
    ];
    for (name, query) in queries {
        measure(criterion, fastest, name, |_| {
            black_box(runtime.block_on(store.list(query.clone())).unwrap());
        });
    }
    measure(criterion, fastest, "snapshot of everything", |_| {
        black_box(runtime.block_on(store.snapshot()).unwrap());
    });
}

/// The 99th percentile of single cached reads, without a writer and with one.
fn slow_reads(runtime: &Runtime, store: &Store) {
    let p99 = |writers| {
        let (handle, to_write) = (runtime.handle().clone(), store.clone());
        let _running = Writers::start(writers, move |n| {
            handle.block_on(to_write.count_play(hash(n), FileIndex(0), 1)).unwrap();
        });
        let mut times: Vec<Duration> = (0..200_000)
            .map(|n| {
                let begin = Instant::now();
                let mut read = std::pin::pin!(store.marks(hash(n % 1000)));
                let mut context = std::task::Context::from_waker(std::task::Waker::noop());
                assert!(read.as_mut().poll(&mut context).is_ready(), "not cached");
                begin.elapsed()
            })
            .collect();
        times.sort();
        times[times.len() * 99 / 100]
    };
    let (idle, busy) = (p99(0), p99(1));
    println!(
        "cached read, p99: {idle:?} idle, {busy:?} with a writer: {:.1} times",
        busy.as_secs_f64() / idle.as_secs_f64()
    );
}

/// The times in which single marks are acknowledged when a thousand come each second.
fn at_a_thousand_a_second(runtime: &Runtime, store: &Store) {
    let mut times = runtime.block_on(async {
        let mut ticks = tokio::time::interval(Duration::from_millis(1));
        let mut tasks = JoinSet::new();
        for n in 0..5000 {
            ticks.tick().await;
            let store = store.clone();
            tasks.spawn(async move {
                let begin = Instant::now();
                store.set_viewed(hash(n % 1000), FileIndex(n / 1000 + 1), true, 1).await.unwrap();
                begin.elapsed()
            });
        }
        tasks.join_all().await
    });
    times.sort();
    println!("marks at 1,000/s: p50 {:?}, p99 {:?}", times[times.len() / 2], times[times.len() * 99 / 100]);
}

fn main() {
    let mut criterion = Criterion::default()
        .sample_size(10)
        .warm_up_time(Duration::from_millis(300))
        .measurement_time(Duration::from_secs(1))
        .configure_from_args();
    let runtime = Runtime::new().unwrap();
    let place = tempfile::tempdir().unwrap();
    let path = place.path().join("data/freshet.db");
    let open = || Store::open(StoreOptions::new(&path)).unwrap().0;
    let store = open();
    let begin = Instant::now();
    fill(&runtime, &store);
    println!("{TORRENTS} torrents with {} files added in {:?}", TORRENTS * FILES_EACH, begin.elapsed());

    let mut fastest = Fastest::new();
    cached_reads(&mut criterion, &mut fastest, &runtime, &store, &path);
    slow_reads(&runtime, &store);
    commits(&mut criterion, &mut fastest, &runtime, &store);
    library(&mut criterion, &mut fastest, &runtime, &store);
    at_a_thousand_a_second(&runtime, &store);
    runtime.block_on(store.close()).unwrap();
    let begin = Instant::now();
    let store = open();
    println!("start: {:?} for {} MiB", begin.elapsed(), std::fs::metadata(&path).unwrap().len() >> 20);
    runtime.block_on(store.close()).unwrap();

    let of = |name: &str| fastest.get(name).copied().unwrap_or(f64::NAN);
    let ratio = |what: &str, slow: f64, fast: f64| println!("{what}: {:.1} times", slow / fast);
    for writers in 0..=2 {
        let read = of(&format!("cached read, {writers} writers"));
        let map = of(&format!("RwLock map read, {writers} writers"));
        ratio(
            &format!("cached read over prepared SELECT, {writers} writers"),
            of("prepared SELECT by primary key"),
            read,
        );
        ratio(&format!("cached read over RwLock map, {writers} writers"), map, read);
    }
    ratio(
        "grouped commits over single ones",
        of("acknowledged mark, one at a time"),
        of("64 acknowledged marks, all at a time") / 64.0,
    );
}
