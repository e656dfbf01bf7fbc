//! Asks trackers for peers: by ourselves while the details of a torrent are being looked for, for the session afterwards.
//!
//! It is our own, because the answer of a tracker is a stranger's word: every address in it is judged before anybody
//! connects to it, and an answer has ceilings in bytes and time.

mod http;
mod relay;
mod udp;

use std::net::SocketAddr;
use std::time::Duration;

use freshet_model::InfoHash;
use freshet_web::{FetchError, WebClient};
use url::Url;

pub(crate) use relay::{Relay, Route};

/// Peers that one answer may name.
const MAX_PEERS_PER_ANSWER: usize = 500;
const WANTED_PEERS: u32 = 100;
/// One announce, with its repetitions.
const ANNOUNCE_TIMEOUT: Duration = Duration::from_secs(30);

/// What a tracker is told.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Announce {
    pub(crate) info_hash: InfoHash,
    pub(crate) peer_id: [u8; 20],
    pub(crate) port: u16,
}

#[derive(Debug, thiserror::Error)]
pub(crate) enum AnnounceError {
    #[error(transparent)]
    Fetch(#[from] FetchError),
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
}

/// Asks one vetted tracker ([`crate::trackers::TrackerJudge`]) once. The peers it names are not judged yet.
pub(crate) async fn announce(
    web: &WebClient,
    tracker: &Url,
    announce: &Announce,
) -> Result<Vec<SocketAddr>, AnnounceError> {
    let asking = async {
        match tracker.scheme() {
            "http" | "https" => http::announce(web, tracker, announce).await,
            "udp" => udp::announce(tracker, announce).await,
            _ => Err(AnnounceError::Scheme),
        }
    };
    let mut peers =
        tokio::time::timeout(ANNOUNCE_TIMEOUT, asking).await.map_err(|_| AnnounceError::TimedOut)??;
    peers.truncate(MAX_PEERS_PER_ANSWER);
    Ok(peers)
}

/// The compact form of BEP 23: 4 bytes of address and 2 of port.
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
