//! Numbers in the bodies of boxes.

use std::time::Duration;

/// Takes numbers one after another; `None` where the body ends before.
#[derive(Debug, Clone)]
pub(super) struct Fields<'a>(pub(super) &'a [u8]);

impl<'a> Fields<'a> {
    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (array, rest) = self.0.split_first_chunk::<N>()?;
        self.0 = rest;
        Some(*array)
    }

    pub(super) fn bytes(&mut self, count: usize) -> Option<&'a [u8]> {
        let (bytes, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(bytes)
    }

    pub(super) fn u8(&mut self) -> Option<u8> {
        self.array::<1>().map(|[byte]| byte)
    }

    pub(super) fn u16(&mut self) -> Option<u16> {
        self.array().map(u16::from_be_bytes)
    }

    pub(super) fn u32(&mut self) -> Option<u32> {
        self.array().map(u32::from_be_bytes)
    }

    pub(super) fn u64(&mut self) -> Option<u64> {
        self.array().map(u64::from_be_bytes)
    }

    /// A number of 64 bits where the box is of version 1, of 32 elsewhere.
    pub(super) fn by_version(&mut self, version: u8) -> Option<u64> {
        if version == 1 { self.u64() } else { self.u32().map(u64::from) }
    }

    /// Version and flags, with which a full box begins.
    pub(super) fn version(&mut self) -> Option<(u8, u32)> {
        let word = self.u32()?;
        Some(((word >> 24) as u8, word & 0x00ff_ffff))
    }
}

/// The entries of a table of `N` words each, after version, flags and count. No more than the body has, whatever it says.
pub(super) fn table<const N: usize>(body: Option<&[u8]>) -> impl Iterator<Item = [u32; N]> + Clone + '_ {
    let mut fields = Fields(body.unwrap_or_default());
    let count = fields.version().and_then(|_| fields.u32()).unwrap_or(0);
    let (words, _) = fields.0.as_chunks::<4>();
    let (entries, _) = words.as_chunks::<N>();
    entries.iter().take(count as usize).map(|entry| entry.map(u32::from_be_bytes))
}

/// Zero for a clock without ticks.
pub(super) fn ticks_to_duration(ticks: u64, ticks_per_second: u32) -> Duration {
    let rate = u64::from(ticks_per_second);
    let (Some(secs), Some(rest)) = (ticks.checked_div(rate), ticks.checked_rem(rate)) else {
        return Duration::ZERO;
    };
    Duration::new(secs, (rest * 1_000_000_000 / rate) as u32)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_is_as_long_as_its_bytes() {
        let body = [&[0; 4][..], &[0xff; 4], &[0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3]].concat();
        assert_eq!(table::<1>(Some(&body)).collect::<Vec<_>>(), [[1], [2], [3]]);
        assert_eq!(table::<2>(Some(&body)).collect::<Vec<_>>(), [[1, 2]]);
        assert_eq!(table::<1>(None).count(), 0);
    }

    #[test]
    fn ticks_become_time_without_overflow() {
        assert_eq!(ticks_to_duration(45, 30), Duration::from_millis(1500));
        assert_eq!(ticks_to_duration(5, 0), Duration::ZERO);
        assert_eq!(ticks_to_duration(u64::MAX, u32::MAX).as_secs(), u64::MAX / u64::from(u32::MAX));
    }
}
