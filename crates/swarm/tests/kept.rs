//! Torrents that are kept leave the swarm when they have given enough.

#![allow(clippy::unwrap_used, reason = "what prepares a test fails with it")]

mod support;

use std::time::Duration;

use freshet_swarm::{KeepRules, Kept, PeerSource, Torrent, TorrentStats};
use support::{PATIENCE, address_of, film, read_all, seed, swarm};
use tokio::time::timeout;

const FILM_BYTES: usize = 300_001;

async fn stats_until(torrent: &Torrent, is_it: impl Fn(&TorrentStats) -> bool) -> TorrentStats {
    let mut stats = torrent.stats();
    let seen = timeout(PATIENCE, stats.wait_for(|stats| is_it(stats))).await;
    let stats = seen.map(|stats| stats.unwrap().as_ref().clone());
    stats.unwrap_or_else(|_| panic!("{:?}", torrent.stats().borrow()))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_kept_torrent_that_gave_its_ratio_leaves_until_the_limit_is_raised_also_after_a_restart() {
    let film = film(FILM_BYTES);
    let dirs = [(); 3].map(|()| tempfile::tempdir().unwrap());
    let seeder = swarm(dirs[0].path(), b's').await;
    let seeding = seed(&seeder, dirs[0].path(), &film).await;
    let ratio = |ratio| KeepRules { ratio_limit: Some(ratio), ..KeepRules::default() };
    seeder.set_keep_rules(ratio(1.0));
    let first = swarm(dirs[1].path(), b'1').await;
    let fetching = first.add(film.spec.clone()).unwrap();
    fetching.add_peers(vec![address_of(&seeder)], PeerSource::Given).await;
    assert!(read_all(&fetching).await == film.content);
    let stats = stats_until(&seeding, |stats| stats.lifetime.uploaded_bytes >= FILM_BYTES as u64).await;
    assert_eq!(stats.retired, None, "it is not kept: no rule holds for it");

    seeding.set_pinned(true).await;
    let stats = stats_until(&seeding, |stats| stats.retired == Some(Kept::Ratio)).await;
    assert_eq!((stats.connected_peers, stats.connecting_peers), (0, 0));
    assert!(read_all(&seeding).await == film.content, "what is here can be read");
    stats_until(&fetching, |stats| stats.connected_peers == 0).await;

    seeding.stop();
    timeout(PATIENCE, seeding.stopped()).await.unwrap();
    drop(seeding);
    let seeding = seeder.add_pinned(film.spec.clone()).unwrap();
    let stats = stats_until(&seeding, |stats| stats.retired == Some(Kept::Ratio)).await;
    assert!(stats.lifetime.uploaded_bytes >= FILM_BYTES as u64, "{stats:?}");
    assert_eq!(stats.uploaded_bytes, 0, "since this start");

    let second = swarm(dirs[2].path(), b'2').await;
    let fetching = second.add(film.spec.clone()).unwrap();
    fetching.add_peers(vec![address_of(&seeder)], PeerSource::Given).await;
    seeder.set_keep_rules(ratio(3.0));
    stats_until(&seeding, |stats| stats.retired.is_none()).await;
    fetching.add_peers(vec![address_of(&seeder)], PeerSource::Given).await;
    assert!(read_all(&fetching).await == film.content);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_time_of_an_offer_counts_over_restarts_and_only_while_it_is_offered() {
    let film = film(FILM_BYTES);
    let dir = tempfile::tempdir().unwrap();
    let seeder = swarm(dir.path(), b's').await;
    let unkept = seed(&seeder, dir.path(), &film).await;
    unkept.set_pinned(true).await;
    let before = stats_until(&unkept, |stats| stats.lifetime.seeded >= Duration::from_secs(1)).await;
    unkept.stop();
    timeout(PATIENCE, unkept.stopped()).await.unwrap();
    drop(unkept);

    let limit = before.lifetime.seeded + Duration::from_secs(1);
    seeder.set_keep_rules(KeepRules { seed_time_limit: Some(limit), ..KeepRules::default() });
    let kept = seeder.add_pinned(film.spec.clone()).unwrap();
    kept.set_paused(true).await;
    let looked = stats_until(&kept, |stats| stats.have_bytes == FILM_BYTES as u64).await;
    assert!(looked.lifetime.seeded >= Duration::from_secs(1), "{looked:?}");
    assert_eq!(looked.retired, None);

    kept.set_paused(false).await;
    let stats = stats_until(&kept, |stats| stats.retired.is_some()).await;
    assert_eq!(stats.retired, Some(Kept::SeedTime));
    assert!(stats.lifetime.seeded >= limit, "{stats:?}");
}
