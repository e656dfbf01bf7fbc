//! Which user of this computer is at the other end of a loopback connection.
//!
//! Loopback is open to every user of the machine, and the library is one person's. Linux tells the owner of each socket; so a
//! connection of somebody else is treated like one from the network.

use std::net::SocketAddr;

/// Whether the socket `peer`, connected to `local` on this computer, belongs to the user we run as, or to root, who can read
/// everything anyway. Asks the system, which answers at once.
///
/// Where the system has no way to tell, everybody on this computer counts as the person. An answer that could not be had for
/// another reason (no descriptor is free, say) makes nobody the person.
#[cfg(target_os = "linux")]
pub fn is_same_user(peer: SocketAddr, local: SocketAddr) -> bool {
    use std::os::unix::fs::MetadataExt as _;

    // The owner of a process' own folder is the user that it runs as.
    let us = std::fs::metadata("/proc/self").map(|metadata| metadata.uid());
    match sock_diag::owner(peer, local) {
        Ok(Some(uid)) => us.is_ok_and(|us| uid == us || uid == 0),
        Ok(None) => false,
        Err(error) => {
            tracing::warn!(%error, "the system does not tell whose a connection is");
            matches!(
                error.kind(),
                std::io::ErrorKind::Unsupported
                    | std::io::ErrorKind::NotFound
                    | std::io::ErrorKind::PermissionDenied
            )
        }
    }
}

#[cfg(not(target_os = "linux"))]
pub fn is_same_user(_peer: SocketAddr, _local: SocketAddr) -> bool {
    true
}

/// One question to the kernel about one socket (sock_diag(7)). The table in `/proc` says the same, but is walked as a whole for
/// every look: milliseconds for each connection.
#[cfg(target_os = "linux")]
mod sock_diag {
    use std::io::{self, Read as _, Write as _};
    use std::net::{IpAddr, SocketAddr};
    use std::time::Duration;

    use socket2::{Domain, Protocol, Socket, Type};

    const NETLINK_SOCK_DIAG: i32 = 4;
    const SOCK_DIAG_BY_FAMILY: u16 = 20;
    const NLM_F_REQUEST: u16 = 1;
    const NLMSG_ERROR: u16 = 2;
    const AF_INET: u8 = 2;
    const AF_INET6: u8 = 10;
    const AF_NETLINK: i32 = 16;
    const IPPROTO_TCP: u8 = 6;
    const ENOENT: i32 = 2;
    const HEADER_BYTES: usize = 16;
    const REQUEST_BYTES: usize = HEADER_BYTES + 56;
    /// In `inet_diag_msg`, behind the header: four bytes, the socket's id, three counters, then uid and inode.
    const UID_AT: usize = HEADER_BYTES + 4 + 48 + 12;
    /// The kernel answers before it comes back; this is against a kernel that doesn't.
    const TIMEOUT: Duration = Duration::from_millis(500);

    /// The owner of the socket at `peer` that is connected to `local`; `None` if there is none, or its process has given it up:
    /// what it has sent could be anybody's then.
    ///
    /// # Errors
    /// The kernel can't be asked.
    pub(super) fn owner(peer: SocketAddr, local: SocketAddr) -> io::Result<Option<u32>> {
        let mut socket =
            Socket::new(Domain::from(AF_NETLINK), Type::DGRAM, Some(Protocol::from(NETLINK_SOCK_DIAG)))?;
        socket.set_read_timeout(Some(TIMEOUT))?;
        socket.write_all(&request(peer, local))?;
        let mut answer = [0; 1024];
        let length = socket.read(&mut answer)?;
        read(&answer[..length])
    }

    fn request(peer: SocketAddr, local: SocketAddr) -> [u8; REQUEST_BYTES] {
        let mut message = Vec::with_capacity(REQUEST_BYTES);
        message.extend((REQUEST_BYTES as u32).to_ne_bytes());
        message.extend(SOCK_DIAG_BY_FAMILY.to_ne_bytes());
        message.extend(NLM_F_REQUEST.to_ne_bytes());
        // Sequence and sender: one question, one answer.
        message.extend([0; 8]);
        // A socket of IPv6 that reached an address of IPv4 is found by the latter too.
        let family = if peer.is_ipv4() { AF_INET } else { AF_INET6 };
        message.extend([family, IPPROTO_TCP, 0, 0]);
        message.extend(u32::MAX.to_ne_bytes());
        message.extend(peer.port().to_be_bytes());
        message.extend(local.port().to_be_bytes());
        for address in [peer.ip(), local.ip()] {
            let mut words = [0; 16];
            match address {
                IpAddr::V4(ip) => words[..4].copy_from_slice(&ip.octets()),
                IpAddr::V6(ip) => words.copy_from_slice(&ip.octets()),
            }
            message.extend(words);
        }
        // Any interface, no cookie.
        message.extend([0; 4]);
        message.extend([0xff; 8]);
        let mut fixed = [0; REQUEST_BYTES];
        fixed.copy_from_slice(&message);
        fixed
    }

    fn read(answer: &[u8]) -> io::Result<Option<u32>> {
        let word = |at: usize| -> io::Result<u32> {
            let bytes = answer.get(at..at + 4).and_then(|bytes| bytes.try_into().ok());
            bytes.map(u32::from_ne_bytes).ok_or_else(|| io::ErrorKind::InvalidData.into())
        };
        let kind = (word(4)? & 0xffff) as u16;
        let kind = if cfg!(target_endian = "big") { (word(4)? >> 16) as u16 } else { kind };
        match kind {
            NLMSG_ERROR => match -word(HEADER_BYTES)?.cast_signed() {
                ENOENT => Ok(None),
                code => Err(io::Error::from_raw_os_error(code)),
            },
            SOCK_DIAG_BY_FAMILY => {
                let (uid, inode) = (word(UID_AT)?, word(UID_AT + 4)?);
                Ok((inode != 0).then_some(uid))
            }
            _ => Err(io::ErrorKind::InvalidData.into()),
        }
    }

    #[cfg(test)]
    mod tests {
        use super::*;

        #[test]
        fn a_short_or_strange_answer_is_an_error() {
            for answer in [&[][..], &[0; 7], &[0; 16], &[0xff; 80]] {
                assert!(read(answer).is_err(), "{answer:?}");
            }
        }
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn a_connection_of_this_process_is_ours_as_long_as_it_holds_it() {
        for ip in ["127.0.0.1:0", "[::1]:0"] {
            let Ok(listener) = std::net::TcpListener::bind(ip) else { continue };
            let local = listener.local_addr().unwrap();
            let client = std::net::TcpStream::connect(local).unwrap();
            let peer = client.local_addr().unwrap();

            assert!(is_same_user(peer, local));
            drop(client);
            assert!(!is_same_user(peer, local), "nobody holds it any more");
        }
    }

    #[test]
    fn a_connection_by_a_socket_of_the_other_family_is_ours_too() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let local = listener.local_addr().unwrap();
        let std::net::IpAddr::V4(ip) = local.ip() else { panic!("an address of IPv4") };
        let mapped = SocketAddr::new(ip.to_ipv6_mapped().into(), local.port());
        // A machine without IPv6 has no such sockets.
        let Ok(client) = socket2::Socket::new(socket2::Domain::IPV6, socket2::Type::STREAM, None) else {
            return;
        };
        client.connect(&mapped.into()).unwrap();

        let (_, peer) = listener.accept().unwrap();

        assert!(peer.is_ipv4() && is_same_user(peer, local));
    }
}
