//! A virtual screen for tests that need a real window: X server, window manager, sound that nobody hears, and folders of
//! its own.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use crate::failure::{During, Failure, Result};
use crate::scratch::Scratch;
use crate::shell::{Shell, end_tree};

const SOUND_TIMEOUT: Duration = Duration::from_secs(10);

/// A running X server with a window manager and a sound server; dropping the value ends them and removes their folders.
#[derive(Debug)]
pub(crate) struct VirtualDisplay {
    name: String,
    children: Vec<Child>,
    home: Scratch,
    /// Where the sound goes.
    sound: String,
}

impl VirtualDisplay {
    /// Starts the server on a free display and waits until it takes clients.
    ///
    /// # Errors
    /// Xvfb or openbox is missing or does not start.
    pub(crate) fn start() -> Result<Self> {
        let home = Scratch::new("display")?;
        // The server picks a free number itself and prints it when it is ready: nothing to guess, nothing to poll.
        let mut server = Command::new("Xvfb")
            .args(["-displayfd", "1", "-screen", "0", "1280x800x24", "-nolisten", "tcp"])
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .during("cannot start Xvfb")?;
        let mut number = String::new();
        if let Some(stdout) = server.stdout.take() {
            BufReader::new(stdout).read_line(&mut number).during("the display number of Xvfb")?;
        }
        let name = format!(":{}", number.trim());
        let mut display = Self { name, children: vec![server], home, sound: String::new() };
        if number.trim().is_empty() {
            return Err(Failure::new("Xvfb ended without a display"));
        }
        let manager = Command::new("openbox")
            .env("DISPLAY", &display.name)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .during("cannot start openbox")?;
        display.children.push(manager);
        display.start_sound()?;
        Ok(display)
    }

    /// A web view that cannot play sound does not play at all, so there has to be a server with at least one output.
    fn start_sound(&mut self) -> Result<()> {
        let runtime = self.home.folder("sound")?;
        private(&runtime)?;
        let socket = runtime.join("native");
        let protocol = format!("module-native-protocol-unix auth-anonymous=1 socket={}", socket.display());
        let server = Command::new("pulseaudio")
            .args(["-n", "--daemonize=no", "--exit-idle-time=-1", "-L", &protocol, "-L", "module-null-sink"])
            .env("XDG_RUNTIME_DIR", &runtime)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .during("cannot start pulseaudio")?;
        self.children.push(server);
        let patience = Instant::now() + SOUND_TIMEOUT;
        while !socket.exists() {
            if Instant::now() > patience {
                return Err(Failure::new("pulseaudio does not become ready"));
            }
            thread::sleep(Duration::from_millis(50));
        }
        self.sound = format!("unix:{}", socket.display());
        Ok(())
    }

    /// A shell whose commands show their windows here and keep their files in folders of this display.
    ///
    /// # Errors
    /// The folders cannot be made.
    pub(crate) fn shell(&self, shell: &Shell) -> Result<Shell> {
        let mut shell = shell.with_env("DISPLAY", self.name.clone()).with_env("GDK_BACKEND", "x11");
        shell = shell.with_env("PULSE_SERVER", self.sound.clone());
        for (variable, folder) in [
            ("XDG_RUNTIME_DIR", "runtime"),
            ("XDG_DATA_HOME", "data"),
            ("XDG_CONFIG_HOME", "config"),
            ("XDG_CACHE_HOME", "cache"),
            ("XDG_STATE_HOME", "state"),
        ] {
            let path = self.home.folder(folder)?;
            if variable == "XDG_RUNTIME_DIR" {
                private(&path)?;
            }
            shell = shell.with_env(variable, path.to_string_lossy());
        }
        Ok(shell)
    }
}

impl Drop for VirtualDisplay {
    fn drop(&mut self) {
        // The window manager first, or it complains about the server that left.
        for child in self.children.iter_mut().rev() {
            end_tree(child);
        }
    }
}

/// Takes the folder away from other users, as the specification of `XDG_RUNTIME_DIR` demands.
fn private(path: &Path) -> Result<()> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o700)).during(path.display())?;
    }
    #[cfg(not(unix))]
    let _ = path;
    Ok(())
}
