//! What the same peers could do at best: all honest ones pour without a pause, and nothing comes twice.

use super::seeder::PeerSpec;
use super::world::WorldSpec;
use super::{micros, secs};
use crate::layout::BLOCK_BYTES;

const STEP_US: u64 = 1_000;
const LIMIT_US: u64 = 3_600_000_000;

/// Seconds from `start_us` until so many bytes are here: a fluid, that starts to run one round trip after it is asked for.
pub(super) fn secs_for(spec: &WorldSpec, start_us: u64, bytes: u64) -> f64 {
    let honest: Vec<&PeerSpec> = spec.peers.iter().filter(|peer| peer.is_honest()).collect();
    let first_block_us =
        |peer: &&PeerSpec| 2 * peer.one_way_us + micros(f64::from(BLOCK_BYTES) / peer.rate_at(start_us));
    let least_us = honest.iter().map(first_block_us).min().unwrap_or(LIMIT_US);
    let shortest_us = honest.iter().map(|peer| 2 * peer.one_way_us).min().unwrap_or(0);
    let line_us = shortest_us + micros(bytes as f64 / spec.down_bytes_per_sec);
    let mut here = 0.0;
    let mut passed_us = 0;
    while here < bytes as f64 && passed_us < LIMIT_US {
        let at_us = start_us + passed_us;
        for peer in &honest {
            let opens_us = peer.joins_at_us + peer.unchokes_after_us;
            let is_running =
                at_us >= opens_us.max(start_us) + 2 * peer.one_way_us && peer.awake_at(at_us) == at_us;
            if is_running {
                here += peer.rate_at(at_us) * secs(STEP_US);
            }
        }
        passed_us += STEP_US;
    }
    secs(passed_us.max(least_us).max(line_us))
}

/// Bytes per second of all honest peers together, if the client's line carries it.
pub(super) fn supply_bytes_per_sec(spec: &WorldSpec) -> f64 {
    let honest = spec.peers.iter().filter(|peer| peer.is_honest());
    honest.map(|peer| peer.up_bytes_per_sec).sum::<f64>().min(spec.down_bytes_per_sec)
}
