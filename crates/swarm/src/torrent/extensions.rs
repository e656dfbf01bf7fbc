//! What peers and we tell each other by extensions (BEP 9, 10, 11 and 54).

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;

use super::PeerSource;
use super::task::Task;
use crate::layout::PieceIndex;
use crate::peer::{LT_DONTHAVE, UT_METADATA, UT_PEX, callable};
use crate::schedule::PeerId;
use crate::wire::{
    ExtendedHandshake, HANDSHAKE_ID, METADATA_PIECE_BYTES, Message, MetadataMessage, PexFlags, PexMessage,
    parse_dont_have,
};

/// While so many messages wait to be sent to a peer, it gets no metadata from us.
const MAX_WAITING_FOR_METADATA: usize = 64;

/// So often one peer gets the whole info dictionary; a request is small, and what it brings is not.
const MAX_METADATA_COPIES: u32 = 3;

impl Task {
    pub(super) fn extended(&mut self, id: PeerId, extension: u8, payload: &Bytes) {
        match extension {
            HANDSHAKE_ID => {
                let Ok(handshake) = ExtendedHandshake::parse(payload) else { return };
                if let Some(requests) = handshake.request_queue {
                    self.scheduler.peer_takes(id, requests as usize);
                }
                if let Some(peer) = self.peers.get_mut(&id) {
                    peer.extensions = handshake;
                }
            }
            UT_METADATA => {
                if let Ok(Some(MetadataMessage::Request { piece })) = MetadataMessage::parse(payload) {
                    self.asked_for_metadata(id, piece);
                }
            }
            UT_PEX if self.exchanges_addresses() => {
                let Ok(message) = PexMessage::parse(payload) else { return };
                let Some(peer) = self.peers.get_mut(&id) else { return };
                let taken = peer.pex.take(message);
                for (address, _) in taken.iter().filter(|(_, flags)| flags.prefers_encryption()) {
                    self.context.dialer.remember(*address, true);
                }
                let addresses = taken.into_iter().map(|(address, _)| address).collect();
                self.add_addresses(addresses, PeerSource::Pex);
            }
            LT_DONTHAVE => {
                if let Ok(piece) = parse_dont_have(payload) {
                    self.scheduler.peer_lost(id, PieceIndex(piece));
                    self.has_changed(id);
                }
            }
            _ => {}
        }
    }

    fn asked_for_metadata(&mut self, id: PeerId, piece: u32) {
        let Some(peer) = self.peers.get_mut(&id) else { return };
        let Some(extension) = peer.extensions.ut_metadata else { return };
        let is_taking = peer.commands.max_capacity() - peer.commands.capacity() < MAX_WAITING_FOR_METADATA;
        let info = self.spec.info.as_ref().filter(|info| {
            is_taking && peer.metadata_given < metadata_pieces(info).saturating_mul(MAX_METADATA_COPIES)
        });
        let message = match info.and_then(|info| metadata_piece(info, piece)) {
            Some(data) => {
                peer.metadata_given += 1;
                data
            }
            None => MetadataMessage::Reject { piece },
        };
        self.tell(id, Message::Extended { id: extension, payload: message.encode() });
    }

    /// Never in a private torrent (BEP 27).
    pub(super) fn exchanges_addresses(&self) -> bool {
        !self.spec.is_private && self.context.dialer.settings().pex
    }

    /// Tells peers of other peers, each once a minute.
    pub(super) fn exchange_addresses(&mut self, now: Duration) {
        if !self.exchanges_addresses() {
            return;
        }
        let all: BTreeMap<SocketAddr, PexFlags> = self
            .peers
            .values()
            .filter(|peer| peer.web.is_none())
            .filter_map(|peer| callable(&peer.who, peer.extensions.listen_port, peer.is_seed))
            .collect();
        let mut messages = Vec::new();
        for (id, peer) in &mut self.peers {
            let Some(extension) = peer.extensions.ut_pex else { continue };
            let them = callable(&peer.who, peer.extensions.listen_port, false);
            let them = them.map_or(peer.address, |(address, _)| address);
            if let Some(message) = peer.pex.next(now, them, &all) {
                messages.push((*id, Message::Extended { id: extension, payload: message.encode() }));
            }
        }
        for (id, message) in messages {
            self.tell(id, message);
        }
    }
}

fn metadata_pieces(info: &Bytes) -> u32 {
    u32::try_from(info.len()).map_or(0, |bytes| bytes.div_ceil(METADATA_PIECE_BYTES))
}

/// A piece of the info dictionary; nothing if it has no such piece.
fn metadata_piece(info: &Bytes, piece: u32) -> Option<MetadataMessage> {
    let total_bytes = u32::try_from(info.len()).ok()?;
    let begin = piece.checked_mul(METADATA_PIECE_BYTES).filter(|begin| *begin < total_bytes)?;
    let end = begin.saturating_add(METADATA_PIECE_BYTES).min(total_bytes);
    let data = info.slice(begin as usize..end as usize);
    Some(MetadataMessage::Data { piece, total_bytes, data })
}
