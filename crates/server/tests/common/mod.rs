//! What the tests over real sockets share: a small HTTP client that hides nothing, and a world with seeded torrents.

#![allow(dead_code, reason = "each test binary uses its part")]

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use freshet_app::{App, AppConfig};
use freshet_engine::testing::{SeededTorrent, Seeder, SeederOptions, pattern};
use freshet_model::{AddressPolicy, InfoHash};
use freshet_server::{PortChoice, Server, ServerOptions};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// Against hanging only.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);
pub(crate) const FILM_BYTES: usize = 2_000_003;
pub(crate) const EPISODE_BYTES: usize = 300_001;
const PIECE_BYTES: u32 = 64 * 1024;

/// An app with a server, and a seeder of a film and of a show next to it.
pub(crate) struct World {
    pub(crate) folder: TempDir,
    pub(crate) app: App,
    pub(crate) server: Server,
    pub(crate) seeder: Seeder,
    pub(crate) film: SeededTorrent,
    pub(crate) show: SeededTorrent,
}

impl World {
    pub(crate) async fn start() -> Self {
        Self::with_options(|_| {}).await
    }

    pub(crate) async fn with_options(change: impl FnOnce(&mut ServerOptions)) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let seeds = folder.path().join("seeds");
        std::fs::create_dir_all(seeds.join("Show/extras")).unwrap();
        std::fs::write(seeds.join("Film é.mkv"), film_bytes()).unwrap();
        for (path, seed, length) in show_files() {
            std::fs::write(seeds.join("Show").join(path), pattern(seed, length)).unwrap();
        }
        let seeder = Seeder::start(SeederOptions::default()).await.unwrap();
        let film = seeder.seed(&seeds.join("Film é.mkv"), Some(PIECE_BYTES)).await.unwrap();
        let show = seeder.seed(&seeds.join("Show"), Some(PIECE_BYTES)).await.unwrap();

        let app = start_app(folder.path().join("data")).await;
        let mut options = ServerOptions { port: PortChoice::Exact(0), ..ServerOptions::default() };
        change(&mut options);
        let server = Server::bind(app.clone(), options).await.unwrap();
        Self { folder, app, server, seeder, film, show }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.server.local_addr()
    }

    pub(crate) async fn get(&self, path: &str) -> Reply {
        self.ask("GET", path, &[], b"").await
    }

    pub(crate) async fn get_with(&self, path: &str, fields: &[(&str, &str)]) -> Reply {
        self.ask("GET", path, fields, b"").await
    }

    pub(crate) async fn head(&self, path: &str) -> Reply {
        self.ask("HEAD", path, &[], b"").await
    }

    pub(crate) async fn post(&self, path: &str, body: Value) -> Reply {
        self.ask("POST", path, &[], body.to_string().as_bytes()).await
    }

    /// The result of a command, as our own pages call it.
    pub(crate) async fn rpc(&self, command: &str, body: Value) -> Reply {
        let fields = [("content-type", "application/json"), ("x-freshet", "1")];
        self.ask("POST", &format!("/rpc/{command}"), &fields, body.to_string().as_bytes()).await
    }

    pub(crate) async fn ask(&self, method: &str, path: &str, fields: &[(&str, &str)], body: &[u8]) -> Reply {
        ask(self.address(), method, path, fields, body).await
    }

    /// Adds a torrent and waits for its details.
    pub(crate) async fn add(&self, torrent: &SeededTorrent) -> InfoHash {
        let reply = self.post("/torrents", json!({"action": "add", "link": torrent.magnet()})).await;
        assert_eq!(reply.status, 200);
        tokio::time::timeout(PATIENCE, self.app.wait_until_ready(torrent.info_hash)).await.unwrap().unwrap();
        torrent.info_hash
    }

    pub(crate) async fn end(self) {
        tokio::time::timeout(PATIENCE, async {
            self.server.shutdown(Duration::from_secs(10)).await;
            self.app.shutdown(Duration::from_secs(10)).await;
            self.seeder.stop().await;
        })
        .await
        .expect("everything ends in time");
    }
}

pub(crate) async fn start_app(data_dir: PathBuf) -> App {
    let config =
        AppConfig { enable_dht: false, addresses: AddressPolicy::PrivateToo, ..AppConfig::new(data_dir) };
    App::start(config).await.unwrap()
}

pub(crate) fn film_bytes() -> Vec<u8> {
    pattern(1, FILM_BYTES)
}

/// Path in the folder, seed of the bytes, length.
pub(crate) fn show_files() -> [(&'static str, u64, usize); 4] {
    [("e1.mkv", 11, EPISODE_BYTES), ("e1.srt", 12, 500), ("e2.mkv", 13, 200_000), ("extras/about.txt", 14, 0)]
}

/// An answer with everything that was on the wire.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    /// Names in lower case, in the order of the wire.
    pub(crate) fields: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Reply {
    pub(crate) fn field(&self, name: &str) -> Option<&str> {
        let mut values = self.fields.iter().filter(|(known, _)| known == name);
        let value = values.next()?;
        assert!(values.next().is_none(), "{name} comes twice");
        Some(&value.1)
    }

    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// The body with what differs from run to run put to zero.
    pub(crate) fn steady_text(&self) -> String {
        let text = self.text();
        let mut steady = String::new();
        let mut rest = text;
        while let Some(at) = rest.find("\"timestamp\":") {
            let (before, after) = rest.split_at(at + "\"timestamp\":".len());
            steady.push_str(before);
            steady.push('0');
            rest = after.trim_start_matches(|char: char| char.is_ascii_digit());
        }
        steady + rest
    }
}

/// Sends one request on a connection of its own and reads the whole answer.
pub(crate) async fn ask(
    address: SocketAddr,
    method: &str,
    path: &str,
    fields: &[(&str, &str)],
    body: &[u8],
) -> Reply {
    let mut head = format!("{method} {path} HTTP/1.1\r\nConnection: close\r\n");
    if !fields.iter().any(|(name, _)| name.eq_ignore_ascii_case("host")) {
        head += &format!("Host: {address}\r\n");
    }
    for (name, value) in fields {
        head += &format!("{name}: {value}\r\n");
    }
    if !body.is_empty() || method == "POST" {
        head += &format!("Content-Length: {}\r\n", body.len());
    }
    head += "\r\n";
    let mut bytes = head.into_bytes();
    bytes.extend_from_slice(body);
    raw(address, &bytes, method == "HEAD").await
}

/// Sends bytes as they are and reads the answer until the end of the connection.
pub(crate) async fn raw(address: SocketAddr, request: &[u8], is_head: bool) -> Reply {
    tokio::time::timeout(PATIENCE, async {
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(request).await.unwrap();
        let mut answer = Vec::new();
        // A server that refuses to read on may reset the connection after its answer.
        let _ = stream.read_to_end(&mut answer).await;
        parse(&answer, is_head)
    })
    .await
    .expect("an answer comes in time")
}

fn parse(answer: &[u8], is_head: bool) -> Reply {
    let end =
        find(answer, b"\r\n\r\n").unwrap_or_else(|| panic!("no head: {:?}", String::from_utf8_lossy(answer)));
    let head = String::from_utf8_lossy(&answer[..end]);
    let mut lines = head.split("\r\n");
    let status = lines.next().unwrap().split(' ').nth(1).unwrap().parse().unwrap();
    let fields: Vec<(String, String)> = lines
        .map(|line| line.split_once(": ").unwrap())
        .map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned()))
        .filter(|(name, _)| name != "date")
        .collect();
    let reply = Reply { status, fields, body: answer[end + 4..].to_vec() };
    if reply.field("transfer-encoding") == Some("chunked") {
        return Reply { body: unchunk(&reply.body), ..reply };
    }
    let length = reply.field("content-length").map(|length| length.parse::<usize>().unwrap());
    if is_head {
        assert_eq!(reply.body, b"", "a HEAD answer has no body");
    } else if let Some(length) = length {
        assert_eq!(reply.body.len(), length, "the body is as long as it says");
    }
    reply
}

fn unchunk(mut rest: &[u8]) -> Vec<u8> {
    let mut body = Vec::new();
    while let Some(end) = find(rest, b"\r\n") {
        let size = usize::from_str_radix(std::str::from_utf8(&rest[..end]).unwrap(), 16).unwrap();
        body.extend_from_slice(&rest[end + 2..][..size]);
        rest = &rest[end + 2 + size + 2..];
    }
    body
}

pub(crate) fn find(text: &[u8], part: &[u8]) -> Option<usize> {
    text.windows(part.len()).position(|window| window == part)
}

/// Waits until a condition holds.
pub(crate) async fn until<T>(what: &str, mut look: impl AsyncFnMut() -> Option<T>) -> T {
    tokio::time::timeout(PATIENCE, async {
        loop {
            if let Some(found) = look().await {
                return found;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    })
    .await
    .unwrap_or_else(|_| panic!("{what}"))
}
