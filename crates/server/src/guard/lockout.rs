//! Guesses are counted, and whoever guesses too often is not listened to for a while.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::connection::Door;

/// A person mistypes; a program that tries a list needs more.
const FREE_GUESSES: u32 = 10;
/// The first time; it doubles with every further guess.
const FIRST_LOCK: Duration = Duration::from_secs(60);
const LONGEST_LOCK: Duration = Duration::from_secs(60 * 60);
/// Guesses this old are forgotten.
const FORGET_AFTER: Duration = Duration::from_secs(2 * 60 * 60);
/// Addresses that are remembered; beyond it the ones that guessed longest ago go first.
const MAX_ADDRESSES: usize = 4096;

/// Whose guesses are counted together. What another user of this computer guesses is not the person's.
pub(crate) type Guesser = (Door, IpAddr);

/// Wrong passwords and tokens, by guesser.
#[derive(Debug, Default)]
pub(crate) struct Lockouts(Mutex<HashMap<Guesser, Guesses>>);

#[derive(Debug, Clone, Copy)]
struct Guesses {
    count: u32,
    last: Instant,
    locked_until: Option<Instant>,
}

impl Lockouts {
    /// How long somebody is not listened to yet; `None` if they may try.
    pub(crate) fn locked_for(&self, guesser: Guesser, now: Instant) -> Option<Duration> {
        let until = self.lock().get(&guesser)?.locked_until?;
        until.checked_duration_since(now).filter(|left| !left.is_zero())
    }

    pub(crate) fn wrong(&self, guesser: Guesser, now: Instant) {
        let mut table = self.lock();
        if !table.contains_key(&guesser) && table.len() >= MAX_ADDRESSES {
            table.retain(|_, guesses| now.duration_since(guesses.last) < FORGET_AFTER);
            if table.len() >= MAX_ADDRESSES
                && let Some(oldest) =
                    table.iter().min_by_key(|(_, guesses)| guesses.last).map(|(guesser, _)| *guesser)
            {
                table.remove(&oldest);
            }
        }
        let guesses = table.entry(guesser).or_insert(Guesses { count: 0, last: now, locked_until: None });
        if now.duration_since(guesses.last) >= FORGET_AFTER {
            guesses.count = 0;
        }
        guesses.count = guesses.count.saturating_add(1);
        guesses.last = now;
        if guesses.count >= FREE_GUESSES {
            let doublings = (guesses.count - FREE_GUESSES).min(16);
            guesses.locked_until = Some(now + (FIRST_LOCK * 2_u32.pow(doublings)).min(LONGEST_LOCK));
        }
    }

    pub(crate) fn right(&self, guesser: Guesser) {
        self.lock().remove(&guesser);
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Guesser, Guesses>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ip(n: u32) -> Guesser {
        (Door::Network, std::net::Ipv4Addr::from_bits(n).into())
    }

    #[test]
    fn after_ten_wrong_guesses_the_door_is_shut_for_longer_and_longer() {
        let lockouts = Lockouts::default();
        let start = Instant::now();
        for _ in 0..9 {
            lockouts.wrong(ip(1), start);
            assert_eq!(lockouts.locked_for(ip(1), start), None);
        }
        lockouts.wrong(ip(1), start);
        assert_eq!(lockouts.locked_for(ip(1), start), Some(FIRST_LOCK));
        assert_eq!(lockouts.locked_for(ip(2), start), None, "others are not concerned");
        assert_eq!(lockouts.locked_for((Door::Own, ip(1).1), start), None, "nor is the person");

        let later = start + FIRST_LOCK;
        assert_eq!(lockouts.locked_for(ip(1), later), None);
        lockouts.wrong(ip(1), later);
        assert_eq!(lockouts.locked_for(ip(1), later), Some(FIRST_LOCK * 2));
        for _ in 0..40 {
            lockouts.wrong(ip(1), later);
        }
        assert_eq!(lockouts.locked_for(ip(1), later), Some(LONGEST_LOCK));
    }

    #[test]
    fn the_right_password_and_two_quiet_hours_forget_the_wrong_ones() {
        let lockouts = Lockouts::default();
        let start = Instant::now();
        for _ in 0..9 {
            lockouts.wrong(ip(1), start);
        }
        lockouts.right(ip(1));
        lockouts.wrong(ip(1), start);
        assert_eq!(lockouts.locked_for(ip(1), start), None);
        for _ in 0..8 {
            lockouts.wrong(ip(1), start);
        }
        lockouts.wrong(ip(1), start + FORGET_AFTER);
        assert_eq!(lockouts.locked_for(ip(1), start + FORGET_AFTER), None);
    }

    #[test]
    fn many_addresses_take_bounded_room_and_push_out_the_oldest() {
        let lockouts = Lockouts::default();
        let start = Instant::now();
        for n in 0..u32::try_from(MAX_ADDRESSES).unwrap() + 5 {
            lockouts.wrong(ip(n), start + Duration::from_millis(u64::from(n)));
        }
        let table = lockouts.lock();
        assert_eq!(table.len(), MAX_ADDRESSES);
        assert!(!table.contains_key(&ip(4)) && table.contains_key(&ip(5)));
    }
}
