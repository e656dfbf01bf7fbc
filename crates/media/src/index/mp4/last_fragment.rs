//! Where the film ends, by its last fragment (`moof`, section 8.8): a film in fragments whose list stands at its end says it
//! nowhere else.

use std::time::Duration;

use super::fields::Fields;
use super::track::TrackClock;
use crate::boxes::Boxes;

pub(super) const MAX_BYTES: u64 = 1024 * 1024;

// Flags of `tfhd` and `trun`: which fields are there.
const BASE_OFFSET: u32 = 0x1;
const DESCRIPTION: u32 = 0x2;
const DEFAULT_DURATION: u32 = 0x8;
const DATA_OFFSET: u32 = 0x1;
const FIRST_FLAGS: u32 = 0x4;
const SAMPLE_DURATION: u32 = 0x100;
const SAMPLE_FIELDS: [u32; 4] = [SAMPLE_DURATION, 0x200, 0x400, 0x800];

/// How long a sample of that track is where its fragment does not say it; of the body of `mvex`.
pub(super) fn default_duration(mvex: &[u8], track: u64) -> Option<u32> {
    Boxes::new(mvex).filter(|(kind, _)| kind == b"trex").find_map(|(_, trex)| {
        let mut fields = Fields(trex);
        fields.version()?;
        let number = fields.u32()?;
        fields.u32()?;
        fields.u32().filter(|_| u64::from(number) == track)
    })
}

/// When the samples of that track in this `moof` end.
pub(super) fn end(moof: &[u8], track: u64, clock: TrackClock, default_duration: u32) -> Option<Duration> {
    let trafs = Boxes::new(moof).filter(|(kind, _)| kind == b"traf");
    let ends = trafs.filter_map(|(_, traf)| end_ticks(traf, track, default_duration));
    ends.max().map(|ticks| clock.time_of(i128::from(ticks)))
}

/// `None` for a fragment of another track.
fn end_ticks(traf: &[u8], track: u64, default_duration: u32) -> Option<u64> {
    let mut tfhd = Fields(Boxes::find(traf, b"tfhd")?);
    let (_, flags) = tfhd.version()?;
    if u64::from(tfhd.u32()?) != track {
        return None;
    }
    if flags & BASE_OFFSET != 0 {
        tfhd.u64()?;
    }
    if flags & DESCRIPTION != 0 {
        tfhd.u32()?;
    }
    let default_duration = if flags & DEFAULT_DURATION != 0 { tfhd.u32()? } else { default_duration };
    let mut tfdt = Fields(Boxes::find(traf, b"tfdt")?);
    let (version, _) = tfdt.version()?;
    let start = tfdt.by_version(version)?;
    let runs = Boxes::new(traf).filter(|(kind, _)| kind == b"trun");
    let durations = runs.map(|(_, trun)| run_ticks(trun, default_duration));
    durations.into_iter().try_fold(start, |end, ticks| end.checked_add(ticks?))
}

fn run_ticks(trun: &[u8], default_duration: u32) -> Option<u64> {
    let mut fields = Fields(trun);
    let (_, flags) = fields.version()?;
    let count = u64::from(fields.u32()?);
    if flags & SAMPLE_DURATION == 0 {
        return count.checked_mul(u64::from(default_duration));
    }
    for field in [DATA_OFFSET, FIRST_FLAGS] {
        if flags & field != 0 {
            fields.u32()?;
        }
    }
    let words = SAMPLE_FIELDS.iter().filter(|field| flags & **field != 0).count();
    let mut ticks = 0_u64;
    for _ in 0..count {
        // The duration is the first of them.
        let Some(mut sample) = fields.bytes(4 * words).map(Fields) else { break };
        ticks = ticks.checked_add(u64::from(sample.u32()?))?;
    }
    Some(ticks)
}
