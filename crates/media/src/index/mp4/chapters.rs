//! Chapters of MP4: a list in the movie (`chpl`), or a track of texts that another track names (QuickTime File Format,
//! "Chapter Lists").

use std::ops::{ControlFlow, Range};
use std::time::Duration;

use super::super::limits::MAX_CHAPTERS;
use super::super::{Chapter, ChapterName};
use super::fields::Fields;
use super::track::ParsedTrack;
use crate::text::shown;

/// Texts that lie closer together are asked for in one piece; of others only the times are known.
const MAX_TEXTS_BYTES: u64 = 256 * 1024;

fn chapter(start: Duration, text: &str, language: Option<&String>) -> Chapter {
    let names = shown(text).map(|text| ChapterName { text, language: language.cloned() });
    Chapter { start, end: None, names: names.into_iter().collect(), depth: 0 }
}

/// The body of `chpl`: times in units of 100 ns.
pub(super) fn list(chpl: &[u8]) -> Vec<Chapter> {
    let mut fields = Fields(chpl);
    let reserved = fields.version().and_then(|(version, _)| fields.bytes(if version > 0 { 4 } else { 0 }));
    let count = reserved.and_then(|_| fields.u8()).unwrap_or(0);
    let entries = std::iter::from_fn(|| {
        let ticks = fields.u64()?;
        let bytes = fields.u8()?;
        let text = fields.bytes(usize::from(bytes))?;
        let start = Duration::new(ticks / 10_000_000, (ticks % 10_000_000 * 100) as u32);
        Some(chapter(start, &String::from_utf8_lossy(text), None))
    });
    entries.take(usize::from(count)).collect()
}

/// Sorts chapters and lets each end where the next begins.
pub(super) fn close(chapters: &mut [Chapter], duration: Option<Duration>) {
    chapters.sort_by_key(|chapter| chapter.start);
    let mut next = duration;
    for chapter in chapters.iter_mut().rev() {
        chapter.end = next.filter(|end| *end > chapter.start);
        next = Some(chapter.start);
    }
}

/// Where the texts of a chapter track stand.
#[derive(Debug)]
pub(super) struct ChapterTexts {
    texts: Vec<(Duration, Range<u64>)>,
    language: Option<String>,
}

impl ChapterTexts {
    pub(super) fn of(track: &ParsedTrack<'_>) -> Option<Self> {
        let mut texts = Vec::new();
        track.tables?.walk(|sample| {
            if let Some(end) = sample.byte.checked_add(sample.bytes) {
                texts.push((track.clock.time_of(sample.ticks), sample.byte..end));
            }
            if texts.len() < MAX_CHAPTERS { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
        });
        let language = track.track.language.clone();
        (!texts.is_empty()).then_some(Self { texts, language })
    }

    /// The stretch of the file with all texts, if it is short.
    pub(super) fn range(&self) -> Option<Range<u64>> {
        let start = self.texts.iter().map(|(_, range)| range.start).min()?;
        let end = self.texts.iter().map(|(_, range)| range.end).max()?;
        (end - start <= MAX_TEXTS_BYTES && end > start).then_some(start..end)
    }

    pub(super) fn without_names(&self) -> Vec<Chapter> {
        self.texts.iter().map(|(start, _)| chapter(*start, "", None)).collect()
    }

    /// With the bytes of [`Self::range`], which begins at `start`.
    pub(super) fn with_names(&self, bytes: &[u8], start: u64) -> Vec<Chapter> {
        let name = |range: &Range<u64>| -> Option<String> {
            let from = usize::try_from(range.start.checked_sub(start)?).ok()?;
            let to = usize::try_from(range.end.checked_sub(start)?).ok()?;
            let mut sample = Fields(bytes.get(from..to)?);
            let length = sample.u16()?;
            sample.bytes(usize::from(length)).map(text)
        };
        self.texts
            .iter()
            .map(|(start, range)| chapter(*start, &name(range).unwrap_or_default(), self.language.as_ref()))
            .collect()
    }
}

/// UTF-8, or UTF-16 with a mark.
fn text(bytes: &[u8]) -> String {
    let units: fn([u8; 2]) -> u16 = match bytes {
        [0xfe, 0xff, ..] => u16::from_be_bytes,
        [0xff, 0xfe, ..] => u16::from_le_bytes,
        _ => return String::from_utf8_lossy(bytes).into_owned(),
    };
    let (pairs, _) = bytes.as_chunks::<2>();
    let wide: Vec<u16> = pairs.iter().skip(1).map(|pair| units(*pair)).collect();
    String::from_utf16_lossy(&wide)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_utf_8_or_marked_utf_16() {
        assert_eq!(text("Глава".as_bytes()), "Глава");
        assert_eq!(text(b"\xfe\xff\x04\x13\0!"), "Г!");
        assert_eq!(text(b"\xff\xfe\x13\x04!\0"), "Г!");
    }

    #[test]
    fn a_list_ends_where_its_bytes_do() {
        let mut chpl = b"\x01\0\0\0\0\0\0\0\xff".to_vec();
        chpl.extend(15_000_000_u64.to_be_bytes());
        chpl.extend(b"\x02ab\0\0");
        let mut chapters = list(&chpl);
        close(&mut chapters, Some(Duration::from_secs(9)));
        assert_eq!(chapters.len(), 1);
        assert_eq!(chapters[0].start, Duration::from_millis(1500));
        assert_eq!(
            (chapters[0].end, chapters[0].names[0].text.as_str()),
            (Some(Duration::from_secs(9)), "ab")
        );
    }
}
