//! Names to addresses, by the way that everything goes.
//!
//! The system's resolver asks through whatever interface it likes. Where one was chosen, the system's name servers are asked by
//! ourselves, through that one. A name server on this computer would ask on by another way, so it is not asked; where
//! systemd-resolved is that server, it tells whom it asks.

use std::future::Future;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use hickory_resolver::config::{LookupIpStrategy, NameServerConfig, ResolverConfig};
use hickory_resolver::net::runtime::iocompat::AsyncIoTokioAsStd;
use hickory_resolver::net::runtime::{RuntimeProvider, TokioHandle, TokioTime};
use hickory_resolver::{Resolver, system_conf};
use tokio::net::{TcpStream, UdpSocket};
use tokio::time::{Instant, timeout};

use crate::interface::Interface;
use crate::limits;
use crate::route::{Route, is_here};

/// Name servers that are asked, all at once: some of them can't be reached through the chosen interface.
const MAX_NAME_SERVERS: usize = 6;
/// For the answer of one name server.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(2);
const ATTEMPTS: usize = 2;
/// A network that comes up tells its name servers a little later.
const SERVERS_LIFETIME: Duration = Duration::from_secs(10);

/// Looks names up. Clones share what they know.
#[derive(Debug, Clone)]
pub(crate) enum Lookup {
    /// As the system does it.
    System,
    Bound(Arc<Bound>),
}

/// Through one interface.
pub(crate) struct Bound {
    route: Route,
    known: Mutex<Option<Known>>,
}

#[derive(Clone)]
struct Known {
    servers: Vec<IpAddr>,
    read_at: Instant,
    resolver: Arc<Resolver<Sockets>>,
}

impl Lookup {
    pub(crate) fn new(interface: Option<&Interface>) -> Self {
        match interface {
            None => Self::System,
            Some(interface) => {
                let route = Route { proxy: None, interface: Some(interface.clone()) };
                Self::Bound(Arc::new(Bound { route, known: Mutex::default() }))
            }
        }
    }

    /// All addresses of a name, with this port. Has no time-out of its own.
    pub(crate) async fn addresses(&self, name: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
        if let Ok(ip) = name.parse::<IpAddr>() {
            return Ok(vec![SocketAddr::new(ip, port)]);
        }
        match self {
            Self::System => Ok(tokio::net::lookup_host((name, port)).await?.collect()),
            Self::Bound(bound) => {
                let found = bound.ask(name).await?;
                Ok(found.into_iter().map(|ip| SocketAddr::new(ip, port)).collect())
            }
        }
    }
}

impl Bound {
    async fn ask(&self, name: &str) -> io::Result<Vec<IpAddr>> {
        if !self.route.is_open() {
            return Err(io::ErrorKind::NotConnected.into());
        }
        let resolver = self.resolver().await?;
        // A name is taken as a whole: what the system would add to it belongs to other networks.
        let whole = if name.ends_with('.') { name.to_owned() } else { format!("{name}.") };
        let found = resolver.lookup_ip(whole).await.map_err(io::Error::other)?;
        let only = self.route.interface.as_ref().and_then(Interface::only_web_address);
        Ok(found.iter().filter(|ip| only.is_none_or(|own| own.is_ipv4() == ip.is_ipv4())).collect())
    }

    async fn resolver(&self) -> io::Result<Arc<Resolver<Sockets>>> {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some(known) = &known
            && known.read_at.elapsed() < SERVERS_LIFETIME
        {
            return Ok(Arc::clone(&known.resolver));
        }
        let read_at = Instant::now();
        let servers = tokio::task::spawn_blocking(name_servers).await.map_err(io::Error::other)??;
        let resolver = match known {
            Some(known) if known.servers == servers => known.resolver,
            Some(_) | None => Arc::new(self.build(&servers)?),
        };
        let known = Known { servers, read_at, resolver: Arc::clone(&resolver) };
        *self.known.lock().unwrap_or_else(PoisonError::into_inner) = Some(known);
        Ok(resolver)
    }

    fn build(&self, servers: &[IpAddr]) -> io::Result<Resolver<Sockets>> {
        let configs = servers.iter().map(|server| NameServerConfig::udp_and_tcp(*server)).collect();
        let config = ResolverConfig::from_name_servers(configs);
        let mut builder = Resolver::builder_with_config(config, Sockets::new(self.route.clone()));
        let options = builder.options_mut();
        options.timeout = ANSWER_TIMEOUT;
        options.attempts = ATTEMPTS;
        options.ip_strategy = LookupIpStrategy::Ipv4AndIpv6;
        options.num_concurrent_reqs = servers.len();
        builder.build().map_err(io::Error::other)
    }
}

impl std::fmt::Debug for Bound {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Bound").field("route", &self.route).finish_non_exhaustive()
    }
}

/// Whom the system asks, without those on this computer. Blocks for a moment.
fn name_servers() -> io::Result<Vec<IpAddr>> {
    let (config, _) = system_conf::read_system_conf().map_err(io::Error::other)?;
    #[cfg_attr(not(target_os = "linux"), expect(unused_mut, reason = "elsewhere nobody stands between"))]
    let mut servers = elsewhere(&config);
    #[cfg(target_os = "linux")]
    if servers.is_empty()
        && let Ok(text) = std::fs::read("/run/systemd/resolve/resolv.conf")
    {
        let (config, _) = system_conf::parse_resolv_conf(text).map_err(io::Error::other)?;
        servers = elsewhere(&config);
    }
    if servers.is_empty() {
        return Err(io::Error::new(
            io::ErrorKind::NotFound,
            "no name server can be asked through the interface",
        ));
    }
    Ok(servers)
}

fn elsewhere(config: &ResolverConfig) -> Vec<IpAddr> {
    let all = config.name_servers().iter().map(|server| server.ip);
    all.filter(|ip| !is_here(*ip)).take(MAX_NAME_SERVERS).collect()
}

/// Gives the resolver sockets that are tied to the interface.
#[derive(Clone)]
struct Sockets {
    route: Arc<Route>,
    handle: TokioHandle,
}

impl Sockets {
    fn new(route: Route) -> Self {
        Self { route: Arc::new(route), handle: TokioHandle::default() }
    }
}

type Opening<T> = Pin<Box<dyn Future<Output = io::Result<T>> + Send>>;

impl RuntimeProvider for Sockets {
    type Handle = TokioHandle;
    type Timer = TokioTime;
    type Udp = UdpSocket;
    type Tcp = AsyncIoTokioAsStd<TcpStream>;

    fn create_handle(&self) -> TokioHandle {
        self.handle.clone()
    }

    fn connect_tcp(
        &self,
        server: SocketAddr,
        _: Option<SocketAddr>,
        wait: Option<Duration>,
    ) -> Opening<Self::Tcp> {
        let route = Arc::clone(&self.route);
        Box::pin(async move {
            let wait = wait.unwrap_or(limits::RESOLVE_TIMEOUT);
            let stream = timeout(wait, route.connect(server)).await.map_err(io::Error::from)??;
            stream.set_nodelay(true)?;
            Ok(AsyncIoTokioAsStd(stream))
        })
    }

    fn bind_udp(&self, local: SocketAddr, _: SocketAddr) -> Opening<UdpSocket> {
        let route = Arc::clone(&self.route);
        Box::pin(async move { route.udp(local) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn name_servers_on_this_computer_are_left_out() {
        let servers = ["127.0.0.53", "192.0.2.1", "::1", "2001:db8::1"].map(|ip| ip.parse().unwrap());
        let configs = servers.iter().map(|server| NameServerConfig::udp_and_tcp(*server)).collect();
        assert_eq!(elsewhere(&ResolverConfig::from_name_servers(configs)), [servers[1], servers[3]]);
    }

    #[tokio::test]
    async fn nobody_is_asked_while_the_interface_is_missing() {
        let lookup = Lookup::new(Some(&Interface::look("no such one")));
        let asked = lookup.addresses("name.example", 1).await;
        assert_eq!(asked.unwrap_err().kind(), io::ErrorKind::NotConnected);
    }
}
