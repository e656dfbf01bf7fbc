//! Which addresses we dial on whose word: one rule for trackers, DHT, local discovery and peer exchange.

use std::net::{IpAddr, SocketAddr};

use freshet_model::AddressPolicy;

use super::Source;

/// Ports below belong to other services; a stranger must not make us speak to them.
const FIRST_UNPRIVILEGED_PORT: u16 = 1024;

/// Whether an address that `source` named may be dialled.
///
/// No source may name port 0, multicast, broadcast or "any". Under [`AddressPolicy::GlobalOnly`] ports below 1024 are
/// refused, and only local discovery may name a private address; it may name nothing else, since its word comes from the
/// same network. [`AddressPolicy::PrivateToo`] opens loopback and all ports.
pub fn acceptable(address: SocketAddr, source: Source, policy: AddressPolicy) -> bool {
    let ip = address.ip().to_canonical();
    let is_port_acceptable = match policy {
        AddressPolicy::GlobalOnly => address.port() >= FIRST_UNPRIVILEGED_PORT,
        AddressPolicy::PrivateToo => address.port() != 0,
    };
    let is_ip_acceptable = match source {
        Source::Lsd => is_private(ip) || (policy == AddressPolicy::PrivateToo && ip.is_loopback()),
        Source::Tracker(_) | Source::Dht | Source::Pex => policy.allows(ip),
    };
    is_port_acceptable && is_ip_acceptable
}

/// Whether an address belongs to a network that is not routed on the internet: RFC 1918, unique local (RFC 4193) or
/// link-local. Loopback does not.
pub fn is_private(ip: IpAddr) -> bool {
    match ip.to_canonical() {
        IpAddr::V4(ip) => ip.is_private() || ip.is_link_local(),
        IpAddr::V6(ip) => ip.is_unique_local() || ip.is_unicast_link_local(),
    }
}

/// The address as it is dialled and compared: IPv4 in an IPv6 coat is IPv4. A scope stays.
pub fn canonical(address: SocketAddr) -> SocketAddr {
    match address.ip().to_canonical() {
        IpAddr::V4(ip) => SocketAddr::from((ip, address.port())),
        IpAddr::V6(_) => address,
    }
}

/// Whether an address is where we listen ourselves: our port on loopback or on an address of this computer. What a router
/// shows of us is not known here; a handshake with our own peer id tells.
pub fn is_own(address: SocketAddr, listen_port: Option<u16>, own_ips: &[IpAddr]) -> bool {
    let ip = address.ip().to_canonical();
    Some(address.port()) == listen_port && (ip.is_loopback() || own_ips.contains(&ip))
}

#[cfg(test)]
mod tests {
    use super::*;

    const GLOBAL: AddressPolicy = AddressPolicy::GlobalOnly;
    const PRIVATE: AddressPolicy = AddressPolicy::PrivateToo;
    const TRACKER: Source = Source::Tracker(0);

    #[test]
    fn an_address_is_judged_by_its_source_and_the_policy() {
        let table = [
            ("1.1.1.1:6881", TRACKER, GLOBAL, true),
            ("[2606:4700::1]:6881", Source::Dht, GLOBAL, true),
            ("[::ffff:1.1.1.1]:6881", TRACKER, GLOBAL, true),
            ("1.1.1.1:0", TRACKER, PRIVATE, false),
            ("1.1.1.1:80", Source::Pex, GLOBAL, false),
            ("1.1.1.1:80", Source::Pex, PRIVATE, true),
            ("192.168.1.2:6881", TRACKER, GLOBAL, false),
            ("192.168.1.2:6881", Source::Pex, GLOBAL, false),
            ("192.168.1.2:6881", TRACKER, PRIVATE, true),
            ("127.0.0.1:6881", Source::Dht, GLOBAL, false),
            ("127.0.0.1:6881", Source::Dht, PRIVATE, true),
            ("[::ffff:127.0.0.1]:6881", TRACKER, GLOBAL, false),
            ("224.0.0.1:6881", TRACKER, PRIVATE, false),
            ("0.0.0.0:6881", TRACKER, PRIVATE, false),
            ("255.255.255.255:6881", TRACKER, PRIVATE, false),
            ("192.168.1.2:6881", Source::Lsd, GLOBAL, true),
            ("[fe80::1]:6881", Source::Lsd, GLOBAL, true),
            ("[fd00::1]:6881", Source::Lsd, GLOBAL, true),
            ("192.168.1.2:80", Source::Lsd, GLOBAL, false),
            ("1.1.1.1:6881", Source::Lsd, GLOBAL, false),
            ("1.1.1.1:6881", Source::Lsd, PRIVATE, false),
            ("127.0.0.1:6881", Source::Lsd, GLOBAL, false),
            ("127.0.0.1:6881", Source::Lsd, PRIVATE, true),
        ];
        for (address, source, policy, expected) in table {
            let judged = acceptable(address.parse().unwrap(), source, policy);
            assert_eq!(judged, expected, "{address} {source:?} {policy:?}");
        }
    }

    #[test]
    fn our_own_listener_is_known_by_its_port_and_our_addresses() {
        let own = ["192.168.1.2".parse().unwrap()];
        let table = [
            ("192.168.1.2:6881", Some(6881), true),
            ("[::ffff:192.168.1.2]:6881", Some(6881), true),
            ("127.0.0.1:6881", Some(6881), true),
            ("192.168.1.2:6882", Some(6881), false),
            ("192.168.1.3:6881", Some(6881), false),
            ("192.168.1.2:6881", None, false),
        ];
        for (address, port, expected) in table {
            assert_eq!(is_own(address.parse().unwrap(), port, &own), expected, "{address} {port:?}");
        }
    }

    #[test]
    fn an_ipv4_address_in_an_ipv6_coat_is_undressed() {
        let dressed = "[::ffff:1.2.3.4]:5".parse().unwrap();
        assert_eq!(canonical(dressed), "1.2.3.4:5".parse().unwrap());
        let scoped = "[fe80::1%3]:5".parse().unwrap();
        assert_eq!(canonical(scoped), scoped);
    }
}
