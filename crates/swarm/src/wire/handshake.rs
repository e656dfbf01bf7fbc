//! The first 68 bytes each way (BEP 3).

use freshet_model::InfoHash;

use super::WireError;

/// How every handshake starts: the length of the protocol's name, and the name.
pub const PROTOCOL: &[u8; 20] = b"\x13BitTorrent protocol";

pub const HANDSHAKE_BYTES: usize = 68;

/// Says which torrent a connection is about, who speaks, and which extensions it knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Handshake {
    pub info_hash: InfoHash,
    pub peer_id: [u8; 20],
    pub reserved: Reserved,
}

impl Handshake {
    pub fn encode(&self) -> [u8; HANDSHAKE_BYTES] {
        let mut bytes = [0; HANDSHAKE_BYTES];
        bytes[..20].copy_from_slice(PROTOCOL);
        bytes[20..28].copy_from_slice(&self.reserved.0);
        bytes[28..48].copy_from_slice(self.info_hash.as_bytes());
        bytes[48..].copy_from_slice(&self.peer_id);
        bytes
    }

    /// # Errors
    /// [`WireError::NotBitTorrent`] if the bytes start with another protocol's name.
    pub fn decode(bytes: &[u8; HANDSHAKE_BYTES]) -> Result<Self, WireError> {
        let (protocol, rest) = bytes.split_first_chunk::<20>().ok_or(WireError::NotBitTorrent)?;
        let (reserved, rest) = rest.split_first_chunk::<8>().ok_or(WireError::NotBitTorrent)?;
        let (info_hash, rest) = rest.split_first_chunk::<20>().ok_or(WireError::NotBitTorrent)?;
        let peer_id = rest.first_chunk::<20>().ok_or(WireError::NotBitTorrent)?;
        if protocol != PROTOCOL {
            return Err(WireError::NotBitTorrent);
        }
        Ok(Self { info_hash: InfoHash::new(*info_hash), peer_id: *peer_id, reserved: Reserved(*reserved) })
    }
}

/// The eight bytes in which a peer says what it knows. Bits we have no name for are kept, and mean nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Reserved(pub [u8; 8]);

impl Reserved {
    const EXTENDED: (usize, u8) = (5, 0x10);
    const FAST: (usize, u8) = (7, 0x04);
    const DHT: (usize, u8) = (7, 0x01);

    /// The extension protocol (BEP 10).
    pub const fn supports_extended(self) -> bool {
        self.has(Self::EXTENDED)
    }

    /// The fast extension (BEP 6): only then may its messages be sent.
    pub const fn supports_fast(self) -> bool {
        self.has(Self::FAST)
    }

    /// The DHT (BEP 5): the peer takes a port message.
    pub const fn supports_dht(self) -> bool {
        self.has(Self::DHT)
    }

    pub const fn with_extended(self) -> Self {
        self.with(Self::EXTENDED)
    }

    pub const fn with_fast(self) -> Self {
        self.with(Self::FAST)
    }

    pub const fn with_dht(self) -> Self {
        self.with(Self::DHT)
    }

    const fn has(self, (byte, bit): (usize, u8)) -> bool {
        self.0[byte] & bit != 0
    }

    const fn with(mut self, (byte, bit): (usize, u8)) -> Self {
        self.0[byte] |= bit;
        self
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_handshake_has_its_parts_at_their_places() {
        let reserved = Reserved::default().with_extended().with_fast().with_dht();
        let handshake =
            Handshake { info_hash: InfoHash::new([1; 20]), peer_id: *b"-FR0100-abcdefghijkl", reserved };
        let bytes = handshake.encode();

        let expected =
            [&b"\x13BitTorrent protocol\0\0\0\0\0\x10\0\x05"[..], &[1; 20], b"-FR0100-abcdefghijkl"];
        assert_eq!(bytes[..], expected.concat());
        assert_eq!(Handshake::decode(&bytes), Ok(handshake));
    }

    #[test]
    fn each_extension_has_its_own_bit() {
        let says = |reserved: Reserved| {
            (reserved.supports_extended(), reserved.supports_fast(), reserved.supports_dht())
        };
        assert_eq!(says(Reserved::default()), (false, false, false));
        assert_eq!(says(Reserved::default().with_extended()), (true, false, false));
        assert_eq!(says(Reserved::default().with_fast()), (false, true, false));
        assert_eq!(says(Reserved::default().with_dht()), (false, false, true));
    }

    #[test]
    fn another_protocol_is_refused() {
        let mut bytes = [0; HANDSHAKE_BYTES];
        bytes[..20].copy_from_slice(b"GET / HTTP/1.1\r\nHost");
        assert_eq!(Handshake::decode(&bytes), Err(WireError::NotBitTorrent));
    }

    proptest! {
        #[test]
        fn what_was_encoded_is_decoded(info_hash: [u8; 20], peer_id: [u8; 20], reserved: [u8; 8]) {
            let handshake =
                Handshake { info_hash: InfoHash::new(info_hash), peer_id, reserved: Reserved(reserved) };
            prop_assert_eq!(Handshake::decode(&handshake.encode()), Ok(handshake));
        }
    }
}
