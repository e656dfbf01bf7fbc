//! SSDP: how televisions learn that we are there, and that we are gone.
//!
//! Everything that comes in here is one datagram of anybody. It is answered only on an address on which we listen, only to
//! a neighbor (nobody far away gets us to send answers to a third one), and only so many times a second.

use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, SocketAddrV4};
use std::time::{Duration, Instant};

use freshet_model::is_global;
use socket2::{Domain, Protocol, Socket, Type};
use tokio::net::UdpSocket;

use super::description::{CONNECTION_MANAGER, CONTENT_DIRECTORY, MEDIA_SERVER};

const GROUP: Ipv4Addr = Ipv4Addr::new(239, 255, 255, 250);
const PORT: u16 = 1900;
/// As the standard asks: no announcement leaves the local network.
const TTL_HOPS: u32 = 2;
/// A television believes an announcement for so long.
const MAX_AGE: Duration = Duration::from_secs(1800);
/// Three announcements may be lost before it doubts us.
const ANNOUNCE_EVERY: Duration = Duration::from_secs(500);
/// The first announcement is said twice: datagrams get lost, and people wait for this one.
const SECOND_ANNOUNCEMENT: Duration = Duration::from_secs(1);
/// After the socket could not be read.
const READ_PAUSE: Duration = Duration::from_millis(200);
/// A local network with a dozen of control points is far below it.
const MAX_ANSWERS_PER_SEC: u32 = 100;
/// No real search is longer.
const MAX_DATAGRAM_BYTES: usize = 2048;

const ROOT: &str = "upnp:rootdevice";

/// A search of a control point.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Search {
    target: String,
}

impl Search {
    /// `None` for whatever else is said in this group.
    fn parse(datagram: &[u8]) -> Option<Self> {
        let text = std::str::from_utf8(datagram).ok()?;
        let mut lines = text.split("\r\n");
        if !lines.next()?.eq_ignore_ascii_case("M-SEARCH * HTTP/1.1") {
            return None;
        }
        let fields = || lines.clone().filter_map(|line| line.split_once(':'));
        let field = |name: &str| {
            fields().find(|(known, _)| known.trim().eq_ignore_ascii_case(name)).map(|(_, value)| value.trim())
        };
        if field("MAN")?.trim_matches('"') != "ssdp:discover" {
            return None;
        }
        Some(Self { target: field("ST")?.to_owned() })
    }
}

/// What we are, as the standard lists it: root device, this very device, its type, and its services.
fn targets(uuid: &str) -> [String; 5] {
    [
        ROOT.to_owned(),
        format!("uuid:{uuid}"),
        MEDIA_SERVER.to_owned(),
        CONTENT_DIRECTORY.to_owned(),
        CONNECTION_MANAGER.to_owned(),
    ]
}

fn usn(uuid: &str, target: &str) -> String {
    let device = format!("uuid:{uuid}");
    if target == device { device } else { format!("{device}::{target}") }
}

fn server() -> String {
    format!("{}/1.0 UPnP/1.0 Freshet/{}", std::env::consts::OS, env!("CARGO_PKG_VERSION"))
}

fn location(address: SocketAddrV4) -> String {
    format!("http://{address}/dlna/device.xml")
}

fn alive(uuid: &str, target: &str, address: SocketAddrV4) -> String {
    format!(
        "NOTIFY * HTTP/1.1\r\nHOST: {GROUP}:{PORT}\r\nCACHE-CONTROL: max-age={}\r\nLOCATION: {}\r\nNT: {target}\r\n\
         NTS: ssdp:alive\r\nSERVER: {}\r\nUSN: {}\r\n\r\n",
        MAX_AGE.as_secs(),
        location(address),
        server(),
        usn(uuid, target),
    )
}

fn byebye(uuid: &str, target: &str) -> String {
    format!(
        "NOTIFY * HTTP/1.1\r\nHOST: {GROUP}:{PORT}\r\nNT: {target}\r\nNTS: ssdp:byebye\r\nUSN: {}\r\n\r\n",
        usn(uuid, target),
    )
}

fn answers(uuid: &str, search: &Search, address: SocketAddrV4) -> Vec<String> {
    let is_wanted = |target: &String| search.target == "ssdp:all" || search.target == *target;
    let answer = |target: String| {
        format!(
            "HTTP/1.1 200 OK\r\nCACHE-CONTROL: max-age={}\r\nEXT:\r\nLOCATION: {}\r\nSERVER: {}\r\nST: {target}\r\nUSN: {}\r\n\
             CONTENT-LENGTH: 0\r\n\r\n",
            MAX_AGE.as_secs(),
            location(address),
            server(),
            usn(uuid, &target),
        )
    };
    targets(uuid).into_iter().filter(is_wanted).map(answer).collect()
}

/// The sockets of one set of addresses.
#[derive(Debug)]
pub(super) struct Announcer {
    uuid: String,
    /// Hears the searches of all interfaces.
    listener: UdpSocket,
    /// One for each address, bound to its interface.
    speakers: Vec<(SocketAddrV4, UdpSocket)>,
}

impl Announcer {
    /// Joins the group on the interface of each address. An address that can't join is logged and left out.
    ///
    /// # Errors
    /// The port is taken for good by another program, or no address could join.
    pub(super) fn open(uuid: &str, addresses: &[SocketAddrV4]) -> io::Result<Self> {
        let listener = socket()?;
        listener.set_reuse_address(true)?;
        // Elsewhere than on Linux and Windows a port of multicast is shared only with this.
        #[cfg(all(unix, not(target_os = "linux")))]
        listener.set_reuse_port(true)?;
        listener.bind(&SocketAddr::from((Ipv4Addr::UNSPECIFIED, PORT)).into())?;
        let mut speakers = Vec::with_capacity(addresses.len());
        for address in addresses {
            let joined = match listener.join_multicast_v4(&GROUP, address.ip()) {
                // Another address of the same interface has joined already.
                Err(error) if error.kind() == io::ErrorKind::AddrInUse => Ok(()),
                joined => joined,
            };
            let speaker = joined.and_then(|()| speaker(*address));
            match speaker {
                Ok(speaker) => speakers.push((*address, speaker)),
                Err(error) => tracing::warn!(%address, %error, "DLNA can't be announced on this address"),
            }
        }
        if speakers.is_empty() {
            return Err(io::Error::new(io::ErrorKind::AddrNotAvailable, "no address could join the group"));
        }
        let listener = UdpSocket::from_std(listener.into())?;
        Ok(Self { uuid: uuid.to_owned(), listener, speakers })
    }

    /// Announces and answers; never ends by itself.
    pub(super) async fn run(&self) {
        tokio::join!(self.announce(), self.answer());
    }

    async fn announce(&self) {
        self.say(|target, address| alive(&self.uuid, target, address)).await;
        tokio::time::sleep(SECOND_ANNOUNCEMENT).await;
        loop {
            self.say(|target, address| alive(&self.uuid, target, address)).await;
            tokio::time::sleep(ANNOUNCE_EVERY).await;
        }
    }

    /// Tells everybody that we go.
    pub(super) async fn leave(&self) {
        self.say(|target, _| byebye(&self.uuid, target)).await;
    }

    async fn say(&self, message: impl Fn(&str, SocketAddrV4) -> String) {
        for (address, speaker) in &self.speakers {
            for target in targets(&self.uuid) {
                let text = message(&target, *address);
                if let Err(error) = speaker.send_to(text.as_bytes(), (GROUP, PORT)).await {
                    tracing::debug!(%address, %error, "an announcement could not be sent");
                    break;
                }
            }
        }
    }

    async fn answer(&self) {
        let mut datagram = [0; MAX_DATAGRAM_BYTES];
        let mut budget = Budget::new(Instant::now());
        loop {
            let (length, sender) = match self.listener.recv_from(&mut datagram).await {
                Ok(received) => received,
                Err(error) => {
                    tracing::debug!(%error, "the socket for searches could not be read");
                    tokio::time::sleep(READ_PAUSE).await;
                    continue;
                }
            };
            let Some(search) = Search::parse(&datagram[..length]) else { continue };
            let Some(address) = self.address_towards(sender) else { continue };
            for answer in answers(&self.uuid, &search, address) {
                if budget.take(Instant::now())
                    && let Err(error) = self.listener.send_to(answer.as_bytes(), sender).await
                {
                    tracing::debug!(%sender, %error, "a search could not be answered");
                }
            }
        }
    }

    /// Which of our addresses this one reaches. The system knows: it is the one from which it would send there.
    fn address_towards(&self, sender: SocketAddr) -> Option<SocketAddrV4> {
        let IpAddr::V4(ip) = sender.ip() else { return None };
        if is_global(ip.into()) || ip.is_multicast() || ip.is_unspecified() || ip.is_broadcast() {
            return None;
        }
        let own = std::net::UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0)).ok()?;
        // Sends nothing.
        own.connect(sender).ok()?;
        let own = own.local_addr().ok()?.ip();
        let is_reached = |address: &&SocketAddrV4| {
            // All of loopback is one interface, whichever of its addresses the system prefers.
            *address.ip() == own || (address.ip().is_loopback() && own.is_loopback())
        };
        self.speakers.iter().map(|(address, _)| address).find(is_reached).copied()
    }
}

fn socket() -> io::Result<Socket> {
    let socket = Socket::new(Domain::IPV4, Type::DGRAM, Some(Protocol::UDP))?;
    socket.set_nonblocking(true)?;
    Ok(socket)
}

fn speaker(address: SocketAddrV4) -> io::Result<UdpSocket> {
    let socket = socket()?;
    socket.bind(&SocketAddr::from((*address.ip(), 0)).into())?;
    socket.set_multicast_if_v4(address.ip())?;
    socket.set_multicast_ttl_v4(TTL_HOPS)?;
    UdpSocket::from_std(socket.into())
}

/// How many answers may still be sent in this second.
#[derive(Debug)]
struct Budget {
    since: Instant,
    left: u32,
}

impl Budget {
    fn new(now: Instant) -> Self {
        Self { since: now, left: MAX_ANSWERS_PER_SEC }
    }

    fn take(&mut self, now: Instant) -> bool {
        if now.duration_since(self.since) >= Duration::from_secs(1) {
            *self = Self::new(now);
        }
        let is_left = self.left > 0;
        self.left = self.left.saturating_sub(1);
        is_left
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const UUID: &str = "00000000-0000-5000-8000-000000000001";

    fn search(target: &str) -> Search {
        Search { target: target.to_owned() }
    }

    #[test]
    fn a_search_is_told_from_all_else_that_is_said() {
        let real = b"M-SEARCH * HTTP/1.1\r\nHost: 239.255.255.250:1900\r\nMan: \"ssdp:discover\"\r\nst: ssdp:all\r\nMX: 3\r\n\r\n";
        assert_eq!(Search::parse(real), Some(search("ssdp:all")));
        let others: [&[u8]; 6] = [
            b"",
            b"\xff\xfe",
            b"NOTIFY * HTTP/1.1\r\nMAN: \"ssdp:discover\"\r\nST: ssdp:all\r\n\r\n",
            b"M-SEARCH * HTTP/1.1\r\nST: ssdp:all\r\n\r\n",
            b"M-SEARCH * HTTP/1.1\r\nMAN: \"ssdp:other\"\r\nST: ssdp:all\r\n\r\n",
            b"M-SEARCH * HTTP/1.1\r\nMAN: \"ssdp:discover\"\r\n\r\n",
        ];
        for other in others {
            assert_eq!(Search::parse(other), None, "{}", String::from_utf8_lossy(other));
        }
    }

    #[test]
    fn each_target_is_answered_with_the_address_that_was_reached() {
        let address = "192.168.7.5:8090".parse().unwrap();

        let all = answers(UUID, &search("ssdp:all"), address);
        let one = answers(UUID, &search(MEDIA_SERVER), address);

        assert_eq!(all.len(), 5);
        assert_eq!(one.len(), 1);
        assert!(one[0].contains("\r\nLOCATION: http://192.168.7.5:8090/dlna/device.xml\r\n"), "{}", one[0]);
        assert!(one[0].contains(&format!("\r\nUSN: uuid:{UUID}::{MEDIA_SERVER}\r\n")), "{}", one[0]);
        assert!(answers(UUID, &search("urn:schemas-upnp-org:device:MediaRenderer:1"), address).is_empty());
        assert!(answers(UUID, &search(""), address).is_empty());
        assert_eq!(usn(UUID, &format!("uuid:{UUID}")), format!("uuid:{UUID}"));
    }

    #[test]
    fn a_flood_of_searches_is_answered_in_part() {
        let start = Instant::now();
        let mut budget = Budget::new(start);

        let sent = (0..1000).filter(|_| budget.take(start)).count();

        assert_eq!(sent, MAX_ANSWERS_PER_SEC as usize);
        assert!(budget.take(start + Duration::from_secs(1)));
    }
}
