//! The pieces of a torrent: from the blocks that came to the files, and away again.

use std::sync::Arc;

use bytes::Bytes;

use super::StorageFailure;
use super::checks::{self, PieceData, Verdict};
use super::kept::Lifetime;
use super::readers::Granted;
use super::reading::here_until;
use super::storage::Unwritten;
use super::task::Task;
use super::timeline::Happening;
use crate::ban::{BanKey, BlockDigest};
use crate::bitfield::Bitfield;
use crate::layout::PieceIndex;
use crate::pieces::{Checked, Resume};
use crate::schedule::{Action, PeerId, PieceState};

/// Checks of hashes that run at the same time.
const CHECKS_AT_ONCE: usize = 3;
/// Pieces that nobody reads of which blocks may be under way; some more than the scheduler asks for.
const REST_AT_ONCE: usize = 16;

impl Task {
    /// A block was taken by the scheduler.
    pub(super) fn keep_block(&mut self, piece: PieceIndex, index: u32, data: Bytes, is_last: bool) {
        let blocks = self.spec.layout.blocks_of(piece) as usize;
        let place = self.blocks.entry(piece).or_insert_with(|| vec![None; blocks]);
        if let Some(block) = place.get_mut(index as usize) {
            *block = Some(data);
        }
        if is_last {
            self.held_bytes += u64::from(self.spec.layout.bytes_of(piece));
            self.unchecked.push(piece);
        }
    }

    pub(super) fn start_checks(&mut self) {
        while self.checking < CHECKS_AT_ONCE && !self.unchecked.is_empty() {
            let awaited = self.readers.awaited(&self.spec.layout);
            let first = self.unchecked.iter().position(|piece| awaited.contains(piece)).unwrap_or(0);
            let piece = self.unchecked.swap_remove(first);
            let hash = self.spec.piece_hashes.get(piece.as_usize()).copied();
            let Some((hash, blocks)) = hash.zip(self.blocks.remove(&piece)) else {
                self.let_go(piece);
                continue;
            };
            self.checking += 1;
            let blocks = blocks.into_iter().map(Option::unwrap_or_default).collect();
            let may_displace = !self.is_background(piece);
            let keeper = Arc::clone(&self.keeper);
            checks::check_and_write(piece, blocks, hash, may_displace, keeper, self.inbox.clone());
        }
    }

    pub(super) fn checked(&mut self, verdict: Verdict, actions: &mut Vec<Action>) {
        let Verdict { piece, is_right, data } = verdict;
        let Some(data) = data else {
            self.checked_on_disk(piece, is_right, actions);
            return;
        };
        self.checking -= 1;
        self.lost_in_check.remove(&piece);
        if !is_right {
            self.let_go(piece);
            self.failed_check(piece, &data);
            return;
        }
        if self.blame.is_open(piece) {
            let digests: Vec<BlockDigest> = data.blocks.iter().map(|block| BlockDigest::of(block)).collect();
            for key in self.blame.piece_verified(piece, &digests) {
                self.ban(key);
            }
        }
        for id in self.scheduler.senders_of(piece) {
            match self.peers.get(&id) {
                Some(peer) if peer.web.is_some() => self.web_seed_was_good(id),
                Some(peer) => self.book.was_good(peer.address),
                None => {}
            }
        }
        self.unwritten.insert(piece, data);
        self.is_here(piece, actions);
    }

    pub(super) fn checked_on_disk(&mut self, piece: PieceIndex, is_right: bool, actions: &mut Vec<Action>) {
        self.checking -= 1;
        let was_lost = self.lost_in_check.remove(&piece);
        if is_right && !was_lost {
            self.is_here(piece, actions);
        } else {
            self.scheduler.piece_failed(piece);
        }
        self.check_doubtful();
    }

    /// A piece is here and right.
    pub(super) fn is_here(&mut self, piece: PieceIndex, actions: &mut Vec<Action>) {
        actions.extend(self.scheduler.piece_is_here(piece));
        if self.unwritten.contains_key(&piece) {
            self.timeline.note_first(self.now(), Happening::FirstPiece);
        }
        if self.have.set(piece) {
            self.have_bytes += u64::from(self.spec.layout.bytes_of(piece));
        }
        self.has_news_to_remember = true;
        self.is_picture_old = true;
        let now = self.now();
        let layout = self.spec.layout;
        let data = self.unwritten.get(&piece).cloned();
        let scheduler = &self.scheduler;
        let grant = |at, end| match &data {
            Some(data) => Granted::Memory { piece, data: Arc::clone(data) },
            None => Granted::Disk { until: here_until(scheduler, &layout, at, end) },
        };
        self.readers.answer(&layout, piece, grant, now);
        self.tell_all_have(piece);
    }

    pub(super) fn failed_check(&mut self, piece: PieceIndex, data: &PieceData) {
        self.corrupt_bytes += u64::from(self.spec.layout.bytes_of(piece));
        let (liar, senders) = self.scheduler.piece_failed(piece);
        let key = |id: PeerId| self.peers.get(&id).map(super::peers::Peer::key);
        let sent: Vec<crate::ban::SentBlock<BanKey>> = senders
            .iter()
            .zip(&data.blocks)
            .filter_map(|(sender, block)| {
                let sender = key((*sender)?)?;
                Some(crate::ban::SentBlock { sender, digest: BlockDigest::of(block) })
            })
            .collect();
        let is_complete = sent.len() == data.blocks.len();
        tracing::debug!(piece = piece.0, ?liar, "a piece has a wrong hash");
        match liar.and_then(key) {
            Some(key) => self.ban(key),
            None if is_complete => {
                if let Some(key) = self.blame.piece_failed(piece, sent) {
                    self.ban(key);
                }
            }
            None => {}
        }
    }

    pub(super) fn written(&mut self, piece: PieceIndex, result: Result<(), Unwritten>) {
        if self.unwritten.remove(&piece).is_some() {
            self.let_go(piece);
        }
        match result {
            Ok(()) => {}
            Err(Unwritten::NoRoom { is_disk_low }) => {
                tracing::debug!(piece = piece.0, is_disk_low, "there is no room for a piece");
                self.lose(piece);
                if self.readers.wants_piece(&self.spec.layout, piece) {
                    self.full_at = Some((self.keeper.revision(), self.now()));
                }
            }
            Err(Unwritten::Failed(error)) => {
                tracing::warn!(info_hash = %self.spec.info_hash, %error, "a piece could not be written");
                self.timeline.note(self.now(), Happening::WriteFailed);
                self.lose(piece);
                self.fail(error);
            }
        }
        self.look_at_rest();
    }

    /// The memory of a whole piece is free again.
    fn let_go(&mut self, piece: PieceIndex) {
        self.held_bytes -= u64::from(self.spec.layout.bytes_of(piece));
    }

    /// A piece is not here any more.
    pub(super) fn lose(&mut self, piece: PieceIndex) {
        self.doubtful.clear(piece);
        if self.scheduler.state(piece) == PieceState::Checking {
            self.lost_in_check.insert(piece);
        }
        self.scheduler.piece_is_gone(piece);
        if !self.have.clear(piece) {
            return;
        }
        self.have_bytes -= u64::from(self.spec.layout.bytes_of(piece));
        self.has_news_to_remember = true;
        self.is_picture_old = true;
        self.tell_all_gone(piece);
        self.update_interests();
    }

    // --- the budget

    /// Whether nobody reads this piece, and it is only fetched because there is room.
    fn is_background(&self, piece: PieceIndex) -> bool {
        self.rest.as_ref().is_some_and(|rest| rest.get(piece))
            && !self.readers.wants_piece(&self.spec.layout, piece)
    }

    pub(super) fn set_rest(&mut self, wanted: Option<Bitfield>) {
        self.rest = wanted.filter(|wanted| wanted.pieces() == self.spec.layout.pieces());
        self.scheduler.set_rest(None);
        self.is_rest_fetched = false;
        self.look_at_rest();
    }

    /// What nobody reads is fetched only while there is room for all of it that may come at once.
    pub(super) fn look_at_rest(&mut self) {
        let Some(rest) = &self.rest else { return };
        let piece_bytes = u64::from(self.spec.layout.piece_bytes());
        let at_once = (self.unwritten.len() + self.checking + REST_AT_ONCE) as u64;
        let has_room = || {
            if self.keeper.has_free(at_once * piece_bytes) {
                return true;
            }
            let missing = rest.count() - rest.and(&self.have).count();
            u64::from(missing) < at_once && self.keeper.has_free(u64::from(missing) * piece_bytes)
        };
        let may = self.allows_background && self.context.dialer.settings().background;
        let is_allowed = may && has_room();
        if is_allowed != self.is_rest_fetched {
            self.is_rest_fetched = is_allowed;
            self.scheduler.set_rest(is_allowed.then(|| rest.clone()));
        }
    }

    pub(super) fn set_pinned(&mut self, is_pinned: bool) {
        self.keeping.is_pinned = is_pinned;
        let keeper = Arc::clone(&self.keeper);
        self.context.tasks.spawn_blocking(move || keeper.set_pinned(is_pinned));
    }

    pub(super) fn fail(&mut self, error: StorageFailure) {
        let now = self.now();
        self.readers.answer_all(|_, _| Granted::Failed(error.clone()), now);
        self.failure = Some(error);
        self.publish(now);
    }

    // --- the disk

    pub(super) async fn look_at_disk(&mut self, is_pinned: bool) {
        let keeper = Arc::clone(&self.keeper);
        let resume = Arc::clone(&self.context.resume);
        let info_hash = self.spec.info_hash;
        let look = move || {
            let remembered = resume.load(info_hash);
            (keeper.begin(remembered.as_ref(), is_pinned), remembered)
        };
        let looked = tokio::task::spawn_blocking(look).await;
        let Ok((Checked { trusted, doubtful, .. }, remembered)) = looked else { return };
        if let Some(remembered) = remembered {
            self.keeping.before = Lifetime::of(&remembered);
        }
        for piece in trusted.iter_ones() {
            self.scheduler.piece_is_here(piece);
            self.have.set(piece);
            self.have_bytes += u64::from(self.spec.layout.bytes_of(piece));
        }
        self.doubtful = doubtful;
        self.publish(self.now());
    }

    pub(super) async fn remember(&mut self) {
        if !std::mem::take(&mut self.has_news_to_remember) {
            return;
        }
        let mut have = self.have.clone();
        self.unwritten.keys().for_each(|piece| {
            have.clear(*piece);
        });
        let Lifetime { uploaded_bytes, downloaded_bytes, seeded } = self.lifetime();
        let files = self.files.clone();
        let resume = Arc::clone(&self.context.resume);
        let info_hash = self.spec.info_hash;
        let saved = tokio::task::spawn_blocking(move || {
            let remembered = files.remember(&have, uploaded_bytes, downloaded_bytes)?;
            resume.save(info_hash, &Resume { seeded_secs: seeded.as_secs(), ..remembered });
            std::io::Result::Ok(())
        });
        if let Ok(Err(error)) = saved.await {
            tracing::debug!(%info_hash, %error, "what is here could not be remembered");
        }
    }

    /// Pieces that may lie on the disk are looked at before they are asked for.
    pub(super) fn check_doubtful(&mut self) {
        if self.doubtful.is_empty() || self.checking >= CHECKS_AT_ONCE {
            return;
        }
        let windows = self.readers.windows(&self.spec.layout);
        let wanted =
            windows.iter().flat_map(|window| self.doubtful.ones_in(window.clone()).take(CHECKS_AT_ONCE));
        let rest = self.doubtful.iter_ones().take(1);
        let pieces: Vec<PieceIndex> = wanted.chain(rest).take(CHECKS_AT_ONCE - self.checking).collect();
        for piece in pieces {
            if !self.doubtful.clear(piece) || !self.scheduler.piece_is_being_checked(piece) {
                continue;
            }
            let Some(hash) = self.spec.piece_hashes.get(piece.as_usize()).copied() else { continue };
            self.checking += 1;
            checks::check_on_disk(piece, hash, Arc::clone(&self.keeper), self.inbox.clone());
        }
    }
}
