//! `freshetd` as a child process.

#![allow(dead_code, reason = "each test binary uses its part")]

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

/// Against hanging only.
const PATIENCE: Duration = Duration::from_secs(60);

/// The command with a data folder, away from the public network.
pub(crate) fn freshetd(data: &Path, flags: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_freshetd"));
    command.arg("--no-dht").arg("-d").arg(data).args(flags);
    command
}

/// Runs a command that has to end with 1, and gives what it says.
pub(crate) fn fails(command: &mut Command) -> String {
    let child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut child = Kill(child);
    let status = wait(&mut child.0);
    let (mut out, mut error) = (String::new(), String::new());
    child.0.stdout.take().unwrap().read_to_string(&mut out).unwrap();
    child.0.stderr.take().unwrap().read_to_string(&mut error).unwrap();
    assert_eq!((status.code(), out.as_str()), (Some(1), ""), "{error}");
    error
}

/// A running `freshetd`; killed when it is dropped.
pub(crate) struct Daemon {
    child: Kill,
    pub(crate) url: String,
}

pub(crate) struct Kill(pub(crate) Child);

impl Drop for Kill {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Daemon {
    /// Starts it and waits until it says where it listens.
    pub(crate) fn start(data: &Path, flags: &[&str]) -> Self {
        Self::start_with(data, flags, &[])
    }

    /// The same in another environment.
    pub(crate) fn start_with(data: &Path, flags: &[&str], env: &[(&str, &str)]) -> Self {
        let mut command = freshetd(data, flags);
        command.envs(env.iter().copied());
        let mut child = Kill(command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().unwrap());
        let stdout = BufReader::new(child.0.stdout.take().unwrap());
        let (sender, line) = mpsc::sync_channel(1);
        std::thread::spawn(move || {
            let mut line = String::new();
            let mut stdout = stdout;
            let _ = stdout.read_line(&mut line);
            let _ = sender.send(line);
            // Keeps the pipe open and empty until the child ends.
            let _ = std::io::copy(&mut stdout, &mut std::io::sink());
        });
        let line = line.recv_timeout(PATIENCE).expect("it becomes ready in time");
        let url = line.trim_end().strip_prefix("freshetd listens on ").unwrap_or_else(|| panic!("{line:?}"));
        Self { child, url: url.to_owned() }
    }

    /// Sends a signal and waits for the end.
    pub(crate) fn end_with(&mut self, signal: &str) -> ExitStatus {
        let pid = self.child.0.id().to_string();
        assert!(Command::new("kill").args(["-s", signal, &pid]).status().unwrap().success());
        wait(&mut self.child.0)
    }

    /// Waits for its end.
    pub(crate) fn wait(&mut self) -> ExitStatus {
        wait(&mut self.child.0)
    }

    pub(crate) fn post(&self, path: &str, body: &str) -> String {
        let length = body.len();
        exchange(&self.url, &format!("POST {path} HTTP/1.1\r\nContent-Length: {length}\r\n"), body)
    }
}

fn wait(child: &mut Child) -> ExitStatus {
    let start = Instant::now();
    loop {
        if let Some(status) = child.try_wait().unwrap() {
            return status;
        }
        assert!(start.elapsed() < PATIENCE, "it does not end");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// The whole answer, head and body, as text.
pub(crate) fn http_get(url: &str, path: &str) -> String {
    exchange(url, &format!("GET {path} HTTP/1.1\r\n"), "")
}

fn exchange(url: &str, head: &str, body: &str) -> String {
    let answer = exchange_bytes(url, head, body);
    String::from_utf8_lossy(&answer).into_owned()
}

/// Sends a request and reads until the connection ends.
pub(crate) fn exchange_bytes(url: &str, head: &str, body: &str) -> Vec<u8> {
    let host = url.strip_prefix("http://").unwrap();
    let mut stream = TcpStream::connect(host).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    write!(stream, "{head}Host: {host}\r\nConnection: close\r\n\r\n{body}").unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap();
    answer
}
