//! Opens the player window when the application wants a file shown.

use freshet_app::App;
use tauri::AppHandle;
use tracing::error;

use crate::windows;

/// Follows the wishes for the player window until the application ends.
pub(crate) fn follow(handle: &AppHandle, app: &App) {
    let handle = handle.clone();
    let mut wishes = app.watch_player();
    app.tasks().spawn("player window", async move {
        while wishes.changed().await.is_ok() {
            let (_, target) = *wishes.borrow_and_update();
            let Some(target) = target else { continue };
            let shown = handle.clone();
            let asked = handle.run_on_main_thread(move || {
                if let Err(error) = windows::show_player(&shown, target) {
                    error!(%error, "the player window could not be shown");
                }
            });
            if let Err(error) = asked {
                error!(%error, "the window thread does not answer");
            }
        }
    });
}
