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
    /// With what it held then, if it is that which can't be taken; everything else may end without a change of the file.
    Unreadable(Option<Stamp>),
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
        let looking = tokio::task::spawn_blocking(move || look_at(&file, seen));
        let lost = |error| (Seen::Unreadable(None), Err(io::Error::other(error)));
        let (now_seen, list) = looking.await.unwrap_or_else(lost);
        self.seen = now_seen;
        match list {
            Ok(list) => list.map_or(Look::Same, |list| Look::New(Arc::new(list))),
            Err(_) if matches!(seen, Seen::Unreadable(_)) => Look::Same,
            Err(error) => {
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

/// How the file is now, and its list if it is another file than was seen.
fn look_at(file: &Path, seen: Seen) -> (Seen, io::Result<Option<Blocklist>>) {
    let stamp = match std::fs::metadata(file) {
        Ok(metadata) => Stamp { modified: metadata.modified().ok(), length_bytes: metadata.len() },
        Err(error) => return (Seen::Unreadable(None), Err(error)),
    };
    if seen == Seen::Read(stamp) || seen == Seen::Unreadable(Some(stamp)) {
        return (seen, Ok(None));
    }
    match read_list(file) {
        Ok(list) => (Seen::Read(stamp), Ok(Some(list))),
        Err(error) => {
            let refused = (error.kind() == io::ErrorKind::FileTooLarge).then_some(stamp);
            (Seen::Unreadable(refused), Err(error))
        }
    }
}

fn read_list(file: &Path) -> io::Result<Blocklist> {
    let list =
        Blocklist::parse(&read(file)?).map_err(|error| io::Error::new(io::ErrorKind::FileTooLarge, error))?;
    info!(ranges = list.ranges(), wrong_lines = list.wrong_lines(), "blocked addresses are read");
    Ok(list)
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

#[cfg(test)]
mod tests {
    use std::fs::File;

    use super::*;

    #[test]
    fn a_file_that_holds_no_list_is_read_once_and_again_when_it_changes() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("list.p2p");
        let file = File::create(&path).unwrap();
        file.set_len(MAX_FILE_BYTES + 1).unwrap();

        let (seen, list) = look_at(&path, Seen::Never);
        assert_eq!(list.unwrap_err().kind(), io::ErrorKind::FileTooLarge);
        let (same, list) = look_at(&path, seen);
        assert!(same == seen && list.unwrap().is_none());

        file.set_len(0).unwrap();
        let (_, list) = look_at(&path, seen);
        assert_eq!(list.unwrap().unwrap().ranges(), 0);
    }

    #[test]
    fn what_may_end_without_a_change_of_the_file_is_tried_each_time() {
        let folder = tempfile::tempdir().unwrap();
        let (seen, list) = look_at(folder.path(), Seen::Never);
        assert_eq!(list.unwrap_err().kind(), io::ErrorKind::InvalidInput);
        assert!(look_at(folder.path(), seen).1.is_err());
    }
}
