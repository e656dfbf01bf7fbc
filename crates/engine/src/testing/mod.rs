//! A seeder on loopback, independent of the engine, for tests, demos and end-to-end runs.
//!
//! It takes part in nothing public: no DHT, no trackers, no discovery, one port on 127.0.0.1. Like the engine it needs
//! a multi-thread runtime.

mod make;

use std::net::{Ipv4Addr, SocketAddr};
use std::num::NonZeroU32;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use freshet_model::{InfoHash, Magnet, Metainfo, MetainfoError};
use librqbit::limits::LimitsConfig;
use librqbit::{
    AddTorrent, AddTorrentOptions, ConnectionOptions, ListenerOptions, PeerConnectionOptions, Session,
    SessionOptions,
};

/// How long a silent peer is kept: a paused player, a stalled test.
const PEER_TIMEOUT: Duration = Duration::from_secs(600);
const WORKER_PERMITS: usize = 128;
const DEFAULT_PIECE_BYTES: u32 = 256 * 1024;

#[derive(Debug, Clone, Copy, Default)]
pub struct SeederOptions {
    /// 0 for any.
    pub port: u16,
    /// 0 for no limit; at least one block of 16 KiB.
    pub upload_limit_bytes_per_sec: u64,
}

#[derive(Debug, thiserror::Error)]
pub enum SeedError {
    #[error("the seeder did not start: {0}")]
    Start(String),
    #[error("the torrent could not be made or seeded: {0}")]
    Seed(String),
    #[error("the torrent that was made is refused by our own door: {0}")]
    Refused(#[from] MetainfoError),
}

/// Uploads torrents from 127.0.0.1 until it is stopped or dropped.
pub struct Seeder {
    session: Arc<Session>,
    peer: SocketAddr,
}

/// A torrent that a [`Seeder`] has whole.
#[derive(Debug, Clone)]
pub struct SeededTorrent {
    pub info_hash: InfoHash,
    pub torrent_file: Vec<u8>,
    pub metainfo: Metainfo,
    /// Where its seeder listens.
    pub peer: SocketAddr,
}

impl SeededTorrent {
    /// A magnet link that names the seeder (`x.pe`), so that nobody else has to be asked.
    pub fn magnet(&self) -> String {
        let named = Magnet { display_name: Some(self.metainfo.name.clone()), ..Magnet::bare(self.info_hash) };
        format!("{}&x.pe={}", named.to_uri(), self.peer)
    }
}

impl Seeder {
    /// Opens the port. Seeds nothing yet.
    ///
    /// # Errors
    /// [`SeedError::Start`], for example if the port is taken.
    pub async fn start(options: SeederOptions) -> Result<Self, SeedError> {
        let session_options = SessionOptions {
            dht: None,
            disable_trackers: true,
            disable_local_service_discovery: true,
            ipv4_only: true,
            listen: Some(ListenerOptions {
                listen_addr: SocketAddr::from((Ipv4Addr::LOCALHOST, options.port)),
                ipv4_only: true,
                ..ListenerOptions::default()
            }),
            connect: Some(ConnectionOptions {
                peer_opts: Some(PeerConnectionOptions {
                    read_write_timeout: Some(PEER_TIMEOUT),
                    ..PeerConnectionOptions::default()
                }),
                ..ConnectionOptions::default()
            }),
            ratelimits: LimitsConfig {
                upload_bps: rate_limit(options.upload_limit_bytes_per_sec),
                download_bps: None,
            },
            runtime_worker_threads: Some(WORKER_PERMITS),
            ..SessionOptions::default()
        };
        let session = Session::new_with_opts(std::env::temp_dir(), session_options)
            .await
            .map_err(|error| SeedError::Start(format!("{error:#}")))?;
        let peer = session.listen_addr().ok_or_else(|| SeedError::Start("no port".to_owned()))?;
        Ok(Self { session, peer })
    }

    /// Starts a seeder and makes it seed one file or folder.
    ///
    /// # Errors
    /// [`SeedError`].
    pub async fn seeding(path: &Path, options: SeederOptions) -> Result<(Self, SeededTorrent), SeedError> {
        let seeder = Self::start(options).await?;
        let torrent = seeder.seed(path, None).await?;
        Ok((seeder, torrent))
    }

    /// Makes a torrent from a file or folder and seeds it from where it lies. Waits until it is hashed.
    ///
    /// # Errors
    /// [`SeedError`].
    pub async fn seed(&self, path: &Path, piece_bytes: Option<u32>) -> Result<SeededTorrent, SeedError> {
        let piece_bytes = piece_bytes.unwrap_or(DEFAULT_PIECE_BYTES);
        let source = path.to_owned();
        let (torrent_file, folder) =
            tokio::task::spawn_blocking(move || make::torrent_file(&source, piece_bytes))
                .await
                .map_err(failed)?
                .map_err(failed)?;
        let metainfo = Metainfo::parse(&torrent_file)?;
        let add_options = AddTorrentOptions {
            overwrite: true,
            output_folder: Some(folder.to_string_lossy().into_owned()),
            ..AddTorrentOptions::default()
        };
        let handle = self
            .session
            .add_torrent(AddTorrent::from_bytes(torrent_file.clone()), Some(add_options))
            .await
            .map_err(failed)?
            .into_handle()
            .ok_or_else(|| SeedError::Seed("the session did not take the torrent".to_owned()))?;
        handle.wait_until_completed().await.map_err(failed)?;
        Ok(SeededTorrent { info_hash: metainfo.info_hash, torrent_file, metainfo, peer: self.peer })
    }

    /// Where it listens.
    pub fn peer(&self) -> SocketAddr {
        self.peer
    }

    /// Changes the upload limit at once; 0 for none.
    pub fn set_upload_limit(&self, bytes_per_sec: u64) {
        self.session.ratelimits.set_upload_bps(rate_limit(bytes_per_sec));
    }

    /// Closes the port and all connections, and waits for it (about a second).
    pub async fn stop(self) {
        self.session.stop().await;
    }
}

fn failed(error: impl std::fmt::Display) -> SeedError {
    SeedError::Seed(format!("{error:#}"))
}

/// 0 is no limit; below one block per second the seeder would send nothing.
fn rate_limit(bytes_per_sec: u64) -> Option<NonZeroU32> {
    const MIN_BYTES_PER_SEC: u64 = 16 * 1024;
    if bytes_per_sec == 0 {
        return None;
    }
    u32::try_from(bytes_per_sec.max(MIN_BYTES_PER_SEC)).ok().and_then(NonZeroU32::new)
}

impl std::fmt::Debug for Seeder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Seeder").field("peer", &self.peer).finish_non_exhaustive()
    }
}

/// Bytes that look random, always the same for the same `seed`; no two blocks of them are alike.
pub fn pattern(seed: u64, length: usize) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut bytes = Vec::with_capacity(length + 8);
    while bytes.len() < length {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        bytes.extend_from_slice(&state.to_le_bytes());
    }
    bytes.truncate(length);
    bytes
}
