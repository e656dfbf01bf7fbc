//! What happened to a torrent, as numbers that the simulator can replay.
//!
//! It says nothing of who took part or what it was: peers have numbers in place of addresses, files have no names, and the
//! info hash is there only if the person wants it. `sim::replay` builds a swarm from it.

use serde::{Deserialize, Serialize};

use crate::schedule::Class;

/// The shape of [`Report`]; another one is another number.
pub const REPORT_VERSION: u32 = 1;
/// Peers that are told of: the latest.
pub(crate) const MAX_PEERS: usize = 200;
/// Times at which one peer choked or unchoked that are told of: the first.
pub(crate) const MAX_FLIPS: usize = 64;

/// See the module. All times are milliseconds since the torrent was started.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    pub version: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub info_hash: Option<String>,
    pub piece_bytes: u32,
    pub total_bytes: u64,
    pub lasted_ms: u64,
    pub have_bytes: u64,
    pub downloaded_bytes: u64,
    pub uploaded_bytes: u64,
    pub duplicate_bytes: u64,
    pub unwanted_bytes: u64,
    pub corrupt_bytes: u64,
    pub hedges: u64,
    pub hedges_won: u64,
    pub banned_peers: u32,
    pub peers: Vec<ReportPeer>,
    /// The oldest first.
    pub events: Vec<ReportEvent>,
}

/// One peer, as long as it was connected.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReportPeer {
    /// What events call it.
    pub number: u64,
    pub joined_ms: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub left_ms: Option<u64>,
    /// Why it was let go, or went.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<PeerFailure>,
    pub is_incoming: bool,
    pub is_encrypted: bool,
    pub is_utp: bool,
    pub supports_fast: bool,
    /// The shortest way there and back.
    pub round_trip_us: u64,
    /// What it sends per second while it is asked, as measured last; 0 before its first block.
    pub rate_bytes_per_sec: u64,
    pub received_bytes: u64,
    /// Thousandths of the torrent that it has.
    pub has_permille: u32,
    /// When it unchoked us, choked us, unchoked us, and so on.
    pub flips_ms: Vec<u64>,
}

/// How a connection ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PeerFailure {
    /// It closed it, or the network did.
    Closed,
    /// It said nothing for too long, or did not take what it was sent.
    Silent,
    BrokeProtocol,
    /// It sent wrong bytes.
    Lied,
    /// It was let go for others, or because the torrent left the swarm.
    NotNeeded,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReportEvent {
    pub at_ms: u64,
    #[serde(flatten)]
    pub what: ReportHappening,
}

/// What can happen. A peer that is not among the peers of the report any more has no number.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "what", rename_all = "snake_case")]
pub enum ReportHappening {
    Adopted { peers: u32 },
    FirstPeer { peer: Option<u64> },
    FirstUnchoke { peer: Option<u64> },
    FirstBlock { peer: Option<u64> },
    FirstPiece,
    ReaderOpened { reader: u64, class: ReportClass, from_byte: u64, end_byte: u64 },
    Seek { reader: u64, to_byte: u64 },
    Dry { reader: u64 },
    Served { reader: u64, waited_ms: u64 },
    ReaderClosed { reader: u64 },
    Choked { peer: Option<u64> },
    Hedges { blocks: u64 },
    Banned { peer: Option<u64> },
    WriteFailed,
}

/// Whose need a reader is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReportClass {
    Player,
    Subtitles,
    Cast,
    NextEpisode,
    Preview,
    Rest,
}

impl From<Class> for ReportClass {
    fn from(class: Class) -> Self {
        match class {
            Class::Player => Self::Player,
            Class::Subtitles => Self::Subtitles,
            Class::Cast => Self::Cast,
            Class::NextEpisode => Self::NextEpisode,
            Class::Preview => Self::Preview,
            Class::Rest => Self::Rest,
        }
    }
}

impl From<ReportClass> for Class {
    fn from(class: ReportClass) -> Self {
        match class {
            ReportClass::Player => Self::Player,
            ReportClass::Subtitles => Self::Subtitles,
            ReportClass::Cast => Self::Cast,
            ReportClass::NextEpisode => Self::NextEpisode,
            ReportClass::Preview => Self::Preview,
            ReportClass::Rest => Self::Rest,
        }
    }
}
