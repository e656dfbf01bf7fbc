//! The tray icon and what it says. Where the desktop shows none, the program does without.

use std::sync::{Arc, Mutex, PoisonError};

use freshet_app::{App, Glance, Stand};
use tauri::AppHandle;
use tauri::image::Image;
use tauri::tray::TrayIconBuilder;
use tracing::{info, warn};

use crate::tray_menu::{self, Items};
use crate::words::words;

const IDLE: Image<'_> = tauri::include_image!("../icons/tray/idle.png");
const ACTIVE: Image<'_> = tauri::include_image!("../icons/tray/active.png");
const PAUSED: Image<'_> = tauri::include_image!("../icons/tray/paused.png");
const PROBLEM: Image<'_> = tauri::include_image!("../icons/tray/problem.png");

/// Puts up the icon; `false` if there is no tray to put it in.
pub(crate) fn build(handle: &AppHandle, app: &App) -> tauri::Result<bool> {
    if !has_library() {
        warn!("no tray: the appindicator library is missing");
        return Ok(false);
    }
    let mut language = app.settings().language;
    let mut spoken = words(language);
    let mut items = Items::new(handle, &spoken)?;
    let seen = Arc::new(Mutex::new(Glance::default()));
    let (pressing, looked) = (app.clone(), Arc::clone(&seen));
    let tray = TrayIconBuilder::with_id("freshet")
        .icon(IDLE)
        .tooltip("Freshet")
        .menu(items.menu())
        .on_menu_event(move |handle, event| {
            let glance = looked.lock().unwrap_or_else(PoisonError::into_inner).clone();
            tray_menu::pressed(handle, &pressing, event.id().as_ref(), &glance);
        })
        .build(handle)?;

    let mut events = app.subscribe(freshet_app::Caller::MainWindow);
    app.tasks().spawn("tray", async move {
        let mut stand = Stand::Idle;
        while let Some(event) = events.next().await {
            let glance = {
                let mut seen = seen.lock().unwrap_or_else(PoisonError::into_inner);
                seen.apply(&event);
                seen.clone()
            };
            if glance.stand() != stand {
                stand = glance.stand();
                // A tray that the desktop took away is no reason to stop anything.
                let _ = tray.set_icon(Some(icon(stand)));
            }
            match glance.language {
                Some(wanted) if wanted != language => {
                    language = wanted;
                    spoken = words(language);
                    items.speak(&spoken, &glance);
                }
                _ => items.show(&spoken, &glance),
            }
        }
    });
    let is_shown = has_host();
    info!(is_shown, "tray icon");
    Ok(is_shown)
}

fn icon(stand: Stand) -> Image<'static> {
    match stand {
        Stand::Idle => IDLE,
        Stand::Active => ACTIVE,
        Stand::Paused => PAUSED,
        Stand::Problem => PROBLEM,
    }
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
