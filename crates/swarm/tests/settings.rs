//! What is changed while torrents run.

#![allow(clippy::unwrap_used, reason = "what prepares a test fails with it")]

mod support;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use freshet_swarm::schedule::Class;
use freshet_swarm::wire::{Handshake, Reserved};
use freshet_swarm::{
    Bitfield, Blocklist, NetworkSettings, PeerSource, PieceIndex, ResolveProgress, Swarm, SwarmConfig,
    UtpState,
};
#[cfg(target_os = "linux")]
use freshet_web::{Interface, Route};
use support::hostile::{hostile, shake};
use support::{Film, PATIENCE, PIECE_BYTES, address_of, film, read_all, seed};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use tokio::time::timeout;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_given_while_uploads_are_off() {
    let film = film(1_500_001);
    let (there, here) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let off = NetworkSettings { uploads: false, ..NetworkSettings::default() };
    let seeder = support::swarm_with(there.path(), b's', off).await;
    let leecher = support::swarm(here.path(), b'l').await;
    let seeding = seed(&seeder, there.path(), &film).await;
    let torrent = leecher.add(film.spec.clone()).unwrap();
    torrent.add_peers(vec![address_of(&seeder)], PeerSource::Tracker).await;
    let reading = read_all(&torrent);
    tokio::pin!(reading);

    // Longer than a peer that asks waits otherwise.
    let early = timeout(Duration::from_secs(2), &mut reading).await;
    assert!(early.is_err());
    assert_eq!(seeding.stats().borrow().connected_peers, 1, "it stays a peer");
    assert_eq!(torrent.stats().borrow().downloaded_bytes, 0);

    seeder.set_network(NetworkSettings::default());
    assert!(reading.await == film.content);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_nobody_reads_waits_until_it_may_come_and_what_somebody_reads_does_not() {
    let film = film(1_500_001);
    let dirs = [(); 3].map(|()| tempfile::tempdir().unwrap());
    let seeder = support::swarm(dirs[0].path(), b's').await;
    let _seeding = seed(&seeder, dirs[0].path(), &film).await;
    let spared = NetworkSettings { background: false, ..NetworkSettings::default() };
    let leecher = support::swarm_with(dirs[1].path(), b'l', spared).await;
    let other = support::swarm(dirs[2].path(), b'o').await;
    let pieces = film.spec.piece_hashes.len() as u32;
    let is_whole = async |torrent: &freshet_swarm::Torrent| {
        let mut stats = torrent.stats();
        let is_whole = stats.wait_for(|stats| stats.have_bytes == film.content.len() as u64);
        timeout(PATIENCE, is_whole).await.expect("it comes in time").unwrap();
    };
    let fetch = async |swarm: &freshet_swarm::Swarm| {
        let torrent = swarm.add(film.spec.clone()).unwrap();
        torrent.set_rest(Some(Bitfield::full(pieces))).await;
        torrent.add_peers(vec![address_of(&seeder)], PeerSource::Tracker).await;
        torrent
    };
    let torrent = fetch(&leecher).await;

    let read = [0, pieces / 2, pieces - 1];
    for piece in read {
        let start = u64::from(piece * PIECE_BYTES);
        let mut reader = torrent.open_reader(start..start + 1, Class::Player).await.unwrap();
        let byte = timeout(PATIENCE, reader.read_u8()).await.unwrap().unwrap();
        assert_eq!(byte, film.content[start as usize]);
    }
    // One that may, and begins later, has all before.
    is_whole(&fetch(&other).await).await;
    let have = torrent.picture().have.clone().unwrap();
    assert_eq!((0..pieces).filter(|piece| have.get(PieceIndex(*piece))).collect::<Vec<_>>(), read);

    leecher.set_network(NetworkSettings::default());
    is_whole(&torrent).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn peers_are_not_told_of_each_other_by_whom_exchange_is_off() {
    let film = film(1000);
    let dirs = [(); 3].map(|()| tempfile::tempdir().unwrap());
    let off = NetworkSettings { pex: false, ..NetworkSettings::default() };
    let middle = support::swarm_with(dirs[0].path(), b'm', off).await;
    let left = support::swarm(dirs[1].path(), b'l').await;
    let right = support::swarm(dirs[2].path(), b'r').await;
    let [in_middle, in_left, in_right] =
        [&middle, &left, &right].map(|swarm| swarm.add(film.spec.clone()).unwrap());
    for torrent in [&in_left, &in_right] {
        torrent.add_peers(vec![address_of(&middle)], PeerSource::Tracker).await;
    }
    let mut stats = in_middle.stats();
    timeout(PATIENCE, stats.wait_for(|stats| stats.connected_peers == 2)).await.unwrap().unwrap();

    // As long as it takes in the other case.
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert_eq!(in_right.stats().borrow().known_peers, 1);
    assert_eq!(in_left.stats().borrow().known_peers, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn peers_come_in_at_another_port_from_the_moment_it_is_chosen() {
    let film = film(1_500_001);
    let dirs = [(); 3].map(|()| tempfile::tempdir().unwrap());
    let seeder = support::swarm(dirs[0].path(), b's').await;
    let _seeding = seed(&seeder, dirs[0].path(), &film).await;
    let old = address_of(&seeder);
    let other = std::net::TcpListener::bind(("::", 0)).unwrap();
    let taken = other.local_addr().unwrap().port();
    let mut port = seeder.watch_listen_port();
    port.mark_unchanged();

    seeder.set_listen_port(Some(taken)).await.unwrap_err();
    seeder.set_listen_port(Some(old.port())).await.unwrap();
    seeder.set_listen_port(Some(0)).await.unwrap();
    assert_eq!(address_of(&seeder), old, "what is open already is fine");
    assert!(!port.has_changed().unwrap());

    drop(other);
    seeder.set_listen_port(Some(taken)).await.unwrap();
    assert_eq!((*port.borrow_and_update(), address_of(&seeder).port()), (Some(taken), taken));
    assert_eq!(seeder.utp_state(), UtpState::Open(taken));
    let closed = async {
        while tokio::net::TcpStream::connect(old).await.is_ok() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    timeout(PATIENCE, closed).await.unwrap();
    let utp = NetworkSettings { tcp: false, ..NetworkSettings::default() };
    for (dir, network) in [(&dirs[1], NetworkSettings::default()), (&dirs[2], utp)] {
        let leecher = support::swarm_with(dir.path(), b'l', network).await;
        let torrent = leecher.add(film.spec.clone()).unwrap();
        torrent.add_peers(vec![address_of(&seeder)], PeerSource::Tracker).await;
        assert!(read_all(&torrent).await == film.content);
    }

    seeder.set_listen_port(None).await.unwrap();
    assert_eq!(seeder.listen_port(), None);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whom_the_list_blocks_is_let_go_and_neither_called_nor_let_in_until_it_is_off_the_list() {
    let film = film(1000);
    let [there, here, third] = [(); 3].map(|()| tempfile::tempdir().unwrap());
    let (there, here) = (support::swarm(there.path(), b't').await, support::swarm(here.path(), b'h').await);
    let (one, other) = (there.add(film.spec.clone()).unwrap(), here.add(film.spec.clone()).unwrap());
    let connected = async |torrent: &freshet_swarm::Torrent, peers: u32| {
        let mut stats = torrent.stats();
        let is_so = stats.wait_for(|stats| stats.connected_peers == peers);
        timeout(PATIENCE, is_so).await.expect("it comes in time").unwrap();
    };
    one.add_peers(vec![address_of(&here)], PeerSource::Tracker).await;
    connected(&one, 1).await;
    connected(&other, 1).await;

    let list = blocklist("first:127.0.0.1-127.0.0.1");
    here.set_blocklist(list).await;
    connected(&other, 0).await;
    connected(&one, 0).await;
    // Neither way: not by ours, although the address is known and the next one is called, and not by theirs.
    let free = support::swarm(third.path(), b'f').await;
    let _of_free = free.add(film.spec.clone()).unwrap();
    let at_free = SocketAddr::from(([127, 0, 0, 2], address_of(&free).port()));
    other.add_peers(vec![address_of(&there), at_free], PeerSource::Tracker).await;
    connected(&other, 1).await;
    assert!(is_hung_up_on(address_of(&here), &film).await);
    assert_eq!((other.stats().borrow().connected_peers, one.stats().borrow().connected_peers), (1, 0));

    here.set_blocklist(Arc::default()).await;
    other.add_peers(vec![address_of(&there)], PeerSource::Tracker).await;
    connected(&other, 2).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whom_the_list_blocks_finds_no_open_port_not_even_at_the_start() {
    let film = film(1000);
    for (blocked, is_blocked) in [("127.0.0.0/8", true), ("128.0.0.0/8", false)] {
        let dir = tempfile::tempdir().unwrap();
        let blocklist = blocklist(blocked);
        let config = SwarmConfig { blocklist, ..support::config(dir.path(), b's') };
        let swarm = Swarm::start(config).await.unwrap();
        let _torrent = swarm.add(film.spec.clone()).unwrap();
        assert_eq!(is_hung_up_on(address_of(&swarm), &film).await, is_blocked);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_is_asked_for_details_is_let_go_when_the_list_comes_to_block_it() {
    let film = film(1000);
    let dir = tempfile::tempdir().unwrap();
    let swarm = support::swarm(dir.path(), b's').await;
    let mut silent = hostile(&film, |mut stream, film| async move {
        shake(&mut stream, &film).await?;
        Ok(stream)
    })
    .await;
    let (found, finding) = mpsc::channel(1);
    found.send(silent.address).await.unwrap();
    let (progress, mut seen) = watch::channel(ResolveProgress::default());
    let blocking = async {
        timeout(PATIENCE, seen.wait_for(|progress| progress.connected == 1)).await.unwrap().unwrap();
        swarm.set_blocklist(blocklist("127.0.0.0/8")).await;
        timeout(PATIENCE, silent.let_go.recv()).await.unwrap().unwrap();
    };
    tokio::select! {
        end = swarm.resolve(film.spec.info_hash, finding, progress) => panic!("{end:?}"),
        () = blocking => {}
    }
}

fn blocklist(text: &str) -> Arc<Blocklist> {
    Arc::new(Blocklist::parse(text.as_bytes()).unwrap())
}

/// Whether who calls there for this film gets no answer, but an end.
async fn is_hung_up_on(address: SocketAddr, film: &Film) -> bool {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let info_hash = film.spec.info_hash;
    let ours = Handshake { info_hash, peer_id: [b'c'; 20], reserved: Reserved::default() };
    // It may have hung up before.
    let _ = stream.write_all(&ours.encode()).await;
    // A reset is an end like any other.
    let end = timeout(PATIENCE, stream.read(&mut [0])).await.expect("it comes in time");
    end.unwrap_or(0) == 0
}

#[cfg(target_os = "linux")]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_its_interface_a_transfer_rests_and_goes_on_when_that_is_back() {
    let film = film(3_000_001);
    let (there, here) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let seeder = support::swarm(there.path(), b's').await;
    let seeding = seed(&seeder, there.path(), &film).await;
    let through = |name: &str| Route { proxy: None, interface: Some(Interface::look(name)) };
    let slow = SwarmConfig {
        download_limit_bytes_per_sec: Some(500_000),
        route: through("lo"),
        ..support::config(here.path(), b'l')
    };
    let leecher = Swarm::start(slow).await.unwrap();
    let port = leecher.listen_port();
    assert!(port.is_some());
    let torrent = leecher.add(film.spec.clone()).unwrap();
    torrent.add_peers(vec![address_of(&seeder)], PeerSource::Tracker).await;
    let mut reader = torrent.open_reader(0..film.content.len() as u64, Class::Player).await.unwrap();
    let mut content = vec![0; 1000];
    timeout(PATIENCE, reader.read_exact(&mut content)).await.unwrap().unwrap();

    leecher.set_route(&through("no such one"), port).await.unwrap();
    assert_eq!(leecher.listen_port(), None);
    assert!(matches!(leecher.utp_state(), UtpState::Unavailable(_)));
    let mut stats = seeding.stats();
    let is_left = stats.wait_for(|stats| stats.connected_peers == 0);
    timeout(PATIENCE, is_left).await.expect("the connection is cut").unwrap();

    leecher.set_route(&through("lo"), port).await.unwrap();
    assert_eq!(leecher.listen_port(), port);
    leecher.set_limits(None, None);
    timeout(PATIENCE, reader.read_to_end(&mut content)).await.unwrap().unwrap();
    assert!(content == film.content);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_small_limit_holds_over_several_connections_and_a_change_is_felt_at_once() {
    const BYTES_PER_SEC: u64 = 64 * 1024;
    let film = film(3_000_001);
    let dirs = [(); 4].map(|()| tempfile::tempdir().unwrap());
    let leecher = support::swarm(dirs[0].path(), b'l').await;
    let torrent = leecher.add(film.spec.clone()).unwrap();
    let mut seeders = Vec::new();
    for (dir, name) in dirs[1..].iter().zip(b"abc") {
        let seeder = support::swarm(dir.path(), *name).await;
        seeders.push((seed(&seeder, dir.path(), &film).await, seeder));
    }
    leecher.set_limits(Some(BYTES_PER_SEC), None);
    let began = Instant::now();
    torrent
        .add_peers(seeders.iter().map(|(_, seeder)| address_of(seeder)).collect(), PeerSource::Given)
        .await;
    let mut stats = torrent.stats();
    let mut reading = JoinSet::new();
    let reader = torrent.clone();
    reading.spawn(async move { read_all(&reader).await });

    let enough = stats.wait_for(|stats| stats.downloaded_bytes >= 4 * BYTES_PER_SEC);
    timeout(PATIENCE, enough).await.unwrap().unwrap();
    // A read of each connection may come at once, and half a second's bytes.
    let paid_for = 4 * BYTES_PER_SEC - 3 * 32 * 1024 - BYTES_PER_SEC / 2;
    assert!(began.elapsed().as_secs_f64() >= paid_for as f64 / BYTES_PER_SEC as f64, "{:?}", began.elapsed());

    leecher.set_limits(None, None);
    assert!(timeout(PATIENCE, reading.join_next()).await.unwrap().unwrap().unwrap() == film.content);
}
