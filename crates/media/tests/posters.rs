//! Posters are drawn anew from honest pictures, and from nothing else.

#![allow(clippy::unwrap_used, reason = "helpers of a test may fail the test")]
use std::path::Path;
use std::process::Command;

use freshet_media::{PictureError, Tools, poster};
use freshet_model::MAX_POSTER_FILE_BYTES;

fn tools() -> Tools {
    Tools::find().expect("the tests need ffmpeg and ffprobe")
}

fn ffmpeg(args: &[&str]) -> Vec<u8> {
    let made = Command::new("ffmpeg").args(["-v", "error"]).args(args).arg("pipe:1").output().unwrap();
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    made.stdout
}

fn picture(size: &str, codec: &str) -> Vec<u8> {
    let source = format!("color=red:s={size}");
    ffmpeg(&["-f", "lavfi", "-i", &source, "-frames:v", "1", "-c:v", codec, "-f", "image2pipe"])
}

/// Format, width and height, as `ffprobe` sees them.
fn seen(picture: &[u8], folder: &Path) -> String {
    let file = folder.join("poster");
    std::fs::write(&file, picture).unwrap();
    let entries = ["-v", "error", "-show_entries", "stream=codec_name,width,height", "-of", "csv=p=0"];
    let said = Command::new("ffprobe").args(entries).arg(file).output().unwrap();
    String::from_utf8(said.stdout).unwrap().trim().to_owned()
}

#[tokio::test]
async fn a_poster_is_drawn_anew_small_and_in_its_own_proportions() {
    let folder = tempfile::tempdir().unwrap();
    for (size, codec, expected) in [
        ("1000x1500", "mjpeg", "mjpeg,426,640"),
        ("1920x1080", "png", "mjpeg,640,360"),
        ("200x300", "png", "mjpeg,200,300"),
    ] {
        let source = picture(size, codec);

        let made = poster(&tools(), source.clone().into()).await.unwrap();

        assert_eq!(seen(&made, folder.path()), expected, "{size} {codec}");
        assert_ne!(made, source);
    }
}

#[tokio::test]
async fn what_somebody_hid_in_a_picture_is_not_in_its_poster() {
    let mut source = picture("400x600", "mjpeg");
    // A comment right behind the beginning, and a page behind the end.
    let comment = b"<script>canary</script>";
    let mut segment = vec![0xff, 0xfe, 0, comment.len() as u8 + 2];
    segment.extend_from_slice(comment);
    source.splice(2..2, segment);
    source.extend_from_slice(b"<html>canary");

    let made = poster(&tools(), source.into()).await.unwrap();

    assert!(!made.windows(6).any(|window| window == b"canary"));
}

#[tokio::test]
async fn a_bomb_of_pixels_is_refused_in_time() {
    // 12,000 x 12,000 pixels in a small file.
    let bomb = picture("12000x12000", "png");
    assert!((bomb.len() as u64) < MAX_POSTER_FILE_BYTES, "{} bytes", bomb.len());

    let refused = poster(&tools(), bomb.into()).await.unwrap_err();

    assert!(matches!(refused, PictureError::None(_)), "{refused}");
}

#[tokio::test]
async fn what_is_no_picture_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let canary = folder.path().join("canary.jpg");
    std::fs::write(&canary, picture("64x64", "mjpeg")).unwrap();
    let list = format!("ffconcat version 1.0\nfile '{}'\n", canary.display());
    let svg = format!("<svg xmlns='http://www.w3.org/2000/svg'><image href='{}'/></svg>", canary.display());
    let mut cut = picture("400x600", "mjpeg");
    cut.truncate(40);
    let mut long = picture("64x64", "mjpeg");
    long.resize(MAX_POSTER_FILE_BYTES as usize + 1, 0);
    let of_text = [list.into_bytes(), svg.into_bytes(), b"#EXTM3U\nhttp://127.0.0.1:9/x\n".to_vec()];
    let broken = [cut, long, b"\x89PNG\r\n\x1a\n".to_vec(), vec![0xff, 0xd8, 0xff], Vec::new()];
    for source in of_text.into_iter().chain(broken) {
        let start = String::from_utf8_lossy(&source[..source.len().min(20)]).into_owned();

        let made = poster(&tools(), source.into()).await;

        assert!(matches!(made, Err(PictureError::None(_))), "{start:?}: {made:?}");
    }
}
