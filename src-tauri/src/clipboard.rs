//! The text in the person's clipboard, for the tray: pages have their own way to it.

use tauri::AppHandle;
use tracing::warn;

/// Reads it and goes on with it; `None` where there is no text.
pub(crate) fn read(handle: &AppHandle, then: impl FnOnce(&AppHandle, Option<String>) + Send + 'static) {
    let reading = handle.clone();
    on_main_thread(handle, move || system::read(move |text| then(&reading, text)));
}

pub(crate) fn write(handle: &AppHandle, text: String) {
    on_main_thread(handle, move || system::write(&text));
}

fn on_main_thread(handle: &AppHandle, act: impl FnOnce() + Send + 'static) {
    if let Err(error) = handle.run_on_main_thread(act) {
        warn!(%error, "the window thread does not answer");
    }
}

/// Through the toolkit that the windows stand on.
#[cfg(target_os = "linux")]
mod system {
    fn clipboard() -> gtk::Clipboard {
        gtk::Clipboard::get(&gtk::gdk::SELECTION_CLIPBOARD)
    }

    pub(super) fn read(then: impl FnOnce(Option<String>) + 'static) {
        clipboard().request_text(move |_, text| then(text.map(str::to_owned)));
    }

    pub(super) fn write(text: &str) {
        clipboard().set_text(text);
    }
}

#[cfg(not(target_os = "linux"))]
mod system {
    pub(super) fn read(then: impl FnOnce(Option<String>) + 'static) {
        then(arboard::Clipboard::new().and_then(|mut clipboard| clipboard.get_text()).ok());
    }

    pub(super) fn write(text: &str) {
        if let Err(error) = arboard::Clipboard::new().and_then(|mut clipboard| clipboard.set_text(text)) {
            tracing::warn!(%error, "nothing could be put into the clipboard");
        }
    }
}
