//! What one block costs the scheduler: `cargo run --release -p freshet-swarm --example schedule_speed`.
#![allow(clippy::print_stdout, reason = "it is what this program is for")]

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use freshet_swarm::schedule::{Action, Class, Config, Demand, PeerId, ReaderId, Received, Scheduler};
use freshet_swarm::{BLOCK_BYTES, Bitfield, Block, Layout};

const PEERS: usize = 50;
const BLOCKS: u32 = 40_000;
const WINDOW_BYTES: u64 = 32 << 20;
const PEER_BYTES_PER_SEC: u32 = 1_000_000;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    for piece_kib in [256, 1024, 4096] {
        let layout = Layout::new(piece_kib * 1024, 16 << 30)?;
        let (alike, unlike) = (cost(layout, |_| 1), cost(layout, |peer| 1 + peer % 10));
        println!("pieces of {piece_kib:>4} KiB: {alike:?} a block; {unlike:?} with peers of ten rates");
    }
    Ok(())
}

/// The time that one block takes, of the machine's. A peer of slowness 3 sends one block while others send three.
fn cost(layout: Layout, slowness: impl Fn(usize) -> usize) -> Duration {
    let mut scheduler = Scheduler::new(layout, Config::default(), 1);
    let mut now = Duration::ZERO;
    let mut queues = vec![VecDeque::<Block>::new(); PEERS];
    for id in (0..PEERS as u64).map(PeerId) {
        scheduler.peer_joined(id, Duration::from_millis(50));
        scheduler.peer_has_all_of(id, Bitfield::full(layout.pieces()));
        scheduler.peer_unchoked(id);
    }
    let mut actions = Vec::new();
    let mut start_byte = 0;
    read(&mut scheduler, start_byte, now);
    scheduler.run(now, &mut actions);
    let step = Duration::from_secs_f64(f64::from(BLOCK_BYTES) / f64::from(PEER_BYTES_PER_SEC) / PEERS as f64);
    let started = Instant::now();
    let mut blocks = 0;
    for turn in 0.. {
        now += step;
        let peer = turn % PEERS;
        deal(&mut actions, &mut queues);
        if !(turn / PEERS).is_multiple_of(slowness(peer)) {
            continue;
        }
        let Some(block) = queues[peer].pop_front() else { continue };
        let received = scheduler.received(PeerId(peer as u64), block, now, &mut actions);
        if received == Received::Stored(true) {
            actions.extend(scheduler.piece_is_here(block.piece));
            while scheduler.state(layout.piece_at(start_byte)) == freshet_swarm::schedule::PieceState::Have {
                start_byte += u64::from(layout.piece_bytes());
            }
            read(&mut scheduler, start_byte, now);
        }
        scheduler.run(now, &mut actions);
        blocks += 1;
        if blocks == BLOCKS {
            break;
        }
    }
    started.elapsed() / blocks
}

fn read(scheduler: &mut Scheduler, start_byte: u64, now: Duration) {
    let demand = Demand { class: Class::Player, start_byte, window_bytes: WINDOW_BYTES, bytes_per_sec: 2e6 };
    scheduler.set_demand(ReaderId(1), demand, now);
}

fn deal(actions: &mut Vec<Action>, queues: &mut [VecDeque<Block>]) {
    for action in actions.drain(..) {
        match action {
            Action::Request { peer, block } => queues[peer.0 as usize].push_back(block),
            Action::Cancel { peer, block } => queues[peer.0 as usize].retain(|queued| *queued != block),
            Action::Forget(_) => {}
        }
    }
}
