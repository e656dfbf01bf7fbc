//! What the status object says of a torrent, and which of its files is meant.

use freshet_model::{FileEntry, FileIndex, FileMark, media_kind, rules};
use serde::Deserialize;

#[derive(Debug, Clone, PartialEq, Deserialize)]
pub(crate) struct Torrent {
    pub(crate) hash: String,
    #[serde(default)]
    pub(crate) active_peers: u64,
    #[serde(default, rename = "download_speed", deserialize_with = "whole")]
    pub(crate) bytes_per_sec: u64,
    #[serde(default)]
    preloaded_bytes: u64,
    #[serde(default)]
    preload_size: u64,
    #[serde(default, rename = "file_stats")]
    pub(crate) files: Vec<File>,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(crate) struct File {
    #[serde(default)]
    pub(crate) id: u32,
    #[serde(default)]
    pub(crate) path: String,
    #[serde(default)]
    pub(crate) length: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
pub(crate) struct Viewed {
    file_index: u32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum NoFile {
    #[error("the torrent has no file {0}; --list shows those that it has")]
    Unknown(u32),
    #[error("the torrent has no film and no music; choose a file with --file")]
    NothingPlayable,
}

/// A speed may have a fraction.
fn whole<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
    let number = f64::deserialize(deserializer)?;
    // Neither sign nor fraction means anything here.
    Ok(number.max(0.0) as u64)
}

impl File {
    pub(crate) fn name(&self) -> &str {
        self.path.rsplit('/').next().unwrap_or(&self.path)
    }
}

impl Torrent {
    /// How much of what is fetched before playing is here; `None` if the server does not say.
    pub(crate) fn preload_percent(&self) -> Option<u64> {
        (self.preload_size > 0)
            .then(|| (self.preloaded_bytes.saturating_mul(100) / self.preload_size).min(100))
    }

    /// The file with this number; without one the file that "play" means in the library.
    pub(crate) fn choose(&self, id: Option<u32>, viewed: &[Viewed]) -> Result<&File, NoFile> {
        if let Some(id) = id {
            return self.files.iter().find(|file| file.id == id).ok_or(NoFile::Unknown(id));
        }
        let entries: Vec<FileEntry> = (0..)
            .zip(&self.files)
            .map(|(index, file)| FileEntry {
                index: FileIndex(index),
                path: file.path.clone(),
                length_bytes: file.length,
                kind: media_kind(&file.path),
                torrserver_id: file.id,
            })
            .collect();
        let marks: Vec<FileMark> = entries
            .iter()
            .filter(|entry| viewed.iter().any(|viewed| viewed.file_index == entry.torrserver_id))
            .map(|entry| FileMark { viewed: true, ..FileMark::new(entry.index) })
            .collect();
        let target = rules::play_target(&entries, &marks).ok_or(NoFile::NothingPlayable)?;
        self.files.get(target.index.as_usize()).ok_or(NoFile::NothingPlayable)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn torrent(files: &[(&str, u64)]) -> Torrent {
        let files: Vec<_> = (1..)
            .zip(files)
            .map(|(id, (path, length)): (u32, _)| serde_json::json!({"id": id, "path": path, "length": length}))
            .collect();
        serde_json::from_value(serde_json::json!({"hash": "x", "file_stats": files})).unwrap()
    }

    fn chosen(files: &[(&str, u64)], viewed: &[u32]) -> Result<u32, NoFile> {
        let viewed: Vec<_> = viewed.iter().map(|id| Viewed { file_index: *id }).collect();
        torrent(files).choose(None, &viewed).map(|file| file.id)
    }

    #[test]
    fn a_film_is_meant_before_its_sample_and_the_next_episode_of_a_series() {
        let film = [("sample.mkv", 5), ("film.mkv", 900), ("film.srt", 1000)];
        assert_eq!(chosen(&film, &[]), Ok(2));
        let series = [("e1.mkv", 100), ("e2.mkv", 120), ("e3.mkv", 110)];
        assert_eq!(chosen(&series, &[]), Ok(1));
        assert_eq!(chosen(&series, &[1]), Ok(2));
        assert_eq!(chosen(&[("a.flac", 5), ("b.flac", 9)], &[]), Ok(1));
        assert_eq!(chosen(&[("readme.txt", 1)], &[]), Err(NoFile::NothingPlayable));
    }

    #[test]
    fn a_number_means_just_that_file() {
        let torrent = torrent(&[("a.mkv", 1), ("readme.txt", 1)]);

        assert_eq!(torrent.choose(Some(2), &[]).unwrap().path, "readme.txt");
        assert_eq!(torrent.choose(Some(3), &[]), Err(NoFile::Unknown(3)));
    }

    #[test]
    fn figures_are_read_with_and_without_fractions() {
        let read = |text: &str| serde_json::from_str::<Torrent>(text).unwrap();
        let torrent =
            read(r#"{"hash":"x","download_speed":1500.7,"preloaded_bytes":30,"preload_size":40,"stat":2}"#);

        assert_eq!((torrent.bytes_per_sec, torrent.preload_percent()), (1500, Some(75)));
        assert_eq!(read(r#"{"hash":"x","preloaded_bytes":3}"#).preload_percent(), None);
        assert_eq!(read(r#"{"hash":"x","preloaded_bytes":9,"preload_size":4}"#).preload_percent(), Some(100));
    }
}
