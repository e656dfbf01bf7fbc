//! Lists and searches: on connections that only read, beside the owner, and never into the cache.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use rusqlite::Connection;
use tokio::sync::Semaphore;

use crate::error::ReadError;
use crate::schema;

/// Two, so that a long search does not stop a list.
const READERS: usize = 2;

/// At most [`READERS`] reads at a time; their connections are kept for the next.
#[derive(Debug)]
pub(crate) struct Readers {
    path: PathBuf,
    permits: Arc<Semaphore>,
    idle: Arc<Mutex<Vec<Connection>>>,
    #[cfg(test)]
    finished: Arc<std::sync::atomic::AtomicUsize>,
}

impl Readers {
    pub(crate) fn new(path: PathBuf) -> Self {
        Self {
            path,
            permits: Arc::new(Semaphore::new(READERS)),
            idle: Arc::default(),
            #[cfg(test)]
            finished: Arc::default(),
        }
    }

    #[cfg(test)]
    pub(crate) fn finished(&self) -> usize {
        self.finished.load(std::sync::atomic::Ordering::Acquire)
    }

    /// Runs `read` inside one read transaction, so that all it sees is one committed state: the newest at its start.
    ///
    /// It runs on the runtime's blocking threads, and to its end even if the caller goes away.
    pub(crate) async fn run<T: Send + 'static>(
        &self,
        read: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, ReadError> {
        let permit = Arc::clone(&self.permits).acquire_owned().await.map_err(|_| ReadError::Closed)?;
        let (path, idle) = (self.path.clone(), Arc::clone(&self.idle));
        #[cfg(test)]
        let finished = Arc::clone(&self.finished);
        let job = tokio::task::spawn_blocking(move || {
            let _permit = permit;
            let kept = idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
            let mut conn = kept.map_or_else(|| schema::open_reader(&path), Ok)?;
            let tx = conn.transaction()?;
            let value = read(&tx)?;
            tx.finish()?;
            // After an error the connection is not kept.
            idle.lock().unwrap_or_else(PoisonError::into_inner).push(conn);
            #[cfg(test)]
            finished.fetch_add(1, std::sync::atomic::Ordering::AcqRel);
            Ok(value)
        });
        match job.await {
            Ok(result) => result.map_err(|error: rusqlite::Error| ReadError::from(error)),
            Err(failure) => Err(ReadError::Database(Arc::from(failure.to_string()))),
        }
    }

    /// Waits for the reads under way and closes all connections; later reads are refused.
    pub(crate) async fn close(&self) {
        let all = u32::try_from(READERS).unwrap_or(u32::MAX);
        // An error means that somebody has closed them before.
        if let Ok(_permits) = self.permits.acquire_many(all).await {
            self.permits.close();
            self.idle.lock().unwrap_or_else(PoisonError::into_inner).clear();
        }
    }
}
