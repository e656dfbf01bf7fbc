//! Trackers: what they are told, what they answer, and how either is carried.

pub(super) mod announcer;
pub(crate) mod http;
mod tiers;
pub(crate) mod udp;

use std::net::{Ipv6Addr, SocketAddr};
use std::time::Duration;

use freshet_model::{AddressPolicy, InfoHash};
use freshet_web::{FetchError, HostError, WebClient};
use url::Url;

use super::Totals;
pub(super) use udp::UdpTrackers;

/// Addresses that one answer may name, after they were judged.
const MAX_ADDRESSES_PER_ANSWER: usize = 1000;
const WANTED_PEERS: u32 = 100;
/// Of what a tracker says for people.
const MAX_REASON_CHARS: usize = 200;
/// One announce over HTTP, redirects included. UDP has its own.
const HTTP_TIMEOUT: Duration = Duration::from_secs(30);

/// What happened to the torrent since the tracker was told last (BEP 3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Event {
    None,
    Started,
    Completed,
    Stopped,
}

/// What a tracker is told.
#[derive(Debug, Clone)]
struct Question {
    info_hash: InfoHash,
    peer_id: [u8; 20],
    port: u16,
    /// Tells the tracker that we are the same when our address changes.
    key: u32,
    totals: Totals,
    event: Event,
    /// A public address of this computer that a tracker asked over IPv4 can't see (BEP 7).
    own_v6: Option<Ipv6Addr>,
    /// What the tracker wants to hear again.
    tracker_id: Option<Vec<u8>>,
}

impl Question {
    /// Who says good-bye wants nobody's address.
    fn wanted_peers(&self) -> u32 {
        if self.event == Event::Stopped { 0 } else { WANTED_PEERS }
    }
}

/// What a tracker said, as far as it was understood. The addresses are not judged yet.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
struct Answer {
    peers: Vec<SocketAddr>,
    interval: Duration,
    min_interval: Duration,
    seeders: Option<u32>,
    leechers: Option<u32>,
    tracker_id: Option<Vec<u8>>,
}

#[derive(Debug, thiserror::Error)]
enum AnnounceError {
    #[error(transparent)]
    Fetch(#[from] FetchError),
    #[error(transparent)]
    Host(#[from] HostError),
    #[error(transparent)]
    Io(#[from] std::io::Error),
    #[error("no answer in time")]
    TimedOut,
    #[error("the answer is not understood")]
    Answer,
    #[error("the tracker refused: {0}")]
    Refused(String),
    #[error("this kind of tracker is not asked")]
    Scheme,
    #[error("a tracker over UDP is not asked while there is a proxy")]
    Proxied,
    #[error("too many trackers are asked at once")]
    Busy,
    #[error("asking the tracker failed inside the program")]
    Panicked,
}

/// Carries questions to trackers; the same for all torrents.
#[derive(Debug, Clone)]
pub(super) struct Carrier {
    pub(super) web: WebClient,
    pub(super) udp: UdpTrackers,
    pub(super) addresses: AddressPolicy,
}

impl Carrier {
    /// Asks one tracker once. Takes at most [`HTTP_TIMEOUT`], or the repetitions of [`udp`] and a name look-up.
    async fn ask(&self, tracker: &Url, question: &Question) -> Result<Answer, AnnounceError> {
        match tracker.scheme() {
            "http" | "https" => {
                let asking = http::announce(&self.web, tracker, question);
                tokio::time::timeout(HTTP_TIMEOUT, asking).await.map_err(|_| AnnounceError::TimedOut)?
            }
            "udp" => {
                let way = self.web.way_out();
                let mut seen = way.clone();
                if way.route().proxy.is_some() {
                    return Err(AnnounceError::Proxied);
                }
                tokio::select! {
                    answer = self.udp.announce(tracker, question, self.addresses, &way) => answer,
                    rerouted = seen.closed() => Err(rerouted.into()),
                }
            }
            _ => Err(AnnounceError::Scheme),
        }
    }
}

/// The compact form of BEP 23: 4 bytes of address and 2 of port. What is left over is left out.
fn compact_v4(bytes: &[u8]) -> impl Iterator<Item = SocketAddr> {
    let (peers, _) = bytes.as_chunks::<6>();
    peers.iter().map(|[a, b, c, d, high, low]| {
        SocketAddr::from(([*a, *b, *c, *d], u16::from_be_bytes([*high, *low])))
    })
}

/// The compact form of BEP 7: 16 bytes of address and 2 of port.
fn compact_v6(bytes: &[u8]) -> impl Iterator<Item = SocketAddr> {
    let (peers, _) = bytes.as_chunks::<18>();
    peers.iter().filter_map(|peer| {
        let (address, port) = peer.split_first_chunk::<16>()?;
        Some(SocketAddr::from((*address, u16::from_be_bytes(port.try_into().ok()?))))
    })
}

/// A text of a stranger, short enough to be shown.
fn reason(bytes: &[u8]) -> String {
    let shown = |c: &char| !c.is_control();
    String::from_utf8_lossy(bytes).chars().filter(shown).take(MAX_REASON_CHARS).collect()
}

/// What is asked about in tests.
#[cfg(test)]
fn question() -> Question {
    Question {
        info_hash: InfoHash::new([0xab; 20]),
        peer_id: *b"-FH0001-abcdefghijkl",
        port: 7000,
        key: 0x0102_0304,
        totals: Totals { uploaded_bytes: 1, downloaded_bytes: 2, left_bytes: 3 },
        event: Event::Started,
        own_v6: None,
        tracker_id: None,
    }
}
