//! What is remembered of a torrent, in a file beside its pieces.

use std::fs::{self, OpenOptions};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use freshet_model::InfoHash;

use super::disk;
use super::resume::{MAX_RESUME_BYTES, Resume, ResumeStore};

/// Keeps what is remembered in `<pieces_dir>/<info hash>/resume`. A torrent without a folder has no pieces, and
/// nothing to be remembered.
#[derive(Debug, Clone)]
pub struct ResumeFile {
    pieces_dir: PathBuf,
}

impl ResumeFile {
    pub fn new(pieces_dir: &Path) -> Self {
        Self { pieces_dir: pieces_dir.to_owned() }
    }

    fn try_load(&self, info_hash: InfoHash) -> io::Result<Resume> {
        let folder = disk::folder_of(&self.pieces_dir, info_hash);
        disk::check_folder(&folder)?;
        let file = disk::open_file_to_read(&folder.join(disk::RESUME_NAME))?;
        let mut bytes = Vec::new();
        // One more, so that a file that is too long is seen as such.
        file.take(MAX_RESUME_BYTES as u64 + 1).read_to_end(&mut bytes)?;
        Resume::from_bytes(&bytes).ok_or_else(|| io::ErrorKind::InvalidData.into())
    }

    fn try_save(&self, info_hash: InfoHash, resume: &Resume) -> io::Result<()> {
        let folder = disk::folder_of(&self.pieces_dir, info_hash);
        disk::check_folder(&folder)?;
        let part = folder.join(disk::RESUME_PART_NAME);
        // Left by a crash, or a link that somebody planted: it is removed, never followed.
        match fs::remove_file(&part) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let mut options = OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let mut file = options.open(&part)?;
        let written = file.write_all(&resume.to_bytes()).and_then(|()| file.sync_all());
        drop(file);
        let renamed = written.and_then(|()| fs::rename(&part, folder.join(disk::RESUME_NAME)));
        if renamed.is_err() {
            // What was remembered before stays valid, or is seen to be old by the stamps.
            let _ = fs::remove_file(&part);
        }
        renamed.and_then(|()| disk::sync_folder(&folder))
    }
}

impl ResumeStore for ResumeFile {
    fn load(&self, info_hash: InfoHash) -> Option<Resume> {
        match self.try_load(info_hash) {
            Ok(resume) => Some(resume),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => {
                tracing::warn!(%info_hash, %error, "what was remembered of the pieces can't be read: they are hashed again");
                None
            }
        }
    }

    fn save(&self, info_hash: InfoHash, resume: &Resume) {
        match self.try_save(info_hash, resume) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                tracing::debug!(%info_hash, "no folder, nothing to remember");
            }
            Err(error) => tracing::warn!(%info_hash, %error, "what the pieces are could not be remembered"),
        }
    }

    /// It lies in the folder of the pieces, and has gone with them.
    fn forget(&self, _: InfoHash) {}
}

#[cfg(test)]
mod tests {
    use super::super::resume::tests::some_resume;
    use super::*;

    fn info_hash() -> InfoHash {
        InfoHash::new([7; 20])
    }

    fn with_folder() -> (tempfile::TempDir, PathBuf, ResumeFile) {
        let dir = tempfile::tempdir().unwrap();
        let folder = disk::folder_of(dir.path(), info_hash());
        fs::create_dir(&folder).unwrap();
        let store = ResumeFile::new(dir.path());
        (dir, folder, store)
    }

    #[test]
    fn what_was_saved_last_is_loaded() {
        let (_dir, folder, store) = with_folder();
        assert_eq!(store.load(info_hash()), None);
        let mut resume = some_resume();
        store.save(info_hash(), &resume);
        resume.uploaded_bytes += 1;
        store.save(info_hash(), &resume);

        assert_eq!(store.load(info_hash()), Some(resume));
        assert_eq!(fs::read_dir(&folder).unwrap().count(), 1, "no part is left");
    }

    #[test]
    fn a_torrent_without_a_folder_gets_none() {
        let dir = tempfile::tempdir().unwrap();
        let store = ResumeFile::new(dir.path());
        store.save(info_hash(), &some_resume());
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);
        assert_eq!(store.load(info_hash()), None);
    }

    #[test]
    fn a_damaged_or_endless_file_is_nothing() {
        let (_dir, folder, store) = with_folder();
        let mut bytes = some_resume().to_bytes();
        bytes[30] ^= 1;
        fs::write(folder.join("resume"), &bytes).unwrap();
        assert_eq!(store.load(info_hash()), None);

        let endless = fs::File::create(folder.join("resume")).unwrap();
        endless.set_len(1 << 40).unwrap();
        assert_eq!(store.load(info_hash()), None);
    }

    #[test]
    fn a_part_left_by_a_crash_is_replaced() {
        let (_dir, folder, store) = with_folder();
        fs::write(folder.join("resume.part"), b"half").unwrap();
        store.save(info_hash(), &some_resume());
        assert_eq!(store.load(info_hash()), Some(some_resume()));
    }

    #[cfg(unix)]
    #[test]
    fn a_planted_link_is_not_followed() {
        let (dir, folder, store) = with_folder();
        let outside = dir.path().join("outside");
        fs::write(&outside, some_resume().to_bytes()).unwrap();
        for name in ["resume", "resume.part"] {
            std::os::unix::fs::symlink(&outside, folder.join(name)).unwrap();
        }
        assert_eq!(store.load(info_hash()), None);

        let mut resume = some_resume();
        resume.downloaded_bytes = 1;
        store.save(info_hash(), &resume);

        assert_eq!(store.load(info_hash()), Some(resume));
        assert_eq!(fs::read(&outside).unwrap(), some_resume().to_bytes());
    }
}
