//! Changes to settings.

use std::sync::Arc;

use freshet_model::{Settings, SettingsPatch, StoreChange};

use crate::error::{UpdateSettingsError, WriteError};
use crate::request::{Operation, Tx};
use crate::tables::settings;

pub(crate) struct UpdateSettings(pub(crate) SettingsPatch);

impl Operation for UpdateSettings {
    type Output = Arc<Settings>;
    type Error = UpdateSettingsError;

    fn apply(self, tx: &mut Tx<'_>) -> Result<Arc<Settings>, UpdateSettingsError> {
        let known = settings::read(tx.conn).map_err(WriteError::from)?.settings;
        let changed = known.with(self.0)?;
        if changed == known {
            return Ok(Arc::new(known));
        }
        settings::put(tx.conn, &changed).map_err(WriteError::from)?;
        let changed = Arc::new(changed);
        tx.changed(StoreChange::Settings(Arc::clone(&changed)));
        Ok(changed)
    }
}
