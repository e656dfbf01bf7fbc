//! The player: which one, and running it.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{ExitCode, ExitStatus, Stdio};
use std::time::Duration;

use tokio::process::Command;
use tokio_util::sync::CancellationToken;

use super::INTERRUPTED;

/// In the order of how well they play from a stream that is still coming in.
const PLAYERS: &[&str] = &["mpv", "vlc", "celluloid", "haruna", "smplayer", "totem", "mplayer", "ffplay"];
/// Ctrl-C reaches the player too; so long it may take to leave.
const LEAVE_TIMEOUT: Duration = Duration::from_secs(3);

#[derive(Debug, thiserror::Error)]
pub(crate) enum PlayerError {
    #[error("no player is installed (looked for {}); name one with --player or use --no-player", PLAYERS.join(", "))]
    None,
    #[error("there is no program {0}")]
    NotFound(String),
    #[error("can't start {program}: {error}")]
    Start { program: String, error: std::io::Error },
    #[error("can't wait for the player: {0}")]
    Wait(std::io::Error),
}

/// A program that is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Player(PathBuf);

/// The player with this name or path; without one the first that is installed.
pub(crate) fn find(wanted: Option<&str>) -> Result<Player, PlayerError> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    match wanted {
        Some(program) => on_path(program, &path).ok_or_else(|| PlayerError::NotFound(program.to_owned())),
        None => PLAYERS.iter().find_map(|program| on_path(program, &path)).ok_or(PlayerError::None),
    }
}

fn on_path(program: &str, path: &OsStr) -> Option<Player> {
    if Path::new(program).components().count() > 1 {
        return Path::new(program).is_file().then(|| Player(program.into()));
    }
    let suffix = std::env::consts::EXE_SUFFIX;
    std::env::split_paths(path)
        .map(|folder| folder.join(format!("{program}{suffix}")))
        .find(|file| file.is_file())
        .map(Player)
}

impl Player {
    pub(crate) fn name(&self) -> std::borrow::Cow<'_, str> {
        self.0.file_stem().unwrap_or_default().to_string_lossy()
    }

    /// The option that names what plays, where we know it: an address says little.
    fn title_options(&self, title: &str) -> Vec<String> {
        match &*self.name() {
            "mpv" => vec![format!("--force-media-title={title}")],
            "vlc" => vec![format!("--meta-title={title}")],
            "ffplay" => vec!["-window_title".to_owned(), title.to_owned()],
            _ => vec![],
        }
    }

    /// Starts it and waits for its end. When `ending` fires, which in a terminal means that Ctrl-C went to the player as well,
    /// it gets a moment to save its position and leave.
    pub(crate) async fn run(
        &self,
        url: &str,
        title: &str,
        options: &[String],
        ending: &CancellationToken,
    ) -> Result<ExitCode, PlayerError> {
        let mut command = Command::new(&self.0);
        // The address begins with http://, so no player can take it for an option.
        command
            .args(self.title_options(title))
            .args(options)
            .arg(url)
            .stdin(Stdio::inherit())
            .kill_on_drop(true);
        let program = || self.0.display().to_string();
        let mut child = command.spawn().map_err(|error| PlayerError::Start { program: program(), error })?;
        if let Some(status) = ending.run_until_cancelled(child.wait()).await {
            return status.map(exit_code).map_err(PlayerError::Wait);
        }
        if tokio::time::timeout(LEAVE_TIMEOUT, child.wait()).await.is_err() {
            child.kill().await.map_err(PlayerError::Wait)?;
        }
        Ok(ExitCode::from(INTERRUPTED))
    }
}

/// As a shell says it: 128 and the number of the signal that ended it.
fn exit_code(status: ExitStatus) -> ExitCode {
    #[cfg(unix)]
    {
        use std::os::unix::process::ExitStatusExt as _;
        if let Some(signal) = status.signal() {
            return ExitCode::from(u8::try_from(128 + signal).unwrap_or(u8::MAX));
        }
    }
    let code = status.code().unwrap_or(1);
    ExitCode::from(u8::try_from(code).unwrap_or(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_player_is_found_by_name_on_the_path_and_by_its_own_path() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join(format!("vlc{}", std::env::consts::EXE_SUFFIX));
        std::fs::write(&file, "").unwrap();
        let path = folder.path().as_os_str();

        assert_eq!(on_path("vlc", path), Some(Player(file.clone())));
        assert_eq!(on_path(file.to_str().unwrap(), OsStr::new("")), Some(Player(file.clone())));
        assert_eq!(Player(file).name(), "vlc");
        assert_eq!(on_path("mpv", path), None);
        assert_eq!(on_path("/nothing/mpv", path), None);
    }
}
