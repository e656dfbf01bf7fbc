//! How much comes in from all peers together.
//!
//! When our own line is what limits, every block that is on its way waits in one queue for all, and a seek waits behind it.
//! No more may be under way than the line carries in the time that a block takes.

use std::time::Duration;

use super::assign::Server;
use crate::layout::BLOCK_BYTES;

/// The rate is that of about the last so many seconds in which something was asked for.
const MEMORY_SECS: f64 = 0.5;
/// More than what is expected, so that the rate can grow.
const GROWTH: f64 = 1.25;
/// So much may always be under way.
const FREE_BYTES: f64 = 1024.0 * 1024.0;

#[derive(Debug, Default)]
pub(super) struct Flow {
    bytes: f64,
    secs: f64,
    /// When the last block came, or something was asked for after a pause.
    at: Duration,
}

impl Flow {
    /// Something is asked for, after nothing was.
    pub(super) fn begins(&mut self, now: Duration) {
        self.at = now;
    }

    pub(super) fn received(&mut self, bytes: u64, now: Duration) {
        let secs = now.saturating_sub(self.at).as_secs_f64();
        let kept = (-secs / MEMORY_SECS).exp();
        self.bytes = self.bytes * kept + bytes as f64;
        self.secs = self.secs * kept + secs;
        self.at = now;
    }

    fn bytes_per_sec(&self) -> f64 {
        // A shorter time says little.
        self.bytes / self.secs.max(MEMORY_SECS / 2.0)
    }

    /// How many more blocks may be under way.
    pub(super) fn left_blocks(&self, servers: &[Server], slack: Duration) -> usize {
        let mut in_flight = 0;
        let (mut rates, mut ways) = (0.0, 0.0);
        // What silent peers were asked for is not on the line.
        for server in servers.iter().filter(|server| !server.is_silent) {
            in_flight += server.in_flight;
            rates += server.bytes_per_sec();
            ways += server.bytes_per_sec() * server.round_trip_secs;
        }
        let way_secs = if rates > 0.0 { ways / rates } else { 0.0 };
        let bytes = self.bytes_per_sec() * (way_secs + slack.as_secs_f64()) * GROWTH + FREE_BYTES;
        ((bytes / f64::from(BLOCK_BYTES)) as usize).saturating_sub(in_flight)
    }
}
