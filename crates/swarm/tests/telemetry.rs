//! What a torrent tells of itself: why a reader waits, what happened, and how its peers stand.

#![allow(clippy::unwrap_used, reason = "what prepares a test fails with it")]

mod support;

use freshet_swarm::schedule::Class;
use freshet_swarm::{
    Happening, PeerIdle, PeerSource, PieceIndex, Reader, Swarm, SwarmConfig, Torrent, TorrentStats, Wait,
};
use support::hostile::hostile;
use support::villains::VILLAINS;
use support::{PATIENCE, address_of, config, film, seed, swarm};
use tokio::io::AsyncReadExt;
use tokio::task::JoinSet;
use tokio::time::timeout;

const FILM_BYTES: usize = 1_000_001;

async fn stats_until(torrent: &Torrent, is_it: impl Fn(&TorrentStats) -> bool) {
    let mut stats = torrent.stats();
    let seen = timeout(PATIENCE, stats.wait_for(|stats| is_it(stats))).await.map(|stats| stats.is_ok());
    assert_eq!(seen, Ok(true), "{:?}", torrent.stats().borrow());
}

async fn waits_for(torrent: &Torrent, wait: Wait) {
    stats_until(torrent, |stats| stats.waiting == Some(wait)).await;
    assert_eq!(torrent.waiting(), Some(wait));
}

fn read(mut reader: Reader) -> JoinSet<usize> {
    let mut reading = JoinSet::new();
    reading.spawn(async move {
        let mut whole = Vec::new();
        reader.read_to_end(&mut whole).await.unwrap()
    });
    reading
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reader_that_waits_says_why_and_what_happened_can_be_read() {
    let film = film(FILM_BYTES);
    let dirs = [(); 3].map(|()| tempfile::tempdir().unwrap());
    let seeder = swarm(dirs[0].path(), b's').await;
    let empty = swarm(dirs[1].path(), b'e').await;
    let leecher = swarm(dirs[2].path(), b'l').await;
    let torrent = leecher.add(film.spec.clone()).unwrap();
    let mut reader = torrent.open_reader(0..u64::MAX, Class::Player).await.unwrap();
    reader.read_exact(&mut []).await.unwrap();
    assert_eq!(torrent.waiting(), None);
    let mut reading = read(reader);
    waits_for(&torrent, Wait::NoPeers).await;

    let _nothing = empty.add(film.spec.clone()).unwrap();
    torrent.add_peers(vec![address_of(&empty)], PeerSource::Given).await;
    waits_for(&torrent, Wait::NobodyHasIt(PieceIndex(0))).await;
    let peers = torrent.peers().await;
    assert_eq!(peers.len(), 1);
    assert_eq!((peers[0].address, peers[0].has_share), (address_of(&empty), 0.0));
    assert_eq!(peers[0].idle, Some(PeerIdle::HasNothingWeNeed));

    let seeding = seed(&seeder, dirs[0].path(), &film).await;
    seeding.set_paused(true).await;
    torrent.add_peers(vec![address_of(&seeder)], PeerSource::Given).await;
    waits_for(&torrent, Wait::AllChoke).await;
    let peers = torrent.peers().await;
    let choking = peers.iter().find(|peer| peer.address == address_of(&seeder)).unwrap();
    assert_eq!((choking.idle, choking.has_share), (Some(PeerIdle::Choked), 1.0));
    assert!(choking.we_are_interested && choking.is_choking_us && !choking.is_incoming);

    leecher.set_limits(Some(16 * 1024), None);
    seeding.set_paused(false).await;
    waits_for(&torrent, Wait::RateLimit).await;
    leecher.set_limits(None, None);
    assert_eq!(timeout(PATIENCE, reading.join_next()).await.unwrap().unwrap().unwrap(), FILM_BYTES);
    stats_until(&torrent, |stats| stats.waiting.is_none()).await;

    let events = torrent.timeline().await;
    let from = address_of(&seeder);
    let place =
        |is_it: &dyn Fn(&Happening) -> bool| events.iter().position(|event| is_it(&event.what)).unwrap();
    let order = [
        place(&|what| matches!(what, Happening::ReaderOpened { class: Class::Player, .. })),
        place(&|what| *what == Happening::FirstPeer(address_of(&empty))),
        place(&|what| *what == Happening::FirstUnchoke(from)),
        place(&|what| *what == Happening::FirstBlock(from)),
        place(&|what| *what == Happening::FirstPiece),
        place(&|what| matches!(what, Happening::Served { .. })),
    ];
    assert!(order.is_sorted(), "{events:?}");
    assert!(events.is_sorted_by_key(|event| event.at));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reader_whose_only_peer_sent_bad_data_says_so() {
    let film = film(FILM_BYTES);
    let here = tempfile::tempdir().unwrap();
    let leecher = swarm(here.path(), b'l').await;
    let (_, _, script) = VILLAINS.into_iter().find(|(name, ..)| *name == "wrong bytes, at once").unwrap();
    let liar = hostile(&film, script).await;
    let torrent = leecher.add(film.spec.clone()).unwrap();
    let _reading = read(torrent.open_reader(0..u64::MAX, Class::Player).await.unwrap());
    waits_for(&torrent, Wait::NoPeers).await;

    torrent.add_peers(vec![liar.address], PeerSource::Given).await;

    waits_for(&torrent, Wait::BadData).await;
    assert_eq!(torrent.stats().borrow().banned_peers, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_budget_of_less_than_a_piece_is_a_reason_to_wait_until_it_grows() {
    let film = film(FILM_BYTES);
    let (there, here) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let seeder = swarm(there.path(), b's').await;
    let config = SwarmConfig { budget_bytes: Some(1000), ..config(here.path(), b'l') };
    let leecher = Swarm::start(config).await.unwrap();
    let _seeding = seed(&seeder, there.path(), &film).await;
    let torrent = leecher.add(film.spec.clone()).unwrap();
    torrent.add_peers(vec![address_of(&seeder)], PeerSource::Given).await;
    let mut reading = read(torrent.open_reader(0..u64::MAX, Class::Player).await.unwrap());
    stats_until(&torrent, |stats| stats.connected_seeders == 1).await;
    waits_for(&torrent, Wait::Budget).await;
    assert_eq!(torrent.stats().borrow().downloaded_bytes, 0);

    leecher.set_budget(Some(FILM_BYTES as u64 / 2)).await;
    assert_eq!(timeout(PATIENCE, reading.join_next()).await.unwrap().unwrap().unwrap(), FILM_BYTES);
}
