//! The BitTorrent transfer engine made for watching.
//!
//! ```text
//! discover --addresses--> peer tasks --blocks--> torrent task --pieces--> hash, piece store
//!                              ^                    |   ^
//!                              +---- requests ------+   +---- readers say where they stand, and get verified bytes
//! ```
//!
//! One task owns each torrent; peers, readers and blocking work send it messages. What it decides, it decides in
//! `schedule`, which knows neither sockets nor clocks and can be run in a simulator. Everything a peer sends passes
//! `wire`, which bounds it.
//!
//! The wall stands here because choosing who sends which block, by when, has to be testable without files or windows;
//! no other room than `freshet-engine` names this one.

mod arbiter;
mod ban;
mod bitfield;
mod blocklist;
mod choke;
pub mod discover;
#[cfg(any(test, feature = "fuzzing"))]
#[doc(hidden)]
pub mod fuzz;
mod layout;
pub mod mse;
mod peer;
pub mod pieces;
mod rate;
mod reader;
mod report;
mod resolve;
pub mod schedule;
#[cfg(test)]
mod sim;
mod swarm;
mod torrent;
mod webseed;
pub mod wire;

pub use arbiter::{KeepRules, Kept};
pub use bitfield::Bitfield;
pub use blocklist::{Blocklist, TooManyRanges};
pub use layout::{BLOCK_BYTES, Block, Layout, LayoutError, PieceIndex};
pub use peer::NetworkSettings;
pub use reader::{ReadEnd, Reader};
pub use report::{
    PeerFailure, REPORT_VERSION, Report, ReportClass, ReportEvent, ReportHappening, ReportPeer,
};
pub use resolve::{Metadata, ResolveError, ResolveProgress, ResolvedPeers};
pub use swarm::{StartError, Swarm, SwarmConfig, UtpState};
pub use torrent::{
    Happening, Lifetime, PartialPiece, PeerIdle, PeerSnapshot, PeerSource, PeersByState, PiecePicture,
    PieceStates, StorageFailure, TimelineEvent, Torrent, TorrentSpec, TorrentStats, Wait,
};
pub use webseed::WebSeeds;
