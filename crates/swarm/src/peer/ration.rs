//! Shares out connections among torrents, so that a busy one does not leave the others without.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// A number of places. Each torrent gets what it wishes for, as long as that is not more than others get that wish for
/// more (max-min fairness).
#[derive(Debug)]
pub(crate) struct Ration {
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    places: usize,
    wishes: HashMap<u64, usize>,
    next: u64,
    /// More than this nobody gets.
    level: usize,
}

/// What one torrent gets. Dropping it gives it back.
#[derive(Debug)]
pub(crate) struct Share {
    ration: Arc<Ration>,
    key: u64,
}

impl Ration {
    pub(crate) fn new(places: usize) -> Arc<Self> {
        let state = State { places, wishes: HashMap::new(), next: 0, level: places.max(1) };
        Arc::new(Self { state: Mutex::new(state) })
    }

    /// Holds for what is asked for from now on.
    pub(crate) fn set_places(&self, places: usize) {
        let mut state = self.lock();
        state.places = places;
        state.find_level();
    }

    pub(crate) fn join(self: &Arc<Self>) -> Share {
        let mut state = self.lock();
        let key = state.next;
        state.next += 1;
        state.wishes.insert(key, 0);
        drop(state);
        Share { ration: Arc::clone(self), key }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Share {
    /// Says how many places are wished for in all, those that are taken included; gives how many may be taken. That can be
    /// fewer than are taken: the owner then gives some back. Who wishes for one gets one in any case.
    pub(crate) fn ask(&self, wish: usize) -> usize {
        let mut state = self.ration.lock();
        if state.wishes.insert(self.key, wish) != Some(wish) {
            state.find_level();
        }
        wish.min(state.level)
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        let mut state = self.ration.lock();
        state.wishes.remove(&self.key);
        state.find_level();
    }
}

impl State {
    fn find_level(&mut self) {
        let mut wishes: Vec<usize> = self.wishes.values().copied().filter(|wish| *wish != 0).collect();
        wishes.sort_unstable();
        let mut left = self.places;
        let mut rest = wishes.len();
        self.level = self.places.max(1);
        for wish in wishes {
            let fair = left / rest;
            if wish > fair {
                self.level = fair.max(1);
                return;
            }
            left -= wish;
            rest -= 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn who_wishes_for_little_gets_it_and_the_others_share_the_rest() {
        let ration = Ration::new(100);
        let shares = [ration.join(), ration.join(), ration.join()];
        let ask = |wishes: [usize; 3]| {
            for (share, wish) in shares.iter().zip(wishes) {
                share.ask(wish);
            }
            [0, 1, 2].map(|at| shares[at].ask(wishes[at]))
        };
        assert_eq!(ask([60, 0, 0]), [60, 0, 0]);
        assert_eq!(ask([60, 60, 60]), [33, 33, 33]);
        assert_eq!(ask([10, 60, 60]), [10, 45, 45]);
        ration.set_places(30);
        assert_eq!(ask([10, 60, 60]), [10, 10, 10]);
        ration.set_places(0);
        assert_eq!(ask([10, 60, 0]), [1, 1, 0]);
    }

    #[test]
    fn who_leaves_makes_room() {
        let ration = Ration::new(10);
        let (stays, leaves) = (ration.join(), ration.join());
        leaves.ask(60);
        assert_eq!(stays.ask(60), 5);
        drop(leaves);
        assert_eq!(stays.ask(60), 10);
    }

    proptest! {
        #[test]
        fn never_more_than_there_is_and_nobody_gets_more_than_one_who_wishes_for_more(
            places in 1..400_usize,
            wishes in proptest::collection::vec(0..80_usize, 1..30),
        ) {
            prop_assume!(places >= wishes.len());
            let ration = Ration::new(places);
            let shares: Vec<Share> = wishes.iter().map(|_| ration.join()).collect();
            for (share, wish) in shares.iter().zip(&wishes) {
                share.ask(*wish);
            }
            let got: Vec<usize> = shares.iter().zip(&wishes).map(|(share, wish)| share.ask(*wish)).collect();
            prop_assert!(got.iter().sum::<usize>() <= places);
            let most = got.iter().copied().max().unwrap_or_default();
            for (got, wish) in got.iter().zip(&wishes) {
                prop_assert!(got == wish || *got == most);
            }
            let is_all_used = got == wishes || got.iter().sum::<usize>() + wishes.len() > places;
            prop_assert!(is_all_used);
        }
    }
}
