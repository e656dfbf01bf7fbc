//! Magnet links and `.torrent` files: the switch of the settings, and what the desktop is told of who opens them.
//!
//! A program that came by a package has its entry with the system's. Any other one writes an entry of its own for the person. Which
//! entry opens a kind is the first one in the person's `mimeapps.list` (MIME Applications specification): ours is put before the
//! others there, and taken out again, so that what was before is so again.

use std::path::{Path, PathBuf};
use std::{fs, io};

use freshet_app::App;
use freshet_model::{DesktopPatch, SettingsPatch};
use tracing::warn;

use crate::{Args, desktop_entry};

const KINDS: [&str; 2] = ["x-scheme-handler/magnet", "application/x-bittorrent"];
/// The system's entry, and what ours is made of.
const SYSTEM_ENTRY: &str = "freshet.desktop";
const TEMPLATE: &str = include_str!("../../extras/linux/freshet.desktop");
const DEFAULTS: &str = "[Default Applications]";
/// Nobody has a longer list.
const MAX_LIST_BYTES: u64 = 1024 * 1024;

/// Lets the switch be as the desktop is, and the desktop as the switch from now on. To be called before anybody can turn the switch.
pub(crate) async fn follow(app: &App, args: &Args, data_dir: &Path) {
    let opener = match Opener::new(args, data_dir) {
        Ok(opener) => opener,
        Err(error) => return warn!(%error, "the desktop can't be told who opens links"),
    };
    let is_there = opener.is_chosen();
    if is_there != app.settings().desktop.opens_links {
        set(app, is_there).await;
    }
    if is_there && let Err(error) = opener.write_entry() {
        // The program may have moved since it was written.
        warn!(%error, "the desktop's entry could not be renewed");
    }
    let app = app.clone();
    let mut settings = app.watch_settings();
    app.clone().tasks().spawn("associations", async move {
        let mut before = is_there;
        loop {
            let wanted = settings.borrow_and_update().desktop.opens_links;
            if wanted != before {
                before = wanted;
                let done = if wanted { opener.choose() } else { opener.leave() };
                if let Err(error) = done {
                    warn!(%error, wanted, "the desktop could not be told who opens links");
                    before = opener.is_chosen();
                    set(&app, before).await;
                }
            }
            if settings.changed().await.is_err() {
                return;
            }
        }
    });
}

async fn set(app: &App, opens_links: bool) {
    let desktop = DesktopPatch { opens_links: Some(opens_links), ..DesktopPatch::default() };
    let patch = SettingsPatch { desktop: Some(desktop), ..SettingsPatch::default() };
    if let Err(error) = app.update_settings(patch).await {
        warn!(%error, "the switch could not follow the desktop");
    }
}

struct Opener {
    /// The name of the entry, as lists have it.
    entry: String,
    /// The entry of our own with its text; `None` where the system has one.
    own: Option<(PathBuf, String)>,
    list: PathBuf,
}

impl Opener {
    fn new(args: &Args, data_dir: &Path) -> io::Result<Self> {
        let no_home = || io::Error::new(io::ErrorKind::NotFound, "no home folder was found");
        let folders = directories::BaseDirs::new().ok_or_else(no_home)?;
        let list = folders.config_dir().join("mimeapps.list");
        let program = desktop_entry::program()?;
        // One with another data folder is another program to the desktop.
        if args.path.is_none() && has_system_entry(&program) {
            return Ok(Self { entry: SYSTEM_ENTRY.to_owned(), own: None, list });
        }
        let entry = format!("{}.desktop", args.instance_id(data_dir));
        let file = folders.data_dir().join("applications").join(&entry);
        let text = entry_text(&program, &args.instance_arguments(data_dir));
        Ok(Self { entry, own: Some((file, text)), list })
    }

    /// Whether ours is the first for links. A file that is gone opens nothing.
    fn is_chosen(&self) -> bool {
        let is_there = self.own.as_ref().is_none_or(|(file, _)| file.is_file());
        let list = self.read_list().unwrap_or_default();
        is_there
            && openers(&list, KINDS[0]).is_some_and(|openers| openers.first() == Some(&self.entry.as_str()))
    }

    fn choose(&self) -> io::Result<()> {
        self.write_entry()?;
        self.change_list(|openers| openers.insert(0, &self.entry))
    }

    fn leave(&self) -> io::Result<()> {
        self.change_list(|_| {})?;
        match &self.own {
            Some((file, _)) => match fs::remove_file(file) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
                _ => Ok(()),
            },
            None => Ok(()),
        }
    }

    fn write_entry(&self) -> io::Result<()> {
        let Some((file, text)) = &self.own else { return Ok(()) };
        if let Some(folder) = file.parent() {
            fs::create_dir_all(folder)?;
        }
        replace(file, text)
    }

    fn read_list(&self) -> io::Result<String> {
        use io::Read as _;
        let mut text = String::new();
        match fs::File::open(&self.list) {
            Ok(file) => file.take(MAX_LIST_BYTES).read_to_string(&mut text)?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => 0,
            Err(error) => return Err(error),
        };
        if text.len() as u64 == MAX_LIST_BYTES {
            return Err(io::Error::new(io::ErrorKind::FileTooLarge, "mimeapps.list is too long"));
        }
        Ok(text)
    }

    /// `change` gets the openers of each of our kinds without ourselves.
    fn change_list<'a>(&'a self, change: impl Fn(&mut Vec<&'a str>)) -> io::Result<()> {
        let mut list = self.read_list()?;
        let before = list.clone();
        for kind in KINDS {
            let known: Vec<String> =
                openers(&list, kind).unwrap_or_default().into_iter().map(str::to_owned).collect();
            let mut ours = Vec::new();
            change(&mut ours);
            let others = known.iter().map(String::as_str).filter(|entry| *entry != self.entry);
            let now: Vec<&str> = ours.into_iter().chain(others).collect();
            list = with_openers(&list, kind, &now);
        }
        if list == before {
            return Ok(());
        }
        if let Some(folder) = self.list.parent() {
            fs::create_dir_all(folder)?;
        }
        // Where the list is a link to a file elsewhere, that file is meant.
        let file = fs::canonicalize(&self.list).unwrap_or_else(|_| self.list.clone());
        replace(&file, &list)
    }
}

/// Whether the system's entry starts this very program.
fn has_system_entry(program: &str) -> bool {
    let folders = std::env::var("XDG_DATA_DIRS").unwrap_or_default();
    let folders = if folders.is_empty() { "/usr/local/share:/usr/share" } else { &folders };
    let is_there =
        folders.split(':').any(|folder| Path::new(folder).join("applications").join(SYSTEM_ENTRY).is_file());
    is_there && program.starts_with("/usr/")
}

fn entry_text(program: &str, arguments: &[String]) -> String {
    let lines = TEMPLATE.lines().filter(|line| !line.starts_with("TryExec="));
    let lines = lines.map(|line| match line.strip_prefix("Exec=freshet ") {
        Some(rest) => format!("Exec={} {rest}\n", desktop_entry::command(program, arguments)),
        None => format!("{line}\n"),
    });
    lines.collect()
}

/// Writes a file anew, so that nobody ever sees a half of it.
fn replace(file: &Path, text: &str) -> io::Result<()> {
    let scratch = file.with_extension(format!("freshet-{}", std::process::id()));
    fs::write(&scratch, text)?;
    fs::rename(&scratch, file).inspect_err(|_| drop(fs::remove_file(&scratch)))
}

/// The openers of a kind among the person's defaults, first one first; `None` if there are none.
fn openers<'a>(list: &'a str, kind: &str) -> Option<Vec<&'a str>> {
    let mut is_defaults = false;
    for line in list.lines() {
        if line.starts_with('[') {
            is_defaults = line.trim_end() == DEFAULTS;
        } else if is_defaults
            && let Some((name, value)) = line.split_once('=')
            && name.trim() == kind
        {
            return Some(value.split(';').map(str::trim).filter(|entry| !entry.is_empty()).collect());
        }
    }
    None
}

/// The list with these openers of a kind, and everything else as it was.
fn with_openers(list: &str, kind: &str, openers: &[&str]) -> String {
    let mut line = (!openers.is_empty()).then(|| format!("{kind}={};\n", openers.join(";")));
    let mut out = String::new();
    let mut is_defaults = false;
    for known in list.lines() {
        let is_kind = is_defaults && known.split_once('=').is_some_and(|(name, _)| name.trim() == kind);
        if is_kind {
            continue;
        }
        out.push_str(known);
        out.push('\n');
        if known.starts_with('[') {
            is_defaults = known.trim_end() == DEFAULTS;
            if is_defaults {
                out.extend(line.take());
            }
        }
    }
    if let Some(line) = line {
        let gap = if out.is_empty() { "" } else { "\n" };
        out.push_str(&format!("{gap}{DEFAULTS}\n{line}"));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    const OURS: &str = "org.freshet.app.desktop";

    fn opener(folder: &Path) -> Opener {
        let file = folder.join("applications").join(OURS);
        let own = Some((file, entry_text("/opt/my app/freshet", &[])));
        Opener { entry: OURS.to_owned(), own, list: folder.join("config/mimeapps.list") }
    }

    #[test]
    fn a_program_without_a_package_gets_an_entry_that_takes_links_apart_from_options() {
        let text = entry_text("/opt/my app/freshet", &["--path".to_owned(), "/data".to_owned()]);

        assert!(text.contains("\nExec=\"/opt/my app/freshet\" --path /data --handed-over -- %U\n"), "{text}");
        assert!(text.contains("\nMimeType=x-scheme-handler/magnet;application/x-bittorrent;\n"), "{text}");
        assert!(text.starts_with("[Desktop Entry]\n") && !text.contains("TryExec"), "{text}");
    }

    #[test]
    fn ours_is_put_before_the_others_and_taken_out_again() {
        let folder = tempfile::tempdir().unwrap();
        let opener = opener(folder.path());
        fs::create_dir(folder.path().join("config")).unwrap();
        let before = "[Added Associations]\nx-scheme-handler/magnet=a.desktop;\n\n[Default Applications]\n\
                      x-scheme-handler/magnet=other.desktop;\ntext/plain=edit.desktop\n";
        fs::write(&opener.list, before).unwrap();
        assert!(!opener.is_chosen());

        opener.choose().unwrap();
        opener.choose().unwrap();

        assert!(opener.is_chosen());
        let list = fs::read_to_string(&opener.list).unwrap();
        assert_eq!(openers(&list, KINDS[0]).unwrap(), [OURS, "other.desktop"]);
        assert_eq!(openers(&list, KINDS[1]).unwrap(), [OURS]);
        assert!(list.starts_with("[Added Associations]\nx-scheme-handler/magnet=a.desktop;\n"), "{list}");
        assert!(list.ends_with("text/plain=edit.desktop\n"), "{list}");
        // The person deletes our entry by hand: it opens nothing.
        fs::remove_file(&opener.own.as_ref().unwrap().0).unwrap();
        assert!(!opener.is_chosen());

        opener.leave().unwrap();
        assert_eq!(fs::read_to_string(&opener.list).unwrap(), before);
    }

    #[test]
    fn a_home_without_a_list_gets_one() {
        let folder = tempfile::tempdir().unwrap();
        let opener = opener(folder.path());
        opener.leave().unwrap();
        assert!(!opener.list.exists(), "nothing is written where nothing changes");

        opener.choose().unwrap();
        assert!(opener.is_chosen());
        opener.leave().unwrap();
        assert!(!opener.is_chosen() && !opener.own.as_ref().unwrap().0.exists());
    }
}
