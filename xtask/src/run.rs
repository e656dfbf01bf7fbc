//! `cargo xtask run`: from a fresh clone to the application on the screen.

use crate::failure::{Failure, Result};
use crate::headless::target_folder;
use crate::node;
use crate::packages::Purpose;
use crate::shell::Shell;
use crate::system;
use crate::workspace::DESKTOP;

/// What `run` was asked for.
#[derive(Debug, Default, Eq, PartialEq)]
pub(crate) struct Options {
    release: bool,
    /// Handed to the program.
    arguments: Vec<String>,
}

impl Options {
    pub(crate) fn parse(arguments: &[String]) -> Result<Self> {
        let mut options = Self::default();
        let mut rest = arguments.iter();
        while let Some(argument) = rest.next() {
            match argument.as_str() {
                "--release" => options.release = true,
                "--" => options.arguments = rest.by_ref().cloned().collect(),
                other => {
                    return Err(Failure::new(format!(
                        "run does not know {other:?} (arguments for Freshet go after --)"
                    )));
                }
            }
        }
        Ok(options)
    }
}

/// Which of the two programs is started.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Program {
    /// The window.
    Desktop,
    /// The headless one, for machines without a display.
    Daemon,
}

impl Program {
    pub(crate) fn for_this_machine() -> Self {
        if system::has_display() { Self::Desktop } else { Self::Daemon }
    }

    pub(crate) fn packages(self) -> &'static [Purpose] {
        match self {
            Self::Desktop => &[Purpose::Build, Purpose::Play, Purpose::Desktop],
            Self::Daemon => &[Purpose::Build, Purpose::Play],
        }
    }

    pub(crate) fn package(self) -> &'static str {
        match self {
            Self::Desktop => DESKTOP,
            Self::Daemon => "freshet-server",
        }
    }

    pub(crate) fn binary(self) -> &'static str {
        match self {
            Self::Desktop => DESKTOP,
            Self::Daemon => "freshetd",
        }
    }

    /// Builds the program and tells where it is.
    ///
    /// # Errors
    /// It does not compile.
    fn build(self, shell: &Shell, release: bool) -> Result<String> {
        let mut arguments = vec!["build", "--package", self.package(), "--bin", self.binary()];
        if release {
            arguments.push("--release");
        }
        shell.cargo(&arguments)?;
        let file = format!("{}{}", self.binary(), std::env::consts::EXE_SUFFIX);
        let path = target_folder(shell)?.join(if release { "release" } else { "debug" }).join(file);
        Ok(path.to_string_lossy().into_owned())
    }
}

/// Installs what is missing, builds the UI and the program, and starts it.
///
/// # Errors
/// The first step that fails.
pub(crate) fn run(shell: &Shell, options: &Options) -> Result<()> {
    let program = Program::for_this_machine();
    if program == Program::Daemon {
        println!(
            "No display here (neither DISPLAY nor WAYLAND_DISPLAY is set): starting freshetd, to be used in a browser."
        );
    }
    // What this tool cannot install comes first, before anything is changed.
    node::check(shell)?;
    system::ensure_packages(shell, program.packages())?;
    node::build(shell)?;
    let binary = program.build(shell, options.release)?;
    let mut arguments = Vec::new();
    if program == Program::Daemon {
        arguments.extend(["--pages".to_owned(), shell.path("ui/dist").to_string_lossy().into_owned()]);
    }
    arguments.extend_from_slice(&options.arguments);
    shell.run(shell.command(".", &binary, &arguments))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(arguments: &[&str]) -> Result<Options> {
        Options::parse(&arguments.iter().map(|argument| (*argument).to_owned()).collect::<Vec<_>>())
    }

    #[test]
    fn arguments_behind_the_dashes_go_to_the_program() {
        let options = parse(&["--release", "--", "--port", "9000", "--release"]).unwrap();

        assert_eq!(
            options,
            Options { release: true, arguments: vec!["--port".into(), "9000".into(), "--release".into()] }
        );
    }

    #[test]
    fn an_unknown_argument_is_refused_with_advice() {
        let message = parse(&["--port"]).unwrap_err().to_string();

        assert!(message.contains("\"--port\"") && message.contains("after --"), "{message}");
    }

    #[test]
    fn only_the_window_needs_the_web_view() {
        assert!(Program::Desktop.packages().contains(&Purpose::Desktop));
        assert!(!Program::Daemon.packages().contains(&Purpose::Desktop));
    }
}
