//! Whether the line costs by the byte, as the system says, and what follows from it. Linux is asked, where NetworkManager runs;
//! elsewhere a line costs nothing unless the person says so in the settings.

use freshet_model::{Notice, NoticeKind, SpareLine};
use tokio::sync::watch;
use tracing::info;

use crate::App;

impl App {
    /// Follows the line, and the setting, from now on.
    pub(crate) fn follow_line(&self) {
        let (tell, mut metered) = watch::channel(false);
        self.inner.tasks.spawn("metered line", async move {
            system::watch(&tell).await;
            // Not known from here on; who listens is not to be told by an end.
            tell.send_replace(false);
            tell.closed().await;
        });
        let app = self.clone();
        self.inner.tasks.spawn("spare the line", async move {
            let mut settings = app.watch_settings();
            loop {
                let is_metered = *metered.borrow_and_update();
                let rule = settings.borrow_and_update().transfers.spare_line;
                app.inner.engine.set_metered(is_metered);
                // Whoever spares it always knows that.
                app.tell_of_spared_line(is_metered && rule == SpareLine::WhenMetered).await;
                tokio::select! {
                    changed = metered.changed() => if changed.is_err() { return },
                    changed = settings.changed() => if changed.is_err() { return },
                }
            }
        });
    }

    async fn tell_of_spared_line(&self, is_spared: bool) {
        if is_spared {
            info!("the line costs by the byte and is spared");
            self.add_notice(Notice { kind: NoticeKind::LineSpared, subject: String::new() }).await;
        } else {
            self.inner.events.remove_notice(NoticeKind::LineSpared).await;
        }
    }
}

#[cfg(target_os = "linux")]
mod system {
    use std::time::Duration;

    use futures::StreamExt as _;
    use tokio::sync::watch;
    use tokio::time::timeout;
    use tracing::debug;
    use zbus::fdo::PropertiesProxy;
    use zbus::names::InterfaceName;
    use zbus::proxy::CacheProperties;

    const SERVICE: &str = "org.freedesktop.NetworkManager";
    const PATH: &str = "/org/freedesktop/NetworkManager";
    const ANSWER_TIMEOUT: Duration = Duration::from_secs(5);
    /// `NMMetered`: known to be metered, and guessed to be (a telephone's line).
    const METERED: [u32; 2] = [1, 3];

    /// Says what the line is, whenever that changes, until there is no bus any more.
    pub(super) async fn watch(line: &watch::Sender<bool>) {
        if let Err(error) = follow(line).await {
            debug!(%error, "nobody tells whether the line is metered");
        }
    }

    async fn follow(line: &watch::Sender<bool>) -> zbus::Result<()> {
        let connecting = async {
            let bus = zbus::Connection::system().await?;
            let builder = PropertiesProxy::builder(&bus).destination(SERVICE)?.path(PATH)?;
            builder.cache_properties(CacheProperties::No).build().await
        };
        let late = |_| zbus::Error::Failure("the system's bus does not answer".to_owned());
        let manager = timeout(ANSWER_TIMEOUT, connecting).await.map_err(late)??;
        // Both before it is asked, so that no change is missed.
        let mut changes = manager.receive_properties_changed().await?;
        let mut owners = manager.inner().receive_owner_changed().await?;
        loop {
            let is_metered = is_metered(&manager).await;
            line.send_if_modified(|line| std::mem::replace(line, is_metered) != is_metered);
            // It starts and ends as it likes.
            let is_open = tokio::select! {
                change = changes.next() => change.is_some(),
                owner = owners.next() => owner.is_some(),
            };
            if !is_open {
                return Ok(());
            }
        }
    }

    /// Not if nobody is there to say so.
    async fn is_metered(manager: &PropertiesProxy<'_>) -> bool {
        let asking = manager.get(InterfaceName::from_static_str_unchecked(SERVICE), "Metered");
        match timeout(ANSWER_TIMEOUT, asking).await {
            Ok(Ok(value)) => u32::try_from(value).is_ok_and(|value| METERED.contains(&value)),
            _ => false,
        }
    }
}

#[cfg(not(target_os = "linux"))]
mod system {
    use tokio::sync::watch;

    /// Nobody is asked yet.
    #[allow(clippy::unused_async, reason = "elsewhere it waits")]
    pub(super) async fn watch(_: &watch::Sender<bool>) {}
}
