//! Opens the player window when the application wants a file shown: the process with libmpv where that works and is wanted, our
//! own window otherwise.

use freshet_app::App;
use freshet_model::PlayerTarget;
use tauri::AppHandle;
use tracing::error;

use crate::Engine;
use crate::windows::{self, Instead};

/// Follows the wishes for the player window until the application ends.
pub(crate) fn follow(handle: &AppHandle, app: &App, engine: Option<Engine>) {
    let films = Films::new(handle.clone(), app.clone(), engine);
    let handle = handle.clone();
    let mut wishes = app.watch_player();
    app.tasks().spawn("player window", async move {
        while wishes.changed().await.is_ok() {
            let (_, target) = *wishes.borrow_and_update();
            let Some(target) = target else { continue };
            if !films.show(target).await {
                show_own(&handle, target, films.instead(target));
            }
        }
    });
}

fn show_own(handle: &AppHandle, target: PlayerTarget, instead: Option<Instead>) {
    let shown = handle.clone();
    let asked = handle.run_on_main_thread(move || {
        if let Err(error) = windows::show_player(&shown, target, instead) {
            error!(%error, "the player window could not be shown");
        }
    });
    if let Err(error) = asked {
        error!(%error, "the window thread does not answer");
    }
}

#[cfg(target_os = "linux")]
use crate::film_process::Films;

/// Elsewhere all films are played in our own window.
#[cfg(not(target_os = "linux"))]
struct Films;

#[cfg(not(target_os = "linux"))]
impl Films {
    fn new(_handle: AppHandle, _app: App, _engine: Option<Engine>) -> Self {
        Self
    }

    #[expect(clippy::unused_async, reason = "as on Linux")]
    async fn show(&self, _target: PlayerTarget) -> bool {
        false
    }

    fn instead(&self, _target: PlayerTarget) -> Option<Instead> {
        None
    }
}
