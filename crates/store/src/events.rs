//! The stream of committed changes.

use freshet_model::{Revision, StoreChange};
use tokio::sync::broadcast::{self, error::RecvError};

/// A listener may be this many changes behind before it loses some.
pub(crate) const KEPT_EVENTS: usize = 1024;

/// A change that is on the disk, with its place in the order of all changes.
#[derive(Debug, Clone, PartialEq)]
pub struct StoreEvent {
    pub revision: Revision,
    pub change: StoreChange,
}

/// The listener was too slow and this many changes are gone: take a [`crate::Store::snapshot`] and go on from there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{missed} changes were missed")]
pub struct Lagged {
    pub missed: u64,
}

/// All changes committed after [`crate::Store::events`] was called, in the order of their commits.
#[derive(Debug)]
pub struct StoreEvents(pub(crate) broadcast::Receiver<StoreEvent>);

impl StoreEvents {
    /// The next change; waits for it. `None` when the store is closed or has failed.
    ///
    /// Cancel-safe: a change is not lost if the future is dropped.
    pub async fn next(&mut self) -> Option<Result<StoreEvent, Lagged>> {
        match self.0.recv().await {
            Ok(event) => Some(Ok(event)),
            Err(RecvError::Lagged(missed)) => Some(Err(Lagged { missed })),
            Err(RecvError::Closed) => None,
        }
    }
}
