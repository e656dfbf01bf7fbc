//! What the system hands over: the command line, and the command line of a second start.

use std::path::{Path, PathBuf};

use freshet_app::{App, Description};
use freshet_model::{InfoHash, PlayerTarget, TorrentSource, WireError, limits};
use tauri::{AppHandle, Manager as _};
use tauri_plugin_dialog::{DialogExt as _, MessageDialogKind};
use tracing::warn;

use crate::words::words;
use crate::{Desktop, windows};

/// A second start ended and left its arguments to us.
pub(crate) fn second_start(handle: &AppHandle, argv: &[String], cwd: &Path) {
    if let Err(error) = windows::show_main(handle) {
        warn!(%error, "the main window could not be shown");
    }
    open_all(handle, sources(argv), cwd.to_owned());
}

/// The arguments of another start that are no options. Options belong to the start that they were given to.
fn sources(argv: &[String]) -> Vec<String> {
    use clap::Parser as _;
    crate::Args::try_parse_from(argv).map(|args| args.sources).unwrap_or_default()
}

/// Adds what stands in a text, a source in each line; says so where there is nothing to add.
pub(crate) fn open_text(handle: &AppHandle, text: String) {
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    let sources: Vec<String> =
        lines.filter(|line| TorrentSource::parse(line).is_ok()).map(str::to_owned).collect();
    if !sources.is_empty() {
        return open_all(handle, sources, PathBuf::new());
    }
    let Some(desktop) = handle.try_state::<Desktop>() else { return };
    let words = words(desktop.app.settings().language);
    let message = words.text("tray.nothingInClipboard");
    handle.dialog().message(message).kind(MessageDialogKind::Info).show(|_| {});
}

/// Adds everything that was handed over, and plays the first of it.
pub(crate) fn open_all(handle: &AppHandle, sources: Vec<String>, cwd: PathBuf) {
    let Some(desktop) = handle.try_state::<Desktop>() else { return };
    if sources.is_empty() {
        return;
    }
    let (app, handle) = (desktop.app.clone(), handle.clone());
    desktop.app.tasks().spawn("open with", async move {
        let mut first = None;
        for source in sources {
            match add(&app, &source, &cwd).await {
                Ok(info_hash) => first = first.or(Some(info_hash)),
                Err(error) => {
                    warn!(%error, "what was handed over could not be added");
                    handle.dialog().message(error.to_string()).kind(MessageDialogKind::Error).show(|_| {});
                }
            }
        }
        if let Some(info_hash) = first
            && let Err(error) = app.show_in_player(PlayerTarget { info_hash, file_index: None }).await
        {
            warn!(%error, "what was handed over could not be shown");
        }
    });
}

#[derive(Debug)]
enum OpenError {
    File(PathBuf, std::io::Error),
    Refused(WireError),
}

impl std::fmt::Display for OpenError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::File(path, error) => write!(f, "{}: {error}", path.display()),
            Self::Refused(error) => error.fmt(f),
        }
    }
}

async fn add(app: &App, source: &str, cwd: &Path) -> Result<InfoHash, OpenError> {
    let source = match TorrentSource::parse(source) {
        Ok(source) => source,
        Err(error) => {
            let path = cwd.join(source.strip_prefix("file://").unwrap_or(source));
            if !path.is_file() {
                let code = freshet_model::ErrorCode::InvalidSource;
                return Err(OpenError::Refused(WireError::new(code, format!("{source:?}: {error}"))));
            }
            TorrentSource::TorrentFile(read(&path).await.map_err(|error| OpenError::File(path, error))?)
        }
    };
    let added = app.add(source, Description::default()).await.map_err(OpenError::Refused)?;
    Ok(added.record.info_hash)
}

/// Reads no more of a file than a torrent may have (and one byte, so that the validator says that it is too large).
async fn read(path: &Path) -> std::io::Result<Vec<u8>> {
    use tokio::io::AsyncReadExt as _;
    let mut bytes = Vec::new();
    let most = limits::MAX_METAINFO_BYTES as u64 + 1;
    tokio::fs::File::open(path).await?.take(most).read_to_end(&mut bytes).await?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_of_a_second_start_are_not_taken_for_torrents() {
        let argv = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();

        assert_eq!(
            sources(&argv(&["freshet", "-d", "/tmp/x", "magnet:?a", "b.torrent"])),
            ["magnet:?a", "b.torrent"]
        );
        assert!(sources(&argv(&["freshet", "--unknown-option", "magnet:?a"])).is_empty());
        assert!(sources(&argv(&["freshet"])).is_empty());
    }
}
