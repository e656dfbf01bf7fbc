//! One error enum per operation.

use std::io;

use freshet_model::{FileIndex, InfoHash, MagnetError, MetainfoError};
use freshet_web::FetchError;

use crate::Failure;

#[derive(Debug, thiserror::Error)]
pub enum StartError {
    #[error("the folder for pieces can't be used: {0}")]
    PiecesDir(io::Error),
    #[error("the HTTP client could not be set up: {0}")]
    Web(#[from] freshet_web::BuildError),
    #[error("transfers could not be started: {0}")]
    Transfers(String),
}

#[derive(Debug, thiserror::Error)]
pub enum ResolveError {
    #[error(transparent)]
    Metainfo(#[from] MetainfoError),
    /// A web link led to a magnet link that is none.
    #[error(transparent)]
    Magnet(#[from] MagnetError),
    #[error(transparent)]
    Fetch(#[from] FetchError),
    /// Nobody who has the details was found in time.
    #[error("nobody gave the details of the torrent in time")]
    TimedOut,
    /// There is nobody left to ask: no tracker, no peer, no DHT.
    #[error("there is nobody to ask for the details of the torrent")]
    NobodyToAsk,
    /// Everybody who was named was asked, and nobody had the details.
    #[error("none of {asked} peers gave the details of the torrent")]
    NoAnswer { asked: u32 },
    #[error("the details that arrived belong to another torrent")]
    WrongInfoHash,
    #[error("resolving was given up")]
    Cancelled,
    #[error("resolving failed: {0}")]
    Failed(String),
}

#[derive(Debug, thiserror::Error)]
pub enum ActivateError {
    #[error(transparent)]
    Metainfo(#[from] MetainfoError),
    #[error("the torrent file belongs to {0}")]
    WrongInfoHash(InfoHash),
    #[error("the engine is shutting down")]
    ShuttingDown,
    #[error("the torrent could not be activated: {0}")]
    Failed(String),
}

#[derive(Debug, thiserror::Error)]
pub enum OpenFileError {
    #[error("the torrent is not active")]
    NotActive,
    #[error("the torrent has no file {0}")]
    NoSuchFile(FileIndex),
    #[error("too many readers are open")]
    TooManyReaders,
    #[error("{0}")]
    Failed(Failure),
}

/// Why a read ended without bytes. Travels inside [`io::Error`]; [`ReadError::from_io`] takes it out.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ReadError {
    /// No byte for the time of [`crate::EngineLimits::stall_timeout`]; the reader can be read on.
    #[error("no data arrived in time")]
    Stalled,
    /// Transfers are paused and the bytes are not here; the reader can be read on after they go on.
    #[error("transfers are paused")]
    Paused,
    /// The bytes are not here, and the reader has nothing fetched ([`crate::Engine::open_what_is_here`]).
    #[error("these bytes are not here")]
    NotHere,
    /// The torrent was removed or deactivated; this reader has ended.
    #[error("the torrent is not active any more")]
    Removed,
    /// The torrent failed; this reader has ended.
    #[error("{0}")]
    Failed(Failure),
}

impl ReadError {
    /// The typed error inside an error of [`crate::FileReader`], if it is one of these.
    pub fn from_io(error: &io::Error) -> Option<&Self> {
        error.get_ref()?.downcast_ref()
    }

    pub(crate) fn into_io(self) -> io::Error {
        let kind = match &self {
            Self::Stalled => io::ErrorKind::TimedOut,
            Self::Removed => io::ErrorKind::NotFound,
            Self::Paused | Self::NotHere | Self::Failed(_) => io::ErrorKind::Other,
        };
        io::Error::new(kind, self)
    }
}

#[derive(Debug, thiserror::Error)]
pub enum PreloadError {
    #[error(transparent)]
    Open(#[from] OpenFileError),
    #[error("{0}")]
    Read(io::Error),
    #[error("the preload was given up")]
    Cancelled,
}

#[derive(Debug, thiserror::Error)]
pub enum DeletePiecesError {
    #[error("the pieces of {info_hash} could not be deleted: {error}")]
    Io { info_hash: InfoHash, error: io::Error },
    #[error("the torrent could not be stopped: {0}")]
    Failed(String),
}
