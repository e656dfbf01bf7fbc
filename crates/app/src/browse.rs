//! Finding one's way in the library: by words, and by what is to be seen next.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use freshet_model::{
    Episode, ErrorCode, FileEntry, FileIndex, FileMark, InfoHash, MediaKind, TorrentMarks, TorrentRecord,
    WireError, neighbors,
};

use crate::App;
use crate::args::{LibraryFind, LibraryFound, NextUp, NextUpList, Nothing};
use crate::error::Coded as _;

/// Series that are offered at once.
const NEXT_UP: usize = 12;
/// Torrents that are looked at for it, those that were watched last; the rest was given up long ago.
const LOOKED_AT: usize = 40;
const MAX_FOUND: u32 = 500;
/// Longer texts are no words that somebody looks for.
const MAX_FIND_CHARS: usize = 200;

pub(crate) async fn find(app: &App, args: LibraryFind) -> Result<LibraryFound, WireError> {
    let text = args.text.chars().take(MAX_FIND_CHARS).collect();
    let info_hashes = app.inner.store.find(text, MAX_FOUND).await.map_err(|error| error.wire())?;
    Ok(LibraryFound { info_hashes })
}

pub(crate) async fn next_up(app: &App, _: Nothing) -> Result<NextUpList, WireError> {
    let marks = app.all_marks().await?;
    let records = app.torrents().await?;
    // Names of a large library take their time.
    let episodes = tokio::task::spawn_blocking(move || next_episodes(&records, &marks)).await;
    episodes
        .map(|episodes| NextUpList { episodes })
        .map_err(|error| WireError::new(ErrorCode::Internal, format!("what comes next: {error}")))
}

/// For each series whose last episode was seen to its end, the one after it, unless it was begun.
fn next_episodes(records: &[Arc<TorrentRecord>], marks: &[TorrentMarks]) -> Vec<NextUp> {
    let records: HashMap<InfoHash, &TorrentRecord> =
        records.iter().map(|record| (record.info_hash, &**record)).collect();
    let is_begun = |place: &Place| {
        let marks = marks.iter().find(|marks| marks.info_hash == place.0);
        marks.and_then(|marks| marks.get(place.1)).is_some_and(|mark| mark.viewed || mark.position_secs > 0.0)
    };
    let mut series = HashSet::new();
    let mut watched: Vec<_> =
        marks.iter().filter_map(|marks| Watched::last_of(records.get(&marks.info_hash)?, marks)).collect();
    watched.sort_by_key(|watched| std::cmp::Reverse(watched.mark.updated_at_ms));
    watched.truncate(LOOKED_AT);
    // A series in several torrents goes on from where it was seen last; what was left in the middle is to be continued instead.
    watched.retain(|watched| watched.series().is_none_or(|name| series.insert(name.to_owned())));
    watched.retain(|watched| watched.mark.viewed);

    let elsewhere = elsewhere(&records, &watched);
    let next = watched.iter().filter_map(|watched| {
        let place =
            watched.next_beside().or_else(|| elsewhere.get(watched.series()?).map(|(_, place)| *place))?;
        if is_begun(&place) {
            return None;
        }
        let file = records.get(&place.0)?.file(place.1)?;
        let episode = Episode::of(&file.path);
        Some(NextUp {
            info_hash: place.0,
            file_index: place.1,
            file_name: file.name().to_owned(),
            season: episode.as_ref().map(|episode| episode.season),
            episode: episode.map(|episode| episode.number),
            seen_before_at_ms: watched.mark.updated_at_ms,
        })
    });
    next.take(NEXT_UP).collect()
}

type Place = (InfoHash, FileIndex);

/// What goes on in other torrents, by the names of the series: the largest file, since a sample has the name of its episode.
fn elsewhere(
    records: &HashMap<InfoHash, &TorrentRecord>,
    watched: &[Watched<'_>],
) -> HashMap<String, (u64, Place)> {
    let ended: Vec<_> = watched
        .iter()
        .filter(|watched| watched.next_beside().is_none())
        .filter_map(|watched| {
            let episode = watched.episode.as_ref().filter(|episode| !episode.series.is_empty())?;
            Some((longest_word(&episode.series), episode))
        })
        .collect();
    let mut found: HashMap<String, (u64, Place)> = HashMap::new();
    if ended.is_empty() {
        return found;
    }
    let files = records.values().flat_map(|record| record.files.iter().map(move |file| (record, file)));
    for (record, file) in files.filter(|(_, file)| file.kind == MediaKind::Video) {
        // Reading a number out of a name is dear; most names have not even a word of these series.
        let path = file.path.to_lowercase();
        let mut candidates = ended.iter().filter(|(word, _)| path.contains(word)).peekable();
        if candidates.peek().is_none() {
            continue;
        }
        let Some(other) = Episode::of(&file.path) else { continue };
        for (_, episode) in candidates.filter(|(_, episode)| episode.is_followed_by(&other)) {
            let place = (file.length_bytes, (record.info_hash, file.index));
            let known = found.entry(episode.series.clone()).or_insert(place);
            *known = place.max(*known);
        }
    }
    found
}

fn longest_word(text: &str) -> &str {
    text.split(' ').max_by_key(|word| word.len()).unwrap_or(text)
}

/// The video of a torrent that somebody had to do with last.
struct Watched<'a> {
    record: &'a TorrentRecord,
    file: &'a FileEntry,
    mark: &'a FileMark,
    episode: Option<Episode>,
}

impl<'a> Watched<'a> {
    fn last_of(record: &'a TorrentRecord, marks: &'a TorrentMarks) -> Option<Self> {
        let touched = marks.marks.iter().filter(|mark| mark.viewed || mark.position_secs > 0.0);
        let mark = touched.max_by_key(|mark| (mark.updated_at_ms, mark.file_index))?;
        let file = record.file(mark.file_index).filter(|file| file.kind == MediaKind::Video)?;
        Some(Self { record, file, mark, episode: Episode::of(&file.path) })
    }

    /// `None` if the name tells of none.
    fn series(&self) -> Option<&str> {
        self.episode.as_ref().map(|episode| episode.series.as_str()).filter(|series| !series.is_empty())
    }

    /// The one after it in the same torrent. Films that only lie side by side are no series.
    fn next_beside(&self) -> Option<Place> {
        self.episode.as_ref()?;
        let (_, next) = neighbors(&self.record.files, self.file.index);
        next.map(|file| (self.record.info_hash, file.index))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(n: u8, files: &[&str]) -> Arc<TorrentRecord> {
        let files = (0..).zip(files).map(|(index, path)| FileEntry {
            index: FileIndex(index),
            path: (*path).to_owned(),
            length_bytes: if path.contains("sample") { 10 } else { 1_000 },
            kind: MediaKind::Video,
            torrserver_id: index + 1,
        });
        Arc::new(TorrentRecord { files: files.collect(), ..TorrentRecord::new(InfoHash::new([n; 20]), 1) })
    }

    fn marks(n: u8, marks: &[(u32, bool, u64)]) -> TorrentMarks {
        let marks = marks.iter().map(|(index, viewed, at_ms)| FileMark {
            viewed: *viewed,
            position_secs: if *viewed { 0.0 } else { 60.0 },
            updated_at_ms: *at_ms,
            ..FileMark::new(FileIndex(*index))
        });
        TorrentMarks { info_hash: InfoHash::new([n; 20]), marks: marks.collect() }
    }

    fn offered(records: &[Arc<TorrentRecord>], marks: &[TorrentMarks]) -> Vec<(u8, u32)> {
        let next = next_episodes(records, marks);
        next.iter().map(|next| (next.info_hash.as_bytes()[0], next.file_index.0)).collect()
    }

    #[test]
    fn the_episode_after_the_one_seen_last_is_offered_latest_series_first() {
        let records = [
            record(1, &["Show.S01E01.mkv", "Show.S01E02.mkv", "Show.S01E03.mkv"]),
            record(2, &["Other - 01.mkv", "Other - 02.mkv"]),
            record(3, &["Film.mkv", "Film 2.mkv"]),
        ];
        let seen = [
            marks(1, &[(0, true, 10), (1, true, 20)]),
            marks(2, &[(0, true, 30)]),
            marks(3, &[(0, true, 40)]),
        ];
        assert_eq!(offered(&records, &seen), [(2, 1), (1, 2)]);
        let next = &next_episodes(&records, &seen)[1];
        assert_eq!(
            (next.season, next.episode, next.file_name.as_str()),
            (Some(1), Some(3), "Show.S01E03.mkv")
        );
        assert_eq!(next.seen_before_at_ms, 20);
    }

    #[test]
    fn what_is_begun_or_over_is_not_offered() {
        let records = [
            record(1, &["Show.S01E01.mkv", "Show.S01E02.mkv"]),
            record(2, &["Left.S01E01.mkv", "Left.S01E02.mkv"]),
            record(3, &["Over.S01E01.mkv"]),
        ];
        let seen = [
            marks(1, &[(0, true, 20), (1, false, 10)]),
            marks(2, &[(0, false, 30)]),
            marks(3, &[(0, true, 40)]),
        ];
        assert_eq!(offered(&records, &seen), []);
    }

    #[test]
    fn a_series_goes_on_in_another_torrent_and_once() {
        let records = [
            record(1, &["The.Show.S01E01.mkv"]),
            record(2, &["the show s01e02 sample.mkv", "the show s01e02.mkv"]),
            record(3, &["Another Show S01E02.mkv"]),
            record(4, &["The Show - S01E03.mkv"]),
        ];
        assert_eq!(offered(&records, &[marks(1, &[(0, true, 10)])]), [(2, 1)]);
        let further = [marks(1, &[(0, true, 10)]), marks(2, &[(1, true, 20)])];
        assert_eq!(offered(&records, &further), [(4, 0)]);
        let in_the_middle = [marks(1, &[(0, true, 10)]), marks(2, &[(1, false, 20)])];
        assert_eq!(offered(&records, &in_the_middle), []);
    }
}
