//! Where UDP sockets of discovery come from: by the way that everything goes.

use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};

use freshet_web::Route;
use tokio::net::UdpSocket;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Family {
    V4,
    V6,
}

impl Family {
    pub(super) fn of(address: SocketAddr) -> Self {
        if address.is_ipv4() { Self::V4 } else { Self::V6 }
    }
}

/// A socket on a free port that asks others, and is asked by nobody.
///
/// # Errors
/// Of the system: it has no such family, or no more sockets. While the interface is missing there is none.
pub(super) fn udp(family: Family, route: &Route) -> io::Result<UdpSocket> {
    let any: SocketAddr = match family {
        Family::V4 => (Ipv4Addr::UNSPECIFIED, 0).into(),
        Family::V6 => (Ipv6Addr::UNSPECIFIED, 0).into(),
    };
    route.udp(any)
}
