//! Where verified pieces are kept, and which of them have to go.
//!
//! The bytes lie in [`TorrentFiles`] or [`RamPieces`], behind [`PieceStore`]; [`Budget`] says what has to be given up
//! before more comes; [`Resume`] is what is remembered, so that a start needs no hashing. Everything but the budget may
//! block, and belongs where blocking is allowed.

mod budget;
mod disk;
mod export;
mod files;
mod handles;
mod punch;
mod ram;
mod resume;
mod resume_file;
mod spans;
mod store;
mod traffic;

pub use budget::{Budget, NoRoom};
pub(crate) use disk::has_pieces;
pub use disk::{create_pieces_dir, delete, free_space_bytes, on_disk};
pub use export::ExportKind;
pub use files::TorrentFiles;
pub use handles::FileHandles;
pub use punch::PunchResult;
pub use ram::RamPieces;
pub use resume::{Checked, FileStamp, LayoutFingerprint, MAX_RESUME_BYTES, Resume, ResumeStore};
pub use resume_file::ResumeFile;
pub use spans::FileSpan;
pub use store::PieceStore;

#[cfg(test)]
mod tests;
