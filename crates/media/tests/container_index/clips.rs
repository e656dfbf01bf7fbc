//! Clips made by `ffmpeg`, and what `ffprobe` says of them.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use serde_json::Value;

pub(crate) const H264: [&str; 6] = ["-c:v", "libx264", "-preset", "ultrafast", "-c:a", "aac"];

/// A clip of `secs` seconds with a key frame each two seconds.
pub(crate) fn clip(folder: &Path, name: &str, secs: u32, args: &[&str]) -> PathBuf {
    let video = format!("testsrc2=s=192x108:r=25:d={secs}");
    let audio = format!("sine=d={secs}");
    let inputs = ["-f", "lavfi", "-i", &video, "-f", "lavfi", "-i", &audio];
    ffmpeg(folder, name, &[&inputs[..], &["-g", "50"], args].concat())
}

pub(crate) fn ffmpeg(folder: &Path, name: &str, args: &[&str]) -> PathBuf {
    let path = folder.join(name);
    let status = Command::new("ffmpeg").args(["-v", "error", "-y"]).args(args).arg(&path).status().unwrap();
    assert!(status.success(), "{args:?}");
    path
}

/// Through a pipe, so that nothing can be written once more.
pub(crate) fn piped(folder: &Path, name: &str, format: &str, args: &[&str]) -> PathBuf {
    let path = folder.join(name);
    let output = Command::new("ffmpeg")
        .args(["-v", "error", "-f", "lavfi", "-i", "testsrc2=s=192x108:r=25:d=10", "-g", "50"])
        .args(args)
        .args(["-f", format, "pipe:1"])
        .output()
        .unwrap();
    assert!(output.status.success());
    std::fs::write(&path, output.stdout).unwrap();
    path
}

#[derive(Debug, Clone, Copy)]
pub(crate) struct Packet {
    pub(crate) time: Duration,
    pub(crate) byte: u64,
    pub(crate) is_key: bool,
}

fn ffprobe(path: &Path, args: &[&str]) -> Value {
    let output =
        Command::new("ffprobe").args(["-v", "error", "-of", "json"]).args(args).arg(path).output().unwrap();
    assert!(output.status.success());
    serde_json::from_slice(&output.stdout).unwrap()
}

/// What is played in before the beginning counts as the beginning.
fn secs(value: &Value) -> Duration {
    Duration::from_secs_f64(value.as_str().unwrap().parse::<f64>().unwrap().max(0.0))
}

/// The packets of the first stream of a kind (`v` or `a`), in the order of the file.
pub(crate) fn packets(path: &Path, kind: &str) -> Vec<Packet> {
    let answer = ffprobe(path, &["-select_streams", &format!("{kind}:0"), "-show_packets"]);
    let packet = |packet: &Value| Packet {
        time: secs(&packet["pts_time"]),
        byte: packet["pos"].as_str().unwrap().parse().unwrap(),
        is_key: packet["flags"].as_str().unwrap().starts_with('K'),
    };
    answer["packets"].as_array().unwrap().iter().filter(|it| it["pts_time"].is_string()).map(packet).collect()
}

pub(crate) fn keys(path: &Path) -> Vec<Packet> {
    packets(path, "v").into_iter().filter(|packet| packet.is_key).collect()
}

pub(crate) fn duration(path: &Path) -> Duration {
    secs(&ffprobe(path, &["-show_format"])["format"]["duration"])
}

/// Start, end and title of each chapter.
pub(crate) fn chapters(path: &Path) -> Vec<(Duration, Duration, String)> {
    let answer = ffprobe(path, &["-show_chapters"]);
    let chapters = answer["chapters"].as_array().unwrap().iter();
    let title = |chapter: &Value| chapter["tags"]["title"].as_str().unwrap().to_owned();
    chapters.map(|it| (secs(&it["start_time"]), secs(&it["end_time"]), title(it))).collect()
}

/// A file of metadata with three chapters over 20 seconds.
pub(crate) fn chapter_file(folder: &Path) -> PathBuf {
    let path = folder.join("chapters.txt");
    let chapter =
        |from, to, title| format!("[CHAPTER]\nTIMEBASE=1/1000\nSTART={from}\nEND={to}\ntitle={title}\n");
    let text = [
        ";FFMETADATA1\n".to_owned(),
        chapter(0, 4_500, "Opening"),
        chapter(4_500, 12_000, "Глава вторая"),
        chapter(12_000, 20_000, "The \\= end"),
    ];
    std::fs::write(&path, text.concat()).unwrap();
    path
}

pub(crate) fn is_near(a: Duration, b: Duration, within: Duration) -> bool {
    a.abs_diff(b) <= within
}
