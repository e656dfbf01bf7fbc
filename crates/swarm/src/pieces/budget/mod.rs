//! Which pieces have to go so that all torrents together stay within so many bytes.
//!
//! Only books: nothing here touches a disk or a clock. The order in which pieces go is that of the calls, so the same
//! calls always give the same victims.

mod first_used;
mod torrent;

use std::collections::{BTreeSet, HashMap};
use std::ops::Range;

use crate::layout::PieceIndex;
use torrent::{Candidate, Torrent};

/// The books of all torrents, each called by a number that the caller chooses.
///
/// A piece is booked with [`stored`](Self::stored) before it is written, right after [`room_for`](Self::room_for) made
/// the room: then two writers can't be given the same room. If the write fails, [`gave_up`](Self::gave_up) takes it off.
///
/// Victims are first the pieces behind all readers of their torrent, then all others; among both, those go first that
/// were not used for the longest time. Pieces that a reader protects and pinned ones are never victims. Pinned ones do
/// not count at all: they are there because the user wants whole files, which is no use of the cache.
///
/// A call costs the logarithm of the number of pieces, times the readers of the torrent. [`pin`](Self::pin) and
/// [`forget`](Self::forget) cost as much for each piece they concern. The memory is that of 20 bytes for each piece up
/// to the last one stored.
#[derive(Debug)]
pub struct Budget {
    budget_bytes: Option<u64>,
    total_bytes: u64,
    /// Counts uses: no two pieces have the same.
    clock: u64,
    torrents: HashMap<u64, Torrent>,
    /// The piece of each torrent that would go first. Sorted in the order they go.
    victims: BTreeSet<(Candidate, u64)>,
}

/// Only pieces that may not go are left.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("all pieces that may go are not enough: {short_bytes} bytes are missing")]
pub struct NoRoom {
    pub short_bytes: u64,
}

impl Budget {
    /// `None` is no limit.
    pub fn new(budget_bytes: Option<u64>) -> Self {
        Self { budget_bytes, total_bytes: 0, clock: 0, torrents: HashMap::new(), victims: BTreeSet::new() }
    }

    /// After a smaller budget, [`room_for`](Self::room_for) 0 bytes tells what has to go.
    pub fn set_budget(&mut self, budget_bytes: Option<u64>) {
        self.budget_bytes = budget_bytes;
    }

    pub fn budget_bytes(&self) -> Option<u64> {
        self.budget_bytes
    }

    /// What counts against the budget now.
    pub fn total_bytes(&self) -> u64 {
        self.total_bytes
    }

    /// What counts of this torrent.
    pub fn bytes_of(&self, torrent: u64) -> u64 {
        self.torrents.get(&torrent).map_or(0, Torrent::counted_bytes)
    }

    /// A piece is here, and was used now. Once more for the same piece only replaces its length.
    pub fn stored(&mut self, torrent: u64, piece: PieceIndex, bytes: u32) {
        let now = self.tick();
        self.change(torrent, |torrent| torrent.store(piece.0, bytes, now));
    }

    /// A piece was read now.
    pub fn touched(&mut self, torrent: u64, piece: PieceIndex) {
        let now = self.tick();
        self.change_known(torrent, |torrent| torrent.touch(piece.0, now));
    }

    /// A piece is here no longer, for another reason than [`room_for`](Self::room_for).
    pub fn gave_up(&mut self, torrent: u64, piece: PieceIndex) {
        self.change_known(torrent, |torrent| torrent.remove(piece.0));
    }

    /// A reader stands at the first of these pieces and wants all of them; takes the place of what it protected before.
    /// An empty range protects nothing, but still says what lies behind the reader.
    pub fn protect(&mut self, torrent: u64, reader: u64, pieces: Range<u32>) {
        self.change(torrent, |torrent| torrent.protect(reader, pieces));
    }

    /// The reader is gone.
    pub fn unprotect(&mut self, torrent: u64, reader: u64) {
        self.change_known(torrent, |torrent| torrent.unprotect(reader));
    }

    /// These pieces stay, and don't count; takes the place of what was pinned before. What is pinned no longer counts
    /// again as used now, so [`room_for`](Self::room_for) 0 bytes may have to follow.
    pub fn pin(&mut self, torrent: u64, pieces: Vec<Range<u32>>) {
        let mut clock = self.clock;
        self.change(torrent, |torrent| torrent.pin(pieces, &mut clock));
        self.clock = clock;
    }

    /// Bytes that the torrent uses beside its pieces, such as space that the file system did not take back
    /// ([`PunchResult::stuck_bytes`](super::PunchResult::stuck_bytes)). They count, and only
    /// [`forget`](Self::forget) frees them.
    pub fn set_overhead(&mut self, torrent: u64, bytes: u64) {
        self.change(torrent, |torrent| torrent.set_overhead(bytes));
    }

    /// The torrent has no pieces and no readers any more.
    pub fn forget(&mut self, torrent: u64) {
        if let Some(forgotten) = self.torrents.remove(&torrent) {
            self.total_bytes -= forgotten.counted_bytes();
            if let Some(first) = forgotten.first_to_go() {
                self.victims.remove(&(first, torrent));
            }
        }
    }

    /// The pieces to give up before so many bytes more are written, in this order. They are off the books at once; one
    /// that stays after all has to be [`stored`](Self::stored) again.
    ///
    /// # Errors
    /// [`NoRoom`]; then nothing has to go and the books are as before.
    pub fn room_for(&mut self, bytes: u64) -> Result<Vec<(u64, PieceIndex)>, NoRoom> {
        let Some(budget_bytes) = self.budget_bytes else { return Ok(Vec::new()) };
        let mut short_bytes = self.total_bytes.saturating_add(bytes).saturating_sub(budget_bytes);
        let mut taken: Vec<(u64, Candidate, u32)> = Vec::new();
        while short_bytes > 0 {
            let Some(&(first, torrent)) = self.victims.first() else {
                for (torrent, piece, bytes) in taken {
                    self.change_known(torrent, |torrent| torrent.store(piece.piece, bytes, piece.last_use));
                }
                return Err(NoRoom { short_bytes });
            };
            let freed_bytes = self.torrents.get(&torrent).map_or(0, |torrent| torrent.bytes_of(first.piece));
            self.change_known(torrent, |torrent| torrent.remove(first.piece));
            short_bytes = short_bytes.saturating_sub(u64::from(freed_bytes));
            taken.push((torrent, first, freed_bytes));
        }
        Ok(taken.into_iter().map(|(torrent, first, _)| (torrent, PieceIndex(first.piece))).collect())
    }

    fn tick(&mut self) -> u64 {
        self.clock += 1;
        self.clock
    }

    fn change(&mut self, torrent: u64, change: impl FnOnce(&mut Torrent)) {
        self.torrents.entry(torrent).or_default();
        self.change_known(torrent, change);
    }

    /// Keeps the totals and the order of victims right.
    fn change_known(&mut self, number: u64, change: impl FnOnce(&mut Torrent)) {
        let Some(torrent) = self.torrents.get_mut(&number) else { return };
        let (bytes_before, first_before) = (torrent.counted_bytes(), torrent.first_to_go());
        change(torrent);
        let first = torrent.first_to_go();
        self.total_bytes = self.total_bytes - bytes_before + torrent.counted_bytes();
        if first != first_before {
            if let Some(first_before) = first_before {
                self.victims.remove(&(first_before, number));
            }
            if let Some(first) = first {
                self.victims.insert((first, number));
            }
        }
    }
}

#[cfg(test)]
mod tests;
