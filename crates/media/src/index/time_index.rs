//! From moments of a film to bytes of its file, and back.

use std::ops::Range;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::stored::StoredTimes;

/// A moment that the container names, and where reading has to begin for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Point {
    pub time: Duration,
    pub byte: u64,
    /// Decoding can begin here.
    pub is_sync: bool,
}

/// A value that the container names, or one that lies between two of these.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Located<T> {
    pub value: T,
    /// False for an estimate.
    pub is_exact: bool,
}

/// What a stretch of film costs, with everything that stands between its pictures.
#[derive(Debug, Clone, PartialEq)]
pub struct BitRate {
    pub span: Range<Duration>,
    pub bits_per_second: f64,
}

/// Points of a film by time. A later one stands later in the file; there is at least one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "StoredTimes", into = "StoredTimes")]
pub struct TimeIndex {
    points: Vec<Point>,
    /// Where the film ends, if that is known.
    end: Option<(Duration, u64)>,
}

impl TimeIndex {
    /// `points` rise in time and byte; `None` if there is none. An end that is not behind all of them is not taken.
    pub(super) fn new(points: Vec<Point>, duration: Option<Duration>, end_byte: u64) -> Option<Self> {
        let last = points.last()?;
        let end = duration.filter(|end| *end > last.time && end_byte > last.byte).map(|end| (end, end_byte));
        Some(Self { points, end })
    }

    pub fn points(&self) -> &[Point] {
        &self.points
    }

    /// Where the film ends, in time and in the file, if that is known.
    pub fn end(&self) -> Option<(Duration, u64)> {
        self.end
    }

    /// The last place at or before that moment where decoding can begin; the first of all if it is before that.
    pub fn sync_before(&self, time: Duration) -> Option<Point> {
        let until = self.points.partition_point(|point| point.time <= time);
        let before = self.points[..until].iter().rev().find(|point| point.is_sync);
        before.or_else(|| self.points.iter().find(|point| point.is_sync)).copied()
    }

    /// As [`TimeIndex::sync_before`], with where the next such place stands in the file, or the film ends, if that is known:
    /// what lies between is enough to show the picture of that place.
    pub fn sync_span(&self, time: Duration) -> Option<(Point, Option<u64>)> {
        let point = self.sync_before(time)?;
        let next = self.points.partition_point(|other| other.byte <= point.byte);
        let next = self.points[next..].iter().find(|other| other.is_sync).map(|other| other.byte);
        Some((point, next.or(self.end.map(|(_, byte)| byte))))
    }

    /// Where that moment stands. Between two points the bit rate is taken as even.
    pub fn byte_at(&self, time: Duration) -> Located<u64> {
        let until = self.points.partition_point(|point| point.time <= time);
        let Some(before) = until.checked_sub(1).map(|index| self.points[index]) else {
            return Located { value: self.points[0].byte, is_exact: false };
        };
        if before.time == time {
            return Located { value: before.byte, is_exact: true };
        }
        let (end_time, end_byte) = self.after(until).unwrap_or((before.time, before.byte));
        let value = if time >= end_time {
            end_byte
        } else {
            let part = share(time - before.time, end_time - before.time);
            before.byte.saturating_add((part * (end_byte - before.byte) as f64) as u64).min(end_byte)
        };
        Located { value, is_exact: false }
    }

    /// Which moment stands at that byte. What is before it in the file, and not before the first point, is before it in the
    /// film. Between two points the bit rate is taken as even.
    pub fn time_at(&self, byte: u64) -> Located<Duration> {
        let until = self.points.partition_point(|point| point.byte <= byte);
        let Some(before) = until.checked_sub(1).map(|index| self.points[index]) else {
            return Located { value: self.points[0].time, is_exact: false };
        };
        if before.byte == byte {
            return Located { value: before.time, is_exact: true };
        }
        let (end_time, end_byte) = self.after(until).unwrap_or((before.time, before.byte));
        let value = if byte >= end_byte {
            end_time
        } else {
            let part = (byte - before.byte) as f64 / (end_byte - before.byte) as f64;
            // Over centuries a fraction is rounded by more than a nanosecond.
            (before.time + (end_time - before.time).mul_f64(part.clamp(0.0, 1.0))).min(end_time)
        };
        Located { value, is_exact: false }
    }

    /// What the film costs over spans of at least `shortest`, without gaps, from the first point to the last or to the end.
    pub fn bit_rates(&self, shortest: Duration) -> Vec<BitRate> {
        let mut rates = Vec::new();
        let (mut time, mut byte) = (self.points[0].time, self.points[0].byte);
        let borders = self.points[1..].iter().map(|point| (point.time, point.byte)).chain(self.end);
        let last = self.end.map_or(self.points[self.points.len() - 1].time, |(time, _)| time);
        for (next_time, next_byte) in borders {
            let length = next_time - time;
            // A short rest belongs to the span before it.
            let is_long_enough = length >= shortest && (next_time == last || last - next_time >= shortest);
            if is_long_enough || next_time == last {
                let bits_per_second = (next_byte - byte) as f64 * 8.0 / length.as_secs_f64();
                rates.push(BitRate { span: time..next_time, bits_per_second });
                (time, byte) = (next_time, next_byte);
            }
        }
        rates
    }

    /// What follows on the points before `index`: the next one, or the end.
    fn after(&self, index: usize) -> Option<(Duration, u64)> {
        self.points.get(index).map(|point| (point.time, point.byte)).or(self.end)
    }
}

fn share(part: Duration, whole: Duration) -> f64 {
    (part.as_secs_f64() / whole.as_secs_f64()).clamp(0.0, 1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secs(secs: f64) -> Duration {
        Duration::from_secs_f64(secs)
    }

    fn index() -> TimeIndex {
        let point = |at, byte, is_sync| Point { time: secs(at), byte, is_sync };
        let points = vec![
            point(1.0, 100, true),
            point(2.0, 300, false),
            point(4.0, 400, true),
            point(4.5, 1000, true),
        ];
        TimeIndex::new(points, Some(secs(6.0)), 2000).unwrap()
    }

    #[test]
    fn moments_and_bytes_are_exact_where_a_point_is_and_estimates_elsewhere() {
        let index = index();
        let table = [
            (0.5, 100, false),
            (1.0, 100, true),
            (1.5, 200, false),
            (2.0, 300, true),
            (4.0, 400, true),
            (5.25, 1500, false),
            (6.0, 2000, false),
            (9.0, 2000, false),
        ];
        for (at, byte, is_exact) in table {
            assert_eq!(index.byte_at(secs(at)), Located { value: byte, is_exact }, "{at}");
        }
        let table = [
            (0, 1.0, false),
            (100, 1.0, true),
            (200, 1.5, false),
            (350, 3.0, false),
            (1500, 5.25, false),
            (u64::MAX, 6.0, false),
        ];
        for (byte, at, is_exact) in table {
            assert_eq!(index.time_at(byte), Located { value: secs(at), is_exact }, "{byte}");
        }
    }

    #[test]
    fn decoding_begins_at_or_before_the_moment() {
        let index = index();
        for (at, byte) in [(0.0, 100), (1.0, 100), (3.9, 100), (4.0, 400), (99.0, 1000)] {
            assert_eq!(index.sync_before(secs(at)).unwrap().byte, byte, "{at}");
        }
    }

    #[test]
    fn a_span_reaches_to_the_next_place_where_decoding_can_begin() {
        let index = index();
        let span = |at| index.sync_span(secs(at)).map(|(point, end)| (point.byte, end)).unwrap();
        for (at, bytes) in [
            (0.0, (100, Some(400))),
            (3.9, (100, Some(400))),
            (4.0, (400, Some(1000))),
            (5.0, (1000, Some(2000))),
        ] {
            assert_eq!(span(at), bytes, "{at}");
        }
    }

    #[test]
    fn bit_rates_cover_the_film_in_spans_that_are_long_enough() {
        let rates = |shortest| -> Vec<_> {
            let spans = index().bit_rates(secs(shortest));
            spans.iter().map(|rate| (rate.span.start, rate.span.end, rate.bits_per_second)).collect()
        };
        assert_eq!(
            rates(0.0),
            [
                (secs(1.0), secs(2.0), 1600.0),
                (secs(2.0), secs(4.0), 400.0),
                (secs(4.0), secs(4.5), 9600.0),
                (secs(4.5), secs(6.0), 8000.0 / 1.5)
            ]
        );
        assert_eq!(rates(1.5), [(secs(1.0), secs(4.0), 800.0), (secs(4.0), secs(6.0), 6400.0)]);
        assert_eq!(rates(100.0), [(secs(1.0), secs(6.0), 3040.0)]);
    }

    #[test]
    fn an_estimate_stays_between_its_points_whatever_is_rounded() {
        let end = Duration::new(u64::from(u32::MAX), 999_999_999);
        let start = vec![Point { time: Duration::ZERO, byte: 0, is_sync: true }];
        let index = TimeIndex::new(start, Some(end), 1 << 62).unwrap();
        assert_eq!(index.time_at((1 << 62) - 1), Located { value: end, is_exact: false });
        assert!(index.byte_at(end - Duration::from_nanos(1)).value <= 1 << 62);
    }

    #[test]
    fn one_point_is_an_index_without_a_rate() {
        let one = vec![Point { time: secs(1.0), byte: 5, is_sync: true }];
        let index = TimeIndex::new(one, Some(secs(1.0)), 100).unwrap();
        assert_eq!(index.byte_at(secs(3.0)), Located { value: 5, is_exact: false });
        assert_eq!(index.time_at(70), Located { value: secs(1.0), is_exact: false });
        assert_eq!(index.bit_rates(secs(1.0)), []);
        assert_eq!(TimeIndex::new(Vec::new(), None, 100), None);
    }
}
