//! The rules, one by one.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::take_back::LINGER;
use super::{Action, Class, Config, Demand, PeerId, PieceState, ReaderId, Received, Scheduler, hedge};
use crate::bitfield::Bitfield;
use crate::layout::{BLOCK_BYTES, Block, Layout, PieceIndex};

pub(super) const PIECES: u32 = 64;
const BLOCKS: u32 = 8;
const PIECE_BYTES: u64 = BLOCKS as u64 * BLOCK_BYTES as u64;
pub(super) const ROUND_TRIP: Duration = Duration::from_millis(50);

pub(super) fn scheduler(peers: u64) -> Scheduler {
    scheduler_with(peers, Config::default())
}

/// So many seeds, which have unchoked us.
pub(super) fn scheduler_with(peers: u64, config: Config) -> Scheduler {
    let layout = Layout::new(PIECE_BYTES as u32, u64::from(PIECES) * PIECE_BYTES).unwrap();
    let mut scheduler = Scheduler::new(layout, config, 1);
    for id in (0..peers).map(PeerId) {
        scheduler.peer_joined(id, ROUND_TRIP);
        scheduler.peer_has_all_of(id, Bitfield::full(PIECES));
        scheduler.peer_unchoked(id);
    }
    scheduler
}

pub(super) fn read(class: Class, piece: u64, pieces: u64) -> Demand {
    Demand { class, start_byte: piece * PIECE_BYTES, window_bytes: pieces * PIECE_BYTES, bytes_per_sec: 1e6 }
}

pub(super) fn run(scheduler: &mut Scheduler, now: Duration) -> Vec<Action> {
    let mut actions = Vec::new();
    scheduler.run(now, &mut actions);
    actions
}

pub(super) fn requests(actions: &[Action]) -> Vec<(PeerId, Block)> {
    let request = |action: &Action| match action {
        Action::Request { peer, block } => Some((*peer, *block)),
        Action::Cancel { .. } | Action::Forget(_) => None,
    };
    actions.iter().filter_map(request).collect()
}

pub(super) fn cancels(actions: &[Action]) -> Vec<(PeerId, Block)> {
    let cancel = |action: &Action| match action {
        Action::Cancel { peer, block } => Some((*peer, *block)),
        Action::Request { .. } | Action::Forget(_) => None,
    };
    actions.iter().filter_map(cancel).collect()
}

/// The pieces that are asked for, in the order in which they are first.
fn pieces(actions: &[Action]) -> Vec<u32> {
    let mut pieces = Vec::new();
    for (_, block) in requests(actions) {
        if !pieces.contains(&block.piece.0) {
            pieces.push(block.piece.0);
        }
    }
    pieces
}

/// Everything that is asked for comes, one block of each peer every so often; until nothing more is asked for.
pub(super) fn serve(
    scheduler: &mut Scheduler,
    now: &mut Duration,
    secs_per_block: &BTreeMap<u64, f64>,
    lies: &[u64],
) -> Vec<PeerId> {
    let mut liars = Vec::new();
    let mut wrong: BTreeSet<Block> = BTreeSet::new();
    let mut free: BTreeMap<u64, Duration> = BTreeMap::new();
    let start = *now;
    run(scheduler, start);
    for _ in 0..100_000 {
        let next = secs_per_block.iter().filter_map(|(peer, secs)| {
            let block = scheduler.requests_of(PeerId(*peer)).next()?;
            let begins = free.get(peer).copied().unwrap_or(start);
            Some((begins + Duration::from_secs_f64(*secs), *peer, block))
        });
        let Some((at, peer, block)) = next.min() else { break };
        *now = at.max(*now);
        free.insert(peer, *now);
        let received = scheduler.received(PeerId(peer), block, *now, &mut Vec::new());
        if matches!(received, Received::Stored(_)) {
            wrong.remove(&block);
            wrong.extend(lies.contains(&peer).then_some(block));
        }
        if received == Received::Stored(true) {
            if wrong.iter().any(|other| other.piece == block.piece) {
                wrong.retain(|other| other.piece != block.piece);
                if let (Some(liar), _) = scheduler.piece_failed(block.piece) {
                    scheduler.peer_lied(liar);
                    liars.push(liar);
                }
            } else {
                scheduler.piece_is_here(block.piece);
            }
        }
        run(scheduler, *now);
    }
    liars
}

pub(super) fn alike(peers: u64, secs: f64) -> BTreeMap<u64, f64> {
    (0..peers).map(|peer| (peer, secs)).collect()
}

#[test]
fn a_seek_cancels_at_once_what_only_the_old_place_needed_and_keeps_what_both_do() {
    let mut scheduler = scheduler(2);
    scheduler.set_demand(ReaderId(1), read(Class::Player, 0, 2), Duration::ZERO);
    let asked = requests(&run(&mut scheduler, Duration::ZERO));
    assert_eq!(asked.iter().filter(|(_, block)| block.piece.0 == 0).count(), 8);
    assert_eq!(asked.iter().filter(|(_, block)| block.piece.0 == 1).count(), 8);

    scheduler.set_demand(ReaderId(1), read(Class::Player, 1, 2), Duration::from_millis(1));
    let actions = run(&mut scheduler, Duration::from_millis(1));

    let mut old: Vec<_> = asked.into_iter().filter(|(_, block)| block.piece.0 == 0).collect();
    old.sort_unstable();
    let mut cancelled = cancels(&actions);
    cancelled.sort_unstable();
    assert_eq!(cancelled, old);
    assert_eq!(pieces(&actions), [2]);
    assert_eq!(scheduler.state(PieceIndex(0)), PieceState::Missing);
}

#[test]
fn what_a_cancelled_place_had_is_kept_for_a_while_and_the_oldest_is_forgotten_first() {
    let config = Config { max_idle_partial_bytes: 2 * u64::from(BLOCK_BYTES), ..Config::default() };
    let mut scheduler = scheduler_with(1, config);
    let mut forgotten = Vec::new();
    for (step, piece) in [30, 20, 40].into_iter().enumerate() {
        let now = Duration::from_secs(step as u64);
        scheduler.set_demand(ReaderId(1), read(Class::Player, piece, 1), now);
        forgotten.extend(run(&mut scheduler, now));
        let block = Block { piece: PieceIndex(piece as u32), index: 0 };
        assert_eq!(
            scheduler.received(PeerId(0), block, now + ROUND_TRIP, &mut Vec::new()),
            Received::Stored(false)
        );
    }
    scheduler.remove_demand(ReaderId(1));
    forgotten.extend(run(&mut scheduler, Duration::from_secs(3)));

    forgotten.retain(|action| matches!(action, Action::Forget(_)));
    assert_eq!(forgotten, [Action::Forget(PieceIndex(30))]);
    assert_eq!(scheduler.blocks_here(PieceIndex(20)), 1);
    assert_eq!(scheduler.blocks_here(PieceIndex(40)), 1);
}

#[test]
fn a_higher_class_has_all_it_needs_before_a_lower_one_has_anything() {
    let mut scheduler = scheduler(1);
    scheduler.set_demand(ReaderId(1), read(Class::Preview, 40, 1), Duration::ZERO);
    scheduler.set_demand(ReaderId(2), read(Class::Player, 0, 1), Duration::ZERO);
    scheduler.set_demand(ReaderId(3), read(Class::Subtitles, 20, 1), Duration::ZERO);
    scheduler.set_rest(Some(Bitfield::full(PIECES)));

    let mut now = Duration::ZERO;
    let mut order = pieces(&run(&mut scheduler, now));
    for _ in 0..3 * BLOCKS {
        now += Duration::from_millis(60);
        let next = scheduler.requests_of(PeerId(0)).next();
        let Some(block) = next else { break };
        if scheduler.received(PeerId(0), block, now, &mut Vec::new()) == Received::Stored(true) {
            scheduler.piece_is_here(block.piece);
        }
        order.extend(pieces(&run(&mut scheduler, now)));
    }
    order.dedup();
    assert_eq!(order[..3], [0, 20, 40]);
    assert!(![0, 20, 40].contains(&order[3]), "{order:?}");
}

#[test]
fn inside_a_class_what_is_due_sooner_comes_first() {
    let mut scheduler = scheduler(1);
    // Piece 11 is due after 0.13 s, piece 31 after 1.3 s.
    let slow = Demand { bytes_per_sec: 1e5, ..read(Class::Player, 30, 2) };
    scheduler.set_demand(ReaderId(1), slow, Duration::ZERO);
    scheduler.set_demand(ReaderId(2), read(Class::Player, 10, 2), Duration::from_millis(1));

    let plan: Vec<u32> = {
        run(&mut scheduler, Duration::from_millis(1));
        scheduler.plan.pieces().map(|piece| piece.0).collect()
    };
    assert_eq!(plan, [30, 10, 11, 31]);
}

#[test]
fn a_reader_that_tells_another_rate_has_other_moments() {
    let mut scheduler = scheduler(1);
    scheduler.set_demand(ReaderId(1), read(Class::Player, 0, 4), Duration::ZERO);
    run(&mut scheduler, Duration::ZERO);
    let due = |scheduler: &Scheduler| scheduler.plan.entries()[3].due.unwrap().as_secs_f64();
    let before = due(&scheduler);

    let faster = Demand { bytes_per_sec: 4e6, ..read(Class::Player, 0, 4) };
    scheduler.set_demand(ReaderId(1), faster, Duration::ZERO);
    run(&mut scheduler, Duration::ZERO);
    assert!((due(&scheduler) - before / 4.0).abs() < 1e-6);
}

#[test]
fn a_slow_peer_takes_blocks_further_on() {
    let mut scheduler = scheduler(2);
    let mut now = Duration::ZERO;
    let rates = BTreeMap::from([(0, 0.01), (1, 0.2)]);
    scheduler.set_demand(ReaderId(1), read(Class::Player, 0, 16), now);
    serve(&mut scheduler, &mut now, &rates, &[]);
    now += Duration::from_secs(1);

    let urgent = Demand { bytes_per_sec: 1e9, ..read(Class::Player, 20, 16) };
    scheduler.set_demand(ReaderId(1), urgent, now);
    let asked = requests(&run(&mut scheduler, now));
    let first_of = |peer| {
        let place = |block: Block| block.piece.0 * BLOCKS + block.index - 20 * BLOCKS;
        asked.iter().filter(|(id, _)| *id == PeerId(peer)).map(|(_, block)| place(*block)).min()
    };
    assert_eq!(first_of(0), Some(0));
    // When the slow one has sent a block, the fast one has sent twenty.
    assert!(first_of(1).is_none_or(|place| place >= 10), "{:?}", first_of(1));
}

#[test]
fn a_lone_slow_peer_is_asked_for_what_is_needed_first() {
    let mut scheduler = scheduler(1);
    let mut now = Duration::ZERO;
    scheduler.set_demand(ReaderId(1), read(Class::Player, 0, 1), now);
    serve(&mut scheduler, &mut now, &alike(1, 2.0), &[]);
    assert_eq!(scheduler.state(PieceIndex(0)), PieceState::Have);

    scheduler.set_demand(ReaderId(1), read(Class::Player, 9, 4), now);
    let asked = requests(&run(&mut scheduler, now));
    assert_eq!(asked, [(PeerId(0), Block { piece: PieceIndex(9), index: 0 })]);
}

#[test]
fn a_block_that_does_not_come_is_asked_again_elsewhere_and_the_loser_is_told() {
    let mut scheduler = scheduler(2);
    let mut now = Duration::ZERO;
    scheduler.set_demand(ReaderId(1), read(Class::Player, 0, 1), now);
    serve(&mut scheduler, &mut now, &alike(2, 0.02), &[]);
    scheduler.set_demand(ReaderId(1), read(Class::Player, 9, 1), now);
    run(&mut scheduler, now);
    let stuck: Vec<Block> = scheduler.requests_of(PeerId(1)).collect();
    assert!(!stuck.is_empty());

    let mut again = Vec::new();
    let mut told = Vec::new();
    for _ in 0..100 {
        now += hedge::INTERVAL;
        let next = scheduler.requests_of(PeerId(0)).next();
        if let Some(block) = next {
            let mut actions = Vec::new();
            scheduler.received(PeerId(0), block, now, &mut actions);
            told.extend(cancels(&actions));
        }
        again.extend(requests(&run(&mut scheduler, now)).into_iter().map(|(_, block)| block));
    }
    assert!(stuck.iter().all(|block| again.contains(block)), "{stuck:?} {again:?}");
    let mut lost: Vec<Block> = told.iter().map(|(_, block)| *block).collect();
    lost.sort_unstable();
    assert_eq!(lost, stuck);
    assert!(told.iter().all(|(peer, _)| *peer == PeerId(1)));
    assert_eq!(scheduler.state(PieceIndex(9)), PieceState::Checking);
}

#[test]
fn a_peer_that_did_not_answer_long_ago_is_tried_again_with_one_block() {
    let mut scheduler = scheduler(2);
    let mut now = Duration::ZERO;
    scheduler.set_demand(ReaderId(1), read(Class::Player, 0, 1), now);
    let asked = requests(&run(&mut scheduler, now));
    assert!(asked.iter().any(|(peer, _)| *peer == PeerId(1)));
    now += Duration::from_secs(2);
    scheduler.set_demand(ReaderId(1), read(Class::Player, 30, 1), now);
    let asked = requests(&run(&mut scheduler, now));
    assert_eq!(asked.len(), 2, "{asked:?}");

    scheduler.remove_demand(ReaderId(1));
    run(&mut scheduler, now);
    now += Duration::from_secs(100);
    let later = Demand { bytes_per_sec: 1e4, ..read(Class::Player, 40, 4) };
    scheduler.set_demand(ReaderId(1), later, now);
    let mut asked: Vec<PeerId> =
        requests(&run(&mut scheduler, now)).into_iter().map(|(peer, _)| peer).collect();
    asked.sort_unstable();
    assert_eq!(asked, [PeerId(0), PeerId(1)]);
}

#[test]
fn a_wrong_piece_of_one_peer_convicts_it() {
    let mut scheduler = scheduler(1);
    let mut now = Duration::ZERO;
    scheduler.set_demand(ReaderId(1), read(Class::Player, 0, 1), now);
    assert_eq!(serve(&mut scheduler, &mut now, &alike(1, 0.02), &[0]), [PeerId(0)]);
    assert_eq!(scheduler.state(PieceIndex(0)), PieceState::Missing);
}

#[test]
fn the_only_unproven_one_of_a_wrong_piece_works_alone_until_it_is_convicted() {
    let mut scheduler = scheduler(1);
    let mut now = Duration::ZERO;
    scheduler.set_demand(ReaderId(1), read(Class::Player, 0, 4), now);
    serve(&mut scheduler, &mut now, &alike(1, 0.02), &[]);
    let liar = PeerId(7);
    scheduler.peer_joined(liar, ROUND_TRIP);
    scheduler.peer_has_all_of(liar, Bitfield::full(PIECES));
    scheduler.peer_unchoked(liar);

    scheduler.set_demand(ReaderId(1), read(Class::Player, 4, 40), now);
    let rates = BTreeMap::from([(0, 0.02), (7, 0.02)]);
    assert_eq!(serve(&mut scheduler, &mut now, &rates, &[7]), [liar]);
    assert!((4..44).all(|piece| scheduler.state(PieceIndex(piece)) == PieceState::Have));
}

#[test]
fn a_proven_peer_that_lies_does_not_get_others_banned() {
    let mut scheduler = scheduler(3);
    let mut now = Duration::ZERO;
    scheduler.set_demand(ReaderId(1), read(Class::Player, 0, 4), now);
    serve(&mut scheduler, &mut now, &alike(3, 0.02), &[]);
    for id in [8, 9].map(PeerId) {
        scheduler.peer_joined(id, ROUND_TRIP);
        scheduler.peer_has_all_of(id, Bitfield::full(PIECES));
        scheduler.peer_unchoked(id);
    }
    scheduler.set_demand(ReaderId(1), read(Class::Player, 4, 60), now);
    let rates = [0, 1, 2, 8, 9].map(|peer| (peer, 0.02)).into_iter().collect();
    assert_eq!(serve(&mut scheduler, &mut now, &rates, &[1]), [PeerId(1)]);
}

#[test]
fn suspects_share_no_piece_with_more_than_their_company() {
    let mut scheduler = scheduler(4);
    let mut now = Duration::ZERO;
    scheduler.set_demand(ReaderId(1), read(Class::Player, 0, 1), now);
    run(&mut scheduler, now);
    for index in 0..BLOCKS {
        now += Duration::from_millis(20);
        let block = Block { piece: PieceIndex(0), index };
        let sender = (0..4).map(PeerId).find(|id| scheduler.requests_of(*id).any(|asked| asked == block));
        scheduler.received(sender.unwrap(), block, now, &mut Vec::new());
    }
    let (liar, senders) = scheduler.piece_failed(PieceIndex(0));
    assert_eq!((liar, senders.len()), (None, BLOCKS as usize));

    scheduler.set_demand(ReaderId(1), read(Class::Player, 0, 16), now);
    let asked = requests(&run(&mut scheduler, now));
    assert!(asked.len() > 8, "{asked:?}");
    for piece in
        pieces(&run(&mut scheduler, now)).into_iter().chain(asked.iter().map(|(_, block)| block.piece.0))
    {
        let mut at_work: Vec<PeerId> =
            asked.iter().filter(|(_, block)| block.piece.0 == piece).map(|(peer, _)| *peer).collect();
        at_work.sort_unstable();
        at_work.dedup();
        assert!(at_work.len() <= 2, "{at_work:?} share piece {piece}");
    }
}

#[test]
fn what_a_liar_sent_is_asked_again_where_it_is_not_checked_yet() {
    let mut scheduler = scheduler(1);
    scheduler.set_demand(ReaderId(1), read(Class::Player, 0, 1), Duration::ZERO);
    run(&mut scheduler, Duration::ZERO);
    let block = Block { piece: PieceIndex(0), index: 0 };
    scheduler.received(PeerId(0), block, ROUND_TRIP, &mut Vec::new());
    assert_eq!(scheduler.blocks_here(PieceIndex(0)), 1);

    scheduler.peer_lied(PeerId(0));
    assert_eq!(scheduler.blocks_here(PieceIndex(0)), 0);
    assert!(!scheduler.is_requested(PieceIndex(0)));
}

#[test]
fn the_rest_comes_rarest_first_and_what_is_as_rare_in_an_order_of_the_seed() {
    let order = |seed| {
        let layout = Layout::new(PIECE_BYTES as u32, u64::from(PIECES) * PIECE_BYTES).unwrap();
        let config = Config { max_rest_pieces: 6, ..Config::default() };
        let mut scheduler = Scheduler::new(layout, config, seed);
        for id in (0..3).map(PeerId) {
            scheduler.peer_joined(id, ROUND_TRIP);
            let mut has = Bitfield::full(PIECES);
            if id.0 > 0 {
                has.clear(PieceIndex(5));
                has.clear(PieceIndex(50));
            }
            scheduler.peer_has_all_of(id, has);
            scheduler.peer_unchoked(id);
        }
        scheduler.set_rest(Some(Bitfield::full(PIECES)));
        run(&mut scheduler, Duration::ZERO);
        scheduler.plan.pieces().map(|piece| piece.0).collect::<Vec<_>>()
    };
    let (one, other) = (order(1), order(2));
    for order in [&one, &other] {
        let mut rarest = order[..2].to_vec();
        rarest.sort_unstable();
        assert_eq!((order.len(), rarest), (6, vec![5, 50]));
    }
    assert_ne!(one[2..], other[2..]);
}

#[test]
fn pieces_that_nobody_sends_do_not_keep_the_rest_waiting() {
    let layout = Layout::new(PIECE_BYTES as u32, u64::from(PIECES) * PIECE_BYTES).unwrap();
    let mut scheduler = Scheduler::new(layout, Config { max_rest_pieces: 2, ..Config::default() }, 1);
    scheduler.set_rest(Some(Bitfield::full(PIECES)));
    run(&mut scheduler, Duration::ZERO);
    scheduler.peer_joined(PeerId(0), ROUND_TRIP);
    scheduler.peer_has(PeerId(0), PieceIndex(33));
    scheduler.peer_unchoked(PeerId(0));

    assert_eq!(pieces(&run(&mut scheduler, Duration::from_millis(1))), [33]);
}

#[test]
fn a_peer_that_rejects_is_asked_again_after_a_while() {
    let mut scheduler = scheduler(1);
    scheduler.set_demand(ReaderId(1), read(Class::Player, 0, 1), Duration::ZERO);
    for (_, block) in requests(&run(&mut scheduler, Duration::ZERO)) {
        assert!(scheduler.rejected(PeerId(0), block, ROUND_TRIP));
    }
    assert_eq!(run(&mut scheduler, ROUND_TRIP), []);
    let wait = scheduler.next_run_in().unwrap();
    assert!(!requests(&run(&mut scheduler, ROUND_TRIP + wait)).is_empty());
}

#[test]
fn a_peer_that_chokes_us_is_asked_for_what_it_allows_only() {
    let mut scheduler = scheduler(1);
    scheduler.peer_choked(PeerId(0), false);
    scheduler.peer_allows(PeerId(0), PieceIndex(2));
    scheduler.set_demand(ReaderId(1), read(Class::Player, 0, 8), Duration::ZERO);

    assert_eq!(pieces(&run(&mut scheduler, Duration::ZERO)), [2]);
}

#[test]
fn what_was_not_asked_for_is_not_taken_and_says_nothing_of_the_rate() {
    let mut scheduler = scheduler(1);
    let block = Block { piece: PieceIndex(0), index: 0 };
    for millis in 1..20 {
        let now = Duration::from_millis(millis);
        assert_eq!(scheduler.received(PeerId(0), block, now, &mut Vec::new()), Received::Unasked);
    }
    assert_eq!((scheduler.rate_of(PeerId(0)), scheduler.counters().received_bytes), (None, 0));
}

#[test]
fn a_peer_whose_requests_were_cancelled_may_send_them_yet() {
    let mut scheduler = scheduler(1);
    scheduler.set_demand(ReaderId(1), read(Class::Player, 0, 1), Duration::ZERO);
    run(&mut scheduler, Duration::ZERO);
    scheduler.remove_demand(ReaderId(1));
    run(&mut scheduler, Duration::ZERO);
    run(&mut scheduler, LINGER);

    let block = Block { piece: PieceIndex(0), index: 0 };
    let later = LINGER + ROUND_TRIP;
    assert_eq!(scheduler.received(PeerId(0), block, later, &mut Vec::new()), Received::Unwanted);
    assert_eq!(scheduler.received(PeerId(0), block, later, &mut Vec::new()), Received::Unasked);
    assert_eq!(scheduler.counters().unwanted_bytes, u64::from(BLOCK_BYTES));
}

#[test]
fn a_piece_that_came_from_elsewhere_proves_nobody() {
    let mut scheduler = scheduler(1);
    scheduler.set_demand(ReaderId(1), read(Class::Player, 0, 1), Duration::ZERO);
    let asked = requests(&run(&mut scheduler, Duration::ZERO));
    let (peer, block) = asked[0];
    scheduler.received(peer, block, ROUND_TRIP, &mut Vec::new());

    let actions = scheduler.piece_is_here(PieceIndex(0));
    assert_eq!(cancels(&actions), asked[1..]);
    assert_eq!(scheduler.peers.get(PeerId(0)).unwrap().standing(), super::trust::Standing::Newcomer);
}
