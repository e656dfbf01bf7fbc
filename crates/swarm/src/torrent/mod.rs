//! One torrent: the task that owns it, and what others may say to it.
//!
//! Everything about a torrent that changes lives in its task. Peers, readers, checks of hashes and the rest of the program
//! send it messages; they see snapshots. What it decides about blocks it asks [`crate::schedule`].

pub(crate) mod book;
mod checks;
mod extensions;
mod kept;
mod line;
mod peers;
mod readers;
mod reading;
mod records;
mod said;
mod snapshot;
pub(crate) mod storage;
mod stored;
mod task;
mod tick;
mod timeline;
mod upload;
mod wait;
mod web;

use std::io;
use std::net::SocketAddr;
use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use freshet_model::InfoHash;
use tokio::sync::{mpsc, oneshot, watch};

use crate::arbiter::Kept;
use crate::bitfield::Bitfield;
use crate::layout::{Layout, PieceIndex};
use crate::peer::{Acquainted, Greeted, PeerError, Said};
use crate::pieces::{FileSpan, TorrentFiles};
use crate::report::Report;
use crate::resolve::ResolvedPeers;
use crate::schedule::{Class, Counters, PeerId, PieceState, ReaderId};
use crate::webseed::WebSeeds;

pub use kept::Lifetime;
pub(crate) use line::Line;
pub(crate) use readers::Granted;
pub use snapshot::{PartialPiece, PeerIdle, PeerSnapshot, PeersByState, PieceStates};
pub(crate) use storage::{Storage, Whereabouts};
pub(crate) use task::{Context, Limits, spawn};
pub use timeline::{Happening, TimelineEvent};
pub use wait::Wait;

/// Messages that wait for the torrent's task. Peers wait when it is full, and their senders with them.
const INBOX: usize = 1024;

/// What is needed to take part in a torrent. All of it was checked before.
#[derive(Debug, Clone)]
pub struct TorrentSpec {
    pub info_hash: InfoHash,
    pub layout: Layout,
    /// SHA-1 of each piece, in order.
    pub piece_hashes: Arc<[[u8; 20]]>,
    /// The files, in order; they fill the torrent without gaps.
    pub files: Arc<[FileSpan]>,
    /// BEP 27: no peers but those that its trackers name.
    pub is_private: bool,
    /// The info dictionary, byte for byte, for peers that have a magnet link only (BEP 9); `None` is not to serve it.
    pub info: Option<Bytes>,
}

/// Where an address came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PeerSource {
    /// Known from before, or named with the torrent.
    Given,
    Tracker,
    Dht,
    Pex,
    Lsd,
    Incoming,
}

/// What the task hears.
pub(crate) enum ToTorrent {
    Addresses(Vec<SocketAddr>, PeerSource),
    WebSeeds(WebSeeds),
    Dialed(SocketAddr, Result<Greeted, PeerError>),
    Incoming(Greeted),
    Adopt(Vec<Acquainted>),
    Said(PeerId, Said),
    Ended(PeerId, PeerError),
    OpenReader {
        bytes: Range<u64>,
        class: Class,
        answer: oneshot::Sender<ReaderId>,
    },
    /// A reader needs the byte at `at`, of the torrent.
    Read {
        reader: ReaderId,
        at: u64,
        answer: oneshot::Sender<Granted>,
    },
    /// Somebody reads on from `at` to `end`, of the torrent, only if it is here.
    ReadWhatIsHere {
        at: u64,
        end: u64,
        answer: oneshot::Sender<Granted>,
    },
    CloseReader(ReaderId),
    Checked(checks::Verdict),
    Written(PieceIndex, Result<(), storage::Unwritten>),
    /// A piece has to go; its bytes go as soon as this is sent.
    GaveUp(PieceIndex),
    /// Whether all its pieces stay, beside the budget.
    SetPinned(bool),
    /// Some peers may have to go.
    JudgePeers,
    /// The way out is another one, by which everybody may be reached.
    BeginAnew,
    Peers(oneshot::Sender<Vec<PeerSnapshot>>),
    Pieces(oneshot::Sender<PieceStates>),
    Report(oneshot::Sender<Report>),
    Timeline(oneshot::Sender<Vec<TimelineEvent>>),
    GoodPeers(oneshot::Sender<Vec<SocketAddr>>),
    Uploaded(PeerId, upload::Loaded),
    SetPaused(bool),
    /// The pieces to fetch even if nobody reads them.
    SetRest(Option<Bitfield>),
}

/// What a torrent does at this moment.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct TorrentStats {
    pub down_bytes_per_sec: u64,
    pub up_bytes_per_sec: u64,
    /// Blocks that came since it was started, wanted or not.
    pub downloaded_bytes: u64,
    pub uploaded_bytes: u64,
    /// What was transferred and offered in all its life here, with what was remembered.
    pub lifetime: Lifetime,
    /// The rule that ended its offer, if one did: it has left the swarm until it is needed again.
    pub retired: Option<Kept>,
    pub have_bytes: u64,
    pub connected_peers: u32,
    pub connected_seeders: u32,
    pub connecting_peers: u32,
    pub known_peers: u32,
    pub counters: Counters,
    pub peers_by_state: PeersByState,
    /// Of pieces with a wrong hash.
    pub corrupt_bytes: u64,
    /// Connected peers that were banned for those.
    pub banned_peers: u32,
    /// Why the reader that is needed most waits, if one does.
    pub waiting: Option<Wait>,
    /// Why no byte can be read or written any more.
    pub failure: Option<StorageFailure>,
}

/// Why the pieces of a torrent can't be kept or read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StorageFailure {
    pub kind: io::ErrorKind,
    message: Arc<str>,
}

impl From<io::Error> for StorageFailure {
    fn from(error: io::Error) -> Self {
        Self { kind: error.kind(), message: error.to_string().into() }
    }
}

impl std::fmt::Display for StorageFailure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.message)
    }
}

/// How all pieces stand.
#[derive(Debug, Clone, Default)]
pub struct PiecePicture {
    pub have: Option<Bitfield>,
}

/// A torrent that takes part. Clones are the same one; when the last one and all readers are dropped, it ends.
#[derive(Clone)]
pub struct Torrent {
    pub(crate) spec: Arc<TorrentSpec>,
    pub(crate) files: TorrentFiles,
    pub(crate) inbox: mpsc::Sender<ToTorrent>,
    pub(crate) stats: watch::Receiver<Arc<TorrentStats>>,
    pub(crate) picture: watch::Receiver<Arc<PiecePicture>>,
    pub(crate) life: Arc<Life>,
}

/// Ends the torrent's task when it is dropped.
pub(crate) struct Life(pub(crate) tokio_util::sync::CancellationToken);

impl Drop for Life {
    fn drop(&mut self) {
        self.0.cancel();
    }
}

impl Torrent {
    pub fn spec(&self) -> &TorrentSpec {
        &self.spec
    }

    /// As it was up to half a second ago; pushed while something is transferred.
    pub fn stats(&self) -> watch::Receiver<Arc<TorrentStats>> {
        self.stats.clone()
    }

    /// What is here, as it was up to half a second ago.
    pub fn picture(&self) -> Arc<PiecePicture> {
        Arc::clone(&self.picture.borrow())
    }

    /// Why the reader that is needed most waits, as it was up to half a second ago; `None` if none does.
    pub fn waiting(&self) -> Option<Wait> {
        self.stats.borrow().waiting
    }

    /// All connected peers, by address. None if it has ended.
    pub async fn peers(&self) -> Vec<PeerSnapshot> {
        let (answer, answered) = oneshot::channel();
        let _ = self.inbox.send(ToTorrent::Peers(answer)).await;
        answered.await.unwrap_or_default()
    }

    /// How all pieces stand at this moment. `None` if it has ended.
    pub async fn piece_states(&self) -> Option<PieceStates> {
        let (answer, answered) = oneshot::channel();
        let _ = self.inbox.send(ToTorrent::Pieces(answer)).await;
        answered.await.ok()
    }

    /// What happened since it was started, the oldest first: up to 512 events. None if it has ended.
    pub async fn timeline(&self) -> Vec<TimelineEvent> {
        let (answer, answered) = oneshot::channel();
        let _ = self.inbox.send(ToTorrent::Timeline(answer)).await;
        answered.await.unwrap_or_default()
    }

    /// What happened, as numbers that a simulator can replay: no addresses, no names, and the info hash only if
    /// `names_torrent`. `None` if it has ended.
    pub async fn report(&self, names_torrent: bool) -> Option<Report> {
        let (answer, answered) = oneshot::channel();
        let _ = self.inbox.send(ToTorrent::Report(answer)).await;
        let report = answered.await.ok()?;
        let info_hash = names_torrent.then(|| self.spec.info_hash.to_string());
        Some(Report { info_hash, ..report })
    }

    /// Tells of peers. Those that are known already, or that may not be spoken to, are passed over.
    pub async fn add_peers(&self, addresses: Vec<SocketAddr>, source: PeerSource) {
        // A torrent that has ended needs none.
        let _ = self.inbox.send(ToTorrent::Addresses(addresses, source)).await;
    }

    /// Tells of servers that have the files (BEP 19). Of all that it is ever told of, the first 16 are asked.
    pub async fn add_web_seeds(&self, seeds: WebSeeds) {
        // A torrent that has ended needs none.
        let _ = self.inbox.send(ToTorrent::WebSeeds(seeds)).await;
    }

    /// Takes over the connections over which the metadata came. Those that are of no use are closed.
    pub async fn adopt(&self, peers: ResolvedPeers) {
        let _ = self.inbox.send(ToTorrent::Adopt(peers.0)).await;
    }

    /// Up to 200 addresses of peers that sent something right, to be given back as [`PeerSource::Given`] when the torrent
    /// is started the next time. None if it has ended.
    pub async fn good_peers(&self) -> Vec<SocketAddr> {
        let (answer, answered) = oneshot::channel();
        let _ = self.inbox.send(ToTorrent::GoodPeers(answer)).await;
        answered.await.unwrap_or_default()
    }

    /// While it is paused nothing is asked of peers and nothing sent to them; they stay connected.
    pub async fn set_paused(&self, is_paused: bool) {
        let _ = self.inbox.send(ToTorrent::SetPaused(is_paused)).await;
    }

    /// What is pinned is never given up, and takes no part of the budget. A torrent that is to be pinned from the start is
    /// added by [`Swarm::add_pinned`](crate::Swarm::add_pinned): else some of it may have to go before. Only for pinned
    /// torrents [`KeepRules`](crate::KeepRules) hold.
    pub async fn set_pinned(&self, is_pinned: bool) {
        let _ = self.inbox.send(ToTorrent::SetPinned(is_pinned)).await;
    }

    /// The pieces to fetch even if nobody reads them; `None` for none. They come only as long as the budget has room for
    /// them: nothing is given up for what nobody reads.
    pub async fn set_rest(&self, wanted: Option<Bitfield>) {
        let _ = self.inbox.send(ToTorrent::SetRest(wanted)).await;
    }

    /// Ends its connections and its task; readers get an error. Does not wait.
    pub fn stop(&self) {
        self.life.0.cancel();
    }

    /// Waits until its task has ended.
    pub async fn stopped(&self) {
        self.inbox.closed().await;
    }
}

impl std::fmt::Debug for Torrent {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Torrent").field("info_hash", &self.spec.info_hash).finish_non_exhaustive()
    }
}

/// Whether a reader may read a piece from the disk.
fn is_here(state: PieceState) -> bool {
    state == PieceState::Have
}
