//! What every room has: the shared lints, a page that says why it stands there, and a README that starts the program.

use super::{Finding, SourceFile};

/// Rooms with lint tables of their own, which repeat the shared ones but for the named difference.
const OWN_LINTS: &[&str] = &[
    // `main` sets an environment variable before any thread exists, and `forbid` knows no exception.
    "src-tauri/Cargo.toml",
];

/// The commands that a person needs first.
const COMMANDS: [&str; 2] = ["cargo xtask run", "cargo xtask test"];

pub(super) fn check(files: &[SourceFile]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for manifest in files.iter().filter(|file| is_member(file)) {
        if !OWN_LINTS.contains(&manifest.path.as_str()) && !inherits_lints(&manifest.text) {
            findings.push(Finding::new(&manifest.path, "does not inherit the workspace's lints"));
        }
        let folder = manifest.path.trim_end_matches("Cargo.toml");
        let roots: Vec<_> = files
            .iter()
            .filter(|file| {
                ["src/lib.rs", "src/main.rs"].iter().any(|root| file.path == format!("{folder}{root}"))
            })
            .collect();
        for root in roots {
            if !root.text.starts_with("//!") {
                findings.push(Finding::new(
                    &root.path,
                    "does not begin with a `//!` line that says why it is a crate",
                ));
            }
        }
    }
    for command in COMMANDS {
        if !files.iter().any(|file| file.path == "README.md" && file.text.contains(command)) {
            findings.push(Finding::new("README.md", format!("does not name `{command}`")));
        }
    }
    findings
}

fn is_member(file: &SourceFile) -> bool {
    file.path.ends_with("/Cargo.toml") && file.text.contains("[package]")
}

fn inherits_lints(manifest: &str) -> bool {
    manifest.split("\n[").any(|section| {
        section.starts_with("lints]") && section.lines().any(|line| line.trim() == "workspace = true")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(path: &str, text: &str) -> SourceFile {
        SourceFile { path: path.to_owned(), text: text.to_owned() }
    }

    fn complaints(files: &[SourceFile]) -> Vec<String> {
        check(files).into_iter().map(|finding| format!("{}: {}", finding.place, finding.what)).collect()
    }

    fn readme() -> SourceFile {
        file("README.md", "Start with `cargo xtask run`; test with `cargo xtask test`.")
    }

    #[test]
    fn a_room_with_lints_and_a_first_page_passes() {
        let files = [
            readme(),
            file("crates/web/Cargo.toml", "[package]\nname = \"a\"\n\n[lints]\nworkspace = true\n"),
            file("crates/web/src/lib.rs", "//! The guarded client.\n"),
        ];

        assert_eq!(complaints(&files), Vec::<String>::new());
    }

    #[test]
    fn a_room_without_them_fails() {
        let files = [
            readme(),
            file(
                "crates/web/Cargo.toml",
                "[package]\nversion.workspace = true\n[dependencies]\na = { workspace = true }\n",
            ),
            file("crates/web/src/lib.rs", "pub mod client;\n"),
        ];

        let complaints = complaints(&files);

        assert_eq!(complaints.len(), 2, "{complaints:?}");
        assert!(complaints[0].contains("lints") && complaints[1].contains("//!"), "{complaints:?}");
    }

    #[test]
    fn a_readme_without_the_commands_fails() {
        assert_eq!(complaints(&[file("README.md", "Run `cargo xtask run`.")]).len(), 1);
        assert_eq!(complaints(&[]).len(), 2);
    }
}
