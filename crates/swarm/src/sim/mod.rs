//! A swarm in virtual time, to see what the scheduler makes of it.
//!
//! ```text
//! World: one queue of events, one clock in microseconds
//!   Seeder   x n   queue, send buffer that can't be taken back, line, misbehaviour
//!   Client         drives the scheduler as the torrent task does, hashes, bans
//!   Reader   x n   players and greedy readers
//! bound            what the same peers could do at best, if they worked perfectly together
//! ```
//!
//! Everything random comes from one seed, so a run is the same every time, and an hour takes seconds.

mod bound;
mod client;
mod measure;
mod random;
mod reader;
mod replay;
mod replay_tests;
mod seeder;
mod swarms;
mod tests;
mod world;

/// Of the virtual clock.
const MICROS_PER_SEC: f64 = 1e6;

fn secs(micros: u64) -> f64 {
    micros as f64 / MICROS_PER_SEC
}

fn micros(secs: f64) -> u64 {
    (secs * MICROS_PER_SEC).round() as u64
}
