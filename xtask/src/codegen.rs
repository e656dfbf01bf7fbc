//! The TypeScript side of the command list, written from the Rust types.

use crate::failure::{During, Failure, Result};
use crate::headless::Headless;
use crate::shell::{Shell, cargo_program};

const BINDINGS: &str = "ui/src/lib/host/bindings.ts";
const GENERATOR: &str = "freshet-bindings";

/// Writes the bindings.
///
/// # Errors
/// The generator cannot be built or fails, or the file cannot be written.
pub(crate) fn write(shell: &Shell) -> Result<()> {
    let path = shell.path(BINDINGS);
    let fresh = generate(shell)?;
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder).during(folder.display())?;
    }
    std::fs::write(&path, fresh).during(path.display())?;
    println!("{BINDINGS}: written.");
    Ok(())
}

/// Compares the bindings in the repository with fresh ones.
///
/// # Errors
/// As for [`write`], or they differ.
pub(crate) fn check(shell: &Shell) -> Result<()> {
    compare(shell, &generate(shell)?)
}

/// The same comparison, with a generator that the test layers have built.
///
/// # Errors
/// The generator fails, or the bindings are stale.
pub(crate) fn check_with(shell: &Shell, headless: &Headless) -> Result<()> {
    let generator = headless.binary(GENERATOR);
    compare(shell, &shell.output(shell.command(".", &generator, std::iter::empty::<&str>()))?)
}

fn compare(shell: &Shell, fresh: &str) -> Result<()> {
    let path = shell.path(BINDINGS);
    let committed = std::fs::read_to_string(&path).during(path.display())?;
    match first_difference(&committed, fresh) {
        None => {
            println!("{BINDINGS}: fresh.");
            Ok(())
        }
        Some((line, committed, fresh)) => Err(Failure::new(format!(
            "{BINDINGS} is stale from line {line} on; run `cargo xtask codegen`\n  there: {committed}\n  fresh: {fresh}"
        ))),
    }
}

fn generate(shell: &Shell) -> Result<String> {
    shell.output(shell.command(
        ".",
        &cargo_program(),
        ["run", "--quiet", "--package", "freshet-app", "--features", "ts", "--bin", GENERATOR],
    ))
}

/// The number and the text of the first line that differs.
fn first_difference<'a>(committed: &'a str, fresh: &'a str) -> Option<(usize, &'a str, &'a str)> {
    if committed == fresh {
        return None;
    }
    let mut there = committed.lines();
    let mut wanted = fresh.lines();
    for number in 1.. {
        match (there.next(), wanted.next()) {
            (Some(a), Some(b)) if a == b => {}
            (None, None) => return Some((number, "(line endings)", "(line endings)")),
            (a, b) => return Some((number, a.unwrap_or("(nothing)"), b.unwrap_or("(nothing)"))),
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_stale_line_is_named() {
        assert_eq!(first_difference("a\nb\n", "a\nb\n"), None);
        assert_eq!(first_difference("a\nb\n", "a\nc\n"), Some((2, "b", "c")));
        assert_eq!(first_difference("a\n", "a\nb\n"), Some((2, "(nothing)", "b")));
        assert_eq!(first_difference("a\r\n", "a\n"), Some((2, "(line endings)", "(line endings)")));
    }
}
