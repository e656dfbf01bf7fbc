//! Who is asked for which block, and what is taken back.
//!
//! The scheduler is told what happens (a peer has a piece, a block came, a reader moved) and answers with requests and
//! cancels. It knows no sockets, no files and no clock: the time is an argument, a [`Duration`] since any fixed moment. The
//! same calls give the same answers, so a simulator can run it for hours in a second.
//!
//! Blocks are scheduled, not pieces. Readers make a [`plan`]: pieces in the order in which they are needed, each with the
//! moment by which it is. [`assign`] spreads the blocks of that plan over the peers by rate and delay, and asks again
//! elsewhere for blocks that will come late.

mod assign;
mod bursts;
mod flow;
mod hedge;
#[cfg(test)]
pub(crate) mod ledger;
mod partial;
mod peer;
mod peers;
mod plan;
#[cfg(test)]
mod properties;
mod queries;
mod take_back;
mod terms;
#[cfg(test)]
mod tests;
mod together;
mod trust;

use std::collections::BTreeMap;
use std::time::Duration;

use partial::Partial;
use peer::Peer;
use peers::Peers;
use plan::Plan;
use trust::Standing;

use crate::bitfield::Bitfield;
use crate::layout::{Block, Layout, PieceIndex};

pub use plan::{Class, Demand, ReaderId};
pub use terms::{Action, Config, Counters, PeerId, PieceState, Received};

/// How often it is looked at what is needed while nothing of it is asked for: who rejects requests is asked again later.
const IDLE_INTERVAL: Duration = Duration::from_secs(1);

/// See the module.
#[derive(Debug)]
pub struct Scheduler {
    layout: Layout,
    config: Config,
    states: Vec<PieceState>,
    /// How many connected peers have each piece.
    availability: Vec<u32>,
    partials: BTreeMap<PieceIndex, Partial>,
    peers: Peers,
    plan: Plan,
    counters: Counters,
    flow: flow::Flow,
    hedged_at: Option<Duration>,
    /// Since when something is under way that nobody needs.
    unplanned_since: Option<Duration>,
}

impl Scheduler {
    /// `seed` decides among pieces that are equally rare.
    pub fn new(layout: Layout, config: Config, seed: u64) -> Self {
        let pieces = layout.pieces() as usize;
        Self {
            layout,
            config,
            states: vec![PieceState::Missing; pieces],
            availability: vec![0; pieces],
            partials: BTreeMap::new(),
            peers: Peers::default(),
            plan: Plan::new(seed),
            counters: Counters::default(),
            flow: flow::Flow::default(),
            hedged_at: None,
            unplanned_since: None,
        }
    }

    // --- pieces

    pub fn state(&self, piece: PieceIndex) -> PieceState {
        self.states.get(piece.as_usize()).copied().unwrap_or(PieceState::Missing)
    }

    /// How many connected peers have this piece.
    pub fn availability(&self, piece: PieceIndex) -> u32 {
        self.availability.get(piece.as_usize()).copied().unwrap_or(0)
    }

    /// How many blocks of a piece are here that is not here as a whole.
    pub fn blocks_here(&self, piece: PieceIndex) -> u32 {
        self.partials.get(&piece).map_or(0, Partial::here)
    }

    /// Whether a piece that nobody has whole has blocks on their way.
    pub fn is_requested(&self, piece: PieceIndex) -> bool {
        self.partials.get(&piece).is_some_and(|partial| partial.in_flight() > 0)
    }

    pub fn counters(&self) -> Counters {
        self.counters
    }

    /// The piece is here and right: from the disk at the start, or after its check. Those who sent its blocks are proven.
    pub fn piece_is_here(&mut self, piece: PieceIndex) -> Vec<Action> {
        let mut actions = Vec::new();
        if !self.layout.is_piece(piece) {
            return actions;
        }
        self.states[piece.as_usize()] = PieceState::Have;
        if let Some(partial) = self.partials.remove(&piece) {
            if !partial.is_complete() {
                // It came from elsewhere: its blocks were not looked at.
                self.take_back(piece, &partial, None, &mut actions);
                return actions;
            }
            for id in partial.senders() {
                if let Some(peer) = self.peers.get_mut(id) {
                    peer.prove();
                }
            }
        }
        actions
    }

    /// The hash was wrong: everything is asked for again. Gives who sent the blocks, by block; the first value is the one
    /// who must have lied, if that is certain.
    pub fn piece_failed(&mut self, piece: PieceIndex) -> (Option<PeerId>, Vec<Option<PeerId>>) {
        if self.state(piece) != PieceState::Checking {
            return (None, Vec::new());
        }
        self.states[piece.as_usize()] = PieceState::Missing;
        let Some(partial) = self.partials.remove(&piece) else { return (None, Vec::new()) };
        let senders = partial.senders();
        let liar = match senders.as_slice() {
            &[alone] => Some(alone),
            _ => None,
        };
        if liar.is_none() {
            // Who has left can't prove anything any more.
            let standing = |id: &PeerId| self.peers.get(*id).map_or(Standing::Newcomer, Peer::standing);
            let senders: Vec<_> = senders.iter().map(|id| (*id, standing(id))).collect();
            for (id, company) in trust::suspects(&senders) {
                if let Some(peer) = self.peers.get_mut(id) {
                    peer.accuse(company);
                }
            }
        }
        self.plan.set_changed();
        (liar, partial.sender_of_each())
    }

    /// The piece is not here any more: it was given up, or its place was lost.
    pub fn piece_is_gone(&mut self, piece: PieceIndex) {
        if self.state(piece) == PieceState::Have {
            self.states[piece.as_usize()] = PieceState::Missing;
            self.plan.set_changed();
        }
    }

    // --- peers

    /// `round_trip` is what is known of it so far: how long the connection took to be made.
    pub fn peer_joined(&mut self, id: PeerId, round_trip: Duration) {
        self.peers.insert(id, Peer::new(self.layout.pieces(), round_trip, &self.config));
    }

    /// Its requests are taken back; no cancel is sent to it.
    pub fn peer_left(&mut self, id: PeerId) {
        let Some(peer) = self.peers.remove(id) else { return };
        for piece in peer.has.iter_ones() {
            self.availability[piece.as_usize()] -= 1;
        }
        for flight in peer.flights {
            if let Some(partial) = self.partials.get_mut(&flight.block.piece) {
                partial.drop_request(flight.block.index, id);
            }
        }
    }

    /// It is known from elsewhere that all that it sent was right: it is no suspect any more.
    pub fn peer_is_right(&mut self, id: PeerId) {
        if let Some(peer) = self.peers.get_mut(id) {
            peer.prove();
        }
    }

    /// As [`Scheduler::peer_left`]; and what it sent is asked for again, where it is not checked yet.
    pub fn peer_lied(&mut self, id: PeerId) {
        self.peer_left(id);
        for partial in self.partials.values_mut().filter(|partial| !partial.is_complete()) {
            partial.drop_blocks_of(id);
        }
    }

    /// The most requests that it takes at a time (`reqq`, BEP 10).
    pub fn peer_takes(&mut self, id: PeerId, requests: usize) {
        if let Some(peer) = self.peers.get_mut(id) {
            peer.max_requests = requests.clamp(1, self.config.max_requests);
        }
    }

    /// Short queues do it no good: it is asked for at least so many blocks at a time, if it is asked at all.
    pub fn peer_takes_runs_of(&mut self, id: PeerId, requests: usize) {
        if let Some(peer) = self.peers.get_mut(id) {
            peer.min_requests = requests.min(self.config.max_requests);
        }
    }

    pub fn peer_has(&mut self, id: PeerId, piece: PieceIndex) {
        if let Some(peer) = self.peers.get_mut(id)
            && self.layout.is_piece(piece)
            && !peer.has.get(piece)
        {
            peer.has.set(piece);
            self.availability[piece.as_usize()] += 1;
        }
    }

    /// The peer gave a piece up (BEP 54).
    pub fn peer_lost(&mut self, id: PeerId, piece: PieceIndex) {
        if let Some(peer) = self.peers.get_mut(id)
            && self.layout.is_piece(piece)
            && peer.has.get(piece)
        {
            peer.has.clear(piece);
            self.availability[piece.as_usize()] -= 1;
        }
    }

    /// All that it has at once; what it said before is replaced. A field of another length is ignored.
    pub fn peer_has_all_of(&mut self, id: PeerId, has: Bitfield) {
        let Some(peer) = self.peers.get_mut(id) else { return };
        if has.pieces() != self.layout.pieces() {
            return;
        }
        for piece in peer.has.iter_ones() {
            self.availability[piece.as_usize()] -= 1;
        }
        for piece in has.iter_ones() {
            self.availability[piece.as_usize()] += 1;
        }
        peer.has = has;
        self.plan.peers_changed();
    }

    pub fn peer_unchoked(&mut self, id: PeerId) {
        if let Some(peer) = self.peers.get_mut(id) {
            peer.unchoke();
            self.plan.peers_changed();
        }
    }

    /// It sends nothing from now on. What it was asked for is dropped, unless it will reject it by itself (BEP 6).
    pub fn peer_choked(&mut self, id: PeerId, will_reject: bool) {
        let Some(peer) = self.peers.get_mut(id) else { return };
        peer.choke();
        if will_reject {
            return;
        }
        for block in peer.drop_flights() {
            if let Some(partial) = self.partials.get_mut(&block.piece) {
                partial.drop_request(block.index, id);
            }
        }
    }

    /// It sends this piece even while it chokes us (BEP 6).
    pub fn peer_allows(&mut self, id: PeerId, piece: PieceIndex) {
        if let Some(peer) = self.peers.get_mut(id)
            && self.layout.is_piece(piece)
        {
            peer.allow(piece);
        }
    }

    /// It will not send this block (BEP 6). Gives whether it was asked for it.
    pub fn rejected(&mut self, id: PeerId, block: Block, now: Duration) -> bool {
        let Some(peer) = self.peers.get_mut(id) else { return false };
        if !peer.take_flight(block) {
            return false;
        }
        peer.refuse(now);
        if let Some(partial) = self.partials.get_mut(&block.piece) {
            partial.drop_request(block.index, id);
        }
        true
    }

    /// A block came.
    pub fn received(
        &mut self,
        id: PeerId,
        block: Block,
        now: Duration,
        actions: &mut Vec<Action>,
    ) -> Received {
        let bytes = u64::from(self.layout.bytes_of_block(block));
        let Some(peer) = self.peers.get_mut(id) else { return Received::Unasked };
        if !peer.arrived(block, bytes, now) {
            return Received::Unasked;
        }
        self.flow.received(bytes, now);
        self.counters.received_bytes += bytes;
        let is_wanted = self.state(block.piece) == PieceState::Missing && self.plan.holds(block.piece);
        if is_wanted {
            self.partial(block.piece);
        }
        let Some(partial) = self.partials.get_mut(&block.piece) else {
            if self.state(block.piece) == PieceState::Have {
                self.counters.duplicate_bytes += bytes;
                return Received::Duplicate;
            }
            self.counters.unwanted_bytes += bytes;
            return Received::Unwanted;
        };
        let Some(owners) = partial.receive(block.index, id) else {
            self.counters.duplicate_bytes += bytes;
            return Received::Duplicate;
        };
        let is_complete = partial.is_complete();
        if is_complete {
            self.states[block.piece.as_usize()] = PieceState::Checking;
        }
        if owners.len() > 1 && owners.first() != Some(&id) {
            self.counters.hedges_won += 1;
        }
        for other in owners.into_iter().filter(|owner| *owner != id) {
            if let Some(loser) = self.peers.get_mut(other)
                && loser.cancel_flight(block, now)
            {
                actions.push(Action::Cancel { peer: other, block });
            }
        }
        Received::Stored(is_complete)
    }

    /// Whether the peer has a piece that is missing here and wanted.
    pub fn is_interesting(&self, id: PeerId) -> bool {
        let Some(peer) = self.peers.get(id) else { return false };
        let wants = |piece: PieceIndex| {
            peer.has.get(piece) && matches!(self.state(piece), PieceState::Missing | PieceState::Partial)
        };
        self.plan.pieces().any(wants)
    }

    // --- readers

    /// What a reader needs from now on. A seek is the same call with another place.
    pub fn set_demand(&mut self, reader: ReaderId, demand: Demand, now: Duration) {
        self.plan.set_demand(reader, demand, now, &self.layout);
    }

    /// What only this reader needed is cancelled by a [`Scheduler::run`]: at once if another one needs the peers, and else a moment
    /// later. Many players close one connection and open the next, at the same place.
    pub fn remove_demand(&mut self, reader: ReaderId) {
        self.plan.remove_demand(reader);
    }

    /// The pieces to fetch besides, rarest first, when no reader needs a peer.
    pub fn set_rest(&mut self, wanted: Option<Bitfield>) {
        self.plan.set_rest(wanted);
    }

    /// Decides: what to ask of whom now, and what to take back.
    pub fn run(&mut self, now: Duration, actions: &mut Vec<Action>) {
        let serves = |piece| self.peers.values().any(|peer| peer.serves(piece));
        let pieces =
            plan::Pieces { layout: &self.layout, states: &self.states, availability: &self.availability };
        let is_new = self.plan.refresh(now, &pieces, serves, self.config.max_rest_pieces);
        let is_short = is_new && self.is_anybody_short(now);
        if is_short {
            self.take_back_rest(now, actions);
        }
        if is_new || self.unplanned_since.is_some() {
            self.take_back_unplanned(is_short, now, actions);
        }
        if self.peers.values().all(|peer| peer.flights.is_empty()) {
            self.flow.begins(now);
        }
        // What is late comes first: it takes the room that is there.
        self.hedge(now, actions);
        self.assign(now, actions);
    }

    /// When [`Scheduler::run`] should be called even if nothing happens until then.
    pub fn next_run_in(&self) -> Option<Duration> {
        if self.peers.values().any(|peer| !peer.flights.is_empty()) {
            return Some(hedge::INTERVAL);
        }
        let is_waiting = !self.plan.entries().is_empty();
        if is_waiting && self.peers.values().any(Peer::is_open) {
            return Some(IDLE_INTERVAL);
        }
        self.plan.next_look_in()
    }

    /// What a peer is asked for at this moment, in the order in which it was asked.
    pub fn requests_of(&self, id: PeerId) -> impl Iterator<Item = Block> {
        self.peers.get(id).into_iter().flat_map(|peer| peer.flights.iter().map(|flight| flight.block))
    }

    /// The rate at which a peer sends while it is asked, in bytes per second; `None` before its first block.
    pub fn rate_of(&self, id: PeerId) -> Option<f64> {
        self.peers.get(id)?.measured_rate()
    }

    /// The blocks of a piece that is not here; the first look at it makes it a partial one.
    fn partial(&mut self, piece: PieceIndex) -> &mut Partial {
        let blocks = self.layout.blocks_of(piece);
        self.partials.entry(piece).or_insert_with(|| {
            self.states[piece.as_usize()] = PieceState::Partial;
            Partial::new(blocks)
        })
    }
}
