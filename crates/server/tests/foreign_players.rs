//! Players and downloaders that nobody here wrote, run as they are: `freshetd` gets a magnet, they get the address, and what
//! they have read is compared with what was seeded.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test may fail")]

mod daemon;

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use daemon::{Daemon, Kill};
use freshet_engine::testing::{SeededTorrent, Seeder, SeederOptions, pattern};
use tokio::runtime::Runtime;

/// Against hanging only.
const PATIENCE: Duration = Duration::from_secs(60);
const PIECE_BYTES: u32 = 128 * 1024;
const CLIP_SECS: &str = "12";
/// Enough for sixteen connections of aria2, which wants a MiB for each.
const LARGE_BYTES: usize = 17_000_003;

/// A folder of films, somebody who seeds it, and `freshetd` that has its magnet.
struct Cinema {
    folder: tempfile::TempDir,
    torrent: SeededTorrent,
    daemon: Daemon,
    /// Both are here to live as long as the test.
    _seeder: (Runtime, Seeder),
}

impl Cinema {
    /// `fill` puts files into the folder. Their ids go by their names, from 1 on.
    fn open(fill: impl FnOnce(&Path)) -> Self {
        let folder = tempfile::tempdir().unwrap();
        // A player that runs as somebody else has to reach what it writes.
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o777)).unwrap();
        let films = folder.path().join("Фильмы");
        fs::create_dir(&films).unwrap();
        fill(&films);
        let runtime = Runtime::new().unwrap();
        let (seeder, torrent) = runtime.block_on(async {
            let seeder = Seeder::start(SeederOptions::default()).await.unwrap();
            let torrent = seeder.seed(&films, Some(PIECE_BYTES)).await.unwrap();
            (seeder, torrent)
        });
        let daemon = Daemon::start(
            &folder.path().join("data"),
            &["-p", "0", "--allow-private-networks", "--trust-local-users"],
        );
        let add = format!("{{\"action\":\"add\",\"link\":\"{}\"}}", torrent.magnet());
        assert!(daemon.post("/torrents", &add).starts_with("HTTP/1.1 200 "));
        Self { folder, torrent, daemon, _seeder: (runtime, seeder) }
    }

    fn with_clips() -> Self {
        Self::open(|films| {
            for name in ["a.mkv", "b.mp4"] {
                make_clip(&films.join(name));
            }
        })
    }

    fn with_large_file() -> Self {
        Self::open(|films| fs::write(films.join("large.bin"), pattern(5, LARGE_BYTES)).unwrap())
    }

    /// The address of a file, as it stands in the lists.
    fn url(&self, name: &str, id: u32) -> String {
        format!("{}/stream/{name}?link={}&index={id}&play", self.daemon.url, self.torrent.info_hash)
    }

    fn list_url(&self) -> String {
        format!("{}/stream/list.m3u?link={}&m3u", self.daemon.url, self.torrent.info_hash)
    }

    fn seeded(&self, name: &str) -> PathBuf {
        self.folder.path().join("Фильмы").join(name)
    }

    fn place(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The ids of the files that somebody has played.
    fn played(&self) -> Vec<u64> {
        let answer = self.daemon.post("/viewed", "{\"action\":\"list\"}");
        let (_, body) = answer.split_once("\r\n\r\n").unwrap();
        let marks: Vec<serde_json::Value> = serde_json::from_str(body).unwrap();
        let mut ids: Vec<u64> = marks.iter().map(|mark| mark["file_index"].as_u64().unwrap()).collect();
        ids.sort_unstable();
        ids
    }

    fn close(mut self) {
        assert!(self.daemon.end_with("TERM").success());
    }
}

/// A film with sound. An MP4 has its index at the end, where players have to look for it first.
fn make_clip(path: &Path) {
    run(Command::new("ffmpeg")
        .args(["-v", "error", "-f", "lavfi", "-i", "testsrc2=size=640x360:rate=25"])
        .args(["-f", "lavfi", "-i", "sine=frequency=440:sample_rate=48000", "-t", CLIP_SECS])
        .args(["-c:v", "mpeg4", "-b:v", "2M", "-g", "25", "-c:a", "aac", "-bitexact"])
        .arg(path));
}

/// Runs a program to its end, which has to be a good one, and gives what it prints.
fn run(command: &mut Command) -> String {
    let (is_success, out) = run_to_end(command);
    assert!(is_success, "{}: {out}", command.get_program().display());
    out
}

fn run_to_end(command: &mut Command) -> (bool, String) {
    let log = tempfile::NamedTempFile::new().unwrap();
    let child = command
        .stdin(Stdio::null())
        .stdout(log.reopen().unwrap())
        .stderr(log.reopen().unwrap())
        .spawn()
        .unwrap_or_else(|error| panic!("{}: {error}", command.get_program().display()));
    let mut child = Kill(child);
    let start = Instant::now();
    loop {
        if let Some(status) = child.0.try_wait().unwrap() {
            let out = fs::read(log.path()).unwrap();
            return (status.success(), String::from_utf8_lossy(&out).into_owned());
        }
        let shown = || String::from_utf8_lossy(&fs::read(log.path()).unwrap()).into_owned();
        assert!(start.elapsed() < PATIENCE, "{} does not end: {}", command.get_program().display(), shown());
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[track_caller]
fn assert_same(read: &Path, seeded: &Path) {
    let (read, seeded) = (fs::read(read).unwrap(), fs::read(seeded).unwrap());
    assert_eq!(read.len(), seeded.len());
    assert!(read == seeded, "other bytes");
}

#[test]
fn curl_reads_ranges_and_goes_on_where_it_stopped() {
    let cinema = Cinema::with_large_file();
    let (url, seeded) = (cinema.url("large.bin", 1), fs::read(cinema.seeded("large.bin")).unwrap());
    let curl = || {
        let mut command = Command::new("curl");
        command.args(["--fail", "--silent", "--show-error", "--noproxy", "*"]);
        command
    };

    let head = run(curl().arg("--head").arg(&url)).to_ascii_lowercase();
    assert!(head.contains(&format!("content-length: {LARGE_BYTES}\r\n")), "{head}");
    assert!(head.contains("accept-ranges: bytes\r\n"), "{head}");
    for (range, expected) in [
        ("100-", &seeded[100..]),
        ("8000000-8999999", &seeded[8_000_000..9_000_000]),
        ("-7", &seeded[LARGE_BYTES - 7..]),
    ] {
        let out = cinema.place("range");
        run(curl().args(["--range", range, "--output"]).arg(&out).arg(&url));
        assert!(fs::read(&out).unwrap() == expected, "{range}: other bytes");
    }
    let part = cinema.place("part");
    fs::write(&part, &seeded[..5_000_001]).unwrap();
    run(curl().args(["--continue-at", "-", "--output"]).arg(&part).arg(&url));
    assert_same(&part, &cinema.seeded("large.bin"));
    cinema.close();
}

#[test]
fn wget_goes_on_where_it_stopped() {
    let cinema = Cinema::with_large_file();
    let url = cinema.url("large.bin", 1);
    let part = cinema.place("part");
    fs::write(&part, &pattern(5, LARGE_BYTES)[..3_000_001]).unwrap();

    let wget = || {
        let mut command = Command::new("wget");
        command.args(["--no-proxy", "--continue", "--output-document"]).arg(&part).arg(&url);
        command
    };
    let out = run(&mut wget());
    assert!(out.contains("206 Partial Content"), "{out}");
    assert_same(&part, &cinema.seeded("large.bin"));
    // All is there: it asks for what comes after the end, and takes the answer for an end.
    run(&mut wget());
    assert_same(&part, &cinema.seeded("large.bin"));
    cinema.close();
}

#[test]
fn aria2_loads_one_file_over_sixteen_connections() {
    let cinema = Cinema::with_large_file();
    let url = cinema.url("large.bin", 1);

    run(Command::new("aria2c")
        .args(["--no-conf", "--all-proxy=", "--split=16", "--max-connection-per-server=16"])
        .args(["--min-split-size=1M", "--file-allocation=none", "--max-tries=1"])
        .args(["--dir".as_ref(), cinema.folder.path().as_os_str()])
        .args(["--out=loaded", &url]));

    assert_same(&cinema.place("loaded"), &cinema.seeded("large.bin"));
    cinema.close();
}

#[test]
fn ffmpeg_seeks_and_reads_the_same_packets_and_pictures_as_from_the_disk() {
    let cinema = Cinema::with_clips();
    for (name, id) in [("a.mkv", 1), ("b.mp4", 2)] {
        let (url, file) = (cinema.url(name, id), cinema.seeded(name));
        let file = file.to_str().unwrap();
        let duration = |input: &str| {
            run(Command::new("ffprobe").args([
                "-v",
                "error",
                "-show_entries",
                "format=duration,nb_streams",
                "-of",
                "csv=p=0",
                input,
            ]))
        };
        // The picture first, so that the seek goes to what nobody has loaded yet.
        let picture = |input: &str| {
            run(Command::new("ffmpeg").args([
                "-v",
                "error",
                "-ss",
                "9.5",
                "-i",
                input,
                "-an",
                "-frames:v",
                "1",
                "-f",
                "framemd5",
                "-",
            ]))
        };
        let packets = |input: &str| {
            run(Command::new("ffmpeg")
                .args(["-v", "error", "-i", input, "-map", "0", "-c", "copy", "-f", "framemd5", "-"]))
        };

        assert_eq!(picture(&url), picture(file), "{name}");
        assert_eq!(duration(&url), duration(file), "{name}");
        let read = packets(&url);
        assert!(read.lines().count() > 500, "{name}: {read}");
        assert_eq!(read, packets(file), "{name}");
    }
    assert_eq!(cinema.played(), [1, 2]);
    cinema.close();
}

fn mpv() -> Command {
    let mut command = Command::new("mpv");
    // Without a clock: as fast as it can be read.
    command.args(["--no-config", "--ytdl=no", "--vo=null", "--ao=null", "--ao-null-untimed", "--untimed"]);
    command.args(["--term-status-msg=", "--term-playing-msg=plays ${filename} of ${duration/full}"]);
    command
}

#[test]
fn mpv_seeks_plays_to_the_end_and_plays_the_list() {
    let cinema = Cinema::with_clips();

    // What it reads, byte by byte.
    let dump = cinema.place("dump");
    run(mpv().arg(format!("--stream-dump={}", dump.display())).arg(cinema.url("a.mkv", 1)));
    assert_same(&dump, &cinema.seeded("a.mkv"));
    for (name, id) in [("a.mkv", 1), ("b.mp4", 2)] {
        let out = run(mpv().arg("--start=9").arg(cinema.url(name, id)));
        assert!(out.contains("of 00:00:12."), "{name}: {out}");
        assert!(out.contains("Exiting... (End of file)"), "{name}: {out}");
        assert!(!out.to_lowercase().contains("error"), "{name}: {out}");
    }
    let out = run(mpv().arg(cinema.list_url()));
    let played: Vec<&str> = out.lines().filter(|line| line.starts_with("plays ")).collect();
    assert_eq!(played.len(), 2, "{out}");
    assert!(played[0].contains("a.mkv") && played[1].contains("b.mp4"), "{out}");
    assert!(out.contains("Exiting... (End of file)"), "{out}");
    cinema.close();
}

/// VLC, which refuses to run as root.
fn vlc(cinema: &Cinema) -> Command {
    let is_root = run(Command::new("id").arg("-u")).trim() == "0";
    let mut command = if is_root {
        let mut command = Command::new("setpriv");
        command.args(["--reuid=65534", "--regid=65534", "--clear-groups", "vlc"]);
        command
    } else {
        Command::new("vlc")
    };
    command.env("HOME", cinema.folder.path()).env_remove("XDG_RUNTIME_DIR");
    command.args([
        "--intf=dummy",
        "--no-color",
        "--vout=dummy",
        "--aout=dummy",
        "--play-and-exit",
        "--verbose=2",
    ]);
    // It asks nobody on the internet about what it plays.
    command.args(["--no-lua", "--no-metadata-network-access", "--no-media-library"]);
    command
}

#[test]
fn vlc_reads_every_byte_seeks_and_plays_the_list() {
    let cinema = Cinema::with_clips();

    let dump = cinema.place("dump");
    run(vlc(&cinema)
        .args(["--demux=dump".to_owned(), format!("--demuxdump-file={}", dump.display())])
        .arg(cinema.url("b.mp4", 2)));
    assert_same(&dump, &cinema.seeded("b.mp4"));
    assert_eq!(cinema.played(), [2]);
    // It plays by the clock: faster, and of each film only the end.
    let out = run(vlc(&cinema).args(["--rate=4", "--start-time=9"]).arg(cinema.list_url()));
    assert_eq!(cinema.played(), [1, 2], "{out}");
    for id in [1, 2] {
        assert!(out.contains(&format!("index={id}&play' successfully opened")), "{id}: {out}");
    }
    // The list itself has an end too.
    assert_eq!(out.matches("EOF reached").count(), 3, "{out}");
    cinema.close();
}
