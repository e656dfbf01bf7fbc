//! The protocol between readers, cache, owner and disk, as a model small enough for a scheduler to try its interleavings.
//!
//! The model has our protocol and none of our code: every access to shared state is a point where another thread may go on.
//! What is seen once, by a reply, a read, a list or an event, is the least that anybody may see from then on. The model is
//! worth something only because it finds the mistakes that the protocol is there to rule out: each has a test of its own.

#![allow(clippy::unwrap_used, reason = "a test that meets an error has failed")]

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};

use shuttle::scheduler::{PctScheduler, RandomScheduler, Scheduler};
use shuttle::sync::mpsc::{Receiver, Sender, channel};
use shuttle::sync::{Arc, Condvar, Mutex};
use shuttle::{Config, Runner, thread};

type Key = u8;
/// The n-th value of a key; 0 says that there is none, which is cached like any other answer.
type Version = u32;

const KEYS: [Key; 2] = [1, 2];
const BATCH_LENGTH: usize = 2;
/// Forced switches in one run. Few of them at the right places find more than many at any place.
const SWITCHES: usize = 4;
/// Mistakes are looked for in the same orders each time.
const SEED: u64 = 0x5eed;

/// The protocol, and what could be wrong with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Protocol {
    Ours,
    ReaderFills,
    CacheBeforeCommit,
    ReplyBeforeCache,
    EventBeforeCache,
    ListDoesNotWait,
}

enum Request {
    Fill(Key, Sender<Version>),
    Write(Key, Sender<Version>),
}

#[derive(Debug, Default, Clone)]
struct Disk {
    revision: u32,
    rows: BTreeMap<Key, Version>,
}

impl Disk {
    fn version(&self, key: Key) -> Version {
        self.rows.get(&key).copied().unwrap_or_default()
    }
}

/// What all threads have of the store.
struct Shared {
    protocol: Protocol,
    cache: Mutex<BTreeMap<Key, Version>>,
    /// A transaction of SQLite is one step for everybody else.
    disk: Mutex<Disk>,
    applied: Mutex<u32>,
    has_applied: Condvar,
    /// The reference: the newest version of each key that anybody has seen.
    seen: Mutex<BTreeMap<Key, Version>>,
}

impl Shared {
    fn new(protocol: Protocol) -> Arc<Self> {
        Arc::new(Self {
            protocol,
            cache: Mutex::default(),
            disk: Mutex::default(),
            applied: Mutex::default(),
            has_applied: Condvar::new(),
            seen: Mutex::default(),
        })
    }

    fn least(&self, key: Key) -> Version {
        self.seen.lock().unwrap().get(&key).copied().unwrap_or_default()
    }

    fn saw(&self, key: Key, version: Version) {
        let on_disk = self.disk.lock().unwrap().version(key);
        assert!(version <= on_disk, "saw version {version} of {key}, and the disk has {on_disk}");
        let mut seen = self.seen.lock().unwrap();
        let known = seen.entry(key).or_default();
        *known = version.max(*known);
    }

    fn cached(&self, key: Key) -> Option<Version> {
        self.cache.lock().unwrap().get(&key).copied()
    }

    fn put_cache(&self, key: Key, version: Version) {
        self.cache.lock().unwrap().insert(key, version);
    }

    fn load(&self, key: Key) -> Version {
        self.disk.lock().unwrap().version(key)
    }

    fn evict(&self, key: Key) {
        self.cache.lock().unwrap().remove(&key);
    }
}

/// A handle of the store.
#[derive(Clone)]
struct Store {
    shared: Arc<Shared>,
    requests: Sender<Request>,
}

impl Store {
    fn ask(&self, request: impl FnOnce(Sender<Version>) -> Request) -> Version {
        let (caller, reply) = channel();
        self.requests.send(request(caller)).unwrap();
        reply.recv().unwrap()
    }

    fn write(&self, key: Key) {
        let version = self.ask(|caller| Request::Write(key, caller));
        self.shared.saw(key, version);
    }

    fn get(&self, key: Key) {
        let least = self.shared.least(key);
        let version = self.shared.cached(key).unwrap_or_else(|| match self.shared.protocol {
            Protocol::ReaderFills => {
                let version = self.shared.load(key);
                self.shared.put_cache(key, version);
                version
            }
            _ => self.ask(|caller| Request::Fill(key, caller)),
        });
        assert!(version >= least, "read version {version} of {key} after version {least} was seen");
        self.shared.saw(key, version);
    }

    /// On a connection of its own, and not before the cache knows what the connection has seen.
    fn list(&self) {
        let least: Vec<_> = KEYS.into_iter().map(|key| (key, self.shared.least(key))).collect();
        let listed = self.shared.disk.lock().unwrap().clone();
        if self.shared.protocol != Protocol::ListDoesNotWait {
            let mut applied = self.shared.applied.lock().unwrap();
            while *applied < listed.revision {
                applied = self.shared.has_applied.wait(applied).unwrap();
            }
        }
        for (key, least) in least {
            let version = listed.version(key);
            assert!(version >= least, "listed version {version} of {key} after version {least} was seen");
            self.shared.saw(key, version);
        }
    }
}

/// The owner thread: all fills and all writes, one after the other.
fn own(shared: &Shared, queue: &Receiver<Request>, events: &Sender<(u32, Key, Version)>) {
    while let Ok(first) = queue.recv() {
        let mut batch = vec![first];
        while batch.len() < BATCH_LENGTH
            && let Ok(next) = queue.try_recv()
        {
            batch.push(next);
        }
        let mut writes = Vec::new();
        for request in batch {
            match request {
                Request::Fill(key, caller) => {
                    let version = shared.cached(key).unwrap_or_else(|| {
                        let version = shared.load(key);
                        shared.put_cache(key, version);
                        version
                    });
                    caller.send(version).unwrap();
                }
                Request::Write(key, caller) => writes.push((key, caller)),
            }
        }
        if !writes.is_empty() {
            write(shared, writes, events);
        }
    }
}

fn write(shared: &Shared, writes: Vec<(Key, Sender<Version>)>, events: &Sender<(u32, Key, Version)>) {
    // Each reads and changes inside the transaction, so two of one batch build upon each other.
    let mut next = shared.disk.lock().unwrap().clone();
    let mut changes = Vec::new();
    for (key, caller) in writes {
        let version = next.version(key) + 1;
        next.rows.insert(key, version);
        next.revision += 1;
        changes.push((next.revision, key, version, caller));
    }
    let revision = next.revision;
    let commit = || *shared.disk.lock().unwrap() = next;
    let put_cache = || {
        for (_, key, version, _) in &changes {
            shared.put_cache(*key, *version);
        }
        *shared.applied.lock().unwrap() = revision;
        shared.has_applied.notify_all();
    };
    let tell = || {
        for (revision, key, version, _) in &changes {
            events.send((*revision, *key, *version)).unwrap();
        }
    };
    let reply = || {
        for (_, _, version, caller) in &changes {
            caller.send(*version).unwrap();
        }
    };
    match shared.protocol {
        Protocol::Ours | Protocol::ReaderFills | Protocol::ListDoesNotWait => {
            commit();
            put_cache();
            tell();
            reply();
        }
        Protocol::CacheBeforeCommit => {
            put_cache();
            commit();
            tell();
            reply();
        }
        Protocol::ReplyBeforeCache => {
            commit();
            reply();
            put_cache();
            tell();
        }
        Protocol::EventBeforeCache => {
            commit();
            tell();
            put_cache();
            reply();
        }
    }
}

/// Two writers of one key, a reader, a list with a look behind it, evictions, and somebody who follows the events.
fn scenario(protocol: Protocol) {
    let shared = Shared::new(protocol);
    let (requests, queue) = channel();
    let (events, changes) = channel();
    let store = Store { shared: Arc::clone(&shared), requests };
    let [busy, quiet] = KEYS;

    let owner = {
        let shared = Arc::clone(&shared);
        thread::spawn(move || own(&shared, &queue, &events))
    };
    let run = |work: Box<dyn FnOnce(&Store) + Send>| {
        let store = store.clone();
        thread::spawn(move || work(&store))
    };
    let callers = [
        run(Box::new(move |store| {
            store.write(busy);
            store.get(busy);
            store.write(busy);
        })),
        run(Box::new(move |store| {
            store.get(busy);
            store.write(busy);
            store.write(quiet);
        })),
        run(Box::new(move |store| {
            for _ in 0..3 {
                store.get(busy);
                store.get(quiet);
            }
        })),
        run(Box::new(move |store| {
            store.list();
            store.get(busy);
            store.list();
        })),
        run(Box::new(move |store| {
            for key in [busy, quiet, busy] {
                store.shared.evict(key);
            }
        })),
    ];
    let follower = {
        let store = store.clone();
        thread::spawn(move || {
            for expected in 1..=4 {
                let (revision, key, version) = changes.recv().unwrap();
                assert_eq!(revision, expected, "events come in the order of the commits");
                store.shared.saw(key, version);
                store.get(key);
            }
        })
    };
    for caller in callers {
        caller.join().unwrap();
    }
    follower.join().unwrap();
    drop(store);
    owner.join().unwrap();
    let disk = shared.disk.lock().unwrap().clone();
    assert_eq!((disk.version(busy), disk.version(quiet), disk.revision), (3, 1, 4), "a change was lost");
}

fn explore(scheduler: impl Scheduler + 'static, protocol: Protocol) {
    Runner::new(scheduler, Config::default()).run(move || scenario(protocol));
}

/// What goes wrong with the protocol, in the words of the check that has found it.
fn violation(protocol: Protocol) -> String {
    let scheduler = PctScheduler::new_from_seed(SEED, SWITCHES, 20_000);
    let panic = catch_unwind(AssertUnwindSafe(|| explore(scheduler, protocol)))
        .expect_err("the model does not see this mistake");
    panic.downcast_ref::<String>().cloned().unwrap_or_default()
}

#[test]
fn nobody_reads_anything_older_than_what_was_seen_in_random_orders() {
    explore(RandomScheduler::new(2_000), Protocol::Ours);
}

#[test]
fn nobody_reads_anything_older_than_what_was_seen_with_few_forced_switches() {
    explore(PctScheduler::new(SWITCHES, 2_000), Protocol::Ours);
}

#[test]
fn a_cache_filled_by_readers_is_found_out() {
    let found = violation(Protocol::ReaderFills);
    assert!(found.starts_with("read version"), "{found}");
}

#[test]
fn a_cache_filled_before_the_commit_is_found_out() {
    let found = violation(Protocol::CacheBeforeCommit);
    assert!(found.contains("and the disk has"), "{found}");
}

#[test]
fn a_reply_before_the_cache_is_found_out() {
    let found = violation(Protocol::ReplyBeforeCache);
    assert!(found.starts_with("read version"), "{found}");
}

#[test]
fn an_event_before_the_cache_is_found_out() {
    let found = violation(Protocol::EventBeforeCache);
    assert!(found.starts_with("read version"), "{found}");
}

#[test]
fn a_list_that_does_not_wait_for_the_cache_is_found_out() {
    let found = violation(Protocol::ListDoesNotWait);
    assert!(found.starts_with("read version"), "{found}");
}
