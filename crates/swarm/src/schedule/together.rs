//! When all peers together would have delivered so many bytes.

use super::assign::Server;

/// From this moment on, this rate: one more peer is done with what it was asked for before.
#[derive(Debug, Clone, Copy)]
struct Step {
    secs: f64,
    /// What came before.
    bytes: f64,
    bytes_per_sec: f64,
}

/// The peers as one flow: each adds its rate from when its queue is empty.
#[derive(Debug)]
pub(super) struct Together(Vec<Step>);

impl Together {
    pub(super) fn new(servers: &[Server]) -> Self {
        let mut starts: Vec<(f64, f64)> =
            servers.iter().map(|server| (server.free_in_secs, server.bytes_per_sec())).collect();
        starts.sort_unstable_by(|one, other| one.0.total_cmp(&other.0));
        let mut steps: Vec<Step> = Vec::with_capacity(starts.len());
        for (secs, bytes_per_sec) in starts {
            let step = match steps.last() {
                Some(last) => Step {
                    secs,
                    bytes: last.bytes + (secs - last.secs) * last.bytes_per_sec,
                    bytes_per_sec: last.bytes_per_sec + bytes_per_sec,
                },
                None => Step { secs, bytes: 0.0, bytes_per_sec },
            };
            steps.push(step);
        }
        Self(steps)
    }

    /// Seconds from now until these bytes, of those nobody was asked for yet, could be here.
    pub(super) fn secs_for(&self, bytes: f64) -> f64 {
        let after = self.0.partition_point(|step| step.bytes < bytes);
        match after.checked_sub(1).and_then(|last| self.0.get(last)).or(self.0.first()) {
            Some(step) => step.secs + (bytes - step.bytes).max(0.0) / step.bytes_per_sec,
            None => f64::MAX,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::layout::BLOCK_BYTES;
    use crate::schedule::PeerId;
    use crate::schedule::trust::Standing;

    #[test]
    fn each_peer_adds_its_rate_when_its_queue_is_empty() {
        let block = f64::from(BLOCK_BYTES);
        let server = |free_in_secs, secs_per_block| Server {
            id: PeerId(1),
            slot: 0,
            room: 1,
            in_flight: 0,
            free_in_secs,
            secs_per_block,
            round_trip_secs: 0.0,
            is_silent: false,
            standing: Standing::Proven,
        };
        let together = Together::new(&[server(3.0, 0.5), server(1.0, 1.0)]);

        assert_eq!(together.secs_for(0.0), 1.0);
        assert_eq!(together.secs_for(block), 2.0);
        assert_eq!(together.secs_for(2.0 * block), 3.0);
        assert_eq!(together.secs_for(5.0 * block), 4.0);
        assert_eq!(Together::new(&[]).secs_for(1.0), f64::MAX);
    }
}
