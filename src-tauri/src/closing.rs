//! What closing the main window means: the program goes on in the tray, or ends, or asks once where there is no tray.

use freshet_model::{DesktopPatch, OnClose, SettingsPatch};
use tauri::{AppHandle, CloseRequestApi, Manager as _};
use tauri_plugin_dialog::{DialogExt as _, MessageDialogButtons, MessageDialogKind};
use tracing::warn;

use crate::words::words;
use crate::{Desktop, windows};

/// Whether the program goes on when its last window is closed.
pub(crate) fn goes_on(on_close: OnClose, has_tray: bool) -> bool {
    match on_close {
        OnClose::Tray => has_tray,
        OnClose::Stay => true,
        OnClose::Quit => false,
    }
}

/// The main window is about to be closed. Where nobody knows yet what that means, it stays until they have said so.
pub(crate) fn requested(handle: &AppHandle, api: &CloseRequestApi) {
    let Some(desktop) = handle.try_state::<Desktop>() else { return };
    let settings = desktop.app.settings();
    // With a film on the screen nothing ends yet, and nothing stands in its way.
    let is_last = handle.get_webview_window(windows::PLAYER).is_none();
    if settings.desktop.on_close != OnClose::Tray || desktop.has_tray || !is_last {
        return;
    }
    let Some(window) = handle.get_webview_window(windows::MAIN) else { return };
    api.prevent_close();
    let words = words(settings.language);
    let (app, handle) = (desktop.app.clone(), handle.clone());
    handle
        .clone()
        .dialog()
        .message(words.text("closing.text"))
        .title(words.text("closing.title"))
        .kind(MessageDialogKind::Info)
        .buttons(MessageDialogButtons::OkCancelCustom(words.text("closing.stay"), words.text("closing.quit")))
        .parent(&window)
        .show(move |stays| {
            let answered = app.clone();
            app.tasks().spawn("remember what closing means", async move {
                let on_close = if stays { OnClose::Stay } else { OnClose::Quit };
                let desktop = DesktopPatch { on_close: Some(on_close), ..DesktopPatch::default() };
                let patch = SettingsPatch { desktop: Some(desktop), ..SettingsPatch::default() };
                if let Err(error) = answered.update_settings(patch).await {
                    warn!(%error, "the answer could not be kept; it will be asked again");
                }
                if let Err(error) = window.destroy() {
                    warn!(%error, "the window could not be closed");
                }
            });
        });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_a_tray_only_who_wants_it_keeps_the_program_without_a_window() {
        assert!(goes_on(OnClose::Tray, true) && !goes_on(OnClose::Tray, false));
        assert!(goes_on(OnClose::Stay, true) && goes_on(OnClose::Stay, false));
        assert!(!goes_on(OnClose::Quit, true) && !goes_on(OnClose::Quit, false));
    }
}
