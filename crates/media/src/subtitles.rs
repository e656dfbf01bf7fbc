//! Subtitles of strangers, made into data: cues with runs of plain text, scripts and pictures that were looked through.
//!
//! Nothing here gives markup. Every parser takes any bytes, keeps no more than its ceilings allow, and gives what it could
//! read: a damaged line costs that line.

mod ass;
mod charset;
mod converted;
mod limits;
mod marks;
mod matroska;
mod pgs;
mod timed;

pub use ass::{MAX_SCRIPT_BYTES, event_line, script_cues};
pub use charset::{CHARSETS, decode};
pub use converted::{ConvertError, converted_cues};
pub use limits::{MAX_CUES, MAX_TEXT_FILE_BYTES};
pub use marks::text_cue;
pub use matroska::{FoundBlocks, ReadBlocksError, SubtitleBlock, SubtitleReader};
pub use pgs::{MAX_SUP_BYTES, checked_sup, sup_of};
pub use timed::{TimedFormat, timed_cues};

use freshet_model::SubtitleCue;

/// Cues in the order of their time, by the clock that players show: `start_secs` of the file is zero.
pub fn by_page_clock(mut cues: Vec<SubtitleCue>, start_secs: f64) -> Vec<SubtitleCue> {
    for cue in &mut cues {
        cue.start_secs = (cue.start_secs - start_secs).max(0.0);
        cue.end_secs -= start_secs;
    }
    cues.retain(|cue| cue.end_secs > cue.start_secs);
    cues.sort_by(|a, b| a.start_secs.total_cmp(&b.start_secs));
    cues
}
