//! The socket for uTP (BEP 29): many connections on one UDP port.

use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;

use freshet_web::Route;
use librqbit_utp::{BindDevice, SocketOpts, UtpSocketUdp, UtpSocketUdpOpts, UtpStream};
use tokio_util::sync::CancellationToken;

/// Connections over uTP at a time, those that are being made included.
const MAX_STREAMS: usize = 256;
/// Peers are silent for minutes while nothing is to be had, and a player can be paused for hours. A dead one is noticed
/// by what it does not confirm.
const SILENT_AFTER: Duration = Duration::from_secs(250);

/// Clones are the same socket.
#[derive(Clone)]
pub(crate) struct UtpSocket(Arc<UtpSocketUdp>);

impl UtpSocket {
    /// Opens the port, 0 for any: for IPv6 and IPv4 where the system can, else for IPv4 alone. Cancelling `stop` ends it
    /// with all its connections.
    ///
    /// # Errors
    /// If the port can't be had.
    pub(crate) async fn open(port: u16, route: &Route, stop: &CancellationToken) -> io::Result<Self> {
        let options = || SocketOpts {
            cancellation_token: stop.clone(),
            max_live_vsocks: NonZeroUsize::new(MAX_STREAMS),
            remote_inactivity_timeout: Some(SILENT_AFTER),
            dont_wait_for_lastack: true,
            // A request is small, and must not wait for the next one.
            disable_nagle: true,
            ..SocketOpts::default()
        };
        let open = async |address: SocketAddr| {
            // The library shares a port that another program has, and they would take each other's packets.
            let taken = route.udp(address)?;
            // Where a socket can't be tied to the interface, it has an address of it.
            let address = SocketAddr::new(taken.local_addr()?.ip(), port);
            drop(taken);
            let device = device(route)?;
            let bound = UtpSocketUdpOpts { bind_device: device.as_ref() };
            let opened = UtpSocketUdp::new_udp_with_opts(address, options(), bound).await;
            opened.map_err(io::Error::other)
        };
        match open((Ipv6Addr::UNSPECIFIED, port).into()).await {
            Ok(socket) => Ok(Self(socket)),
            Err(error) if error.kind() == io::ErrorKind::AddrInUse => Err(error),
            Err(_) => open((Ipv4Addr::UNSPECIFIED, port).into()).await.map(Self),
        }
    }

    pub(crate) fn port(&self) -> u16 {
        self.0.bind_addr().port()
    }

    /// Waits for as long as the other end takes; dropping it gives up.
    ///
    /// # Errors
    /// If nobody answers.
    pub(crate) async fn connect(&self, address: SocketAddr) -> io::Result<UtpStream> {
        self.0.connect(address).await.map_err(io::Error::other)
    }

    /// The next connection that a peer makes.
    ///
    /// # Errors
    /// When the socket has ended.
    pub(crate) async fn accept(&self) -> io::Result<(UtpStream, SocketAddr)> {
        let stream = self.0.accept().await.map_err(io::Error::other)?;
        let address = stream.remote_addr();
        Ok((stream, address))
    }
}

/// What the libraries tie their sockets to, where they can.
#[cfg(unix)]
pub(crate) fn device(route: &Route) -> io::Result<Option<BindDevice>> {
    let name = route.interface.as_ref().map(freshet_web::Interface::name);
    name.map(BindDevice::new_from_name).transpose().map_err(io::Error::other)
}

/// The address does it.
#[cfg(not(unix))]
pub(crate) fn device(_: &Route) -> io::Result<Option<BindDevice>> {
    Ok(None)
}

impl std::fmt::Debug for UtpSocket {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("UtpSocket").field(&self.0.bind_addr()).finish()
    }
}
