//! The way on which everything leaves this computer: through a proxy or not, and through one network interface or any.
//!
//! Whoever opens a socket asks the [`Route`] for it. Where an interface was chosen and is not there, or can't be used, there
//! are no sockets: nothing goes another way.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use freshet_model::Proxy;
use socket2::{Domain, Protocol, Socket, Type};
use tokio::net::{TcpListener, TcpSocket, TcpStream};

use crate::interface::Interface;
use crate::lookup::Lookup;

/// Callers that wait to be let in.
const BACKLOG: i32 = 1024;

/// See the module. The default is the direct way, through any interface.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Route {
    pub proxy: Option<Proxy>,
    /// `None` is any, as the system has it.
    pub interface: Option<Interface>,
}

impl Route {
    /// Whether anything can go this way: no interface is wanted, or it is there.
    pub fn is_open(&self) -> bool {
        self.interface.as_ref().is_none_or(Interface::is_there)
    }

    /// Whether packets go out as the system likes.
    pub fn is_direct(&self) -> bool {
        self.proxy.is_none() && self.interface.is_none()
    }

    /// Whether datagrams can go this way, and others can call us: no proxy carries those.
    pub fn carries_datagrams(&self) -> bool {
        self.is_open() && self.proxy.is_none()
    }

    /// Connects to an address. What is on this computer itself is reached whatever the interface: no packet leaves. Has no
    /// time-out of its own; the proxy is the caller's business.
    ///
    /// # Errors
    /// Of the system; `NotConnected` while the interface is not there.
    pub async fn connect(&self, to: SocketAddr) -> io::Result<TcpStream> {
        let Some(interface) = self.interface.as_ref().filter(|_| !is_here(to.ip())) else {
            return TcpStream::connect(to).await;
        };
        let socket = Socket::new(Domain::for_address(to), Type::STREAM, Some(Protocol::TCP))?;
        interface.bind_for_calls(&socket, to)?;
        socket.set_nonblocking(true)?;
        TcpSocket::from_std_stream(socket.into()).connect(to).await
    }

    /// Connects to a proxy, which is looked up by this way if it has a name. Has no time-out of its own.
    ///
    /// # Errors
    /// As [`Route::connect`]; that of the last address that was tried.
    pub async fn connect_to_proxy(&self, proxy: &Proxy) -> io::Result<TcpStream> {
        let is_here = is_name_of_here(&proxy.host);
        let lookup = Lookup::new(self.interface.as_ref().filter(|_| !is_here));
        let mut failure = io::ErrorKind::NotFound.into();
        // The person named it: wherever it is.
        for address in lookup.addresses(&proxy.host, proxy.port).await? {
            match self.connect(address).await {
                Ok(stream) => return Ok(stream),
                Err(error) => failure = error,
            }
        }
        Err(failure)
    }

    /// Lets others in at a port: over IPv6 and IPv4 where the system can, else over IPv4 alone. 0 is any port.
    ///
    /// # Errors
    /// Of the system, as `AddrInUse`; `NotConnected` while the interface is not there.
    pub fn listen(&self, port: u16) -> io::Result<TcpListener> {
        self.on_any(port, |address| self.listen_at(address))
    }

    fn listen_at(&self, address: SocketAddr) -> io::Result<TcpListener> {
        let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
        // A port that was just given back is free, except on Windows, where this would share it.
        #[cfg(unix)]
        socket.set_reuse_address(true)?;
        self.bind(&socket, address)?;
        socket.listen(BACKLOG)?;
        socket.set_nonblocking(true)?;
        TcpListener::from_std(socket.into())
    }

    /// A UDP socket at this address; port 0 is any.
    ///
    /// # Errors
    /// As [`Route::listen`].
    pub fn udp(&self, address: SocketAddr) -> io::Result<tokio::net::UdpSocket> {
        let socket = Socket::new(Domain::for_address(address), Type::DGRAM, Some(Protocol::UDP))?;
        self.bind(&socket, address)?;
        socket.set_nonblocking(true)?;
        tokio::net::UdpSocket::from_std(socket.into())
    }

    /// Binds a fresh socket to an address, and to the interface before. Where the system can't do the latter, an address that
    /// is "any" becomes the interface's own.
    ///
    /// # Errors
    /// As [`Route::listen`].
    pub fn bind(&self, socket: &Socket, address: SocketAddr) -> io::Result<()> {
        let address = match &self.interface {
            Some(interface) => interface.prepare(socket, address)?,
            None => address,
        };
        if address.is_ipv6() && address.ip().is_unspecified() && socket.r#type()? == Type::STREAM {
            socket.set_only_v6(false)?;
        }
        socket.bind(&address.into())
    }

    /// Opens something at "any" address: of IPv6, which takes in IPv4, or of IPv4 alone if that fails.
    ///
    /// # Errors
    /// That of IPv4; `AddrInUse` of either.
    pub fn on_any<T>(&self, port: u16, open: impl Fn(SocketAddr) -> io::Result<T>) -> io::Result<T> {
        match open((Ipv6Addr::UNSPECIFIED, port).into()) {
            Ok(opened) => Ok(opened),
            Err(error) if error.kind() == io::ErrorKind::AddrInUse => Err(error),
            Err(_) => open((Ipv4Addr::UNSPECIFIED, port).into()),
        }
    }
}

/// Whether packets to an address stay on this computer.
pub(crate) fn is_here(ip: IpAddr) -> bool {
    ip.to_canonical().is_loopback()
}

/// Whether a host's name or address means this computer, without anybody being asked.
pub(crate) fn is_name_of_here(host: &str) -> bool {
    let host = host.trim_end_matches('.').trim_start_matches('[').trim_end_matches(']');
    match host.parse::<IpAddr>() {
        Ok(ip) => is_here(ip),
        Err(_) => host.rsplit('.').next().is_some_and(|last| last.eq_ignore_ascii_case("localhost")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_means_this_computer_is_known_by_its_name() {
        for host in
            ["127.0.0.1", "127.9.9.9", "::1", "[::1]", "::ffff:127.0.0.1", "localhost", "a.LocalHost."]
        {
            assert!(is_name_of_here(host), "{host}");
        }
        for host in ["localhost.example", "10.0.0.1", "", "notlocalhost", "fe80::1"] {
            assert!(!is_name_of_here(host), "{host}");
        }
    }

    #[tokio::test]
    async fn without_an_interface_sockets_are_as_ever() {
        let route = Route::default();
        assert!(route.is_open() && route.is_direct());
        let listener = route.listen(0).unwrap();
        let port = listener.local_addr().unwrap().port();
        assert_eq!(route.listen(port).unwrap_err().kind(), io::ErrorKind::AddrInUse);
        let (called, answered) =
            tokio::join!(route.connect((Ipv4Addr::LOCALHOST, port).into()), listener.accept());
        assert_eq!(called.unwrap().local_addr().unwrap().port(), answered.unwrap().1.port());
    }

    #[tokio::test]
    async fn without_its_interface_there_are_no_sockets_but_to_this_computer() {
        let route = Route { proxy: None, interface: Some(Interface::look("no such one")) };
        assert!(!route.is_open() && !route.is_direct());
        let kind = |error: io::Error| error.kind();
        let missing = io::ErrorKind::NotConnected;
        assert_eq!(route.listen(0).map_err(kind).unwrap_err(), missing);
        assert_eq!(route.udp((Ipv4Addr::UNSPECIFIED, 0).into()).map_err(kind).unwrap_err(), missing);
        assert_eq!(route.connect("192.0.2.1:9".parse().unwrap()).await.map_err(kind).unwrap_err(), missing);

        let here = Route::default().listen(0).unwrap();
        let at = SocketAddr::from((Ipv4Addr::LOCALHOST, here.local_addr().unwrap().port()));
        assert!(route.connect(at).await.is_ok());
    }

    #[cfg(target_os = "linux")]
    #[tokio::test]
    async fn sockets_carry_the_name_of_their_interface() {
        let route = Route { proxy: None, interface: Some(Interface::look("lo")) };
        assert!(route.is_open());
        let device = |socket: socket2::SockRef<'_>| socket.device().unwrap().unwrap();
        let listener = route.listen(0).unwrap();
        assert_eq!(device((&listener).into()), b"lo");
        let socket = route.udp((Ipv4Addr::UNSPECIFIED, 0).into()).unwrap();
        assert_eq!(device((&socket).into()), b"lo");
    }
}
