//! Matroska and WebM (RFC 9559): the parts at the front one after another up to the first cluster, then those that the seek
//! head names elsewhere. No cluster is ever read.

mod attachments;
mod parts;
mod subtitles;

use std::ops::Range;

use self::attachments::Attachments;
use self::parts::{Info, Part};
pub(crate) use self::subtitles::Packing;
pub use self::subtitles::{SubtitleIndex, SubtitleIndexTrack};
use super::ebml::{Elements, Header, MAX_HEADER_BYTES, text};
use super::points::Points;
use super::reader::{Step, View};
use super::{
    Attachment, Container, ContainerIndex, ContainerTrack, ContainerTrackKind, Edition, IndexError,
    NoTimeIndex, TimeIndex,
};

const EBML: u32 = 0x1a45_dfa3;
const DOC_TYPE: u32 = 0x4282;
const SEGMENT: u32 = 0x1853_8067;
pub(crate) const CLUSTER: u32 = 0x1f43_b675;

const MAX_EBML_BYTES: u64 = 4096;
/// One part. The cues of a film of a day have a tenth of it.
const MAX_PART_BYTES: u64 = 32 * 1024 * 1024;
const MAX_AHEAD: usize = 64;

#[derive(Debug)]
pub(super) struct Matroska {
    state: State,
    is_webm: bool,
    segment: Range<u64>,
    info: Option<Info>,
    tracks: Option<Vec<ContainerTrack>>,
    subtitles: Vec<SubtitleIndexTrack>,
    editions: Option<Vec<Edition>>,
    attachments: Option<Vec<Attachment>>,
    cues: Result<Points, NoTimeIndex>,
    has_read_cues: bool,
    /// What seek heads name.
    ahead: Vec<(Part, u64)>,
    /// Starts of all parts that are known, for the end of the clusters.
    starts: Vec<u64>,
}

#[derive(Debug)]
enum State {
    Ebml,
    Segment(u64),
    Walk(u64),
    Body { part: Part, body: Range<u64>, back: Back },
    Attachments(Attachments, Back),
    Ahead,
    Named(Part, u64),
}

/// Where it goes on after a part: at the next one, or with what seek heads name.
type Back = Option<u64>;

impl Default for Matroska {
    fn default() -> Self {
        Self {
            state: State::Ebml,
            is_webm: false,
            segment: 0..0,
            info: None,
            tracks: None,
            subtitles: Vec::new(),
            editions: None,
            attachments: None,
            cues: Err(NoTimeIndex::Absent),
            has_read_cues: false,
            ahead: Vec::new(),
            starts: Vec::new(),
        }
    }
}

/// The header of an element, if it is at hand.
enum Look {
    Found { id: u32, start: u64, body_bytes: Option<u64> },
    Broken,
    Need(Range<u64>),
}

/// Looks at the header at `at`, asking for `peek` bytes up to `end`.
fn look(view: View<'_>, at: u64, end: u64, peek: u64) -> Look {
    let until = at.saturating_add(peek).min(end).min(view.file_bytes);
    if until <= at {
        return Look::Broken;
    }
    let header_until = at.saturating_add(MAX_HEADER_BYTES).min(until);
    match view.window.get(&(at..header_until)) {
        None => Look::Need(at..until),
        Some(bytes) => match Header::parse(bytes) {
            None => Look::Broken,
            Some(header) => {
                Look::Found { id: header.id, start: at + header.header_bytes, body_bytes: header.body_bytes }
            }
        },
    }
}

impl Matroska {
    pub(super) fn begins(head: &[u8]) -> bool {
        head.starts_with(&EBML.to_be_bytes())
    }

    pub(super) fn step(&mut self, view: View<'_>) -> Result<Step, IndexError> {
        match std::mem::replace(&mut self.state, State::Ahead) {
            State::Ebml => self.ebml(view),
            State::Segment(at) => self.find_segment(view, at),
            State::Walk(at) => Ok(self.walk(view, at)),
            State::Body { part, body, back } => self.body(view, part, body, back),
            State::Attachments(mut attachments, back) => {
                match attachments.step(view) {
                    Some(Step::Need(range)) => {
                        self.state = State::Attachments(attachments, back);
                        return Ok(Step::Need(range));
                    }
                    Some(Step::Go | Step::Done(_)) => self.state = State::Attachments(attachments, back),
                    None => {
                        self.attachments = Some(attachments.into_found());
                        self.go_back(back);
                    }
                }
                Ok(Step::Go)
            }
            State::Ahead => self.ahead(view),
            State::Named(part, at) => self.named(view, part, at),
        }
    }

    fn ebml(&mut self, view: View<'_>) -> Result<Step, IndexError> {
        let (start, bytes) = match look(view, 0, view.file_bytes, MAX_HEADER_BYTES) {
            Look::Found { start, body_bytes: Some(bytes), .. } if bytes <= MAX_EBML_BYTES => (start, bytes),
            Look::Found { .. } | Look::Broken => return Err(IndexError::Damaged(0)),
            Look::Need(range) => {
                self.state = State::Ebml;
                return Ok(Step::Need(range));
            }
        };
        let body = start..start + bytes;
        let Some(bytes) = view.window.get(&body) else {
            self.state = State::Ebml;
            // With the header, which is looked at once more.
            return Ok(Step::Need(0..body.end));
        };
        self.is_webm =
            Elements::new(bytes).flatten().any(|(id, body)| id == DOC_TYPE && text(body) == "webm");
        self.state = State::Segment(body.end);
        Ok(Step::Go)
    }

    fn find_segment(&mut self, view: View<'_>, at: u64) -> Result<Step, IndexError> {
        if at >= view.file_bytes {
            return Err(IndexError::Truncated(view.file_bytes));
        }
        match look(view, at, view.file_bytes, MAX_HEADER_BYTES) {
            Look::Found { id: SEGMENT, start, body_bytes } => {
                let end = body_bytes.and_then(|bytes| start.checked_add(bytes)).unwrap_or(u64::MAX);
                self.segment = start..end.min(view.file_bytes);
                self.state = State::Walk(start);
                Ok(Step::Go)
            }
            Look::Found { start, body_bytes: Some(bytes), .. } => {
                self.state = State::Segment(start.checked_add(bytes).ok_or(IndexError::Damaged(at))?);
                Ok(Step::Go)
            }
            Look::Found { .. } | Look::Broken => Err(IndexError::Damaged(at)),
            Look::Need(range) => {
                self.state = State::Segment(at);
                Ok(Step::Need(range))
            }
        }
    }

    /// What stands before the first cluster. Damage there is no end yet: the seek head may name what is behind it.
    fn walk(&mut self, view: View<'_>, at: u64) -> Step {
        if at >= self.segment.end {
            return Step::Go;
        }
        match look(view, at, self.segment.end, MAX_HEADER_BYTES) {
            Look::Found { id, start, body_bytes: Some(bytes) } if id != CLUSTER => {
                let body = start..start.saturating_add(bytes);
                match Part::of(id) {
                    Some(part) => self.enter(view, part, body.clone(), at, Some(body.end)),
                    None => self.state = State::Walk(body.end),
                }
                Step::Go
            }
            Look::Found { .. } | Look::Broken => Step::Go,
            Look::Need(range) => {
                self.state = State::Walk(at);
                Step::Need(range)
            }
        }
    }

    fn has_read(&self, part: Part, at: u64) -> bool {
        match part {
            Part::SeekHead => self.starts.contains(&at),
            Part::Info => self.info.is_some(),
            Part::Tracks => self.tracks.is_some(),
            Part::Chapters => self.editions.is_some(),
            Part::Attachments => self.attachments.is_some(),
            Part::Cues => self.has_read_cues,
        }
    }

    /// Goes into a part whose header is at `at`, if it is wanted and can be had.
    fn enter(&mut self, view: View<'_>, part: Part, body: Range<u64>, at: u64, back: Back) {
        self.go_back(back);
        let is_known = self.has_read(part, at);
        if !self.starts.contains(&at) && self.starts.len() < 2 * MAX_AHEAD {
            self.starts.push(at);
        }
        if is_known {
            return;
        }
        // Which track is meant, and how long a tick is, has to be known first.
        if part == Part::Cues && back.is_some() && (self.tracks.is_none() || self.info.is_none()) {
            return self.name_ahead(part, at);
        }
        if body.end > view.file_bytes {
            self.miss(part, NoTimeIndex::BeyondEnd);
        } else if part == Part::Attachments {
            self.state = State::Attachments(Attachments::new(body), back);
        } else if body.end - body.start > MAX_PART_BYTES || !view.affords(&body) {
            self.miss(part, NoTimeIndex::TooLarge);
        } else {
            self.state = State::Body { part, body, back };
        }
    }

    fn miss(&mut self, part: Part, why: NoTimeIndex) {
        if part == Part::Cues && !self.has_read_cues {
            self.cues = Err(why);
        }
    }

    fn go_back(&mut self, back: Back) {
        self.state = back.map_or(State::Ahead, State::Walk);
    }

    fn name_ahead(&mut self, part: Part, at: u64) {
        if self.ahead.len() < MAX_AHEAD && !self.ahead.contains(&(part, at)) {
            self.ahead.push((part, at));
        }
    }

    fn body(&mut self, view: View<'_>, part: Part, body: Range<u64>, back: Back) -> Result<Step, IndexError> {
        let Some(bytes) = view.window.get(&body) else {
            if body.is_empty() {
                self.go_back(back);
                return Ok(Step::Go);
            }
            self.state = State::Body { part, body: body.clone(), back };
            return Ok(Step::Need(body));
        };
        match part {
            Part::SeekHead => {
                for (part, position) in parts::seek_head(bytes) {
                    if let Some(at) = self.segment.start.checked_add(position)
                        && !self.starts.contains(&at)
                    {
                        self.name_ahead(part, at);
                    }
                }
            }
            Part::Info => self.info = Some(parts::info(bytes)),
            Part::Tracks => {
                self.tracks = Some(parts::tracks(bytes).map_err(|_broken| IndexError::Damaged(body.start))?);
                self.subtitles = subtitles::tracks(bytes);
            }
            Part::Chapters => self.editions = Some(parts::chapters(bytes)),
            Part::Cues => {
                self.has_read_cues = true;
                let tick = self.info.as_ref().map_or(parts::DEFAULT_TICK_NANOS, |info| info.tick_nanos);
                let main = main_track(self.tracks.as_deref().unwrap_or_default());
                self.cues = parts::cues(bytes, view.file_bytes, self.segment.start, tick, main);
                subtitles::add_points(&mut self.subtitles, bytes, view.file_bytes, self.segment.start);
            }
            // These are walked, not read.
            Part::Attachments => {}
        }
        self.go_back(back);
        Ok(Step::Go)
    }

    /// The next part that a seek head names; the cues come last.
    fn ahead(&mut self, view: View<'_>) -> Result<Step, IndexError> {
        let next = (0..self.ahead.len()).min_by_key(|index| self.ahead[*index]);
        let Some((part, at)) = next.map(|index| self.ahead.swap_remove(index)) else {
            return self.finish(view);
        };
        if self.has_read(part, at) {
            return Ok(Step::Go);
        }
        if at >= view.file_bytes {
            self.miss(part, NoTimeIndex::BeyondEnd);
        } else {
            self.state = State::Named(part, at);
        }
        Ok(Step::Go)
    }

    fn named(&mut self, view: View<'_>, part: Part, at: u64) -> Result<Step, IndexError> {
        match look(view, at, self.segment.end, MAX_HEADER_BYTES) {
            Look::Found { id, start, body_bytes: Some(bytes) } if Part::of(id) == Some(part) => {
                self.enter(view, part, start..start.saturating_add(bytes), at, None);
            }
            Look::Found { .. } | Look::Broken => self.miss(part, NoTimeIndex::Damaged),
            Look::Need(range) => {
                self.state = State::Named(part, at);
                return Ok(Step::Need(range));
            }
        }
        Ok(Step::Go)
    }

    fn finish(&mut self, view: View<'_>) -> Result<Step, IndexError> {
        let Some(tracks) = self.tracks.take() else {
            return Err(if self.segment.end >= view.file_bytes {
                IndexError::Truncated(view.file_bytes)
            } else {
                IndexError::Damaged(self.segment.start)
            });
        };
        let duration = self.info.as_ref().and_then(|info| info.duration);
        let subtitles = SubtitleIndex {
            tick_nanos: self.info.as_ref().map_or(parts::DEFAULT_TICK_NANOS, |info| info.tick_nanos),
            segment: self.segment.clone(),
            tracks: std::mem::take(&mut self.subtitles),
        };
        let points = std::mem::replace(&mut self.cues, Err(NoTimeIndex::Absent));
        let segment_end = self.segment.end;
        let time_index = points.and_then(|points| {
            let points = points.finish();
            let last = points.last().map_or(0, |point| point.byte);
            let end = self.starts.iter().copied().filter(|start| *start > last).min().unwrap_or(segment_end);
            TimeIndex::new(points, duration, end).ok_or(NoTimeIndex::Damaged)
        });
        Ok(Step::Done(Box::new(ContainerIndex {
            container: if self.is_webm { Container::WebM } else { Container::Matroska },
            duration,
            tracks,
            editions: self.editions.take().unwrap_or_default(),
            attachments: self.attachments.take().unwrap_or_default(),
            subtitles: (!subtitles.tracks.is_empty()).then_some(subtitles),
            time_index,
        })))
    }
}

/// The track whose times count: the first video track, or else the first of sound.
fn main_track(tracks: &[ContainerTrack]) -> Option<u64> {
    let first = |kind| tracks.iter().find(|track| track.kind == kind);
    first(ContainerTrackKind::Video).or(first(ContainerTrackKind::Audio)).map(|track| track.number)
}
