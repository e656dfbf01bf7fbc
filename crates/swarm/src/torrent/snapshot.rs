//! How each peer stands, for who looks.

use std::net::SocketAddr;
use std::time::Duration;

use super::peers::Peer;
use super::task::Task;
use crate::peer::{Transport, Way};
use crate::schedule::PeerId;

/// A peer that was asked for something and sends nothing for so long.
const SILENT_AFTER: Duration = Duration::from_secs(5);
/// The same, so that it seems to be no accident.
const SNUBBED_AFTER: Duration = Duration::from_secs(60);

/// One connected peer at a moment.
#[derive(Debug, Clone, PartialEq)]
pub struct PeerSnapshot {
    pub address: SocketAddr,
    /// What it calls itself (BEP 10); any text.
    pub client: Option<String>,
    /// It called us.
    pub is_incoming: bool,
    /// All that is said, not the handshake alone.
    pub is_encrypted: bool,
    /// Over uTP (BEP 29), else over TCP.
    pub is_utp: bool,
    pub down_bytes_per_sec: u64,
    pub up_bytes_per_sec: u64,
    /// How much of the torrent it has, from 0 to 1.
    pub has_share: f64,
    pub is_choking_us: bool,
    pub is_interested_in_us: bool,
    pub we_choke: bool,
    pub we_are_interested: bool,
    /// Blocks that it is asked for.
    pub requests: u32,
    /// `None` if it sends, or soon will.
    pub idle: Option<PeerIdle>,
}

/// Why nothing more comes from a peer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PeerIdle {
    /// It does not send to us at the moment.
    Choked,
    HasNothingWeNeed,
    /// It is asked for as much as it takes at a time.
    QueueFull,
    /// It was asked, and has sent nothing for some seconds.
    Silent,
    /// It was asked, and has sent nothing for a minute.
    Snubbed,
}

impl Task {
    pub(super) fn snapshot(&self) -> Vec<PeerSnapshot> {
        let now = self.now();
        let mut all: Vec<PeerSnapshot> =
            self.peers.iter().map(|(id, peer)| self.snapshot_of(*id, peer, now)).collect();
        all.sort_unstable_by_key(|peer| peer.address);
        all
    }

    fn snapshot_of(&self, id: PeerId, peer: &Peer, now: Duration) -> PeerSnapshot {
        let requests = self.scheduler.requests_of(id).count() as u32;
        PeerSnapshot {
            address: peer.address,
            client: peer.extensions.client.clone(),
            is_incoming: peer.who.way == Way::Incoming,
            is_encrypted: peer.who.is_encrypted,
            is_utp: peer.who.transport == Transport::Utp,
            down_bytes_per_sec: peer.down.bytes_per_sec(now),
            up_bytes_per_sec: peer.up.bytes_per_sec(now),
            has_share: f64::from(peer.has_count) / f64::from(self.spec.layout.pieces()),
            is_choking_us: peer.is_choking,
            is_interested_in_us: peer.is_interested,
            we_choke: !self.choker.is_unchoked(id.0),
            we_are_interested: peer.am_interested,
            requests,
            idle: self.idle(id, peer, requests, now),
        }
    }

    fn idle(&self, id: PeerId, peer: &Peer, requests: u32, now: Duration) -> Option<PeerIdle> {
        let silent = now.saturating_sub(peer.heard_at);
        match requests {
            0 if !self.scheduler.is_interesting(id) => Some(PeerIdle::HasNothingWeNeed),
            0 if peer.is_choking => Some(PeerIdle::Choked),
            0 => None,
            _ if silent >= SNUBBED_AFTER => Some(PeerIdle::Snubbed),
            _ if silent >= SILENT_AFTER => Some(PeerIdle::Silent),
            _ => peer.extensions.request_queue.filter(|most| requests >= *most).map(|_| PeerIdle::QueueFull),
        }
    }
}
