use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::*;

const MIB: u32 = 1 << 20;

fn with(budget_mib: u64, pieces: &[(u64, u32)]) -> Budget {
    let mut budget = Budget::new(Some(budget_mib * u64::from(MIB)));
    for (torrent, piece) in pieces {
        budget.stored(*torrent, PieceIndex(*piece), MIB);
    }
    budget
}

fn room(budget: &mut Budget, mib: u64) -> Result<Vec<(u64, u32)>, u64> {
    match budget.room_for(mib * u64::from(MIB)) {
        Ok(victims) => Ok(victims.into_iter().map(|(torrent, piece)| (torrent, piece.0)).collect()),
        Err(NoRoom { short_bytes }) => Err(short_bytes / u64::from(MIB)),
    }
}

#[test]
fn the_longest_unused_goes_first_whatever_its_torrent() {
    let mut budget = with(4, &[(1, 5), (2, 0), (1, 2), (2, 1)]);
    budget.touched(1, PieceIndex(5));

    assert_eq!(room(&mut budget, 0), Ok(vec![]));
    assert_eq!(room(&mut budget, 3), Ok(vec![(2, 0), (1, 2), (2, 1)]));
    assert_eq!(budget.total_bytes(), u64::from(MIB));
}

#[test]
fn what_lies_behind_a_reader_goes_before_what_was_unused_longer() {
    let mut budget = with(5, &[(2, 0), (1, 9), (1, 3), (1, 1), (1, 5)]);
    budget.protect(1, 7, 5..7);

    assert_eq!(room(&mut budget, 4), Ok(vec![(1, 3), (1, 1), (2, 0), (1, 9)]));
}

#[test]
fn with_two_readers_only_what_is_behind_both_is_behind() {
    let mut budget = with(3, &[(1, 6), (1, 2), (1, 1)]);
    budget.protect(1, 7, 8..9);
    budget.protect(1, 8, 2..2);
    assert_eq!(room(&mut budget, 1), Ok(vec![(1, 1)]));
    budget.unprotect(1, 8);
    assert_eq!(room(&mut budget, 3), Ok(vec![(1, 6), (1, 2)]));
}

#[test]
fn when_only_protected_ones_are_left_nothing_goes() {
    let mut budget = with(3, &[(1, 0), (1, 1), (2, 0)]);
    budget.protect(1, 7, 0..2);

    assert_eq!(room(&mut budget, 2), Err(1));
    assert_eq!(room(&mut budget, 4), Err(3));
    assert_eq!(budget.total_bytes(), 3 * u64::from(MIB));
    assert_eq!(room(&mut budget, 1), Ok(vec![(2, 0)]), "it is still there after the refusals");
    budget.protect(1, 7, 1..3);
    assert_eq!(room(&mut budget, 2), Ok(vec![(1, 0)]));
}

#[test]
fn a_refusal_leaves_the_order_as_it_was() {
    let mut budget = with(4, &[(1, 3), (1, 0), (2, 9), (3, 0)]);
    budget.protect(3, 7, 0..1);
    assert_eq!(room(&mut budget, 4), Err(1));
    budget.stored(3, PieceIndex(0), MIB);
    assert_eq!(room(&mut budget, 3), Ok(vec![(1, 3), (1, 0), (2, 9)]));
}

#[test]
fn pinned_pieces_stay_and_do_not_count() {
    let mut budget = with(2, &[(1, 0), (1, 1)]);
    budget.pin(1, vec![1..3, 2..9, 4..4]);
    budget.stored(1, PieceIndex(2), MIB);
    assert_eq!((budget.total_bytes(), budget.bytes_of(1)), (u64::from(MIB), u64::from(MIB)));
    assert_eq!(room(&mut budget, 2), Ok(vec![(1, 0)]));

    budget.stored(2, PieceIndex(0), 2 * MIB);
    budget.pin(1, vec![2..9, 20..20]);
    assert_eq!(budget.total_bytes(), 3 * u64::from(MIB));
    assert_eq!(room(&mut budget, 0), Ok(vec![(2, 0)]), "what was just unpinned was used last");
}

#[test]
fn a_smaller_budget_and_overhead_make_pieces_go() {
    let mut budget = with(3, &[(1, 0), (1, 1), (1, 2)]);
    budget.set_overhead(2, u64::from(MIB));
    assert_eq!(room(&mut budget, 0), Ok(vec![(1, 0)]));
    budget.set_budget(Some(2 * u64::from(MIB)));
    assert_eq!(room(&mut budget, 0), Ok(vec![(1, 1)]));
    budget.forget(2);
    assert_eq!(room(&mut budget, 1), Ok(vec![]));
    budget.set_budget(Some(0));
    assert_eq!(room(&mut budget, 0), Ok(vec![(1, 2)]));
    assert_eq!(room(&mut budget, 1), Err(1));
    budget.set_budget(None);
    assert_eq!(room(&mut budget, 1 << 30), Ok(vec![]));
}

/// The same rules, without any thought of speed.
#[derive(Debug, Default)]
struct Model {
    /// Torrent and piece to bytes and last use; of pinned pieces the use does not matter.
    pieces: BTreeMap<(u64, u32), (u64, u64)>,
    readers: BTreeMap<(u64, u64), Range<u32>>,
    pins: BTreeMap<u64, Vec<Range<u32>>>,
    clock: u64,
}

impl Model {
    fn is_pinned(&self, torrent: u64, piece: u32) -> bool {
        self.pins.get(&torrent).is_some_and(|pins| pins.iter().any(|range| range.contains(&piece)))
    }

    fn readers_of(&self, torrent: u64) -> impl Iterator<Item = &Range<u32>> {
        self.readers.iter().filter(move |((t, _), _)| *t == torrent).map(|(_, range)| range)
    }

    fn may_go(&self, torrent: u64, piece: u32) -> bool {
        !self.is_pinned(torrent, piece) && !self.readers_of(torrent).any(|range| range.contains(&piece))
    }

    fn is_ahead(&self, torrent: u64, piece: u32) -> bool {
        self.readers_of(torrent).map(|range| range.start).min().is_none_or(|start| piece >= start)
    }

    fn total(&self) -> u64 {
        let counted = self.pieces.iter().filter(|((t, p), _)| !self.is_pinned(*t, *p));
        counted.map(|(_, (bytes, _))| bytes).sum()
    }

    fn victims(&self, short: u64) -> Option<Vec<(u64, u32)>> {
        let candidates = self.pieces.iter().filter(|((t, p), _)| self.may_go(*t, *p));
        let mut sorted: Vec<_> = candidates
            .map(|((t, p), (bytes, used))| (self.is_ahead(*t, *p), *used, (*t, *p), *bytes))
            .collect();
        sorted.sort_unstable();
        let mut freed = 0;
        let mut victims = Vec::new();
        for (_, _, piece, bytes) in sorted {
            if freed >= short {
                break;
            }
            freed += bytes;
            victims.push(piece);
        }
        (freed >= short).then_some(victims)
    }
}

#[derive(Debug, Clone)]
enum Step {
    Write(u64, u32, u32),
    Touch(u64, u32),
    GiveUp(u64, u32),
    Protect(u64, u64, u32, u32),
    Unprotect(u64, u64),
    Pin(u64, Vec<(u32, u32)>),
    SetBudget(u64),
    Forget(u64),
}

fn step() -> impl Strategy<Value = Step> {
    let (torrent, piece, reader) = (0_u64..3, 0_u32..40, 0_u64..3);
    let length = 0_u32..12;
    prop_oneof![
        12 => (torrent.clone(), piece.clone(), 1_u32..20).prop_map(|(t, p, bytes)| Step::Write(t, p, bytes)),
        4 => (torrent.clone(), piece.clone()).prop_map(|(t, p)| Step::Touch(t, p)),
        1 => (torrent.clone(), piece.clone()).prop_map(|(t, p)| Step::GiveUp(t, p)),
        3 => (torrent.clone(), reader.clone(), piece.clone(), length.clone())
            .prop_map(|(t, r, p, n)| Step::Protect(t, r, p, n)),
        2 => (torrent.clone(), reader).prop_map(|(t, r)| Step::Unprotect(t, r)),
        1 => (torrent.clone(), prop::collection::vec((piece, length), 0..4)).prop_map(|(t, pins)| Step::Pin(t, pins)),
        1 => (0_u64..300).prop_map(Step::SetBudget),
        1 => torrent.prop_map(Step::Forget),
    ]
}

proptest! {
    #[test]
    fn the_total_stays_within_the_budget_and_protected_pieces_stay(steps in prop::collection::vec(step(), 0..150)) {
        let mut limit = 150;
        let mut budget = Budget::new(Some(limit));
        let mut model = Model::default();
        for step in steps {
            let mut wanted = 0;
            let mut written = None;
            match step {
                Step::Write(t, p, bytes) => {
                    // A piece that is written again gives up its place first.
                    budget.gave_up(t, PieceIndex(p));
                    model.pieces.remove(&(t, p));
                    wanted = if model.is_pinned(t, p) { 0 } else { u64::from(bytes) };
                    written = Some((t, p, bytes));
                }
                Step::Touch(t, p) => {
                    budget.touched(t, PieceIndex(p));
                    model.clock += 1;
                    let clock = model.clock;
                    if let Some((_, used)) = model.pieces.get_mut(&(t, p)) {
                        *used = clock;
                    }
                }
                Step::GiveUp(t, p) => {
                    budget.gave_up(t, PieceIndex(p));
                    model.pieces.remove(&(t, p));
                }
                Step::Protect(t, r, p, n) => {
                    budget.protect(t, r, p..p + n);
                    model.readers.insert((t, r), p..p + n);
                }
                Step::Unprotect(t, r) => {
                    budget.unprotect(t, r);
                    model.readers.remove(&(t, r));
                }
                Step::Pin(t, pins) => {
                    let pins: Vec<_> = pins.into_iter().map(|(p, n)| p..p + n).collect();
                    let before: BTreeSet<_> =
                        model.pieces.keys().copied().filter(|(t, p)| model.is_pinned(*t, *p)).collect();
                    budget.pin(t, pins.clone());
                    model.pins.insert(t, pins);
                    for (t, p) in before {
                        if !model.is_pinned(t, p) {
                            model.clock += 1;
                            model.pieces.get_mut(&(t, p)).unwrap().1 = model.clock;
                        }
                    }
                }
                Step::SetBudget(bytes) => {
                    limit = bytes;
                    budget.set_budget(Some(bytes));
                }
                Step::Forget(t) => {
                    budget.forget(t);
                    model.pieces.retain(|(torrent, _), _| *torrent != t);
                    model.readers.retain(|(torrent, _), _| *torrent != t);
                    model.pins.remove(&t);
                }
            }
            prop_assert_eq!(budget.total_bytes(), model.total());
            let expected = model.victims((model.total() + wanted).saturating_sub(limit));
            match budget.room_for(wanted) {
                Ok(victims) => {
                    let victims: Vec<_> = victims.into_iter().map(|(t, p)| (t, p.0)).collect();
                    prop_assert!(victims.iter().all(|(t, p)| model.may_go(*t, *p)));
                    prop_assert_eq!(Some(&victims), expected.as_ref());
                    for victim in victims {
                        model.pieces.remove(&victim);
                    }
                    if let Some((t, p, bytes)) = written {
                        budget.stored(t, PieceIndex(p), bytes);
                        model.clock += 1;
                        model.pieces.insert((t, p), (u64::from(bytes), model.clock));
                    }
                    prop_assert!(budget.total_bytes() <= limit);
                }
                Err(NoRoom { short_bytes }) => {
                    prop_assert_eq!(expected, None);
                    prop_assert!(short_bytes > 0);
                }
            }
            prop_assert_eq!(budget.total_bytes(), model.total());
        }
    }
}
