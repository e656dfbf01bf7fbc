//! Starting with the person's session: the switch of the settings, and what the desktop is told.

use std::path::Path;

use freshet_app::App;
use freshet_model::{DesktopPatch, SettingsPatch};
use tracing::warn;

use crate::Args;

/// Lets the switch be as the desktop is, whose own tools may have changed it meanwhile, and the desktop as the switch from now
/// on. To be called before anybody can turn the switch.
pub(crate) async fn follow(app: &App, args: &Args, data_dir: &Path) {
    let entry = match Entry::new(args, data_dir) {
        Ok(entry) => entry,
        Err(error) => return warn!(%error, "the desktop can't be told to start the program"),
    };
    let is_there = entry.exists();
    if is_there != app.settings().desktop.start_at_login {
        set(app, is_there).await;
    }
    let app = app.clone();
    let mut settings = app.watch_settings();
    app.clone().tasks().spawn("autostart", async move {
        let mut before = is_there;
        // The program may have moved since it was written.
        let mut is_due = is_there;
        loop {
            let wanted = settings.borrow_and_update().desktop.start_at_login;
            if is_due || wanted != before {
                is_due = false;
                before = wanted;
                let done = if wanted { entry.write() } else { entry.remove() };
                if let Err(error) = done {
                    warn!(%error, wanted, "the desktop could not be told whether to start the program");
                    before = entry.exists();
                    set(&app, before).await;
                }
            }
            if settings.changed().await.is_err() {
                return;
            }
        }
    });
}

async fn set(app: &App, start_at_login: bool) {
    let desktop = DesktopPatch { start_at_login: Some(start_at_login), ..DesktopPatch::default() };
    let patch = SettingsPatch { desktop: Some(desktop), ..SettingsPatch::default() };
    if let Err(error) = app.update_settings(patch).await {
        warn!(%error, "the switch could not follow the desktop");
    }
}

/// What the program is started with then.
fn arguments(args: &Args, data_dir: &Path) -> Vec<String> {
    let mut arguments = vec!["--hidden".to_owned()];
    arguments.extend(args.instance_arguments(data_dir));
    arguments
}

#[cfg(target_os = "linux")]
use linux::Entry;

/// The autostart file of the XDG desktops. The crates for it write it where `XDG_CONFIG_HOME` does not point, and don't
/// quote the program's path.
#[cfg(target_os = "linux")]
mod linux {
    use std::path::{Path, PathBuf};
    use std::{fs, io};

    use super::{Args, arguments};
    use crate::desktop_entry;

    pub(super) struct Entry {
        file: PathBuf,
        text: String,
    }

    impl Entry {
        pub(super) fn new(args: &Args, data_dir: &Path) -> io::Result<Self> {
            let no_home = || io::Error::new(io::ErrorKind::NotFound, "no home folder was found");
            let config = directories::BaseDirs::new().ok_or_else(no_home)?.config_dir().to_owned();
            Ok(Self {
                file: config.join("autostart").join(format!("{}.desktop", args.instance_id(data_dir))),
                text: text(&desktop_entry::program()?, &arguments(args, data_dir)),
            })
        }

        pub(super) fn exists(&self) -> bool {
            // The desktops' tools switch an entry off in this way.
            fs::read_to_string(&self.file).is_ok_and(|text| {
                let is_off =
                    |line: &str| matches!(line.trim(), "Hidden=true" | "X-GNOME-Autostart-enabled=false");
                !text.lines().any(is_off)
            })
        }

        pub(super) fn write(&self) -> io::Result<()> {
            if let Some(folder) = self.file.parent() {
                fs::create_dir_all(folder)?;
            }
            fs::write(&self.file, &self.text)
        }

        pub(super) fn remove(&self) -> io::Result<()> {
            match fs::remove_file(&self.file) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
                _ => Ok(()),
            }
        }
    }

    fn text(program: &str, arguments: &[String]) -> String {
        let command = desktop_entry::command(program, arguments);
        format!(
            "[Desktop Entry]\nType=Application\nVersion=1.0\nName=Freshet\nIcon=freshet\nExec={command}\n\
             Terminal=false\nStartupNotify=false\nX-GNOME-Autostart-enabled=true\n"
        )
    }

    #[cfg(test)]
    mod tests {
        use super::*;

        #[test]
        fn a_file_is_written_read_and_removed() {
            let folder = tempfile::tempdir().unwrap();
            let entry =
                Entry { file: folder.path().join("autostart/x.desktop"), text: text("/bin/freshet", &[]) };
            assert!(!entry.exists());
            entry.remove().unwrap();
            entry.write().unwrap();
            assert!(entry.exists());
            let off = fs::read_to_string(&entry.file).unwrap() + "Hidden=true\n";
            fs::write(&entry.file, off).unwrap();
            assert!(!entry.exists(), "the desktop's own tool has switched it off");
            entry.remove().unwrap();
            assert!(!entry.file.exists());
        }
    }
}

/// What the system keeps itself.
#[cfg(not(target_os = "linux"))]
struct Entry(auto_launch::AutoLaunch);

#[cfg(not(target_os = "linux"))]
impl Entry {
    fn new(args: &Args, data_dir: &Path) -> Result<Self, Box<dyn std::error::Error>> {
        let program = std::env::current_exe()?;
        let entry = auto_launch::AutoLaunchBuilder::new()
            .set_app_name(&args.instance_id(data_dir))
            .set_app_path(&program.to_string_lossy())
            .set_args(&arguments(args, data_dir))
            .build()?;
        Ok(Self(entry))
    }

    fn exists(&self) -> bool {
        self.0.is_enabled().unwrap_or(false)
    }

    fn write(&self) -> auto_launch::Result<()> {
        self.0.enable()
    }

    fn remove(&self) -> auto_launch::Result<()> {
        if self.exists() { self.0.disable() } else { Ok(()) }
    }
}
