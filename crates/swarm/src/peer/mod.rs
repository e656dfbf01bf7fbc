//! One connection to a peer: dialed or accepted, shaken hands, then a task that carries messages both ways.
//!
//! The task decides nothing. What comes in goes to the torrent's task in batches, what that one says goes out; a peer that
//! breaks the protocol, says nothing for too long or does not take what it is sent loses its connection.

mod connection;
mod dial;
mod greet;
mod introduce;
mod linger;
pub(crate) mod listen;
mod network;
mod pex;
mod prelude;
mod ration;
mod through;
mod utp;

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite};

use crate::mse::MseError;
use crate::wire::{Handshake, WireError};

pub(crate) use connection::{COMMANDS, Connection, Link, Said, unheard};
pub(crate) use dial::Dialer;
pub(crate) use greet::{Doors, Greetings, greet};
pub(crate) use introduce::{LT_DONTHAVE, REQUEST_QUEUE, UT_METADATA, UT_PEX, introduction};
pub use network::NetworkSettings;
pub(crate) use network::Transport;
pub(crate) use pex::{PexExchange, callable};
pub(crate) use prelude::Prelude;
pub(crate) use ration::{Ration, Share};
pub(crate) use utp::{UtpSocket, device};

/// A way to carry bytes to a peer.
pub(crate) trait Duplex: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Duplex for T {}

/// A peer with whom hands were shaken.
#[derive(Debug)]
pub(crate) struct Greeted {
    pub(crate) connection: Connection,
    pub(crate) who: Who,
}

/// What is known of a peer from the start.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Who {
    pub(crate) address: SocketAddr,
    pub(crate) handshake: Handshake,
    pub(crate) way: Way,
    pub(crate) transport: Transport,
    /// All that is said, not the handshake alone.
    pub(crate) is_encrypted: bool,
    /// How long its answer took.
    pub(crate) round_trip: Duration,
}

/// A peer that said something before its torrent was known, and to which we introduced ourselves as having nothing.
#[derive(Debug)]
pub(crate) struct Acquainted {
    pub(crate) greeted: Greeted,
    pub(crate) prelude: Prelude,
}

/// Who called whom.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Way {
    Outgoing,
    Incoming,
}

/// Why there is no connection, or no more.
#[derive(Debug, thiserror::Error)]
pub(crate) enum PeerError {
    #[error("{0}")]
    Io(#[from] io::Error),
    #[error("it did not answer in time")]
    TimedOut,
    #[error("it belongs to another torrent")]
    OtherTorrent,
    #[error("it is this program itself")]
    Ourselves,
    #[error("{0}")]
    Wire(#[from] WireError),
    #[error("{0}")]
    Mse(#[from] MseError),
    #[error("{0}")]
    Web(#[from] freshet_web::FetchError),
    #[error("neither TCP nor uTP may be used")]
    NoTransport,
    #[error("it said nothing for too long")]
    Silent,
    #[error("it does not take what it is sent")]
    Stuck,
    #[error("it closed the connection")]
    Closed,
    #[error("all goes by another way out of this computer now")]
    Rerouted,
    #[error("it is not needed any more")]
    NotNeeded,
}

impl PeerError {
    /// Whether another transport may get through.
    fn is_about_reach(&self) -> bool {
        matches!(self, Self::Io(_) | Self::TimedOut | Self::Mse(MseError::Io(_)))
    }
}
