//! One torrent's pieces, wherever they lie.

use std::io;

use bytes::Bytes;

use super::{PunchResult, RamPieces, TorrentFiles};
use crate::layout::PieceIndex;

/// Where the pieces of a torrent lie. A clone is the same pieces. All methods may block.
#[derive(Debug, Clone)]
pub enum PieceStore {
    Disk(TorrentFiles),
    Ram(RamPieces),
    /// In memory as long as they fit, then on the disk. A piece stays where it was written first.
    RamThenDisk(RamPieces, TorrentFiles),
}

impl PieceStore {
    /// Keeps a whole piece, given as blocks that follow one another.
    ///
    /// # Errors
    /// Those of [`RamPieces::write_piece`] and [`TorrentFiles::write_piece`].
    pub fn write_piece(&self, piece: PieceIndex, blocks: &[Bytes]) -> io::Result<()> {
        match self {
            Self::Disk(files) => files.write_piece(piece, blocks),
            Self::Ram(ram) => ram.write_piece(piece, blocks),
            Self::RamThenDisk(_, files) if files.holds(piece) => files.write_piece(piece, blocks),
            Self::RamThenDisk(ram, files) => match ram.write_piece(piece, blocks) {
                Err(error) if error.kind() == io::ErrorKind::StorageFull => files.write_piece(piece, blocks),
                result => result,
            },
        }
    }

    /// Fills the buffer with the torrent's bytes from this offset on.
    ///
    /// # Errors
    /// `InvalidInput` for bytes that the torrent does not have, `NotFound` for a piece that is not here; else those of
    /// the file system.
    pub fn read(&self, offset: u64, buf: &mut [u8]) -> io::Result<()> {
        match self {
            Self::Disk(files) => files.read(offset, buf),
            Self::Ram(ram) => ram.read(offset, buf),
            Self::RamThenDisk(ram, files) => {
                let layout = files.layout();
                let bytes = super::spans::range_in(&layout, offset, buf.len())?;
                let mut from = bytes.start;
                let mut rest = buf;
                for piece in layout.pieces_of(bytes.clone()).map(PieceIndex) {
                    let end = (layout.start_of(piece) + u64::from(layout.bytes_of(piece))).min(bytes.end);
                    let (part, after) = rest.split_at_mut((end - from) as usize);
                    // Given up in memory between two looks, it is not found on the disk either.
                    if ram.holds(piece) {
                        ram.read(from, part)?
                    } else {
                        files.read(from, part)?
                    }
                    from = end;
                    rest = after;
                }
                Ok(())
            }
        }
    }

    /// Gives up a piece: it can't be read any more, and its space is free.
    ///
    /// # Errors
    /// Those of [`TorrentFiles::punch`].
    pub fn punch(&self, piece: PieceIndex) -> io::Result<PunchResult> {
        match self {
            Self::Disk(files) => files.punch(piece),
            Self::Ram(ram) => Ok(ram.punch(piece)),
            Self::RamThenDisk(ram, _) if ram.holds(piece) => Ok(ram.punch(piece)),
            Self::RamThenDisk(_, files) => files.punch(piece),
        }
    }

    /// Bytes that are used now, on the disk and in memory.
    pub fn allocated_bytes(&self) -> u64 {
        match self {
            Self::Disk(files) => files.allocated_bytes(),
            Self::Ram(ram) => ram.allocated_bytes(),
            Self::RamThenDisk(ram, files) => ram.allocated_bytes() + files.allocated_bytes(),
        }
    }

    /// Gives up all pieces, and deletes the files.
    ///
    /// # Errors
    /// Those of [`TorrentFiles::delete`].
    pub fn delete(&self) -> io::Result<()> {
        match self {
            Self::Disk(files) => files.delete(),
            Self::Ram(ram) => {
                ram.delete();
                Ok(())
            }
            Self::RamThenDisk(ram, files) => {
                ram.delete();
                files.delete()
            }
        }
    }
}
