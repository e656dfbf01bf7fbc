//! The one guarded HTTP client: what a stranger's link may make this computer ask, and how much of an answer we take.
//!
//! A link in a magnet, a torrent or a search result is written by somebody else. So every host is resolved here, judged
//! by an [`freshet_model::AddressPolicy`], and only the judged addresses are connected to; every answer has a ceiling in
//! bytes and in time. The wall stands here because no other room names an HTTP client: what is not fetched through this
//! door is not fetched.
//!
//! The way out of this computer is kept here too: who opens other sockets than this client's asks its [`Route`] for them.

mod client;
mod error;
mod exit;
mod fetch;
mod host;
pub mod interface;
mod lookup;
mod ranges;
mod route;
pub mod torznab;

pub use client::{BuildError, TorrentLink, WebClient, limits};
pub use error::FetchError;
pub use exit::WayOut;
pub use host::HostError;
pub use interface::Interface;
pub use ranges::{RangeBody, RangeClient};
pub use route::Route;
