//! Where `ffmpeg` and `ffprobe` are, and what every call of them has in common.

use std::path::{Path, PathBuf};
use std::process::Stdio;

use tokio::process::Command;

/// Containers that a film or a song comes in. Playlists and pictures are not among them: a playlist inside a torrent could
/// name any address or file.
pub(crate) const FORMATS: &str = "aac,ac3,aiff,ape,asf,avi,dsf,dts,dtshd,eac3,flac,flv,h264,hevc,m4v,matroska,webm,mov,mp4,m4a,3gp,\
     3g2,mj2,mp3,mpeg,mpegts,mpegvideo,mxf,ogg,rm,tta,truehd,vc1,w64,wav,wv";

/// The two programs, found once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tools {
    ffmpeg: PathBuf,
    ffprobe: PathBuf,
}

impl Tools {
    /// Looks for both programs in the folders of `PATH`.
    pub fn find() -> Option<Self> {
        let path = std::env::var_os("PATH")?;
        let find = |name: &str| {
            let file = format!("{name}{}", std::env::consts::EXE_SUFFIX);
            std::env::split_paths(&path)
                .map(|folder| folder.join(&file))
                .find(|candidate| candidate.is_file())
        };
        Some(Self { ffmpeg: find("ffmpeg")?, ffprobe: find("ffprobe")? })
    }

    pub(crate) fn ffmpeg(&self) -> Command {
        command(&self.ffmpeg)
    }

    pub(crate) fn ffprobe(&self) -> Command {
        command(&self.ffprobe)
    }
}

fn command(program: &Path) -> Command {
    let mut command = Command::new(program);
    command
        .args([
            "-hide_banner",
            "-loglevel",
            "warning",
            "-protocol_whitelist",
            "http,tcp",
            "-format_whitelist",
            FORMATS,
        ])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true);
    command
}
