//! The network interface that everything goes through: which there are to choose from, and word of one that is missing.

use freshet_model::{ErrorCode, Notice, NoticeKind, WireError};

use crate::App;
use crate::args::{NetworkInterface, Nothing};

impl App {
    /// Tells windows, from now on, while the interface of the settings is not there.
    pub(crate) fn follow_interface(&self) {
        let app = self.clone();
        self.inner.tasks.spawn("network interface", async move {
            let kind = NoticeKind::InterfaceMissing;
            let mut missing = app.inner.engine.watch_missing_interface();
            loop {
                let name = missing.borrow_and_update().clone();
                match name {
                    Some(subject) => app.add_notice(Notice { kind, subject }).await,
                    None => app.inner.events.remove_notice(kind).await,
                }
                if missing.changed().await.is_err() {
                    return;
                }
            }
        });
    }
}

pub(crate) async fn list(_: &App, _: Nothing) -> Result<Vec<NetworkInterface>, WireError> {
    let looked = tokio::task::spawn_blocking(freshet_web::interface::list).await;
    let failed = |error: &dyn std::fmt::Display| WireError::new(ErrorCode::Internal, error.to_string());
    let listed = looked.map_err(|error| failed(&error))?.map_err(|error| failed(&error))?;
    let offered = listed.into_iter().map(|interface| NetworkInterface {
        name: interface.name,
        addresses: interface.addresses.iter().map(ToString::to_string).collect(),
    });
    Ok(offered.collect())
}
