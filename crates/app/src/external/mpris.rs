//! The desktop's interface for players (MPRIS 2): the one that was started here is asked where the film stands.

use std::collections::HashMap;
use std::time::Duration;

use tokio::time::timeout;
use zbus::fdo::{DBusProxy, PropertiesProxy};
use zbus::names::{BusName, InterfaceName, OwnedBusName};
use zbus::zvariant::OwnedValue;

const NAMES: &str = "org.mpris.MediaPlayer2.";
const PATH: &str = "/org/mpris/MediaPlayer2";
const PLAYER: &str = "org.mpris.MediaPlayer2.Player";
const ANSWER_TIMEOUT: Duration = Duration::from_secs(3);
const MICROS_PER_SEC: f64 = 1e6;

/// Players of this session's desktop.
pub(super) struct Mpris {
    bus: zbus::Connection,
    names: DBusProxy<'static>,
    ours: Option<OwnedBusName>,
}

impl Mpris {
    /// # Errors
    /// There is no desktop.
    pub(super) async fn connect() -> zbus::Result<Self> {
        let late = |_| zbus::Error::Failure("the desktop's bus does not answer".to_owned());
        let bus = timeout(ANSWER_TIMEOUT, zbus::Connection::session()).await.map_err(late)??;
        let names = DBusProxy::new(&bus).await?;
        Ok(Self { bus, names, ours: None })
    }

    /// Position and length in seconds of the player that plays this address; `None` while none says so.
    pub(super) async fn position(&mut self, url: &str) -> Option<(f64, Option<f64>)> {
        timeout(ANSWER_TIMEOUT, self.look(url)).await.ok()?
    }

    async fn look(&mut self, url: &str) -> Option<(f64, Option<f64>)> {
        let names = match &self.ours {
            Some(name) => vec![name.clone()],
            None => self.names.list_names().await.ok()?,
        };
        for name in names.into_iter().filter(|name| name.as_str().starts_with(NAMES)) {
            if let Some(found) = self.of(&name, url).await {
                self.ours = Some(name);
                return Some(found);
            }
        }
        self.ours = None;
        None
    }

    async fn of(&self, name: &BusName<'_>, url: &str) -> Option<(f64, Option<f64>)> {
        let builder =
            PropertiesProxy::builder(&self.bus).destination(name.to_owned()).ok()?.path(PATH).ok()?;
        let player = builder.build().await.ok()?;
        let interface = InterfaceName::from_static_str_unchecked(PLAYER);
        let metadata = player.get(interface.clone(), "Metadata").await.ok()?;
        let metadata: HashMap<String, OwnedValue> = metadata.try_into().ok()?;
        // Others may play something else.
        let plays: String = metadata.get("xesam:url")?.try_clone().ok()?.try_into().ok()?;
        if plays != url {
            return None;
        }
        let position: i64 = player.get(interface, "Position").await.ok()?.try_into().ok()?;
        let length = metadata.get("mpris:length").and_then(|length| length.try_clone().ok());
        let length_secs =
            length.and_then(micros).map(|micros| micros / MICROS_PER_SEC).filter(|secs| *secs > 0.0);
        Some((position as f64 / MICROS_PER_SEC, length_secs))
    }
}

/// Some write it without a sign.
fn micros(value: OwnedValue) -> Option<f64> {
    let signed = i64::try_from(value.try_clone().ok()?).ok().map(|micros| micros as f64);
    signed.or_else(|| u64::try_from(value).ok().map(|micros| micros as f64))
}
