//! What the library knows of torrents by their names, read once for each.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use freshet_media::names::{self, ReleaseKind, ReleaseName, Source};
use freshet_model::{ContentKind, FileEntry, InfoHash, MediaKind, TorrentAbout, TorrentRecord};

/// Of each kind. A library of thousands is read whenever the program starts.
const READ_FILES: usize = 5;

/// Reading names is dear, and a library is shown again with every start of a window.
#[derive(Debug, Default)]
pub(crate) struct Abouts(Mutex<HashMap<InfoHash, Known>>);

#[derive(Debug)]
struct Known {
    title: String,
    is_titled_by_hand: bool,
    category: String,
    file_count: usize,
    about: Arc<TorrentAbout>,
}

impl Known {
    fn is_of(&self, record: &TorrentRecord, title: &str) -> bool {
        self.title == title
            && self.is_titled_by_hand == record.is_titled_by_hand
            && self.category == record.category
            && self.file_count == record.files.len()
    }
}

impl Abouts {
    pub(crate) fn of(&self, record: &TorrentRecord) -> Arc<TorrentAbout> {
        let known = || self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let title = record.shown_title();
        if let Some(known) = known().get(&record.info_hash).filter(|known| known.is_of(record, &title)) {
            return Arc::clone(&known.about);
        }
        let about = Arc::new(about(record, &title));
        let entry = Known {
            title,
            is_titled_by_hand: record.is_titled_by_hand,
            category: record.category.clone(),
            file_count: record.files.len(),
            about: Arc::clone(&about),
        };
        known().insert(record.info_hash, entry);
        about
    }

    pub(crate) fn forget(&self, info_hash: InfoHash) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&info_hash);
    }
}

fn about(record: &TorrentRecord, title: &str) -> TorrentAbout {
    let mut about = told(names::of_torrent(title, &some_of(&record.files)), title);
    if record.is_titled_by_hand {
        title.clone_into(&mut about.title);
        about.original_title = None;
    }
    about.kind = ContentKind::of_category(&record.category).unwrap_or(about.kind);
    about
}

/// Some of the files tell what all of them would: of each kind that says something the first, the last, and a few between.
fn some_of(files: &[FileEntry]) -> Vec<&str> {
    let mut paths = Vec::new();
    for kind in [MediaKind::Video, MediaKind::Audio] {
        let mut of_kind: Vec<&str> =
            files.iter().filter(|file| file.kind == kind).map(|file| file.path.as_str()).collect();
        of_kind.sort_unstable();
        let last = of_kind.len().saturating_sub(1);
        let count = of_kind.len().min(READ_FILES);
        paths.extend((0..count).map(|number| of_kind[last * number / (count - 1).max(1)]));
    }
    paths
}

/// By a name alone.
pub(crate) fn of_name(name: &str) -> TorrentAbout {
    told(ReleaseName::of(name), name)
}

fn told(name: ReleaseName, text: &str) -> TorrentAbout {
    TorrentAbout {
        title: if name.title.is_empty() { text.to_owned() } else { name.title },
        original_title: name.original_title,
        year: name.year,
        kind: match name.kind {
            ReleaseKind::Film => ContentKind::Film,
            ReleaseKind::Series => ContentKind::Series,
            ReleaseKind::Music => ContentKind::Music,
            ReleaseKind::Other => ContentKind::Other,
        },
        first_season: name.first_season,
        last_season: name.last_season,
        resolution_lines: name.resolution,
        is_hdr: name.is_hdr,
        source: name.source.map(|source| {
            let word = match source {
                Source::BluRay => "BluRay",
                Source::Web => "WEB",
                Source::Hdtv => "HDTV",
                Source::Dvd => "DVD",
                Source::Vhs => "VHS",
                Source::Screener => "Screener",
                Source::Cam => "CAM",
            };
            word.to_owned()
        }),
    }
}

#[cfg(test)]
mod tests {
    use freshet_model::{FileIndex, media_kind};

    use super::*;

    fn record(title: &str, files: &[&str]) -> TorrentRecord {
        let files = (0..).zip(files).map(|(index, path)| FileEntry {
            index: FileIndex(index),
            path: (*path).to_owned(),
            length_bytes: 1_000,
            kind: media_kind(path),
            torrserver_id: index + 1,
        });
        let files = files.collect();
        TorrentRecord { title: title.to_owned(), files, ..TorrentRecord::new(InfoHash::new([1; 20]), 1) }
    }

    #[test]
    fn of_many_files_the_first_the_last_and_a_few_between_are_read() {
        let of = |files: &[String]| {
            let files: Vec<&str> = files.iter().map(String::as_str).collect();
            some_of(&record("", &files).files).into_iter().map(str::to_owned).collect::<Vec<_>>()
        };
        let episodes = |count: u32| (1..=count).map(|n| format!("S01E{n:02}.mkv")).collect::<Vec<_>>();
        assert_eq!(of(&episodes(0)), Vec::<String>::new());
        assert_eq!(of(&episodes(1)), ["S01E01.mkv"]);
        assert_eq!(of(&episodes(2)), ["S01E01.mkv", "S01E02.mkv"]);
        assert_eq!(of(&episodes(9)), ["S01E01.mkv", "S01E03.mkv", "S01E05.mkv", "S01E07.mkv", "S01E09.mkv"]);
        assert_eq!(of(&["b.flac".into(), "a.txt".into(), "c.mkv".into()]), ["c.mkv", "b.flac"]);
    }

    #[test]
    fn a_name_is_read_again_when_it_or_what_a_person_says_changes() {
        let abouts = Abouts::default();
        let files = ["Show.S02E01.mkv", "Show.S02E02.mkv"];
        let first = abouts.of(&record("Show.S02.1080p.WEB-DL-GROUP", &files));
        assert_eq!((first.title.as_str(), first.kind), ("Show", ContentKind::Series));
        assert_eq!((first.first_season, first.resolution_lines), (Some(2), Some(1080)));
        let again = abouts.of(&record("Show.S02.1080p.WEB-DL-GROUP", &files));
        assert!(Arc::ptr_eq(&first, &again), "it is known");

        let by_hand = TorrentRecord { is_titled_by_hand: true, ..record("My.Show.S02.1080p", &files) };
        assert_eq!(abouts.of(&by_hand).title, "My.Show.S02.1080p", "as it stands");
        let music = TorrentRecord { category: "music".to_owned(), ..record("Show.S02.1080p", &files) };
        assert_eq!(abouts.of(&music).kind, ContentKind::Music, "a person says so");
        assert_eq!(abouts.of(&record("", &[])).title, InfoHash::new([1; 20]).to_string());
    }
}
