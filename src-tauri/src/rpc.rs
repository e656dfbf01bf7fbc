//! The two doors of the pages: `rpc` runs a command of the one list, `subscribe` opens the one event stream.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use freshet_app::{Caller, dispatch};
use freshet_model::{AppEvent, ErrorCode, WireError};
use serde_json::Value;
use tauri::ipc::Channel;
use tauri::{Runtime, State, WebviewWindow};
use tokio_util::sync::CancellationToken;

use crate::{Desktop, windows};

/// The event stream of each window; a page that is loaded anew takes the place of the one before.
#[derive(Debug, Default)]
pub struct Subscriptions(Mutex<HashMap<String, CancellationToken>>);

impl Subscriptions {
    fn replace(&self, window: &str) -> CancellationToken {
        let token = CancellationToken::new();
        let mut table = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(old) = table.insert(window.to_owned(), token.clone()) {
            old.cancel();
        }
        token
    }

    pub(crate) fn end(&self, window: &str) {
        if let Some(token) = self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(window) {
            token.cancel();
        }
    }
}

/// Which audience a window belongs to. A window that we did not name has no say.
fn caller(label: &str) -> Result<Caller, WireError> {
    match label {
        windows::MAIN => Ok(Caller::MainWindow),
        windows::PLAYER => Ok(Caller::PlayerWindow),
        _ => Err(WireError::new(ErrorCode::Forbidden, format!("window {label:?} may not call commands"))),
    }
}

#[tauri::command]
pub(crate) async fn rpc<R: Runtime>(
    window: WebviewWindow<R>,
    desktop: State<'_, Desktop>,
    command: String,
    payload: Value,
) -> Result<Value, WireError> {
    dispatch(&desktop.app, caller(window.label())?, &command, payload).await
}

#[tauri::command]
pub(crate) async fn subscribe<R: Runtime>(
    window: WebviewWindow<R>,
    desktop: State<'_, Desktop>,
    subscriptions: State<'_, Subscriptions>,
    channel: Channel<AppEvent>,
) -> Result<(), WireError> {
    let caller = caller(window.label())?;
    let token = subscriptions.replace(window.label());
    let mut events = desktop.app.subscribe(caller);
    desktop.app.tasks().spawn("window events", async move {
        let forward = async {
            while let Some(event) = events.next().await {
                if channel.send(event).is_err() {
                    return;
                }
            }
        };
        let _ = token.run_until_cancelled(forward).await;
    });
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_windows_that_we_named_may_call() {
        assert_eq!(caller("main").unwrap(), Caller::MainWindow);
        assert_eq!(caller("player").unwrap(), Caller::PlayerWindow);
        assert_eq!(caller("other").unwrap_err().code, ErrorCode::Forbidden);
    }

    #[test]
    fn a_new_page_takes_the_stream_of_the_old_one() {
        let subscriptions = Subscriptions::default();
        let first = subscriptions.replace("main");
        let other = subscriptions.replace("player");

        let second = subscriptions.replace("main");

        assert!(first.is_cancelled() && !second.is_cancelled() && !other.is_cancelled());
        subscriptions.end("main");
        assert!(second.is_cancelled());
    }
}
