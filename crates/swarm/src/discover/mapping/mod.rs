//! Asks the router to let peers through to our port: PCP or NAT-PMP (RFC 6887, RFC 6886), else UPnP.
//!
//! All of it is a favour of the router. What fails is a state, and is tried again.

mod nat_pmp;
pub(crate) mod upnp;

use std::time::Duration;

use freshet_model::AddressPolicy;
use freshet_web::{Route, WayOut, WebClient};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::{DiscoveryConfig, DiscoveryStatus};

/// What we ask for; a router may give less. What a crash leaves behind ends with it.
const LEASE: Duration = Duration::from_secs(60 * 60);
/// Whatever a router wants.
const MIN_RENEWAL: Duration = Duration::from_secs(60);
const MIN_RETRY_PAUSE: Duration = Duration::from_secs(60);
const MAX_RETRY_PAUSE: Duration = Duration::from_secs(60 * 60);
/// All of it: finding a router, and both protocols of a port.
const MAP_TIMEOUT: Duration = Duration::from_secs(40);
/// At the end of the program; a router that does not hear it lets the mapping lapse.
const GIVE_BACK_TIMEOUT: Duration = Duration::from_secs(3);

/// How the router was asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MappingProtocol {
    Pcp,
    NatPmp,
    Upnp,
}

/// How the mapping is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum MappingStatus {
    /// It is not wanted, or there is no port to map.
    #[default]
    Off,
    Asking,
    /// Peers reach us at this port of the router.
    Mapped {
        protocol: MappingProtocol,
        external_port: u16,
    },
    /// Why no router did it; it is tried again.
    Failed(String),
}

/// Keeps the port mapped while that is wanted.
#[derive(Debug)]
pub(super) struct Mapping {
    wanted: watch::Sender<bool>,
    reachable: watch::Receiver<Option<u16>>,
}

impl Mapping {
    pub(super) fn start(
        config: &DiscoveryConfig,
        status: watch::Sender<DiscoveryStatus>,
        tasks: &TaskTracker,
        cancel: CancellationToken,
    ) -> Self {
        let (wanted, is_wanted) = watch::channel(config.enable_port_mapping);
        let (sender, reachable) = watch::channel(*config.listen_port.borrow());
        let keeper = Keeper {
            router: Router { policy: config.addresses, ssdp: upnp::SSDP_GROUP.into(), has_nat_pmp: true },
            web: config.web.clone(),
            way: config.web.way_out(),
            listen_port: config.listen_port.clone(),
            is_wanted,
            reachable: sender,
            status,
            cancel,
        };
        drop(tasks.spawn(keeper.run()));
        Self { wanted, reachable }
    }

    pub(super) fn want(&self, is_wanted: bool) {
        self.wanted.send_if_modified(|wanted| std::mem::replace(wanted, is_wanted) != is_wanted);
    }

    /// The port that peers on the internet reach us at: the router's if it maps one, else the one we listen at.
    pub(super) fn reachable_port(&self) -> watch::Receiver<Option<u16>> {
        self.reachable.clone()
    }
}

/// How a router is found.
#[derive(Debug, Clone, Copy)]
struct Router {
    policy: AddressPolicy,
    ssdp: std::net::SocketAddr,
    /// Whether its address in the routing table is asked too. Not through a chosen interface: that table knows the others as well.
    has_nat_pmp: bool,
}

/// What a router gave us.
#[derive(Debug, Clone)]
enum Lease {
    NatPmp(nat_pmp::Lease),
    Upnp(upnp::Lease),
}

#[derive(Debug, thiserror::Error)]
enum MappingError {
    #[error("PCP and NAT-PMP: {0}; UPnP: {1}")]
    Both(nat_pmp::NatPmpError, upnp::UpnpError),
    #[error(transparent)]
    NatPmp(#[from] nat_pmp::NatPmpError),
    #[error(transparent)]
    Upnp(#[from] upnp::UpnpError),
    #[error("the router did not answer in time")]
    TimedOut,
    #[error("asking the router failed inside the program")]
    Panicked,
}

impl Router {
    async fn map(self, port: u16, route: Route) -> Result<Lease, MappingError> {
        let mut nat_pmp_error = None;
        if self.has_nat_pmp && route.interface.is_none() {
            match nat_pmp::map(port, LEASE).await {
                Ok(lease) => return Ok(Lease::NatPmp(lease)),
                Err(error) => nat_pmp_error = Some(error),
            }
        }
        match (upnp::map(&route, self.ssdp, self.policy, port, LEASE).await, nat_pmp_error) {
            (Ok(lease), _) => Ok(Lease::Upnp(lease)),
            (Err(upnp), Some(nat_pmp)) => Err(MappingError::Both(nat_pmp, upnp)),
            (Err(upnp), None) => Err(upnp.into()),
        }
    }
}

impl Lease {
    async fn renew(self) -> Result<Self, MappingError> {
        match self {
            Self::NatPmp(lease) => Ok(Self::NatPmp(lease.renew().await?)),
            Self::Upnp(lease) => {
                lease.renew().await?;
                Ok(Self::Upnp(lease))
            }
        }
    }

    async fn give_back(self) {
        match self {
            Self::NatPmp(lease) => lease.give_back().await,
            Self::Upnp(lease) => lease.give_back().await,
        }
    }

    fn protocol(&self) -> MappingProtocol {
        match self {
            Self::NatPmp(lease) => lease.protocol(),
            Self::Upnp(_) => MappingProtocol::Upnp,
        }
    }

    fn external_port(&self) -> u16 {
        match self {
            Self::NatPmp(lease) => lease.external_port(),
            Self::Upnp(lease) => lease.external_port(),
        }
    }

    /// After half of its life, so that one failure does not end it.
    fn renewal(&self) -> Duration {
        let life = match self {
            Self::NatPmp(lease) => lease.life(),
            Self::Upnp(lease) => lease.life(),
        };
        (life / 2).clamp(MIN_RENEWAL, LEASE / 2)
    }
}

/// The task that owns the mapping.
struct Keeper {
    router: Router,
    web: WebClient,
    /// The way out that is used now.
    way: WayOut,
    listen_port: watch::Receiver<Option<u16>>,
    is_wanted: watch::Receiver<bool>,
    reachable: watch::Sender<Option<u16>>,
    status: watch::Sender<DiscoveryStatus>,
    cancel: CancellationToken,
}

impl Keeper {
    async fn run(mut self) {
        let cancel = self.cancel.clone();
        let mut pause = MIN_RETRY_PAUSE;
        while !cancel.is_cancelled() {
            let port = *self.listen_port.borrow_and_update();
            let is_wanted = *self.is_wanted.borrow_and_update();
            self.way = self.web.way_out();
            let route = self.way.route().clone();
            self.reach(port);
            let Some(port) = port.filter(|_| is_wanted && route.carries_datagrams()) else {
                self.show(MappingStatus::Off);
                self.change().await;
                continue;
            };
            self.show(MappingStatus::Asking);
            let router = self.router;
            // A question that was asked may have made a mapping, so it is not cut short by a change.
            match bounded(router.map(port, route)).await {
                Ok(lease) => {
                    pause = MIN_RETRY_PAUSE;
                    self.keep(lease).await;
                }
                Err(error) => {
                    tracing::debug!(%error, "the router maps no port");
                    self.show(MappingStatus::Failed(error.to_string()));
                    // Waking early tries again at once; a pause that has passed makes the next one longer.
                    if timeout(pause, self.change()).await.is_err() {
                        pause = (pause * 2).min(MAX_RETRY_PAUSE);
                    }
                }
            }
        }
        self.show(MappingStatus::Off);
    }

    /// Until something changes, or the router gives it no more.
    async fn keep(&mut self, mut lease: Lease) {
        loop {
            let (protocol, external_port) = (lease.protocol(), lease.external_port());
            self.reach(Some(external_port));
            self.show(MappingStatus::Mapped { protocol, external_port });
            if timeout(lease.renewal(), self.change()).await.is_ok() {
                break;
            }
            match bounded(lease.clone().renew()).await {
                Ok(renewed) => lease = renewed,
                Err(error) => {
                    tracing::debug!(%error, "the router did not renew the mapping");
                    break;
                }
            }
        }
        let now = self.web.way_out();
        if now.route() != self.way.route() && now.route().interface.is_some() {
            // Nothing may go by the old way any more. The mapping ends with its time.
            return;
        }
        if timeout(GIVE_BACK_TIMEOUT, lease.give_back()).await.is_err() {
            tracing::debug!("the mapped port was not given back in time");
        }
    }

    /// Another port, another wish, another way out, or the end.
    async fn change(&mut self) {
        tokio::select! {
            () = self.cancel.cancelled() => {}
            Ok(()) = self.listen_port.changed() => {}
            Ok(()) = self.is_wanted.changed() => {}
            _ = self.way.closed() => {}
        }
    }

    fn reach(&self, port: Option<u16>) {
        self.reachable.send_if_modified(|known| std::mem::replace(known, port) != port);
    }

    fn show(&self, mapping: MappingStatus) {
        self.status.send_if_modified(|status| {
            let is_news = status.mapping != mapping;
            status.mapping = mapping;
            is_news
        });
    }
}

/// In a task of its own: what a router sends must not end the keeper.
async fn bounded(
    asking: impl Future<Output = Result<Lease, MappingError>> + Send + 'static,
) -> Result<Lease, MappingError> {
    let mut task = JoinSet::new();
    task.spawn(asking);
    match timeout(MAP_TIMEOUT, task.join_next()).await {
        Ok(Some(Ok(outcome))) => outcome,
        Ok(Some(Err(_)) | None) => Err(MappingError::Panicked),
        Err(_) => Err(MappingError::TimedOut),
    }
}

#[cfg(test)]
#[path = "mapping_tests.rs"]
mod tests;
