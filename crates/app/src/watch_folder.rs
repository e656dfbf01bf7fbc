//! The watch folder: `.torrent` and `.magnet` files that a person or another program puts there come into the library.
//!
//! The wall stands here because the folder belongs to others: files in it may be half written, broken, huge or links to
//! elsewhere, and the folder itself may go and come back. Events of the system only say *when* to look; what is done follows
//! from what lies there then, so that a lost event costs seconds and never a file. A file that was taken is moved
//! to `added/`, one that is no torrent to `failed/`; none is ever deleted.

mod files;
mod watcher;

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use freshet_model::{AddedFrom, ErrorCode, WireError};
use tokio::time::Instant;
use tracing::{info, warn};

use self::files::{Candidate, Fingerprint, ReadError};
use self::watcher::{Heard, Watcher};
use crate::App;
use crate::error::Coded as _;
use crate::library::Description;

/// A file that has not changed for so long is taken if it is a whole torrent.
const SETTLE: Duration = Duration::from_millis(500);
/// One that is none may still be on its way for so long, unless its writer has closed it.
const BROKEN_AFTER: Duration = Duration::from_secs(10);
/// Folders on other computers tell of nothing, so they are looked at without being told.
const LOOK_EVERY: Duration = Duration::from_secs(30);
/// A folder that is not there is looked for.
const LOOK_FOR_FOLDER_EVERY: Duration = Duration::from_secs(2);
/// The library could not take a file now (a full disk).
const RETRY_ADDING: Duration = Duration::from_secs(30);
/// Files that could not be moved away are remembered, so that they are not added again with every look.
const MAX_STUCK_FILES: usize = 10_000;

impl App {
    /// Follows the setting from now on.
    pub(crate) fn watch_folder(&self) {
        let app = self.clone();
        self.inner.tasks.spawn("watch folder", async move {
            let mut settings = app.watch_settings();
            loop {
                let folder = settings.borrow_and_update().watch_dir.clone();
                let changed = async {
                    loop {
                        if settings.changed().await.is_err() {
                            return false;
                        }
                        if settings.borrow_and_update().watch_dir != folder {
                            return true;
                        }
                    }
                };
                let goes_on = match usable(&folder) {
                    Some(path) => tokio::select! {
                        () = Folder::new(app.clone(), path).follow() => false,
                        goes_on = changed => goes_on,
                    },
                    None => changed.await,
                };
                if !goes_on {
                    return;
                }
            }
        });
    }
}

/// The folder to watch, if there is to be one.
fn usable(setting: &str) -> Option<PathBuf> {
    let path = Path::new(setting.trim());
    if path.as_os_str().is_empty() {
        return None;
    }
    if !path.is_absolute() {
        warn!(folder = %path.display(), "the watch folder is not used: its path has to begin at the root");
        return None;
    }
    Some(path.to_owned())
}

/// What is known of a file that was seen and is still there.
#[derive(Debug, Clone, Copy)]
struct Seen {
    fingerprint: Fingerprint,
    since: Instant,
    /// Whoever wrote it has closed it, or it came by a new name.
    is_closed: bool,
    fate: Fate,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    /// It is judged when it has settled.
    Waiting,
    /// It is no torrent, or not yet.
    Incomplete,
    /// The library could not take it; it is tried again from then on.
    Postponed(Instant),
    /// Done with, and it could not be moved.
    Stuck,
}

struct Folder {
    app: App,
    path: PathBuf,
    seen: HashMap<PathBuf, Seen>,
    is_there: bool,
    is_first_look: bool,
}

impl Folder {
    fn new(app: App, path: PathBuf) -> Self {
        Self { app, path, seen: HashMap::new(), is_there: true, is_first_look: true }
    }

    /// Looks and takes, until it is dropped.
    async fn follow(mut self) {
        let mut watcher = None;
        loop {
            // Before the look: what comes during it is heard then.
            if watcher.is_none() {
                watcher = Watcher::start(&self.path).await;
            }
            let heard = watcher.as_ref().map(Watcher::take).unwrap_or_default();
            if heard.is_folder_gone {
                watcher = None;
                self.seen.clear();
                // Another folder may stand in its place already.
                tokio::time::sleep(SETTLE).await;
                continue;
            }
            let pause = self.look(heard).await;
            if !self.is_there {
                watcher = None;
            }
            match &watcher {
                Some(watcher) => {
                    let _ = tokio::time::timeout(pause, watcher.heard()).await;
                }
                None => tokio::time::sleep(pause).await,
            }
        }
    }

    /// Looks once, does what is to be done, and says when to look again at the latest.
    async fn look(&mut self, heard: Heard) -> Duration {
        let path = self.path.clone();
        let listed = tokio::task::spawn_blocking(move || files::list(&path)).await;
        let candidates = match listed {
            Ok(Ok(candidates)) => candidates,
            Ok(Err(error)) => {
                if self.is_there || self.is_first_look {
                    warn!(folder = %self.path.display(), %error, "the watch folder can't be read; it is looked for");
                }
                (self.is_there, self.is_first_look) = (false, false);
                self.seen.clear();
                return LOOK_FOR_FOLDER_EVERY;
            }
            Err(_) => return LOOK_EVERY,
        };
        if !self.is_there || self.is_first_look {
            info!(folder = %self.path.display(), "the watch folder is watched");
        }
        self.note(&candidates, &heard, !self.is_there || self.is_first_look);
        (self.is_there, self.is_first_look) = (true, false);
        let mut pause = LOOK_EVERY;
        for candidate in candidates {
            if let Some(wait) = self.attend(&candidate).await {
                pause = pause.min(wait);
            }
        }
        pause
    }

    /// Brings what is known in line with what is there.
    ///
    /// What had lain there for long when the folder was first seen is nobody's work in progress; later than that the times
    /// of files, which are those of other clocks, mean nothing.
    fn note(&mut self, candidates: &[Candidate], heard: &Heard, is_first_sight: bool) {
        let now = Instant::now();
        let mut before = std::mem::take(&mut self.seen);
        for candidate in candidates {
            let known = before.remove(&candidate.path);
            let is_old = is_first_sight && candidate.age(SystemTime::now()) >= BROKEN_AFTER;
            let is_closed = is_old || heard.closed.contains(&candidate.path);
            let seen = match known {
                Some(seen) if seen.fingerprint == candidate.fingerprint => {
                    Seen { is_closed: seen.is_closed || is_closed, ..seen }
                }
                Some(_) | None => {
                    Seen { fingerprint: candidate.fingerprint, since: now, is_closed, fate: Fate::Waiting }
                }
            };
            self.seen.insert(candidate.path.clone(), seen);
        }
    }

    /// Takes a file if it is its time; else how long until it may be.
    async fn attend(&mut self, candidate: &Candidate) -> Option<Duration> {
        let seen = *self.seen.get(&candidate.path)?;
        let now = Instant::now();
        let settled = if seen.is_closed { Duration::MAX } else { now.duration_since(seen.since) };
        match seen.fate {
            Fate::Stuck => return None,
            Fate::Postponed(until) if until > now => return Some(until - now),
            Fate::Waiting | Fate::Incomplete | Fate::Postponed(_) if settled < SETTLE => {
                return Some(SETTLE - settled);
            }
            // It was read once and was not whole; only time or its writer tells.
            Fate::Incomplete if settled < BROKEN_AFTER => return Some(BROKEN_AFTER - settled),
            Fate::Waiting | Fate::Incomplete | Fate::Postponed(_) => {}
        }
        let fate = match self.take(candidate).await {
            Ok(()) => self.put_away(candidate, "added").await,
            Err(Refused::Later(error)) => {
                warn!(file = %candidate.path.display(), %error, "a file of the watch folder is tried again later");
                Some(Fate::Postponed(now + RETRY_ADDING))
            }
            Err(Refused::Broken(_)) if settled < BROKEN_AFTER => Some(Fate::Incomplete),
            Err(Refused::Broken(error) | Refused::Never(error)) => {
                warn!(file = %candidate.path.display(), %error, "a file of the watch folder is no torrent");
                self.put_away(candidate, "failed").await
            }
            Err(Refused::Gone) => None,
        };
        match fate {
            Some(fate) => {
                self.seen.insert(candidate.path.clone(), Seen { fate, ..seen });
                match fate {
                    Fate::Incomplete => Some(BROKEN_AFTER.saturating_sub(settled)),
                    Fate::Postponed(_) => Some(RETRY_ADDING),
                    Fate::Waiting | Fate::Stuck => None,
                }
            }
            None => {
                self.seen.remove(&candidate.path);
                None
            }
        }
    }

    async fn take(&self, candidate: &Candidate) -> Result<(), Refused> {
        if self.stuck_count() >= MAX_STUCK_FILES {
            return Err(Refused::Later("too many files that could not be moved".to_owned()));
        }
        let (path, kind) = (candidate.path.clone(), candidate.kind);
        let read = tokio::task::spawn_blocking(move || files::read(&path, kind)).await;
        let source = match read {
            Ok(Ok(source)) => source,
            Ok(Err(error)) => return Err(Refused::from(error)),
            Err(_) => return Err(Refused::Later("reading was interrupted".to_owned())),
        };
        self.app.add_from(source, Description::default(), AddedFrom::File, false).await?;
        Ok(())
    }

    fn stuck_count(&self) -> usize {
        self.seen.values().filter(|seen| seen.fate == Fate::Stuck).count()
    }

    /// Moves a file that is done with; one that can't be moved is remembered.
    async fn put_away(&self, candidate: &Candidate, folder: &'static str) -> Option<Fate> {
        let (from, root) = (candidate.path.clone(), self.path.clone());
        let moved = tokio::task::spawn_blocking(move || files::move_into(&from, &root.join(folder))).await;
        match moved {
            Ok(Ok(to)) => {
                info!(file = %candidate.path.display(), to = %to.display(), "a file of the watch folder is done");
                None
            }
            Ok(Err(error)) => {
                warn!(file = %candidate.path.display(), %error, "a file of the watch folder could not be moved");
                Some(Fate::Stuck)
            }
            Err(_) => Some(Fate::Stuck),
        }
    }
}

/// Why a file was not taken.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Refused {
    /// It is no torrent as it is; it may be half of one.
    Broken(String),
    /// It will be none, however it goes on.
    Never(String),
    /// The fault is not the file's.
    Later(String),
    /// Somebody took it away.
    Gone,
}

impl From<ReadError> for Refused {
    fn from(error: ReadError) -> Self {
        match error {
            ReadError::TooLarge | ReadError::NoFile => Self::Never(error.to_string()),
            ReadError::NoText | ReadError::NoMagnet => Self::Broken(error.to_string()),
            ReadError::Source(error) => Self::from(error.wire()),
            ReadError::Io(error) if error.kind() == std::io::ErrorKind::NotFound => Self::Gone,
            ReadError::Io(error) => Self::Later(error.to_string()),
        }
    }
}

impl From<WireError> for Refused {
    fn from(error: WireError) -> Self {
        match error.code {
            ErrorCode::InvalidSource
            | ErrorCode::InvalidInfoHash
            | ErrorCode::InvalidTorrent
            | ErrorCode::V2Only => Self::Broken(error.to_string()),
            // Whatever else may go wrong lies with the store, the disk or the engine.
            _ => Self::Later(error.to_string()),
        }
    }
}
