//! Migrations that have gone out to people are never edited: their databases will not run them a second time.
//!
//! `xtask/migrations.frozen` names each of them with the checksum of its text. A release freezes what is new.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::{Finding, SourceFile, read_files};
use crate::failure::{During, Failure, Result};
use crate::shell::Shell;

const FROZEN: &str = "xtask/migrations.frozen";
const FOLDER: &str = "crates/store/migrations/";

/// Finds frozen migrations that were edited or removed.
///
/// # Errors
/// The list of frozen migrations cannot be read.
pub(super) fn check(shell: &Shell, files: &[SourceFile]) -> Result<Vec<Finding>> {
    let path = shell.path(FROZEN);
    let frozen = std::fs::read_to_string(&path).during(path.display())?;
    Ok(compare(&parse(&frozen), &checksums(files)))
}

/// Adds the migrations that are not frozen yet.
///
/// # Errors
/// A frozen one was changed, or the list cannot be written.
pub(crate) fn freeze(shell: &Shell) -> Result<()> {
    let files = read_files(shell)?;
    if let Some(finding) = check(shell, &files)?.first() {
        return Err(Failure::new(finding.to_string()));
    }
    let mut text = String::from("# Written by `cargo xtask tidy --freeze-migrations` at a release.\n");
    for (name, checksum) in checksums(&files) {
        let _ = writeln!(text, "{name} {checksum}");
    }
    std::fs::write(shell.path(FROZEN), text).during(FROZEN)
}

fn parse(frozen: &str) -> BTreeMap<String, String> {
    frozen
        .lines()
        .filter(|line| !line.starts_with('#'))
        .filter_map(|line| line.split_once(' '))
        .map(|(name, checksum)| (name.to_owned(), checksum.trim().to_owned()))
        .collect()
}

fn checksums(files: &[SourceFile]) -> BTreeMap<String, String> {
    files
        .iter()
        .filter_map(|file| {
            let name = file.path.strip_prefix(FOLDER)?;
            name.ends_with(".sql").then(|| (name.to_owned(), checksum(&file.text)))
        })
        .collect()
}

/// FNV-1a: guards against a slip of the hand, not against an attacker, and needs no dependency.
fn checksum(text: &str) -> String {
    let hash = text.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    format!("{hash:016x}")
}

fn compare(frozen: &BTreeMap<String, String>, present: &BTreeMap<String, String>) -> Vec<Finding> {
    frozen
        .iter()
        .filter_map(|(name, checksum)| {
            let place = format!("{FOLDER}{name}");
            match present.get(name) {
                None => Some(Finding::new(place, "was released and is gone")),
                Some(found) if found != checksum => {
                    Some(Finding::new(place, "was released and is edited: append another migration instead"))
                }
                Some(_) => None,
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn migration(name: &str, text: &str) -> SourceFile {
        SourceFile { path: format!("{FOLDER}{name}"), text: text.to_owned() }
    }

    #[test]
    fn a_frozen_migration_may_neither_change_nor_go() {
        let frozen = checksums(&[migration("0001_init.sql", "CREATE"), migration("0002_more.sql", "ALTER")]);

        let findings = compare(&frozen, &checksums(&[migration("0001_init.sql", "CREATE TABLE")]));

        let words: Vec<_> = findings.iter().map(Finding::to_string).collect();
        assert_eq!(words.len(), 2, "{words:?}");
        assert!(words[0].contains("0001_init.sql") && words[0].contains("edited"), "{words:?}");
        assert!(words[1].contains("0002_more.sql") && words[1].contains("gone"), "{words:?}");
    }

    #[test]
    fn a_new_migration_passes() {
        let frozen = checksums(&[migration("0001_init.sql", "CREATE")]);
        let present = checksums(&[migration("0001_init.sql", "CREATE"), migration("0002_more.sql", "ALTER")]);

        assert_eq!(compare(&frozen, &present), []);
    }

    #[test]
    fn the_list_is_read_back_as_written() {
        let frozen = parse("# comment\n0001_init.sql 00ff\n");

        assert_eq!(frozen.get("0001_init.sql").map(String::as_str), Some("00ff"));
        assert_eq!(frozen.len(), 1);
    }
}
