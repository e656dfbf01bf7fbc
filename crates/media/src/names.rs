//! What the name of a release says: title, year, season, episodes, and how good the picture is.

mod facts;
mod numbers;
mod title;
mod tokens;
mod words;

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use words::Ending;

/// A longer name is read to here.
pub const MAX_NAME_BYTES: usize = 512;
/// No more files of a torrent are looked at.
const MAX_VOTES: usize = 400;

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub enum ReleaseKind {
    Film,
    Series,
    Music,
    /// A book, a program, a match; or the name does not say.
    #[default]
    Other,
}

/// What the picture was taken from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub enum Source {
    BluRay,
    Web,
    Hdtv,
    Dvd,
    Vhs,
    Screener,
    /// Filmed in a cinema, or copied from its reels.
    Cam,
}

/// What a name says; what it does not say is `None`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub struct ReleaseName {
    /// The first one, if there are several. Empty only where the name has no words for it.
    pub title: String,
    /// The second one: "Dune" of "Дюна / Dune".
    pub original_title: Option<String>,
    /// The first of several.
    pub year: Option<u16>,
    pub kind: ReleaseKind,
    /// 0 are specials. Absolute numbering names no season.
    pub first_season: Option<u32>,
    pub last_season: Option<u32>,
    pub first_episode: Option<u32>,
    pub last_episode: Option<u32>,
    /// When it was broadcast, of what is numbered by days: "2024-03-15".
    pub aired: Option<String>,
    /// Lines of the picture: 480, 720, 1080, 2160.
    pub resolution: Option<u32>,
    pub source: Option<Source>,
    pub is_hdr: bool,
    /// Who made the release.
    pub group: Option<String>,
}

impl ReleaseName {
    /// By the name of a torrent, or of a file without its folders.
    pub fn of(text: &str) -> Self {
        let text = bounded(text).trim();
        let (stem, ending) = without_ending(text);
        let decoded = if stem.contains("%20") && !stem.contains(' ') {
            stem.replace("%20", " ")
        } else {
            String::new()
        };
        facts::read(if decoded.is_empty() { stem } else { &decoded }, ending)
    }

    pub fn is_episode(&self) -> bool {
        self.first_episode.is_some() || self.aired.is_some()
    }
}

/// By the name of a torrent and those of its files: a torrent with numbered episodes is a series also if its own name does not say
/// so, and what it does not say of the seasons and of the picture is taken from them.
pub fn of_torrent(name: &str, file_names: &[&str]) -> ReleaseName {
    let mut whole = ReleaseName::of(name);
    let of_ending = |wanted| {
        let paths = file_names.iter().take(MAX_VOTES);
        paths.filter(move |path| without_ending(path).1 == Some(wanted))
    };
    let mut videos: Vec<ReleaseName> = of_ending(Ending::Video).map(|path| of_path(path)).collect();
    if videos.is_empty() {
        let music = of_ending(Ending::Music).count();
        if music > 0 && whole.kind != ReleaseKind::Music {
            let is_book = whole.kind == ReleaseKind::Other && facts::says_other(name);
            whole.kind = if is_book { ReleaseKind::Other } else { ReleaseKind::Music };
            (whole.first_season, whole.last_season, whole.first_episode, whole.last_episode) =
                (None, None, None, None);
        }
        return whole;
    }
    // "10.mkv" beside "09.mkv"
    if videos.iter().any(ReleaseName::is_episode) {
        for video in &mut videos {
            let number =
                video.title.parse().ok().filter(|number| *number < 1000 && video.kind == ReleaseKind::Film);
            if let Some(number) = number {
                (video.kind, video.title) = (ReleaseKind::Series, String::new());
                (video.first_episode, video.last_episode) = (Some(number), Some(number));
            }
        }
    }
    let episodes: Vec<&ReleaseName> = videos.iter().filter(|video| video.is_episode()).collect();
    let places: BTreeSet<(Option<u32>, Option<u32>, Option<&str>)> = episodes
        .iter()
        .map(|video| (video.first_season, video.first_episode, video.aired.as_deref()))
        .collect();
    // Two parts of a film may be numbered too.
    let is_series = places.len() >= 3 || places.len() * 2 > videos.len();
    match whole.kind {
        ReleaseKind::Film | ReleaseKind::Other if is_series => whole.kind = ReleaseKind::Series,
        ReleaseKind::Other if !facts::says_other(name) => whole.kind = ReleaseKind::Film,
        _ => {}
    }
    if whole.kind == ReleaseKind::Series {
        fill(&mut whole, &episodes);
    }
    if let Some(first) = videos.first() {
        if whole.title.is_empty() {
            whole.title.clone_from(&first.title);
        }
        whole.resolution = whole.resolution.or(first.resolution);
        whole.source = whole.source.or(first.source);
        whole.is_hdr |= first.is_hdr;
    }
    whole
}

/// The name of a file; the season may be that of its folder.
fn of_path(path: &str) -> ReleaseName {
    let (folders, file) = path.rsplit_once(['/', '\\']).unwrap_or(("", path));
    let mut name = ReleaseName::of(file);
    if name.first_season.is_none() {
        let folder = folders.rsplit(['/', '\\']).next().map(ReleaseName::of).unwrap_or_default();
        if folder.first_season == folder.last_season {
            (name.first_season, name.last_season) = (folder.first_season, folder.last_season);
        }
    }
    name
}

fn fill(whole: &mut ReleaseName, episodes: &[&ReleaseName]) {
    let all =
        |number: fn(&ReleaseName) -> Option<u32>| episodes.iter().filter_map(move |episode| number(episode));
    if whole.first_season.is_none() {
        // Specials beside a season make no other season of it.
        let seasons = || all(|episode| episode.first_season);
        whole.first_season = seasons().filter(|season| *season > 0).min().or(seasons().min());
        whole.last_season = all(|episode| episode.last_season).max();
    }
    if whole.first_episode.is_none() && whole.first_season == whole.last_season {
        whole.first_episode = all(|episode| episode.first_episode).min();
        whole.last_episode = all(|episode| episode.last_episode).max();
    }
}

fn bounded(text: &str) -> &str {
    &text[..text.floor_char_boundary(MAX_NAME_BYTES)]
}

/// Without ".mkv", if it is an ending that is known.
fn without_ending(text: &str) -> (&str, Option<Ending>) {
    let Some((stem, ending)) = text.rsplit_once('.') else { return (text, None) };
    let is_short = (2..=7).contains(&ending.len()) && !stem.is_empty();
    let known = if is_short { words::ending(&ending.to_lowercase()) } else { None };
    match known {
        // The ending of a subtitle may have a language in front, which is no matter.
        Some(known) => (stem, Some(known)),
        None => (text, None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_tells_title_year_and_quality() {
        let name = ReleaseName::of("Дюна: Часть вторая / Dune: Part Two (2024) WEB-DL 1080p");
        assert_eq!(name.title, "Дюна: Часть вторая");
        assert_eq!(name.original_title.as_deref(), Some("Dune: Part Two"));
        assert_eq!((name.year, name.kind), (Some(2024), ReleaseKind::Film));
        assert_eq!((name.resolution, name.source, name.is_hdr), (Some(1080), Some(Source::Web), false));
    }

    #[test]
    fn a_second_title_is_the_original_one() {
        for (name, title, original) in [
            ("Тьма (1 сезон: 1-10 серии из 10) / Dark / 2017 / РУ / WEB-DL (1080p)", "Тьма", Some("Dark")),
            ("Тьма / Dark / Сезон: 1 / Серии: 1-10 из 10 [2017, WEB-DL]", "Тьма", Some("Dark")),
            ("Фишер / Сезон: 1 / Серии: 1-8 из 8 [2023, WEB-DL 1080p]", "Фишер", None),
            ("1917 / 1917 / 2019 / ДБ, СТ / BDRip (1080p)", "1917", None),
            ("Без лица/Face Off (1997) BDRip", "Без лица", Some("Face Off")),
            ("Face/Off (1997) BDRip", "Face/Off", None),
            ("Брат (2000) BDRip 1080p | Лицензия", "Брат", None),
            ("Матрица / The Matrix (Вачовски / Wachowski) [1999, BDRip]", "Матрица", Some("The Matrix")),
            ("葬送的芙莉莲 / Sousou no Frieren [08][1080p]", "葬送的芙莉莲", Some("Sousou no Frieren")),
        ] {
            let found = ReleaseName::of(name);
            assert_eq!((found.title.as_str(), found.original_title.as_deref()), (title, original), "{name}");
        }
    }

    #[test]
    fn a_name_tells_how_good_the_picture_is() {
        use Source::{BluRay, Cam, Dvd, Hdtv, Screener, Vhs, Web};
        for (name, resolution, source, is_hdr) in [
            ("Film.2020.2160p.UHD.BluRay.x265.HDR", Some(2160), Some(BluRay), true),
            ("Film (2020) Blu-ray 1080p", Some(1080), Some(BluRay), false),
            ("Film (2020) BDRip-AVC 720p", Some(720), Some(BluRay), false),
            ("Film.2020.1080p.AMZN.WEB-DL.DDP5.1", Some(1080), Some(Web), false),
            ("Фильм (2020) WEB-DLRip", None, Some(Web), false),
            ("Фильм (2020) WEB-DL 1080р", Some(1080), Some(Web), false),
            ("Film 2020 4K HDR10+", Some(2160), None, true),
            ("Film.2020.HDTV.720p", Some(720), Some(Hdtv), false),
            ("Film 2020 DVDRip 480p", Some(480), Some(Dvd), false),
            ("Film (2020) DVD5", None, Some(Dvd), false),
            ("Film.2020.TS.x264", None, Some(Cam), false),
            ("Film (2020) CAMRip", None, Some(Cam), false),
            ("Film.2020.DVDScr.XviD", None, Some(Screener), false),
            ("Фильм (1990) VHSRip", None, Some(Vhs), false),
            ("[Group] Show - 05 (1920x1080 x264)", Some(1080), None, false),
        ] {
            let found = ReleaseName::of(name);
            assert_eq!(
                (found.resolution, found.source, found.is_hdr),
                (resolution, source, is_hdr),
                "{name}"
            );
        }
    }

    #[test]
    fn a_name_tells_who_made_the_release() {
        for (name, group) in [
            ("Film.2020.1080p.BluRay.x264-SPARKS", Some("SPARKS")),
            ("[SubsPlease] Show - 05 (1080p) [1234ABCD].mkv", Some("SubsPlease")),
            ("[ www.site.org ] - Film.2020.1080p", None),
            ("Spider-Man 1080p", None),
        ] {
            assert_eq!(ReleaseName::of(name).group.as_deref(), group, "{name}");
        }
    }

    #[test]
    fn bare_numbers_of_files_make_a_series() {
        let files: Vec<String> = (1..=12).map(|number| format!("Show (2010)/{number:02}.mkv")).collect();
        let files: Vec<&str> = files.iter().map(String::as_str).collect();
        let name = of_torrent("Show (2010)", &files);
        assert_eq!(
            (name.kind, name.first_episode, name.last_episode),
            (ReleaseKind::Series, Some(1), Some(12))
        );
        let files =
            ["Show/Season 2/01.mkv", "Show/Season 2/02.mkv", "Show/Сезон 3/01.mkv", "Show/Сезон 3/02.mkv"];
        let name = of_torrent("Show", &files);
        assert_eq!((name.kind, name.first_season, name.last_season), (ReleaseKind::Series, Some(2), Some(3)));
        assert_eq!(name.first_episode, None, "of several seasons");
        let name = of_torrent("Film", &["Film/Film.mkv", "Film/sample.mkv"]);
        assert_eq!((name.kind, name.title.as_str()), (ReleaseKind::Film, "Film"));
        let name = of_torrent("Film (2001)", &["Film.CD1.avi", "Film.CD2.avi"]);
        assert_eq!(name.kind, ReleaseKind::Film);
        let name = of_torrent("Книга [читает Некто]", &["01.mp3", "02.mp3"]);
        assert_eq!(name.kind, ReleaseKind::Other);
        let name = of_torrent("pictures", &["one.jpg"]);
        assert_eq!(name.kind, ReleaseKind::Other);
    }

    #[test]
    fn a_long_name_is_read_to_its_limit() {
        let name = ReleaseName::of(&"Ж".repeat(100_000));
        assert_eq!(name.title.len(), MAX_NAME_BYTES);
        assert_eq!(ReleaseName::of(""), ReleaseName::default());
    }

    proptest::proptest! {
        #[test]
        fn any_text_is_read_in_bounds(text in ".{0,700}") {
            crate::fuzz::release_name(text.as_bytes());
        }

        #[test]
        fn any_row_of_pieces_is_read_in_bounds(pieces in proptest::collection::vec(proptest::sample::select(PIECES), 0..40)) {
            crate::fuzz::release_name(pieces.concat().as_bytes());
        }
    }

    /// What the parser looks at, in any order.
    const PIECES: &[&str] = &[
        " ",
        ".",
        "_",
        "-",
        " - ",
        "/",
        " / ",
        "|",
        "[",
        "]",
        "(",
        ")",
        "【",
        "】",
        "{",
        "★",
        "'",
        ",",
        "#",
        "+",
        "\u{0}",
        "S01",
        "e05",
        "S01E02",
        "1x05",
        "Season",
        "сезон",
        "Серии:",
        "из",
        "of",
        "12",
        "05v2",
        "2012",
        "2024.03.15",
        "240315",
        "99999",
        "第",
        "集",
        "第二季",
        "全30集",
        "시즌",
        "5화",
        "1080p",
        "WEB-DL",
        "FLAC",
        "German",
        "the",
        "Complete",
        "Series",
        "T22",
        "Cap.101",
        "А",
        "Dune",
        "İ",
        "ﬀ",
        "x",
        "х",
        "TV-2",
        "[Group]",
        "www.a.com",
        "%20",
        "OVA",
        "SP02",
        "Special",
        ".mkv",
        ".mp3",
        "Cap",
        "to",
        "по",
    ];

    #[test]
    fn numbered_files_make_a_series_and_music_makes_none() {
        let files = ["Show/Show.S01E01.720p.mkv", "Show/Show.S01E02.720p.mkv", "Show/poster.jpg"];
        let name = of_torrent("Show (2020)", &files);
        assert_eq!((name.title.as_str(), name.kind), ("Show", ReleaseKind::Series));
        assert_eq!((name.first_season, name.first_episode, name.last_episode), (Some(1), Some(1), Some(2)));
        assert_eq!(name.resolution, Some(720));
        let name = of_torrent("Artist - Album (1999)", &["01 - One.flac", "02 - Two.flac", "cover.jpg"]);
        assert_eq!(
            (name.title.as_str(), name.kind, name.first_episode),
            ("Artist - Album", ReleaseKind::Music, None)
        );
    }
}
