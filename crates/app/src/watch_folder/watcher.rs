//! The system's word that something happened in a folder.

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use notify::event::{AccessKind, AccessMode, EventKind, ModifyKind, RenameMode};
use notify::{Event, RecommendedWatcher, RecursiveMode, Watcher as _};
use tokio::sync::Notify;
use tracing::debug;

/// Of more files at once it is not remembered that they were closed; they settle instead.
const MAX_CLOSED: usize = 4096;

/// What was heard since it was last asked for.
#[derive(Debug, Default)]
pub(super) struct Heard {
    /// Files whose writer is done with them: closed, or renamed to where they are.
    pub(super) closed: HashSet<PathBuf>,
    /// The folder itself was removed or renamed: what is heard from here on is not about its path.
    pub(super) is_folder_gone: bool,
}

#[derive(Debug, Default)]
struct Ear {
    heard: Mutex<Heard>,
    something: Notify,
}

impl Ear {
    /// Called on the watcher's own thread.
    fn hear(&self, folder: &Path, event: notify::Result<Event>) {
        let event = match event {
            Ok(event) => event,
            Err(error) => {
                debug!(%error, "the watch folder's events have a gap");
                self.something.notify_one();
                return;
            }
        };
        let is_about_folder = event.paths.iter().any(|path| path == folder);
        let mut heard = self.heard.lock().unwrap_or_else(PoisonError::into_inner);
        match event.kind {
            EventKind::Remove(_) if is_about_folder => heard.is_folder_gone = true,
            EventKind::Modify(ModifyKind::Name(_)) if is_about_folder => heard.is_folder_gone = true,
            EventKind::Access(AccessKind::Close(AccessMode::Write))
            | EventKind::Modify(ModifyKind::Name(RenameMode::To)) => {
                for path in event.paths {
                    if heard.closed.len() < MAX_CLOSED {
                        heard.closed.insert(path);
                    }
                }
            }
            // Our own looking.
            EventKind::Access(_) => return,
            EventKind::Any
            | EventKind::Create(_)
            | EventKind::Modify(_)
            | EventKind::Remove(_)
            | EventKind::Other => {}
        }
        self.something.notify_one();
    }
}

/// Hears until it is dropped.
#[derive(Debug)]
pub(super) struct Watcher {
    ear: Arc<Ear>,
    _system: RecommendedWatcher,
}

impl Watcher {
    /// `None` where the system can't tell: the folder is not there, or lies on a kind of disk that tells nothing.
    pub(super) async fn start(folder: &Path) -> Option<Self> {
        let ear = Arc::new(Ear::default());
        let (folder, hearing) = (folder.to_owned(), Arc::clone(&ear));
        let starting = tokio::task::spawn_blocking(move || {
            let own = folder.clone();
            let mut system = notify::recommended_watcher(move |event| hearing.hear(&own, event))?;
            system.watch(&folder, RecursiveMode::NonRecursive)?;
            Ok::<_, notify::Error>(system)
        });
        match starting.await {
            Ok(Ok(system)) => Some(Self { ear, _system: system }),
            Ok(Err(error)) => {
                debug!(%error, "the watch folder tells of nothing");
                None
            }
            Err(_) => None,
        }
    }

    /// What was heard since the last call.
    pub(super) fn take(&self) -> Heard {
        std::mem::take(&mut *self.ear.heard.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Waits until something is heard. Cancel-safe.
    pub(super) async fn heard(&self) {
        self.ear.something.notified().await;
    }
}
