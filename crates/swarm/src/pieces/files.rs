//! The pieces of one torrent on the disk: one sparse file per file of the torrent, called by its number.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use freshet_model::InfoHash;

use super::disk;
use super::handles::{FileHandles, Handle};
use super::resume::{Checked, FileStamp, LayoutFingerprint, Resume};
use super::spans::{FileSpan, Spans, range_in};
use super::traffic::Traffic;
use crate::Bitfield;
use crate::layout::{Layout, PieceIndex};

/// The files of one torrent, in `<pieces_dir>/<info hash>`. A clone is the same files.
///
/// A file is created by the first write into it. Padding is read as zeros and never written (BEP 47). All methods block;
/// they can be called from several threads at once. Dropping the last clone closes the files and leaves them there.
#[derive(Debug, Clone)]
pub struct TorrentFiles {
    inner: Arc<Inner>,
}

#[derive(Debug)]
pub(super) struct Inner {
    pub(super) folder: PathBuf,
    pub(super) layout: Layout,
    pub(super) spans: Spans,
    handles: FileHandles,
    /// Our number in `handles`.
    torrent: u64,
    pub(super) traffic: Traffic,
    /// Files with writes that may not yet be on the platter.
    unsynced: Mutex<BTreeSet<u32>>,
    /// False after the file system refused the first hole.
    pub(super) can_punch: AtomicBool,
}

/// What a file is opened for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Access {
    Read,
    Write,
    Create,
}

impl TorrentFiles {
    /// Touches no file. Every piece counts as one that may be there, until [`check`](Self::check) or
    /// [`set_kept`](Self::set_kept) tells better.
    ///
    /// # Errors
    /// `InvalidInput` if the files are not as long as the layout.
    pub fn new(
        pieces_dir: &Path,
        info_hash: InfoHash,
        layout: Layout,
        files: Vec<FileSpan>,
        handles: FileHandles,
    ) -> io::Result<Self> {
        let inner = Inner {
            folder: disk::folder_of(pieces_dir, info_hash),
            layout,
            spans: Spans::new(files, layout.total_bytes())?,
            torrent: handles.new_torrent(),
            handles,
            traffic: Traffic::new(Bitfield::full(layout.pieces())),
            unsynced: Mutex::new(BTreeSet::new()),
            can_punch: AtomicBool::new(true),
        };
        Ok(Self { inner: Arc::new(inner) })
    }

    pub fn layout(&self) -> Layout {
        self.inner.layout
    }

    /// Writes a whole piece, given as blocks that follow one another, across the borders of files. It is not durable
    /// before the next [`remember`](Self::remember).
    ///
    /// A piece that fails half-way gives back the space it took, unless it was there before.
    ///
    /// # Errors
    /// `InvalidInput` for a piece that the torrent does not have or a wrong length, `NotFound` after
    /// [`delete`](Self::delete); else those of the file system, such as `StorageFull`.
    pub fn write_piece(&self, piece: PieceIndex, blocks: &[impl AsRef<[u8]>]) -> io::Result<()> {
        let inner = &*self.inner;
        let length_bytes: u64 = blocks.iter().map(|block| block.as_ref().len() as u64).sum();
        if !inner.layout.is_piece(piece) || length_bytes != u64::from(inner.layout.bytes_of(piece)) {
            return Err(io::ErrorKind::InvalidInput.into());
        }
        let pass = inner.traffic.write(piece)?;
        let written = inner.write_blocks(inner.layout.start_of(piece), blocks);
        if written.is_ok() {
            inner.traffic.keep(pass.pieces());
        }
        drop(pass);
        if let Err(error) = &written {
            tracing::debug!(piece = piece.0, %error, "a piece could not be written");
            inner.give_back_failed(piece);
        }
        written
    }

    /// Fills the buffer with the torrent's bytes from this offset on.
    ///
    /// # Errors
    /// `InvalidInput` for bytes that the torrent does not have, `NotFound` for a piece that was given up or never
    /// written, `UnexpectedEof` if its file ends too early; else those of the file system.
    pub fn read(&self, offset: u64, buf: &mut [u8]) -> io::Result<()> {
        let inner = &*self.inner;
        let bytes = range_in(&inner.layout, offset, buf.len())?;
        let _pass = inner.traffic.read(inner.layout.pieces_of(bytes.clone()))?;
        let mut rest = buf;
        for segment in inner.spans.segments(bytes) {
            // Not longer than the buffer, whose length it was cut from.
            let (part, after) = rest.split_at_mut(segment.length_bytes as usize);
            rest = after;
            if segment.is_padding {
                part.fill(0);
            } else {
                let file = inner.file(segment.file, Access::Read)?;
                disk::read_exact_at(&file, part, segment.offset)?;
            }
        }
        Ok(())
    }

    /// Whether the piece is here, as far as is known.
    pub fn holds(&self, piece: PieceIndex) -> bool {
        self.inner.traffic.holds(piece)
    }

    /// Says which pieces are here; the others can't be read until they are written, and may be taken away with their
    /// neighbors.
    pub fn set_kept(&self, kept: &Bitfield) {
        if kept.pieces() == self.inner.layout.pieces() {
            self.inner.traffic.set_kept(kept.clone());
        }
    }

    /// Compares what is remembered with what lies on the disk, and keeps the pieces that are or may be here. To be called
    /// before anything is written.
    pub fn check(&self, resume: Option<&Resume>) -> Checked {
        let inner = &*self.inner;
        let checked = super::resume::check(&inner.layout, &inner.spans, resume, &inner.stamps());
        inner.traffic.set_kept(checked.may_be_here());
        checked
    }

    /// Makes what was written durable, and gives what has to be saved so that the pieces of `have` are trusted at the
    /// next start. `have` must have been taken before this call; pieces that were given up since are left out.
    ///
    /// # Errors
    /// Those of the file system; then nothing may be saved, and the next call tries again.
    pub fn remember(
        &self,
        have: &Bitfield,
        uploaded_bytes: u64,
        downloaded_bytes: u64,
    ) -> io::Result<Resume> {
        let inner = &*self.inner;
        inner.sync()?;
        // In this order: a piece that is given up in between is missing in `have`, or its file differs from the stamp.
        let files = inner.stamps();
        let have = inner.traffic.kept().and(have);
        let layout = self.fingerprint();
        Ok(Resume { layout, have, files, uploaded_bytes, downloaded_bytes, seeded_secs: 0 })
    }

    pub fn fingerprint(&self) -> LayoutFingerprint {
        LayoutFingerprint::of(&self.inner.layout, self.inner.spans.files())
    }

    /// Bytes of the disk that the files use now. Looks at every file.
    pub fn allocated_bytes(&self) -> u64 {
        self.inner.stamps().iter().flatten().map(|stamp| stamp.allocated_bytes).sum()
    }

    /// Closes and deletes the files; every later use is an error. Waits for reads and writes that are under way.
    ///
    /// What is not a file of ours stays, and so does then the folder.
    ///
    /// # Errors
    /// Those of the file system; it can be called again.
    pub fn delete(&self) -> io::Result<()> {
        let inner = &*self.inner;
        inner.traffic.close()?;
        inner.handles.close_torrent(inner.torrent);
        inner.unsynced().clear();
        disk::delete_folder(&inner.folder)
    }

    pub(super) fn inner(&self) -> &Inner {
        &self.inner
    }
}

impl Inner {
    fn unsynced(&self) -> MutexGuard<'_, BTreeSet<u32>> {
        self.unsynced.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn path(&self, file: u32) -> PathBuf {
        self.folder.join(file.to_string())
    }

    /// Only while a pass for pieces of the file is held.
    pub(super) fn file(&self, file: u32, access: Access) -> io::Result<Handle<'_>> {
        let open = || {
            match access {
                Access::Create => disk::create_folder(&self.folder)?,
                Access::Read | Access::Write => disk::check_folder(&self.folder)?,
            }
            let path = self.path(file);
            match disk::open_file(&path, access == Access::Create) {
                Err(error) if access == Access::Read && is_refused_write(&error) => {
                    Ok((disk::open_file_to_read(&path)?, false))
                }
                opened => Ok((opened?, true)),
            }
        };
        self.handles.get((self.torrent, file), access != Access::Read, open)
    }

    /// Only while a pass of who takes all pieces of the file is held.
    pub(super) fn close(&self, file: u32) {
        self.handles.close((self.torrent, file));
        self.unsynced().remove(&file);
    }

    fn write_blocks(&self, start: u64, blocks: &[impl AsRef<[u8]>]) -> io::Result<()> {
        let mut offset = start;
        for block in blocks {
            let mut rest = block.as_ref();
            let end = offset + rest.len() as u64;
            for segment in self.spans.segments(offset..end) {
                let (part, after) = rest.split_at(segment.length_bytes as usize);
                rest = after;
                if segment.is_padding {
                    continue;
                }
                let file = self.file(segment.file, Access::Create)?;
                let written = disk::write_all_at(&file, part, segment.offset);
                // After the write: a sync that is under way now may have come too early for it.
                self.unsynced().insert(segment.file);
                written?;
            }
            offset = end;
        }
        Ok(())
    }

    fn sync(&self) -> io::Result<()> {
        let files = std::mem::take(&mut *self.unsynced());
        let mut rest = files.into_iter();
        while let Some(file) = rest.next() {
            if let Err(error) = self.sync_file(file) {
                self.unsynced().extend(std::iter::once(file).chain(rest));
                return Err(error);
            }
        }
        Ok(())
    }

    fn sync_file(&self, number: u32) -> io::Result<()> {
        let pass = self.traffic.visit(self.pieces_of_file(number))?;
        let handle = match self.file(number, Access::Write) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            handle => handle?,
        };
        // Kernels stamp writes with a clock of some milliseconds, so a change right after the stamp could go unseen. The
        // exact time of now is one that no later write gives again.
        handle.set_modified(SystemTime::now())?;
        // A sync can take seconds: nobody has to wait for it.
        let file = handle.try_clone()?;
        drop(handle);
        drop(pass);
        file.sync_all()
    }

    pub(super) fn pieces_of_file(&self, file: u32) -> Range<u32> {
        self.layout.pieces_of(self.spans.range_of(file))
    }

    fn stamps(&self) -> Vec<Option<FileStamp>> {
        let mut stamps = vec![None; self.spans.files().len()];
        for file in self.spans.on_disk() {
            stamps[file as usize] =
                fs::symlink_metadata(self.path(file)).ok().and_then(|m| FileStamp::of(&m));
        }
        stamps
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.handles.close_torrent(self.torrent);
    }
}

fn is_refused_write(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem)
}
