//! `cargo xtask bench`: the benchmarks of the crates, and the streaming bench of `extras/bench`.

use std::path::PathBuf;

use crate::failure::{Failure, Result};
use crate::headless::target_folder;
use crate::packages::Purpose;
use crate::shell::Shell;
use crate::system;

/// A fixed version, so that a ratio keeps its meaning.
const RQBIT_VERSION: &str = "9.1.0";
/// The one that the system's libtorrent belongs to.
const PYTHON: &str = "/usr/bin/python3";

/// Runs the benchmarks of all headless crates, of the one whose name without `freshet-` comes first, or the streaming bench.
///
/// # Errors
/// One does not compile or fails, or there is no such crate.
pub(crate) fn bench(shell: &Shell, rest: &[String]) -> Result<()> {
    if let Some((name, rest)) = rest.split_first()
        && name == "stream"
    {
        return stream(shell, rest);
    }
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

/// Runs an experiment of the streaming bench with a release build of `freshetd`; `extras/bench/README.md` tells which there are.
fn stream(shell: &Shell, rest: &[String]) -> Result<()> {
    // The seeders are those of the tests.
    system::ensure_packages(shell, &[Purpose::Build, Purpose::Play, Purpose::RustTests])?;
    let place = stream_folder()?;
    let tools = place.join("target").to_string_lossy().into_owned();
    let network = "extras/bench/wanem/Cargo.toml";
    shell.cargo(&["build", "--release", "--manifest-path", network, "--target-dir", &tools])?;
    shell.cargo(&["build", "--release", "--package", "freshet-server", "--bin", "freshetd"])?;
    let program = target_folder(shell)?.join("release/freshetd");
    let shell =
        shell.with_env("BENCH_DIR", place.to_string_lossy()).with_env("FRESHETD", program.to_string_lossy());
    shell.run(shell.command("extras/bench", PYTHON, ["content.py"]))?;
    let arguments = rest.iter().filter(|argument| *argument != "--").map(String::as_str);
    shell.run(shell.command("extras/bench", PYTHON, ["bench.py"].into_iter().chain(arguments)))
}

/// Where it keeps its films and its results: they outlive `cargo clean`.
fn stream_folder() -> Result<PathBuf> {
    let named = std::env::var_os("BENCH_DIR").map(PathBuf::from);
    let at_home = || std::env::var_os("HOME").map(|home| PathBuf::from(home).join(".cache/freshet-bench"));
    named
        .or_else(at_home)
        .ok_or_else(|| Failure::new("no HOME to keep the films of the bench in (or set BENCH_DIR)"))
}

#[cfg(test)]
mod tests {
    use super::*;

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
}
