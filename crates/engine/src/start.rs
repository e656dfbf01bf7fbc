//! Starts what transfers, with our settings, and with less when not everything can be had.

use std::sync::Arc;

use freshet_swarm::discover::{Discovery, DiscoveryConfig};
use freshet_swarm::pieces::ResumeFile;
use freshet_swarm::{Swarm, SwarmConfig};
use freshet_web::{Route, WebClient};

use crate::transfers::{self, Ways};
use crate::{EngineConfig, EngineStatus, StartError, peers};

pub(crate) struct Started {
    pub(crate) swarm: Swarm,
    pub(crate) discovery: Discovery,
    pub(crate) status: EngineStatus,
}

/// Tries the wanted port first, then any, then none: a computer on which a port is taken still plays.
pub(crate) async fn start(
    config: &EngineConfig,
    web: &WebClient,
    route: &Route,
) -> Result<Started, StartError> {
    let wanted_port = config.transfers.peer_port;
    let mut ports =
        if route.carries_datagrams() { vec![Some(wanted_port), Some(0), None] } else { vec![None] };
    ports.dedup();
    let peer_id = random_peer_id();
    let mut last_error = String::new();
    for port in ports {
        match Swarm::start(swarm_config(config, route, peer_id, port)).await {
            Ok(swarm) => {
                swarm.set_keep_rules(transfers::keep_rules(&config.transfers));
                let peer_port = swarm.listen_port();
                let ways = Ways::of(config, &config.transfers);
                let (discovery, _) = Discovery::start(DiscoveryConfig {
                    enable_dht: ways.dht,
                    dht_state_path: config.dht_state_path.clone(),
                    enable_lsd: ways.lsd,
                    enable_port_mapping: ways.port_mapping,
                    addresses: config.addresses,
                    listen_port: swarm.watch_listen_port(),
                    web: web.clone(),
                    peer_id,
                });
                let wanted_port_taken =
                    route.carries_datagrams() && wanted_port != 0 && peer_port != Some(wanted_port);
                let status = EngineStatus { peer_port, wanted_port_taken };
                return Ok(Started { swarm, discovery, status });
            }
            Err(error) => {
                tracing::warn!(port, %error, "transfers did not start; trying with less");
                last_error = error.to_string();
            }
        }
    }
    Err(StartError::Transfers(last_error))
}

fn swarm_config(
    config: &EngineConfig,
    route: &Route,
    peer_id: [u8; 20],
    listen_port: Option<u16>,
) -> SwarmConfig {
    let limit = |bytes_per_sec: u64| (bytes_per_sec > 0).then_some(bytes_per_sec);
    let policy = config.addresses;
    SwarmConfig {
        pieces_dir: config.pieces_dir.clone(),
        listen_port,
        peer_id,
        accepts: Arc::new(move |address| peers::is_allowed(address, policy)),
        budget_bytes: None,
        resume: config.resume.clone().unwrap_or_else(|| Arc::new(ResumeFile::new(&config.pieces_dir))),
        download_limit_bytes_per_sec: limit(config.download_limit_bytes_per_sec),
        upload_limit_bytes_per_sec: limit(config.upload_limit_bytes_per_sec),
        network: transfers::Line::of(&config.transfers).network(),
        route: route.clone(),
        blocklist: Arc::clone(&config.blocklist),
    }
}

/// What trackers and peers see of us: the usual form, and nothing that lasts longer than this process.
fn random_peer_id() -> [u8; 20] {
    let mut id = *b"-FH0001-000000000000";
    for byte in &mut id[8..] {
        *byte = rand::random_range(b'a'..=b'z');
    }
    id
}
