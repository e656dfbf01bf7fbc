//! UDP trackers (BEP 15).

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use tokio::net::UdpSocket;
use tokio::time::timeout;
use url::{Host, Url};

use super::{Announce, AnnounceError, WANTED_PEERS, compact_v4, compact_v6};

const PROTOCOL: u64 = 0x0417_2710_1980;
const CONNECT: u32 = 0;
const ANNOUNCE: u32 = 1;
const ERROR: u32 = 3;
const EVENT_STARTED: u32 = 2;
/// A question is repeated when it or its answer got lost.
const WAITS: [Duration; 2] = [Duration::from_secs(4), Duration::from_secs(8)];
const MAX_DATAGRAM_BYTES: usize = 4096;
const MAX_REASON_CHARS: usize = 200;

pub(super) async fn announce(tracker: &Url, announce: &Announce) -> Result<Vec<SocketAddr>, AnnounceError> {
    let address = address_of(tracker).ok_or(AnnounceError::Scheme)?;
    let any: SocketAddr = match address {
        SocketAddr::V4(_) => (Ipv4Addr::UNSPECIFIED, 0).into(),
        SocketAddr::V6(_) => (Ipv6Addr::UNSPECIFIED, 0).into(),
    };
    let socket = UdpSocket::bind(any).await?;
    socket.connect(address).await?;

    let answer = ask(&socket, CONNECT, &PROTOCOL.to_be_bytes(), &[]).await?;
    let connection = answer.first_chunk::<8>().copied().ok_or(AnnounceError::Answer)?;
    let answer = ask(&socket, ANNOUNCE, &connection, &fields(announce)).await?;
    // Interval, leechers and seeders stand before the peers.
    let compact = answer.get(12..).ok_or(AnnounceError::Answer)?;
    Ok(match address {
        SocketAddr::V4(_) => compact_v4(compact).collect(),
        SocketAddr::V6(_) => compact_v6(compact).collect(),
    })
}

/// Vetted UDP trackers are named by the address that was judged.
fn address_of(tracker: &Url) -> Option<SocketAddr> {
    let port = tracker.port()?;
    match url::Host::parse(tracker.host_str()?).ok()? {
        Host::Ipv4(address) => Some(SocketAddr::from((address, port))),
        Host::Ipv6(address) => Some(SocketAddr::from((address, port))),
        Host::Domain(_) => None,
    }
}

fn fields(announce: &Announce) -> Vec<u8> {
    let mut out = Vec::with_capacity(82);
    out.extend_from_slice(announce.info_hash.as_bytes());
    out.extend_from_slice(&announce.peer_id);
    for number in [0_u64, 1, 0] {
        // Downloaded, left, uploaded.
        out.extend_from_slice(&number.to_be_bytes());
    }
    for number in [EVENT_STARTED, 0, rand::random(), WANTED_PEERS] {
        // Event, our address (the tracker sees it), key, peers wanted.
        out.extend_from_slice(&number.to_be_bytes());
    }
    out.extend_from_slice(&announce.port.to_be_bytes());
    out
}

/// One question and its answer, without the header of action and transaction.
async fn ask(socket: &UdpSocket, action: u32, head: &[u8], rest: &[u8]) -> Result<Vec<u8>, AnnounceError> {
    for wait in WAITS {
        let transaction: u32 = rand::random();
        let question = [head, &action.to_be_bytes(), &transaction.to_be_bytes(), rest].concat();
        socket.send(&question).await?;
        if let Ok(answer) = timeout(wait, answer_to(socket, action, transaction)).await {
            return answer;
        }
    }
    Err(AnnounceError::TimedOut)
}

async fn answer_to(socket: &UdpSocket, action: u32, transaction: u32) -> Result<Vec<u8>, AnnounceError> {
    let mut datagram = vec![0; MAX_DATAGRAM_BYTES];
    loop {
        let count = socket.recv(&mut datagram).await?;
        let Some((header, body)) = datagram[..count].split_first_chunk::<8>() else { continue };
        let [a, b, c, d, number @ ..] = *header;
        // A late answer to an earlier question, or nobody's.
        if u32::from_be_bytes(number) != transaction {
            continue;
        }
        match u32::from_be_bytes([a, b, c, d]) {
            answered if answered == action => return Ok(body.to_vec()),
            ERROR => {
                let reason = String::from_utf8_lossy(body).chars().take(MAX_REASON_CHARS).collect();
                return Err(AnnounceError::Refused(reason));
            }
            _ => return Err(AnnounceError::Answer),
        }
    }
}

#[cfg(test)]
mod tests {
    use freshet_model::InfoHash;

    use super::*;

    /// Answers one connect and one announce, the announce first with a foreign transaction.
    async fn tracker(socket: UdpSocket) {
        let mut buf = [0; 200];
        let (count, from) = socket.recv_from(&mut buf).await.unwrap();
        assert_eq!((count, &buf[..8]), (16, &PROTOCOL.to_be_bytes()[..]));
        socket.send_to(&[&[0; 4], &buf[12..16], b"CONNID00"].concat(), from).await.unwrap();
        let (count, from) = socket.recv_from(&mut buf).await.unwrap();
        assert_eq!((count, &buf[..8], &buf[16..36]), (98, &b"CONNID00"[..], &[9; 20][..]));
        let peers = [&[0, 0, 0, 1], &buf[12..16], &[0; 12], &[127, 0, 0, 1, 0x1a, 0xe1, 5]].concat();
        let mut foreign = peers.clone();
        foreign[7] ^= 1;
        socket.send_to(&foreign, from).await.unwrap();
        socket.send_to(&peers, from).await.unwrap();
    }

    #[tokio::test]
    async fn a_tracker_is_asked_and_its_peers_are_read() {
        let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let url: Url = format!("udp://{}", socket.local_addr().unwrap()).parse().unwrap();
        let question = Announce { info_hash: InfoHash::new([9; 20]), peer_id: [1; 20], port: 5 };

        let (peers, ()) = tokio::time::timeout(Duration::from_secs(20), async {
            tokio::join!(announce(&url, &question), tracker(socket))
        })
        .await
        .unwrap();

        assert_eq!(peers.unwrap(), ["127.0.0.1:6881".parse().unwrap()]);
    }

    #[tokio::test]
    async fn a_tracker_by_name_is_not_asked() {
        let url: Url = "udp://localhost:80".parse().unwrap();
        let question = Announce { info_hash: InfoHash::new([9; 20]), peer_id: [1; 20], port: 5 };

        assert!(matches!(announce(&url, &question).await, Err(AnnounceError::Scheme)));
    }
}
