//! The one ordered stream that every window listens to: a snapshot first, then full values.
//!
//! One task takes in what the store commits, what the engine measures and what the program itself has to say, and puts
//! it into one order. A listener that comes, or comes too late to follow, gets a snapshot made at its point of that order.

use std::sync::Arc;
use std::time::Duration;

use freshet_model::{
    Access, AppEvent, InfoHash, LinkOffer, MediaKind, NetworkStatus, Notice, NoticeKind, PlayerTarget,
    Revision, Settings, Snapshot, StoreChange, TorrentAbout, TorrentMarks, TorrentRecord, TorrentSummary,
    TransferStats, Viewer, rules,
};
use freshet_store::{ReadError, Store, StoreEvents, StoreSnapshot, StoreState};
use tokio::sync::{broadcast, mpsc, oneshot, watch};
use tracing::error;

use crate::about::Abouts;
use crate::posters::Kept;
use crate::{Caller, Tasks};

/// A listener that is this many events behind starts again from a snapshot.
const KEPT_EVENTS: usize = 512;
const QUEUED_REQUESTS: usize = 64;
/// After a snapshot could not be read; the store itself reports why.
const SNAPSHOT_RETRY: Duration = Duration::from_millis(500);

#[derive(Debug)]
pub(crate) struct EventHub {
    requests: mpsc::Sender<Request>,
}

#[derive(Debug)]
enum Request {
    Subscribe(oneshot::Sender<Subscription>),
    AddNotice(Notice),
    RemoveNotice(NoticeKind),
    PlayerTarget(Option<PlayerTarget>),
    TransfersPaused(bool),
    Network(NetworkStatus),
    Viewers(Vec<Viewer>),
    LinkOffers(Vec<LinkOffer>),
    Poster(InfoHash),
}

#[derive(Debug)]
struct Subscription {
    snapshot: Snapshot,
    events: broadcast::Receiver<Arc<AppEvent>>,
}

impl EventHub {
    pub(crate) fn start(
        store: Store,
        stats: watch::Receiver<Arc<Vec<TransferStats>>>,
        abouts: Arc<Abouts>,
        posters: Arc<Kept>,
        tasks: &Tasks,
    ) -> Self {
        let (requests, queue) = mpsc::channel(QUEUED_REQUESTS);
        let (events, _) = broadcast::channel(KEPT_EVENTS);
        let changes = store.events();
        let state = HubState {
            store,
            has_store: true,
            abouts,
            posters,
            stats,
            events,
            notices: Vec::new(),
            player_target: None,
            transfers_paused: false,
            network: NetworkStatus::default(),
            viewers: Vec::new(),
            link_offers: Vec::new(),
        };
        tasks.spawn("events", state.run(changes, queue));
        Self { requests }
    }

    pub(crate) async fn add_notice(&self, notice: Notice) {
        let _ = self.requests.send(Request::AddNotice(notice)).await;
    }

    pub(crate) async fn remove_notice(&self, kind: NoticeKind) {
        let _ = self.requests.send(Request::RemoveNotice(kind)).await;
    }

    pub(crate) async fn set_player_target(&self, target: Option<PlayerTarget>) {
        let _ = self.requests.send(Request::PlayerTarget(target)).await;
    }

    pub(crate) async fn set_transfers_paused(&self, paused: bool) {
        let _ = self.requests.send(Request::TransfersPaused(paused)).await;
    }

    pub(crate) async fn set_network(&self, network: NetworkStatus) {
        let _ = self.requests.send(Request::Network(network)).await;
    }

    pub(crate) async fn set_viewers(&self, viewers: Vec<Viewer>) {
        let _ = self.requests.send(Request::Viewers(viewers)).await;
    }

    pub(crate) async fn set_link_offers(&self, link_offers: Vec<LinkOffer>) {
        let _ = self.requests.send(Request::LinkOffers(link_offers)).await;
    }

    /// A torrent has another poster.
    pub(crate) async fn set_poster(&self, info_hash: InfoHash) {
        let _ = self.requests.send(Request::Poster(info_hash)).await;
    }

    pub(crate) fn subscribe(&self, caller: Caller) -> EventStream {
        EventStream { requests: self.requests.clone(), state: StreamState::New, caller }
    }
}

impl crate::App {
    /// Opens the event stream for one window or client. Only those of the person at the computer hear secrets (keys of search
    /// services), because they can change them.
    pub fn subscribe(&self, caller: Caller) -> EventStream {
        self.inner.events.subscribe(caller)
    }

    /// Tells every window how we are reached from the network.
    pub async fn set_network_status(&self, status: NetworkStatus) {
        self.inner.events.set_network(status).await;
    }
}

/// What one window hears. The first event is a snapshot; another one follows whenever the listener fell behind.
#[derive(Debug)]
pub struct EventStream {
    requests: mpsc::Sender<Request>,
    state: StreamState,
    caller: Caller,
}

#[derive(Debug)]
enum StreamState {
    New,
    Following { events: broadcast::Receiver<Arc<AppEvent>>, seen: Revision },
    Ended,
}

impl EventStream {
    /// The next event; `None` when the application has ended. Cancel-safe.
    pub async fn next(&mut self) -> Option<AppEvent> {
        let mut event = self.next_for_owner().await?;
        if !self.caller.is_owner() {
            match &mut event {
                AppEvent::Snapshot(snapshot) => {
                    snapshot.settings.hide_secrets();
                    snapshot.viewers.clear();
                    snapshot.link_offers.clear();
                }
                AppEvent::LinkOffersChanged { link_offers } => link_offers.clear(),
                AppEvent::ViewersChanged { viewers } => viewers.clear(),
                AppEvent::SettingsChanged { settings, .. } => settings.hide_secrets(),
                _ => {}
            }
        }
        Some(event)
    }

    async fn next_for_owner(&mut self) -> Option<AppEvent> {
        loop {
            match &mut self.state {
                StreamState::Ended => return None,
                StreamState::New => {
                    let (reply, answer) = oneshot::channel();
                    let sent = self.requests.send(Request::Subscribe(reply)).await;
                    let Some(subscription) = (match sent {
                        Ok(()) => answer.await.ok(),
                        Err(_) => None,
                    }) else {
                        self.state = StreamState::Ended;
                        return None;
                    };
                    self.state = StreamState::Following {
                        events: subscription.events,
                        seen: subscription.snapshot.revision,
                    };
                    return Some(AppEvent::Snapshot(Box::new(subscription.snapshot)));
                }
                StreamState::Following { events, seen } => match events.recv().await {
                    // Committed before the snapshot was taken, delivered after it: the listener knows it already.
                    Ok(event) if revision(&event).is_some_and(|revision| revision <= *seen) => {}
                    Ok(event) => {
                        if let AppEvent::Snapshot(snapshot) = &*event {
                            *seen = snapshot.revision;
                        }
                        return Some(Arc::unwrap_or_clone(event));
                    }
                    Err(broadcast::error::RecvError::Lagged(_)) => self.state = StreamState::New,
                    Err(broadcast::error::RecvError::Closed) => self.state = StreamState::Ended,
                },
            }
        }
    }
}

fn revision(event: &AppEvent) -> Option<Revision> {
    match event {
        AppEvent::TorrentChanged { revision, .. }
        | AppEvent::TorrentRemoved { revision, .. }
        | AppEvent::MarksChanged { revision, .. }
        | AppEvent::SettingsChanged { revision, .. }
        | AppEvent::AccessChanged { revision, .. } => Some(*revision),
        AppEvent::Snapshot(_)
        | AppEvent::NetworkChanged { .. }
        | AppEvent::ViewersChanged { .. }
        | AppEvent::StatsChanged { .. }
        | AppEvent::NoticesChanged { .. }
        | AppEvent::LinkOffersChanged { .. }
        | AppEvent::PlayerTargetChanged { .. }
        | AppEvent::PosterChanged { .. }
        | AppEvent::TransfersPaused { .. } => None,
    }
}

struct HubState {
    store: Store,
    /// `false` once it has ended by a fault; windows are still told of everything else.
    has_store: bool,
    abouts: Arc<Abouts>,
    posters: Arc<Kept>,
    stats: watch::Receiver<Arc<Vec<TransferStats>>>,
    events: broadcast::Sender<Arc<AppEvent>>,
    notices: Vec<Notice>,
    player_target: Option<PlayerTarget>,
    transfers_paused: bool,
    network: NetworkStatus,
    viewers: Vec<Viewer>,
    link_offers: Vec<LinkOffer>,
}

impl HubState {
    async fn run(mut self, mut changes: StoreEvents, mut queue: mpsc::Receiver<Request>) {
        loop {
            tokio::select! {
                change = changes.next(), if self.has_store => match change {
                    Some(Ok(event)) => self.pass_on(event.revision, event.change).await,
                    // The store ran ahead of this task: everybody starts again from what is on the disk now.
                    Some(Err(_lagged)) => {
                        let snapshot = self.snapshot().await;
                        self.emit(AppEvent::Snapshot(Box::new(snapshot)));
                    }
                    None => match self.store_end().await {
                        StoreState::Fatal(reason) => self.lose_store(&reason),
                        StoreState::Closed | StoreState::Running => return,
                    },
                },
                changed = self.stats.changed() => {
                    if changed.is_err() {
                        return;
                    }
                    let stats = self.stats.borrow_and_update().as_ref().clone();
                    self.emit(AppEvent::StatsChanged { stats });
                }
                request = queue.recv() => match request {
                    Some(request) => self.answer(request).await,
                    None => return,
                },
            }
        }
    }

    async fn answer(&mut self, request: Request) {
        match request {
            Request::Subscribe(reply) => {
                // Listens first: what is committed while the snapshot is read then comes after it, or is filtered out.
                let events = self.events.subscribe();
                let snapshot = self.snapshot().await;
                let _ = reply.send(Subscription { snapshot, events });
            }
            Request::AddNotice(notice) => self.put_notice(notice),
            Request::RemoveNotice(kind) => self.remove_notice(kind),
            Request::PlayerTarget(target) => {
                self.player_target = target;
                self.emit(AppEvent::PlayerTargetChanged { target });
            }
            Request::TransfersPaused(paused) => {
                self.transfers_paused = paused;
                self.emit(AppEvent::TransfersPaused { paused });
            }
            Request::Network(network) => {
                self.network = network.clone();
                self.emit(AppEvent::NetworkChanged { network });
            }
            Request::Viewers(viewers) => {
                self.viewers = viewers.clone();
                self.emit(AppEvent::ViewersChanged { viewers });
            }
            Request::LinkOffers(link_offers) => {
                self.link_offers = link_offers.clone();
                self.emit(AppEvent::LinkOffersChanged { link_offers });
            }
            Request::Poster(info_hash) => {
                let poster = self.posters.address(info_hash);
                self.emit(AppEvent::PosterChanged { info_hash, poster });
            }
        }
    }

    fn put_notice(&mut self, notice: Notice) {
        if self.notices.contains(&notice) {
            return;
        }
        self.notices.retain(|known| known.kind != notice.kind);
        self.notices.push(notice);
        self.emit(AppEvent::NoticesChanged { notices: self.notices.clone() });
    }

    fn remove_notice(&mut self, kind: NoticeKind) {
        let before = self.notices.len();
        self.notices.retain(|known| known.kind != kind);
        if self.notices.len() != before {
            self.emit(AppEvent::NoticesChanged { notices: self.notices.clone() });
        }
    }

    /// How the store has ended; `Running` if that will never be known.
    async fn store_end(&self) -> StoreState {
        let mut state = self.store.watch_state();
        let end = state.wait_for(|state| *state != StoreState::Running).await;
        end.map_or(StoreState::Running, |end| end.clone())
    }

    fn lose_store(&mut self, reason: &str) {
        error!(reason, "the store has failed; windows are told to ask for a new start");
        self.has_store = false;
        self.put_notice(Notice { kind: NoticeKind::StoreFailed, subject: reason.to_owned() });
    }

    async fn pass_on(&self, revision: Revision, change: StoreChange) {
        match change {
            StoreChange::TorrentPut(record) => {
                let marks = self.store.marks(record.info_hash).await.ok();
                let torrent = summary(&record, marks.as_deref(), &self.abouts, &self.posters);
                self.emit(AppEvent::TorrentChanged { revision, torrent });
            }
            StoreChange::TorrentRemoved(info_hash) => {
                self.abouts.forget(info_hash);
                self.emit(AppEvent::TorrentRemoved { revision, info_hash });
            }
            StoreChange::Marks(marks) => {
                // "3 of 10 seen" and what "play" means follow from the marks, so the row changes with them.
                if let Ok(Some(record)) = self.store.torrent(marks.info_hash).await {
                    let torrent = summary(&record, Some(&marks), &self.abouts, &self.posters);
                    self.emit(AppEvent::TorrentChanged { revision, torrent });
                }
                self.emit(AppEvent::MarksChanged { revision, marks: Arc::unwrap_or_clone(marks) });
            }
            StoreChange::Settings(settings) => {
                let settings = Box::new(Arc::unwrap_or_clone(settings));
                self.emit(AppEvent::SettingsChanged { revision, settings });
            }
            StoreChange::Access(access) => {
                self.emit(AppEvent::AccessChanged { revision, access: access.summary() });
            }
        }
    }

    /// What is on the disk, and once the store has failed an empty library under the notice that says so.
    async fn snapshot(&mut self) -> Snapshot {
        let stored = loop {
            let (abouts, posters) = (Arc::clone(&self.abouts), Arc::clone(&self.posters));
            let row = move |record: TorrentRecord, marks: Option<&TorrentMarks>| {
                summary(&record, marks, &abouts, &posters)
            };
            match self.store.snapshot_of(row).await {
                Ok(stored) => break stored,
                Err(ReadError::Fatal(reason)) => {
                    if self.has_store {
                        self.lose_store(&reason);
                    }
                    break StoreSnapshot {
                        revision: Revision(0),
                        torrents: Vec::new(),
                        marks: Vec::new(),
                        settings: Settings::clone(&self.store.settings()),
                        access: Access::clone(&self.store.access()),
                    };
                }
                Err(error) => {
                    error!(%error, "the library could not be read");
                    tokio::time::sleep(SNAPSHOT_RETRY).await;
                }
            }
        };
        Snapshot {
            revision: stored.revision,
            torrents: stored.torrents,
            settings: stored.settings,
            access: stored.access.summary(),
            network: self.network.clone(),
            viewers: self.viewers.clone(),
            stats: self.stats.borrow().as_ref().clone(),
            notices: self.notices.clone(),
            link_offers: self.link_offers.clone(),
            player_target: self.player_target,
            transfers_paused: self.transfers_paused,
            marks: stored.marks,
        }
    }

    fn emit(&self, event: AppEvent) {
        // Nobody listening is the ordinary state of a program in the tray.
        let _ = self.events.send(Arc::new(event));
    }
}

/// The row of a torrent, as it follows from its record and its marks.
pub(crate) fn summary(
    record: &TorrentRecord,
    marks: Option<&TorrentMarks>,
    abouts: &Abouts,
    posters: &Kept,
) -> TorrentSummary {
    let marks = marks.map(|marks| marks.marks.as_slice()).unwrap_or_default();
    let target = rules::play_target(&record.files, marks);
    // A film's torrent is judged by its films, an album's by its songs.
    let kind = target.map_or(MediaKind::Video, |file| file.kind);
    let is_viewed = |index| marks.iter().any(|mark| mark.file_index == index && mark.viewed);
    let playable = || record.files.iter().filter(|file| file.kind == kind);
    let count = |files: usize| u32::try_from(files).unwrap_or(u32::MAX);
    TorrentSummary {
        info_hash: record.info_hash,
        title: record.shown_title(),
        about: TorrentAbout::clone(&abouts.of(record)),
        category: record.category.clone(),
        poster: posters.address(record.info_hash),
        state: record.state(),
        error: record.error.clone(),
        total_bytes: record.total_bytes,
        added_at_secs: record.added_at_secs,
        last_opened_at_secs: record.last_opened_at_secs,
        is_kept: record.is_pinned,
        file_count: count(record.files.len()),
        playable_count: count(playable().count()),
        viewed_count: count(playable().filter(|file| is_viewed(file.index)).count()),
        play_target: target.map(|file| file.index),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, Ordering};

    use freshet_model::TorrentRecord;
    use freshet_store::StoreOptions;

    use super::*;

    static CLOCK_IS_BROKEN: AtomicBool = AtomicBool::new(false);

    fn clock() -> u64 {
        assert!(!CLOCK_IS_BROKEN.load(Ordering::Acquire), "the clock is broken");
        5_000
    }

    #[tokio::test]
    async fn a_store_that_fails_is_a_notice_for_windows_that_are_open_and_for_those_that_come() {
        let folder = tempfile::tempdir().unwrap();
        let options = StoreOptions { now_ms: clock, ..StoreOptions::new(folder.path().join("freshet.db")) };
        let (store, _) = Store::open(options).unwrap();
        let (_stats, stats) = watch::channel(Arc::default());
        let tasks = Tasks::new();
        let hub =
            EventHub::start(store.clone(), stats, Arc::default(), Arc::new(Kept::load("".into())), &tasks);
        let mut open = hub.subscribe(Caller::MainWindow);
        assert!(
            matches!(open.next().await, Some(AppEvent::Snapshot(snapshot)) if snapshot.notices.is_empty())
        );

        CLOCK_IS_BROKEN.store(true, Ordering::Release);
        let torrent = TorrentRecord::new(InfoHash::new([1; 20]), 1);
        store.add_torrent(torrent).await.unwrap_err();

        let expected = [Notice { kind: NoticeKind::StoreFailed, subject: "the clock is broken".to_owned() }];
        assert_eq!(open.next().await, Some(AppEvent::NoticesChanged { notices: expected.to_vec() }));
        let Some(AppEvent::Snapshot(snapshot)) = hub.subscribe(Caller::MainWindow).next().await else {
            panic!()
        };
        assert_eq!(snapshot.notices, expected);
        tasks.shutdown(Duration::from_secs(5)).await;
    }
}
