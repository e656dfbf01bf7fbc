//! One picture of a film, small, for who looks where to go.

use std::time::Duration;

use bytes::Bytes;

use crate::Tools;
use crate::tools::{Said, said_by};

/// What `ffmpeg` may take for one picture of bytes that are all here.
const TIME_OUT: Duration = Duration::from_secs(10);
/// No picture of this size is larger.
const MAX_BYTES: u64 = 512 * 1024;
/// How high a picture becomes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PictureSize {
    /// For who looks along the seek bar.
    Seek,
    /// For the card of a torrent.
    Poster,
}

impl PictureSize {
    fn height_pixels(self) -> u32 {
        match self {
            Self::Seek => 144,
            Self::Poster => 360,
        }
    }

    /// No honest film is wider, by its height.
    fn max_width_pixels(self) -> u32 {
        match self {
            Self::Seek => 400,
            Self::Poster => 960,
        }
    }
}

/// A key frame further away is that of another place: the file has no way to where it was to be sought.
const MAX_DISTANCE_SECS: f64 = 1.0;

#[derive(Debug, thiserror::Error)]
pub enum PictureError {
    #[error("ffmpeg could not be started")]
    Start(#[source] std::io::Error),
    #[error("ffmpeg took too long")]
    TimedOut,
    #[error("no picture stands there: {0}")]
    None(String),
}

/// The picture of the key frame at `at_secs` after the beginning of the file at `input_url`, an address on loopback: a JPEG of
/// that size. Made when nobody else wants the processor.
///
/// Takes [`TIME_OUT`] at most. Dropping the future ends the child.
///
/// # Errors
/// [`PictureError`], also if the picture is that of another moment.
pub async fn picture(
    tools: &Tools,
    input_url: &str,
    at_secs: f64,
    size: PictureSize,
) -> Result<Bytes, PictureError> {
    let mut command = tools.ffmpeg_in_the_background();
    command.args(arguments(input_url, at_secs, size));
    let child = tools.spawn(&mut command, input_url).map_err(PictureError::Start)?;
    let said = tokio::time::timeout(TIME_OUT, said_by(child, MAX_BYTES)).await;
    let Said { status, out, err } = said.map_err(|_| PictureError::TimedOut)?;
    let log = String::from_utf8_lossy(&err);
    let is_there = first_frame_secs(&log).is_some_and(|secs| secs.abs() <= MAX_DISTANCE_SECS);
    if is_there && !out.is_empty() && status.is_ok_and(|status| status.success()) {
        return Ok(out.into());
    }
    let last = log.lines().rfind(|line| !line.trim().is_empty()).unwrap_or("no reason given");
    Err(PictureError::None(last.replace(input_url, "the file")))
}

/// When the first frame stands, counted from where it was sought.
fn first_frame_secs(log: &str) -> Option<f64> {
    let (_, after) = log.split_once("pts_time:")?;
    after.split_whitespace().next()?.parse().ok()
}

fn arguments(input_url: &str, at_secs: f64, size: PictureSize) -> Vec<String> {
    let (height, max_width) = (size.height_pixels(), size.max_width_pixels());
    // Times in files are rounded: just behind the frame is not before it.
    let at = format!("{:.3}", at_secs + 0.005);
    let filter = format!(
        "showinfo=checksum=0,scale='min({max_width},max(2,trunc({height}*dar/2)*2))':{height},setsar=1"
    );
    [
        // The filter tells the time of the frame at this level.
        "-loglevel",
        "info",
        "-nostats",
        "-nostdin",
        "-threads",
        "1",
        // The header names the streams; the rest of a film tells little more.
        "-probesize",
        "1M",
        "-analyzeduration",
        "1M",
        "-skip_frame",
        "nokey",
        "-ss",
        &at,
        "-noaccurate_seek",
        "-i",
        input_url,
        "-map",
        "0:V:0",
        "-frames:v",
        "1",
        "-vf",
        &filter,
        "-c:v",
        "mjpeg",
        "-q:v",
        "5",
        "-f",
        "image2pipe",
        "pipe:1",
    ]
    .map(str::to_owned)
    .to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_of_the_first_frame_is_read() {
        let log = "Input #0\n[Parsed_showinfo_0 @ 0x1] n:   0 pts:     -5 pts_time:-0.005  duration: 1\nn: 1 pts_time:3";
        assert_eq!(first_frame_secs(log), Some(-0.005));
        assert_eq!(first_frame_secs("Input #0"), None);
        assert_eq!(first_frame_secs("pts_time:NOPTS"), None);
    }
}
