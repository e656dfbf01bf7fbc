//! What callers put into the owner's queue.
//!
//! A change is a type that knows how to make itself inside the owner's transaction: reading, deciding and writing happen
//! there in one go, so no caller ever reads a value, changes it, and puts back something older than what is there.

use std::sync::Arc;

use freshet_model::{InfoHash, Revision, StoreChange, TorrentMarks};
use rusqlite::Connection;
use tokio::sync::oneshot;

use crate::cache::CachedTorrent;
use crate::error::{ReadError, WriteError};
use crate::events::StoreEvent;

pub(crate) enum Request {
    FillTorrent(InfoHash, oneshot::Sender<Result<CachedTorrent, ReadError>>),
    FillMarks(InfoHash, oneshot::Sender<Result<Arc<TorrentMarks>, ReadError>>),
    Write(Box<dyn PendingWrite>),
    Close,
}

/// One change, as it is made inside the transaction of a batch.
pub(crate) trait Operation: Send + 'static {
    type Output: Send + 'static;
    type Error: From<WriteError> + Send + 'static;

    /// Makes the change. On an error everything it did is rolled back, and the rest of the batch goes on.
    fn apply(self, tx: &mut Tx<'_>) -> Result<Self::Output, Self::Error>;
}

/// A transaction under way, and the changes made in it so far.
pub(crate) struct Tx<'c> {
    pub(crate) conn: &'c Connection,
    pub(crate) now_ms: u64,
    last_revision: Revision,
    changes: Vec<StoreEvent>,
}

impl<'c> Tx<'c> {
    pub(crate) fn new(conn: &'c Connection, now_ms: u64, last_revision: Revision) -> Self {
        Self { conn, now_ms, last_revision, changes: Vec::new() }
    }

    /// Says that the value was changed; becomes an event if the transaction commits.
    pub(crate) fn changed(&mut self, change: StoreChange) {
        self.last_revision = Revision(self.last_revision.0 + 1);
        self.changes.push(StoreEvent { revision: self.last_revision, change });
    }

    pub(crate) fn change_count(&self) -> usize {
        self.changes.len()
    }

    /// Forgets the changes after the first `count`. Their numbers stay used: a gap harms nobody, a number given twice does.
    pub(crate) fn forget_after(&mut self, count: usize) {
        self.changes.truncate(count);
    }

    pub(crate) fn last_revision(&self) -> Revision {
        self.last_revision
    }

    pub(crate) fn into_changes(self) -> Vec<StoreEvent> {
        self.changes
    }
}

/// How a change inside a batch ended, as far as the batch is concerned.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Step {
    Done,
    Failed,
}

/// An [`Operation`] of any type, with the caller who waits for it.
pub(crate) trait PendingWrite: Send {
    fn apply(&mut self, tx: &mut Tx<'_>) -> Step;
    /// Answers the caller: with what [`PendingWrite::apply`] gave, or with the error that ended the whole batch.
    fn reply(self: Box<Self>, batch: Result<(), WriteError>);
}

pub(crate) struct Pending<O: Operation> {
    operation: Option<O>,
    result: Option<Result<O::Output, O::Error>>,
    caller: oneshot::Sender<Result<O::Output, O::Error>>,
}

impl<O: Operation> Pending<O> {
    pub(crate) fn new(operation: O, caller: oneshot::Sender<Result<O::Output, O::Error>>) -> Self {
        Self { operation: Some(operation), result: None, caller }
    }
}

impl<O: Operation> PendingWrite for Pending<O> {
    fn apply(&mut self, tx: &mut Tx<'_>) -> Step {
        let Some(operation) = self.operation.take() else { return Step::Failed };
        let result = operation.apply(tx);
        let step = if result.is_ok() { Step::Done } else { Step::Failed };
        self.result = Some(result);
        step
    }

    fn reply(self: Box<Self>, batch: Result<(), WriteError>) {
        let result = match (batch, self.result) {
            (Ok(()), Some(result)) => result,
            (Err(error), _) => Err(O::Error::from(error)),
            // Without a result the change was never tried, and that happens only when the batch has failed.
            (Ok(()), None) => Err(O::Error::from(WriteError::Closed)),
        };
        // A caller who has gone away does not undo the change.
        let _ = self.caller.send(result);
    }
}
