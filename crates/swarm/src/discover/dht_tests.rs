use std::sync::Arc;

use freshet_model::AddressPolicy;
use tokio::sync::mpsc;

use super::*;
use crate::discover::Found;

const PATIENCE: Duration = Duration::from_secs(60);

/// Somebody who is asked and never answers: a node without anybody to ask ends at once.
fn silent() -> (std::net::UdpSocket, Vec<String>) {
    let socket = std::net::UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let address = socket.local_addr().unwrap().to_string();
    (socket, vec![address])
}

/// Answers every question with the address of one node; nodes don't keep those that they start from.
async fn introducer(node: &dht::Dht, tasks: &mut tokio::task::JoinSet<()>) -> String {
    let socket = tokio::net::UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let address = socket.local_addr().unwrap().to_string();
    let port = node.listen_addr().port().to_be_bytes();
    let introduced = [&node.stats().id.0[..], &Ipv4Addr::LOCALHOST.octets(), &port].concat();
    tasks.spawn(async move {
        let mut question = [0; 1024];
        loop {
            let (count, from) = socket.recv_from(&mut question).await.unwrap();
            let at = question[..count].windows(5).position(|window| window == b"1:t2:").unwrap();
            let transaction = &question[at + 5..at + 7];
            let head = b"d1:rd2:id20:introducer..........5:nodes26:";
            let answer = [head, &introduced[..], b"e1:t2:", transaction, b"1:y1:re"].concat();
            socket.send_to(&answer, from).await.unwrap();
        }
    });
    address
}

struct Kept {
    wanted: watch::Sender<bool>,
    node: watch::Receiver<Option<Node>>,
    status: watch::Receiver<DiscoveryStatus>,
    tasks: TaskTracker,
    _cancel: tokio_util::sync::DropGuard,
}

fn keep(state_path: PathBuf, bootstrap: &[String]) -> Kept {
    let (sender, node) = watch::channel(None);
    let (status, shown) = watch::channel(DiscoveryStatus::default());
    let cancel = CancellationToken::new();
    let keeper = Keeper {
        state_path,
        bootstrap: bootstrap.to_vec(),
        web: WebClient::new(AddressPolicy::PrivateToo).unwrap(),
        pulse_interval: Duration::from_millis(50),
        node: sender,
        status,
        cancel: cancel.clone(),
    };
    let tasks = TaskTracker::new();
    let stop = cancel.clone();
    let (wanted, is_wanted) = watch::channel(true);
    drop(tasks.spawn(async move { stop.run_until_cancelled(keeper.run(is_wanted)).await }));
    Kept { wanted, node, status: shown, tasks, _cancel: cancel.drop_guard() }
}

async fn running(kept: &mut Kept) -> Node {
    let node = timeout(PATIENCE, kept.node.wait_for(Option::is_some)).await.unwrap().unwrap();
    node.clone().unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_announces_a_port_is_found() {
    let dir = tempfile::tempdir().unwrap();
    let (_silent, nobody) = silent();
    let config = DhtConfig {
        listen_addr: Some((Ipv4Addr::LOCALHOST, 0).into()),
        bootstrap_addrs: Some(nobody),
        ..DhtConfig::default()
    };
    let first = DhtState::with_config(config).await.unwrap();
    let mut tasks = tokio::task::JoinSet::new();
    let bootstrap = [introducer(&first, &mut tasks).await];
    // Near the node, so that it keeps the announcement.
    let mut near = first.stats().id.0;
    near[19] ^= 1;
    let info_hash = InfoHash::new(near);
    let (found, mut taken) = mpsc::channel::<Found>(64);
    let outlet = Outlet {
        found,
        policy: AddressPolicy::PrivateToo,
        listen_port: watch::channel(None).1,
        own_ips: [].into(),
    };
    let theirs = keep(dir.path().join("a.json"), &bootstrap);
    let mine = keep(dir.path().join("b.json"), &bootstrap);

    let announcing = search(theirs.node.clone(), watch::channel(Some(7000)).1, info_hash, outlet.clone());
    // A node asks again after some seconds only; a new search asks at once.
    let finding = async {
        loop {
            let searching = search(mine.node.clone(), watch::channel(None).1, info_hash, outlet.clone());
            let _ = timeout(Duration::from_secs(1), searching).await;
        }
    };
    let found = tokio::select! {
        () = announcing => panic!("a search has no end"),
        never = finding => never,
        found = timeout(PATIENCE, taken.recv()) => found.unwrap().unwrap(),
    };

    assert_eq!(found, Found { address: "127.0.0.1:7000".parse().unwrap(), from: Source::Dht });
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_that_dies_is_started_anew() {
    let dir = tempfile::tempdir().unwrap();
    let (_silent, nobody) = silent();
    let mut kept = keep(dir.path().join("dht.json"), &nobody);
    let Node(first) = running(&mut kept).await;

    first.cancellation_token().cancel();

    let is_another = |node: &Option<Node>| node.as_ref().is_some_and(|node| !Arc::ptr_eq(&node.0, &first));
    let second = timeout(PATIENCE, kept.node.wait_for(is_another)).await.unwrap().unwrap().clone();
    let Node(second) = second.unwrap();
    pulse(&second, &Route::default()).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_table_that_can_not_be_kept_is_no_obstacle() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("file");
    std::fs::write(&file, b"no folder").unwrap();
    let mut kept = keep(file.join("dht.json"), &[]);

    running(&mut kept).await;

    let is_running = |status: &DiscoveryStatus| matches!(status.dht, DhtStatus::Running { .. });
    timeout(PATIENCE, kept.status.wait_for(is_running)).await.unwrap().unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_that_nobody_wants_ends_until_one_is_wanted_again() {
    let dir = tempfile::tempdir().unwrap();
    let mut kept = keep(dir.path().join("dht.json"), &[]);
    let Node(first) = running(&mut kept).await;

    kept.wanted.send_replace(false);
    timeout(PATIENCE, kept.node.wait_for(Option::is_none)).await.unwrap().unwrap();
    let is_off = |status: &DiscoveryStatus| status.dht == DhtStatus::Off;
    timeout(PATIENCE, kept.status.wait_for(is_off)).await.unwrap().unwrap();
    assert!(first.cancellation_token().is_cancelled());

    kept.wanted.send_replace(true);
    let Node(second) = running(&mut kept).await;
    assert!(!Arc::ptr_eq(&first, &second));

    // Nobody can want it any more.
    let Kept { wanted, tasks, _cancel, .. } = kept;
    drop(wanted);
    tasks.close();
    timeout(PATIENCE, tasks.wait()).await.unwrap();
    assert!(second.cancellation_token().is_cancelled());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_ends_with_its_keeper() {
    let dir = tempfile::tempdir().unwrap();
    let mut kept = keep(dir.path().join("dht.json"), &[]);
    let Node(node) = running(&mut kept).await;
    let Kept { tasks, _cancel, .. } = kept;

    drop(_cancel);
    tasks.close();

    timeout(PATIENCE, tasks.wait()).await.unwrap();
    assert!(node.cancellation_token().is_cancelled());
}

#[tokio::test(start_paused = true)]
async fn a_flood_of_addresses_is_cut_off_until_the_next_round() {
    let now = Instant::now();
    let mut sieve = Sieve::new(now);
    let address = |n: u32| SocketAddr::from((Ipv4Addr::from_bits(n), 7000));

    assert!(sieve.is_new(address(0), now));
    assert!(!sieve.is_new(address(0), now));
    let passed = (1..100_000).filter(|n| sieve.is_new(address(*n), now)).count();
    assert_eq!(passed, MAX_ADDRESSES_PER_ROUND - 1);
    assert!(sieve.is_new(address(0), now + ROUND));
}
