//! What a torrent has and who reads it, as clients draw it.

use std::ops::RangeInclusive;

use crate::FileIndex;

/// The pieces of a torrent that are here, and its readers, at one moment.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PieceMap {
    /// Of every piece but the last, which may be shorter.
    pub piece_bytes: u32,
    pub piece_count: u32,
    pub total_bytes: u64,
    /// One bit for each piece, the first one in the highest bit of the first byte. Bits after the last piece are zero.
    have: Vec<u8>,
    /// In the order in which they were opened.
    pub readers: Vec<PieceReader>,
}

/// Where a reader stands, in pieces of the torrent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PieceReader {
    pub file_index: FileIndex,
    /// The piece of its next byte.
    pub current: u32,
    /// What it has just read, and what is fetched ahead for it; `current` is among them.
    pub window: RangeInclusive<u32>,
}

impl PieceMap {
    /// A torrent of which nothing is known to be here.
    pub fn empty(piece_bytes: u32, piece_count: u32, total_bytes: u64) -> Self {
        Self { piece_bytes, piece_count, total_bytes, have: Vec::new(), readers: Vec::new() }
    }

    /// The same torrent with the pieces of a bit field (BEP 3); bits that it lacks or has too many mean nothing.
    #[must_use]
    pub fn with_bitfield(mut self, bits: &[u8]) -> Self {
        let length = (self.piece_count as usize).div_ceil(8);
        self.have = bits.iter().copied().take(length).collect();
        let spare = length * 8 - self.piece_count as usize;
        if self.have.len() == length
            && let Some(last) = self.have.last_mut()
        {
            *last &= u8::MAX.checked_shl(u32::try_from(spare).unwrap_or(0)).unwrap_or(0);
        }
        self
    }

    pub fn has(&self, piece: u32) -> bool {
        self.have.get(piece as usize / 8).is_some_and(|byte| byte & (0x80 >> (piece % 8)) != 0)
    }

    /// Length of a piece: the last one ends with the torrent.
    pub fn length_of(&self, piece: u32) -> u32 {
        let start = u64::from(piece) * u64::from(self.piece_bytes);
        let left = self.total_bytes.saturating_sub(start).min(u64::from(self.piece_bytes));
        u32::try_from(left).unwrap_or(self.piece_bytes)
    }

    /// The pieces that are here, from the first one on.
    pub fn complete(&self) -> impl Iterator<Item = u32> {
        let set = self.have.iter().enumerate().filter(|(_, byte)| **byte != 0);
        set.flat_map(|(at, byte)| {
            let first = u32::try_from(at * 8).unwrap_or(u32::MAX);
            (0..8).filter(move |bit| byte & (0x80 >> bit) != 0).map(move |bit| first + bit)
        })
    }

    /// Bytes that are here, of the whole torrent.
    pub fn have_bytes(&self) -> u64 {
        let count: u64 = self.have.iter().map(|byte| u64::from(byte.count_ones())).sum();
        let Some(last) = self.piece_count.checked_sub(1) else { return 0 };
        let missing = if self.has(last) { u64::from(self.piece_bytes - self.length_of(last)) } else { 0 };
        (count * u64::from(self.piece_bytes)).saturating_sub(missing)
    }

    /// Bytes that are here between two positions in the torrent.
    pub fn have_bytes_in(&self, range: std::ops::Range<u64>) -> u64 {
        let piece_bytes = u64::from(self.piece_bytes);
        let end = range.end.min(self.total_bytes);
        if piece_bytes == 0 || range.start >= end {
            return 0;
        }
        let pieces = range.start / piece_bytes..end.div_ceil(piece_bytes);
        let held = pieces.filter(|piece| u32::try_from(*piece).is_ok_and(|piece| self.has(piece)));
        held.map(|piece| {
            let start = (piece * piece_bytes).max(range.start);
            ((piece + 1) * piece_bytes).min(end).saturating_sub(start)
        })
        .sum()
    }

    /// At most `limit` of the pieces that are here, in their order: those that are nearest to what is being read, or the
    /// first ones if nobody reads. Each reader gets an equal share of the limit.
    pub fn complete_near_readers(&self, limit: usize) -> Vec<u32> {
        let complete: Vec<u32> = self.complete().collect();
        if complete.len() <= limit {
            return complete;
        }
        let mut centers: Vec<u32> =
            self.readers.iter().map(|reader| reader.window.start().midpoint(*reader.window.end())).collect();
        centers.sort_unstable();
        centers.dedup();
        if centers.is_empty() {
            centers.push(0);
        }
        centers.truncate(limit);
        let share = limit / centers.len().max(1);
        let mut near: Vec<u32> =
            centers.iter().flat_map(|center| nearest(&complete, *center, share)).copied().collect();
        near.sort_unstable();
        near.dedup();
        near
    }
}

/// So many neighbors of a value in a sorted list, on both sides.
fn nearest(sorted: &[u32], center: u32, count: usize) -> &[u32] {
    let mut start = sorted.partition_point(|value| *value < center);
    let mut end = start;
    while end - start < count {
        let before = start.checked_sub(1).map(|at| center - sorted[at]);
        let after = sorted.get(end).map(|value| value - center);
        match (before, after) {
            (Some(before), Some(after)) if before < after => start -= 1,
            (_, Some(_)) => end += 1,
            (Some(_), None) => start -= 1,
            (None, None) => break,
        }
    }
    &sorted[start..end]
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Ten pieces of 16 bytes, the last one of 4.
    fn map(bits: [u8; 2]) -> PieceMap {
        PieceMap::empty(16, 10, 148).with_bitfield(&bits)
    }

    fn reader(current: u32, window: RangeInclusive<u32>) -> PieceReader {
        PieceReader { file_index: FileIndex(0), current, window }
    }

    #[test]
    fn bits_are_pieces_and_those_after_the_last_one_nothing() {
        let map = map([0b1000_0001, 0b0111_1111]);

        assert_eq!(map.complete().collect::<Vec<_>>(), [0, 7, 9]);
        assert!(map.has(9) && !map.has(8) && !map.has(10) && !map.has(u32::MAX));
        assert_eq!(map.have_bytes(), 16 + 16 + 4);
        assert_eq!((map.length_of(0), map.length_of(9), map.length_of(10)), (16, 4, 0));
        assert_eq!(PieceMap::empty(16, 10, 148).with_bitfield(&[0xff]).complete().count(), 8);
        assert_eq!(PieceMap::default().with_bitfield(&[0xff]).have_bytes(), 0);
        assert_eq!(PieceMap::empty(16, 8, 128).with_bitfield(&[0xff, 0xff]).have_bytes(), 128);
    }

    #[test]
    fn a_part_counts_only_its_own_bytes() {
        let map = map([0b0110_0000, 0b0100_0000]);

        assert_eq!(map.have_bytes_in(0..148), 36);
        assert_eq!(map.have_bytes_in(20..40), 20);
        assert_eq!(map.have_bytes_in(40..200), 8 + 4);
        assert_eq!(map.have_bytes_in(0..16), 0);
        assert_eq!(map.have_bytes_in(147..148), 1);
        assert_eq!(map.have_bytes_in(200..300), 0);
        assert_eq!(PieceMap::default().have_bytes_in(0..10), 0);
    }

    #[test]
    fn few_pieces_are_all_listed_and_of_many_those_around_the_readers() {
        let mut map = PieceMap::empty(16, 2000, 32_000).with_bitfield(&[0xff; 250]);
        assert_eq!(map.complete_near_readers(2000).len(), 2000);
        assert_eq!(map.complete_near_readers(4), [0, 1, 2, 3], "nobody reads");

        map.readers = vec![reader(100, 98..=108), reader(1999, 1990..=1999), reader(100, 98..=108)];
        let near = map.complete_near_readers(8);

        assert_eq!(near, [102, 103, 104, 105, 1993, 1994, 1995, 1996]);
        assert_eq!(map.complete_near_readers(1).len(), 1);
        assert_eq!(map.complete_near_readers(0), [0_u32; 0]);
    }

    #[test]
    fn neighbors_come_from_both_sides_as_long_as_there_are_some() {
        let sorted = [1, 5, 6, 20];
        assert_eq!(nearest(&sorted, 6, 2), [5, 6]);
        assert_eq!(nearest(&sorted, 6, 9), sorted);
        assert_eq!(nearest(&sorted, 100, 1), [20]);
        assert_eq!(nearest(&[], 6, 2), [0; 0]);
    }
}
