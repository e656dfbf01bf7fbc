//! The menu of the tray icon: what is in it, what it says now, and what pressing it does.

use freshet_app::{App, Continuation, Glance};
use freshet_model::{ErrorCode, NetworkPatch, SettingsPatch, SlowPatch, WireError};
use tauri::menu::{CheckMenuItem, Menu, MenuItem, PredefinedMenuItem};
use tauri::{AppHandle, Wry};
use tauri_plugin_dialog::{DialogExt as _, MessageDialogKind};
use tracing::warn;

use crate::words::{Words, clock, words};
use crate::{clipboard, open_with, quit, windows};

const CONTINUE: &str = "continue";
const ADD_CLIPBOARD: &str = "add_clipboard";
const ADD_FILE: &str = "add_file";
const PAUSE: &str = "pause";
const SLOW: &str = "slow";
const SHARE: &str = "share";
const COPY_ADDRESS: &str = "copy_address";
const OPEN: &str = "open";
const SETTINGS: &str = "settings";
const QUIT: &str = "quit";

/// So much of a title fits in a menu.
const MAX_TITLE_CHARS: usize = 48;

pub(crate) struct Items {
    menu: Menu<Wry>,
    speed: MenuItem<Wry>,
    go_on: MenuItem<Wry>,
    pause: CheckMenuItem<Wry>,
    slow: CheckMenuItem<Wry>,
    share: CheckMenuItem<Wry>,
    copy_address: MenuItem<Wry>,
    /// What always says the same, with the key of its text.
    fixed: Vec<(MenuItem<Wry>, &'static str)>,
    shown: Shown,
}

/// What the menu says, so that only what differs is told to the desktop.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
struct Shown {
    speed: String,
    go_on: Option<String>,
    is_paused: bool,
    is_slow: bool,
    is_shared: bool,
    address: Option<String>,
}

impl Items {
    pub(crate) fn new(handle: &AppHandle, words: &Words) -> tauri::Result<Self> {
        let item =
            |id: &str, text: String, enabled| MenuItem::with_id(handle, id, text, enabled, None::<&str>);
        let check = |id: &str, key: &str| {
            CheckMenuItem::with_id(handle, id, words.text(key), true, false, None::<&str>)
        };
        let shown = Shown::of(&Glance::default(), words);
        let speed = item("speed", shown.speed.clone(), false)?;
        let go_on = item(CONTINUE, words.text("tray.nothingToContinue"), false)?;
        let fixed: Vec<(MenuItem<Wry>, &'static str)> = [
            (ADD_CLIPBOARD, "tray.addClipboard"),
            (ADD_FILE, "tray.addFile"),
            (OPEN, "tray.open"),
            (SETTINGS, "tray.settings"),
            (QUIT, "tray.quit"),
        ]
        .into_iter()
        .map(|(id, key)| Ok((item(id, words.text(key), true)?, key)))
        .collect::<tauri::Result<_>>()?;
        let (pause, slow, share) =
            (check(PAUSE, "tray.pauseAll")?, check(SLOW, "tray.slow")?, check(SHARE, "tray.share")?);
        let copy_address = item(COPY_ADDRESS, words.text("tray.copyAddress"), false)?;
        let line = || PredefinedMenuItem::separator(handle);
        let menu = Menu::new(handle)?;
        let [clipboard, file, open, settings, quit] = &fixed[..] else {
            unreachable!("five items were made")
        };
        menu.append_items(&[&speed, &go_on, &line()?, &clipboard.0, &file.0, &line()?])?;
        menu.append_items(&[&pause, &slow, &share, &copy_address, &line()?])?;
        menu.append_items(&[&open.0, &settings.0, &quit.0])?;
        Ok(Self { menu, speed, go_on, pause, slow, share, copy_address, fixed, shown })
    }

    pub(crate) fn menu(&self) -> &Menu<Wry> {
        &self.menu
    }

    /// Everything in another language.
    pub(crate) fn speak(&mut self, words: &Words, glance: &Glance) {
        for (item, key) in &self.fixed {
            let _ = item.set_text(words.text(key));
        }
        let _ = self.pause.set_text(words.text("tray.pauseAll"));
        let _ = self.slow.set_text(words.text("tray.slow"));
        let _ = self.share.set_text(words.text("tray.share"));
        self.shown = Shown { speed: String::new(), go_on: Some(String::new()), ..self.shown.clone() };
        self.show(words, glance);
    }

    /// What is so now. A menu that the desktop took away is no reason to stop anything.
    pub(crate) fn show(&mut self, words: &Words, glance: &Glance) {
        let now = Shown::of(glance, words);
        if now.speed != self.shown.speed {
            let _ = self.speed.set_text(&now.speed);
        }
        if now.go_on != self.shown.go_on {
            let text = now.go_on.clone().unwrap_or_else(|| words.text("tray.nothingToContinue"));
            let _ = self.go_on.set_text(text);
            let _ = self.go_on.set_enabled(now.go_on.is_some());
        }
        // Pressing one has changed it on the desktop already, so these are always said.
        let _ = self.pause.set_checked(now.is_paused);
        let _ = self.slow.set_checked(now.is_slow);
        let _ = self.share.set_checked(now.is_shared);
        if now.address != self.shown.address {
            let text = match &now.address {
                Some(address) => words.fill("tray.copyThis", &[("address", address)]),
                None => words.text("tray.copyAddress"),
            };
            let _ = self.copy_address.set_text(text);
            let _ = self.copy_address.set_enabled(now.address.is_some());
        }
        self.shown = now;
    }
}

impl Shown {
    fn of(glance: &Glance, words: &Words) -> Self {
        let (down, up) = (words.rate(glance.down_bytes_per_sec), words.rate(glance.up_bytes_per_sec));
        let peers = glance.connected_peers.to_string();
        Self {
            speed: words.fill("tray.speed", &[("down", &down), ("up", &up), ("peers", &peers)]),
            go_on: glance.continuation().map(|next| continue_text(&next, words)),
            is_paused: glance.is_paused,
            is_slow: glance.is_slow,
            is_shared: glance.is_shared,
            address: glance.address.clone().filter(|_| glance.is_shared),
        }
    }
}

fn continue_text(next: &Continuation, words: &Words) -> String {
    let mut title: String = next.title.chars().take(MAX_TITLE_CHARS).collect();
    if title.len() < next.title.len() {
        title.push('…');
    }
    // Some desktops take it for the mark of a key.
    let title = title.replace('_', " ").replace('&', "+");
    words.fill("tray.continue", &[("title", &title), ("time", &clock(next.position_secs))])
}

/// Does what an item stands for.
pub(crate) fn pressed(handle: &AppHandle, app: &App, id: &str, glance: &Glance) {
    match id {
        CONTINUE => {
            let Some(next) = glance.continuation() else { return };
            spawn(handle, app, "continue", move |app| async move { app.show_in_player(next.target).await });
        }
        ADD_CLIPBOARD => clipboard::read(handle, |handle, text| {
            open_with::open_text(handle, text.unwrap_or_default());
        }),
        ADD_FILE => add_file(handle, app),
        PAUSE => {
            let paused = !glance.is_paused;
            spawn(handle, app, "pause all", move |app| async move {
                app.pause_transfers(paused).await;
                Ok(())
            });
        }
        SLOW => {
            let slow = SlowPatch { is_on: Some(!glance.is_slow), ..SlowPatch::default() };
            change(handle, app, SettingsPatch { slow: Some(slow), ..SettingsPatch::default() });
        }
        SHARE => {
            let network = NetworkPatch { lan_enabled: Some(!glance.is_shared), ..NetworkPatch::default() };
            change(handle, app, SettingsPatch { network: Some(network), ..SettingsPatch::default() });
            if !glance.is_shared && app.access().password_hash.is_none() {
                // Nobody is let in without a password, and only a page can ask for one.
                show(handle, "#/settings/devices");
            }
        }
        COPY_ADDRESS => {
            if let Some(address) = &glance.address {
                clipboard::write(handle, address.clone());
            }
        }
        OPEN => show(handle, ""),
        SETTINGS => show(handle, "#/settings"),
        QUIT => quit::asked(handle),
        _ => {}
    }
}

fn show(handle: &AppHandle, place: &str) {
    if let Err(error) = windows::show_main_at(handle, place) {
        warn!(%error, "the main window could not be shown");
    }
}

fn change(handle: &AppHandle, app: &App, patch: SettingsPatch) {
    spawn(
        handle,
        app,
        "change a setting",
        move |app| async move { app.update_settings(patch).await.map(drop) },
    );
}

fn spawn<F>(handle: &AppHandle, app: &App, name: &'static str, act: impl FnOnce(App) -> F + Send + 'static)
where
    F: Future<Output = Result<(), WireError>> + Send,
{
    let (handle, acting) = (handle.clone(), app.clone());
    app.tasks().spawn(name, async move {
        if let Err(error) = act(acting.clone()).await {
            warn!(%error, name, "what was pressed in the tray could not be done");
            let words = words(acting.settings().language);
            tell(&handle, &error, &words);
        }
    });
}

/// Says why something could not be done, as the pages would.
pub(crate) fn tell(handle: &AppHandle, error: &WireError, words: &Words) {
    handle.dialog().message(sentence(error.code, words)).kind(MessageDialogKind::Error).show(|_| {});
}

fn sentence(code: ErrorCode, words: &Words) -> String {
    let code = serde_json::to_value(code).unwrap_or_default();
    words.fill(&format!("error.{}", code.as_str().unwrap_or_default()), &[])
}

fn add_file(handle: &AppHandle, app: &App) {
    let words = words(app.settings().language);
    let opening = handle.clone();
    handle
        .dialog()
        .file()
        .set_title(words.text("add.openFile"))
        .add_filter(words.text("tray.torrentFiles"), &["torrent"])
        .pick_files(move |files| {
            let paths = files.into_iter().flatten().filter_map(|file| file.into_path().ok());
            let sources = paths.map(|path| path.to_string_lossy().into_owned()).collect();
            open_with::open_all(&opening, sources, std::path::PathBuf::new(), open_with::Giver::Person);
        });
}

#[cfg(test)]
mod tests {
    use freshet_model::{InfoHash, Language, PlayerTarget};

    use super::*;

    #[test]
    fn the_line_of_a_film_is_short_and_no_shortcut() {
        let next = |title: &str| Continuation {
            target: PlayerTarget { info_hash: InfoHash::new([1; 20]), file_index: None },
            title: title.to_owned(),
            position_secs: 760.0,
        };
        let words = words(Language::En);

        assert_eq!(continue_text(&next("Series S01E03"), &words), "Continue: Series S01E03 (12:40)");
        assert_eq!(continue_text(&next("a_b & c"), &words), "Continue: a b + c (12:40)");
        let long = continue_text(&next(&"ж".repeat(60)), &words);
        assert_eq!(long, format!("Continue: {}… (12:40)", "ж".repeat(MAX_TITLE_CHARS)));
    }

    #[test]
    fn the_address_is_offered_while_the_network_is_let_in() {
        let words = words(Language::En);
        let mut glance = Glance::default();
        glance.address = Some("http://192.168.1.5:8090".to_owned());
        assert_eq!(Shown::of(&glance, &words).address, None);
        glance.is_shared = true;
        assert_eq!(Shown::of(&glance, &words).address.as_deref(), Some("http://192.168.1.5:8090"));
        assert_eq!(Shown::of(&glance, &words).speed, "↓ 0\u{a0}B/s  ↑ 0\u{a0}B/s · peers: 0");
    }
}
