//! The layer `openapi` of the long tests: schemathesis, which reads the description at `/openapi.json`, asks the server
//! whatever fits it, and holds the answers against it.

use std::process::Command;

use crate::demo::{Echo, Running, authority_in};
use crate::failure::Result;
use crate::headless::{Headless, target_folder};
use crate::scratch::Scratch;
use crate::shell::Shell;

/// A fixed version, so that a new one can't change what a run means.
const SCHEMATHESIS: &str = "schemathesis==4.32.5";
/// What ends the program, never ends itself, or asks the network and waits for it for minutes.
const LEFT_OUT: &str =
    "^/(shutdown|events|torznab/test|rpc/(torrent_add|torrent_retry|import|playback|search|indexer|player))";
/// Which answers are wrong. That a body without content has no type is right: clients of TorrServer want "done" to be empty.
const CHECKS: &str = "not_a_server_error,status_code_conformance";

/// # Errors
/// The server answered with an error of its own, or with a status that is not described.
pub(crate) fn check(shell: &Shell) -> Result<()> {
    let headless = Headless::build(shell)?;
    let venv = target_folder(shell)?.join("schemathesis");
    let program = |name: &str| venv.join("bin").join(name).to_string_lossy().into_owned();
    let venv_text = venv.to_string_lossy().into_owned();
    shell.run(shell.command(".", "python3", ["-m", "venv", &venv_text]))?;
    shell.run(shell.command(".", &program("pip"), ["install", "--quiet", SCHEMATHESIS]))?;

    let scratch = Scratch::new("openapi")?;
    let mut running = Running::new(&scratch)?;
    let mut command = Command::new(headless.binary("freshetd"));
    command.arg("--path").arg(scratch.path().join("data")).args(["--no-dht", "--port", "0", "--log", "warn"]);
    let daemon = running.start(&mut command, Echo::Silent)?;
    let description = format!("http://{}/openapi.json", authority_in(&daemon.line_with("http://")?)?);
    let arguments = [
        "run",
        &description,
        "--checks",
        CHECKS,
        "--max-examples",
        "40",
        "--seed",
        "1",
        "--request-timeout",
        "30",
        "--exclude-path-regex",
        LEFT_OUT,
    ];
    shell.run(shell.command(".", &program("schemathesis"), arguments))
}
