//! How a transfer goes: why somebody waits, what came for nothing, how pieces and peers stand.

use serde::{Deserialize, Serialize};

/// What the reader that is needed most waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
#[serde(rename_all = "snake_case")]
pub enum WaitReason {
    /// Nobody is connected.
    NoPeers,
    /// Nobody is connected; somebody was, sent bad data, and was banned.
    BadData,
    /// Peers are connected, and none has sent the details of the magnet link yet.
    NoDetails,
    /// No connected peer has this part.
    NobodyHasIt,
    /// Peers are connected, and all of them choke us.
    AllChoke,
    DiskFull,
    /// What we allow ourselves to download.
    RateLimit,
    /// The space for pieces is too small for all who read.
    Budget,
    /// It is on its way.
    Slow,
}

/// Connected peers, by what comes from them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub struct PeerCounts {
    /// Send, or soon will.
    pub sending: u32,
    pub choking: u32,
    /// Have nothing that is needed now.
    pub without_need: u32,
    /// Were asked, and have sent nothing for some seconds.
    pub silent: u32,
}

/// Counted since the torrent was opened.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub struct TransferCounters {
    /// Late blocks that a second peer was asked for.
    pub hedges: u64,
    /// The second one was first.
    pub hedges_won: u64,
    pub duplicate_bytes: u64,
    /// Came for a place that nobody reads any more.
    pub unwanted_bytes: u64,
    /// Of pieces with a wrong hash.
    pub corrupt_bytes: u64,
    /// Peers that were banned for them.
    pub banned_peers: u32,
}

/// Why nothing more comes from a peer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
#[serde(rename_all = "snake_case")]
pub enum IdleReason {
    Choked,
    HasNothingWeNeed,
    /// It is asked for as much as it takes at a time.
    QueueFull,
    /// It was asked, and has sent nothing for some seconds.
    Silent,
    /// The same for a minute.
    Snubbed,
}

/// One connected peer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub struct PeerView {
    pub address: String,
    /// What it calls itself; any text of a stranger.
    pub client: Option<String>,
    pub is_incoming: bool,
    pub is_encrypted: bool,
    pub is_utp: bool,
    pub down_bytes_per_sec: u64,
    pub up_bytes_per_sec: u64,
    /// How much of the torrent it has, from 0 to 1.
    pub has_share: f64,
    pub is_choking_us: bool,
    pub is_interested_in_us: bool,
    pub we_choke: bool,
    pub we_are_interested: bool,
    /// Blocks that it is asked for.
    pub requests: u32,
    /// `None` if it sends, or soon will.
    pub idle: Option<IdleReason>,
}

/// How a piece stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
#[serde(rename_all = "snake_case")]
pub enum PieceStand {
    Have,
    /// Not here, and asked for or being checked.
    Requested,
    /// Not here, and a connected peer has it.
    Available,
    /// Not here, and nobody who is connected has it.
    Missing,
}

/// So many pieces in a row that stand alike.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub struct PieceRun {
    pub stand: PieceStand,
    pub pieces: u32,
}

/// A piece of which some blocks are here or on their way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub struct PartialPiece {
    pub piece: u32,
    pub blocks: u32,
    pub blocks_here: u32,
    pub blocks_requested: u32,
}

/// All that can be looked at of a torrent that is in use.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub struct TransferDetail {
    pub peers: Vec<PeerView>,
    pub piece_bytes: u32,
    /// From the first piece to the last.
    pub runs: Vec<PieceRun>,
    /// In the order of the pieces.
    pub partial: Vec<PartialPiece>,
    /// In all its life here.
    pub uploaded_bytes: u64,
    pub downloaded_bytes: u64,
    /// How long it was offered since it was complete.
    pub seeded_secs: u64,
    /// It is kept, and has left the swarm because it gave enough.
    pub is_retired: bool,
    /// What the pieces of all torrents that are not kept take of the disk.
    pub budget_used_bytes: u64,
    /// What they may take; `None` until what lies there since earlier runs is counted.
    pub budget_bytes: Option<u64>,
}
