//! The list of addresses that nobody speaks to: a file that others write, and read again when it changes.

use std::io::{self, Read as _};
use std::path::PathBuf;
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

impl App {
    /// Follows the setting, and the file, from now on.
    pub(crate) fn follow_blocklist(&self) {
        let app = self.clone();
        self.inner.tasks.spawn("blocklist", async move {
            let mut settings = app.watch_settings();
            let mut path = String::new();
            let mut read: Option<Stamp> = None;
            loop {
                let wanted = settings.borrow_and_update().transfers.blocklist_path.clone();
                if wanted != path {
                    path = wanted;
                    read = None;
                    if path.is_empty() {
                        app.inner.engine.set_blocklist(Arc::default()).await;
                    }
                }
                if !path.is_empty() {
                    read = app.read_blocklist(&path, read).await;
                }
                tokio::select! {
                    changed = settings.changed() => if changed.is_err() { return },
                    () = tokio::time::sleep(LOOK_EVERY), if !path.is_empty() => {}
                }
            }
        });
    }

    /// Reads the file if it is not as it was `before`; gives how it is now.
    async fn read_blocklist(&self, path: &str, before: Option<Stamp>) -> Option<Stamp> {
        let file = PathBuf::from(path);
        let reading = move || {
            let metadata = std::fs::metadata(&file)?;
            let stamp = Stamp { modified: metadata.modified().ok(), length_bytes: metadata.len() };
            if before == Some(stamp) {
                return Ok((stamp, None));
            }
            read(&file).map(|text| (stamp, Some(Blocklist::parse(&text))))
        };
        match tokio::task::spawn_blocking(reading).await.unwrap_or_else(|error| Err(io::Error::other(error)))
        {
            Ok((stamp, None)) => Some(stamp),
            Ok((stamp, Some(list))) => {
                info!(ranges = list.ranges(), wrong_lines = list.wrong_lines(), "blocked addresses are read");
                self.inner.engine.set_blocklist(Arc::new(list)).await;
                Some(stamp)
            }
            Err(error) => {
                // Told once, until it was there again.
                let gone = Stamp { modified: None, length_bytes: u64::MAX };
                if before != Some(gone) {
                    warn!(%error, "blocked addresses can't be read");
                    let subject = path.to_owned();
                    self.add_notice(Notice { kind: NoticeKind::BlocklistUnread, subject }).await;
                }
                Some(gone)
            }
        }
    }
}

fn read(file: &std::path::Path) -> io::Result<Vec<u8>> {
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
