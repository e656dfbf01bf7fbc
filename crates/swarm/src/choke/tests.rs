use std::collections::BTreeSet;

use proptest::prelude::*;
use rand::SeedableRng;
use rand::rngs::StdRng;

use super::*;

fn secs(secs: u64) -> Duration {
    Duration::from_secs(secs)
}

/// An interested peer that sends and takes nothing.
fn peer(key: u64) -> PeerView {
    PeerView {
        key,
        is_interested: true,
        is_seed: false,
        owes_blocks_for: Duration::ZERO,
        from_peer_bytes_per_sec: 0,
        to_peer_bytes_per_sec: 0,
    }
}

fn sending(key: u64, from_peer_bytes_per_sec: u64) -> PeerView {
    PeerView { from_peer_bytes_per_sec, ..peer(key) }
}

/// A choker, and what its peers were told.
struct World {
    choker: Choker,
    rng: StdRng,
    unchoked: BTreeSet<u64>,
    is_seeding: bool,
}

impl World {
    fn new(config: Config, is_seeding: bool) -> Self {
        Self {
            choker: Choker::new(config),
            rng: StdRng::seed_from_u64(7),
            unchoked: BTreeSet::new(),
            is_seeding,
        }
    }

    /// One round with no upload to spare; who is unchoked after it.
    fn round(&mut self, at_secs: u64, peers: &[PeerView]) -> BTreeSet<u64> {
        let round = Round { now: secs(at_secs), is_seeding: self.is_seeding, has_spare_upload: false };
        self.unchoked.retain(|key| peers.iter().any(|peer| peer.key == *key));
        for (key, change) in self.choker.round(round, peers, &mut self.rng) {
            let is_new = match change {
                Change::Choke => self.unchoked.remove(&key),
                Change::Unchoke => self.unchoked.insert(key),
            };
            assert!(is_new, "{key} was told {change:?} twice");
        }
        self.unchoked.clone()
    }

    fn optimistic(&self) -> Vec<u64> {
        let turns = self.choker.unchoked.iter();
        turns.filter(|(_, turn)| turn.is_optimistic).map(|(key, _)| *key).collect()
    }
}

/// Only regular slots, so that nothing is left to chance.
const NO_LOT: Config =
    Config { slots: 4, optimistic_slots: 0, round: secs_10(), optimistic_round: secs_10() };

const fn secs_10() -> Duration {
    Duration::from_secs(10)
}

#[test]
fn who_sends_most_gets_the_slots_while_we_download() {
    let mut world = World::new(NO_LOT, false);
    let peers: Vec<_> = (0..10).map(|key| sending(key, key * 1000)).collect();
    assert_eq!(world.round(0, &peers), BTreeSet::from([6, 7, 8, 9]));

    let turned: Vec<_> = (0..10).map(|key| sending(key, (10 - key) * 1000)).collect();
    assert_eq!(world.round(10, &turned), BTreeSet::from([0, 1, 2, 3]));
}

#[test]
fn equals_do_not_drive_each_other_out() {
    let mut world = World::new(NO_LOT, false);
    let peers: Vec<_> = (0..10).map(peer).collect();
    let first = world.round(0, &peers);
    for round in 1..20 {
        assert_eq!(world.round(round * 10, &peers), first);
    }
}

#[test]
fn snubbing_peers_seeds_and_the_uninterested_get_no_regular_slot() {
    let mut world = World::new(NO_LOT, false);
    let peers = [
        PeerView { owes_blocks_for: SNUBBED_AFTER, ..sending(1, 9000) },
        PeerView { is_seed: true, ..sending(2, 9000) },
        PeerView { is_interested: false, ..sending(3, 9000) },
        peer(4),
    ];
    assert_eq!(world.round(0, &peers), BTreeSet::from([4]));
}

#[test]
fn a_peer_that_begins_to_snub_loses_its_slot_at_the_next_round() {
    let mut world = World::new(NO_LOT, false);
    assert_eq!(world.round(0, &[peer(1)]), BTreeSet::from([1]));
    let owing = |secs| [PeerView { owes_blocks_for: Duration::from_secs(secs), ..peer(1) }];
    assert_eq!(world.round(10, &owing(59)), BTreeSet::from([1]));
    assert_eq!(world.round(20, &owing(60)), BTreeSet::new());
}

#[test]
fn a_regular_slot_is_kept_for_a_round_though_a_better_peer_comes() {
    let mut world = World::new(Config { slots: 1, ..NO_LOT }, false);
    world.round(0, &[peer(1)]);
    world.round(7, &[peer(2)]);
    let peers = [peer(2), sending(3, 9000)];

    assert_eq!(world.round(10, &peers), BTreeSet::from([2]));
    assert_eq!(world.round(16, &peers), BTreeSet::from([2]));
    assert_eq!(world.round(20, &peers), BTreeSet::from([3]));
}

#[test]
fn a_slot_that_becomes_free_is_filled_between_rounds() {
    let mut world = World::new(Config { slots: 2, ..NO_LOT }, false);
    let peers = [sending(1, 30), sending(2, 20), sending(3, 10), sending(4, 5)];
    assert_eq!(world.round(0, &peers), BTreeSet::from([1, 2]));

    assert_eq!(world.round(1, &peers[1..]), BTreeSet::from([2, 3]));
}

#[test]
fn with_no_slots_nobody_is_unchoked_and_whoever_was_is_choked_at_once() {
    let mut world = World::new(Config::default(), false);
    let peers: Vec<_> = (0..10).map(peer).collect();
    assert_eq!(world.round(0, &peers).len(), 5);

    world.choker.set_config(Config { slots: 0, ..Config::default() });
    assert_eq!(world.round(1, &peers), BTreeSet::new());
    assert_eq!(world.round(10, &peers), BTreeSet::new());
}

#[test]
fn the_optimistic_slot_stays_for_its_time_and_then_moves_on() {
    let mut world = World::new(Config { slots: 1, ..Config::default() }, false);
    let peers: Vec<_> = (0..6).map(|key| sending(key, if key == 0 { 9000 } else { 0 })).collect();
    world.round(0, &peers);
    let first = world.optimistic();
    for at_secs in [5, 10, 20, 29] {
        world.round(at_secs, &peers);
        assert_eq!(world.optimistic(), first, "{at_secs}");
    }
    world.round(30, &peers);

    assert_eq!(world.optimistic().len(), 1);
    assert_ne!(world.optimistic(), first);
}

#[test]
fn everybody_gets_the_optimistic_slot_in_time_snubbing_peers_too() {
    let mut world = World::new(Config { slots: 1, ..Config::default() }, false);
    let snubbing = (1..6).map(|key| PeerView { owes_blocks_for: SNUBBED_AFTER, ..peer(key) });
    let peers: Vec<_> = std::iter::once(sending(0, 9000)).chain(snubbing).collect();
    let had_it: BTreeSet<u64> = (0..60)
        .flat_map(|round| {
            world.round(round * 30, &peers);
            world.optimistic()
        })
        .collect();
    assert_eq!(had_it, BTreeSet::from([1, 2, 3, 4, 5]));
}

#[test]
fn the_optimistic_slot_stays_if_nobody_else_wants_it() {
    let mut world = World::new(Config { slots: 1, ..Config::default() }, false);
    let peers = [sending(1, 9000), peer(2)];
    for round in 0..20 {
        assert_eq!(world.round(round * 10, &peers), BTreeSet::from([1, 2]));
    }
}

#[test]
fn an_optimistic_peer_that_pays_gets_a_regular_slot_without_a_choke_between() {
    let mut world = World::new(Config { slots: 1, ..Config::default() }, false);
    world.round(0, &[sending(1, 9000), peer(2)]);
    assert_eq!(world.optimistic(), [2]);

    let peers = [sending(1, 9000), sending(2, 20_000), peer(3)];
    assert!(world.round(10, &peers).contains(&2));
    assert!(!world.optimistic().contains(&2));
}

#[test]
fn newcomers_get_the_optimistic_slot_three_times_as_often() {
    let config = Config { slots: 1, ..Config::default() };
    let peers: Vec<_> = (0..3).map(|key| sending(key, 9000 * u64::from(key == 0))).collect();
    let mut newcomer_won = 0;
    for seed in 0..4000 {
        let mut choker = Choker::new(config);
        choker.unchoked.insert(0, Turn { since: secs(0), is_optimistic: false });
        choker.choked_since.insert(1, secs(0));
        let round = Round { now: secs(60), is_seeding: false, has_spare_upload: false };
        choker.round(round, &peers, &mut StdRng::seed_from_u64(seed));
        newcomer_won += u32::from(choker.is_unchoked(2));
    }
    assert!((2850..3150).contains(&newcomer_won), "{newcomer_won} of 4000");
}

#[test]
fn peers_take_turns_while_we_seed() {
    let mut world = World::new(Config { slots: 2, ..NO_LOT }, true);
    let peers: Vec<_> =
        (0..6).map(|key| PeerView { to_peer_bytes_per_sec: key * 1000, ..peer(key) }).collect();
    let mut served_rounds = [0; 6];
    for round in 0..180 {
        for key in world.round(round * 10, &peers) {
            served_rounds[key as usize] += 1;
        }
    }
    assert_eq!(served_rounds, [60; 6]);
}

#[test]
fn a_turn_lasts_a_minute_while_others_wait() {
    let mut world = World::new(Config { slots: 2, ..NO_LOT }, true);
    let peers: Vec<_> = (0..4).map(peer).collect();
    let first = world.round(0, &peers);
    let at_50_secs = (1..=5).map(|round| world.round(round * 10, &peers)).last().unwrap();
    let at_60_secs = world.round(60, &peers);

    assert_eq!(at_50_secs, first);
    assert!(at_60_secs.is_disjoint(&first), "{at_60_secs:?}");
}

#[test]
fn of_those_that_had_their_turn_the_fastest_stays() {
    let mut world = World::new(Config { slots: 3, ..NO_LOT }, true);
    let mut peers: Vec<_> =
        (0..3).map(|key| PeerView { to_peer_bytes_per_sec: key * 1000, ..peer(key) }).collect();
    world.round(0, &peers);
    peers.push(peer(9));

    assert_eq!(world.round(60, &peers), BTreeSet::from([1, 2, 9]));
    assert_eq!(world.round(70, &peers), BTreeSet::from([1, 2, 9]));
}

#[test]
fn slots_are_added_only_while_upload_is_to_spare() {
    for (has_spare_upload, unchoked) in [(true, 20), (false, 4)] {
        let mut choker = Choker::new(NO_LOT);
        let mut rng = StdRng::seed_from_u64(1);
        for round in 0..100 {
            let to_peer = |key| if choker.is_unchoked(key) { 50_000 } else { 0 };
            let peers: Vec<_> =
                (0..50).map(|key| PeerView { to_peer_bytes_per_sec: to_peer(key), ..peer(key) }).collect();
            choker.round(
                Round { now: secs(round * 10), is_seeding: true, has_spare_upload },
                &peers,
                &mut rng,
            );
        }
        assert_eq!(choker.unchoked.len(), unchoked);
    }
}

fn any_peers() -> impl Strategy<Value = Vec<PeerView>> {
    let flags = (prop::bool::weighted(0.8), prop::bool::weighted(0.1), prop::bool::weighted(0.2));
    let any_peer = (0_u64..15, flags, 0_u64..5, 0_u64..5);
    prop::collection::vec(any_peer, 0..15).prop_map(|peers| {
        let by_key: HashMap<u64, PeerView> = peers
            .into_iter()
            .map(|(key, (is_interested, is_seed, is_snubbed), from, to)| {
                let view = PeerView {
                    key,
                    is_interested,
                    is_seed,
                    owes_blocks_for: if is_snubbed { SNUBBED_AFTER } else { Duration::ZERO },
                    from_peer_bytes_per_sec: from * 1000,
                    to_peer_bytes_per_sec: to * 1000,
                };
                (key, view)
            })
            .collect();
        by_key.into_values().collect()
    })
}

proptest! {
    #[test]
    fn slots_are_bounded_kept_for_a_round_and_given_only_to_those_that_want_them(
        steps in prop::collection::vec((0_u64..25, any::<bool>(), any::<bool>(), any_peers()), 1..40),
        seed in any::<u64>(),
    ) {
        let mut choker = Choker::new(Config::default());
        let mut rng = StdRng::seed_from_u64(seed);
        let mut now = Duration::ZERO;
        let mut regular_since: HashMap<u64, Duration> = HashMap::new();
        for (pause_secs, is_seeding, has_spare_upload, peers) in steps {
            now += secs(pause_secs);
            let before: HashSet<u64> = choker.unchoked.keys().copied().collect();
            let changes = choker.round(Round { now, is_seeding, has_spare_upload }, &peers, &mut rng);

            for (key, change) in &changes {
                let view = peers.iter().find(|peer| peer.key == *key).unwrap();
                prop_assert_eq!(before.contains(key), *change == Change::Choke);
                prop_assert_eq!(choker.is_unchoked(*key), *change == Change::Unchoke);
                prop_assert!(*change == Change::Choke || view.is_wanting());
            }
            let regular: HashSet<u64> =
                choker.unchoked.iter().filter(|(_, turn)| !turn.is_optimistic).map(|(key, _)| *key).collect();
            for peer in &peers {
                if let Some(since) = regular_since.get(&peer.key) {
                    prop_assert!(regular.contains(&peer.key) || now - *since >= secs(10), "{} flaps", peer.key);
                }
            }
            regular_since = regular.iter().map(|key| (*key, *regular_since.get(key).unwrap_or(&now))).collect();
            prop_assert!(choker.unchoked.len() - regular.len() <= 1);
            prop_assert!(regular.len() <= 20);
            let wanting = peers.iter().filter(|peer| peer.may_be_regular()).count();
            prop_assert!(regular.len() >= wanting.min(4), "a free slot is not used");
        }
    }
}
