//! What the engine tells of transfers, and when a torrent that is kept leaves the swarm.

#![allow(clippy::unwrap_used, reason = "what prepares a test fails with it")]

mod common;

use common::fake::{Requests, Server, ok};
use common::{Bench, film, soon, spec, until};
use freshet_engine::testing::SeederOptions;
use freshet_model::{FileIndex, IdleReason, PieceRun, PieceStand, TransferSettings, WaitReason};
use tokio::io::AsyncReadExt;
use tokio::task::JoinSet;

const MIB: usize = 1024 * 1024;
const PIECES: u32 = 4;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_kept_torrent_that_gave_enough_tells_its_trackers_that_it_stops_and_later_that_it_is_back() {
    let film = film(70, MIB, SeederOptions::default()).await;
    let info_hash = film.torrent.info_hash;
    let requests = Requests::default();
    let tracker = Server::http_noting(ok(b"d8:intervali1800e5:peers0:e"), &requests).await;
    let heard = |event: &str| {
        let requests = requests.lock().unwrap();
        requests.iter().filter(|request| request.contains(&format!("event={event}"))).count()
    };
    let bench = Bench::start().await;
    let mut kept = spec(&film.torrent);
    kept.is_pinned = true;
    kept.trackers = vec![format!("http://{}/announce", tracker.address).parse().unwrap()];
    soon("activate", bench.engine.activate(kept)).await.unwrap();
    let mut reader = soon("open", bench.engine.open_file(info_hash, FileIndex(0))).await.unwrap();
    let mut whole = Vec::new();
    soon("read", reader.read_to_end(&mut whole)).await.unwrap();
    assert!(whole == film.bytes);
    until("its tracker knows it", || heard("started") == 1).await;
    assert_eq!(heard("stopped"), 0);

    let limited = TransferSettings { seed_time_limit_secs: 1, ..TransferSettings::default() };
    bench.engine.set_transfers(&limited).await;
    until("its tracker hears that it stops", || heard("stopped") == 1).await;
    let detail = soon("detail", bench.engine.transfer(info_hash)).await.unwrap();
    assert!(detail.is_retired && detail.seeded_secs >= 1, "{detail:?}");
    assert!(detail.downloaded_bytes >= MIB as u64 && detail.peers.is_empty(), "{detail:?}");
    assert_eq!(detail.runs, [PieceRun { stand: PieceStand::Have, pieces: PIECES }]);

    bench.engine.set_transfers(&TransferSettings::default()).await;
    until("its tracker hears that it is back", || heard("started") == 2).await;
    assert!(!soon("detail", bench.engine.transfer(info_hash)).await.unwrap().is_retired);

    bench.engine.set_transfers(&limited).await;
    until("it is gone again", || heard("stopped") == 2).await;
    bench.engine.set_pinned(info_hash, false).await;
    until("no limit holds for what is not kept", || heard("started") == 3).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_read_that_waits_is_told_of_with_its_reason_until_its_bytes_come() {
    let film = film(71, MIB, SeederOptions::default()).await;
    let info_hash = film.torrent.info_hash;
    let bench = Bench::start().await;
    assert!(bench.engine.transfer(info_hash).await.is_none(), "it is not active");
    assert!(bench.engine.report(info_hash, true).await.is_none());
    // It shakes hands, and then it has nothing.
    let silent = Server::peer(info_hash, Some(Vec::new())).await;
    let mut alone = spec(&film.torrent);
    alone.peers = vec![silent.address];
    soon("activate", bench.engine.activate(alone)).await.unwrap();
    let mut reader = soon("open", bench.engine.open_file(info_hash, FileIndex(0))).await.unwrap();
    let mut reading = JoinSet::new();
    reading.spawn(async move { reader.read(&mut [0; 1000]).await });

    let waits = |reason| bench.engine.stats().iter().any(|stats| stats.waiting == Some(reason));
    until("nobody has it", || waits(WaitReason::NobodyHasIt)).await;
    assert_eq!(bench.engine.stats()[0].peers.without_need, 1);
    let detail = soon("detail", bench.engine.transfer(info_hash)).await.unwrap();
    assert_eq!(detail.runs, [PieceRun { stand: PieceStand::Missing, pieces: PIECES }]);
    assert_eq!(detail.peers.len(), 1);
    assert_eq!(detail.peers[0].idle, Some(IdleReason::HasNothingWeNeed));
    let report = soon("report", bench.engine.report(info_hash, false)).await.unwrap();
    assert_eq!((report.info_hash, report.peers.len()), (None, 1));

    soon("pause", bench.engine.set_paused(true)).await;
    assert!(soon("the read", reading.join_next()).await.unwrap().unwrap().is_err());
    until("nobody waits", || bench.engine.stats().iter().all(|stats| stats.waiting.is_none())).await;
}
