//! `cargo xtask run`: from a fresh clone to the application on the screen.

use crate::failure::{Failure, Result};
use crate::headless::target_folder;
use crate::node;
use crate::packages::Purpose;
use crate::shell::Shell;
use crate::system;
use crate::workspace::DESKTOP;

/// A fixed version, so that a ratio keeps its meaning.
const RQBIT_VERSION: &str = "9.1.0";

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

/// Runs the benchmarks of all headless crates, or of the one whose name without `freshet-` comes first.
///
/// # Errors
/// One does not compile or fails, or there is no such crate.
pub(crate) fn bench(shell: &Shell, rest: &[String]) -> Result<()> {
    if rest.first().is_none_or(|name| name == "server" || name.starts_with('-')) {
        system::ensure_packages(shell, &[Purpose::Build, Purpose::Benchmarks])?;
        install_rqbit(shell)?;
    }
    let arguments = bench_arguments(rest);
    shell.cargo(&arguments.iter().map(String::as_str).collect::<Vec<_>>())
}

/// Builds the server that ours is measured against, which no system packages.
fn install_rqbit(shell: &Shell) -> Result<()> {
    let place = target_folder(shell)?.join("bench-tools");
    if place.join("bin/rqbit").exists() {
        return Ok(());
    }
    let place = place.to_string_lossy();
    // Without its pages and its database, which it would only be slower to build with.
    let features = ["--no-default-features", "--features=rust-tls"];
    shell.cargo(
        &[&["install", "rqbit", "--locked", "--version", RQBIT_VERSION, "--root", &place], &features[..]]
            .concat(),
    )
}

fn bench_arguments(rest: &[String]) -> Vec<String> {
    // Only benchmarks: with `--benches` Cargo would build the unit tests as well, and those know none of the arguments.
    let mut arguments = vec!["bench".to_owned(), "--bench=*".to_owned()];
    let rest = match rest.split_first() {
        Some((name, rest)) if !name.starts_with('-') => {
            arguments.push(format!("--package=freshet-{name}"));
            rest
        }
        _ => rest,
    };
    arguments.extend_from_slice(rest);
    arguments
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
    fn benchmarks_run_for_all_crates_or_for_the_named_one() {
        let arguments = |rest: &[&str]| {
            bench_arguments(&rest.iter().map(|argument| (*argument).to_owned()).collect::<Vec<_>>())
        };

        assert_eq!(arguments(&[]), ["bench", "--bench=*"]);
        assert_eq!(arguments(&["--", "cached"]), ["bench", "--bench=*", "--", "cached"]);
        assert_eq!(
            arguments(&["store", "--", "cached"]),
            ["bench", "--bench=*", "--package=freshet-store", "--", "cached"]
        );
    }

    #[test]
    fn only_the_window_needs_the_web_view() {
        assert!(Program::Desktop.packages().contains(&Purpose::Desktop));
        assert!(!Program::Daemon.packages().contains(&Purpose::Desktop));
    }
}
