//! Trackers that answer with whatever hurts, all of one torrent, beside an honest one: each is asked once, none holds up
//! another, and what they say of times is kept within ours.

#![allow(clippy::unwrap_used, reason = "what prepares a test fails with it")]

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use freshet_model::{AddressPolicy, InfoHash};
use freshet_swarm::discover::{
    Discovery, DiscoveryConfig, SearchSpec, Source, Totals, TrackerState, TrackerStatus,
};
use freshet_web::WebClient;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream, UdpSocket};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::timeout;
use url::Url;

const PATIENCE: Duration = Duration::from_secs(30);
const MIN_INTERVAL: Duration = Duration::from_secs(60);
const MAX_INTERVAL: Duration = Duration::from_secs(60 * 60);
const MAX_REDIRECTS: usize = 10;
/// What only a liar names.
const LIE: [u8; 6] = [9, 9, 9, 9, 0x1b, 0x58];

/// How one of them answers over HTTP.
#[derive(Debug, Clone)]
enum Answer {
    Body(Vec<u8>),
    /// No length, and no end.
    Endless,
    /// To the same address again.
    Redirect,
    /// One byte, and then another one after a while.
    DropByDrop,
    Silence,
    HangUp,
}

/// What has to be shown of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Shown {
    /// Asked again not before a minute and not after an hour.
    Working,
    Failed(&'static str),
    /// Its time is not over yet.
    StillAsked,
}

struct Tracker {
    url: Url,
    asked: Arc<AtomicUsize>,
}

async fn over_http(answer: Answer, tasks: &mut JoinSet<()>) -> Tracker {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let url: Url = format!("http://{}/announce", listener.local_addr().unwrap()).parse().unwrap();
    let asked = Arc::<AtomicUsize>::default();
    let (count, link) = (Arc::clone(&asked), url.clone());
    tasks.spawn(async move {
        let mut connections = JoinSet::new();
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            connections.spawn(serve(stream, answer.clone(), link.clone(), Arc::clone(&count)));
        }
    });
    Tracker { url, asked }
}

/// Answers each question that comes over the connection.
async fn serve(mut stream: TcpStream, answer: Answer, link: Url, asked: Arc<AtomicUsize>) {
    let mut question = vec![0; 4096];
    while stream.read(&mut question).await.is_ok_and(|bytes| bytes != 0) {
        asked.fetch_add(1, Ordering::SeqCst);
        let head = "HTTP/1.1 200 OK\r\n";
        let said = match &answer {
            Answer::Body(body) => {
                let head = format!("{head}Content-Length: {}\r\n\r\n", body.len());
                stream.write_all(&[head.as_bytes(), body].concat()).await
            }
            Answer::Redirect => {
                let head = format!("HTTP/1.1 302 Found\r\nLocation: {link}\r\nContent-Length: 0\r\n\r\n");
                stream.write_all(head.as_bytes()).await
            }
            Answer::Endless => {
                let mut said = stream.write_all(format!("{head}\r\nd5:peers999999999:").as_bytes()).await;
                while said.is_ok() {
                    said = stream.write_all(&[b'x'; 1 << 16]).await;
                }
                said
            }
            Answer::DropByDrop => {
                let mut said = stream.write_all(format!("{head}\r\n").as_bytes()).await;
                while said.is_ok() {
                    said = stream.write_all(b"d").await;
                    tokio::time::sleep(Duration::from_secs(1)).await;
                }
                said
            }
            Answer::Silence => Ok(()),
            Answer::HangUp => return,
        };
        if said.is_err() {
            return;
        }
    }
}

/// How one of them answers over UDP, given action and transaction of the question.
type UdpAnswer = fn(&[u8]) -> Vec<u8>;

async fn over_udp(answer: UdpAnswer, tasks: &mut JoinSet<()>) -> Tracker {
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let url = format!("udp://{}", socket.local_addr().unwrap()).parse().unwrap();
    let asked = Arc::<AtomicUsize>::default();
    let count = Arc::clone(&asked);
    tasks.spawn(async move {
        let mut question = [0; 2048];
        loop {
            let (bytes, from) = socket.recv_from(&mut question).await.unwrap();
            count.fetch_add(1, Ordering::SeqCst);
            socket.send_to(&answer(&question[..bytes]), from).await.unwrap();
        }
    });
    Tracker { url, asked }
}

/// Connects as it should, then answers an announce with `body`.
fn after_connect(question: &[u8], body: &[u8]) -> Vec<u8> {
    let (action, transaction) = (&question[8..12], &question[12..16]);
    if action == [0; 4] {
        return [action, transaction, &[7; 8]].concat();
    }
    [action, transaction, body].concat()
}

fn compact(peers: usize) -> Vec<u8> {
    let peers: Vec<u8> = LIE.into_iter().cycle().take(6 * peers).collect();
    [format!("d8:intervali900e5:peers{}:", peers.len()).as_bytes(), &peers, b"e"].concat()
}

fn with_interval(interval: &str) -> Vec<u8> {
    format!("d8:intervali{interval}e12:min intervali{interval}e5:peers0:e").into_bytes()
}

const NOT_UNDERSTOOD: Shown = Shown::Failed("the answer is not understood");
const ANY_REASON: Shown = Shown::Failed("");

fn http_villains() -> Vec<(Answer, Shown)> {
    let deep = [vec![b'l'; 100_000], vec![b'e'; 100_000]].concat();
    vec![
        (Answer::Endless, Shown::Failed("the answer is larger than 2097152 bytes")),
        (Answer::Redirect, ANY_REASON),
        (Answer::DropByDrop, Shown::StillAsked),
        (Answer::Silence, Shown::StillAsked),
        (Answer::HangUp, ANY_REASON),
        (Answer::Body(Vec::new()), NOT_UNDERSTOOD),
        (Answer::Body(b"d5:peers99999999999999999999:".to_vec()), NOT_UNDERSTOOD),
        (Answer::Body(b"d8:intervali900e5:peers6:abc".to_vec()), NOT_UNDERSTOOD),
        (Answer::Body(deep), NOT_UNDERSTOOD),
        (
            Answer::Body([b"d5:peersl".to_vec(), b"de".repeat(60_000), b"ee".to_vec()].concat()),
            NOT_UNDERSTOOD,
        ),
        (Answer::Body(b"le".to_vec()), NOT_UNDERSTOOD),
        (Answer::Body(compact(100_000)), Shown::Working),
        (Answer::Body(with_interval("0")), Shown::Working),
        (Answer::Body(with_interval("-1")), Shown::Working),
        (Answer::Body(with_interval("9223372036854775807")), Shown::Working),
        (Answer::Body(with_interval("9223372036854775808")), NOT_UNDERSTOOD),
    ]
}

fn udp_villains() -> Vec<(UdpAnswer, Shown)> {
    vec![
        // Of another question.
        (
            |question| {
                let mut transaction = question[12..16].to_vec();
                transaction[0] ^= 1;
                [&question[8..12], &transaction, &[7; 8]].concat()
            },
            Shown::StillAsked,
        ),
        (|_| vec![0; 7], Shown::StillAsked),
        (|question| vec![0xff; question.len()], Shown::StillAsked),
        (|question| [&question[8..16], &[7; 3]].concat(), NOT_UNDERSTOOD),
        (|question| [&[0, 0, 0, 9], &question[12..16], &[7; 8]].concat(), NOT_UNDERSTOOD),
        (|question| after_connect(question, &[1; 11]), NOT_UNDERSTOOD),
        (|question| after_connect(question, &[0xff; 12]), Shown::Working),
        (|question| after_connect(question, &[0; 60_000]), Shown::Working),
        (
            |question| [&[0, 0, 0, 3], &question[12..16], b"go away"].concat(),
            Shown::Failed("the tracker refused: go away"),
        ),
    ]
}

fn is_shown(status: &TrackerStatus, shown: Shown) -> bool {
    match shown {
        Shown::Working => {
            let in_time = |at: &Instant| {
                let wait = at.saturating_duration_since(Instant::now());
                // It has become a little less since.
                (MIN_INTERVAL - PATIENCE..=MAX_INTERVAL).contains(&wait)
            };
            status.state == TrackerState::Working && status.next_announce.as_ref().is_some_and(in_time)
        }
        Shown::Failed(why) => {
            let error = status.error.as_deref().unwrap_or_default();
            status.state == TrackerState::Failed && !error.is_empty() && (why.is_empty() || error == why)
        }
        Shown::StillAsked => status.state == TrackerState::Asking,
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn twenty_five_villains_do_not_keep_an_honest_tracker_away() {
    let mut tasks = JoinSet::new();
    let mut all: Vec<(String, Tracker, Shown)> = Vec::new();
    for (answer, shown) in http_villains() {
        let name = format!("{answer:?}").chars().take(60).collect();
        all.push((name, over_http(answer, &mut tasks).await, shown));
    }
    for (at, (answer, shown)) in udp_villains().into_iter().enumerate() {
        all.push((format!("the {at}th over UDP"), over_udp(answer, &mut tasks).await, shown));
    }
    let honest = b"d8:intervali900e5:peers6:\x7f\x00\x00\x01\x1b\x59e".to_vec();
    all.push(("honest".to_owned(), over_http(Answer::Body(honest), &mut tasks).await, Shown::Working));
    let honest_number = all.len() - 1;

    let policy = AddressPolicy::PrivateToo;
    let (discovery, _) = Discovery::start(DiscoveryConfig {
        enable_dht: false,
        dht_state_path: PathBuf::new(),
        enable_lsd: false,
        enable_port_mapping: false,
        addresses: policy,
        listen_port: watch::channel(Some(6999)).1,
        web: WebClient::new(policy).unwrap(),
        peer_id: *b"-FH0001-abcdefghijkl",
    });
    let spec = SearchSpec {
        info_hash: InfoHash::new([7; 20]),
        trackers: all.iter().map(|(_, tracker, _)| vec![tracker.url.clone()]).collect(),
        is_private: false,
        extra_trackers: Vec::new(),
    };
    let mut search = discovery.search(spec, watch::channel(Totals { left_bytes: 3, ..Totals::default() }).1);

    let expected = SocketAddr::from((Ipv4Addr::LOCALHOST, 7001));
    let mut lies = 0;
    let found = async {
        loop {
            let found = search.recv().await.unwrap();
            if found.from == Source::Tracker(honest_number) {
                return found.address;
            }
            lies += 1;
        }
    };
    assert_eq!(timeout(PATIENCE, found).await.expect("the honest one is heard"), expected);
    assert!(lies <= 2000, "{lies}: of each answer a thousand addresses at most are taken");

    let mut status = search.status();
    let all_shown = status.wait_for(|status| {
        status.len() == all.len()
            && status.iter().zip(&all).all(|(status, (.., shown))| is_shown(status, *shown))
    });
    if timeout(PATIENCE, all_shown).await.is_err() {
        let status = status.borrow();
        let wrong = status.iter().zip(&all).filter(|(status, (.., shown))| !is_shown(status, *shown));
        panic!("{:#?}", wrong.map(|(status, (name, _, shown))| (name, shown, status)).collect::<Vec<_>>());
    }
    for (name, tracker, shown) in &all {
        let asked = tracker.asked.load(Ordering::SeqCst);
        let most = match (tracker.url.scheme(), shown) {
            ("udp", Shown::StillAsked) => 4,
            ("udp", _) => 2,
            _ if name == "Redirect" => MAX_REDIRECTS + 1,
            _ => 1,
        };
        assert!((1..=most).contains(&asked), "{name} is asked {asked} times");
    }
    discovery.shutdown(tokio::time::Instant::now() + PATIENCE).await;
}
