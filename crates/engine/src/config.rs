//! What the engine is started with, and what it says about its start.

use std::path::PathBuf;
use std::time::Duration;

use freshet_model::AddressPolicy;

/// A limit below one block per second stops transfers instead of slowing them down.
pub const MIN_RATE_LIMIT_BYTES_PER_SEC: u64 = 16 * 1024;

#[derive(Debug, Clone)]
pub struct EngineConfig {
    /// Pieces live in `<pieces_dir>/<info hash>/<file index>`; names of a torrent are never used here.
    pub pieces_dir: PathBuf,
    /// Where the DHT keeps the nodes it knows.
    pub dht_state_path: PathBuf,
    /// Port for incoming peers, 0 for any. A taken port is replaced by another one.
    pub peer_port: u16,
    pub enable_dht: bool,
    /// Which trackers, peers and links may be asked.
    pub addresses: AddressPolicy,
    /// 0 for no limit; lower limits than [`MIN_RATE_LIMIT_BYTES_PER_SEC`] are raised to it.
    pub download_limit_bytes_per_sec: u64,
    /// As [`EngineConfig::download_limit_bytes_per_sec`].
    pub upload_limit_bytes_per_sec: u64,
    pub limits: EngineLimits,
}

/// Every wait and every count that the engine bounds.
#[derive(Debug, Clone)]
pub struct EngineLimits {
    /// From a magnet to its details.
    pub resolve_timeout: Duration,
    /// How long a read waits for its next byte.
    pub stall_timeout: Duration,
    /// How long a torrent without readers stays active, until [`crate::Engine::set_idle_timeout`] says otherwise.
    pub idle_timeout: Duration,
    /// How long opening a file waits for the check of pieces that are already on the disk.
    pub open_timeout: Duration,
    /// How long the trackers' names may take to resolve before the torrent starts without the slow ones.
    pub tracker_check_timeout: Duration,
    /// How long a file that nobody reads any more goes on downloading.
    pub selection_linger: Duration,
    /// Open readers of all torrents together.
    pub max_readers: usize,
}

impl Default for EngineLimits {
    fn default() -> Self {
        Self {
            resolve_timeout: Duration::from_secs(90),
            stall_timeout: Duration::from_secs(60),
            idle_timeout: Duration::from_secs(600),
            open_timeout: Duration::from_secs(300),
            tracker_check_timeout: Duration::from_secs(3),
            selection_linger: Duration::from_secs(60),
            max_readers: 512,
        }
    }
}

/// How the engine stands since its start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EngineStatus {
    /// Where peers reach us; `None` if no port could be had.
    pub peer_port: Option<u16>,
    /// The port of the configuration is used by somebody else.
    pub wanted_port_taken: bool,
    /// False also if it was wanted and could not be started.
    pub dht_enabled: bool,
}
