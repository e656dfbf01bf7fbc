//! Starts the player process and watches it. When it fails, the film goes on in our own window, and it is not tried again with
//! that film; when it can play nothing here, it is not tried again at all.

use std::collections::VecDeque;
use std::process::{ExitStatus, Stdio};
use std::sync::{Arc, Mutex, PoisonError};

use freshet_app::{App, Caller, dispatch};
use freshet_model::PlayerTarget;
use tauri::{AppHandle, Manager as _};
use tokio::io::AsyncWriteExt as _;
use tokio::process::{Child, ChildStdin, Command};
use tracing::{info, warn};

use crate::player_process::EXIT_NO_PLAYER;
use crate::windows;

/// Films remembered as lost; older ones may be tried again.
const MAX_LOST: usize = 256;

#[derive(Clone)]
pub(crate) struct Films {
    handle: AppHandle,
    app: App,
    state: Arc<Mutex<State>>,
    /// The pipe that keeps the process alive; a line in it brings its window to the front.
    input: Arc<tokio::sync::Mutex<Option<ChildStdin>>>,
}

#[derive(Debug)]
struct State {
    is_usable: bool,
    lost: VecDeque<PlayerTarget>,
}

impl Films {
    pub(crate) fn new(handle: AppHandle, app: App, uses_libmpv: bool) -> Self {
        let state = State { is_usable: uses_libmpv, lost: VecDeque::new() };
        Self { handle, app, state: Arc::new(Mutex::new(state)), input: Arc::default() }
    }

    /// Whether the film is shown by the process; if not, it is for our own window.
    pub(crate) async fn show(&self, target: PlayerTarget) -> bool {
        if !self.is_usable()
            || self.was_lost(target)
            || self.handle.get_webview_window(windows::PLAYER).is_some()
        {
            self.input.lock().await.take();
            return false;
        }
        let mut input = self.input.lock().await;
        if let Some(pipe) = input.as_mut()
            && pipe.write_all(b"\n").await.is_ok()
        {
            return true;
        }
        match self.start().await {
            Ok((child, pipe)) => {
                *input = Some(pipe);
                let films = self.clone();
                self.app.tasks().spawn("player process", async move { films.watch(child).await });
                true
            }
            Err(error) => {
                warn!(error, "the player process could not be started");
                false
            }
        }
    }

    pub(crate) fn was_lost(&self, target: PlayerTarget) -> bool {
        self.state().lost.contains(&target)
    }

    fn is_usable(&self) -> bool {
        self.state().is_usable
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn start(&self) -> Result<(Child, ChildStdin), String> {
        let info = dispatch(&self.app, Caller::MainWindow, "app_info", serde_json::json!({})).await;
        let info = info.map_err(|error| error.to_string())?;
        let server = info["server_url"].as_str().ok_or("the server is not running")?.trim_end_matches('/');
        let program = std::env::current_exe().map_err(|error| error.to_string())?;
        let mut child = Command::new(program)
            .args(["--player-window", &format!("{server}/player.html")])
            .stdin(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .map_err(|error| error.to_string())?;
        let pipe = child.stdin.take().ok_or("it has no input")?;
        Ok((child, pipe))
    }

    async fn watch(&self, mut child: Child) {
        let target = || self.app.watch_player().borrow().1;
        let ended = child.wait().await;
        self.input.lock().await.take();
        let failed = ended.as_ref().is_ok_and(|status| !status.success());
        let (true, Some(target)) = (failed, target()) else {
            // Where our own window has taken over, the film is not left.
            if self.handle.get_webview_window(windows::PLAYER).is_none() {
                self.app.player_closed().await;
            }
            return;
        };
        if let Ok(status) = ended {
            self.note_failure(target, status);
        }
        if let Err(error) = self.app.show_in_player(target).await {
            warn!(%error, "the film could not go on in our own window");
        }
    }

    fn note_failure(&self, target: PlayerTarget, status: ExitStatus) {
        let mut state = self.state();
        if status.code() == Some(EXIT_NO_PLAYER) {
            info!("libmpv can't be used here; films are played by the web view");
            state.is_usable = false;
            return;
        }
        warn!(%status, "the player process failed; the film goes on in our own window");
        if state.lost.len() >= MAX_LOST {
            state.lost.pop_front();
        }
        state.lost.push_back(target);
    }
}
