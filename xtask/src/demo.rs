//! `cargo xtask demo`: the whole way from a magnet link to the picture, without the internet.
//!
//! A clip is made, a second BitTorrent session seeds it on loopback, and Freshet plays it from there into an empty data
//! folder, so that nothing of the user's own library is touched.

use std::io::{BufRead as _, BufReader, Read as _, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use crate::failure::{During, Failure, Result};
use crate::headless::target_folder;
use crate::http;
use crate::node;
use crate::run::Program;
use crate::scratch::Scratch;
use crate::shell::{Shell, end_tree};
use crate::system;

const CLIP: &str = "River of Light.mkv";
const CLIP_SECS: u32 = 60;
/// From the start of a program to the line that it prints when it is ready.
const READY_TIMEOUT: Duration = Duration::from_secs(60);
/// From adding the magnet to the known file list.
const RESOLVE_TIMEOUT: Duration = Duration::from_secs(60);
const POLL: Duration = Duration::from_millis(200);
/// How much of the film `--check` asks for at each place.
const CHECK_BYTES: u64 = 256 * 1024;

/// What `demo` was asked for.
#[derive(Debug, Default, Eq, PartialEq)]
pub(crate) struct Options {
    /// End as soon as bytes of the film have come through, without a window.
    check: bool,
}

impl Options {
    pub(crate) fn parse(arguments: &[String]) -> Result<Self> {
        match arguments {
            [] => Ok(Self::default()),
            [flag] if flag == "--check" => Ok(Self { check: true }),
            _ => Err(Failure::new("demo takes --check or nothing")),
        }
    }
}

/// Makes, seeds and plays the clip until the program ends.
///
/// # Errors
/// The first step that fails; with `--check` also when the bytes that come through are not those of the clip.
pub(crate) fn demo(shell: &Shell, options: &Options) -> Result<()> {
    let program = if options.check { Program::Daemon } else { Program::for_this_machine() };
    if !options.check {
        node::check(shell)?;
    }
    system::ensure_packages(shell, program.packages())?;
    if !options.check {
        node::build(shell)?;
    }
    let (binary, seed_binary) = build(shell, program)?;

    let scratch = Scratch::new("demo")?;
    let clip = make_clip(shell, scratch.path())?;
    let mut running = Running::new(&scratch)?;
    let seed = running.start(Command::new(&seed_binary).arg(&clip).stdin(Stdio::piped()), Echo::Silent)?;
    let magnet = magnet_in(&seed.line_with("magnet")?)?;
    println!("Seeding {CLIP} on loopback:\n  {magnet}");

    let mut command = Command::new(&binary);
    // Freshet makes the folder itself, closed to other users.
    command.arg("--path").arg(scratch.path().join("data")).args(["--allow-private-networks", "--no-dht"]);
    if program == Program::Desktop {
        println!("Starting Freshet with the magnet; close the program or press Ctrl-C to end the demo.");
        running.start(command.arg(&magnet), Echo::Shown)?;
        return running.wait_for_last();
    }
    if !options.check {
        command.arg("--pages").arg(shell.path("ui/dist"));
    }
    let daemon = running.start(&mut command, Echo::Shown)?;
    let authority = authority_in(&daemon.line_with("http://")?)?;
    add(&authority, &magnet)?;
    if options.check {
        return check_bytes(&authority, &magnet, &clip);
    }
    println!("Freshet plays the clip at http://{authority}/ ; press Ctrl-C to end the demo.");
    running.wait_for_last()
}

/// Builds the program and the seed in one go, so that both are made with the same features of the crates below, and tells
/// where they are.
fn build(shell: &Shell, program: Program) -> Result<(PathBuf, PathBuf)> {
    let mut arguments = vec!["build", "--package", program.package(), "--bin", program.binary()];
    arguments.extend([
        "--package",
        "freshet-engine",
        "--features",
        "freshet-engine/testing",
        "--example",
        "seed",
    ]);
    shell.cargo(&arguments)?;
    let folder = target_folder(shell)?.join("debug");
    let file = |name: &str| format!("{name}{}", std::env::consts::EXE_SUFFIX);
    Ok((folder.join(file(program.binary())), folder.join("examples").join(file("seed"))))
}

/// Makes a film of one minute: a test picture with a running clock, and a tone.
fn make_clip(shell: &Shell, folder: &Path) -> Result<PathBuf> {
    let path = folder.join(CLIP);
    let has = |list: &str, name: &str| {
        let text = shell.output(shell.command(".", "ffmpeg", ["-hide_banner", "-loglevel", "error", list]));
        text.is_ok_and(|text| text.lines().any(|line| line.split_whitespace().nth(1) == Some(name)))
    };
    let colors = "nb_colors=6:c0=0x0b3d4f:c1=0x12b5a6:c2=0xf2b94b:c3=0x27406e:c4=0x8fd3c8:c5=0xe36b4f";
    let picture = format!("gradients=size=1280x720:rate=25:speed=0.015:duration={CLIP_SECS}:{colors}");
    let sound = format!("sine=frequency=330:beep_factor=2:duration={CLIP_SECS}");
    // The clock tells whether the player shows what it says.
    let clock = "drawtext=text='%{pts\\:hms}':fontsize=28:fontcolor=white@0.8:x=w-tw-40:y=40";
    let filter = if has("-filters", "drawtext") { clock } else { "null" };
    let encoder = if has("-encoders", "libx264") { "libx264" } else { "libopenh264" };
    let mut command = shell.command(".", "ffmpeg", ["-hide_banner", "-loglevel", "error", "-y"]);
    command.args(["-f", "lavfi", "-i", &picture, "-f", "lavfi", "-i", &sound, "-vf", filter]);
    command.args(["-c:v", encoder, "-b:v", "1500k", "-g", "50", "-pix_fmt", "yuv420p"]);
    if encoder == "libx264" {
        command.args(["-preset", "veryfast"]);
    }
    command.args(["-c:a", "aac", "-b:a", "128k", "-metadata", "title=Freshet demo"]).arg(&path);
    shell.run(command)?;
    Ok(path)
}

fn magnet_in(line: &str) -> Result<String> {
    let value: serde_json::Value = serde_json::from_str(line).during("what the seed printed")?;
    value["magnet"].as_str().map(str::to_owned).ok_or_else(|| Failure::new("the seed printed no magnet"))
}

/// `127.0.0.1:8090` out of a line that holds `http://127.0.0.1:8090/`.
pub(crate) fn authority_in(line: &str) -> Result<String> {
    let rest = line.split_once("http://").map_or("", |(_, rest)| rest);
    let authority: String =
        rest.chars().take_while(|c| c.is_ascii_alphanumeric() || ".:[]-".contains(*c)).collect();
    let authority = authority.trim_end_matches([':', '.']).to_owned();
    if authority.is_empty() { Err(Failure::new("freshetd printed no address")) } else { Ok(authority) }
}

fn info_hash_in(magnet: &str) -> Result<String> {
    magnet
        .split_once("xt=urn:btih:")
        .map(|(_, rest)| rest.split('&').next().unwrap_or_default().to_lowercase())
        .ok_or_else(|| Failure::new("the seed's magnet has no info hash"))
}

fn add(authority: &str, magnet: &str) -> Result<()> {
    let body = serde_json::json!({ "action": "add", "link": magnet, "save_to_db": true }).to_string();
    let answer =
        http::request(authority, "POST", "/torrents", &[("Content-Type", "application/json")], &body)?;
    if answer.status == 200 {
        Ok(())
    } else {
        let words = String::from_utf8_lossy(&answer.body).into_owned();
        Err(Failure::new(format!("freshetd refused the magnet with status {}: {words}", answer.status)))
    }
}

/// Fetches the head, the middle and the tail of the film through the server and compares them with the clip.
fn check_bytes(authority: &str, magnet: &str, clip: &Path) -> Result<()> {
    let info_hash = info_hash_in(magnet)?;
    let size = std::fs::metadata(clip).during(clip.display())?.len();
    let path = format!("/stream/{CLIP}?link={info_hash}&index=1&play");
    let started = Instant::now();
    for start in [0, size / 2, size.saturating_sub(CHECK_BYTES)] {
        let end = (start + CHECK_BYTES).min(size);
        let expected = bytes_of(clip, start, end)?;
        let range = format!("bytes={start}-{}", end - 1);
        let answer = loop {
            let answer = http::request(authority, "GET", &path, &[("Range", &range)], "")?;
            // Until the details have come from the swarm the server may say that it has none.
            if answer.status == 206 || started.elapsed() > RESOLVE_TIMEOUT {
                break answer;
            }
            thread::sleep(POLL);
        };
        if answer.status != 206 || answer.body != expected {
            return Err(Failure::new(format!(
                "{range} of the film came back with status {} and {} bytes, of which not all are right",
                answer.status,
                answer.body.len()
            )));
        }
        println!("{range}: right, {:.1} s after the magnet", started.elapsed().as_secs_f64());
    }
    Ok(())
}

fn bytes_of(path: &Path, start: u64, end: u64) -> Result<Vec<u8>> {
    let mut file = std::fs::File::open(path).during(path.display())?;
    file.seek(SeekFrom::Start(start)).during(path.display())?;
    let mut bytes = Vec::new();
    file.take(end - start).read_to_end(&mut bytes).during(path.display())?;
    Ok(bytes)
}

/// Whether the terminal gets what a program prints.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Echo {
    Shown,
    /// For lines that are meant for programs.
    Silent,
}

/// What a started program prints.
pub(crate) struct Printed(mpsc::Receiver<String>);

impl Printed {
    /// Waits for the first line that holds `words`.
    pub(crate) fn line_with(&self, words: &str) -> Result<String> {
        let deadline = Instant::now() + READY_TIMEOUT;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            match self.0.recv_timeout(left) {
                Ok(line) if line.contains(words) => return Ok(line),
                Ok(_) => {}
                Err(_) => {
                    return Err(Failure::new(format!(
                        "no line with {words:?} within {} s",
                        READY_TIMEOUT.as_secs()
                    )));
                }
            }
        }
    }
}

/// The seed and the program; dropping the value ends them.
#[derive(Debug)]
pub(crate) struct Running {
    children: Vec<Child>,
    janitor: Janitor,
}

impl Running {
    pub(crate) fn new(scratch: &Scratch) -> Result<Self> {
        Ok(Self { children: Vec::new(), janitor: Janitor::for_folder(scratch.path())? })
    }

    pub(crate) fn start(&mut self, command: &mut Command, echo: Echo) -> Result<Printed> {
        let name = command.get_program().to_string_lossy().into_owned();
        let mut child = command.stdout(Stdio::piped()).spawn().during(format_args!("cannot start {name}"))?;
        // A program prints a handful of lines before it is ready; what comes later must not wait for a reader.
        let (sender, receiver) = mpsc::sync_channel(256);
        if let Some(stdout) = child.stdout.take() {
            thread::spawn(move || {
                for line in BufReader::new(stdout).lines().map_while(std::result::Result::ok) {
                    if echo == Echo::Shown {
                        println!("{line}");
                    }
                    let _ = sender.try_send(line);
                }
            });
        }
        self.janitor.watch(&child);
        self.children.push(child);
        Ok(Printed(receiver))
    }

    /// Waits until the program that was started last ends.
    fn wait_for_last(&mut self) -> Result<()> {
        let Some(child) = self.children.last_mut() else { return Ok(()) };
        let status = child.wait().during("waiting for Freshet")?;
        if status.success() { Ok(()) } else { Err(Failure::new(format!("Freshet ended with {status}"))) }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        for child in self.children.iter_mut().rev() {
            end_tree(child);
        }
    }
}

/// Ends the programs and removes the folder when this tool is gone, however it went: Ctrl-C ends it without a chance to
/// clean up, but always closes the pipe that the janitor reads. On Windows there is none, and the folder stays behind.
#[derive(Debug)]
struct Janitor(Option<Child>);

impl Janitor {
    fn for_folder(folder: &Path) -> Result<Self> {
        if !cfg!(unix) {
            return Ok(Self(None));
        }
        // The pipe carries the ids of the programs to end, one on each line.
        let script = r#"trap '' INT TERM HUP
            ids=; while read -r id; do ids="$ids $id"; done
            [ -z "$ids" ] || kill $ids 2>/dev/null
            tries=0
            while [ $tries -lt 50 ] && [ -n "$ids" ] && kill -0 $ids 2>/dev/null; do sleep 0.1; tries=$((tries + 1)); done
            rm -rf "$1""#;
        let child = Command::new("sh")
            .args(["-c", script, "janitor"])
            .arg(folder)
            .stdin(Stdio::piped())
            .spawn()
            .during("cannot start sh")?;
        Ok(Self(Some(child)))
    }

    fn watch(&mut self, child: &Child) {
        use std::io::Write as _;
        if let Some(pipe) = self.0.as_mut().and_then(|janitor| janitor.stdin.as_mut()) {
            let _ = writeln!(pipe, "{}", child.id());
        }
    }
}

impl Drop for Janitor {
    fn drop(&mut self) {
        if let Some(mut janitor) = self.0.take() {
            drop(janitor.stdin.take());
            let _ = janitor.wait();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_address_is_found_in_the_line_that_the_daemon_prints() {
        for line in [
            "freshetd listens on http://127.0.0.1:8090/",
            "http://127.0.0.1:8090",
            "Open http://127.0.0.1:8090.",
        ] {
            assert_eq!(authority_in(line).unwrap(), "127.0.0.1:8090", "{line}");
        }
        assert!(authority_in("nothing here").is_err());
    }

    #[test]
    fn the_info_hash_is_taken_out_of_the_magnet() {
        let magnet = "magnet:?dn=a&xt=urn:btih:ABCDEF&x.pe=127.0.0.1:1";

        assert_eq!(info_hash_in(magnet).unwrap(), "abcdef");
        assert!(info_hash_in("magnet:?dn=a").is_err());
    }

    #[cfg(unix)]
    #[test]
    fn the_janitor_ends_the_program_and_removes_the_folder() {
        let scratch = Scratch::new("janitor").unwrap();
        let folder = scratch.folder("data").unwrap();
        let mut program = Command::new("sleep").arg("60").spawn().unwrap();
        let mut janitor = Janitor::for_folder(&folder).unwrap();
        janitor.watch(&program);
        // Nobody else would collect the ended program, and the janitor waits until it is gone.
        let waiter = thread::spawn(move || program.wait());

        drop(janitor);

        assert!(!waiter.join().unwrap().unwrap().success(), "the program ended by itself");
        assert!(!folder.exists());
    }
}
