//! Pieces on a real disk.

mod export;
mod files;
#[cfg(target_os = "linux")]
mod mounts;
mod punch;
mod store;

use std::fs;
use std::path::{Path, PathBuf};

use freshet_model::InfoHash;

use super::{FileHandles, FileSpan, TorrentFiles};
use crate::layout::{Layout, PieceIndex};

const KIB: u64 = 1024;

fn info_hash() -> InfoHash {
    InfoHash::new([0xab; 20])
}

fn file(length_bytes: u64) -> FileSpan {
    FileSpan { length_bytes, is_padding: false }
}

fn padding(length_bytes: u64) -> FileSpan {
    FileSpan { length_bytes, is_padding: true }
}

/// A torrent on the disk, whose bytes are all different from their neighbors.
struct Torrent {
    files: TorrentFiles,
    layout: Layout,
    folder: PathBuf,
}

impl Torrent {
    fn new(dir: &Path, piece_bytes: u64, spans: &[FileSpan]) -> Self {
        Self::with_handles(dir, piece_bytes, spans, FileHandles::new(8))
    }

    fn with_handles(dir: &Path, piece_bytes: u64, spans: &[FileSpan], handles: FileHandles) -> Self {
        let total = spans.iter().map(|file| file.length_bytes).sum();
        let layout = Layout::new(u32::try_from(piece_bytes).unwrap(), total).unwrap();
        let files = TorrentFiles::new(dir, info_hash(), layout, spans.to_vec(), handles).unwrap();
        Self { files, layout, folder: dir.join(info_hash().to_string()) }
    }

    /// The bytes of the torrent, as if there were no padding.
    fn bytes(&self, offset: u64, length: usize) -> Vec<u8> {
        (offset..offset + length as u64)
            .map(|n| (n.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 56) as u8)
            .collect()
    }

    fn piece(&self, piece: u32) -> Vec<u8> {
        let piece = PieceIndex(piece);
        self.bytes(self.layout.start_of(piece), self.layout.bytes_of(piece) as usize)
    }

    fn write(&self, piece: u32) {
        let bytes = self.piece(piece);
        let blocks: Vec<_> = bytes.chunks(16 * KIB as usize).collect();
        self.files.write_piece(PieceIndex(piece), &blocks).unwrap();
    }

    fn write_all(&self) {
        (0..self.layout.pieces()).for_each(|piece| self.write(piece));
    }

    fn read(&self, piece: u32) -> std::io::Result<Vec<u8>> {
        let mut bytes = vec![7; self.layout.bytes_of(PieceIndex(piece)) as usize];
        self.files.read(self.layout.start_of(PieceIndex(piece)), &mut bytes)?;
        Ok(bytes)
    }

    fn names(&self) -> Vec<String> {
        let Ok(entries) = fs::read_dir(&self.folder) else { return Vec::new() };
        let mut names: Vec<_> =
            entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }
}
