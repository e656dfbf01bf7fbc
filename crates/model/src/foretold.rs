//! What was said of files by TorrServer's ids before our own details told which files these are.
//!
//! A client marks a file of a torrent that is not here or has no details yet; another server, from which the library is taken
//! over, has given ids of its own, and its clients have written those into lasting addresses. Both are kept by id until the
//! details arrive, and mean then the file that had the id.

use std::collections::{HashMap, HashSet};

use serde::{Deserialize, Serialize};

use crate::{FileEntry, FileIndex, InfoHash, assign_torrserver_ids, clean_name, limits};

/// Everything that was said of the files of one torrent.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Foretold {
    pub info_hash: InfoHash,
    pub files: Vec<ForetoldFile>,
    pub marks: Vec<ForetoldMark>,
}

/// A file as another server, or an earlier life of the torrent here, numbered it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ForetoldFile {
    /// From 1.
    pub id: u32,
    /// As clients know it: `/`-separated, with the torrent's folder in front if it has one.
    pub path: String,
    pub length_bytes: u64,
    /// Known only if the details were here once.
    pub index: Option<FileIndex>,
}

/// A mark by id.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ForetoldMark {
    /// From 1.
    pub id: u32,
    pub viewed: bool,
    /// 0: none.
    pub position_secs: f64,
    /// Milliseconds since 1970.
    pub at_ms: u64,
    /// A client said it here and now, so it replaces what was known before. What another server had kept does not.
    pub is_report: bool,
}

impl ForetoldFile {
    /// A file as another server tells it; `None` for an id that no torrent has, or a path that is none.
    pub fn from_wire(id: u64, path: &str, length_bytes: u64) -> Option<Self> {
        let id = u32::try_from(id).ok().filter(|id| is_file_id(*id))?;
        if path.is_empty() || path.split('/').count() > limits::MAX_PATH_DEPTH + 1 {
            return None;
        }
        // Names here are cleaned when the details are read, so they are compared cleaned.
        let components: Option<Vec<String>> = path.split('/').map(clean_name).collect();
        Some(Self { id, path: components?.join("/"), length_bytes, index: None })
    }

    fn path_in_torrent(&self, is_single_file: bool) -> &str {
        let below = self.path.split_once('/').map(|(_, below)| below);
        if is_single_file { &self.path } else { below.unwrap_or(&self.path) }
    }
}

/// Whether a number may be a file id of TorrServer's clients.
pub const fn is_file_id(id: u32) -> bool {
    0 < id && id as usize <= limits::MAX_FILES
}

impl Foretold {
    pub fn new(info_hash: InfoHash) -> Self {
        Self { info_hash, files: Vec::new(), marks: Vec::new() }
    }

    pub fn is_empty(&self) -> bool {
        self.files.is_empty() && self.marks.is_empty()
    }

    /// The files as they are numbered now, for the day the torrent comes back; none if they would get the same numbers by
    /// themselves, and those are the ones of its order.
    pub fn remember_files(files: &[FileEntry], name: &str, is_single_file: bool) -> Vec<ForetoldFile> {
        let paths: Vec<&str> = files.iter().map(|file| file.path.as_str()).collect();
        let by_itself = assign_torrserver_ids(&paths);
        let is_plain = |(file, by_itself): (&FileEntry, u32)| {
            file.torrserver_id == by_itself && file.torrserver_id == file.index.0 + 1
        };
        if files.iter().zip(by_itself).all(is_plain) {
            return Vec::new();
        }
        let path = |file: &FileEntry| {
            if is_single_file { file.path.clone() } else { format!("{name}/{}", file.path) }
        };
        let remember = |file: &FileEntry| ForetoldFile {
            id: file.torrserver_id,
            path: path(file),
            length_bytes: file.length_bytes,
            index: Some(file.index),
        };
        files.iter().map(remember).collect()
    }

    /// The file that an id means, if that is known.
    pub fn index_of(&self, id: u32) -> Option<FileIndex> {
        self.files.iter().find(|file| file.id == id)?.index
    }

    /// The id of a file, if that is known.
    pub fn id_of(&self, index: FileIndex) -> Option<u32> {
        self.files.iter().find(|file| file.index == Some(index)).map(|file| file.id)
    }

    /// Gives the files of newly arrived details the ids that were foretold for their paths. A file that nobody foretold keeps
    /// its own id, or takes the first free one where that is taken.
    pub fn number(&self, files: &mut [FileEntry], is_single_file: bool) {
        if self.files.is_empty() {
            return;
        }
        let ids = self.ids_by_file(files, is_single_file);
        let mut taken: HashSet<u32> = ids.iter().flatten().copied().collect();
        let mut next_free = 1;
        for (file, id) in files.iter_mut().zip(ids) {
            file.torrserver_id = match id {
                Some(id) => id,
                None if taken.insert(file.torrserver_id) => file.torrserver_id,
                None => {
                    while !taken.insert(next_free) {
                        next_free += 1;
                    }
                    next_free
                }
            };
        }
    }

    /// Which file each mark is about, by the ids that its teller used.
    pub fn marks_by_file<'a>(
        &'a self,
        files: &'a [FileEntry],
        is_single_file: bool,
    ) -> impl Iterator<Item = (FileIndex, &'a ForetoldMark)> {
        let told: HashMap<u32, FileIndex> = if self.files.is_empty() {
            files.iter().map(|file| (file.torrserver_id, file.index)).collect()
        } else {
            let ids = self.ids_by_file(files, is_single_file);
            files.iter().zip(ids).filter_map(|(file, id)| Some((id?, file.index))).collect()
        };
        self.marks.iter().filter_map(move |mark| Some((*told.get(&mark.id)?, mark)))
    }

    /// The foretold id of each file, if it has one; no id twice.
    fn ids_by_file(&self, files: &[FileEntry], is_single_file: bool) -> Vec<Option<u32>> {
        let mut exact: HashMap<(&str, u64), u32> = HashMap::new();
        let mut by_path: HashMap<&str, u32> = HashMap::new();
        for file in &self.files {
            let path = file.path_in_torrent(is_single_file);
            exact.entry((path, file.length_bytes)).or_insert(file.id);
            by_path.entry(path).or_insert(file.id);
        }
        let mut used = HashSet::new();
        let id_of = |file: &FileEntry| {
            let path = file.path.as_str();
            exact.get(&(path, file.length_bytes)).or_else(|| by_path.get(path)).copied()
        };
        files.iter().map(|file| id_of(file).filter(|id| used.insert(*id))).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::MediaKind;

    fn entry(index: u32, path: &str, torrserver_id: u32) -> FileEntry {
        FileEntry {
            index: FileIndex(index),
            path: path.to_owned(),
            length_bytes: 10,
            kind: MediaKind::Video,
            torrserver_id,
        }
    }

    fn foretold(files: &[(u64, &str)], marked: &[u32]) -> Foretold {
        let mark =
            |id: &u32| ForetoldMark { id: *id, viewed: true, position_secs: 0.0, at_ms: 1, is_report: true };
        Foretold {
            files: files.iter().filter_map(|(id, path)| ForetoldFile::from_wire(*id, path, 10)).collect(),
            marks: marked.iter().map(mark).collect(),
            ..Foretold::new(InfoHash::new([1; 20]))
        }
    }

    fn ids(files: &[FileEntry]) -> Vec<u32> {
        files.iter().map(|file| file.torrserver_id).collect()
    }

    #[test]
    fn files_get_the_ids_of_their_paths_and_the_rest_take_free_ones() {
        let told = foretold(&[(3, "Pack/a.mkv"), (1, "Pack/x/\u{202e}b.mkv"), (2, "Pack/gone.mkv")], &[]);
        let mut files =
            [entry(0, "a.mkv", 1), entry(1, "x/b.mkv", 2), entry(2, "new.mkv", 3), entry(3, "z", 4)];

        told.number(&mut files, false);

        assert_eq!(ids(&files), [3, 1, 2, 4]);
        let mut untouched = [entry(0, "b", 2), entry(1, "a", 1)];
        foretold(&[], &[1]).number(&mut untouched, false);
        assert_eq!(ids(&untouched), [2, 1]);
    }

    #[test]
    fn a_repeated_path_is_told_apart_by_its_length_and_no_id_is_given_twice() {
        let mut told = foretold(&[(5, "P/a"), (6, "P/a")], &[]);
        told.files[1].length_bytes = 11;
        let mut files = [entry(0, "a", 1), entry(1, "a", 2), entry(2, "a", 3)];
        files[0].length_bytes = 11;

        told.number(&mut files, false);

        assert_eq!(ids(&files), [6, 5, 3]);
    }

    #[test]
    fn marks_find_their_files_by_the_numbers_of_their_teller() {
        let of = |told: &Foretold, files: &[FileEntry], single| -> Vec<(u32, u32)> {
            told.marks_by_file(files, single).map(|(index, mark)| (index.0, mark.id)).collect()
        };
        let files = [entry(0, "b.mkv", 2), entry(1, "a.mkv", 1)];

        assert_eq!(of(&foretold(&[], &[1, 2, 3]), &files, false), [(1, 1), (0, 2)]);
        // Another server had them the other way round.
        assert_eq!(of(&foretold(&[(1, "P/b.mkv"), (2, "P/a.mkv")], &[1]), &files, false), [(0, 1)]);
        let only = [entry(0, "film.mkv", 1)];
        assert_eq!(of(&foretold(&[(1, "film.mkv")], &[1]), &only, true), [(0, 1)]);
    }

    #[test]
    fn what_no_torrent_can_have_is_not_taken() {
        for (id, path) in [(0, "a"), (20_001, "a"), (u64::MAX, "a"), (1, ""), (1, &"x/".repeat(40))] {
            assert_eq!(ForetoldFile::from_wire(id, path, 1), None, "{id} {path}");
        }
    }

    #[test]
    fn only_numbers_that_would_not_come_back_by_themselves_are_remembered() {
        assert_eq!(Foretold::remember_files(&[entry(0, "a", 1), entry(1, "b", 2)], "P", false), []);

        assert_eq!(Foretold::remember_files(&[entry(0, "b", 1), entry(1, "a", 2)], "P", false).len(), 2);
        let told = Foretold {
            files: Foretold::remember_files(&[entry(0, "b", 2), entry(1, "a", 1)], "P", false),
            ..Foretold::new(InfoHash::new([1; 20]))
        };

        assert_eq!((told.index_of(2), told.id_of(FileIndex(1))), (Some(FileIndex(0)), Some(1)));
        let mut again = [entry(0, "b", 1), entry(1, "a", 2)];
        told.number(&mut again, false);
        assert_eq!(ids(&again), [2, 1]);
    }
}
