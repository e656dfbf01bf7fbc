//! The end: the last window was closed, or somebody chose Quit.

use std::sync::PoisonError;

use tauri::{AppHandle, ExitRequestApi, Manager as _};
use tauri_plugin_dialog::{DialogExt as _, MessageDialogButtons, MessageDialogKind};

use crate::words::words;
use crate::{Desktop, SHUTDOWN_DEADLINE, closing, windows};

/// Closing the last window leaves the program in the tray, where there is one. Everything else ends it in order.
pub(crate) fn requested(handle: &AppHandle, code: Option<i32>, api: &ExitRequestApi) {
    // With a code it is the end of the orderly way below, or of a start that failed.
    if code.is_some() {
        return;
    }
    // Before the start has ended there is nothing to close; the dialog that says why decides.
    api.prevent_exit();
    let ends = |desktop: tauri::State<'_, Desktop>| {
        !closing::goes_on(desktop.app.settings().desktop.on_close, desktop.has_tray)
    };
    if handle.try_state::<Desktop>().is_some_and(ends) {
        in_order(handle);
    }
}

/// Somebody chose Quit: they are asked only if a film would go with it.
pub(crate) fn asked(handle: &AppHandle) {
    let (Some(player), Some(desktop)) =
        (handle.get_webview_window(windows::PLAYER), handle.try_state::<Desktop>())
    else {
        return in_order(handle);
    };
    let words = words(desktop.app.settings().language);
    let quitting = handle.clone();
    handle
        .dialog()
        .message(words.text("quit.text"))
        .title(words.text("quit.title"))
        .kind(MessageDialogKind::Warning)
        .buttons(MessageDialogButtons::OkCancelCustom(words.text("tray.quit"), words.text("torrent.cancel")))
        .parent(&player)
        .show(move |is_sure| {
            if is_sure {
                in_order(&quitting);
            }
        });
}

/// Ends the application in order and then the process.
pub(crate) fn in_order(handle: &AppHandle) {
    // From here on a new start is a start of its own: what it brings must not go down with us.
    tauri_plugin_single_instance::destroy(handle);
    let handle = handle.clone();
    tauri::async_runtime::spawn(async move {
        if let Some(desktop) = handle.try_state::<Desktop>() {
            let server = desktop.server.lock().unwrap_or_else(PoisonError::into_inner).take();
            if let Some(server) = server {
                server.shutdown(SHUTDOWN_DEADLINE).await;
            }
            desktop.app.shutdown(SHUTDOWN_DEADLINE).await;
        }
        handle.exit(0);
    });
}
