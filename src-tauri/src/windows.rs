//! The main window and the player window: made when they are wanted, gone when they are closed.

use freshet_model::{InfoHash, PlayerTarget};
use tauri::{AppHandle, Manager as _, Url, WebviewUrl, WebviewWindow, WebviewWindowBuilder, WindowEvent};

use crate::{Desktop, Subscriptions, closing};

pub(crate) const MAIN: &str = "main";
pub(crate) const PLAYER: &str = "player";

/// Brings the main window to the front, making it anew if it was closed.
pub(crate) fn show_main(handle: &AppHandle) -> tauri::Result<()> {
    show_main_at(handle, "")
}

/// The same, at a place of it (`#/settings`); empty: where it was, or the library.
pub(crate) fn show_main_at(handle: &AppHandle, place: &str) -> tauri::Result<()> {
    if let Some(window) = handle.get_webview_window(MAIN) {
        if !place.is_empty() {
            let place = serde_json::Value::from(place);
            window.eval(format!("location.hash = {place};"))?;
        }
        return raise(&window);
    }
    open_main(handle, place, true)
}

/// The main window as it waits where the desktop has no tray.
pub(crate) fn show_main_minimized(handle: &AppHandle) -> tauri::Result<()> {
    open_main(handle, "", false)
}

fn open_main(handle: &AppHandle, place: &str, is_raised: bool) -> tauri::Result<()> {
    let window = builder(handle, MAIN, &format!("index.html{place}"))
        .title("Freshet")
        .inner_size(1100.0, 720.0)
        .min_inner_size(720.0, 480.0)
        .center()
        .build()?;
    if !is_raised {
        window.minimize()?;
    }
    let closing = handle.clone();
    window.on_window_event(move |event| {
        if let WindowEvent::CloseRequested { api, .. } = event {
            closing::requested(&closing, api);
        }
    });
    forget_when_closed(&window, |_| {});
    Ok(())
}

/// The player process failed on a film, which our own window now goes on with.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Instead {
    /// Where it was, if that is just now.
    pub(crate) at_secs: Option<f64>,
}

/// Brings the player window to the front. Its page learns what to show from the event stream, and from its address whether it
/// takes the place of the player process.
pub(crate) fn show_player(
    handle: &AppHandle,
    target: PlayerTarget,
    instead: Option<Instead>,
) -> tauri::Result<()> {
    if let Some(window) = handle.get_webview_window(PLAYER) {
        return raise(&window);
    }
    let window = builder(handle, PLAYER, &player_page(target.info_hash, instead))
        .title("Freshet")
        .inner_size(1152.0, 648.0)
        .min_inner_size(480.0, 270.0)
        .center()
        .build()?;
    forget_when_closed(&window, |handle| {
        if let Some(desktop) = handle.try_state::<Desktop>() {
            let app = desktop.app.clone();
            desktop.app.tasks().spawn("player closed", async move { app.player_closed().await });
        }
    });
    Ok(())
}

fn player_page(info_hash: InfoHash, instead: Option<Instead>) -> String {
    let query = match instead {
        None => String::new(),
        Some(Instead { at_secs: None }) => "?instead".to_owned(),
        Some(Instead { at_secs: Some(at_secs) }) => format!("?instead&at={at_secs:.3}"),
    };
    format!("player.html{query}#{info_hash}")
}

fn builder<'a>(
    handle: &'a AppHandle,
    label: &str,
    page: &str,
) -> WebviewWindowBuilder<'a, tauri::Wry, AppHandle> {
    WebviewWindowBuilder::new(handle, label, WebviewUrl::App(page.into()))
        // Links and dropped magnets arrive as ordinary events of the page.
        .disable_drag_drop_handler()
        .on_navigation(is_own_page)
}

/// Our pages never lead anywhere else; what tries to is a stranger's doing.
fn is_own_page(url: &Url) -> bool {
    matches!(
        (url.scheme(), url.host_str()),
        ("tauri", Some("localhost")) | ("http" | "https", Some("tauri.localhost"))
    )
}

fn raise(window: &WebviewWindow) -> tauri::Result<()> {
    window.show()?;
    window.unminimize()?;
    window.set_focus()
}

fn forget_when_closed(window: &WebviewWindow, then: impl Fn(&AppHandle) + Send + 'static) {
    let handle = window.app_handle().clone();
    let label = window.label().to_owned();
    window.on_window_event(move |event| {
        if matches!(event, WindowEvent::Destroyed) {
            handle.state::<Subscriptions>().end(&label);
            then(&handle);
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_stay_at_home() {
        let own = ["tauri://localhost/index.html", "http://tauri.localhost/player.html#x"];
        let foreign = [
            "https://example.org/",
            "http://127.0.0.1:8090/",
            "file:///etc/passwd",
            "tauri://evil/",
            "data:text/html,x",
        ];
        for url in own {
            assert!(is_own_page(&url.parse().unwrap()), "{url}");
        }
        for url in foreign {
            assert!(!is_own_page(&url.parse().unwrap()), "{url}");
        }
    }
}
