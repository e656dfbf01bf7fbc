//! The list of addresses that nobody speaks to: a file that others write, and read again when it changes.

use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use freshet_engine::Blocklist;
use freshet_model::{Notice, NoticeKind};
use tracing::{info, warn};

use crate::App;

/// How often it is looked whether the file is another one. Nobody waits for it, and files on other computers tell of nothing.
const LOOK_EVERY: Duration = Duration::from_secs(5);
/// Longer files are no lists.
const MAX_FILE_BYTES: u64 = 128 * 1024 * 1024;

/// What tells one state of a file from another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Stamp {
    modified: Option<SystemTime>,
    length_bytes: u64,
}

/// The file of the setting, and how it was when it was looked at last.
#[derive(Debug, Default)]
pub(crate) struct ListFile {
    path: String,
    seen: Seen,
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum Seen {
    #[default]
    Never,
    Read(Stamp),
    Unreadable,
}

/// What there is to know after a look at the file.
#[derive(Debug)]
pub(crate) enum Look {
    /// As before.
    Same,
    New(Arc<Blocklist>),
    /// For the first time after it could be read.
    Unreadable,
}

impl ListFile {
    /// Looks whether another file is wanted, or the file is another one.
    pub(crate) async fn look(&mut self, wanted: &str) -> Look {
        if wanted != self.path {
            *self = Self { path: wanted.to_owned(), seen: Seen::Never };
            if wanted.is_empty() {
                return Look::New(Arc::default());
            }
        }
        if self.path.is_empty() {
            return Look::Same;
        }
        let (file, seen) = (PathBuf::from(&self.path), self.seen);
        let reading = tokio::task::spawn_blocking(move || read_if_changed(&file, seen));
        match reading.await.unwrap_or_else(|error| Err(io::Error::other(error))) {
            Ok((stamp, list)) => {
                self.seen = Seen::Read(stamp);
                list.map_or(Look::Same, |list| Look::New(Arc::new(list)))
            }
            Err(error) => {
                if std::mem::replace(&mut self.seen, Seen::Unreadable) == Seen::Unreadable {
                    return Look::Same;
                }
                warn!(%error, "blocked addresses can't be read");
                Look::Unreadable
            }
        }
    }
}

impl App {
    /// Follows the setting, and the file, from now on, after a first look that came before the engine.
    pub(crate) fn follow_blocklist(&self, mut file: ListFile, first: Look) {
        let app = self.clone();
        self.inner.tasks.spawn("blocklist", async move {
            let mut settings = app.watch_settings();
            app.tell_of_blocklist(&file, &first).await;
            loop {
                let wanted = settings.borrow_and_update().transfers.blocklist_path.clone();
                let look = file.look(&wanted).await;
                if let Look::New(list) = &look {
                    app.inner.engine.set_blocklist(Arc::clone(list)).await;
                }
                app.tell_of_blocklist(&file, &look).await;
                tokio::select! {
                    changed = settings.changed() => if changed.is_err() { return },
                    () = tokio::time::sleep(LOOK_EVERY), if !wanted.is_empty() => {}
                }
            }
        });
    }

    async fn tell_of_blocklist(&self, file: &ListFile, look: &Look) {
        let kind = NoticeKind::BlocklistUnread;
        match look {
            Look::Same => {}
            Look::New(_) => self.inner.events.remove_notice(kind).await,
            Look::Unreadable => self.add_notice(Notice { kind, subject: file.path.clone() }).await,
        }
    }
}

fn read_if_changed(file: &Path, seen: Seen) -> io::Result<(Stamp, Option<Blocklist>)> {
    let metadata = std::fs::metadata(file)?;
    let stamp = Stamp { modified: metadata.modified().ok(), length_bytes: metadata.len() };
    if seen == Seen::Read(stamp) {
        return Ok((stamp, None));
    }
    let list =
        Blocklist::parse(&read(file)?).map_err(|error| io::Error::new(io::ErrorKind::FileTooLarge, error))?;
    info!(ranges = list.ranges(), wrong_lines = list.wrong_lines(), "blocked addresses are read");
    Ok((stamp, Some(list)))
}

fn read(file: &Path) -> io::Result<Vec<u8>> {
    let file = std::fs::File::open(file)?;
    // A pipe would be waited for without end.
    if !file.metadata()?.is_file() {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "it is no file"));
    }
    let mut text = Vec::new();
    file.take(MAX_FILE_BYTES + 1).read_to_end(&mut text)?;
    if text.len() as u64 > MAX_FILE_BYTES {
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, "it is too long for a list"));
    }
    Ok(text)
}
