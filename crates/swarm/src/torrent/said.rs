//! What peers say.

use bytes::Bytes;

use super::peers::Peer;
use super::task::Task;
use super::timeline::Happening;
use super::upload::Asked;
use crate::bitfield::Bitfield;
use crate::layout::PieceIndex;
use crate::schedule::{Action, PeerId, Received};
use crate::wire::Message;

/// Blocks that nobody asked for, before a peer is let go.
const MAX_UNASKED: u32 = 64;
/// Times a peer may say all at once what it has. Some do that in place of many single words, each time when it is shorter:
/// at most 72 times, for it comes to an eighth of a byte for each piece, and a single word to 9 bytes.
const MAX_TELLINGS: u32 = 100;

impl Task {
    pub(super) fn said(&mut self, id: PeerId, message: Message, actions: &mut Vec<Action>) {
        let now = self.now();
        let pieces = self.spec.layout.pieces();
        let Some(peer) = self.peers.get_mut(&id) else { return };
        match message {
            Message::Piece { piece, begin, data } => self.block(id, piece, begin, data, actions),
            Message::KeepAlive | Message::Port(_) | Message::Suggest(_) | Message::Unknown(_) => {}
            Message::Choke => {
                if !peer.is_choking {
                    self.timeline.note(now, Happening::Choked(peer.address));
                }
                peer.is_choking = true;
                let will_reject = peer.supports_fast;
                self.scheduler.peer_choked(id, will_reject);
                self.record_flip(id, true);
            }
            Message::Unchoke => {
                peer.is_choking = false;
                self.timeline.note_first(now, Happening::FirstUnchoke(peer.address));
                peer.heard_at = now;
                self.scheduler.peer_unchoked(id);
                self.record_flip(id, false);
            }
            Message::Interested => {
                peer.is_interested = true;
                self.choked_at = None;
            }
            Message::NotInterested => peer.is_interested = false,
            Message::Have(piece) if self.spec.layout.is_piece(PieceIndex(piece)) => {
                self.scheduler.peer_has(id, PieceIndex(piece));
                self.has_changed(id);
            }
            Message::Have(_) => self.dismiss(id, "tells of a piece that there is not"),
            Message::HaveAll | Message::HaveNone if peer.tellings > 0 => {
                self.dismiss(id, "tells what it has again");
            }
            Message::Bitfield(_) if peer.tellings >= MAX_TELLINGS => {
                self.dismiss(id, "tells what it has again and again");
            }
            Message::Bitfield(bits) => self.has_all_of(id, Bitfield::from_wire(&bits, pieces)),
            Message::HaveAll => self.has_all_of(id, Some(Bitfield::full(pieces))),
            Message::HaveNone => peer.tellings += 1,
            Message::Request { piece, begin, length } => self.asked(id, Asked { piece, begin, length }),
            Message::Cancel { piece, begin, length } => {
                if peer.queue.cancel(Asked { piece, begin, length }) && peer.supports_fast {
                    self.tell(id, Message::Reject { piece, begin, length });
                }
            }
            Message::Reject { piece, begin, length } => {
                if let Some(block) = self.spec.layout.block_at(piece, begin, length) {
                    self.scheduler.rejected(id, block, now);
                }
            }
            Message::AllowedFast(piece) => self.scheduler.peer_allows(id, PieceIndex(piece)),
            Message::Extended { id: extension, payload } => self.extended(id, extension, &payload),
        }
    }

    /// It may not say so without end: each time costs as much as there are pieces.
    fn has_all_of(&mut self, id: PeerId, has: Option<Bitfield>) {
        let Some(has) = has else { return self.dismiss(id, "sends no bitfield of this torrent") };
        if let Some(peer) = self.peers.get_mut(&id) {
            peer.tellings += 1;
        }
        self.scheduler.peer_has_all_of(id, has);
        self.has_changed(id);
    }

    fn block(&mut self, id: PeerId, piece: u32, begin: u32, data: Bytes, actions: &mut Vec<Action>) {
        let now = self.now();
        let bytes = data.len() as u64;
        self.down.add(now, bytes);
        let Some(peer) = self.peers.get_mut(&id) else { return };
        peer.down.add(now, bytes);
        peer.heard_at = now;
        if peer.web.is_none() {
            self.timeline.note_first(now, Happening::FirstBlock(peer.address));
        }
        let block = self.spec.layout.block_at(piece, begin, data.len() as u32);
        let received = block.map(|block| (block, self.scheduler.received(id, block, now, actions)));
        match received {
            Some((block, Received::Stored(is_last))) => {
                self.keep_block(block.piece, block.index, data, is_last);
            }
            Some((_, Received::Duplicate | Received::Unwanted)) => {}
            None | Some((_, Received::Unasked)) => {
                let Some(peer) = self.peers.get_mut(&id) else { return };
                peer.unasked += 1;
                if peer.unasked > MAX_UNASKED {
                    self.dismiss(id, "sends what nobody asked for");
                }
            }
        }
    }

    pub(super) fn has_changed(&mut self, id: PeerId) {
        let has_count = self.scheduler.count_of(id);
        let pieces = self.spec.layout.pieces();
        if let Some(peer) = self.peers.get_mut(&id) {
            peer.has_count = has_count;
            peer.is_seed = has_count == pieces;
        }
        self.update_interest(id);
    }

    fn update_interest(&mut self, id: PeerId) {
        let has = !self.is_complete() && self.scheduler.has_missing(id);
        let Some(peer) = self.peers.get_mut(&id) else { return };
        if has != peer.am_interested {
            peer.am_interested = has;
            self.tell(id, if has { Message::Interested } else { Message::NotInterested });
        }
    }

    /// After something came or went: who has nothing more for us should not keep a place for us.
    pub(super) fn update_interests(&mut self) {
        let is_complete = self.is_complete();
        let may_change = |peer: &Peer| peer.am_interested == is_complete;
        let all: Vec<PeerId> =
            self.peers.iter().filter(|(_, peer)| may_change(peer)).map(|(id, _)| *id).collect();
        for id in all {
            self.update_interest(id);
        }
    }
}
