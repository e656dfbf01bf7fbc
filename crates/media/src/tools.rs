//! Where `ffmpeg` and `ffprobe` are, and what every call of them has in common.

use std::io;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};

use tokio::io::AsyncReadExt as _;
use tokio::process::{Child, Command};

/// Containers that a film or a song comes in. Playlists and pictures are not among them: a playlist inside a torrent could
/// name any address or file.
pub(crate) const FORMATS: &str = "aac,ac3,aiff,ape,asf,avi,dsf,dts,dtshd,eac3,flac,flv,h264,hevc,m4v,matroska,webm,mov,mp4,m4a,3gp,\
     3g2,mj2,mp3,mpeg,mpegts,mpegvideo,mxf,ogg,rm,tta,truehd,vc1,w64,wav,wv";

/// Pictures that posters come as.
const PICTURE_FORMATS: &str = "jpeg_pipe,png_pipe";
const FILM_PROTOCOLS: &str = "http,tcp";

/// The two programs, found once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tools {
    ffmpeg: PathBuf,
    ffprobe: PathBuf,
    /// Starts a program that has the processor when nobody else wants it; not on Windows, which asks for that otherwise.
    nice: Option<PathBuf>,
}

/// No honest complaint is longer.
const MAX_COMPLAINT_BYTES: u64 = 64 * 1024;

/// What a child said until it ended.
#[derive(Debug)]
pub(crate) struct Said {
    pub(crate) status: io::Result<ExitStatus>,
    pub(crate) out: Vec<u8>,
    pub(crate) err: Vec<u8>,
}

/// Reads all that a child writes, at most so many bytes, until it ends. Dropping the future ends the child.
pub(crate) async fn said_by(mut child: Child, max_out_bytes: u64) -> Said {
    let (mut out, mut err) = (Vec::new(), Vec::new());
    let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
    let read_out = async {
        if let Some(stdout) = stdout {
            let _ = stdout.take(max_out_bytes).read_to_end(&mut out).await;
        }
    };
    let read_err = async {
        if let Some(stderr) = stderr {
            let _ = stderr.take(MAX_COMPLAINT_BYTES).read_to_end(&mut err).await;
        }
    };
    tokio::join!(read_out, read_err);
    Said { status: child.wait().await, out, err }
}

impl Tools {
    /// Looks for both programs beside our own, where packages for Windows and macOS put them, and then in the folders of
    /// `PATH`.
    pub fn find() -> Option<Self> {
        // Elsewhere they are the system's, and a person may have put others before these.
        let has_own = cfg!(any(windows, target_os = "macos"));
        let program = if has_own { std::env::current_exe().ok() } else { None };
        let beside = program.as_deref().and_then(Path::parent).map(Path::to_path_buf);
        let path = std::env::var_os("PATH").unwrap_or_default();
        Self::find_in(beside.into_iter().chain(std::env::split_paths(&path)).collect())
    }

    fn find_in(folders: Vec<PathBuf>) -> Option<Self> {
        let find = |name: &str| {
            let file = format!("{name}{}", std::env::consts::EXE_SUFFIX);
            folders.iter().map(|folder| folder.join(&file)).find(|candidate| candidate.is_file())
        };
        let nice = if cfg!(unix) { find("nice") } else { None };
        Some(Self { ffmpeg: find("ffmpeg")?, ffprobe: find("ffprobe")?, nice })
    }

    pub(crate) fn ffmpeg(&self) -> Command {
        bounded(Command::new(&self.ffmpeg), FILM_PROTOCOLS, FORMATS)
    }

    /// For what nobody waits for.
    pub(crate) fn ffmpeg_in_the_background(&self) -> Command {
        bounded(self.patient_ffmpeg(), FILM_PROTOCOLS, FORMATS)
    }

    /// The same for a picture that comes through its input: it can open no address and no file.
    pub(crate) fn ffmpeg_for_a_picture(&self) -> Command {
        let mut command = bounded(self.patient_ffmpeg(), "pipe", PICTURE_FORMATS);
        command.stdin(Stdio::piped());
        command
    }

    fn patient_ffmpeg(&self) -> Command {
        let Some(nice) = &self.nice else {
            let command = Command::new(&self.ffmpeg);
            #[cfg(windows)]
            let command = idle(command);
            return command;
        };
        let mut command = Command::new(nice);
        command.args(["-n", "19"]).arg(&self.ffmpeg);
        command
    }

    pub(crate) fn ffprobe(&self) -> Command {
        bounded(Command::new(&self.ffprobe), FILM_PROTOCOLS, FORMATS)
    }

    /// Starts what one of the three above prepared, for a file at `input_url`, which is all that the child can reach where the
    /// system can fence it in. Blocks for as long as that takes.
    ///
    /// # Errors
    /// There is no process to be had.
    pub(crate) fn spawn(&self, command: &mut Command, input_url: &str) -> io::Result<Child> {
        #[cfg(target_os = "linux")]
        return crate::fence::spawn(command, &[&self.ffmpeg, &self.ffprobe], port_of(input_url));
        #[cfg(not(target_os = "linux"))]
        return command.spawn();
    }
}

/// The port of an address of our own server.
#[cfg(target_os = "linux")]
fn port_of(input_url: &str) -> Option<u16> {
    let (host, _) = input_url.strip_prefix("http://")?.split_once('/')?;
    host.rsplit_once(':')?.1.parse().ok()
}

#[cfg(windows)]
fn idle(mut command: Command) -> Command {
    /// `IDLE_PRIORITY_CLASS`
    const IDLE: u32 = 0x40;
    command.creation_flags(IDLE);
    command
}

/// With what every call has in common.
fn bounded(mut command: Command, protocols: &str, formats: &str) -> Command {
    command
        .args([
            "-hide_banner",
            "-loglevel",
            "warning",
            "-protocol_whitelist",
            protocols,
            "-format_whitelist",
            formats,
        ])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true);
    command
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_folder_with_a_tool_counts_and_both_are_needed() {
        let [own, system] = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
        let put = |folder: &tempfile::TempDir, name: &str| {
            let path = folder.path().join(format!("{name}{}", std::env::consts::EXE_SUFFIX));
            std::fs::write(&path, "").unwrap();
            path
        };
        let find = || Tools::find_in(vec![own.path().to_owned(), system.path().to_owned()]);
        put(&system, "ffmpeg");
        assert!(find().is_none(), "without ffprobe there is no plan");

        let system_probe = put(&system, "ffprobe");
        let own_ffmpeg = put(&own, "ffmpeg");

        let tools = find().unwrap();
        assert_eq!((tools.ffmpeg, tools.ffprobe), (own_ffmpeg, system_probe));
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn the_port_of_a_film_is_that_of_its_address() {
        assert_eq!(port_of("http://127.0.0.1:8090/media/x/file"), Some(8090));
        assert_eq!(port_of("http://[::1]:1/x:2"), Some(1));
        assert_eq!(port_of("http://127.0.0.1/x"), None);
        assert_eq!(port_of("file:///etc/passwd"), None);
    }
}
