//! Rules of the house that no compiler checks: who may depend on whom, what may stand in a file, which licenses come in.

mod licenses;
mod manifests;
mod migrations;
mod rooms;
mod sources;

use std::fmt;

use crate::failure::{During, Failure, Result};
use crate::shell::Shell;
use crate::workspace::Workspace;

pub(crate) use migrations::freeze as freeze_migrations;

/// Something that breaks a rule, and where.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Finding {
    place: String,
    what: String,
    /// Shown, but no reason to fail.
    is_advice: bool,
}

impl Finding {
    fn new(place: impl Into<String>, what: impl Into<String>) -> Self {
        Self { place: place.into(), what: what.into(), is_advice: false }
    }

    fn advice(place: impl Into<String>, what: impl Into<String>) -> Self {
        Self { is_advice: true, ..Self::new(place, what) }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mark = if self.is_advice { "advice" } else { "error" };
        write!(formatter, "{mark}: {}: {}", self.place, self.what)
    }
}

/// A text file of the repository, under its path from the top with forward slashes.
#[derive(Debug)]
pub(crate) struct SourceFile {
    path: String,
    text: String,
}

/// Checks everything and prints what was found.
///
/// # Errors
/// A rule is broken, or something that has to be read cannot be.
pub(crate) fn tidy(shell: &Shell) -> Result<()> {
    let workspace = Workspace::with_dependencies(shell)?;
    let files = read_files(shell)?;
    let deny = shell.path("deny.toml");
    let deny = std::fs::read_to_string(&deny).during(deny.display())?;

    let mut findings = rooms::check(&workspace);
    findings.extend(rooms::check_deny_list(&deny));
    findings.extend(licenses::check(&workspace, &deny));
    findings.extend(manifests::check(&files));
    findings.extend(sources::check(&files, &sources::machine_paths(shell)));
    findings.extend(migrations::check(shell, &files)?);

    for finding in &findings {
        println!("{finding}");
    }
    let errors = findings.iter().filter(|finding| !finding.is_advice).count();
    println!("tidy: {} files, {errors} errors, {} pieces of advice", files.len(), findings.len() - errors);
    if errors == 0 { Ok(()) } else { Err(Failure::new(format!("tidy found {errors} errors"))) }
}

/// The text files that git knows or would add, so that build output never counts.
fn read_files(shell: &Shell) -> Result<Vec<SourceFile>> {
    let listing = shell.output(shell.command(
        ".",
        "git",
        ["ls-files", "-z", "--cached", "--others", "--exclude-standard"],
    ))?;
    let mut paths: Vec<&str> = listing.split('\0').filter(|path| !path.is_empty()).collect();
    paths.sort_unstable();
    paths.dedup();
    // A file that cannot be read as text is a picture; one that is gone is a deletion which is not committed yet.
    Ok(paths
        .into_iter()
        .filter_map(|path| {
            let text = std::fs::read_to_string(shell.path(path)).ok()?;
            Some(SourceFile { path: path.to_owned(), text })
        })
        .collect())
}
