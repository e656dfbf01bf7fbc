//! Which tracker is asked when (BEP 12). It knows neither sockets nor clocks: the time comes in.
//!
//! A person waits at the start, so then all trackers are asked. Afterwards every tier has one speaker, the first of it that
//! answered; the others of the tier are asked when it fails. The trackers of a private torrent are asked one at a time,
//! tier by tier, as the BEP has it: such trackers count who tells them what (BEP 27).

use std::time::Duration;

use rand::Rng;
use rand::seq::SliceRandom;
use tokio::time::Instant;
use url::Url;

use super::{AnnounceError, Answer, Event};
use crate::discover::{TrackerState, TrackerStatus};

/// Whatever a tracker wants.
const MIN_INTERVAL: Duration = Duration::from_secs(60);
const MAX_INTERVAL: Duration = Duration::from_secs(60 * 60);
/// After the first failure; every further one doubles it.
const MIN_BACK_OFF: Duration = Duration::from_secs(15);
const MAX_BACK_OFF: Duration = Duration::from_secs(30 * 60);
/// Between two announces that somebody asked for.
const MIN_WISH_INTERVAL: Duration = Duration::from_secs(30);

/// The trackers of one torrent, and when each is asked.
#[derive(Debug)]
pub(super) struct Plan {
    trackers: Vec<Tracker>,
    /// Numbers of trackers, in the order in which they are tried.
    tiers: Vec<Vec<usize>>,
    is_private: bool,
    last_wish_at: Instant,
    /// A wish that came too soon after the last one, and when it is granted.
    wish_at: Option<Instant>,
}

#[derive(Debug)]
struct Tracker {
    url: Url,
    state: TrackerState,
    due_at: Instant,
    asked_at: Option<Instant>,
    /// Asked even though another one speaks for the tier.
    is_wanted: bool,
    /// It was told that we started, so it is told that we stop.
    knows_us: bool,
    is_completed_due: bool,
    failures: u32,
    error: Option<String>,
    refusal: Option<String>,
    last_answer: Answer,
}

/// What is to be done now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    /// This tracker counts as being asked from now on.
    Ask(usize, Event),
    /// Nothing before this time, or before somebody answers.
    Wait(Option<Instant>),
}

impl Plan {
    /// The order inside the tiers is drawn, so that not everybody asks the same tracker (BEP 12).
    pub(super) fn new(tiers: Vec<Vec<Url>>, is_private: bool, now: Instant, rng: &mut impl Rng) -> Self {
        let mut trackers = Vec::new();
        let mut numbers = Vec::new();
        for tier in tiers {
            let first = trackers.len();
            trackers.extend(tier.into_iter().map(|url| Tracker::new(url, !is_private, now)));
            let mut order: Vec<usize> = (first..trackers.len()).collect();
            order.shuffle(rng);
            numbers.push(order);
        }
        Self { trackers, tiers: numbers, is_private, last_wish_at: now, wish_at: None }
    }

    pub(super) fn step(&mut self, now: Instant) -> Step {
        if self.wish_at.is_some_and(|at| at <= now) {
            self.grant_wish(now);
        }
        let due = self.wanted(now).or_else(|wanted_at| {
            let mut wake_at = earlier(self.wish_at, wanted_at);
            for group in self.groups() {
                match self.speaker(&group, now) {
                    Ok(index) => return Ok(index),
                    Err(speaks_at) => wake_at = earlier(wake_at, speaks_at),
                }
            }
            Err(wake_at)
        });
        match due {
            Ok(index) => Step::Ask(index, self.trackers[index].begin(now)),
            Err(wake_at) => Step::Wait(wake_at),
        }
    }

    /// A tracker that is asked out of turn, or when one will be.
    fn wanted(&self, now: Instant) -> Result<usize, Option<Instant>> {
        let is_open = |tracker: &Tracker| tracker.is_wanted && tracker.state != TrackerState::Asking;
        let open = || self.trackers.iter().enumerate().filter(|(_, tracker)| is_open(tracker));
        let due = open().find(|(_, tracker)| tracker.due_at <= now);
        due.map(|(index, _)| index).ok_or_else(|| open().map(|(_, tracker)| tracker.due_at).min())
    }

    /// Trackers of which one is asked: those of a tier, or all of a private torrent.
    fn groups(&self) -> Vec<Vec<usize>> {
        if self.is_private { vec![self.tiers.concat()] } else { self.tiers.clone() }
    }

    /// The one of a group that is asked now, or when one will be.
    fn speaker(&self, group: &[usize], now: Instant) -> Result<usize, Option<Instant>> {
        // A tracker that answers now could become the speaker.
        if group.iter().any(|index| self.trackers[*index].state == TrackerState::Asking) {
            return Err(None);
        }
        let mut wake_at = None;
        for index in group {
            let tracker = &self.trackers[*index];
            if tracker.due_at <= now {
                return Ok(*index);
            }
            wake_at = earlier(wake_at, Some(tracker.due_at));
            if tracker.state == TrackerState::Working {
                break;
            }
        }
        Err(wake_at)
    }

    /// The tracker that works is tried first from now on, unless the first one works too.
    pub(super) fn note_answer(&mut self, index: usize, answer: &Answer, event: Event, now: Instant) {
        let Some(tracker) = self.trackers.get_mut(index) else { return };
        tracker.note_answer(answer, event, now);
        let Some(tier) = self.tiers.iter_mut().find(|tier| tier.contains(&index)) else { return };
        if self.trackers[tier[0]].state != TrackerState::Working || tier[0] == index {
            tier.retain(|other| *other != index);
            tier.insert(0, index);
        }
    }

    pub(super) fn note_failure(&mut self, index: usize, error: AnnounceError, now: Instant) {
        let Some(tracker) = self.trackers.get_mut(index) else { return };
        tracker.state = TrackerState::Failed;
        tracker.is_wanted = false;
        tracker.due_at = now + back_off(tracker.failures);
        tracker.failures = tracker.failures.saturating_add(1);
        tracker.error = Some(error.to_string());
        tracker.refusal = match error {
            AnnounceError::Refused(words) => Some(words),
            _ => None,
        };
    }

    /// Somebody waits for bytes and there are no peers, or our port changed. A wish that comes too soon is granted later.
    pub(super) fn wish(&mut self, now: Instant) {
        let at = now.max(self.last_wish_at + MIN_WISH_INTERVAL);
        self.wish_at = Some(self.wish_at.map_or(at, |known| known.min(at)));
    }

    fn grant_wish(&mut self, now: Instant) {
        self.wish_at = None;
        self.last_wish_at = now;
        for tracker in &mut self.trackers {
            let Some(asked_at) = tracker.asked_at else { continue };
            // A private tracker may lock out who asks more often than it allows.
            let pause = if self.is_private {
                tracker.last_answer.min_interval.min(MAX_INTERVAL)
            } else {
                Duration::ZERO
            };
            tracker.due_at = tracker.due_at.min(asked_at + pause.max(MIN_WISH_INTERVAL));
            tracker.is_wanted |= !self.is_private && tracker.state != TrackerState::Asking;
        }
    }

    /// Everything is here: whoever knows us hears it, once, now.
    pub(super) fn complete(&mut self, now: Instant) {
        for tracker in self.trackers.iter_mut().filter(|tracker| tracker.knows_us) {
            tracker.is_completed_due = true;
            tracker.is_wanted = true;
            tracker.due_at = tracker.due_at.min(now);
        }
    }

    /// Those that list us as a peer, or may do so in this moment.
    pub(super) fn knowing_us(&self) -> Vec<usize> {
        let knows = |tracker: &Tracker| tracker.knows_us || tracker.state == TrackerState::Asking;
        (0..self.trackers.len()).filter(|index| knows(&self.trackers[*index])).collect()
    }

    pub(super) fn url(&self, index: usize) -> &Url {
        &self.trackers[index].url
    }

    pub(super) fn tracker_id(&self, index: usize) -> Option<Vec<u8>> {
        self.trackers[index].last_answer.tracker_id.clone()
    }

    pub(super) fn status(&self) -> Vec<TrackerStatus> {
        self.trackers.iter().map(Tracker::status).collect()
    }
}

impl Tracker {
    fn new(url: Url, is_wanted: bool, now: Instant) -> Self {
        Self {
            url,
            state: TrackerState::NotAsked,
            due_at: now,
            asked_at: None,
            is_wanted,
            knows_us: false,
            is_completed_due: false,
            failures: 0,
            error: None,
            refusal: None,
            last_answer: Answer::default(),
        }
    }

    fn event(&self) -> Event {
        match (self.knows_us, self.is_completed_due) {
            (false, _) => Event::Started,
            (true, true) => Event::Completed,
            (true, false) => Event::None,
        }
    }

    fn begin(&mut self, now: Instant) -> Event {
        self.state = TrackerState::Asking;
        self.asked_at = Some(now);
        self.is_wanted = false;
        self.event()
    }

    fn note_answer(&mut self, answer: &Answer, event: Event, now: Instant) {
        self.state = TrackerState::Working;
        self.due_at = now + answer.interval.clamp(MIN_INTERVAL, MAX_INTERVAL);
        self.knows_us = true;
        self.is_completed_due &= event != Event::Completed;
        if self.is_completed_due {
            // It fell due while the tracker was being asked.
            self.due_at = now;
        }
        self.is_wanted = self.is_completed_due;
        self.failures = 0;
        self.error = None;
        self.refusal = None;
        let tracker_id = answer.tracker_id.clone().or_else(|| self.last_answer.tracker_id.take());
        // The addresses went to whoever looks for them.
        self.last_answer = Answer { peers: Vec::new(), tracker_id, ..answer.clone() };
    }

    fn status(&self) -> TrackerStatus {
        TrackerStatus {
            url: self.url.clone(),
            state: self.state,
            seeders: self.last_answer.seeders,
            leechers: self.last_answer.leechers,
            next_announce: (self.state != TrackerState::Asking).then(|| self.due_at.into_std()),
            error: self.error.clone(),
            refusal: self.refusal.clone(),
        }
    }
}

fn earlier(a: Option<Instant>, b: Option<Instant>) -> Option<Instant> {
    a.into_iter().chain(b).min()
}

/// How long a tracker rests that failed now, after it had failed `failures` times in a row.
fn back_off(failures: u32) -> Duration {
    MIN_BACK_OFF.saturating_mul(1 << failures.min(16)).min(MAX_BACK_OFF)
}

#[cfg(test)]
#[path = "tiers_tests.rs"]
mod tests;
