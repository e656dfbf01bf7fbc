//! From a magnet link to the info dictionary of its torrent (BEP 9).
//!
//! Many peers are called at once, and the pieces of the dictionary are asked of all that have it. When it is whole, the
//! connections live on: the torrent takes them over, so that the first block can be asked for without calling anybody anew.

mod peers;
mod task;

use std::net::SocketAddr;

use bytes::Bytes;

use crate::peer::Acquainted;

pub(crate) use task::{Request, run};

/// How far it has come.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ResolveProgress {
    /// Addresses that are known.
    pub known: u32,
    pub connected: u32,
    /// Peers that were connected so far, gone ones included.
    pub asked: u32,
    /// Connected peers that say that they have the metadata.
    pub offering: u32,
}

/// The metadata of a magnet link.
#[derive(Debug)]
pub struct Metadata {
    /// The info dictionary, as its SHA-1 proves. Whether it makes sense was not looked at.
    pub info: Bytes,
    /// The connected peers, for [`crate::Torrent::adopt`].
    pub peers: ResolvedPeers,
    /// How many peers were asked.
    pub asked: u32,
    /// Other addresses that were given or that peers named. They are not to be used if the torrent is private, but for
    /// those that the caller knows from a tracker.
    pub addresses: Vec<SocketAddr>,
}

/// Connections that wait for their torrent. Dropping it closes them.
#[derive(Debug, Default)]
pub struct ResolvedPeers(pub(crate) Vec<Acquainted>);

impl ResolvedPeers {
    pub fn len(&self) -> usize {
        self.0.len()
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// Why there is no metadata.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ResolveError {
    /// No address is left to try, and no more will be told.
    #[error("no peer that was found gave the metadata")]
    NoPeers,
    #[error("transfers have ended")]
    Stopped,
}
