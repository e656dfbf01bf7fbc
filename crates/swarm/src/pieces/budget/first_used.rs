//! Which piece of a range was not used for the longest time.

use std::ops::Range;

/// Stands for a piece that has no use.
const NONE: u64 = u64::MAX;

/// A time for each piece; finds the smallest of a range, and changes one, in steps of the logarithm of the pieces.
///
/// A tree in an array: the piece `n` is the leaf `width + n`, and each node `n` holds the smaller value of its children
/// `2n` and `2n + 1`. It grows with the highest piece.
#[derive(Debug, Default)]
pub(super) struct FirstUsed {
    nodes: Vec<u64>,
}

impl FirstUsed {
    pub(super) fn get(&self, piece: u32) -> Option<u64> {
        if piece as usize >= self.width() {
            return None;
        }
        Some(self.nodes[self.width() + piece as usize]).filter(|time| *time != NONE)
    }

    /// `time` is less than `u64::MAX`, and no other piece has it.
    pub(super) fn set(&mut self, piece: u32, time: u64) {
        if piece as usize >= self.width() {
            self.grow(piece as usize + 1);
        }
        self.put(piece, time);
    }

    pub(super) fn clear(&mut self, piece: u32) {
        if self.get(piece).is_some() {
            self.put(piece, NONE);
        }
    }

    /// The smallest time in the range, and whose it is.
    pub(super) fn first_in(&self, pieces: Range<u32>) -> Option<(u64, u32)> {
        let width = self.width();
        let mut low = width + (pieces.start as usize).min(width);
        let mut high = width + (pieces.end as usize).min(width);
        let mut first = (NONE, 0);
        // The nodes that cover the range exactly, from the leaves up.
        while low < high {
            if low % 2 == 1 {
                first = first.min((self.nodes[low], low));
                low += 1;
            }
            if high % 2 == 1 {
                high -= 1;
                first = first.min((self.nodes[high], high));
            }
            low /= 2;
            high /= 2;
        }
        let (time, mut node) = first;
        if time == NONE {
            return None;
        }
        while node < width {
            node *= 2;
            if self.nodes[node] != time {
                node += 1;
            }
        }
        // A leaf's number less the width is the number of a piece.
        Some((time, (node - width) as u32))
    }

    fn width(&self) -> usize {
        self.nodes.len() / 2
    }

    fn put(&mut self, piece: u32, time: u64) {
        let mut node = self.width() + piece as usize;
        self.nodes[node] = time;
        while node > 1 {
            node /= 2;
            self.nodes[node] = self.nodes[2 * node].min(self.nodes[2 * node + 1]);
        }
    }

    fn grow(&mut self, pieces: usize) {
        let width = pieces.next_power_of_two();
        let mut nodes = vec![NONE; 2 * width];
        nodes[width..width + self.width()].copy_from_slice(&self.nodes[self.width()..]);
        for node in (1..width).rev() {
            nodes[node] = nodes[2 * node].min(nodes[2 * node + 1]);
        }
        self.nodes = nodes;
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn it_finds_the_smallest_of_any_range(
            steps in prop::collection::vec((0_u32..70, any::<bool>()), 0..200),
            range in (0_u32..80, 0_u32..80),
        ) {
            let mut tree = FirstUsed::default();
            let mut model = BTreeMap::new();
            for (time, (piece, is_set)) in (0_u64..).zip(steps) {
                if is_set {
                    tree.set(piece, time);
                    model.insert(piece, time);
                } else {
                    tree.clear(piece);
                    model.remove(&piece);
                }
                prop_assert_eq!(tree.get(piece), model.get(&piece).copied());
            }
            for range in [range.0..range.1, 0..u32::MAX, u32::MAX..u32::MAX] {
                let inside = model.iter().filter(|(piece, _)| range.contains(piece));
                let expected = inside.map(|(piece, time)| (*time, *piece)).min();
                prop_assert_eq!(tree.first_in(range), expected);
            }
        }
    }
}
