//! A short film, for tests that play.

use std::path::Path;
use std::process::{Command, Stdio};

/// Makes a film of so many seconds with `ffmpeg`.
pub(crate) fn make(path: &Path, secs: u32) {
    let picture = format!("testsrc2=size=160x90:rate=25:duration={secs}");
    let mut command = Command::new("ffmpeg");
    command.args(["-v", "error", "-f", "lavfi", "-i", &picture, "-c:v", "mpeg4", "-g", "25", "-b:v", "200k"]);
    let status = command.arg(path).stdin(Stdio::null()).status().unwrap();
    assert!(status.success(), "{status}");
}
