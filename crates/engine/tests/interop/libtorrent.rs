//! libtorrent, the library behind qBittorrent and Deluge: all kinds of torrents, transports and encryption.

use std::path::Path;
use std::process::Stdio;

use freshet_model::TransferSettings;
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};

use crate::common::{soon, until};
use crate::material::{Material, local, our_port};

/// The script, doing one thing. Ends when it is dropped.
pub(crate) struct Libtorrent {
    lines: Lines<BufReader<ChildStdout>>,
    _stdin: ChildStdin,
    _child: Child,
}

/// How it is spoken to.
#[derive(Clone, Copy)]
struct Manner {
    is_encrypted: bool,
    transport: &'static str,
}

const PLAIN: Manner = Manner { is_encrypted: false, transport: "tcp" };
const ENCRYPTED: Manner = Manner { is_encrypted: true, transport: "tcp" };
const UTP: Manner = Manner { is_encrypted: false, transport: "utp" };
const ENCRYPTED_UTP: Manner = Manner { is_encrypted: true, transport: "utp" };

impl Manner {
    fn transfers(self) -> TransferSettings {
        TransferSettings {
            encryption_required: self.is_encrypted,
            tcp_enabled: self.transport == "tcp",
            utp_enabled: self.transport == "utp",
            ..TransferSettings::default()
        }
    }
}

impl Libtorrent {
    async fn start(order: Value) -> Self {
        // The system's packages are those of the system's Python.
        let system = "/usr/bin/python3";
        let python = if Path::new(system).exists() { system } else { "python3" };
        let mut child = Command::new(python)
            .arg("-u")
            .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/interop/libtorrent_peer.py"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .expect("python3 is there, with libtorrent (package python3-libtorrent)");
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut stdin = child.stdin.take().unwrap();
        stdin.write_all(format!("{order}\n").as_bytes()).await.unwrap();
        Self { lines, _stdin: stdin, _child: child }
    }

    async fn told(&mut self) -> Value {
        let line = soon("libtorrent", self.lines.next_line()).await.unwrap();
        serde_json::from_str(&line.expect("it says more, or is not there")).unwrap()
    }

    pub(crate) async fn make(path: &Path, torrent: &Path, piece_bytes: u32, kind: &str) {
        let order = json!({ "do": "make", "path": path, "torrent": torrent, "piece_bytes": piece_bytes, "kind": kind });
        assert_eq!(Self::start(order).await.told().await, json!({ "made": true }));
    }

    async fn seed(material: &Material, manner: Manner) -> (Self, u16) {
        let mut seeder = Self::start(json!({
            "do": "seed", "torrent": material.torrent_path(), "save_path": material.seeds(),
            "encrypted": manner.is_encrypted, "transport": manner.transport,
        }))
        .await;
        let told = seeder.told().await;
        let port = told["port"].as_u64().unwrap_or_else(|| panic!("{told}"));
        (seeder, u16::try_from(port).unwrap())
    }

    async fn fetch(material: &Material, manner: Manner, folder: &Path, from: u16) {
        let order = json!({
            "do": "fetch", "torrent": material.torrent_path(), "save_path": folder,
            "encrypted": manner.is_encrypted, "transport": manner.transport, "peer_port": from,
        });
        let mut fetcher = Self::start(order).await;
        let told = fetcher.told().await;
        assert!(told["port"].is_u64(), "{told}");
        // It has all of it, and writes the last of it now.
        until("libtorrent has written it", || material.is_in(folder)).await;
    }
}

/// Seeds to whoever speaks over TCP, in the clear or not.
pub(crate) async fn seed_either(material: &Material) -> (Libtorrent, u16) {
    let mut seeder = Libtorrent::start(json!({
        "do": "seed", "torrent": material.torrent_path(), "save_path": material.seeds(),
        "encrypted": null, "transport": "tcp",
    }))
    .await;
    let told = seeder.told().await;
    (seeder, u16::try_from(told["port"].as_u64().unwrap()).unwrap())
}

/// From libtorrent to us, and from us to another libtorrent.
async fn there_and_back(lengths: &[usize], piece_bytes: u32, kind: &str, manner: Manner) {
    let material = Material::make(lengths, piece_bytes, kind).await;
    let (seeder, port) = Libtorrent::seed(&material, manner).await;
    let bench = material.fetch(local(port), manner.transfers()).await;
    drop(seeder);
    let folder = material.folder("fetched");
    Libtorrent::fetch(&material, manner, &folder, our_port(&bench)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn small_pieces_in_the_clear() {
    there_and_back(&[1_000_003], 16 * 1024, "v1", PLAIN).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn encrypted_only() {
    there_and_back(&[3_000_000], 256 * 1024, "v1", ENCRYPTED).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn over_utp_only() {
    there_and_back(&[2_000_001], 64 * 1024, "v1", UTP).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn over_utp_and_encrypted() {
    there_and_back(&[1_000_000], 64 * 1024, "v1", ENCRYPTED_UTP).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_largest_pieces() {
    there_and_back(&[40_000_000], 16 * 1024 * 1024, "v1", PLAIN).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn padding_between_files() {
    there_and_back(&[100_001, 1, 70_000, 65_536, 5], 64 * 1024, "padded", PLAIN).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn both_versions_in_one_torrent() {
    there_and_back(&[300_001, 20_000, 99_999], 32 * 1024, "hybrid", PLAIN).await;
    there_and_back(&[700_001], 64 * 1024, "hybrid", ENCRYPTED).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn five_thousand_files() {
    let lengths: Vec<usize> = (0..5_000).map(|number| number % 700).collect();
    there_and_back(&lengths, 32 * 1024, "v1", PLAIN).await;
}
