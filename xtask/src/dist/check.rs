//! Whether a package is one: what Debian's checker says about it, and what it does in a system that has nothing else.

use std::path::{Path, PathBuf};

use crate::failure::{During, Failure, Result};
use crate::headless::target_folder;
use crate::scratch::Scratch;
use crate::shell::Shell;
use crate::system;

const CLEAN_ROOT: &str = include_str!("clean-root.sh");
const TRY: &str = include_str!("try.sh");

/// # Errors
/// The package is not as it has to be.
pub(crate) fn check(shell: &Shell, package: &Path) -> Result<()> {
    lint(shell, package)?;
    in_clean_root(shell, package)
}

fn lint(shell: &Shell, package: &Path) -> Result<()> {
    // Root is what a container has.
    let mut command = shell.command(".", "lintian", ["--allow-root", "--tag-display-limit=0"]);
    command.args(["--fail-on=error,warning", "--suppress-tags", &ACCEPTED.join(",")]).arg(package);
    shell.run(command)
}

/// What lintian finds and stays so.
const ACCEPTED: [&str; 2] = [
    // It is not made for Debian's archive, where somebody would have asked for it.
    "initial-upload-closes-no-bugs",
    // The address of a project without a mailing list; SECURITY.md tells how to reach it.
    "bogus-mail-host",
];

fn in_clean_root(shell: &Shell, package: &Path) -> Result<()> {
    let sources = apt_sources(shell)?;
    let suite =
        sources.first().ok_or_else(|| Failure::new("apt knows no source of this distribution's packages"))?;
    let folder = target_folder(shell)?.join("dist/clean");
    let base = base_system(shell, &folder, suite)?;
    // Below the target folder: an overlay needs a file system of its own kind, which that for temporary files may not be.
    let work = Work::new(shell, folder.join(format!("work-{}", std::process::id())))?;
    let scratch = Scratch::new("clean-root")?;
    let file = |name: &str, text: &str| -> Result<PathBuf> {
        let path = scratch.path().join(name);
        std::fs::write(&path, text).during(path.display()).map(|()| path)
    };
    let lines: String = sources
        .iter()
        .map(|source| format!("deb {} {} {}\n", source.uri, source.suite, source.component))
        .collect();
    let words = [
        "unshare".to_owned(),
        "--mount".to_owned(),
        "--pid".to_owned(),
        "--fork".to_owned(),
        "--kill-child=KILL".to_owned(),
        "sh".to_owned(),
        text(&file("clean-root.sh", CLEAN_ROOT)?),
        text(&base),
        text(&work.folder),
        text(package),
        text(&file("sources.list", &lines)?),
        text(&file("try.sh", TRY)?),
    ];
    shell.run(system::as_root(shell, &words)?)
}

/// The system as debootstrap makes it; made once, and then only read.
fn base_system(shell: &Shell, folder: &Path, source: &AptSource) -> Result<PathBuf> {
    std::fs::create_dir_all(folder).during(folder.display())?;
    let base = folder.join(format!("base-{}", source.suite));
    if base.join("usr/bin/apt-get").exists() {
        return Ok(base);
    }
    // What a run that was ended left is no system.
    let unfinished = folder.join("unfinished");
    shell.run(system::as_root(shell, &["rm".to_owned(), "-rf".to_owned(), text(&unfinished)])?)?;
    let words = ["debootstrap", "--variant=minbase", &source.suite, &text(&unfinished), &source.uri];
    shell.run(system::as_root(shell, &words.map(str::to_owned))?)?;
    let words = ["mv".to_owned(), text(&unfinished), text(&base)];
    shell.run(system::as_root(shell, &words)?)?;
    Ok(base)
}

/// The folder in which the clean system changes; its files are root's.
#[derive(Debug)]
struct Work<'a> {
    shell: &'a Shell,
    folder: PathBuf,
}

impl<'a> Work<'a> {
    fn new(shell: &'a Shell, folder: PathBuf) -> Result<Self> {
        std::fs::create_dir_all(&folder).during(folder.display())?;
        Ok(Self { shell, folder })
    }
}

impl Drop for Work<'_> {
    fn drop(&mut self) {
        let words = ["rm".to_owned(), "-rf".to_owned(), text(&self.folder)];
        let outcome = system::as_root(self.shell, &words).and_then(|command| self.shell.run(command));
        if let Err(failure) = outcome {
            eprintln!("xtask: {failure}");
        }
    }
}

fn text(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}

/// One place that this machine gets its packages from.
#[derive(Debug, Eq, PartialEq)]
struct AptSource {
    uri: String,
    suite: String,
    component: String,
}

/// Where this machine gets the packages of its distribution from, the main place first.
fn apt_sources(shell: &Shell) -> Result<Vec<AptSource>> {
    let release = std::fs::read_to_string("/etc/os-release").during("/etc/os-release")?;
    let suite = release.lines().find_map(|line| line.strip_prefix("VERSION_CODENAME=")).unwrap_or_default();
    let format = "$(REPO_URI) $(RELEASE) $(COMPONENT) $(CREATED_BY)";
    let targets = shell.output(shell.command(".", "apt-get", ["indextargets", "--format", format]))?;
    Ok(sources_of(&targets, suite.trim_matches('"')))
}

fn sources_of(targets: &str, suite: &str) -> Vec<AptSource> {
    let suites = [suite.to_owned(), format!("{suite}-updates"), format!("{suite}-security")];
    let mut sources = Vec::new();
    for wanted in &suites {
        for line in targets.lines() {
            let words: Vec<_> = line.split_whitespace().collect();
            let [uri, release, component @ ("main" | "universe"), "Packages"] = words[..] else { continue };
            let source =
                AptSource { uri: uri.to_owned(), suite: release.to_owned(), component: component.to_owned() };
            if release == wanted && !sources.contains(&source) {
                sources.push(source);
            }
        }
    }
    sources
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_distribution_itself_is_taken_into_the_clean_system() {
        let targets = "\
https://tools.example/apt/ tools main Packages
http://mirror.example/debian-security/ bookworm-security main Packages
http://mirror.example/debian/ bookworm main Packages
http://mirror.example/debian/ bookworm main Packages
http://mirror.example/debian/ bookworm main Translations
http://mirror.example/debian/ bookworm non-free Packages
https://docker.example/debian/ bookworm stable Packages
";

        let sources = sources_of(targets, "bookworm");

        let suites: Vec<_> = sources.iter().map(|source| source.suite.as_str()).collect();
        assert_eq!(suites, ["bookworm", "bookworm-security"]);
        assert_eq!(sources[0].uri, "http://mirror.example/debian/");
    }
}
