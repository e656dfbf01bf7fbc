//! Settings: read anywhere, changed here, applied at once.

use std::sync::Arc;
use std::time::Duration;

use freshet_model::{ErrorCode, Settings, SettingsPatch, TransferSettings, WireError};

use crate::args::{Nothing, VolumeSet};
use crate::error::Coded as _;
use crate::{App, AppConfig};

impl App {
    pub fn settings(&self) -> Arc<Settings> {
        self.inner.store.settings()
    }

    /// As [`App::settings`], and told of every change.
    pub fn watch_settings(&self) -> tokio::sync::watch::Receiver<Arc<Settings>> {
        self.inner.store.watch_settings()
    }

    /// Changes some settings; answers when they are on the disk. What they rule follows at once.
    ///
    /// # Errors
    /// A value is outside its range, or the store can't write; nothing is changed then.
    pub async fn update_settings(&self, patch: SettingsPatch) -> Result<Arc<Settings>, WireError> {
        self.inner.store.update_settings(patch).await.map_err(|error| error.wire())
    }

    /// Keeps the engine, which was started with these transfers, as the settings say.
    pub(crate) fn follow_settings(&self, mut transfers: TransferSettings) {
        let mut settings = self.inner.store.watch_settings();
        let mut disk_budget_bytes = settings.borrow_and_update().disk_budget_bytes;
        let app = self.clone();
        self.inner.tasks.spawn("apply settings", async move {
            let engine = &app.inner.engine;
            while settings.changed().await.is_ok() {
                let now = settings.borrow_and_update().clone();
                let limits = now.rate_limits();
                engine.set_limits(limits.download, limits.upload);
                engine.set_idle_timeout(Duration::from_secs(now.idle_timeout_secs.into()));
                if now.disk_budget_bytes != disk_budget_bytes {
                    disk_budget_bytes = now.disk_budget_bytes;
                    engine.set_disk_budget(disk_budget_bytes).await;
                }
                let wanted = transfers_of(&app.inner.config, &now);
                if wanted != transfers {
                    let status = engine.set_transfers(&wanted).await;
                    if wanted.peer_port != transfers.peer_port {
                        app.tell_of_taken_port(status).await;
                    }
                    transfers = wanted;
                }
            }
        });
    }
}

/// The settings of transfers, but for what was decided on the command line.
pub(crate) fn transfers_of(config: &AppConfig, settings: &Settings) -> TransferSettings {
    let chosen = settings.transfers.clone();
    let peer_port = if config.peer_port == 0 { chosen.peer_port } else { config.peer_port };
    TransferSettings { peer_port, ..chosen }
}

pub(crate) async fn update(app: &App, patch: SettingsPatch) -> Result<Settings, WireError> {
    Ok(Arc::unwrap_or_clone(app.update_settings(patch).await?))
}

pub(crate) async fn reset(app: &App, _: Nothing) -> Result<Settings, WireError> {
    let failed = |error: serde_json::Error| WireError::new(ErrorCode::Internal, error.to_string());
    // A patch has the fields of the settings, so that one that is made of the defaults can forget none.
    let patch = serde_json::to_value(Settings::default()).and_then(serde_json::from_value::<SettingsPatch>);
    let patch = SettingsPatch {
        // Who has been here before is not asked again, and the loudness is no setting to a person.
        is_welcomed: None,
        volume: None,
        is_muted: None,
        torrserver: None,
        ..patch.map_err(failed)?
    };
    update(app, patch).await
}

pub(crate) async fn set_volume(app: &App, args: VolumeSet) -> Result<(), WireError> {
    let patch = SettingsPatch {
        volume: Some(args.volume),
        is_muted: Some(args.is_muted),
        ..SettingsPatch::default()
    };
    app.update_settings(patch).await.map(drop)
}
