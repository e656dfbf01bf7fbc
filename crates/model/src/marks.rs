//! Viewed marks and positions, and the rules that turn watching into them.

use serde::{Deserialize, Serialize};

use crate::{FileIndex, InfoHash};

/// What we remember of one file of one torrent. It outlives the torrent's removal.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub struct FileMark {
    pub file_index: FileIndex,
    pub viewed: bool,
    pub position_secs: f64,
    pub duration_secs: Option<f64>,
    /// How often the file was played to its end (by the rule of [`rules::is_viewed`]).
    pub play_count: u32,
    /// Milliseconds since 1970; orders reports of the same file.
    pub updated_at_ms: u64,
}

impl FileMark {
    pub fn new(file_index: FileIndex) -> Self {
        Self {
            file_index,
            viewed: false,
            position_secs: 0.0,
            duration_secs: None,
            play_count: 0,
            updated_at_ms: 0,
        }
    }
}

/// All marks of one torrent, ordered by file index. A torrent without marks has an empty list, never none.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub struct TorrentMarks {
    pub info_hash: InfoHash,
    pub marks: Vec<FileMark>,
}

impl TorrentMarks {
    pub fn get(&self, file_index: FileIndex) -> Option<&FileMark> {
        self.marks.iter().find(|mark| mark.file_index == file_index)
    }
}

/// The thresholds of playback, each in one place.
pub mod rules {
    use std::time::Duration;

    use super::FileMark;
    use crate::{FileEntry, MediaKind};

    /// While a film plays, its position is stored at least this often.
    pub const SAVE_POSITION_EVERY: Duration = Duration::from_secs(5);
    const RESUME_FROM_FRACTION: f64 = 0.02;
    const RESUME_FROM_SECS: f64 = 60.0;
    const RESUME_UNTIL_FRACTION: f64 = 0.90;
    const RESUME_MIN_VIDEO_SECS: f64 = 5.0 * 60.0;
    const RESUME_MIN_AUDIO_SECS: f64 = 20.0 * 60.0;
    const REWIND_SECS: f64 = 3.0;
    const REWIND_AFTER_A_DAY_SECS: f64 = 10.0;
    const DAY_MS: u64 = 24 * 60 * 60 * 1000;
    const VIEWED_FROM_FRACTION: f64 = 0.90;
    const VIEWED_PLAYED_FRACTION: f64 = 0.50;

    /// Where playback starts again: a little before the stored position, or `None` for the beginning.
    ///
    /// A position that a client reported came without a duration; then the one that was found in the file counts.
    pub fn resume_position_secs(
        mark: &FileMark,
        found_duration_secs: Option<f64>,
        kind: MediaKind,
        now_ms: u64,
    ) -> Option<f64> {
        let duration = mark.duration_secs.or(found_duration_secs).filter(|duration| duration.is_finite())?;
        let shortest = if kind == MediaKind::Audio { RESUME_MIN_AUDIO_SECS } else { RESUME_MIN_VIDEO_SECS };
        let from = (duration * RESUME_FROM_FRACTION).max(RESUME_FROM_SECS);
        let until = duration * RESUME_UNTIL_FRACTION;
        if duration < shortest || mark.position_secs < from || mark.position_secs > until {
            return None;
        }
        let is_old = now_ms.saturating_sub(mark.updated_at_ms) > DAY_MS;
        let rewind = if is_old { REWIND_AFTER_A_DAY_SECS } else { REWIND_SECS };
        Some((mark.position_secs - rewind).max(0.0))
    }

    /// Whether a file counts as viewed: near its end, and at least half of it really played.
    ///
    /// The end of the stream alone never counts: a cut connection looks just like it.
    pub fn is_viewed(position_secs: f64, duration_secs: f64, played_secs: f64) -> bool {
        duration_secs > 0.0
            && position_secs >= duration_secs * VIEWED_FROM_FRACTION
            && played_secs >= duration_secs * VIEWED_PLAYED_FRACTION
    }

    /// Which file "play" means: the one that was left in the middle last, else the first not yet viewed, else the largest.
    ///
    /// Videos come before music; other files are never meant.
    pub fn play_target<'a>(files: &'a [FileEntry], marks: &[FileMark]) -> Option<&'a FileEntry> {
        let of_kind = |kind| files.iter().filter(move |file| file.kind == kind);
        let kind =
            if of_kind(MediaKind::Video).next().is_some() { MediaKind::Video } else { MediaKind::Audio };
        let mark_of = |file: &FileEntry| marks.iter().find(|mark| mark.file_index == file.index);

        let left_off = of_kind(kind)
            .filter_map(|file| Some((file, mark_of(file)?)))
            .filter(|(_, mark)| mark.position_secs > 0.0 && !mark.viewed)
            .max_by_key(|(_, mark)| mark.updated_at_ms)
            .map(|(file, _)| file);
        let largest = of_kind(kind).max_by_key(|file| file.length_bytes)?;
        // Samples and extras are small; episodes of a series are of one size.
        let is_main = |file: &&FileEntry| file.length_bytes >= largest.length_bytes / 4;
        let is_unseen = |file: &&FileEntry| mark_of(file).is_none_or(|mark| !mark.viewed);
        let next_unseen =
            of_kind(kind).filter(is_main).filter(is_unseen).min_by_key(|file| file.torrserver_id);
        left_off.or(next_unseen).or(Some(largest))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{FileEntry, MediaKind, media_kind};

    fn mark(position_secs: f64, duration_secs: f64) -> FileMark {
        FileMark {
            position_secs,
            duration_secs: Some(duration_secs),
            updated_at_ms: 1000,
            ..FileMark::new(FileIndex(0))
        }
    }

    #[test]
    fn resume_is_offered_in_the_middle_of_something_long() {
        let day = 24 * 60 * 60 * 1000;
        let table = [
            (mark(600.0, 3600.0), 1000, Some(597.0)),
            (mark(600.0, 3600.0), 2000 + day, Some(590.0)),
            (mark(59.0, 3600.0), 1000, None),
            (mark(71.0, 3600.0), 1000, None),
            (mark(73.0, 3600.0), 1000, Some(70.0)),
            (mark(3300.0, 3600.0), 1000, None),
            (mark(100.0, 299.0), 1000, None),
            (mark(100.0, f64::NAN), 1000, None),
        ];
        for (mark, now_ms, expected) in table {
            let resume = rules::resume_position_secs(&mark, None, MediaKind::Video, now_ms);
            assert_eq!(resume, expected, "{mark:?}");
        }
        assert_eq!(rules::resume_position_secs(&mark(600.0, 1100.0), None, MediaKind::Audio, 1000), None);
    }

    #[test]
    fn a_position_without_a_duration_is_judged_by_that_of_the_file() {
        let reported = FileMark { duration_secs: None, ..mark(600.0, 0.0) };
        let resume =
            |mark: &FileMark, found| rules::resume_position_secs(mark, found, MediaKind::Video, 1000);

        assert_eq!(resume(&reported, Some(3600.0)), Some(597.0));
        assert_eq!(resume(&reported, Some(610.0)), None);
        assert_eq!(resume(&reported, None), None);
        assert_eq!(resume(&mark(600.0, 3600.0), Some(1.0)), Some(597.0));
    }

    #[test]
    fn viewed_needs_the_end_and_half_of_the_way() {
        assert!(rules::is_viewed(90.0, 100.0, 50.0));
        assert!(!rules::is_viewed(89.9, 100.0, 89.9));
        assert!(!rules::is_viewed(100.0, 100.0, 49.0), "a jump to the end is not watching");
        assert!(!rules::is_viewed(0.0, 0.0, 0.0));
    }

    fn file(index: u32, path: &str, length_bytes: u64) -> FileEntry {
        FileEntry {
            index: FileIndex(index),
            path: path.to_owned(),
            length_bytes,
            kind: media_kind(path),
            torrserver_id: index + 1,
        }
    }

    #[test]
    fn play_means_the_file_left_off_then_the_next_unseen_then_the_largest() {
        let files = [
            file(0, "e1.mkv", 100),
            file(1, "e2.mkv", 110),
            file(2, "sample.mkv", 3),
            file(3, "theme.flac", 900),
        ];
        let viewed = |index| FileMark { viewed: true, ..FileMark::new(FileIndex(index)) };
        let left_off = |index| FileMark { position_secs: 9.0, ..FileMark::new(FileIndex(index)) };
        let target = |marks: &[FileMark]| rules::play_target(&files, marks).map(|file| file.index.0);

        assert_eq!(target(&[]), Some(0));
        assert_eq!(target(&[viewed(0)]), Some(1));
        assert_eq!(target(&[viewed(0), left_off(1)]), Some(1));
        assert_eq!(target(&[viewed(0), viewed(1)]), Some(1), "all seen: the largest");
        assert_eq!(rules::play_target(&[file(0, "a.txt", 5)], &[]), None);
        assert_eq!(rules::play_target(&files[3..], &[]).map(|file| file.index.0), Some(3));
    }
}
