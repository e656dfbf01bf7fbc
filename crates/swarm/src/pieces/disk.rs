//! What the piece files need of the operating system, and the names in a torrent's folder.
//!
//! Names of a torrent never become paths here, so nothing in a torrent can lead out of its folder. Symbolic links are
//! not followed. Everything here blocks.

use std::fs::{self, File, Metadata, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};

use freshet_model::InfoHash;

/// What is remembered of the torrent, in its folder; see [`super::ResumeFile`].
pub(super) const RESUME_NAME: &str = "resume";
/// A memory of the torrent that is not yet whole.
pub(super) const RESUME_PART_NAME: &str = "resume.part";

/// More than any library has.
const MAX_FOLDERS: usize = 100_000;

/// The folder of one torrent's pieces.
pub(super) fn folder_of(pieces_dir: &Path, info_hash: InfoHash) -> PathBuf {
    pieces_dir.join(info_hash.to_string())
}

/// Whether something of this torrent may lie there.
pub(crate) fn has_pieces(pieces_dir: &Path, info_hash: InfoHash) -> bool {
    check_folder(&folder_of(pieces_dir, info_hash)).is_ok()
}

/// The torrents of which something may lie there; no more than a number that no library reaches. Blocks.
pub fn on_disk(pieces_dir: &Path) -> Vec<InfoHash> {
    let entries = fs::read_dir(pieces_dir).into_iter().flatten().take(MAX_FOLDERS).flatten();
    let name = |entry: fs::DirEntry| entry.file_name().to_str().and_then(|name| name.parse().ok());
    entries.filter_map(name).collect()
}

/// Bytes that this user may still write on the disk of this folder.
///
/// # Errors
/// When the folder can't be asked about; always where the system has no answer without unsafe code (Windows).
pub fn free_space_bytes(dir: &Path) -> io::Result<u64> {
    #[cfg(unix)]
    {
        let disk = rustix::fs::statvfs(dir)?;
        Ok(disk.f_bavail.saturating_mul(disk.f_frsize))
    }
    #[cfg(not(unix))]
    {
        let _ = dir;
        Err(io::ErrorKind::Unsupported.into())
    }
}

/// Bytes of the disk that the file uses: less than its length if it has holes.
pub(super) fn allocated_bytes(metadata: &Metadata) -> u64 {
    #[cfg(unix)]
    {
        // In units of 512 bytes whatever the file system's blocks are (POSIX).
        std::os::unix::fs::MetadataExt::blocks(metadata).saturating_mul(512)
    }
    #[cfg(not(unix))]
    {
        metadata.len()
    }
}

/// Opens a regular file of ours for reading and writing.
pub(super) fn open_file(path: &Path, may_create: bool) -> io::Result<File> {
    let file = options().write(true).create(may_create).open(path)?;
    regular(file)
}

/// Opens a regular file of ours for reading only.
pub(super) fn open_file_to_read(path: &Path) -> io::Result<File> {
    regular(options().open(path)?)
}

fn options() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.read(true).truncate(false);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt;
        // Not to wait for the other end of a planted pipe; it changes nothing for regular files.
        options.mode(0o600).custom_flags(libc::O_NOFOLLOW | libc::O_NONBLOCK | libc::O_CLOEXEC);
    }
    options
}

fn regular(file: File) -> io::Result<File> {
    if file.metadata()?.is_file() { Ok(file) } else { Err(io::ErrorKind::InvalidInput.into()) }
}

/// Creates the folder, readable by its owner only. One that is there already is taken as it is, if it is one.
pub(super) fn create_folder(folder: &Path) -> io::Result<()> {
    match fs::create_dir(folder) {
        Ok(()) => private_dir(folder),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => check_folder(folder),
        Err(error) => Err(error),
    }
}

/// That this is a folder, and not a link to one.
pub(super) fn check_folder(folder: &Path) -> io::Result<()> {
    let is_dir = fs::symlink_metadata(folder)?.is_dir();
    if is_dir { Ok(()) } else { Err(io::ErrorKind::NotADirectory.into()) }
}

/// Creates the folder for all torrents' pieces and those above it; it is readable by its owner only.
///
/// # Errors
/// Those of the file system.
pub fn create_pieces_dir(pieces_dir: &Path) -> io::Result<()> {
    fs::create_dir_all(pieces_dir)?;
    private_dir(pieces_dir)
}

fn private_dir(folder: &Path) -> io::Result<()> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        fs::set_permissions(folder, fs::Permissions::from_mode(0o700))
    }
    #[cfg(not(unix))]
    {
        let _ = folder;
        Ok(())
    }
}

/// Deletes the pieces of a torrent that takes part no more, and what is remembered of them. Blocks.
///
/// # Errors
/// Those of the file system; what is not a file of ours stays, and so does then the folder.
pub fn delete(pieces_dir: &Path, info_hash: InfoHash) -> io::Result<()> {
    delete_folder(&folder_of(pieces_dir, info_hash))
}

/// Deletes a torrent's pieces. What does not look like a file of ours stays, and so does then the folder.
pub(super) fn delete_folder(folder: &Path) -> io::Result<()> {
    match fs::symlink_metadata(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error),
        Ok(metadata) if !metadata.is_dir() => return Err(io::ErrorKind::NotADirectory.into()),
        Ok(_) => {}
    }
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let is_ours = entry.file_name().to_str().is_some_and(is_our_name);
        if is_ours && !entry.file_type()?.is_dir() {
            fs::remove_file(entry.path())?;
        }
    }
    match fs::remove_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        result => result,
    }
}

fn is_our_name(name: &str) -> bool {
    let is_number = name.parse::<u32>().is_ok_and(|index| index.to_string() == name);
    is_number || name == RESUME_NAME || name == RESUME_PART_NAME
}

/// Makes a rename or a new name in this folder durable. Where folders can't be synced, the system does it by itself.
pub(super) fn sync_folder(folder: &Path) -> io::Result<()> {
    #[cfg(unix)]
    {
        File::open(folder)?.sync_all()
    }
    #[cfg(not(unix))]
    {
        let _ = folder;
        Ok(())
    }
}

/// Gives back the whole blocks of the file system inside of these bytes; the file keeps its length.
///
/// # Errors
/// `Unsupported` where the system or the file system has no holes.
pub(super) fn punch_hole(file: &File, offset: u64, length_bytes: u64) -> io::Result<()> {
    #[cfg(target_os = "linux")]
    {
        use rustix::fs::FallocateFlags;
        let flags = FallocateFlags::PUNCH_HOLE | FallocateFlags::KEEP_SIZE;
        match rustix::fs::fallocate(file, flags, offset, length_bytes) {
            Err(rustix::io::Errno::OPNOTSUPP | rustix::io::Errno::NOSYS) => {
                Err(io::ErrorKind::Unsupported.into())
            }
            result => Ok(result?),
        }
    }
    #[cfg(not(target_os = "linux"))]
    {
        let _ = (file, offset, length_bytes);
        Err(io::ErrorKind::Unsupported.into())
    }
}

#[cfg(unix)]
pub(super) fn read_exact_at(file: &File, buf: &mut [u8], offset: u64) -> io::Result<()> {
    std::os::unix::fs::FileExt::read_exact_at(file, buf, offset)
}

#[cfg(unix)]
pub(super) fn write_all_at(file: &File, buf: &[u8], offset: u64) -> io::Result<()> {
    std::os::unix::fs::FileExt::write_all_at(file, buf, offset)
}

#[cfg(windows)]
pub(super) fn read_exact_at(file: &File, mut buf: &mut [u8], mut offset: u64) -> io::Result<()> {
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
pub(super) fn write_all_at(file: &File, mut buf: &[u8], mut offset: u64) -> io::Result<()> {
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
