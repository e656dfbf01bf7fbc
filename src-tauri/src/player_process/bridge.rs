//! What the page may ask of this process: the film, and the window's frame. Nothing else is understood.

use std::path::PathBuf;

use serde::Deserialize;
use url::Url;

use super::mpv::Mpv;

#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub(super) enum Request {
    /// `path` is one of the server that the page came from.
    Load {
        path: String,
        start_secs: f64,
    },
    Stop,
    Pause {
        is_paused: bool,
    },
    Seek {
        secs: f64,
        is_exact: bool,
    },
    /// 1 is the film as it is.
    Volume {
        level: f64,
    },
    Mute {
        is_muted: bool,
    },
    Speed {
        rate: f64,
    },
    /// The number of the track within its kind, by libmpv's count; `None` is no track.
    Audio {
        id: Option<u32>,
    },
    /// Sound beside the film, which is heard from then on; `path` is one of the server that the page came from.
    AudioFile {
        path: String,
    },
    /// Evenly loud.
    Night {
        is_on: bool,
    },
    /// `name` is a file's; it is written among the person's pictures.
    Screenshot {
        name: String,
    },
    Fit {
        fit: Fit,
    },
    Window {
        action: WindowAction,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Fit {
    Contain,
    Cover,
    Fill,
}

#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub(super) enum WindowAction {
    Fullscreen { is_on: bool },
    OnTop { is_on: bool },
    Mini { is_on: bool },
    Title { text: String },
    Close,
}

const MAX_TITLE_CHARS: usize = 300;
const MAX_NAME_CHARS: usize = 120;
const NIGHT: &str = "lavfi=[dynaudnorm=f=250:g=5:p=0.5]";
/// As many pictures of one moment are kept beside each other.
const MAX_EQUAL_NAMES: usize = 100;

impl Request {
    /// Does what concerns the film; gives back what concerns the window.
    pub(super) fn perform(self, mpv: &Mpv, page: &Url) -> Result<Option<WindowAction>, String> {
        let number = |value: f64, least: f64, most: f64| {
            if value.is_finite() { format!("{:.3}", value.clamp(least, most)) } else { format!("{least:.3}") }
        };
        let secs = |value: f64| number(value, 0.0, 1e7);
        match self {
            Self::Load { path, start_secs } => {
                let address = file_address(page, &path).ok_or("this is no address of the server")?;
                mpv.set("start", &secs(start_secs))?;
                mpv.command(&["loadfile", address.as_str(), "replace"])
            }
            Self::Stop => mpv.command(&["stop"]),
            Self::Pause { is_paused } => mpv.set("pause", yes_or_no(is_paused)),
            Self::Seek { secs: to, is_exact } => {
                let how = if is_exact { "absolute+exact" } else { "absolute+keyframes" };
                mpv.command(&["seek", &secs(to), how])
            }
            // libmpv's scale is that of the ear, the page's is that of the samples.
            Self::Volume { level } => mpv.set("volume", &number(level.cbrt() * 100.0, 0.0, 130.0)),
            Self::Mute { is_muted } => mpv.set("mute", yes_or_no(is_muted)),
            Self::Speed { rate } => mpv.set("speed", &number(rate, 0.25, 4.0)),
            Self::Audio { id } => mpv.set("aid", &track(id)),
            Self::AudioFile { path } => {
                let address = file_address(page, &path).ok_or("this is no address of the server")?;
                mpv.command(&["audio-add", address.as_str(), "select"])
            }
            Self::Night { is_on } => mpv.set("af", if is_on { NIGHT } else { "" }),
            Self::Screenshot { name } => {
                // Without a name libmpv refuses, and the page hears of it as of any other failure.
                mpv.screenshot(&picture_path(&name).unwrap_or_default().to_string_lossy())
            }
            Self::Fit { fit } => {
                mpv.set("keepaspect", yes_or_no(fit != Fit::Fill))?;
                mpv.set("panscan", if fit == Fit::Cover { "1" } else { "0" })
            }
            Self::Window { action: WindowAction::Title { text } } => {
                let text = text.chars().filter(|c| !c.is_control()).take(MAX_TITLE_CHARS).collect();
                return Ok(Some(WindowAction::Title { text }));
            }
            Self::Window { action } => return Ok(Some(action)),
        }?;
        Ok(None)
    }
}

/// The address of a file at the page's own server; another server's is none.
fn file_address(page: &Url, path: &str) -> Option<Url> {
    let address = page.join(path).ok()?;
    (path.starts_with('/') && address.origin() == page.origin()).then_some(address)
}

/// A new file in the person's folder for pictures, or in their home.
fn picture_path(name: &str) -> Option<PathBuf> {
    use gtk::glib;
    let folder = glib::user_special_dir(glib::UserDirectory::Pictures).unwrap_or_else(glib::home_dir);
    let stem = plain_name(name);
    let names = (1..MAX_EQUAL_NAMES).map(|number| match number {
        1 => format!("{stem}.png"),
        _ => format!("{stem} ({number}).png"),
    });
    names.map(|name| folder.join(name)).find(|path| std::fs::symlink_metadata(path).is_err())
}

/// A name that stays in its folder, without its ending.
fn plain_name(name: &str) -> String {
    let name = name.strip_suffix(".png").unwrap_or(name);
    let plain: String =
        name.chars().filter(|c| !c.is_control() && !matches!(c, '/' | '\\')).take(MAX_NAME_CHARS).collect();
    let plain = plain.trim_start_matches('.').trim();
    if plain.is_empty() { "Freshet".to_owned() } else { plain.to_owned() }
}

fn yes_or_no(is_yes: bool) -> &'static str {
    if is_yes { "yes" } else { "no" }
}

fn track(id: Option<u32>) -> String {
    id.map_or_else(|| "no".to_owned(), |id| id.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_files_of_the_page_s_own_server_are_played() {
        let page = Url::parse("http://127.0.0.1:8090/player.html#x").unwrap();
        let at = |path: &str| file_address(&page, path).map(String::from);

        assert_eq!(at("/stream/a?x=1").as_deref(), Some("http://127.0.0.1:8090/stream/a?x=1"));
        for path in [
            "//example.org/x",
            "http://example.org/x",
            "file:///etc/passwd",
            "stream",
            "",
            "/\\example.org/x",
        ] {
            assert_eq!(at(path), None, "{path}");
        }
    }

    #[test]
    fn a_picture_s_name_stays_in_its_folder() {
        assert_eq!(plain_name("River 12.40.png"), "River 12.40");
        assert_eq!(plain_name("../../.bashrc"), "bashrc");
        assert_eq!(plain_name("/.."), "Freshet");
    }

    #[test]
    fn what_is_not_in_the_list_is_not_understood() {
        let read = |text: &str| serde_json::from_str::<Request>(text);

        let seek = read(r#"{"kind":"seek","secs":1.5,"is_exact":true}"#).unwrap();
        assert_eq!(seek, Request::Seek { secs: 1.5, is_exact: true });
        for text in [
            r#"{"kind":"run","args":["sh"]}"#,
            r#"{"kind":"seek","secs":"1","is_exact":true}"#,
            r#"{"kind":"fit","fit":"x"}"#,
            "[]",
        ] {
            assert!(read(text).is_err(), "{text}");
        }
    }
}
