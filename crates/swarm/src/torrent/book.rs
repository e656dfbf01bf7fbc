//! The addresses of a torrent: which are known, which are tried next, and which not again.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::time::Duration;

use super::PeerSource;

/// Addresses of one torrent that are kept.
const MAX_KNOWN: usize = 2000;
/// Those among them that peers told of: each can tell what it likes.
const MAX_BY_PEX: usize = 1200;
/// Pauses between attempts to reach a peer that could not be reached; the last one repeats.
const PAUSES: [Duration; 6] = [
    Duration::from_secs(2),
    Duration::from_secs(10),
    Duration::from_secs(30),
    Duration::from_secs(120),
    Duration::from_secs(600),
    Duration::from_secs(1800),
];
/// An address that could not be reached so often makes room for a new one.
const HOPELESS_AFTER: usize = 5;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Standing {
    /// May be tried from then on.
    Idle(Duration),
    Dialing,
    Connected,
    Banned,
}

#[derive(Debug)]
struct Known {
    source: PeerSource,
    standing: Standing,
    /// Attempts in vain since it was last good.
    failures: usize,
    /// It sent us something that was right.
    was_good: bool,
}

/// See the module. Times are since any fixed moment.
#[derive(Debug, Default)]
pub(crate) struct Book {
    known: HashMap<SocketAddr, Known>,
    dialing: usize,
    by_pex: usize,
    /// Before that nobody is to be dialed, so that nothing has to be looked through.
    nobody_before: Duration,
}

impl Book {
    /// Gives whether it is a new address.
    pub(crate) fn add(&mut self, address: SocketAddr, source: PeerSource, now: Duration) -> bool {
        let address = canonical(address);
        if self.known.contains_key(&address) {
            return false;
        }
        if self.known.len() >= MAX_KNOWN && !self.make_room() {
            return false;
        }
        if source == PeerSource::Pex {
            if self.by_pex >= MAX_BY_PEX {
                return false;
            }
            self.by_pex += 1;
        }
        let standing = Standing::Idle(now);
        self.nobody_before = self.nobody_before.min(now);
        self.known.insert(address, Known { source, standing, failures: 0, was_good: false });
        true
    }

    fn make_room(&mut self) -> bool {
        let is_hopeless =
            |known: &Known| known.failures >= HOPELESS_AFTER && matches!(known.standing, Standing::Idle(_));
        let hopeless = self.known.iter().find(|(_, known)| is_hopeless(known)).map(|(address, _)| *address);
        let Some(removed) = hopeless.and_then(|address| self.known.remove(&address)) else { return false };
        self.by_pex -= usize::from(removed.source == PeerSource::Pex);
        true
    }

    /// Whether [`Book::take`] may have something.
    pub(crate) fn is_ready(&self, now: Duration) -> bool {
        now >= self.nobody_before
    }

    /// Up to so many addresses to dial now, the most promising first; they count as being dialed from here on.
    pub(crate) fn take(&mut self, count: usize, now: Duration) -> Vec<SocketAddr> {
        if count == 0 || !self.is_ready(now) {
            return Vec::new();
        }
        let mut ready: Vec<(bool, usize, PeerSource, SocketAddr)> = self
            .known
            .iter()
            .filter(|(_, known)| matches!(known.standing, Standing::Idle(from) if from <= now))
            .map(|(address, known)| (!known.was_good, known.failures, known.source, *address))
            .collect();
        ready.sort_unstable();
        let taken: Vec<SocketAddr> = ready.into_iter().take(count).map(|(.., address)| address).collect();
        for address in &taken {
            self.set(*address, Standing::Dialing);
        }
        self.nobody_before = self.next_at().unwrap_or(Duration::MAX);
        taken
    }

    /// When [`Book::take`] has something next, if it has anything at all.
    pub(crate) fn next_at(&self) -> Option<Duration> {
        let from = |known: &Known| match known.standing {
            Standing::Idle(from) => Some(from),
            Standing::Dialing | Standing::Connected | Standing::Banned => None,
        };
        self.known.values().filter_map(from).min()
    }

    pub(crate) fn connected(&mut self, address: SocketAddr) {
        self.set(canonical(address), Standing::Connected);
    }

    /// Its bytes were right: it is the first to be called again.
    pub(crate) fn was_good(&mut self, address: SocketAddr) {
        if let Some(known) = self.known.get_mut(&canonical(address)) {
            known.was_good = true;
            known.failures = 0;
        }
    }

    /// It could not be reached, or is gone again.
    pub(crate) fn lost(&mut self, address: SocketAddr, now: Duration) {
        let address = canonical(address);
        let Some(known) = self.known.get_mut(&address) else { return };
        if known.standing == Standing::Banned {
            return;
        }
        let pause = PAUSES[known.failures.min(PAUSES.len() - 1)];
        known.failures += 1;
        self.set(address, Standing::Idle(now + pause));
    }

    /// It is never called again.
    pub(crate) fn ban(&mut self, address: SocketAddr) {
        self.set(canonical(address), Standing::Banned);
    }

    /// It is known not to be a peer of this torrent.
    pub(crate) fn forget(&mut self, address: SocketAddr) {
        self.ban(address);
    }

    /// What was in vain long ago is tried as if for the first time: somebody waits, or the network is another one.
    pub(crate) fn begin_anew(&mut self, now: Duration) {
        for known in self.known.values_mut() {
            if matches!(known.standing, Standing::Idle(_)) {
                known.failures = 0;
                known.standing = Standing::Idle(now);
            }
        }
        self.nobody_before = now;
    }

    pub(crate) fn dialing(&self) -> usize {
        self.dialing
    }

    pub(crate) fn len(&self) -> usize {
        self.known.len()
    }

    /// Whether an address may be reached yet.
    pub(crate) fn has_hope(&self) -> bool {
        let may_be_tried =
            |known: &Known| matches!(known.standing, Standing::Idle(_)) && known.failures < HOPELESS_AFTER;
        self.known.values().any(may_be_tried)
    }

    /// All that are not banned, in no order.
    pub(crate) fn addresses(&self) -> impl Iterator<Item = SocketAddr> {
        let may_be_tried = |known: &Known| known.standing != Standing::Banned;
        self.known.iter().filter(move |(_, known)| may_be_tried(known)).map(|(address, _)| *address)
    }

    /// Who sent us something right, for the next time.
    pub(crate) fn good(&self) -> impl Iterator<Item = SocketAddr> {
        self.known.iter().filter(|(_, known)| known.was_good).map(|(address, _)| *address)
    }

    fn set(&mut self, address: SocketAddr, standing: Standing) {
        let Some(known) = self.known.get_mut(&address) else { return };
        if known.standing == Standing::Banned {
            return;
        }
        self.dialing -= usize::from(known.standing == Standing::Dialing);
        self.dialing += usize::from(standing == Standing::Dialing);
        if let Standing::Idle(from) = standing {
            self.nobody_before = self.nobody_before.min(from);
        }
        known.standing = standing;
    }
}

fn canonical(address: SocketAddr) -> SocketAddr {
    SocketAddr::new(address.ip().to_canonical(), address.port())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(port: u16) -> SocketAddr {
        SocketAddr::from(([192, 0, 2, 1], port))
    }

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn who_could_not_be_reached_waits_longer_each_time() {
        let mut book = Book::default();
        assert!(book.add(address(1), PeerSource::Tracker, Duration::ZERO));
        assert!(!book.add(address(1), PeerSource::Dht, Duration::ZERO));
        let mut now = Duration::ZERO;
        for pause in PAUSES {
            assert_eq!(book.take(5, now), [address(1)]);
            assert_eq!((book.take(5, now), book.dialing()), (Vec::new(), 1));
            book.lost(address(1), now);
            assert_eq!((book.next_at(), book.dialing()), (Some(now + pause), 0));
            assert_eq!(book.take(5, now + pause - SECOND), []);
            now += pause;
        }
        book.begin_anew(now);
        assert_eq!(book.take(5, now), [address(1)]);
    }

    #[test]
    fn who_was_good_comes_first_and_who_lied_never() {
        let mut book = Book::default();
        for port in 1..=4 {
            book.add(address(port), PeerSource::Tracker, Duration::ZERO);
        }
        book.take(4, Duration::ZERO);
        book.was_good(address(3));
        (1..=3).for_each(|port| book.lost(address(port), Duration::ZERO));
        book.ban(address(4));
        book.lost(address(4), Duration::ZERO);

        let later = SECOND * 60;
        assert_eq!(book.take(2, later), [address(3), address(1)]);
        assert_eq!(book.take(9, later), [address(2)]);
        assert_eq!(book.good().collect::<Vec<_>>(), [address(3)]);
    }

    #[test]
    fn a_full_book_takes_a_new_address_only_for_a_hopeless_one() {
        let mut book = Book::default();
        for port in 0..MAX_KNOWN as u16 {
            let source = if port < MAX_BY_PEX as u16 { PeerSource::Pex } else { PeerSource::Tracker };
            assert!(book.add(address(port + 1), source, Duration::ZERO));
        }
        assert!(!book.add(address(9999), PeerSource::Tracker, Duration::ZERO));
        for _ in 0..HOPELESS_AFTER {
            book.lost(address(7), Duration::ZERO);
        }
        assert!(book.add(address(9999), PeerSource::Tracker, Duration::ZERO));
        assert_eq!(book.len(), MAX_KNOWN);
    }

    #[test]
    fn what_peers_tell_leaves_room_for_what_trackers_tell() {
        let mut book = Book::default();
        let added = (1..=MAX_KNOWN as u16)
            .filter(|port| book.add(address(*port), PeerSource::Pex, Duration::ZERO))
            .count();
        assert_eq!(added, MAX_BY_PEX);
        assert!(book.add(address(9999), PeerSource::Tracker, Duration::ZERO));
    }
}
