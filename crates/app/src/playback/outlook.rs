//! Whether a film will play through: what is still to come of it, against what comes in. A line of text follows from it, and
//! whether there is room for the next episode; the film itself never waits for it.

mod supply;
#[cfg(test)]
mod tests;

use std::ops::Range;
use std::time::Instant;

use freshet_model::{ErrorCode, FileIndex, InfoHash, Outlook, PieceMap, WireError};

use super::moments::Moments;
use super::{Playback, Reads, unknown_playback};
use crate::App;
use crate::args::PlaybackAtSpeed;
pub(super) use supply::Supply;

/// The film is looked at in steps of this, or a thousandth of it.
const STEP_SECS: f64 = 2.0;
const MAX_STEPS: f64 = 1000.0;
/// A player has so much in hand beside what it plays.
const SLACK_SECS: f64 = 0.2;
/// While something is missing so near ahead, everything that comes is for the player.
const NEAR_BYTES: u64 = 16 * 1024 * 1024;
/// Nobody plays faster.
const SPEEDS: Range<f64> = 0.1..16.0;

/// Part of a film that is to come.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Step {
    start_secs: f64,
    end_secs: f64,
    missing_bytes: u64,
}

/// Goes through the steps of a film, the first of which plays now, at a speed, while so much comes in of what is missing.
fn foretell(steps: &[Step], speed: f64, bytes_per_sec: f64) -> Outlook {
    let Some(now_secs) = steps.first().map(|step| step.start_secs) else { return Outlook::PlaysThrough };
    let mut missing_bytes = 0;
    let mut first_pause = None;
    let mut for_secs = 0.0_f64;
    for step in steps.iter().filter(|step| step.missing_bytes > 0) {
        missing_bytes += step.missing_bytes;
        let comes_in_secs = missing_bytes as f64 / bytes_per_sec.max(1.0);
        // It is read up to its end: half of it is the middle.
        let needed_in_secs = ((step.start_secs + step.end_secs) / 2.0 - now_secs).max(0.0) / speed;
        let late_secs = comes_in_secs - needed_in_secs;
        if late_secs > SLACK_SECS {
            first_pause = first_pause.or(Some(step.start_secs));
            for_secs = for_secs.max(late_secs);
        }
    }
    first_pause.map_or(Outlook::PlaysThrough, |at_secs| Outlook::MayPause { at_secs, for_secs })
}

/// A film that plays, and what is known of it at this moment.
pub(super) struct Standing {
    info_hash: InfoHash,
    file_index: FileIndex,
    pub(super) position_secs: f64,
    pub(super) duration_secs: f64,
    moments: Moments,
    bytes_per_sec: Option<f64>,
}

impl Standing {
    /// `None` if nobody watches, or its length or its place is not known.
    pub(super) fn of(playback: &Playback) -> Option<Self> {
        if playback.reads != Reads::All {
            return None;
        }
        Some(Self {
            info_hash: playback.info_hash,
            file_index: playback.file_index,
            position_secs: playback.progress.position_secs()?,
            duration_secs: playback.probe.as_ref()?.duration_secs?,
            moments: playback.moments.clone(),
            bytes_per_sec: playback.supply.bytes_per_sec(),
        })
    }

    fn byte_at(&self, secs: f64, file: &Range<u64>) -> u64 {
        let length_bytes = file.end - file.start;
        let by_share = || (secs / self.duration_secs * length_bytes as f64) as u64;
        file.start + self.moments.byte_at(secs).unwrap_or_else(by_share).min(length_bytes)
    }

    /// What is to come of the film, from its position on.
    fn steps(&self, map: &PieceMap, file: &Range<u64>) -> Vec<Step> {
        let step_secs = STEP_SECS.max(self.duration_secs / MAX_STEPS);
        let mut steps = Vec::new();
        let (mut start_secs, mut start_byte) = (self.position_secs, self.byte_at(self.position_secs, file));
        while start_secs < self.duration_secs {
            let end_secs = (start_secs + step_secs).min(self.duration_secs);
            // What stands behind the last moment is an index.
            let end_byte = self.byte_at(end_secs, file).max(start_byte);
            let missing_bytes = (end_byte - start_byte) - map.have_bytes_in(start_byte..end_byte);
            steps.push(Step { start_secs, end_secs, missing_bytes });
            (start_secs, start_byte) = (end_secs, end_byte);
        }
        steps
    }

    /// Whether everything that comes is for the player: something is missing just ahead of it.
    fn is_hungry(&self, map: &PieceMap, file: &Range<u64>) -> bool {
        let at = self.byte_at(self.position_secs, file);
        let near = at..at.saturating_add(NEAR_BYTES).min(file.end);
        map.have_bytes_in(near.clone()) < near.end.saturating_sub(near.start)
    }
}

pub(crate) async fn outlook(app: &App, args: PlaybackAtSpeed) -> Result<Option<Outlook>, WireError> {
    if !SPEEDS.contains(&args.speed) {
        return Err(WireError::new(ErrorCode::BadRequest, "nobody plays at this speed"));
    }
    let standing = {
        let table = app.inner.playbacks.table();
        Standing::of(table.open.get(&args.playback_id).ok_or_else(unknown_playback)?)
    };
    Ok(standing.and_then(|standing| app.look_ahead(&standing, args.speed)))
}

impl App {
    /// What is to come of a film; `None` if its torrent is not active.
    fn steps(&self, standing: &Standing) -> Option<Vec<Step>> {
        let engine = &self.inner.engine;
        let map = engine.pieces(standing.info_hash)?;
        let file = engine.file_range(standing.info_hash, standing.file_index)?;
        Some(standing.steps(&map, &file))
    }

    /// How long the film plays on with what is here.
    pub(super) fn in_hand_secs(&self, standing: &Standing) -> Option<f64> {
        let steps = self.steps(standing)?;
        let end_secs = steps.iter().find(|step| step.missing_bytes > 0).map(|step| step.start_secs);
        Some(end_secs.unwrap_or(standing.duration_secs) - standing.position_secs)
    }

    /// `None` while it is not known what comes in.
    pub(super) fn look_ahead(&self, standing: &Standing, speed: f64) -> Option<Outlook> {
        let steps = self.steps(standing)?;
        if steps.iter().all(|step| step.missing_bytes == 0) {
            return Some(Outlook::PlaysThrough);
        }
        Some(foretell(&steps, speed, standing.bytes_per_sec?))
    }

    /// Measures what comes in for what plays, from now on.
    pub(crate) fn follow_supply(&self) {
        let app = self.clone();
        self.inner.tasks.spawn("supply of what plays", async move {
            let mut stats = app.inner.engine.watch_stats();
            while stats.changed().await.is_ok() {
                let stats = std::sync::Arc::clone(&stats.borrow_and_update());
                app.measure_supply(&stats, Instant::now());
                app.prefetch();
            }
        });
    }

    fn measure_supply(&self, stats: &[freshet_model::TransferStats], now: Instant) {
        let engine = &self.inner.engine;
        let mut table = self.inner.playbacks.table();
        for playback in table.open.values_mut() {
            let Some(stats) = stats.iter().find(|stats| stats.info_hash == playback.info_hash) else {
                continue;
            };
            let Some(standing) = Standing::of(playback) else { continue };
            let (Some(map), Some(file)) = (
                engine.pieces(standing.info_hash),
                engine.file_range(standing.info_hash, standing.file_index),
            ) else {
                continue;
            };
            playback.supply.measure(stats.downloaded_bytes, standing.is_hungry(&map, &file), now);
        }
    }
}
