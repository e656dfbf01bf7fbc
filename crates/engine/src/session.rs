//! Starts librqbit's session with our settings, and with less when not everything can be had.

use std::net::{Ipv6Addr, SocketAddr};
use std::num::NonZeroU32;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use freshet_model::AddressPolicy;
use librqbit::dht::DhtPersistenceConfig;
use librqbit::limits::LimitsConfig;
use librqbit::{
    ConnectionOptions, DhtSessionConfig, ListenerMode, ListenerOptions, PeerConnectionOptions, Session,
    SessionOptions,
};

use crate::{EngineConfig, EngineStatus, MIN_RATE_LIMIT_BYTES_PER_SEC, StartError, peers};

const CLIENT: &str = concat!("Freshet ", env!("CARGO_PKG_VERSION"));
const CONNECT_TIMEOUT: Duration = Duration::from_secs(4);
/// A paused player lets its peers be silent for a while; a short time-out would lose them all.
const PEER_READ_WRITE_TIMEOUT: Duration = Duration::from_secs(150);
/// Somebody who asks for details has no reason to wait long.
const RESOLVER_READ_WRITE_TIMEOUT: Duration = Duration::from_secs(15);
const KEEP_ALIVE_INTERVAL: Duration = Duration::from_secs(30);
/// Small, so that a seek does not wait for what the old position asked.
const REQUEST_WINDOW_BLOCKS: usize = 24;
/// Every open reader holds one of the session's worker permits, and writing pieces needs them too: far more permits
/// than readers keep the two apart.
const WORKER_PERMITS: usize = 1024;
const CONCURRENT_CHECKS: usize = 4;
const PEERS_PER_TORRENT: usize = 80;
const DHT_BOOTSTRAP: [&str; 4] = [
    "router.bittorrent.com:6881",
    "dht.transmissionbt.com:6881",
    "dht.libtorrent.org:25401",
    "router.utorrent.com:6881",
];

pub(crate) struct Started {
    pub(crate) session: Arc<Session>,
    pub(crate) status: EngineStatus,
}

/// Tries the wanted port and the DHT first, and gives up one after the other: a computer on which a port is taken or
/// the DHT can't start still plays.
pub(crate) async fn start(config: &EngineConfig) -> Result<Started, StartError> {
    let mut attempts = vec![(Some(config.peer_port), config.enable_dht)];
    for attempt in
        [(Some(0), config.enable_dht), (Some(config.peer_port), false), (Some(0), false), (None, false)]
    {
        if !attempts.contains(&attempt) {
            attempts.push(attempt);
        }
    }
    // Read by the session at its start only.
    let blocklist = match config.addresses {
        AddressPolicy::PrivateToo => None,
        AddressPolicy::GlobalOnly => {
            Some(peers::Blocklist::write(&config.pieces_dir).map_err(StartError::PiecesDir)?)
        }
    };
    let mut last_error = String::new();
    for (port, enable_dht) in attempts {
        let options = options(config, port, enable_dht, blocklist.as_ref().map(peers::Blocklist::url));
        match Session::new_with_opts(config.pieces_dir.clone(), options).await {
            Ok(session) => {
                let peer_port = session.listen_addr().map(|address| address.port());
                let wanted_port_taken = config.peer_port != 0 && peer_port != Some(config.peer_port);
                let status = EngineStatus { peer_port, wanted_port_taken, dht_enabled: enable_dht };
                return Ok(Started { session, status });
            }
            Err(error) => {
                last_error = format!("{error:#}");
                tracing::warn!(
                    port,
                    enable_dht,
                    error = last_error,
                    "session did not start; trying with less"
                );
            }
        }
    }
    Err(StartError::Session(last_error))
}

fn options(
    config: &EngineConfig,
    port: Option<u16>,
    enable_dht: bool,
    blocklist_url: Option<String>,
) -> SessionOptions {
    let listen = port.map(|port| ListenerOptions {
        mode: ListenerMode::TcpAndUtp,
        listen_addr: SocketAddr::from((Ipv6Addr::UNSPECIFIED, port)),
        ..ListenerOptions::default()
    });
    SessionOptions {
        dht: enable_dht.then(|| dht_config(&config.dht_state_path)),
        listen,
        connect: Some(ConnectionOptions {
            enable_tcp: true,
            peer_opts: Some(PeerConnectionOptions {
                connect_timeout: Some(CONNECT_TIMEOUT),
                read_write_timeout: Some(PEER_READ_WRITE_TIMEOUT),
                keep_alive_interval: Some(KEEP_ALIVE_INTERVAL),
                max_request_window: Some(REQUEST_WINDOW_BLOCKS),
            }),
            ..ConnectionOptions::default()
        }),
        concurrent_init_limit: Some(CONCURRENT_CHECKS),
        runtime_worker_threads: Some(WORKER_PERMITS),
        ratelimits: LimitsConfig {
            download_bps: rate_limit(config.download_limit_bytes_per_sec),
            upload_bps: rate_limit(config.upload_limit_bytes_per_sec),
        },
        blocklist_url,
        peer_limit: Some(PEERS_PER_TORRENT),
        disable_local_service_discovery: true,
        client_name_and_version: Some(CLIENT.to_owned()),
        ..SessionOptions::default()
    }
}

/// A session that only asks the peers it is told about: no DHT, no trackers, no port but one for outgoing uTP.
pub(crate) async fn start_resolver(config: &EngineConfig) -> Result<Arc<Session>, StartError> {
    let mut last_error = String::new();
    for with_utp in [true, false] {
        let listen = with_utp.then(|| ListenerOptions {
            mode: ListenerMode::UtpOnly,
            listen_addr: SocketAddr::from((Ipv6Addr::UNSPECIFIED, 0)),
            ..ListenerOptions::default()
        });
        let options = SessionOptions {
            dht: None,
            disable_trackers: true,
            listen,
            connect: Some(ConnectionOptions {
                enable_tcp: true,
                peer_opts: Some(PeerConnectionOptions {
                    connect_timeout: Some(CONNECT_TIMEOUT),
                    read_write_timeout: Some(RESOLVER_READ_WRITE_TIMEOUT),
                    ..PeerConnectionOptions::default()
                }),
                ..ConnectionOptions::default()
            }),
            runtime_worker_threads: Some(WORKER_PERMITS),
            disable_local_service_discovery: true,
            client_name_and_version: Some(CLIENT.to_owned()),
            ..SessionOptions::default()
        };
        match Session::new_with_opts(config.pieces_dir.clone(), options).await {
            Ok(session) => return Ok(session),
            Err(error) => last_error = format!("{error:#}"),
        }
    }
    Err(StartError::Session(last_error))
}

/// What trackers see of us: the usual form, and nothing that lasts longer than this process.
pub(crate) fn random_peer_id() -> [u8; 20] {
    let mut id = *b"-FH0001-000000000000";
    for byte in &mut id[8..] {
        *byte = rand::random_range(b'a'..=b'z');
    }
    id
}

fn dht_config(state_path: &Path) -> DhtSessionConfig {
    DhtSessionConfig {
        bootstrap_addrs: Some(DHT_BOOTSTRAP.map(str::to_owned).to_vec()),
        port: None,
        persistence: Some(DhtPersistenceConfig {
            dump_interval: None,
            config_filename: Some(state_path.to_owned()),
        }),
    }
}

/// 0 is no limit; anything else at least [`MIN_RATE_LIMIT_BYTES_PER_SEC`].
pub(crate) fn rate_limit(bytes_per_sec: u64) -> Option<NonZeroU32> {
    if bytes_per_sec == 0 {
        return None;
    }
    let clamped = bytes_per_sec.clamp(MIN_RATE_LIMIT_BYTES_PER_SEC, u64::from(u32::MAX));
    u32::try_from(clamped).ok().and_then(NonZeroU32::new)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_are_never_below_what_lets_a_block_pass() {
        let table = [(0, None), (1, Some(16 * 1024)), (20_000, Some(20_000)), (u64::MAX, Some(u32::MAX))];
        for (given, expected) in table {
            assert_eq!(rate_limit(given).map(NonZeroU32::get), expected, "{given}");
        }
    }
}
