//! The programs that are measured, each with a port on loopback.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::client::Target;

const PATIENCE: Duration = Duration::from_secs(60);
pub(crate) const RQBIT_ADVICE: &str = "cargo xtask bench server builds it into target/bench-tools";

struct Kill(Child);

impl Drop for Kill {
    fn drop(&mut self) {
        // Asked, not killed: nginx has to end its workers.
        let _ = Command::new("kill").arg(self.0.id().to_string()).status();
        let _ = self.0.wait();
    }
}

pub(crate) struct Freshetd {
    child: Kill,
    port: u16,
}

impl Freshetd {
    pub(crate) fn start(data: &Path) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_freshetd"));
        command.args(["--no-dht", "--allow-private-networks", "-p", "0", "-d"]).arg(data);
        let log = std::fs::File::create(data.with_extension("log")).unwrap();
        let mut child =
            Kill(command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(log).spawn().unwrap());
        let mut line = String::new();
        BufReader::new(child.0.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let port = line.trim_end().rsplit_once(':').unwrap_or_else(|| panic!("{line:?}")).1.parse().unwrap();
        Self { child, port }
    }

    pub(crate) fn target(&self, path: &str) -> Target {
        Target { port: self.port, path: path.to_owned() }
    }

    /// The body of the answer.
    pub(crate) fn post(&self, path: &str, body: &str) -> String {
        exchange(self.port, "POST", path, "text/plain", body.as_bytes())
    }

    pub(crate) fn post_form(&self, path: &str, boundary: &str, body: &[u8]) -> String {
        exchange(self.port, "POST", path, &format!("multipart/form-data; boundary={boundary}"), body)
    }

    pub(crate) fn peak_memory_kib(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.0.id())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
        line.trim().trim_end_matches(" kB").parse().unwrap()
    }
}

pub(crate) struct Nginx {
    _child: Kill,
    port: u16,
}

impl Nginx {
    pub(crate) fn start(folder: &Path, films: &Path) -> Self {
        let port = free_port();
        let (home, films) = (folder.display(), films.display());
        // Where it runs as root, its workers would be somebody who may not read the files.
        let config = format!(
            "user root root; worker_processes auto; daemon off; pid {home}/nginx.pid; error_log {home}/nginx.log;\n\
             events {{ worker_connections 2048; }}\n\
             http {{ access_log off; sendfile off; tcp_nodelay on; keepalive_requests 1000000;\n\
             client_body_temp_path {home}/nginx-body; proxy_temp_path {home}/nginx-proxy;\n\
             fastcgi_temp_path {home}/nginx-fastcgi; uwsgi_temp_path {home}/nginx-uwsgi; scgi_temp_path {home}/nginx-scgi;\n\
             server {{ listen 127.0.0.1:{port}; location / {{ root {films}; }} }} }}\n"
        );
        let path = folder.join("nginx.conf");
        std::fs::write(&path, config).unwrap();
        let program = ["/usr/sbin/nginx", "/usr/bin/nginx"].into_iter().find(|path| Path::new(path).exists());
        let child = quiet(Command::new(program.unwrap_or("nginx")).arg("-c").arg(path).arg("-p").arg(folder));
        wait_for(port, "nginx");
        Self { _child: child, port }
    }

    pub(crate) fn target(&self, path: &str) -> Target {
        Target { port: self.port, path: path.to_owned() }
    }
}

pub(crate) struct Rqbit {
    _child: Kill,
    port: u16,
}

impl Rqbit {
    /// `None` if it was not built.
    pub(crate) fn start(folder: &Path, films: &Path, torrent_file: &[u8]) -> Option<Self> {
        let program = program_folder().join("bin/rqbit");
        if !program.exists() {
            return None;
        }
        let port = free_port();
        let child = quiet(
            Command::new(program)
                .args(["--disable-dht", "--disable-tcp-listen", "--disable-upnp-port-forward"])
                .args(["--http-api-listen-addr", &format!("127.0.0.1:{port}")])
                .args(["server", "start", "--disable-persistence"])
                .arg(films)
                .env("HOME", folder)
                .stderr(std::fs::File::create(folder.join("rqbit.log")).unwrap()),
        );
        wait_for(port, "rqbit");
        let path = format!("/torrents?overwrite=true&output_folder={}", films.display());
        exchange(port, "POST", &path, "application/octet-stream", torrent_file);
        let begin = Instant::now();
        while !exchange(port, "GET", "/torrents/0/stats/v1", "text/plain", b"").contains("\"finished\":true")
        {
            assert!(begin.elapsed() < PATIENCE, "rqbit does not find the files");
            std::thread::sleep(Duration::from_millis(100));
        }
        Some(Self { _child: child, port })
    }

    pub(crate) fn target(&self, path: &str) -> Target {
        Target { port: self.port, path: path.to_owned() }
    }
}

/// `target/bench-tools`, whatever the folder of the builds is called.
fn program_folder() -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).parent().unwrap().join("bench-tools")
}

fn quiet(command: &mut Command) -> Kill {
    Kill(command.stdin(Stdio::null()).stdout(Stdio::null()).spawn().unwrap())
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

fn wait_for(port: u16, name: &str) {
    let begin = Instant::now();
    while TcpStream::connect(("127.0.0.1", port)).is_err() {
        assert!(begin.elapsed() < PATIENCE, "{name} does not start");
        std::thread::sleep(Duration::from_millis(20));
    }
}

fn exchange(port: u16, method: &str, path: &str, content_type: &str, body: &[u8]) -> String {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let length = body.len();
    write!(
        stream,
        "{method} {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nConnection: close\r\n\
         Content-Type: {content_type}\r\nContent-Length: {length}\r\n\r\n"
    )
    .unwrap();
    stream.write_all(body).unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap();
    let answer = String::from_utf8_lossy(&answer);
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    assert!(head.starts_with("HTTP/1.1 200 "), "{method} {path}: {answer}");
    body.to_owned()
}
