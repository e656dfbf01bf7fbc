//! Takes requests back: what nobody needs any more, and what can wait when somebody can't.

use std::time::Duration;

use super::partial::Partial;
use super::peer::Peer;
use super::{Action, Class, PieceState, Scheduler};
use crate::layout::{BLOCK_BYTES, Block, PieceIndex};

/// Who needs something sooner than this, and has nobody who was asked for it, is short of it.
const SHORT_WITHIN: Duration = Duration::from_secs(1);
/// A player that reads on over another connection does so within this. A request that is cancelled and made again reaches
/// a peer that has sent half of the answer, and the whole comes twice.
pub(super) const LINGER: Duration = Duration::from_millis(250);

impl Scheduler {
    /// Cancels what is under way for pieces that nobody needs any more, and forgets the oldest parts of them; not before
    /// [`LINGER`] unless somebody is short of what the peers could send instead.
    pub(super) fn take_back_unplanned(&mut self, is_short: bool, now: Duration, actions: &mut Vec<Action>) {
        let is_unneeded =
            |peer: &Peer| peer.flights.iter().any(|flight| !self.plan.holds(flight.block.piece));
        let is_under_way = self.peers.values().any(is_unneeded);
        let since = self.unplanned_since.take().unwrap_or(now);
        if is_under_way && !is_short && now < since + LINGER {
            self.unplanned_since = Some(since);
            return;
        }
        let is_unplanned = |(piece, partial): &(&PieceIndex, &mut Partial)| {
            !self.plan.holds(**piece) && !partial.is_complete()
        };
        let unplanned = self.partials.iter_mut().filter(is_unplanned);
        let mut unplanned: Vec<(Duration, PieceIndex)> =
            unplanned.map(|(piece, partial)| (partial.idle_since(now), *piece)).collect();
        unplanned.sort_unstable_by(|one, other| other.cmp(one));
        let mut idle_bytes = 0;
        for (_, piece) in unplanned {
            let Some(mut partial) = self.partials.remove(&piece) else { continue };
            self.take_back(piece, &partial, Some(now), actions);
            partial.drop_all_requests();
            let bytes = u64::from(partial.here()) * u64::from(BLOCK_BYTES);
            if bytes > 0 && idle_bytes + bytes <= self.config.max_idle_partial_bytes {
                idle_bytes += bytes;
                self.partials.insert(piece, partial);
            } else {
                self.states[piece.as_usize()] = PieceState::Missing;
                if bytes > 0 {
                    actions.push(Action::Forget(piece));
                }
            }
        }
    }

    /// Whether a reader will soon need blocks that nobody was asked for: mostly as it went elsewhere.
    pub(super) fn is_anybody_short(&self, now: Duration) -> bool {
        let soon = now + SHORT_WITHIN;
        let mut wanted = self.plan.entries().iter().take_while(|wanted| wanted.class != Class::Rest);
        wanted.any(|wanted| wanted.due.is_some_and(|due| due < soon) && self.unasked(wanted.piece) > 0)
    }

    /// Cancels what nobody waits for, as it would come before what somebody waits for. What is here of it stays.
    pub(super) fn take_back_rest(&mut self, now: Duration, actions: &mut Vec<Action>) {
        let rest = self.plan.entries().iter().filter(|wanted| wanted.class == Class::Rest);
        for piece in rest.map(|wanted| wanted.piece).collect::<Vec<_>>() {
            let Some(mut partial) = self.partials.remove(&piece) else { continue };
            if !partial.is_complete() {
                self.take_back(piece, &partial, Some(now), actions);
                partial.drop_all_requests();
            }
            if partial.here() == 0 {
                self.states[piece.as_usize()] = PieceState::Missing;
            } else {
                self.partials.insert(piece, partial);
            }
        }
    }

    /// Cancels all requests of a piece. Without `now` the peers are not to blame for anything.
    pub(super) fn take_back(
        &mut self,
        piece: PieceIndex,
        partial: &Partial,
        now: Option<Duration>,
        actions: &mut Vec<Action>,
    ) {
        for (index, owner) in partial.requests() {
            let block = Block { piece, index };
            if let Some(peer) = self.peers.get_mut(owner) {
                let was_asked = match now {
                    Some(now) => peer.cancel_flight(block, now),
                    None => peer.take_flight(block),
                };
                if was_asked {
                    actions.push(Action::Cancel { peer: owner, block });
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::super::tests::{PIECES, ROUND_TRIP, cancels, read, requests, run, scheduler};
    use super::super::{ReaderId, Received};
    use super::*;
    use crate::bitfield::Bitfield;

    #[test]
    fn what_nobody_waits_for_is_taken_back_when_a_reader_goes_where_nothing_was_asked_for() {
        let mut scheduler = scheduler(2);
        scheduler.set_rest(Some(Bitfield::full(PIECES)));
        let rest = requests(&run(&mut scheduler, Duration::ZERO));
        let (peer, first) = rest[0];
        assert_eq!(scheduler.received(peer, first, ROUND_TRIP, &mut Vec::new()), Received::Stored(false));
        let asked: Vec<_> = [&rest[1..], &requests(&run(&mut scheduler, ROUND_TRIP))].concat();
        let unasked =
            (0..PIECES).map(PieceIndex).find(|piece| scheduler.state(*piece) == PieceState::Missing);
        let wanted = unasked.unwrap();

        scheduler.set_demand(ReaderId(0), read(Class::Player, wanted.0.into(), 4), ROUND_TRIP);
        let actions = run(&mut scheduler, ROUND_TRIP);

        let (mut taken, mut all) = (cancels(&actions), asked);
        taken.sort_unstable();
        all.sort_unstable();
        assert_eq!(taken, all);
        assert!(requests(&actions).iter().all(|(_, block)| block.piece >= wanted), "{actions:?}");
        assert_eq!(scheduler.blocks_here(first.piece), 1, "what is here of it stays");
        assert!(scheduler.partials.values().all(|partial| partial.here() + partial.in_flight() > 0));
    }

    #[test]
    fn the_rest_stays_while_a_reader_has_what_it_needs_soon() {
        let mut scheduler = scheduler(2);
        scheduler.set_rest(Some(Bitfield::full(PIECES)));
        for piece in 0..32 {
            scheduler.piece_is_here(PieceIndex(piece));
        }
        scheduler.set_demand(ReaderId(0), read(Class::Player, 0, 32), Duration::ZERO);
        let rest = requests(&run(&mut scheduler, Duration::ZERO));
        assert!(!rest.is_empty());

        // Its window moves on, to what is needed in some seconds, and is none of the rest that is under way.
        let moved = 32..35;
        assert!(rest.iter().all(|(_, block)| !moved.contains(&block.piece.0)), "{rest:?}");
        scheduler.set_demand(ReaderId(0), read(Class::Player, 16, 19), ROUND_TRIP);
        assert_eq!(cancels(&run(&mut scheduler, ROUND_TRIP)), []);
    }

    #[test]
    fn a_reader_that_comes_back_at_once_finds_what_was_under_way_and_nothing_is_asked_twice() {
        let ms = Duration::from_millis;
        let mut scheduler = scheduler(2);
        scheduler.set_demand(ReaderId(0), read(Class::Player, 0, 1), ms(0));
        let asked = requests(&run(&mut scheduler, ms(0)));
        assert!(!asked.is_empty());

        scheduler.remove_demand(ReaderId(0));
        assert_eq!(run(&mut scheduler, ms(1)), []);
        scheduler.set_demand(ReaderId(1), read(Class::Player, 0, 1), ms(2));
        assert_eq!(run(&mut scheduler, ms(2)), []);

        scheduler.remove_demand(ReaderId(1));
        assert_eq!(run(&mut scheduler, ms(3)), []);
        assert_eq!(run(&mut scheduler, ms(3) + LINGER - ms(1)), []);
        let taken = cancels(&run(&mut scheduler, ms(3) + LINGER));
        assert_eq!(BTreeSet::from_iter(taken), BTreeSet::from_iter(asked));
    }

    #[test]
    fn what_nobody_needs_makes_room_at_once_for_who_needs_something_else() {
        let mut scheduler = scheduler(2);
        scheduler.set_demand(ReaderId(0), read(Class::Player, 0, 4), Duration::ZERO);
        let mut asked = requests(&run(&mut scheduler, Duration::ZERO));

        scheduler.remove_demand(ReaderId(0));
        scheduler.set_demand(ReaderId(1), read(Class::Player, 32, 4), ROUND_TRIP);
        let actions = run(&mut scheduler, ROUND_TRIP);

        let mut taken = cancels(&actions);
        taken.sort_unstable();
        asked.sort_unstable();
        assert_eq!(taken, asked);
        assert!(requests(&actions).iter().any(|(_, block)| block.piece == PieceIndex(32)), "{actions:?}");
    }
}
