//! How addresses of peers are found: trackers (BEP 3, 12, 15), the DHT (BEP 5), local discovery (BEP 14); and how others
//! find us, through a router that maps our port.
//!
//! Everything here comes from strangers. So every answer is bounded, and every address passes [`addresses`] before
//! anybody hears of it.

pub mod addresses;
mod dht;
pub(crate) mod lsd;
pub(crate) mod mapping;
mod search;
mod sockets;
pub(crate) mod tracker;

use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::Arc;

use freshet_model::AddressPolicy;
use freshet_web::WebClient;
use tokio::sync::{Semaphore, mpsc, watch};
use tokio::time::{Instant, timeout_at};
use tokio_util::sync::{CancellationToken, DropGuard};
use tokio_util::task::TaskTracker;

pub use dht::DhtStatus;
pub use lsd::LsdStatus;
pub use mapping::{MappingProtocol, MappingStatus};
pub use search::{Found, Search, SearchSpec, Source, Totals, TrackerState, TrackerStatus, refusal};
use search::{Outlet, Wishes};
use tracker::announcer::{Announcer, Surroundings};
use tracker::{Carrier, UdpTrackers};

/// Announces of all torrents together that run at once.
const MAX_ANNOUNCES: usize = 64;

/// What discovery may do, and where.
#[derive(Debug, Clone)]
pub struct DiscoveryConfig {
    /// At first; [`Discovery::set_dht`] changes it, and so with the others.
    pub enable_dht: bool,
    /// File that the DHT's table is kept in between runs.
    pub dht_state_path: PathBuf,
    pub enable_lsd: bool,
    pub enable_port_mapping: bool,
    pub addresses: AddressPolicy,
    /// The port that peers reach us at, TCP and UDP; none while nobody listens.
    pub listen_port: watch::Receiver<Option<u16>>,
    /// Asks HTTP trackers.
    pub web: WebClient,
    pub peer_id: [u8; 20],
}

/// How the shared parts are. Nothing of it is an error: a search goes on with what works.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DiscoveryStatus {
    pub dht: DhtStatus,
    pub lsd: LsdStatus,
    pub mapping: MappingStatus,
}

/// Everything that all torrents share. Cheap to clone; when the last clone and the last search are dropped, its tasks end
/// without waiting.
#[derive(Debug, Clone)]
pub struct Discovery {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    config: DiscoveryConfig,
    carrier: Carrier,
    dht: dht::Dht,
    lsd: lsd::Lsd,
    mapping: mapping::Mapping,
    permits: Arc<Semaphore>,
    tasks: TaskTracker,
    cancel: CancellationToken,
    _cancel_on_drop: DropGuard,
}

impl Discovery {
    /// Starts what the configuration enables, in the background. Needs a tokio runtime around it.
    pub fn start(config: DiscoveryConfig) -> (Self, watch::Receiver<DiscoveryStatus>) {
        let (status, shown) = watch::channel(DiscoveryStatus::default());
        let tasks = TaskTracker::new();
        let cancel = CancellationToken::new();
        let mapping = mapping::Mapping::start(&config, status.clone(), &tasks, cancel.clone());
        let port = mapping.reachable_port();
        let dht = dht::Dht::start(&config, port, status.clone(), &tasks, cancel.clone());
        let lsd = lsd::Lsd::start(&config, status, &tasks, cancel.clone());
        let udp = UdpTrackers::new(tasks.clone(), cancel.clone());
        let shared = Shared {
            carrier: Carrier { web: config.web.clone(), udp, addresses: config.addresses },
            config,
            dht,
            lsd,
            mapping,
            permits: Arc::new(Semaphore::new(MAX_ANNOUNCES)),
            tasks,
            cancel: cancel.clone(),
            _cancel_on_drop: cancel.drop_guard(),
        };
        (Self { shared: Arc::new(shared) }, shown)
    }

    /// Looks for the peers of a torrent until the search is stopped or dropped; trackers are asked at once. Needs a tokio
    /// runtime around it.
    pub fn search(&self, spec: SearchSpec, totals: watch::Receiver<Totals>) -> Search {
        let shared = &self.shared;
        let cancel = shared.cancel.child_token();
        let (sender, found) = mpsc::channel(search::MAX_WAITING_ADDRESSES);
        let outlet = Outlet {
            found: sender,
            policy: shared.config.addresses,
            listen_port: shared.config.listen_port.clone(),
            own_ips: own_ips().into(),
        };
        if !spec.is_private {
            shared.spawn(shared.dht.search(spec.info_hash, outlet.clone()), &cancel);
            shared.spawn(shared.lsd.search(spec.info_hash, outlet.clone()), &cancel);
        }
        let (status, shown) = watch::channel(Vec::new());
        let around = Surroundings {
            info_hash: spec.info_hash,
            peer_id: shared.config.peer_id,
            carrier: shared.carrier.clone(),
            outlet,
            totals,
            port: shared.mapping.reachable_port(),
            status,
            permits: Arc::clone(&shared.permits),
        };
        let (wishes, wanted) = watch::channel(Wishes::default());
        let announcer = Announcer::new(around, search::tiers(&spec), spec.is_private);
        let announcer = shared.spawn(announcer.run(wanted), &cancel);
        let cancel = cancel.drop_guard();
        Search { found, status: shown, wishes, announcer, cancel, _discovery: self.clone() }
    }

    /// Whether the DHT is used. Searches that run follow, in the background.
    pub fn set_dht(&self, is_wanted: bool) {
        self.shared.dht.want(is_wanted);
    }

    /// Whether torrents are announced in the local network, and peers there are heard. Searches that run follow, in the
    /// background.
    pub fn set_lsd(&self, is_wanted: bool) {
        self.shared.lsd.want(is_wanted);
    }

    /// Whether the router is asked to map our port; what is mapped is given back. Takes effect in the background.
    pub fn set_port_mapping(&self, is_wanted: bool) {
        self.shared.mapping.want(is_wanted);
    }

    /// Ends everything, searches too, and gives the mapped port back; what does not end before the deadline ends later.
    /// Trackers are told by [`Search::stop`] only, so searches are stopped first.
    pub async fn shutdown(&self, deadline: Instant) {
        self.shared.cancel.cancel();
        self.shared.tasks.close();
        if timeout_at(deadline, self.shared.tasks.wait()).await.is_err() {
            tracing::debug!(left = self.shared.tasks.len(), "discovery did not end in time");
        }
    }
}

impl Shared {
    fn spawn(
        &self,
        task: impl Future<Output = ()> + Send + 'static,
        cancel: &CancellationToken,
    ) -> tokio::task::JoinHandle<()> {
        let cancel = cancel.clone();
        self.tasks.spawn(async move {
            cancel.run_until_cancelled(task).await;
        })
    }
}

/// The addresses of this computer; none if the system does not tell.
fn own_ips() -> Vec<IpAddr> {
    match if_addrs::get_if_addrs() {
        Ok(interfaces) => interfaces.iter().map(if_addrs::Interface::ip).collect(),
        Err(error) => {
            tracing::debug!(%error, "the addresses of this computer are not known");
            Vec::new()
        }
    }
}

#[cfg(test)]
mod tests;
