//! Starts the player process and watches it. When it fails before it shows anything, films are played in our own window from
//! then on; when it fails on a film, that film goes on there from where it was.

use std::collections::VecDeque;
use std::process::Stdio;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use freshet_app::App;
use freshet_model::{FileIndex, InfoHash, PlayerEngine, PlayerTarget};
use tauri::{AppHandle, Manager as _};
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::time::timeout;
use tracing::{info, warn};

use crate::player_process::Word;
use crate::windows::{self, Instead};
use crate::{Desktop, Engine};

/// Films remembered as lost; older ones may be tried again.
const MAX_LOST: usize = 256;
/// A window comes within a second; a machine that is busy with other things may take long.
const READY_WITHIN: Duration = Duration::from_secs(20);
/// Its window's thread tells every two seconds that it lives; one that draws a large picture without a graphics card is slow.
const SILENT_AT_MOST: Duration = Duration::from_secs(20);
const END_WITHIN: Duration = Duration::from_secs(5);
/// Tests drive the process' page through this address.
const INSPECTOR: &str = "FRESHET_PLAYER_INSPECTOR";

#[derive(Clone)]
pub(crate) struct Films {
    handle: AppHandle,
    app: App,
    engine: Option<Engine>,
    state: Arc<Mutex<State>>,
    /// The pipe that keeps the process alive; a line in it brings its window to the front.
    input: Arc<tokio::sync::Mutex<Option<ChildStdin>>>,
}

#[derive(Debug, Default)]
struct State {
    has_failed: bool,
    lost: VecDeque<(InfoHash, FileIndex)>,
    /// Where the film was that has just been lost.
    interrupted_at_secs: Option<f64>,
}

/// How a process ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ending {
    /// Its window was closed, or we let it go.
    Closed,
    /// It never showed anything.
    NeverReady,
    Failed,
}

struct Process {
    child: Child,
    words: Lines<BufReader<ChildStdout>>,
}

impl Films {
    pub(crate) fn new(handle: AppHandle, app: App, engine: Option<Engine>) -> Self {
        Self { handle, app, engine, state: Arc::default(), input: Arc::default() }
    }

    /// Whether the film is shown by the process; if not, it is for our own window.
    pub(crate) async fn show(&self, target: PlayerTarget) -> bool {
        let has_own = self.handle.get_webview_window(windows::PLAYER).is_some();
        let mut input = self.input.lock().await;
        if has_own || !self.is_usable() || self.was_lost(target) {
            input.take();
            return false;
        }
        if let Some(pipe) = input.as_mut()
            && pipe.write_all(b"\n").await.is_ok()
        {
            return true;
        }
        match self.start().await {
            Ok((process, pipe)) => {
                *input = Some(pipe);
                let films = self.clone();
                self.app.tasks().spawn("player process", async move { films.watch(process).await });
                true
            }
            Err(error) => {
                warn!(error, "the player process could not be started");
                false
            }
        }
    }

    /// Whether our own window takes the place of a process that failed on this film.
    pub(crate) fn instead(&self, target: PlayerTarget) -> Option<Instead> {
        self.was_lost(target).then(|| Instead { at_secs: self.state().interrupted_at_secs.take() })
    }

    fn was_lost(&self, target: PlayerTarget) -> bool {
        self.state().lost.iter().any(|(info_hash, file_index)| {
            *info_hash == target.info_hash && target.file_index.is_none_or(|index| index == *file_index)
        })
    }

    fn is_usable(&self) -> bool {
        let is_wanted = match self.engine {
            Some(engine) => engine == Engine::Libmpv,
            None => self.app.settings().player_engine == PlayerEngine::Libmpv,
        };
        is_wanted && !self.state().has_failed
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn start(&self) -> Result<(Process, ChildStdin), String> {
        let desktop = self.handle.try_state::<Desktop>().ok_or("nothing is started yet")?;
        let door = desktop.film_addr().ok_or("the server is not running")?;
        let program = std::env::current_exe().map_err(|error| error.to_string())?;
        let mut command = Command::new(program);
        command
            .args(["--player-window", &format!("http://{door}/player.html")])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            // Who drives our own windows does not drive this one along.
            .env_remove("TAURI_WEBVIEW_AUTOMATION")
            .env_remove("WEBKIT_INSPECTOR_SERVER")
            .kill_on_drop(true);
        if let Some(address) = std::env::var_os(INSPECTOR) {
            command.env("TAURI_WEBVIEW_AUTOMATION", "true").env("WEBKIT_INSPECTOR_SERVER", address);
        }
        let mut child = command.spawn().map_err(|error| error.to_string())?;
        let pipe = child.stdin.take().ok_or("it has no input")?;
        let words = BufReader::new(child.stdout.take().ok_or("it has no output")?).lines();
        Ok((Process { child, words }, pipe))
    }

    async fn watch(&self, process: Process) {
        let ending = process.follow().await;
        self.input.lock().await.take();
        let target = self.app.watch_player().borrow().1;
        // The page of a process that is gone says nothing more.
        let stood = match target {
            Some(target) => self.app.playback_lost(target).await,
            None => None,
        };
        let Some(target) = target.filter(|_| ending != Ending::Closed) else {
            // Where our own window has taken over, the film is not left.
            if self.handle.get_webview_window(windows::PLAYER).is_none() {
                self.app.player_closed().await;
            }
            return;
        };
        let target = self.note_failure(target, ending, stood);
        if let Err(error) = self.app.show_in_player(target).await {
            warn!(%error, "the film could not go on in our own window");
        }
    }

    /// Gives what is to be shown now.
    fn note_failure(
        &self,
        target: PlayerTarget,
        ending: Ending,
        stood: Option<(FileIndex, f64)>,
    ) -> PlayerTarget {
        let mut state = self.state();
        let file = stood.map(|(index, _)| index).or(target.file_index);
        let (Ending::Failed, Some(file_index)) = (ending, file) else {
            info!("libmpv can't be used here; films are played by the web view");
            state.has_failed = true;
            return target;
        };
        warn!("the player process failed; the film goes on in our own window");
        if state.lost.len() >= MAX_LOST {
            state.lost.pop_front();
        }
        state.lost.push_back((target.info_hash, file_index));
        state.interrupted_at_secs = stood.map(|(_, at_secs)| at_secs);
        PlayerTarget { file_index: Some(file_index), ..target }
    }
}

impl Process {
    /// Listens to it until it has ended; one that says nothing any more is ended.
    async fn follow(mut self) -> Ending {
        let (mut is_ready, mut is_closed) = (false, false);
        loop {
            let patience = if is_ready { SILENT_AT_MOST } else { READY_WITHIN };
            match timeout(patience, self.words.next_line()).await {
                Ok(Ok(Some(line))) => match Word::of(&line) {
                    Some(Word::Ready) => is_ready = true,
                    Some(Word::Closed) => {
                        is_closed = true;
                        break;
                    }
                    Some(Word::Alive) | None => {}
                },
                Ok(Ok(None) | Err(_)) => break,
                Err(_) => {
                    warn!(is_ready, "the player process does not answer");
                    drop(self.child.start_kill());
                    break;
                }
            }
        }
        let ended = match timeout(END_WITHIN, self.child.wait()).await {
            Ok(ended) => ended,
            Err(_) => {
                drop(self.child.start_kill());
                self.child.wait().await
            }
        };
        info!(is_ready, is_closed, status = ?ended.as_ref().ok(), "the player process has ended");
        match ended {
            _ if is_closed => Ending::Closed,
            Ok(status) if status.success() => Ending::Closed,
            _ if is_ready => Ending::Failed,
            _ => Ending::NeverReady,
        }
    }
}
