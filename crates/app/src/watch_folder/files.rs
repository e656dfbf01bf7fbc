//! The files of the watch folder: found, read and put away. Everything here blocks.

use std::fs::{self, File, Metadata, OpenOptions};
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use freshet_model::{SourceError, TorrentSource, limits};

/// So many entries of the folder are looked at; the others have their turn when these are put away.
const MAX_ENTRIES: usize = 20_000;
/// Longer than every magnet link.
const MAX_MAGNET_FILE_BYTES: usize = 64 * 1024;
/// Files of the same name in `added/`.
const MAX_NAMESAKES: u32 = 1000;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Torrent,
    Magnet,
}

/// By what a change of a file is seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Fingerprint {
    length_bytes: u64,
    changed_at: Option<SystemTime>,
}

/// A file that may be taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Candidate {
    pub(super) path: PathBuf,
    pub(super) kind: Kind,
    pub(super) fingerprint: Fingerprint,
}

impl Candidate {
    /// How long ago it was written, as far as clocks can be trusted.
    pub(super) fn age(&self, now: SystemTime) -> Duration {
        self.fingerprint.changed_at.and_then(|at| now.duration_since(at).ok()).unwrap_or_default()
    }
}

#[derive(Debug, thiserror::Error)]
pub(super) enum ReadError {
    #[error("larger than any torrent file")]
    TooLarge,
    #[error("not a regular file")]
    NoFile,
    #[error("not a text")]
    NoText,
    #[error("not a magnet link")]
    NoMagnet,
    #[error(transparent)]
    Source(#[from] SourceError),
    #[error(transparent)]
    Io(#[from] io::Error),
}

/// The regular files of a folder with our extensions, by name. Links are left alone, and so are hidden files: other programs
/// hide what they have not finished.
pub(super) fn list(folder: &Path) -> io::Result<Vec<Candidate>> {
    let mut candidates = Vec::new();
    for entry in fs::read_dir(folder)?.take(MAX_ENTRIES) {
        let entry = entry?;
        let name = entry.file_name();
        let Some(kind) = kind_of(&name.to_string_lossy()) else { continue };
        // Does not follow links. What is gone by now is no news.
        let Ok(metadata) = entry.metadata() else { continue };
        if metadata.is_file() {
            let fingerprint = fingerprint(&metadata);
            candidates.push(Candidate { path: entry.path(), kind, fingerprint });
        }
    }
    candidates.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(candidates)
}

fn kind_of(name: &str) -> Option<Kind> {
    let (stem, extension) = name.rsplit_once('.')?;
    if stem.is_empty() || stem.starts_with('.') {
        return None;
    }
    match extension.to_ascii_lowercase().as_str() {
        "torrent" => Some(Kind::Torrent),
        "magnet" => Some(Kind::Magnet),
        _ => None,
    }
}

fn fingerprint(metadata: &Metadata) -> Fingerprint {
    Fingerprint { length_bytes: metadata.len(), changed_at: metadata.modified().ok() }
}

/// What a file holds. Only magnet links and info hashes count as magnets: a web link would make us ask somebody.
pub(super) fn read(path: &Path, kind: Kind) -> Result<TorrentSource, ReadError> {
    match kind {
        Kind::Torrent => Ok(TorrentSource::TorrentFile(read_bounded(path, limits::MAX_METAINFO_BYTES)?)),
        Kind::Magnet => {
            let bytes = read_bounded(path, MAX_MAGNET_FILE_BYTES)?;
            let text = std::str::from_utf8(&bytes).map_err(|_| ReadError::NoText)?;
            match TorrentSource::parse(text.trim_start_matches('\u{feff}'))? {
                magnet @ (TorrentSource::Magnet(_) | TorrentSource::Torrs(_)) => Ok(magnet),
                TorrentSource::Web(_) | TorrentSource::TorrentFile(_) => Err(ReadError::NoMagnet),
            }
        }
    }
}

fn read_bounded(path: &Path, max_bytes: usize) -> Result<Vec<u8>, ReadError> {
    let file = open(path)?;
    if !file.metadata()?.is_file() {
        return Err(ReadError::NoFile);
    }
    let mut bytes = Vec::new();
    file.take(max_bytes as u64 + 1).read_to_end(&mut bytes)?;
    if bytes.len() > max_bytes { Err(ReadError::TooLarge) } else { Ok(bytes) }
}

/// Opens the file itself, whatever was put into its place since the folder was listed: no link is followed, and no pipe
/// waited for.
#[cfg(unix)]
fn open(path: &Path) -> io::Result<File> {
    use std::os::unix::fs::OpenOptionsExt as _;

    OpenOptions::new().read(true).custom_flags(libc::O_NOFOLLOW | libc::O_NONBLOCK).open(path)
}

#[cfg(not(unix))]
fn open(path: &Path) -> io::Result<File> {
    OpenOptions::new().read(true).open(path)
}

/// Moves a file into a folder beside it, under a name that is free there, and says where it is now.
pub(super) fn move_into(from: &Path, folder: &Path) -> io::Result<PathBuf> {
    match fs::create_dir(folder) {
        Ok(()) => {}
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            // A link would take the file to wherever it points.
            if !fs::symlink_metadata(folder)?.is_dir() {
                return Err(error);
            }
        }
        Err(error) => return Err(error),
    }
    let stem = from.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    let extension = from.extension().unwrap_or_default().to_string_lossy().into_owned();
    let namesakes = (2..=MAX_NAMESAKES).map(|number| folder.join(format!("{stem} ({number}).{extension}")));
    let first = folder.join(from.file_name().unwrap_or_default());
    let free = std::iter::once(first)
        .chain(namesakes)
        .find(|path| fs::symlink_metadata(path).is_err_and(|error| error.kind() == io::ErrorKind::NotFound))
        .ok_or(io::ErrorKind::AlreadyExists)?;
    fs::rename(from, &free)?;
    Ok(free)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_finished_names_of_ours_count() {
        let table = [
            ("a.torrent", Some(Kind::Torrent)),
            ("A.b.TORRENT", Some(Kind::Torrent)),
            ("a.magnet", Some(Kind::Magnet)),
            ("a.torrent.part", None),
            (".torrent", None),
            (".a.torrent", None),
            ("torrent", None),
            ("", None),
        ];
        for (name, kind) in table {
            assert_eq!(kind_of(name), kind, "{name}");
        }
    }

    #[test]
    fn a_file_never_takes_the_place_of_another() {
        let folder = tempfile::tempdir().unwrap();
        let put = |text: &str| {
            let path = folder.path().join("a.b.torrent");
            fs::write(&path, text).unwrap();
            move_into(&path, &folder.path().join("added")).unwrap()
        };

        let names = ["one", "two", "three"].map(put);

        let added = folder.path().join("added");
        assert_eq!(names, ["a.b.torrent", "a.b (2).torrent", "a.b (3).torrent"].map(|name| added.join(name)));
        assert_eq!(names.map(|name| fs::read_to_string(name).unwrap()), ["one", "two", "three"]);
    }

    #[cfg(unix)]
    #[test]
    fn links_and_pipes_are_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let elsewhere = tempfile::tempdir().unwrap();
        let secret = elsewhere.path().join("secret");
        fs::write(&secret, "d4:infode").unwrap();
        let link = folder.path().join("a.torrent");
        std::os::unix::fs::symlink(&secret, &link).unwrap();
        std::os::unix::fs::symlink(elsewhere.path(), folder.path().join("added")).unwrap();
        fs::create_dir(folder.path().join("b.torrent")).unwrap();
        let file = folder.path().join("c.torrent");
        fs::write(&file, "x").unwrap();

        let listed: Vec<_> = list(folder.path()).unwrap().into_iter().map(|file| file.path).collect();

        assert_eq!(listed, std::slice::from_ref(&file));
        assert!(matches!(read(&link, Kind::Torrent), Err(ReadError::Io(_))));
        assert!(matches!(read(&folder.path().join("b.torrent"), Kind::Torrent), Err(ReadError::NoFile)));
        assert!(move_into(&file, &folder.path().join("added")).is_err());
        assert!(file.is_file());
    }

    #[test]
    fn files_are_read_up_to_their_limit() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.torrent");
        fs::write(&path, vec![b'x'; limits::MAX_METAINFO_BYTES + 1]).unwrap();
        assert!(matches!(read(&path, Kind::Torrent), Err(ReadError::TooLarge)));
        assert!(matches!(read(&path, Kind::Magnet), Err(ReadError::TooLarge)));

        fs::write(&path, "\u{feff}magnet:?xt=urn:btih:08ada5a7a6183aae1e09d831df6748d566095a10\r\n").unwrap();
        assert!(matches!(read(&path, Kind::Magnet), Ok(TorrentSource::Magnet(_))));
        fs::write(&path, "https://example.org/a.torrent").unwrap();
        assert!(matches!(read(&path, Kind::Magnet), Err(ReadError::NoMagnet)));
    }
}
