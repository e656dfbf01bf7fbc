//! Torrents as the application sees them: resolve a source, activate a torrent, read a file, look at the speeds.
//!
//! ```text
//! TorrentSource --resolve--> Resolved (checked metainfo) --activate--> active torrent --open_file--> FileReader
//! ```
//!
//! Nobody above this wall ever sees a peer or a session: they read bytes and get typed errors. Pieces are only numbers in
//! a picture of the moment ([`Engine::pieces`]). The first
//! version transfers through librqbit's session; the crate `freshet-swarm` takes its place behind this facade later.
//! The wall stands here because everything strangers send (metadata, tracker links, pieces) is judged on this side of
//! it, in a task of its own, and a failure there is the failure of one torrent only.

mod active;
mod announce;
mod config;
mod engine;
mod error;
mod keeper;
mod lifecycle;
mod peers;
mod phase;
mod pieces;
mod preload;
mod reader;
mod resolve;
mod session;
mod stats;
mod storage;
mod supervisor;
mod tasks;
mod trackers;
mod turns;

#[cfg(feature = "testing")]
pub mod testing;

pub use config::{EngineConfig, EngineLimits, EngineStatus, MIN_RATE_LIMIT_BYTES_PER_SEC};
pub use engine::{Engine, TorrentSpec};
pub use error::{
    ActivateError, DeletePiecesError, OpenFileError, PreloadError, ReadError, ResolveError, StartError,
};
pub use phase::{Failure, FailureKind};
pub use reader::FileReader;
pub use resolve::Resolved;
