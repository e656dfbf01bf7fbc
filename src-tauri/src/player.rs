//! Opens the player window when the application wants a file shown: the process with libmpv where that is asked for and works,
//! our own window otherwise.

use freshet_app::App;
use freshet_model::PlayerTarget;
use tauri::AppHandle;
use tracing::error;

use crate::windows;

/// Follows the wishes for the player window until the application ends.
pub(crate) fn follow(handle: &AppHandle, app: &App, uses_libmpv: bool) {
    let films = Films::new(handle.clone(), app.clone(), uses_libmpv);
    let handle = handle.clone();
    let mut wishes = app.watch_player();
    app.tasks().spawn("player window", async move {
        while wishes.changed().await.is_ok() {
            let (_, target) = *wishes.borrow_and_update();
            let Some(target) = target else { continue };
            if !films.show(target).await {
                show_own(&handle, target, films.was_lost(target));
            }
        }
    });
}

/// `is_instead`: the other player has just failed on this film.
fn show_own(handle: &AppHandle, target: PlayerTarget, is_instead: bool) {
    let shown = handle.clone();
    let asked = handle.run_on_main_thread(move || {
        if let Err(error) = windows::show_player(&shown, target, is_instead) {
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
    fn new(_handle: AppHandle, _app: App, _uses_libmpv: bool) -> Self {
        Self
    }

    #[expect(clippy::unused_async, reason = "as on Linux")]
    async fn show(&self, _target: PlayerTarget) -> bool {
        false
    }

    fn was_lost(&self, _target: PlayerTarget) -> bool {
        false
    }
}
