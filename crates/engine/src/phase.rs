//! What a reader has to know about its torrent while it waits.

use std::fmt;
use std::sync::Arc;

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

    /// Finds the I/O error among the causes, if there is one.
    pub(crate) fn from_chain(error: &anyhow::Error) -> Self {
        let io = error.chain().find_map(|cause| cause.downcast_ref::<std::io::Error>());
        let kind = match io.map(std::io::Error::kind) {
            Some(std::io::ErrorKind::StorageFull | std::io::ErrorKind::QuotaExceeded) => {
                FailureKind::DiskFull
            }
            Some(_) => FailureKind::Storage,
            None => FailureKind::Other,
        };
        Self { kind, message: format!("{error:#}").into() }
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
    use std::io;

    use super::*;

    #[test]
    fn a_full_disk_is_found_among_the_causes() {
        let table = [
            (io::ErrorKind::StorageFull, FailureKind::DiskFull),
            (io::ErrorKind::QuotaExceeded, FailureKind::DiskFull),
            (io::ErrorKind::PermissionDenied, FailureKind::Storage),
        ];
        for (kind, expected) in table {
            let error = anyhow::Error::new(io::Error::from(kind)).context("writing a block").context("outer");
            assert_eq!(Failure::from_chain(&error).kind, expected, "{kind:?}");
        }
        assert_eq!(Failure::from_chain(&anyhow::anyhow!("else")).kind, FailureKind::Other);
    }
}
