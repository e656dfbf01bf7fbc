//! The outlook against what came in, second by second, in swarms that were recorded. Half of the records were set aside before
//! the rule was tuned.

use freshet_model::Outlook;

use super::{Step, Supply, foretell};

/// A line each: the swarm, then kilobytes of every second.
const TUNED_ON: &str = include_str!("supply-tuned-on.txt");
const SET_ASIDE: &str = include_str!("supply-set-aside.txt");

/// What comes in, over what the film costs.
const RATIOS: [f64; 8] = [0.5, 0.7, 0.85, 0.95, 1.1, 1.25, 1.5, 2.0];
/// When somebody looks, after the click.
const LOOKS_SECS: [usize; 4] = [12, 20, 30, 45];
/// A film starts, or goes on, with so much in hand.
const IN_HAND_SECS: f64 = 2.0;
/// In what steps a film is played here.
const TICK_SECS: f64 = 0.1;

/// The bytes of each second.
type Trace = Vec<f64>;

fn traces(text: &str) -> Vec<Trace> {
    let trace = |line: &str| {
        let (_, numbers) = line.split_once(' ').unwrap();
        numbers.split(' ').map(|kb| kb.parse::<f64>().unwrap() * 1000.0).collect()
    };
    text.lines().map(trace).collect()
}

/// What each second of a film costs, evenly or by scenes that take the third of the mean or three times as much.
fn film(secs: usize, bytes_per_sec: f64, is_even: bool) -> Vec<f64> {
    let weight =
        |sec: usize| if is_even { 1.0 } else { [1.0, 0.4, 1.9, 0.7, 1.6, 0.5, 1.2, 0.7][(sec / 7) % 8] };
    let mean = (0..secs).map(weight).sum::<f64>() / secs as f64;
    (0..secs).map(|sec| weight(sec) / mean * bytes_per_sec).collect()
}

/// A player of a film that comes in order.
struct Player<'a> {
    trace: &'a [f64],
    film: &'a [f64],
    at_secs: f64,
    position_secs: f64,
    is_playing: bool,
}

impl<'a> Player<'a> {
    fn new(trace: &'a [f64], film: &'a [f64]) -> Self {
        Self { trace, film, at_secs: 0.0, position_secs: 0.0, is_playing: false }
    }

    fn sum(list: &[f64], until_secs: f64) -> f64 {
        let whole = (until_secs.max(0.0) as usize).min(list.len());
        let part = list.get(whole).map_or(0.0, |next| next * (until_secs - whole as f64));
        list[..whole].iter().sum::<f64>() + part
    }

    fn here_bytes(&self) -> f64 {
        Self::sum(self.trace, self.at_secs)
    }

    /// Plays on until then; gives where it paused first, and for how long in all.
    fn play_until(&mut self, until_secs: f64) -> (Option<f64>, f64) {
        let length_secs = self.film.len() as f64;
        let (mut first, mut paused_secs) = (None, 0.0);
        while self.at_secs < until_secs && self.position_secs < length_secs {
            self.at_secs += TICK_SECS;
            let here = self.here_bytes();
            let has = |ahead: f64| {
                here >= Self::sum(self.film, (self.position_secs + ahead).min(length_secs)) - 1.0
            };
            self.is_playing = if self.is_playing { has(TICK_SECS) } else { has(IN_HAND_SECS) };
            if self.is_playing {
                self.position_secs += TICK_SECS;
            } else {
                first = first.or(Some(self.position_secs));
                paused_secs += TICK_SECS;
            }
        }
        (first, paused_secs)
    }

    fn steps(&self) -> Vec<Step> {
        let here = self.here_bytes();
        let mut steps = Vec::new();
        let mut start_secs = self.position_secs;
        while start_secs < self.film.len() as f64 {
            let end_secs = (start_secs + 2.0).min(self.film.len() as f64);
            let missing = |until: f64| (Self::sum(self.film, until) - here).max(0.0);
            let missing_bytes = (missing(end_secs) - missing(start_secs)) as u64;
            steps.push(Step { start_secs, end_secs, missing_bytes });
            start_secs = end_secs;
        }
        steps
    }
}

/// How often the rule was right.
#[derive(Debug, Default, PartialEq)]
struct Score {
    pauses: u32,
    foreseen: u32,
    /// Of those that were foreseen: within 15 s.
    well_placed: u32,
    /// Plays without a pause.
    smooth: u32,
    false_alarms: u32,
}

impl Score {
    fn recall(&self) -> f64 {
        f64::from(self.foreseen) / f64::from(self.pauses)
    }

    fn false_alarms(&self) -> f64 {
        f64::from(self.false_alarms) / f64::from(self.smooth)
    }
}

fn score(traces: &[Trace]) -> Score {
    let mut score = Score::default();
    for trace in traces {
        let secs = trace.len();
        let mean = trace.iter().sum::<f64>() / secs as f64;
        for (ratio, is_even) in RATIOS.iter().flat_map(|ratio| [(*ratio, true), (*ratio, false)]) {
            // It would end with the record if nothing held it up.
            let film = film(secs - 3, mean / ratio, is_even);
            for look in LOOKS_SECS.iter().copied().filter(|look| look + 10 < secs) {
                let mut player = Player::new(trace, &film);
                player.play_until(look as f64);
                let mut supply = Supply::default();
                trace[..look].iter().for_each(|bytes| supply.add(*bytes, true));
                let said = foretell(&player.steps(), 1.0, supply.bytes_per_sec().unwrap());
                let (paused_at, paused_secs) = player.play_until(secs as f64);
                let is_paused = paused_secs >= 1.0;
                match (is_paused, said) {
                    (true, Outlook::MayPause { at_secs, .. }) => {
                        score.pauses += 1;
                        score.foreseen += 1;
                        score.well_placed += u32::from((at_secs - paused_at.unwrap()).abs() <= 15.0);
                    }
                    (true, Outlook::PlaysThrough) => score.pauses += 1,
                    (false, Outlook::MayPause { .. }) => {
                        score.smooth += 1;
                        score.false_alarms += 1;
                    }
                    (false, Outlook::PlaysThrough) => score.smooth += 1,
                }
            }
        }
    }
    score
}

#[test]
fn pauses_of_recorded_swarms_are_foreseen() {
    for (name, text) in [("tuned on", TUNED_ON), ("set aside", SET_ASIDE)] {
        let score = score(&traces(text));
        println!("{name}: {score:?} recall {:.3} false alarms {:.3}", score.recall(), score.false_alarms());
        assert!(score.recall() >= 0.9 && score.false_alarms() <= 0.1, "{name}: {score:?}");
    }
}

#[test]
fn what_is_here_plays_through_and_what_comes_too_slowly_pauses_where_it_ends() {
    let step = |at: u32, missing_bytes| Step {
        start_secs: f64::from(at),
        end_secs: f64::from(at + 2),
        missing_bytes,
    };
    let film: Vec<Step> = (0..50).map(|at| step(2 * at, if at < 10 { 0 } else { 2000 })).collect();

    assert_eq!(foretell(&film, 1.0, 1001.0), Outlook::PlaysThrough);
    // 80 s of 1,000 bytes come in 160 s, and 20 s are here.
    let Outlook::MayPause { at_secs, for_secs } = foretell(&film, 1.0, 500.0) else {
        panic!("it plays through")
    };
    assert!((36.0..=42.0).contains(&at_secs) && (60.0..=62.0).contains(&for_secs), "{at_secs} {for_secs}");
    // At double speed it is needed twice as fast.
    assert_ne!(foretell(&film, 2.0, 1001.0), Outlook::PlaysThrough);
    assert_eq!(foretell(&film[..10], 1.0, 0.0), Outlook::PlaysThrough);
    assert_eq!(foretell(&[], 1.0, 0.0), Outlook::PlaysThrough);
}

#[test]
fn what_came_without_hunger_only_raises_what_is_counted_on() {
    let mut supply = Supply::default();
    (0..11).for_each(|_| supply.add(1000.0, true));
    assert_eq!(supply.bytes_per_sec(), None, "too little was measured");
    supply.add(1000.0, true);
    assert_eq!(supply.bytes_per_sec(), Some(1000.0));
    (0..20).for_each(|_| supply.add(10.0, false));
    assert_eq!(supply.bytes_per_sec(), Some(1000.0));
    supply.add(1110.0, false);
    // The mean is 1,010, and its standard error 9.5.
    let counted_on = supply.bytes_per_sec().unwrap();
    assert!((1000.0..1001.0).contains(&counted_on), "{counted_on}");
}
