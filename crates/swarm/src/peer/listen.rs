//! The ports at which peers reach us: the same number for TCP and uTP where that can be.

use std::io;
use std::net::{Ipv4Addr, Ipv6Addr};

use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use super::UtpSocket;
use crate::swarm::UtpState;

/// A number that is free for TCP can be taken for UDP; any number is tried so often.
const MAX_TRIES: usize = 8;

/// What could be opened.
#[derive(Debug)]
pub(crate) struct Ports {
    pub(crate) tcp: Option<TcpListener>,
    pub(crate) utp: io::Result<UtpSocket>,
}

impl Ports {
    pub(crate) fn utp_state(&self) -> UtpState {
        match &self.utp {
            Ok(socket) => UtpState::Open(socket.port()),
            Err(error) => UtpState::Unavailable(error.to_string()),
        }
    }

    /// Where peers reach us; the number of TCP if the two differ.
    pub(crate) fn listen_port(&self) -> Option<u16> {
        self.tcp.as_ref().and_then(|listener| listener.local_addr().ok()).map(|at| at.port())
    }
}

/// Opens both, 0 for any number. Without a number nobody can call us; over uTP we can still call from any port.
///
/// # Errors
/// If the port for TCP can't be had. uTP is not needed.
pub(crate) async fn open(port: Option<u16>, stop: &CancellationToken) -> io::Result<Ports> {
    let Some(port) = port else {
        return Ok(Ports { tcp: None, utp: UtpSocket::open(0, stop).await });
    };
    let mut ports = open_pair(port, stop).await?;
    for _ in 1..MAX_TRIES {
        if port != 0 || ports.utp.is_ok() {
            break;
        }
        ports = open_pair(port, stop).await?;
    }
    Ok(ports)
}

async fn open_pair(port: u16, stop: &CancellationToken) -> io::Result<Ports> {
    let tcp = listen(port).await?;
    let utp = UtpSocket::open(tcp.local_addr()?.port(), stop).await;
    Ok(Ports { tcp: Some(tcp), utp })
}

/// IPv6 and IPv4 on one port where the system can, else IPv4 alone.
async fn listen(port: u16) -> io::Result<TcpListener> {
    match TcpListener::bind((Ipv6Addr::UNSPECIFIED, port)).await {
        Ok(listener) => Ok(listener),
        Err(error) if error.kind() == io::ErrorKind::AddrInUse => Err(error),
        Err(_) => TcpListener::bind((Ipv4Addr::UNSPECIFIED, port)).await,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn one_number_is_opened_for_both() {
        let stop = CancellationToken::new();
        let ports = open(Some(0), &stop).await.unwrap();
        assert_eq!(ports.listen_port(), ports.utp.as_ref().ok().map(UtpSocket::port));

        let taken = open(ports.listen_port(), &stop).await;
        assert_eq!(taken.unwrap_err().kind(), io::ErrorKind::AddrInUse);
        stop.cancel();
    }

    #[tokio::test]
    async fn a_udp_port_that_is_taken_leaves_tcp() {
        let stop = CancellationToken::new();
        let taken = UtpSocket::open(0, &stop).await.unwrap();
        let ports = open(Some(taken.port()), &stop).await.unwrap();
        assert_eq!((ports.listen_port(), ports.utp.is_err()), (Some(taken.port()), true));
        stop.cancel();
    }

    #[tokio::test]
    async fn without_a_number_nobody_is_let_in() {
        let stop = CancellationToken::new();
        let ports = open(None, &stop).await.unwrap();
        assert_eq!((ports.listen_port(), ports.utp.is_ok()), (None, true));
        stop.cancel();
    }
}
