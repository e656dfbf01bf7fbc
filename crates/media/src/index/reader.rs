//! Says which bytes it needs, and is fed with them.

use std::ops::Range;

use super::limits::{HEAD_BYTES, MAX_ASKED_BYTES, MAX_STEPS};
use super::matroska::Matroska;
use super::mp4::Mp4;
use super::window::Window;
use super::{ContainerIndex, IndexError};

/// What is kept back of what may be asked for.
const HEADERS_BYTES: u64 = 64 * 1024;

/// What a container is read by; see the sections of RFC 9559 and ISO/IEC 14496-12 in the modules.
#[derive(Debug)]
enum Machine {
    /// Which one it is stands in so many bytes at the front.
    Unknown(u64),
    Matroska(Box<Matroska>),
    Mp4(Box<Mp4>),
    Ended,
}

/// One step of a machine.
#[derive(Debug)]
pub(super) enum Step {
    /// The bytes of this stretch, which is not empty; then the same step again.
    Need(Range<u64>),
    Go,
    Done(Box<ContainerIndex>),
}

/// How a machine sees the file: the bytes at hand, and what may still be asked for.
#[derive(Debug, Clone, Copy)]
pub(super) struct View<'a> {
    pub(super) window: &'a Window,
    pub(super) file_bytes: u64,
    left_bytes: u64,
}

impl View<'_> {
    /// Whether so much may still be asked for, and a few headers besides.
    pub(super) fn affords(&self, range: &Range<u64>) -> bool {
        range.end.saturating_sub(range.start).saturating_add(HEADERS_BYTES) <= self.left_bytes
    }
}

/// What [`Reader::feed`] came to.
#[derive(Debug)]
pub enum Progress {
    /// More is needed: the bytes of this stretch of the file, which is not empty.
    Need(Range<u64>),
    Done(Box<ContainerIndex>),
}

/// Reads the index of a container from just those bytes of the file in which it stands.
///
/// Does no I/O and never waits. Asks for at most [`MAX_ASKED_BYTES`] in all, and keeps no more in memory than it was fed.
#[derive(Debug)]
pub struct Reader {
    file_bytes: u64,
    window: Window,
    machine: Machine,
    need: Range<u64>,
    asked_bytes: u64,
    steps: u32,
}

impl Reader {
    /// A reader of a file of `file_bytes`, whether they are here or not.
    pub fn new(file_bytes: u64) -> Self {
        Self::with_head(file_bytes, HEAD_BYTES)
    }

    /// A reader that begins with fewer bytes, at least 8: what it finds is the same.
    pub(crate) fn with_head(file_bytes: u64, head_bytes: u64) -> Self {
        let head = file_bytes.min(head_bytes);
        Self {
            file_bytes,
            window: Window::default(),
            machine: Machine::Unknown(head),
            need: 0..head,
            asked_bytes: head,
            steps: 0,
        }
    }

    /// The stretch of the file that [`Self::feed`] takes next. Empty when the reader has ended.
    pub fn need(&self) -> Range<u64> {
        self.need.clone()
    }

    /// How much was asked for so far.
    pub fn asked_bytes(&self) -> u64 {
        self.asked_bytes
    }

    /// Takes the bytes at the start of [`Self::need`], or as many of them as there are; what goes past it is left out.
    ///
    /// # Errors
    /// [`IndexError`]; then the reader has ended. No bytes where some are needed are the end of a file that is shorter than
    /// was said: [`IndexError::Truncated`].
    pub fn feed(&mut self, bytes: &[u8]) -> Result<Progress, IndexError> {
        let result = self.take(bytes);
        match &result {
            Ok(Progress::Need(need)) => self.need = need.clone(),
            Ok(Progress::Done(_)) | Err(_) => {
                self.machine = Machine::Ended;
                self.window = Window::default();
                self.need = 0..0;
            }
        }
        result
    }

    fn take(&mut self, bytes: &[u8]) -> Result<Progress, IndexError> {
        let missing = self.need.end - self.need.start;
        if missing > 0 && bytes.is_empty() {
            return Err(IndexError::Truncated(self.need.start));
        }
        let taken = &bytes[..bytes.len().min(usize::try_from(missing).unwrap_or(usize::MAX))];
        self.window.append(taken);
        let rest = self.need.start + taken.len() as u64..self.need.end;
        if !rest.is_empty() {
            return Ok(Progress::Need(rest));
        }
        loop {
            match self.step()? {
                Step::Done(index) => return Ok(Progress::Done(index)),
                Step::Need(range) => {
                    if range.end > self.file_bytes {
                        return Err(IndexError::Truncated(self.file_bytes));
                    }
                    let missing = self.window.make_room(&range);
                    self.asked_bytes += missing.end - missing.start;
                    if self.asked_bytes > MAX_ASKED_BYTES {
                        return Err(IndexError::TooLarge);
                    }
                    return Ok(Progress::Need(missing));
                }
                Step::Go => {}
            }
            self.steps += 1;
            if self.steps > MAX_STEPS {
                return Err(IndexError::TooLarge);
            }
        }
    }

    fn step(&mut self) -> Result<Step, IndexError> {
        let left_bytes = MAX_ASKED_BYTES - self.asked_bytes;
        let view = View { window: &self.window, file_bytes: self.file_bytes, left_bytes };
        match &mut self.machine {
            Machine::Ended => Err(IndexError::Ended),
            Machine::Matroska(matroska) => matroska.step(view),
            Machine::Mp4(mp4) => mp4.step(view),
            Machine::Unknown(head) => {
                let head = self.window.get(&(0..*head)).unwrap_or_default();
                self.machine = if Matroska::begins(head) {
                    Machine::Matroska(Box::default())
                } else if Mp4::begins(head) {
                    Machine::Mp4(Box::default())
                } else {
                    return Err(IndexError::UnknownContainer);
                };
                Ok(Step::Go)
            }
        }
    }
}
