//! A network of its own for a test, and foreign programs in it.

use std::net::SocketAddr;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use freshet_app::App;
use freshet_model::{NetworkPatch, SettingsPatch};
use freshet_server::{PortChoice, Server, ServerOptions};
use serde_json::Value;
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt as _, BufReader, Lines};
use tokio::process::{Child, ChildStdout};
use tokio::sync::watch;

use crate::common::{PATIENCE, start_app};

const INSIDE: &str = "FRESHET_TEST_NAMESPACE";

/// Runs the body of a test in a network namespace: the test calls itself there, and sees whether that went well.
pub(crate) fn in_namespace<F: Future<Output = ()>>(test: &str, body: impl FnOnce() -> F) {
    if std::env::var_os(INSIDE).is_some() {
        tokio::runtime::Runtime::new().unwrap().block_on(body());
        return;
    }
    let script =
        "ip link set lo up && ip link set lo multicast on && ip route add 224.0.0.0/4 dev lo && exec \"$@\"";
    let output = Command::new("unshare")
        .args(["--user", "--map-root-user", "--net", "--mount", "sh", "-c", script, "sh"])
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", test, "--nocapture"])
        .env(INSIDE, "1")
        .output()
        .expect("unshare is there");
    let text =
        String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{text}");
    // A name that is no test would run nothing and succeed.
    assert!(text.contains("1 passed"), "{text}");
}

/// A server that is announced on loopback.
pub(crate) struct Announced {
    _folder: TempDir,
    pub(crate) app: App,
    pub(crate) server: Server,
    pub(crate) lan: watch::Sender<Arc<[SocketAddr]>>,
    _prefix: watch::Sender<Arc<str>>,
}

impl Announced {
    /// With this data folder, so that a torrent can be had from a seeder beside it.
    pub(crate) async fn start(network: NetworkPatch) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let app = start_app(folder.path().join("data")).await;
        let (lan, lan_receiver) = watch::channel(Arc::from([]));
        let (prefix, prefix_receiver) = watch::channel(Arc::from(""));
        let options = ServerOptions { port: PortChoice::Exact(0), ..ServerOptions::default() };
        let server =
            Server::bind_announced(app.clone(), options, lan_receiver, prefix_receiver).await.unwrap();
        lan.send_replace(Arc::from([server.local_addr()]));
        let world = Self { _folder: folder, app, server, lan, _prefix: prefix };
        world.change(network).await;
        world
    }

    pub(crate) async fn change(&self, network: NetworkPatch) {
        let patch = SettingsPatch { network: Some(network), ..SettingsPatch::default() };
        self.app.update_settings(patch).await.unwrap();
    }

    pub(crate) async fn end(self) {
        let deadline = Duration::from_secs(10);
        tokio::time::timeout(PATIENCE, self.server.shutdown(deadline)).await.expect("the server ends");
        tokio::time::timeout(PATIENCE, self.app.shutdown(deadline)).await.expect("the app ends");
    }
}

/// A program that tells what it sees, one JSON document a line.
pub(crate) struct Witness {
    lines: Lines<BufReader<ChildStdout>>,
    child: Child,
}

impl Witness {
    /// One in Python.
    pub(crate) fn start(script: &str) -> Self {
        Self::start_with(script, &[])
    }

    pub(crate) fn start_with(script: &str, args: &[&str]) -> Self {
        // The system's packages are those of the system's Python.
        let system = "/usr/bin/python3";
        let python = if Path::new(system).exists() { system } else { "python3" };
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/lan").join(script);
        let mut command = tokio::process::Command::new(python);
        command.arg("-u").arg(script).args(args);
        Self::of(command)
    }

    pub(crate) fn of(mut command: tokio::process::Command) -> Self {
        let quiet = command.stdout(Stdio::piped()).stdin(Stdio::null()).kill_on_drop(true);
        let mut child = quiet.spawn().expect("the program is there");
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        Self { lines, child }
    }

    pub(crate) fn pid(&self) -> String {
        self.child.id().expect("it runs").to_string()
    }

    /// The next thing that it saw and that is wanted.
    pub(crate) async fn saw<T>(&mut self, what: &str, mut pick: impl FnMut(&Value) -> Option<T>) -> T {
        tokio::time::timeout(PATIENCE, async {
            loop {
                let line = self
                    .lines
                    .next_line()
                    .await
                    .unwrap()
                    .unwrap_or_else(|| panic!("it ended before: {what}"));
                // A test that is a program here says more than what it sees.
                if !line.starts_with(['{', '"']) {
                    continue;
                }
                let seen: Value =
                    serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line}"));
                if let Some(found) = pick(&seen) {
                    return found;
                }
            }
        })
        .await
        .unwrap_or_else(|_| panic!("not seen: {what}"))
    }
}
