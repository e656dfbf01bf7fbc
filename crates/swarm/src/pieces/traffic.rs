//! Who does what with which pieces at this moment, so that nobody reads a hole or loses what was just written.
//!
//! Readers wait for nobody: a piece that is kept is not being taken away, and giving up others must not hold up a
//! player. Who writes or takes away waits for those at the same pieces.

use std::io;
use std::ops::Range;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::Bitfield;
use crate::layout::PieceIndex;

/// How long one waits for others at the same pieces. Each of them is one read, write or hole, so only a disk that
/// hangs makes anyone wait so long.
const PIECE_WAIT: Duration = Duration::from_secs(60);

#[derive(Debug)]
pub(super) struct Traffic {
    state: Mutex<State>,
    /// Somebody left.
    left: Condvar,
}

#[derive(Debug)]
struct State {
    /// The pieces whose bytes count.
    kept: Bitfield,
    is_closed: bool,
    readers: Vec<Range<u32>>,
    /// Of who writes or takes away. They never overlap.
    changers: Vec<Range<u32>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Role {
    Reader,
    Changer,
}

/// The right to be at some pieces, until it is dropped.
#[derive(Debug)]
pub(super) struct Pass<'a> {
    traffic: &'a Traffic,
    role: Role,
    pieces: Range<u32>,
}

impl Traffic {
    pub(super) fn new(kept: Bitfield) -> Self {
        let state = State { kept, is_closed: false, readers: Vec::new(), changers: Vec::new() };
        Self { state: Mutex::new(state), left: Condvar::new() }
    }

    pub(super) fn kept(&self) -> Bitfield {
        self.lock().kept.clone()
    }

    pub(super) fn holds(&self, piece: PieceIndex) -> bool {
        self.lock().kept.get(piece)
    }

    pub(super) fn set_kept(&self, kept: Bitfield) {
        self.lock().kept = kept;
    }

    /// # Errors
    /// `NotFound` if one of the pieces is not kept, or all is closed.
    pub(super) fn read(&self, pieces: Range<u32>) -> io::Result<Pass<'_>> {
        let mut state = self.lock();
        let is_here = pieces.clone().all(|piece| state.kept.get(PieceIndex(piece)));
        if is_here { state.enter(self, Role::Reader, pieces) } else { Err(io::ErrorKind::NotFound.into()) }
    }

    /// For who needs the files to stay where they are, whatever is in them. Waits for those who take away.
    ///
    /// # Errors
    /// `NotFound` if all is closed; `TimedOut`.
    pub(super) fn visit(&self, pieces: Range<u32>) -> io::Result<Pass<'_>> {
        let mut state = self.wait_while(self.lock(), |state| state.is_changed(&pieces))?;
        state.enter(self, Role::Reader, pieces)
    }

    /// # Errors
    /// `NotFound` if all is closed; `TimedOut`.
    pub(super) fn write(&self, piece: PieceIndex) -> io::Result<Pass<'_>> {
        let pieces = piece.0..piece.0 + 1;
        let mut state = self.wait_while(self.lock(), |state| state.is_changed(&pieces))?;
        state.enter(self, Role::Changer, pieces)
    }

    /// What was written counts from now on.
    pub(super) fn keep(&self, pieces: Range<u32>) {
        let mut state = self.lock();
        for piece in pieces {
            state.kept.set(PieceIndex(piece));
        }
    }

    /// To take these pieces away: they are not kept any more. The pass is also for the pieces around them inside of
    /// `reach` that nobody keeps or changes.
    ///
    /// # Errors
    /// `NotFound` if all is closed; `TimedOut`, after which the pieces are not kept either.
    pub(super) fn take(&self, pieces: Range<u32>, reach: Range<u32>) -> io::Result<Pass<'_>> {
        let mut state = self.wait_while(self.lock(), |state| {
            // Each time: who wrote one of them meanwhile kept it.
            for piece in pieces.clone() {
                state.kept.clear(PieceIndex(piece));
            }
            state.is_used(&pieces)
        })?;
        let around = state.free_around(&pieces, &reach);
        state.enter(self, Role::Changer, around)
    }

    /// As [`take`](Self::take), if none of the pieces is kept.
    pub(super) fn take_unkept(&self, pieces: Range<u32>, reach: Range<u32>) -> io::Result<Option<Pass<'_>>> {
        let mut state = self.wait_while(self.lock(), |state| state.is_used(&pieces))?;
        if state.kept.ones_in(pieces.clone()).next().is_some() {
            return Ok(None);
        }
        let around = state.free_around(&pieces, &reach);
        state.enter(self, Role::Changer, around).map(Some)
    }

    /// Nobody gets in any more; waits for those who are. Nothing is kept.
    ///
    /// # Errors
    /// `TimedOut`.
    pub(super) fn close(&self) -> io::Result<()> {
        let mut state = self.lock();
        state.is_closed = true;
        state.kept = Bitfield::new(state.kept.pieces());
        self.wait_while(state, |state| !state.readers.is_empty() || !state.changers.is_empty()).map(drop)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wait_while<'a>(
        &'a self,
        mut state: MutexGuard<'a, State>,
        mut must_wait: impl FnMut(&mut State) -> bool,
    ) -> io::Result<MutexGuard<'a, State>> {
        let until = Instant::now() + PIECE_WAIT;
        while must_wait(&mut state) {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Err(io::ErrorKind::TimedOut.into());
            }
            state = self.left.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
        }
        Ok(state)
    }
}

impl State {
    fn enter<'a>(&mut self, traffic: &'a Traffic, role: Role, pieces: Range<u32>) -> io::Result<Pass<'a>> {
        if self.is_closed {
            return Err(io::ErrorKind::NotFound.into());
        }
        self.of(role).push(pieces.clone());
        Ok(Pass { traffic, role, pieces })
    }

    fn of(&mut self, role: Role) -> &mut Vec<Range<u32>> {
        match role {
            Role::Reader => &mut self.readers,
            Role::Changer => &mut self.changers,
        }
    }

    fn is_changed(&self, pieces: &Range<u32>) -> bool {
        self.changers.iter().any(|changed| overlap(changed, pieces))
    }

    fn is_used(&self, pieces: &Range<u32>) -> bool {
        self.is_changed(pieces) || self.readers.iter().any(|read| overlap(read, pieces))
    }

    fn free_around(&self, pieces: &Range<u32>, reach: &Range<u32>) -> Range<u32> {
        // Read or changed, but not kept: who visits, and who writes.
        let is_free =
            |piece: &u32| !self.kept.get(PieceIndex(*piece)) && !self.is_used(&(*piece..*piece + 1));
        let before = (reach.start..pieces.start).rev().take_while(is_free).count() as u32;
        let after = (pieces.end..reach.end).take_while(is_free).count() as u32;
        pieces.start - before..pieces.end + after
    }
}

impl Pass<'_> {
    pub(super) fn pieces(&self) -> Range<u32> {
        self.pieces.clone()
    }
}

impl Drop for Pass<'_> {
    fn drop(&mut self) {
        let mut state = self.traffic.lock();
        let passes = state.of(self.role);
        if let Some(place) = passes.iter().position(|pieces| *pieces == self.pieces) {
            passes.swap_remove(place);
        }
        drop(state);
        self.traffic.left.notify_all();
    }
}

fn overlap(a: &Range<u32>, b: &Range<u32>) -> bool {
    a.start.max(b.start) < a.end.min(b.end)
}

#[cfg(test)]
mod tests {
    use std::io::ErrorKind;
    use std::sync::mpsc::sync_channel;

    use super::*;

    fn traffic(kept: &[u32]) -> Traffic {
        let mut pieces = Bitfield::new(10);
        for piece in kept {
            pieces.set(PieceIndex(*piece));
        }
        Traffic::new(pieces)
    }

    #[test]
    fn readers_pass_by_whoever_takes_other_pieces() {
        let traffic = traffic(&[0, 1, 2]);
        let taken = traffic.take(1..2, 0..10).unwrap();
        assert_eq!(taken.pieces(), 1..2);
        assert_eq!(traffic.read(0..2).unwrap_err().kind(), ErrorKind::NotFound);
        drop((traffic.read(0..1).unwrap(), traffic.read(2..3).unwrap()));
    }

    #[test]
    fn taking_reaches_up_to_what_is_kept_or_written() {
        let traffic = traffic(&[1, 9]);
        let written = traffic.write(PieceIndex(6)).unwrap();
        assert_eq!(traffic.take(4..5, 0..10).unwrap().pieces(), 2..6);
        assert_eq!(traffic.take(4..5, 3..5).unwrap().pieces(), 3..5);
        traffic.keep(6..7);
        drop(written);
        assert!(traffic.take_unkept(5..7, 0..10).unwrap().is_none());
        assert_eq!(traffic.take(6..7, 0..10).unwrap().pieces(), 2..9);
        assert_eq!(traffic.take_unkept(5..7, 5..10).unwrap().unwrap().pieces(), 5..9);
    }

    /// Runs `enter` in a thread while `first` is in, and gives back whether it had to wait.
    fn has_to_wait<'a>(first: Pass<'a>, enter: impl FnOnce() -> io::Result<Pass<'a>> + Send) -> bool {
        let (tell, told) = sync_channel(1);
        std::thread::scope(|scope| {
            let entered = scope.spawn(move || {
                let pass = enter();
                tell.send(()).unwrap();
                pass.map(drop)
            });
            let has_to_wait = told.recv_timeout(Duration::from_millis(50)).is_err();
            drop(first);
            entered.join().unwrap().unwrap();
            has_to_wait
        })
    }

    #[test]
    fn who_takes_waits_for_readers_and_writers_of_the_same_piece_only() {
        let traffic = traffic(&[3, 4]);
        assert!(has_to_wait(traffic.read(3..5).unwrap(), || traffic.take(4..5, 4..5)));
        assert!(!traffic.holds(PieceIndex(4)) && traffic.holds(PieceIndex(3)));
        assert!(!has_to_wait(traffic.read(3..4).unwrap(), || traffic.take(4..5, 4..5)));
        assert!(has_to_wait(traffic.write(PieceIndex(7)).unwrap(), || traffic.take(7..8, 7..8)));
        assert!(has_to_wait(traffic.take(5..6, 5..8).unwrap(), || traffic.write(PieceIndex(7))));
        assert!(!has_to_wait(traffic.take(5..6, 5..8).unwrap(), || traffic.write(PieceIndex(8))));
        assert!(has_to_wait(traffic.take(5..6, 5..6).unwrap(), || traffic.visit(0..10)));
    }

    #[test]
    fn what_was_kept_while_one_waited_to_take_it_is_not_kept() {
        let traffic = traffic(&[]);
        let writing = traffic.write(PieceIndex(1)).unwrap();
        std::thread::scope(|scope| {
            let taken = scope.spawn(|| traffic.take(1..2, 1..2).map(drop));
            traffic.keep(1..2);
            drop(writing);
            taken.join().unwrap().unwrap();
        });
        assert!(!traffic.holds(PieceIndex(1)));
    }

    #[test]
    fn after_the_close_nobody_gets_in() {
        let traffic = traffic(&[1]);
        std::thread::scope(|scope| {
            let reading = traffic.read(1..2).unwrap();
            let closed = scope.spawn(|| traffic.close());
            while traffic.holds(PieceIndex(1)) {
                std::thread::yield_now();
            }
            assert!(!closed.is_finished());
            drop(reading);
            closed.join().unwrap().unwrap();
        });
        let refused = [
            traffic.read(1..2).map(drop),
            traffic.visit(0..1).map(drop),
            traffic.write(PieceIndex(0)).map(drop),
            traffic.take(0..1, 0..1).map(drop),
        ];
        assert!(refused.into_iter().all(|result| result.unwrap_err().kind() == ErrorKind::NotFound));
    }
}
