//! What the torrent's task asks the scheduler besides.

use std::time::Duration;

use super::{Action, PeerId, PieceState, Scheduler};
use crate::layout::PieceIndex;

impl Scheduler {
    /// Who sent the blocks of a piece that is not here yet, each once.
    pub fn senders_of(&self, piece: PieceIndex) -> Vec<PeerId> {
        self.partials.get(&piece).map(super::Partial::senders).unwrap_or_default()
    }

    /// A piece may lie on the disk, and is looked at: nobody is asked for it meanwhile. False if it is here, or under way.
    pub fn piece_is_being_checked(&mut self, piece: PieceIndex) -> bool {
        let is_missing = self.layout.is_piece(piece) && self.state(piece) == PieceState::Missing;
        if is_missing {
            self.states[piece.as_usize()] = PieceState::Checking;
        }
        is_missing
    }

    /// Pieces of which blocks are here or on their way, in order: how many blocks are here, and how many are asked for.
    pub fn partials(&self) -> impl Iterator<Item = (PieceIndex, u32, u32)> {
        self.partials.iter().map(|(piece, partial)| (*piece, partial.here(), partial.in_flight()))
    }

    /// The shortest way to a peer and back that was seen; `None` for one that is not connected.
    pub fn round_trip_of(&self, id: PeerId) -> Option<Duration> {
        self.peers.get(id).map(super::Peer::round_trip)
    }

    /// How many pieces a peer has.
    pub fn count_of(&self, id: PeerId) -> u32 {
        self.peers.get(id).map_or(0, |peer| peer.has.count())
    }

    /// Whether a peer has a piece that is missing here.
    pub fn has_missing(&self, id: PeerId) -> bool {
        let Some(peer) = self.peers.get(id) else { return false };
        peer.has.iter_ones().any(|piece| self.state(piece) != PieceState::Have)
    }

    /// Cancels everything that is under way, as when transfers are paused. Parts of pieces stay.
    pub fn take_all_back(&mut self, now: Duration, actions: &mut Vec<Action>) {
        for (id, peer) in self.peers.iter_mut() {
            let blocks: Vec<_> = peer.flights.iter().map(|flight| flight.block).collect();
            for block in blocks {
                peer.cancel_flight(block, now);
                actions.push(Action::Cancel { peer: id, block });
            }
        }
        for partial in self.partials.values_mut() {
            partial.drop_all_requests();
        }
    }
}
