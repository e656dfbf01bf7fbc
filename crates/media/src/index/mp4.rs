//! MP4 and MOV (ISO/IEC 14496-12): the boxes of the file one after another up to `moov`, stepping over `mdat`; for a film in
//! fragments the index of segments behind it (`sidx`) or the one at the end (`mfra`). No fragment is ever read.

mod chapters;
mod covers;
mod fields;
mod fragments;
mod last_fragment;
mod movie;
mod samples;
mod track;

use std::collections::VecDeque;
use std::ops::Range;
use std::time::Duration;

use self::chapters::ChapterTexts;
use self::fragments::SegmentIndex;
use self::movie::Movie;
use super::points::{MAX_TIME, Points};
use super::reader::{Step, View};
use super::{Attachment, Chapter, Container, ContainerIndex, Edition, IndexError, NoTimeIndex, TimeIndex};
use crate::boxes::{BodySize, BoxHeader, HeaderError, MAX_HEADER_BYTES};

/// Boxes that a file may begin with.
const FIRST: [&[u8; 4]; 8] = [b"ftyp", b"moov", b"mdat", b"free", b"skip", b"wide", b"pnot", b"styp"];
/// Boxes that belong to one fragment.
const FRAGMENT: [&[u8; 4]; 6] = [b"moof", b"sidx", b"styp", b"mdat", b"emsg", b"prft"];
const MAX_SEGMENT_INDEX_BYTES: u64 = 8 * 1024 * 1024;
const MAX_NESTED: usize = 1024;
/// `mfro`, the last box of a file whose fragments are listed at its end.
const MFRO_BYTES: u64 = 16;

#[derive(Debug, Default)]
pub(super) struct Mp4 {
    state: State,
    movie: Option<Movie>,
    texts: Option<ChapterTexts>,
    segments: Option<SegmentIndex>,
    /// Indexes of segments that others name.
    nested: VecDeque<u64>,
    fragment_points: Option<Points>,
    chapters: Vec<Chapter>,
    covers: Vec<Attachment>,
    /// Starts of what is no film, for the end of it.
    starts: Vec<u64>,
    too_large: bool,
}

#[derive(Debug)]
enum State {
    ToMovie(u64),
    Movie(Range<u64>),
    Texts(Range<u64>),
    /// Behind the movie of a film in fragments.
    ToSegments(u64),
    Segments(Range<u64>),
    NestedAt(u64),
    /// Whether anything stands behind what the index of segments covers.
    Behind(u64),
    Tail,
    Fragments(Range<u64>),
    LastFragmentAt(u64),
    LastFragment(Range<u64>),
    Finish,
}

impl Default for State {
    fn default() -> Self {
        Self::ToMovie(0)
    }
}

/// The header of a box, if it is at hand.
enum Look {
    Found {
        kind: [u8; 4],
        body: Range<u64>,
    },
    Broken,
    /// The file ends before or inside the header.
    End,
    Need(Range<u64>),
}

fn look(view: View<'_>, at: u64) -> Look {
    let until = at.saturating_add(MAX_HEADER_BYTES as u64).min(view.file_bytes);
    if until <= at {
        return Look::End;
    }
    let Some(bytes) = view.window.get(&(at..until)) else { return Look::Need(at..until) };
    match BoxHeader::parse(bytes) {
        Err(HeaderError::CutShort) => Look::End,
        Err(HeaderError::Size(_)) => Look::Broken,
        Ok(header) => {
            let start = at + u64::from(header.header_bytes);
            let end = match header.body {
                BodySize::Bytes(bytes) => start.saturating_add(bytes),
                BodySize::ToTheEnd => view.file_bytes,
            };
            Look::Found { kind: header.kind, body: start..end }
        }
    }
}

impl Mp4 {
    pub(super) fn begins(head: &[u8]) -> bool {
        head.get(4..8).is_some_and(|kind| FIRST.iter().any(|first| *first == kind))
    }

    pub(super) fn step(&mut self, view: View<'_>) -> Result<Step, IndexError> {
        match std::mem::replace(&mut self.state, State::Finish) {
            State::ToMovie(at) => self.find_movie(view, at),
            State::Movie(body) => self.movie(view, body),
            State::Texts(range) => Ok(self.texts(view, range)),
            State::ToSegments(at) => Ok(self.find_segments(view, at)),
            State::Segments(body) => Ok(self.segments(view, body)),
            State::NestedAt(at) => Ok(self.nested_at(view, at)),
            State::Behind(at) => Ok(self.behind(view, at)),
            State::Tail => Ok(self.tail(view)),
            State::Fragments(range) => Ok(self.fragments(view, range)),
            State::LastFragmentAt(at) => Ok(self.last_fragment_at(view, at)),
            State::LastFragment(body) => Ok(self.last_fragment(view, body)),
            State::Finish => self.finish(view),
        }
    }

    fn wait(&mut self, state: State, range: Range<u64>) -> Step {
        self.state = state;
        Step::Need(range)
    }

    fn find_movie(&mut self, view: View<'_>, at: u64) -> Result<Step, IndexError> {
        let (kind, body) = match look(view, at) {
            Look::Found { kind, body } => (kind, body),
            Look::Broken => return Err(IndexError::Damaged(at)),
            Look::End => return Err(IndexError::Truncated(view.file_bytes)),
            Look::Need(range) => return Ok(self.wait(State::ToMovie(at), range)),
        };
        if body.end > view.file_bytes {
            return Err(IndexError::Truncated(view.file_bytes));
        }
        self.state = if &kind == b"moov" {
            if !view.affords(&body) {
                return Err(IndexError::TooLarge);
            }
            self.starts.push(at);
            State::Movie(body)
        } else {
            State::ToMovie(body.end)
        };
        Ok(Step::Go)
    }

    fn movie(&mut self, view: View<'_>, body: Range<u64>) -> Result<Step, IndexError> {
        let Some(bytes) = view.window.get(&body) else {
            return Ok(self.wait(State::Movie(body.clone()), body));
        };
        let mut movie = Movie::parse(bytes, view.file_bytes).ok_or(IndexError::Damaged(body.start))?;
        self.chapters = std::mem::take(&mut movie.chapters);
        self.covers = covers::covers(bytes, body.start);
        self.texts = movie.texts.take();
        let is_in_fragments = movie.is_in_fragments;
        self.movie = Some(movie);
        self.state = if is_in_fragments { State::ToSegments(body.end) } else { State::Finish };
        if self.chapters.is_empty()
            && let Some(texts) = &self.texts
        {
            match texts.range() {
                // In a film in fragments the tables of the movie are empty.
                Some(range) if range.end <= view.file_bytes && view.affords(&range) && !is_in_fragments => {
                    self.state = State::Texts(range);
                }
                _ => self.chapters = texts.without_names(),
            }
        }
        Ok(Step::Go)
    }

    fn texts(&mut self, view: View<'_>, range: Range<u64>) -> Step {
        let Some(bytes) = view.window.get(&range) else {
            return self.wait(State::Texts(range.clone()), range);
        };
        if let Some(texts) = &self.texts {
            self.chapters = texts.with_names(bytes, range.start);
        }
        Step::Go
    }

    fn find_segments(&mut self, view: View<'_>, at: u64) -> Step {
        match look(view, at) {
            Look::Need(range) => return self.wait(State::ToSegments(at), range),
            Look::Found { kind, body } if &kind == b"sidx" => {
                if self.can_read(view, &body) {
                    self.state = State::Segments(body);
                }
            }
            Look::Found { kind, .. } if &kind == b"moof" || &kind == b"mdat" => self.state = State::Tail,
            Look::Found { body, .. } => self.state = State::ToSegments(body.end),
            Look::Broken | Look::End => {}
        }
        Step::Go
    }

    fn can_read(&mut self, view: View<'_>, body: &Range<u64>) -> bool {
        let is_small = body.end - body.start <= MAX_SEGMENT_INDEX_BYTES && view.affords(body);
        self.too_large |= !is_small;
        is_small && body.end <= view.file_bytes
    }

    fn segments(&mut self, view: View<'_>, body: Range<u64>) -> Step {
        let Some(bytes) = view.window.get(&body) else {
            return self.wait(State::Segments(body.clone()), body);
        };
        let index = self.segments.get_or_insert_with(|| SegmentIndex::new(view.file_bytes, body.end));
        let is_read = index.read(bytes, body.end, &mut self.nested);
        self.nested.truncate(MAX_NESTED);
        self.state = if !is_read {
            self.segments = None;
            State::Tail
        } else if let Some(at) = self.nested.pop_front() {
            State::NestedAt(at)
        } else {
            State::Behind(index.end)
        };
        Step::Go
    }

    fn nested_at(&mut self, view: View<'_>, at: u64) -> Step {
        match look(view, at) {
            Look::Need(range) => return self.wait(State::NestedAt(at), range),
            Look::Found { kind, body } if &kind == b"sidx" && self.can_read(view, &body) => {
                self.state = State::Segments(body);
            }
            Look::Found { .. } | Look::Broken | Look::End => {
                self.segments = None;
                self.state = State::Tail;
            }
        }
        Step::Go
    }

    /// Some writers index each fragment by itself: the first such index says nothing of the rest.
    fn behind(&mut self, view: View<'_>, at: u64) -> Step {
        match look(view, at) {
            Look::Need(range) => return self.wait(State::Behind(at), range),
            Look::Found { kind, .. } if FRAGMENT.iter().any(|fragment| **fragment == kind) => {
                self.segments = None;
                self.state = State::Tail;
            }
            Look::Found { .. } | Look::Broken | Look::End => self.starts.push(at),
        }
        Step::Go
    }

    fn tail(&mut self, view: View<'_>) -> Step {
        let Some(start) = view.file_bytes.checked_sub(MFRO_BYTES) else { return Step::Go };
        let tail = start..view.file_bytes;
        let Some(bytes) = view.window.get(&tail) else { return self.wait(State::Tail, tail) };
        if let Some(bytes) = fragments::mfra_bytes(bytes)
            && let Some(start) = view.file_bytes.checked_sub(bytes)
        {
            let range = start..view.file_bytes;
            if self.can_read(view, &range) {
                self.state = State::Fragments(range);
            }
        }
        Step::Go
    }

    fn fragments(&mut self, view: View<'_>, range: Range<u64>) -> Step {
        let Some(bytes) = view.window.get(&range) else {
            return self.wait(State::Fragments(range.clone()), range);
        };
        if let Some(movie) = &self.movie {
            self.starts.push(range.start);
            self.fragment_points = fragments::fragment_points(bytes, movie, view.file_bytes);
            let last = self.fragment_points.as_ref().and_then(Points::last_byte);
            if movie.duration.is_none()
                && let Some(last) = last
            {
                self.state = State::LastFragmentAt(last);
            }
        }
        Step::Go
    }

    fn last_fragment_at(&mut self, view: View<'_>, at: u64) -> Step {
        match look(view, at) {
            Look::Need(range) => return self.wait(State::LastFragmentAt(at), range),
            Look::Found { kind, body }
                if &kind == b"moof"
                    && body.end <= view.file_bytes
                    && body.end - body.start <= last_fragment::MAX_BYTES
                    && view.affords(&body) =>
            {
                self.state = State::LastFragment(body);
            }
            Look::Found { .. } | Look::Broken | Look::End => {}
        }
        Step::Go
    }

    fn last_fragment(&mut self, view: View<'_>, body: Range<u64>) -> Step {
        let Some(bytes) = view.window.get(&body) else {
            return self.wait(State::LastFragment(body.clone()), body);
        };
        if let Some(movie) = &mut self.movie
            && let Some((number, clock)) = movie.main()
        {
            let end = last_fragment::end(bytes, number, clock, movie.default_ticks);
            movie.duration = end.filter(|end| !end.is_zero() && *end <= MAX_TIME);
        }
        Step::Go
    }

    fn finish(&mut self, view: View<'_>) -> Result<Step, IndexError> {
        let movie = self.movie.take().ok_or(IndexError::Ended)?;
        let segments = self.segments.take();
        let indexed = segments.as_ref().map(|segments| segments.duration);
        let duration = movie.duration.or(indexed.filter(|duration| !duration.is_zero()));
        let mut chapters = std::mem::take(&mut self.chapters);
        chapters::close(&mut chapters, duration);
        let edition = Edition { is_default: true, is_ordered: false, chapters };
        let fragments = segments.map(|segments| segments.points).or(self.fragment_points.take());
        let points = [Some(movie.points), fragments].into_iter().flatten().find(|points| !points.is_empty());
        let time_index = points
            .and_then(|points| self.index_of(points.finish(), duration, view.file_bytes))
            .ok_or(match movie.is_in_fragments {
                true if self.too_large => NoTimeIndex::TooLarge,
                true => NoTimeIndex::Absent,
                false => movie.why_no_points,
            });
        Ok(Step::Done(Box::new(ContainerIndex {
            container: Container::Mp4,
            duration,
            tracks: movie.tracks,
            editions: if edition.chapters.is_empty() { Vec::new() } else { vec![edition] },
            attachments: std::mem::take(&mut self.covers),
            subtitles: None,
            time_index,
        })))
    }

    fn index_of(
        &self,
        points: Vec<super::Point>,
        duration: Option<Duration>,
        file_bytes: u64,
    ) -> Option<TimeIndex> {
        let last = points.last()?.byte;
        // An index of segments may claim more than there is.
        let starts = self.starts.iter().copied().filter(|start| *start > last);
        let end = starts.chain([file_bytes]).min()?;
        TimeIndex::new(points, duration, end)
    }
}
