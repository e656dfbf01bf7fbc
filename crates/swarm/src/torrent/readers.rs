//! Who reads what, how far ahead is fetched for them, and who waits.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::oneshot;

use super::StorageFailure;
use super::checks::PieceData;
use crate::layout::{Layout, PieceIndex};
use crate::schedule::{Class, Demand, ReaderId};

/// What is fetched ahead of a reader, in seconds of what it reads.
const READ_AHEAD_SECS: f64 = 30.0;
/// Never less is fetched ahead than this, and never more.
const READ_AHEAD_BYTES: Range<f64> = (16 << 20) as f64..(64 << 20) as f64;
/// Somebody who looks into a file reads a little here and there.
const PREVIEW_BYTES: u64 = 2 << 20;
/// A line of text here, the next one megabytes later.
const SUBTITLE_BYTES: u64 = 64 << 10;
/// What is assumed before somebody has read for a while: 8 Mbit/s.
const FIRST_GUESS_BYTES_PER_SEC: f64 = 1e6;
/// How long what was read before counts.
const PACE_MEMORY_SECS: f64 = 5.0;
/// Who waits for longer is dry.
const DRY_AFTER: Duration = Duration::from_millis(250);
/// What the answer to a read covers at most: then the reader tells where it stands.
pub(super) const MAX_GRANT_BYTES: u64 = 1 << 20;

/// What a reader may read.
#[derive(Debug)]
pub(crate) enum Granted {
    /// A piece that is not on the disk yet.
    Memory { piece: PieceIndex, data: Arc<PieceData> },
    /// Everything from where it asked up to this byte of the torrent lies on the disk.
    Disk { until: u64 },
    /// Transfers are paused, and the byte is not here.
    Paused,
    /// The byte is not here, and nothing is to be fetched.
    NotHere,
    /// Nothing will come any more.
    Failed(StorageFailure),
}

#[derive(Debug)]
struct Reader {
    /// Of the torrent.
    bytes: Range<u64>,
    class: Class,
    position: u64,
    waiting: Option<oneshot::Sender<Granted>>,
    pace: Pace,
    /// Where its window ends at the latest, so that all fits into the budget.
    window_end: Option<u64>,
    has_begun: bool,
    waiting_since: Option<Duration>,
    /// When it is served next, that is worth a note.
    is_noted: bool,
}

/// How fast somebody reads, while nothing holds it up.
#[derive(Debug)]
struct Pace {
    bytes: f64,
    secs: f64,
    seen_at: Duration,
}

impl Pace {
    fn new(now: Duration) -> Self {
        Self { bytes: FIRST_GUESS_BYTES_PER_SEC * 0.5, secs: 0.5, seen_at: now }
    }

    fn moved(&mut self, bytes: u64, now: Duration) {
        let secs = now.saturating_sub(self.seen_at).as_secs_f64();
        self.seen_at = now;
        let kept = (-secs / PACE_MEMORY_SECS).exp();
        self.bytes = self.bytes * kept + bytes as f64;
        self.secs = self.secs * kept + secs;
    }

    fn bytes_per_sec(&self) -> f64 {
        (self.bytes / self.secs.max(1e-3)).max(FIRST_GUESS_BYTES_PER_SEC)
    }
}

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Readers {
    all: BTreeMap<ReaderId, Reader>,
    next: u64,
    /// Who got its first bytes after it had none, and how long that took.
    served: Vec<(ReaderId, Duration)>,
}

impl Readers {
    pub(super) fn open(&mut self, bytes: Range<u64>, class: Class, now: Duration) -> ReaderId {
        let id = ReaderId(self.next);
        self.next += 1;
        let position = bytes.start;
        let reader = Reader {
            bytes,
            class,
            position,
            waiting: None,
            pace: Pace::new(now),
            window_end: None,
            has_begun: false,
            waiting_since: None,
            is_noted: true,
        };
        self.all.insert(id, reader);
        id
    }

    pub(super) fn close(&mut self, id: ReaderId) -> bool {
        self.all.remove(&id).is_some()
    }

    pub(super) fn len(&self) -> usize {
        self.all.len()
    }

    /// It needs the byte at `at` and waits for the answer. Gives whether it went there from elsewhere; `None` if there is no
    /// such reader.
    pub(super) fn wants(
        &mut self,
        id: ReaderId,
        at: u64,
        answer: oneshot::Sender<Granted>,
        now: Duration,
    ) -> Option<bool> {
        let reader = self.all.get_mut(&id)?;
        let step_bytes = at.checked_sub(reader.position).filter(|bytes| *bytes <= 2 * MAX_GRANT_BYTES);
        match step_bytes {
            Some(bytes) => reader.pace.moved(bytes, now),
            // A seek says nothing of how fast it reads.
            None => reader.pace.seen_at = now,
        }
        reader.is_noted |= step_bytes.is_none();
        reader.waiting_since = Some(now);
        reader.position = at;
        reader.waiting = Some(answer);
        reader.has_begun = true;
        Some(step_bytes.is_none())
    }

    pub(super) fn ids(&self) -> Vec<ReaderId> {
        self.all.keys().copied().collect()
    }

    /// What would be fetched for a reader if there was room for everything.
    pub(super) fn wish(&self, id: ReaderId) -> Option<Demand> {
        self.all.get(&id).map(Reader::wish)
    }

    /// Whether it has asked for something: before that nothing is fetched for it.
    pub(super) fn has_begun(&self, id: ReaderId) -> bool {
        self.all.get(&id).is_some_and(|reader| reader.has_begun)
    }

    /// Nothing is fetched for the reader from this byte of the torrent on. Gives whether that is another end than before.
    pub(super) fn end_window(&mut self, id: ReaderId, end: Option<u64>) -> bool {
        let Some(reader) = self.all.get_mut(&id) else { return false };
        std::mem::replace(&mut reader.window_end, end) != end
    }

    /// Answers who waits for a byte of this piece.
    pub(super) fn answer(
        &mut self,
        layout: &Layout,
        piece: PieceIndex,
        mut grant: impl FnMut(u64, u64) -> Granted,
        now: Duration,
    ) {
        for (id, reader) in &mut self.all {
            if reader.waiting.is_some() && layout.piece_at(reader.position) == piece {
                self.served.extend(reader.answer(&mut grant, now).map(|waited| (*id, waited)));
            }
        }
    }

    /// Answers everybody who waits.
    pub(super) fn answer_all(&mut self, mut grant: impl FnMut(u64, u64) -> Granted, now: Duration) {
        for reader in self.all.values_mut() {
            reader.answer(&mut grant, now);
        }
    }

    /// Those who got their first bytes since the last call after they had none.
    pub(super) fn take_served(&mut self) -> Vec<(ReaderId, Duration)> {
        std::mem::take(&mut self.served)
    }

    /// Those who have waited for a while, each once.
    pub(super) fn take_dry(&mut self, now: Duration) -> Vec<ReaderId> {
        let is_dry = |reader: &Reader| {
            let waited = reader.waiting_since.map(|since| now.saturating_sub(since));
            reader.waiting.is_some() && !reader.is_noted && waited.is_some_and(|waited| waited >= DRY_AFTER)
        };
        let dry = self.all.iter_mut().filter(|(_, reader)| is_dry(reader));
        dry.map(|(id, reader)| {
            reader.is_noted = true;
            *id
        })
        .collect()
    }

    /// Where the reader of the first class waits that waits at all, and whether anything may be fetched for it.
    pub(super) fn most_urgent_wait(&self) -> Option<(u64, bool)> {
        let waiting = self.all.values().filter(|reader| reader.waiting.is_some());
        let reader = waiting.min_by_key(|reader| reader.class)?;
        Some((reader.position, reader.demand().window_bytes > 0))
    }

    /// What everybody needs who watches, here or elsewhere, where it ends, and whether it waits.
    pub(super) fn watching(&self) -> impl Iterator<Item = (Demand, u64, bool)> {
        let is_watching = |reader: &&Reader| matches!(reader.class, Class::Player | Class::Cast);
        let begun = self.all.values().filter(|reader| reader.has_begun).filter(is_watching);
        begun.map(|reader| (reader.demand(), reader.bytes.end, reader.waiting.is_some()))
    }

    /// The pieces that somebody waits for.
    pub(super) fn awaited(&self, layout: &Layout) -> Vec<PieceIndex> {
        let waiting = self.all.values().filter(|reader| reader.waiting.is_some());
        waiting.map(|reader| layout.piece_at(reader.position)).collect()
    }

    /// Whether the piece is in the window of a reader.
    pub(super) fn wants_piece(&self, layout: &Layout, piece: PieceIndex) -> bool {
        self.windows(layout).iter().any(|window| window.contains(&piece.0))
    }

    /// The window of every reader, in pieces.
    pub(super) fn windows(&self, layout: &Layout) -> Vec<Range<u32>> {
        let window = |reader: &Reader| {
            let demand = reader.demand();
            layout.pieces_of(demand.start_byte..demand.start_byte + demand.window_bytes)
        };
        self.all.values().map(window).collect()
    }
}

impl Reader {
    fn demand(&self) -> Demand {
        let wish = self.wish();
        let until_end = self.window_end.map_or(u64::MAX, |end| end.saturating_sub(self.position));
        Demand { window_bytes: wish.window_bytes.min(until_end), ..wish }
    }

    fn wish(&self) -> Demand {
        let left = self.bytes.end.saturating_sub(self.position);
        let bytes_per_sec = self.pace.bytes_per_sec();
        let window_bytes = match self.class {
            Class::Preview => PREVIEW_BYTES,
            Class::Subtitles => SUBTITLE_BYTES,
            _ => (bytes_per_sec * READ_AHEAD_SECS).clamp(READ_AHEAD_BYTES.start, READ_AHEAD_BYTES.end) as u64,
        };
        Demand {
            class: self.class,
            start_byte: self.position,
            window_bytes: window_bytes.min(left),
            bytes_per_sec,
        }
    }

    /// `grant` gets the place and the end of what may be asked for.
    /// Gives how long it waited, if it got bytes after it had none.
    fn answer(&mut self, grant: &mut impl FnMut(u64, u64) -> Granted, now: Duration) -> Option<Duration> {
        let answer = self.waiting.take()?;
        let waited = now.saturating_sub(self.waiting_since.take().unwrap_or(now));
        // The time it waited was not its own.
        self.pace.seen_at = now;
        // Who dropped the question does not need the answer.
        let granted = grant(self.position, self.bytes.end.min(self.position + MAX_GRANT_BYTES));
        let has_bytes = matches!(granted, Granted::Memory { .. } | Granted::Disk { .. });
        let _ = answer.send(granted);
        (has_bytes && std::mem::take(&mut self.is_noted)).then_some(waited)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn subtitles_and_looks_fetch_little_ahead_whatever_their_pace() {
        let mut readers = Readers::default();
        let window = |readers: &mut Readers, class| {
            let id = readers.open(0..1 << 40, class, Duration::ZERO);
            readers.wish(id).map(|demand| demand.window_bytes)
        };
        assert_eq!(window(&mut readers, Class::Subtitles), Some(64 << 10));
        assert_eq!(window(&mut readers, Class::Preview), Some(2 << 20));
        assert!(window(&mut readers, Class::Player) >= Some(16 << 20));
    }
}
