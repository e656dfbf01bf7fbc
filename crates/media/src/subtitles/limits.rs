//! Ceilings on what a subtitle may cost.

/// A file of text. The longest honest ones, scripts with songs in them, have a few.
pub const MAX_TEXT_FILE_BYTES: u64 = 10 * 1024 * 1024;

/// Cues of one file; a talkative film has 3000.
pub const MAX_CUES: usize = 20_000;

/// Characters of one cue; more would fill the picture.
pub(super) const MAX_CUE_CHARS: usize = 2000;
/// A run is a change of look within a cue.
pub(super) const MAX_CUE_RUNS: usize = 100;
/// Characters of all cues together.
pub(super) const MAX_ALL_CHARS: usize = 4 * 1024 * 1024;
/// No line that says a time is longer.
pub(super) const MAX_TIME_LINE_BYTES: usize = 400;
/// Styles of a script.
pub(super) const MAX_STYLES: usize = 2000;
/// No film is longer.
pub(super) const MAX_SECS: f64 = 1000.0 * 3600.0;
