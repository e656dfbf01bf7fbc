//! The ports at which peers reach us: the same number for TCP and uTP where that can be.

use std::io;
use std::time::Duration;

use freshet_web::Route;
use tokio::net::TcpListener;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

use super::UtpSocket;
use crate::swarm::UtpState;

/// A number that is free for TCP can be taken for UDP; any number is tried so often.
const MAX_TRIES: usize = 8;
/// For tasks that have a socket which was closed.
const CLOSING_TIMEOUT: Duration = Duration::from_secs(1);
const CLOSING_PAUSE: Duration = Duration::from_millis(20);

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

/// Opens both, 0 for any number. Without a number nobody can call us; over uTP we can still call from any port. Through a proxy,
/// or while the interface is not there, nothing is opened.
///
/// # Errors
/// If the port for TCP can't be had. uTP is not needed.
pub(crate) async fn open(port: Option<u16>, route: &Route, stop: &CancellationToken) -> io::Result<Ports> {
    if !route.carries_datagrams() {
        return Ok(Ports { tcp: None, utp: Err(io::ErrorKind::NotConnected.into()) });
    }
    let Some(port) = port else {
        return Ok(Ports { tcp: None, utp: UtpSocket::open(0, route, stop).await });
    };
    let mut ports = open_pair(port, route, stop).await?;
    for _ in 1..MAX_TRIES {
        if port != 0 || ports.utp.is_ok() {
            break;
        }
        ports = open_pair(port, route, stop).await?;
    }
    Ok(ports)
}

/// Waits until a port is free that was closed just now; not for long, somebody else may have it.
pub(crate) async fn until_free(port: u16, route: &Route) {
    if port == 0 || !route.carries_datagrams() {
        return;
    }
    let is_free = || route.listen(port).is_ok() && route.on_any(port, |address| route.udp(address)).is_ok();
    let freed = async {
        while !is_free() {
            sleep(CLOSING_PAUSE).await;
        }
    };
    let _ = timeout(CLOSING_TIMEOUT, freed).await;
}

async fn open_pair(port: u16, route: &Route, stop: &CancellationToken) -> io::Result<Ports> {
    let tcp = route.listen(port)?;
    let utp = UtpSocket::open(tcp.local_addr()?.port(), route, stop).await;
    Ok(Ports { tcp: Some(tcp), utp })
}

#[cfg(test)]
mod tests {
    use freshet_web::Interface;

    use super::*;

    #[tokio::test]
    async fn one_number_is_opened_for_both() {
        let stop = CancellationToken::new();
        let ports = open(Some(0), &Route::default(), &stop).await.unwrap();
        assert_eq!(ports.listen_port(), ports.utp.as_ref().ok().map(UtpSocket::port));

        let taken = open(ports.listen_port(), &Route::default(), &stop).await;
        assert_eq!(taken.unwrap_err().kind(), io::ErrorKind::AddrInUse);
        stop.cancel();
    }

    #[tokio::test]
    async fn a_udp_port_that_is_taken_leaves_tcp() {
        let stop = CancellationToken::new();
        let taken = UtpSocket::open(0, &Route::default(), &stop).await.unwrap();
        let ports = open(Some(taken.port()), &Route::default(), &stop).await.unwrap();
        assert_eq!((ports.listen_port(), ports.utp.is_err()), (Some(taken.port()), true));
        stop.cancel();
    }

    #[tokio::test]
    async fn without_a_number_nobody_is_let_in() {
        let stop = CancellationToken::new();
        let ports = open(None, &Route::default(), &stop).await.unwrap();
        assert_eq!((ports.listen_port(), ports.utp.is_ok()), (None, true));
        stop.cancel();
    }

    #[tokio::test]
    async fn nothing_is_opened_beside_a_proxy_or_while_the_interface_is_missing() {
        let proxied = Route { proxy: "socks5://192.0.2.1".parse().ok(), interface: None };
        let shut = Route { proxy: None, interface: Some(Interface::look("no such one")) };
        for route in [proxied, shut] {
            let ports = open(Some(0), &route, &CancellationToken::new()).await.unwrap();
            assert_eq!((ports.listen_port(), ports.utp.is_err()), (None, true), "{route:?}");
        }
    }
}
