//! The engine's tasks: each has a name, all are waited for, and a panic ends only the one it happens in.

use std::collections::BTreeMap;
use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tokio_util::task::{AbortOnDropHandle, TaskTracker};

#[derive(Debug, Clone, Default)]
pub(crate) struct Tasks {
    tracker: TaskTracker,
    names: Arc<Mutex<Names>>,
    stop: CancellationToken,
}

#[derive(Debug, Default)]
struct Names {
    next: u64,
    running: BTreeMap<u64, String>,
}

/// A task ended without a result: it panicked, or the engine stopped it.
#[derive(Debug, thiserror::Error)]
pub(crate) enum TaskFailed {
    #[error("it broke off unexpectedly")]
    Panicked,
    #[error("the engine is shutting down")]
    Stopped,
}

struct Named {
    names: Arc<Mutex<Names>>,
    number: u64,
}

impl Drop for Named {
    fn drop(&mut self) {
        lock(&self.names).running.remove(&self.number);
    }
}

impl Tasks {
    /// Starts a task that ends when its future does, or with the engine.
    pub(crate) fn spawn<T, F>(&self, name: String, future: F) -> JoinHandle<Option<T>>
    where
        T: Send + 'static,
        F: Future<Output = T> + Send + 'static,
    {
        let named = {
            let mut names = lock(&self.names);
            names.next += 1;
            let number = names.next;
            names.running.insert(number, name);
            Named { names: Arc::clone(&self.names), number }
        };
        let stop = self.stop.clone();
        self.tracker.spawn(async move {
            let _named = named;
            stop.run_until_cancelled_owned(future).await
        })
    }

    /// Runs `future` in a task of its own, and to its end even if the caller goes away.
    pub(crate) async fn run<T, F>(&self, name: String, future: F) -> Result<T, TaskFailed>
    where
        T: Send + 'static,
        F: Future<Output = T> + Send + 'static,
    {
        outcome(self.spawn(name, future).await)
    }

    /// Runs `future` in a task of its own, which ends when the caller goes away.
    pub(crate) async fn run_while_wanted<T, F>(&self, name: String, future: F) -> Result<T, TaskFailed>
    where
        T: Send + 'static,
        F: Future<Output = T> + Send + 'static,
    {
        outcome(AbortOnDropHandle::new(self.spawn(name, future)).await)
    }

    /// Cancels all tasks and waits for them; gives the names of those that missed the deadline.
    pub(crate) async fn shut_down(&self, deadline: Duration) -> Vec<String> {
        self.stop.cancel();
        self.tracker.close();
        if tokio::time::timeout(deadline, self.tracker.wait()).await.is_ok() {
            return Vec::new();
        }
        lock(&self.names).running.values().cloned().collect()
    }
}

fn outcome<T>(joined: Result<Option<T>, tokio::task::JoinError>) -> Result<T, TaskFailed> {
    match joined {
        Ok(Some(value)) => Ok(value),
        Ok(None) => Err(TaskFailed::Stopped),
        Err(error) if error.is_panic() => Err(TaskFailed::Panicked),
        Err(_) => Err(TaskFailed::Stopped),
    }
}

fn lock(names: &Mutex<Names>) -> std::sync::MutexGuard<'_, Names> {
    names.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_panic_is_the_error_of_its_own_task() {
        let tasks = Tasks::default();

        let broken = tasks.run("broken".to_owned(), async { panic!("forced by the test") }).await;
        let sound = tasks.run("sound".to_owned(), async { 7 }).await;

        assert!(matches!(broken, Err::<(), _>(TaskFailed::Panicked)));
        assert_eq!(sound.unwrap(), 7);
        assert!(lock(&tasks.names).running.is_empty());
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn what_misses_the_deadline_is_named() {
        let tasks = Tasks::default();
        let (release, released) = std::sync::mpsc::sync_channel::<()>(1);
        let (started, is_started) = tokio::sync::oneshot::channel();
        // It does not come back to the runtime, so it does not see that it is cancelled.
        let stubborn = tasks.spawn("stubborn".to_owned(), async move {
            let _ = started.send(());
            tokio::task::block_in_place(|| released.recv())
        });
        let waiting = tasks.spawn("waiting".to_owned(), std::future::pending::<()>());
        is_started.await.unwrap();

        let missed = tasks.shut_down(Duration::from_millis(100)).await;

        assert_eq!(missed, ["stubborn"]);
        assert_eq!(waiting.await.unwrap(), None);
        release.send(()).unwrap();
        assert_eq!(stubborn.await.unwrap(), Some(Ok(())));
    }
}
