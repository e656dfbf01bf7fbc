//! What a reader has to know about its torrent while it waits.

use std::fmt;
use std::io;
use std::sync::Arc;

use freshet_swarm::StorageFailure;

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Phase {
    /// Bytes may arrive.
    Live,
    Paused,
    Failed(Failure),
    Removed,
}

/// What kind of trouble stopped a torrent, as far as somebody reacts to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FailureKind {
    DiskFull,
    /// The pieces could not be written or read.
    Storage,
    Other,
}

/// Why a torrent stopped. Activating it again starts it anew.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    pub kind: FailureKind,
    message: Arc<str>,
}

impl Failure {
    pub(crate) fn other(message: impl Into<Arc<str>>) -> Self {
        Self { kind: FailureKind::Other, message: message.into() }
    }
}

impl From<&StorageFailure> for Failure {
    fn from(failure: &StorageFailure) -> Self {
        let kind = match failure.kind {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => FailureKind::DiskFull,
            _ => FailureKind::Storage,
        };
        Self { kind, message: failure.to_string().into() }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.kind {
            FailureKind::DiskFull => write!(f, "no room on the disk: {}", self.message),
            FailureKind::Storage | FailureKind::Other => f.write_str(&self.message),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_disk_is_told_from_other_trouble_with_it() {
        let table = [
            (io::ErrorKind::StorageFull, FailureKind::DiskFull),
            (io::ErrorKind::QuotaExceeded, FailureKind::DiskFull),
            (io::ErrorKind::PermissionDenied, FailureKind::Storage),
        ];
        for (kind, expected) in table {
            let failure = StorageFailure::from(io::Error::from(kind));
            assert_eq!(Failure::from(&failure).kind, expected, "{kind:?}");
        }
    }
}
