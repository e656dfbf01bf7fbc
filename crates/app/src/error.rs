//! From what went wrong below to what a window is told. No match here has a wildcard arm: a new failure has to be given
//! its code by hand.

use freshet_engine::{
    ActivateError, DeletePiecesError, Failure, FailureKind, OpenFileError, PreloadError, ReadError,
    ResolveError,
};
use freshet_media::index::ReadIndexError;
use freshet_media::subtitles::{ConvertError, ReadBlocksError};
use freshet_media::{NothingPlayable, ProbeError, StartRunError};
use freshet_model::{
    AccessError, ErrorCode, MagnetError, MetainfoError, SettingsError, SourceError, WireError,
};
use freshet_store::{ChangeAccessError, UpdateSettingsError, WriteError};
use freshet_web::FetchError;
use freshet_web::torznab::TorznabError;

/// The error with its causes, one after the other.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}

/// Gives an error its code.
pub(crate) trait Coded: std::error::Error + Sized {
    fn code(&self) -> ErrorCode;

    fn wire(self) -> WireError {
        WireError::new(self.code(), chain(&self))
    }
}

impl Coded for SourceError {
    fn code(&self) -> ErrorCode {
        match self {
            Self::Empty | Self::Unknown => ErrorCode::InvalidSource,
            Self::InfoHash(_) => ErrorCode::InvalidInfoHash,
            Self::Magnet(error) => error.code(),
            Self::Torrs(_) => ErrorCode::InvalidSource,
        }
    }
}

impl Coded for MagnetError {
    fn code(&self) -> ErrorCode {
        match self {
            Self::NotMagnet | Self::TooLong | Self::NoInfoHash | Self::TwoInfoHashes => {
                ErrorCode::InvalidSource
            }
            Self::InfoHash(_) => ErrorCode::InvalidInfoHash,
            Self::V2Only => ErrorCode::V2Only,
        }
    }
}

impl Coded for MetainfoError {
    fn code(&self) -> ErrorCode {
        match self {
            Self::V2Only => ErrorCode::V2Only,
            Self::TooLarge(_)
            | Self::Bencode(_)
            | Self::Field(_)
            | Self::PieceLength(_)
            | Self::NoFiles
            | Self::TooManyFiles
            | Self::FileLength(_)
            | Self::TotalLength
            | Self::PieceCount { .. }
            | Self::Path(_) => ErrorCode::InvalidTorrent,
        }
    }
}

impl Coded for SettingsError {
    fn code(&self) -> ErrorCode {
        match self {
            Self::Volume(_)
            | Self::TooLarge
            | Self::Indexers
            | Self::IdleTimeout(_)
            | Self::Preload(_)
            | Self::Connections(_)
            | Self::SeedRatio(_)
            | Self::DiskBudget(_)
            | Self::Proxy(_)
            | Self::UiScale(_)
            | Self::Speed(_)
            | Self::Language(_)
            | Self::Interface(_) => ErrorCode::BadRequest,
        }
    }
}

impl Coded for AccessError {
    fn code(&self) -> ErrorCode {
        match self {
            Self::TooManyDevices | Self::Name => ErrorCode::BadRequest,
            Self::NoSuchDevice => ErrorCode::NotFound,
        }
    }
}

impl Coded for ChangeAccessError {
    fn code(&self) -> ErrorCode {
        match self {
            Self::Invalid(error) => error.code(),
            Self::Store(error) => error.code(),
        }
    }
}

impl Coded for NothingPlayable {
    fn code(&self) -> ErrorCode {
        ErrorCode::UnreadableMedia
    }
}

impl Coded for ProbeError {
    fn code(&self) -> ErrorCode {
        match self {
            Self::Start(_) => ErrorCode::FfmpegMissing,
            Self::TimedOut(_) => ErrorCode::Stalled,
            Self::Unreadable(_) | Self::Answer(_) => ErrorCode::UnreadableMedia,
        }
    }
}

impl Coded for StartRunError {
    fn code(&self) -> ErrorCode {
        match self {
            Self::Spawn(_) => ErrorCode::FfmpegMissing,
            Self::Pipes => ErrorCode::Internal,
        }
    }
}

impl Coded for FetchError {
    fn code(&self) -> ErrorCode {
        match self {
            Self::AddressRefused(_) => ErrorCode::AddressRefused,
            Self::InterfaceMissing(_) => ErrorCode::InterfaceMissing,
            Self::NoCertificates => ErrorCode::CertificatesMissing,
            Self::Scheme(_)
            | Self::NoAddress(_)
            | Self::TooManyRedirects
            | Self::BadRedirect
            | Self::Status(_)
            | Self::TooLarge(_)
            | Self::TimedOut
            | Self::WrongRange(_)
            | Self::Rerouted
            | Self::Failed(_) => ErrorCode::FetchFailed,
        }
    }
}

impl Coded for TorznabError {
    fn code(&self) -> ErrorCode {
        match self {
            Self::Address(_) => ErrorCode::BadRequest,
            Self::Fetch(error) => error.code(),
            Self::Refused { .. } | Self::Feed(_) => ErrorCode::FetchFailed,
        }
    }
}

impl Coded for ResolveError {
    fn code(&self) -> ErrorCode {
        match self {
            Self::Metainfo(error) => error.code(),
            Self::Magnet(error) => error.code(),
            Self::Fetch(error) => error.code(),
            Self::TimedOut | Self::NobodyToAsk | Self::NoAnswer { .. } => ErrorCode::NoDetails,
            Self::WrongInfoHash => ErrorCode::InvalidTorrent,
            Self::Cancelled => ErrorCode::Cancelled,
            Self::Failed(_) => ErrorCode::Internal,
        }
    }
}

impl Coded for ActivateError {
    fn code(&self) -> ErrorCode {
        match self {
            Self::Metainfo(error) => error.code(),
            Self::WrongInfoHash(_) => ErrorCode::InvalidTorrent,
            Self::ShuttingDown => ErrorCode::Cancelled,
            Self::Failed(_) => ErrorCode::Internal,
        }
    }
}

impl Coded for OpenFileError {
    fn code(&self) -> ErrorCode {
        match self {
            Self::NotActive => ErrorCode::NotReady,
            Self::NoSuchFile(_) => ErrorCode::NoSuchFile,
            Self::TooManyReaders => ErrorCode::Busy,
            Self::Failed(failure) => failure_code(failure),
        }
    }
}

impl Coded for PreloadError {
    fn code(&self) -> ErrorCode {
        match self {
            Self::Open(error) => error.code(),
            Self::Read(error) => read_code(error),
            Self::Cancelled => ErrorCode::Cancelled,
        }
    }
}

/// A read of a torrent's file that failed.
pub(crate) fn read_failed(error: &std::io::Error) -> WireError {
    WireError::new(read_code(error), error.to_string())
}

fn read_code(error: &std::io::Error) -> ErrorCode {
    match ReadError::from_io(error) {
        Some(ReadError::Stalled) => ErrorCode::Stalled,
        Some(ReadError::Paused | ReadError::NotHere | ReadError::Removed) => ErrorCode::Cancelled,
        Some(ReadError::Failed(failure)) => failure_code(failure),
        None => io_code(error),
    }
}

impl Coded for ReadBlocksError {
    fn code(&self) -> ErrorCode {
        match self {
            Self::Read(error) => read_code(error),
            Self::NoIndex | Self::Packing => ErrorCode::UnreadableMedia,
        }
    }
}

impl Coded for ConvertError {
    fn code(&self) -> ErrorCode {
        match self {
            Self::Start(_) => ErrorCode::FfmpegMissing,
            Self::TimedOut(_) => ErrorCode::Stalled,
            Self::Failed => ErrorCode::UnreadableMedia,
        }
    }
}

impl Coded for ReadIndexError {
    fn code(&self) -> ErrorCode {
        match self {
            Self::Read(error) => read_code(error),
            Self::Index(_) => ErrorCode::UnreadableMedia,
        }
    }
}

impl Coded for DeletePiecesError {
    fn code(&self) -> ErrorCode {
        match self {
            Self::Io { .. } | Self::Failed(_) => ErrorCode::StorageFailed,
        }
    }
}

impl Coded for WriteError {
    fn code(&self) -> ErrorCode {
        match self {
            Self::DiskFull => ErrorCode::DiskFull,
            Self::FolderGone(_) => ErrorCode::FolderGone,
            Self::Damaged(_) => ErrorCode::Damaged,
            Self::Closed | Self::Fatal(_) | Self::Database(_) => ErrorCode::StoreFailed,
        }
    }
}

impl Coded for freshet_store::ReadError {
    fn code(&self) -> ErrorCode {
        match self {
            Self::Damaged(_) => ErrorCode::Damaged,
            Self::Closed | Self::Fatal(_) | Self::Database(_) => ErrorCode::StoreFailed,
        }
    }
}

impl Coded for UpdateSettingsError {
    fn code(&self) -> ErrorCode {
        match self {
            Self::Invalid(error) => error.code(),
            Self::Store(error) => error.code(),
        }
    }
}

fn failure_code(failure: &Failure) -> ErrorCode {
    match failure.kind {
        FailureKind::DiskFull => ErrorCode::DiskFull,
        FailureKind::Storage => ErrorCode::StorageFailed,
        FailureKind::Other => ErrorCode::Internal,
    }
}

fn io_code(error: &std::io::Error) -> ErrorCode {
    match error.kind() {
        std::io::ErrorKind::StorageFull | std::io::ErrorKind::QuotaExceeded => ErrorCode::DiskFull,
        // The kinds are the system's and grow with it; all but a full disk mean the same to a person.
        _ => ErrorCode::StorageFailed,
    }
}
