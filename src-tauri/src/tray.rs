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
        warn!("no tray: the appindicator library cannot be opened");
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

/// Whether the library can be opened that draws tray icons. Asking for an icon without it ends the process.
#[cfg(target_os = "linux")]
fn has_library() -> bool {
    TRAY_LIBRARIES.into_iter().any(can_be_opened)
}

/// What the tray crate opens, in its order and by no other name.
#[cfg(target_os = "linux")]
const TRAY_LIBRARIES: [&str; 2] = ["libayatana-appindicator3.so.1", "libappindicator3.so.1"];

/// A file of that name is not enough: it has to be whole, of this machine's kind, and to find what it stands on itself.
#[cfg(target_os = "linux")]
fn can_be_opened(library: &str) -> bool {
    #[expect(
        unsafe_code,
        reason = "only the linker can tell, and it runs what the library does when it is opened"
    )]
    // SAFETY: these are the system's libraries, and the tray crate opens them in the same way right after.
    let opened = unsafe { libloading::Library::new(library) };
    match opened {
        Ok(library) => {
            // GTK's libraries are not made to be closed again.
            std::mem::forget(library);
            true
        }
        Err(error) => {
            info!(%error, "no tray by this library");
            false
        }
    }
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

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn a_library_counts_only_when_the_linker_opens_it() {
        assert!(can_be_opened("libc.so.6"));
        assert!(!can_be_opened("libfreshet-has-no-such-library.so.1"));
        // A file that is there and is no library: what a look into folders would take for one.
        let file = tempfile::NamedTempFile::with_suffix(".so.1").unwrap();
        assert!(!can_be_opened(file.path().to_str().unwrap()));
    }
}
