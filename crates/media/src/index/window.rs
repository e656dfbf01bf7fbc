//! The bytes that are at hand.

use std::ops::Range;

/// One stretch of the file. What stands before the latest request is let go.
#[derive(Debug, Default)]
pub(super) struct Window {
    start: u64,
    bytes: Vec<u8>,
}

impl Window {
    fn end(&self) -> u64 {
        self.start + self.bytes.len() as u64
    }

    /// The bytes of that stretch, if all of it is here.
    pub(super) fn get(&self, range: &Range<u64>) -> Option<&[u8]> {
        let from = usize::try_from(range.start.checked_sub(self.start)?).ok()?;
        let to = usize::try_from(range.end.checked_sub(self.start)?).ok()?;
        self.bytes.get(from..to)
    }

    /// Makes room for `range`, which is not here, and says which part of it is missing.
    pub(super) fn make_room(&mut self, range: &Range<u64>) -> Range<u64> {
        if (self.start..=self.end()).contains(&range.start) {
            let passed = usize::try_from(range.start - self.start).unwrap_or(self.bytes.len());
            self.bytes.drain(..passed);
        } else {
            self.bytes = Vec::new();
        }
        self.start = range.start;
        self.end()..range.end
    }

    /// Appends what was missing, or the beginning of it.
    pub(super) fn append(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }
}
