//! How a request came in: through which door, from where.

use std::net::{IpAddr, SocketAddr};

/// Which of our listeners took the connection. What came through the door to the network is from the network, whatever
/// address it names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Door {
    /// A loopback address of this computer.
    Own,
    Network,
}

/// An extension of every request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Connection {
    pub(crate) door: Door,
    pub(crate) peer: SocketAddr,
    pub(crate) local: SocketAddr,
    pub(crate) is_https: bool,
    /// Nobody stands between, and the other end is in a private network.
    pub(crate) is_neighbor: bool,
}

impl Connection {
    pub(crate) fn new(door: Door, peer: SocketAddr, local: SocketAddr, is_https: bool) -> Self {
        let is_neighbor = match peer.ip().to_canonical() {
            IpAddr::V4(ip) => ip.is_loopback() || ip.is_private() || ip.is_link_local(),
            IpAddr::V6(ip) => ip.is_loopback() || ip.is_unique_local() || ip.is_unicast_link_local(),
        };
        Self { door, peer, local, is_https, is_neighbor }
    }

    /// Who is counted together: an address, or of IPv6 the network that one household has.
    pub(crate) fn peer_key(&self) -> IpAddr {
        peer_key(self.peer.ip())
    }

    pub(crate) fn scheme(&self) -> &'static str {
        if self.is_https { "https" } else { "http" }
    }
}

pub(crate) fn peer_key(ip: IpAddr) -> IpAddr {
    match ip.to_canonical() {
        IpAddr::V4(ip) => ip.into(),
        IpAddr::V6(ip) => {
            let mut segments = ip.segments();
            segments[4..].fill(0);
            IpAddr::from(segments)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_household_is_counted_as_one() {
        let key = |text: &str| peer_key(text.parse().unwrap()).to_string();

        assert_eq!(key("192.168.1.5"), "192.168.1.5");
        assert_eq!(key("::ffff:192.168.1.5"), "192.168.1.5");
        assert_eq!(key("fd00:1:2:3:4:5:6:7"), "fd00:1:2:3::");
    }
}
