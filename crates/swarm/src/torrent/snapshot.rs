//! How each peer stands, for who looks.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use super::peers::Peer;
use super::task::Task;
use crate::bitfield::Bitfield;
use crate::layout::PieceIndex;
use crate::peer::{Transport, Way};
use crate::schedule::{PeerId, PieceState};

/// A peer that was asked for something and sends nothing for so long.
const SILENT_AFTER: Duration = Duration::from_secs(5);
/// The same, so that it seems to be no accident.
const SNUBBED_AFTER: Duration = Duration::from_secs(60);

/// One connected peer at a moment.
#[derive(Debug, Clone, PartialEq)]
pub struct PeerSnapshot {
    pub address: SocketAddr,
    /// The address of a web seed, without secrets; then `address` says nothing.
    pub web_seed: Option<Arc<str>>,
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

/// Connected peers, by what comes from them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct PeersByState {
    /// Send, or soon will.
    pub sending: u32,
    pub choking: u32,
    pub without_need: u32,
    /// Silent or snubbed.
    pub silent: u32,
}

/// How all pieces stand at a moment.
#[derive(Debug, Clone)]
pub struct PieceStates {
    pub have: Bitfield,
    /// A connected peer has it.
    pub available: Bitfield,
    /// Not here, and asked for or being checked.
    pub requested: Bitfield,
    /// In the order of the pieces.
    pub partial: Vec<PartialPiece>,
}

/// A piece of which some blocks are here or on their way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PartialPiece {
    pub piece: PieceIndex,
    pub blocks: u32,
    pub blocks_here: u32,
    pub blocks_requested: u32,
}

impl Task {
    pub(super) fn peers_by_state(&self, now: Duration) -> PeersByState {
        let mut counts = PeersByState::default();
        for (id, peer) in &self.peers {
            let requests = self.scheduler.requests_of(*id).count() as u32;
            let count = match self.idle(*id, peer, requests, now) {
                None | Some(PeerIdle::QueueFull) => &mut counts.sending,
                Some(PeerIdle::Choked) => &mut counts.choking,
                Some(PeerIdle::HasNothingWeNeed) => &mut counts.without_need,
                Some(PeerIdle::Silent | PeerIdle::Snubbed) => &mut counts.silent,
            };
            *count += 1;
        }
        counts
    }

    /// Looks at every piece.
    pub(super) fn piece_states(&self) -> PieceStates {
        let layout = self.spec.layout;
        let mut available = Bitfield::new(layout.pieces());
        let mut requested = Bitfield::new(layout.pieces());
        for piece in (0..layout.pieces()).map(PieceIndex) {
            if self.scheduler.availability(piece) > 0 {
                available.set(piece);
            }
            if self.scheduler.state(piece) == PieceState::Checking {
                requested.set(piece);
            }
        }
        let partials = self.scheduler.partials().filter(|(_, here, asked)| here + asked > 0);
        let partial: Vec<PartialPiece> = partials
            .map(|(piece, blocks_here, blocks_requested)| PartialPiece {
                piece,
                blocks: layout.blocks_of(piece),
                blocks_here,
                blocks_requested,
            })
            .collect();
        for piece in partial.iter().filter(|piece| piece.blocks_requested > 0) {
            requested.set(piece.piece);
        }
        PieceStates { have: self.have().clone(), available, requested, partial }
    }

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
            web_seed: peer.web.as_ref().map(|web| Arc::clone(&web.shown)),
            client: match peer.web {
                Some(_) => Some("web seed".to_owned()),
                None => peer.extensions.client.clone(),
            },
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
