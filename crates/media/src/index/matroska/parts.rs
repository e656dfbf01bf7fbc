//! The parts of a segment that are read whole (RFC 9559 section 5.1). What is damaged in a list ends the list; what stands
//! before it counts.

use std::time::Duration;

use super::super::ebml::{Broken, Elements, float, text, uint};
use super::super::limits::{MAX_CHAPTER_DEPTH, MAX_CHAPTER_NAMES, MAX_CHAPTERS, MAX_EDITIONS, MAX_TRACKS};
use super::super::points::{MAX_TIME, Points};
use super::super::{Chapter, ChapterName, ContainerTrack, ContainerTrackKind, Edition, NoTimeIndex};
use crate::text::{language, shown};

/// In the order in which they are read when a seek head names them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Part {
    SeekHead,
    Info,
    Tracks,
    Chapters,
    Attachments,
    Cues,
}

impl Part {
    pub(super) fn of(id: u32) -> Option<Self> {
        Some(match id {
            0x114d_9b74 => Self::SeekHead,
            0x1549_a966 => Self::Info,
            0x1654_ae6b => Self::Tracks,
            0x1043_a770 => Self::Chapters,
            0x1941_a469 => Self::Attachments,
            0x1c53_bb6b => Self::Cues,
            _ => return None,
        })
    }
}

/// Elements of that id up to the first damage.
pub(super) fn bodies(body: &[u8], id: u32) -> impl Iterator<Item = &[u8]> {
    Elements::new(body).map_while(Result::ok).filter(move |(found, _)| *found == id).map(|(_, body)| body)
}

/// Parts and their positions in the segment.
pub(super) fn seek_head(body: &[u8]) -> impl Iterator<Item = (Part, u64)> {
    bodies(body, 0x4dbb).filter_map(|seek| {
        let id = bodies(seek, 0x53ab).next().and_then(|id| uint(id).ok())?;
        let position = bodies(seek, 0x53ac).next().and_then(|position| uint(position).ok())?;
        Some((Part::of(u32::try_from(id).ok()?)?, position))
    })
}

#[derive(Debug)]
pub(super) struct Info {
    pub(super) tick_nanos: u64,
    pub(super) duration: Option<Duration>,
}

pub(super) const DEFAULT_TICK_NANOS: u64 = 1_000_000;

pub(super) fn info(body: &[u8]) -> Info {
    let scale = bodies(body, 0x002a_d7b1).next().and_then(|scale| uint(scale).ok());
    let tick_nanos = scale.filter(|scale| *scale > 0).unwrap_or(DEFAULT_TICK_NANOS);
    let ticks = bodies(body, 0x4489).next().and_then(|ticks| float(ticks).ok());
    let duration = ticks
        .and_then(|ticks| Duration::try_from_secs_f64(ticks * tick_nanos as f64 / 1e9).ok())
        .filter(|duration| !duration.is_zero() && *duration <= MAX_TIME);
    Info { tick_nanos, duration }
}

/// # Errors
/// The list or a track in it is damaged: without the tracks nothing can be said of a film.
pub(super) fn tracks(body: &[u8]) -> Result<Vec<ContainerTrack>, Broken> {
    let mut tracks = Vec::new();
    for element in Elements::new(body) {
        let (id, entry) = element?;
        if id == 0xae && tracks.len() < MAX_TRACKS {
            tracks.push(track(entry)?);
        }
    }
    Ok(tracks)
}

fn track(entry: &[u8]) -> Result<ContainerTrack, Broken> {
    let mut track = ContainerTrack {
        number: 0,
        kind: ContainerTrackKind::Other,
        codec: String::new(),
        // What a file does not say is English.
        language: Some("eng".to_owned()),
        name: None,
        is_default: true,
        is_forced: false,
        frame_duration: None,
    };
    let mut bcp47 = None;
    for element in Elements::new(entry) {
        let (id, body) = element?;
        match id {
            0xd7 => track.number = uint(body)?,
            0x83 => {
                track.kind = match uint(body)? {
                    1 => ContainerTrackKind::Video,
                    2 => ContainerTrackKind::Audio,
                    0x11 => ContainerTrackKind::Subtitle,
                    _ => ContainerTrackKind::Other,
                };
            }
            0x86 => track.codec = shown(&text(body)).unwrap_or_default(),
            0x0022_b59c => track.language = language(&text(body)),
            0x0022_b59d => bcp47 = language(&text(body)),
            0x536e => track.name = shown(&text(body)),
            0x88 => track.is_default = uint(body)? != 0,
            0x55aa => track.is_forced = uint(body)? != 0,
            0x0023_e383 => track.frame_duration = Some(Duration::from_nanos(uint(body)?)),
            _ => {}
        }
    }
    track.frame_duration = track.frame_duration.filter(|frame| !frame.is_zero());
    track.language = bcp47.or(track.language);
    Ok(track)
}

pub(super) fn chapters(body: &[u8]) -> Vec<Edition> {
    let mut left = MAX_CHAPTERS;
    let mut editions: Vec<Edition> =
        bodies(body, 0x45b9).take(MAX_EDITIONS).filter_map(|entry| edition(entry, &mut left)).collect();
    editions.retain(|edition| !edition.chapters.is_empty());
    editions
}

/// `None` for one that is not to be shown.
fn edition(entry: &[u8], left: &mut usize) -> Option<Edition> {
    let flag = |id| bodies(entry, id).next().and_then(|flag| uint(flag).ok()).is_some_and(|flag| flag != 0);
    if flag(0x45bd) {
        return None;
    }
    let mut edition = Edition { is_default: flag(0x45db), is_ordered: flag(0x45dd), chapters: Vec::new() };
    add_chapters(entry, 0, left, &mut edition.chapters);
    if !edition.is_ordered {
        edition.chapters.sort_by_key(|chapter| (chapter.start, chapter.depth));
        close(&mut edition.chapters);
    }
    Some(edition)
}

/// A chapter that has no end goes on to the next one that is not inside it.
fn close(chapters: &mut [Chapter]) {
    let mut next_of_depth = [None; MAX_CHAPTER_DEPTH as usize];
    for chapter in chapters.iter_mut().rev() {
        let next = next_of_depth.iter().take(chapter.depth as usize + 1).copied().flatten().min();
        chapter.end = chapter.end.or(next.filter(|next| *next > chapter.start));
        if let Some(slot) = next_of_depth.get_mut(chapter.depth as usize) {
            *slot = Some(chapter.start);
        }
    }
}

fn add_chapters(parent: &[u8], depth: u32, left: &mut usize, chapters: &mut Vec<Chapter>) {
    if depth >= MAX_CHAPTER_DEPTH {
        return;
    }
    for atom in bodies(parent, 0xb6) {
        if *left == 0 {
            return;
        }
        *left -= 1;
        let number = |id| bodies(atom, id).next().and_then(|number| uint(number).ok());
        let is_shown = number(0x98).unwrap_or(0) == 0 && number(0x4598).unwrap_or(1) != 0;
        if is_shown && let Some(start) = number(0x91) {
            let names = bodies(atom, 0x80).take(MAX_CHAPTER_NAMES).filter_map(chapter_name).collect();
            let start = Duration::from_nanos(start);
            let end = number(0x92).map(Duration::from_nanos).filter(|end| *end > start);
            chapters.push(Chapter { start, end, names, depth });
        }
        add_chapters(atom, depth + 1, left, chapters);
    }
}

fn chapter_name(display: &[u8]) -> Option<ChapterName> {
    let text_of = |id| bodies(display, id).next().map(text);
    let code = text_of(0x437d).or_else(|| text_of(0x437c)).unwrap_or_else(|| "eng".to_owned());
    Some(ChapterName { text: shown(&text_of(0x85)?)?, language: language(&code) })
}

/// The cues of track `main`, or of all tracks if it has none. A cue names a cluster, from the start of which it can be read.
pub(super) fn cues(
    body: &[u8],
    file_bytes: u64,
    segment_start: u64,
    tick_nanos: u64,
    main: Option<u64>,
) -> Result<Points, NoTimeIndex> {
    let points = collect_cues(body, file_bytes, segment_start, tick_nanos, main);
    if !points.is_empty() {
        return Ok(points);
    }
    let points = collect_cues(body, file_bytes, segment_start, tick_nanos, None);
    if points.is_empty() { Err(NoTimeIndex::Damaged) } else { Ok(points) }
}

/// With `only`, of that track, where decoding can begin.
fn collect_cues(
    body: &[u8],
    file_bytes: u64,
    segment_start: u64,
    tick_nanos: u64,
    only: Option<u64>,
) -> Points {
    let mut points = Points::new(file_bytes);
    for cue in bodies(body, 0xbb) {
        let mut time = None;
        let mut position = None;
        for (id, body) in Elements::new(cue).map_while(Result::ok) {
            match id {
                0xb3 => time = uint(body).ok(),
                0xb7 if position.is_none() => {
                    let number = |id| bodies(body, id).next().and_then(|number| uint(number).ok());
                    if only.is_none_or(|only| number(0xf7) == Some(only)) {
                        position = number(0xf1);
                    }
                }
                _ => {}
            }
        }
        let nanos = time.and_then(|time| time.checked_mul(tick_nanos));
        let byte = position.and_then(|position| segment_start.checked_add(position));
        if let (Some(nanos), Some(byte)) = (nanos, byte) {
            points.push(Duration::from_nanos(nanos), byte, only.is_some());
        }
    }
    points
}
