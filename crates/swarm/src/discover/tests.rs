//! Searches against HTTP trackers on loopback that do what they like.

use std::net::Ipv4Addr;
use std::time::Duration;

use freshet_model::InfoHash;
use futures::{FutureExt, StreamExt};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio::time::timeout;
use url::Url;

use super::*;

const PATIENCE: Duration = Duration::from_secs(30);
const TWO_PEERS: &[u8] =
    b"d8:completei7e10:incompletei8e8:intervali0e5:peers12:\x7f\x00\x00\x01\x1b\x58\x01\x01\x01\x01\x1b\x59e";

/// An HTTP tracker that answers every question the same way, and says what it was asked.
struct FakeTracker {
    url: Url,
    asked: mpsc::Receiver<String>,
    _tasks: JoinSet<()>,
}

/// What is sent, and how often; then the connection ends.
#[derive(Clone)]
struct Reply {
    bytes: Vec<u8>,
    repetitions: usize,
}

fn ok(body: &[u8]) -> Reply {
    let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", body.len());
    Reply { bytes: [head.as_bytes(), body].concat(), repetitions: 1 }
}

impl FakeTracker {
    async fn start(reply: Reply) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let url = format!("http://{}/announce", listener.local_addr().unwrap()).parse().unwrap();
        let (tell, asked) = mpsc::channel(64);
        let mut tasks = JoinSet::new();
        tasks.spawn(async move {
            loop {
                let (mut stream, _) = listener.accept().await.unwrap();
                let mut question = vec![0; 4096];
                let count = stream.read(&mut question).await.unwrap();
                let line =
                    String::from_utf8_lossy(&question[..count]).lines().next().unwrap_or("").to_owned();
                tell.send(line).await.unwrap();
                for _ in 0..reply.repetitions {
                    if stream.write_all(&reply.bytes).await.is_err() {
                        break;
                    }
                }
            }
        });
        Self { url, asked, _tasks: tasks }
    }

    async fn asked(&mut self) -> String {
        timeout(PATIENCE, self.asked.recv()).await.expect("a question").unwrap()
    }
}

fn discovery(policy: AddressPolicy) -> Discovery {
    discovery_at(watch::channel(Some(6999)).1, policy)
}

fn discovery_at(listen_port: watch::Receiver<Option<u16>>, policy: AddressPolicy) -> Discovery {
    let config = DiscoveryConfig {
        enable_dht: false,
        dht_state_path: PathBuf::new(),
        enable_lsd: false,
        enable_port_mapping: false,
        addresses: policy,
        listen_port,
        web: WebClient::new(policy).unwrap(),
        peer_id: *b"-FH0001-abcdefghijkl",
    };
    Discovery::start(config).0
}

fn spec(trackers: Vec<Vec<Url>>) -> SearchSpec {
    SearchSpec { info_hash: InfoHash::new([7; 20]), trackers, is_private: false, extra_trackers: Vec::new() }
}

fn totals(left_bytes: u64) -> watch::Receiver<Totals> {
    watch::channel(Totals { uploaded_bytes: 1, downloaded_bytes: 2, left_bytes }).1
}

fn search(policy: AddressPolicy, tracker: &Url) -> Search {
    discovery(policy).search(spec(vec![vec![tracker.clone()]]), totals(3))
}

async fn status_where(search: &Search, wanted: impl Fn(&TrackerStatus) -> bool) -> TrackerStatus {
    let mut status = search.status();
    let shown = timeout(PATIENCE, status.wait_for(|trackers| wanted(&trackers[0]))).await;
    shown.expect("the status").unwrap()[0].clone()
}

async fn failure_of(reply: Reply) -> String {
    let tracker = FakeTracker::start(reply).await;
    let search = search(AddressPolicy::PrivateToo, &tracker.url);
    let status = status_where(&search, |tracker| tracker.state == TrackerState::Failed).await;
    let pause = status.next_announce.unwrap() - std::time::Instant::now();
    assert!(pause <= Duration::from_secs(15), "{pause:?}");
    status.error.unwrap()
}

#[tokio::test]
async fn addresses_of_a_tracker_come_as_a_stream() {
    let tracker = FakeTracker::start(ok(TWO_PEERS)).await;
    let mut search = search(AddressPolicy::PrivateToo, &tracker.url);

    let found: Vec<Found> = timeout(PATIENCE, (&mut search).take(2).collect()).await.unwrap();

    let expected = ["127.0.0.1:7000", "1.1.1.1:7001"]
        .map(|address| Found { address: address.parse().unwrap(), from: Source::Tracker(0) });
    assert_eq!(found, expected);
    let status = status_where(&search, |tracker| tracker.state == TrackerState::Working).await;
    assert_eq!((status.seeders, status.leechers, status.error), (Some(7), Some(8), None));
    // The tracker wanted to be asked again at once.
    let pause = status.next_announce.unwrap() - std::time::Instant::now();
    assert!(pause > Duration::from_secs(50), "{pause:?}");
}

#[tokio::test]
async fn a_tracker_hears_of_the_start_the_end_of_the_transfer_and_the_stop() {
    let mut tracker = FakeTracker::start(ok(TWO_PEERS)).await;
    let discovery = discovery(AddressPolicy::PrivateToo);
    let (totals, shown) = watch::channel(Totals { left_bytes: 3, ..Totals::default() });
    let search = discovery.search(spec(vec![vec![tracker.url.clone()]]), shown);

    let started = tracker.asked().await;
    assert!(started.contains("&event=started") && started.contains("&left=3&"), "{started}");
    assert!(started.contains("&port=6999&"), "{started}");
    status_where(&search, |tracker| tracker.state == TrackerState::Working).await;

    totals.send_replace(Totals { downloaded_bytes: 3, ..Totals::default() });
    search.completed();
    search.completed();
    let completed = tracker.asked().await;
    assert!(completed.contains("&event=completed") && completed.contains("&left=0&"), "{completed}");
    status_where(&search, |tracker| tracker.state == TrackerState::Working).await;

    search.stop(Instant::now() + PATIENCE).await;
    let stopped = tracker.asked().await;
    assert!(stopped.contains("&event=stopped") && stopped.contains("&numwant=0&"), "{stopped}");
}

#[tokio::test]
async fn who_waits_for_peers_has_the_tracker_asked_again_after_half_a_minute() {
    let mut tracker = FakeTracker::start(ok(b"d8:intervali1800ee")).await;
    let search = search(AddressPolicy::PrivateToo, &tracker.url);
    tracker.asked().await;
    status_where(&search, |tracker| tracker.state == TrackerState::Working).await;

    search.announce_now();
    tokio::time::pause();
    tokio::time::advance(Duration::from_secs(31)).await;
    tokio::time::resume();

    let again = tracker.asked().await;
    assert!(!again.contains("event="), "{again}");
}

#[tokio::test]
async fn a_tracker_hears_soon_of_another_port() {
    let mut tracker = FakeTracker::start(ok(b"d8:intervali1800ee")).await;
    let (port, listen_port) = watch::channel(None);
    let discovery = discovery_at(listen_port, AddressPolicy::PrivateToo);
    let search = discovery.search(spec(vec![vec![tracker.url.clone()]]), totals(3));
    let first = tracker.asked().await;
    // Nobody listens yet, and trackers refuse port 0.
    assert!(first.contains("&port=1&"), "{first}");
    status_where(&search, |tracker| tracker.state == TrackerState::Working).await;

    port.send_replace(Some(6999));
    let mut reachable = discovery.shared.mapping.reachable_port();
    timeout(PATIENCE, reachable.wait_for(|port| *port == Some(6999))).await.unwrap().unwrap();
    tokio::time::pause();
    tokio::time::advance(Duration::from_secs(31)).await;
    tokio::time::resume();

    let again = tracker.asked().await;
    assert!(again.contains("&port=6999&"), "{again}");
}

#[tokio::test]
async fn a_search_that_is_dropped_ends_and_tells_nobody() {
    let mut tracker = FakeTracker::start(ok(TWO_PEERS)).await;
    let discovery = discovery(AddressPolicy::PrivateToo);
    let search = discovery.search(spec(vec![vec![tracker.url.clone()]]), totals(3));
    let mut status = search.status();
    tracker.asked().await;

    drop(search);

    timeout(PATIENCE, async { while status.changed().await.is_ok() {} }).await.expect("the end of its tasks");
    timeout(PATIENCE, discovery.shutdown(Instant::now() + PATIENCE)).await.unwrap();
    assert!(tracker.asked.try_recv().is_err());
}

#[tokio::test]
async fn a_stop_waits_no_longer_than_it_may() {
    // It takes the question and says nothing.
    let mut tracker = FakeTracker::start(Reply { bytes: Vec::new(), repetitions: 0 }).await;
    let silent = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let url: Url = format!("http://{}/", silent.local_addr().unwrap()).parse().unwrap();
    let trackers = vec![vec![tracker.url.clone()], vec![url]];
    let search = discovery(AddressPolicy::PrivateToo).search(spec(trackers), totals(3));
    tracker.asked().await;

    let stopping = search.stop(Instant::now() + Duration::from_millis(100));

    timeout(Duration::from_secs(10), stopping).await.expect("an end");
}

#[tokio::test]
async fn all_tiers_are_asked_at_the_start_at_once() {
    let mut first = FakeTracker::start(ok(TWO_PEERS)).await;
    let mut second = FakeTracker::start(ok(TWO_PEERS)).await;
    let silent = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let silent_url: Url = format!("http://{}/", silent.local_addr().unwrap()).parse().unwrap();
    let trackers = vec![vec![silent_url, first.url.clone()], vec![second.url.clone()]];

    let _search = discovery(AddressPolicy::PrivateToo).search(spec(trackers), totals(3));

    first.asked().await;
    second.asked().await;
    timeout(PATIENCE, silent.accept()).await.unwrap().unwrap();
}

#[tokio::test]
async fn no_more_than_16_trackers_are_asked_at_once() {
    let silent = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let address = silent.local_addr().unwrap();
    let tiers = (0..20).map(|n| vec![format!("http://{address}/{n}").parse().unwrap()]).collect();
    let _search = discovery(AddressPolicy::PrivateToo).search(spec(tiers), totals(3));
    let accept = || timeout(PATIENCE, silent.accept());
    let mut streams = Vec::new();
    for _ in 0..16 {
        streams.push(accept().await.expect("a question").unwrap().0);
    }
    let none = silent.accept().now_or_never();
    assert!(none.is_none(), "{none:?}");

    drop(streams.pop());

    accept().await.expect("the place of a tracker that failed").unwrap();
}

#[tokio::test]
async fn a_private_torrent_is_not_announced_in_the_local_network() {
    let discovery = discovery(AddressPolicy::PrivateToo);
    let info_hash = InfoHash::new([7; 20]);
    let private = SearchSpec { is_private: true, ..spec(Vec::new()) };

    let search = discovery.search(private, totals(3));
    tokio::task::yield_now().await;
    assert!(!discovery.shared.lsd.knows(info_hash));
    drop(search);

    let _search = discovery.search(spec(Vec::new()), totals(3));
    let known = async {
        while !discovery.shared.lsd.knows(info_hash) {
            tokio::task::yield_now().await;
        }
    };
    timeout(PATIENCE, known).await.expect("a torrent that is public");
}

#[tokio::test]
async fn a_tracker_that_names_very_many_peers_is_believed_the_first_thousand() {
    let mut compact = Vec::new();
    for n in 0..100_000_u32 {
        compact.extend_from_slice(&(0x0100_0000 + n).to_be_bytes());
        compact.extend_from_slice(&7000_u16.to_be_bytes());
    }
    let body = [format!("d5:peers{}:", compact.len()).as_bytes(), &compact, b"e"].concat();
    let tracker = FakeTracker::start(ok(&body)).await;
    let search = search(AddressPolicy::GlobalOnly, &tracker.url);
    // The policy keeps us from asking a tracker on loopback.
    let refused = status_where(&search, |tracker| tracker.state == TrackerState::Failed).await;
    assert!(refused.error.unwrap().contains("is at an address that is not asked"));
    assert!(search.found.is_empty());

    let search = self::search(AddressPolicy::PrivateToo, &tracker.url);
    status_where(&search, |tracker| tracker.state == TrackerState::Working).await;
    assert_eq!(search.found.len(), 1000);
}

#[tokio::test]
async fn hostile_answers_are_failures_with_a_reason() {
    let endless = Reply {
        bytes: [b"HTTP/1.1 200 OK\r\n\r\n".to_vec(), vec![b'x'; 1 << 16]].concat(),
        repetitions: 1000,
    };
    let redirect = |to: &str| Reply {
        bytes: format!("HTTP/1.1 302 Found\r\nLocation: {to}\r\nContent-Length: 0\r\n\r\n").into_bytes(),
        repetitions: 1,
    };
    let table = [
        (endless, "the answer is larger than 2097152 bytes"),
        (ok(b"<html>hello</html>"), "the answer is not understood"),
        (ok(b"d14:failure reason9:go away\r\ne"), "the tracker refused: go away"),
        (redirect("file:///etc/passwd"), "only http and https links are fetched, not \"file\""),
        (redirect("magnet:?xt=urn:btih:00"), "only http and https links are fetched, not \"magnet\""),
        (redirect("http://224.0.0.1/"), "224.0.0.1 is at an address that is not asked on the word of a link"),
    ];
    for (reply, expected) in table {
        assert_eq!(failure_of(reply).await, expected);
    }
}

#[tokio::test]
async fn the_parts_that_are_not_wanted_are_off_and_a_shutdown_ends_searches() {
    let tracker = FakeTracker::start(ok(TWO_PEERS)).await;
    let discovery = discovery(AddressPolicy::PrivateToo);
    let mut search = discovery.search(spec(vec![vec![tracker.url.clone()]]), totals(3));

    timeout(PATIENCE, discovery.shutdown(Instant::now() + PATIENCE)).await.unwrap();

    let rest = async { while search.recv().await.is_some() {} };
    timeout(PATIENCE, rest).await.expect("the end of the stream");
    assert!(discovery.shared.tasks.is_empty());
}
