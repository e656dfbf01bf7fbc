//! aria2, which speaks the first version of the protocol alone.

use std::path::Path;
use std::process::{Child, Command, Stdio};

use freshet_model::TransferSettings;

use crate::common::until;
use crate::material::{Material, free_port, local};

/// Ends with the test, however that ends.
struct Aria2(Child);

impl Drop for Aria2 {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn start(material: &Material, folder: &Path, port: u16, is_encrypted: bool) -> Aria2 {
    let child = Command::new("aria2c")
        .args(["--no-conf", "--enable-dht=false", "--enable-dht6=false", "--bt-enable-lpd=false"])
        .args(["--enable-peer-exchange=false", "--seed-ratio=0.0", "--check-integrity=true", "--quiet=true"])
        .args(["--file-allocation=none", "--disable-ipv6=true"])
        .arg(format!("--listen-port={port}"))
        .arg(format!("--bt-require-crypto={is_encrypted}"))
        .arg(format!("--bt-min-crypto-level={}", if is_encrypted { "arc4" } else { "plain" }))
        .arg("--dir")
        .arg(folder)
        .arg(material.torrent_path())
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("aria2c is needed for this test; the package is called aria2");
    Aria2(child)
}

async fn there_and_back(lengths: &[usize], kind: &str, is_encrypted: bool) {
    let material = Material::make(lengths, 64 * 1024, kind).await;
    let transfers = TransferSettings { encryption_required: is_encrypted, ..TransferSettings::default() };
    // To it padding is files like others.
    material.write_padding();
    let (seeding, fetching) = (free_port(), free_port());
    let seeder = start(&material, &material.seeds(), seeding, is_encrypted);
    until("aria2 listens", || std::net::TcpStream::connect(local(seeding)).is_ok()).await;
    let bench = material.fetch(local(seeding), transfers).await;
    drop(seeder);

    let folder = material.folder("fetched");
    let _fetcher = start(&material, &folder, fetching, is_encrypted);
    until("aria2 listens", || std::net::TcpStream::connect(local(fetching)).is_ok()).await;
    material.offer(&bench, local(fetching)).await;
    until("aria2 has it", || material.is_in(&folder)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn in_the_clear() {
    there_and_back(&[2_000_003, 70_001], "v1", false).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn encrypted_only() {
    there_and_back(&[2_000_003, 70_001], "v1", true).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn padding_between_files() {
    there_and_back(&[100_001, 70_000, 65_536, 5], "padded", false).await;
}
