//! The body of `moov`.

use std::ops::ControlFlow;
use std::time::Duration;

use super::super::limits::MAX_TRACKS;
use super::super::points::{MAX_TIME, Points};
use super::super::{Chapter, ContainerTrack, ContainerTrackKind, NoTimeIndex};
use super::chapters::{self, ChapterTexts};
use super::fields::{Fields, ticks_to_duration};
use super::last_fragment;
use super::track::{ParsedTrack, TrackClock};
use crate::boxes::Boxes;

/// Between sync samples a point is kept each so often, so that an estimate is never far from one.
const POINT_EVERY: Duration = Duration::from_secs(1);

#[derive(Debug)]
pub(super) struct Movie {
    pub(super) duration: Option<Duration>,
    pub(super) tracks: Vec<ContainerTrack>,
    pub(super) is_in_fragments: bool,
    /// Of the chapter list of the movie; without ends.
    pub(super) chapters: Vec<Chapter>,
    pub(super) texts: Option<ChapterTexts>,
    pub(super) points: Points,
    pub(super) why_no_points: NoTimeIndex,
    /// How long a sample of the main track is where its fragment does not say it.
    pub(super) default_ticks: u32,
    clocks: Vec<(u64, TrackClock)>,
    main: Option<u64>,
}

impl Movie {
    /// `None` if it is damaged or has no track.
    pub(super) fn parse(moov: &[u8], file_bytes: u64) -> Option<Self> {
        let mut mvhd = Fields(Boxes::find(moov, b"mvhd")?);
        let (version, _) = mvhd.version()?;
        mvhd.by_version(version)?;
        mvhd.by_version(version)?;
        let ticks_per_second = mvhd.u32()?;
        let ticks = mvhd.by_version(version)?;

        let parsed: Vec<_> = Boxes::new(moov)
            .filter(|(kind, _)| kind == b"trak")
            .take(MAX_TRACKS)
            .filter_map(|(_, trak)| ParsedTrack::parse(trak, ticks_per_second))
            .collect();
        let chapter_tracks: Vec<u64> =
            parsed.iter().flat_map(|track| &track.chapter_tracks).map(|number| u64::from(*number)).collect();
        let is_chapters = |track: &ParsedTrack<'_>| chapter_tracks.contains(&track.track.number);
        let main = main_track(&parsed, is_chapters);

        let mvex = Boxes::find(moov, b"mvex");
        let fragments = mvex.and_then(|mvex| Boxes::find(mvex, b"mehd")).and_then(|mehd| {
            let mut fields = Fields(mehd);
            let (version, _) = fields.version()?;
            fields.by_version(version)
        });
        // All ones: the writer did not know.
        let told = fragments
            .into_iter()
            .chain([ticks])
            .map(|ticks| if ticks == u64::MAX || ticks == u64::from(u32::MAX) { 0 } else { ticks });
        let duration = told
            .map(|ticks| ticks_to_duration(ticks, ticks_per_second))
            .chain(parsed.iter().map(|track| track.duration).max())
            .find(|duration| !duration.is_zero() && *duration <= MAX_TIME);

        let points = main.map_or_else(|| Points::new(file_bytes), |main| points_of(main, file_bytes));
        let has_samples =
            main.and_then(|main| main.tables.as_ref()).is_some_and(|tables| tables.sample_count > 0);
        let texts = parsed
            .iter()
            .filter(|track| is_chapters(track) && track.track.kind == ContainerTrackKind::Subtitle)
            .find_map(ChapterTexts::of);
        let movie = Self {
            duration,
            is_in_fragments: mvex.is_some(),
            chapters: Boxes::find(moov, b"udta")
                .and_then(|udta| Boxes::find(udta, b"chpl"))
                .map(chapters::list)
                .unwrap_or_default(),
            texts,
            points,
            why_no_points: if has_samples { NoTimeIndex::Damaged } else { NoTimeIndex::Absent },
            default_ticks: mvex
                .zip(main)
                .and_then(|(mvex, main)| last_fragment::default_duration(mvex, main.track.number))
                .unwrap_or(0),
            clocks: parsed.iter().map(|track| (track.track.number, track.clock)).collect(),
            main: main.map(|track| track.track.number),
            tracks: parsed
                .iter()
                .map(|track| {
                    let kind = if is_chapters(track) { ContainerTrackKind::Other } else { track.track.kind };
                    ContainerTrack { kind, ..track.track.clone() }
                })
                .collect(),
        };
        (!movie.tracks.is_empty()).then_some(movie)
    }

    /// Number and clock of the track whose times count.
    pub(super) fn main(&self) -> Option<(u64, TrackClock)> {
        let main = self.main?;
        self.clocks.iter().copied().find(|(number, _)| *number == main)
    }

    pub(super) fn clock_of(&self, track: u64) -> Option<TrackClock> {
        self.clocks.iter().find(|(number, _)| *number == track).map(|(_, clock)| *clock)
    }
}

/// The video track with the most pictures (a cover may be a track too), or else that of the most sound.
fn main_track<'a, 'b>(
    tracks: &'b [ParsedTrack<'a>],
    is_chapters: impl Fn(&ParsedTrack<'a>) -> bool,
) -> Option<&'b ParsedTrack<'a>> {
    let largest = |kind| {
        let samples = |track: &ParsedTrack<'_>| track.tables.map_or(0, |tables| tables.sample_count);
        // Of equals, the first.
        tracks
            .iter()
            .rev()
            .filter(|track| track.track.kind == kind && !is_chapters(track))
            .max_by_key(|track| samples(track))
    };
    largest(ContainerTrackKind::Video).or_else(|| largest(ContainerTrackKind::Audio))
}

fn points_of(track: &ParsedTrack<'_>, file_bytes: u64) -> Points {
    let mut points = Points::new(file_bytes);
    let Some(tables) = &track.tables else { return points };
    let is_film = track.track.kind == ContainerTrackKind::Video;
    let mut latest = None;
    tables.walk(|sample| {
        let time = track.clock.time_of(sample.ticks);
        let is_due = latest.is_none_or(|latest| time >= POINT_EVERY.saturating_add(latest));
        if is_due || sample.is_sync && is_film {
            points.push(time, sample.byte, sample.is_sync);
            latest = latest.max(Some(time));
        }
        ControlFlow::Continue(())
    });
    points
}
