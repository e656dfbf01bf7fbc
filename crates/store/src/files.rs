//! The data folder: who may read it, who has it, and whether it is still the one that was opened.

use std::fs::{DirBuilder, File, OpenOptions, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

/// Creates the folder for its owner alone. A folder that exists keeps the rights it has: the person may have chosen it.
pub(crate) fn create_folder(folder: &Path) -> io::Result<()> {
    let mut builder = DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)
}

/// Opens a file for writing, and creates it for its owner alone; a file that others could read is closed to them.
pub(crate) fn open_private(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let file = options.open(path)?;
    close_to_others(&file)?;
    Ok(file)
}

#[cfg(unix)]
fn close_to_others(file: &File) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    let mut permissions = file.metadata()?.permissions();
    if permissions.mode() & 0o077 != 0 {
        permissions.set_mode(0o600);
        file.set_permissions(permissions)?;
    }
    Ok(())
}

#[cfg(not(unix))]
fn close_to_others(_file: &File) -> io::Result<()> {
    Ok(())
}

/// Makes a new or renamed name in the folder survive a power cut.
#[cfg(unix)]
pub(crate) fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

/// Folders can't be opened as files there; the file system orders names by itself.
#[cfg(not(unix))]
pub(crate) fn sync_folder(_folder: &Path) -> io::Result<()> {
    Ok(())
}

/// Our exclusive right to the data folder; ends when dropped, also if the process is killed.
#[derive(Debug)]
pub(crate) struct FolderLock {
    _file: File,
}

#[derive(Debug)]
pub(crate) enum LockError {
    Held,
    Io(io::Error),
}

impl FolderLock {
    pub(crate) fn take(path: &Path) -> Result<Self, LockError> {
        let file = open_private(path).map_err(LockError::Io)?;
        match file.try_lock() {
            Ok(()) => Ok(Self { _file: file }),
            Err(TryLockError::WouldBlock) => Err(LockError::Held),
            Err(TryLockError::Error(error)) => Err(LockError::Io(error)),
        }
    }
}

/// Knows the file that was opened, and notices when another one, or none, has its name.
///
/// Without it, a removed folder goes unnoticed on Unix: writes to the removed file succeed and are lost with it.
#[derive(Debug)]
pub(crate) struct Identity {
    path: PathBuf,
    #[cfg(unix)]
    device_and_inode: (u64, u64),
}

impl Identity {
    pub(crate) fn of(path: &Path) -> io::Result<Self> {
        Ok(Self {
            path: path.to_owned(),
            #[cfg(unix)]
            device_and_inode: device_and_inode(path)?,
        })
    }

    /// `Err` says what is wrong.
    pub(crate) fn check(&self) -> Result<(), String> {
        #[cfg(unix)]
        match device_and_inode(&self.path) {
            Ok(found) if found == self.device_and_inode => {}
            Ok(_) => return Err(format!("{} was replaced", self.path.display())),
            Err(error) => return Err(format!("{}: {error}", self.path.display())),
        }
        Ok(())
    }
}

#[cfg(unix)]
fn device_and_inode(path: &Path) -> io::Result<(u64, u64)> {
    use std::os::unix::fs::MetadataExt;
    let metadata = std::fs::metadata(path)?;
    Ok((metadata.dev(), metadata.ino()))
}

/// The name of a file beside the database: `freshet.db` and `-wal` make `freshet.db-wal`.
pub(crate) fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}
