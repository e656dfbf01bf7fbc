//! Which peers may be spoken to.

use std::net::SocketAddr;

use freshet_model::AddressPolicy;

/// Peers of one source (a magnet, a former start) that are kept.
const MAX_PEERS: usize = 200;

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
}
