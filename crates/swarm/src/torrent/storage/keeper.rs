//! One torrent's part in the storage of all.

use std::io;
use std::ops::Range;
use std::sync::{Arc, PoisonError};
use std::time::Instant;

use bytes::Bytes;
use tokio::sync::mpsc;

use super::{BEGIN_WAIT, Member, Place, Stand, State, Storage, WRITERS, Whereabouts};
use crate::bitfield::Bitfield;
use crate::layout::{Layout, PieceIndex};
use crate::pieces::{Checked, NoRoom, Resume, TorrentFiles};
use crate::torrent::{StorageFailure, ToTorrent};

/// How often pieces are given up for one that the disk has no room for.
const DISK_FULL_TRIES: usize = 4;

/// Why a piece is not kept.
#[derive(Debug, Clone)]
pub(crate) enum Unwritten {
    /// All that is kept is needed more.
    NoRoom {
        is_disk_low: bool,
    },
    Failed(StorageFailure),
}

/// See the module. When it is dropped the torrent has ended: its pieces stay, until they have to go.
#[derive(Debug)]
pub(crate) struct Keeper {
    storage: Arc<Storage>,
    whereabouts: Whereabouts,
    files: TorrentFiles,
    inbox: mpsc::Sender<ToTorrent>,
    number: u64,
    session: u64,
}

impl Storage {
    /// Takes a torrent in; only [`Keeper::begin`] lets it take part.
    ///
    /// # Errors
    /// `InvalidInput` if files and layout of the torrent differ.
    pub(crate) fn enlist(
        self: &Arc<Self>,
        whereabouts: Whereabouts,
        inbox: mpsc::Sender<ToTorrent>,
    ) -> io::Result<Keeper> {
        let files = whereabouts.open(&self.pieces_dir)?;
        let mut state = self.lock();
        state.sessions += 1;
        let session = state.sessions;
        let number = *state.numbers.entry(whereabouts.info_hash).or_insert(session);
        drop(state);
        Ok(Keeper { storage: Arc::clone(self), whereabouts, files, inbox, number, session })
    }
}

impl Keeper {
    pub(crate) fn files(&self) -> &TorrentFiles {
        &self.files
    }

    /// Looks what lies on the disk, gives back what nobody remembers, and books the rest. Blocks; waits for a torrent with
    /// the same files that is about to end.
    pub(crate) fn begin(&self, resume: Option<&Resume>, is_pinned: bool) -> Checked {
        self.wait_for_the_last(is_pinned);
        self.book_what_is_here(resume)
    }

    /// Books what lies on the disk of a torrent that takes no part, so that it counts and can go. One that takes part, or
    /// did since the start, is in the books already. Blocks.
    pub(super) fn count(self, resume: Option<&Resume>, is_pinned: bool) {
        {
            let mut state = self.storage.lock();
            if state.members.contains_key(&self.number) {
                return;
            }
            self.take_place(&mut state, is_pinned);
        }
        self.book_what_is_here(resume);
    }

    fn book_what_is_here(&self, resume: Option<&Resume>) -> Checked {
        let checked = self.files.check(resume);
        let stuck_bytes = self.files.punch_unkept().map_or(0, |result| result.stuck_bytes);
        let may_be_here = checked.may_be_here();
        {
            let mut state = self.storage.lock();
            let Some(member) = state.members.get_mut(&self.number) else { return checked };
            member.here = may_be_here.clone();
            member.stuck_bytes = stuck_bytes;
            state.budget.set_overhead(self.number, stuck_bytes);
            for piece in may_be_here.iter_ones() {
                state.budget.stored(self.number, piece, self.layout().bytes_of(piece));
            }
            state.reshare();
        }
        self.storage.look_at_disk();
        self.storage.settle();
        checked
    }

    fn wait_for_the_last(&self, is_pinned: bool) {
        let until = Instant::now() + BEGIN_WAIT;
        let mut state = self.storage.lock();
        let is_busy = |state: &State| {
            let member = state.members.get(&self.number);
            member.is_some_and(|member| member.session.is_some() || member.going > 0)
        };
        while is_busy(&state) {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                tracing::warn!(info_hash = %self.whereabouts.info_hash, "its last transfers did not end in time");
                break;
            }
            state = self.storage.settled.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
        }
        self.take_place(&mut state, is_pinned);
    }

    fn take_place(&self, state: &mut State, is_pinned: bool) {
        // Until they are looked at, its pieces count but are no victims.
        let used_bytes = state.budget.bytes_of(self.number);
        state.budget.forget(self.number);
        state.budget.set_overhead(self.number, used_bytes);
        state.budget.pin(self.number, pins(is_pinned, self.layout()));
        let member = Member {
            place: Place::Open { files: self.files.clone(), inbox: self.inbox.clone() },
            whereabouts: self.whereabouts.clone(),
            session: Some(self.session),
            going: 0,
            here: Bitfield::new(self.layout().pieces()),
            is_pinned,
            stuck_bytes: used_bytes,
            readers: Default::default(),
        };
        state.members.insert(self.number, member);
        // It may have been forgotten since it was enlisted.
        state.numbers.insert(self.whereabouts.info_hash, self.number);
    }

    /// Writes a piece, after what has to go for it was given up. Unless `may_displace`, nothing goes for it. Blocks.
    ///
    /// The piece does not go before [`Keeper::release`].
    ///
    /// # Errors
    /// [`Unwritten`]; then the piece is not kept.
    pub(crate) fn write(
        &self,
        piece: PieceIndex,
        blocks: &[Bytes],
        may_displace: bool,
    ) -> Result<(), Unwritten> {
        self.storage.look_at_disk();
        let bytes = self.layout().bytes_of(piece);
        let victims = {
            let mut state = self.storage.lock();
            let is_disk_low = state.is_disk_low;
            let victims = self.book(&mut state, piece, bytes, may_displace);
            victims.map_err(|_| Unwritten::NoRoom { is_disk_low })?
        };
        self.storage.give_up(victims);
        let mut tries = 0;
        let error = loop {
            match self.files.write_piece(piece, blocks) {
                Ok(()) => return Ok(()),
                Err(error) if is_full(&error) && tries < DISK_FULL_TRIES && self.free(bytes) => tries += 1,
                Err(error) => break error,
            }
        };
        self.unbook(piece);
        Err(Unwritten::Failed(error.into()))
    }

    fn book(
        &self,
        state: &mut State,
        piece: PieceIndex,
        bytes: u32,
        may_displace: bool,
    ) -> Result<Vec<super::Victim>, NoRoom> {
        let needed_bytes = if self.needs_room(state, piece) { u64::from(bytes) } else { 0 };
        if !may_displace && !has_free(state, needed_bytes) {
            return Err(NoRoom { short_bytes: needed_bytes });
        }
        let victims = state.take_room(needed_bytes)?;
        state.budget.stored(self.number, piece, bytes);
        state.budget.protect(self.number, WRITERS + u64::from(piece.0), piece.0..piece.0 + 1);
        if let Some(member) = state.members.get_mut(&self.number) {
            member.here.set(piece);
        }
        Ok(victims)
    }

    /// What is pinned takes no part of the budget; on a full disk it takes room as everything does.
    fn needs_room(&self, state: &State, piece: PieceIndex) -> bool {
        let member = state.members.get(&self.number);
        member.is_none_or(|member| !member.here.get(piece) && (!member.is_pinned || state.is_disk_low))
    }

    /// Makes so much room on a disk that is full before the budget is. False if there is nothing more to give up.
    pub(super) fn free(&self, bytes: u32) -> bool {
        let victims = {
            let mut state = self.storage.lock();
            let less_bytes = state.budget.total_bytes().saturating_sub(u64::from(bytes));
            state.take_room_below(Some(less_bytes), 0).unwrap_or_default()
        };
        let has_victims = !victims.is_empty();
        self.storage.give_up(victims);
        has_victims
    }

    /// What was written may go like any other piece from now on. Blocks, if it has to.
    pub(crate) fn release(&self, piece: PieceIndex) {
        let victims = {
            let mut state = self.storage.lock();
            state.budget.unprotect(self.number, WRITERS + u64::from(piece.0));
            state.take_what_is_too_much()
        };
        self.storage.give_up(victims);
    }

    /// A piece that lies on the disk is none. Blocks.
    pub(crate) fn discard(&self, piece: PieceIndex) {
        if let Err(error) = self.files.punch(piece) {
            tracing::debug!(piece = piece.0, %error, "the space of a wrong piece stays used");
        }
        self.unbook(piece);
    }

    fn unbook(&self, piece: PieceIndex) {
        let mut state = self.storage.lock();
        state.budget.gave_up(self.number, piece);
        state.budget.unprotect(self.number, WRITERS + u64::from(piece.0));
        if let Some(member) = state.members.get_mut(&self.number) {
            member.here.clear(piece);
        }
        state.revision += 1;
    }

    /// A reader stands there now. Gives how many pieces may be fetched for it, from where it stands on.
    pub(crate) fn stand(&self, reader: u64, stand: Stand) -> u32 {
        let mut state = self.storage.lock();
        let Some(member) = state.members.get_mut(&self.number) else { return stand.ahead };
        let place = member.readers.entry(reader).or_insert((stand, super::Share::default()));
        let is_new = place.1 == super::Share::default() || place.0 != stand;
        place.0 = stand;
        if is_new {
            state.reshare();
        }
        let share = state.members.get(&self.number).and_then(|member| member.readers.get(&reader));
        share.map_or(stand.ahead, |(_, share)| share.ahead)
    }

    /// The reader is gone.
    pub(crate) fn leave(&self, reader: u64) {
        let mut state = self.storage.lock();
        if let Some(member) = state.members.get_mut(&self.number) {
            member.readers.remove(&reader);
        }
        state.budget.unprotect(self.number, reader);
        state.reshare();
    }

    /// These pieces are being read.
    pub(crate) fn touch(&self, pieces: Range<u32>) {
        let mut state = self.storage.lock();
        for piece in pieces {
            state.budget.touched(self.number, PieceIndex(piece));
        }
    }

    /// What is pinned stays, and takes no part of the budget. Blocks, when more is kept afterwards than the budget allows.
    pub(crate) fn set_pinned(&self, is_pinned: bool) {
        self.storage.lock().set_pinned(self.number, is_pinned);
        self.storage.settle();
    }

    /// Whether so many bytes can be written without giving anything up.
    pub(crate) fn has_free(&self, bytes: u64) -> bool {
        let state = self.storage.lock();
        let is_pinned = state.members.get(&self.number).is_some_and(|member| member.is_pinned);
        let takes_none = is_pinned && !state.is_disk_low;
        takes_none || has_free(&state, bytes)
    }

    pub(crate) fn is_disk_low(&self) -> bool {
        self.storage.lock().is_disk_low
    }

    /// Another number after each change that may make room, or cut a window.
    pub(crate) fn revision(&self) -> u64 {
        self.storage.lock().revision
    }

    /// As [`Storage::look_at_disk`].
    pub(crate) fn look_at_disk(&self) {
        self.storage.look_at_disk();
    }

    fn layout(&self) -> Layout {
        self.whereabouts.layout
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        let mut state = self.storage.lock();
        let State { members, budget, .. } = &mut *state;
        let Some(member) = members.get_mut(&self.number) else { return };
        if member.session != Some(self.session) {
            return;
        }
        member.session = None;
        member.place = Place::Ended;
        for reader in std::mem::take(&mut member.readers).into_keys() {
            budget.unprotect(self.number, reader);
        }
        state.reshare();
        drop(state);
        self.storage.settled.notify_all();
    }
}

pub(super) fn pins(is_pinned: bool, layout: Layout) -> Vec<Range<u32>> {
    let all = 0..layout.pieces();
    is_pinned.then_some(all).into_iter().collect()
}

fn has_free(state: &State, bytes: u64) -> bool {
    state.limit().is_none_or(|limit| state.budget.total_bytes().saturating_add(bytes) <= limit)
}

fn is_full(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)
}
