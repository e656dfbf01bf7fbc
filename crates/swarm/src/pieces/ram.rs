//! The pieces of one torrent in memory.

use std::collections::HashMap;
use std::io;
use std::sync::{Arc, PoisonError, RwLock};

use bytes::Bytes;

use super::punch::PunchResult;
use super::spans::range_in;
use crate::layout::{Layout, PieceIndex};

/// Pieces in memory, up to a number of bytes. A clone is the same pieces; dropping the last one frees them.
///
/// Blocks are kept as they are given, without a copy: one that is a small part of a large buffer keeps all of it.
#[derive(Debug, Clone)]
pub struct RamPieces {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    layout: Layout,
    max_bytes: u64,
    pieces: RwLock<Pieces>,
}

#[derive(Debug, Default)]
struct Pieces {
    blocks: HashMap<PieceIndex, Vec<Bytes>>,
    used_bytes: u64,
}

impl RamPieces {
    pub fn new(layout: Layout, max_bytes: u64) -> Self {
        Self { inner: Arc::new(Inner { layout, max_bytes, pieces: RwLock::default() }) }
    }

    /// Keeps a whole piece, given as blocks that follow one another.
    ///
    /// # Errors
    /// `InvalidInput` for a piece that the torrent does not have or a wrong length; `StorageFull` if the piece does not
    /// fit any more.
    pub fn write_piece(&self, piece: PieceIndex, blocks: &[Bytes]) -> io::Result<()> {
        let length_bytes: u64 = blocks.iter().map(|block| block.len() as u64).sum();
        if !self.inner.layout.is_piece(piece) || length_bytes != self.bytes_of(piece) {
            return Err(io::ErrorKind::InvalidInput.into());
        }
        let mut pieces = self.inner.pieces.write().unwrap_or_else(PoisonError::into_inner);
        if !pieces.blocks.contains_key(&piece) {
            let used_bytes = pieces.used_bytes.saturating_add(length_bytes);
            if used_bytes > self.inner.max_bytes {
                return Err(io::ErrorKind::StorageFull.into());
            }
            pieces.used_bytes = used_bytes;
        }
        pieces.blocks.insert(piece, blocks.to_vec());
        Ok(())
    }

    /// Fills the buffer with the torrent's bytes from this offset on.
    ///
    /// # Errors
    /// `InvalidInput` for bytes that the torrent does not have, `NotFound` for a piece that is not here.
    pub fn read(&self, offset: u64, buf: &mut [u8]) -> io::Result<()> {
        let layout = &self.inner.layout;
        let bytes = range_in(layout, offset, buf.len())?;
        let pieces = self.inner.pieces.read().unwrap_or_else(PoisonError::into_inner);
        let mut rest = buf;
        for piece in layout.pieces_of(bytes.clone()).map(PieceIndex) {
            let blocks = pieces.blocks.get(&piece).ok_or(io::ErrorKind::NotFound)?;
            // 0 but in the first piece.
            let mut skip = bytes.start.saturating_sub(layout.start_of(piece)) as usize;
            for block in blocks {
                let part = block.get(skip..).unwrap_or_default();
                skip = skip.saturating_sub(block.len());
                let count = part.len().min(rest.len());
                let (now, after) = rest.split_at_mut(count);
                now.copy_from_slice(&part[..count]);
                rest = after;
            }
        }
        Ok(())
    }

    /// Gives up a piece.
    pub fn punch(&self, piece: PieceIndex) -> PunchResult {
        let mut pieces = self.inner.pieces.write().unwrap_or_else(PoisonError::into_inner);
        let Some(_) = pieces.blocks.remove(&piece) else { return PunchResult::default() };
        let freed_bytes = self.bytes_of(piece);
        pieces.used_bytes -= freed_bytes;
        PunchResult { freed_bytes, stuck_bytes: 0 }
    }

    pub fn holds(&self, piece: PieceIndex) -> bool {
        self.inner.pieces.read().unwrap_or_else(PoisonError::into_inner).blocks.contains_key(&piece)
    }

    /// Bytes of all pieces that are here.
    pub fn allocated_bytes(&self) -> u64 {
        self.inner.pieces.read().unwrap_or_else(PoisonError::into_inner).used_bytes
    }

    /// Gives up all pieces.
    pub fn delete(&self) {
        *self.inner.pieces.write().unwrap_or_else(PoisonError::into_inner) = Pieces::default();
    }

    fn bytes_of(&self, piece: PieceIndex) -> u64 {
        u64::from(self.inner.layout.bytes_of(piece))
    }
}
