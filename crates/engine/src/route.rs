//! The way out of this computer, kept as the settings say and as the chosen network interface is.
//!
//! One task owns it. It follows the settings, and looks each second at the interface: when that goes, everything is closed and
//! nothing is dialed; when it is back, or another one under its name, everything is opened anew.

use std::sync::Weak;
use std::time::Duration;

use freshet_model::{BadProxy, Proxy, TransferSettings};
use freshet_web::{BuildError, Interface, Route};
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::sleep;

use crate::engine::Inner;
use crate::{Engine, EngineStatus};

/// Systems tell of changes in ways of their own, and a look takes no time. What is open meanwhile leads nowhere else.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// Changes of the settings that wait.
const MAX_WISHES: usize = 8;

/// Settings to follow, and who waits for that.
#[derive(Debug)]
pub(crate) struct Wish {
    settings: TransferSettings,
    followed: oneshot::Sender<EngineStatus>,
}

pub(crate) type Wishes = mpsc::Sender<Wish>;

pub(crate) fn wishes() -> (Wishes, mpsc::Receiver<Wish>) {
    mpsc::channel(MAX_WISHES)
}

/// The way that the settings want, as the interface is now. What is open by the way `before` is not given up without need.
///
/// # Errors
/// Only for settings that nobody has checked.
pub(crate) async fn of(settings: &TransferSettings, before: &Route) -> Result<Route, BadProxy> {
    let proxy = Proxy::of_setting(&settings.proxy_url)?;
    let name = settings.network_interface.as_str();
    let interface = match &before.interface {
        _ if name.is_empty() => None,
        Some(interface) if interface.name() == name => {
            Some(look_again(interface).await.unwrap_or_else(|| interface.clone()))
        }
        Some(_) | None => Some(look(name).await),
    };
    Ok(Route { proxy, interface })
}

async fn look(name: &str) -> Interface {
    let wanted = name.to_owned();
    let looking = tokio::task::spawn_blocking(move || Interface::look(&wanted));
    looking.await.unwrap_or_else(|_| Interface::missing(name))
}

/// `None` if all can go on.
async fn look_again(interface: &Interface) -> Option<Interface> {
    let known = interface.clone();
    tokio::task::spawn_blocking(move || known.look_again()).await.ok().flatten()
}

/// The name of the interface that is missing.
pub(crate) fn missing(route: &Route) -> Option<String> {
    let interface = route.interface.as_ref().filter(|interface| !interface.is_there());
    interface.map(|interface| interface.name().to_owned())
}

/// Runs until the engine is gone.
pub(crate) async fn run(
    engine: Weak<Inner>,
    mut wishes: mpsc::Receiver<Wish>,
    mut settings: TransferSettings,
    mut route: Route,
) {
    loop {
        tokio::select! {
            wish = wishes.recv() => {
                let Some(Wish { settings: wanted, followed }) = wish else { return };
                let wanted_route = of(&wanted, &route).await;
                let Some(inner) = engine.upgrade() else { return };
                match wanted_route {
                    Ok(wanted_route) => {
                        (settings, route) = (wanted, wanted_route);
                        inner.follow(&settings, &route).await;
                    }
                    Err(error) => tracing::error!(%error, "the settings of transfers are not followed"),
                }
                // Whoever asked may have gone.
                let _ = followed.send(inner.status());
            }
            () = sleep(LOOK_EVERY), if route.interface.is_some() => {
                let Some(interface) = &route.interface else { continue };
                let Some(changed) = look_again(interface).await else { continue };
                let Some(inner) = engine.upgrade() else { return };
                route.interface = Some(changed);
                inner.follow(&settings, &route).await;
            }
        }
    }
}

impl Engine {
    /// Changes how peers are found and spoken to, from now on, and gives how the engine stands then. Connections stay as far
    /// as there are not too many, whatever they are made of, but for those over uTP when the port changes, and all when the way
    /// out of this computer does. Uploads that are not wanted any more end within a second.
    ///
    /// A torrent that is kept and has given enough by the new limits leaves the swarm, and one that has not comes back.
    ///
    /// A wanted port that is taken is no error but a state: the old one stays, or any is taken if there is none.
    pub async fn set_transfers(&self, settings: &TransferSettings) -> EngineStatus {
        let (followed, is_followed) = oneshot::channel();
        let wish = Wish { settings: settings.clone(), followed };
        // The task is gone when the engine is shut down.
        let _ = self.inner.wishes.send(wish).await;
        is_followed.await.unwrap_or_else(|_| self.status())
    }

    /// The network interface of the settings, while it is not there and nothing is transferred; and every change of that.
    pub fn watch_missing_interface(&self) -> watch::Receiver<Option<String>> {
        self.inner.missing_interface.subscribe()
    }
}

impl Inner {
    /// Lets nothing new go by another way than this, and ends what does.
    pub(crate) fn route_web(&self, route: &Route) -> Result<(), BuildError> {
        let others = self.config.routed_too.iter();
        others.chain([&self.web]).try_for_each(|web| web.set_route(route))?;
        self.ranges.set_route(route)
    }

    pub(crate) fn tell_missing(&self, route: &Route) {
        let missing = missing(route);
        self.missing_interface.send_if_modified(|told| {
            let is_news = *told != missing;
            if is_news && let Some(name) = &missing {
                tracing::warn!(name, "the network interface is not there, and nothing is transferred");
            }
            *told = missing;
            is_news
        });
    }
}
