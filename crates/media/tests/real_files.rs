//! Probing and converting real files with the real tools, over HTTP on loopback.

#![allow(clippy::unwrap_used, reason = "helpers of a test may fail the test")]
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use freshet_media::{
    AudioPlan, PROBED_TYPES, Part, PartError, ProbeError, Run, RunOptions, Sound, TIME_SHIFT_SECS, Tools,
    choose, probe,
};
use freshet_model::{PlaybackMode, TrackKind};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

const TIME_OUT: Duration = Duration::from_secs(60);

fn tools() -> Tools {
    Tools::find().expect("the tests need ffmpeg and ffprobe")
}

/// Makes a clip of `secs` seconds with a key frame each second.
fn clip(folder: &Path, name: &str, secs: u32, args: &[&str]) -> PathBuf {
    let path = folder.join(name);
    let status = Command::new("ffmpeg")
        .args(["-v", "error", "-f", "lavfi", "-i", &format!("testsrc2=s=320x180:r=10:d={secs}")])
        .args(["-f", "lavfi", "-i", &format!("sine=d={secs}")])
        .args(["-g", "10"])
        .args(args)
        .arg(&path)
        .status()
        .unwrap();
    assert!(status.success());
    path
}

/// Serves one file with byte ranges, as the real server does; ends with the value.
struct FileServer {
    url: String,
    _task: tokio::task::JoinSet<()>,
}

impl FileServer {
    async fn start(path: &Path) -> Self {
        let bytes = std::fs::read(path).unwrap();
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/file", listener.local_addr().unwrap());
        let mut task = tokio::task::JoinSet::new();
        task.spawn(async move {
            let mut connections = tokio::task::JoinSet::new();
            while let Ok((socket, _)) = listener.accept().await {
                let bytes = bytes.clone();
                connections.spawn(async move { serve(socket, &bytes).await.unwrap_or_default() });
            }
        });
        Self { url, _task: task }
    }
}

async fn serve(socket: tokio::net::TcpStream, bytes: &[u8]) -> std::io::Result<()> {
    use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
    let mut socket = BufReader::new(socket);
    let mut start = 0_usize;
    loop {
        let mut line = String::new();
        if socket.read_line(&mut line).await? == 0 || line == "\r\n" {
            break;
        }
        if let Some(range) = line.to_ascii_lowercase().strip_prefix("range: bytes=") {
            start = range.split('-').next().and_then(|n| n.parse().ok()).unwrap_or(0);
        }
    }
    let total = bytes.len();
    let head = format!(
        "HTTP/1.1 206 Partial Content\r\nAccept-Ranges: bytes\r\nContent-Range: bytes {start}-{}/{total}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
        total - 1,
        total - start
    );
    socket.write_all(head.as_bytes()).await?;
    socket.write_all(&bytes[start..]).await
}

fn everything() -> Vec<String> {
    PROBED_TYPES.iter().map(|t| (*t).to_owned()).collect()
}

async fn read_all(run: &Run) -> Vec<u8> {
    let mut all = Vec::new();
    for number in 0.. {
        match tokio::time::timeout(TIME_OUT, run.part(number)).await.expect("a part arrives").unwrap() {
            Part::Bytes(bytes) => all.extend(bytes),
            Part::End => break,
        }
    }
    all
}

/// When each picture of a film is shown and decoded, in the order in which they stand.
fn packets(film: &Path) -> Vec<(f64, f64)> {
    let out = Command::new("ffprobe")
        .args(["-v", "error", "-of", "csv=p=0", "-select_streams", "v"])
        .args(["-show_entries", "packet=pts_time,dts_time"])
        .arg(film)
        .output()
        .unwrap();
    let text = String::from_utf8(out.stdout).unwrap();
    let times = |line: &str| {
        let (pts, dts) = line.split_once(',').unwrap();
        (pts.parse().unwrap(), dts.trim_end_matches(',').parse().unwrap())
    };
    text.lines().map(times).collect()
}

/// (first presentation time of the video, duration of the whole file, names of the codecs).
fn measure(folder: &Path, bytes: &[u8]) -> (f64, f64, String) {
    let path = folder.join("out.mp4");
    std::fs::write(&path, bytes).unwrap();
    let ask = |args: &[&str]| {
        let out = Command::new("ffprobe")
            .args(["-v", "error", "-of", "csv=p=0"])
            .args(args)
            .arg(&path)
            .output()
            .unwrap();
        String::from_utf8(out.stdout).unwrap()
    };
    let packets = ask(&["-select_streams", "v", "-show_entries", "packet=pts_time"]);
    let times: Vec<f64> = packets.lines().filter_map(|line| line.trim_matches(',').parse().ok()).collect();
    let first = times.iter().copied().fold(f64::MAX, f64::min);
    let last = times.iter().copied().fold(0.0, f64::max);
    let (first, last) = (first - TIME_SHIFT_SECS, last - TIME_SHIFT_SECS);
    (
        first,
        last,
        ask(&["-show_entries", "stream=codec_name"]).split_whitespace().collect::<Vec<_>>().join(","),
    )
}

#[tokio::test]
async fn a_film_is_copied_whole_and_from_the_middle_with_its_own_times() {
    let folder = tempfile::tempdir().unwrap();
    let path = clip(folder.path(), "film.mkv", 12, &["-c:v", "libx264", "-c:a", "ac3"]);
    let server = FileServer::start(&path).await;
    let (tasks, cancel) = (TaskTracker::new(), CancellationToken::new());

    let found = probe(&tools(), &server.url, TIME_OUT).await.unwrap();
    assert!((found.duration_secs.unwrap() - 12.0).abs() < 0.2, "{found:?}");
    let kinds: Vec<_> = found.streams.iter().map(|s| (s.kind, s.codec.as_str())).collect();
    assert_eq!(kinds, [(TrackKind::Video, "h264"), (TrackKind::Audio, "ac3")]);

    let types: Vec<String> = everything().into_iter().filter(|t| !t.contains("ac-3")).collect();
    let plan = choose(&found, &types, Sound::Stream(None)).unwrap();
    assert_eq!(plan.mode(), PlaybackMode::Remux);
    let options = |at_secs| RunOptions {
        sound_url: None,
        input_url: server.url.clone(),
        at_secs,
        file_start_secs: found.start_secs,
        plan: plan.clone(),
    };

    let run = Run::start(&tools(), &options(0.0), &tasks, &cancel).unwrap();
    let (first, last, codecs) = measure(folder.path(), &read_all(&run).await);
    assert!(first < 0.2 && last > 11.5, "{first}..{last}");
    assert_eq!(codecs, "h264,aac", "the sound is encoded for a view that does not play AC-3");

    drop(run);
    let run = Run::start(&tools(), &options(6.5), &tasks, &cancel).unwrap();
    let (first, last, _) = measure(folder.path(), &read_all(&run).await);
    assert!((5.9..=6.6).contains(&first), "starts at the key frame before 6.5 s, not at {first}");
    assert!(last > 11.5, "and goes on to the end, not {last}");

    drop(run);
    tasks.close();
    tokio::time::timeout(TIME_OUT, tasks.wait()).await.expect("the tasks end with their runs");
}

#[tokio::test]
async fn frames_that_wait_for_later_ones_keep_their_exact_times() {
    let folder = tempfile::tempdir().unwrap();
    let path = clip(folder.path(), "film.mkv", 8, &["-c:v", "libx264", "-bf", "2", "-c:a", "aac"]);
    let server = FileServer::start(&path).await;
    let (tasks, cancel) = (TaskTracker::new(), CancellationToken::new());
    let found = probe(&tools(), &server.url, TIME_OUT).await.unwrap();
    let starts = found.streams.iter().find(|s| s.kind == TrackKind::Video).unwrap().start_secs;
    let plan = choose(&found, &everything(), Sound::Stream(None)).unwrap();

    for (at_secs, key_frame_secs) in [(0.0, starts), (4.5, starts + 4.0)] {
        let options = RunOptions {
            sound_url: None,
            input_url: server.url.clone(),
            at_secs,
            file_start_secs: 0.0,
            plan: plan.clone(),
        };
        let run = Run::start(&tools(), &options, &tasks, &cancel).unwrap();
        let (first, ..) = measure(folder.path(), &read_all(&run).await);
        assert!((first - key_frame_secs).abs() < 0.001, "from {at_secs}: {first}, not {key_frame_secs}");
    }
}

#[tokio::test]
async fn no_picture_is_decoded_before_the_film_begins_and_all_keep_their_times() {
    let folder = tempfile::tempdir().unwrap();
    let hevc = ["-c:v", "libx265", "-x265-params", "log-level=error:keyint=10:bframes=3", "-c:a", "ac3"];
    let h264 = ["-c:v", "libx264", "-x264-params", "bframes=3:open-gop=1", "-c:a", "ac3"];
    let table = [
        ("film.mkv", &hevc),
        ("film.mp4", &hevc),
        ("film.ts", &hevc),
        ("other.mkv", &h264),
        ("other.mp4", &h264),
    ];
    for (name, streams) in table {
        let path = clip(folder.path(), name, 8, streams);
        let server = FileServer::start(&path).await;
        let (tasks, cancel) = (TaskTracker::new(), CancellationToken::new());
        let found = probe(&tools(), &server.url, TIME_OUT).await.unwrap();
        let types: Vec<String> = everything().into_iter().filter(|t| !t.contains("ac-3")).collect();
        let plan = choose(&found, &types, Sound::Stream(None)).unwrap();
        let begins = TIME_SHIFT_SECS + plan.lead_secs;
        let shown_at = async |at_secs: f64| {
            let options = RunOptions {
                sound_url: None,
                input_url: server.url.clone(),
                at_secs,
                file_start_secs: found.start_secs,
                plan: plan.clone(),
            };
            let run = Run::start(&tools(), &options, &tasks, &cancel).unwrap();
            std::fs::write(folder.path().join("out.mp4"), read_all(&run).await).unwrap();
            packets(&folder.path().join("out.mp4"))
        };

        let whole = shown_at(0.0).await;
        assert_eq!(whole.len(), 80, "{name}");
        assert!(whole.iter().any(|(pts, dts)| pts > dts), "{name}: no frame waits for another");
        assert!(whole.is_sorted_by(|(_, one), (_, next)| one < next), "{name}: decoded in order");
        for (pts, dts) in &whole {
            assert!(*dts >= begins - 0.001 && dts <= pts, "{name}: {dts} for {pts}, from {begins}");
        }

        let later = shown_at(4.5 + found.start_secs).await;
        // A transport stream has no index: where ffmpeg lands there is its guess.
        assert!(later.len() >= if name == "film.ts" { 1 } else { 35 }, "{name}: {}", later.len());
        let is_known = |pts: &f64| whole.iter().any(|(known, _)| (known - pts).abs() < 0.001);
        assert!(later.iter().all(|(pts, _)| is_known(pts)), "{name}: {later:?}");
    }
}

#[tokio::test]
async fn a_picture_that_the_view_cannot_show_is_encoded() {
    let folder = tempfile::tempdir().unwrap();
    let path = clip(folder.path(), "old.avi", 4, &["-c:v", "mpeg4", "-c:a", "libmp3lame"]);
    let server = FileServer::start(&path).await;
    let (tasks, cancel) = (TaskTracker::new(), CancellationToken::new());

    let found = probe(&tools(), &server.url, TIME_OUT).await.unwrap();
    let plan = choose(&found, &everything(), Sound::Stream(None)).unwrap();
    assert_eq!(plan.mode(), PlaybackMode::Transcode);
    let options = RunOptions {
        sound_url: None,
        input_url: server.url.clone(),
        at_secs: 0.0,
        file_start_secs: found.start_secs,
        plan,
    };
    let run = Run::start(&tools(), &options, &tasks, &cancel).unwrap();

    let (_, last, codecs) = measure(folder.path(), &read_all(&run).await);
    assert!(last > 3.5, "{last}");
    assert!(codecs.starts_with("h264"), "{codecs}");
}

#[tokio::test]
async fn sound_that_is_kept_in_another_way_in_its_file_is_copied_too() {
    let folder = tempfile::tempdir().unwrap();
    for (name, sound) in [("broadcast.ts", "aac"), ("lossless.mkv", "flac")] {
        let path = clip(folder.path(), name, 4, &["-c:v", "libx264", "-c:a", sound]);
        let server = FileServer::start(&path).await;
        let (tasks, cancel) = (TaskTracker::new(), CancellationToken::new());
        let found = probe(&tools(), &server.url, TIME_OUT).await.unwrap();
        let plan = choose(&found, &everything(), Sound::Stream(None)).unwrap();
        let is_copied =
            matches!(plan.audio, Some((_, AudioPlan::Copy { is_aac })) if is_aac == (sound == "aac"));
        assert!(is_copied, "{plan:?}");
        let options = RunOptions {
            sound_url: None,
            input_url: server.url.clone(),
            at_secs: 0.0,
            file_start_secs: found.start_secs,
            plan,
        };
        let run = Run::start(&tools(), &options, &tasks, &cancel).unwrap();

        let (_, last, codecs) = measure(folder.path(), &read_all(&run).await);

        assert_eq!(codecs, format!("h264,{sound}"));
        assert!(last > 3.5, "{name}: {last}");
    }
}

#[tokio::test]
async fn parts_come_in_order_and_the_newest_may_be_asked_for_again() {
    let folder = tempfile::tempdir().unwrap();
    let path = clip(folder.path(), "film.mp4", 6, &["-c:v", "libx264", "-c:a", "aac"]);
    let server = FileServer::start(&path).await;
    let (tasks, cancel) = (TaskTracker::new(), CancellationToken::new());
    let found = probe(&tools(), &server.url, TIME_OUT).await.unwrap();
    let plan = choose(&found, &everything(), Sound::Stream(None)).unwrap();
    let options = RunOptions {
        sound_url: None,
        input_url: server.url.clone(),
        at_secs: 0.0,
        file_start_secs: 0.0,
        plan,
    };
    let run = Run::start(&tools(), &options, &tasks, &cancel).unwrap();

    let header = run.part(0).await.unwrap();
    assert_eq!(run.part(0).await.unwrap(), header);
    assert_eq!(run.part(2).await, Err(PartError::OutOfOrder { asked: 2, next: 1 }));
    assert_ne!(run.part(1).await.unwrap(), header);

    cancel.cancel();
    tasks.close();
    tasks.wait().await;
    assert_eq!(run.part(2).await, Err(PartError::Ended));
}

#[tokio::test]
async fn what_is_not_media_is_refused_with_a_reason() {
    let folder = tempfile::tempdir().unwrap();
    let canary = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = canary.local_addr().unwrap();
    let playlist =
        format!("#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\nhttp://{address}/a.ts\n#EXT-X-ENDLIST\n");
    for (name, content) in [
        ("fake.mkv", playlist.as_bytes()),
        ("text.mp4", b"just a text, long enough to be looked at"),
        ("zeros.avi", &[0; 4096]),
    ] {
        let path = folder.path().join(name);
        std::fs::write(&path, content).unwrap();
        let server = FileServer::start(&path).await;

        let answer = probe(&tools(), &server.url, TIME_OUT).await;

        assert!(matches!(answer, Err(ProbeError::Unreadable(_))), "{name}: {answer:?}");
    }
    let nobody_came = tokio::time::timeout(Duration::from_millis(50), canary.accept()).await.is_err();
    assert!(nobody_came, "a playlist inside a torrent must not make us ask other addresses");
}

#[tokio::test]
async fn a_file_whose_bytes_never_come_is_given_up_in_time() {
    let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/file", silent.local_addr().unwrap());

    let answer = probe(&tools(), &url, Duration::from_millis(300)).await;

    assert!(matches!(answer, Err(ProbeError::TimedOut(_))), "{answer:?}");
}
