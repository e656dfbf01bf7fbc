//! The UI's side: npm packages and the built pages.

use std::path::Path;

use crate::failure::{During, Failure, Result};
use crate::shell::{Shell, find_program};

/// The oldest Node.js that the UI's tools run on.
const OLDEST_NODE: u32 = 20;

/// Made beside the packages after a complete install, so that it vanishes together with them.
const STAMP: &str = "ui/node_modules/.installed-for";

/// Runs an npm script of the UI.
///
/// # Errors
/// The script fails or runs out of time.
pub(crate) fn npm_run(shell: &Shell, script: &str) -> Result<()> {
    shell.run(shell.command("ui", &npm()?, ["run", "--silent", script]))
}

/// Installs the packages that the lock file names; does nothing when the last install was for the same lock file.
///
/// # Errors
/// Node.js is missing or too old, or npm fails.
pub(crate) fn install(shell: &Shell) -> Result<()> {
    let node_version = check(shell)?;
    let lock = shell.path("ui/package-lock.json");
    let lock = std::fs::read_to_string(&lock).during(lock.display())?;
    let stamp = shell.path(STAMP);
    let wanted = format!("{node_version}\n{lock}");
    if is_stamped(&stamp, &wanted) {
        println!("npm packages: as the lock file says.");
        return Ok(());
    }
    let shell = shell.with_env("PLAYWRIGHT_SKIP_BROWSER_DOWNLOAD", "1");
    shell.run(shell.command("ui", &npm()?, ["ci", "--no-audit", "--no-fund"]))?;
    std::fs::write(&stamp, wanted).during(stamp.display())
}

/// Installs the packages and builds the pages into `ui/dist`.
///
/// # Errors
/// As for [`install`], or the build fails.
pub(crate) fn build(shell: &Shell) -> Result<()> {
    install(shell)?;
    npm_run(shell, "build")
}

fn is_stamped(stamp: &Path, wanted: &str) -> bool {
    std::fs::read_to_string(stamp).is_ok_and(|found| found == wanted)
}

fn npm() -> Result<String> {
    // On Windows npm is a script, which only starts under its whole name.
    ["npm", "npm.cmd"]
        .into_iter()
        .find_map(find_program)
        .map(|path| path.to_string_lossy().into_owned())
        .ok_or_else(missing_node)
}

/// Makes sure that Node.js is here and new enough, and tells its version.
///
/// # Errors
/// It is missing or too old; this tool does not install it, since distributions carry versions of all ages.
pub(crate) fn check(shell: &Shell) -> Result<String> {
    if find_program("node").is_none() {
        return Err(missing_node());
    }
    let version = shell.output(shell.command(".", "node", ["--version"]))?.trim().to_owned();
    match major(&version) {
        Some(major) if major >= OLDEST_NODE => Ok(version),
        _ => Err(Failure::new(format!(
            "Node.js {version} is too old: the UI needs version {OLDEST_NODE} or newer (nodejs.org)"
        ))),
    }
}

fn missing_node() -> Failure {
    Failure::new(format!("Node.js is missing: install version {OLDEST_NODE} or newer with npm (nodejs.org)"))
}

fn major(version: &str) -> Option<u32> {
    version.strip_prefix('v')?.split('.').next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scratch::Scratch;

    #[test]
    fn node_versions_are_read() {
        assert_eq!(major("v20.20.2"), Some(20));
        assert_eq!(major("20.20.2"), None);
        assert_eq!(major(""), None);
    }

    #[test]
    fn another_lock_file_asks_for_a_new_install() {
        let scratch = Scratch::new("node-stamp").unwrap();
        let stamp = scratch.path().join("stamp");

        assert!(!is_stamped(&stamp, "lock one"));
        std::fs::write(&stamp, "lock one").unwrap();
        assert!(is_stamped(&stamp, "lock one"));
        assert!(!is_stamped(&stamp, "lock two"));
    }
}
