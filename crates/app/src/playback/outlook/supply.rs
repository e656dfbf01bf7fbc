//! What comes in for a film, measured while it could not be more.

use std::collections::VecDeque;
use std::time::Instant;

/// So many measurements of about a second count.
const KEPT: usize = 40;
/// Fewer say nothing.
const ENOUGH: usize = 10;
/// While connections are being made what comes in says little of what will.
const RAMP: usize = 2;

/// The newest measurements of one transfer, in bytes per second.
#[derive(Debug, Default)]
pub(in super::super) struct Supply {
    before: Option<(Instant, u64)>,
    measured: VecDeque<f64>,
    /// Of the ramp.
    passed_over: usize,
}

impl Supply {
    /// `is_hungry`: as much came as could. Otherwise it was as much as was wanted, and more might have come.
    pub(in super::super) fn measure(&mut self, downloaded_bytes: u64, is_hungry: bool, now: Instant) {
        let Some((then, before)) = self.before.replace((now, downloaded_bytes)) else { return };
        let secs = now.saturating_duration_since(then).as_secs_f64();
        if secs <= 0.0 {
            return;
        }
        let bytes_per_sec = downloaded_bytes.saturating_sub(before) as f64 / secs;
        self.add(bytes_per_sec, is_hungry);
    }

    pub(super) fn add(&mut self, bytes_per_sec: f64, is_hungry: bool) {
        if !is_hungry && self.bytes_per_sec().is_none_or(|known| bytes_per_sec <= known) {
            return;
        }
        if self.passed_over < RAMP {
            self.passed_over += 1;
            return;
        }
        if self.measured.len() == KEPT {
            self.measured.pop_front();
        }
        self.measured.push_back(bytes_per_sec);
    }

    /// What may be counted on: the mean, less its standard error. `None` while too little was measured.
    pub(in super::super) fn bytes_per_sec(&self) -> Option<f64> {
        let count = self.measured.len() as f64;
        if self.measured.len() < ENOUGH {
            return None;
        }
        let mean = self.measured.iter().sum::<f64>() / count;
        let variance = self.measured.iter().map(|one| (one - mean).powi(2)).sum::<f64>() / count;
        Some((mean - (variance / count).sqrt()).max(0.0))
    }
}
