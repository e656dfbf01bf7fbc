//! Handing a finished file on to the user's own folder.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};

use super::disk;
use super::files::{Inner, TorrentFiles};

/// Whether the pieces stay.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExportKind {
    /// They do. Where the file system can, both files share their blocks, and the copy is made at once.
    Copy,
    /// They don't; on the same disk only the name changes. Pieces that lie in the file, even with one byte, are given
    /// up.
    Move,
}

/// The name that is free for the file, until it is taken back or replaced by the file.
struct Claim<'a> {
    path: &'a Path,
    permissions: fs::Permissions,
    is_fulfilled: bool,
}

impl TorrentFiles {
    /// Brings a whole file to `target`, durably, with the permissions that the user's new files have. All of its pieces
    /// have to be here, and pinned until this returns. A copy takes as long as the disk; reads and writes go on
    /// meanwhile.
    ///
    /// An existing file is never replaced. A crash leaves an empty `target`, and perhaps a `<target>.part` beside it.
    ///
    /// # Errors
    /// `AlreadyExists` if something is called `target` or `<target>.part`; `InvalidInput` for padding or no file of the
    /// torrent; `NotFound` if a piece is missing; else those of the file system. Then there is no `target`, and the
    /// pieces stay.
    pub fn export(&self, file: u32, target: &Path, kind: ExportKind) -> io::Result<()> {
        let inner = self.inner();
        let span =
            inner.spans.get(file).filter(|span| !span.is_padding).ok_or(io::ErrorKind::InvalidInput)?;
        inner.check_whole(file)?;
        let claim = Claim::new(target)?;
        if span.length_bytes == 0 {
            return claim.fulfill();
        }
        match kind {
            ExportKind::Copy => inner.copy_to(file, claim),
            ExportKind::Move => inner.move_to(file, claim),
        }
    }
}

impl Inner {
    /// # Errors
    /// `NotFound` if a piece of the file is missing.
    fn check_whole(&self, file: u32) -> io::Result<()> {
        self.traffic.read(self.pieces_of_file(file)).map(drop)
    }

    fn copy_to(&self, file: u32, claim: Claim<'_>) -> io::Result<()> {
        // Not one of the pool's handles: it would be missing there for as long as the copy takes.
        let source = {
            let _pass = self.traffic.read(self.pieces_of_file(file))?;
            disk::check_folder(&self.folder)?;
            disk::open_file_to_read(&self.path(file))?
        };
        let part = part_of(claim.path);
        let mut copy = OpenOptions::new().write(true).create_new(true).open(&part)?;
        let copied = self.copy_whole(file, &source, &mut copy);
        drop(copy);
        // Looked at again: a piece that was given up meanwhile is a hole in the copy.
        let done = copied
            .and_then(|()| self.check_whole(file))
            .and_then(|()| fs::rename(&part, claim.path))
            .and_then(|()| claim.fulfill());
        if done.is_err() {
            let _ = fs::remove_file(&part);
        }
        done
    }

    fn copy_whole(&self, file: u32, source: &File, copy: &mut File) -> io::Result<()> {
        let length_bytes = self.spans.get(file).map_or(0, |span| span.length_bytes);
        // On Linux this is done by the kernel, which shares the blocks on file systems that can (reflink).
        let copied_bytes = io::copy(&mut &*source, copy)?;
        if copied_bytes != length_bytes {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        copy.sync_all()
    }

    fn move_to(&self, file: u32, claim: Claim<'_>) -> io::Result<()> {
        let pieces = self.pieces_of_file(file);
        // Nobody reads or writes the file from here on.
        let pass = self.traffic.take(pieces.clone(), pieces.clone())?;
        self.close(file);
        match self.rename(file, &claim) {
            Ok(()) => claim.fulfill(),
            Err(error) => {
                self.traffic.keep(pieces.clone());
                drop(pass);
                if error.kind() != io::ErrorKind::CrossesDevices {
                    return Err(error);
                }
                self.copy_to(file, claim)?;
                let _pass = self.traffic.take(pieces.clone(), pieces.clone())?;
                self.close(file);
                if let Err(error) = fs::remove_file(self.path(file)) {
                    // Then there are two, and the pieces just stay.
                    tracing::debug!(file, %error, "a moved file is still in the cache");
                    self.traffic.keep(pieces);
                }
                Ok(())
            }
        }
    }

    fn rename(&self, file: u32, claim: &Claim<'_>) -> io::Result<()> {
        disk::check_folder(&self.folder)?;
        let source = self.path(file);
        let opened = disk::open_file_to_read(&source)?;
        let metadata = opened.metadata()?;
        if self.spans.get(file).is_none_or(|span| span.length_bytes != metadata.len()) {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        opened.sync_all()?;
        opened.set_permissions(claim.permissions.clone())?;
        // Windows renames no open file.
        drop(opened);
        fs::rename(&source, claim.path).inspect_err(|_| {
            let _ = fs::set_permissions(&source, metadata.permissions());
        })
    }
}

impl<'a> Claim<'a> {
    /// Creates an empty file, which only succeeds if there is nothing of that name.
    fn new(path: &'a Path) -> io::Result<Self> {
        let file = OpenOptions::new().write(true).create_new(true).open(path)?;
        let permissions = file.metadata()?.permissions();
        Ok(Self { path, permissions, is_fulfilled: false })
    }

    /// The name now belongs to the file.
    fn fulfill(mut self) -> io::Result<()> {
        self.is_fulfilled = true;
        match self.path.parent() {
            Some(folder) if !folder.as_os_str().is_empty() => disk::sync_folder(folder),
            _ => Ok(()),
        }
    }
}

impl Drop for Claim<'_> {
    fn drop(&mut self) {
        if !self.is_fulfilled {
            let _ = fs::remove_file(self.path);
        }
    }
}

fn part_of(target: &Path) -> PathBuf {
    let mut name = target.as_os_str().to_owned();
    name.push(".part");
    name.into()
}
