//! Stops the owner thread at chosen points, so that a test decides what happens meanwhile.

use std::collections::HashMap;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex};

use tokio::sync::oneshot;

use crate::hooks::{Hooks, Point};

enum Action {
    Stop { reached: oneshot::Sender<()>, go_on: Receiver<()> },
    Fail(rusqlite::Error),
    Panic,
}

#[derive(Default)]
struct State {
    planned: HashMap<Point, Action>,
    reached: HashMap<Point, usize>,
}

/// What will happen at the next time each point is reached; once each.
#[derive(Clone, Default)]
pub(crate) struct Gates(Arc<Mutex<State>>);

/// The owner stands at a point, or will.
pub(crate) struct Gate {
    reached: oneshot::Receiver<()>,
    go_on: SyncSender<()>,
}

impl Gates {
    pub(crate) fn hooks(&self) -> Hooks {
        let state = Arc::clone(&self.0);
        Hooks::new(move |point| {
            let action = {
                let mut state = state.lock().unwrap();
                *state.reached.entry(point).or_default() += 1;
                state.planned.remove(&point)
            };
            match action {
                Some(Action::Stop { reached, go_on }) => {
                    let _ = reached.send(());
                    // Also when the test has failed and dropped the gate.
                    let _ = go_on.recv();
                    Ok(())
                }
                Some(Action::Fail(error)) => Err(error),
                Some(Action::Panic) => panic!("planned at {point:?}"),
                None => Ok(()),
            }
        })
    }

    fn plan(&self, point: Point, action: Action) {
        self.0.lock().unwrap().planned.insert(point, action);
    }

    pub(crate) fn stop_at(&self, point: Point) -> Gate {
        let (reached_sender, reached) = oneshot::channel();
        let (go_on, go_on_receiver) = sync_channel(1);
        self.plan(point, Action::Stop { reached: reached_sender, go_on: go_on_receiver });
        Gate { reached, go_on }
    }

    pub(crate) fn fail_at(&self, point: Point, error: rusqlite::Error) {
        self.plan(point, Action::Fail(error));
    }

    pub(crate) fn panic_at(&self, point: Point) {
        self.plan(point, Action::Panic);
    }

    /// How often the owner has been at the point.
    pub(crate) fn count(&self, point: Point) -> usize {
        self.0.lock().unwrap().reached.get(&point).copied().unwrap_or(0)
    }
}

impl Gate {
    pub(crate) async fn reached(&mut self) {
        (&mut self.reached).await.unwrap();
    }

    pub(crate) fn go_on(self) {
        self.go_on.send(()).unwrap();
    }
}
