//! Transmission, which unchokes strangers in rounds of ten seconds.

use std::path::Path;
use std::process::{Child, Command, Stdio};

use freshet_model::TransferSettings;
use serde_json::json;

use crate::common::until;
use crate::material::{Material, free_port, local};

/// Ends with the test, however that ends.
struct Transmission(Child);

impl Drop for Transmission {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Transmission's word for a connection that has to be encrypted, and for one that may be.
const REQUIRED: u8 = 2;
const TOLERATED: u8 = 0;

/// `name` is that of the torrent's file among those that it knows.
fn start(
    material: &Material,
    home: &Path,
    name: &str,
    folder: &Path,
    port: u16,
    is_encrypted: bool,
) -> Transmission {
    let torrents = home.join("torrents");
    std::fs::create_dir_all(&torrents).unwrap();
    std::fs::copy(material.torrent_path(), torrents.join(name)).unwrap();
    let settings = json!({
        "bind-address-ipv4": "127.0.0.1", "peer-port": port, "port-forwarding-enabled": false,
        "dht-enabled": false, "lpd-enabled": false, "pex-enabled": false, "utp-enabled": true,
        "rpc-enabled": false, "encryption": if is_encrypted { REQUIRED } else { TOLERATED },
        "download-dir": folder, "incomplete-dir-enabled": false, "ratio-limit-enabled": false,
        "rename-partial-files": false,
    });
    std::fs::write(home.join("settings.json"), settings.to_string()).unwrap();
    let log = std::fs::File::create(home.join("log")).unwrap();
    let child = Command::new("transmission-daemon")
        .args(["--foreground", "--log-debug", "--config-dir"])
        .arg(home)
        .stdin(Stdio::null())
        .stdout(log.try_clone().unwrap())
        .stderr(log)
        .spawn()
        .expect("transmission-daemon is needed for this test; the package is called the same");
    Transmission(child)
}

/// Under this name it takes a torrent as one that it knows, and gives its details to others.
fn known_name(material: &Material) -> String {
    format!("{}.torrent", material.metainfo.info_hash)
}

async fn fetches_from_us(is_encrypted: bool, over_utp: bool) {
    let material = Material::make(&[1_500_003, 70_001], 64 * 1024, "v1").await;
    let transfers = TransferSettings { encryption_required: is_encrypted, ..TransferSettings::default() };
    let (seeder, seeding) = crate::libtorrent::seed_either(&material).await;
    let bench = material.fetch(local(seeding), transfers).await;
    drop(seeder);

    let port = free_port();
    let folder = material.folder("fetched");
    let home = material.folder("home");
    let _fetcher = start(&material, &home, &known_name(&material), &folder, port, is_encrypted);
    until("Transmission listens", || std::net::TcpStream::connect(local(port)).is_ok()).await;
    if over_utp {
        bench
            .engine
            .set_transfers(&TransferSettings { tcp_enabled: false, ..TransferSettings::default() })
            .await;
    }
    material.offer(&bench, local(port)).await;
    until("Transmission has it", || material.is_in(&folder)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_fetches_in_the_clear() {
    fetches_from_us(false, false).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_fetches_encrypted_only() {
    fetches_from_us(true, false).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_fetches_over_utp() {
    fetches_from_us(false, true).await;
}

/// It checks what lies in its folder before it gives any of it.
async fn seeds_to_us(lengths: &[usize], piece_bytes: u32, is_encrypted: bool, over_utp: bool) {
    let material = Material::make(lengths, piece_bytes, "v1").await;
    let port = free_port();
    let home = material.folder("home");
    // It checks only what it does not know yet.
    let _seeder = start(&material, &home, "new.torrent", &material.seeds(), port, is_encrypted);
    let log = home.join("log");
    until("Transmission has checked it", || {
        std::fs::read_to_string(&log).unwrap().contains("Verification is done")
    })
    .await;
    std::fs::copy(material.torrent_path(), home.join("torrents").join(known_name(&material))).unwrap();
    let transfers = TransferSettings {
        encryption_required: is_encrypted,
        tcp_enabled: !over_utp,
        ..TransferSettings::default()
    };
    material.fetch(local(port), transfers).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_seeds_encrypted_only() {
    seeds_to_us(&[1_500_003, 70_001], 64 * 1024, true, false).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_seeds_over_utp() {
    seeds_to_us(&[1_500_003, 70_001], 64 * 1024, false, true).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_seeds_the_largest_pieces() {
    seeds_to_us(&[40_000_000], 16 * 1024 * 1024, false, false).await;
}
