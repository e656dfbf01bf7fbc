//! Changes to settings, and to who may come in.

use std::sync::Arc;

use freshet_model::{Access, AccessChange, DeviceId, Settings, SettingsPatch, StoreChange};

use crate::error::{ChangeAccessError, UpdateSettingsError, WriteError};
use crate::request::{Operation, Tx};
use crate::tables::{access, settings};

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

pub(crate) struct ChangeAccess(pub(crate) AccessChange);

impl Operation for ChangeAccess {
    type Output = (Arc<Access>, Option<DeviceId>);
    type Error = ChangeAccessError;

    fn apply(self, tx: &mut Tx<'_>) -> Result<Self::Output, ChangeAccessError> {
        let known = access::read(tx.conn).map_err(WriteError::from)?;
        let (changed, added) = known.with(self.0)?;
        let changed = Arc::new(changed);
        if *changed != known {
            access::put(tx.conn, &changed).map_err(WriteError::from)?;
            tx.changed(StoreChange::Access(Arc::clone(&changed)));
        }
        Ok((changed, added))
    }
}
