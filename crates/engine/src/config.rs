//! What the engine is started with, and what it says about its start.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use freshet_model::{AddressPolicy, TransferSettings};
use freshet_swarm::Blocklist;
use freshet_swarm::pieces::ResumeStore;
use freshet_web::WebClient;

#[derive(Debug, Clone)]
pub struct EngineConfig {
    /// Pieces live in `<pieces_dir>/<info hash>/<file index>`; names of a torrent are never used here.
    pub pieces_dir: PathBuf,
    /// Keeps what is remembered of pieces between two runs; `None` for a file beside the pieces of each torrent.
    pub resume: Option<Arc<dyn ResumeStore>>,
    /// Where the DHT keeps the nodes it knows.
    pub dht_state_path: PathBuf,
    /// Whether the DHT, the local network and the router may be asked at all. If so, the settings say which of them are.
    pub enable_discovery: bool,
    /// Until [`crate::Engine::set_transfers`] says otherwise. A taken port is replaced by another one.
    pub transfers: TransferSettings,
    /// Whom nobody speaks to, until [`crate::Engine::set_blocklist`] says otherwise.
    pub blocklist: Arc<Blocklist>,
    /// Other clients, which go by the same way out of this computer as transfers do.
    pub routed_too: Vec<WebClient>,
    /// Which trackers, peers and links may be asked.
    pub addresses: AddressPolicy,
    /// 0 for no limit.
    pub download_limit_bytes_per_sec: u64,
    /// 0 for no limit.
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
            tracker_check_timeout: Duration::from_secs(3),
            selection_linger: Duration::from_secs(60),
            max_readers: 512,
        }
    }
}

/// How the engine stands since its start, or since the last change of the settings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EngineStatus {
    /// Where peers reach us; `None` if no port could be had.
    pub peer_port: Option<u16>,
    /// The port that the settings want is used by somebody else.
    pub wanted_port_taken: bool,
}
