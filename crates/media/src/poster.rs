//! A small picture made of a stranger's, for the card of a torrent.
//!
//! The stranger's picture is never shown and never decoded in this process: `ffmpeg`, which can open no address and no file
//! meanwhile, draws it anew.

use std::time::Duration;

use bytes::Bytes;
use freshet_model::MAX_POSTER_FILE_BYTES;
use tokio::io::AsyncWriteExt as _;

use crate::picture::PictureError;
use crate::tools::{Said, Tools, said_by};

const TIME_OUT: Duration = Duration::from_secs(10);
/// Of what is drawn: far more than a picture of this size takes.
const MAX_BYTES: u64 = 256 * 1024;
/// A few bytes can ask for a picture of any size.
const MAX_SOURCE_PIXELS: &str = "40000000";
const MAX_SIDE_PIXELS: u32 = 640;

/// What a picture is, by its first bytes; a name proves nothing.
fn decoder(source: &[u8]) -> Option<(&'static str, &'static str)> {
    if source.starts_with(&[0xff, 0xd8, 0xff]) {
        return Some(("jpeg_pipe", "mjpeg"));
    }
    source.starts_with(b"\x89PNG\r\n\x1a\n").then_some(("png_pipe", "png"))
}

/// A stranger's JPEG or PNG drawn anew: a JPEG whose longer side has at most [`MAX_SIDE_PIXELS`]. Made when nobody else wants the
/// processor.
///
/// Takes [`TIME_OUT`] at most. Dropping the future ends the child.
///
/// # Errors
/// [`PictureError`]: it is something else, larger than [`MAX_POSTER_FILE_BYTES`] or 40 megapixels, or broken.
pub async fn poster(tools: &Tools, source: Bytes) -> Result<Bytes, PictureError> {
    let none = |reason: &str| PictureError::None(reason.to_owned());
    let (format, decoder) = decoder(&source).ok_or_else(|| none("this is neither JPEG nor PNG"))?;
    if source.len() as u64 > MAX_POSTER_FILE_BYTES {
        return Err(none("this file is too large for a poster"));
    }
    let mut command = tools.ffmpeg_for_a_picture();
    command.args(arguments(format, decoder));
    // It reads what it is given, and connects nowhere.
    let mut child = tools.spawn(&mut command, "").map_err(PictureError::Start)?;
    let input = child.stdin.take();
    let write = async {
        if let Some(mut input) = input {
            // One that has seen enough shuts its end.
            let _ = input.write_all(&source).await;
        }
    };
    let both = async { tokio::join!(write, said_by(child, MAX_BYTES + 1)).1 };
    let Said { status, out, err } =
        tokio::time::timeout(TIME_OUT, both).await.map_err(|_| PictureError::TimedOut)?;
    let is_picture = out.starts_with(&[0xff, 0xd8, 0xff]) && out.len() as u64 <= MAX_BYTES;
    if is_picture && status.is_ok_and(|status| status.success()) {
        return Ok(out.into());
    }
    let log = String::from_utf8_lossy(&err);
    Err(none(log.lines().rfind(|line| !line.trim().is_empty()).unwrap_or("no reason given")))
}

fn arguments(format: &str, decoder: &str) -> Vec<String> {
    let scale = format!(
        "scale='min({MAX_SIDE_PIXELS},iw)':'min({MAX_SIDE_PIXELS},ih)':force_original_aspect_ratio=decrease:\
         force_divisible_by=2,setsar=1"
    );
    let input = ["-nostats", "-threads", "1", "-max_pixels", MAX_SOURCE_PIXELS, "-f", format];
    let output = ["-frames:v", "1", "-vf", &scale, "-pix_fmt", "yuvj420p", "-map_metadata", "-1"];
    let made = ["-c:v", "mjpeg", "-q:v", "4", "-f", "image2pipe", "pipe:1"];
    let all = [&input[..], &["-c:v", decoder, "-i", "pipe:0"], &output, &made].concat();
    all.into_iter().map(str::to_owned).collect()
}
