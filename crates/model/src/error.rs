//! What a window or a client is told when something goes wrong.

use serde::{Deserialize, Serialize};

/// Why an operation failed, as far as somebody reacts to it: the UI chooses its words by this code and the language.
///
/// A code exists only where the UI has a sentence or an action of its own for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
#[serde(rename_all = "snake_case")]
pub enum ErrorCode {
    /// The text is no magnet link, info hash or web link.
    InvalidSource,
    /// The info hash in a link has the wrong length or characters.
    InvalidInfoHash,
    /// The bytes are no `.torrent` file, or one outside the limits.
    InvalidTorrent,
    /// Only a version-2 info hash: there is nothing we could ask version-1 peers for.
    V2Only,
    /// A web link could not be fetched.
    FetchFailed,
    /// A web link leads to an address that we do not ask (loopback, private network).
    AddressRefused,
    /// The network interface through which everything goes is not there.
    InterfaceMissing,
    /// The system has no certificates to know a server of https by.
    CertificatesMissing,
    /// Nobody gave us the details of the torrent in time.
    NoDetails,
    /// No such torrent in the library.
    NotFound,
    /// The torrent has no such file, or nothing playable.
    NoSuchFile,
    /// The torrent has no details yet.
    NotReady,
    /// The media can't be read: not a film, or in a form nobody here decodes.
    UnreadableMedia,
    /// No `ffmpeg` on this computer.
    FfmpegMissing,
    /// Nothing arrived for so long that the operation gave up.
    Stalled,
    /// Too many readers at once.
    Busy,
    /// No room on the disk.
    DiskFull,
    /// The pieces of a torrent can't be written or read.
    StorageFailed,
    /// The folder with the library was removed, replaced, or made read-only.
    FolderGone,
    /// The library on the disk is not what was written; the next start puts a backup in its place.
    Damaged,
    /// The database refused the change; nothing was changed.
    StoreFailed,
    /// The caller may not do this.
    Forbidden,
    /// The request itself is not understood.
    BadRequest,
    /// The operation was given up before it ended.
    Cancelled,
    /// A fault of ours.
    Internal,
}

/// An error as it crosses to the UI and to clients of `/rpc`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub struct WireError {
    pub code: ErrorCode,
    /// English, lower case, for "Details" and logs; the UI's own sentence comes from `code`.
    pub message: String,
}

impl WireError {
    pub fn new(code: ErrorCode, message: impl Into<String>) -> Self {
        Self { code, message: message.into() }
    }
}

impl std::fmt::Display for WireError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for WireError {}
