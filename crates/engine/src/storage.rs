//! Where pieces lie: one sparse file per file of the torrent, called by its number.
//!
//! Names of a torrent never become paths, so nothing in a torrent can lead out of its folder. Files are created by the
//! first write into them; reading one that does not exist is an error, which makes the check of an empty torrent end
//! at once. Symbolic links are not followed.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard};

use anyhow::Context;
use freshet_model::InfoHash;
use librqbit::storage::{BoxStorageFactory, StorageFactory, StorageFactoryExt, TorrentStorage};
use librqbit::{ManagedTorrentShared, TorrentMetadata};

/// The folder of one torrent's pieces.
pub(crate) fn folder_of(pieces_dir: &Path, info_hash: InfoHash) -> PathBuf {
    pieces_dir.join(info_hash.to_string())
}

/// Creates the folder for all pieces, readable by its owner only.
pub(crate) fn create_pieces_dir(pieces_dir: &Path) -> io::Result<()> {
    fs::create_dir_all(pieces_dir)?;
    private_dir(pieces_dir)
}

/// Deletes a torrent's pieces. What does not look like a file of ours stays, and so does then the folder.
pub(crate) fn delete_folder(folder: &Path) -> io::Result<()> {
    match fs::symlink_metadata(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error),
        Ok(metadata) if !metadata.is_dir() => return Err(io::ErrorKind::NotADirectory.into()),
        Ok(_) => {}
    }
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let name = entry.file_name();
        let is_ours = name.to_str().is_some_and(|name| name.parse::<u32>().is_ok());
        if is_ours && !entry.file_type()?.is_dir() {
            fs::remove_file(entry.path())?;
        }
    }
    match fs::remove_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        result => result,
    }
}

/// Makes [`PieceFiles`] for one torrent.
#[derive(Debug, Clone)]
pub(crate) struct PieceFilesFactory {
    folder: PathBuf,
}

impl PieceFilesFactory {
    pub(crate) fn new(folder: PathBuf) -> Self {
        Self { folder }
    }
}

impl StorageFactory for PieceFilesFactory {
    type Storage = PieceFiles;

    fn create(
        &self,
        _shared: &ManagedTorrentShared,
        metadata: &TorrentMetadata,
    ) -> anyhow::Result<PieceFiles> {
        let slots = metadata.file_infos.iter().map(|info| Slot::new(info.attrs.padding, info.len)).collect();
        Ok(PieceFiles::new(self.folder.clone(), slots))
    }

    fn clone_box(&self) -> BoxStorageFactory {
        self.clone().boxed()
    }
}

/// The files of one torrent.
#[derive(Debug)]
pub(crate) struct PieceFiles {
    /// `None` after the files were handed on: then every use is an error.
    open: RwLock<Option<Open>>,
}

#[derive(Debug)]
struct Open {
    folder: PathBuf,
    slots: Vec<Slot>,
}

#[derive(Debug)]
struct Slot {
    /// BEP 47: reads as zeros, is never written.
    is_padding: bool,
    length_bytes: u64,
    file: RwLock<Option<Arc<File>>>,
}

impl Slot {
    fn new(is_padding: bool, length_bytes: u64) -> Self {
        Self { is_padding, length_bytes, file: RwLock::new(None) }
    }
}

impl PieceFiles {
    fn new(folder: PathBuf, slots: Vec<Slot>) -> Self {
        Self { open: RwLock::new(Some(Open { folder, slots })) }
    }

    /// Held while a file is used, so that handing the files on waits for reads and writes that are under way.
    fn open(&self) -> RwLockReadGuard<'_, Option<Open>> {
        self.open.read().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Open {
    fn slot(&self, index: usize, offset: u64, length: usize) -> anyhow::Result<&Slot> {
        let slot = self.slots.get(index).context("no such file")?;
        let end = offset.checked_add(length as u64).context("the range is too large")?;
        anyhow::ensure!(end <= slot.length_bytes, "the range is outside of the file");
        Ok(slot)
    }

    fn file(&self, index: usize, slot: &Slot, may_create: bool) -> io::Result<Arc<File>> {
        if let Some(file) = &*slot.file.read().unwrap_or_else(PoisonError::into_inner) {
            return Ok(Arc::clone(file));
        }
        let mut place = slot.file.write().unwrap_or_else(PoisonError::into_inner);
        if let Some(file) = &*place {
            return Ok(Arc::clone(file));
        }
        if may_create {
            create_folder(&self.folder)?;
        }
        let file = Arc::new(open_file(&self.folder.join(index.to_string()), may_create)?);
        *place = Some(Arc::clone(&file));
        Ok(file)
    }
}

impl TorrentStorage for PieceFiles {
    fn init(&mut self, _shared: &ManagedTorrentShared, _metadata: &TorrentMetadata) -> anyhow::Result<()> {
        Ok(())
    }

    fn pread_exact(&self, index: usize, offset: u64, buf: &mut [u8]) -> anyhow::Result<()> {
        let open = self.open();
        let open = open.as_ref().context("the files are closed")?;
        let slot = open.slot(index, offset, buf.len())?;
        if slot.is_padding {
            buf.fill(0);
            return Ok(());
        }
        if buf.is_empty() {
            return Ok(());
        }
        let file = open.file(index, slot, false).context("opening a piece file")?;
        read_exact_at(&file, buf, offset).context("reading a piece file")
    }

    fn pwrite_all(&self, index: usize, offset: u64, buf: &[u8]) -> anyhow::Result<()> {
        let open = self.open();
        let open = open.as_ref().context("the files are closed")?;
        let slot = open.slot(index, offset, buf.len())?;
        if slot.is_padding || buf.is_empty() {
            return Ok(());
        }
        let file = open.file(index, slot, true).context("creating a piece file")?;
        write_all_at(&file, buf, offset).context("writing a piece file")
    }

    fn remove_file(&self, _index: usize, _filename: &Path) -> anyhow::Result<()> {
        // The engine deletes the folder itself, after the session has let go of the torrent.
        Ok(())
    }

    fn remove_directory_if_empty(&self, _path: &Path) -> anyhow::Result<()> {
        Ok(())
    }

    fn ensure_file_length(&self, _index: usize, _length: u64) -> anyhow::Result<()> {
        // Files grow with their last written block: a shorter file ends the check of pieces earlier.
        Ok(())
    }

    fn take(&self) -> anyhow::Result<Box<dyn TorrentStorage>> {
        let open = self.open.write().unwrap_or_else(PoisonError::into_inner).take();
        let open = open.context("the files are closed")?;
        Ok(Box::new(Self { open: RwLock::new(Some(open)) }))
    }
}

fn open_file(path: &Path, may_create: bool) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(may_create).truncate(false);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt;
        options.mode(0o600).custom_flags(libc::O_NOFOLLOW | libc::O_CLOEXEC);
    }
    let file = options.open(path)?;
    if file.metadata()?.is_file() { Ok(file) } else { Err(io::ErrorKind::InvalidInput.into()) }
}

fn create_folder(folder: &Path) -> io::Result<()> {
    match fs::create_dir(folder) {
        Ok(()) => private_dir(folder),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            let is_dir = fs::symlink_metadata(folder)?.is_dir();
            if is_dir { Ok(()) } else { Err(io::ErrorKind::NotADirectory.into()) }
        }
        Err(error) => Err(error),
    }
}

#[cfg(unix)]
fn private_dir(folder: &Path) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    fs::set_permissions(folder, fs::Permissions::from_mode(0o700))
}

#[cfg(not(unix))]
fn private_dir(_folder: &Path) -> io::Result<()> {
    Ok(())
}

#[cfg(unix)]
fn read_exact_at(file: &File, buf: &mut [u8], offset: u64) -> io::Result<()> {
    std::os::unix::fs::FileExt::read_exact_at(file, buf, offset)
}

#[cfg(unix)]
fn write_all_at(file: &File, buf: &[u8], offset: u64) -> io::Result<()> {
    std::os::unix::fs::FileExt::write_all_at(file, buf, offset)
}

#[cfg(windows)]
fn read_exact_at(file: &File, mut buf: &mut [u8], mut offset: u64) -> io::Result<()> {
    use std::os::windows::fs::FileExt;
    while !buf.is_empty() {
        match file.seek_read(buf, offset)? {
            0 => return Err(io::ErrorKind::UnexpectedEof.into()),
            count => {
                buf = &mut buf[count..];
                offset += count as u64;
            }
        }
    }
    Ok(())
}

#[cfg(windows)]
fn write_all_at(file: &File, mut buf: &[u8], mut offset: u64) -> io::Result<()> {
    use std::os::windows::fs::FileExt;
    while !buf.is_empty() {
        match file.seek_write(buf, offset)? {
            0 => return Err(io::ErrorKind::WriteZero.into()),
            count => {
                buf = &buf[count..];
                offset += count as u64;
            }
        }
    }
    Ok(())
}

#[cfg(test)]
#[path = "storage_tests.rs"]
mod tests;
