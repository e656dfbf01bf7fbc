//! Which pieces someone has, one bit for each, as peers send it (BEP 3).

use std::fmt;
use std::ops::Range;

use crate::layout::PieceIndex;

/// A set of the pieces of one torrent. The first piece is the highest bit of the first byte.
///
/// A piece that the torrent does not have is never in the set; the bits after the last piece stay 0.
#[derive(Clone, PartialEq, Eq)]
pub struct Bitfield {
    bits: Vec<u8>,
    pieces: u32,
    count: u32,
}

impl Bitfield {
    /// The empty set for a torrent of so many pieces.
    pub fn new(pieces: u32) -> Self {
        Self { bits: vec![0; wire_bytes(pieces)], pieces, count: 0 }
    }

    /// The set of all pieces.
    pub fn full(pieces: u32) -> Self {
        let mut bits = vec![u8::MAX; wire_bytes(pieces)];
        if let Some(last) = bits.last_mut() {
            *last &= !spare_mask(pieces);
        }
        Self { bits, pieces, count: pieces }
    }

    /// What a peer sent; `None` if it has the wrong length, or a bit after the last piece.
    pub fn from_wire(bytes: &[u8], pieces: u32) -> Option<Self> {
        if bytes.len() != wire_bytes(pieces)
            || bytes.last().is_some_and(|last| last & spare_mask(pieces) != 0)
        {
            return None;
        }
        let count = bytes.iter().map(|byte| byte.count_ones()).sum();
        Some(Self { bits: bytes.to_vec(), pieces, count })
    }

    /// As peers want it.
    pub fn as_wire(&self) -> &[u8] {
        &self.bits
    }

    /// How many pieces the torrent has.
    pub fn pieces(&self) -> u32 {
        self.pieces
    }

    pub fn get(&self, piece: PieceIndex) -> bool {
        piece.0 < self.pieces && self.bits[piece.as_usize() / 8] & mask(piece) != 0
    }

    /// True if the piece is one of the torrent's, and was not in the set before.
    pub fn set(&mut self, piece: PieceIndex) -> bool {
        let is_new = piece.0 < self.pieces && !self.get(piece);
        if is_new {
            self.bits[piece.as_usize() / 8] |= mask(piece);
            self.count += 1;
        }
        is_new
    }

    /// True if the piece was in the set before.
    pub fn clear(&mut self, piece: PieceIndex) -> bool {
        let was_there = self.get(piece);
        if was_there {
            self.bits[piece.as_usize() / 8] &= !mask(piece);
            self.count -= 1;
        }
        was_there
    }

    /// How many pieces are in the set; costs nothing.
    pub fn count(&self) -> u32 {
        self.count
    }

    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    pub fn is_all(&self) -> bool {
        self.count == self.pieces
    }

    /// The pieces of the set, in ascending order.
    pub fn iter_ones(&self) -> impl DoubleEndedIterator<Item = PieceIndex> + '_ {
        self.ones_in(0..self.pieces)
    }

    /// The pieces of the set that lie in this range, in ascending order. Bytes of zeros are passed over whole.
    pub fn ones_in(&self, range: Range<u32>) -> impl DoubleEndedIterator<Item = PieceIndex> + '_ {
        let range = range.start..range.end.min(self.pieces);
        let bytes = if range.is_empty() { 0..0 } else { range.start / 8..(range.end - 1) / 8 + 1 };
        bytes
            .filter(|byte| self.bits[*byte as usize] != 0)
            .flat_map(|byte| byte * 8..=byte * 8 + 7)
            .map(PieceIndex)
            .filter(move |piece| range.contains(&piece.0) && self.get(*piece))
    }

    /// What is in both sets; empty if they belong to different torrents.
    pub fn and(&self, other: &Self) -> Self {
        if self.pieces != other.pieces {
            return Self::new(self.pieces);
        }
        let bits: Vec<u8> = self.bits.iter().zip(&other.bits).map(|(a, b)| a & b).collect();
        let count = bits.iter().map(|byte| byte.count_ones()).sum();
        Self { bits, pieces: self.pieces, count }
    }
}

impl fmt::Debug for Bitfield {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Bitfield({} of {})", self.count, self.pieces)
    }
}

fn wire_bytes(pieces: u32) -> usize {
    pieces.div_ceil(8) as usize
}

fn mask(piece: PieceIndex) -> u8 {
    0x80 >> (piece.0 % 8)
}

/// The bits of the last byte that belong to no piece.
fn spare_mask(pieces: u32) -> u8 {
    match pieces % 8 {
        0 => 0,
        used => u8::MAX >> used,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_first_piece_is_the_highest_bit() {
        let mut have = Bitfield::new(10);
        assert!(have.set(PieceIndex(0)) && have.set(PieceIndex(9)) && !have.set(PieceIndex(9)));

        assert_eq!(have.as_wire(), [0b1000_0000, 0b0100_0000]);
        assert_eq!((have.count(), have.is_all()), (2, false));
    }

    #[test]
    fn only_a_bitfield_of_the_right_length_without_spare_bits_is_taken() {
        let table: [(&[u8], u32, bool); 8] = [
            (&[0xff, 0xc0], 10, true),
            (&[0xff, 0xe0], 10, false),
            (&[0xff], 10, false),
            (&[0xff, 0xc0, 0], 10, false),
            (&[0xff], 8, true),
            (&[], 0, true),
            (&[0], 0, false),
            (&[], u32::MAX, false),
        ];
        for (bytes, pieces, is_taken) in table {
            assert_eq!(Bitfield::from_wire(bytes, pieces).is_some(), is_taken, "{bytes:?} {pieces}");
        }
        assert!(Bitfield::from_wire(&[0xff, 0xc0], 10).unwrap().is_all());
    }

    #[test]
    fn pieces_that_the_torrent_does_not_have_are_never_in_it() {
        let mut have = Bitfield::full(10);
        assert!(!have.set(PieceIndex(10)) && !have.get(PieceIndex(10)) && !have.clear(PieceIndex(u32::MAX)));
        assert_eq!(have, Bitfield::from_wire(&[0xff, 0xc0], 10).unwrap());
    }

    proptest! {
        #[test]
        fn it_is_a_set_of_numbers(
            pieces in 0_u32..200,
            steps in prop::collection::vec((any::<bool>(), 0_u32..220), 0..200),
            range in (0_u32..220, 0_u32..220),
        ) {
            let mut have = Bitfield::new(pieces);
            let mut model = BTreeSet::new();
            for (is_set, piece) in steps {
                if is_set {
                    prop_assert_eq!(have.set(PieceIndex(piece)), piece < pieces && model.insert(piece));
                } else {
                    prop_assert_eq!(have.clear(PieceIndex(piece)), model.remove(&piece));
                }
            }
            prop_assert_eq!(have.count() as usize, model.len());
            prop_assert!(have.iter_ones().map(|piece| piece.0).eq(model.iter().copied()));
            let inside = model.iter().copied().filter(|piece| (range.0..range.1).contains(piece));
            let inside: Vec<_> = inside.collect();
            prop_assert!(have.ones_in(range.0..range.1).map(|piece| piece.0).eq(inside.iter().copied()));
            prop_assert!(have.ones_in(range.0..range.1).rev().map(|piece| piece.0).eq(inside.into_iter().rev()));
            prop_assert_eq!(Bitfield::from_wire(have.as_wire(), pieces), Some(have.clone()));
            prop_assert_eq!(have.and(&Bitfield::full(pieces)), have);
        }
    }
}
