//! The task that announces one torrent to its trackers.

use std::collections::HashMap;
use std::sync::Arc;

use tokio::sync::{Semaphore, watch};
use tokio::task::{Id, JoinError, JoinSet};
use tokio::time::{Instant, timeout_at};
use url::Url;

use super::tiers::{Plan, Step};
use super::{AnnounceError, Answer, Carrier, Event, MAX_ADDRESSES_PER_ANSWER, Question};
use crate::discover::{Outlet, Source, Totals, TrackerStatus, Wishes};
use freshet_model::InfoHash;

/// Trackers of one torrent that are asked at once.
const MAX_ASKED: usize = 16;
/// Told where nobody listens: trackers refuse port 0.
const NO_LISTENER_PORT: u16 = 1;

/// What an announcer needs from outside.
#[derive(Debug)]
pub(in super::super) struct Surroundings {
    pub(in super::super) info_hash: InfoHash,
    pub(in super::super) peer_id: [u8; 20],
    pub(in super::super) carrier: Carrier,
    pub(in super::super) outlet: Outlet,
    pub(in super::super) totals: watch::Receiver<Totals>,
    /// Where peers reach us.
    pub(in super::super) port: watch::Receiver<Option<u16>>,
    pub(in super::super) status: watch::Sender<Vec<TrackerStatus>>,
    /// Shared by all torrents.
    pub(in super::super) permits: Arc<Semaphore>,
}

/// Announces until it is told to stop, or aborted.
#[derive(Debug)]
pub(in super::super) struct Announcer {
    around: Surroundings,
    plan: Plan,
    /// Drawn once: it has to stay the same.
    key: u32,
    asking: JoinSet<Result<Answer, AnnounceError>>,
    asked: HashMap<Id, (usize, Event)>,
}

impl Announcer {
    pub(in super::super) fn new(around: Surroundings, tiers: Vec<Vec<Url>>, is_private: bool) -> Self {
        let plan = Plan::new(tiers, is_private, Instant::now(), &mut rand::rng());
        around.status.send_replace(plan.status());
        Self { around, plan, key: rand::random(), asking: JoinSet::new(), asked: HashMap::new() }
    }

    /// Ends when `wishes` says so or is closed; asked trackers then hear that we stopped, until the deadline.
    pub(in super::super) async fn run(mut self, mut wishes: watch::Receiver<Wishes>) {
        let mut granted = Wishes::default();
        loop {
            let wake_at = self.ask_due();
            self.publish();
            tokio::select! {
                Some(ended) = self.asking.join_next_with_id() => self.note(ended),
                () = until(wake_at) => {}
                // Peers that trackers name us to would not reach us.
                Ok(()) = self.around.port.changed() => self.plan.wish(Instant::now()),
                changed = wishes.changed() => {
                    let wanted = *wishes.borrow_and_update();
                    match (changed, wanted.stop_by) {
                        (Err(_), None) => return,
                        (_, Some(deadline)) => return self.say_good_bye(deadline).await,
                        (Ok(()), None) => {}
                    }
                    self.grant(&granted, &wanted);
                    granted = wanted;
                }
            }
        }
    }

    fn grant(&mut self, granted: &Wishes, wanted: &Wishes) {
        let now = Instant::now();
        if wanted.announces != granted.announces {
            self.plan.wish(now);
        }
        if wanted.is_completed && !granted.is_completed {
            self.plan.complete(now);
        }
    }

    /// Starts what is due; gives when there is more to start, unless an answer comes first.
    fn ask_due(&mut self) -> Option<Instant> {
        while self.asking.len() < MAX_ASKED {
            match self.plan.step(Instant::now()) {
                Step::Ask(index, event) => {
                    let asking = self.ask(index, event);
                    let id = self.asking.spawn(asking).id();
                    self.asked.insert(id, (index, event));
                }
                Step::Wait(wake_at) => return wake_at,
            }
        }
        None
    }

    fn ask(
        &self,
        index: usize,
        event: Event,
    ) -> impl Future<Output = Result<Answer, AnnounceError>> + Send + use<> {
        let url = self.plan.url(index).clone();
        let mut question = Question {
            info_hash: self.around.info_hash,
            peer_id: self.around.peer_id,
            port: self.around.port.borrow().unwrap_or(NO_LISTENER_PORT),
            key: self.key,
            totals: *self.around.totals.borrow(),
            event,
            own_v6: None,
            tracker_id: self.plan.tracker_id(index),
        };
        let carrier = self.around.carrier.clone();
        let permits = Arc::clone(&self.around.permits);
        let outlet = self.around.outlet.clone();
        async move {
            let _permit = permits.acquire().await.map_err(|_| AnnounceError::Busy)?;
            question.own_v6 = outlet.own_v6(carrier.web.way_out().route());
            carrier.ask(&url, &question).await
        }
    }

    fn note(&mut self, ended: Result<(Id, Result<Answer, AnnounceError>), JoinError>) {
        let (id, outcome) = match ended {
            Ok((id, outcome)) => (id, outcome),
            Err(error) => (error.id(), Err(AnnounceError::Panicked)),
        };
        let Some((index, event)) = self.asked.remove(&id) else { return };
        let host = self.plan.url(index).host_str().unwrap_or_default();
        match outcome {
            Ok(answer) => {
                let source = Source::Tracker(index);
                let found = self.around.outlet.offer_all(&answer.peers, source, MAX_ADDRESSES_PER_ANSWER);
                tracing::debug!(host, named = answer.peers.len(), found, "a tracker answered");
                self.plan.note_answer(index, &answer, event, Instant::now());
            }
            Err(error) => {
                tracing::debug!(host, %error, "a tracker did not answer");
                self.plan.note_failure(index, error, Instant::now());
            }
        }
    }

    fn publish(&self) {
        let status = self.plan.status();
        self.around.status.send_if_modified(|shown| {
            let is_news = *shown != status;
            *shown = status;
            is_news
        });
    }

    async fn say_good_bye(mut self, deadline: Instant) {
        self.asking.abort_all();
        let mut leaving = JoinSet::new();
        for index in self.plan.knowing_us() {
            leaving.spawn(self.ask(index, Event::Stopped));
        }
        let count = leaving.len();
        let everybody = async { while leaving.join_next().await.is_some() {} };
        if timeout_at(deadline, everybody).await.is_err() {
            tracing::debug!(count, "not every tracker heard in time that we stop");
        }
    }
}

/// Never, where there is no time.
async fn until(at: Option<Instant>) {
    match at {
        Some(at) => tokio::time::sleep_until(at).await,
        None => std::future::pending().await,
    }
}
