//! The pieces of a film on its axis of time.

use std::ops::Range;

use freshet_model::{MapSpan, PieceRun, PieceStand, PlaybackMap, WireError};

use super::unknown_playback;
use crate::App;
use crate::args::PlaybackRef;

/// More spans than a seek bar has points tell nobody anything.
const MAX_SPANS: usize = 400;

pub(crate) async fn map(app: &App, args: PlaybackRef) -> Result<Option<PlaybackMap>, WireError> {
    let (info_hash, file_index, duration_secs, moments) = {
        let mut table = app.inner.playbacks.table();
        let playback = table.open.get_mut(&args.playback_id).ok_or_else(unknown_playback)?;
        // Not before the film plays: what comes first is the picture.
        if playback.run.is_some() {
            playback.moments.learn(app, playback.info_hash, playback.file_index);
        }
        let duration_secs = playback.probe.as_ref().and_then(|probe| probe.duration_secs);
        (playback.info_hash, playback.file_index, duration_secs, playback.moments.clone())
    };
    let (Some(duration_secs), Some(file)) =
        (duration_secs, app.inner.engine.file_range(info_hash, file_index))
    else {
        return Ok(None);
    };
    let Some(transfer) = app.inner.engine.transfer(info_hash).await else { return Ok(None) };
    let secs_at = |byte: u64| moments.secs_at(byte);
    let is_estimate = secs_at(0).is_none();
    let spans = spans(&transfer.runs, u64::from(transfer.piece_bytes), &file, duration_secs, secs_at);
    Ok(Some(PlaybackMap { spans, is_estimate }))
}

/// The runs of pieces below a file, with the times at its bytes, or else times by their share of them.
#[expect(clippy::cast_precision_loss, reason = "films are shorter than 2^53 bytes")]
fn spans(
    runs: &[PieceRun],
    piece_bytes: u64,
    file: &Range<u64>,
    duration_secs: f64,
    known_secs_at: impl Fn(u64) -> Option<f64>,
) -> Vec<MapSpan> {
    let length_bytes = file.end.saturating_sub(file.start);
    if length_bytes == 0 {
        return Vec::new();
    }
    let secs_at = |byte: u64| {
        let byte = byte - file.start;
        // The whole axis is covered, with what stands before the first moment and after the last.
        if byte == 0 {
            return 0.0;
        }
        if byte == length_bytes {
            return duration_secs;
        }
        let share = || byte as f64 / length_bytes as f64 * duration_secs;
        known_secs_at(byte).unwrap_or_else(share).clamp(0.0, duration_secs)
    };
    let mut start_byte = 0_u64;
    let mut spans: Vec<MapSpan> = Vec::new();
    for run in runs {
        let end_byte = start_byte.saturating_add(u64::from(run.pieces).saturating_mul(piece_bytes));
        let (from, to) = (start_byte.max(file.start), end_byte.min(file.end));
        start_byte = end_byte;
        // What is no film, such as an index at the end, takes no time.
        if from < to && secs_at(from) < secs_at(to) {
            spans.push(MapSpan { start_secs: secs_at(from), end_secs: secs_at(to), stand: run.stand });
        }
    }
    coarsened(spans, duration_secs)
}

/// As it is, or as many equal steps as a bar has room for; each stands as badly as its worst part.
fn coarsened(spans: Vec<MapSpan>, duration_secs: f64) -> Vec<MapSpan> {
    if spans.len() <= MAX_SPANS {
        return spans;
    }
    #[expect(clippy::cast_precision_loss, reason = "a few hundred")]
    let border = |step: usize| duration_secs * step as f64 / MAX_SPANS as f64;
    let mut coarse: Vec<MapSpan> = Vec::new();
    for step in 0..MAX_SPANS {
        let (start_secs, end_secs) = (border(step), border(step + 1));
        let below = spans.iter().filter(|span| span.start_secs < end_secs && span.end_secs > start_secs);
        let Some(stand) = below.map(|span| span.stand).max_by_key(|stand| badness(*stand)) else { continue };
        match coarse.last_mut() {
            Some(last) if last.stand == stand => last.end_secs = end_secs,
            _ => coarse.push(MapSpan { start_secs, end_secs, stand }),
        }
    }
    coarse
}

fn badness(stand: PieceStand) -> u8 {
    match stand {
        PieceStand::Have => 0,
        PieceStand::Requested => 1,
        PieceStand::Available => 2,
        PieceStand::Missing => 3,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(stand: PieceStand, pieces: u32) -> PieceRun {
        PieceRun { stand, pieces }
    }

    #[test]
    fn a_file_gets_the_part_of_the_pieces_that_lies_below_it() {
        let runs = [run(PieceStand::Have, 2), run(PieceStand::Requested, 1), run(PieceStand::Missing, 7)];
        // Pieces of 100 bytes; the film begins in the second one and ends in the fifth.
        let seen = spans(&runs, 100, &(150..550), 400.0, |_| None);

        let span = |start_secs, end_secs, stand| MapSpan { start_secs, end_secs, stand };
        assert_eq!(
            seen,
            [
                span(0.0, 50.0, PieceStand::Have),
                span(50.0, 150.0, PieceStand::Requested),
                span(150.0, 400.0, PieceStand::Missing),
            ]
        );
        assert_eq!(spans(&runs, 100, &(150..150), 400.0, |_| None), []);

        // Most of the time stands in few bytes, and the last bytes are no film.
        let index = |byte: u64| Some(if byte < 100 { byte as f64 * 3.9 } else { 400.0 });
        let seen = spans(&runs, 100, &(150..550), 400.0, index);
        assert_eq!(seen, [span(0.0, 195.0, PieceStand::Have), span(195.0, 400.0, PieceStand::Requested)]);
    }

    #[test]
    fn a_map_of_ten_thousand_crumbs_fits_on_a_bar_and_promises_nothing_too_good() {
        let crumbs: Vec<PieceRun> = (0..10_000)
            .map(|at| run(if at % 2 == 0 { PieceStand::Have } else { PieceStand::Available }, 1))
            .collect();
        let seen = spans(&crumbs, 100, &(0..1_000_000), 100.0, |_| None);

        assert_eq!(seen, [MapSpan { start_secs: 0.0, end_secs: 100.0, stand: PieceStand::Available }]);
    }
}
