//! UPnP: finds an internet gateway device by multicast (SSDP) and asks its connection service to map a port.
//!
//! Our own, because anybody in the network can answer such a question: only the address that answered is asked further,
//! only if it is a private one, and every answer has a ceiling. librqbit's client has neither, and maps no UDP.

mod description;
mod http;

use std::net::{IpAddr, Ipv4Addr, SocketAddr, SocketAddrV4};
use std::time::Duration;

use freshet_model::AddressPolicy;
use freshet_web::Route;
use tokio::time::{Instant, timeout_at};
use url::Url;

use super::super::addresses::is_private;
use super::super::sockets::{self, Family};
use http::Request;

pub(super) const SSDP_GROUP: SocketAddrV4 = SocketAddrV4::new(Ipv4Addr::new(239, 255, 255, 250), 1900);
/// A router of the second version answers for the first one too, mostly.
const SEARCHED: [&str; 2] = [
    "urn:schemas-upnp-org:device:InternetGatewayDevice:1",
    "urn:schemas-upnp-org:device:InternetGatewayDevice:2",
];
/// Devices spread their answers over the time that they are given (MX).
const SEARCH_TIME: Duration = Duration::from_secs(3);
const MAX_DATAGRAM_BYTES: usize = 2048;
/// That are asked, one after the other.
const MAX_ROUTERS: usize = 4;
const NAME: &str = "Freshet";
/// The router knows only mappings without an end.
const ONLY_PERMANENT_LEASES: u16 = 725;
/// The port is mapped to another computer.
const CONFLICT: u16 = 718;
/// Of other ports, before a router is given up that says so.
const MAX_CONFLICTS: usize = 3;
/// Where nobody else has a right to a port (RFC 6335).
const DYNAMIC_PORTS: std::ops::RangeInclusive<u16> = 49152..=65535;
/// Of such a mapping, how soon it is looked after.
const PERMANENT_LIFE: Duration = Duration::from_secs(60 * 60);

#[derive(Debug, thiserror::Error)]
pub(super) enum UpnpError {
    #[error("no router answered")]
    NoRouter,
    #[error("the network can't be asked")]
    Io(#[from] std::io::Error),
    #[error("the router did not answer in time")]
    TimedOut,
    #[error("the router's answer is not understood")]
    Answer,
    #[error("the router's answer is too large")]
    TooLarge,
    #[error("the router refused with error {0}")]
    Refused(u16),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Transport {
    Tcp,
    Udp,
}

impl Transport {
    fn name(self) -> &'static str {
        match self {
            Self::Tcp => "TCP",
            Self::Udp => "UDP",
        }
    }
}

/// Where a router is told to map ports.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Control {
    address: SocketAddr,
    /// Of its link: path and query.
    path: String,
    service: String,
}

/// A mapping of TCP, and of UDP where the router gave it too.
#[derive(Debug, Clone)]
pub(super) struct Lease {
    route: Route,
    control: Control,
    own_ip: IpAddr,
    port: u16,
    external_port: u16,
    life: Duration,
    is_permanent: bool,
    has_udp: bool,
}

/// Finds a router and maps a port there. `ssdp` is where routers are looked for.
pub(super) async fn map(
    route: &Route,
    ssdp: SocketAddr,
    policy: AddressPolicy,
    port: u16,
    life: Duration,
) -> Result<Lease, UpnpError> {
    let mut failure = UpnpError::NoRouter;
    for location in find(route, ssdp, policy).await? {
        match map_at(route, &location, port, life).await {
            Ok(lease) => return Ok(lease),
            Err(error) => failure = error,
        }
    }
    Err(failure)
}

async fn map_at(route: &Route, location: &Location, port: u16, life: Duration) -> Result<Lease, UpnpError> {
    let answer = http::ask(route, location.address, Request::Get { path: &location.path }).await?;
    let control = description::control(&answer.body, location).ok_or(UpnpError::Answer)?;
    let own_ip = answer.own_ip;
    let mut lease = Lease {
        route: route.clone(),
        control,
        own_ip,
        port,
        external_port: port,
        life,
        is_permanent: false,
        has_udp: false,
    };
    let mut conflicts = 0;
    loop {
        match lease.add(Transport::Tcp).await {
            Ok(()) => break,
            Err(UpnpError::Refused(ONLY_PERMANENT_LEASES)) if !lease.is_permanent => {
                lease.is_permanent = true
            }
            Err(UpnpError::Refused(CONFLICT)) if conflicts < MAX_CONFLICTS => {
                conflicts += 1;
                lease.external_port = rand::random_range(DYNAMIC_PORTS);
            }
            Err(error) => return Err(error),
        }
    }
    lease.has_udp = match lease.add(Transport::Udp).await {
        Ok(()) => true,
        Err(error) => {
            tracing::debug!(%error, "the router maps TCP only");
            false
        }
    };
    Ok(lease)
}

impl Lease {
    pub(super) async fn renew(&self) -> Result<(), UpnpError> {
        self.add(Transport::Tcp).await?;
        if self.has_udp {
            self.add(Transport::Udp).await?;
        }
        Ok(())
    }

    pub(super) async fn give_back(&self) {
        let udp = self.has_udp.then_some(Transport::Udp);
        for transport in [Some(Transport::Tcp), udp].into_iter().flatten() {
            let arguments = [
                ("NewRemoteHost", String::new()),
                ("NewExternalPort", self.external_port.to_string()),
                ("NewProtocol", transport.name().to_owned()),
            ];
            if let Err(error) = self.control.call(&self.route, "DeletePortMapping", &arguments).await {
                tracing::debug!(%error, "the router did not take the port back");
            }
        }
    }

    pub(super) fn external_port(&self) -> u16 {
        self.external_port
    }

    pub(super) fn life(&self) -> Duration {
        if self.is_permanent { PERMANENT_LIFE } else { self.life }
    }

    async fn add(&self, transport: Transport) -> Result<(), UpnpError> {
        let life = if self.is_permanent { Duration::ZERO } else { self.life };
        let arguments = [
            ("NewRemoteHost", String::new()),
            ("NewExternalPort", self.external_port.to_string()),
            ("NewProtocol", transport.name().to_owned()),
            ("NewInternalPort", self.port.to_string()),
            ("NewInternalClient", self.own_ip.to_string()),
            ("NewEnabled", "1".to_owned()),
            ("NewPortMappingDescription", NAME.to_owned()),
            ("NewLeaseDuration", life.as_secs().to_string()),
        ];
        self.control.call(&self.route, "AddPortMapping", &arguments).await
    }
}

impl Control {
    async fn call(&self, route: &Route, action: &str, arguments: &[(&str, String)]) -> Result<(), UpnpError> {
        let arguments: String =
            arguments.iter().map(|(name, value)| format!("<{name}>{value}</{name}>")).collect();
        let service = &self.service;
        let body = format!(
            "<?xml version=\"1.0\"?>\r\n<s:Envelope xmlns:s=\"http://schemas.xmlsoap.org/soap/envelope/\" \
             s:encodingStyle=\"http://schemas.xmlsoap.org/soap/encoding/\"><s:Body>\
             <u:{action} xmlns:u=\"{service}\">{arguments}</u:{action}></s:Body></s:Envelope>\r\n"
        );
        let soap_action = format!("{service}#{action}");
        let request = Request::Soap { path: &self.path, action: &soap_action, body: &body };
        let answer = http::ask(route, self.address, request).await?;
        if answer.status == 200 {
            return Ok(());
        }
        Err(UpnpError::Refused(description::fault_code(&answer.body).unwrap_or(answer.status)))
    }
}

/// Where a router describes itself: always at the address that answered.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Location {
    address: SocketAddr,
    path: String,
}

async fn find(route: &Route, ssdp: SocketAddr, policy: AddressPolicy) -> Result<Vec<Location>, UpnpError> {
    let socket = sockets::udp(Family::V4, route)?;
    for searched in SEARCHED {
        let question = format!(
            "M-SEARCH * HTTP/1.1\r\nHOST: {SSDP_GROUP}\r\nMAN: \"ssdp:discover\"\r\nMX: 2\r\nST: {searched}\r\n\r\n"
        );
        socket.send_to(question.as_bytes(), ssdp).await?;
    }
    let deadline = Instant::now() + SEARCH_TIME;
    let mut found: Vec<Location> = Vec::new();
    let mut datagram = [0; MAX_DATAGRAM_BYTES];
    while found.len() < MAX_ROUTERS {
        let Ok(received) = timeout_at(deadline, socket.recv_from(&mut datagram)).await else { break };
        let (count, from) = received?;
        if let Some(location) = location(&datagram[..count], from.ip(), policy)
            && !found.contains(&location)
        {
            found.push(location);
        }
    }
    Ok(found)
}

/// What an answer names, if it names the one who sent it, and that is in our network.
fn location(datagram: &[u8], from: IpAddr, policy: AddressPolicy) -> Option<Location> {
    let is_near = is_private(from) || (policy == AddressPolicy::PrivateToo && from.is_loopback());
    let text = std::str::from_utf8(datagram).ok()?;
    if !is_near || !text.starts_with("HTTP/1.") {
        return None;
    }
    let named = text.lines().filter_map(|line| line.split_once(':'));
    let (_, link) = named.into_iter().find(|(name, _)| name.trim().eq_ignore_ascii_case("location"))?;
    let link = Url::parse(link.trim()).ok()?;
    let address = address_of(&link)?;
    (address.ip() == from).then(|| Location { address, path: path_of(&link) })
}

/// What the network can send us: an answer to the search, an answer over HTTP, and the texts in it.
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) fn fuzz(bytes: &[u8]) {
    let router = Ipv4Addr::new(192, 168, 1, 1);
    let found = location(bytes, router.into(), AddressPolicy::GlobalOnly);
    assert!(found.as_ref().is_none_or(|found| found.address.ip() == router));
    let found = found.unwrap_or(Location { address: (router, 5000).into(), path: "/root.xml".to_owned() });
    let body = http::fuzz(bytes).unwrap_or_else(|| String::from_utf8_lossy(bytes).into_owned());
    let control = description::control(&body, &found);
    assert!(control.is_none_or(|control| control.address.ip() == router));
    let _ = description::fault_code(&body);
}

fn address_of(link: &Url) -> Option<SocketAddr> {
    if link.scheme() != "http" {
        return None;
    }
    let ip = match link.host()? {
        url::Host::Ipv4(ip) => IpAddr::V4(ip),
        url::Host::Ipv6(ip) => IpAddr::V6(ip),
        url::Host::Domain(_) => return None,
    };
    Some(SocketAddr::new(ip, link.port_or_known_default()?))
}

fn path_of(link: &Url) -> String {
    match link.query() {
        Some(query) => format!("{}?{query}", link.path()),
        None => link.path().to_owned(),
    }
}
