//! What is remembered of every peer for a problem report, also after it has gone.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use super::peers::Peer;
use super::task::Task;
use super::timeline::{Happening, TimelineEvent};
use crate::peer::{PeerError, Transport, Way};
use crate::report::{
    MAX_FLIPS, MAX_PEERS, PeerFailure, REPORT_VERSION, Report, ReportEvent, ReportHappening, ReportPeer,
};
use crate::schedule::PeerId;

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Records(BTreeMap<PeerId, Record>);

#[derive(Debug)]
struct Record {
    address: SocketAddr,
    peer: ReportPeer,
}

impl Records {
    fn get_mut(&mut self, id: PeerId) -> Option<&mut ReportPeer> {
        self.0.get_mut(&id).map(|record| &mut record.peer)
    }

    /// The oldest that has gone makes room; if all are here, the oldest.
    fn insert(&mut self, id: PeerId, record: Record) {
        if self.0.len() >= MAX_PEERS {
            let gone = self.0.iter().find(|(_, record)| record.peer.left_ms.is_some());
            if let Some(id) = gone.or_else(|| self.0.iter().next()).map(|(id, _)| *id) {
                self.0.remove(&id);
            }
        }
        self.0.insert(id, record);
    }

    fn number_of(&self, address: SocketAddr) -> Option<u64> {
        self.0.values().rev().find(|record| record.address == address).map(|record| record.peer.number)
    }
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

impl Task {
    fn record_ms(&self) -> u64 {
        millis(self.now().saturating_sub(self.timeline.begun_at()))
    }

    pub(super) fn record_joined(&mut self, id: PeerId) {
        let joined_ms = self.record_ms();
        let Some(Peer { who, address, supports_fast, .. }) = self.peers.get(&id) else { return };
        let peer = ReportPeer {
            number: id.0,
            joined_ms,
            left_ms: None,
            failure: None,
            is_incoming: who.way == Way::Incoming,
            is_encrypted: who.is_encrypted,
            is_utp: who.transport == Transport::Utp,
            supports_fast: *supports_fast,
            round_trip_us: u64::try_from(who.round_trip.as_micros()).unwrap_or(u64::MAX),
            rate_bytes_per_sec: 0,
            received_bytes: 0,
            has_permille: 0,
            flips_ms: Vec::new(),
        };
        let address = *address;
        self.records.insert(id, Record { address, peer });
    }

    pub(super) fn record_flip(&mut self, id: PeerId, is_choking: bool) {
        let now_ms = self.record_ms();
        if let Some(peer) = self.records.get_mut(id)
            // It chokes at first, so the times take turns.
            && peer.flips_ms.len().is_multiple_of(2) != is_choking
            && peer.flips_ms.len() < MAX_FLIPS
        {
            peer.flips_ms.push(now_ms);
        }
    }

    /// The first reason counts.
    pub(super) fn record_failure(&mut self, id: PeerId, failure: PeerFailure) {
        if let Some(peer) = self.records.get_mut(id) {
            peer.failure.get_or_insert(failure);
        }
    }

    pub(super) fn record_end(&mut self, id: PeerId, error: &PeerError) {
        let failure = match error {
            PeerError::Wire(_) => PeerFailure::BrokeProtocol,
            PeerError::Silent | PeerError::Stuck | PeerError::TimedOut => PeerFailure::Silent,
            PeerError::NotNeeded => PeerFailure::NotNeeded,
            _ => PeerFailure::Closed,
        };
        self.record_failure(id, failure);
    }

    /// To be called while the scheduler knows the peer.
    pub(super) fn record_left(&mut self, id: PeerId) {
        self.record_measures(id);
        let now_ms = self.record_ms();
        if let Some(peer) = self.records.get_mut(id) {
            peer.left_ms.get_or_insert(now_ms);
            peer.failure.get_or_insert(PeerFailure::NotNeeded);
        }
    }

    fn record_measures(&mut self, id: PeerId) {
        let now_ms = self.record_ms();
        let rate = self.scheduler.rate_of(id);
        let round_trip = self.scheduler.round_trip_of(id);
        let pieces = u64::from(self.spec.layout.pieces().max(1));
        let (Some(peer), Some(record)) = (self.peers.get(&id), self.records.get_mut(id)) else { return };
        record.received_bytes = peer.down.total_bytes();
        record.has_permille = u32::try_from(u64::from(peer.has_count) * 1000 / pieces).unwrap_or(1000);
        // What came in too short a time to be measured came at least as fast as it did since the peer joined.
        let lasted_ms = now_ms.saturating_sub(record.joined_ms).max(1);
        let least = record.received_bytes.saturating_mul(1000) / lasted_ms;
        record.rate_bytes_per_sec = rate.map_or(least, |rate| rate as u64);
        if let Some(round_trip) = round_trip {
            record.round_trip_us = u64::try_from(round_trip.as_micros()).unwrap_or(u64::MAX);
        }
    }

    pub(super) fn problem_report(&mut self) -> Report {
        let connected: Vec<PeerId> = self.peers.keys().copied().collect();
        connected.into_iter().for_each(|id| self.record_measures(id));
        let counters = self.scheduler.counters();
        Report {
            version: REPORT_VERSION,
            info_hash: None,
            piece_bytes: self.spec.layout.piece_bytes(),
            total_bytes: self.spec.layout.total_bytes(),
            lasted_ms: self.record_ms(),
            have_bytes: self.have_bytes,
            downloaded_bytes: self.down.total_bytes(),
            uploaded_bytes: self.up.total_bytes(),
            duplicate_bytes: counters.duplicate_bytes,
            unwanted_bytes: counters.unwanted_bytes,
            corrupt_bytes: self.corrupt_bytes,
            hedges: counters.hedges,
            hedges_won: counters.hedges_won,
            banned_peers: self.banned_peers,
            peers: self.records.0.values().map(|record| record.peer.clone()).collect(),
            events: self.timeline.events().into_iter().map(|event| self.report_event(event)).collect(),
        }
    }

    fn report_event(&self, TimelineEvent { at, what }: TimelineEvent) -> ReportEvent {
        let number = |address| self.records.number_of(address);
        let what = match what {
            Happening::Adopted { peers } => ReportHappening::Adopted { peers },
            Happening::FirstPeer(peer) => ReportHappening::FirstPeer { peer: number(peer) },
            Happening::FirstUnchoke(peer) => ReportHappening::FirstUnchoke { peer: number(peer) },
            Happening::FirstBlock(peer) => ReportHappening::FirstBlock { peer: number(peer) },
            Happening::FirstPiece => ReportHappening::FirstPiece,
            Happening::ReaderOpened { reader, class, from_byte, end_byte } => {
                ReportHappening::ReaderOpened { reader: reader.0, class: class.into(), from_byte, end_byte }
            }
            Happening::Seek { reader, to_byte } => ReportHappening::Seek { reader: reader.0, to_byte },
            Happening::Dry { reader } => ReportHappening::Dry { reader: reader.0 },
            Happening::Served { reader, waited } => {
                ReportHappening::Served { reader: reader.0, waited_ms: millis(waited) }
            }
            Happening::ReaderClosed { reader } => ReportHappening::ReaderClosed { reader: reader.0 },
            Happening::Choked(peer) => ReportHappening::Choked { peer: number(peer) },
            Happening::Hedges(blocks) => ReportHappening::Hedges { blocks },
            Happening::Banned(peer) => ReportHappening::Banned { peer: number(peer) },
            Happening::WriteFailed => ReportHappening::WriteFailed,
        };
        ReportEvent { at_ms: millis(at), what }
    }
}
