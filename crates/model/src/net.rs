//! Which addresses we may ask on the word of a stranger (a tracker link, a web link, a peer named in a magnet).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Whether private networks and loopback may be asked.
///
/// Only the person at the computer chooses [`AddressPolicy::PrivateToo`] (`--allow-private-networks`): a torrent or a web
/// page must not make us speak to the router or to other services of this computer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum AddressPolicy {
    #[default]
    GlobalOnly,
    PrivateToo,
}

impl AddressPolicy {
    /// Whether this address may be connected to. Multicast, broadcast and the unspecified address never may.
    pub fn allows(self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        match self {
            Self::GlobalOnly => is_global(address),
            Self::PrivateToo => {
                let is_broadcast = address == IpAddr::V4(Ipv4Addr::BROADCAST);
                !address.is_multicast() && !address.is_unspecified() && !is_broadcast
            }
        }
    }
}

/// Whether an address is a public unicast one (the special-purpose registries of RFC 6890 and its successors).
pub fn is_global(address: IpAddr) -> bool {
    match address.to_canonical() {
        IpAddr::V4(address) => is_global_v4(address),
        IpAddr::V6(address) => is_global_v6(address),
    }
}

fn is_global_v4(address: Ipv4Addr) -> bool {
    let [a, b, c, _] = address.octets();
    let is_special = a == 0
        || a >= 240
        || address.is_private()
        || address.is_loopback()
        || address.is_link_local()
        || address.is_multicast()
        || address.is_documentation()
        || (a == 100 && (64..128).contains(&b)) // shared address space, RFC 6598
        || (a == 192 && b == 0 && c == 0) // protocol assignments, RFC 6890
        || (a == 192 && b == 88 && c == 99) // 6to4 relays, RFC 7526
        || (a == 198 && (b == 18 || b == 19)); // benchmarking, RFC 2544
    !is_special
}

fn is_global_v6(address: Ipv6Addr) -> bool {
    let segments = address.segments();
    // Only 2000::/3 is given out as global unicast; of that, these parts carry something else.
    let is_global_unicast = segments[0] & 0xe000 == 0x2000;
    // Teredo, ORCHID, benchmarking (RFC 2928), and documentation.
    let is_protocol = segments[0] == 0x2001 && (segments[1] < 0x200 || segments[1] == 0xdb8);
    let is_special = is_protocol
        || segments[0] == 0x2002 // 6to4 carries any IPv4 address
        || (segments[0] == 0x3fff && segments[1] < 0x1000); // documentation, RFC 9637
    is_global_unicast && !is_special
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn knows_public_from_special() {
        let global = ["1.1.1.1", "93.184.216.34", "100.128.0.1", "2606:4700::1111", "::ffff:1.1.1.1"];
        let special = [
            "0.0.0.0",
            "10.1.2.3",
            "100.64.0.1",
            "127.0.0.1",
            "169.254.1.1",
            "172.16.0.1",
            "192.0.0.8",
            "192.0.2.1",
            "192.88.99.1",
            "192.168.1.1",
            "198.18.0.1",
            "224.0.0.1",
            "240.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "::ffff:10.0.0.1",
            "64:ff9b::a00:1",
            "fe80::1",
            "fc00::1",
            "ff02::1",
            "2001:db8::1",
            "2002:a00:1::",
            "3fff::1",
        ];
        for address in global {
            assert!(is_global(address.parse().unwrap()), "{address}");
        }
        for address in special {
            assert!(!is_global(address.parse().unwrap()), "{address}");
        }
    }

    #[test]
    fn the_switch_opens_private_networks_but_not_multicast() {
        let table = [
            ("127.0.0.1", true),
            ("192.168.1.1", true),
            ("::1", true),
            ("224.0.0.1", false),
            ("0.0.0.0", false),
            ("255.255.255.255", false),
        ];
        for (address, allowed) in table {
            assert_eq!(AddressPolicy::PrivateToo.allows(address.parse().unwrap()), allowed, "{address}");
            assert!(!AddressPolicy::GlobalOnly.allows(address.parse().unwrap()), "{address}");
        }
    }
}
