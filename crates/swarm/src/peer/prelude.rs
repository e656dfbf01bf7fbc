//! What a peer says before anyone knows how many pieces its torrent has.

use bytes::Bytes;

use crate::bitfield::Bitfield;
use crate::layout::PieceIndex;
use crate::wire::{HANDSHAKE_ID, MAX_BITFIELD_BYTES, Message};

/// Pieces that a peer allows to be asked for while it chokes; clients allow about ten.
const MAX_ALLOWED: usize = 64;

/// What counts of a peer's messages while the metadata of its torrent is fetched, to be heard again by the torrent's task.
/// Bounded, whatever the peer says.
#[derive(Debug, Default)]
pub(crate) struct Prelude {
    has_all: bool,
    bitfield: Option<Bytes>,
    /// Pieces told of one by one, as bits.
    more: Vec<u8>,
    is_unchoking: bool,
    is_interested: bool,
    allowed: Vec<u32>,
    extended_handshake: Option<Bytes>,
}

impl Prelude {
    /// False if the peer says what it may not say at this time, or what no torrent can have.
    pub(crate) fn heard(&mut self, message: &Message) -> bool {
        match message {
            Message::Bitfield(bits) => self.bitfield = Some(Bytes::copy_from_slice(bits)),
            Message::HaveAll => self.has_all = true,
            Message::Have(piece) => return self.has(*piece),
            Message::Choke => self.is_unchoking = false,
            Message::Unchoke => self.is_unchoking = true,
            Message::Interested => self.is_interested = true,
            Message::NotInterested => self.is_interested = false,
            Message::AllowedFast(piece) => {
                if self.allowed.len() < MAX_ALLOWED && !self.allowed.contains(piece) {
                    self.allowed.push(*piece);
                }
            }
            Message::Extended { id: HANDSHAKE_ID, payload } => {
                self.extended_handshake = Some(Bytes::copy_from_slice(payload));
            }
            // Nothing was asked for.
            Message::Piece { .. } | Message::Reject { .. } => return false,
            Message::KeepAlive
            | Message::HaveNone
            | Message::Port(_)
            | Message::Suggest(_)
            | Message::Request { .. }
            | Message::Cancel { .. }
            | Message::Extended { .. }
            | Message::Unknown(_) => {}
        }
        true
    }

    fn has(&mut self, piece: u32) -> bool {
        let byte = piece / 8;
        if byte >= MAX_BITFIELD_BYTES {
            return false;
        }
        let byte = byte as usize;
        if self.more.len() <= byte {
            self.more.resize(byte + 1, 0);
        }
        self.more[byte] |= 0x80 >> (piece % 8);
        true
    }

    /// The same as a few messages, now that the number of pieces is known; `None` if the peer told of pieces that there
    /// are not.
    pub(crate) fn replay(self, pieces: u32) -> Option<Vec<Message>> {
        let mut has = match self.bitfield {
            Some(bits) => Bitfield::from_wire(&bits, pieces)?,
            None if self.has_all => Bitfield::full(pieces),
            None => Bitfield::new(pieces),
        };
        for piece in ones(&self.more) {
            if piece >= pieces {
                return None;
            }
            has.set(PieceIndex(piece));
        }
        let mut messages = Vec::new();
        messages
            .extend(self.extended_handshake.map(|payload| Message::Extended { id: HANDSHAKE_ID, payload }));
        if !has.is_empty() {
            messages.push(Message::Bitfield(Bytes::copy_from_slice(has.as_wire())));
        }
        messages.extend(self.allowed.into_iter().map(Message::AllowedFast));
        messages.extend(self.is_unchoking.then_some(Message::Unchoke));
        messages.extend(self.is_interested.then_some(Message::Interested));
        Some(messages)
    }
}

fn ones(bits: &[u8]) -> impl Iterator<Item = u32> {
    (0_u32..).zip(bits).flat_map(|(byte, bits)| {
        (0..8).filter(move |bit| bits & (0x80 >> bit) != 0).map(move |bit| byte * 8 + bit)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn prelude(said: &[Message]) -> Prelude {
        let mut prelude = Prelude::default();
        for message in said {
            assert!(prelude.heard(message), "{message:?}");
        }
        prelude
    }

    fn bits(bits: &'static [u8]) -> Message {
        Message::Bitfield(Bytes::from_static(bits))
    }

    #[test]
    fn what_was_said_one_by_one_is_said_again_at_once() {
        let handshake = Message::Extended { id: HANDSHAKE_ID, payload: Bytes::from_static(b"de") };
        let said = [
            bits(&[0b1000_0000, 0]),
            handshake.clone(),
            Message::Have(9),
            Message::AllowedFast(3),
            Message::AllowedFast(3),
            Message::Unchoke,
            Message::Choke,
            Message::Unchoke,
            Message::Interested,
            Message::NotInterested,
            Message::Have(1),
        ];
        let again = [handshake, bits(&[0b1100_0000, 0b0100_0000]), Message::AllowedFast(3), Message::Unchoke];
        assert_eq!(prelude(&said).replay(10), Some(again.to_vec()));
        assert_eq!(prelude(&[Message::HaveAll]).replay(3), Some(vec![bits(&[0b1110_0000])]));
        assert_eq!(prelude(&[Message::HaveNone]).replay(3), Some(Vec::new()));
    }

    #[test]
    fn who_told_of_pieces_that_there_are_not_is_found_out() {
        assert_eq!(prelude(&[bits(&[0xff])]).replay(10), None);
        assert_eq!(prelude(&[bits(&[0xff, 0xff])]).replay(10), None);
        assert_eq!(prelude(&[Message::HaveAll, Message::Have(10)]).replay(10), None);
    }

    #[test]
    fn no_flood_fills_the_memory() {
        let mut prelude = Prelude::default();
        assert!(!prelude.heard(&Message::Have(u32::MAX)));
        assert!(!prelude.heard(&Message::Have(MAX_BITFIELD_BYTES * 8)));
        for piece in 0..MAX_BITFIELD_BYTES * 8 {
            assert!(prelude.heard(&Message::Have(piece)));
            assert!(prelude.heard(&Message::AllowedFast(piece)));
        }
        assert_eq!(prelude.more.len(), MAX_BITFIELD_BYTES as usize);
        assert_eq!(prelude.allowed.len(), MAX_ALLOWED);
        let block = Message::Piece { piece: 0, begin: 0, data: Bytes::new() };
        assert!(!prelude.heard(&block), "nobody asked");
    }
}
