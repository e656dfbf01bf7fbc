use std::net::Ipv4Addr;

use freshet_web::WebClient;

use super::super::question;
use super::*;

const CONNECTION: &[u8; 8] = b"CONNID00";
/// For tests in which nothing gets lost.
const LONG: Duration = Duration::from_secs(10);
const SHORT: Duration = Duration::from_millis(200);
/// So that a test that hangs ends.
const PATIENCE: Duration = Duration::from_secs(20);

struct FakeTracker {
    socket: UdpSocket,
}

/// A datagram as it came: action, transaction, and everything.
struct Asked {
    bytes: Vec<u8>,
    from: SocketAddr,
}

impl Asked {
    fn action(&self) -> u32 {
        u32::from_be_bytes(self.bytes[8..12].try_into().unwrap())
    }

    fn transaction(&self) -> [u8; 4] {
        self.bytes[12..16].try_into().unwrap()
    }
}

impl FakeTracker {
    async fn start() -> (Self, Url) {
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let url = format!("udp://{}/announce?key=1", socket.local_addr().unwrap()).parse().unwrap();
        (Self { socket }, url)
    }

    async fn asked(&self) -> Asked {
        let mut buf = [0; 2048];
        let received = timeout(PATIENCE, self.socket.recv_from(&mut buf)).await;
        let (count, from) = received.expect("a question").unwrap();
        Asked { bytes: buf[..count].to_vec(), from }
    }

    async fn answer(&self, asked: &Asked, action: u32, body: &[u8]) {
        self.send(asked.from, action, asked.transaction(), body).await;
    }

    async fn send(&self, to: SocketAddr, action: u32, transaction: [u8; 4], body: &[u8]) {
        self.socket.send_to(&[&action.to_be_bytes(), &transaction, body].concat(), to).await.unwrap();
    }

    async fn connect(&self) {
        let asked = self.asked().await;
        assert_eq!((asked.bytes.len(), &asked.bytes[..8]), (16, &PROTOCOL.to_be_bytes()[..]));
        self.answer(&asked, CONNECT, CONNECTION).await;
    }
}

fn trackers(wait: Duration) -> UdpTrackers {
    UdpTrackers::with_waits([wait; 3], TaskTracker::new(), CancellationToken::new())
}

async fn announce(trackers: &UdpTrackers, url: &Url) -> Result<Answer, AnnounceError> {
    let question = question();
    let web = WebClient::new(AddressPolicy::PrivateToo).unwrap();
    let way = web.way_out();
    let announcing = trackers.announce(url, &question, AddressPolicy::PrivateToo, &way);
    timeout(PATIENCE, announcing).await.expect("an end")
}

fn body(peers: &[u8]) -> Vec<u8> {
    [&[0, 0, 7, 8, 0, 0, 0, 2, 0, 0, 0, 5], peers].concat()
}

#[tokio::test]
async fn a_tracker_is_asked_and_its_answer_is_read() {
    let (tracker, url) = FakeTracker::start().await;
    let trackers = trackers(LONG);
    let serving = async {
        tracker.connect().await;
        let asked = tracker.asked().await;
        tracker.answer(&asked, ANNOUNCE, &body(&[127, 0, 0, 1, 0x1a, 0xe1, 5])).await;
        asked
    };

    let (answer, asked) = tokio::join!(announce(&trackers, &url), serving);

    let expected = Answer {
        peers: vec!["127.0.0.1:6881".parse().unwrap()],
        interval: Duration::from_secs(1800),
        leechers: Some(2),
        seeders: Some(5),
        ..Answer::default()
    };
    assert_eq!(answer.unwrap(), expected);
    let told = [
        &CONNECTION[..],
        &ANNOUNCE.to_be_bytes(),
        &asked.transaction(),
        &[0xab; 20],
        b"-FH0001-abcdefghijkl",
        &2_u64.to_be_bytes(),
        &3_u64.to_be_bytes(),
        &1_u64.to_be_bytes(),
        &2_u32.to_be_bytes(),
        &[0; 4],
        &[1, 2, 3, 4],
        &100_u32.to_be_bytes(),
        &7000_u16.to_be_bytes(),
        &[2, 15],
        b"/announce?key=1",
    ];
    assert_eq!(asked.bytes, told.concat());
}

#[tokio::test]
async fn a_connection_serves_for_a_while_and_is_dropped_after_a_failure() {
    let (tracker, url) = FakeTracker::start().await;
    let trackers = trackers(LONG);
    let serving = async {
        tracker.connect().await;
        for _ in 0..2 {
            let asked = tracker.asked().await;
            assert_eq!(asked.action(), ANNOUNCE);
            tracker.answer(&asked, ANNOUNCE, &body(&[])).await;
        }
        let asked = tracker.asked().await;
        tracker.answer(&asked, ERROR, b"who are you?").await;
        tracker.connect().await;
        let asked = tracker.asked().await;
        tracker.answer(&asked, ANNOUNCE, &body(&[])).await;
    };
    let asking = async {
        announce(&trackers, &url).await.unwrap();
        announce(&trackers, &url).await.unwrap();
        let refused = announce(&trackers, &url).await;
        assert!(
            matches!(&refused, Err(AnnounceError::Refused(text)) if text == "who are you?"),
            "{refused:?}"
        );
        announce(&trackers, &url).await.unwrap();
    };

    tokio::join!(asking, serving);
}

#[tokio::test]
async fn what_nobody_asked_for_is_no_answer() {
    let (tracker, url) = FakeTracker::start().await;
    let stranger = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let trackers = trackers(LONG);
    let serving = async {
        let asked = tracker.asked().await;
        let mut foreign = asked.transaction();
        foreign[0] ^= 1;
        tracker.send(asked.from, CONNECT, foreign, b"WRONG000").await;
        tracker.socket.send_to(b"short", asked.from).await.unwrap();
        let forged = [&CONNECT.to_be_bytes()[..], &asked.transaction(), b"FORGED00"].concat();
        stranger.send_to(&forged, asked.from).await.unwrap();
        tracker.answer(&asked, CONNECT, CONNECTION).await;
        let asked = tracker.asked().await;
        tracker.answer(&asked, ANNOUNCE, &body(&[])).await;
        asked
    };

    let (answer, asked) = tokio::join!(announce(&trackers, &url), serving);

    answer.unwrap();
    assert_eq!(&asked.bytes[..8], CONNECTION);
}

#[tokio::test]
async fn a_question_that_gets_lost_is_repeated() {
    let (tracker, url) = FakeTracker::start().await;
    let trackers = trackers(SHORT);
    let serving = async {
        let lost = tracker.asked().await;
        let asked = tracker.asked().await;
        assert_ne!(lost.transaction(), asked.transaction());
        tracker.answer(&asked, CONNECT, CONNECTION).await;
        loop {
            let asked = tracker.asked().await;
            match asked.action() {
                // On a slow machine the answer can come too late.
                CONNECT => tracker.answer(&asked, CONNECT, CONNECTION).await,
                _ => break tracker.answer(&asked, ANNOUNCE, &body(&[])).await,
            }
        }
    };

    let (answer, ()) = tokio::join!(announce(&trackers, &url), serving);

    answer.unwrap();
}

#[tokio::test]
async fn a_silent_tracker_is_given_up_and_nothing_is_left_of_it() {
    let (_tracker, url) = FakeTracker::start().await;
    let trackers = trackers(SHORT);

    let outcome = announce(&trackers, &url).await;

    assert!(matches!(outcome, Err(AnnounceError::TimedOut)), "{outcome:?}");
    let doors = lock(&trackers.shared.doors);
    assert!(lock(&doors.v4.as_ref().unwrap().waiting).is_empty());
}

#[tokio::test]
async fn garbage_is_refused() {
    for (action, bytes) in [(ANNOUNCE, &b"short"[..]), (7, &[0; 20]), (CONNECT, &[0; 20])] {
        let (tracker, url) = FakeTracker::start().await;
        let trackers = trackers(LONG);
        let serving = async {
            tracker.connect().await;
            let asked = tracker.asked().await;
            tracker.answer(&asked, action, bytes).await;
        };
        let (outcome, ()) = tokio::join!(announce(&trackers, &url), serving);
        assert!(matches!(outcome, Err(AnnounceError::Answer)), "{action} {outcome:?}");
    }
}

#[tokio::test]
async fn a_tracker_in_a_private_network_hears_nothing() {
    let (tracker, url) = FakeTracker::start().await;

    let web = WebClient::new(AddressPolicy::GlobalOnly).unwrap();
    let refused = trackers(LONG).announce(&url, &question(), AddressPolicy::GlobalOnly, &web.way_out()).await;

    assert!(matches!(refused, Err(AnnounceError::Host(_))), "{refused:?}");
    let heard = tracker.socket.try_recv_from(&mut [0; 16]);
    assert_eq!(heard.unwrap_err().kind(), std::io::ErrorKind::WouldBlock);
}
