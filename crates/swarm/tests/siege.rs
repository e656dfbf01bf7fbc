//! Many peers that break the rules in different ways, all at once, beside one honest peer that has the film.

#![allow(clippy::unwrap_used, reason = "what prepares a test fails with it")]

mod support;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::atomic::Ordering;

use freshet_swarm::{Happening, PeerSource, Torrent};
use support::hostile::{Hostile, hostile};
use support::process::peak_memory_bytes;
use support::villains::{Fate, VILLAINS};
use support::{address_of, film, read_all, seed, swarm, until};
use tokio::task::JoinSet;

const FILM_BYTES: usize = 3_000_001;
const MAX_MEMORY_BYTES: u64 = 200 << 20;

async fn banned(torrent: &Torrent) -> Vec<SocketAddr> {
    let events = torrent.timeline().await;
    let mut banned: Vec<SocketAddr> = events
        .iter()
        .filter_map(|event| match event.what {
            Happening::Banned(address) => Some(address),
            _ => None,
        })
        .collect();
    banned.sort();
    banned.dedup();
    banned
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn twenty_two_villains_at_once_do_not_keep_the_film_away() {
    let film = film(FILM_BYTES);
    let (there, here) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (seeder, leecher) = (swarm(there.path(), b's').await, swarm(here.path(), b'l').await);
    let _seeding = seed(&seeder, there.path(), &film).await;
    let mut villains: BTreeMap<&str, (Fate, Hostile)> = BTreeMap::new();
    for (name, fate, script) in VILLAINS {
        villains.insert(name, (fate, hostile(&film, script).await));
    }
    let of_fate = |wanted: Fate| {
        let mut all: Vec<SocketAddr> =
            villains.values().filter(|(fate, _)| *fate == wanted).map(|(_, who)| who.address).collect();
        all.sort();
        all
    };

    let torrent = leecher.add(film.spec.clone()).unwrap();
    let mut reading = JoinSet::new();
    let reader = torrent.clone();
    reading.spawn(async move { read_all(&reader).await });
    let all = villains.values().map(|(_, who)| who.address).collect();
    torrent.add_peers(all, PeerSource::Given).await;
    // Nobody else is there to be believed: it comes to light who lies.
    until("the liars are banned", || async { banned(&torrent).await == of_fate(Fate::Banned) }).await;
    until("all are called", || async {
        villains.values().all(|(_, who)| who.calls.load(Ordering::SeqCst) > 0)
    })
    .await;
    torrent.add_peers(vec![address_of(&seeder)], PeerSource::Given).await;
    assert!(reading.join_all().await[0] == film.content, "every byte is right");

    let is_gone = |who: &Hostile| who.open.load(Ordering::SeqCst) == 0;
    until("they are let go", || async {
        villains
            .values()
            .filter(|(fate, _)| matches!(fate, Fate::SentAway | Fate::Banned))
            .all(|(_, who)| is_gone(who))
    })
    .await;
    for (name, (fate, who)) in &villains {
        if matches!(fate, Fate::SentAway | Fate::Banned) {
            assert_eq!(who.calls.load(Ordering::SeqCst), 1, "{name} is not called again");
        }
    }
    let allowed = [of_fate(Fate::Borne), vec![address_of(&seeder)]].concat();
    let connected: Vec<SocketAddr> = torrent.peers().await.iter().map(|peer| peer.address).collect();
    assert!(connected.iter().all(|address| allowed.contains(address)), "{connected:?}");
    assert!(connected.contains(&address_of(&seeder)));
    assert_eq!(banned(&torrent).await, of_fate(Fate::Banned), "nobody else is banned");
    let stats = torrent.stats();
    let known = stats.borrow().known_peers as usize;
    assert!(known <= VILLAINS.len() + 1 + 500, "{known}");
    let peak_bytes = peak_memory_bytes();
    assert!(peak_bytes < MAX_MEMORY_BYTES, "{peak_bytes}");
}
