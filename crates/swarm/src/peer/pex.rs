//! Which addresses a peer is told of, and when (BEP 11).

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use freshet_model::is_global;

use super::{Transport, Way, Who};
use crate::wire::{PexFlags, PexMessage};

const INTERVAL: Duration = Duration::from_secs(60);
/// BEP 11: no more of each in one message.
const MAX_ADDRESSES: usize = 50;
/// Addresses that are taken from one peer, so that a liar does not crowd out all that others tell of.
const MAX_TAKEN: usize = 500;

/// The exchange with one peer.
#[derive(Debug, Default)]
pub(crate) struct PexExchange {
    /// What it knows from us.
    told: BTreeMap<SocketAddr, PexFlags>,
    told_at: Option<Duration>,
    taken: usize,
}

impl PexExchange {
    /// What to tell the peer at `them`, if it is time and something has changed: of all that can be called, those it does
    /// not know, and those it should forget. `now` counts from any fixed moment.
    pub(crate) fn next(
        &mut self,
        now: Duration,
        them: SocketAddr,
        callable: &BTreeMap<SocketAddr, PexFlags>,
    ) -> Option<PexMessage> {
        if self.told_at.is_some_and(|at| now.saturating_sub(at) < INTERVAL) {
            return None;
        }
        let is_new = |address: &SocketAddr| {
            !self.told.contains_key(address) && *address != them && may_be_told(*address, them)
        };
        let added: Vec<(SocketAddr, PexFlags)> = callable
            .iter()
            .map(|(address, flags)| (*address, *flags))
            .filter(|(address, _)| is_new(address))
            .take(MAX_ADDRESSES)
            .collect();
        let dropped: Vec<SocketAddr> = self
            .told
            .keys()
            .copied()
            .filter(|address| !callable.contains_key(address))
            .take(MAX_ADDRESSES)
            .collect();
        if added.is_empty() && dropped.is_empty() {
            return None;
        }
        self.told_at = Some(now);
        for address in &dropped {
            self.told.remove(address);
        }
        self.told.extend(added.iter().copied());
        Some(PexMessage { added, dropped })
    }

    /// Those of the peer's addresses that are taken.
    pub(crate) fn take(&mut self, message: PexMessage) -> Vec<(SocketAddr, PexFlags)> {
        let mut added = message.added;
        added.truncate(MAX_TAKEN - self.taken);
        self.taken += added.len();
        added
    }
}

/// Addresses inside a local network are nobody's business outside of it, and of no use there.
fn may_be_told(address: SocketAddr, them: SocketAddr) -> bool {
    is_global(address.ip()) || !is_global(them.ip())
}

/// Where a peer can be called, if that is known, and what to say about it.
pub(crate) fn callable(who: &Who, listen_port: Option<u16>, is_seed: bool) -> Option<(SocketAddr, PexFlags)> {
    let mut flags = PexFlags::default();
    if who.is_encrypted {
        flags = flags.with_encryption();
    }
    if is_seed {
        flags = flags.with_seed();
    }
    if who.transport == Transport::Utp {
        flags = flags.with_utp();
    }
    match who.way {
        Way::Outgoing => Some((who.address, flags.with_reachable())),
        Way::Incoming => Some((SocketAddr::new(who.address.ip(), listen_port?), flags)),
    }
}

#[cfg(test)]
mod tests {
    use freshet_model::InfoHash;

    use super::*;
    use crate::wire::{Handshake, Reserved};

    fn address(text: &str) -> SocketAddr {
        text.parse().unwrap()
    }

    fn all(addresses: &[&str]) -> BTreeMap<SocketAddr, PexFlags> {
        addresses.iter().map(|text| (address(text), PexFlags::default())).collect()
    }

    fn told(message: Option<PexMessage>) -> (Vec<String>, Vec<String>) {
        let PexMessage { added, dropped } = message.unwrap();
        let added = added.iter().map(|(address, _)| address.to_string()).collect();
        (added, dropped.iter().map(ToString::to_string).collect())
    }

    const MINUTE: Duration = Duration::from_secs(60);

    #[test]
    fn a_peer_is_told_once_a_minute_what_has_changed_and_never_of_itself() {
        let mut exchange = PexExchange::default();
        let them = address("8.8.8.8:1");
        let first = exchange.next(Duration::ZERO, them, &all(&["1.1.1.1:1", "2.2.2.2:2", "8.8.8.8:1"]));
        assert_eq!(told(first), (vec!["1.1.1.1:1".to_owned(), "2.2.2.2:2".to_owned()], vec![]));

        let others = all(&["2.2.2.2:2", "3.3.3.3:3"]);
        assert_eq!(exchange.next(MINUTE - Duration::from_millis(1), them, &others), None);
        let second = exchange.next(MINUTE, them, &others);
        assert_eq!(told(second), (vec!["3.3.3.3:3".to_owned()], vec!["1.1.1.1:1".to_owned()]));
        assert_eq!(exchange.next(2 * MINUTE, them, &others), None, "nothing has changed");
    }

    #[test]
    fn local_addresses_stay_local() {
        let some = all(&["1.1.1.1:1", "192.168.1.2:2", "[fe80::1]:3"]);
        let global = PexExchange::default().next(Duration::ZERO, address("8.8.8.8:1"), &some);
        assert_eq!(told(global).0, ["1.1.1.1:1"]);
        let local = PexExchange::default().next(Duration::ZERO, address("192.168.1.9:1"), &some);
        assert_eq!(told(local).0.len(), 3);
    }

    #[test]
    fn many_addresses_are_told_in_parts() {
        let many: BTreeMap<_, _> =
            (1..=120_u16).map(|port| (SocketAddr::from(([1, 1, 1, 1], port)), PexFlags::default())).collect();
        let mut exchange = PexExchange::default();
        let them = address("8.8.8.8:1");
        let lengths = [0, 1, 2].map(|minute| told(exchange.next(minute * MINUTE, them, &many)).0.len());
        assert_eq!(lengths, [50, 50, 20]);
        let dropped = told(exchange.next(3 * MINUTE, them, &BTreeMap::new())).1;
        assert_eq!(dropped.len(), 50);
    }

    #[test]
    fn one_peer_is_believed_only_so_many_addresses() {
        let mut exchange = PexExchange::default();
        let message = || PexMessage {
            added: (1..=200).map(|port| (SocketAddr::from(([1, 1, 1, 1], port)), PexFlags(0))).collect(),
            dropped: Vec::new(),
        };
        let lengths = [(); 4].map(|()| exchange.take(message()).len());
        assert_eq!(lengths, [200, 200, 100, 0]);
    }

    #[test]
    fn a_caller_is_named_by_the_port_at_which_it_listens() {
        let handshake =
            Handshake { info_hash: InfoHash::new([1; 20]), peer_id: [2; 20], reserved: Reserved::default() };
        let who = Who {
            address: address("1.1.1.1:50000"),
            handshake,
            way: Way::Incoming,
            transport: Transport::Utp,
            is_encrypted: true,
            round_trip: Duration::ZERO,
        };
        assert_eq!(callable(&who, None, true), None);
        let flags = PexFlags::default().with_encryption().with_seed().with_utp();
        assert_eq!(callable(&who, Some(6881), true), Some((address("1.1.1.1:6881"), flags)));

        let who = Who { way: Way::Outgoing, transport: Transport::Tcp, is_encrypted: false, ..who };
        let flags = PexFlags::default().with_reachable();
        assert_eq!(callable(&who, Some(6881), false), Some((address("1.1.1.1:50000"), flags)));
    }
}
