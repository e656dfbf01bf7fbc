//! What readers ask for, and what they are answered.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::oneshot;

use super::checks::PieceData;
use super::is_here;
use super::readers::{Granted, MAX_GRANT_BYTES};
use super::storage::Stand;
use super::task::Task;
use super::timeline::Happening;
use crate::layout::{Layout, PieceIndex};
use crate::schedule::{Action, Demand, PieceState, ReaderId, Scheduler};

impl Task {
    pub(super) fn read(&mut self, id: ReaderId, at: u64, answer: oneshot::Sender<Granted>) {
        let now = self.now();
        if let Some(error) = &self.failure {
            let _ = answer.send(Granted::Failed(error.clone()));
            return;
        }
        let Some(is_seek) = self.readers.wants(id, at, answer, now) else { return };
        if is_seek {
            self.timeline.note(now, Happening::Seek { reader: id, to_byte: at });
        }
        self.set_demand(id, now);
        self.check_doubtful();
        let layout = self.spec.layout;
        let piece = layout.piece_at(at);
        if !is_here(self.scheduler.state(piece)) {
            if self.is_paused {
                self.readers.answer(&layout, piece, |_, _| Granted::Paused, now);
            } else if self.waiting.is_none() {
                self.report(now);
                self.publish(now);
            }
            return;
        }
        self.keeper.touch(layout.pieces_of(at..at.saturating_add(MAX_GRANT_BYTES)));
        let (scheduler, unwritten) = (&self.scheduler, &self.unwritten);
        let grant = |at, end| grant(scheduler, unwritten, &layout, at, end);
        self.readers.answer(&layout, piece, grant, now);
    }

    /// What there is from `at` on, for somebody for whom nothing is fetched.
    pub(super) fn what_is_here(&self, at: u64, end: u64) -> Granted {
        let layout = self.spec.layout;
        if !is_here(self.scheduler.state(layout.piece_at(at))) {
            return Granted::NotHere;
        }
        let end = end.min(at.saturating_add(MAX_GRANT_BYTES));
        grant(&self.scheduler, &self.unwritten, &layout, at, end)
    }

    /// Cuts the window of a reader so that all windows together fit into the budget, and has it fetched.
    fn set_demand(&mut self, id: ReaderId, now: Duration) {
        let Some(wish) = self.readers.wish(id) else { return };
        let (demand, is_new) = self.cut(id, wish);
        if is_new {
            // The scheduler passes over small steps, and a small window moves in such.
            self.scheduler.remove_demand(id);
        }
        self.scheduler.set_demand(id, demand, now);
    }

    /// After others took room, or gave it back.
    pub(super) fn cut_windows(&mut self, now: Duration) {
        if self.shared_at == self.keeper.revision() {
            return;
        }
        for id in self.readers.ids() {
            let Some(wish) = self.readers.wish(id) else { continue };
            if self.readers.has_begun(id) && self.cut(id, wish).1 {
                self.set_demand(id, now);
            }
        }
        self.shared_at = self.keeper.revision();
    }

    /// What a reader gets of its wish, and whether its window ends elsewhere than before.
    fn cut(&mut self, id: ReaderId, wish: Demand) -> (Demand, bool) {
        let layout = self.spec.layout;
        let at = layout.piece_at(wish.start_byte).0;
        let wanted = layout.pieces_of(wish.start_byte..wish.start_byte.saturating_add(wish.window_bytes));
        let ahead = wanted.len() as u32;
        let stand = Stand { class: wish.class, at, ahead, piece_bytes: layout.piece_bytes() };
        let granted = self.keeper.stand(id.0, stand);
        let end = (granted < ahead).then(|| layout.start_of(PieceIndex(at + granted)));
        let is_new = self.readers.end_window(id, end);
        let window_bytes = end.map_or(u64::MAX, |end| end.saturating_sub(wish.start_byte));
        (Demand { window_bytes: wish.window_bytes.min(window_bytes), ..wish }, is_new)
    }

    pub(super) fn close_reader(&mut self, id: ReaderId) {
        if self.readers.close(id) {
            self.timeline.note(self.now(), Happening::ReaderClosed { reader: id });
            self.scheduler.remove_demand(id);
            self.keeper.leave(id.0);
        }
    }

    pub(super) fn set_paused(&mut self, is_paused: bool, actions: &mut Vec<Action>) {
        if self.is_paused == is_paused {
            return;
        }
        self.is_paused = is_paused;
        if is_paused {
            let now = self.now();
            self.readers.answer_all(|_, _| Granted::Paused, now);
            self.choke_all();
            self.scheduler.take_all_back(self.context.epoch.elapsed(), actions);
        } else {
            let now = self.now();
            self.book.begin_anew(now);
            self.choked_at = None;
        }
    }
}

/// Where to read from `at`, which is here, up to `end`.
fn grant(
    scheduler: &Scheduler,
    unwritten: &HashMap<PieceIndex, Arc<PieceData>>,
    layout: &Layout,
    at: u64,
    end: u64,
) -> Granted {
    let piece = layout.piece_at(at);
    match unwritten.get(&piece) {
        Some(data) => Granted::Memory { piece, data: Arc::clone(data) },
        None => Granted::Disk { until: here_until_written(scheduler, unwritten, layout, at, end) },
    }
}

/// How far everything from `at` on is here, up to `end`.
pub(super) fn here_until(scheduler: &Scheduler, layout: &Layout, at: u64, end: u64) -> u64 {
    let pieces = layout.pieces_of(at..end);
    let missing = pieces.into_iter().find(|piece| scheduler.state(PieceIndex(*piece)) != PieceState::Have);
    missing.map_or(end, |piece| layout.start_of(PieceIndex(piece)).min(end))
}

/// As [`here_until`], on the disk.
fn here_until_written(
    scheduler: &Scheduler,
    unwritten: &HashMap<PieceIndex, Arc<PieceData>>,
    layout: &Layout,
    at: u64,
    end: u64,
) -> u64 {
    let end = here_until(scheduler, layout, at, end);
    let pieces = layout.pieces_of(at..end);
    let first = pieces.into_iter().find(|piece| unwritten.contains_key(&PieceIndex(*piece)));
    first.map_or(end, |piece| layout.start_of(PieceIndex(piece)).min(end))
}
