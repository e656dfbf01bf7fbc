//! What the library knows of torrents by their names, read once for each.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError};

use freshet_model::{ContentKind, Episode, FileEntry, InfoHash, MediaKind, TorrentAbout, TorrentRecord};

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
    let seasons = seasons(&record.files);
    let of_kind = |kind| record.files.iter().any(|file| file.kind == kind);
    let guessed = if !seasons.is_empty() {
        ContentKind::Series
    } else if of_kind(MediaKind::Video) || record.files.is_empty() {
        ContentKind::Film
    } else if of_kind(MediaKind::Audio) {
        ContentKind::Music
    } else {
        ContentKind::Other
    };
    TorrentAbout {
        title: title.to_owned(),
        original_title: None,
        year: None,
        kind: ContentKind::of_category(&record.category).unwrap_or(guessed),
        first_season: seasons.iter().min().copied(),
        last_season: seasons.iter().max().copied(),
        resolution_lines: None,
        is_hdr: false,
    }
}

/// The seasons of the episodes among the files. One numbered file is a film with a number in its name as often as not, unless
/// it names a season.
fn seasons(files: &[FileEntry]) -> HashSet<u32> {
    let videos = || files.iter().filter(|file| file.kind == MediaKind::Video);
    let episodes: Vec<_> = videos().filter_map(|file| Episode::of(&file.path)).collect();
    if episodes.len() * 2 <= videos().count() {
        return HashSet::new();
    }
    episodes.iter().map(|episode| episode.season).collect()
}
