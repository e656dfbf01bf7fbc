//! Every task of the application has a name, a token and somebody who waits for it: this.

use std::collections::BTreeMap;
use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::runtime::Handle;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::{Instrument as _, error, info_span, warn};

/// The tasks of the application and the token that ends them.
#[derive(Debug, Clone)]
pub struct Tasks {
    /// Windows and menus call from threads that no runtime knows.
    runtime: Handle,
    tracker: TaskTracker,
    token: CancellationToken,
    names: Arc<Mutex<BTreeMap<&'static str, usize>>>,
}

impl Tasks {
    /// Tasks on the current runtime.
    ///
    /// # Panics
    /// Outside of a runtime.
    pub(crate) fn new() -> Self {
        Self {
            runtime: Handle::current(),
            tracker: TaskTracker::new(),
            token: CancellationToken::new(),
            names: Arc::default(),
        }
    }

    /// Runs a future until it ends or the application does; may be called from any thread. A panic in it is logged and ends only this task.
    pub fn spawn(&self, name: &'static str, future: impl Future<Output = ()> + Send + 'static) {
        if self.token.is_cancelled() {
            warn!(name, "task refused: the application is ending");
            return;
        }
        *self.names().entry(name).or_default() += 1;
        let (tasks, token) = (self.clone(), self.token.clone());
        let guarded = async move {
            let _running = Running { tasks, name };
            let _ = token.run_until_cancelled(future).await;
        };
        self.tracker.spawn_on(guarded.instrument(info_span!("task", name)), &self.runtime);
    }

    /// The tracker for a library that spawns by itself.
    pub fn tracker(&self) -> &TaskTracker {
        &self.tracker
    }

    /// Fires when the application ends.
    pub fn token(&self) -> &CancellationToken {
        &self.token
    }

    /// Ends all tasks and waits for them, at most `deadline`. What is left then is logged by name.
    pub async fn shutdown(&self, deadline: Duration) {
        self.token.cancel();
        self.tracker.close();
        if tokio::time::timeout(deadline, self.tracker.wait()).await.is_err() {
            let left: Vec<_> =
                self.names().iter().filter(|(_, count)| **count > 0).map(|(name, _)| *name).collect();
            error!(?left, "tasks missed the deadline");
        }
    }

    fn names(&self) -> std::sync::MutexGuard<'_, BTreeMap<&'static str, usize>> {
        self.names.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Counts a task as long as it runs, also when it unwinds.
struct Running {
    tasks: Tasks,
    name: &'static str,
}

impl Drop for Running {
    fn drop(&mut self) {
        if std::thread::panicking() {
            error!(name = self.name, "task panicked");
        }
        if let Some(count) = self.tasks.names().get_mut(self.name) {
            *count -= 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn shutdown_ends_and_awaits_every_task() {
        let tasks = Tasks::new();
        let (dropped_sender, dropped) = tokio::sync::oneshot::channel::<()>();
        tasks.spawn("forever", async move {
            let _held = dropped_sender;
            std::future::pending::<()>().await;
        });

        tasks.shutdown(Duration::from_secs(5)).await;

        assert!(dropped.await.is_err(), "the task's own values are gone");
        assert_eq!(tasks.names().get("forever"), Some(&0));
        tasks.spawn("late", async { panic!("must not run") });
        assert!(tasks.tracker.is_empty());
    }

    #[tokio::test]
    async fn a_panic_ends_only_its_task() {
        let tasks = Tasks::new();
        tasks.spawn("fails", async { panic!("on purpose") });
        let (sender, answer) = tokio::sync::oneshot::channel();
        tasks.spawn("works", async move { sender.send(7).unwrap() });

        assert_eq!(answer.await, Ok(7));
        tasks.shutdown(Duration::from_secs(5)).await;
        assert_eq!(tasks.names().get("fails"), Some(&0));
    }
}
