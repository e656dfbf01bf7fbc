//! A seeder that is not ours and not our library's: transmission.

#![allow(clippy::unwrap_used, reason = "what prepares a test fails with it")]

mod common;

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use common::{Bench, soon, until};
use freshet_engine::TorrentSpec;
use freshet_engine::testing::{SeededTorrent, Seeder, SeederOptions, pattern};
use freshet_model::{FileIndex, TorrentSource};
use tokio::io::{AsyncReadExt, AsyncSeekExt};
use tokio_util::sync::CancellationToken;

/// Ends with the test, however that ends.
struct Daemon(Child);

impl Drop for Daemon {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn free_port() -> u16 {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap().port()
}

/// Seeds what lies in `data`, and has checked it when this returns.
async fn transmission(home: &Path, data: &Path, torrent: &SeededTorrent, port: u16) -> Daemon {
    let torrents = home.join("torrents");
    std::fs::create_dir_all(&torrents).unwrap();
    std::fs::write(torrents.join("new.torrent"), &torrent.torrent_file).unwrap();
    let settings = r#"{"dht-enabled": false, "lpd-enabled": false, "pex-enabled": false, "utp-enabled": false,
        "rpc-enabled": false, "port-forwarding-enabled": false, "encryption": 0}"#;
    std::fs::write(home.join("settings.json"), settings).unwrap();
    let log = std::fs::File::create(home.join("log")).unwrap();
    let child = Command::new("transmission-daemon")
        .args(["--foreground", "--log-debug"])
        .args(["--bind-address-ipv4", "127.0.0.1", "--peerport", &port.to_string()])
        .arg("--config-dir")
        .arg(home)
        .arg("--download-dir")
        .arg(data)
        .stdin(Stdio::null())
        .stdout(log.try_clone().unwrap())
        .stderr(log)
        .spawn()
        .expect("transmission-daemon is needed for this test; the package is called the same");
    let daemon = Daemon(child);
    let log = home.join("log");
    until("transmission has checked the film", || {
        std::fs::read_to_string(&log).unwrap().contains("Verification is done")
    })
    .await;
    // It checks only torrents that it does not know yet, and gives details only from a copy under this name.
    std::fs::write(torrents.join(format!("{}.torrent", torrent.info_hash)), &torrent.torrent_file).unwrap();
    daemon
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_film_is_resolved_and_read_from_transmission() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    std::fs::create_dir(&data).unwrap();
    let bytes = pattern(60, 5_000_000);
    std::fs::write(data.join("film.mkv"), &bytes).unwrap();
    // Our seeder only makes the torrent, and is gone before anybody is asked.
    let (maker, torrent) =
        soon("make", Seeder::seeding(&data.join("film.mkv"), SeederOptions::default())).await.unwrap();
    soon("stop", maker.stop()).await;
    let port = free_port();
    let _daemon = transmission(&dir.path().join("home"), &data, &torrent, port).await;
    let peer = SocketAddr::from((Ipv4Addr::LOCALHOST, port));

    let bench = Bench::start().await;
    let link = format!("magnet:?xt=urn:btih:{}&x.pe={peer}", torrent.info_hash);
    let source = TorrentSource::parse(&link).unwrap();
    let resolving = bench.engine.resolve(source, CancellationToken::new());
    let resolved = soon("resolve", resolving).await.unwrap();
    assert_eq!(resolved.metainfo.files, torrent.metainfo.files);
    let spec = TorrentSpec {
        info_hash: torrent.info_hash,
        torrent_file: resolved.torrent_file.into(),
        trackers: Vec::new(),
        peers: vec![peer],
        is_pinned: false,
    };
    soon("activate", bench.engine.activate(spec)).await.unwrap();
    let open = bench.engine.open_file(torrent.info_hash, FileIndex(0));
    let mut reader = soon("open", open).await.unwrap();

    let mut buf = vec![0; 100_000];
    soon("seek", reader.seek(std::io::SeekFrom::Start(3_000_000))).await.unwrap();
    soon("read", reader.read_exact(&mut buf)).await.unwrap();
    assert!(buf == bytes[3_000_000..3_100_000]);
    soon("rewind", reader.rewind()).await.unwrap();
    let mut whole = Vec::new();
    soon("read all", reader.read_to_end(&mut whole)).await.unwrap();
    assert!(whole == bytes);
}
