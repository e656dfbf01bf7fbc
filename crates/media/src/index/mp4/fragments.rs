//! Films in fragments: the index of segments (`sidx`, section 8.16.3) and the list of fragments at the end of the file
//! (`mfra`, section 8.8.9).

use std::collections::VecDeque;
use std::time::Duration;

use super::super::points::Points;
use super::fields::{Fields, ticks_to_duration};
use super::movie::Movie;
use crate::boxes::Boxes;

#[derive(Debug)]
pub(super) struct SegmentIndex {
    pub(super) points: Points,
    pub(super) duration: Duration,
    /// Where what it covers ends.
    pub(super) end: u64,
}

impl SegmentIndex {
    pub(super) fn new(file_bytes: u64, end: u64) -> Self {
        Self { points: Points::new(file_bytes), duration: Duration::ZERO, end }
    }

    /// Reads the body of a `sidx` that ends at `anchor`; indexes that it names go to `nested`. False if it is damaged.
    pub(super) fn read(&mut self, body: &[u8], anchor: u64, nested: &mut VecDeque<u64>) -> bool {
        self.try_read(body, anchor, nested).is_some()
    }

    fn try_read(&mut self, body: &[u8], anchor: u64, nested: &mut VecDeque<u64>) -> Option<()> {
        let mut fields = Fields(body);
        let (version, _) = fields.version()?;
        fields.u32()?;
        let ticks_per_second = fields.u32()?;
        let mut ticks = fields.by_version(version)?;
        let mut byte = anchor.checked_add(fields.by_version(version)?)?;
        fields.u16()?;
        let count = fields.u16()?;
        for _ in 0..count {
            let reference = fields.u32()?;
            let length = fields.u32()?;
            let access = fields.u32()?;
            if reference >> 31 == 1 {
                nested.push_back(byte);
            } else {
                self.points.push(ticks_to_duration(ticks, ticks_per_second), byte, access >> 31 == 1);
            }
            ticks = ticks.checked_add(u64::from(length))?;
            byte = byte.checked_add(u64::from(reference & 0x7fff_ffff))?;
            self.end = self.end.max(byte);
        }
        self.duration = self.duration.max(ticks_to_duration(ticks, ticks_per_second));
        Some(())
    }
}

/// The size of the `mfra` that ends with this `mfro`.
pub(super) fn mfra_bytes(tail: &[u8]) -> Option<u64> {
    let mut fields = Fields(Boxes::find(tail, b"mfro")?);
    fields.version()?;
    fields.u32().map(u64::from)
}

/// The sync samples that an `mfra`, with its header, lists of the main track, or of the first that it lists.
pub(super) fn fragment_points(mfra: &[u8], movie: &Movie, file_bytes: u64) -> Option<Points> {
    let mfra = Boxes::find(mfra, b"mfra")?;
    let lists = || Boxes::new(mfra).filter(|(kind, _)| kind == b"tfra").map(|(_, tfra)| tfra);
    let main = movie.main().map(|(number, _)| number);
    let of_main = lists().find(|tfra| main.is_some() && track_of(tfra) == main);
    let tfra = of_main.or_else(|| lists().next())?;
    let clock = movie.clock_of(track_of(tfra)?)?;
    let mut points = Points::new(file_bytes);

    let mut fields = Fields(tfra);
    let (version, _) = fields.version()?;
    fields.u32()?;
    let lengths = fields.u32()?;
    let numbers_bytes: u32 = [4, 2, 0].iter().map(|shift| (lengths >> shift & 3) + 1).sum();
    let count = fields.u32()?;
    for _ in 0..count {
        let (Some(ticks), Some(byte)) = (fields.by_version(version), fields.by_version(version)) else {
            break;
        };
        points.push(clock.time_of(i128::from(ticks)), byte, true);
        if fields.bytes(numbers_bytes as usize).is_none() {
            break;
        }
    }
    Some(points)
}

fn track_of(tfra: &[u8]) -> Option<u64> {
    let mut fields = Fields(tfra);
    fields.version()?;
    fields.u32().map(u64::from)
}
