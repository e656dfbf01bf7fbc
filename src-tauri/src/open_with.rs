//! What the system hands over: the command line, and the command line of a second start.
//!
//! A link that comes by the association may be one that a web page opened, so the person is asked before anything becomes of it
//! ([record 17](../../docs/decisions/0017-links-from-elsewhere.md)).

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
    let (sources, giver) = handed_over(argv);
    open_all(handle, sources, cwd.to_owned(), giver);
}

/// The system opens links and files with us (macOS).
#[cfg(target_os = "macos")]
pub(crate) fn opened(handle: &AppHandle, urls: Vec<url::Url>) {
    if let Err(error) = windows::show_main(handle) {
        warn!(%error, "the main window could not be shown");
    }
    open_all(handle, urls.into_iter().map(String::from).collect(), PathBuf::new(), Giver::Anybody);
}

/// Who gave something to be opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Giver {
    /// The person: by the program's own menus, at a terminal, by opening a file.
    Person,
    /// Perhaps a web page, through the browser and the association.
    Anybody,
}

impl Giver {
    /// Who stands behind a command line.
    pub(crate) fn of(args: &crate::Args) -> Self {
        // Windows knows of an association no more than the command, which is the same for the person.
        if args.handed_over || cfg!(windows) { Self::Anybody } else { Self::Person }
    }
}

/// The arguments of another start that are no options. Options belong to the start that they were given to.
fn handed_over(argv: &[String]) -> (Vec<String>, Giver) {
    use clap::Parser as _;
    match crate::Args::try_parse_from(argv) {
        Ok(args) => {
            let giver = Giver::of(&args);
            (args.sources, giver)
        }
        Err(_) => (Vec::new(), Giver::Anybody),
    }
}

/// Adds what stands in a text, a source in each line; says so where there is nothing to add.
pub(crate) fn open_text(handle: &AppHandle, text: String) {
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    let sources: Vec<String> =
        lines.filter(|line| TorrentSource::parse(line).is_ok()).map(str::to_owned).collect();
    if !sources.is_empty() {
        return open_all(handle, sources, PathBuf::new(), Giver::Person);
    }
    let Some(desktop) = handle.try_state::<Desktop>() else { return };
    let words = words(desktop.app.settings().language);
    let message = words.text("tray.nothingInClipboard");
    handle.dialog().message(message).kind(MessageDialogKind::Info).show(|_| {});
}

/// Adds everything that was handed over, and plays the first of it; asks first where that has to be.
pub(crate) fn open_all(handle: &AppHandle, sources: Vec<String>, cwd: PathBuf, giver: Giver) {
    let Some(desktop) = handle.try_state::<Desktop>() else { return };
    if sources.is_empty() {
        return;
    }
    let (app, handle) = (desktop.app.clone(), handle.clone());
    desktop.app.tasks().spawn("open with", async move {
        let mut first = None;
        for source in sources {
            // A file is one that the person opened: no page can hand one over without their browser having asked.
            if giver == Giver::Anybody && app.offer_link(&source).await.is_ok() {
                continue;
            }
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
            let path = local_path(source, cwd);
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

/// The path of a file as systems hand it over: absolute, relative to where the sender stood, or as an address.
fn local_path(source: &str, cwd: &Path) -> PathBuf {
    let address = url::Url::parse(source).ok().filter(|url| url.scheme() == "file");
    address.and_then(|url| url.to_file_path().ok()).unwrap_or_else(|| cwd.join(source))
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
        let sources = |words: &[&str]| {
            let argv: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
            handed_over(&argv)
        };
        let person = if cfg!(windows) { Giver::Anybody } else { Giver::Person };

        let both = vec!["magnet:?a".to_owned(), "b.torrent".to_owned()];
        assert_eq!(sources(&["freshet", "-d", "/tmp/x", "magnet:?a", "b.torrent"]), (both.clone(), person));
        assert_eq!(
            sources(&["freshet", "--handed-over", "--", "magnet:?a", "b.torrent"]),
            (both, Giver::Anybody)
        );
        assert!(sources(&["freshet", "--unknown-option", "magnet:?a"]).0.is_empty());
        assert!(sources(&["freshet"]).0.is_empty());
    }

    #[test]
    fn files_come_as_paths_and_as_addresses() {
        let path = |source: &str| local_path(source, Path::new("/home/me"));

        assert_eq!(path("a.torrent"), Path::new("/home/me/a.torrent"));
        assert_eq!(path("/tmp/a.torrent"), Path::new("/tmp/a.torrent"));
        assert_eq!(path("file:///tmp/a%20b.torrent"), Path::new("/tmp/a b.torrent"));
        assert_eq!(path("--path=x"), Path::new("/home/me/--path=x"));
    }
}
