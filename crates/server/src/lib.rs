//! HTTP: TorrServer's API, byte ranges, the access guard and the browser host for the UI.
//!
//! The wall stands here because everything in this room is reachable by every program, and in part by every web page, on
//! this computer: what comes in is judged here, and behind the wall nobody has to know HTTP.
//!
//! [`Server::bind`] makes a running server of a running [`App`]. The desktop program and the headless `freshetd` share it.

mod body;
mod browser_host;
mod dav;
mod dlna;
mod doors;
mod file_response;
mod guard;
mod identity;
mod local_user;
mod mdns;
mod openapi;
mod posters;
mod range;
mod reply;
mod report;
mod routes;
mod serve;
mod shares;
mod state;
mod tls;
mod torrserver;
mod ui;

use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use freshet_app::App;
use freshet_model::{Notice, NoticeKind};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::doors::DoorKeeper;
pub use crate::guard::Accounts;
use crate::guard::{Door, Guard, GuardOptions};
pub use crate::local_user::is_same_user;
use crate::serve::{Listening, Places, Stops};
use crate::state::ServerState;
use crate::ui::Ui;
pub use crate::ui::{EmbeddedFile, EmbeddedUi};

/// TorrServer's port, which its clients look for.
pub const DEFAULT_PORT: u16 = 8090;
/// So many ports after the default one are tried before any free one is taken.
const NEXT_PORTS: u16 = 20;

/// Which port to listen on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PortChoice {
    /// [`DEFAULT_PORT`], or the next free one with a notice.
    Default,
    /// This one and no other; 0 is any free one.
    Exact(u16),
}

/// Which addresses the door to the network has while it is open.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LanAddresses {
    /// Those of this computer in private networks, as they come and go; no tunnels and no public addresses.
    Private,
    /// These and no others.
    These(Vec<IpAddr>),
}

impl LanAddresses {
    fn list(&self) -> Vec<IpAddr> {
        match self {
            Self::Private => doors::private_addresses(),
            Self::These(addresses) => addresses.clone(),
        }
    }
}

#[derive(Debug, Clone)]
pub struct ServerOptions {
    /// A loopback address.
    pub ip: IpAddr,
    pub port: PortChoice,
    /// The built files of the UI; without it a small page stands in their place.
    pub ui_dir: Option<PathBuf>,
    /// The player page and what it needs, of a program that carries its pages; for a window of its own in another process. It
    /// has a door of its own ([`Server::film_addr`]), by which nobody can do more than that window may.
    pub embedded_ui: Option<EmbeddedUi>,
    pub lan: LanAddresses,
    /// Opens the door to the network whatever the switch in the settings says. A password is needed all the same.
    pub lan_always: bool,
    /// Takes every user of this computer for its person. Without it, other users need the password (on Linux, where the
    /// system tells whose a connection is).
    pub trusts_local_users: bool,
    /// Wants the password on this computer too (TorrServer's `--httpauth`).
    pub password_everywhere: bool,
    /// Users with passwords of their own, next to the one password of the settings.
    pub accounts: Accounts,
}

impl Default for ServerOptions {
    fn default() -> Self {
        Self {
            ip: Ipv4Addr::LOCALHOST.into(),
            port: PortChoice::Default,
            ui_dir: None,
            embedded_ui: None,
            lan: LanAddresses::Private,
            lan_always: false,
            trusts_local_users: false,
            password_everywhere: false,
            accounts: Accounts::default(),
        }
    }
}

impl ServerOptions {
    /// What can be said against these options before anything is started.
    ///
    /// # Errors
    /// [`BindError::NotLoopback`], [`BindError::NoUi`].
    pub fn check(&self) -> Result<(), BindError> {
        if !self.ip.is_loopback() {
            return Err(BindError::NotLoopback(self.ip));
        }
        match &self.ui_dir {
            Some(folder) if !folder.join("index.html").is_file() => Err(BindError::NoUi(folder.clone())),
            Some(_) | None => Ok(()),
        }
    }
}

#[derive(Debug, thiserror::Error)]
pub enum BindError {
    #[error("{0} is not a loopback address of this computer, such as 127.0.0.1 or ::1")]
    NotLoopback(IpAddr),
    #[error("port {0} is taken by another program; choose another one")]
    PortTaken(u16),
    #[error("can't listen on {address}: {error}")]
    Listen { address: SocketAddr, error: io::Error },
    #[error("the UI folder {} has no index.html", .0.display())]
    NoUi(PathBuf),
}

/// A running server. Dropping it stops it at once; [`Server::shutdown`] lets answers end first.
#[derive(Debug)]
pub struct Server {
    address: SocketAddr,
    film_address: Option<SocketAddr>,
    stops: Stops,
    tasks: TaskTracker,
    lan: watch::Receiver<Arc<[SocketAddr]>>,
    end: CancellationToken,
}

/// Where we are announced, and how what is announced is played.
struct Announced {
    lan: watch::Receiver<Arc<[SocketAddr]>>,
    stream_prefix: watch::Receiver<Arc<str>>,
}

impl Server {
    /// Listens, tells the app its address, and serves from then on: on this computer, and on the local network as the
    /// settings say.
    ///
    /// # Errors
    /// [`BindError`]; nothing has been started then.
    pub async fn bind(app: App, options: ServerOptions) -> Result<Self, BindError> {
        Self::start(app, options, None).await
    }

    /// The same, but announced by DLNA and mDNS on the addresses in `lan`, which may change at any time, instead of those
    /// of the door to the network. `stream_prefix` is the path below which players may ask without a password.
    ///
    /// # Errors
    /// As [`Server::bind`].
    pub async fn bind_announced(
        app: App,
        options: ServerOptions,
        lan: watch::Receiver<Arc<[SocketAddr]>>,
        stream_prefix: watch::Receiver<Arc<str>>,
    ) -> Result<Self, BindError> {
        Self::start(app, options, Some(Announced { lan, stream_prefix })).await
    }

    async fn start(
        app: App,
        options: ServerOptions,
        announced: Option<Announced>,
    ) -> Result<Self, BindError> {
        options.check()?;
        let listener = listen(options.ip, options.port).await?;
        let local_addr = |listener: &TcpListener| {
            let unknown = |error| BindError::Listen { address: SocketAddr::new(options.ip, 0), error };
            listener.local_addr().map_err(unknown)
        };
        let address = local_addr(&listener)?;
        let film = match &options.embedded_ui {
            Some(ui) => {
                let listener = listen(options.ip, PortChoice::Exact(0)).await?;
                Some((local_addr(&listener)?, listener, ui.clone()))
            }
            None => None,
        };
        app.set_server_url(format!("http://{address}"));
        if options.port == PortChoice::Default && address.port() != DEFAULT_PORT {
            app.add_notice(Notice { kind: NoticeKind::PortTaken, subject: address.port().to_string() }).await;
        }

        let stops = Stops { graceful: CancellationToken::new(), at_once: CancellationToken::new() };
        let end = CancellationToken::new();
        let tasks = TaskTracker::new();
        let (open, lan) = watch::channel(Arc::from([]));
        // Without a disk to keep it on, televisions are asked for a token that nobody has: they list, and don't play.
        let dlna_token = app.dlna_token().await.unwrap_or_default();
        let announced = announced.unwrap_or_else(|| Announced {
            lan: lan.clone(),
            stream_prefix: watch::channel(Arc::from(format!("t/{dlna_token}"))).1,
        });
        let (dlna, dlna_task) = dlna::Dlna::new(app.clone(), announced.lan.clone(), announced.stream_prefix);
        tasks.spawn(dlna_task.run(stops.graceful.clone()));
        tasks.spawn(mdns::run(app.clone(), announced.lan, stops.graceful.clone()));
        let state = ServerState::new(app.clone(), stops.graceful.clone(), end.clone(), dlna);
        let hostname = hostname();
        let has_accounts = !options.accounts.is_empty();
        let guard = Guard::new(
            app.clone(),
            GuardOptions {
                password_everywhere: options.password_everywhere,
                accounts: options.accounts,
                hostname: hostname.clone(),
                dlna_token,
            },
        );
        let film_state = state.for_film();
        let router = routes::router(state, &guard, Ui::in_folder(options.ui_dir.as_deref()));
        let places = Places::new();
        let listening = Listening {
            door: Door::Own,
            trusts_local_users: options.trusts_local_users,
            tls: None,
            stops: stops.clone(),
            places: places.clone(),
        };
        let film_address = film.map(|(address, listener, ui)| {
            let router = routes::film_router(film_state, &guard, Ui::of_program(ui));
            let listening = Listening { trusts_local_users: false, ..listening.clone() };
            tasks.spawn(serve::accept(listener, router, listening, tasks.clone()));
            address
        });
        tasks.spawn(serve::accept(listener, router.clone(), listening, tasks.clone()));
        let keeper = DoorKeeper {
            app,
            router,
            stops: stops.clone(),
            tasks: tasks.clone(),
            places,
            lan: options.lan,
            lan_always: options.lan_always,
            trusts_local_users: options.trusts_local_users,
            has_accounts,
            hostname,
            port: address.port(),
            open,
        };
        tasks.spawn(keeper.run());
        tracing::info!(%address, "the server listens");
        Ok(Self { address, film_address, stops, tasks, lan, end })
    }

    /// Where it listens.
    pub fn local_addr(&self) -> SocketAddr {
        self.address
    }

    /// Where the player page of [`ServerOptions::embedded_ui`] is, on a door of its own: another port is another origin, so what
    /// goes wrong in that page reaches nothing behind the first one.
    pub fn film_addr(&self) -> Option<SocketAddr> {
        self.film_address
    }

    /// The addresses of the open door to the network; empty while it is shut.
    pub fn lan_addresses(&self) -> watch::Receiver<Arc<[SocketAddr]>> {
        self.lan.clone()
    }

    /// Waits until somebody who may asks for the end of the program (`POST /shutdown`). The host ends it.
    pub fn end_requested(&self) -> impl Future<Output = ()> + Send + 'static {
        self.end.clone().cancelled_owned()
    }

    /// Stops accepting, cuts streams, and waits for the other answers until the deadline; then cuts them too.
    pub async fn shutdown(self, deadline: Duration) {
        self.stops.graceful.cancel();
        self.tasks.close();
        if tokio::time::timeout(deadline, self.tasks.wait()).await.is_err() {
            tracing::warn!(left = self.tasks.len(), "connections missed the deadline");
            self.stops.at_once.cancel();
            self.tasks.wait().await;
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stops.graceful.cancel();
        self.stops.at_once.cancel();
    }
}

async fn listen(ip: IpAddr, port: PortChoice) -> Result<TcpListener, BindError> {
    let ports = match port {
        PortChoice::Exact(port) => vec![port],
        PortChoice::Default => (DEFAULT_PORT..=DEFAULT_PORT + NEXT_PORTS).chain([0]).collect(),
    };
    let mut failure = BindError::PortTaken(DEFAULT_PORT);
    for port in ports {
        let address = SocketAddr::new(ip, port);
        match TcpListener::bind(address).await {
            Ok(listener) => return Ok(listener),
            Err(error) if error.kind() == io::ErrorKind::AddrInUse => failure = BindError::PortTaken(port),
            Err(error) => return Err(BindError::Listen { address, error }),
        }
    }
    Err(failure)
}

/// The name of this computer as it may stand in an address, or nothing.
fn hostname() -> String {
    let name = gethostname::gethostname().into_string().unwrap_or_default();
    let is_name = |char: char| char.is_ascii_alphanumeric() || char == '-';
    if name.len() <= 63 && name.chars().all(is_name) { name } else { String::new() }
}
