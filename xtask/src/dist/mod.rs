//! `cargo xtask dist`: the package for Debian and Ubuntu, made with Debian's own tools.
//!
//! The packages for Windows and macOS are made by Tauri's bundler from `src-tauri/tauri.*.conf.json`, on those systems
//! (`.github/workflows/release.yml`). Why the two ways differ stands in `docs/decisions/0015-packages.md`.

mod check;
mod control;
mod deb;
mod licenses;
mod tree;
mod units;

use std::path::{Path, PathBuf};

use crate::failure::{During, Failure, Result};
use crate::headless::target_folder;
use crate::node;
use crate::packages::Purpose;
use crate::scratch::Scratch;
use crate::shell::Shell;
use crate::system;
use crate::workspace::{DESKTOP, Workspace};

/// The programs of the package, the window's first.
const PROGRAMS: [&str; 2] = [DESKTOP, "freshetd"];

/// What `dist` was asked for.
#[derive(Debug, Default, Eq, PartialEq)]
pub(crate) struct Options {
    /// Whether the package is also tried in a system that has nothing else.
    check: bool,
    /// A folder with both programs, built before.
    binaries: Option<PathBuf>,
}

impl Options {
    pub(crate) fn parse(arguments: &[String]) -> Result<Self> {
        let mut options = Self::default();
        let mut rest = arguments.iter();
        while let Some(argument) = rest.next() {
            match argument.as_str() {
                "--check" => options.check = true,
                "--binaries" => {
                    let folder = rest.next().ok_or_else(|| Failure::new("--binaries wants a folder"))?;
                    options.binaries = Some(PathBuf::from(folder));
                }
                other => return Err(Failure::new(format!("dist does not know {other:?}"))),
            }
        }
        Ok(options)
    }
}

/// What the package is made from, and when that was.
#[derive(Debug)]
pub(crate) struct Source {
    /// The folder with both programs.
    binaries: PathBuf,
    version: String,
    /// Seconds since 1970: the time of everything in the package, so that the same source gives the same bytes.
    time: u64,
    /// For people the package is to be small, for a test it is to be there soon.
    is_for_test: bool,
}

/// Builds the pages and both programs, and packs them; tells where the package is.
///
/// # Errors
/// Something does not compile, a tool is missing, or the package does not pass its check.
pub(crate) fn dist(shell: &Shell, options: &Options) -> Result<()> {
    if !cfg!(target_os = "linux") {
        return Err(Failure::new(
            "dist makes the package for Debian and Ubuntu, on such a system; for Windows and macOS there is \
             .github/workflows/release.yml",
        ));
    }
    node::check(shell)?;
    let mut purposes = vec![Purpose::Packages];
    if options.binaries.is_none() {
        purposes.extend([Purpose::Build, Purpose::Desktop]);
    }
    if options.check {
        purposes.push(Purpose::PackageChecks);
    }
    system::ensure_packages(shell, &purposes)?;
    node::build(shell)?;
    let time = source_time(shell)?;
    let binaries = match &options.binaries {
        Some(folder) => shell.path(".").join(folder),
        None => build_programs(shell, time)?,
    };
    let package = pack(shell, &Source { binaries, version: version(shell)?, time, is_for_test: false })?;
    println!("\nThe package: {}", package.display());
    if options.check { check::check(shell, &package) } else { Ok(()) }
}

/// The long layer of the tests: packs what the debug build made, and tries the package.
///
/// # Errors
/// As for [`dist`].
pub(crate) fn check_debug_build(shell: &Shell) -> Result<()> {
    let binaries = target_folder(shell)?.join("debug");
    shell.cargo(&["build", "--package", "freshet-server", "--bin", "freshetd"])?;
    shell.cargo(&["build", "--package", DESKTOP, "--bin", DESKTOP])?;
    let source = Source { binaries, version: version(shell)?, time: source_time(shell)?, is_for_test: true };
    let package = pack(shell, &source)?;
    packs_the_same_bytes_again(shell, &source, &package)?;
    check::check(shell, &package)
}

/// Packs once more, somewhere else, and compares: nobody can verify a package that comes out otherwise each time.
fn packs_the_same_bytes_again(shell: &Shell, source: &Source, package: &Path) -> Result<()> {
    let scratch = Scratch::new("again")?;
    let again = deb::pack(shell, source, scratch.path())?;
    let read = |path: &Path| std::fs::read(path).during(path.display());
    if read(package)? != read(&again)? {
        return Err(Failure::new(format!(
            "packing twice gives two different files for {}",
            package.display()
        )));
    }
    println!("Packed twice: the same bytes.");
    Ok(())
}

fn pack(shell: &Shell, source: &Source) -> Result<PathBuf> {
    let out = target_folder(shell)?.join("dist");
    std::fs::create_dir_all(&out).during(out.display())?;
    deb::pack(shell, source, &out)
}

/// The release build, which names no folder of the machine that it was made on.
fn build_programs(shell: &Shell, time: u64) -> Result<PathBuf> {
    let root = shell.root().to_string_lossy().into_owned();
    let cargo_home = cargo_home()?.to_string_lossy().into_owned();
    let rust =
        [format!("--remap-path-prefix={root}=/freshet"), format!("--remap-path-prefix={cargo_home}=/cargo")];
    let c = format!("-ffile-prefix-map={root}=/freshet -ffile-prefix-map={cargo_home}=/cargo");
    let shell = shell
        .with_env("CARGO_ENCODED_RUSTFLAGS", rust.join("\x1f"))
        .with_env("CFLAGS", c.clone())
        .with_env("CXXFLAGS", c)
        .with_env("CARGO_INCREMENTAL", "0")
        .with_env("SOURCE_DATE_EPOCH", time.to_string());
    shell.cargo(&[
        "build",
        "--release",
        "--locked",
        "--package",
        "freshet-server",
        "--bin",
        "freshetd",
        "--package",
        DESKTOP,
        "--bin",
        DESKTOP,
    ])?;
    Ok(target_folder(&shell)?.join("release"))
}

fn cargo_home() -> Result<PathBuf> {
    if let Some(home) = std::env::var_os("CARGO_HOME") {
        return Ok(PathBuf::from(home));
    }
    let home = std::env::var_os("HOME").ok_or_else(|| Failure::new("neither CARGO_HOME nor HOME is set"))?;
    Ok(Path::new(&home).join(".cargo"))
}

/// `SOURCE_DATE_EPOCH` if somebody set it, otherwise the time of the last commit.
fn source_time(shell: &Shell) -> Result<u64> {
    let seconds = match std::env::var("SOURCE_DATE_EPOCH") {
        Ok(seconds) => seconds,
        Err(_) => shell.output(shell.command(".", "git", ["log", "-1", "--format=%ct"]))?,
    };
    seconds.trim().parse().during(format_args!("SOURCE_DATE_EPOCH {seconds:?}"))
}

fn version(shell: &Shell) -> Result<String> {
    let workspace = Workspace::members(shell)?;
    let desktop = workspace.own().find(|package| package.name() == DESKTOP);
    desktop
        .map(|package| package.version().to_owned())
        .ok_or_else(|| Failure::new("no package of the window"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(arguments: &[&str]) -> Result<Options> {
        Options::parse(&arguments.iter().map(|argument| (*argument).to_owned()).collect::<Vec<_>>())
    }

    #[test]
    fn programs_that_are_built_already_can_be_named() {
        let options = parse(&["--check", "--binaries", "target/debug"]).unwrap();

        assert_eq!(options, Options { check: true, binaries: Some(PathBuf::from("target/debug")) });
        assert!(parse(&["--binaries"]).unwrap_err().to_string().contains("wants a folder"));
        assert!(parse(&["--appimage"]).unwrap_err().to_string().contains("--appimage"));
    }
}
