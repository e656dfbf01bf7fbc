//! Addresses of other peers, from a peer (BEP 11).

use std::net::{IpAddr, SocketAddr};

use bytes::Bytes;
use freshet_model::bencode::Dict;

use super::WireError;
use super::bencode::{Writer, parse};

/// So many of a message's `added` peers are taken, and so many of its `dropped` ones. BEP 11 lets a peer send 50 of each
/// kind of address.
pub const MAX_PEX_PEERS: usize = 200;

const V4_BYTES: usize = 6;
const V6_BYTES: usize = 18;

/// What the sender knows about a peer that it names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct PexFlags(pub u8);

impl PexFlags {
    const ENCRYPTION: u8 = 0x01;
    const SEED: u8 = 0x02;
    const UTP: u8 = 0x04;
    const HOLEPUNCH: u8 = 0x08;
    const OUTGOING: u8 = 0x10;

    /// It prefers encryption.
    pub const fn prefers_encryption(self) -> bool {
        self.0 & Self::ENCRYPTION != 0
    }

    /// It wants nothing more; it has all, or all it wants.
    pub const fn is_seed(self) -> bool {
        self.0 & Self::SEED != 0
    }

    pub const fn supports_utp(self) -> bool {
        self.0 & Self::UTP != 0
    }

    /// It knows BEP 55.
    pub const fn supports_holepunch(self) -> bool {
        self.0 & Self::HOLEPUNCH != 0
    }

    /// The sender itself connected to it, so that it takes connections.
    pub const fn is_reachable(self) -> bool {
        self.0 & Self::OUTGOING != 0
    }

    pub const fn with_encryption(self) -> Self {
        Self(self.0 | Self::ENCRYPTION)
    }

    pub const fn with_seed(self) -> Self {
        Self(self.0 | Self::SEED)
    }

    pub const fn with_utp(self) -> Self {
        Self(self.0 | Self::UTP)
    }

    pub const fn with_holepunch(self) -> Self {
        Self(self.0 | Self::HOLEPUNCH)
    }

    pub const fn with_reachable(self) -> Self {
        Self(self.0 | Self::OUTGOING)
    }
}

/// A `ut_pex` message. Whether an address may be connected to is for the caller to say.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PexMessage {
    pub added: Vec<(SocketAddr, PexFlags)>,
    pub dropped: Vec<SocketAddr>,
}

impl PexMessage {
    /// The payload of the message. How many peers it may name, and how often it may be sent, is the caller's care.
    pub fn encode(&self) -> Bytes {
        let (mut added, mut dropped) = (Lists::default(), Lists::default());
        for (address, flags) in &self.added {
            added.push(*address, *flags);
        }
        for address in &self.dropped {
            dropped.push(*address, PexFlags::default());
        }
        let mut dict = Writer::dict();
        dict.bytes("added", &added.v4);
        dict.bytes("added.f", &added.v4_flags);
        dict.bytes("added6", &added.v6);
        dict.bytes("added6.f", &added.v6_flags);
        dict.bytes("dropped", &dropped.v4);
        dict.bytes("dropped6", &dropped.v6);
        dict.finish().freeze()
    }

    /// Reads the payload: of each list the first [`MAX_PEX_PEERS`], v4 before v6. A port 0 is passed over, as is what is
    /// left of a list that ends within an address.
    ///
    /// # Errors
    /// [`WireError`] if it is no dictionary, or one without measure.
    pub fn parse(payload: &[u8]) -> Result<Self, WireError> {
        let dict = parse(payload)?;
        let mut added = with_flags(&dict, "added", "added.f", v4);
        added.extend(with_flags(&dict, "added6", "added6.f", v6));
        added.truncate(MAX_PEX_PEERS);
        let mut dropped: Vec<SocketAddr> =
            addresses(&dict, "dropped", v4).flatten().take(MAX_PEX_PEERS).collect();
        dropped.extend(addresses(&dict, "dropped6", v6).flatten().take(MAX_PEX_PEERS - dropped.len()));
        Ok(Self { added, dropped })
    }
}

/// The compact lists of one direction, by family.
#[derive(Default)]
struct Lists {
    v4: Vec<u8>,
    v4_flags: Vec<u8>,
    v6: Vec<u8>,
    v6_flags: Vec<u8>,
}

impl Lists {
    fn push(&mut self, address: SocketAddr, flags: PexFlags) {
        let (list, list_flags) = match address.ip().to_canonical() {
            IpAddr::V4(ip) => {
                self.v4.extend(ip.octets());
                (&mut self.v4, &mut self.v4_flags)
            }
            IpAddr::V6(ip) => {
                self.v6.extend(ip.octets());
                (&mut self.v6, &mut self.v6_flags)
            }
        };
        list.extend(address.port().to_be_bytes());
        list_flags.push(flags.0);
    }
}

fn with_flags<const N: usize>(
    dict: &Dict<'_>,
    key: &str,
    flags_key: &str,
    read: fn(&[u8; N]) -> Option<SocketAddr>,
) -> Vec<(SocketAddr, PexFlags)> {
    let flags = dict.bytes(flags_key).unwrap_or_default();
    addresses(dict, key, read)
        .enumerate()
        .filter_map(|(at, address)| Some((address?, PexFlags(flags.get(at).copied().unwrap_or_default()))))
        .take(MAX_PEX_PEERS)
        .collect()
}

/// Every address of a compact list; `None` for one that can't be connected to.
fn addresses<'a, const N: usize>(
    dict: &Dict<'a>,
    key: &str,
    read: fn(&[u8; N]) -> Option<SocketAddr>,
) -> impl Iterator<Item = Option<SocketAddr>> + use<'a, N> {
    dict.bytes(key).unwrap_or_default().as_chunks::<N>().0.iter().map(read)
}

fn v4(compact: &[u8; V4_BYTES]) -> Option<SocketAddr> {
    let (ip, port) = compact.split_first_chunk::<4>()?;
    socket_address((*ip).into(), port)
}

fn v6(compact: &[u8; V6_BYTES]) -> Option<SocketAddr> {
    let (ip, port) = compact.split_first_chunk::<16>()?;
    // A v4 address in a v6 one would slip past rules about v4 addresses.
    socket_address(IpAddr::from(*ip).to_canonical(), port)
}

fn socket_address(ip: IpAddr, port: &[u8]) -> Option<SocketAddr> {
    let port = u16::from_be_bytes(port.try_into().ok()?);
    (port != 0).then(|| SocketAddr::new(ip, port))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn address(text: &str) -> SocketAddr {
        text.parse().unwrap()
    }

    fn seed() -> PexFlags {
        PexFlags::default().with_seed().with_utp()
    }

    #[test]
    fn a_message_is_written_as_the_standard_says() {
        let message = PexMessage {
            added: vec![(address("1.2.3.4:6881"), seed()), (address("[2001:db8::1]:80"), PexFlags(0x10))],
            dropped: vec![address("5.6.7.8:1")],
        };
        assert_eq!(
            message.encode()[..],
            b"d5:added6:\x01\x02\x03\x04\x1a\xe17:added.f1:\x066:added618:\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x01\0\x50\
              8:added6.f1:\x107:dropped6:\x05\x06\x07\x08\0\x018:dropped60:e"[..]
        );
        assert_eq!(PexMessage::parse(&message.encode()), Ok(message));
    }

    #[test]
    fn each_flag_has_its_own_bit() {
        let says = |flags: PexFlags| {
            [
                flags.prefers_encryption(),
                flags.is_seed(),
                flags.supports_utp(),
                flags.supports_holepunch(),
                flags.is_reachable(),
            ]
        };
        let none = PexFlags::default();
        assert_eq!(says(none), [false; 5]);
        let each = [
            none.with_encryption(),
            none.with_seed(),
            none.with_utp(),
            none.with_holepunch(),
            none.with_reachable(),
        ];
        for (at, flags) in each.into_iter().enumerate() {
            assert_eq!(flags.0, 1 << at);
            assert_eq!(says(flags), std::array::from_fn(|bit| bit == at));
        }
    }

    #[test]
    fn port_0_and_half_an_address_are_passed_over_and_flags_stay_with_their_peer() {
        let payload = b"d5:added20:\x01\x02\x03\x04\0\0\x05\x06\x07\x08\0\x09\x01\x01\x01\x01\0\x01\xff\xff7:added.f2:\x01\x02e";
        let parsed = PexMessage::parse(payload).unwrap();
        let expected = vec![(address("5.6.7.8:9"), PexFlags(2)), (address("1.1.1.1:1"), PexFlags::default())];
        assert_eq!(parsed, PexMessage { added: expected, dropped: Vec::new() });
    }

    #[test]
    fn a_v4_address_in_a_v6_one_is_read_as_v4() {
        let mut dict = Writer::dict();
        dict.bytes("added6", b"\0\0\0\0\0\0\0\0\0\0\xff\xff\x7f\0\0\x01\x1a\xe1");
        let parsed = PexMessage::parse(&dict.finish()).unwrap();
        assert_eq!(parsed.added, [(address("127.0.0.1:6881"), PexFlags::default())]);
    }

    #[test]
    fn no_more_than_the_ceiling_is_taken() {
        let many = |ip: IpAddr| (1..=150).map(move |port| SocketAddr::new(ip, port));
        let all: Vec<_> = many([1, 1, 1, 1].into()).chain(many([2; 16].into())).collect();
        let message = PexMessage {
            added: all.iter().map(|address| (*address, PexFlags::default())).collect(),
            dropped: all.clone(),
        };

        let parsed = PexMessage::parse(&message.encode()).unwrap();
        assert_eq!(parsed.dropped, all[..MAX_PEX_PEERS]);
        assert_eq!(parsed.added, message.added[..MAX_PEX_PEERS]);
    }

    proptest! {
        #[test]
        fn what_was_encoded_is_parsed(
            added_v4 in proptest::collection::vec(any::<([u8; 4], u8)>(), 0..20),
            added_v6 in proptest::collection::vec(any::<([u8; 16], u8)>(), 0..20),
            port in 1..=u16::MAX,
        ) {
            let v4 = added_v4.iter().map(|(ip, flags)| (IpAddr::from(*ip), *flags));
            let v6 = added_v6.iter().map(|(ip, flags)| (IpAddr::from(*ip), *flags));
            let v6 = v6.filter(|(ip, _)| ip.to_canonical().is_ipv6());
            let added: Vec<_> =
                v4.chain(v6).map(|(ip, flags)| (SocketAddr::new(ip, port), PexFlags(flags))).collect();
            let dropped = added.iter().map(|(address, _)| *address).collect();
            let message = PexMessage { added, dropped };
            prop_assert_eq!(PexMessage::parse(&message.encode()), Ok(message));
        }

        #[test]
        fn garbage_does_not_panic(payload in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = PexMessage::parse(&payload);
            let _ = PexMessage::parse(&[&b"d5:added"[..], &payload].concat());
        }
    }
}
