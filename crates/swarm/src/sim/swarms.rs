//! Swarms to try.

use super::micros;
use super::random::Random;
use super::seeder::{Behaviour, PeerSpec};
use super::world::WorldSpec;
use crate::schedule::Config;

/// A large film.
pub(super) const TOTAL_BYTES: u64 = 8 << 30;

pub(super) fn world(piece_bytes: u64, peers: Vec<PeerSpec>, seed: u64) -> WorldSpec {
    WorldSpec {
        piece_bytes: piece_bytes as u32,
        total_bytes: TOTAL_BYTES,
        peers,
        down_bytes_per_sec: 12.5e6,
        config: Config::default(),
        seed,
    }
}

/// Eight seeders with 46 Mbit/s together.
pub(super) fn wan() -> Vec<PeerSpec> {
    [
        (10.0, 40.0),
        (8.0, 60.0),
        (5.0, 90.0),
        (4.0, 150.0),
        (8.0, 50.0),
        (3.0, 120.0),
        (6.0, 80.0),
        (2.0, 100.0),
    ]
    .map(|(up, round_trip)| PeerSpec::seed(up, round_trip))
    .to_vec()
}

/// The same, as lines really are: windows open slowly, rates move.
pub(super) fn rough_wan() -> Vec<PeerSpec> {
    let rough = |peer| PeerSpec { has_slow_start: true, min_rate_factor: 0.5, jitter_us: 15_000, ..peer };
    wan().into_iter().map(rough).collect()
}

/// The same behind limits that let bytes go ten times a second.
pub(super) fn bursty_wan() -> Vec<PeerSpec> {
    wan().into_iter().map(|peer| PeerSpec { tick_us: 100_000, ..peer }).collect()
}

/// Five good seeders, a poor one, and one of each kind that does harm.
pub(super) fn hostile() -> Vec<PeerSpec> {
    let mut peers: Vec<PeerSpec> = wan();
    peers.truncate(3);
    peers.push(PeerSpec::seed(8.0, 50.0));
    peers.push(PeerSpec::seed(6.0, 80.0));
    peers.push(PeerSpec::seed(0.15, 200.0));
    peers.push(PeerSpec::seed(20.0, 40.0).with(Behaviour::StallsAfter(3)));
    // Half a message never becomes a block.
    peers.push(PeerSpec::seed(20.0, 60.0).with(Behaviour::StallsAfter(0)));
    peers.push(PeerSpec::seed(8.0, 50.0).with(Behaviour::Corrupts(1.0)));
    peers.push(PeerSpec::seed(0.032, 30.0));
    peers
}

/// Every 6 s another three of eight fall silent.
pub(super) fn churn(for_secs: u64) -> Vec<PeerSpec> {
    let mut peers = wan();
    let mut random = Random::new(7);
    for (id, peer) in peers.iter_mut().enumerate() {
        for slot in 1..for_secs / 6 {
            let is_silent = [0, 3, 6].iter().any(|step| (slot as usize - 1 + step) % 8 == id);
            if is_silent {
                // What was lost is sent again only when a timer of TCP says so.
                let end = (slot + 1) as f64 * 6.0 + random.between(0.05, 0.8);
                peer.silences.push(slot * 6_000_000..micros(end));
            }
        }
    }
    peers
}

/// Four on the same network.
pub(super) fn lan() -> Vec<PeerSpec> {
    (0..4).map(|_| PeerSpec { jitter_us: 50, ..PeerSpec::seed(400.0, 0.4) }).collect()
}

/// Forty of all kinds, of which four lie.
pub(super) fn liars() -> Vec<PeerSpec> {
    let mut peers = many(40, 5);
    for (place, share) in [(3, 1.0), (11, 1.0), (24, 0.5), (33, 0.1)] {
        peers[place].behaviour = Behaviour::Corrupts(share);
    }
    peers
}

/// So many seeders of all kinds: most are slow, few are fast.
pub(super) fn many(peers: usize, seed: u64) -> Vec<PeerSpec> {
    let mut random = Random::new(seed);
    let mut peer = |_| {
        // From 0.5 to 20 Mbit/s, as many between 1 and 2 as between 10 and 20.
        let up = 0.5 * 40_f64.powf(random.unit());
        let round_trip = random.between(15.0, 250.0);
        let send_buffer_secs = random.between(0.05, 0.5);
        PeerSpec { send_buffer_secs, is_fast: random.unit() < 0.7, ..PeerSpec::seed(up, round_trip) }
    };
    (0..peers).map(&mut peer).collect()
}
