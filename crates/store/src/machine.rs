//! Random sequences of changes, reads, restarts and crashes, compared with a plain map after each step.
//!
//! A crash ends the owner thread at a chosen point of a write: before its COMMIT the change must be gone, after it the change
//! must be there, although nobody was told.

use std::collections::BTreeMap;

use freshet_model::{
    ErrorCode, FileIndex, FileMark, InfoHash, Revision, Settings, SettingsPatch, StoreChange, TorrentMarks,
    TorrentRecord, WireError,
};
use proptest::prelude::*;

use crate::common::{Place, bare, full, hash};
use crate::gates::Gates;
use crate::hooks::Point;
use crate::{Store, StoreEvents, StoreOptions, TorrentChange, WriteError};

const KEYS: u32 = 3;
const FILES: u32 = 2;

#[derive(Debug, Clone)]
enum Change {
    Add(u32, bool),
    Remove(u32),
    Title(u32, String),
    Failed(u32),
    Retrying(u32),
    Opened(u32, u64),
    Viewed(u32, u32, bool, u64),
    Played(u32, u32, u64),
    Position(u32, u32, u32, u64),
    Forget(u32, Option<u32>),
    Volume(u8),
}

#[derive(Debug, Clone)]
enum Step {
    Make(Change),
    /// The commit fails.
    Refused(Change),
    /// The owner thread ends at the point; then the store is opened again.
    Crash(Change, Point),
    Restart,
    Read(u32),
    List,
}

fn change() -> impl Strategy<Value = Change> {
    let key = 0..KEYS;
    let file = 0..FILES;
    let at = 0_u64..50;
    prop_oneof![
        (key.clone(), any::<bool>()).prop_map(|(key, with_details)| Change::Add(key, with_details)),
        key.clone().prop_map(Change::Remove),
        (key.clone(), "[a-c]{0,2}").prop_map(|(key, title)| Change::Title(key, title)),
        key.clone().prop_map(Change::Failed),
        key.clone().prop_map(Change::Retrying),
        (key.clone(), at.clone()).prop_map(|(key, at)| Change::Opened(key, at)),
        (key.clone(), file.clone(), any::<bool>(), at.clone())
            .prop_map(|(k, f, v, at)| Change::Viewed(k, f, v, at)),
        (key.clone(), file.clone(), at.clone()).prop_map(|(k, f, at)| Change::Played(k, f, at)),
        (key.clone(), file.clone(), 0_u32..100, at).prop_map(|(k, f, p, at)| Change::Position(k, f, p, at)),
        (key, proptest::option::of(file)).prop_map(|(key, file)| Change::Forget(key, file)),
        (0_u8..=4).prop_map(Change::Volume),
    ]
}

fn step() -> impl Strategy<Value = Step> {
    let point = prop_oneof![
        Just(Point::BatchTaken),
        Just(Point::BeforeCommit),
        Just(Point::Committed),
        Just(Point::Cached),
        Just(Point::Told),
    ];
    prop_oneof![
        12 => change().prop_map(Step::Make),
        1 => change().prop_map(Step::Refused),
        1 => (change(), point).prop_map(|(change, point)| Step::Crash(change, point)),
        1 => Just(Step::Restart),
        6 => (0..KEYS).prop_map(Step::Read),
        2 => Just(Step::List),
    ]
}

/// What should be there, by rules written down a second time and as plainly as possible.
#[derive(Debug, Clone, Default, PartialEq)]
struct Model {
    torrents: BTreeMap<InfoHash, TorrentRecord>,
    marks: BTreeMap<InfoHash, BTreeMap<FileIndex, FileMark>>,
    settings: Settings,
}

impl Model {
    fn make(&mut self, change: &Change) {
        match change {
            Change::Add(key, with_details) => self.add(if *with_details { full(*key) } else { bare(*key) }),
            Change::Remove(key) => drop(self.torrents.remove(&hash(*key))),
            Change::Title(key, title) => self.with(*key, |torrent| torrent.title.clone_from(title)),
            Change::Failed(key) => self.with(*key, |torrent| {
                if torrent.metainfo.is_none() {
                    torrent.error = Some(WireError::new(ErrorCode::NoDetails, "nobody"));
                }
            }),
            Change::Retrying(key) => self.with(*key, |torrent| torrent.error = None),
            Change::Opened(key, at) => self.with(*key, |torrent| {
                let known = torrent.last_opened_at_secs.unwrap_or(0);
                torrent.last_opened_at_secs = Some(known.max(*at));
            }),
            Change::Viewed(key, file, viewed, at) => {
                let is_known = self.mark(*key, *file).is_some_and(|mark| mark.viewed);
                if is_known != *viewed {
                    self.with_mark(*key, *file, |mark| {
                        mark.viewed = *viewed;
                        mark.updated_at_ms = mark.updated_at_ms.max(*at);
                    });
                }
            }
            Change::Played(key, file, at) => self.with_mark(*key, *file, |mark| {
                mark.viewed = true;
                mark.play_count += 1;
                mark.position_secs = 0.0;
                mark.updated_at_ms = mark.updated_at_ms.max(*at);
            }),
            Change::Position(key, file, position, at) => {
                let known_at = self.mark(*key, *file).map_or(0, |mark| mark.updated_at_ms);
                // Zero at time zero in a file nobody knows is what an absent mark says anyway.
                let says_nothing = *position == 0 && *at == 0 && self.mark(*key, *file).is_none();
                if *at >= known_at && !says_nothing {
                    self.with_mark(*key, *file, |mark| {
                        mark.position_secs = f64::from(*position);
                        mark.updated_at_ms = *at;
                    });
                }
            }
            Change::Forget(key, Some(file)) => {
                if let Some(marks) = self.marks.get_mut(&hash(*key)) {
                    marks.remove(&FileIndex(*file));
                }
            }
            Change::Forget(key, None) => drop(self.marks.remove(&hash(*key))),
            Change::Volume(quarters) => self.settings.volume = f64::from(*quarters) / 4.0,
        }
        self.marks.retain(|_, marks| !marks.is_empty());
    }

    fn add(&mut self, added: TorrentRecord) {
        let known = self.torrents.entry(added.info_hash).or_insert_with(|| added.clone());
        for (mine, theirs) in [
            (&mut known.title, &added.title),
            (&mut known.category, &added.category),
            (&mut known.poster, &added.poster),
            (&mut known.data, &added.data),
            (&mut known.name, &added.name),
        ] {
            if mine.is_empty() {
                mine.clone_from(theirs);
            }
        }
        if known.trackers.is_empty() {
            known.trackers = added.trackers;
        }
        if known.peers.is_empty() {
            known.peers = added.peers;
        }
        if known.web_seeds.is_empty() {
            known.web_seeds = added.web_seeds;
        }
        if known.metainfo.is_none() && added.metainfo.is_some() {
            known.metainfo = added.metainfo;
            known.files = added.files;
            known.total_bytes = added.total_bytes;
            known.is_private = added.is_private;
            known.is_single_file = added.is_single_file;
            known.error = None;
        }
    }

    fn with(&mut self, key: u32, change: impl FnOnce(&mut TorrentRecord)) {
        self.torrents.entry(hash(key)).and_modify(change);
    }

    fn mark(&self, key: u32, file: u32) -> Option<&FileMark> {
        self.marks.get(&hash(key))?.get(&FileIndex(file))
    }

    fn with_mark(&mut self, key: u32, file: u32, change: impl FnOnce(&mut FileMark)) {
        let file = FileIndex(file);
        let marks = self.marks.entry(hash(key)).or_default();
        change(marks.entry(file).or_insert_with(|| FileMark::new(file)));
    }

    fn marks_of(&self, info_hash: InfoHash) -> TorrentMarks {
        let marks = self.marks.get(&info_hash).map(|marks| marks.values().cloned().collect());
        TorrentMarks { info_hash, marks: marks.unwrap_or_default() }
    }

    /// The way a listener follows.
    fn hear(&mut self, change: StoreChange) {
        match change {
            StoreChange::TorrentPut(torrent) => {
                drop(self.torrents.insert(torrent.info_hash, (*torrent).clone()));
            }
            StoreChange::TorrentRemoved(info_hash) => drop(self.torrents.remove(&info_hash)),
            StoreChange::Marks(marks) => {
                let by_file = marks.marks.iter().map(|mark| (mark.file_index, mark.clone())).collect();
                self.marks.insert(marks.info_hash, by_file);
                self.marks.retain(|_, marks| !marks.is_empty());
            }
            StoreChange::Settings(settings) => self.settings = (*settings).clone(),
            StoreChange::Access(access) => panic!("nobody changed {access:?}"),
        }
    }
}

async fn make(store: &Store, change: &Change) -> Result<(), WriteError> {
    let file = |file: u32| FileIndex(file);
    let changed = async |key: u32, change| store.change_torrent(hash(key), change).await.map(drop);
    match change {
        Change::Add(key, with_details) => {
            store.add_torrent(if *with_details { full(*key) } else { bare(*key) }).await.map(drop)
        }
        Change::Remove(key) => store.remove_torrent(hash(*key)).await.map(drop),
        Change::Title(key, title) => {
            let title = Some(title.clone());
            changed(*key, TorrentChange::Described { title, category: None, poster: None, data: None }).await
        }
        Change::Failed(key) => {
            changed(*key, TorrentChange::Failed(WireError::new(ErrorCode::NoDetails, "nobody"))).await
        }
        Change::Retrying(key) => changed(*key, TorrentChange::Retrying).await,
        Change::Opened(key, at) => changed(*key, TorrentChange::Opened { at_secs: *at }).await,
        Change::Viewed(key, f, viewed, at) => {
            store.set_viewed(hash(*key), file(*f), *viewed, *at).await.map(drop)
        }
        Change::Played(key, f, at) => store.count_play(hash(*key), file(*f), *at).await.map(drop),
        Change::Position(key, f, position, at) => {
            store.put_position(hash(*key), file(*f), f64::from(*position), None, *at).await.map(drop)
        }
        Change::Forget(key, f) => store.remove_marks(hash(*key), f.map(file)).await.map(drop),
        Change::Volume(quarters) => {
            let volume = Some(f64::from(*quarters) / 4.0);
            let patch = SettingsPatch { volume, ..SettingsPatch::default() };
            match store.update_settings(patch).await {
                Ok(_) => Ok(()),
                Err(crate::UpdateSettingsError::Store(error)) => Err(error),
                Err(crate::UpdateSettingsError::Invalid(error)) => panic!("{error}"),
            }
        }
    }
}

struct Run {
    place: Place,
    gates: Gates,
    store: Store,
    events: StoreEvents,
    model: Model,
    heard: Model,
    last_revision: Revision,
}

impl Run {
    fn start() -> Self {
        let place = Place::new();
        let (store, gates) = Self::open(&place);
        let events = store.events();
        Self {
            place,
            gates,
            store,
            events,
            model: Model::default(),
            heard: Model::default(),
            last_revision: Revision(0),
        }
    }

    fn open(place: &Place) -> (Store, Gates) {
        let gates = Gates::default();
        // Room for a torrent or two: fills, hits and evictions all happen.
        let options = StoreOptions { hooks: gates.hooks(), cache_bytes: 2000, ..place.options() };
        (Store::open(options).unwrap().0, gates)
    }

    async fn reopen(&mut self) {
        // The outcome is known: closed, or ended on purpose.
        let _ = self.store.close().await;
        (self.store, self.gates) = Self::open(&self.place);
        self.events = self.store.events();
        self.check_everything().await;
        // What was committed and not told is news to a listener who comes back; it takes the snapshot.
        self.heard = self.model.clone();
    }

    async fn step(&mut self, step: &Step) {
        match step {
            Step::Make(change) => {
                make(&self.store, change).await.unwrap();
                self.model.make(change);
                self.listen().await;
            }
            Step::Refused(change) => {
                let full = rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_FULL);
                self.gates.fail_at(Point::BeforeCommit, rusqlite::Error::SqliteFailure(full, None));
                assert_eq!(make(&self.store, change).await, Err(WriteError::DiskFull));
                self.check_everything().await;
            }
            Step::Crash(change, point) => {
                self.gates.panic_at(*point);
                assert!(matches!(make(&self.store, change).await, Err(WriteError::Fatal(_))));
                if !matches!(point, Point::BatchTaken | Point::BeforeCommit) {
                    self.model.make(change);
                }
                self.reopen().await;
            }
            Step::Restart => self.reopen().await,
            Step::Read(key) => self.check_key(hash(*key)).await,
            Step::List => self.check_everything().await,
        }
    }

    /// Takes in the events of the change just made; they are sent before it is acknowledged.
    async fn listen(&mut self) {
        while self.heard != self.model {
            let event = self.events.next().await.unwrap().unwrap();
            assert!(event.revision > self.last_revision);
            self.last_revision = event.revision;
            self.heard.hear(event.change);
        }
    }

    async fn check_key(&self, info_hash: InfoHash) {
        let torrent = self.store.torrent(info_hash).await.unwrap();
        assert_eq!(torrent.as_deref(), self.model.torrents.get(&info_hash));
        assert_eq!(*self.store.marks(info_hash).await.unwrap(), self.model.marks_of(info_hash));
    }

    async fn check_everything(&mut self) {
        let snapshot = self.store.snapshot().await.unwrap();
        let torrents: BTreeMap<_, _> =
            snapshot.torrents.iter().map(|torrent| (torrent.info_hash, (**torrent).clone())).collect();
        assert_eq!(torrents, self.model.torrents);
        let marks: Vec<_> =
            self.model.marks.keys().map(|info_hash| self.model.marks_of(*info_hash)).collect();
        assert_eq!(snapshot.marks, marks);
        assert_eq!(snapshot.settings, self.model.settings);
        assert_eq!(*self.store.settings(), self.model.settings);
        assert!(snapshot.revision >= self.last_revision);
        self.last_revision = snapshot.revision;
        for key in 0..KEYS {
            self.check_key(hash(key)).await;
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(if crate::common::is_deep() { 1000 } else { 48 }))]

    #[test]
    fn the_store_is_what_a_plain_map_would_be(steps in proptest::collection::vec(step(), 1..60)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let mut run = Run::start();
            for step in &steps {
                run.step(step).await;
            }
            run.check_everything().await;
            run.store.close().await.unwrap();
        });
    }
}
