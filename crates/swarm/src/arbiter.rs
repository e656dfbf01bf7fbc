//! Who gets the line: whoever watches comes before uploads and before downloads that nobody watches.
//!
//! A full uplink delays the requests and acknowledgements of a download, so uploads give way while a stream is at risk.
//! They never cease: peers that trade would answer with a choke, and starve the stream.

use std::time::Duration;

/// A player with less than this ahead of it is at risk.
const RISKY_BUFFER_SECS: f64 = 10.0;

/// A player with more than this ahead of it is safe again. Far from the other bound, so that it does not go to and fro.
const SAFE_BUFFER_SECS: f64 = 60.0;

/// Uploads get at least this much, as far as the person's own limit lets them.
pub(crate) const UPLOAD_FLOOR_BYTES_PER_SEC: u64 = 10 * 1024;

/// How long a step down or up is given to show what it did.
const STEP: Duration = Duration::from_secs(2);

/// What the arbiter looks at, over all torrents.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct View {
    /// What is ready for the player that has least ahead of it; infinite if all to the end is; `None` if nobody plays.
    pub(crate) player_buffer_secs: Option<f64>,
    /// Whether a player stands still for want of bytes.
    pub(crate) player_is_waiting: bool,
    /// Whether all that is to be read ahead is there: the buffer can't grow, however short it is.
    pub(crate) read_ahead_is_full: bool,
    pub(crate) upload_bytes_per_sec: u64,
    /// The person's own limit.
    pub(crate) upload_limit_bytes_per_sec: Option<u64>,
}

/// What the arbiter decides.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Shares {
    /// The limit for all uploads together; never above the person's own.
    pub(crate) upload_limit_bytes_per_sec: Option<u64>,
    /// Whether blocks that nobody waits for may be asked for.
    pub(crate) allow_background: bool,
}

/// Keeps in mind whether a stream is at risk, and how far uploads have given way.
#[derive(Debug, Clone, Default)]
pub(crate) struct Arbiter {
    is_at_risk: bool,
    /// The limit that uploads have been driven down to, and when that was last changed.
    squeezed: Option<(u64, Duration)>,
}

impl Arbiter {
    /// Call it about once a second, and at once when a player starts to wait. `now` is the time since some start.
    pub(crate) fn decide(&mut self, now: Duration, view: View) -> Shares {
        if view.player_is_waiting {
            self.is_at_risk = true;
        } else if let Some(buffer_secs) = view.player_buffer_secs {
            if buffer_secs > SAFE_BUFFER_SECS || view.read_ahead_is_full {
                self.is_at_risk = false;
            } else if buffer_secs < RISKY_BUFFER_SECS {
                self.is_at_risk = true;
            }
        } else {
            self.is_at_risk = false;
            self.squeezed = None;
        }
        self.squeezed = if self.is_at_risk { self.squeeze(now, view) } else { self.relax(now, view) };

        let squeezed = self.squeezed.map(|(limit, _)| limit);
        let own_limit = view.upload_limit_bytes_per_sec;
        Shares {
            upload_limit_bytes_per_sec: [squeezed, own_limit].into_iter().flatten().min(),
            allow_background: !self.is_at_risk,
        }
    }

    /// Halves what is uploaded with every step for which the buffer is below the bound. A stream that is out of the worst
    /// but not yet safe keeps what it has been given.
    fn squeeze(&self, now: Duration, view: View) -> Option<(u64, Duration)> {
        let is_urgent =
            view.player_is_waiting || view.player_buffer_secs.is_some_and(|secs| secs < RISKY_BUFFER_SECS);
        match self.squeezed {
            Some((_, since)) if !is_urgent || now.saturating_sub(since) < STEP => self.squeezed,
            Some((limit, _)) => Some(((limit / 2).max(UPLOAD_FLOOR_BYTES_PER_SEC), now)),
            None => Some(((view.upload_bytes_per_sec / 2).max(UPLOAD_FLOOR_BYTES_PER_SEC), now)),
        }
    }

    /// Doubles the limit with every step, until uploads no longer use it up.
    fn relax(&self, now: Duration, view: View) -> Option<(u64, Duration)> {
        let (limit, since) = self.squeezed?;
        if now.saturating_sub(since) < STEP {
            return self.squeezed;
        }
        let is_felt = view.upload_bytes_per_sec >= limit / 2;
        let is_below_own = view.upload_limit_bytes_per_sec.is_none_or(|own| limit < own);
        (is_felt && is_below_own).then(|| (limit.saturating_mul(2), now))
    }
}

/// When a complete torrent that is kept stops to be offered. A rule that is not there never ends it.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct KeepRules {
    /// Bytes sent for each byte of the torrent.
    pub ratio_limit: Option<f64>,
    /// Counted from when it was complete, only while it was offered.
    pub seed_time_limit: Option<Duration>,
}

/// Which rule ended it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kept {
    Ratio,
    SeedTime,
}

impl KeepRules {
    /// The rule that is met, if any. The ratio is over what was downloaded, or over all of the torrent if that is more:
    /// files that were here before have to be given back too. A limit that is no number is none.
    pub(crate) fn met(
        &self,
        uploaded_bytes: u64,
        downloaded_bytes: u64,
        total_bytes: u64,
        seeded: Duration,
    ) -> Option<Kept> {
        let owed_bytes = downloaded_bytes.max(total_bytes) as f64;
        if self.ratio_limit.is_some_and(|ratio| uploaded_bytes as f64 >= ratio * owed_bytes) {
            return Some(Kept::Ratio);
        }
        self.seed_time_limit.is_some_and(|limit| seeded >= limit).then_some(Kept::SeedTime)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const MIB: u64 = 1024 * 1024;

    fn secs(secs: u64) -> Duration {
        Duration::from_secs(secs)
    }

    /// Nothing plays, 1 MiB/s goes up.
    const IDLE: View = View {
        player_buffer_secs: None,
        player_is_waiting: false,
        read_ahead_is_full: false,
        upload_bytes_per_sec: MIB,
        upload_limit_bytes_per_sec: None,
    };

    fn playing(buffer_secs: f64) -> View {
        View { player_buffer_secs: Some(buffer_secs), ..IDLE }
    }

    const FREE: Shares = Shares { upload_limit_bytes_per_sec: None, allow_background: true };

    #[test]
    fn nothing_is_held_back_while_nobody_plays() {
        assert_eq!(Arbiter::default().decide(secs(0), IDLE), FREE);
        let limited = View { upload_limit_bytes_per_sec: Some(5000), ..IDLE };
        assert_eq!(
            Arbiter::default().decide(secs(0), limited),
            Shares { upload_limit_bytes_per_sec: Some(5000), allow_background: true }
        );
    }

    #[test]
    fn uploads_halve_step_by_step_while_the_buffer_is_short_down_to_the_floor() {
        let mut arbiter = Arbiter::default();
        let limits: Vec<_> = [0, 1, 2, 4, 6, 8, 10, 12, 14, 16]
            .map(|second| arbiter.decide(secs(second), playing(3.0)).upload_limit_bytes_per_sec.unwrap())
            .into();

        assert_eq!(limits[..4], [MIB / 2, MIB / 2, MIB / 4, MIB / 8]);
        assert_eq!(limits[8..], [UPLOAD_FLOOR_BYTES_PER_SEC; 2]);
    }

    #[test]
    fn a_waiting_player_is_at_risk_whatever_its_buffer() {
        let view = View { player_is_waiting: true, ..playing(500.0) };
        assert!(!Arbiter::default().decide(secs(0), view).allow_background);
    }

    #[test]
    fn background_rests_from_a_short_buffer_until_a_safe_one() {
        let mut arbiter = Arbiter::default();
        let buffers = [30.0, 9.9, 10.1, 59.0, 60.1, 30.0, 10.1, 9.9];
        let allowed = buffers.map(|buffer| arbiter.decide(secs(0), playing(buffer)).allow_background);

        assert_eq!(allowed, [true, false, false, false, true, true, true, false]);
    }

    #[test]
    fn uploads_stay_squeezed_between_the_bounds_and_double_when_it_is_safe() {
        let mut arbiter = Arbiter::default();
        arbiter.decide(secs(0), playing(3.0));
        arbiter.decide(secs(2), playing(3.0));
        let squeezed = View { upload_bytes_per_sec: MIB / 4, ..playing(30.0) };
        assert_eq!(arbiter.decide(secs(20), squeezed).upload_limit_bytes_per_sec, Some(MIB / 4));

        let safe = View { player_buffer_secs: Some(61.0), ..squeezed };
        assert_eq!(arbiter.decide(secs(22), safe).upload_limit_bytes_per_sec, Some(MIB / 2));
        assert_eq!(arbiter.decide(secs(23), safe).upload_limit_bytes_per_sec, Some(MIB / 2));

        let unfelt = View { upload_bytes_per_sec: MIB / 8, ..safe };
        assert_eq!(arbiter.decide(secs(24), unfelt), FREE);
    }

    #[test]
    fn all_is_free_at_once_when_the_player_closes() {
        let mut arbiter = Arbiter::default();
        arbiter.decide(secs(0), playing(1.0));

        assert_eq!(arbiter.decide(secs(1), IDLE), FREE);
    }

    #[test]
    fn a_full_read_ahead_is_safe_though_it_is_short() {
        let mut arbiter = Arbiter::default();
        arbiter.decide(secs(0), playing(1.0));

        let full = View { read_ahead_is_full: true, ..playing(8.0) };
        assert!(arbiter.decide(secs(1), full).allow_background);
        assert!(arbiter.decide(secs(1), playing(f64::INFINITY)).allow_background);
    }

    #[test]
    fn seeding_ends_when_either_rule_is_met() {
        let rules = KeepRules { ratio_limit: Some(1.5), seed_time_limit: Some(secs(3600)) };
        let table = [
            (149, 100, 100, 0, None),
            (150, 100, 100, 0, Some(Kept::Ratio)),
            (150, 0, 100, 0, Some(Kept::Ratio)),
            (149, 0, 100, 3600, Some(Kept::SeedTime)),
            (200, 200, 100, 3599, None),
        ];
        for (up, down, total, seeded_secs, met) in table {
            assert_eq!(
                rules.met(up, down, total, secs(seeded_secs)),
                met,
                "{up} {down} {total} {seeded_secs}"
            );
        }
        assert_eq!(KeepRules::default().met(u64::MAX, 1, 1, Duration::MAX), None);
        let no_number = KeepRules { ratio_limit: Some(f64::NAN), ..KeepRules::default() };
        assert_eq!(no_number.met(u64::MAX, 1, 1, Duration::MAX), None);
    }

    proptest! {
        #[test]
        fn uploads_keep_the_floor_and_the_own_limit(
            steps in prop::collection::vec(
                (0_u64..5, prop::option::of(0.0_f64..100.0), any::<bool>(), any::<bool>(), 0_u64..10_000_000,
                 prop::option::of(0_u64..10_000_000)),
                1..100,
            ),
        ) {
            let mut arbiter = Arbiter::default();
            let mut now = Duration::ZERO;
            for (pause_secs, buffer, waiting, full, upload, own) in steps {
                now += secs(pause_secs);
                let shares = arbiter.decide(now, View {
                    player_buffer_secs: buffer,
                    player_is_waiting: waiting,
                    read_ahead_is_full: full,
                    upload_bytes_per_sec: upload,
                    upload_limit_bytes_per_sec: own,
                });
                let floor = own.map_or(UPLOAD_FLOOR_BYTES_PER_SEC, |own| own.min(UPLOAD_FLOOR_BYTES_PER_SEC));
                if let Some(limit) = shares.upload_limit_bytes_per_sec {
                    prop_assert!(limit >= floor);
                    prop_assert!(own.is_none_or(|own| limit <= own));
                } else {
                    prop_assert_eq!(own, None);
                }
                prop_assert!(!waiting || !shares.allow_background);
            }
        }
    }
}
