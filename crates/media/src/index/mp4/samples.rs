//! The tables of samples of one track (ISO/IEC 14496-12 sections 8.6 and 8.7).

use std::ops::ControlFlow;

use super::fields::{Fields, table};
use crate::boxes::Boxes;

/// Up to so many samples of one size are visited one by one; of more, only those that a table names.
const MAX_EVEN_SAMPLES: u64 = 1 << 20;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Sample {
    /// When it is shown, by the clock of the track, before edits.
    pub(super) ticks: i128,
    pub(super) byte: u64,
    pub(super) bytes: u64,
    pub(super) is_sync: bool,
}

#[derive(Debug, Clone, Copy)]
enum Sizes<'a> {
    Even(u32),
    /// Big-endian, of so many bits each.
    Table(&'a [u8], u8),
}

impl Sizes<'_> {
    fn get(self, index: u64) -> Option<u64> {
        match self {
            Sizes::Even(bytes) => Some(u64::from(bytes)),
            Sizes::Table(table, bits) => {
                let index = usize::try_from(index).ok()?;
                match bits {
                    4 => table
                        .get(index / 2)
                        .map(|pair| u64::from(if index % 2 == 0 { pair >> 4 } else { pair & 15 })),
                    8 => table.get(index).map(|byte| u64::from(*byte)),
                    16 => Some(u64::from(u16::from_be_bytes(*table.as_chunks::<2>().0.get(index)?))),
                    _ => Some(u64::from(u32::from_be_bytes(*table.as_chunks::<4>().0.get(index)?))),
                }
            }
        }
    }
}

/// The tables as they stand in memory.
#[derive(Debug, Clone, Copy)]
pub(super) struct Tables<'a> {
    pub(super) sample_count: u64,
    sizes: Sizes<'a>,
    chunk_runs: Option<&'a [u8]>,
    chunks: Option<&'a [u8]>,
    large_chunks: Option<&'a [u8]>,
    durations: Option<&'a [u8]>,
    shifts: Option<&'a [u8]>,
    syncs: Option<&'a [u8]>,
}

impl<'a> Tables<'a> {
    /// `None` if there are no sizes.
    pub(super) fn new(stbl: &'a [u8]) -> Option<Self> {
        let find = |kind| Boxes::find(stbl, kind);
        let (sample_count, sizes) = if let Some(stsz) = find(b"stsz") {
            let mut fields = Fields(stsz);
            fields.version()?;
            match (fields.u32()?, fields.u32()?) {
                (0, count) => (u64::from(count).min(fields.0.len() as u64 / 4), Sizes::Table(fields.0, 32)),
                (even, count) => (u64::from(count), Sizes::Even(even)),
            }
        } else {
            let mut fields = Fields(find(b"stz2")?);
            fields.version()?;
            let bits = (fields.u32()? & 0xff) as u8;
            let count = fields.u32()?;
            if !matches!(bits, 4 | 8 | 16) {
                return None;
            }
            let present = fields.0.len() as u64 * 8 / u64::from(bits);
            (u64::from(count).min(present), Sizes::Table(fields.0, bits))
        };
        Some(Self {
            sample_count,
            sizes,
            chunk_runs: find(b"stsc"),
            chunks: find(b"stco"),
            large_chunks: find(b"co64"),
            durations: find(b"stts"),
            shifts: find(b"ctts"),
            syncs: find(b"stss"),
        })
    }

    /// Calls `visit` for the samples in the order of the tables, until it breaks or a table ends. Takes time in proportion to
    /// the bytes of the tables: of many samples of one size, only the first of each chunk and those that are in the list of
    /// sync samples are visited.
    pub(super) fn walk(&self, mut visit: impl FnMut(Sample) -> ControlFlow<()>) {
        let one_by_one = matches!(self.sizes, Sizes::Table(..)) || self.sample_count <= MAX_EVEN_SAMPLES;
        let offsets = table::<1>(self.chunks)
            .map(|[offset]| u64::from(offset))
            .chain(table::<2>(self.large_chunks).map(|[high, low]| u64::from(high) << 32 | u64::from(low)));
        let mut runs = table::<3>(self.chunk_runs).peekable();
        let mut per_chunk = 0;
        let mut clock = clock(self);
        let mut syncs = syncs(self);
        let mut first = 0_u64;
        for (chunk, offset) in (1_u32..).zip(offsets) {
            while let Some([_, count, _]) = runs.next_if(|[from, ..]| *from <= chunk) {
                per_chunk = u64::from(count);
            }
            let end = first.saturating_add(per_chunk).min(self.sample_count);
            let (mut index, mut byte) = (first, offset);
            while index < end {
                let (Some(bytes), Some(ticks)) = (self.sizes.get(index), clock.at(index)) else { return };
                let sample = Sample { ticks, byte, bytes, is_sync: syncs.is_sync(index) };
                if visit(sample).is_break() {
                    return;
                }
                let next = if one_by_one { index + 1 } else { syncs.after(index).unwrap_or(end).min(end) };
                // More than one at a time are of one size.
                let Some(passed) =
                    bytes.checked_mul(next - index).and_then(|passed| byte.checked_add(passed))
                else {
                    return;
                };
                (index, byte) = (next, passed);
            }
            first = end;
            if first >= self.sample_count {
                return;
            }
        }
    }
}

/// The times of samples that are asked for in rising order.
struct Clock<D, S> {
    durations: D,
    /// The samples of the present run: first, end, time of the first, duration of each.
    run: (u64, u64, u64, u64),
    shifts: S,
    /// End of the present run of shifts, and the shift.
    shift: (u64, i32),
}

fn clock<'a>(
    tables: &Tables<'a>,
) -> Clock<impl Iterator<Item = [u32; 2]> + use<'a>, impl Iterator<Item = [u32; 2]> + use<'a>> {
    Clock {
        durations: table::<2>(tables.durations),
        run: (0, 0, 0, 0),
        shifts: table::<2>(tables.shifts),
        shift: (0, 0),
    }
}

impl<D: Iterator<Item = [u32; 2]>, S: Iterator<Item = [u32; 2]>> Clock<D, S> {
    fn at(&mut self, index: u64) -> Option<i128> {
        while index >= self.run.1 {
            let (first, end, start, each) = self.run;
            let start = start.checked_add((end - first).checked_mul(each)?)?;
            let [count, each] = self.durations.next()?;
            self.run = (end, end.checked_add(u64::from(count))?, start, u64::from(each));
        }
        while index >= self.shift.0 {
            let Some([count, shift]) = self.shifts.next() else {
                self.shift = (u64::MAX, 0);
                break;
            };
            // Writers use negative numbers in version 0 too.
            self.shift = (self.shift.0.saturating_add(u64::from(count)), shift.cast_signed());
        }
        let (first, _, start, each) = self.run;
        let decoded = start.checked_add((index - first).checked_mul(each)?)?;
        Some(i128::from(decoded) + i128::from(self.shift.1))
    }
}

/// Sync samples, asked for in rising order. Without a list every sample is one.
struct Syncs<I: Iterator<Item = [u32; 1]>> {
    list: Option<std::iter::Peekable<I>>,
}

fn syncs<'a>(tables: &Tables<'a>) -> Syncs<impl Iterator<Item = [u32; 1]> + use<'a>> {
    Syncs { list: tables.syncs.map(|stss| table::<1>(Some(stss)).peekable()) }
}

impl<I: Iterator<Item = [u32; 1]>> Syncs<I> {
    fn is_sync(&mut self, index: u64) -> bool {
        let Some(list) = &mut self.list else { return true };
        // The list counts from 1.
        while list.next_if(|[number]| u64::from(*number) < index + 1).is_some() {}
        list.peek().is_some_and(|[number]| u64::from(*number) == index + 1)
    }

    /// The next one in the list behind `index`.
    fn after(&mut self, index: u64) -> Option<u64> {
        let list = self.list.as_mut()?;
        while list.next_if(|[number]| u64::from(*number) <= index + 1).is_some() {}
        list.peek().map(|[number]| u64::from(*number) - 1)
    }
}
