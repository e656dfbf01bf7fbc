//! How connections may be made, and what was learned about single addresses.

use std::collections::{HashSet, VecDeque};
use std::net::SocketAddr;

use crate::mse::Policy;

/// Addresses whose wish for encryption is remembered; the oldest give way.
const MAX_REMEMBERED: usize = 4096;

/// How peers may be spoken to. Can be changed at any time; connections that exist stay.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NetworkSettings {
    pub encryption: Policy,
    /// Whether peers are called, and let in, over TCP.
    pub tcp: bool,
    /// The same over uTP (BEP 29).
    pub utp: bool,
    /// Connections over all torrents; more are not made, and those that are too many are closed.
    pub max_connected: usize,
    /// Attempts to connect at the same time, over all torrents. Routers and systems choke on too many.
    pub max_half_open: usize,
    /// Whether we exchange addresses with peers (BEP 11).
    pub pex: bool,
    /// Whether peers get pieces from us.
    pub uploads: bool,
    /// Whether pieces are fetched that nobody waits for: the rest of what is kept.
    pub background: bool,
}

impl Default for NetworkSettings {
    fn default() -> Self {
        Self {
            encryption: Policy::Prefer,
            tcp: true,
            utp: true,
            max_connected: 300,
            max_half_open: 60,
            pex: true,
            uploads: true,
            background: true,
        }
    }
}

/// What carries the bytes of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Transport {
    Tcp,
    Utp,
}

/// Who is better spoken to in RC4 first. Bounded.
#[derive(Debug, Default)]
pub(super) struct Manners {
    encrypted: HashSet<SocketAddr>,
    order: VecDeque<SocketAddr>,
}

impl Manners {
    pub(super) fn prefers_encryption(&self, address: SocketAddr) -> bool {
        self.encrypted.contains(&address)
    }

    pub(super) fn set(&mut self, address: SocketAddr, prefers_encryption: bool) {
        if !prefers_encryption {
            if self.encrypted.remove(&address) {
                self.order.retain(|known| *known != address);
            }
        } else if self.encrypted.insert(address) {
            self.order.push_back(address);
            if self.order.len() > MAX_REMEMBERED
                && let Some(oldest) = self.order.pop_front()
            {
                self.encrypted.remove(&oldest);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_address_is_forgotten_first() {
        let address = |port: u16| SocketAddr::from(([192, 0, 2, 1], port));
        let mut manners = Manners::default();
        for port in 0..=MAX_REMEMBERED as u16 {
            manners.set(address(port), true);
            manners.set(address(port), true);
        }
        assert!(!manners.prefers_encryption(address(0)));
        assert!(manners.prefers_encryption(address(1)));

        manners.set(address(1), false);
        assert!(!manners.prefers_encryption(address(1)));
        assert_eq!((manners.encrypted.len(), manners.order.len()), (MAX_REMEMBERED - 1, MAX_REMEMBERED - 1));
    }
}
