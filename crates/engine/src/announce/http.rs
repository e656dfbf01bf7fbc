//! HTTP trackers (BEP 3, compact answers of BEP 23 and BEP 7).

use std::fmt::Write;
use std::net::{IpAddr, SocketAddr};

use freshet_model::bencode::{self, Dict, Value};
use freshet_web::WebClient;
use url::Url;

use super::{Announce, AnnounceError, MAX_PEERS_PER_ANSWER, WANTED_PEERS, compact_v4, compact_v6};

const MAX_ANSWER_BYTES: usize = 2 * 1024 * 1024;
/// Whatever a tracker wants.
const MIN_INTERVAL_SECS: u32 = 60;
const MAX_DEPTH: usize = 8;
const MAX_VALUES: usize = 50_000;
const MAX_REASON_CHARS: usize = 200;

/// What a tracker said, as far as it was understood.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Answer {
    pub(super) peers: Vec<SocketAddr>,
    interval_secs: u32,
}

pub(super) async fn announce(
    web: &WebClient,
    tracker: &Url,
    announce: &Announce,
) -> Result<Vec<SocketAddr>, AnnounceError> {
    ask(web, &with_query(tracker, announce)).await.map(|answer| answer.peers)
}

/// Asks a tracker; the question stands in the query already.
pub(super) async fn ask(web: &WebClient, question: &Url) -> Result<Answer, AnnounceError> {
    read_answer(&web.get_bytes(question, MAX_ANSWER_BYTES).await?)
}

impl Answer {
    /// Only the peers that `is_allowed` allows.
    pub(super) fn judged(mut self, is_allowed: impl Fn(SocketAddr) -> bool) -> Self {
        self.peers.retain(|peer| is_allowed(*peer));
        self.peers.truncate(MAX_PEERS_PER_ANSWER);
        self
    }

    pub(super) fn to_bencode(&self) -> Vec<u8> {
        let mut v4 = Vec::new();
        let mut v6 = Vec::new();
        for peer in &self.peers {
            let compact = match peer.ip() {
                IpAddr::V4(address) => {
                    v4.extend_from_slice(&address.octets());
                    &mut v4
                }
                IpAddr::V6(address) => {
                    v6.extend_from_slice(&address.octets());
                    &mut v6
                }
            };
            compact.extend_from_slice(&peer.port().to_be_bytes());
        }
        let head = format!("d8:intervali{}e5:peers{}:", self.interval_secs, v4.len());
        let middle = format!("6:peers6{}:", v6.len());
        [head.as_bytes(), &v4, middle.as_bytes(), &v6, b"e"].concat()
    }
}

/// The answer of a tracker that refuses.
pub(super) fn refusal(reason: &str) -> Vec<u8> {
    format!("d14:failure reason{}:{reason}e", reason.len()).into_bytes()
}

/// The tracker's own query (passkeys stand there) stays in front.
fn with_query(tracker: &Url, announce: &Announce) -> Url {
    let mut query = tracker.query().map(|query| format!("{query}&")).unwrap_or_default();
    let mut push = |text: std::fmt::Arguments<'_>| {
        // Writing into a string does not fail.
        let _ = query.write_fmt(text);
    };
    push(format_args!("info_hash={}", escaped(announce.info_hash.as_bytes())));
    push(format_args!("&peer_id={}", escaped(&announce.peer_id)));
    push(format_args!("&port={}&uploaded=0&downloaded=0&left=1&compact=1", announce.port));
    push(format_args!("&event=started&numwant={WANTED_PEERS}"));
    let mut url = tracker.clone();
    url.set_query(Some(&query));
    url
}

fn escaped(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("%{byte:02x}")).collect()
}

fn read_answer(answer: &[u8]) -> Result<Answer, AnnounceError> {
    let Ok(Value::Dict(answer)) = bencode::parse(answer, MAX_DEPTH, MAX_VALUES) else {
        return Err(AnnounceError::Answer);
    };
    if let Some(reason) = answer.bytes("failure reason") {
        let reason = String::from_utf8_lossy(reason).chars().take(MAX_REASON_CHARS).collect();
        return Err(AnnounceError::Refused(reason));
    }
    let mut peers = Vec::new();
    match answer.get("peers") {
        Some(Value::Bytes(compact)) => peers.extend(compact_v4(compact)),
        Some(Value::List(list)) => peers.extend(list.iter().filter_map(peer_of_dict)),
        Some(Value::Int(_) | Value::Dict(_)) | None => {}
    }
    peers.extend(answer.bytes("peers6").into_iter().flat_map(compact_v6));
    let interval_secs = answer.int("interval").and_then(|secs| u32::try_from(secs).ok()).unwrap_or(0);
    Ok(Answer { peers, interval_secs: interval_secs.max(MIN_INTERVAL_SECS) })
}

/// The long form of BEP 3. A name instead of an address is left out: nobody would judge what it resolves to.
fn peer_of_dict(value: &Value<'_>) -> Option<SocketAddr> {
    let Value::Dict(peer) = value else { return None };
    let address: IpAddr = std::str::from_utf8(peer.bytes("ip")?).ok()?.parse().ok()?;
    Some(SocketAddr::new(address, port_of(peer)?))
}

fn port_of(peer: &Dict<'_>) -> Option<u16> {
    u16::try_from(peer.int("port")?).ok()
}

#[cfg(test)]
mod tests {
    use freshet_model::InfoHash;

    use super::*;

    fn addresses(texts: &[&str]) -> Vec<SocketAddr> {
        texts.iter().map(|text| text.parse().unwrap()).collect()
    }

    #[test]
    fn reads_compact_and_long_answers() {
        let v6 = [&[0x26_u8, 6][..], &[0; 13], &[1, 0x1a, 0xe1]].concat();
        let compact = [
            &b"d8:intervali0e5:peers12:\x01\x01\x01\x01\x1a\xe1\x0a\x00\x00\x01\x00\x506:peers618:"[..],
            &v6,
            b"e",
        ]
        .concat();
        assert_eq!(
            read_answer(&compact).unwrap().peers,
            addresses(&["1.1.1.1:6881", "10.0.0.1:80", "[2606::1]:6881"])
        );

        let long = b"d5:peersld2:ip7:1.1.1.14:porti5000eed2:ip9:localhost4:porti5000eed2:ip7:1.1.1.14:porti70000eeee";
        assert_eq!(read_answer(long).unwrap().peers, addresses(&["1.1.1.1:5000"]));
    }

    #[test]
    fn an_answer_is_handed_on_with_judged_peers_and_a_floor_for_its_interval() {
        let answer = Answer {
            peers: addresses(&["1.1.1.1:6881", "10.0.0.1:80", "[2606::1]:6881"]),
            interval_secs: MIN_INTERVAL_SECS,
        };
        let hasty = answer.to_bencode();
        let hasty = [b"d8:intervali0e", &hasty[b"d8:intervali60e".len()..]].concat();

        assert_eq!(read_answer(&hasty).unwrap(), answer);
        let judged = read_answer(&hasty).unwrap().judged(|peer| peer.port() > 1024);
        assert_eq!(judged.peers, addresses(&["1.1.1.1:6881", "[2606::1]:6881"]));
        assert!(matches!(read_answer(&refusal("no")), Err(AnnounceError::Refused(reason)) if reason == "no"));
    }

    #[test]
    fn what_is_no_answer_is_refused() {
        for answer in [&b"<html>"[..], b"le", b"d5:peers", b""] {
            assert!(matches!(read_answer(answer), Err(AnnounceError::Answer)));
        }
        let refused = read_answer(b"d14:failure reason8:not heree");
        assert!(
            matches!(&refused, Err(AnnounceError::Refused(reason)) if reason == "not here"),
            "{refused:?}"
        );
    }

    #[test]
    fn the_question_keeps_the_passkey_and_escapes_the_info_hash() {
        let tracker: Url = "http://t.example/announce?key=abc".parse().unwrap();
        let announce =
            Announce { info_hash: InfoHash::new([0xab; 20]), peer_id: *b"-FH0001-abcdefghijkl", port: 7 };

        let url = with_query(&tracker, &announce);

        let query = url.query().unwrap();
        assert!(query.starts_with("key=abc&info_hash=%ab%ab"), "{query}");
        assert!(query.contains("&port=7&"), "{query}");
    }
}
