//! Subtitles read out of films that `ffmpeg` made.

#![allow(clippy::unwrap_used, reason = "helpers of a test may fail the test")]

use std::fs;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use freshet_media::index::{ContainerIndex, read_index};
use freshet_media::subtitles::{
    FoundBlocks, ReadBlocksError, SubtitleBlock, SubtitleReader, event_line, script_cues, sup_of,
};
use tokio::fs::File;

const SECS: u32 = 60;

fn ffmpeg(args: &[&str], path: &Path) {
    let status = Command::new("ffmpeg").args(["-v", "error", "-y"]).args(args).arg(path).status().unwrap();
    assert!(status.success(), "{args:?}");
}

/// A cue each two seconds.
fn srt(folder: &Path) -> PathBuf {
    let cue = |at: u32| format!("{at}\n00:00:{at:02},250 --> 00:00:{:02},750\nline <i>{at}</i>\n\n", at + 1);
    let text: String = (0..SECS / 2 - 1).map(|number| cue(number * 2)).collect();
    let path = folder.join("a.srt");
    fs::write(&path, text).unwrap();
    path
}

fn ass(folder: &Path) -> PathBuf {
    let head = "[Script Info]\nScriptType: v4.00+\n\n[V4+ Styles]\nFormat: Name, Fontname, Fontsize\n\
        Style: Default,Film Sans,20\n\n[Events]\n\
        Format: Layer, Start, End, Style, Name, MarginL, MarginR, MarginV, Effect, Text\n";
    let event =
        |at: u32| format!("Dialogue: 3,0:00:{at:02}.50,0:00:{:02}.00,Default,,0,0,0,,event, {at}\n", at + 1);
    let text: String = (0..SECS - 1).map(event).collect();
    let path = folder.join("a.ass");
    fs::write(&path, format!("{head}{text}")).unwrap();
    path
}

/// A picture, a tone, both kinds of text and a font.
fn film(folder: &Path, args: &[&str]) -> PathBuf {
    let (srt, ass) = (srt(folder), ass(folder));
    let font = folder.join("Film Sans.ttf");
    fs::write(&font, b"\0\x01\0\0 no font at all").unwrap();
    let path = folder.join("film.mkv");
    let (video, audio) = (format!("testsrc2=s=320x180:r=25:d={SECS}"), format!("sine=d={SECS}"));
    let inputs = ["-f", "lavfi", "-i", &video, "-f", "lavfi", "-i", &audio];
    let texts = ["-i", srt.to_str().unwrap(), "-i", ass.to_str().unwrap()];
    let maps = ["-map", "0", "-map", "1", "-map", "2", "-map", "3", "-c:s", "copy"];
    let coding = ["-c:v", "libx264", "-preset", "ultrafast", "-g", "50", "-c:a", "flac"];
    let font = ["-attach", font.to_str().unwrap(), "-metadata:s:t", "mimetype=font/ttf"];
    ffmpeg(&[&inputs[..], &texts, &maps, &coding, &font, args].concat(), &path);
    path
}

async fn index(path: &Path) -> ContainerIndex {
    let bytes = fs::metadata(path).unwrap().len();
    read_index(&mut File::open(path).await.unwrap(), bytes).await.unwrap()
}

async fn window(path: &Path, index: &ContainerIndex, track: usize, from: u64, to: u64) -> Vec<SubtitleBlock> {
    found(path, index, track, from..to, &[]).await.unwrap().blocks
}

async fn found(
    path: &Path,
    index: &ContainerIndex,
    track: usize,
    secs: Range<u64>,
    known: &[(Duration, u64)],
) -> Result<FoundBlocks, ReadBlocksError> {
    let bytes = fs::metadata(path).unwrap().len();
    let subtitles = index.subtitles.as_ref().unwrap();
    let input = File::open(path).await.unwrap();
    let reader = SubtitleReader::new(input, bytes, subtitles, index.time_index.as_ref().ok());
    let (from, to) = (Duration::from_secs(secs.start), Duration::from_secs(secs.end));
    reader.window(&subtitles.tracks[track], from, to, known).await
}

fn texts(blocks: &[SubtitleBlock]) -> Vec<String> {
    blocks.iter().map(|block| String::from_utf8(block.data.clone()).unwrap()).collect()
}

/// Without the cues of the subtitles, as some programs write films.
fn without_points(index: &ContainerIndex) -> ContainerIndex {
    let text = String::from_utf8(index.to_bytes()).unwrap();
    let mut value: serde_json::Value = serde_json::from_str(&text).unwrap();
    for track in value["index"]["subtitles"]["tracks"].as_array_mut().unwrap() {
        track["points"] = serde_json::json!([]);
    }
    ContainerIndex::from_bytes(value.to_string().as_bytes()).unwrap()
}

#[tokio::test]
async fn a_window_of_a_film_has_the_cues_that_begin_in_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = film(folder.path(), &[]);
    let index = index(&path).await;

    let blocks = window(&path, &index, 0, 20, 30).await;

    assert_eq!(
        texts(&blocks),
        ["line <i>20</i>", "line <i>22</i>", "line <i>24</i>", "line <i>26</i>", "line <i>28</i>"]
    );
    assert_eq!(blocks[0].start, Duration::from_millis(20_250));
    assert_eq!(blocks[0].duration, Some(Duration::from_millis(1500)));
    assert_eq!(texts(&window(&path, &index, 0, 0, 1).await), ["line <i>0</i>"]);
    assert_eq!(window(&path, &index, 0, 58, 4000).await, []);
    assert_eq!(window(&path, &index, 0, 0, 4000).await.len(), 29);
}

#[tokio::test]
async fn walking_over_the_clusters_finds_the_same_as_the_index() {
    let folder = tempfile::tempdir().unwrap();
    let path = film(folder.path(), &[]);
    let index = index(&path).await;
    let bare = without_points(&index);

    for track in [0, 1] {
        for (from, to) in [(0, 5), (7, 31), (30, 60), (0, 60)] {
            let found = window(&path, &index, track, from, to).await;
            assert_eq!(found, window(&path, &bare, track, from, to).await, "{track} {from}..{to}");
            assert!(!found.is_empty());
        }
    }
}

#[tokio::test]
async fn a_script_is_put_together_again() {
    let folder = tempfile::tempdir().unwrap();
    let path = film(folder.path(), &[]);
    let index = index(&path).await;
    let head = String::from_utf8(index.subtitles.as_ref().unwrap().tracks[1].private.clone()).unwrap();
    assert!(head.contains("Style: Default,Film Sans,20"), "{head}");

    let blocks = window(&path, &index, 1, 10, 12).await;
    let lines: Vec<String> = blocks
        .iter()
        .map(|block| {
            let start = block.start.as_secs_f64();
            let end = start + block.duration.unwrap().as_secs_f64();
            event_line(std::str::from_utf8(&block.data).unwrap(), start, end).unwrap()
        })
        .collect();

    assert_eq!(lines[0], "Dialogue: 3,0:00:10.50,0:00:11.00,Default,,0,0,0,,event, 10");
    let cues = script_cues(&format!("{head}\n{}", lines.join("\n")));
    assert_eq!(cues.len(), 2);
    assert_eq!((cues[1].start_secs, cues[1].runs[0].text.as_str()), (11.5, "event, 11"));
}

#[tokio::test]
async fn fonts_of_the_film_stand_where_the_index_says() {
    let folder = tempfile::tempdir().unwrap();
    let path = film(folder.path(), &[]);
    let index = index(&path).await;

    let font = &index.attachments[0];

    assert_eq!((font.name.as_str(), font.mime_type.as_str()), ("Film Sans.ttf", "font/ttf"));
    let bytes = fs::read(&path).unwrap();
    assert_eq!(&bytes[font.data.start as usize..font.data.end as usize], b"\0\x01\0\0 no font at all");
}

#[tokio::test]
async fn the_index_leads_past_pictures_and_sound() {
    let folder = tempfile::tempdir().unwrap();
    let path = film(folder.path(), &["-b:v", "2M"]);
    let index = index(&path).await;
    let subtitles = index.subtitles.as_ref().unwrap();
    let bytes = fs::read(&path).unwrap();
    let mut input = Counting { input: std::io::Cursor::new(&bytes), read_bytes: 0 };

    let reader =
        SubtitleReader::new(&mut input, bytes.len() as u64, subtitles, index.time_index.as_ref().ok());
    let blocks = reader
        .window(&subtitles.tracks[0], Duration::from_secs(20), Duration::from_secs(40), &[])
        .await
        .unwrap()
        .blocks;

    assert_eq!(blocks.len(), 10);
    // The header of a cluster and the block, 4 KiB each.
    assert!(input.read_bytes <= 20 * 4096, "{}", input.read_bytes);
    assert!(bytes.len() > 1_000_000, "{}", bytes.len());
}

#[tokio::test]
async fn a_film_without_an_index_is_followed_from_window_to_window() {
    let folder = tempfile::tempdir().unwrap();
    let (srt, path) = (srt(folder.path()), folder.path().join("piped.mkv"));
    // Through a pipe nothing can be written once more: no cues, and clusters of unknown length.
    let out = Command::new("ffmpeg")
        .args(["-v", "error", "-f", "lavfi", "-i", "testsrc2=s=32x18:r=5:d=60", "-i", srt.to_str().unwrap()])
        .args(["-map", "0", "-map", "1", "-c:v", "libx264", "-c:s", "copy", "-f", "matroska", "pipe:1"])
        .output()
        .unwrap();
    fs::write(&path, out.stdout).unwrap();
    let index = index(&path).await;
    assert!(index.time_index.is_err());

    let first = found(&path, &index, 0, 0..30, &[]).await.unwrap();
    let second = found(&path, &index, 0, 30..60, &first.passed).await.unwrap();

    assert_eq!((first.blocks.len(), second.blocks.len()), (15, 14));
    assert!(first.passed.len() > 1 && second.passed[0].0 > Duration::from_secs(10), "{:?}", second.passed);
    let far = found(&path, &index, 0, 200..230, &first.passed).await;
    assert!(matches!(far, Err(ReadBlocksError::NoIndex)), "{far:?}");
}

/// Pictures of a disc, with sizes as they are on one.
fn sup() -> Vec<u8> {
    fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus/subtitle_text/sup")).unwrap()
}

#[tokio::test]
async fn pictures_of_a_disc_come_out_as_they_went_in() {
    let folder = tempfile::tempdir().unwrap();
    let source = folder.path().join("a.sup");
    fs::write(&source, sup()).unwrap();
    let path = folder.path().join("film.mkv");
    let inputs = ["-f", "lavfi", "-i", "testsrc2=s=32x18:r=5:d=5", "-i", source.to_str().unwrap()];
    ffmpeg(
        &[&inputs[..], &["-map", "0", "-map", "1", "-c:v", "libx264", "-c:s", "copy", "-copyts"]].concat(),
        &path,
    );
    let index = index(&path).await;
    assert_eq!(index.subtitles.as_ref().unwrap().tracks[0].codec, "S_HDMV/PGS");

    let blocks = window(&path, &index, 0, 0, 5).await;

    let again: Vec<u8> =
        blocks.iter().flat_map(|block| sup_of(&block.data, block.start.as_secs_f64())).collect();
    assert_eq!(again, sup());
}

struct Counting<'a> {
    input: std::io::Cursor<&'a Vec<u8>>,
    read_bytes: usize,
}

impl tokio::io::AsyncRead for Counting<'_> {
    fn poll_read(
        mut self: std::pin::Pin<&mut Self>,
        context: &mut std::task::Context<'_>,
        buffer: &mut tokio::io::ReadBuf<'_>,
    ) -> std::task::Poll<std::io::Result<()>> {
        let before = buffer.filled().len();
        let result = std::pin::Pin::new(&mut self.input).poll_read(context, buffer);
        self.read_bytes += buffer.filled().len() - before;
        result
    }
}

impl tokio::io::AsyncSeek for Counting<'_> {
    fn start_seek(mut self: std::pin::Pin<&mut Self>, position: std::io::SeekFrom) -> std::io::Result<()> {
        std::pin::Pin::new(&mut self.input).start_seek(position)
    }

    fn poll_complete(
        mut self: std::pin::Pin<&mut Self>,
        context: &mut std::task::Context<'_>,
    ) -> std::task::Poll<std::io::Result<u64>> {
        std::pin::Pin::new(&mut self.input).poll_complete(context)
    }
}
