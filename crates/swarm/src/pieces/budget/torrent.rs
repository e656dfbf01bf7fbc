//! The books of one torrent.

use std::collections::BTreeMap;
use std::ops::Range;

use super::first_used::FirstUsed;

/// A piece that may go. Sorted in the order they go.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Candidate {
    /// Not behind all readers.
    is_ahead: bool,
    pub(super) last_use: u64,
    pub(super) piece: u32,
}

#[derive(Debug, Default)]
pub(super) struct Torrent {
    /// Of each piece that is here; 0 for the others.
    bytes: Vec<u32>,
    /// Of each piece that counts.
    last_uses: FirstUsed,
    /// What each reader protects. There are few.
    readers: BTreeMap<u64, Range<u32>>,
    /// Sorted, apart from each other, not empty.
    pins: Vec<Range<u32>>,
    counted_bytes: u64,
    overhead_bytes: u64,
    first_to_go: Option<Candidate>,
}

impl Torrent {
    pub(super) fn counted_bytes(&self) -> u64 {
        self.counted_bytes.saturating_add(self.overhead_bytes)
    }

    pub(super) fn bytes_of(&self, piece: u32) -> u32 {
        self.bytes.get(piece as usize).copied().unwrap_or(0)
    }

    pub(super) fn first_to_go(&self) -> Option<Candidate> {
        self.first_to_go
    }

    pub(super) fn store(&mut self, piece: u32, bytes: u32, now: u64) {
        if self.last_uses.get(piece).is_some() {
            self.counted_bytes -= u64::from(self.bytes_of(piece));
        }
        if bytes != 0 && self.bytes.len() <= piece as usize {
            self.bytes.resize(piece as usize + 1, 0);
        }
        if let Some(place) = self.bytes.get_mut(piece as usize) {
            *place = bytes;
        }
        self.last_uses.clear(piece);
        if bytes != 0 && !self.is_pinned(piece) {
            self.counted_bytes += u64::from(bytes);
            self.last_uses.set(piece, now);
        }
        self.look();
    }

    pub(super) fn touch(&mut self, piece: u32, now: u64) {
        if self.last_uses.get(piece).is_some() {
            self.last_uses.set(piece, now);
            self.look();
        }
    }

    pub(super) fn remove(&mut self, piece: u32) {
        self.store(piece, 0, 0);
    }

    pub(super) fn protect(&mut self, reader: u64, pieces: Range<u32>) {
        // All readers are protected anew whenever one of them moves, and a look goes over all of them.
        let before = self.readers.insert(reader, pieces.clone());
        if before != Some(pieces) {
            self.look();
        }
    }

    pub(super) fn unprotect(&mut self, reader: u64) {
        self.readers.remove(&reader);
        self.look();
    }

    pub(super) fn set_overhead(&mut self, bytes: u64) {
        self.overhead_bytes = bytes;
    }

    pub(super) fn pin(&mut self, mut pieces: Vec<Range<u32>>, clock: &mut u64) {
        pieces.retain(|range| !range.is_empty());
        pieces.sort_by_key(|range| range.start);
        pieces.dedup_by(|next, range| {
            let overlaps = next.start <= range.end;
            if overlaps {
                range.end = range.end.max(next.end);
            }
            overlaps
        });
        let before = std::mem::replace(&mut self.pins, pieces);
        for piece in self.stored_in(&before) {
            if !self.is_pinned(piece) {
                self.counted_bytes += u64::from(self.bytes_of(piece));
                *clock += 1;
                self.last_uses.set(piece, *clock);
            }
        }
        for piece in self.stored_in(&self.pins) {
            if self.last_uses.get(piece).is_some() {
                self.counted_bytes -= u64::from(self.bytes_of(piece));
                self.last_uses.clear(piece);
            }
        }
        self.look();
    }

    fn stored_in(&self, ranges: &[Range<u32>]) -> Vec<u32> {
        // No longer than the pieces of the torrent, which are a u32.
        let end = self.bytes.len() as u32;
        let pieces = ranges.iter().flat_map(|range| range.start..range.end.min(end));
        pieces.filter(|piece| self.bytes_of(*piece) != 0).collect()
    }

    fn is_pinned(&self, piece: u32) -> bool {
        let next = self.pins.partition_point(|range| range.end <= piece);
        self.pins.get(next).is_some_and(|range| range.start <= piece)
    }

    fn look(&mut self) {
        let candidate =
            |is_ahead| move |(last_use, piece): (u64, u32)| Candidate { is_ahead, last_use, piece };
        let mut protected: Vec<_> = self.readers.values().collect();
        protected.sort_by_key(|range| range.start);
        let mut from = protected.first().map_or(0, |range| range.start);
        let behind = self.last_uses.first_in(0..from).map(candidate(false));
        self.first_to_go = behind.or_else(|| {
            let mut first = None;
            for range in protected.into_iter().cloned().chain(std::iter::once(u32::MAX..u32::MAX)) {
                let gap = self.last_uses.first_in(from..range.start);
                first = first.into_iter().chain(gap).min();
                from = from.max(range.end);
            }
            first.map(candidate(true))
        });
    }
}
