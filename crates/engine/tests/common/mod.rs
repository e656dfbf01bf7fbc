//! What the tests of the engine share: an engine on a temporary folder, a seeder, and a time limit for every wait.

#![allow(dead_code, reason = "every test file takes what it needs")]
#![allow(clippy::unwrap_used, reason = "what prepares a test fails with it")]

pub(crate) mod fake;

use std::future::Future;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use freshet_engine::testing::{SeededTorrent, Seeder, SeederOptions, pattern};
use freshet_engine::{Engine, EngineConfig, EngineLimits, Resolved, TorrentSpec};
use freshet_model::{AddressPolicy, Magnet, TorrentSource, TransferSettings};
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;

/// Guards against hanging only; everything here takes well below a second on an idle computer.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// Waits for `future`, but never forever.
pub(crate) async fn soon<T>(what: &str, future: impl Future<Output = T>) -> T {
    match tokio::time::timeout(PATIENCE, future).await {
        Ok(value) => value,
        Err(_) => panic!("{what} did not end in {PATIENCE:?}"),
    }
}

/// Asks again until `condition` holds.
pub(crate) async fn until(what: &str, mut condition: impl FnMut() -> bool) {
    soon(what, async {
        while !condition() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    })
    .await;
}

pub(crate) fn config(dir: &Path) -> EngineConfig {
    EngineConfig {
        pieces_dir: dir.join("pieces"),
        resume: None,
        dht_state_path: dir.join("dht.json"),
        enable_discovery: false,
        transfers: TransferSettings::default(),
        blocklist: Arc::default(),
        routed_too: Vec::new(),
        addresses: AddressPolicy::PrivateToo,
        download_limit_bytes_per_sec: 0,
        upload_limit_bytes_per_sec: 0,
        limits: EngineLimits { stall_timeout: PATIENCE, ..EngineLimits::default() },
    }
}

pub(crate) struct Bench {
    pub(crate) engine: Engine,
    pub(crate) dir: TempDir,
}

impl Bench {
    pub(crate) async fn start() -> Self {
        Self::with(|_| {}).await
    }

    pub(crate) async fn with(change: impl FnOnce(&mut EngineConfig)) -> Self {
        let _ = tracing_subscriber::fmt()
            .with_env_filter(tracing_subscriber::EnvFilter::from_default_env())
            .with_test_writer()
            .try_init();
        let dir = tempfile::tempdir().unwrap();
        let mut config = config(dir.path());
        change(&mut config);
        let engine = soon("start", Engine::start(config)).await.unwrap();
        Self { engine, dir }
    }

    pub(crate) async fn resolve(&self, torrent: &SeededTorrent) -> Resolved {
        let source = TorrentSource::Magnet(Magnet::parse(&torrent.magnet()).unwrap());
        soon("resolve", self.engine.resolve(source, CancellationToken::new())).await.unwrap()
    }

    pub(crate) async fn activate(&self, torrent: &SeededTorrent) {
        soon("activate", self.engine.activate(spec(torrent))).await.unwrap();
    }
}

/// What activates a seeded torrent without resolving it first.
pub(crate) fn spec(torrent: &SeededTorrent) -> TorrentSpec {
    TorrentSpec {
        info_hash: torrent.info_hash,
        torrent_file: Arc::from(torrent.torrent_file.clone()),
        trackers: Vec::new(),
        peers: vec![torrent.peer],
        is_pinned: false,
    }
}

/// A file with a pattern, and its seeder.
pub(crate) struct Film {
    pub(crate) bytes: Vec<u8>,
    pub(crate) torrent: SeededTorrent,
    pub(crate) seeder: Seeder,
    pub(crate) dir: TempDir,
}

pub(crate) async fn film(seed: u64, length: usize, options: SeederOptions) -> Film {
    let dir = tempfile::tempdir().unwrap();
    let bytes = pattern(seed, length);
    let path = dir.path().join("film.mkv");
    std::fs::write(&path, &bytes).unwrap();
    let (seeder, torrent) = soon("seeding", Seeder::seeding(&path, options)).await.unwrap();
    Film { bytes, torrent, seeder, dir }
}
