//! Reads messages out of what has come in, and refuses what is too long before it has come in.

use bytes::{Buf, Bytes, BytesMut};

use super::WireError;
use super::assembly::MAX_METADATA_BYTES;
use super::message::{Message, id};

/// Longest block taken from a peer, which is the longest we ever ask for.
pub const MAX_BLOCK_BYTES: u32 = 16 * 1024;
/// Longest bitfield while the number of pieces is unknown: an info dictionary that we take has no room for more hashes.
pub const MAX_BITFIELD_BYTES: u32 = MAX_METADATA_BYTES / 20 / 8;
/// Longest payload of an extension message. Real ones stay below 20 KiB.
pub const MAX_EXTENDED_BYTES: u32 = 1024 * 1024;
/// Longest payload that is passed over for a message we do not know.
pub const MAX_UNKNOWN_BYTES: u32 = 64 * 1024;

/// Longest message there is: an extension message, with its two ids.
const MAX_MESSAGE_BYTES: u32 = 2 + MAX_EXTENDED_BYTES;
const LENGTH_BYTES: usize = 4;

/// What a peer may send.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Limits {
    /// How many pieces the torrent has; `None` while the metadata of a magnet link is unknown.
    pub pieces: Option<u32>,
}

/// Reads the messages of one peer.
///
/// The caller appends what it receives to a buffer and calls [`Decoder::decode`] until that has nothing more. The buffer
/// then holds less than one message, and that message's length is one that its kind may have: so the buffer never grows
/// beyond the ceiling of a kind plus what the caller reads at once.
#[derive(Debug)]
pub struct Decoder {
    limits: Limits,
    /// What is left of an unknown message, and thrown away as it comes.
    skip_bytes: usize,
}

impl Decoder {
    pub fn new(limits: Limits) -> Self {
        Self { limits, skip_bytes: 0 }
    }

    /// Says how many pieces there are, once the metadata is known. Holds for what is decoded afterwards; a bitfield from
    /// before is checked with [`is_bitfield_of`].
    pub fn set_pieces(&mut self, pieces: u32) {
        self.limits.pieces = Some(pieces);
    }

    /// Takes the next message off the front of the buffer, or nothing if it has not come whole.
    ///
    /// The data of [`Message::Piece`], [`Message::Bitfield`] and [`Message::Extended`] is not copied; it keeps the memory
    /// alive that the caller read into.
    ///
    /// # Errors
    /// [`WireError`] if the peer sends what no message may be; the connection can't be read any further.
    pub fn decode(&mut self, buf: &mut BytesMut) -> Result<Option<Message>, WireError> {
        let skipped = self.skip_bytes.min(buf.len());
        buf.advance(skipped);
        self.skip_bytes -= skipped;

        let Some(&length) = buf.first_chunk::<LENGTH_BYTES>() else { return Ok(None) };
        let length = u32::from_be_bytes(length);
        if length == 0 {
            buf.advance(LENGTH_BYTES);
            return Ok(Some(Message::KeepAlive));
        }
        if length > MAX_MESSAGE_BYTES {
            return Err(WireError::TooLong(length));
        }
        let Some(&id) = buf.get(LENGTH_BYTES) else { return Ok(None) };
        let payload_bytes = length - 1;
        let Some(kind) = Kind::of(id) else {
            if payload_bytes > MAX_UNKNOWN_BYTES {
                return Err(WireError::Length { id, bytes: payload_bytes });
            }
            buf.advance(LENGTH_BYTES + 1);
            self.skip_bytes = payload_bytes as usize;
            return Ok(Some(Message::Unknown(id)));
        };
        if !kind.may_have(payload_bytes, self.limits) {
            return Err(WireError::Length { id, bytes: payload_bytes });
        }
        if buf.len() < LENGTH_BYTES + length as usize {
            return Ok(None);
        }
        buf.advance(LENGTH_BYTES + 1);
        let message = kind.read(&mut buf.split_to(payload_bytes as usize).freeze());
        if let (Message::Bitfield(bits), Some(pieces)) = (&message, self.limits.pieces)
            && !is_bitfield_of(bits, pieces)
        {
            return Err(WireError::SpareBits);
        }
        Ok(Some(message))
    }
}

/// Whether these bytes are a bitfield for so many pieces: of the right length, with no bit beyond the last piece.
pub fn is_bitfield_of(bits: &[u8], pieces: u32) -> bool {
    let spare_bits = bits.len() as u64 * 8;
    let Some(spare_bits) = spare_bits.checked_sub(u64::from(pieces)) else { return false };
    match bits.last() {
        None => spare_bits == 0,
        Some(last) => spare_bits < 8 && last.trailing_zeros() >= spare_bits as u32,
    }
}

/// The messages we know, by what they carry.
#[derive(Clone, Copy)]
enum Kind {
    Empty(fn() -> Message),
    Number(fn(u32) -> Message),
    Block(fn(u32, u32, u32) -> Message),
    Bitfield,
    Piece,
    Port,
    Extended,
}

impl Kind {
    fn of(id: u8) -> Option<Self> {
        Some(match id {
            id::PIECE => Self::Piece,
            id::CHOKE => Self::Empty(|| Message::Choke),
            id::UNCHOKE => Self::Empty(|| Message::Unchoke),
            id::INTERESTED => Self::Empty(|| Message::Interested),
            id::NOT_INTERESTED => Self::Empty(|| Message::NotInterested),
            id::HAVE => Self::Number(Message::Have),
            id::BITFIELD => Self::Bitfield,
            id::REQUEST => Self::Block(|piece, begin, length| Message::Request { piece, begin, length }),
            id::CANCEL => Self::Block(|piece, begin, length| Message::Cancel { piece, begin, length }),
            id::PORT => Self::Port,
            id::SUGGEST => Self::Number(Message::Suggest),
            id::HAVE_ALL => Self::Empty(|| Message::HaveAll),
            id::HAVE_NONE => Self::Empty(|| Message::HaveNone),
            id::REJECT => Self::Block(|piece, begin, length| Message::Reject { piece, begin, length }),
            id::ALLOWED_FAST => Self::Number(Message::AllowedFast),
            id::EXTENDED => Self::Extended,
            _ => return None,
        })
    }

    /// Whether a payload of this kind may have so many bytes.
    fn may_have(self, payload_bytes: u32, limits: Limits) -> bool {
        match self {
            Self::Empty(_) => payload_bytes == 0,
            Self::Number(_) => payload_bytes == 4,
            Self::Block(_) => payload_bytes == 12,
            Self::Port => payload_bytes == 2,
            Self::Piece => (8..=8 + MAX_BLOCK_BYTES).contains(&payload_bytes),
            Self::Bitfield => match limits.pieces {
                Some(pieces) => payload_bytes == pieces.div_ceil(8),
                None => payload_bytes <= MAX_BITFIELD_BYTES,
            },
            Self::Extended => (1..=1 + MAX_EXTENDED_BYTES).contains(&payload_bytes),
        }
    }

    /// Reads a payload whose length was checked, so that no `get` finds too little.
    fn read(self, payload: &mut Bytes) -> Message {
        match self {
            Self::Empty(message) => message(),
            Self::Number(message) => message(payload.get_u32()),
            Self::Block(message) => message(payload.get_u32(), payload.get_u32(), payload.get_u32()),
            Self::Bitfield => Message::Bitfield(std::mem::take(payload)),
            Self::Piece => Message::Piece {
                piece: payload.get_u32(),
                begin: payload.get_u32(),
                data: std::mem::take(payload),
            },
            Self::Port => Message::Port(payload.get_u16()),
            Self::Extended => Message::Extended { id: payload.get_u8(), payload: std::mem::take(payload) },
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn decode(pieces: Option<u32>, bytes: &[u8]) -> Result<Option<Message>, WireError> {
        Decoder::new(Limits { pieces }).decode(&mut BytesMut::from(bytes))
    }

    fn head(payload_bytes: u32, id: u8) -> Vec<u8> {
        [&(payload_bytes + 1).to_be_bytes()[..], &[id]].concat()
    }

    #[test]
    fn a_length_that_the_kind_may_not_have_is_refused_by_the_first_five_bytes() {
        let table = [
            (id::CHOKE, 1),
            (id::HAVE_ALL, 4),
            (id::HAVE, 3),
            (id::SUGGEST, 5),
            (id::REQUEST, 11),
            (id::REJECT, 13),
            (id::PORT, 4),
            (id::PIECE, 7),
            (id::PIECE, 8 + MAX_BLOCK_BYTES + 1),
            (id::BITFIELD, MAX_BITFIELD_BYTES + 1),
            (id::EXTENDED, 0),
            (99, MAX_UNKNOWN_BYTES + 1),
        ];
        for (id, bytes) in table {
            assert_eq!(decode(None, &head(bytes, id)), Err(WireError::Length { id, bytes }));
        }
        assert_eq!(decode(None, &[0xff; 4]), Err(WireError::TooLong(u32::MAX)));
        assert_eq!(
            decode(None, &head(1 + MAX_EXTENDED_BYTES + 1, id::EXTENDED)),
            Err(WireError::TooLong(MAX_MESSAGE_BYTES + 1))
        );
    }

    #[test]
    fn a_length_at_the_ceiling_is_waited_for() {
        let table = [
            (id::PIECE, 8 + MAX_BLOCK_BYTES),
            (id::BITFIELD, MAX_BITFIELD_BYTES),
            (id::EXTENDED, 1 + MAX_EXTENDED_BYTES),
        ];
        for (id, bytes) in table {
            assert_eq!(decode(None, &head(bytes, id)), Ok(None), "{id}");
        }
    }

    #[test]
    fn a_bitfield_fits_the_pieces_exactly() {
        let bits = |bits: &[u8]| [head(bits.len() as u32, id::BITFIELD), bits.to_vec()].concat();

        let good = Message::Bitfield(Bytes::from_static(&[0xff, 0xc0]));
        assert_eq!(decode(Some(10), &bits(&[0xff, 0xc0])), Ok(Some(good)));
        assert_eq!(decode(Some(10), &bits(&[0xff, 0xe0])), Err(WireError::SpareBits));
        assert_eq!(decode(Some(10), &bits(&[0xff])), Err(WireError::Length { id: id::BITFIELD, bytes: 1 }));
        assert_eq!(
            decode(Some(10), &bits(&[0, 0, 0])),
            Err(WireError::Length { id: id::BITFIELD, bytes: 3 })
        );
        assert!(decode(None, &bits(&[0xff, 0xe0])).is_ok());
    }

    #[test]
    fn a_bitfield_can_be_checked_once_the_pieces_are_known() {
        let table: [(&[u8], u32, bool); 9] = [
            (&[], 0, true),
            (&[0], 0, false),
            (&[0x80], 1, true),
            (&[0x40], 1, false),
            (&[0xff], 8, true),
            (&[0xff], 9, false),
            (&[0xff, 0x80], 9, true),
            (&[0xff, 0x81], 9, false),
            (&[0, 0], 8, false),
        ];
        for (bits, pieces, fits) in table {
            assert_eq!(is_bitfield_of(bits, pieces), fits, "{bits:?} for {pieces}");
        }

        let mut decoder = Decoder::new(Limits::default());
        decoder.set_pieces(8);
        let long = BytesMut::from(&head(2, id::BITFIELD)[..]);
        assert_eq!(decoder.decode(&mut long.clone()), Err(WireError::Length { id: id::BITFIELD, bytes: 2 }));
    }

    #[test]
    fn an_unknown_message_is_passed_over_without_being_held() {
        let mut decoder = Decoder::new(Limits::default());
        let mut buf = BytesMut::from(&head(MAX_UNKNOWN_BYTES, 21)[..]);
        assert_eq!(decoder.decode(&mut buf), Ok(Some(Message::Unknown(21))));

        for _ in 0..MAX_UNKNOWN_BYTES / 1024 {
            buf.extend_from_slice(&[7; 1024]);
            assert_eq!(decoder.decode(&mut buf), Ok(None));
            assert!(buf.is_empty());
        }
        buf.extend_from_slice(&[0, 0, 0, 1, id::UNCHOKE]);
        assert_eq!(decoder.decode(&mut buf), Ok(Some(Message::Unchoke)));
    }

    #[test]
    fn a_block_is_not_copied() {
        let mut buf = BytesMut::new();
        Message::Piece { piece: 3, begin: 16384, data: Bytes::from(vec![5; 16384]) }.encode(&mut buf);
        let read_into = buf[13..].as_ptr();

        let Ok(Some(Message::Piece { piece: 3, begin: 16384, data })) =
            Decoder::new(Limits::default()).decode(&mut buf)
        else {
            panic!("no block")
        };
        assert_eq!((data.as_ptr(), data.len()), (read_into, 16384));
    }

    fn messages() -> impl Strategy<Value = Message> {
        let bytes = |max| proptest::collection::vec(any::<u8>(), 0..max).prop_map(Bytes::from);
        let block = || any::<(u32, u32, u32)>();
        prop_oneof![
            Just(Message::KeepAlive),
            Just(Message::Choke),
            Just(Message::Unchoke),
            Just(Message::Interested),
            Just(Message::NotInterested),
            Just(Message::HaveAll),
            Just(Message::HaveNone),
            any::<u32>().prop_map(Message::Have),
            any::<u32>().prop_map(Message::Suggest),
            any::<u32>().prop_map(Message::AllowedFast),
            any::<u16>().prop_map(Message::Port),
            block().prop_map(|(piece, begin, length)| Message::Request { piece, begin, length }),
            block().prop_map(|(piece, begin, length)| Message::Cancel { piece, begin, length }),
            block().prop_map(|(piece, begin, length)| Message::Reject { piece, begin, length }),
            bytes(300).prop_map(Message::Bitfield),
            (any::<u32>(), any::<u32>(), bytes(300)).prop_map(|(piece, begin, data)| Message::Piece {
                piece,
                begin,
                data
            }),
            (any::<u8>(), bytes(300)).prop_map(|(id, payload)| Message::Extended { id, payload }),
            (21..=255_u8).prop_map(Message::Unknown),
        ]
    }

    proptest! {
        #[test]
        fn what_was_encoded_is_decoded_however_it_is_cut(
            sent in proptest::collection::vec(messages(), 0..20),
            cut_bytes in 1..64_usize,
        ) {
            let mut bytes = BytesMut::new();
            for message in &sent {
                message.encode(&mut bytes);
            }

            let mut decoder = Decoder::new(Limits::default());
            let (mut buf, mut received) = (BytesMut::new(), Vec::new());
            for part in bytes.chunks(cut_bytes) {
                buf.extend_from_slice(part);
                while let Some(message) = decoder.decode(&mut buf).unwrap() {
                    received.push(message);
                }
            }
            prop_assert_eq!(received, sent);
            prop_assert!(buf.is_empty());
        }

        #[test]
        fn garbage_neither_panics_nor_is_held_beyond_its_ceiling(
            id: u8,
            length in prop_oneof![0..100_u32, any::<u32>()],
            parts in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..40), 0..40),
            pieces: Option<u32>,
        ) {
            let mut decoder = Decoder::new(Limits { pieces });
            let mut buf = BytesMut::from(&[&length.to_be_bytes()[..], &[id]].concat()[..]);
            for part in parts {
                buf.extend_from_slice(&part);
                loop {
                    match decoder.decode(&mut buf) {
                        Ok(Some(_)) => {}
                        Ok(None) => break,
                        Err(_) => return Ok(()),
                    }
                }
                if let Some(length) = buf.first_chunk::<4>() {
                    let message_bytes = u32::from_be_bytes(*length);
                    prop_assert!(message_bytes <= MAX_MESSAGE_BYTES);
                    prop_assert!(buf.len() < 4 + message_bytes as usize);
                }
            }
        }
    }
}
