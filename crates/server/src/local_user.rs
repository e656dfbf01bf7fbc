//! Which user of this computer is at the other end of a loopback connection.
//!
//! Loopback is open to every user of the machine, and the library is one person's. Linux tells the owner of each socket; so a
//! connection of somebody else is treated like one from the network.

use std::net::{IpAddr, SocketAddr};

/// Whether the socket `peer`, connected to `local` on this computer, belongs to the user we run as, or to root, who can read
/// everything anyway. Reads tables of the system, without waiting for anybody.
///
/// Where the system doesn't tell, everybody on this computer counts as the person.
#[cfg(target_os = "linux")]
pub(crate) fn is_ours(peer: SocketAddr, local: SocketAddr) -> bool {
    use std::os::unix::fs::MetadataExt as _;

    // The owner of a process' own folder is the user that it runs as.
    let us = std::fs::metadata("/proc/self").map(|metadata| metadata.uid());
    // A program may reach an IPv4 address with a socket of IPv6: then it stands in the other table.
    let is_in = |table: &str, peer, local| match std::fs::read_to_string(table) {
        Ok(text) => owner(&text, peer, local).map(|uid| us.as_ref().is_ok_and(|us| uid == *us || uid == 0)),
        Err(error) => {
            tracing::debug!(%error, table, "the system does not tell whose a connection is");
            Some(true)
        }
    };
    let found = if peer.is_ipv4() { is_in("/proc/self/net/tcp", peer, local) } else { None };
    let found = found.or_else(|| is_in("/proc/self/net/tcp6", mapped(peer), mapped(local)));
    found.unwrap_or(false)
}

/// An address as a socket of IPv6 has it.
#[cfg(target_os = "linux")]
fn mapped(address: SocketAddr) -> SocketAddr {
    match address.ip() {
        IpAddr::V4(ip) => SocketAddr::new(ip.to_ipv6_mapped().into(), address.port()),
        IpAddr::V6(_) => address,
    }
}

#[cfg(not(target_os = "linux"))]
pub(crate) fn is_ours(_peer: SocketAddr, _local: SocketAddr) -> bool {
    true
}

/// The owner of the socket in a table of Linux. A socket that its process has given up already (inode 0) has none: the
/// system shows it as root's, and what it has sent could be anybody's.
#[cfg(any(target_os = "linux", test))]
fn owner(table: &str, peer: SocketAddr, local: SocketAddr) -> Option<u32> {
    let (peer, local) = (kernel_text(peer), kernel_text(local));
    table.lines().skip(1).find_map(|line| {
        let mut fields = line.split_ascii_whitespace().skip(1);
        let is_meant = fields.next()? == peer && fields.next()? == local;
        // After the addresses: state, queues, timer, retransmits, uid, timeout, inode.
        let mut rest = fields.skip(4);
        let (uid, _, inode) = (rest.next()?, rest.next()?, rest.next()?);
        (is_meant && inode != "0").then(|| uid.parse().ok())?
    })
}

/// An address as these tables write it: words of 32 bits in the order of this machine, in hex, and the port.
#[cfg(any(target_os = "linux", test))]
fn kernel_text(address: SocketAddr) -> String {
    let words = |octets: &[u8]| -> String {
        let words = octets.as_chunks::<4>().0.iter().map(|word| format!("{:08X}", u32::from_ne_bytes(*word)));
        words.collect()
    };
    let ip = match address.ip() {
        IpAddr::V4(ip) => words(&ip.octets()),
        IpAddr::V6(ip) => words(&ip.octets()),
    };
    format!("{ip}:{:04X}", address.port())
}

#[cfg(test)]
mod tests {
    use super::*;

    const TABLE: &str = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n\
        0: 0100007F:1F9A 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1000        0 100 1\n\
        1: 0100007F:C350 0100007F:1F9A 01 00000000:00000000 00:00000000 00000000  1001        0 101 1\n\
        2: 0100007F:C351 0100007F:1F9A 06 00000000:00000000 03:00000000 00000000     0        0 0 3\n";

    #[test]
    fn the_owner_of_the_other_end_is_found_in_the_table() {
        let local: SocketAddr = "127.0.0.1:8090".parse().unwrap();
        let owner = |peer: &str| owner(TABLE, peer.parse().unwrap(), local);

        assert_eq!(owner("127.0.0.1:50000"), Some(1001));
        assert_eq!(owner("127.0.0.1:50001"), None, "its process has given it up");
        assert_eq!(owner("127.0.0.1:50002"), None);
        assert_eq!(super::owner("", "127.0.0.1:1".parse().unwrap(), local), None);
        assert_eq!(super::owner("x\ny z\n\n", "127.0.0.1:1".parse().unwrap(), local), None);
        assert_eq!(kernel_text("[::1]:8090".parse().unwrap()), "00000000000000000000000001000000:1F9A");
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_connection_by_a_socket_of_the_other_family_is_ours_too() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let local = listener.local_addr().unwrap();
        // A machine without IPv6 has no such sockets.
        let Ok(client) = socket2::Socket::new(socket2::Domain::IPV6, socket2::Type::STREAM, None) else {
            return;
        };
        client.connect(&mapped(local).into()).unwrap();

        let (_, peer) = listener.accept().unwrap();

        assert!(peer.is_ipv4() && is_ours(peer, local));
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_connection_of_this_process_is_ours() {
        for ip in ["127.0.0.1:0", "[::1]:0"] {
            let Ok(listener) = std::net::TcpListener::bind(ip) else { continue };
            let local = listener.local_addr().unwrap();
            let client = std::net::TcpStream::connect(local).unwrap();
            let peer = client.local_addr().unwrap();

            assert!(is_ours(peer, local));
            drop(client);
            assert!(!is_ours("127.0.0.1:1".parse().unwrap(), local));
        }
    }
}
