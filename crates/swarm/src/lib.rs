//! The BitTorrent transfer engine made for watching.
//!
//! ```text
//! discover --addresses--> peer tasks --blocks--> torrent task --pieces--> hash, piece store
//!                              ^                    |   ^
//!                              +---- requests ------+   +---- readers say where they stand, and get verified bytes
//! ```
//!
//! One task owns each torrent; peers, readers and blocking work send it messages. What it decides, it decides in
//! `schedule`, which knows neither sockets nor clocks and can be run in a simulator. Everything a peer sends passes
//! `wire`, which bounds it.
//!
//! The wall stands here because choosing who sends which block, by when, has to be testable without files or windows;
//! no other room than `freshet-engine` names this one.

mod bitfield;
pub mod discover;
mod layout;
pub mod mse;
pub mod pieces;
pub mod schedule;
#[cfg(test)]
mod sim;
pub mod wire;

pub use bitfield::Bitfield;
pub use layout::{BLOCK_BYTES, Block, Layout, LayoutError, PieceIndex};
