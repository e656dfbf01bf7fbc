//! Which file is which episode of which series, by the names that people give them, and which comes next.

use std::sync::LazyLock;

use regex::{Captures, Regex};
use serde::{Deserialize, Serialize};

use crate::{FileEntry, FileIndex, InfoHash};

/// A file of the library, as the player names it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub struct NeighborFile {
    pub info_hash: InfoHash,
    pub file_index: FileIndex,
    pub file_name: String,
}

/// What a name says. Two files of one series have the same `series`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Episode {
    /// In small letters and digits, one space between words; empty where only the number stands.
    pub series: String,
    /// 0 are specials, by custom; 1 where no season is named.
    pub season: u32,
    pub number: u32,
    /// Another one if the file has several.
    pub last_number: u32,
}

/// The ways of numbering, from the surest on. Each has the group `number`, and may have `season` and `last`.
static PATTERNS: LazyLock<Vec<Regex>> = LazyLock::new(|| {
    [
        r"(?i)\bs(?<season>\d{1,3})[ ._-]{0,3}e(?<number>\d{1,4})(?:[ ._-]{0,3}e?(?:p)?(?<last>\d{1,4})\b)?",
        r"(?i)\b(?<season>\d{1,2})x(?<number>\d{2,3})(?:-(?:\d{1,2}x)?(?<last>\d{2,3}))?\b",
        r"(?i)\bseason[ ._-]{0,3}(?<season>\d{1,3})\W{1,5}(?:episode|ep|e)[ ._-]{0,3}(?<number>\d{1,4})\b",
        r"(?i)(?:сезон[ ._-]{0,3}(?<season>\d{1,3})|(?<season2>\d{1,3})[ ._-]{0,3}сезон)\W{1,5}(?:(?:серия|эпизод|выпуск)[ ._-]{0,3}(?<number>\d{1,4})|(?<number2>\d{1,4})[ ._-]{0,3}(?:серия|эпизод|выпуск))",
        r"(?i)\b(?:s|season )(?<season>\d{1,2}) - (?<number>\d{1,4})(?:v\d)?(?: |$|\[|\()",
        r"(?i)\b(?<season>\d{1,2})(?:st|nd|rd|th) season - (?<number>\d{1,4})(?:v\d)?(?: |$|\[|\()",
        r"(?:第(?<season>\d{1,2})[季期] ?)?第(?<number>\d{1,4})[集话話回]|(?<number2>\d{1,4})[회화]",
        r"(?i)\b(?:episode|ep|e|folge|серия|эпизод|выпуск)[ ._-]{0,3}(?<number>\d{1,4})(?:v\d)?\b",
        r"(?i)\b(?<number>\d{1,4})(?:-я)?[ ._-]{0,3}(?:серия|эпизод|выпуск)",
        r" - (?<number>\d{1,4})(?:v\d)?(?: |$|\[|\()",
        r"\[(?<number>\d{1,3})(?:v\d)?\]|\((?<number2>0\d{1,2})\)",
        r"^(?<number>\d{1,3})(?:[ ._-]|$)",
    ]
    .into_iter()
    .filter_map(|pattern| Regex::new(pattern).ok())
    .collect()
});
static SEASON_FOLDER: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(r"(?i)(?:\b(?:season|staffel|saison)[ ._-]{0,3}(?<season>\d{1,3})|\bs(?<season2>\d{1,2})\b|сезон[ ._-]{0,3}(?<season3>\d{1,3})|(?<season4>\d{1,3})[ ._-]{0,3}сезон)").ok()
});

impl Episode {
    /// By the path of a file inside its torrent; `None` if it is numbered in no way that is known.
    pub fn of(path: &str) -> Option<Self> {
        let (folders, name) = path.rsplit_once('/').unwrap_or(("", path));
        let stem = name.rsplit_once('.').map_or(name, |(stem, _)| stem);
        // Who made the release says nothing of the series.
        let stem =
            stem.strip_prefix('[').and_then(|rest| rest.split_once(']')).map_or(stem, |(_, rest)| rest);
        // An underscore is a space, and no letter of a word.
        let stem = stem.trim_start_matches([' ', '_', '.']).replace('_', " ");
        let stem = stem.as_str();
        let found = PATTERNS.iter().find_map(|pattern| pattern.captures(stem))?;
        let number = number(&found, &["number", "number2"])?;
        let last_number = number_or(&found, "last", number);
        let named = crate::episodes::number(&found, &["season", "season2"]);
        let before = &stem[..found.get(0)?.start()];
        Some(Self {
            series: words(before),
            season: named.or_else(|| folder_season(folders)).unwrap_or(1),
            number,
            // "S01E02-1080p" is one episode.
            last_number: if (number..number + 10).contains(&last_number) { last_number } else { number },
        })
    }

    /// Whether the other one is what somebody sees next who has seen this one: the next number, or the first of the next season.
    pub fn is_followed_by(&self, other: &Self) -> bool {
        let is_next = other.season == self.season && other.number == self.last_number + 1;
        let is_next_season = self.season > 0 && other.season == self.season + 1 && other.number == 1;
        self.series == other.series && (is_next || is_next_season)
    }

    fn place(&self) -> (u32, u32) {
        (self.season, self.number)
    }
}

fn number(found: &Captures<'_>, groups: &[&str]) -> Option<u32> {
    groups.iter().find_map(|group| found.name(group)?.as_str().parse().ok())
}

fn number_or(found: &Captures<'_>, group: &str, other: u32) -> u32 {
    number(found, &[group]).unwrap_or(other)
}

fn folder_season(folders: &str) -> Option<u32> {
    let folder = folders.rsplit('/').next()?;
    number(&SEASON_FOLDER.as_ref()?.captures(folder)?, &["season", "season2", "season3", "season4"])
}

fn words(text: &str) -> String {
    let lower = text.to_lowercase();
    let words = lower.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty());
    words.collect::<Vec<_>>().join(" ")
}

/// The files before and after one, among those of its kind that are no samples: by the numbers of episodes where the file has
/// one, otherwise by name.
pub fn neighbors(files: &[FileEntry], current: FileIndex) -> (Option<&FileEntry>, Option<&FileEntry>) {
    let Some(here) = files.iter().find(|file| file.index == current) else { return (None, None) };
    let alike = || files.iter().filter(|file| file.kind == here.kind);
    let largest_bytes = alike().map(|file| file.length_bytes).max().unwrap_or(0);
    let main = || alike().filter(|file| file.length_bytes >= largest_bytes / 4);
    if let Some(episode) = Episode::of(&here.path) {
        let others = || {
            main().filter_map(|file| {
                let other = Episode::of(&file.path)?;
                // Specials stand beside their series.
                let is_of_it = other.series == episode.series && (other.season == 0) == (episode.season == 0);
                is_of_it.then_some((other, file))
            })
        };
        // The same episode may be there twice, in two sizes: the one that lies beside this file goes on.
        let is_elsewhere = |file: &FileEntry| folder(&file.path) != folder(&here.path);
        let before = others().filter(|(other, _)| other.place() < episode.place());
        let after = others().filter(|(other, _)| other.place() > (episode.season, episode.last_number));
        let before = before.max_by_key(|(other, file)| (other.place(), !is_elsewhere(file)));
        let after = after.min_by_key(|(other, file)| (other.place(), is_elsewhere(file)));
        if before.is_some() || after.is_some() {
            return (before.map(|(_, file)| file), after.map(|(_, file)| file));
        }
    }
    let before = main().filter(|file| file.torrserver_id < here.torrserver_id);
    let after = main().filter(|file| file.torrserver_id > here.torrserver_id);
    (before.max_by_key(|file| file.torrserver_id), after.min_by_key(|file| file.torrserver_id))
}

fn folder(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(folder, _)| folder)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::MediaKind;

    #[test]
    fn every_pattern_is_one() {
        assert_eq!(PATTERNS.len(), 12);
        assert!(SEASON_FOLDER.is_some());
    }

    #[test]
    fn names_tell_series_season_and_number() {
        let table = [
            ("Show.Name.S02E05.1080p.WEB.mkv", ("show name", 2, 5, 5)),
            ("Show/Season 3/Show - s03e010 - Title.mkv", ("show", 3, 10, 10)),
            ("Show.S01E01E02.mkv", ("show", 1, 1, 2)),
            ("Show.S01E01-E03.720p.mkv", ("show", 1, 1, 3)),
            ("Show.S01E02-1080p.mkv", ("show", 1, 2, 2)),
            ("show 1x07 title.avi", ("show", 1, 7, 7)),
            ("Show Season 2 Episode 11.mkv", ("show", 2, 11, 11)),
            ("Сериал 2 сезон 03 серия.avi", ("сериал", 2, 3, 3)),
            ("Сериал (2 сезон)/05 серия.avi", ("", 2, 5, 5)),
            ("[Group] Series Name - 05v2 [1080p][ABCD1234].mkv", ("series name", 1, 5, 5)),
            ("[Group]_Series_Name_[07].mkv", ("series name", 1, 7, 7)),
            ("Show/S02/04 - Title.mkv", ("", 2, 4, 4)),
            ("Show/Specials/Show S00E03.mkv", ("show", 0, 3, 3)),
            ("Show Ep. 12.mp4", ("show", 1, 12, 12)),
            ("show_s02e01_1080p.mkv", ("show", 2, 1, 1)),
            ("[Group]_Series_Name_-_14_(1280x720_h264)_[ABCDEF01].mkv", ("series name", 1, 14, 14)),
            ("[Group] Series S2 - 03 (720p) [AABBCCDD].mkv", ("series", 2, 3, 3)),
            ("[Group] Series Season 2 - 24 END [1080p].mkv", ("series", 2, 24, 24)),
            ("[Group] Series 7th Season - 04 [1080p].mkv", ("series", 7, 4, 4)),
            ("[Raws] 名探偵コナン 第1120話 (1920x1080).mp4", ("名探偵コナン", 1, 1120, 1120)),
            ("進撃の巨人 第2期 第3話.mp4", ("進撃の巨人", 2, 3, 3)),
            ("무한도전 563회.mp4", ("무한도전", 1, 563, 563)),
            ("Передача. 5 сезон, 12 выпуск.mp4", ("передача", 5, 12, 12)),
            ("Сериал 1-я серия.avi", ("сериал", 1, 1, 1)),
            ("Сериал (05).avi", ("сериал", 1, 5, 5)),
            ("Serie Folge 480.mp4", ("serie", 1, 480, 480)),
        ];
        for (path, (series, season, number, last_number)) in table {
            let wanted = Episode { series: series.to_owned(), season, number, last_number };
            assert_eq!(Episode::of(path), Some(wanted), "{path}");
        }
    }

    #[test]
    fn films_are_no_episodes() {
        for path in [
            "Film (1999) 1080p.mkv",
            "Film.2160p.x265.DTS-HD.MA.5.1.mkv",
            "Blade Runner 2049.mkv",
            "Space 1x1 Movie.mkv",
            "",
        ] {
            assert_eq!(Episode::of(path), None, "{path}");
        }
    }

    #[test]
    fn an_episode_is_followed_by_the_next_or_by_the_next_season() {
        let of = |path: &str| Episode::of(path).unwrap();
        let last = of("Show.S01E09E10.mkv");
        assert!(last.is_followed_by(&of("show s01e11.mkv")));
        assert!(last.is_followed_by(&of("SHOW - S02E01.mkv")));
        for other in
            ["Show.S01E10.mkv", "Show.S01E12.mkv", "Show.S02E02.mkv", "Other.S01E11.mkv", "Show.S03E01.mkv"]
        {
            assert!(!last.is_followed_by(&of(other)), "{other}");
        }
        assert!(!of("Show.S00E03.mkv").is_followed_by(&of("Show.S01E01.mkv")), "a special is no season");
    }

    fn file(index: u32, path: &str, length_bytes: u64, kind: MediaKind, torrserver_id: u32) -> FileEntry {
        FileEntry { index: FileIndex(index), path: path.to_owned(), length_bytes, kind, torrserver_id }
    }

    fn around(files: &[FileEntry], current: u32) -> (Option<u32>, Option<u32>) {
        let (before, after) = neighbors(files, FileIndex(current));
        (before.map(|file| file.index.0), after.map(|file| file.index.0))
    }

    #[test]
    fn samples_and_pictures_come_between_no_two_files() {
        let files = [
            file(0, "Show/b.mkv", 900, MediaKind::Video, 4),
            file(1, "Show/a.mkv", 1000, MediaKind::Video, 1),
            file(2, "Show/a-sample.mkv", 20, MediaKind::Video, 2),
            file(3, "Show/a.srt", 1, MediaKind::Subtitle, 3),
        ];
        assert_eq!(around(&files, 1), (None, Some(0)));
        assert_eq!(around(&files, 0), (Some(1), None));
        assert_eq!(around(&files, 9), (None, None));
    }

    #[test]
    fn episodes_come_by_their_numbers_and_not_by_their_names() {
        let video = |index, path: &str| file(index, path, 1000, MediaKind::Video, index + 1);
        let files = [
            video(0, "Show/Season 1/Show S01E10.mkv"),
            video(1, "Show/Season 1/Show S01E9.mkv"),
            video(2, "Show/Season 2/Show S02E01.mkv"),
            video(3, "Show/Specials/Show S00E01.mkv"),
            video(4, "Show/Season 2 (720p)/Show S02E01.mkv"),
            video(5, "Show/Season 2 (720p)/Show S02E02.mkv"),
            video(6, "Show/Season 2/Show S02E02.mkv"),
        ];
        assert_eq!(around(&files, 1), (None, Some(0)));
        assert_eq!(around(&files, 0), (Some(1), Some(2)));
        assert_eq!(around(&files, 2).1, Some(6));
        assert_eq!(around(&files, 4).1, Some(5));
        assert_eq!(around(&files, 5).0, Some(4));
    }
}
