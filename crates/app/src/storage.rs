//! What lies on the disk, for somebody who looks.

use freshet_model::WireError;
use serde::Serialize;

use crate::App;
use crate::args::Nothing;

/// Numbers of this moment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub struct StorageInfo {
    /// Where the pieces are.
    pub folder: String,
    /// What pieces take that may be given up again.
    pub used_bytes: u64,
    /// What they may take, as the settings say or as was found right for the disk; `None` until everything is counted.
    pub budget_bytes: Option<u64>,
    /// `None` where the system does not tell.
    pub free_bytes: Option<u64>,
}

pub(crate) async fn info(app: &App, _: Nothing) -> Result<StorageInfo, WireError> {
    let storage = app.inner.engine.storage().await;
    Ok(StorageInfo {
        folder: app.inner.config.pieces().display().to_string(),
        used_bytes: storage.used_bytes,
        budget_bytes: storage.budget_bytes,
        free_bytes: storage.free_bytes,
    })
}
