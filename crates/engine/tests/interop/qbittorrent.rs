//! qBittorrent without a window.

use std::path::Path;
use std::process::{Child, Command, Stdio};

use freshet_model::TransferSettings;

use crate::common::until;
use crate::material::{Material, free_port, local};

/// Ends with the test, however that ends.
struct QBittorrent(Child);

impl Drop for QBittorrent {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn start(material: &Material, profile: &Path, folder: &Path, port: u16, manner: Manner) -> QBittorrent {
    let config = profile.join("qBittorrent/config");
    std::fs::create_dir_all(&config).unwrap();
    // 1 is "required", 2 is "off".
    let encryption = if manner == Manner::Encrypted { 1 } else { 2 };
    let protocol = if manner == Manner::Utp { "UTP" } else { "TCP" };
    let text = format!(
        "[LegalNotice]\nAccepted=true\n\n\
         [BitTorrent]\nSession\\Port={port}\nSession\\Encryption={encryption}\nSession\\BTProtocol={protocol}\nSession\\Interface=lo\n\
         Session\\InterfaceName=lo\nSession\\InterfaceAddress=127.0.0.1\nSession\\DHTEnabled=false\n\
         Session\\LSDEnabled=false\nSession\\PeXEnabled=false\n\n\
         [Network]\nPortForwardingEnabled=false\n\n\
         [Preferences]\nWebUI\\Enabled=false\nWebUI\\Address=127.0.0.1\n"
    );
    std::fs::write(config.join("qBittorrent.conf"), text).unwrap();
    let child = Command::new("qbittorrent-nox")
        .arg(format!("--profile={}", profile.display()))
        .arg(format!("--webui-port={}", free_port()))
        .arg(format!("--save-path={}", folder.display()))
        .arg(material.torrent_path())
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("qbittorrent-nox is needed for this test; the package is called the same");
    QBittorrent(child)
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Manner {
    Plain,
    Encrypted,
    Utp,
}

async fn there_and_back(lengths: &[usize], kind: &str, manner: Manner) {
    let material = Material::make(lengths, 64 * 1024, kind).await;
    let transfers = TransferSettings {
        encryption_required: manner == Manner::Encrypted,
        tcp_enabled: manner != Manner::Utp,
        ..TransferSettings::default()
    };
    let (seeding, fetching) = (free_port(), free_port());
    let profile = material.folder("seeder");
    let seeder = start(&material, &profile, &material.seeds(), seeding, manner);
    until("qBittorrent listens", || listens(seeding, manner)).await;
    let bench = material.fetch(local(seeding), transfers).await;
    drop(seeder);

    let (profile, folder) = (material.folder("fetcher"), material.folder("fetched"));
    let _fetcher = start(&material, &profile, &folder, fetching, manner);
    until("qBittorrent listens", || listens(fetching, manner)).await;
    material.offer(&bench, local(fetching)).await;
    until("qBittorrent has it", || material.is_in(&folder)).await;
}

/// Over uTP its port can't be bound by anybody else.
fn listens(port: u16, manner: Manner) -> bool {
    match manner {
        Manner::Utp => std::net::UdpSocket::bind(local(port)).is_err(),
        Manner::Plain | Manner::Encrypted => std::net::TcpStream::connect(local(port)).is_ok(),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn in_the_clear() {
    there_and_back(&[1_500_003, 70_001], "v1", Manner::Plain).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn encrypted_only() {
    there_and_back(&[1_500_003, 70_001], "v1", Manner::Encrypted).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn over_utp_only() {
    there_and_back(&[1_500_003, 70_001], "v1", Manner::Utp).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn both_versions_in_one_torrent() {
    there_and_back(&[300_001, 99_999], "hybrid", Manner::Plain).await;
}
