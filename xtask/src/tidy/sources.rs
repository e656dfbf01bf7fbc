//! What may stand in a file, and how long it may be.

use super::{Finding, SourceFile};
use crate::shell::Shell;

/// Files longer than this should be split.
const LONG_LINES: usize = 500;
/// Files longer than this fail.
const TOO_LONG_LINES: usize = 800;

/// The only file of the UI that knows the desktop shell.
const TAURI_HOST: &str = "ui/src/lib/host/tauri.ts";

/// What must not stand in a file with one of these endings; the words are put together, so that this file passes.
const FORBIDDEN: &[(&[&str], &str, &str)] = &[
    (&["rs"], concat!("to", "do!("), "leaves a hole in the program"),
    (&["rs"], concat!("unimple", "mented!("), "leaves a hole in the program"),
    (&["rs"], concat!("#[", "ignore"), "hides a test: mend it or remove it"),
    (&["ts", "js", "svelte"], concat!(".on", "ly("), "switches the other tests off"),
    (&["ts", "js", "svelte"], concat!("test.sk", "ip("), "hides a test: mend it or remove it"),
];

/// Finds broken rules; `machine_paths` are the folders of this machine that must not be named.
pub(super) fn check(files: &[SourceFile], machine_paths: &[String]) -> Vec<Finding> {
    files.iter().flat_map(|file| check_file(file, machine_paths)).collect()
}

/// The folders that only exist here: the repository's own and the user's.
pub(super) fn machine_paths(shell: &Shell) -> Vec<String> {
    let home = std::env::var("HOME").or_else(|_| std::env::var("USERPROFILE")).ok();
    [Some(shell.root().to_string_lossy().into_owned()), home]
        .into_iter()
        .flatten()
        .filter(|path| path.len() > 1)
        .map(|path| format!("{}/", path.trim_end_matches(['/', '\\'])))
        .collect()
}

fn check_file(file: &SourceFile, machine_paths: &[String]) -> Vec<Finding> {
    let mut findings = Vec::new();
    let ending = file.path.rsplit_once('.').map_or("", |(_, ending)| ending);
    let is_code =
        ["rs", "ts", "js", "mjs", "svelte", "css", "html", "toml", "sh", "yml", "sql"].contains(&ending);
    findings.extend(check_length(file, ending));
    for (number, line) in file.text.lines().enumerate() {
        let place = || format!("{}:{}", file.path, number + 1);
        for (endings, word, why) in FORBIDDEN {
            if endings.contains(&ending) && line.contains(word) {
                findings.push(Finding::new(place(), format!("`{word}` {why}")));
            }
        }
        if is_code && has_open_end(line) {
            findings.push(Finding::new(place(), "an open end without the number of its issue (#12)"));
        }
        if let Some(path) = machine_paths.iter().find(|path| names_path(line, path)) {
            findings.push(Finding::new(place(), format!("names a folder of this machine ({path})")));
        }
        if file.path.starts_with("ui/src/") && file.path != TAURI_HOST && imports_tauri(line) {
            findings.push(Finding::new(place(), format!("imports @tauri-apps; only {TAURI_HOST} may")));
        }
    }
    findings
}

fn check_length(file: &SourceFile, ending: &str) -> Option<Finding> {
    if !["rs", "ts", "js", "svelte", "css"].contains(&ending) || is_generated_or_test(&file.path) {
        return None;
    }
    match file.text.lines().count() {
        lines if lines > TOO_LONG_LINES => {
            Some(Finding::new(&file.path, format!("has {lines} lines (at most {TOO_LONG_LINES})")))
        }
        lines if lines > LONG_LINES => {
            Some(Finding::advice(&file.path, format!("has {lines} lines; split it before {TOO_LONG_LINES}")))
        }
        _ => None,
    }
}

fn is_generated_or_test(path: &str) -> bool {
    path == "ui/src/lib/host/bindings.ts"
        || ["_tests.rs", ".test.ts", ".spec.ts"].iter().any(|end| path.ends_with(end))
        || ["/tests/", "/e2e/", "/gen/"].iter().any(|folder| path.contains(folder))
}

/// Whether the line promises work that nobody will find again.
fn has_open_end(line: &str) -> bool {
    [concat!("TO", "DO"), concat!("FIX", "ME"), concat!("XX", "X")].into_iter().any(|word| {
        line.match_indices(word).any(|(at, _)| {
            let before = line[..at].chars().next_back();
            let after = line[at + word.len()..].chars().next();
            let is_word = |neighbor: Option<char>| neighbor.is_some_and(|c| c.is_alphanumeric() || c == '_');
            !is_word(before) && !is_word(after)
        }) && !names_issue(line)
    })
}

fn names_issue(line: &str) -> bool {
    line.match_indices('#').any(|(at, _)| line[at + 1..].starts_with(|c: char| c.is_ascii_digit()))
}

/// Whether the path stands in the line as a whole, not as the end of a longer one.
fn names_path(line: &str, path: &str) -> bool {
    line.match_indices(path).any(|(at, _)| {
        !line[..at].chars().next_back().is_some_and(|c| c.is_alphanumeric() || "._-}".contains(c))
    })
}

fn imports_tauri(line: &str) -> bool {
    let is_import = line.contains("import") || line.contains("from ") || line.contains("require(");
    is_import && (line.contains("'@tauri-apps/") || line.contains("\"@tauri-apps/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn complaints(path: &str, text: &str) -> Vec<String> {
        let file = SourceFile { path: path.to_owned(), text: text.to_owned() };
        check(&[file], &["/builds/freshet/".to_owned(), "/home/ann/".to_owned()])
            .iter()
            .map(Finding::to_string)
            .collect()
    }

    #[test]
    fn plain_code_passes() {
        assert_eq!(
            complaints("crates/a/src/lib.rs", "//! Words.\nfn only(all: u8) {}\n"),
            Vec::<String>::new()
        );
    }

    #[test]
    fn holes_and_hidden_tests_fail() {
        for (path, line) in [
            ("crates/a/src/lib.rs", concat!("    to", "do!()")),
            ("crates/a/src/lib.rs", concat!("unimple", "mented!(\"later\")")),
            ("crates/a/tests/a.rs", concat!("#[", "ignore = \"slow\"]")),
            ("ui/src/lib/a.test.ts", concat!("it.on", "ly('works', () => {})")),
            ("ui/e2e/a.spec.ts", concat!("test.sk", "ip('works', () => {})")),
        ] {
            assert_eq!(complaints(path, line).len(), 1, "{line}");
        }
    }

    #[test]
    fn the_words_are_free_where_they_mean_something_else() {
        assert!(complaints("CONTRIBUTING.md", concat!("No `#[", "ignore]`.")).is_empty());
        assert!(complaints("crates/a/src/lib.rs", concat!("list.on", "ly(1)")).is_empty());
    }

    #[test]
    fn an_open_end_needs_an_issue() {
        let word = concat!("TO", "DO");

        assert_eq!(complaints("a.rs", &format!("// {word}: later")).len(), 1);
        assert!(complaints("a.rs", &format!("// {word}(#12): later")).is_empty());
        assert!(complaints("a.rs", &format!("let {word}S = 1;")).is_empty());
        assert_eq!(complaints("a.rs", &format!("// {word} in #rust")).len(), 1);
    }

    #[test]
    fn folders_of_this_machine_are_not_named() {
        assert_eq!(complaints("docs/a.md", "see /builds/freshet/docs").len(), 1);
        assert_eq!(complaints("a.rs", "let data = \"/home/ann/.local/share\";").len(), 1);
        assert!(complaints("a.rs", "let data = \"/data/home/ann/films\";").is_empty());
        assert!(complaints("a.rs", "let data = \"/home/someone/films\";").is_empty());
    }

    #[test]
    fn only_one_file_of_the_ui_imports_tauri() {
        let line = "import { invoke } from '@tauri-apps/api/core';";

        assert_eq!(complaints("ui/src/lib/stores/library.svelte.ts", line).len(), 1);
        assert_eq!(
            complaints("ui/src/a.ts", "const core = await import(\"@tauri-apps/api/core\");").len(),
            1
        );
        assert!(complaints(TAURI_HOST, line).is_empty());
        assert!(complaints("ui/src/a.ts", "// never @tauri-apps here").is_empty());
    }

    #[test]
    fn long_files_are_advised_and_too_long_ones_fail() {
        let lines = |count| "x\n".repeat(count);

        assert!(complaints("a.rs", &lines(500)).is_empty());
        assert!(complaints("a.rs", &lines(501))[0].starts_with("advice"));
        assert!(complaints("a.rs", &lines(800))[0].starts_with("advice"));
        assert!(complaints("a.rs", &lines(801))[0].starts_with("error"));
    }

    #[test]
    fn generated_files_and_tests_may_be_long() {
        let long = "x\n".repeat(2000);

        for path in
            ["ui/src/lib/host/bindings.ts", "crates/a/tests/big.rs", "crates/a/src/x_tests.rs", "ui/e2e/a.ts"]
        {
            assert!(complaints(path, &long).is_empty(), "{path}");
        }
    }
}
