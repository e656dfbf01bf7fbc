//! Whether the bytes of a piece are right, and putting them where they stay.
//!
//! Hashing and writing block, so they run on blocking threads; the piece somebody waits for goes first. A piece that is
//! right is served from memory until it is written.

use std::sync::Arc;

use bytes::Bytes;
use sha1::{Digest, Sha1};
use tokio::sync::mpsc;

use super::ToTorrent;
use super::storage::Keeper;
use crate::layout::{BLOCK_BYTES, PieceIndex};
use crate::pieces::TorrentFiles;

/// Bytes of the disk that are read at a time for a check.
const READ_BYTES: usize = 256 * 1024;

/// A whole piece, as the blocks it came in.
#[derive(Debug)]
pub(crate) struct PieceData {
    pub(crate) blocks: Vec<Bytes>,
}

impl PieceData {
    /// The rest of the block that holds this byte of the piece.
    pub(crate) fn from(&self, offset: u32) -> Bytes {
        let block = self.blocks.get((offset / BLOCK_BYTES) as usize);
        let skip = (offset % BLOCK_BYTES) as usize;
        block.filter(|block| skip <= block.len()).map(|block| block.slice(skip..)).unwrap_or_default()
    }
}

/// What came out.
#[derive(Debug)]
pub(crate) struct Verdict {
    pub(super) piece: PieceIndex,
    pub(super) is_right: bool,
    /// `None` if the piece was read from the disk.
    pub(super) data: Option<Arc<PieceData>>,
}

/// Compares the hash of a piece that came from peers, tells the torrent, and writes the piece if it is right. Unless
/// `may_displace`, nothing is given up for it.
pub(super) fn check_and_write(
    piece: PieceIndex,
    blocks: Vec<Bytes>,
    hash: [u8; 20],
    may_displace: bool,
    keeper: Arc<Keeper>,
    inbox: mpsc::Sender<ToTorrent>,
) {
    tokio::task::spawn_blocking(move || {
        let mut hasher = Sha1::new();
        blocks.iter().for_each(|block| hasher.update(block));
        let is_right = <[u8; 20]>::from(hasher.finalize()) == hash;
        let data = Arc::new(PieceData { blocks });
        let verdict = Verdict { piece, is_right, data: Some(Arc::clone(&data)) };
        // When nobody listens any more, nobody needs the piece.
        if inbox.blocking_send(ToTorrent::Checked(verdict)).is_err() || !is_right {
            return;
        }
        let written = keeper.write(piece, &data.blocks, may_displace);
        drop(data);
        let _ = inbox.blocking_send(ToTorrent::Written(piece, written));
        // Not before: the torrent must not hear that it is given up before it hears that it is there.
        keeper.release(piece);
    });
}

/// Compares the hash of a piece that may lie on the disk, and tells the torrent.
pub(super) fn check_on_disk(
    piece: PieceIndex,
    hash: [u8; 20],
    keeper: Arc<Keeper>,
    inbox: mpsc::Sender<ToTorrent>,
) {
    tokio::task::spawn_blocking(move || {
        let is_right = hash_on_disk(piece, keeper.files()).is_ok_and(|found| found == hash);
        if !is_right {
            // It takes room that others can use.
            keeper.discard(piece);
        }
        let _ = inbox.blocking_send(ToTorrent::Checked(Verdict { piece, is_right, data: None }));
    });
}

fn hash_on_disk(piece: PieceIndex, files: &TorrentFiles) -> std::io::Result<[u8; 20]> {
    let layout = files.layout();
    let mut left = layout.bytes_of(piece) as usize;
    let mut at = layout.start_of(piece);
    let mut buf = vec![0; READ_BYTES.min(left)];
    let mut hasher = Sha1::new();
    while left > 0 {
        let part = &mut buf[..left.min(READ_BYTES)];
        files.read(at, part)?;
        hasher.update(&*part);
        at += part.len() as u64;
        left -= part.len();
    }
    Ok(hasher.finalize().into())
}
