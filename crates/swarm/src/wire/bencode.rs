//! How the payloads of extensions are read and written. The reader is the model's, with the ceilings of a peer.

use bytes::{BufMut, BytesMut};
use freshet_model::bencode::{self, BencodeError, Dict, Value};

use super::WireError;

/// A handshake is a dictionary in a dictionary; a few levels more are for extensions we do not know.
const MAX_DEPTH: usize = 8;
/// A handshake has about forty values.
const MAX_VALUES: usize = 512;

/// Reads a payload that is one dictionary.
pub(super) fn parse(payload: &[u8]) -> Result<Dict<'_>, WireError> {
    match bencode::parse(payload, MAX_DEPTH, MAX_VALUES)? {
        Value::Dict(dict) => Ok(dict),
        Value::Int(_) | Value::Bytes(_) | Value::List(_) => Err(WireError::Field("dictionary")),
    }
}

/// Reads a payload that starts with a dictionary; also says where that ends.
pub(super) fn parse_front(payload: &[u8]) -> Result<(Dict<'_>, usize), WireError> {
    match bencode::parse(payload, MAX_DEPTH, MAX_VALUES) {
        Err(BencodeError::TrailingBytes(end)) => Ok((parse(&payload[..end])?, end)),
        _ => Ok((parse(payload)?, payload.len())),
    }
}

/// Writes a dictionary. The caller gives the keys in their order (BEP 3 wants them sorted).
#[derive(Debug)]
pub(super) struct Writer(BytesMut);

impl Writer {
    pub(super) fn dict() -> Self {
        Self(BytesMut::from(&b"d"[..]))
    }

    pub(super) fn int(&mut self, key: &str, value: impl Into<i64>) {
        self.text(key.as_bytes());
        self.0.put_slice(format!("i{}e", value.into()).as_bytes());
    }

    pub(super) fn bytes(&mut self, key: &str, value: &[u8]) {
        self.text(key.as_bytes());
        self.text(value);
    }

    pub(super) fn nested(&mut self, key: &str, value: Self) {
        self.text(key.as_bytes());
        self.0.put_slice(&value.finish());
    }

    pub(super) fn finish(mut self) -> BytesMut {
        self.0.put_u8(b'e');
        self.0
    }

    fn text(&mut self, bytes: &[u8]) {
        self.0.put_slice(format!("{}:", bytes.len()).as_bytes());
        self.0.put_slice(bytes);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_follows_the_dictionary_is_found() {
        let (dict, end) = parse_front(b"d1:ai1eeREST").unwrap();
        assert_eq!((dict.int("a"), end), (Some(1), 8));
        let (dict, end) = parse_front(b"d1:ai2ee").unwrap();
        assert_eq!((dict.int("a"), end), (Some(2), 8));
    }

    #[test]
    fn what_is_no_dictionary_is_refused() {
        assert_eq!(parse(b"i1e").unwrap_err(), WireError::Field("dictionary"));
        assert_eq!(parse_front(b"i1eREST").unwrap_err(), WireError::Field("dictionary"));
        assert_eq!(parse(b"").unwrap_err(), WireError::Bencode(BencodeError::Truncated(0)));
        let deep = [b"l".repeat(9), b"e".repeat(9)].concat();
        assert_eq!(parse_front(&deep).unwrap_err(), WireError::Bencode(BencodeError::TooDeep));
    }

    #[test]
    fn a_dictionary_is_written_as_it_is_read() {
        let mut inner = Writer::dict();
        inner.int("x", 7_u8);
        let mut outer = Writer::dict();
        outer.bytes("a", b"bc");
        outer.nested("m", inner);
        assert_eq!(outer.finish()[..], b"d1:a2:bc1:md1:xi7eee"[..]);
    }
}
