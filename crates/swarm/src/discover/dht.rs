//! A wall around the DHT (BEP 5): it starts, fails and starts again on its own, and nobody waits for it.

use std::collections::HashSet;
use std::convert::Infallible;
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;

use freshet_model::InfoHash;
use freshet_web::{Route, WayOut, WebClient};
use futures::StreamExt;
use librqbit::dht::{self, DhtConfig, DhtPersistenceConfig, DhtState, Id20, PersistentDht};
use tokio::sync::watch;
use tokio::time::{Instant, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::search::Outlet;
use super::sockets::{self, Family};
use super::{DiscoveryConfig, DiscoveryStatus, Source};
use crate::peer::device;

/// Several, of different people: one that is gone must not keep us out.
const BOOTSTRAP: [&str; 4] = [
    "router.bittorrent.com:6881",
    "dht.transmissionbt.com:6881",
    "dht.libtorrent.org:25401",
    "router.utorrent.com:6881",
];
const START_TIMEOUT: Duration = Duration::from_secs(10);
const MIN_RETRY_PAUSE: Duration = Duration::from_secs(5);
const MAX_RETRY_PAUSE: Duration = Duration::from_secs(5 * 60);
/// Between two looks at whether our own node still answers.
const PULSE_INTERVAL: Duration = Duration::from_secs(30);
const PULSE_TIMEOUT: Duration = Duration::from_secs(5);
/// Questions in a row that our node did not answer, before it is started anew.
const MAX_MISSED_PULSES: u32 = 3;
/// Of one torrent, in one [`ROUND`]. The node asks anew once a minute.
const MAX_ADDRESSES_PER_ROUND: usize = 2000;
const ROUND: Duration = Duration::from_secs(60);

/// How the DHT is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum DhtStatus {
    /// It is not wanted.
    #[default]
    Off,
    Starting,
    /// How many nodes it knows.
    Running {
        nodes: usize,
    },
    /// Why; it is tried again.
    Failed(String),
}

/// Gives the node that runs now, if one does.
#[derive(Debug)]
pub(super) struct Dht {
    wanted: watch::Sender<bool>,
    node: watch::Receiver<Option<Node>>,
    port: watch::Receiver<Option<u16>>,
}

#[derive(Clone)]
struct Node(dht::Dht);

impl std::fmt::Debug for Node {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Node({})", self.0.listen_addr())
    }
}

impl Dht {
    pub(super) fn start(
        config: &DiscoveryConfig,
        port: watch::Receiver<Option<u16>>,
        status: watch::Sender<DiscoveryStatus>,
        tasks: &TaskTracker,
        cancel: CancellationToken,
    ) -> Self {
        let (sender, node) = watch::channel(None);
        let (wanted, is_wanted) = watch::channel(config.enable_dht);
        let keeper = Keeper {
            state_path: config.dht_state_path.clone(),
            bootstrap: BOOTSTRAP.map(str::to_owned).to_vec(),
            web: config.web.clone(),
            pulse_interval: PULSE_INTERVAL,
            node: sender,
            status,
            cancel: cancel.clone(),
        };
        drop(tasks.spawn(async move { cancel.run_until_cancelled(keeper.run(is_wanted)).await }));
        Self { wanted, node, port }
    }

    pub(super) fn want(&self, is_wanted: bool) {
        self.wanted.send_if_modified(|wanted| std::mem::replace(wanted, is_wanted) != is_wanted);
    }

    /// Looks for peers for ever, with whichever node runs; where our port is known, it is announced too.
    pub(super) fn search(&self, info_hash: InfoHash, outlet: Outlet) -> impl Future<Output = ()> + use<> {
        search(self.node.clone(), self.port.clone(), info_hash, outlet)
    }
}

async fn search(
    mut node: watch::Receiver<Option<Node>>,
    mut port: watch::Receiver<Option<u16>>,
    info_hash: InfoHash,
    outlet: Outlet,
) {
    let mut sieve = Sieve::new(Instant::now());
    loop {
        let current = match node.wait_for(Option::is_some).await {
            Ok(node) => node.clone(),
            Err(_) => return,
        };
        let Some(Node(current)) = current else { continue };
        let announced = *port.borrow_and_update();
        let mut peers = current.get_peers(Id20::new(*info_hash.as_bytes()), announced);
        loop {
            tokio::select! {
                found = peers.next() => match found {
                    Some(address) => {
                        if sieve.is_new(address, Instant::now()) {
                            outlet.offer(address, Source::Dht);
                        }
                    }
                    None => {
                        tokio::time::sleep(MIN_RETRY_PAUSE).await;
                        break;
                    }
                },
                changed = node.changed() => {
                    if changed.is_err() { return }
                    break;
                }
                // No change of the port can come any more: the node's end will tell.
                Ok(()) = port.changed() => break,
            }
        }
    }
}

/// Lets every address pass once a round, and no more than anybody can use: nodes can name as many as they like.
struct Sieve {
    seen: HashSet<SocketAddr>,
    round_began_at: Instant,
}

impl Sieve {
    fn new(now: Instant) -> Self {
        Self { seen: HashSet::new(), round_began_at: now }
    }

    fn is_new(&mut self, address: SocketAddr, now: Instant) -> bool {
        if now.duration_since(self.round_began_at) >= ROUND {
            self.seen.clear();
            self.round_began_at = now;
        }
        self.seen.len() < MAX_ADDRESSES_PER_ROUND && self.seen.insert(address)
    }
}

/// Keeps a node running.
struct Keeper {
    state_path: PathBuf,
    bootstrap: Vec<String>,
    /// Knows the way out.
    web: WebClient,
    pulse_interval: Duration,
    node: watch::Sender<Option<Node>>,
    status: watch::Sender<DiscoveryStatus>,
    cancel: CancellationToken,
}

impl Keeper {
    /// Keeps a node as long as one is wanted, and ends when nobody can want one any more.
    async fn run(self, mut is_wanted: watch::Receiver<bool>) {
        while is_wanted.wait_for(|is_wanted| *is_wanted).await.is_ok() {
            let is_over = tokio::select! {
                never = self.keep() => match never {},
                unwanted = is_wanted.wait_for(|is_wanted| !is_wanted) => unwanted.is_err(),
            };
            self.node.send_replace(None);
            self.show(DhtStatus::Off);
            if is_over {
                return;
            }
        }
    }

    async fn keep(&self) -> Infallible {
        loop {
            let way = self.web.way_out();
            let mut seen = way.clone();
            if !way.route().carries_datagrams() {
                self.show(DhtStatus::Failed("there is no way out for datagrams".to_owned()));
                let _ = seen.closed().await;
                continue;
            }
            tokio::select! {
                never = self.keep_by(&way) => match never {},
                _ = seen.closed() => {}
            }
            self.node.send_replace(None);
        }
    }

    async fn keep_by(&self, way: &WayOut) -> Infallible {
        let mut pause = MIN_RETRY_PAUSE;
        loop {
            self.show(DhtStatus::Starting);
            let cancel = self.cancel.child_token();
            // A node that is given up has to let its socket go.
            let _guard = cancel.clone().drop_guard();
            match self.start(way, &cancel).await {
                Ok(node) => {
                    pause = MIN_RETRY_PAUSE;
                    self.node.send_replace(Some(Node(node.clone())));
                    self.watch(&node, way.route()).await;
                    self.node.send_replace(None);
                    tracing::debug!("the DHT does not answer any more; it is started anew");
                }
                Err(error) => {
                    tracing::debug!(error, "the DHT did not start");
                    self.show(DhtStatus::Failed(error));
                    tokio::time::sleep(pause).await;
                    pause = (pause * 2).min(MAX_RETRY_PAUSE);
                }
            }
        }
    }

    /// With less and less, until it works: another port than the last time, IPv4 only, a table that is not kept.
    async fn start(&self, way: &WayOut, cancel: &CancellationToken) -> Result<dht::Dht, String> {
        let route = way.route();
        let bootstrap = self.bootstrap(way).await?;
        let device = device(route).map_err(|error| error.to_string())?;
        let own = own_address(route)?;
        let mut last_error = String::new();
        let tries = [(None, false), (Some(0), false), (Some(0), true)];
        for (port, is_v4_only) in tries.into_iter().filter(|_| own.is_none()) {
            let starting = PersistentDht::create(
                persistence(&self.state_path),
                port,
                is_v4_only,
                Some(bootstrap.clone()),
                Some(cancel.clone()),
                device.as_ref(),
            );
            match timeout(START_TIMEOUT, starting).await {
                Ok(Ok(node)) => return Ok(node),
                Ok(Err(error)) => last_error = format!("{error:#}"),
                Err(_) => "it took too long".clone_into(&mut last_error),
            }
        }
        tracing::debug!(error = last_error, "the DHT's table is not kept");
        let config = DhtConfig {
            bootstrap_addrs: Some(bootstrap),
            listen_addr: Some((own.unwrap_or(Ipv4Addr::UNSPECIFIED.into()), 0).into()),
            cancellation_token: Some(cancel.clone()),
            bind_device: device.as_ref(),
            ..DhtConfig::default()
        };
        match timeout(START_TIMEOUT, DhtState::with_config(config)).await {
            Ok(Ok(node)) => Ok(node),
            Ok(Err(error)) => Err(error.to_string()),
            Err(_) => Err(last_error),
        }
    }

    /// Whom a new node asks. Through an interface the names are looked up by us: the node would let the system do it.
    async fn bootstrap(&self, way: &WayOut) -> Result<Vec<String>, String> {
        if way.route().interface.is_none() {
            return Ok(self.bootstrap.clone());
        }
        let looked_up = self.bootstrap.iter().map(async |name| {
            let (host, port) = name.rsplit_once(':')?;
            let host = url::Host::parse(host).ok()?;
            let host = match &host {
                url::Host::Domain(name) => url::Host::Domain(name.as_str()),
                url::Host::Ipv4(address) => url::Host::Ipv4(*address),
                url::Host::Ipv6(address) => url::Host::Ipv6(*address),
            };
            way.addresses(&host, port.parse().ok()?, self.web.policy()).await.ok()
        });
        let found = futures::future::join_all(looked_up).await;
        let addresses: Vec<String> =
            found.into_iter().flatten().flatten().map(|address| address.to_string()).collect();
        // A node without anybody to ask ends at once.
        if addresses.is_empty() {
            Err("nobody is known who could be asked".to_owned())
        } else {
            Ok(addresses)
        }
    }

    /// Returns when the node is dead: its tasks end on some errors, and nothing else tells.
    async fn watch(&self, node: &DhtState, route: &Route) {
        let mut missed = 0;
        while missed < MAX_MISSED_PULSES {
            let stats = node.stats();
            let nodes = stats.routing_table_size + stats.routing_table_size_v6;
            self.show(DhtStatus::Running { nodes });
            tokio::time::sleep(self.pulse_interval).await;
            match timeout(PULSE_TIMEOUT, pulse(node, route)).await {
                Ok(Ok(())) => missed = 0,
                Ok(Err(_)) | Err(_) => missed += 1,
            }
        }
    }

    fn show(&self, dht: DhtStatus) {
        self.status.send_if_modified(|status| {
            let is_news = status.dht != dht;
            status.dht = dht;
            is_news
        });
    }
}

/// Asks our own node whether it is there, as any other node would.
async fn pulse(node: &DhtState, route: &Route) -> io::Result<()> {
    // A socket that is tied to an interface hears from there alone; of itself too, on Linux.
    let own = match &route.interface {
        None => IpAddr::V4(Ipv4Addr::LOCALHOST),
        Some(interface) if cfg!(target_os = "linux") => {
            let own = interface.address_like(Ipv4Addr::UNSPECIFIED.into());
            own.or(interface.addresses().first().copied()).ok_or(io::ErrorKind::NotConnected)?
        }
        Some(_) => return Ok(()),
    };
    let at = SocketAddr::new(own, node.listen_addr().port());
    let socket = sockets::udp(Family::of(at), route)?;
    socket.connect(at).await?;
    let question = [&b"d1:ad2:id20:"[..], &node.stats().id.0, b"e1:q4:ping1:t2:fr1:y1:qe"].concat();
    socket.send(&question).await?;
    let mut answer = [0; 512];
    socket.recv(&mut answer).await.map(|_| ())
}

/// Where the node has to listen so that it leaves through the interface, if it can't be tied to that.
fn own_address(route: &Route) -> Result<Option<IpAddr>, String> {
    match &route.interface {
        Some(interface) if cfg!(not(unix)) => {
            let own = interface.address_like(Ipv4Addr::UNSPECIFIED.into());
            own.map(Some).ok_or_else(|| "the network interface has no address for the DHT".to_owned())
        }
        Some(_) | None => Ok(None),
    }
}

fn persistence(state_path: &Path) -> DhtPersistenceConfig {
    DhtPersistenceConfig { dump_interval: None, config_filename: Some(state_path.to_owned()) }
}

#[cfg(test)]
#[path = "dht_tests.rs"]
mod tests;
