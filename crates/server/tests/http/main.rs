//! The server over real sockets, on a whole app, with a seeder in the same process.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test may fail")]

#[path = "../common/mod.rs"]
mod common;

mod browser;
mod conformance;
mod connections;
mod contract;
mod cors;
mod describing;
mod dlna;
mod episodes;
mod film_door;
mod guard;
mod import;
mod map;
mod network;
mod openapi;
#[cfg(target_os = "linux")]
mod other_players;
mod pictures;
mod posters;
mod ranges;
mod report;
mod search;
#[path = "../../../app/tests/common/site.rs"]
mod site;
mod snapshots;
mod sounds;
mod subtitles;
mod temporary;
mod torrs;
mod viewers;
