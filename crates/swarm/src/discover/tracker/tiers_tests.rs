use std::collections::HashMap;

use proptest::prelude::*;
use rand::SeedableRng;
use rand::rngs::StdRng;

use super::*;

const SECOND: Duration = Duration::from_secs(1);

/// Tiers of these sizes, tried in the order of their numbers.
fn plan(sizes: &[usize], is_private: bool, now: Instant) -> Plan {
    let url = |n: usize| format!("http://{n}.example/").parse().unwrap();
    let tiers = sizes.iter().map(|size| (0..*size).map(url).collect()).collect();
    let mut plan = Plan::new(tiers, is_private, now, &mut StdRng::seed_from_u64(1));
    plan.tiers.iter_mut().for_each(|tier| tier.sort_unstable());
    plan
}

fn answer(interval: Duration) -> Answer {
    Answer { interval, ..Answer::default() }
}

/// Everything that is asked now.
fn asked(plan: &mut Plan, now: Instant) -> Vec<usize> {
    let mut asked = Vec::new();
    while let Step::Ask(index, _) = plan.step(now) {
        asked.push(index);
    }
    asked
}

fn wait_of(plan: &mut Plan, now: Instant) -> Option<Duration> {
    match plan.step(now) {
        Step::Wait(at) => at.map(|at| at - now),
        Step::Ask(index, _) => panic!("{index} is asked"),
    }
}

#[tokio::test(start_paused = true)]
async fn all_are_asked_at_the_start_and_then_the_first_of_each_tier_that_answered() {
    let now = Instant::now();
    let mut plan = plan(&[3, 1], false, now);

    assert_eq!(asked(&mut plan, now), [0, 1, 2, 3]);
    for index in [2, 3, 1] {
        plan.note_answer(index, &answer(1800 * SECOND), Event::Started, now);
    }
    plan.note_failure(0, AnnounceError::TimedOut, now);
    assert_eq!(plan.tiers, [vec![2, 0, 1], vec![3]]);

    // The back-off of a tracker that is not the speaker wakes nobody.
    assert_eq!(wait_of(&mut plan, now), Some(1800 * SECOND));
    assert_eq!(asked(&mut plan, now + 1800 * SECOND), [2, 3]);
}

#[tokio::test(start_paused = true)]
async fn when_the_speaker_fails_the_next_of_its_tier_speaks_and_stays() {
    let start = Instant::now();
    let mut plan = plan(&[2], false, start);
    asked(&mut plan, start);
    plan.note_answer(0, &answer(100 * SECOND), Event::Started, start);
    plan.note_failure(1, AnnounceError::TimedOut, start);

    let now = start + 100 * SECOND;
    assert_eq!(asked(&mut plan, now), [0]);
    plan.note_failure(0, AnnounceError::TimedOut, now);
    assert_eq!(asked(&mut plan, now), [1]);
    plan.note_answer(1, &answer(200 * SECOND), Event::Started, now);

    assert_eq!(plan.tiers, [vec![1, 0]]);
    assert_eq!(wait_of(&mut plan, now), Some(200 * SECOND));
}

#[tokio::test(start_paused = true)]
async fn private_trackers_are_asked_one_at_a_time_tier_by_tier() {
    let now = Instant::now();
    let mut plan = plan(&[2, 1], true, now);

    assert_eq!(asked(&mut plan, now), [0]);
    plan.note_failure(0, AnnounceError::TimedOut, now);
    assert_eq!(asked(&mut plan, now), [1]);
    plan.note_failure(1, AnnounceError::TimedOut, now);
    assert_eq!(asked(&mut plan, now), [2]);
    plan.note_answer(2, &answer(1800 * SECOND), Event::Started, now);

    // The better tier is tried again when its pause is over.
    assert_eq!(wait_of(&mut plan, now), Some(15 * SECOND));
    assert_eq!(asked(&mut plan, now + 15 * SECOND), [0]);
}

#[tokio::test(start_paused = true)]
async fn an_interval_has_a_floor_and_a_ceiling() {
    for (wanted, given) in [(0, 60), (59, 60), (900, 900), (3600, 3600), (u32::MAX, 3600)] {
        let now = Instant::now();
        let mut plan = plan(&[1], false, now);
        asked(&mut plan, now);
        plan.note_answer(0, &answer(SECOND * wanted), Event::Started, now);
        assert_eq!(wait_of(&mut plan, now), Some(SECOND * given), "{wanted}");
    }
}

#[tokio::test(start_paused = true)]
async fn failures_are_followed_by_longer_and_longer_pauses() {
    let mut now = Instant::now();
    let mut plan = plan(&[1], false, now);
    for pause in [15, 30, 60, 120, 240, 480, 960, 1800, 1800] {
        assert_eq!(asked(&mut plan, now), [0]);
        plan.note_failure(0, AnnounceError::TimedOut, now);
        assert_eq!(wait_of(&mut plan, now), Some(pause * SECOND));
        now += pause * SECOND;
    }
    asked(&mut plan, now);
    plan.note_answer(0, &answer(60 * SECOND), Event::Started, now);
    now += 60 * SECOND;
    asked(&mut plan, now);
    plan.note_failure(0, AnnounceError::TimedOut, now);
    assert_eq!(wait_of(&mut plan, now), Some(15 * SECOND));
}

#[tokio::test(start_paused = true)]
async fn a_wish_asks_all_trackers_at_most_every_30_seconds() {
    let start = Instant::now();
    let mut plan = plan(&[2, 1], false, start);
    asked(&mut plan, start);
    for index in 0..3 {
        plan.note_answer(index, &answer(1800 * SECOND), Event::Started, start);
    }

    let soon = start + 10 * SECOND;
    plan.wish(soon);
    plan.wish(soon);
    assert_eq!(wait_of(&mut plan, soon), Some(20 * SECOND));

    let now = start + 30 * SECOND;
    assert_eq!(asked(&mut plan, now), [0, 1, 2]);
    for index in 0..3 {
        plan.note_answer(index, &answer(1800 * SECOND), Event::None, now);
    }
    plan.wish(now);
    assert_eq!(wait_of(&mut plan, now), Some(30 * SECOND));
}

#[tokio::test(start_paused = true)]
async fn a_private_tracker_is_not_asked_more_often_than_it_allows() {
    let start = Instant::now();
    let mut plan = plan(&[1], true, start);
    asked(&mut plan, start);
    let min_interval = 300 * SECOND;
    plan.note_answer(0, &Answer { min_interval, ..answer(1800 * SECOND) }, Event::Started, start);

    plan.wish(start + 40 * SECOND);

    assert_eq!(wait_of(&mut plan, start + 40 * SECOND), Some(260 * SECOND));
}

#[tokio::test(start_paused = true)]
async fn a_tracker_hears_started_until_it_answers_and_completed_once() {
    let start = Instant::now();
    let mut plan = plan(&[2], false, start);
    assert_eq!(plan.step(start), Step::Ask(0, Event::Started));
    assert_eq!(plan.step(start), Step::Ask(1, Event::Started));
    plan.note_failure(0, AnnounceError::TimedOut, start);
    plan.note_answer(1, &answer(60 * SECOND), Event::Started, start);
    assert_eq!(plan.knowing_us(), [1]);

    let now = start + SECOND;
    plan.complete(now);
    assert_eq!(plan.step(now), Step::Ask(1, Event::Completed));
    plan.note_answer(1, &answer(60 * SECOND), Event::Completed, now);
    assert_eq!(plan.step(now + 60 * SECOND), Step::Ask(1, Event::None));
    plan.note_failure(1, AnnounceError::TimedOut, now + 60 * SECOND);
    assert_eq!(plan.step(now + 60 * SECOND), Step::Ask(0, Event::Started));
}

#[tokio::test(start_paused = true)]
async fn what_is_completed_during_an_announce_is_told_after_it() {
    let now = Instant::now();
    let mut plan = plan(&[1], false, now);
    asked(&mut plan, now);
    plan.note_answer(0, &answer(60 * SECOND), Event::Started, now);
    let later = now + 60 * SECOND;
    assert_eq!(plan.step(later), Step::Ask(0, Event::None));

    plan.complete(later);
    assert_eq!(plan.step(later), Step::Wait(None));
    plan.note_answer(0, &answer(60 * SECOND), Event::None, later);

    assert_eq!(plan.step(later), Step::Ask(0, Event::Completed));
}

#[tokio::test(start_paused = true)]
async fn a_status_tells_what_is_known() {
    let now = Instant::now();
    let mut plan = plan(&[2], false, now);
    assert_eq!(plan.status()[0].state, TrackerState::NotAsked);
    asked(&mut plan, now);
    assert_eq!((plan.status()[0].state, plan.status()[0].next_announce), (TrackerState::Asking, None));
    let told = Answer { seeders: Some(3), leechers: Some(4), ..answer(90 * SECOND) };
    plan.note_answer(0, &told, Event::Started, now);
    plan.note_failure(1, AnnounceError::Refused("no".to_owned()), now);

    let status = plan.status();
    let next = |index: usize| status[index].next_announce.map(|at| at - now.into_std());
    assert_eq!((status[0].seeders, status[0].leechers, next(0)), (Some(3), Some(4), Some(90 * SECOND)));
    assert_eq!(status[1].error.as_deref(), Some("the tracker refused: no"));
    assert_eq!((status[1].refusal.as_deref(), next(1)), (Some("no"), Some(15 * SECOND)));
    plan.note_failure(1, AnnounceError::TimedOut, now);
    assert_eq!(plan.status()[1].refusal, None, "it refused before, and does not answer now");
}

proptest! {
    /// Whatever trackers answer: no tracker is asked by itself sooner than its floor allows, and the plan never spins.
    #[test]
    fn no_tracker_is_asked_too_often(
        sizes in proptest::collection::vec(1_usize..4, 1..4),
        is_private: bool,
        outcomes in proptest::collection::vec((any::<bool>(), 0_u32..5000), 50),
    ) {
        let mut now = Instant::now();
        let mut plan = plan(&sizes, is_private, now);
        let mut allowed_at: HashMap<usize, Instant> = HashMap::new();
        for (is_ok, interval) in outcomes {
            match plan.step(now) {
                Step::Ask(index, event) => {
                    prop_assert!(allowed_at.get(&index).is_none_or(|at| *at <= now));
                    if is_ok {
                        plan.note_answer(index, &answer(SECOND * interval), event, now);
                        allowed_at.insert(index, now + MIN_INTERVAL);
                    } else {
                        plan.note_failure(index, AnnounceError::TimedOut, now);
                        allowed_at.insert(index, now + MIN_BACK_OFF);
                    }
                }
                Step::Wait(at) => {
                    let at = at.expect("nobody is being asked");
                    prop_assert!(at > now);
                    now = at;
                }
            }
        }
    }
}
