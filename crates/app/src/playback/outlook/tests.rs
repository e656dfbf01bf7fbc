use freshet_model::Outlook;

use super::{Step, Supply, foretell};

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
