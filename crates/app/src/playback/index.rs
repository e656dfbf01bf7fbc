//! Chapters and moments of a film, for its page: read from the container, or from what was kept of it.

use std::time::Duration;

use freshet_media::index::{ContainerIndex, IndexError, NoTimeIndex, ReadIndexError, TimeIndex, read_index};
use freshet_model::{
    BitRateSpan, ChapterInfo, ErrorCode, FileIndex, InfoHash, NoTimePoints, PlaybackIndex, TimePoint,
    WireError,
};
use tracing::{info, warn};

use super::unknown_playback;
use crate::App;
use crate::args::PlaybackRef;
use crate::error::Coded as _;

/// How long the head and the index of a file may take to arrive.
const TIMEOUT: Duration = Duration::from_secs(120);
/// A larger index is read anew each time; no honest one is.
const MAX_KEPT_BYTES: usize = 8 * 1024 * 1024;
/// More points than a seek bar has pixels tell a page nothing.
const MAX_SHOWN_POINTS: usize = 4096;
/// A bit rate over less time says more of key frames than of the film.
const BIT_RATE_SPAN: Duration = Duration::from_secs(4);
const MAX_BIT_RATES: u32 = 1024;

impl App {
    /// What the container of a file says. Only its head and its index are fetched, once; it does not count as opened.
    ///
    /// Waits for these bytes, [`TIMEOUT`] at most. The inner error is about the file itself, and will be the same next time.
    ///
    /// # Errors
    /// As [`App::open_file`]; [`ErrorCode::Stalled`], or why the bytes can't be read.
    pub async fn container_index(
        &self,
        info_hash: InfoHash,
        file_index: FileIndex,
    ) -> Result<Result<ContainerIndex, IndexError>, WireError> {
        let store = &self.inner.store;
        match store.container_index(info_hash, file_index).await {
            Ok(kept) => {
                if let Some(index) = kept.as_deref().and_then(ContainerIndex::from_bytes) {
                    return Ok(Ok(index));
                }
            }
            Err(error) => warn!(%info_hash, %error, "what was kept of a container can't be read"),
        }
        let mut opened = self.peek_file(info_hash, file_index).await?;
        let file_bytes = opened.reader.len_bytes();
        let read = tokio::time::timeout(TIMEOUT, read_index(&mut opened.reader, file_bytes)).await;
        let index = match read {
            Ok(Ok(index)) => index,
            Ok(Err(ReadIndexError::Index(error))) => {
                info!(%info_hash, %file_index, %error, "a container has no index that can be read");
                return Ok(Err(error));
            }
            Ok(Err(error)) => return Err(error.wire()),
            Err(_) => {
                return Err(WireError::new(
                    ErrorCode::Stalled,
                    "the index of the film did not arrive in time",
                ));
            }
        };
        let bytes = index.to_bytes();
        if bytes.len() <= MAX_KEPT_BYTES
            && let Err(error) = store.put_container_index(info_hash, file_index, bytes).await
        {
            warn!(%info_hash, %error, "the index of a film could not be kept");
        }
        Ok(Ok(index))
    }
}

pub(crate) async fn index(app: &App, args: PlaybackRef) -> Result<PlaybackIndex, WireError> {
    let (info_hash, file_index, clock) = {
        let table = app.inner.playbacks.table();
        let playback = table.open.get(&args.playback_id).ok_or_else(unknown_playback)?;
        let start_secs = playback.probe.as_ref().map_or(0.0, |probe| probe.start_secs);
        (playback.info_hash, playback.file_index, PageClock::starting_at(start_secs))
    };
    Ok(match app.container_index(info_hash, file_index).await? {
        Ok(index) => shown(&index, clock),
        Err(error) => PlaybackIndex { no_points: Some(why_unread(error)), ..PlaybackIndex::default() },
    })
}

fn why_unread(error: IndexError) -> NoTimePoints {
    match error {
        IndexError::UnknownContainer => NoTimePoints::UnknownContainer,
        IndexError::Truncated(_) => NoTimePoints::BeyondEnd,
        IndexError::TooLarge => NoTimePoints::TooLarge,
        IndexError::Damaged(_) | IndexError::Ended => NoTimePoints::Damaged,
    }
}

fn why_none(reason: NoTimeIndex) -> NoTimePoints {
    match reason {
        NoTimeIndex::Absent => NoTimePoints::Absent,
        NoTimeIndex::Damaged => NoTimePoints::Damaged,
        NoTimeIndex::BeyondEnd => NoTimePoints::BeyondEnd,
        NoTimeIndex::TooLarge => NoTimePoints::TooLarge,
    }
}

/// The page counts from where the file's own clock starts.
#[derive(Debug, Clone, Copy)]
struct PageClock(Duration);

impl PageClock {
    fn starting_at(secs: f64) -> Self {
        Self(Duration::try_from_secs_f64(secs).unwrap_or_default())
    }

    fn secs(self, time: Duration) -> f64 {
        time.saturating_sub(self.0).as_secs_f64()
    }

    /// A start that was told in microseconds may be rounded up.
    fn has_begun(self, time: Duration) -> bool {
        time.saturating_add(Duration::from_millis(1)) >= self.0
    }
}

fn shown(index: &ContainerIndex, clock: PageClock) -> PlaybackIndex {
    let chapters = index.chapters().iter().filter(|chapter| chapter.depth == 0).map(|chapter| ChapterInfo {
        start_secs: clock.secs(chapter.start),
        end_secs: chapter.end.map(|end| clock.secs(end)),
        title: chapter.names.first().map(|name| name.text.clone()),
    });
    let times = index.time_index.as_ref();
    PlaybackIndex {
        duration_secs: index.duration.map(|duration| duration.as_secs_f64()),
        chapters: chapters.collect(),
        points: times.map(|times| points(times, clock)).unwrap_or_default(),
        no_points: times.err().map(|reason| why_none(*reason)),
        bit_rates: times.map(|times| bit_rates(times, index.duration, clock)).unwrap_or_default(),
    }
}

/// As many as can be shown, evenly chosen, with the end of the film.
fn points(times: &TimeIndex, clock: PageClock) -> Vec<TimePoint> {
    let step = times.points().len().div_ceil(MAX_SHOWN_POINTS).max(1);
    let shown = times.points().iter().step_by(step).map(|point| (point.time, point.byte));
    shown
        .chain(times.end())
        .filter(|(time, _)| clock.has_begun(*time))
        .map(|(time, byte)| TimePoint { secs: clock.secs(time), byte })
        .collect()
}

fn bit_rates(times: &TimeIndex, duration: Option<Duration>, clock: PageClock) -> Vec<BitRateSpan> {
    let span = BIT_RATE_SPAN.max(duration.unwrap_or_default() / MAX_BIT_RATES);
    let rates = times.bit_rates(span);
    let shown = rates.iter().map(|rate| BitRateSpan {
        start_secs: clock.secs(rate.span.start),
        end_secs: clock.secs(rate.span.end),
        bits_per_second: rate.bits_per_second,
    });
    // Without a duration the spans may be more than that.
    shown.take(MAX_SHOWN_POINTS).collect()
}
