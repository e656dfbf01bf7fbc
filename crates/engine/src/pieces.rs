//! What an active torrent has and who reads it, for those who draw it.
//!
//! Pieces leave this room only as numbers in a picture of one moment: nothing above decides by them.

use std::sync::atomic::Ordering;

use crate::Engine;
use crate::active::{ActiveTorrent, OpenReader};
use crate::tail::Tail;
use freshet_model::{FileIndex, InfoHash, Metainfo, PieceMap, PieceReader};

/// So much is fetched ahead for every reader.
const READ_AHEAD_BYTES: u64 = 32 * 1024 * 1024;
/// So much of what was just read counts as a reader's surroundings: a person steps back a little now and then.
const READ_BEHIND_BYTES: u64 = 2 * 1024 * 1024;

/// How the bytes of a torrent lie in its pieces.
#[derive(Debug)]
pub(crate) struct Layout {
    piece_bytes: u32,
    piece_count: u32,
    total_bytes: u64,
    /// Where each file begins and ends in the torrent.
    files: Vec<std::ops::Range<u64>>,
    tails: Vec<Option<Tail>>,
}

impl Layout {
    pub(crate) fn new(metainfo: &Metainfo) -> Self {
        let mut start = 0;
        let files = metainfo.files.iter().map(|file| {
            let range = start..start + file.length_bytes;
            start = range.end;
            range
        });
        let files: Vec<_> = files.collect();
        let paths = metainfo.files.iter().map(|file| file.path.as_str());
        Self {
            tails: paths.zip(&files).map(|(path, bytes)| Tail::of(path, bytes)).collect(),
            files,
            piece_bytes: metainfo.piece_bytes,
            piece_count: metainfo.piece_count,
            total_bytes: metainfo.total_bytes,
        }
    }

    /// Where a file lies in the torrent.
    pub(crate) fn file_range(&self, file: usize) -> Option<std::ops::Range<u64>> {
        self.files.get(file).cloned()
    }

    /// The end of a file that is fetched as soon as somebody opens it.
    pub(crate) fn tail(&self, file: usize) -> Option<Tail> {
        self.tails.get(file).cloned().flatten()
    }

    pub(crate) fn file_length(&self, file: usize) -> Option<u64> {
        self.files.get(file).map(|range| range.end - range.start)
    }

    /// `None` for a file of no bytes, which has no piece.
    fn place(&self, file: usize, position: u64) -> Option<PieceReader> {
        let range = self.files.get(file).filter(|range| !range.is_empty())?;
        let last = range.end - 1;
        let at = (range.start + position).min(last);
        let piece = |byte: u64| u32::try_from(byte / u64::from(self.piece_bytes.max(1))).unwrap_or(u32::MAX);
        let window_start = at.saturating_sub(READ_BEHIND_BYTES).max(range.start);
        Some(PieceReader {
            file_index: FileIndex(u32::try_from(file).ok()?),
            current: piece(at),
            window: piece(window_start)..=piece((at + READ_AHEAD_BYTES).min(last)),
        })
    }
}

impl Engine {
    /// What an active torrent has, and its readers; `None` for one that is not active. Pieces on the disk that nobody
    /// remembers are here as soon as they were checked.
    ///
    /// Copies a bit for each piece and never waits for a transfer.
    pub fn pieces(&self, info_hash: InfoHash) -> Option<PieceMap> {
        let torrent = self.inner.torrent(info_hash)?;
        let layout = &torrent.layout;
        let mut map = PieceMap::empty(layout.piece_bytes, layout.piece_count, layout.total_bytes);
        if let Some(have) = &torrent.torrent.picture().have {
            map = map.with_bitfield(have.as_wire());
        }
        map.readers = torrent.readers(|reader| place(&torrent, reader));
        Some(map)
    }

    /// Where a file lies in the bytes of an active torrent.
    pub fn file_range(&self, info_hash: InfoHash, file: FileIndex) -> Option<std::ops::Range<u64>> {
        self.inner.torrent(info_hash)?.layout.file_range(file.as_usize())
    }
}

fn place(torrent: &ActiveTorrent, reader: &OpenReader) -> Option<PieceReader> {
    torrent.layout.place(reader.file, reader.position.load(Ordering::Relaxed))
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIB: u64 = 1024 * 1024;

    #[test]
    fn a_window_stays_inside_its_file() {
        let layout = Layout {
            piece_bytes: 1024 * 1024,
            piece_count: 101,
            total_bytes: 100 * MIB + 1,
            files: vec![0..10, 10..10, 10..100 * MIB, 100 * MIB..100 * MIB + 1],
            tails: Vec::new(),
        };
        let place = |file, position| {
            let reader = layout.place(file, position).unwrap();
            (reader.current, *reader.window.start(), *reader.window.end())
        };

        assert_eq!(place(0, 0), (0, 0, 0));
        assert_eq!(place(2, 0), (0, 0, 32));
        assert_eq!(place(2, 50 * MIB), (50, 48, 82));
        assert_eq!(place(2, 90 * MIB), (90, 88, 99));
        assert_eq!(place(2, u64::MAX / 2), (99, 97, 99), "the end is no piece of its own");
        assert_eq!(place(3, 0), (100, 100, 100));
        assert_eq!(layout.place(1, 0), None, "an empty file has no piece");
        assert_eq!(layout.place(4, 0), None);
    }
}
