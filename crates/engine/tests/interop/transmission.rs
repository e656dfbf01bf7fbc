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

fn start(material: &Material, home: &Path, folder: &Path, port: u16, is_encrypted: bool) -> Transmission {
    let torrents = home.join("torrents");
    std::fs::create_dir_all(&torrents).unwrap();
    // Under this name it gives the details of a torrent to others.
    let name = format!("{}.torrent", material.metainfo.info_hash);
    std::fs::copy(material.torrent_path(), torrents.join(name)).unwrap();
    let settings = json!({
        "bind-address-ipv4": "127.0.0.1", "peer-port": port, "port-forwarding-enabled": false,
        "dht-enabled": false, "lpd-enabled": false, "pex-enabled": false, "utp-enabled": true,
        "rpc-enabled": false, "encryption": if is_encrypted { REQUIRED } else { TOLERATED },
        "download-dir": folder, "incomplete-dir-enabled": false, "ratio-limit-enabled": false,
        "rename-partial-files": false,
    });
    std::fs::write(home.join("settings.json"), settings.to_string()).unwrap();
    let child = Command::new("transmission-daemon")
        .args(["--foreground", "--config-dir"])
        .arg(home)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("transmission-daemon is needed for this test; the package is called the same");
    Transmission(child)
}

async fn fetches_from_us(is_encrypted: bool, over_utp: bool) {
    let material = Material::make(&[1_500_003, 70_001], 64 * 1024, "v1").await;
    let transfers = TransferSettings { encryption_required: is_encrypted, ..TransferSettings::default() };
    let (seeder, seeding) = crate::libtorrent::seed_either(&material).await;
    let bench = material.fetch(local(seeding), transfers).await;
    drop(seeder);

    let port = free_port();
    let folder = material.folder("fetched");
    let _fetcher = start(&material, &material.folder("home"), &folder, port, is_encrypted);
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
