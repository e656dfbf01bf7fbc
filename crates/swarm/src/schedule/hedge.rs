//! Asks again elsewhere for blocks that will come too late.
//!
//! A peer that stalls or slows down holds a block that somebody waits for. When another one would deliver it clearly
//! sooner, that one is asked too; the loser gets a cancel as soon as one of them has sent it. How much may come twice is
//! bounded.

use std::collections::BTreeMap;
use std::time::Duration;

use super::partial::MAX_OWNERS;
use super::together::Together;
use super::trust::{self, Mood};
use super::{Action, PeerId, Scheduler};
use crate::layout::{BLOCK_BYTES, Block};

/// How often late blocks are looked for.
pub(super) const INTERVAL: Duration = Duration::from_millis(20);
/// Another peer has to be so much sooner.
const ADVANTAGE: f64 = 1.2;
const ADVANTAGE_SECS: f64 = 0.03;
/// What nobody waits for may take so long.
const REST_PATIENCE_SECS: f64 = 5.0;
/// Busy peers can be asked for so many blocks more: what is late comes before what they are busy with.
const EXTRA_ROOM: usize = 4;
/// All together may be asked for so many more than our own line carries.
const EXTRA_BLOCKS: usize = 16;
/// Blocks that may come twice before the share counts: a start has received nothing yet.
const FREE_DUPLICATE_BYTES: f64 = 512.0 * 1024.0;
/// Blocks that are on their way twice at a time.
const MAX_HEDGED: usize = 64;

impl Scheduler {
    pub(super) fn hedge(&mut self, now: Duration, actions: &mut Vec<Action>) {
        if self.hedged_at.is_some_and(|at| now.saturating_sub(at) < INTERVAL) {
            return;
        }
        self.hedged_at = Some(now);
        let mut servers = self.servers(now, EXTRA_ROOM);
        if servers.iter().all(|server| server.room == 0) {
            return;
        }
        // The soonest arrival of each block that is on its way, and how often it is.
        let mut arrivals: BTreeMap<Block, (f64, usize)> = BTreeMap::new();
        for peer in self.peers.values() {
            // Who sends nothing any more keeps nobody else from being asked.
            let is_silent = peer.pace(now).is_silent;
            for (block, secs) in peer.arrivals(now) {
                let soonest = arrivals.entry(block).or_insert((f64::MAX, 0));
                soonest.0 = soonest.0.min(secs);
                soonest.1 += usize::from(!is_silent);
            }
        }
        let hedged = arrivals.values().filter(|(_, owners)| *owners > 1).count();
        let horizon = now + self.config.hedge_horizon;
        let together = Together::new(&servers);
        let line_blocks = self.flow.left_blocks(&servers, self.config.queue_slack) + EXTRA_BLOCKS;
        let mut left = self.left_hedges(hedged).min(line_blocks);
        let mood = Mood::of(&servers);
        let mut ahead_bytes = 0.0;
        for place in 0..self.plan.entries().len() {
            let wanted = self.plan.entries()[place];
            ahead_bytes += f64::from(self.unasked(wanted.piece)) * f64::from(BLOCK_BYTES);
            let due_secs = match wanted.due {
                Some(due) if due < horizon => due.saturating_sub(now).as_secs_f64(),
                Some(_) => continue,
                None => REST_PATIENCE_SECS,
            };
            let piece = wanted.piece;
            // While blocks before it are not even asked for, nobody waits for this one.
            let limit_secs = due_secs.max(together.secs_for(ahead_bytes));
            let late: Vec<(Block, f64)> = arrivals
                .range(Block { piece, index: 0 }..=Block { piece, index: u32::MAX })
                .filter(|(_, (secs, owners))| *secs > limit_secs && *owners < MAX_OWNERS)
                .map(|(block, (secs, _))| (*block, *secs))
                .collect();
            if late.is_empty() {
                continue;
            }
            let is_soon = due_secs < trust::SOON_SECS;
            let mut circle = self.circle(piece, &servers, mood, is_soon);
            for (block, secs) in late {
                if left == 0 {
                    return;
                }
                let partial = self.partials.get(&piece);
                let owners = partial.map_or(&[][..], |partial| partial.owners(block.index));
                let best = servers
                    .iter_mut()
                    .filter(|server| server.room > 0 && circle.admits(server.id, server.standing))
                    .filter(|server| {
                        !owners.contains(&server.id)
                            && self.peers.at(server.slot).is_some_and(|peer| peer.serves(piece))
                    })
                    .min_by(|one, other| one.eta_secs(1.0).total_cmp(&other.eta_secs(1.0)));
                let Some(server) = best else { continue };
                if server.eta_secs(1.0) * ADVANTAGE + ADVANTAGE_SECS >= secs {
                    continue;
                }
                circle.add(server.id, server.standing);
                server.is_asked();
                let id = server.id;
                self.make_place(block, now, actions);
                self.ask(id, block, now, actions);
                self.counters.hedges += 1;
                left -= 1;
            }
        }
    }

    /// Takes a block back from a silent peer, if as many were asked for it as may be.
    fn make_place(&mut self, block: Block, now: Duration, actions: &mut Vec<Action>) {
        let Some(partial) = self.partials.get_mut(&block.piece) else { return };
        let owners = partial.owners(block.index);
        if owners.len() < MAX_OWNERS {
            return;
        }
        let is_silent = |owner: &PeerId| self.peers.get(*owner).is_some_and(|peer| peer.pace(now).is_silent);
        let Some(silent) = owners.iter().copied().find(is_silent) else { return };
        partial.drop_request(block.index, silent);
        if self.peers.get_mut(silent).is_some_and(|peer| peer.cancel_flight(block, now)) {
            actions.push(Action::Cancel { peer: silent, block });
        }
    }

    /// How many blocks more may be asked for twice, while so many are.
    fn left_hedges(&self, hedged: usize) -> usize {
        let share = self.config.max_duplicate_share;
        if share <= 0.0 {
            return 0;
        }
        let allowed_bytes = share * self.counters.received_bytes as f64 + FREE_DUPLICATE_BYTES;
        let left_blocks = (allowed_bytes - self.counters.duplicate_bytes as f64) / f64::from(BLOCK_BYTES);
        // Each of those may come twice.
        (left_blocks.max(0.0) as usize).min(MAX_HEDGED).saturating_sub(hedged)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::super::tests::{PIECES, ROUND_TRIP, read, requests, run, scheduler};
    use super::super::{Class, ReaderId, Received};
    use super::*;
    use crate::bitfield::Bitfield;

    #[test]
    fn silent_peers_do_not_keep_a_block_from_one_that_sends() {
        let (first, last) = (PeerId(0), PeerId(9));
        let mut scheduler = scheduler(1);
        scheduler.set_demand(ReaderId(0), read(Class::Player, 0, 1), Duration::ZERO);
        let asked = requests(&run(&mut scheduler, Duration::ZERO));
        let mut now = ROUND_TRIP;
        for (_, block) in &asked[1..] {
            assert_eq!(scheduler.received(first, *block, now, &mut Vec::new()), Received::Stored(false));
        }
        scheduler.peer_left(first);
        let join = |scheduler: &mut Scheduler, id| {
            scheduler.peer_joined(id, ROUND_TRIP);
            scheduler.peer_has_all_of(id, Bitfield::full(PIECES));
            scheduler.peer_unchoked(id);
        };

        // Each of the others is tried with the block that is left, and none sends it.
        let mut tried = BTreeSet::new();
        for id in 1..=4 {
            join(&mut scheduler, PeerId(id));
            for _ in 0..200 {
                tried.extend(requests(&run(&mut scheduler, now)));
                now += INTERVAL;
            }
        }
        assert_eq!(tried, (1..=4).map(|id| (PeerId(id), asked[0].1)).collect());

        join(&mut scheduler, last);
        let mut asked_of_last = Vec::new();
        for _ in 0..200 {
            asked_of_last.extend(requests(&run(&mut scheduler, now)));
            now += INTERVAL;
        }
        assert!(asked_of_last.contains(&(last, asked[0].1)), "{asked_of_last:?}");
    }
}
