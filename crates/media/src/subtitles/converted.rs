//! A window of a text track that only `ffmpeg` can take out of its container, such as MP4: it seeks from sample to sample,
//! and reads nothing of pictures and sound.

use std::time::Duration;

use freshet_model::SubtitleCue;
use tokio::io::AsyncReadExt as _;

use super::{TimedFormat, timed_cues};
use crate::Tools;

/// A window of text; no honest one has a tenth of it.
const MAX_OUTPUT_BYTES: u64 = 2 * 1024 * 1024;

#[derive(Debug, thiserror::Error)]
pub enum ConvertError {
    #[error("ffmpeg could not be started")]
    Start(#[source] std::io::Error),
    #[error("the subtitles did not arrive within {0:?}")]
    TimedOut(Duration),
    #[error("ffmpeg could not read the subtitles")]
    Failed,
}

/// The cues of a stream from a moment on, by the clock of the file, that begin before `to_secs`. Waits for their bytes,
/// `time_out` at most. Dropping the future ends the child.
///
/// # Errors
/// [`ConvertError`].
pub async fn converted_cues(
    tools: &Tools,
    input_url: &str,
    stream_index: u32,
    from_secs: f64,
    to_secs: f64,
    time_out: Duration,
) -> Result<Vec<SubtitleCue>, ConvertError> {
    let (from, length) = (format!("{from_secs:.3}"), format!("{:.3}", (to_secs - from_secs).max(0.001)));
    let stream = format!("0:{stream_index}");
    let mut command = tools.ffmpeg();
    command
        .args(["-nostdin", "-copyts", "-ss", &from, "-t", &length, "-i", input_url, "-map", &stream])
        .args(["-c:s", "subrip", "-flush_packets", "1", "-f", "srt", "pipe:1"])
        .stderr(std::process::Stdio::null());
    let mut child = tools.spawn(&mut command, input_url).map_err(ConvertError::Start)?;
    let out = child.stdout.take().ok_or(ConvertError::Failed)?;
    let read = async {
        let mut text = Vec::new();
        let is_read = out.take(MAX_OUTPUT_BYTES).read_to_end(&mut text).await.is_ok();
        let is_done = is_read && child.wait().await.is_ok_and(|status| status.success());
        (text, is_done)
    };
    let (text, is_done) =
        tokio::time::timeout(time_out, read).await.map_err(|_| ConvertError::TimedOut(time_out))?;
    if !is_done {
        return Err(ConvertError::Failed);
    }
    let mut cues = timed_cues(&String::from_utf8_lossy(&text), TimedFormat::Srt);
    cues.retain(|cue| cue.start_secs >= from_secs && cue.start_secs < to_secs);
    Ok(cues)
}
