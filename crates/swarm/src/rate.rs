//! How fast bytes go, and how fast they may go.
//!
//! Time is an argument everywhere: how long it is since some start of the caller's, the same one each time.

use std::time::Duration;

use crate::layout::BLOCK_BYTES;

/// What a limit lets through at once after a pause, in time of its rate.
const BURST: Duration = Duration::from_millis(500);

/// The longest wait that is answered, so that whoever sleeps soon feels a changed limit. The debt may last longer.
pub(crate) const LONGEST_WAIT: Duration = Duration::from_millis(500);

/// How long ago something has to be for a [`Meter`] to have forgotten most of it.
const MEMORY: Duration = Duration::from_secs(3);

/// A young [`Meter`] counts as this old, or its first block would look like a fast line.
const YOUNGEST: Duration = Duration::from_millis(500);

/// What a [`Limiter`] answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Grant {
    /// All of it may pass, and is paid for.
    Pass,
    /// Nothing passes now. Ask again after this time, which is at most [`LONGEST_WAIT`].
    Wait(Duration),
}

/// A token bucket that goes into debt: what is asked for passes as a whole as soon as all that passed before it is paid
/// for. So a block passes a limit of 1 KiB/s too, once in 16 s.
///
/// In any time `t`, at most `limit × (t + 0.5 s)` and the last piece of it pass.
#[derive(Debug, Clone)]
pub(crate) struct Limiter {
    bytes_per_sec: Option<u64>,
    /// Below 0 it is a debt.
    credit_bytes: f64,
    counted_until: Duration,
}

impl Limiter {
    /// No limit is `None`; `Some(0)` lets nothing pass.
    pub(crate) fn new(bytes_per_sec: Option<u64>) -> Self {
        Self { bytes_per_sec, credit_bytes: 0.0, counted_until: Duration::ZERO }
    }

    /// Holds from now on. A debt made under another limit shrinks to what this one lets through at once, or one block:
    /// what was fair before must not close the line for minutes.
    pub(crate) fn set(&mut self, now: Duration, bytes_per_sec: Option<u64>) {
        if self.bytes_per_sec == bytes_per_sec {
            return;
        }
        self.catch_up(now);
        self.bytes_per_sec = bytes_per_sec;
        let burst_bytes = self.burst_bytes();
        self.credit_bytes = self.credit_bytes.clamp(-burst_bytes.max(f64::from(BLOCK_BYTES)), burst_bytes);
    }

    /// Lets these bytes pass, all or none.
    pub(crate) fn take(&mut self, now: Duration, bytes: u64) -> Grant {
        let wait = self.wait(now);
        if !wait.is_zero() {
            return Grant::Wait(wait);
        }
        self.spend(now, bytes);
        Grant::Pass
    }

    /// How long until something may pass, at most [`LONGEST_WAIT`]; zero if it may now.
    pub(crate) fn wait(&mut self, now: Duration) -> Duration {
        self.catch_up(now);
        match self.bytes_per_sec {
            None => Duration::ZERO,
            Some(0) => LONGEST_WAIT,
            Some(_) if self.credit_bytes >= 0.0 => Duration::ZERO,
            Some(rate) => {
                // Timers count whole milliseconds; a wait that ends early would only be followed by another.
                let wait_ms = (-self.credit_bytes * 1000.0 / rate as f64).ceil();
                Duration::from_millis((wait_ms as u64).max(1)).min(LONGEST_WAIT)
            }
        }
    }

    /// Counts bytes that have passed already, as those that a peer sent unasked.
    pub(crate) fn spend(&mut self, now: Duration, bytes: u64) {
        self.catch_up(now);
        if self.bytes_per_sec.is_some() {
            self.credit_bytes -= bytes as f64;
        }
    }

    fn burst_bytes(&self) -> f64 {
        self.bytes_per_sec.map_or(0.0, |rate| rate as f64 * BURST.as_secs_f64())
    }

    fn catch_up(&mut self, now: Duration) {
        let passed = now.saturating_sub(self.counted_until);
        self.counted_until = self.counted_until.max(now);
        let earned_bytes = self.bytes_per_sec.map_or(0.0, |rate| rate as f64 * passed.as_secs_f64());
        self.credit_bytes = (self.credit_bytes + earned_bytes).min(self.burst_bytes());
    }
}

/// The rate of a peer or a torrent over the last few seconds: what is older weighs less and less. Costs one `exp` per call.
#[derive(Debug, Clone)]
pub(crate) struct Meter {
    started: Duration,
    counted_until: Duration,
    /// Weighted by age.
    recent_bytes: f64,
    total_bytes: u64,
}

impl Meter {
    pub(crate) fn new(now: Duration) -> Self {
        Self { started: now, counted_until: now, recent_bytes: 0.0, total_bytes: 0 }
    }

    pub(crate) fn add(&mut self, now: Duration, bytes: u64) {
        self.recent_bytes = self.recent_at(now) + bytes as f64;
        self.counted_until = self.counted_until.max(now);
        self.total_bytes = self.total_bytes.saturating_add(bytes);
    }

    /// The rate. It is right from the start on: a young meter is not read as if silence had gone before it.
    pub(crate) fn bytes_per_sec(&self, now: Duration) -> u64 {
        let age = now.saturating_sub(self.started).max(YOUNGEST);
        let seen_secs = MEMORY.as_secs_f64() * (1.0 - decay(age));
        (self.recent_at(now) / seen_secs) as u64
    }

    /// All that was ever counted.
    pub(crate) fn total_bytes(&self) -> u64 {
        self.total_bytes
    }

    fn recent_at(&self, now: Duration) -> f64 {
        self.recent_bytes * decay(now.saturating_sub(self.counted_until))
    }
}

/// What is left of a byte's weight after this time.
fn decay(age: Duration) -> f64 {
    (-age.as_secs_f64() / MEMORY.as_secs_f64()).exp()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const BLOCK: u64 = BLOCK_BYTES as u64;
    const KIB: u64 = 1024;

    /// Takes blocks as fast as it may from `from` on, sleeping as long as it is told to; what passed until `to`.
    fn drain(limiter: &mut Limiter, from: Duration, to: Duration, bytes: u64) -> u64 {
        let (mut now, mut passed_bytes) = (from, 0);
        while now < to {
            match limiter.take(now, bytes) {
                Grant::Pass => passed_bytes += bytes,
                Grant::Wait(wait) => now += wait,
            }
        }
        passed_bytes
    }

    fn secs(secs: u64) -> Duration {
        Duration::from_secs(secs)
    }

    #[test]
    fn a_limit_below_one_block_a_second_lets_whole_blocks_pass_at_its_rate() {
        let mut limiter = Limiter::new(Some(KIB));

        assert_eq!(limiter.take(secs(1), BLOCK), Grant::Pass);
        assert_eq!(limiter.take(secs(1), BLOCK), Grant::Wait(LONGEST_WAIT));
        assert_eq!(drain(&mut limiter, secs(1), secs(161), BLOCK), 10 * BLOCK);
    }

    #[test]
    fn a_long_pause_earns_no_more_than_the_burst() {
        let mut limiter = Limiter::new(Some(1000 * KIB));

        let passed_bytes = drain(&mut limiter, secs(3600), secs(3600) + Duration::from_millis(1), KIB);
        assert_eq!(passed_bytes, 501 * KIB);
    }

    #[test]
    fn no_limit_never_waits_and_a_limit_of_none_never_passes() {
        let mut limiter = Limiter::new(None);
        assert_eq!(limiter.take(secs(1), u64::MAX), Grant::Pass);
        assert_eq!(limiter.take(secs(1), u64::MAX), Grant::Pass);

        limiter.set(secs(2), Some(0));
        assert_eq!(limiter.take(secs(9), 1), Grant::Wait(LONGEST_WAIT));

        limiter.set(secs(9), None);
        assert_eq!(limiter.take(secs(9), 1), Grant::Pass);
    }

    #[test]
    fn a_raised_limit_holds_at_once() {
        let mut limiter = Limiter::new(Some(KIB));
        assert_eq!(limiter.take(secs(1), BLOCK), Grant::Pass);

        limiter.set(secs(1), Some(16_000 * KIB));

        assert_eq!(limiter.take(secs(1), BLOCK), Grant::Wait(Duration::from_millis(1)));
        assert_eq!(limiter.take(secs(1) + Duration::from_millis(1), BLOCK), Grant::Pass);
    }

    #[test]
    fn a_lowered_limit_does_not_inherit_minutes_of_debt() {
        let mut limiter = Limiter::new(Some(100_000 * KIB));
        limiter.spend(secs(1), 200_000 * KIB);

        limiter.set(secs(1), Some(KIB));

        assert_eq!(drain(&mut limiter, secs(1), secs(18), BLOCK), BLOCK);
    }

    #[test]
    fn bytes_that_came_anyway_are_waited_for() {
        let mut limiter = Limiter::new(Some(100 * KIB));
        limiter.spend(secs(1), 70 * KIB);

        assert_eq!(limiter.wait(secs(1)), Duration::from_millis(200));
        assert_eq!(limiter.wait(secs(1) + Duration::from_millis(200)), Duration::ZERO);
    }

    #[test]
    fn a_clock_that_stands_or_goes_back_earns_nothing() {
        let mut limiter = Limiter::new(Some(KIB));
        assert_eq!(limiter.take(secs(20), BLOCK), Grant::Pass);

        assert_eq!(limiter.take(secs(5), BLOCK), Grant::Wait(LONGEST_WAIT));
        assert_eq!(limiter.take(secs(20), BLOCK), Grant::Wait(LONGEST_WAIT));
        assert_eq!(limiter.take(secs(36), BLOCK), Grant::Pass);
    }

    #[test]
    fn a_steady_rate_is_told_from_the_first_seconds_on() {
        let mut meter = Meter::new(secs(7));
        for tick in 1..=20_u64 {
            meter.add(secs(7) + Duration::from_millis(50 * tick), 5_000);
            if tick >= 10 {
                let rate = meter.bytes_per_sec(secs(7) + Duration::from_millis(50 * tick));
                assert!((90_000..=115_000).contains(&rate), "{rate} after {tick} ticks");
            }
        }
        assert_eq!(meter.total_bytes(), 100_000);
    }

    #[test]
    fn a_rate_fades_with_silence() {
        let mut meter = Meter::new(secs(0));
        for second in 1..=30 {
            meter.add(secs(second), 1000);
        }

        let steady = meter.bytes_per_sec(secs(30));
        let later = [33, 36, 60].map(|second| meter.bytes_per_sec(secs(second)));

        assert!((1000..=1200).contains(&steady), "{steady}");
        assert!(later[0] * 2 < steady && later[1] * 7 < steady, "{later:?}");
        assert_eq!(later[2], 0);
    }

    #[test]
    fn one_block_does_not_look_like_a_fast_line() {
        let mut meter = Meter::new(secs(0));
        meter.add(Duration::from_millis(1), BLOCK);

        assert!(meter.bytes_per_sec(Duration::from_millis(1)) < 3 * BLOCK);
    }

    proptest! {
        #[test]
        fn no_more_passes_than_the_limit_the_burst_and_the_last_message(
            rate in 1_u64..50_000_000,
            steps in prop::collection::vec((0_u64..2_000, 1_u64..131_072), 1..200),
        ) {
            let mut limiter = Limiter::new(Some(rate));
            let (mut now, mut passed_bytes, mut largest_bytes) = (Duration::ZERO, 0, 0);
            for (pause_ms, bytes) in steps {
                now += Duration::from_millis(pause_ms);
                if limiter.take(now, bytes) == Grant::Pass {
                    passed_bytes += bytes;
                    largest_bytes = largest_bytes.max(bytes);
                }
            }
            let allowed_bytes = rate as f64 * (now + BURST).as_secs_f64() + largest_bytes as f64;
            prop_assert!(passed_bytes as f64 <= allowed_bytes + 1.0, "{passed_bytes} of {allowed_bytes}");
        }

        #[test]
        fn a_busy_line_gets_its_whole_limit(rate in 50_000_u64..5_000_000) {
            let mut limiter = Limiter::new(Some(rate));
            let passed_bytes = drain(&mut limiter, secs(1), secs(21), BLOCK);
            // A wait is rounded up to a millisecond; what that loses is earned meanwhile, up to the burst.
            prop_assert!(passed_bytes as f64 >= rate as f64 * 19.8, "{passed_bytes}");
        }
    }
}
