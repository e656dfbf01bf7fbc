//! What is carried: files, the torrent of them, and our side of the way.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use freshet_engine::TorrentSpec;
use freshet_engine::testing::pattern;
use freshet_model::{Metainfo, TorrentSource, TransferSettings};
use tempfile::TempDir;
use tokio::io::AsyncReadExt as _;
use tokio_util::sync::CancellationToken;

use crate::common::{Bench, soon};
use crate::libtorrent::Libtorrent;

/// A torrent, and its files in a folder of their own.
pub(crate) struct Material {
    pub(crate) dir: TempDir,
    pub(crate) torrent_file: Vec<u8>,
    pub(crate) metainfo: Metainfo,
    /// Name below the torrent's folder, or of its only file, and bytes.
    files: Vec<(String, Vec<u8>)>,
}

impl Material {
    /// One file of so many bytes, or a folder of more, as libtorrent makes a torrent of it.
    pub(crate) async fn make(lengths: &[usize], piece_bytes: u32, kind: &str) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let is_single = lengths.len() == 1;
        let seeds = dir.path().join("seeds");
        let root = if is_single { seeds.clone() } else { seeds.join("Pack") };
        std::fs::create_dir_all(&root).unwrap();
        let files: Vec<(String, Vec<u8>)> = lengths
            .iter()
            .enumerate()
            .map(|(number, length)| (format!("{number:04} é.bin"), pattern(number as u64 + 7, *length)))
            .collect();
        for (name, bytes) in &files {
            std::fs::write(root.join(name), bytes).unwrap();
        }
        let path = if is_single { root.join(&files[0].0) } else { root };
        let torrent = dir.path().join("made.torrent");
        Libtorrent::make(&path, &torrent, piece_bytes, kind).await;
        let torrent_file = std::fs::read(&torrent).unwrap();
        let metainfo = Metainfo::parse(&torrent_file).unwrap();
        assert_eq!(metainfo.piece_bytes, piece_bytes);
        Self { dir, torrent_file, metainfo, files }
    }

    pub(crate) fn seeds(&self) -> PathBuf {
        self.dir.path().join("seeds")
    }

    /// Puts the padding beside the files, for who takes it for files.
    pub(crate) fn write_padding(&self) {
        let is_ours = |path: &str| self.files.iter().any(|(name, _)| path.ends_with(name.as_str()));
        for padding in self.metainfo.files.iter().filter(|file| !is_ours(&file.path)) {
            let path = self.seeds().join("Pack").join(&padding.path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, vec![0; usize::try_from(padding.length_bytes).unwrap()]).unwrap();
        }
    }

    pub(crate) fn torrent_path(&self) -> PathBuf {
        self.dir.path().join("made.torrent")
    }

    /// An empty folder.
    pub(crate) fn folder(&self, name: &str) -> PathBuf {
        let folder = self.dir.path().join(name);
        std::fs::create_dir(&folder).unwrap();
        folder
    }

    /// Whether all files lie there, with all their bytes.
    pub(crate) fn is_in(&self, folder: &Path) -> bool {
        let root = if self.metainfo.is_single_file { folder.to_owned() } else { folder.join("Pack") };
        self.files
            .iter()
            .all(|(name, bytes)| std::fs::read(root.join(name)).is_ok_and(|there| there == *bytes))
    }

    /// Fetches details and bytes from there, as a player would; gives the engine that has them now.
    pub(crate) async fn fetch(&self, from: SocketAddr, transfers: TransferSettings) -> Bench {
        let bench = Bench::with(|config| config.transfers = transfers).await;
        let info_hash = self.metainfo.info_hash;
        let source = TorrentSource::parse(&format!("magnet:?xt=urn:btih:{info_hash}&x.pe={from}")).unwrap();
        let resolving = bench.engine.resolve(source, CancellationToken::new());
        let resolved = soon("the details", resolving).await.unwrap();
        assert_eq!(resolved.metainfo.files, self.metainfo.files);
        self.activate(&bench, vec![from]).await;
        let mut compared = 0;
        for file in self.metainfo.files.iter() {
            let Some((_, bytes)) = self.files.iter().find(|(name, _)| file.path.ends_with(name.as_str()))
            else {
                continue;
            };
            let open = bench.engine.open_file(info_hash, file.index);
            let mut reader = soon("opening", open).await.unwrap();
            let mut whole = Vec::new();
            soon("reading", reader.read_to_end(&mut whole)).await.unwrap();
            assert!(whole == *bytes, "{}", file.path);
            compared += 1;
        }
        assert_eq!(compared, self.files.len());
        bench
    }

    /// Lets the engine call these peers.
    pub(crate) async fn activate(&self, bench: &Bench, peers: Vec<SocketAddr>) {
        let spec = TorrentSpec {
            info_hash: self.metainfo.info_hash,
            torrent_file: Arc::from(self.torrent_file.clone()),
            trackers: Vec::new(),
            peers,
            is_pinned: true,
        };
        soon("activate", bench.engine.activate(spec)).await.unwrap();
    }

    /// Offers what the engine has to a program that can't be told of peers: we call it.
    pub(crate) async fn offer(&self, bench: &Bench, to: SocketAddr) {
        let info_hash = self.metainfo.info_hash;
        soon("deactivate", bench.engine.deactivate(info_hash, false)).await.unwrap();
        self.activate(bench, vec![to]).await;
    }
}

pub(crate) fn local(port: u16) -> SocketAddr {
    SocketAddr::from((Ipv4Addr::LOCALHOST, port))
}

pub(crate) fn free_port() -> u16 {
    std::net::TcpListener::bind(local(0)).unwrap().local_addr().unwrap().port()
}

pub(crate) fn our_port(bench: &Bench) -> u16 {
    bench.engine.status().peer_port.unwrap()
}
