//! Posters that were made: small files in the data folder, with a ceiling.

use std::collections::HashMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use freshet_model::InfoHash;

/// Some thousands of posters; beyond it, those go that were made longest ago.
const MAX_BYTES: u64 = 256 * 1024 * 1024;

/// What a poster was made of, the worst first. A better one takes its place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Origin {
    /// A frame from anywhere in the film.
    AnyFrame,
    /// The frame that was wanted.
    Frame,
    /// A picture inside the film's file.
    Cover,
    /// A picture of the torrent.
    File,
}

impl Origin {
    const ALL: [Self; 4] = [Self::AnyFrame, Self::Frame, Self::Cover, Self::File];

    fn name(self) -> &'static str {
        match self {
            Self::AnyFrame => "any",
            Self::Frame => "frame",
            Self::Cover => "cover",
            Self::File => "file",
        }
    }

    fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|origin| origin.name() == name)
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Entry {
    origin: Origin,
    made_at_secs: u64,
    bytes: u64,
}

impl Entry {
    fn version(self) -> String {
        format!("{}-{}", self.origin.name(), self.made_at_secs)
    }

    fn file(self, folder: &Path, info_hash: InfoHash) -> PathBuf {
        folder.join(format!("{info_hash}-{}.jpg", self.version()))
    }
}

/// Which torrents have a poster. The files are read and written on threads that may wait.
#[derive(Debug)]
pub(crate) struct Kept {
    folder: PathBuf,
    max_bytes: u64,
    known: Mutex<HashMap<InfoHash, Entry>>,
}

impl Kept {
    /// What is in a folder; nothing, if it can't be read. Blocks on the disk.
    pub(crate) fn load(folder: PathBuf) -> Self {
        let known = fs::read_dir(&folder).into_iter().flatten().flatten().filter_map(|file| {
            let name = file.file_name();
            let (info_hash, origin, made_at_secs) = parse(name.to_str()?)?;
            let bytes = file.metadata().ok()?.len();
            Some((info_hash, Entry { origin, made_at_secs, bytes }))
        });
        let known = Mutex::new(known.collect());
        Self { folder, max_bytes: MAX_BYTES, known }
    }

    fn known(&self) -> std::sync::MutexGuard<'_, HashMap<InfoHash, Entry>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn origin(&self, info_hash: InfoHash) -> Option<Origin> {
        Some(self.known().get(&info_hash)?.origin)
    }

    /// Where a torrent's poster is on our server, another address for another picture; empty if it has none.
    pub(crate) fn address(&self, info_hash: InfoHash) -> String {
        let known = self.known().get(&info_hash).copied();
        known.map(|entry| format!("/poster/{info_hash}/{}", entry.version())).unwrap_or_default()
    }

    /// The picture; `None` if there is none. Blocks on the disk.
    pub(super) fn read(&self, info_hash: InfoHash) -> Option<Vec<u8>> {
        let entry = self.known().get(&info_hash).copied()?;
        fs::read(entry.file(&self.folder, info_hash)).ok()
    }

    /// Keeps a picture in the place of a worse one, and drops the oldest while there are too many. Blocks on the disk.
    pub(super) fn put(
        &self,
        info_hash: InfoHash,
        origin: Origin,
        made_at_secs: u64,
        picture: &[u8],
    ) -> io::Result<()> {
        let entry = Entry { origin, made_at_secs, bytes: picture.len() as u64 };
        let file = entry.file(&self.folder, info_hash);
        fs::create_dir_all(&self.folder)?;
        // Whole or not at all; what a fault leaves of it has no name of a poster.
        let unfinished = file.with_extension("part");
        fs::write(&unfinished, picture)?;
        fs::rename(&unfinished, &file)?;
        let before = self.known().insert(info_hash, entry);
        if let Some(before) = before.filter(|before| before.version() != entry.version()) {
            let _ = fs::remove_file(before.file(&self.folder, info_hash));
        }
        while let Some(oldest) = self.oldest_too_many() {
            self.forget(oldest);
        }
        Ok(())
    }

    fn oldest_too_many(&self) -> Option<InfoHash> {
        let known = self.known();
        let bytes: u64 = known.values().map(|entry| entry.bytes).sum();
        let oldest = known.iter().min_by_key(|(_, entry)| entry.made_at_secs)?;
        (bytes > self.max_bytes).then_some(*oldest.0)
    }

    /// Deletes the poster of a torrent. Blocks on the disk.
    pub(super) fn forget(&self, info_hash: InfoHash) {
        let entry = self.known().remove(&info_hash);
        if let Some(entry) = entry {
            let _ = fs::remove_file(entry.file(&self.folder, info_hash));
        }
    }
}

fn parse(name: &str) -> Option<(InfoHash, Origin, u64)> {
    let mut parts = name.strip_suffix(".jpg")?.splitn(3, '-');
    let (info_hash, origin, made_at_secs) = (parts.next()?, parts.next()?, parts.next()?);
    Some((info_hash.parse().ok()?, Origin::from_name(origin)?, made_at_secs.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: InfoHash = InfoHash::new([1; 20]);
    const OTHER: InfoHash = InfoHash::new([2; 20]);

    fn names(folder: &Path) -> Vec<String> {
        let files = fs::read_dir(folder).unwrap();
        let mut names: Vec<_> = files.map(|file| file.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    #[test]
    fn what_was_kept_is_there_after_a_new_start_and_a_better_one_takes_its_place() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("posters");
        let kept = Kept::load(path.clone());
        assert_eq!((kept.address(ONE), kept.read(ONE)), (String::new(), None));

        kept.put(ONE, Origin::AnyFrame, 7, b"frame").unwrap();
        fs::write(path.join("notes.jpg"), b"not ours").unwrap();
        let kept = Kept::load(path.clone());

        assert_eq!(kept.address(ONE), format!("/poster/{ONE}/any-7"));
        assert_eq!((kept.origin(ONE), kept.read(ONE)), (Some(Origin::AnyFrame), Some(b"frame".to_vec())));
        kept.put(ONE, Origin::File, 9, b"file").unwrap();
        assert_eq!(kept.address(ONE), format!("/poster/{ONE}/file-9"));
        assert_eq!(names(&path), [format!("{ONE}-file-9.jpg"), "notes.jpg".to_owned()]);
        kept.forget(ONE);
        assert_eq!((kept.address(ONE), kept.read(ONE)), (String::new(), None));
        assert_eq!(names(&path), ["notes.jpg"]);
    }

    #[test]
    fn the_oldest_goes_when_there_are_too_many() {
        let folder = tempfile::tempdir().unwrap();
        let kept = Kept { max_bytes: 10, ..Kept::load(folder.path().to_owned()) };

        kept.put(ONE, Origin::File, 2, b"12345").unwrap();
        kept.put(OTHER, Origin::File, 1, b"12345").unwrap();
        assert_eq!(names(folder.path()).len(), 2);
        kept.put(ONE, Origin::File, 3, b"123456").unwrap();

        assert_eq!(names(folder.path()), [format!("{ONE}-file-3.jpg")]);
        assert_eq!(kept.origin(OTHER), None);
    }
}
