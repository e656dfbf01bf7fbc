//! What all torrents together keep on the disk, within a budget.
//!
//! One of these is shared by all torrents. It keeps the books ([`Budget`]) and knows whose files a piece lies in, so that
//! a piece of one torrent can make room for one of another. Locks are held for looks into the books only, never while a
//! file is touched.

mod keeper;
#[cfg(test)]
mod tests;
mod windows;

use std::collections::{BTreeMap, HashMap};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use freshet_model::InfoHash;
use tokio::sync::mpsc;

use super::{ToTorrent, TorrentSpec};
use crate::bitfield::Bitfield;
use crate::layout::{Layout, PieceIndex};
use crate::pieces::{Budget, FileHandles, FileSpan, NoRoom, PunchResult, ResumeStore, TorrentFiles};

pub(crate) use keeper::{Keeper, Unwritten};
pub(crate) use windows::Stand;
use windows::{Share, share_out};

/// With less free space on the disk than this, no more is used than is used already.
const FREE_FLOOR_BYTES: u64 = 512 << 20;
/// How often the disk is asked for its free space.
const LOOK_INTERVAL: Duration = Duration::from_secs(1);
/// How long a torrent that begins waits until the one before it, with the same files, has ended.
const BEGIN_WAIT: Duration = Duration::from_secs(60);
/// Pieces that are being written are protected in the books as if a reader of this number and more stood there.
const WRITERS: u64 = 1 << 63;

/// Gives the bytes that may still be written on the disk of a folder.
pub(crate) type FreeSpace = Box<dyn Fn(&Path) -> io::Result<u64> + Send + Sync>;

/// See the module.
pub(crate) struct Storage {
    state: Mutex<State>,
    /// A torrent has ended, or a piece was given up.
    settled: Condvar,
    pieces_dir: PathBuf,
    free_space: FreeSpace,
}

struct State {
    budget: Budget,
    /// What the person allows.
    limit_bytes: Option<u64>,
    is_disk_low: bool,
    looked_at: Option<Instant>,
    members: BTreeMap<u64, Member>,
    numbers: HashMap<InfoHash, u64>,
    sessions: u64,
    /// Changes with everything that may make room for somebody, or cut a window.
    revision: u64,
}

/// The files of a torrent, and where they are.
#[derive(Debug, Clone)]
pub(crate) struct Whereabouts {
    pub(crate) info_hash: InfoHash,
    pub(crate) layout: Layout,
    pub(crate) files: Arc<[FileSpan]>,
    pub(crate) handles: FileHandles,
}

impl Whereabouts {
    pub(crate) fn new(spec: &TorrentSpec, handles: FileHandles) -> Self {
        Self { info_hash: spec.info_hash, layout: spec.layout, files: Arc::clone(&spec.files), handles }
    }

    /// # Errors
    /// `InvalidInput` if files and layout differ.
    pub(crate) fn open(&self, pieces_dir: &Path) -> io::Result<TorrentFiles> {
        let Self { info_hash, layout, files, handles } = self;
        TorrentFiles::new(pieces_dir, *info_hash, *layout, files.to_vec(), handles.clone())
    }
}

/// A torrent, whether it takes part or has ended and left its pieces.
struct Member {
    place: Place,
    whereabouts: Whereabouts,
    /// Which of the torrents with these files takes part; `None` if it has ended.
    session: Option<u64>,
    /// Pieces that are being given up.
    going: usize,
    /// What the books hold of it.
    here: Bitfield,
    is_pinned: bool,
    stuck_bytes: u64,
    readers: BTreeMap<u64, (Stand, Share)>,
}

/// Who touches the files.
#[derive(Clone)]
enum Place {
    Open { files: TorrentFiles, inbox: mpsc::Sender<ToTorrent> },
    Ended,
}

/// A piece that has to go.
struct Victim {
    torrent: u64,
    piece: PieceIndex,
    place: Place,
}

impl Storage {
    pub(crate) fn new(pieces_dir: PathBuf, limit_bytes: Option<u64>, free_space: FreeSpace) -> Arc<Self> {
        let state = State {
            budget: Budget::new(limit_bytes),
            limit_bytes,
            is_disk_low: false,
            looked_at: None,
            members: BTreeMap::new(),
            numbers: HashMap::new(),
            sessions: 0,
            revision: 0,
        };
        Arc::new(Self { state: Mutex::new(state), settled: Condvar::new(), pieces_dir, free_space })
    }

    /// Changes the budget; `None` is no limit. What is too much then is given up. Blocks.
    pub(crate) fn set_limit(&self, limit_bytes: Option<u64>) {
        {
            let mut state = self.lock();
            state.limit_bytes = limit_bytes;
            state.reshare();
        }
        self.settle();
    }

    pub(crate) fn limit_bytes(&self) -> Option<u64> {
        self.lock().limit_bytes
    }

    /// What counts against the budget.
    pub(crate) fn used_bytes(&self) -> u64 {
        self.lock().budget.total_bytes()
    }

    /// Takes the pieces of a torrent that takes no part into the books, if it has any. Blocks.
    pub(crate) fn count(
        self: &Arc<Self>,
        whereabouts: Whereabouts,
        resume: &dyn ResumeStore,
        is_pinned: bool,
    ) {
        let info_hash = whereabouts.info_hash;
        if !crate::pieces::has_pieces(&self.pieces_dir, info_hash) {
            return;
        }
        // Nobody takes part, so nobody is told of what goes.
        let (inbox, _) = mpsc::channel(1);
        match self.enlist(whereabouts, inbox) {
            Ok(keeper) => keeper.count(resume.load(info_hash).as_ref(), is_pinned),
            Err(error) => tracing::debug!(%info_hash, %error, "the pieces of a torrent can't be counted"),
        }
    }

    /// As [`Keeper::set_pinned`], for a torrent that takes no part. Blocks.
    pub(crate) fn set_pinned(&self, info_hash: InfoHash, is_pinned: bool) {
        {
            let mut state = self.lock();
            let Some(number) = state.numbers.get(&info_hash).copied() else { return };
            state.set_pinned(number, is_pinned);
        }
        self.settle();
    }

    /// What this disk has room for, by itself: free now, or used here.
    pub(crate) fn room_bytes(&self) -> io::Result<u64> {
        let free_bytes = (self.free_space)(&self.pieces_dir)?;
        Ok(free_bytes.saturating_add(self.used_bytes()))
    }

    /// The files of a torrent that has ended were deleted.
    pub(crate) fn forget(&self, info_hash: InfoHash) {
        let mut state = self.lock();
        let Some(number) = state.numbers.get(&info_hash).copied() else { return };
        if state.members.get(&number).is_some_and(|member| member.session.is_none()) {
            state.members.remove(&number);
            state.numbers.remove(&info_hash);
            state.budget.forget(number);
            state.revision += 1;
        }
    }

    /// Asks the disk for its free space, if that is due. Blocks.
    pub(crate) fn look_at_disk(&self) {
        {
            let mut state = self.lock();
            if state.looked_at.is_some_and(|at| at.elapsed() < LOOK_INTERVAL) {
                return;
            }
            state.looked_at = Some(Instant::now());
        }
        // Where the disk does not tell, a full one is found by writing.
        let is_low = (self.free_space)(&self.pieces_dir).is_ok_and(|bytes| bytes < FREE_FLOOR_BYTES);
        let mut state = self.lock();
        if state.is_disk_low != is_low {
            tracing::debug!(is_low, "the free space of the disk");
            state.is_disk_low = is_low;
            state.reshare();
        }
    }

    /// Gives up what is too much. Blocks.
    fn settle(&self) {
        let victims = self.lock().take_what_is_too_much();
        self.give_up(victims);
    }

    /// Blocks. Who takes part hears of it before the bytes go.
    fn give_up(&self, victims: Vec<Victim>) {
        for Victim { torrent, piece, place } in victims {
            let files = match place {
                Place::Open { files, inbox } => {
                    // If it has ended meanwhile, nobody asks for the piece.
                    let _ = inbox.blocking_send(ToTorrent::GaveUp(piece));
                    Ok(files)
                }
                Place::Ended => self.files_of(torrent),
            };
            let result = files.and_then(|files| files.punch(piece)).unwrap_or_else(|error| {
                tracing::debug!(piece = piece.0, %error, "the space of a piece stays used");
                PunchResult::default()
            });
            let mut state = self.lock();
            if let Some(member) = state.members.get_mut(&torrent) {
                member.going -= 1;
                member.stuck_bytes = member.stuck_bytes.saturating_add(result.stuck_bytes);
                let stuck_bytes = member.stuck_bytes;
                if result.stuck_bytes > 0 {
                    state.budget.set_overhead(torrent, stuck_bytes);
                }
            }
            state.revision += 1;
            drop(state);
            self.settled.notify_all();
        }
    }

    fn files_of(&self, torrent: u64) -> io::Result<TorrentFiles> {
        let state = self.lock();
        let member = state.members.get(&torrent).ok_or(io::ErrorKind::NotFound)?;
        let (whereabouts, here) = (member.whereabouts.clone(), member.here.clone());
        drop(state);
        let files = whereabouts.open(&self.pieces_dir)?;
        files.set_kept(&here);
        Ok(files)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl std::fmt::Debug for Storage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Storage").field("pieces_dir", &self.pieces_dir).finish_non_exhaustive()
    }
}

impl State {
    fn set_pinned(&mut self, number: u64, is_pinned: bool) {
        let Some(member) = self.members.get_mut(&number) else { return };
        member.is_pinned = is_pinned;
        self.budget.pin(number, keeper::pins(is_pinned, member.whereabouts.layout));
        self.reshare();
    }

    /// What may be used at this moment.
    fn limit(&self) -> Option<u64> {
        let used_bytes = self.is_disk_low.then(|| self.budget.total_bytes());
        self.limit_bytes.into_iter().chain(used_bytes).min()
    }

    /// The pieces that must go for so many bytes more; they are off the books.
    fn take_room(&mut self, bytes: u64) -> Result<Vec<Victim>, NoRoom> {
        let limit_bytes = self.limit();
        self.take_room_below(limit_bytes, bytes)
    }

    fn take_room_below(&mut self, limit_bytes: Option<u64>, bytes: u64) -> Result<Vec<Victim>, NoRoom> {
        self.budget.set_budget(limit_bytes);
        let pieces = self.budget.room_for(bytes)?;
        let victim = |(torrent, piece): (u64, PieceIndex)| {
            let member = self.members.get_mut(&torrent)?;
            member.going += 1;
            member.here.clear(piece);
            Some(Victim { torrent, piece, place: member.place.clone() })
        };
        Ok(pieces.into_iter().filter_map(victim).collect())
    }

    /// As much of what is too much as may go.
    fn take_what_is_too_much(&mut self) -> Vec<Victim> {
        self.take_room(0).unwrap_or_else(|NoRoom { short_bytes }| {
            // Something is being written, and may go afterwards.
            let limit_bytes = self.limit().map(|limit| limit.saturating_add(short_bytes));
            self.take_room_below(limit_bytes, 0).unwrap_or_default()
        })
    }

    /// Cuts the windows of all readers so that they fit, and protects them.
    fn reshare(&mut self) {
        self.revision += 1;
        let stuck_bytes: u64 = self.members.values().map(|member| member.stuck_bytes).sum();
        let limit_bytes = self.limit().map(|limit| limit.saturating_sub(stuck_bytes));
        let counted = self.members.values().filter(|member| !member.is_pinned);
        let stands: Vec<Stand> =
            counted.flat_map(|member| member.readers.values().map(|(stand, _)| *stand)).collect();
        let mut pieces = share_out(limit_bytes.unwrap_or(u64::MAX), &stands).into_iter();
        for (number, member) in &mut self.members {
            for (reader, (stand, share)) in &mut member.readers {
                // What is pinned needs no room, and is safe by itself.
                let pieces = if member.is_pinned { Some(u32::MAX) } else { pieces.next() };
                *share = stand.cut(pieces.unwrap_or(0));
                self.budget.protect(*number, *reader, stand.protected(*share));
            }
        }
    }
}
