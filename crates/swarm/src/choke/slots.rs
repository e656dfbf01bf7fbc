//! How many upload slots there are: as many as raise what we upload.

/// However fast the line is.
const MAX_SLOTS: usize = 20;

/// How long one more slot is tried, in rounds.
const TRIAL_ROUNDS: u32 = 2;

/// How long not to try again after it brought nothing, in rounds.
const REST_ROUNDS: u32 = 12;

/// What a slot has to bring to stay, besides a twentieth of what was uploaded before.
const LEAST_GAIN_BYTES_PER_SEC: u64 = 1024;

/// Below this, a slot is not worth having; so there are fewer when the limit is used up.
const THIN_SLOT_BYTES_PER_SEC: u64 = 4 * 1024;

/// The number of regular slots. How fast the line is is not known, so another slot is tried, and kept if more goes out.
#[derive(Debug, Clone)]
pub(super) struct Slots {
    base: usize,
    count: usize,
    trial: Option<Trial>,
    rest_rounds: u32,
}

#[derive(Debug, Clone, Copy)]
struct Trial {
    before_bytes_per_sec: u64,
    rounds_left: u32,
}

impl Slots {
    /// There are never fewer than `base`.
    pub(super) fn new(base: usize) -> Self {
        Self { base, count: base, trial: None, rest_rounds: 0 }
    }

    pub(super) fn count(&self) -> usize {
        self.count
    }

    /// Once a round.
    pub(super) fn adapt(&mut self, upload_bytes_per_sec: u64, has_waiting: bool, has_spare_upload: bool) {
        if let Some(trial) = &mut self.trial {
            trial.rounds_left -= 1;
            if trial.rounds_left > 0 {
                return;
            }
            let before = trial.before_bytes_per_sec;
            self.trial = None;
            if upload_bytes_per_sec < before + before / 20 + LEAST_GAIN_BYTES_PER_SEC {
                self.count -= 1;
                self.rest_rounds = REST_ROUNDS;
                return;
            }
        }
        if !has_spare_upload {
            let is_thin = upload_bytes_per_sec < self.count as u64 * THIN_SLOT_BYTES_PER_SEC;
            if is_thin && self.count > self.base {
                self.count -= 1;
            }
        } else if self.rest_rounds > 0 {
            self.rest_rounds -= 1;
        } else if has_waiting && self.base > 0 && self.count < MAX_SLOTS {
            self.trial =
                Some(Trial { before_bytes_per_sec: upload_bytes_per_sec, rounds_left: TRIAL_ROUNDS });
            self.count += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KIB: u64 = 1024;

    /// The counts over so many rounds on a line that carries `line` bytes per second, of which a slot takes `slot`.
    fn run(slots: &mut Slots, rounds: usize, line: u64, slot: u64, has_spare: bool) -> Vec<usize> {
        let round = |_| {
            slots.adapt(line.min(slots.count() as u64 * slot), true, has_spare);
            slots.count()
        };
        (0..rounds).map(round).collect()
    }

    #[test]
    fn slots_are_added_while_each_raises_the_upload() {
        let mut slots = Slots::new(4);
        assert_eq!(run(&mut slots, 7, u64::MAX, 50 * KIB, true), [5, 5, 6, 6, 7, 7, 8]);
        assert_eq!(run(&mut slots, 100, u64::MAX, 50 * KIB, true).last(), Some(&MAX_SLOTS));
    }

    #[test]
    fn a_slot_that_brings_nothing_is_taken_back_and_not_tried_again_soon() {
        let mut slots = Slots::new(4);
        let counts = run(&mut slots, 16, 200 * KIB, 50 * KIB, true);
        assert_eq!(counts, [5, 5, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 5]);
    }

    #[test]
    fn there_are_no_more_slots_than_somebody_waits_for_or_the_limit_feeds() {
        let mut slots = Slots::new(4);
        slots.adapt(100 * KIB, false, true);
        assert_eq!(slots.count(), 4);
        slots.adapt(100 * KIB, true, false);
        assert_eq!(slots.count(), 4);
    }

    #[test]
    fn a_lowered_limit_takes_added_slots_back_but_not_the_first() {
        let mut slots = Slots::new(4);
        run(&mut slots, 9, u64::MAX, 50 * KIB, true);
        assert!(slots.count() > 6);
        assert_eq!(run(&mut slots, 20, 10 * KIB, 50 * KIB, false).last(), Some(&4));
    }

    #[test]
    fn no_slots_stay_none() {
        let mut slots = Slots::new(0);
        assert_eq!(run(&mut slots, 30, u64::MAX, 50 * KIB, true), [0; 30]);
    }
}
