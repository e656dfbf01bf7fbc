//! The task of one torrent: hears, decides, tells.

use std::collections::{BTreeSet, HashMap};
use std::io;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::{Semaphore, mpsc, watch};
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::book::Book;
use super::checks::PieceData;
use super::kept::Keeping;
use super::peers::Peer;
use super::readers::Readers;
use super::records::Records;
use super::storage::{Keeper, Storage, Whereabouts};
use super::timeline::{Happening, Timeline};
use super::web::Seat;
use super::{
    INBOX, Life, Line, PiecePicture, StorageFailure, ToTorrent, Torrent, TorrentSpec, TorrentStats, Wait,
};
use crate::arbiter::KeepRules;
use crate::ban::{BanKey, Bans, Blame};
use crate::bitfield::Bitfield;
use crate::choke::Choker;
use crate::layout::PieceIndex;
use crate::peer::{Dialer, Ration, Share, unheard};
use crate::pieces::{FileHandles, ResumeStore, TorrentFiles};
use crate::rate::{Limiter, Meter};
use crate::schedule::{Action, PeerId, Scheduler};
use crate::wire::Message;

/// Messages that are heard before the next decision.
const HEARD_AT_ONCE: usize = 256;
/// How often speeds, peers and the picture of pieces are looked after.
const TICK: Duration = Duration::from_millis(500);
/// Addresses that are given out to be remembered.
const MAX_GOOD_PEERS: usize = 200;
/// The picture of a torrent with no more pieces than this is always the newest.
const PICTURE_AT_ONCE_PIECES: u32 = 1 << 15;
/// How long nothing is asked for after there was no room, if nothing changes.
const FULL_PAUSE: Duration = Duration::from_secs(2);
/// Bytes of whole pieces that wait for their check or to be written; above it nothing more is asked for. Large enough that
/// a disk that stands still for a moment holds up nobody, and never less than two pieces.
const MAX_HELD_BYTES: u64 = 12 << 20;

/// What all torrents of a program share.
#[derive(Clone)]
pub(crate) struct Context {
    pub(crate) dialer: Dialer,
    /// Where peers reach us now.
    pub(crate) listen_port: watch::Receiver<Option<u16>>,
    pub(crate) limits: Arc<Limits>,
    pub(crate) line: Arc<Line>,
    pub(crate) keep_rules: Arc<Mutex<KeepRules>>,
    pub(crate) resume: Arc<dyn ResumeStore>,
    pub(crate) storage: Arc<Storage>,
    pub(crate) bans: Arc<Mutex<Bans>>,
    /// Addresses that may be spoken to.
    pub(crate) accepts: Arc<dyn Fn(std::net::SocketAddr) -> bool + Send + Sync>,
    pub(crate) tasks: TaskTracker,
    /// Connections, and attempts at them, over all torrents.
    pub(crate) connected: Arc<Ration>,
    pub(crate) half_open: Arc<Ration>,
    /// The zero of all times.
    pub(crate) epoch: Instant,
}

/// Rate limits over all torrents.
#[derive(Debug)]
pub(crate) struct Limits {
    pub(crate) down: Mutex<Limiter>,
    pub(crate) up: Mutex<Limiter>,
}

pub(super) struct Task {
    pub(super) spec: Arc<TorrentSpec>,
    pub(super) files: TorrentFiles,
    pub(super) keeper: Arc<Keeper>,
    pub(super) context: Context,
    pub(super) scheduler: Scheduler,
    pub(super) peers: HashMap<PeerId, Peer>,
    pub(super) next_peer: u64,
    pub(super) book: Book,
    pub(super) web: Vec<Seat>,
    pub(super) unheard: Arc<Semaphore>,
    pub(super) connected: Share,
    pub(super) half_open: Share,
    pub(super) choker: Choker,
    pub(super) choked_at: Option<Duration>,
    /// The blocks of pieces that are not whole.
    pub(super) blocks: HashMap<PieceIndex, Vec<Option<Bytes>>>,
    /// Pieces that are whole and wait for their check.
    pub(super) unchecked: Vec<PieceIndex>,
    pub(super) checking: usize,
    /// Pieces that are right and not written yet.
    pub(super) unwritten: HashMap<PieceIndex, Arc<PieceData>>,
    /// Bytes of pieces that are whole, from peers, and not written yet: unchecked, being checked, or right.
    pub(super) held_bytes: u64,
    /// Pieces that may lie on the disk.
    pub(super) doubtful: Bitfield,
    pub(super) have: Bitfield,
    pub(super) have_bytes: u64,
    /// Pieces that were given up while it was looked whether they are right.
    pub(super) lost_in_check: BTreeSet<PieceIndex>,
    /// What is to be fetched even if nobody reads it.
    pub(super) rest: Option<Bitfield>,
    pub(super) is_rest_fetched: bool,
    /// A piece that a reader needs found no room then; nothing is asked for before the number has changed, or for a while.
    pub(super) full_at: Option<(u64, Duration)>,
    /// The windows of readers were cut at this number.
    pub(super) shared_at: u64,
    pub(super) blame: Blame<BanKey>,
    pub(super) readers: Readers,
    pub(super) is_paused: bool,
    /// Whether what nobody waits for may be fetched.
    pub(super) allows_background: bool,
    /// Why somebody waits, as it was published last.
    pub(super) waiting: Option<Wait>,
    pub(super) timeline: Timeline,
    /// Counted until the last tick.
    pub(super) hedges: u64,
    pub(super) failure: Option<StorageFailure>,
    pub(super) keeping: Keeping,
    pub(super) records: Records,
    pub(super) corrupt_bytes: u64,
    pub(super) banned_peers: u32,
    pub(super) down: Meter,
    pub(super) up: Meter,
    pub(super) inbox: mpsc::Sender<ToTorrent>,
    pub(super) heard: mpsc::Receiver<ToTorrent>,
    pub(super) stats: watch::Sender<Arc<TorrentStats>>,
    pub(super) picture: watch::Sender<Arc<PiecePicture>>,
    pub(super) stop: CancellationToken,
    pub(super) ticked_at: Duration,
    pub(super) remembered_at: Duration,
    pub(super) has_news_to_remember: bool,
    pub(super) is_picture_old: bool,
    /// Since when a reader waits and nobody is there.
    pub(super) alone_since: Option<Duration>,
    pub(super) called_again_at: Duration,
    pub(super) calls_in_vain: usize,
}

/// Starts the task of a torrent. What lies on its disk is looked at first, in the task.
///
/// # Errors
/// `InvalidInput` if files and layout of the torrent differ.
pub(crate) fn spawn(
    spec: TorrentSpec,
    handles: FileHandles,
    is_pinned: bool,
    context: Context,
    stop: CancellationToken,
) -> io::Result<Torrent> {
    let (inbox, heard) = mpsc::channel(INBOX);
    let whereabouts = Whereabouts::new(&spec, handles);
    let keeper = Arc::new(context.storage.enlist(whereabouts, inbox.clone())?);
    let files = keeper.files().clone();
    let (stats, stats_seen) = watch::channel(Arc::default());
    let (picture, picture_seen) = watch::channel(Arc::default());
    let spec = Arc::new(spec);
    let layout = spec.layout;
    let now = context.epoch.elapsed();
    let mut task = Task {
        spec: Arc::clone(&spec),
        files: files.clone(),
        keeper: Arc::clone(&keeper),
        scheduler: Scheduler::new(layout, crate::schedule::Config::default(), rand::random()),
        peers: HashMap::new(),
        next_peer: 0,
        book: Book::default(),
        web: Vec::new(),
        unheard: unheard(),
        connected: context.connected.join(),
        half_open: context.half_open.join(),
        choker: Choker::new(crate::choke::Config::default()),
        choked_at: None,
        blocks: HashMap::new(),
        unchecked: Vec::new(),
        checking: 0,
        unwritten: HashMap::new(),
        held_bytes: 0,
        doubtful: Bitfield::new(layout.pieces()),
        have: Bitfield::new(layout.pieces()),
        have_bytes: 0,
        lost_in_check: BTreeSet::new(),
        rest: None,
        is_rest_fetched: false,
        full_at: None,
        shared_at: 0,
        blame: Blame::new(),
        readers: Readers::default(),
        is_paused: false,
        allows_background: true,
        waiting: None,
        timeline: Timeline::new(now),
        hedges: 0,
        failure: None,
        records: Records::default(),
        corrupt_bytes: 0,
        banned_peers: 0,
        keeping: Keeping { is_pinned, ..Keeping::default() },
        down: Meter::new(now),
        up: Meter::new(now),
        inbox: inbox.clone(),
        heard,
        stats,
        picture,
        stop: stop.clone(),
        ticked_at: now,
        remembered_at: now,
        has_news_to_remember: false,
        is_picture_old: true,
        alone_since: None,
        called_again_at: Duration::ZERO,
        calls_in_vain: 0,
        context,
    };
    task.context.tasks.clone().spawn(async move {
        task.look_at_disk(is_pinned).await;
        task.run().await;
        task.remember().await;
    });
    let life = Arc::new(Life(stop));
    Ok(Torrent { spec, files, inbox, stats: stats_seen, picture: picture_seen, life })
}

impl Task {
    async fn run(&mut self) {
        let mut batch = Vec::with_capacity(HEARD_AT_ONCE);
        let mut actions = Vec::new();
        let stop = self.stop.clone();
        loop {
            let wait = self.wait();
            tokio::select! {
                biased;
                () = stop.cancelled() => return,
                _ = self.heard.recv_many(&mut batch, HEARD_AT_ONCE) => {}
                () = sleep(wait) => {}
            }
            for message in batch.drain(..) {
                self.hear(message, &mut actions);
            }
            let now = self.now();
            for (reader, waited) in self.readers.take_served() {
                self.timeline.note(now, Happening::Served { reader, waited });
            }
            if now.saturating_sub(self.ticked_at) >= TICK {
                self.tick(now).await;
            }
            if self.is_picture_old && self.spec.layout.pieces() <= PICTURE_AT_ONCE_PIECES {
                self.publish_picture();
            }
            self.dial(now);
            self.join_web_seeds(now);
            self.start_checks();
            if self.may_ask() {
                self.scheduler.run(now, &mut actions);
            }
            self.act(&mut actions);
        }
    }

    pub(super) fn now(&self) -> Duration {
        self.context.epoch.elapsed()
    }

    /// Whether more can be taken in.
    fn may_ask(&mut self) -> bool {
        if let Some((revision, at)) = self.full_at
            && (revision != self.keeper.revision() || self.now().saturating_sub(at) >= FULL_PAUSE)
        {
            self.full_at = None;
        }
        let max_held_bytes = MAX_HELD_BYTES.max(2 * u64::from(self.spec.layout.piece_bytes()));
        let has_place = self.full_at.is_none() && self.held_bytes < max_held_bytes;
        has_place && !self.is_paused && self.failure.is_none()
    }

    fn wait(&self) -> Duration {
        let now = self.now();
        let tick = (self.ticked_at + TICK).saturating_sub(now);
        self.scheduler.next_run_in().map_or(tick, |run| run.min(tick))
    }

    fn hear(&mut self, message: ToTorrent, actions: &mut Vec<Action>) {
        match message {
            ToTorrent::Said(id, mut said) => {
                for message in said.messages.drain(..) {
                    self.said(id, message, actions);
                }
            }
            ToTorrent::Read { reader, at, answer } => self.read(reader, at, answer),
            ToTorrent::ReadWhatIsHere { at, end, answer } => drop(answer.send(self.what_is_here(at, end))),
            ToTorrent::Checked(verdict) => self.checked(verdict, actions),
            ToTorrent::Written(piece, result) => self.written(piece, result),
            ToTorrent::Addresses(addresses, source) => self.add_addresses(addresses, source),
            ToTorrent::WebSeeds(seeds) => self.add_web_seeds(seeds),
            ToTorrent::Dialed(address, result) => self.dialed(address, result),
            ToTorrent::Incoming(greeted) => self.incoming(greeted),
            ToTorrent::Adopt(peers) => self.adopt(peers, actions),
            ToTorrent::Ended(id, error) => self.ended(id, &error),
            ToTorrent::OpenReader { bytes, class, answer } => {
                let now = self.now();
                if self.readers.len() == 0 {
                    self.begin_anew(now);
                }
                let (from_byte, end_byte) = (bytes.start, bytes.end);
                let id = self.readers.open(bytes, class, now);
                let opened = Happening::ReaderOpened { reader: id, class, from_byte, end_byte };
                self.timeline.note(now, opened);
                if answer.send(id).is_err() {
                    self.close_reader(id);
                }
            }
            ToTorrent::CloseReader(id) => self.close_reader(id),
            ToTorrent::GoodPeers(answer) => {
                drop(answer.send(self.book.good().take(MAX_GOOD_PEERS).collect()))
            }
            ToTorrent::Uploaded(id, loaded) => self.uploaded(id, loaded),
            ToTorrent::SetPaused(is_paused) => self.set_paused(is_paused, actions),
            ToTorrent::SetRest(wanted) => self.set_rest(wanted),
            ToTorrent::Peers(answer) => drop(answer.send(self.snapshot())),
            ToTorrent::Pieces(answer) => drop(answer.send(self.piece_states())),
            ToTorrent::Report(answer) => {
                let report = self.problem_report();
                drop(answer.send(report));
            }
            ToTorrent::Timeline(answer) => drop(answer.send(self.timeline.events())),
            ToTorrent::GaveUp(piece) => self.lose(piece),
            ToTorrent::JudgePeers => self.judge_peers(),
            ToTorrent::BeginAnew => self.begin_anew(self.now()),
            ToTorrent::SetPinned(is_pinned) => self.set_pinned(is_pinned),
        }
    }

    fn act(&mut self, actions: &mut Vec<Action>) {
        for action in actions.drain(..) {
            let (peer, message) = match action {
                Action::Request { peer, block } => {
                    let (piece, begin) = (block.piece.0, block.begin());
                    let length = self.spec.layout.bytes_of_block(block);
                    (peer, Message::Request { piece, begin, length })
                }
                Action::Cancel { peer, block } => {
                    let (piece, begin) = (block.piece.0, block.begin());
                    let length = self.spec.layout.bytes_of_block(block);
                    (peer, Message::Cancel { piece, begin, length })
                }
                Action::Forget(piece) => {
                    self.blocks.remove(&piece);
                    continue;
                }
            };
            self.tell(peer, message);
        }
    }

    pub(super) fn has(&self, piece: PieceIndex) -> bool {
        self.have.get(piece)
    }

    pub(super) fn have(&self) -> &Bitfield {
        &self.have
    }

    /// Whether everything is here.
    pub(super) fn is_complete(&self) -> bool {
        self.have.is_all()
    }
}
