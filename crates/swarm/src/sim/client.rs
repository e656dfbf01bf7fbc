//! Drives the scheduler as the torrent task does: every event is told, then it decides; pieces are hashed, liars banned.

use std::collections::BTreeSet;
use std::time::Duration;

use super::seeder::{Ask, Message};
use crate::bitfield::Bitfield;
use crate::layout::{Block, Layout, PieceIndex};
use crate::schedule::ledger::Ledger;
use crate::schedule::{Action, Config, PeerId, Received, Scheduler};

#[derive(Debug)]
pub(super) struct Client {
    pub(super) scheduler: Scheduler,
    /// Who was found to lie, in order.
    pub(super) banned: Vec<usize>,
    pub(super) failed_pieces: u32,
    connected: BTreeSet<usize>,
    /// The blocks that are here and wrong.
    wrong: BTreeSet<Block>,
    actions: Vec<Action>,
    ledger: Ledger,
    timer_us: Option<u64>,
}

impl Client {
    pub(super) fn new(layout: Layout, config: Config, seed: u64) -> Self {
        Self {
            scheduler: Scheduler::new(layout, config, seed),
            banned: Vec::new(),
            failed_pieces: 0,
            connected: BTreeSet::new(),
            wrong: BTreeSet::new(),
            actions: Vec::new(),
            ledger: Ledger::new(layout),
            timer_us: None,
        }
    }

    pub(super) fn is_connected(&self, id: usize) -> bool {
        self.connected.contains(&id)
    }

    pub(super) fn joined(&mut self, id: usize, round_trip_us: u64, max_requests: usize, has: Bitfield) {
        let peer = PeerId(id as u64);
        self.connected.insert(id);
        self.scheduler.peer_joined(peer, Duration::from_micros(round_trip_us));
        self.scheduler.peer_takes(peer, max_requests);
        self.ledger.joined(peer, max_requests);
        self.ledger.has_all_of(peer, has.clone());
        self.scheduler.peer_has_all_of(peer, has);
    }

    pub(super) fn left(&mut self, id: usize) {
        if self.connected.remove(&id) {
            self.scheduler.peer_left(PeerId(id as u64));
            self.ledger.left(PeerId(id as u64));
        }
    }

    /// Gives a piece that is complete, and to be hashed.
    pub(super) fn got(
        &mut self,
        id: usize,
        message: Message,
        is_fast: bool,
        now_us: u64,
    ) -> Option<PieceIndex> {
        let now = Duration::from_micros(now_us);
        let peer = PeerId(id as u64);
        match message {
            Message::Choke => {
                self.scheduler.peer_choked(peer, is_fast);
                self.ledger.choked(peer, is_fast);
            }
            Message::Unchoke => {
                self.scheduler.peer_unchoked(peer);
                self.ledger.unchoked(peer);
            }
            Message::Reject(block) => {
                self.scheduler.rejected(peer, block, now);
                self.ledger.rejected(peer, block);
            }
            Message::Block { block, is_right } => {
                self.ledger.received(peer, block);
                let received = self.scheduler.received(peer, block, now, &mut self.actions);
                assert_ne!(received, Received::Unasked, "{peer:?} {block:?}");
                if let Received::Stored(is_complete) = received {
                    // It may take the place of one that a liar sent.
                    self.wrong.remove(&block);
                    self.wrong.extend((!is_right).then_some(block));
                    return is_complete.then_some(block.piece);
                }
            }
        }
        None
    }

    /// Gives whether something of the piece was wrong.
    fn forget(&mut self, piece: PieceIndex) -> bool {
        let before = self.wrong.len();
        self.wrong.retain(|block| block.piece != piece);
        self.wrong.len() < before
    }

    pub(super) fn hashed(&mut self, piece: PieceIndex, now_us: u64) {
        if !self.forget(piece) {
            let actions = self.scheduler.piece_is_here(piece);
            self.actions.extend(actions);
            return;
        }
        self.failed_pieces += 1;
        let (liar, senders) = self.scheduler.piece_failed(piece);
        assert!(!senders.is_empty(), "{piece:?} at {now_us}");
        if let Some(liar) = liar {
            self.banned.push(liar.0 as usize);
            self.connected.remove(&(liar.0 as usize));
            self.scheduler.peer_lied(liar);
            self.ledger.left(liar);
        }
    }

    pub(super) fn has_nothing_under_way(&self) -> bool {
        self.ledger.is_empty()
    }

    /// What is to be sent to whom now.
    pub(super) fn decide(&mut self, now_us: u64) -> Vec<(usize, Ask)> {
        let mut actions = std::mem::take(&mut self.actions);
        self.scheduler.run(Duration::from_micros(now_us), &mut actions);
        let mut asks = Vec::with_capacity(actions.len());
        for action in actions {
            self.ledger.check(action, &self.scheduler);
            match action {
                Action::Request { peer, block } => asks.push((peer.0 as usize, Ask::Request(block))),
                Action::Cancel { peer, block } => asks.push((peer.0 as usize, Ask::Cancel(block))),
                Action::Forget(piece) => {
                    self.forget(piece);
                }
            }
        }
        asks
    }

    /// The timer is set anew after every decision; gives when, if none is set for then or before.
    pub(super) fn set_timer(&mut self, now_us: u64) -> Option<u64> {
        let wait = self.scheduler.next_run_in()?;
        let at_us = now_us + wait.as_micros() as u64;
        if self.timer_us.is_some_and(|set_us| set_us > now_us && set_us <= at_us) {
            return None;
        }
        self.timer_us = Some(at_us);
        Some(at_us)
    }

    pub(super) fn timer_is_due(&mut self, now_us: u64) -> bool {
        let is_due = self.timer_us == Some(now_us);
        if is_due {
            self.timer_us = None;
        }
        is_due
    }
}
