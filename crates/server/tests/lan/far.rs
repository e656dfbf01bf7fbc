//! The other end of a network with two ways: a network namespace with everything that a torrent needs, reached over either.

use std::collections::HashSet;
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::process::Command;
use std::sync::{Arc, Mutex};

use freshet_engine::testing::{Seeder, SeederOptions};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream, UdpSocket};
use tokio::task::JoinSet;

use crate::common::{PATIENCE, film_bytes};
use crate::namespace::Witness;

/// Set in the process that is the other end.
const FAR: &str = "FRESHET_TEST_FAR";

pub(crate) const PEER: Ipv4Addr = Ipv4Addr::new(1, 2, 3, 4);
/// Nobody answers there over TCP.
pub(crate) const UTP_PEER: Ipv4Addr = Ipv4Addr::new(1, 2, 3, 6);
/// Every name leads there.
const SERVER: Ipv4Addr = Ipv4Addr::new(5, 6, 7, 8);
const NAME_SERVER: Ipv4Addr = Ipv4Addr::new(5, 6, 7, 53);
pub(crate) const WEB_PORT: u16 = 8080;
pub(crate) const UDP_TRACKER_PORT: u16 = 6969;
pub(crate) const UTP_PORT: u16 = 7000;
const DHT_PORT: u16 = 6881;
const SLOW_BYTES_PER_SEC: u64 = 200_000;

/// A torrent that is seeded over there.
pub(crate) struct FarTorrent {
    pub(crate) info_hash: String,
    pub(crate) port: u64,
}

/// The other end, as the test sees it: a process in a network of its own.
pub(crate) struct Far {
    witness: Witness,
    ready: Value,
    heard: Vec<Value>,
}

impl Far {
    /// Starts the calling test once more as the other end, and gives this computer its name server.
    pub(crate) async fn start(test: &str) -> Self {
        let addresses: String = [PEER, UTP_PEER, SERVER, NAME_SERVER]
            .map(|ip| format!("ip addr add {ip}/32 dev lo && "))
            .concat();
        let script = format!("ip link set lo up && {addresses} exec \"$@\"");
        let mut command = tokio::process::Command::new("unshare");
        command
            .args(["--net", "sh", "-c", &script, "sh"])
            .arg(std::env::current_exe().unwrap())
            .args(["--exact", test, "--nocapture"])
            .env(FAR, "1");
        let mut witness = Witness::of(command);
        let ready = witness.saw("the other end is ready", |seen| seen.get("ready").cloned()).await;
        let file = std::env::temp_dir().join(format!("freshet-resolv-{}.conf", std::process::id()));
        std::fs::write(&file, format!("nameserver {NAME_SERVER}\n")).unwrap();
        run("mount", &["--bind", file.to_str().unwrap(), "/etc/resolv.conf"]);
        std::fs::remove_file(&file).unwrap();
        Self { witness, ready, heard: Vec::new() }
    }

    pub(crate) fn torrent(&self, name: &str) -> FarTorrent {
        let torrent = &self.ready[name];
        let info_hash = torrent["info_hash"].as_str().unwrap().to_owned();
        FarTorrent { info_hash, port: torrent["port"].as_u64().unwrap() }
    }

    /// A pair of network cards: `name` here, at `10.9.<net>.2`, the other one over there; both know each other already.
    pub(crate) fn connect(&self, name: &str, net: u8, metric: u8) {
        let (pid, there) = (self.witness.pid(), format!("r{name}"));
        let (here_mac, there_mac) = (format!("02:00:00:00:0{net}:02"), format!("02:00:00:00:0{net}:01"));
        run(
            "ip",
            &[
                "link", "add", name, "address", &here_mac, "type", "veth", "peer", "name", &there, "address",
                &there_mac, "netns", &pid,
            ],
        );
        // Without addresses of IPv6 the system has nothing to say by itself.
        let script = format!(
            "ip link set {there} addrgenmode none && ip addr add 10.9.{net}.1/24 dev {there} && ip link set {there} up \
             && ip neigh replace 10.9.{net}.2 lladdr {here_mac} dev {there} nud permanent"
        );
        run("nsenter", &["-t", &pid, "-n", "sh", "-c", &script]);
        run("ip", &["link", "set", name, "addrgenmode", "none"]);
        run("ip", &["addr", "add", &format!("10.9.{net}.2/24"), "dev", name]);
        self.raise(name, net, metric);
    }

    /// Makes an interface lead everywhere; the least metric is the system's choice.
    pub(crate) fn raise(&self, name: &str, net: u8, metric: u8) {
        run("ip", &["link", "set", name, "up"]);
        let (gateway, mac) = (format!("10.9.{net}.1"), format!("02:00:00:00:0{net}:01"));
        run("ip", &["neigh", "replace", &gateway, "lladdr", &mac, "dev", name, "nud", "permanent"]);
        let metric = metric.to_string();
        run("ip", &["route", "replace", "default", "via", &gateway, "dev", name, "metric", &metric]);
        // As VPN programs do: what the system itself answers, for a connection that is gone, goes where it came from. What is
        // sent by a socket that nobody has tied has the address of the preferred interface, and is seen there.
        let (own, table) = (format!("10.9.{net}.2"), format!("10{net}"));
        run("ip", &["route", "replace", "default", "via", &gateway, "dev", name, "table", &table]);
        if !String::from_utf8_lossy(&Command::new("ip").args(["rule", "list"]).output().unwrap().stdout)
            .contains(&own)
        {
            run("ip", &["rule", "add", "from", &own, "table", &table]);
        }
    }

    /// Waits until somebody of this address has asked.
    pub(crate) async fn is_asked(&mut self, what: &str, from: &str) {
        let wanted = json!({ "asked": what, "from": from });
        if self.heard.contains(&wanted) {
            return;
        }
        let heard = &mut self.heard;
        self.witness
            .saw(&wanted.to_string(), |seen| {
                heard.push(seen.clone());
                (*seen == wanted).then_some(())
            })
            .await;
    }
}

pub(crate) fn run(program: &str, args: &[&str]) {
    let output = Command::new(program).args(args).output().unwrap();
    assert!(output.status.success(), "{program} {args:?}: {}", String::from_utf8_lossy(&output.stderr));
}

/// Whether this process is the other end.
pub(crate) fn is_far() -> bool {
    std::env::var_os(FAR).is_some()
}

/// Says who has asked whom, each once.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<HashSet<(&'static str, IpAddr)>>>);

impl Log {
    fn asked(&self, what: &'static str, from: SocketAddr) {
        if self.0.lock().unwrap().insert((what, from.ip())) {
            say(&json!({ "asked": what, "from": from.ip().to_string() }));
        }
    }
}

#[allow(clippy::print_stdout, reason = "it is a program here")]
fn say(what: &Value) {
    // What the test harness prints may stand in the line.
    println!("\n{what}");
}

/// Is the other end until it is killed.
pub(crate) async fn be_far() {
    let folder = tempfile::tempdir().unwrap();
    let log = Log::default();
    let mut tasks = JoinSet::new();
    let mut ready = serde_json::Map::new();
    let slow = SeederOptions { upload_limit_bytes_per_sec: SLOW_BYTES_PER_SEC, ..SeederOptions::default() };
    let mut seeders = Vec::new();
    let mut fast_port = 0;
    for (options, names) in
        [(SeederOptions::default(), &["one", "two", "four", "five"][..]), (slow, &["three", "six"])]
    {
        let seeder = Seeder::start(options).await.unwrap();
        let port = seeder.peer().port();
        for name in names {
            std::fs::create_dir(folder.path().join(name)).unwrap();
            let path = folder.path().join(name).join(format!("{name}.mkv"));
            std::fs::write(&path, film_bytes()).unwrap();
            let info_hash = seeder.seed(&path, Some(64 * 1024)).await.unwrap().info_hash.to_string();
            ready.insert((*name).to_owned(), json!({ "info_hash": info_hash, "port": port }));
        }
        if options.upload_limit_bytes_per_sec == 0 {
            fast_port = port;
        }
        tasks.spawn(relay(seeder.peer(), log.clone()));
        seeders.push(seeder);
    }
    tasks.spawn(web(fast_port, log.clone()));
    tasks.spawn(datagrams("udp tracker", (SERVER, UDP_TRACKER_PORT).into(), log.clone(), |_| None));
    tasks.spawn(datagrams("dht", (SERVER, DHT_PORT).into(), log.clone(), |_| None));
    tasks.spawn(datagrams("utp", (UTP_PEER, UTP_PORT).into(), log.clone(), |_| None));
    tasks.spawn(datagrams("dns", (NAME_SERVER, 53).into(), log, named));
    say(&json!({ "ready": ready }));
    while let Some(ended) = tasks.join_next().await {
        ended.unwrap();
    }
    drop(seeders);
}

/// Stands for a seeder at the address of the peer.
async fn relay(seeder: SocketAddr, log: Log) {
    let listener = TcpListener::bind((PEER, seeder.port())).await.unwrap();
    let mut served = JoinSet::new();
    loop {
        let (mut stream, from) = listener.accept().await.unwrap();
        log.asked("peer", from);
        served.spawn(async move {
            if let Ok(mut target) = TcpStream::connect(seeder).await {
                let _ = copy_bidirectional(&mut stream, &mut target).await;
            }
        });
    }
}

async fn datagrams(
    what: &'static str,
    at: SocketAddr,
    log: Log,
    answer: impl Fn(&[u8]) -> Option<Vec<u8>> + Send,
) {
    let socket = UdpSocket::bind(at).await.unwrap();
    let mut question = [0; 2048];
    loop {
        // What could not be delivered is told here as well.
        let Ok((count, from)) = socket.recv_from(&mut question).await else { continue };
        log.asked(what, from);
        if let Some(answer) = answer(&question[..count]) {
            let _ = socket.send_to(&answer, from).await;
        }
    }
}

/// Answers a question for a name: one address of IPv4, and none of IPv6.
fn named(question: &[u8]) -> Option<Vec<u8>> {
    const HEAD_BYTES: usize = 12;
    let name_bytes = question.get(HEAD_BYTES..)?.iter().position(|byte| *byte == 0)? + 1;
    let end = HEAD_BYTES + name_bytes + 4;
    let asked = question.get(HEAD_BYTES..end)?;
    let is_v4 = asked[name_bytes..name_bytes + 2] == [0, 1];
    let mut answer = question[..2].to_vec();
    answer.extend_from_slice(&[0x81, 0x80, 0, 1, 0, u8::from(is_v4), 0, 0, 0, 0]);
    answer.extend_from_slice(asked);
    if is_v4 {
        answer.extend_from_slice(&[0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4]);
        answer.extend_from_slice(&SERVER.octets());
    }
    Some(answer)
}

/// A tracker that names the peer, and a web seed of the film.
async fn web(peer_port: u16, log: Log) {
    let listener = TcpListener::bind((SERVER, WEB_PORT)).await.unwrap();
    let mut served = JoinSet::new();
    loop {
        let (stream, from) = listener.accept().await.unwrap();
        let log = log.clone();
        served.spawn(async move { drop(serve(stream, from, peer_port, &log).await) });
    }
}

async fn serve(mut stream: TcpStream, from: SocketAddr, peer_port: u16, log: &Log) -> io::Result<()> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await?);
    }
    let head = String::from_utf8(head).unwrap();
    let (status, body) = if head.starts_with("GET /announce?") {
        log.asked("tracker", from);
        let mut body = b"d8:intervali1800e5:peers6:".to_vec();
        body.extend_from_slice(&PEER.octets());
        body.extend_from_slice(&peer_port.to_be_bytes());
        body.push(b'e');
        ("200 OK".to_owned(), body)
    } else {
        log.asked("web seed", from);
        let film = film_bytes();
        let range = head.lines().find_map(|line| line.strip_prefix("range: bytes=")).unwrap();
        let (first, last) = range.split_once('-').unwrap();
        let (first, last): (usize, usize) = (first.parse().unwrap(), last.parse().unwrap());
        let part = format!("206 Partial Content\r\nContent-Range: bytes {first}-{last}/{}", film.len());
        (part, film[first..=last].to_vec())
    };
    let length = body.len();
    let answer = format!("HTTP/1.1 {status}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n");
    stream.write_all(answer.as_bytes()).await?;
    stream.write_all(&body).await?;
    tokio::time::timeout(PATIENCE, stream.shutdown()).await?
}
