//! The messages, and how they are written.

use bytes::{BufMut, Bytes, BytesMut};

/// One message (BEP 3, 5, 6 and 10). Numbers are as the peer sent them: nothing says that such a piece exists.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Message {
    KeepAlive,
    Choke,
    Unchoke,
    Interested,
    NotInterested,
    Have(u32),
    /// One bit for each piece, the first in the highest bit of the first byte.
    Bitfield(Bytes),
    Request {
        piece: u32,
        begin: u32,
        length: u32,
    },
    /// A block. Its data shares the memory that it was read into.
    Piece {
        piece: u32,
        begin: u32,
        data: Bytes,
    },
    Cancel {
        piece: u32,
        begin: u32,
        length: u32,
    },
    /// The UDP port of the peer's DHT node (BEP 5).
    Port(u16),
    /// BEP 6, as the next four and [`Message::AllowedFast`].
    Suggest(u32),
    HaveAll,
    HaveNone,
    Reject {
        piece: u32,
        begin: u32,
        length: u32,
    },
    AllowedFast(u32),
    /// BEP 10; 0 is its handshake, other ids are those that the receiver gave in its own.
    Extended {
        id: u8,
        payload: Bytes,
    },
    /// A message we do not know; its payload is passed over.
    Unknown(u8),
}

/// The number of each message on the wire.
pub(super) mod id {
    pub(crate) const CHOKE: u8 = 0;
    pub(crate) const UNCHOKE: u8 = 1;
    pub(crate) const INTERESTED: u8 = 2;
    pub(crate) const NOT_INTERESTED: u8 = 3;
    pub(crate) const HAVE: u8 = 4;
    pub(crate) const BITFIELD: u8 = 5;
    pub(crate) const REQUEST: u8 = 6;
    pub(crate) const PIECE: u8 = 7;
    pub(crate) const CANCEL: u8 = 8;
    pub(crate) const PORT: u8 = 9;
    pub(crate) const SUGGEST: u8 = 13;
    pub(crate) const HAVE_ALL: u8 = 14;
    pub(crate) const HAVE_NONE: u8 = 15;
    pub(crate) const REJECT: u8 = 16;
    pub(crate) const ALLOWED_FAST: u8 = 17;
    pub(crate) const EXTENDED: u8 = 20;
}

impl Message {
    /// Appends the message, its length in front. A payload is ours, and thus far below the 4 GiB that a length can say.
    pub fn encode(&self, out: &mut BytesMut) {
        match self {
            Self::KeepAlive => out.put_u32(0),
            Self::Choke => put_head(out, id::CHOKE, 0),
            Self::Unchoke => put_head(out, id::UNCHOKE, 0),
            Self::Interested => put_head(out, id::INTERESTED, 0),
            Self::NotInterested => put_head(out, id::NOT_INTERESTED, 0),
            Self::Have(piece) => put_number(out, id::HAVE, *piece),
            Self::Bitfield(bits) => {
                put_head(out, id::BITFIELD, bits.len());
                out.put_slice(bits);
            }
            Self::Request { piece, begin, length } => put_block(out, id::REQUEST, [*piece, *begin, *length]),
            Self::Piece { piece, begin, data } => {
                put_head(out, id::PIECE, 8 + data.len());
                out.put_u32(*piece);
                out.put_u32(*begin);
                out.put_slice(data);
            }
            Self::Cancel { piece, begin, length } => put_block(out, id::CANCEL, [*piece, *begin, *length]),
            Self::Port(port) => {
                put_head(out, id::PORT, 2);
                out.put_u16(*port);
            }
            Self::Suggest(piece) => put_number(out, id::SUGGEST, *piece),
            Self::HaveAll => put_head(out, id::HAVE_ALL, 0),
            Self::HaveNone => put_head(out, id::HAVE_NONE, 0),
            Self::Reject { piece, begin, length } => put_block(out, id::REJECT, [*piece, *begin, *length]),
            Self::AllowedFast(piece) => put_number(out, id::ALLOWED_FAST, *piece),
            Self::Extended { id, payload } => {
                put_head(out, id::EXTENDED, 1 + payload.len());
                out.put_u8(*id);
                out.put_slice(payload);
            }
            Self::Unknown(id) => put_head(out, *id, 0),
        }
    }
}

fn put_head(out: &mut BytesMut, id: u8, payload_bytes: usize) {
    out.reserve(5 + payload_bytes);
    out.put_u32(1 + payload_bytes as u32);
    out.put_u8(id);
}

fn put_number(out: &mut BytesMut, id: u8, number: u32) {
    put_head(out, id, 4);
    out.put_u32(number);
}

fn put_block(out: &mut BytesMut, id: u8, block: [u32; 3]) {
    put_head(out, id, 12);
    for number in block {
        out.put_u32(number);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn encoded(message: &Message) -> Vec<u8> {
        let mut out = BytesMut::new();
        message.encode(&mut out);
        out.to_vec()
    }

    #[test]
    fn messages_are_written_as_the_standards_say() {
        let data = Bytes::from_static(b"xyz");
        let table: [(Message, &[u8]); 18] = [
            (Message::KeepAlive, b"\0\0\0\0"),
            (Message::Choke, b"\0\0\0\x01\x00"),
            (Message::Unchoke, b"\0\0\0\x01\x01"),
            (Message::Interested, b"\0\0\0\x01\x02"),
            (Message::NotInterested, b"\0\0\0\x01\x03"),
            (Message::Have(258), b"\0\0\0\x05\x04\0\0\x01\x02"),
            (Message::Bitfield(data.clone()), b"\0\0\0\x04\x05xyz"),
            (
                Message::Request { piece: 1, begin: 2, length: 3 },
                b"\0\0\0\x0d\x06\0\0\0\x01\0\0\0\x02\0\0\0\x03",
            ),
            (
                Message::Piece { piece: 1, begin: 2, data: data.clone() },
                b"\0\0\0\x0c\x07\0\0\0\x01\0\0\0\x02xyz",
            ),
            (
                Message::Cancel { piece: 1, begin: 2, length: 3 },
                b"\0\0\0\x0d\x08\0\0\0\x01\0\0\0\x02\0\0\0\x03",
            ),
            (Message::Port(6881), b"\0\0\0\x03\x09\x1a\xe1"),
            (Message::Suggest(1), b"\0\0\0\x05\x0d\0\0\0\x01"),
            (Message::HaveAll, b"\0\0\0\x01\x0e"),
            (Message::HaveNone, b"\0\0\0\x01\x0f"),
            (
                Message::Reject { piece: 1, begin: 2, length: 3 },
                b"\0\0\0\x0d\x10\0\0\0\x01\0\0\0\x02\0\0\0\x03",
            ),
            (Message::AllowedFast(1), b"\0\0\0\x05\x11\0\0\0\x01"),
            (Message::Extended { id: 7, payload: data }, b"\0\0\0\x05\x14\x07xyz"),
            (Message::Unknown(99), b"\0\0\0\x01\x63"),
        ];
        for (message, bytes) in table {
            assert_eq!(encoded(&message), bytes, "{message:?}");
        }
    }
}
