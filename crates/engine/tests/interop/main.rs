//! Torrents from and to programs that nobody here wrote: the details by magnet link and every byte, both ways.

#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, reason = "what prepares a test fails with it")]

mod aria2;
#[path = "../common/mod.rs"]
mod common;
mod libtorrent;
mod material;
mod qbittorrent;
mod transmission;
