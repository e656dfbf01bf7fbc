//! Child processes: every command is shown before it runs, and nothing outlives the time it was given.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use crate::failure::{During, Failure, Result};

const POLL: Duration = Duration::from_millis(50);

/// Where commands run, and until when.
#[derive(Clone, Debug)]
pub(crate) struct Shell {
    root: PathBuf,
    deadline: Option<Instant>,
    environment: Vec<(String, String)>,
}

impl Shell {
    /// A shell in the repository's top folder, without a time limit.
    pub(crate) fn at_repository_root() -> Self {
        // Cargo sets the variable for `cargo xtask`; the compiled-in value serves a binary that is started by hand.
        let manifest_dir =
            std::env::var_os("CARGO_MANIFEST_DIR").unwrap_or_else(|| env!("CARGO_MANIFEST_DIR").into());
        let manifest_dir = PathBuf::from(manifest_dir);
        let root = manifest_dir.parent().map_or_else(|| manifest_dir.clone(), Path::to_path_buf);
        Self { root, deadline: None, environment: Vec::new() }
    }

    /// The same shell, whose commands are ended when `limit` has passed.
    pub(crate) fn within(&self, limit: Duration) -> Self {
        Self { deadline: Some(Instant::now() + limit), ..self.clone() }
    }

    /// The same shell, whose commands see one more variable.
    pub(crate) fn with_env(&self, name: &str, value: impl Into<String>) -> Self {
        let mut shell = self.clone();
        shell.environment.push((name.to_owned(), value.into()));
        shell
    }

    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    pub(crate) fn path(&self, relative: &str) -> PathBuf {
        self.root.join(relative)
    }

    /// A command in the top folder, or in `folder` below it.
    pub(crate) fn command<I, S>(&self, folder: &str, program: &str, arguments: I) -> Command
    where
        I: IntoIterator<Item = S>,
        S: AsRef<std::ffi::OsStr>,
    {
        let mut command = Command::new(program);
        command.args(arguments).current_dir(self.root.join(folder));
        command.envs(self.environment.iter().map(|(name, value)| (name, value)));
        // The variables that cargo set for this tool would make the inner cargo believe they are meant for its crates.
        for name in ["CARGO_MANIFEST_DIR", "CARGO_MANIFEST_PATH", "CARGO_PKG_NAME", "CARGO_PKG_VERSION"] {
            command.env_remove(name);
        }
        command
    }

    /// Runs cargo in the top folder.
    ///
    /// # Errors
    /// Cargo cannot be started, fails, or runs out of time.
    pub(crate) fn cargo(&self, arguments: &[&str]) -> Result<()> {
        self.run(self.command(".", &cargo_program(), arguments))
    }

    /// Shows and runs a command; its output goes straight to the terminal.
    ///
    /// # Errors
    /// The command cannot be started, fails, or runs out of time.
    pub(crate) fn run(&self, mut command: Command) -> Result<()> {
        let shown = shown(&command);
        println!("$ {shown}");
        let mut child = command.spawn().during(format_args!("cannot start `{shown}`"))?;
        let status = loop {
            if let Some(status) = child.try_wait().during(&shown)? {
                break status;
            }
            if self.deadline.is_some_and(|deadline| Instant::now() >= deadline) {
                end_tree(&mut child);
                return Err(Failure::new(format!("`{shown}` did not end in the time it was given")));
            }
            thread::sleep(POLL);
        };
        if status.success() { Ok(()) } else { Err(Failure::new(format!("`{shown}` failed ({status})"))) }
    }

    /// Runs a command and gives what it prints; its errors go to the terminal.
    ///
    /// # Errors
    /// The command cannot be started, fails, or prints something that is not text.
    pub(crate) fn output(&self, mut command: Command) -> Result<String> {
        let shown = shown(&command);
        let output =
            command.stderr(Stdio::inherit()).output().during(format_args!("cannot start `{shown}`"))?;
        if !output.status.success() {
            return Err(Failure::new(format!("`{shown}` failed ({})", output.status)));
        }
        String::from_utf8(output.stdout).during(format_args!("what `{shown}` printed"))
    }
}

/// The cargo that runs this tool, so that a chosen toolchain stays chosen.
pub(crate) fn cargo_program() -> String {
    std::env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned())
}

/// Whether a program of this name can be started.
pub(crate) fn program_exists(name: &str) -> bool {
    find_program(name).is_some()
}

/// Where the search path has a program of this name.
pub(crate) fn find_program(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path)
        .flat_map(|folder| [folder.join(name), folder.join(format!("{name}.exe"))])
        .find(|candidate| candidate.is_file())
}

fn shown(command: &Command) -> String {
    let program = Path::new(command.get_program()).file_name().unwrap_or(command.get_program());
    std::iter::once(program)
        .chain(command.get_args())
        .map(|word| {
            let word = word.to_string_lossy();
            if word.contains(' ') { format!("'{word}'") } else { word.into_owned() }
        })
        .collect::<Vec<_>>()
        .join(" ")
}

/// Ends a child and everything that it started: npm and cargo do not pass a signal on to what they run.
pub(crate) fn end_tree(child: &mut Child) {
    let mut doomed = vec![child.id()];
    let mut next = 0;
    while next < doomed.len() {
        doomed.extend(children_of(doomed[next]));
        next += 1;
    }
    if cfg!(unix) {
        let ids = doomed.iter().map(u32::to_string).collect::<Vec<_>>();
        let _ = Command::new("kill").arg("-TERM").args(&ids).stderr(Stdio::null()).status();
        let patience = Instant::now() + Duration::from_secs(5);
        while Instant::now() < patience {
            if matches!(child.try_wait(), Ok(Some(_))) && !ids.iter().any(|id| is_running(id)) {
                return;
            }
            thread::sleep(POLL);
        }
        let _ = Command::new("kill").arg("-KILL").args(&ids).stderr(Stdio::null()).status();
    }
    let _ = child.kill();
    let _ = child.wait();
}

/// Whether the process still works; one that only waits to be collected by its parent does not.
fn is_running(id: &str) -> bool {
    std::fs::read_to_string(format!("/proc/{id}/stat")).is_ok_and(|stat| state_in(&stat) != Some('Z'))
}

/// The processes that `parent` started, as Linux lists them; none elsewhere.
fn children_of(parent: u32) -> Vec<u32> {
    let Ok(entries) = std::fs::read_dir("/proc") else { return Vec::new() };
    entries
        .flatten()
        .filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok())
        .filter(|id| {
            std::fs::read_to_string(format!("/proc/{id}/stat"))
                .is_ok_and(|stat| parent_in(&stat) == Some(parent))
        })
        .collect()
}

/// The second field after the program's name, which may itself hold spaces and parentheses.
fn parent_in(stat: &str) -> Option<u32> {
    stat.rsplit_once(')')?.1.split_whitespace().nth(1)?.parse().ok()
}

/// The first field after the program's name.
fn state_in(stat: &str) -> Option<char> {
    stat.rsplit_once(')')?.1.trim_start().chars().next()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parent_and_state_are_found_behind_a_program_name_with_spaces() {
        let stat = "12 (tmux: (a) server) S 7 12 12 0";

        assert_eq!(parent_in(stat), Some(7));
        assert_eq!(state_in(stat), Some('S'));
        assert_eq!(parent_in("nonsense"), None);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_command_that_outlives_its_time_is_ended_with_its_children() {
        let marker = format!("31.{}", std::process::id());
        let shell = Shell::at_repository_root().within(Duration::from_millis(300));

        let outcome = shell.run(shell.command(".", "sh", ["-c", &format!("sleep {marker} & wait")]));

        let message = outcome.expect_err("sleep was given 0.3 s").to_string();
        assert!(message.contains("did not end in the time"), "{message}");
        let survivors = std::fs::read_dir("/proc")
            .expect("/proc is there on Linux")
            .flatten()
            .filter_map(|entry| std::fs::read_to_string(entry.path().join("cmdline")).ok())
            .filter(|line| line.starts_with("sleep") && line.contains(&marker))
            .count();
        assert_eq!(survivors, 0, "the grandchild still runs");
    }

    #[test]
    fn a_failing_command_is_named_in_the_failure() {
        let shell = Shell::at_repository_root();

        let message =
            shell.cargo(&["no-such-command-here"]).expect_err("cargo has no such command").to_string();

        assert!(message.contains("no-such-command-here"), "{message}");
    }
}
