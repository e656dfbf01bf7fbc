//! What is needed, in order: the windows of all readers, then the rest of the torrent.

use std::collections::BTreeMap;
use std::time::Duration;

use super::PieceState;
use crate::bitfield::Bitfield;
use crate::layout::{Layout, PieceIndex};

/// Who reads. Numbers are never used twice within one scheduler.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ReaderId(pub u64);

/// Whose need comes first. Between classes the order is strict; inside one, what is needed sooner comes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Class {
    Player,
    Subtitles,
    /// Televisions and others on the network, and programs that copy.
    Cast,
    NextEpisode,
    Preview,
    /// Nobody waits for it.
    Rest,
}

/// What one reader needs: the bytes from `start_byte` on, of the torrent.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Demand {
    pub class: Class,
    pub start_byte: u64,
    /// How far it reads ahead; less at the end of its file.
    pub window_bytes: u64,
    /// How fast it moves on: what is 10 s ahead is needed in 10 s.
    pub bytes_per_sec: f64,
}

/// A piece that is needed.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Wanted {
    pub(super) piece: PieceIndex,
    pub(super) class: Class,
    /// When it is needed; `None` if nobody waits for it.
    pub(super) due: Option<Duration>,
}

/// The order of the rarest pieces is made anew after this.
const REST_ORDER_LIFETIME: Duration = Duration::from_secs(5);
/// A window that moved by less than this part of it does not make a new plan.
const WINDOW_STEPS: u64 = 16;

/// How the pieces stand.
#[derive(Debug)]
pub(super) struct Pieces<'a> {
    pub(super) layout: &'a Layout,
    pub(super) states: &'a [PieceState],
    /// How many connected peers have each.
    pub(super) availability: &'a [u32],
}

impl Pieces<'_> {
    fn is_missing(&self, piece: PieceIndex) -> bool {
        self.states[piece.as_usize()] != PieceState::Have
    }
}

#[derive(Debug)]
struct Reader {
    demand: Demand,
    set_at: Duration,
    /// Its place when the plan was made.
    planned_start: u64,
    planned_bytes_per_sec: f64,
}

#[derive(Debug)]
pub(super) struct Plan {
    readers: BTreeMap<ReaderId, Reader>,
    rest: Option<Bitfield>,
    /// Rarest last.
    rest_order: Vec<PieceIndex>,
    rest_ordered_at: Option<Duration>,
    rest_under_way: Vec<PieceIndex>,
    /// More pieces could be under way if somebody had them.
    lacks_rest: bool,
    entries: Vec<Wanted>,
    held: Option<Bitfield>,
    is_changed: bool,
    seed: u64,
}

impl Plan {
    pub(super) fn new(seed: u64) -> Self {
        Self {
            readers: BTreeMap::new(),
            rest: None,
            rest_order: Vec::new(),
            rest_ordered_at: None,
            rest_under_way: Vec::new(),
            lacks_rest: false,
            entries: Vec::new(),
            held: None,
            is_changed: true,
            seed,
        }
    }

    pub(super) fn set_changed(&mut self) {
        self.is_changed = true;
    }

    pub(super) fn set_demand(&mut self, id: ReaderId, demand: Demand, now: Duration, layout: &Layout) {
        let step = (demand.window_bytes / WINDOW_STEPS).max(u64::from(layout.piece_bytes()));
        match self.readers.get_mut(&id) {
            Some(reader) => {
                let moved = demand.start_byte.checked_sub(reader.planned_start);
                let is_same = moved.is_some_and(|moved| moved < step)
                    && demand.class == reader.demand.class
                    && demand.window_bytes.abs_diff(reader.demand.window_bytes) < step
                    && is_about_same(demand.bytes_per_sec, reader.planned_bytes_per_sec);
                reader.demand = demand;
                reader.set_at = now;
                self.is_changed |= !is_same;
            }
            None => {
                let reader = Reader {
                    demand,
                    set_at: now,
                    planned_start: demand.start_byte,
                    planned_bytes_per_sec: demand.bytes_per_sec,
                };
                self.readers.insert(id, reader);
                self.is_changed = true;
            }
        }
    }

    pub(super) fn remove_demand(&mut self, id: ReaderId) {
        self.is_changed |= self.readers.remove(&id).is_some();
    }

    pub(super) fn set_rest(&mut self, wanted: Option<Bitfield>) {
        self.rest = wanted;
        self.rest_order.clear();
        self.rest_ordered_at = None;
        self.rest_under_way.clear();
        self.lacks_rest = false;
        self.is_changed = true;
    }

    /// Somebody can be asked for more than before.
    pub(super) fn peers_changed(&mut self) {
        if self.rest.is_some() && self.lacks_rest {
            self.rest_ordered_at = None;
        }
    }

    /// When the plan should be looked at again, even if nothing happens.
    pub(super) fn next_look_in(&self) -> Option<Duration> {
        (self.rest.is_some() && self.lacks_rest).then_some(REST_ORDER_LIFETIME)
    }

    /// Whether somebody needs this piece.
    pub(super) fn holds(&self, piece: PieceIndex) -> bool {
        self.held.as_ref().is_some_and(|held| held.get(piece))
            || self.rest.as_ref().is_some_and(|rest| rest.get(piece))
    }

    pub(super) fn entries(&self) -> &[Wanted] {
        &self.entries
    }

    /// All pieces that are needed now, the most urgent first.
    pub(super) fn pieces(&self) -> impl Iterator<Item = PieceIndex> {
        self.entries.iter().map(|wanted| wanted.piece)
    }

    /// Makes the plan anew if something changed; gives whether it did.
    pub(super) fn refresh(
        &mut self,
        now: Duration,
        pieces: &Pieces<'_>,
        serves: impl Fn(PieceIndex) -> bool,
        max_rest: usize,
    ) -> bool {
        let has_rest_ended = self.rest_under_way.iter().any(|piece| !pieces.is_missing(*piece));
        let is_rest_old = self.rest.is_some() && self.is_rest_order_old(now);
        if !self.is_changed && !has_rest_ended && !is_rest_old {
            return false;
        }
        let layout = pieces.layout;
        self.is_changed = false;
        let mut held = Bitfield::new(layout.pieces());
        let mut entries: Vec<Wanted> = Vec::new();
        for reader in self.readers.values_mut() {
            let Demand { class, start_byte, window_bytes, bytes_per_sec } = reader.demand;
            reader.planned_start = start_byte;
            reader.planned_bytes_per_sec = bytes_per_sec;
            for piece in layout.pieces_of(start_byte..start_byte.saturating_add(window_bytes)).map(PieceIndex)
            {
                held.set(piece);
                if !pieces.is_missing(piece) {
                    continue;
                }
                let ahead_bytes = layout.start_of(piece).saturating_sub(start_byte) as f64;
                let ahead_secs = (ahead_bytes / bytes_per_sec.max(1.0)).min(1e6);
                let due = reader.set_at + Duration::from_secs_f64(ahead_secs);
                entries.push(Wanted { piece, class, due: Some(due) });
            }
        }
        entries.sort_unstable_by_key(|wanted| (wanted.class, wanted.due, wanted.piece));
        if self.readers.len() > 1 {
            let mut seen = Bitfield::new(layout.pieces());
            entries.retain(|wanted| {
                let is_new = !seen.get(wanted.piece);
                seen.set(wanted.piece);
                is_new
            });
        }
        self.add_rest(now, &held, &mut entries, pieces, serves, max_rest);
        self.entries = entries;
        self.held = Some(held);
        true
    }

    fn is_rest_order_old(&self, now: Duration) -> bool {
        self.rest_ordered_at.is_none_or(|at| now.saturating_sub(at) >= REST_ORDER_LIFETIME)
    }

    fn add_rest(
        &mut self,
        now: Duration,
        held: &Bitfield,
        entries: &mut Vec<Wanted>,
        pieces: &Pieces<'_>,
        serves: impl Fn(PieceIndex) -> bool,
        max_rest: usize,
    ) {
        let Some(rest) = &self.rest else { return };
        self.rest_under_way.retain(|piece| pieces.is_missing(*piece));
        if self.is_rest_order_old(now) {
            // What nobody sends any more makes room for what somebody does.
            self.rest_under_way.retain(|piece| serves(*piece));
            let seed = self.seed;
            let mut order: Vec<PieceIndex> =
                rest.iter_ones().filter(|piece| pieces.is_missing(*piece)).collect();
            order.sort_by_cached_key(|piece| {
                std::cmp::Reverse((pieces.availability[piece.as_usize()], scatter(seed, *piece)))
            });
            self.rest_order = order;
            self.rest_ordered_at = Some(now);
        }
        while self.rest_under_way.len() < max_rest
            && let Some(piece) = self.rest_order.pop()
        {
            if pieces.is_missing(piece) && !self.rest_under_way.contains(&piece) && serves(piece) {
                self.rest_under_way.push(piece);
            }
        }
        self.lacks_rest =
            self.rest_under_way.len() < max_rest && rest.iter_ones().any(|piece| pieces.is_missing(piece));
        let under_way = self.rest_under_way.iter().filter(|piece| !held.get(**piece));
        entries.extend(under_way.map(|piece| Wanted { piece: *piece, class: Class::Rest, due: None }));
    }
}

fn is_about_same(one: f64, other: f64) -> bool {
    (one - other).abs() <= one.abs().max(other.abs()) / WINDOW_STEPS as f64
}

/// Spreads equally rare pieces: not all clients of a swarm should fetch the same one.
fn scatter(seed: u64, piece: PieceIndex) -> u64 {
    let mut mixed = seed ^ u64::from(piece.0).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    mixed ^ (mixed >> 27)
}
