//! Giving pieces back to the file system.

use std::fs::{self, File};
use std::io;
use std::ops::Range;
use std::sync::atomic::Ordering;

use super::disk;
use super::files::{Access, Inner, TorrentFiles};
use super::traffic::Pass;
use crate::layout::PieceIndex;

/// Holes begin and end at multiples of this: the blocks of common file systems. Larger ones are cared for by
/// [`REACH_BYTES`].
const HOLE_ALIGN_BYTES: u64 = 4096;
/// How far a hole reaches over neighbors that were given up before, to free the block that they share. It is at least
/// as large as the block of any file system we expect.
const REACH_BYTES: u64 = 128 * 1024;

/// What giving up a piece gave back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct PunchResult {
    /// Less space is used by so much. It can be more than the piece, if blocks were shared with pieces that had been
    /// given up before, and less, if they are shared with pieces that are kept or the file grows at the same time.
    pub freed_bytes: u64,
    /// So many bytes of the piece stay in use, since this file system has no holes. They come back when all that
    /// follows in the file is given up, or with [`TorrentFiles::delete`].
    pub stuck_bytes: u64,
}

impl TorrentFiles {
    /// Gives up a piece: it can't be read any more, and its space is free. What neighbors keep stays as it is.
    ///
    /// Waits for reads and writes of this piece that are under way. Nobody at other pieces waits.
    ///
    /// # Errors
    /// `InvalidInput` for a piece that the torrent does not have, `NotFound` after [`delete`](Self::delete); else those
    /// of the file system. The piece is given up even then, but its space may stay in use.
    pub fn punch(&self, piece: PieceIndex) -> io::Result<PunchResult> {
        let inner = self.inner();
        if !inner.layout.is_piece(piece) {
            return Err(io::ErrorKind::InvalidInput.into());
        }
        let pieces = piece.0..piece.0 + 1;
        inner.give_back(&pieces, |reach| inner.traffic.take(pieces.clone(), reach).map(Some))
    }

    /// Gives back the space of everything that is not kept, such as what was written after the last save before a
    /// crash.
    ///
    /// # Errors
    /// As [`punch`](Self::punch).
    pub fn punch_unkept(&self) -> io::Result<PunchResult> {
        let inner = self.inner();
        let kept = inner.traffic.kept();
        let mut result = PunchResult::default();
        let mut from = 0;
        for next in kept.iter_ones().map(|piece| piece.0).chain(std::iter::once(kept.pieces())) {
            if from < next {
                result += inner.give_back_unkept(from..next)?;
            }
            from = next + 1;
        }
        Ok(result)
    }
}

impl Inner {
    /// After a write that failed. If another one succeeded meanwhile, the piece stays.
    pub(super) fn give_back_failed(&self, piece: PieceIndex) {
        if let Err(error) = self.give_back_unkept(piece.0..piece.0 + 1) {
            tracing::debug!(piece = piece.0, %error, "the space of a failed write stays used");
        }
    }

    fn give_back_unkept(&self, pieces: Range<u32>) -> io::Result<PunchResult> {
        self.give_back(&pieces, |reach| self.traffic.take_unkept(pieces.clone(), reach))
    }

    /// `take` asks for the pass, with the pieces that it may reach over.
    fn give_back<'a>(
        &'a self,
        pieces: &Range<u32>,
        take: impl Fn(Range<u32>) -> io::Result<Option<Pass<'a>>>,
    ) -> io::Result<PunchResult> {
        if self.can_punch.load(Ordering::Relaxed) {
            let reach = self.bytes_of(pieces);
            let reach = reach.start.saturating_sub(REACH_BYTES)..reach.end.saturating_add(REACH_BYTES);
            let Some(pass) = take(self.layout.pieces_of(reach.clone()))? else {
                return Ok(PunchResult::default());
            };
            let free = self.bytes_of(&pass.pieces());
            match self.punch_files(pieces, free.start.max(reach.start)..free.end.min(reach.end)) {
                Err(error) if error.kind() == io::ErrorKind::Unsupported => {
                    tracing::debug!(
                        "this file system has no holes: pieces that are given up keep their space"
                    );
                    self.can_punch.store(false, Ordering::Relaxed);
                }
                result => return result,
            }
        }
        // Over all that is free: what is cut off a file ends only with the file.
        match take(0..self.layout.pieces())? {
            Some(pass) => self.cut_files(pieces, &pass.pieces()),
            None => Ok(PunchResult::default()),
        }
    }

    /// In the torrent.
    fn bytes_of(&self, pieces: &Range<u32>) -> Range<u64> {
        let end = self.layout.start_of(PieceIndex(pieces.end)).min(self.layout.total_bytes());
        self.layout.start_of(PieceIndex(pieces.start)).min(end)..end
    }

    /// Holes in all files that the pieces lie in, over what is free around them.
    fn punch_files(&self, pieces: &Range<u32>, free: Range<u64>) -> io::Result<PunchResult> {
        let mut result = PunchResult::default();
        for segment in self.spans.segments(self.bytes_of(pieces)).filter(|segment| !segment.is_padding) {
            let in_torrent = self.spans.range_of(segment.file);
            let start = free.start.max(in_torrent.start) - in_torrent.start;
            let end = free.end.min(in_torrent.end) - in_torrent.start;
            // Inwards, but over the end of the file.
            let start = start.next_multiple_of(HOLE_ALIGN_BYTES);
            let end = if free.end >= in_torrent.end {
                end.next_multiple_of(HOLE_ALIGN_BYTES)
            } else {
                end - end % HOLE_ALIGN_BYTES
            };
            if start < end {
                let punch = |file: &File| disk::punch_hole(file, start, end - start);
                result.freed_bytes += self.freed_by(segment.file, punch)?;
            }
        }
        Ok(result)
    }

    /// Where there are no holes, only the end of a file can be given back: all files that the pieces lie in are cut, if
    /// everything behind is free.
    fn cut_files(&self, pieces: &Range<u32>, free: &Range<u32>) -> io::Result<PunchResult> {
        let mut result = PunchResult::default();
        let free = self.bytes_of(free);
        for segment in self.spans.segments(self.bytes_of(pieces)).filter(|segment| !segment.is_padding) {
            let in_torrent = self.spans.range_of(segment.file);
            if free.end < in_torrent.end {
                let length_bytes = fs::symlink_metadata(self.path(segment.file)).map_or(0, |file| file.len());
                let written_bytes = length_bytes.saturating_sub(segment.offset);
                result.stuck_bytes += written_bytes.min(segment.length_bytes);
                continue;
            }
            let keep_bytes = free.start.max(in_torrent.start) - in_torrent.start;
            let cut = |file: &File| {
                if file.metadata()?.len() > keep_bytes { file.set_len(keep_bytes) } else { Ok(()) }
            };
            result.freed_bytes += self.freed_by(segment.file, cut)?;
        }
        Ok(result)
    }

    /// How many bytes of the disk less the file uses afterwards. Others may write into it at the same time, so this is
    /// about right only.
    fn freed_by(&self, number: u32, give_back: impl FnOnce(&File) -> io::Result<()>) -> io::Result<u64> {
        let file = match self.file(number, Access::Write) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(0),
            file => file?,
        };
        let before = disk::allocated_bytes(&file.metadata()?);
        give_back(&file)?;
        Ok(before.saturating_sub(disk::allocated_bytes(&file.metadata()?)))
    }
}

impl std::ops::AddAssign for PunchResult {
    fn add_assign(&mut self, other: Self) {
        self.freed_bytes += other.freed_bytes;
        self.stuck_bytes += other.stuck_bytes;
    }
}
