//! Torrents as the application sees them: resolve a source, activate a torrent, read a file, look at the speeds.
//!
//! ```text
//! TorrentSource --resolve--> Resolved (checked metainfo) --activate--> active torrent --open_file--> FileReader
//! ```
//!
//! Nobody above this wall ever sees a peer: they read bytes and get typed errors. Pieces are only numbers in a picture of
//! the moment ([`Engine::pieces`]). The transfers themselves are `freshet-swarm`'s.
//! The wall stands here because everything strangers send (metadata, tracker links, pieces) is judged on this side of
//! it, in a task of its own, and a failure there is the failure of one torrent only.

mod active;
mod budget;
mod config;
mod engine;
mod error;
mod good_peers;
mod lifecycle;
mod peers;
mod phase;
mod pieces;
mod preload;
mod reader;
mod resolve;
mod route;
mod search;
mod start;
mod supervisor;
mod tail;
mod tasks;
mod telemetry;
mod transfers;
mod turns;

#[cfg(feature = "testing")]
pub mod testing;

pub use budget::StorageUse;
pub use config::{EngineConfig, EngineLimits, EngineStatus};
pub use engine::{Engine, TorrentSpec};
pub use error::{
    ActivateError, DeletePiecesError, OpenFileError, PreloadError, ReadError, ResolveError, StartError,
};
pub use freshet_swarm::pieces::{Resume, ResumeStore};
pub use freshet_swarm::{Blocklist, Report};
pub use phase::{Failure, FailureKind};
pub use reader::FileReader;
pub use resolve::Resolved;
