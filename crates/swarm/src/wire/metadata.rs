//! The messages by which peers give each other a torrent's info dictionary (BEP 9).

use bytes::Bytes;

use super::WireError;
use super::bencode::{Writer, parse_front};

/// The info dictionary is sent in pieces of so many bytes; the last can be shorter.
pub const METADATA_PIECE_BYTES: u32 = 16 * 1024;

const REQUEST: i64 = 0;
const DATA: i64 = 1;
const REJECT: i64 = 2;

/// A `ut_metadata` message; `piece` counts the pieces of the info dictionary.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MetadataMessage {
    Request {
        piece: u32,
    },
    /// The data shares the memory of the message; it has at most [`METADATA_PIECE_BYTES`].
    Data {
        piece: u32,
        /// Of the whole info dictionary.
        total_bytes: u32,
        data: Bytes,
    },
    Reject {
        piece: u32,
    },
}

impl MetadataMessage {
    /// The payload of the message.
    pub fn encode(&self) -> Bytes {
        let head = |kind: i64, piece: u32| {
            let mut dict = Writer::dict();
            dict.int("msg_type", kind);
            dict.int("piece", piece);
            dict
        };
        match self {
            Self::Request { piece } => head(REQUEST, *piece).finish().freeze(),
            Self::Reject { piece } => head(REJECT, *piece).finish().freeze(),
            Self::Data { piece, total_bytes, data } => {
                let mut dict = head(DATA, *piece);
                dict.int("total_size", *total_bytes);
                let mut payload = dict.finish();
                payload.extend_from_slice(data);
                payload.freeze()
            }
        }
    }

    /// Reads the payload; `None` for a type of message that we do not know, which is to be ignored (BEP 9).
    ///
    /// # Errors
    /// [`WireError`] if it is nothing that such a message may be.
    pub fn parse(payload: &Bytes) -> Result<Option<Self>, WireError> {
        let (dict, end) = parse_front(payload)?;
        let number = |key: &'static str| {
            dict.int(key).and_then(|value| u32::try_from(value).ok()).ok_or(WireError::Field(key))
        };
        Ok(Some(match dict.int("msg_type").ok_or(WireError::Field("msg_type"))? {
            REQUEST => Self::Request { piece: number("piece")? },
            REJECT => Self::Reject { piece: number("piece")? },
            DATA => {
                let data = payload.slice(end..);
                if data.len() > METADATA_PIECE_BYTES as usize {
                    return Err(WireError::Field("data"));
                }
                Self::Data { piece: number("piece")?, total_bytes: number("total_size")?, data }
            }
            _ => return Ok(None),
        }))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn parse(payload: &[u8]) -> Result<Option<MetadataMessage>, WireError> {
        MetadataMessage::parse(&Bytes::copy_from_slice(payload))
    }

    #[test]
    fn messages_are_written_as_the_standard_says() {
        let data = MetadataMessage::Data { piece: 0, total_bytes: 34_256, data: Bytes::from_static(b"xyz") };
        assert_eq!(data.encode()[..], b"d8:msg_typei1e5:piecei0e10:total_sizei34256eexyz"[..]);
        assert_eq!(MetadataMessage::Request { piece: 7 }.encode()[..], b"d8:msg_typei0e5:piecei7ee"[..]);
        assert_eq!(MetadataMessage::Reject { piece: 7 }.encode()[..], b"d8:msg_typei2e5:piecei7ee"[..]);
    }

    #[test]
    fn a_message_without_its_numbers_is_refused() {
        assert_eq!(parse(b"d5:piecei7ee"), Err(WireError::Field("msg_type")));
        assert_eq!(parse(b"d8:msg_typei0ee"), Err(WireError::Field("piece")));
        assert_eq!(parse(b"d8:msg_typei0e5:piecei-1ee"), Err(WireError::Field("piece")));
        assert_eq!(parse(b"d8:msg_typei1e5:piecei0eexyz"), Err(WireError::Field("total_size")));
    }

    #[test]
    fn more_data_than_a_piece_has_is_refused() {
        let data = |bytes| {
            let data = Bytes::from(vec![b'x'; bytes]);
            MetadataMessage::Data { piece: 0, total_bytes: 100_000, data }
        };
        assert_eq!(parse(&data(16_384).encode()), Ok(Some(data(16_384))));
        assert_eq!(parse(&data(16_385).encode()), Err(WireError::Field("data")));
    }

    #[test]
    fn an_unknown_type_is_ignored() {
        assert_eq!(parse(b"d8:msg_typei9ee"), Ok(None));
    }

    proptest! {
        #[test]
        fn what_was_encoded_is_parsed(
            piece: u32,
            total_bytes: u32,
            data in proptest::collection::vec(any::<u8>(), 0..100),
        ) {
            let data = MetadataMessage::Data { piece, total_bytes, data: Bytes::from(data) };
            for message in [data, MetadataMessage::Request { piece }, MetadataMessage::Reject { piece }] {
                prop_assert_eq!(MetadataMessage::parse(&message.encode()), Ok(Some(message)));
            }
        }

        #[test]
        fn garbage_does_not_panic(payload in proptest::collection::vec(any::<u8>(), 0..100)) {
            let _ = parse(&payload);
            let _ = parse(&[&b"d8:msg_typei1e"[..], &payload].concat());
        }
    }
}
