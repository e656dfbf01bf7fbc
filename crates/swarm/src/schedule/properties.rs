//! What holds whatever happens in whatever order.

use std::collections::BTreeSet;
use std::time::Duration;

use proptest::prelude::*;

use super::ledger::Ledger;
use super::{Action, Class, Config, Demand, PeerId, PieceState, ReaderId, Received, Scheduler};
use crate::bitfield::Bitfield;
use crate::layout::{BLOCK_BYTES, Block, Layout, PieceIndex};

const PIECES: u32 = 12;
const PIECE_BYTES: u32 = 5 * BLOCK_BYTES;
/// The last piece has two blocks, the last of them a short one.
const TOTAL_BYTES: u64 = (PIECES as u64 - 1) * PIECE_BYTES as u64 + BLOCK_BYTES as u64 + 100;

/// Numbers choose among what there is at that moment.
#[derive(Debug, Clone)]
enum Step {
    Join { round_trip_ms: u64, has_all: bool, is_open: bool },
    Leave(usize),
    Lie(usize),
    Has(usize, u32),
    Lose(usize, u32),
    Choke(usize, bool),
    Unchoke(usize),
    Allow(usize, u32),
    Take(usize, usize),
    Send(usize, usize),
    SendAnything(usize, Block),
    Reject(usize, usize),
    Hash(bool),
    GiveUp(u32),
    Read { reader: u64, class: Class, piece: u32, pieces: u64, bytes_per_sec: f64 },
    StopReading(u64),
    Rest(bool),
    Wait(u64),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let peer = 0_usize..8;
    let piece = 0_u32..PIECES + 1;
    let block = (0_u32..PIECES + 1, 0_u32..6);
    let class = prop::sample::select(vec![Class::Player, Class::Cast, Class::Preview]);
    let read = (0_u64..3, class, piece.clone(), 0_u64..8, 1e3..1e7).prop_map(
        |(reader, class, piece, pieces, bytes_per_sec)| Step::Read {
            reader,
            class,
            piece,
            pieces,
            bytes_per_sec,
        },
    );
    let step = prop_oneof![
        3 => (0_u64..300, prop::bool::weighted(0.7), prop::bool::weighted(0.8)).prop_map(
            |(round_trip_ms, has_all, is_open)| Step::Join { round_trip_ms, has_all, is_open }),
        1 => peer.clone().prop_map(Step::Leave),
        1 => peer.clone().prop_map(Step::Lie),
        2 => (peer.clone(), piece.clone()).prop_map(|(peer, piece)| Step::Has(peer, piece)),
        1 => (peer.clone(), piece.clone()).prop_map(|(peer, piece)| Step::Lose(peer, piece)),
        1 => (peer.clone(), any::<bool>()).prop_map(|(peer, rejects)| Step::Choke(peer, rejects)),
        2 => peer.clone().prop_map(Step::Unchoke),
        1 => (peer.clone(), piece.clone()).prop_map(|(peer, piece)| Step::Allow(peer, piece)),
        1 => (peer.clone(), 0_usize..6).prop_map(|(peer, requests)| Step::Take(peer, requests)),
        20 => (peer.clone(), 0_usize..9).prop_map(|(peer, which)| Step::Send(peer, which)),
        2 => (peer.clone(), block).prop_map(|(peer, (piece, index))|
            Step::SendAnything(peer, Block { piece: PieceIndex(piece), index })),
        2 => (peer, 0_usize..9).prop_map(|(peer, which)| Step::Reject(peer, which)),
        4 => prop::bool::weighted(0.7).prop_map(Step::Hash),
        1 => piece.prop_map(Step::GiveUp),
        4 => read,
        1 => (0_u64..3).prop_map(Step::StopReading),
        1 => any::<bool>().prop_map(Step::Rest),
        8 => (0_u64..1500).prop_map(Step::Wait),
    ];
    prop::collection::vec(step, 1..250)
}

struct Run {
    layout: Layout,
    scheduler: Scheduler,
    ledger: Ledger,
    peers: Vec<PeerId>,
    joined: u64,
    now: Duration,
    log: Vec<Action>,
}

impl Run {
    fn new() -> Self {
        let layout = Layout::new(PIECE_BYTES, TOTAL_BYTES).unwrap();
        let config = Config { max_rest_pieces: 3, max_idle_partial_bytes: 200_000, ..Config::default() };
        Self {
            layout,
            scheduler: Scheduler::new(layout, config, 7),
            ledger: Ledger::new(layout),
            peers: Vec::new(),
            joined: 0,
            now: Duration::ZERO,
            log: Vec::new(),
        }
    }

    fn peer(&self, choice: usize) -> Option<PeerId> {
        self.peers.get(choice % self.peers.len().max(1)).copied()
    }

    fn asked(&self, peer: usize, which: usize) -> Option<(PeerId, Block)> {
        let id = self.peer(peer)?;
        let asked: Vec<Block> = self.ledger.asked(id).collect();
        Some((id, *asked.get(which % asked.len().max(1))?))
    }

    fn take(&mut self, step: &Step) {
        let mut actions = Vec::new();
        self.happen(step, &mut actions);
        self.scheduler.run(self.now, &mut actions);
        for action in &actions {
            self.ledger.check(*action, &self.scheduler);
        }
        self.log.extend(actions);
        self.check();
    }

    fn happen(&mut self, step: &Step, actions: &mut Vec<Action>) {
        let scheduler = &mut self.scheduler;
        match *step {
            Step::Join { round_trip_ms, has_all, is_open } => {
                let id = PeerId(self.joined);
                self.joined += 1;
                self.peers.push(id);
                scheduler.peer_joined(id, Duration::from_millis(round_trip_ms));
                self.ledger.joined(id, usize::MAX);
                if has_all {
                    scheduler.peer_has_all_of(id, Bitfield::full(PIECES));
                    self.ledger.has_all_of(id, Bitfield::full(PIECES));
                }
                if is_open {
                    scheduler.peer_unchoked(id);
                    self.ledger.unchoked(id);
                }
            }
            Step::Leave(peer) | Step::Lie(peer) => {
                let Some(id) = self.peer(peer) else { return };
                self.peers.retain(|other| *other != id);
                match step {
                    Step::Leave(_) => self.scheduler.peer_left(id),
                    _ => self.scheduler.peer_lied(id),
                }
                self.ledger.left(id);
            }
            Step::Has(peer, piece) => {
                let Some(id) = self.peer(peer) else { return };
                self.scheduler.peer_has(id, PieceIndex(piece));
                self.ledger.has(id, PieceIndex(piece));
            }
            Step::Lose(peer, piece) => {
                let Some(id) = self.peer(peer) else { return };
                self.scheduler.peer_lost(id, PieceIndex(piece));
                self.ledger.lost(id, PieceIndex(piece));
            }
            Step::Choke(peer, will_reject) => {
                let Some(id) = self.peer(peer) else { return };
                self.scheduler.peer_choked(id, will_reject);
                self.ledger.choked(id, will_reject);
            }
            Step::Unchoke(peer) => {
                let Some(id) = self.peer(peer) else { return };
                self.scheduler.peer_unchoked(id);
                self.ledger.unchoked(id);
            }
            Step::Allow(peer, piece) => {
                let Some(id) = self.peer(peer) else { return };
                self.scheduler.peer_allows(id, PieceIndex(piece));
                self.ledger.allowed(id, PieceIndex(piece));
            }
            Step::Take(peer, requests) => {
                let Some(id) = self.peer(peer) else { return };
                self.scheduler.peer_takes(id, requests);
                self.ledger.takes(id, requests.max(1));
            }
            Step::Send(peer, which) => {
                let Some((id, block)) = self.asked(peer, which) else { return };
                let was = self.scheduler.state(block.piece);
                self.ledger.received(id, block);
                let received = self.scheduler.received(id, block, self.now, actions);
                assert_eq!(was, PieceState::Partial, "{block:?} was asked for");
                assert!(matches!(received, Received::Stored(_)), "{block:?}: {received:?}");
            }
            Step::SendAnything(peer, block) => {
                let Some(id) = self.peer(peer) else { return };
                self.ledger.received(id, block);
                self.scheduler.received(id, block, self.now, actions);
            }
            Step::Reject(peer, which) => {
                let Some((id, block)) = self.asked(peer, which) else { return };
                self.ledger.rejected(id, block);
                assert!(self.scheduler.rejected(id, block, self.now));
            }
            Step::Hash(is_right) => {
                let all = (0..PIECES).map(PieceIndex);
                let checking = all.filter(|piece| scheduler.state(*piece) == PieceState::Checking);
                let Some(piece) = checking.min_by_key(|piece| piece.0) else { return };
                if is_right {
                    actions.extend(scheduler.piece_is_here(piece));
                    return;
                }
                let (liar, senders) = scheduler.piece_failed(piece);
                assert_eq!(senders.len() as u32, self.layout.blocks_of(piece));
                let alone: BTreeSet<PeerId> = senders.into_iter().map(Option::unwrap).collect();
                assert_eq!(liar.is_some(), alone.len() == 1, "{alone:?}");
            }
            Step::GiveUp(piece) => scheduler.piece_is_gone(PieceIndex(piece)),
            Step::Read { reader, class, piece, pieces, bytes_per_sec } => {
                let demand = Demand {
                    class,
                    start_byte: u64::from(piece) * u64::from(PIECE_BYTES),
                    window_bytes: pieces * u64::from(PIECE_BYTES),
                    bytes_per_sec,
                };
                scheduler.set_demand(ReaderId(reader), demand, self.now);
            }
            Step::StopReading(reader) => scheduler.remove_demand(ReaderId(reader)),
            Step::Rest(is_on) => scheduler.set_rest(is_on.then(|| Bitfield::full(PIECES))),
            Step::Wait(millis) => self.now += Duration::from_millis(millis),
        }
    }

    /// The books inside agree with each other, and with those outside.
    fn check(&self) {
        let scheduler = &self.scheduler;
        let mut by_partials = BTreeSet::new();
        for (piece, partial) in &scheduler.partials {
            let blocks = self.layout.blocks_of(*piece);
            let senders = partial.sender_of_each();
            let requests: Vec<(u32, PeerId)> = partial.requests().collect();
            let in_flight: BTreeSet<u32> = requests.iter().map(|(index, _)| *index).collect();
            assert_eq!(partial.here() as usize, senders.iter().flatten().count());
            assert_eq!(partial.in_flight() as usize, in_flight.len());
            assert_eq!(partial.here() + partial.in_flight() + partial.missing(), blocks);
            let state = if partial.is_complete() { PieceState::Checking } else { PieceState::Partial };
            assert_eq!(scheduler.state(*piece), state, "{piece:?}");
            for member in partial.members() {
                let asked = requests.iter().filter(|(_, owner)| *owner == member.peer).count();
                let sent = senders.iter().filter(|sender| **sender == Some(member.peer)).count();
                assert_eq!((member.asked as usize, member.sent as usize), (asked, sent), "{member:?}");
                assert!(asked + sent > 0, "{member:?} has nothing to do with {piece:?}");
            }
            for (index, owner) in requests {
                by_partials.insert((owner, Block { piece: *piece, index }));
            }
        }
        for piece in (0..PIECES).map(PieceIndex) {
            let is_partial = matches!(scheduler.state(piece), PieceState::Partial | PieceState::Checking);
            assert_eq!(is_partial, scheduler.partials.contains_key(&piece), "{piece:?}");
            let has = self.peers.iter().filter(|id| scheduler.peers.get(**id).unwrap().has.get(piece));
            assert_eq!(scheduler.availability(piece) as usize, has.count(), "{piece:?}");
        }
        let mut by_peers = BTreeSet::new();
        for id in &self.peers {
            let asked: BTreeSet<Block> = scheduler.requests_of(*id).collect();
            assert_eq!(asked, self.ledger.asked(*id).collect());
            by_peers.extend(asked.into_iter().map(|block| (*id, block)));
        }
        assert_eq!(by_peers, by_partials);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn only_what_may_be_asked_is_asked_and_the_books_agree(steps in steps()) {
        let mut run = Run::new();
        for step in &steps {
            run.take(step);
        }
        for reader in 0..3 {
            run.scheduler.remove_demand(ReaderId(reader));
        }
        run.scheduler.set_rest(None);
        run.take(&Step::Wait(0));
        run.take(&Step::Wait(super::take_back::LINGER.as_millis() as u64));
        prop_assert!(run.ledger.is_empty(), "something is under way for nobody");
        prop_assert_eq!(run.scheduler.next_run_in(), None);
    }

    #[test]
    fn the_same_calls_give_the_same_answers(steps in steps()) {
        let log = |steps: &[Step]| {
            let mut run = Run::new();
            steps.iter().for_each(|step| run.take(step));
            run.log
        };
        prop_assert_eq!(log(&steps), log(&steps));
    }
}
