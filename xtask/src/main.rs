//! The repository's own commands, so that a fresh clone needs nothing but cargo and npm.
//!
//! This crate depends on no room of the workspace: it has to build in seconds on a machine where the system packages that
//! the rooms need are still missing, because installing them is its first task.
#![allow(clippy::print_stdout, reason = "printing is what a command line tool does")]

mod bench;
mod codegen;
mod demo;
mod display;
mod dist;
mod failure;
mod headless;
mod http;
mod icons;
mod layers;
mod node;
mod openapi;
mod packages;
mod run;
mod scratch;
mod shell;
mod system;
mod test;
mod tidy;
mod workspace;

use std::process::ExitCode;

use failure::{Failure, Result};
use shell::Shell;

const USAGE: &str = "\
usage: cargo xtask <command>

  run [--release] [-- ARGS]     install what is missing, build and start Freshet (freshetd where there is no display)
  test [--deep] [--layer NAME]  run everything that continuous integration runs; --deep adds the long forms
  ci                            the same as test
  tidy [--freeze-migrations]    check the rules that no compiler checks
  codegen [--check]             write (or compare) ui/src/lib/host/bindings.ts
  demo [--check]                make a clip, seed it on loopback, and play it; needs no internet
  bench [NAME] [-- ARGS]        run the benchmarks, those of one crate (media, server, store), or the
                                streaming bench (stream; see extras/bench)
  dist [--check] [--binaries FOLDER]
                                make the package for Debian and Ubuntu; --check tries it in a system that has nothing else
  icons                         draw the icons again from icons/*.svg
";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match dispatch(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("\nxtask: {failure}");
            ExitCode::FAILURE
        }
    }
}

fn dispatch(arguments: &[String]) -> Result<()> {
    let shell = Shell::at_repository_root();
    let Some((command, rest)) = arguments.split_first() else {
        print!("{USAGE}");
        return Err(Failure::new("no command given"));
    };
    match command.as_str() {
        "run" => run::run(&shell, &run::Options::parse(rest)?),
        "test" | "ci" => test::test(&shell, &test::Options::parse(rest)?),
        "tidy" => match rest {
            [] => tidy::tidy(&shell),
            [flag] if flag == "--freeze-migrations" => tidy::freeze_migrations(&shell),
            _ => Err(Failure::new("tidy takes --freeze-migrations or nothing")),
        },
        "codegen" => match rest {
            [] => codegen::write(&shell),
            [flag] if flag == "--check" => codegen::check(&shell),
            _ => Err(Failure::new("codegen takes --check or nothing")),
        },
        "demo" => demo::demo(&shell, &demo::Options::parse(rest)?),
        "bench" => bench::bench(&shell, rest),
        "dist" => dist::dist(&shell, &dist::Options::parse(rest)?),
        "icons" => icons::draw(&shell),
        "help" | "--help" | "-h" => {
            print!("{USAGE}");
            Ok(())
        }
        other => {
            print!("{USAGE}");
            Err(Failure::new(format!("there is no command {other:?}")))
        }
    }
}
