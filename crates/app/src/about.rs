//! What the library knows of torrents by their names, read once for each.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use freshet_media::names::{self, ReleaseKind};
use freshet_model::{ContentKind, InfoHash, TorrentAbout, TorrentRecord};

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
    let paths: Vec<&str> = record.files.iter().map(|file| file.path.as_str()).collect();
    let name = names::of_torrent(title, &paths);
    let guessed = match name.kind {
        ReleaseKind::Film => ContentKind::Film,
        ReleaseKind::Series => ContentKind::Series,
        ReleaseKind::Music => ContentKind::Music,
        ReleaseKind::Other => ContentKind::Other,
    };
    let has_own_title = record.is_titled_by_hand || name.title.is_empty();
    TorrentAbout {
        title: if has_own_title { title.to_owned() } else { name.title },
        original_title: name.original_title.filter(|_| !record.is_titled_by_hand),
        year: name.year,
        kind: ContentKind::of_category(&record.category).unwrap_or(guessed),
        first_season: name.first_season,
        last_season: name.last_season,
        resolution_lines: name.resolution,
        is_hdr: name.is_hdr,
    }
}

#[cfg(test)]
mod tests {
    use freshet_model::{FileEntry, FileIndex, media_kind};

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
