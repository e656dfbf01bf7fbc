//! Spreads the blocks of the plan over the peers.
//!
//! Who takes a block is decided by when each peer would deliver it. If all peers work together, each block of the plan
//! has a moment at which it could be here (see [`Together`]). A slow peer that would deliver it much later holds everybody
//! up; it takes a block further on, which is not needed before. So fast peers take what is needed first, and slow ones
//! what is needed when they are done, and all are busy.

use std::cell::OnceCell;
use std::time::Duration;

use super::peer::Peer;
use super::together::Together;
use super::trust::{self, Circle, Mood, Standing};
use super::{Action, Class, PeerId, PieceState, Scheduler};
use crate::layout::{BLOCK_BYTES, Block, PieceIndex};

/// A peer may be so much later than all together would be.
const PATIENCE: f64 = 1.25;
const PATIENCE_SECS: f64 = 0.03;
/// A block should be here so long before it is needed.
const DUE_MARGIN: Duration = Duration::from_millis(500);

/// Some look at what they were asked for only so often. Of one that has sent nothing yet it is not known; while others are
/// proven, it gets what can wait so long.
const NEWCOMER_PAUSE_SECS: f64 = 0.5;

/// What a peer's queue depends on besides itself.
#[derive(Debug, Clone, Copy)]
struct Swarm {
    has_proven: bool,
    /// Nobody waits for anything that is missing.
    is_idle: bool,
}

/// A peer that sends what it is asked for.
#[derive(Debug, Clone, Copy)]
pub(super) struct Server {
    pub(super) id: PeerId,
    /// In the list of peers.
    pub(super) slot: usize,
    /// How many blocks more it can be asked for.
    pub(super) room: usize,
    pub(super) in_flight: usize,
    /// When it could begin to deliver the next block that it is asked for, in seconds from now.
    pub(super) free_in_secs: f64,
    pub(super) secs_per_block: f64,
    pub(super) round_trip_secs: f64,
    pub(super) is_silent: bool,
    pub(super) standing: Standing,
}

impl Server {
    fn new(id: PeerId, slot: usize, peer: &Peer, now: Duration, extra_room: usize, swarm: Swarm) -> Self {
        let pace = peer.pace(now);
        let in_flight = peer.flights.len();
        let is_untried = swarm.has_proven && in_flight == 0 && peer.measured_rate().is_none();
        let pause_secs = if is_untried { NEWCOMER_PAUSE_SECS } else { 0.0 };
        Self {
            id,
            slot,
            room: peer.room(pace, extra_room, swarm.is_idle),
            in_flight,
            free_in_secs: pace.free_in_secs(in_flight) + pause_secs,
            secs_per_block: pace.secs_per_block,
            round_trip_secs: pace.round_trip_secs,
            is_silent: pace.is_silent,
            standing: peer.standing(),
        }
    }

    /// When so many more blocks would be here, in seconds from now.
    pub(super) fn eta_secs(&self, blocks: f64) -> f64 {
        self.free_in_secs + blocks * self.secs_per_block
    }

    pub(super) fn bytes_per_sec(&self) -> f64 {
        f64::from(BLOCK_BYTES) / self.secs_per_block
    }

    pub(super) fn is_asked(&mut self) {
        self.room = self.room.saturating_sub(1);
        self.free_in_secs += self.secs_per_block;
    }
}

/// A server that may add to the piece that is looked at.
#[derive(Debug, Clone, Copy)]
struct Helper {
    place: usize,
    /// How many blocks of the piece would be left to it, if it joined.
    share: f64,
}

impl Scheduler {
    /// All peers that send what they are asked for. `extra_room` is given beyond what keeps them busy.
    pub(super) fn servers(&self, now: Duration, extra_room: usize) -> Vec<Server> {
        let swarm = Swarm {
            has_proven: self.peers.values().any(|peer| peer.standing() == Standing::Proven),
            is_idle: self.plan.entries().first().is_none_or(|wanted| wanted.class == Class::Rest),
        };
        let peers = self.peers.iter().enumerate();
        let open = peers.filter(|(_, (_, peer))| peer.may_serve(now));
        open.map(|(slot, (id, peer))| Server::new(id, slot, peer, now, extra_room, swarm)).collect()
    }

    pub(super) fn assign(&mut self, now: Duration, actions: &mut Vec<Action>) {
        let mut servers = self.servers(now, 0);
        let mut with_room = servers.iter().filter(|server| server.room > 0).count();
        let mut left_blocks = self.flow.left_blocks(&servers, self.config.queue_slack);
        if with_room == 0 || left_blocks == 0 {
            return;
        }
        let mood = Mood::of(&servers);
        let at_first = servers.clone();
        let together = OnceCell::new();
        let mut helpers: Vec<Helper> = Vec::new();
        let mut ahead_bytes = 0.0;
        for place in 0..self.plan.entries().len() {
            let wanted = self.plan.entries()[place];
            let piece = wanted.piece;
            let unasked = self.unasked(piece);
            if unasked == 0 {
                continue;
            }
            let due_secs =
                wanted.due.map_or(f64::MAX, |due| due.saturating_sub(now + DUE_MARGIN).as_secs_f64());
            // The limit for a block that so many bytes come before, if the best of all peers takes so long.
            let limit_secs = |ahead_bytes: f64, best_secs: f64| {
                let together_secs = together.get_or_init(|| Together::new(&at_first)).secs_for(ahead_bytes);
                due_secs.max(together_secs.max(best_secs) * PATIENCE + PATIENCE_SECS)
            };
            let piece_starts = ahead_bytes;
            ahead_bytes += f64::from(unasked) * f64::from(BLOCK_BYTES);
            let (best_secs, best_with_room_secs) = self.best_for(piece, &servers);
            if best_with_room_secs > best_secs * PATIENCE + PATIENCE_SECS
                && best_with_room_secs > limit_secs(ahead_bytes, best_secs)
            {
                continue;
            }
            let is_soon = due_secs < trust::SOON_SECS;
            let mut circle = self.circle(piece, &servers, mood, is_soon);
            self.find_helpers(piece, unasked, &servers, &circle, &mut helpers);
            let mut passed_bytes = piece_starts;
            let mut from = 0;
            let mut best = best_of(&helpers, &servers);
            while let Some(index) = self.next_missing(piece, from) {
                from = index + 1;
                passed_bytes += f64::from(BLOCK_BYTES);
                let (best_secs, Some((at, secs))) = best else { break };
                if secs > best_secs * PATIENCE + PATIENCE_SECS && secs > limit_secs(passed_bytes, best_secs) {
                    continue;
                }
                let helper = &mut helpers[at];
                helper.share = 1.0;
                let server = &mut servers[helper.place];
                server.is_asked();
                with_room -= usize::from(server.room == 0);
                let is_closed = circle.add(server.id, server.standing);
                self.ask(server.id, Block { piece, index }, now, actions);
                left_blocks -= 1;
                if with_room == 0 || left_blocks == 0 {
                    return;
                }
                if is_closed {
                    self.find_helpers(piece, unasked, &servers, &circle, &mut helpers);
                }
                best = best_of(&helpers, &servers);
            }
        }
    }

    /// Blocks of a piece that nobody was asked for.
    pub(super) fn unasked(&self, piece: PieceIndex) -> u32 {
        match self.state(piece) {
            PieceState::Have | PieceState::Checking => 0,
            PieceState::Missing => self.layout.blocks_of(piece),
            PieceState::Partial => self.partials.get(&piece).map_or(0, |partial| partial.missing()),
        }
    }

    /// When a block of this piece would come from the best of all who have it, and from the best of those with room.
    fn best_for(&self, piece: PieceIndex, servers: &[Server]) -> (f64, f64) {
        let is_everywhere = self.availability(piece) as usize == self.peers.len();
        let mut best_secs = f64::MAX;
        let mut best_with_room_secs = f64::MAX;
        for server in servers {
            let secs = server.eta_secs(1.0);
            let is_better = secs < best_secs || (server.room > 0 && secs < best_with_room_secs);
            if is_better && (is_everywhere || self.serves(server, piece)) {
                best_secs = best_secs.min(secs);
                if server.room > 0 {
                    best_with_room_secs = best_with_room_secs.min(secs);
                }
            }
        }
        (best_secs, best_with_room_secs)
    }

    /// Who has the piece and may add to it.
    fn find_helpers(
        &self,
        piece: PieceIndex,
        unasked: u32,
        servers: &[Server],
        circle: &Circle,
        helpers: &mut Vec<Helper>,
    ) {
        helpers.clear();
        for (place, server) in servers.iter().enumerate() {
            if circle.admits(server.id, server.standing) && self.serves(server, piece) {
                let share = circle.share_of(server.id, server.standing, unasked);
                helpers.push(Helper { place, share });
            }
        }
    }

    pub(super) fn serves(&self, server: &Server, piece: PieceIndex) -> bool {
        self.peers.at(server.slot).is_some_and(|peer| peer.serves(piece))
    }

    /// The first block of a piece, from `from` on, that nobody was asked for.
    fn next_missing(&mut self, piece: PieceIndex, from: u32) -> Option<u32> {
        match self.partials.get_mut(&piece) {
            Some(partial) => partial.next_missing(from),
            None => (from < self.layout.blocks_of(piece)).then_some(from),
        }
    }

    pub(super) fn ask(&mut self, id: PeerId, block: Block, now: Duration, actions: &mut Vec<Action>) {
        let Some(peer) = self.peers.get_mut(id) else { return };
        peer.ask(block, now);
        self.partial(block.piece).ask(block.index, id);
        actions.push(Action::Request { peer: id, block });
    }
}

/// When the best of all helpers would be done, and the best of those with room: its place and when.
fn best_of(helpers: &[Helper], servers: &[Server]) -> (f64, Option<(usize, f64)>) {
    let mut best_secs = f64::MAX;
    let mut with_room: Option<(usize, f64)> = None;
    for (at, helper) in helpers.iter().enumerate() {
        let server = &servers[helper.place];
        let secs = server.eta_secs(helper.share);
        best_secs = best_secs.min(secs);
        if server.room > 0 && with_room.is_none_or(|(_, least)| secs < least) {
            with_room = Some((at, secs));
        }
    }
    (best_secs, with_room)
}

#[cfg(test)]
mod tests {
    use super::super::tests::{PIECES, ROUND_TRIP, alike, read, requests, run, scheduler, serve};
    use super::super::{Class, ReaderId};
    use super::*;
    use crate::bitfield::Bitfield;

    #[test]
    fn who_has_never_sent_anything_gets_what_can_wait_while_another_is_proven() {
        for is_proven in [true, false] {
            let mut scheduler = scheduler(1);
            let mut now = Duration::ZERO;
            if is_proven {
                scheduler.set_demand(ReaderId(0), read(Class::Player, 0, 1), now);
                assert!(serve(&mut scheduler, &mut now, &alike(1, 0.02), &[]).is_empty());
            }
            let untried = PeerId(1);
            scheduler.peer_joined(untried, ROUND_TRIP);
            scheduler.peer_has_all_of(untried, Bitfield::full(PIECES));
            scheduler.peer_unchoked(untried);

            scheduler.set_demand(ReaderId(0), read(Class::Player, 1, 16), now);
            let asked = requests(&run(&mut scheduler, now));

            let of_untried = || asked.iter().filter(|(peer, _)| *peer == untried);
            assert!(of_untried().count() > 0, "{asked:?}");
            let has_first = of_untried().any(|(_, block)| block.piece == PieceIndex(1));
            assert_eq!(has_first, !is_proven, "{asked:?}");
        }
    }
}
