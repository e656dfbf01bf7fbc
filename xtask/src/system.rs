//! The machine: which package manager it has, what is missing on it, whether it has a display.

use std::collections::BTreeSet;
use std::process::{Command, Stdio};

use crate::failure::{Failure, Result};
use crate::packages::{self, Package, Purpose};
use crate::shell::{Shell, program_exists};

/// Who installs packages here.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Manager {
    Apt,
    Dnf,
    Pacman,
}

impl Manager {
    fn detect(exists: impl Fn(&str) -> bool) -> Option<Self> {
        [(Self::Apt, "apt-get"), (Self::Dnf, "dnf"), (Self::Pacman, "pacman")]
            .into_iter()
            .find_map(|(manager, program)| exists(program).then_some(manager))
    }

    /// The names under which this manager may know the package, best first.
    fn names(self, package: &Package) -> Vec<&'static str> {
        match self {
            Self::Apt => package.apt.split('|').collect(),
            Self::Dnf => vec![package.dnf],
            Self::Pacman => vec![package.pacman],
        }
    }

    fn is_installed(self, name: &str) -> bool {
        match self {
            Self::Apt => quiet("dpkg-query", &["-W", "-f=${db:Status-Status}", name])
                .is_some_and(|status| status == "installed"),
            Self::Dnf => quiet("rpm", &["-q", "--whatprovides", name]).is_some(),
            Self::Pacman => quiet("pacman", &["-Qq", name]).is_some(),
        }
    }

    /// Whether the package could be installed by this name.
    fn offers(self, name: &str) -> bool {
        match self {
            // A name that others only point to has no version to install.
            Self::Apt => quiet("apt-cache", &["policy", name]).is_some_and(|text| has_candidate(&text)),
            Self::Dnf => quiet("dnf", &["-q", "provides", name]).is_some(),
            Self::Pacman => quiet("pacman", &["-Si", name]).is_some(),
        }
    }

    fn refresh(self) -> Option<Vec<&'static str>> {
        match self {
            Self::Apt => Some(vec!["apt-get", "update"]),
            // Both read fresh lists by themselves where they need them.
            Self::Dnf | Self::Pacman => None,
        }
    }

    /// Installs without questions, and never at the price of a package that the user has.
    fn install(self) -> Vec<&'static str> {
        match self {
            Self::Apt => vec!["apt-get", "install", "--yes", "--no-install-recommends", "--no-remove"],
            Self::Dnf => vec!["dnf", "install", "--assumeyes", "--setopt=install_weak_deps=False"],
            Self::Pacman => vec!["pacman", "-S", "--needed", "--noconfirm"],
        }
    }
}

/// Makes sure that the packages for these purposes are there; says what is missing and why before it installs.
///
/// On Windows and macOS, and where no known package manager is found, it only says what is needed.
///
/// # Errors
/// A package is missing and cannot be installed.
pub(crate) fn ensure_packages(shell: &Shell, purposes: &[Purpose]) -> Result<()> {
    if !cfg!(target_os = "linux") {
        println!("{}", advice_elsewhere(purposes));
        return Ok(());
    }
    let Some(manager) = Manager::detect(program_exists) else {
        println!("No package manager that this tool knows (apt, dnf, pacman). Freshet needs:");
        for package in packages::wanted(purposes) {
            println!("  {:<32} {}", package.apt, package.why);
        }
        return Ok(());
    };
    let missing = missing(
        packages::wanted(purposes),
        |package| manager.names(package).iter().any(|name| manager.is_installed(name)),
        program_exists,
    );
    if missing.is_empty() {
        println!("System packages: nothing is missing.");
        return Ok(());
    }
    println!("System packages that are missing:");
    for package in &missing {
        println!("  {:<32} {}", manager.names(package)[0], package.why);
    }
    let escalate = escalation()?;
    if let Some(words) = manager.refresh() {
        shell.run(privileged(shell, escalate, &words, &[]))?;
    }
    let names = choose_names(&missing, |package| manager.names(package), |name| manager.offers(name));
    shell.run(privileged(shell, escalate, &manager.install(), &names))
}

/// The packages that are neither installed nor replaced by a program that is there.
fn missing(
    wanted: Vec<Package>,
    installed: impl Fn(&Package) -> bool,
    program: impl Fn(&str) -> bool,
) -> Vec<Package> {
    wanted
        .into_iter()
        .filter(|package| !package.programs.iter().any(|name| program(name)) && !installed(package))
        .collect()
}

/// The names to install: of alternatives the first that is offered; optional packages that are not offered are left out.
fn choose_names(
    missing: &[Package],
    names: impl Fn(&Package) -> Vec<&'static str>,
    offered: impl Fn(&str) -> bool,
) -> Vec<String> {
    let mut chosen = BTreeSet::new();
    for package in missing {
        let names = names(package);
        match names.iter().find(|name| offered(name)) {
            Some(name) => {
                chosen.insert((*name).to_owned());
            }
            None if package.optional => println!("(left out: {} is not offered here)", names[0]),
            // The package manager's own words about it are better than ours.
            None => {
                chosen.insert(names[0].to_owned());
            }
        }
    }
    chosen.into_iter().collect()
}

/// How this user becomes root: not at all, or through sudo.
fn escalation() -> Result<Option<&'static str>> {
    if quiet("id", &["-u"]).is_some_and(|id| id == "0") {
        return Ok(None);
    }
    if program_exists("sudo") {
        return Ok(Some("sudo"));
    }
    Err(Failure::new(
        "this needs root, and there is no sudo: install the packages that are missing as root, then run this again",
    ))
}

/// A command that root runs.
///
/// # Errors
/// This user cannot become root.
pub(crate) fn as_root(shell: &Shell, words: &[String]) -> Result<Command> {
    Ok(match escalation()? {
        None => shell.command(".", &words[0], &words[1..]),
        Some(sudo) => shell.command(".", sudo, words),
    })
}

fn privileged(shell: &Shell, escalate: Option<&'static str>, words: &[&str], names: &[String]) -> Command {
    // sudo drops the environment, so the variable travels as an argument of `env`.
    let mut all: Vec<String> = escalate.map(str::to_owned).into_iter().collect();
    all.extend(["env".to_owned(), "DEBIAN_FRONTEND=noninteractive".to_owned()]);
    all.extend(words.iter().map(|word| (*word).to_owned()));
    all.extend_from_slice(names);
    shell.command(".", &all[0], &all[1..])
}

fn has_candidate(policy: &str) -> bool {
    policy
        .lines()
        .filter_map(|line| line.trim().strip_prefix("Candidate:"))
        .any(|candidate| candidate.trim() != "(none)")
}

/// What a command prints, trimmed, if it succeeds.
fn quiet(program: &str, arguments: &[&str]) -> Option<String> {
    let output = Command::new(program).args(arguments).stderr(Stdio::null()).output().ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

fn advice_elsewhere(purposes: &[Purpose]) -> String {
    let mut lines = Vec::new();
    if cfg!(target_os = "macos") {
        lines.push("macOS: install what is missing by hand:");
        lines.push("  xcode-select --install    the C compiler");
        lines.push("  brew install ffmpeg       repacks films for the player page");
    } else {
        lines.push("Windows: install what is missing by hand:");
        lines.push("  Visual Studio Build Tools with \"Desktop development with C++\"");
        lines.push("  winget install Gyan.FFmpeg                       repacks films for the player page");
        if purposes.contains(&Purpose::Desktop) {
            lines
                .push("  winget install Microsoft.EdgeWebView2Runtime     the web view (part of Windows 11)");
        }
    }
    lines.join("\n")
}

/// Whether a window can be shown.
pub(crate) fn has_display() -> bool {
    display_in(cfg!(target_os = "linux"), |name| std::env::var(name).ok())
}

fn display_in(is_linux: bool, variable: impl Fn(&str) -> Option<String>) -> bool {
    !is_linux
        || ["DISPLAY", "WAYLAND_DISPLAY"]
            .into_iter()
            .any(|name| variable(name).is_some_and(|value| !value.is_empty()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names_of(packages: &[Package]) -> Vec<&str> {
        packages.iter().map(|package| package.apt).collect()
    }

    #[test]
    fn installed_packages_and_programs_on_the_path_are_not_missing() {
        let wanted = packages::wanted(&[Purpose::Build, Purpose::Play]);

        let missing =
            missing(wanted, |package| package.apt == "build-essential", |program| program == "ffmpeg");

        assert_eq!(names_of(&missing), ["g++", "pkg-config"]);
    }

    #[test]
    fn of_alternatives_the_first_that_is_offered_is_chosen() {
        let missing = packages::wanted(&[Purpose::BrowserTests]);
        let names = |package: &Package| Manager::Apt.names(package);

        assert_eq!(choose_names(&missing, names, |_| true), ["chromium"]);
        assert_eq!(choose_names(&missing, names, |name| name == "chromium-browser"), ["chromium-browser"]);
        assert_eq!(
            choose_names(&missing, names, |_| false),
            ["chromium"],
            "apt is left to say what is wrong"
        );
    }

    #[test]
    fn an_optional_package_that_nobody_offers_is_left_out() {
        let missing = packages::wanted(&[Purpose::Desktop]);

        let names =
            choose_names(&missing, |package| Manager::Apt.names(package), |name| name != "gstreamer1.0-gl");

        assert!(names.iter().any(|name| name == "libwebkit2gtk-4.1-dev"), "{names:?}");
        assert!(!names.iter().any(|name| name == "gstreamer1.0-gl"), "{names:?}");
    }

    #[test]
    fn a_name_that_apt_only_points_to_has_no_candidate() {
        assert!(has_candidate("ffmpeg:\n  Installed: (none)\n  Candidate: 7:5.1.8\n"));
        assert!(!has_candidate("chromium:\n  Installed: (none)\n  Candidate: (none)\n"));
        assert!(!has_candidate(""));
    }

    #[test]
    fn the_first_known_package_manager_is_taken() {
        assert_eq!(Manager::detect(|program| program == "dnf"), Some(Manager::Dnf));
        assert_eq!(Manager::detect(|_| true), Some(Manager::Apt));
        assert_eq!(Manager::detect(|_| false), None);
    }

    #[test]
    fn a_display_is_a_named_one_or_any_desktop_that_is_not_linux() {
        let nothing = |_: &str| None;
        let wayland = |name: &str| (name == "WAYLAND_DISPLAY").then(|| "wayland-0".to_owned());
        let empty = |_: &str| Some(String::new());

        assert!(display_in(true, wayland));
        assert!(!display_in(true, nothing));
        assert!(!display_in(true, empty));
        assert!(display_in(false, nothing));
    }
}
