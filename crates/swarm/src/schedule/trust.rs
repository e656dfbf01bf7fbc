//! Who may add to a piece: a wrong hash must tell who lied.
//!
//! A hash covers a whole piece, so a wrong one accuses all who sent its blocks. As long as none is wrong, nobody is
//! accused, and many share the first pieces, which somebody waits for. When one is wrong, those of its senders who never
//! were part of a right one are suspects (all, if all were): half of them may share a piece from then on, then a quarter,
//! and so on. A right piece proves all of its senders; one that is wrong and comes from a single peer convicts it. Nobody
//! is convicted for a piece that others sent blocks of too: a proven peer could frame newcomers.

use super::assign::Server;
use super::peer::Peer;
use super::{PeerId, Scheduler};
use crate::layout::PieceIndex;

/// How many peers that have not shown yet that they send what is right may share a piece.
const MAX_NEWCOMERS: usize = 4;
/// The same while somebody is suspected.
const MAX_WARY_NEWCOMERS: usize = 2;
/// What is needed sooner than this does not wait long for one who may add to it.
pub(super) const SOON_SECS: f64 = 4.0;
/// If those who may add to a piece are later than others by so much, the others may too.
const OPENS_AFTER: f64 = 3.0;
const OPENS_AFTER_SOON_SECS: f64 = 0.5;
const OPENS_AFTER_SECS: f64 = 20.0;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Standing {
    /// It sent blocks of a piece whose hash was right.
    Proven,
    Newcomer,
    /// It sent blocks of a piece whose hash was wrong, as others did: so many unproven ones may share a piece with it, with
    /// itself counted.
    Suspect {
        company: usize,
    },
}

/// Who is at work on a piece.
#[derive(Debug)]
pub(super) struct Circle {
    /// Those who are not proven.
    unproven: Vec<PeerId>,
    has_proven: bool,
    max_unproven: usize,
    mood: Mood,
    is_open: bool,
}

impl Circle {
    pub(super) fn admits(&self, id: PeerId, standing: Standing) -> bool {
        match standing {
            _ if self.is_open => true,
            Standing::Proven => !self.is_trial(),
            _ if self.unproven.contains(&id) => true,
            Standing::Suspect { company: 1 } => self.unproven.is_empty() && !self.has_proven,
            _ => self.unproven.len() < self.company(standing).min(self.max_unproven),
        }
    }

    /// Gives whether somebody who was admitted before may not be any more.
    pub(super) fn add(&mut self, id: PeerId, standing: Standing) -> bool {
        if standing == Standing::Proven {
            self.has_proven = true;
            return false;
        }
        if self.unproven.contains(&id) {
            return false;
        }
        self.unproven.push(id);
        self.max_unproven = self.max_unproven.min(self.company(standing));
        !self.is_open
    }

    /// Whether its only member is a suspect that has to work alone.
    fn is_trial(&self) -> bool {
        self.max_unproven == 1 && self.unproven.len() == 1 && !self.has_proven
    }

    /// Whether it takes in no more newcomers.
    fn is_closed(&self) -> bool {
        self.unproven.len() >= self.max_unproven
    }

    /// How many of so many blocks would be left to this peer, if it was asked for one.
    pub(super) fn share_of(&self, id: PeerId, standing: Standing, blocks: u32) -> f64 {
        let is_free = self.is_open || standing == Standing::Proven || self.unproven.contains(&id);
        let company = self.company(standing).min(self.max_unproven).max(1);
        if is_free || (self.mood.is_anybody_proven && company > 1) {
            return 1.0;
        }
        (f64::from(blocks) / company as f64).max(1.0)
    }

    fn company(&self, standing: Standing) -> usize {
        match standing {
            Standing::Proven => usize::MAX,
            Standing::Newcomer => self.mood.max_newcomers,
            Standing::Suspect { company } => company,
        }
    }
}

/// How far newcomers are trusted now.
#[derive(Debug, Clone, Copy)]
pub(super) struct Mood {
    is_anybody_proven: bool,
    max_newcomers: usize,
}

impl Mood {
    pub(super) fn of(servers: &[Server]) -> Self {
        let is_suspect = |server: &Server| matches!(server.standing, Standing::Suspect { .. });
        let is_wary = servers.iter().any(is_suspect);
        Self {
            is_anybody_proven: servers.iter().any(|server| server.standing == Standing::Proven),
            max_newcomers: if is_wary { MAX_WARY_NEWCOMERS } else { MAX_NEWCOMERS },
        }
    }
}

impl Scheduler {
    /// Who is at work on this piece now.
    pub(super) fn circle(&self, piece: PieceIndex, servers: &[Server], mood: Mood, is_soon: bool) -> Circle {
        let mut circle = Circle {
            unproven: Vec::new(),
            has_proven: false,
            max_unproven: usize::MAX,
            mood,
            is_open: false,
        };
        let Some(partial) = self.partials.get(&piece) else { return circle };
        for member in partial.members() {
            let server =
                servers.binary_search_by_key(&member.peer, |server| server.id).map(|at| &servers[at]);
            // Who has sent nothing of it, and seems to send nothing any more, is nobody to wait for.
            if member.sent == 0 && server.is_ok_and(|server| server.is_silent) {
                continue;
            }
            let standing = match server {
                Ok(server) => server.standing,
                Err(_) => self.peers.get(member.peer).map_or(Standing::Newcomer, Peer::standing),
            };
            circle.add(member.peer, standing);
        }
        circle.is_open = circle.is_closed() && self.must_open(piece, servers, &circle, is_soon);
        circle
    }

    /// Whether the piece would be late if nobody else was let in.
    fn must_open(&self, piece: PieceIndex, servers: &[Server], circle: &Circle, is_soon: bool) -> bool {
        let mut best_secs = f64::MAX;
        let mut best_member_secs = f64::MAX;
        for server in servers.iter().filter(|server| self.serves(server, piece)) {
            let secs = server.eta_secs(1.0);
            best_secs = best_secs.min(secs);
            if secs < best_member_secs && circle.admits(server.id, server.standing) {
                best_member_secs = secs;
            }
        }
        let grace_secs = if is_soon { OPENS_AFTER_SOON_SECS } else { OPENS_AFTER_SECS };
        best_member_secs > best_secs * OPENS_AFTER + grace_secs
    }
}

/// Who is suspected when the hash of a piece was wrong: its unproven senders, or all if none was. With the company that each
/// may have from now on.
pub(super) fn suspects(senders: &[(PeerId, Standing)]) -> Vec<(PeerId, usize)> {
    let is_unproven = |(_, standing): &&(PeerId, Standing)| *standing != Standing::Proven;
    let unproven = senders.iter().filter(is_unproven).count();
    let accused = if unproven == 0 { senders.len() } else { unproven };
    let accuse = |(id, standing): &(PeerId, Standing)| match standing {
        // The piece was begun before the last one failed, and says nothing more.
        Standing::Suspect { company } if *company < accused => (*id, *company),
        _ => (*id, (accused / 2).max(1)),
    };
    senders.iter().filter(|sender| unproven == 0 || is_unproven(sender)).map(accuse).collect()
}
