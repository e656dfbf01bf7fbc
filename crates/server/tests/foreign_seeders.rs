//! The whole way with seeders that nobody here wrote: they seed, `freshetd` gets a magnet, a client reads ranges.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test may fail")]

mod daemon;

use std::net::{SocketAddr, TcpListener};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use daemon::{Daemon, Kill, exchange_bytes};
use freshet_engine::testing::{SeededTorrent, Seeder, SeederOptions, pattern};

/// Against hanging only.
const PATIENCE: Duration = Duration::from_secs(60);
const PIECE_BYTES: u32 = 128 * 1024;
const FILM_BYTES: usize = 5_000_011;

/// A folder with a film and its subtitles, and the torrent of it.
struct Material {
    folder: tempfile::TempDir,
    torrent: SeededTorrent,
}

impl Material {
    fn make() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let show = folder.path().join("seeds/Сериал (2020)");
        std::fs::create_dir_all(&show).unwrap();
        std::fs::write(show.join("film.mkv"), film()).unwrap();
        std::fs::write(show.join("film.srt"), pattern(2, 999)).unwrap();
        // Our own seeder only makes the torrent and is gone before the test begins.
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let torrent = runtime.block_on(async {
            let seeder = Seeder::start(SeederOptions::default()).await.unwrap();
            let torrent = seeder.seed(&show, Some(PIECE_BYTES)).await.unwrap();
            seeder.stop().await;
            torrent
        });
        std::fs::write(folder.path().join("show.torrent"), &torrent.torrent_file).unwrap();
        Self { folder, torrent }
    }

    fn seeds(&self) -> PathBuf {
        self.folder.path().join("seeds")
    }

    fn torrent_path(&self) -> PathBuf {
        self.folder.path().join("show.torrent")
    }

    /// `freshetd` gets the magnet with nothing but the seeder's address, and has to deliver the film.
    fn plays_from(&self, seeder: SocketAddr) {
        let magnet = SeededTorrent { peer: seeder, ..self.torrent.clone() }.magnet();
        let data = self.folder.path().join("data");
        let mut daemon = Daemon::start(&data, &["-p", "0", "--allow-private-networks"]);
        let film = film();

        let added = daemon.post("/torrents", &format!("{{\"action\":\"add\",\"link\":\"{magnet}\"}}"));
        assert!(added.starts_with("HTTP/1.1 200 "), "{added}");
        let path = format!("/stream/film.mkv?link={}&index=1&play", self.torrent.info_hash);
        // The end first, as players do; then the middle, across pieces; then everything.
        for range in [FILM_BYTES - 70_000..FILM_BYTES, 2_000_000..2_600_000, 0..FILM_BYTES] {
            let body = get_range(&daemon.url, &path, &range);
            assert!(body == film[range.clone()], "{range:?}: other bytes");
        }
        let subtitles = format!("/play/{}/2", self.torrent.info_hash);
        assert!(get_range(&daemon.url, &subtitles, &(0..999)) == pattern(2, 999));
        assert!(daemon.end_with("TERM").success());
    }
}

fn film() -> Vec<u8> {
    pattern(1, FILM_BYTES)
}

fn get_range(url: &str, path: &str, range: &Range<usize>) -> Vec<u8> {
    let head = format!("GET {path} HTTP/1.1\r\nRange: bytes={}-{}\r\n", range.start, range.end - 1);
    let mut answer = exchange_bytes(url, &head, "");
    let end = answer.windows(4).position(|window| window == b"\r\n\r\n").expect("a head");
    let head = String::from_utf8_lossy(&answer[..end]).into_owned();
    assert!(head.starts_with("HTTP/1.1 206 "), "{path}: {head}");
    answer.split_off(end + 4)
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

fn spawn(command: &mut Command) -> Kill {
    let child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn();
    Kill(child.unwrap_or_else(|error| panic!("{}: {error}", command.get_program().display())))
}

/// Asks until the answer shows what is waited for; a program that is still starting refuses the connection.
fn until(what: &str, mut look: impl FnMut() -> Option<String>, wanted: &str) {
    let start = Instant::now();
    let mut last = None;
    while start.elapsed() < PATIENCE {
        last = look().or(last);
        if last.as_deref().is_some_and(|answer| answer.contains(wanted)) {
            return;
        }
        std::thread::sleep(Duration::from_millis(100));
    }
    panic!("{what}: {last:?}");
}

fn is_open(port: u16) -> bool {
    std::net::TcpStream::connect(("127.0.0.1", port)).is_ok()
}

#[test]
fn a_film_seeded_by_transmission_plays() {
    let material = Material::make();
    let (peer_port, rpc_port) = (free_port(), free_port());
    let config = material.folder.path().join("transmission");
    std::fs::create_dir(&config).unwrap();
    let settings = serde_json::json!({
        "bind-address-ipv4": "127.0.0.1", "peer-port": peer_port, "port-forwarding-enabled": false,
        "dht-enabled": false, "lpd-enabled": false, "pex-enabled": false, "utp-enabled": false,
        "rpc-bind-address": "127.0.0.1", "rpc-port": rpc_port, "rpc-authentication-required": false,
        "download-dir": material.seeds(), "incomplete-dir-enabled": false, "ratio-limit-enabled": false,
    });
    std::fs::write(config.join("settings.json"), settings.to_string()).unwrap();
    let _seeder = spawn(Command::new("transmission-daemon").arg("-f").arg("-g").arg(&config));
    let url = format!("http://127.0.0.1:{rpc_port}");
    let mut session = String::new();
    let mut rpc = |body: &str| -> Option<String> {
        if !is_open(rpc_port) {
            return None;
        }
        let length = body.len();
        let head = format!(
            "POST /transmission/rpc HTTP/1.1\r\nX-Transmission-Session-Id: {session}\r\nContent-Length: {length}\r\n"
        );
        let answer = String::from_utf8_lossy(&exchange_bytes(&url, &head, body)).into_owned();
        // The first answer only tells the id that every other request has to carry.
        let id = answer.lines().find_map(|line| line.strip_prefix("X-Transmission-Session-Id: "));
        if let Some(id) = id {
            session = id.trim().to_owned();
        }
        Some(answer)
    };
    let add =
        serde_json::json!({"method": "torrent-add", "arguments": {"filename": material.torrent_path()}})
            .to_string();
    until("transmission takes the torrent", || rpc(&add), "\"result\":\"success\"");
    let get = r#"{"method":"torrent-get","arguments":{"fields":["status","percentDone"]}}"#;
    // 6: seeding.
    until("transmission seeds", || rpc(get), r#""percentDone":1,"status":6"#);

    material.plays_from(SocketAddr::from(([127, 0, 0, 1], peer_port)));
}

#[test]
fn a_film_seeded_by_qbittorrent_plays() {
    let material = Material::make();
    let (peer_port, web_port) = (free_port(), free_port());
    let profile = material.folder.path().join("qbittorrent");
    write_qbittorrent_config(&profile, &material.seeds(), peer_port);
    let _seeder = spawn(
        Command::new("qbittorrent-nox")
            .arg(format!("--profile={}", profile.display()))
            .arg(format!("--webui-port={web_port}"))
            .arg(format!("--save-path={}", material.seeds().display()))
            .arg(material.torrent_path()),
    );
    let url = format!("http://127.0.0.1:{web_port}");
    let info = || is_open(web_port).then(|| daemon::http_get(&url, "/api/v2/torrents/info?filter=completed"));
    until("qBittorrent seeds", info, r#""progress":1,"#);

    material.plays_from(SocketAddr::from(([127, 0, 0, 1], peer_port)));
}

fn write_qbittorrent_config(profile: &Path, seeds: &Path, peer_port: u16) {
    let folder = profile.join("qBittorrent/config");
    std::fs::create_dir_all(&folder).unwrap();
    let config = format!(
        "[LegalNotice]\nAccepted=true\n\n\
         [BitTorrent]\nSession\\Port={peer_port}\nSession\\Interface=lo\nSession\\InterfaceName=lo\n\
         Session\\InterfaceAddress=127.0.0.1\nSession\\DHTEnabled=false\nSession\\LSDEnabled=false\n\
         Session\\PeXEnabled=false\nSession\\DefaultSavePath={}\n\n\
         [Network]\nPortForwardingEnabled=false\n\n\
         [Preferences]\nWebUI\\Address=127.0.0.1\nWebUI\\LocalHostAuth=false\nWebUI\\HostHeaderValidation=false\n",
        seeds.display()
    );
    std::fs::write(folder.join("qBittorrent.conf"), config).unwrap();
}
