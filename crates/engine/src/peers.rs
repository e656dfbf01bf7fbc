//! Which peers may be spoken to.

use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use freshet_model::AddressPolicy;
use url::Url;

/// Peers of one source (a magnet, a former session) that are kept.
const MAX_PEERS: usize = 200;

/// All special-purpose addresses, in the P2P text format that the session reads (`name:first-last`).
const SPECIAL_RANGES: &str = "\
this network:0.0.0.0-0.255.255.255
private:10.0.0.0-10.255.255.255
shared:100.64.0.0-100.127.255.255
loopback:127.0.0.0-127.255.255.255
link local:169.254.0.0-169.254.255.255
private:172.16.0.0-172.31.255.255
protocol:192.0.0.0-192.0.0.255
documentation:192.0.2.0-192.0.2.255
relay:192.88.99.0-192.88.99.255
private:192.168.0.0-192.168.255.255
benchmark:198.18.0.0-198.19.255.255
documentation:198.51.100.0-198.51.100.255
documentation:203.0.113.0-203.0.113.255
multicast and reserved:224.0.0.0-255.255.255.255
special v6:::-1fff:ffff:ffff:ffff:ffff:ffff:ffff:ffff
protocol v6:2001::-2001:1ff:ffff:ffff:ffff:ffff:ffff:ffff
documentation v6:2001:db8::-2001:db8:ffff:ffff:ffff:ffff:ffff:ffff
relay v6:2002::-2002:ffff:ffff:ffff:ffff:ffff:ffff:ffff
documentation v6:3fff::-3fff:fff:ffff:ffff:ffff:ffff:ffff:ffff
special v6:4000::-ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff
";

/// A file with the addresses that the session must not speak to; deleted when this is dropped.
pub(crate) struct Blocklist {
    path: PathBuf,
    url: Url,
}

impl Blocklist {
    pub(crate) fn write(dir: &Path) -> io::Result<Self> {
        let path = std::path::absolute(dir.join("special-addresses.p2p"))?;
        let url = Url::from_file_path(&path)
            .map_err(|()| io::Error::new(io::ErrorKind::InvalidInput, "the folder has no file address"))?;
        std::fs::write(&path, SPECIAL_RANGES)?;
        Ok(Self { path, url })
    }

    pub(crate) fn url(&self) -> String {
        self.url.to_string()
    }
}

impl Drop for Blocklist {
    fn drop(&mut self) {
        if let Err(error) = std::fs::remove_file(&self.path) {
            tracing::debug!(%error, "the list of special addresses was not deleted");
        }
    }
}

/// Those of `peers` that may be asked, each once.
pub(crate) fn allowed(peers: &[SocketAddr], policy: AddressPolicy) -> Vec<SocketAddr> {
    let mut kept: Vec<SocketAddr> = Vec::new();
    for peer in peers {
        let peer = SocketAddr::new(peer.ip().to_canonical(), peer.port());
        if is_allowed(peer, policy) && !kept.contains(&peer) && kept.len() < MAX_PEERS {
            kept.push(peer);
        }
    }
    kept
}

/// No policy allows port 0; on the word of strangers we also don't speak to the ports of other services.
pub(crate) fn is_allowed(peer: SocketAddr, policy: AddressPolicy) -> bool {
    let is_port_allowed = match policy {
        AddressPolicy::GlobalOnly => peer.port() >= 1024,
        AddressPolicy::PrivateToo => peer.port() != 0,
    };
    is_port_allowed && policy.allows(peer.ip())
}

#[cfg(test)]
mod tests {
    use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

    use super::*;

    #[test]
    fn peers_are_judged_and_named_once() {
        let peers: Vec<SocketAddr> = [
            "1.1.1.1:5000",
            "[::ffff:1.1.1.1]:5000",
            "1.1.1.1:80",
            "10.0.0.1:5000",
            "127.0.0.1:5000",
            "1.1.1.1:0",
        ]
        .map(|peer| peer.parse().unwrap())
        .to_vec();

        assert_eq!(allowed(&peers, AddressPolicy::GlobalOnly), [peers[0]]);
        let private_too = allowed(&peers, AddressPolicy::PrivateToo);
        assert_eq!(private_too, [peers[0], peers[2], peers[3], peers[4]]);
    }

    /// The list and the judgment of addresses say the same at both ends of every range and beside them.
    #[test]
    fn the_blocklist_agrees_with_the_address_policy() {
        let ranges: Vec<(IpAddr, IpAddr)> = SPECIAL_RANGES
            .lines()
            .map(|line| {
                let (_, range) = line.split_once(':').unwrap();
                let (first, last) = range.split_once('-').unwrap();
                (first.parse().unwrap(), last.parse().unwrap())
            })
            .collect();
        let is_listed = |address: IpAddr| {
            ranges.iter().any(|(first, last)| match (first, last, address) {
                (IpAddr::V4(first), IpAddr::V4(last), IpAddr::V4(a)) => (*first..=*last).contains(&a),
                (IpAddr::V6(first), IpAddr::V6(last), IpAddr::V6(a)) => (*first..=*last).contains(&a),
                _ => false,
            })
        };
        let beside = |address: IpAddr| -> [IpAddr; 3] {
            match address {
                IpAddr::V4(a) => [-1, 0, 1]
                    .map(|by| IpAddr::V4(Ipv4Addr::from_bits(a.to_bits().saturating_add_signed(by)))),
                IpAddr::V6(a) => [-1, 0, 1]
                    .map(|by| IpAddr::V6(Ipv6Addr::from_bits(a.to_bits().saturating_add_signed(by)))),
            }
        };
        for address in ranges.iter().flat_map(|(first, last)| [*first, *last]).flat_map(beside) {
            let is_allowed = AddressPolicy::GlobalOnly.allows(address);
            assert_eq!(is_listed(address), !is_allowed, "{address}");
        }
    }
}
