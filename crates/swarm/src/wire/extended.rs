//! The handshake of the extension protocol (BEP 10), and the smallest extension (BEP 54).

use std::net::IpAddr;

use bytes::Bytes;
use freshet_model::{bencode::Dict, clean_name};

use super::WireError;
use super::bencode::{Writer, parse};

/// The id of the handshake itself in [`super::Message::Extended`].
pub const HANDSHAKE_ID: u8 = 0;

/// A longer name of a client is cut.
pub const MAX_CLIENT_CHARS: usize = 64;

/// What a peer tells about itself after the first handshake. All of it can be missing, and none of it can be trusted.
///
/// The first three are the ids by which that peer wants to be sent these messages.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ExtendedHandshake {
    /// BEP 9.
    pub ut_metadata: Option<u8>,
    /// BEP 11.
    pub ut_pex: Option<u8>,
    /// BEP 54: a piece is no longer to be had.
    pub lt_donthave: Option<u8>,
    /// BEP 21: it wants no pieces (any more).
    pub upload_only: bool,
    /// Length of the info dictionary (BEP 9).
    pub metadata_bytes: Option<u32>,
    /// How many requests it holds for us at a time.
    pub request_queue: Option<u32>,
    /// Name and version of the program: printable, at most [`MAX_CLIENT_CHARS`] characters.
    pub client: Option<String>,
    /// Where it takes connections over TCP; never 0.
    pub listen_port: Option<u16>,
    /// Our address, as it sees us.
    pub your_ip: Option<IpAddr>,
}

impl ExtendedHandshake {
    /// The payload of the message.
    pub fn encode(&self) -> Bytes {
        let mut ids = Writer::dict();
        for (key, id) in
            [("lt_donthave", self.lt_donthave), ("ut_metadata", self.ut_metadata), ("ut_pex", self.ut_pex)]
        {
            if let Some(id) = id {
                ids.int(key, id);
            }
        }
        let mut dict = Writer::dict();
        dict.nested("m", ids);
        if let Some(bytes) = self.metadata_bytes {
            dict.int("metadata_size", bytes);
        }
        if let Some(port) = self.listen_port {
            dict.int("p", port);
        }
        if let Some(requests) = self.request_queue {
            dict.int("reqq", requests);
        }
        if self.upload_only {
            dict.int("upload_only", 1);
        }
        if let Some(client) = &self.client {
            dict.bytes("v", client.as_bytes());
        }
        match self.your_ip {
            Some(IpAddr::V4(address)) => dict.bytes("yourip", &address.octets()),
            Some(IpAddr::V6(address)) => dict.bytes("yourip", &address.octets()),
            None => {}
        }
        dict.finish().freeze()
    }

    /// Reads the payload. A value of the wrong kind or size counts as missing.
    ///
    /// # Errors
    /// [`WireError`] if it is no dictionary, or one without measure.
    pub fn parse(payload: &[u8]) -> Result<Self, WireError> {
        let dict = parse(payload)?;
        // Id 0 takes an extension back (BEP 10).
        let id = |key| {
            let ids = dict.dict("m")?;
            number::<u8>(ids, key).filter(|id| *id != 0)
        };
        Ok(Self {
            ut_metadata: id("ut_metadata"),
            ut_pex: id("ut_pex"),
            lt_donthave: id("lt_donthave"),
            upload_only: dict.int("upload_only").is_some_and(|value| value != 0),
            metadata_bytes: number(&dict, "metadata_size").filter(|bytes| *bytes != 0),
            request_queue: number(&dict, "reqq").filter(|requests| *requests != 0),
            client: dict.bytes("v").and_then(client),
            listen_port: number(&dict, "p").filter(|port| *port != 0),
            your_ip: dict.bytes("yourip").and_then(address),
        })
    }
}

/// The payload of `lt_donthave`: we gave this piece up (BEP 54).
pub fn encode_dont_have(piece: u32) -> Bytes {
    Bytes::copy_from_slice(&piece.to_be_bytes())
}

/// Which piece the peer gave up.
///
/// # Errors
/// [`WireError::Field`] if the payload is not four bytes.
pub fn parse_dont_have(payload: &[u8]) -> Result<u32, WireError> {
    payload.try_into().map(u32::from_be_bytes).map_err(|_| WireError::Field("piece"))
}

fn number<T: TryFrom<i64>>(dict: &Dict<'_>, key: &str) -> Option<T> {
    T::try_from(dict.int(key)?).ok()
}

fn client(name: &[u8]) -> Option<String> {
    // A character has at most four bytes; what lies beyond the cut is not even looked at.
    let name = &name[..name.len().min(4 * MAX_CLIENT_CHARS)];
    let name: String = clean_name(&String::from_utf8_lossy(name))?.chars().take(MAX_CLIENT_CHARS).collect();
    (!name.is_empty()).then_some(name)
}

fn address(octets: &[u8]) -> Option<IpAddr> {
    if let Ok(v4) = <[u8; 4]>::try_from(octets) {
        return Some(v4.into());
    }
    <[u8; 16]>::try_from(octets).ok().map(|v6| IpAddr::from(v6).to_canonical())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn full() -> ExtendedHandshake {
        ExtendedHandshake {
            ut_metadata: Some(3),
            ut_pex: Some(1),
            lt_donthave: Some(7),
            upload_only: true,
            metadata_bytes: Some(31_235),
            request_queue: Some(250),
            client: Some("Freshet 0.1".to_owned()),
            listen_port: Some(6881),
            your_ip: Some([203, 0, 113, 9].into()),
        }
    }

    #[test]
    fn a_handshake_is_written_as_the_standard_says() {
        assert_eq!(
            full().encode()[..],
            b"d1:md11:lt_donthavei7e11:ut_metadatai3e6:ut_pexi1ee13:metadata_sizei31235e1:pi6881e4:reqqi250e\
              11:upload_onlyi1e1:v11:Freshet 0.16:yourip4:\xcb\x00\x71\x09e"[..]
        );
        assert_eq!(ExtendedHandshake::default().encode()[..], b"d1:mdee"[..]);
    }

    #[test]
    fn what_was_encoded_is_parsed() {
        assert_eq!(ExtendedHandshake::parse(&full().encode()), Ok(full()));
        assert_eq!(ExtendedHandshake::parse(b"de"), Ok(ExtendedHandshake::default()));
        let v6 = ExtendedHandshake { your_ip: Some("2001:db8::1".parse().unwrap()), ..full() };
        assert_eq!(ExtendedHandshake::parse(&v6.encode()), Ok(v6));
    }

    #[test]
    fn what_makes_no_sense_counts_as_missing() {
        let payload =
            b"d1:md6:ut_pexi0e11:ut_metadatai256e11:lt_donthavei-1ee13:metadata_sizei-5e1:pi65536e4:reqqi0e\
            11:upload_only1:x1:vi5e6:yourip3:abce";
        assert_eq!(ExtendedHandshake::parse(payload), Ok(ExtendedHandshake::default()));
        assert_eq!(ExtendedHandshake::parse(b"d1:mi5ee"), Ok(ExtendedHandshake::default()));
    }

    #[test]
    fn the_name_of_a_client_is_cut_and_cleaned() {
        let named = |name: &[u8]| {
            let mut dict = Writer::dict();
            dict.bytes("v", name);
            ExtendedHandshake::parse(&dict.finish()).unwrap().client
        };
        assert_eq!(named("µTorrent\u{202e}\n 3.5\0".as_bytes()).as_deref(), Some("µTorrent 3.5"));
        assert_eq!(named("é".repeat(100_000).as_bytes()), Some("é".repeat(MAX_CLIENT_CHARS)));
        assert_eq!(named(b"\x1b\x07"), None);
        assert_eq!(named(b"\xff").as_deref(), Some("\u{fffd}"));
    }

    #[test]
    fn a_piece_given_up_is_four_bytes() {
        assert_eq!(encode_dont_have(258)[..], [0, 0, 1, 2]);
        assert_eq!(parse_dont_have(&[0, 0, 1, 2]), Ok(258));
        assert_eq!(parse_dont_have(&[0, 0, 1]), Err(WireError::Field("piece")));
        assert_eq!(parse_dont_have(&[0; 5]), Err(WireError::Field("piece")));
    }

    proptest! {
        #[test]
        fn garbage_does_not_panic(payload in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = ExtendedHandshake::parse(&payload);
        }

        #[test]
        fn a_damaged_handshake_does_not_panic(at in 0..140_usize, byte: u8, length in 0..140_usize) {
            let mut payload = full().encode().to_vec();
            if let Some(damaged) = payload.get_mut(at) {
                *damaged = byte;
            }
            payload.truncate(length);
            let _ = ExtendedHandshake::parse(&payload);
        }
    }
}
