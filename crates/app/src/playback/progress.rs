//! From a page's reports to what is stored: a pure rule with time as an argument.

use std::time::Instant;

use freshet_model::{ReportKind, rules};

/// The fastest that a player runs (16 times); a jump farther than that is no playing.
const MAX_SPEED: f64 = 16.0;
/// Reports come about once a second; a little unevenness is no jump.
const SLACK_SECS: f64 = 2.0;

/// What one playback has played so far.
#[derive(Debug, Default)]
pub(crate) struct Progress {
    last: Option<(Instant, f64)>,
    played_secs: f64,
    saved_at: Option<Instant>,
    is_counted: bool,
    /// The newest position that was not worth a write of its own.
    unsaved: Option<(f64, Option<f64>)>,
}

/// What a report asks the store for.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Step {
    Nothing,
    Position {
        position_secs: f64,
        duration_secs: Option<f64>,
    },
    /// The file was watched: viewed mark, and its position back to the beginning.
    Viewed,
}

impl Progress {
    pub(crate) fn report(
        &mut self,
        kind: ReportKind,
        position_secs: f64,
        duration_secs: Option<f64>,
        now: Instant,
    ) -> Step {
        let position_secs = duration_secs.map_or(position_secs, |duration| position_secs.min(duration));
        self.count_played(kind, position_secs, now);

        self.unsaved = None;
        let is_at_end =
            duration_secs.is_some_and(|duration| rules::is_viewed(position_secs, duration, f64::INFINITY));
        if is_at_end {
            let is_watched = duration_secs
                .is_some_and(|duration| rules::is_viewed(position_secs, duration, self.played_secs));
            if is_watched && !self.is_counted {
                self.is_counted = true;
                return Step::Viewed;
            }
            if self.is_counted {
                // The credits of a film that was watched are no place to come back to.
                return Step::Nothing;
            }
        }
        let is_due =
            self.saved_at.is_none_or(|saved| now.duration_since(saved) >= rules::SAVE_POSITION_EVERY);
        if kind == ReportKind::Playing && !is_due {
            self.unsaved = Some((position_secs, duration_secs));
            return Step::Nothing;
        }
        self.saved_at = Some(now);
        Step::Position { position_secs, duration_secs }
    }

    /// Where the playback stood when that was last told.
    pub(crate) fn position_secs(&self) -> Option<f64> {
        self.last.map(|(_, position_secs)| position_secs)
    }

    /// What is still to be stored when the playback ends without another report.
    pub(crate) fn rest(&self) -> Step {
        self.unsaved.map_or(Step::Nothing, |(position_secs, duration_secs)| Step::Position {
            position_secs,
            duration_secs,
        })
    }

    fn count_played(&mut self, kind: ReportKind, position_secs: f64, now: Instant) {
        // A jump is not played through, whatever the time since the last report would allow.
        if kind != ReportKind::Seeked
            && let Some((then, before)) = self.last
        {
            let step = position_secs - before;
            let possible = now.duration_since(then).as_secs_f64() * MAX_SPEED + SLACK_SECS;
            if step > 0.0 && step <= possible {
                self.played_secs += step;
            }
        }
        self.last = Some((now, position_secs));
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    struct Watch {
        progress: Progress,
        now: Instant,
        duration: f64,
    }

    impl Watch {
        fn new(duration: f64) -> Self {
            Self { progress: Progress::default(), now: Instant::now(), duration }
        }

        fn report(&mut self, kind: ReportKind, position: f64) -> Step {
            self.progress.report(kind, position, Some(self.duration), self.now)
        }

        /// Plays from one position to another, a report each second; gives what was asked of the store.
        fn play(&mut self, from: u32, to: u32) -> Vec<Step> {
            let mut steps = Vec::new();
            for second in from..=to {
                steps.push(self.report(ReportKind::Playing, f64::from(second)));
                self.now += Duration::from_secs(1);
            }
            steps.retain(|step| *step != Step::Nothing);
            steps
        }
    }

    fn position(secs: f64, duration: f64) -> Step {
        Step::Position { position_secs: secs, duration_secs: Some(duration) }
    }

    #[test]
    fn positions_are_stored_every_five_seconds_and_at_each_turn() {
        let mut watch = Watch::new(1000.0);

        assert_eq!(
            watch.play(100, 111),
            [position(100.0, 1000.0), position(105.0, 1000.0), position(110.0, 1000.0)]
        );
        assert_eq!(watch.report(ReportKind::Paused, 111.5), position(111.5, 1000.0));
        assert_eq!(watch.report(ReportKind::Seeked, 500.0), position(500.0, 1000.0));
        assert_eq!(watch.report(ReportKind::Closed, 500.2), position(500.2, 1000.0));
    }

    #[test]
    fn a_film_that_was_watched_is_counted_once() {
        let mut watch = Watch::new(100.0);

        let steps = watch.play(0, 100);

        assert_eq!(steps.iter().filter(|step| **step == Step::Viewed).count(), 1);
        assert_eq!(steps.last(), Some(&Step::Viewed), "the credits store no position after it: {steps:?}");
        assert_eq!(watch.report(ReportKind::Ended, 100.0), Step::Nothing);
    }

    #[test]
    fn a_jump_to_the_end_is_not_watching() {
        let mut watch = Watch::new(100.0);
        watch.play(0, 10);

        assert_eq!(watch.report(ReportKind::Seeked, 95.0), position(95.0, 100.0));
        assert!(watch.play(95, 100).iter().all(|step| *step != Step::Viewed));
        assert_eq!(watch.report(ReportKind::Ended, 100.0), position(100.0, 100.0));
    }

    #[test]
    fn the_end_without_a_seek_report_is_not_watching_either() {
        let mut watch = Watch::new(1000.0);
        watch.play(0, 10);

        assert_eq!(watch.report(ReportKind::Ended, 1000.0), position(1000.0, 1000.0));
    }

    #[test]
    fn an_end_without_a_word_stores_the_newest_position() {
        let mut watch = Watch::new(1000.0);
        watch.play(100, 103);
        assert_eq!(watch.progress.rest(), position(103.0, 1000.0));

        watch.report(ReportKind::Paused, 104.0);
        assert_eq!(watch.progress.rest(), Step::Nothing);
    }

    #[test]
    fn a_file_of_unknown_length_is_never_viewed() {
        let mut progress = Progress::default();
        let step = progress.report(ReportKind::Ended, 50.0, None, Instant::now());

        assert_eq!(step, Step::Position { position_secs: 50.0, duration_secs: None });
    }
}
