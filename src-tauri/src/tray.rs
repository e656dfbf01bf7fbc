//! The tray icon: Open, Pause all, Quit. Where the desktop shows none, the program does without.

use freshet_app::App;
use freshet_model::AppEvent;
use tauri::AppHandle;
use tauri::image::Image;
use tauri::menu::{CheckMenuItem, Menu, MenuItem, PredefinedMenuItem};
use tauri::tray::TrayIconBuilder;
use tracing::{info, warn};

use crate::words::words;
use crate::{quit, windows};

const IDLE: Image<'_> = tauri::include_image!("../icons/tray/idle.png");
const ACTIVE: Image<'_> = tauri::include_image!("../icons/tray/active.png");
const PAUSED: Image<'_> = tauri::include_image!("../icons/tray/paused.png");

const OPEN: &str = "open";
const PAUSE: &str = "pause";
const QUIT: &str = "quit";

/// Puts up the icon; `false` if there is no tray to put it in.
pub(crate) fn build(handle: &AppHandle, app: &App) -> tauri::Result<bool> {
    if !has_library() {
        warn!("no tray: the appindicator library is missing");
        return Ok(false);
    }
    let words = words(app.settings().language);
    let open = MenuItem::with_id(handle, OPEN, words.open, true, None::<&str>)?;
    let pause = CheckMenuItem::with_id(handle, PAUSE, words.pause_all, true, false, None::<&str>)?;
    let quit_item = MenuItem::with_id(handle, QUIT, words.quit, true, None::<&str>)?;
    let menu =
        Menu::with_items(handle, &[&open, &pause, &PredefinedMenuItem::separator(handle)?, &quit_item])?;

    let pausing = app.clone();
    let check = pause.clone();
    let tray = TrayIconBuilder::with_id("freshet")
        .icon(IDLE)
        .tooltip("Freshet")
        .menu(&menu)
        .on_menu_event(move |handle, event| match event.id().as_ref() {
            OPEN => {
                if let Err(error) = windows::show_main(handle) {
                    warn!(%error, "the main window could not be shown");
                }
            }
            PAUSE => {
                let (app, paused) = (pausing.clone(), check.is_checked().unwrap_or_default());
                pausing.tasks().spawn("pause all", async move { app.pause_transfers(paused).await });
            }
            QUIT => quit::in_order(handle),
            _ => {}
        })
        .build(handle)?;

    let mut events = app.subscribe(freshet_app::Caller::MainWindow);
    let settings_words = (open, pause, quit_item);
    app.tasks().spawn("tray", async move {
        let (mut is_active, mut is_paused) = (false, false);
        while let Some(event) = events.next().await {
            let mut language = None;
            match event {
                AppEvent::Snapshot(snapshot) => {
                    (is_active, is_paused) = (!snapshot.stats.is_empty(), snapshot.transfers_paused);
                    language = Some(snapshot.settings.language);
                }
                AppEvent::StatsChanged { stats } => {
                    is_active = stats.iter().any(|torrent| torrent.down_bytes_per_sec > 0)
                }
                AppEvent::TransfersPaused { paused } => is_paused = paused,
                AppEvent::SettingsChanged { settings, .. } => language = Some(settings.language),
                AppEvent::TorrentChanged { .. }
                | AppEvent::TorrentRemoved { .. }
                | AppEvent::MarksChanged { .. }
                | AppEvent::AccessChanged { .. }
                | AppEvent::NetworkChanged { .. }
                | AppEvent::ViewersChanged { .. }
                | AppEvent::NoticesChanged { .. }
                | AppEvent::PlayerTargetChanged { .. } => continue,
            }
            let (open, pause, quit_item) = &settings_words;
            let icon = if is_paused {
                PAUSED
            } else if is_active {
                ACTIVE
            } else {
                IDLE
            };
            // A tray that the desktop took away is no reason to stop anything.
            let _ = tray.set_icon(Some(icon));
            let _ = pause.set_checked(is_paused);
            if let Some(language) = language {
                let words = crate::words::words(language);
                let _ = open.set_text(words.open);
                let _ = pause.set_text(words.pause_all);
                let _ = quit_item.set_text(words.quit);
            }
        }
    });
    let is_shown = has_host();
    info!(is_shown, "tray icon");
    Ok(is_shown)
}

/// Whether the library is there that draws tray icons. Asking for an icon without it ends the process.
#[cfg(target_os = "linux")]
fn has_library() -> bool {
    const NAMES: [&str; 2] = ["libayatana-appindicator3.so.1", "libappindicator3.so.1"];
    let arch = std::env::consts::ARCH;
    let fixed =
        ["/usr/lib64".to_owned(), "/usr/lib".to_owned(), "/lib".to_owned(), "/usr/local/lib".to_owned()];
    let multiarch = [format!("/usr/lib/{arch}-linux-gnu"), format!("/lib/{arch}-linux-gnu")];
    let named = std::env::var_os("LD_LIBRARY_PATH").unwrap_or_default();
    let folders = fixed.into_iter().chain(multiarch).map(std::path::PathBuf::from);
    folders
        .chain(std::env::split_paths(&named))
        .any(|folder| NAMES.iter().any(|name| folder.join(name).exists()))
}

#[cfg(not(target_os = "linux"))]
fn has_library() -> bool {
    true
}

/// Whether the desktop shows tray icons: only then may closing the window leave the program running.
#[cfg(target_os = "linux")]
fn has_host() -> bool {
    let ask = || -> zbus::Result<bool> {
        let bus = zbus::blocking::Connection::session()?;
        let name = "org.kde.StatusNotifierWatcher";
        let bus = zbus::blocking::fdo::DBusProxy::new(&bus)?;
        Ok(bus.name_has_owner(zbus::names::BusName::try_from(name)?)?)
    };
    ask().unwrap_or(false)
}

#[cfg(not(target_os = "linux"))]
fn has_host() -> bool {
    true
}
