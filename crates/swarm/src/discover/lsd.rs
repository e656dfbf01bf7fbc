//! Local discovery (BEP 14): peers in the same network tell each other by multicast which torrents they have.

use std::collections::HashMap;
use std::convert::Infallible;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4, SocketAddrV6};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use freshet_model::InfoHash;
use freshet_web::{Route, WebClient};
use socket2::{Domain, Protocol, SockRef, Socket, Type};
use tokio::net::UdpSocket;
use tokio::sync::{Notify, watch};
use tokio::time::{Instant, sleep_until, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::search::Outlet;
use super::{DiscoveryConfig, DiscoveryStatus, Source};

const PORT: u16 = 6771;
const GROUP_V4: Ipv4Addr = Ipv4Addr::new(239, 192, 152, 143);
const GROUP_V6: Ipv6Addr = Ipv6Addr::new(0xff15, 0, 0, 0, 0, 0, 0xefc0, 0x988f);

const ANNOUNCE_INTERVAL: Duration = Duration::from_secs(5 * 60);
/// Between two datagrams of ours.
const SEND_INTERVAL: Duration = Duration::from_secs(1);
/// Between two datagrams about one torrent that are looked at.
const HEAR_INTERVAL: Duration = Duration::from_secs(1);
/// Networks come and go, so the sockets are opened anew from time to time.
const REOPEN_INTERVAL: Duration = Duration::from_secs(10 * 60);
const RETRY_PAUSE: Duration = Duration::from_secs(60);
const SEND_TIMEOUT: Duration = Duration::from_secs(1);
/// As BEP 14 has it.
const MAX_DATAGRAM_BYTES: usize = 1400;
const MAX_INFO_HASHES: usize = 16;
const MAX_LINES: usize = 64;
const MAX_INTERFACES: usize = 16;

/// How local discovery is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum LsdStatus {
    /// It is not wanted.
    #[default]
    Off,
    Running,
    /// Why; it is tried again.
    Failed(String),
}

#[derive(Debug)]
pub(super) struct Lsd {
    wanted: watch::Sender<bool>,
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    torrents: Mutex<HashMap<InfoHash, Torrent>>,
    /// A torrent was added.
    added: Notify,
    port: watch::Receiver<Option<u16>>,
    /// Knows the way out.
    web: WebClient,
    /// By which we know our own datagrams.
    cookie: String,
}

#[derive(Debug)]
struct Torrent {
    outlets: Vec<(u64, Outlet)>,
    announce_at: Instant,
    heard_at: Option<Instant>,
}

impl Lsd {
    pub(super) fn start(
        config: &DiscoveryConfig,
        status: watch::Sender<DiscoveryStatus>,
        tasks: &TaskTracker,
        cancel: CancellationToken,
    ) -> Self {
        let lsd = Self::new(config.listen_port.clone(), config.web.clone(), config.enable_lsd);
        let is_wanted = lsd.wanted.subscribe();
        let shared = Arc::clone(&lsd.shared);
        drop(tasks.spawn(async move { cancel.run_until_cancelled(shared.run(is_wanted, status)).await }));
        lsd
    }

    fn new(port: watch::Receiver<Option<u16>>, web: WebClient, is_wanted: bool) -> Self {
        let cookie = format!("{:08x}", rand::random::<u32>());
        let shared = Shared { torrents: Mutex::default(), added: Notify::new(), port, web, cookie };
        Self { wanted: watch::Sender::new(is_wanted), shared: Arc::new(shared) }
    }

    pub(super) fn want(&self, is_wanted: bool) {
        self.wanted.send_if_modified(|wanted| std::mem::replace(wanted, is_wanted) != is_wanted);
    }

    /// Announces a torrent and gives who announces it, until this is dropped.
    pub(super) fn search(&self, info_hash: InfoHash, outlet: Outlet) -> impl Future<Output = ()> + use<> {
        let shared = Arc::clone(&self.shared);
        async move {
            let _registered = Registration::new(shared, info_hash, outlet);
            std::future::pending().await
        }
    }

    #[cfg(test)]
    pub(super) fn knows(&self, info_hash: InfoHash) -> bool {
        self.shared.torrents().contains_key(&info_hash)
    }
}

/// A torrent that is looked for by one search.
struct Registration {
    shared: Arc<Shared>,
    info_hash: InfoHash,
    number: u64,
}

impl Registration {
    fn new(shared: Arc<Shared>, info_hash: InfoHash, outlet: Outlet) -> Self {
        let number = rand::random();
        let fresh = || Torrent { outlets: Vec::new(), announce_at: Instant::now(), heard_at: None };
        shared.torrents().entry(info_hash).or_insert_with(fresh).outlets.push((number, outlet));
        shared.added.notify_one();
        Self { shared, info_hash, number }
    }
}

impl Drop for Registration {
    fn drop(&mut self) {
        let mut torrents = self.shared.torrents();
        if let Some(torrent) = torrents.get_mut(&self.info_hash) {
            torrent.outlets.retain(|(number, _)| *number != self.number);
            if torrent.outlets.is_empty() {
                torrents.remove(&self.info_hash);
            }
        }
    }
}

/// A socket, and where to announce from it.
#[derive(Debug)]
struct Door {
    socket: UdpSocket,
    targets: Vec<Target>,
}

#[derive(Debug, Clone, Copy)]
struct Target {
    group: SocketAddr,
    /// For IPv4, where a group's address does not say which network is meant.
    interface: Option<Ipv4Addr>,
}

impl Shared {
    fn torrents(&self) -> MutexGuard<'_, HashMap<InfoHash, Torrent>> {
        self.torrents.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Serves as long as that is wanted, and ends when nobody can want it any more.
    async fn run(&self, mut is_wanted: watch::Receiver<bool>, status: watch::Sender<DiscoveryStatus>) {
        let show = |lsd: LsdStatus| {
            status.send_if_modified(|status| {
                let is_news = status.lsd != lsd;
                status.lsd = lsd;
                is_news
            });
        };
        while is_wanted.wait_for(|is_wanted| *is_wanted).await.is_ok() {
            let is_over = tokio::select! {
                never = self.keep_serving(&show) => match never {},
                unwanted = is_wanted.wait_for(|is_wanted| !is_wanted) => unwanted.is_err(),
            };
            show(LsdStatus::Off);
            if is_over {
                return;
            }
        }
    }

    async fn keep_serving(&self, show: impl Fn(LsdStatus)) -> Infallible {
        loop {
            let way = self.web.way_out();
            let mut seen = way.clone();
            if !way.route().carries_datagrams() {
                show(LsdStatus::Failed("there is no way out for datagrams".to_owned()));
                let _ = seen.closed().await;
                continue;
            }
            tokio::select! {
                never = self.serve_by(way.route(), &show) => match never {},
                _ = seen.closed() => {}
            }
        }
    }

    async fn serve_by(&self, route: &Route, show: impl Fn(LsdStatus)) -> Infallible {
        loop {
            let (v4, v6) = (open_v4(route), open_v6(route));
            if let (Err(error), Err(_)) = (&v4, &v6) {
                tracing::debug!(%error, "no local discovery");
                show(LsdStatus::Failed(error.to_string()));
                tokio::time::sleep(RETRY_PAUSE).await;
                continue;
            }
            show(LsdStatus::Running);
            let doors: Vec<Door> = [v4, v6].into_iter().flatten().collect();
            if let Ok(error) = timeout(REOPEN_INTERVAL, self.serve(&doors)).await {
                tracing::debug!(%error, "local discovery is interrupted");
                tokio::time::sleep(SEND_INTERVAL).await;
            }
        }
    }

    /// Announces and listens until a socket fails.
    async fn serve(&self, doors: &[Door]) -> io::Error {
        let listening = futures::future::select_all(doors.iter().map(|door| Box::pin(self.listen(door))));
        tokio::select! {
            (error, ..) = listening => error,
            never = self.announce(doors) => match never {},
        }
    }

    async fn listen(&self, door: &Door) -> io::Error {
        let mut datagram = [0; MAX_DATAGRAM_BYTES];
        loop {
            match door.socket.recv_from(&mut datagram).await {
                Ok((count, from)) => self.hear(&datagram[..count], from, Instant::now()),
                Err(error) => return error,
            }
        }
    }

    async fn announce(&self, doors: &[Door]) -> Infallible {
        let mut port = self.port.clone();
        loop {
            // Where nobody listens, there is nothing to announce.
            let Ok(Some(port)) = port.wait_for(Option::is_some).await.map(|port| *port) else {
                return std::future::pending().await;
            };
            let now = Instant::now();
            match self.due(now) {
                Ok(info_hashes) => {
                    for door in doors {
                        door.send(port, &info_hashes, &self.cookie).await;
                    }
                    tokio::time::sleep(SEND_INTERVAL).await;
                }
                Err(next_at) => tokio::select! {
                    () = sleep_until(next_at.unwrap_or(now + ANNOUNCE_INTERVAL)) => {}
                    () = self.added.notified() => {}
                },
            }
        }
    }

    /// What is announced now, or when something will be.
    fn due(&self, now: Instant) -> Result<Vec<InfoHash>, Option<Instant>> {
        let mut torrents = self.torrents();
        let mut due = Vec::new();
        for (info_hash, torrent) in torrents.iter_mut().filter(|(_, torrent)| torrent.announce_at <= now) {
            if due.len() < MAX_INFO_HASHES {
                torrent.announce_at = now + ANNOUNCE_INTERVAL;
                due.push(*info_hash);
            }
        }
        if due.is_empty() { Err(torrents.values().map(|torrent| torrent.announce_at).min()) } else { Ok(due) }
    }

    fn hear(&self, datagram: &[u8], from: SocketAddr, now: Instant) {
        let Some(heard) = Heard::parse(datagram) else { return };
        if heard.cookie == Some(self.cookie.as_str()) {
            return;
        }
        let mut address = from;
        address.set_port(heard.port);
        let mut torrents = self.torrents();
        for info_hash in heard.info_hashes {
            let Some(torrent) = torrents.get_mut(&info_hash) else { continue };
            if torrent.heard_at.is_some_and(|at| now.duration_since(at) < HEAR_INTERVAL) {
                continue;
            }
            torrent.heard_at = Some(now);
            for (_, outlet) in &torrent.outlets {
                outlet.offer(address, Source::Lsd);
            }
        }
    }
}

impl Door {
    /// Through every network; one that fails is left out.
    async fn send(&self, port: u16, info_hashes: &[InfoHash], cookie: &str) {
        for target in &self.targets {
            let prepared = match &target.interface {
                Some(interface) => SockRef::from(&self.socket).set_multicast_if_v4(interface),
                None => Ok(()),
            };
            let datagram = announcement(target.group, port, info_hashes, cookie);
            let sent = timeout(SEND_TIMEOUT, self.socket.send_to(&datagram, target.group)).await;
            if prepared.is_err() || !matches!(sent, Ok(Ok(_))) {
                tracing::debug!(?target, "a network was not told of our torrents");
            }
        }
    }
}

fn announcement(group: SocketAddr, port: u16, info_hashes: &[InfoHash], cookie: &str) -> Vec<u8> {
    let host = match group {
        SocketAddr::V4(group) => group.to_string(),
        // Without the scope, which means nothing to others.
        SocketAddr::V6(group) => format!("[{}]:{}", group.ip(), group.port()),
    };
    let mut text = format!("BT-SEARCH * HTTP/1.1\r\nHost: {host}\r\nPort: {port}\r\n");
    for info_hash in info_hashes {
        text.push_str(&format!("Infohash: {info_hash}\r\n"));
    }
    text.push_str(&format!("cookie: {cookie}\r\n\r\n\r\n"));
    text.into_bytes()
}

/// What a datagram says.
#[derive(Debug, PartialEq, Eq)]
struct Heard<'a> {
    port: u16,
    info_hashes: Vec<InfoHash>,
    cookie: Option<&'a str>,
}

impl<'a> Heard<'a> {
    fn parse(datagram: &'a [u8]) -> Option<Self> {
        let mut lines = std::str::from_utf8(datagram).ok()?.lines();
        if !lines.next()?.starts_with("BT-SEARCH ") {
            return None;
        }
        let mut heard = Self { port: 0, info_hashes: Vec::new(), cookie: None };
        for (name, value) in lines.take(MAX_LINES).filter_map(|line| line.split_once(':')) {
            let value = value.trim();
            match name.trim().to_ascii_lowercase().as_str() {
                "port" => heard.port = value.parse().ok()?,
                "infohash" if heard.info_hashes.len() < MAX_INFO_HASHES => {
                    heard.info_hashes.push(value.parse().ok()?);
                }
                "cookie" => heard.cookie = Some(value),
                _ => {}
            }
        }
        (heard.port != 0 && !heard.info_hashes.is_empty()).then_some(heard)
    }
}

#[cfg(any(test, feature = "fuzzing"))]
pub(crate) fn fuzz(datagram: &[u8]) {
    let Some(heard) = Heard::parse(datagram) else { return };
    assert!(heard.info_hashes.len() <= MAX_INFO_HASHES);
    let cookie = heard.cookie.unwrap_or_default();
    let again = announcement(SocketAddr::from((GROUP_V4, PORT)), heard.port, &heard.info_hashes, cookie);
    let again = Heard::parse(&again).map(|again| (again.port, again.info_hashes));
    assert_eq!(again, Some((heard.port, heard.info_hashes)));
}

fn open_v4(route: &Route) -> io::Result<Door> {
    let socket = open(route, Domain::IPV4, SocketAddrV4::new(Ipv4Addr::UNSPECIFIED, PORT).into())?;
    let mut targets = Vec::new();
    for interface in interfaces(route)? {
        if let IpAddr::V4(ip) = interface.ip()
            && socket.join_multicast_v4(&GROUP_V4, &ip).is_ok()
        {
            targets.push(Target { group: SocketAddrV4::new(GROUP_V4, PORT).into(), interface: Some(ip) });
        }
    }
    into_door(socket, targets)
}

fn open_v6(route: &Route) -> io::Result<Door> {
    let socket = open(route, Domain::IPV6, SocketAddrV6::new(Ipv6Addr::UNSPECIFIED, PORT, 0, 0).into())?;
    let mut targets: Vec<Target> = Vec::new();
    for interface in interfaces(route)?.iter().filter(|interface| interface.ip().is_ipv6()) {
        let Some(index) = interface.index else { continue };
        // An interface with several addresses is joined once; the second time fails.
        if socket.join_multicast_v6(&GROUP_V6, index).is_ok() {
            let group = SocketAddrV6::new(GROUP_V6, PORT, 0, index).into();
            targets.push(Target { group, interface: None });
        }
    }
    into_door(socket, targets)
}

/// Those that lead out, or the chosen one.
fn interfaces(route: &Route) -> io::Result<Vec<if_addrs::Interface>> {
    let mut interfaces = if_addrs::get_if_addrs()?;
    let chosen = route.interface.as_ref().map(freshet_web::Interface::name);
    let is_meant = |name: &str| chosen.is_none_or(|chosen| chosen == freshet_web::interface::device(name));
    interfaces.retain(|interface| !interface.is_loopback() && is_meant(&interface.name));
    interfaces.truncate(MAX_INTERFACES);
    Ok(interfaces)
}

/// Other programs of this computer listen at the same port.
fn open(route: &Route, domain: Domain, address: SocketAddr) -> io::Result<Socket> {
    let socket = Socket::new(domain, Type::DGRAM, Some(Protocol::UDP))?;
    socket.set_reuse_address(true)?;
    #[cfg(unix)]
    socket.set_reuse_port(true)?;
    if domain == Domain::IPV6 {
        socket.set_only_v6(true)?;
    }
    socket.set_nonblocking(true)?;
    route.bind(&socket, address)?;
    Ok(socket)
}

fn into_door(socket: Socket, targets: Vec<Target>) -> io::Result<Door> {
    if targets.is_empty() {
        return Err(io::Error::new(io::ErrorKind::NetworkUnreachable, "no network to speak in"));
    }
    Ok(Door { socket: UdpSocket::from_std(socket.into())?, targets })
}

#[cfg(test)]
#[path = "lsd_tests.rs"]
mod tests;
