//! The line that all torrents share: who reports what, and what the arbiter makes of it.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use freshet_model::InfoHash;

use super::Limits;
use super::task::Task;
use crate::arbiter::{Arbiter, Shares, View};

/// A torrent that has told nothing for so long has ended.
const REPORT_LASTS: Duration = Duration::from_secs(5);

/// What a torrent tells. See [`View`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Report {
    /// Of the player with least ahead of it; `None` without one.
    pub(super) player_buffer_secs: Option<f64>,
    pub(super) player_is_waiting: bool,
    /// Whether all that is to be read ahead is there, for all players.
    pub(super) read_ahead_is_full: bool,
    pub(super) upload_bytes_per_sec: u64,
}

/// See the module.
#[derive(Debug)]
pub(crate) struct Line {
    limits: Arc<Limits>,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    arbiter: Arbiter,
    reports: HashMap<InfoHash, (Duration, Report)>,
    own_upload_limit_bytes_per_sec: Option<u64>,
}

impl Line {
    pub(crate) fn new(limits: Arc<Limits>, upload_limit_bytes_per_sec: Option<u64>) -> Self {
        let state = State {
            arbiter: Arbiter::default(),
            reports: HashMap::new(),
            own_upload_limit_bytes_per_sec: upload_limit_bytes_per_sec,
        };
        Self { limits, state: Mutex::new(state) }
    }

    /// The person's own limit for uploads from now on.
    pub(crate) fn set_upload_limit(&self, now: Duration, bytes_per_sec: Option<u64>) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.own_upload_limit_bytes_per_sec = bytes_per_sec;
        self.decide(&mut state, now);
    }

    /// Takes the report of a torrent, and sets the limit for all uploads. Gives whether what nobody waits for may be fetched.
    pub(super) fn report(&self, torrent: InfoHash, now: Duration, report: Report) -> bool {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.reports.insert(torrent, (now, report));
        self.decide(&mut state, now).allow_background
    }

    fn decide(&self, state: &mut State, now: Duration) -> Shares {
        state.reports.retain(|_, (at, _)| now.saturating_sub(*at) < REPORT_LASTS);
        let view = state.view();
        let shares = state.arbiter.decide(now, view);
        let mut up = self.limits.up.lock().unwrap_or_else(PoisonError::into_inner);
        up.set(now, shares.upload_limit_bytes_per_sec);
        shares
    }
}

impl State {
    fn view(&self) -> View {
        let reports = || self.reports.values().map(|(_, report)| report);
        let players = || reports().filter(|report| report.player_buffer_secs.is_some());
        View {
            player_buffer_secs: players()
                .filter_map(|report| report.player_buffer_secs)
                .min_by(f64::total_cmp),
            player_is_waiting: players().any(|report| report.player_is_waiting),
            read_ahead_is_full: players().all(|report| report.read_ahead_is_full),
            upload_bytes_per_sec: reports().map(|report| report.upload_bytes_per_sec).sum(),
            upload_limit_bytes_per_sec: self.own_upload_limit_bytes_per_sec,
        }
    }
}

impl Task {
    /// Tells how its players stand, and keeps to what the arbiter decides.
    pub(super) fn report(&mut self, now: Duration) {
        let mut report = Report {
            player_buffer_secs: None,
            player_is_waiting: false,
            read_ahead_is_full: true,
            upload_bytes_per_sec: self.up.bytes_per_sec(now),
        };
        // What is paused or broken does not get better by what others give up.
        if !self.is_paused && self.failure.is_none() {
            for (demand, end_byte, is_waiting) in self.readers.watching() {
                let here_until = self.here_until(demand.start_byte, end_byte);
                let secs = (here_until - demand.start_byte) as f64 / demand.bytes_per_sec.max(1.0);
                let secs = if here_until >= end_byte { f64::INFINITY } else { secs };
                let least = report.player_buffer_secs.map_or(secs, |least| least.min(secs));
                report.player_buffer_secs = Some(least);
                report.player_is_waiting |= is_waiting;
                report.read_ahead_is_full &= here_until >= demand.start_byte + demand.window_bytes;
            }
        }
        self.allows_background = self.context.line.report(self.spec.info_hash, now, report);
    }

    /// The first byte from `at` on that is not here, up to `end`.
    fn here_until(&self, at: u64, end: u64) -> u64 {
        super::reading::here_until(&self.scheduler, &self.spec.layout, at, end).max(at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rate::{Grant, Limiter};

    fn report(buffer_secs: Option<f64>, upload_bytes_per_sec: u64) -> Report {
        Report {
            player_buffer_secs: buffer_secs,
            player_is_waiting: false,
            read_ahead_is_full: false,
            upload_bytes_per_sec,
        }
    }

    #[test]
    fn a_player_of_one_torrent_holds_back_the_others_until_it_is_safe_or_gone() {
        let limits =
            Arc::new(Limits { down: Mutex::new(Limiter::new(None)), up: Mutex::new(Limiter::new(None)) });
        let line = Line::new(Arc::clone(&limits), None);
        let [watched, kept] = [1, 2].map(|byte| InfoHash::new([byte; 20]));
        let second = Duration::from_secs(1);
        assert!(line.report(kept, second, report(None, 1 << 20)));
        assert!(!line.report(watched, second, report(Some(1.0), 0)));
        assert!(!line.report(kept, second, report(None, 1 << 20)));
        // Half of what went up is left to uploads.
        let mut passed_bytes = 0;
        while limits.up.lock().unwrap().take(second * 2, 1024) == Grant::Pass {
            passed_bytes += 1024;
        }
        assert!((200_000..300_000).contains(&passed_bytes), "{passed_bytes}");

        assert!(line.report(watched, second * 3, report(Some(f64::INFINITY), 0)));
        assert!(!line.report(watched, second * 4, report(Some(1.0), 0)));
        assert!(line.report(kept, second * 10, report(None, 0)), "the other has told nothing for long");
    }
}
