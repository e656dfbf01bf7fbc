//! How the bytes of a torrent are cut: into pieces, which have hashes, and pieces into blocks, which are asked for (BEP 3).

use std::ops::Range;

/// What is asked of a peer at a time; the last block of a piece can be shorter.
pub const BLOCK_BYTES: u32 = 16 * 1024;

/// Number of a piece, from 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PieceIndex(pub u32);

impl PieceIndex {
    pub fn as_usize(self) -> usize {
        self.0 as usize
    }
}

/// One block: its piece, and its number in the piece, from 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Block {
    pub piece: PieceIndex,
    pub index: u32,
}

impl Block {
    /// Of its first byte in the piece.
    pub fn begin(self) -> u32 {
        self.index * BLOCK_BYTES
    }
}

/// The cut of one torrent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Layout {
    piece_bytes: u32,
    total_bytes: u64,
    pieces: u32,
}

/// Why a torrent can't be cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum LayoutError {
    #[error("the torrent has no bytes, or pieces of none")]
    Empty,
    #[error("the torrent has too many pieces")]
    TooManyPieces,
}

impl Layout {
    /// # Errors
    /// [`LayoutError`].
    pub fn new(piece_bytes: u32, total_bytes: u64) -> Result<Self, LayoutError> {
        if piece_bytes == 0 || total_bytes == 0 {
            return Err(LayoutError::Empty);
        }
        let pieces = u32::try_from(total_bytes.div_ceil(u64::from(piece_bytes)))
            .map_err(|_| LayoutError::TooManyPieces)?;
        Ok(Self { piece_bytes, total_bytes, pieces })
    }

    /// Of every piece but the last, which can be shorter.
    pub fn piece_bytes(&self) -> u32 {
        self.piece_bytes
    }

    pub fn total_bytes(&self) -> u64 {
        self.total_bytes
    }

    /// How many pieces there are.
    pub fn pieces(&self) -> u32 {
        self.pieces
    }

    pub fn is_piece(&self, piece: PieceIndex) -> bool {
        piece.0 < self.pieces
    }

    /// Of the piece's first byte in the torrent.
    pub fn start_of(&self, piece: PieceIndex) -> u64 {
        u64::from(piece.0) * u64::from(self.piece_bytes)
    }

    /// Length of this piece; 0 if there is no such piece.
    pub fn bytes_of(&self, piece: PieceIndex) -> u32 {
        let left = self.total_bytes.saturating_sub(self.start_of(piece));
        left.min(u64::from(self.piece_bytes)) as u32
    }

    /// How many blocks this piece has.
    pub fn blocks_of(&self, piece: PieceIndex) -> u32 {
        self.bytes_of(piece).div_ceil(BLOCK_BYTES)
    }

    /// Length of this block; 0 if there is no such block.
    pub fn bytes_of_block(&self, block: Block) -> u32 {
        self.bytes_of(block.piece).saturating_sub(block.index.saturating_mul(BLOCK_BYTES)).min(BLOCK_BYTES)
    }

    /// The block that a peer names by piece, offset and length, if it is one of ours.
    pub fn block_at(&self, piece: u32, begin: u32, length: u32) -> Option<Block> {
        let block = Block { piece: PieceIndex(piece), index: begin / BLOCK_BYTES };
        let is_ours = begin.is_multiple_of(BLOCK_BYTES)
            && self.is_piece(block.piece)
            && length != 0
            && self.bytes_of_block(block) == length;
        is_ours.then_some(block)
    }

    /// The piece that holds this byte of the torrent, or the last one.
    pub fn piece_at(&self, offset: u64) -> PieceIndex {
        let piece = offset / u64::from(self.piece_bytes);
        PieceIndex(u32::try_from(piece).unwrap_or(u32::MAX).min(self.pieces - 1))
    }

    /// The pieces that hold any of these bytes of the torrent.
    pub fn pieces_of(&self, bytes: Range<u64>) -> Range<u32> {
        let end = bytes.end.min(self.total_bytes);
        if bytes.start >= end {
            return 0..0;
        }
        self.piece_at(bytes.start).0..self.piece_at(end - 1).0 + 1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KIB: u32 = 1024;

    #[test]
    fn the_last_piece_and_its_last_block_are_shorter() {
        let layout = Layout::new(64 * KIB, 200_000).unwrap();
        let last = PieceIndex(3);

        assert_eq!((layout.pieces(), layout.bytes_of(last), layout.blocks_of(last)), (4, 3392, 1));
        assert_eq!(layout.bytes_of_block(Block { piece: last, index: 0 }), 3392);
        assert_eq!(layout.bytes_of_block(Block { piece: last, index: 1 }), 0);
        assert_eq!(layout.blocks_of(PieceIndex(0)), 4);
        assert_eq!(layout.bytes_of(PieceIndex(4)), 0);
    }

    #[test]
    fn a_block_is_ours_only_as_we_would_ask_for_it() {
        let layout = Layout::new(64 * KIB, 200_000).unwrap();
        let table = [
            (0, 0, 16 * KIB, true),
            (0, 48 * KIB, 16 * KIB, true),
            (3, 0, 3392, true),
            (0, 8, 16 * KIB, false),
            (0, 64 * KIB, 16 * KIB, false),
            (3, 0, 16 * KIB, false),
            (4, 0, 16 * KIB, false),
            (0, 0, 0, false),
            (u32::MAX, u32::MAX, u32::MAX, false),
        ];
        for (piece, begin, length, is_ours) in table {
            assert_eq!(layout.block_at(piece, begin, length).is_some(), is_ours, "{piece} {begin} {length}");
        }
    }

    #[test]
    fn bytes_touch_the_pieces_that_hold_them() {
        let layout = Layout::new(100, 950).unwrap();
        let table = [(0..1, 0..1), (99..101, 0..2), (900..950, 9..10), (949..2000, 9..10), (950..960, 0..0)];
        for (bytes, pieces) in table {
            assert_eq!(layout.pieces_of(bytes.clone()), pieces, "{bytes:?}");
        }
    }

    #[test]
    fn what_has_no_bytes_or_too_many_pieces_is_refused() {
        assert_eq!(Layout::new(0, 1), Err(LayoutError::Empty));
        assert_eq!(Layout::new(1, 0), Err(LayoutError::Empty));
        assert_eq!(Layout::new(1, u64::MAX), Err(LayoutError::TooManyPieces));
    }
}
