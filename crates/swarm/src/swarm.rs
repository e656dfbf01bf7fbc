//! All torrents of a program: what they share, and the door for peers that call us.

mod ports;

use std::collections::HashMap;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use freshet_model::InfoHash;
use freshet_web::Route;
use tokio::sync::{mpsc, watch};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::arbiter::KeepRules;
use crate::ban::Bans;
use crate::blocklist::Blocklist;
use crate::mse::skey_hash;
use crate::peer::listen;
use crate::peer::{Dialer, Doors, Duplex, Greeted, Greetings, NetworkSettings, Ration, Transport, greet};
use crate::pieces::{FileHandles, ResumeStore};
use crate::rate::Limiter;
use crate::resolve::{self, Metadata, ResolveError, ResolveProgress};
use crate::torrent::{self, ToTorrent, Torrent, TorrentSpec};

/// Peers that called us about a magnet link and wait to be asked.
const MAX_CALLERS: usize = 8;
const BAN_LASTS: Duration = Duration::from_secs(24 * 3600);
const MAX_OPEN_FILES: usize = 128;

/// What all torrents have in common.
#[derive(Clone)]
pub struct SwarmConfig {
    /// Pieces live in `<pieces_dir>/<info hash>/<file index>`.
    pub pieces_dir: PathBuf,
    /// For incoming peers, over TCP and where possible over uTP: 0 for any port, `None` for none.
    pub listen_port: Option<u16>,
    pub peer_id: [u8; 20],
    /// Which addresses may be spoken to.
    pub accepts: Arc<dyn Fn(SocketAddr) -> bool + Send + Sync>,
    /// What all torrents together may keep on the disk; `None` is no limit. Pinned torrents do not count.
    pub budget_bytes: Option<u64>,
    /// What is remembered of the pieces between two runs.
    pub resume: Arc<dyn ResumeStore>,
    /// `None` is no limit.
    pub download_limit_bytes_per_sec: Option<u64>,
    pub upload_limit_bytes_per_sec: Option<u64>,
    pub network: NetworkSettings,
    /// The way out of this computer, until [`Swarm::set_route`] says otherwise.
    pub route: Route,
    /// Whom nobody speaks to, until [`Swarm::set_blocklist`] says otherwise.
    pub blocklist: Arc<Blocklist>,
}

/// Whether peers can be spoken to over uTP.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum UtpState {
    /// On this port, whether or not the settings allow it at the moment.
    Open(u16),
    /// No port could be had; why. All goes over TCP then.
    Unavailable(String),
}

/// Why nothing can be transferred.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    #[error("the port for peers can't be opened: {0}")]
    Listen(io::Error),
}

/// See the module. Clones are the same; when the last is dropped, all transfers end, but only [`Swarm::shutdown`] waits.
#[derive(Clone)]
pub struct Swarm {
    inner: Arc<Inner>,
}

struct Inner {
    context: torrent::Context,
    handles: FileHandles,
    torrents: Senders<ToTorrent>,
    /// Magnet links whose metadata is being fetched.
    resolving: Senders<Greeted>,
    greetings: Arc<Greetings>,
    listen_port: watch::Sender<Option<u16>>,
    opened: Mutex<Opened>,
    stop: CancellationToken,
}

/// The ports that are open now.
struct Opened {
    utp_state: UtpState,
    /// Closes them.
    stop: CancellationToken,
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

impl Swarm {
    /// Opens the port for peers. Needs a runtime.
    ///
    /// # Errors
    /// [`StartError::Listen`], if that port can't be had; another one can be tried.
    pub async fn start(config: SwarmConfig) -> Result<Self, StartError> {
        let stop = CancellationToken::new();
        let ports_stop = stop.child_token();
        let mut bans = Bans::new(BAN_LASTS);
        bans.set_blocklist(Arc::clone(&config.blocklist));
        let ports =
            listen::open(config.listen_port, &config.route, &ports_stop).await.map_err(StartError::Listen)?;
        let (listen_port, listen_port_seen) = watch::channel(ports.listen_port());
        let limits = Arc::new(torrent::Limits {
            down: Mutex::new(Limiter::new(config.download_limit_bytes_per_sec)),
            up: Mutex::new(Limiter::new(config.upload_limit_bytes_per_sec)),
        });
        let line = torrent::Line::new(Arc::clone(&limits), config.upload_limit_bytes_per_sec);
        let dialer = Dialer::new(config.peer_id, config.network, None);
        dialer.set_route(&config.route);
        let context = torrent::Context {
            dialer,
            listen_port: listen_port_seen,
            limits,
            line: Arc::new(line),
            keep_rules: Arc::default(),
            resume: Arc::clone(&config.resume),
            storage: torrent::Storage::new(
                config.pieces_dir.clone(),
                config.budget_bytes,
                Box::new(crate::pieces::free_space_bytes),
            ),
            bans: Arc::new(Mutex::new(bans)),
            accepts: Arc::clone(&config.accepts),
            tasks: TaskTracker::new(),
            connected: Ration::new(config.network.max_connected),
            half_open: Ration::new(config.network.max_half_open),
            epoch: Instant::now(),
        };
        let handles = FileHandles::new(MAX_OPEN_FILES);
        let inner = Arc::new(Inner {
            context,
            handles,
            torrents: Mutex::default(),
            resolving: Mutex::default(),
            greetings: Arc::default(),
            listen_port,
            opened: Mutex::new(Opened { utp_state: ports.utp_state(), stop: ports_stop.clone() }),
            stop,
        });
        inner.serve(ports, ports_stop);
        Ok(Self { inner })
    }

    /// Whom nobody speaks to from now on. Connections with them end within a second; this waits until all torrents are told.
    pub async fn set_blocklist(&self, blocklist: Arc<Blocklist>) {
        lock(&self.inner.context.bans).set_blocklist(blocklist);
        self.tell_all(|| ToTorrent::JudgePeers).await;
    }

    async fn tell_all(&self, what: impl Fn() -> ToTorrent) {
        let torrents: Vec<_> = lock(&self.inner.torrents).values().cloned().collect();
        for torrent in torrents {
            // One that has ended has no connections.
            let _ = torrent.send(what()).await;
        }
    }

    /// How peers are spoken to from now on. Connections that exist stay, as far as there are not too many.
    pub fn set_network(&self, settings: NetworkSettings) {
        let context = &self.inner.context;
        context.dialer.set_settings(settings);
        context.connected.set_places(settings.max_connected);
        context.half_open.set_places(settings.max_half_open);
    }

    /// Takes part in a torrent. One that takes part already must be stopped before.
    ///
    /// # Errors
    /// `InvalidInput` if files and layout of the torrent differ.
    pub fn add(&self, spec: TorrentSpec) -> io::Result<Torrent> {
        self.add_as(spec, false)
    }

    /// As [`Swarm::add`], for a torrent that is pinned from the start; see [`Torrent::set_pinned`].
    ///
    /// # Errors
    /// As [`Swarm::add`].
    pub fn add_pinned(&self, spec: TorrentSpec) -> io::Result<Torrent> {
        self.add_as(spec, true)
    }

    fn add_as(&self, spec: TorrentSpec, is_pinned: bool) -> io::Result<Torrent> {
        let inner = &self.inner;
        let info_hash = spec.info_hash;
        let (handles, context) = (inner.handles.clone(), inner.context.clone());
        let torrent = torrent::spawn(spec, handles, is_pinned, context, inner.stop.child_token())?;
        lock(&inner.torrents).insert(info_hash, torrent.inbox.clone());
        Ok(torrent)
    }

    /// Fetches the metadata of a magnet link from its peers (BEP 9). Their addresses are taken as they come, and peers that
    /// call us meanwhile are asked too; `progress` is kept up to date.
    ///
    /// Has no deadline of its own. Dropping it ends it, and closes its connections.
    ///
    /// # Errors
    /// [`ResolveError::NoPeers`] when the sender of addresses was dropped and all of them were tried in vain.
    pub async fn resolve(
        &self,
        info_hash: InfoHash,
        addresses: mpsc::Receiver<SocketAddr>,
        progress: watch::Sender<ResolveProgress>,
    ) -> Result<Metadata, ResolveError> {
        let (caller, callers) = mpsc::channel(MAX_CALLERS);
        lock(&self.inner.resolving).insert(info_hash, caller);
        let stop = self.inner.stop.child_token();
        let request = resolve::Request { info_hash, addresses, callers, progress, stop };
        Box::pin(resolve::run(request, self.inner.context.clone())).await
    }

    /// Changes the limits of all transfers together, at once; `None` is no limit.
    pub fn set_limits(&self, download_bytes_per_sec: Option<u64>, upload_bytes_per_sec: Option<u64>) {
        let now = self.inner.context.epoch.elapsed();
        let context = &self.inner.context;
        lock(&context.limits.down).set(now, download_bytes_per_sec);
        context.line.set_upload_limit(now, upload_bytes_per_sec);
    }

    /// Changes when pinned torrents that are complete stop to be offered, within a second. One that has stopped is offered
    /// again when the new rules say so.
    pub fn set_keep_rules(&self, rules: KeepRules) {
        *lock(&self.inner.context.keep_rules) = rules;
    }

    /// Changes what all torrents together may keep on the disk; `None` is no limit. Returns when what is too much was given
    /// up. Torrents that were stopped count too, as long as their pieces are there.
    pub async fn set_budget(&self, budget_bytes: Option<u64>) {
        let storage = Arc::clone(&self.inner.context.storage);
        let set = self.inner.context.tasks.spawn_blocking(move || storage.set_limit(budget_bytes));
        if let Err(error) = set.await {
            tracing::warn!(%error, "the budget could not be changed");
        }
    }

    /// Lets the pieces of a torrent that takes no part count against the budget, and go when room is needed; without it they
    /// count only once the torrent has taken part. The sooner this is called for one, the sooner its pieces go.
    pub async fn count_pieces(&self, spec: &TorrentSpec, is_pinned: bool) {
        let context = &self.inner.context;
        let whereabouts = torrent::Whereabouts::new(spec, self.inner.handles.clone());
        let (storage, resume) = (Arc::clone(&context.storage), Arc::clone(&context.resume));
        let count = move || storage.count(whereabouts, &*resume, is_pinned);
        if let Err(error) = context.tasks.spawn_blocking(count).await {
            tracing::warn!(%error, "the pieces of a torrent could not be counted");
        }
    }

    /// As [`Torrent::set_pinned`], for a torrent that takes no part and whose pieces are counted.
    pub async fn set_pinned(&self, info_hash: InfoHash, is_pinned: bool) {
        let context = &self.inner.context;
        let storage = Arc::clone(&context.storage);
        let set = context.tasks.spawn_blocking(move || storage.set_pinned(info_hash, is_pinned));
        if let Err(error) = set.await {
            tracing::warn!(%error, "the pieces of a torrent could not be pinned");
        }
    }

    /// What the disk could give to pieces: free now, or used by them. Blocks for a moment.
    ///
    /// # Errors
    /// Where the system does not tell.
    pub fn room_bytes(&self) -> io::Result<u64> {
        self.inner.context.storage.room_bytes()
    }

    /// As [`Swarm::set_budget`] set it.
    pub fn budget_bytes(&self) -> Option<u64> {
        self.inner.context.storage.limit_bytes()
    }

    /// What counts against the budget now.
    pub fn kept_bytes(&self) -> u64 {
        self.inner.context.storage.used_bytes()
    }

    /// To be called after the pieces of a torrent that was stopped were deleted: they count no longer, and nothing is
    /// remembered of them.
    pub async fn forget_pieces(&self, info_hash: InfoHash) {
        let context = &self.inner.context;
        context.storage.forget(info_hash);
        let resume = Arc::clone(&context.resume);
        if let Err(error) = context.tasks.spawn_blocking(move || resume.forget(info_hash)).await {
            tracing::warn!(%error, "what was remembered of deleted pieces is not forgotten");
        }
    }

    /// Ends everything and waits for it, until `deadline` at most; false if something missed that.
    pub async fn shutdown(&self, deadline: Duration) -> bool {
        self.inner.stop.cancel();
        self.inner.context.tasks.close();
        let ends_at = Instant::now() + deadline;
        let has_ended = tokio::time::timeout_at(ends_at, self.inner.context.tasks.wait()).await.is_ok();
        // Nothing is lost with those that take too long.
        let _ = tokio::time::timeout_at(ends_at, self.inner.context.dialer.ended()).await;
        has_ended
    }
}

impl Inner {
    /// Who takes peers of this torrent.
    fn door(&self, info_hash: InfoHash) -> Option<Door> {
        let torrent = open_sender(&self.torrents, info_hash).map(Door::Torrent);
        torrent.or_else(|| open_sender(&self.resolving, info_hash).map(Door::Resolve))
    }
}

impl Doors for Inner {
    fn knows(&self, info_hash: InfoHash) -> bool {
        self.door(info_hash).is_some()
    }

    fn find(&self, hash: &[u8; 20]) -> Option<InfoHash> {
        let is_it = |info_hash: &InfoHash| skey_hash(info_hash) == *hash;
        let torrent = lock(&self.torrents).keys().copied().find(is_it);
        torrent.or_else(|| lock(&self.resolving).keys().copied().find(is_it))
    }
}

/// Where a peer goes that called us.
enum Door {
    Torrent(mpsc::Sender<ToTorrent>),
    Resolve(mpsc::Sender<Greeted>),
}

impl Door {
    async fn enter(self, greeted: Greeted) {
        // A torrent that ended meanwhile needs no peer.
        match self {
            Self::Torrent(inbox) => drop(inbox.send(ToTorrent::Incoming(greeted)).await),
            Self::Resolve(callers) => drop(callers.send(greeted).await),
        }
    }
}

type Senders<T> = Mutex<HashMap<InfoHash, mpsc::Sender<T>>>;

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Forgets who has ended, too.
fn open_sender<T>(senders: &Senders<T>, info_hash: InfoHash) -> Option<mpsc::Sender<T>> {
    let mut senders = lock(senders);
    senders.retain(|_, sender| !sender.is_closed());
    senders.get(&info_hash).cloned()
}

impl Inner {
    /// Greets a peer in its own task, unless too many are being greeted. It came by a way that holds until `rerouted`.
    fn admit(
        self: Arc<Self>,
        stream: Box<dyn Duplex>,
        transport: Transport,
        address: SocketAddr,
        rerouted: CancellationToken,
    ) {
        let address = SocketAddr::new(address.ip().to_canonical(), address.port());
        let is_banned = lock(&self.context.bans).is_banned(self.context.epoch.elapsed(), address);
        // Who calls chooses no port of ours: only where it comes from counts.
        if is_banned || !(self.context.accepts)(address) {
            return;
        }
        let Some(place) = self.greetings.begin(address.ip()) else { return };
        let (stop, tasks) = (self.stop.clone(), self.context.tasks.clone());
        let greeting = async move {
            let _place = place;
            match greet(stream, transport, address, &self.context.dialer, &*self).await {
                // It began to be greeted as if it had come by the way of now.
                Ok(_) if rerouted.is_cancelled() => {}
                Ok(greeted) => {
                    if let Some(door) = self.door(greeted.who.handshake.info_hash) {
                        door.enter(greeted).await;
                    }
                }
                Err(error) => tracing::debug!(%address, %error, "a peer was not let in"),
            }
        };
        tasks.spawn(stop.run_until_cancelled_owned(greeting));
    }
}

impl std::fmt::Debug for SwarmConfig {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { pieces_dir, listen_port, network, .. } = self;
        f.debug_struct("SwarmConfig")
            .field("pieces_dir", pieces_dir)
            .field("listen_port", listen_port)
            .field("network", network)
            .finish_non_exhaustive()
    }
}

impl std::fmt::Debug for Swarm {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Swarm").field("listen_port", &self.listen_port()).finish_non_exhaustive()
    }
}
