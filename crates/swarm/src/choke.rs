//! Whom we upload to (BEP 3): a few at a time, so that each gets enough to be worth trading with.
//!
//! While we download, those that send us most get the regular slots, which is what makes them send. While we seed, peers
//! take turns. One more slot, the optimistic one, goes to anybody: that is how a newcomer can show what it has.

use std::cmp::Reverse;
use std::collections::{HashMap, HashSet};
use std::time::Duration;

use rand::Rng;
use rand::seq::{IndexedRandom, SliceRandom};

use slots::Slots;

mod slots;

/// A peer that owes us blocks and sent nothing for this long is snubbing us.
const SNUBBED_AFTER: Duration = Duration::from_secs(60);

/// How long a peer is served while we seed, when others wait.
const SEED_TURN: Duration = Duration::from_secs(60);

/// How much likelier than others a peer that was never unchoked gets the optimistic slot (BEP 3).
const NEWCOMER_WEIGHT: u32 = 3;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Config {
    /// Regular slots to begin with; there will be more if that raises what we upload. With none, nobody is unchoked.
    pub(crate) slots: usize,
    pub(crate) optimistic_slots: usize,
    /// How often peers are compared, and the least time that a regular slot is kept.
    pub(crate) round: Duration,
    /// How long the optimistic slot is kept.
    pub(crate) optimistic_round: Duration,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            slots: 4,
            optimistic_slots: 1,
            round: Duration::from_secs(10),
            optimistic_round: Duration::from_secs(30),
        }
    }
}

/// What is known of a connected peer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct PeerView {
    /// Stays the same while it is connected, and is not given again.
    pub(crate) key: u64,
    /// In what we have.
    pub(crate) is_interested: bool,
    /// Has everything, so it needs nothing.
    pub(crate) is_seed: bool,
    /// How long it has owed us blocks and sent nothing; zero if it owes none. After a minute it is snubbing us, and can
    /// only get the optimistic slot.
    pub(crate) owes_blocks_for: Duration,
    /// Over the last seconds.
    pub(crate) from_peer_bytes_per_sec: u64,
    /// Over the last seconds.
    pub(crate) to_peer_bytes_per_sec: u64,
}

impl PeerView {
    fn is_wanting(&self) -> bool {
        self.is_interested && !self.is_seed
    }

    fn may_be_regular(&self) -> bool {
        self.is_wanting() && self.owes_blocks_for < SNUBBED_AFTER
    }
}

/// How things stand at a round.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Round {
    /// Since some start, the same one each time.
    pub(crate) now: Duration,
    /// Whether we want nothing more from anybody.
    pub(crate) is_seeding: bool,
    /// Whether the upload limit, if there is one, leaves something over. If not, more slots would only cut it thinner.
    pub(crate) has_spare_upload: bool,
}

/// What to tell a peer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Change {
    Choke,
    Unchoke,
}

/// Remembers who is unchoked and decides who comes next, for one torrent.
#[derive(Debug, Clone)]
pub(crate) struct Choker {
    config: Config,
    slots: Slots,
    unchoked: HashMap<u64, Turn>,
    /// When those that are choked again were choked. Who is in neither was never unchoked.
    choked_since: HashMap<u64, Duration>,
    compared: Option<Duration>,
}

#[derive(Debug, Clone, Copy)]
struct Turn {
    since: Duration,
    is_optimistic: bool,
}

impl Choker {
    pub(crate) fn new(config: Config) -> Self {
        Self {
            config,
            slots: Slots::new(config.slots),
            unchoked: HashMap::new(),
            choked_since: HashMap::new(),
            compared: None,
        }
    }

    /// Holds from the next round on.
    #[cfg(test)]
    pub(crate) fn set_config(&mut self, config: Config) {
        if config.slots != self.config.slots {
            self.slots = Slots::new(config.slots);
        }
        self.config = config;
    }

    pub(crate) fn is_unchoked(&self, key: u64) -> bool {
        self.unchoked.contains_key(&key)
    }

    /// What to tell whom, chokes first. `peers` are all that are connected; who is missing is forgotten.
    ///
    /// Call it every [`Config::round`]. It may be called more often, as when a peer leaves or becomes interested: then it
    /// only fills free slots.
    pub(crate) fn round(
        &mut self,
        round: Round,
        peers: &[PeerView],
        rng: &mut impl Rng,
    ) -> Vec<(u64, Change)> {
        let connected: HashSet<u64> = peers.iter().map(|peer| peer.key).collect();
        self.unchoked.retain(|key, _| connected.contains(key));
        self.choked_since.retain(|key, _| connected.contains(key));

        let mut peers = peers.to_vec();
        peers.shuffle(rng); // The sort below is stable, so equals come in a random order.

        let is_due =
            self.compared.is_none_or(|compared| round.now.saturating_sub(compared) >= self.config.round);
        if is_due {
            self.compared = Some(round.now);
            let upload_bytes_per_sec = peers.iter().map(|peer| peer.to_peer_bytes_per_sec).sum();
            let has_waiting = peers.iter().any(|peer| peer.may_be_regular() && !self.is_unchoked(peer.key));
            self.slots.adapt(upload_bytes_per_sec, has_waiting, round.has_spare_upload);
        }
        let regular = self.choose_regular(round, &peers, is_due);
        let optimistic = self.choose_optimistic(round.now, &peers, &regular, rng);
        self.settle(round.now, &peers, &regular, &optimistic)
    }

    /// Who gets the regular slots. Those that are kept come before those that are new.
    fn choose_regular(&self, round: Round, peers: &[PeerView], is_due: bool) -> Vec<u64> {
        if self.config.slots == 0 {
            return Vec::new();
        }
        let is_kept = |key: &u64| {
            let turn = self.unchoked.get(key).filter(|turn| !turn.is_optimistic);
            turn.is_some_and(|turn| !is_due || round.now.saturating_sub(turn.since) < self.config.round)
        };
        let mut chosen: Vec<u64> = peers.iter().map(|peer| peer.key).filter(is_kept).collect();

        let mut ranked: Vec<&PeerView> =
            peers.iter().filter(|peer| peer.may_be_regular() && !is_kept(&peer.key)).collect();
        if round.is_seeding {
            ranked.sort_by_key(|peer| self.seeding_rank(round.now, peer));
        } else {
            ranked.sort_by_key(|peer| (Reverse(peer.from_peer_bytes_per_sec), !self.is_unchoked(peer.key)));
        }
        let free = self.slots.count().saturating_sub(chosen.len());
        chosen.extend(ranked.iter().take(free).map(|peer| peer.key));
        chosen
    }

    fn seeding_rank(&self, now: Duration, peer: &PeerView) -> SeedingRank {
        let rate = Reverse(peer.to_peer_bytes_per_sec);
        match self.unchoked.get(&peer.key) {
            Some(turn) if now.saturating_sub(turn.since) < SEED_TURN => SeedingRank::InTurn(rate),
            Some(_) => SeedingRank::HadTurn(rate),
            None => SeedingRank::Waiting(self.choked_since.get(&peer.key).copied()),
        }
    }

    /// Who gets the optimistic slots: those that have one for the rest of their time, then by lot.
    fn choose_optimistic(
        &self,
        now: Duration,
        peers: &[PeerView],
        regular: &[u64],
        rng: &mut impl Rng,
    ) -> Vec<u64> {
        if self.config.slots == 0 {
            return Vec::new();
        }
        let candidates = || peers.iter().filter(|peer| peer.is_wanting() && !regular.contains(&peer.key));
        let has_time_left = |peer: &&PeerView| {
            let turn = self.unchoked.get(&peer.key).filter(|turn| turn.is_optimistic);
            turn.is_some_and(|turn| now.saturating_sub(turn.since) < self.config.optimistic_round)
        };
        let mut chosen: Vec<u64> = candidates().filter(has_time_left).map(|peer| peer.key).collect();
        chosen.truncate(self.config.optimistic_slots);

        let choked: Vec<u64> =
            candidates().map(|peer| peer.key).filter(|key| !self.is_unchoked(*key)).collect();
        let free = self.config.optimistic_slots - chosen.len();
        let weight = |key: &u64| if self.choked_since.contains_key(key) { 1 } else { NEWCOMER_WEIGHT };
        if let Ok(drawn) = choked.sample_weighted(rng, free, weight) {
            chosen.extend(drawn);
        }
        // If nobody else wants the slot, there is no reason to take it away.
        let free = self.config.optimistic_slots - chosen.len();
        let had_it = |key: &u64| self.unchoked.get(key).is_some_and(|turn| turn.is_optimistic);
        let stay: Vec<u64> = candidates()
            .map(|peer| peer.key)
            .filter(|key| had_it(key) && !chosen.contains(key))
            .take(free)
            .collect();
        chosen.extend(stay);
        chosen
    }

    /// Makes the choice hold, and tells what changes.
    fn settle(
        &mut self,
        now: Duration,
        peers: &[PeerView],
        regular: &[u64],
        optimistic: &[u64],
    ) -> Vec<(u64, Change)> {
        let mut chokes = Vec::new();
        let mut unchokes = Vec::new();
        for peer in peers {
            let key = peer.key;
            let is_optimistic = optimistic.contains(&key);
            if !is_optimistic && !regular.contains(&key) {
                if self.unchoked.remove(&key).is_some() {
                    self.choked_since.insert(key, now);
                    chokes.push((key, Change::Choke));
                }
                continue;
            }
            let turn_time = if is_optimistic { self.config.optimistic_round } else { SEED_TURN };
            match self.unchoked.get_mut(&key) {
                // The next turn of whoever keeps its slot starts when this one is over.
                Some(turn)
                    if turn.is_optimistic == is_optimistic && now.saturating_sub(turn.since) < turn_time => {}
                Some(turn) => *turn = Turn { since: now, is_optimistic },
                None => {
                    self.choked_since.remove(&key);
                    self.unchoked.insert(key, Turn { since: now, is_optimistic });
                    unchokes.push((key, Change::Unchoke));
                }
            }
        }
        chokes.append(&mut unchokes);
        chokes
    }
}

/// Who is served first while we seed; smaller comes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum SeedingRank {
    /// Whoever takes most first.
    InTurn(Reverse<u64>),
    /// Whoever has waited longest first, and newcomers before all.
    Waiting(Option<Duration>),
    HadTurn(Reverse<u64>),
}

#[cfg(test)]
mod tests;
