//! Collects points of a time index from tables that may be long, out of order, or wrong.

use std::time::Duration;

use super::limits::MAX_POINTS;
use super::time_index::Point;

/// No film is longer; what says so is wrong, and would overflow sums.
pub(super) const MAX_TIME: Duration = Duration::from_secs(1 << 32);

#[derive(Debug)]
pub(super) struct Points {
    file_bytes: u64,
    kept: Vec<Point>,
    /// Only each point of so many is kept.
    stride: u64,
    seen: u64,
}

impl Points {
    pub(super) fn new(file_bytes: u64) -> Self {
        Self { file_bytes, kept: Vec::new(), stride: 1, seen: 0 }
    }

    pub(super) fn push(&mut self, time: Duration, byte: u64, is_sync: bool) {
        if byte >= self.file_bytes || time > MAX_TIME {
            return;
        }
        let is_kept = self.seen.is_multiple_of(self.stride);
        self.seen += 1;
        if !is_kept {
            return;
        }
        if self.kept.len() >= MAX_POINTS {
            let mut is_even = false;
            self.kept.retain(|_| {
                is_even = !is_even;
                is_even
            });
            self.stride = self.stride.saturating_mul(2);
        }
        self.kept.push(Point { time, byte, is_sync });
    }

    pub(super) fn is_empty(&self) -> bool {
        self.kept.is_empty()
    }

    pub(super) fn last_byte(&self) -> Option<u64> {
        self.kept.iter().map(|point| point.byte).max()
    }

    /// The points by time. Of points that contradict each other, as many as can be true together: later in the film is later
    /// in the file.
    pub(super) fn finish(mut self) -> Vec<Point> {
        self.kept.sort_by_key(|point| (point.time, point.byte));
        let rises = |pair: &[Point]| pair[0].time < pair[1].time && pair[0].byte < pair[1].byte;
        if self.kept.windows(2).all(rises) { self.kept } else { longest_rise(&self.kept) }
    }
}

/// The longest subsequence that rises in time and byte, of points sorted by time; by patience sorting, in n log n.
fn longest_rise(points: &[Point]) -> Vec<Point> {
    // For each length, the point on which a rise of that length can end at the lowest byte.
    let mut ends: Vec<usize> = Vec::new();
    let mut before: Vec<Option<usize>> = Vec::with_capacity(points.len());
    let mut group = 0;
    while group < points.len() {
        let time = points[group].time;
        let next = group + points[group..].partition_point(|point| point.time == time);
        // Points of the same time exclude each other: from the highest byte down none can follow another.
        before.resize(next, None);
        for index in (group..next).rev() {
            let length = ends.partition_point(|&end| points[end].byte < points[index].byte);
            before[index] = length.checked_sub(1).map(|shorter| ends[shorter]);
            if length == ends.len() {
                ends.push(index);
            } else {
                ends[length] = index;
            }
        }
        group = next;
    }
    let mut rise = Vec::with_capacity(ends.len());
    let mut at = ends.last().copied();
    while let Some(index) = at {
        rise.push(points[index]);
        at = before[index];
    }
    rise.reverse();
    rise
}

#[cfg(test)]
mod tests {
    use super::*;

    fn finished(points: &[(u64, u64)]) -> Vec<(u64, u64)> {
        let mut all = Points::new(1000);
        for (secs, byte) in points {
            all.push(Duration::from_secs(*secs), *byte, true);
        }
        all.finish().iter().map(|point| (point.time.as_secs(), point.byte)).collect()
    }

    #[test]
    fn points_are_sorted_and_one_liar_does_not_hide_the_rest() {
        assert_eq!(finished(&[(2, 20), (1, 10), (3, 30)]), [(1, 10), (2, 20), (3, 30)]);
        assert_eq!(finished(&[(0, 999), (1, 10), (2, 20), (3, 30)]), [(1, 10), (2, 20), (3, 30)]);
        assert_eq!(finished(&[(1, 10), (2, 20), (3, 5), (4, 40)]), [(1, 10), (2, 20), (4, 40)]);
        assert_eq!(finished(&[(1, 10), (1, 15), (2, 10), (2, 20), (3, 20)]), [(2, 10), (3, 20)]);
        assert_eq!(finished(&[(1, 1000), (2, u64::MAX)]), []);
    }

    #[test]
    fn a_long_table_keeps_points_of_all_of_it() {
        let count = MAX_POINTS as u64 * 5;
        let mut all = Points::new(u64::MAX);
        for at in 0..count {
            all.push(Duration::from_millis(at), at, true);
        }
        let points = all.finish();
        assert!((MAX_POINTS / 2..=MAX_POINTS).contains(&points.len()), "{}", points.len());
        let widest = points.windows(2).map(|pair| pair[1].byte - pair[0].byte).max();
        assert_eq!((points[0].byte, widest), (0, Some(8)));
        assert!(count - points.last().unwrap().byte <= 8);
    }
}
