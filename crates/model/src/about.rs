//! What the name of a torrent tells of what is in it.

use serde::{Deserialize, Serialize};

/// What somebody who looks through the library would call it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
#[serde(rename_all = "snake_case")]
pub enum ContentKind {
    Film,
    Series,
    Music,
    Other,
}

impl ContentKind {
    /// By a category, if it is one of those that TorrServer's clients agree on.
    pub fn of_category(category: &str) -> Option<Self> {
        match category {
            "movie" => Some(Self::Film),
            "tv" => Some(Self::Series),
            "music" => Some(Self::Music),
            "other" => Some(Self::Other),
            _ => None,
        }
    }
}

/// A torrent as the library shows it: guessed from names, but for what a person has said.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub struct TorrentAbout {
    /// Without year, quality and the rest.
    pub title: String,
    /// The other title, of a name that has two.
    pub original_title: Option<String>,
    pub year: Option<u16>,
    pub kind: ContentKind,
    /// Of a series, where the names tell.
    pub first_season: Option<u32>,
    pub last_season: Option<u32>,
    /// Lines of the picture, such as 1080.
    pub resolution_lines: Option<u32>,
    pub is_hdr: bool,
    /// What the picture was taken from, as people write it in all languages: "BluRay", "WEB", "HDTV", "DVD", "VHS", "Screener", "CAM".
    pub source: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_categories_of_clients_are_kinds_and_others_are_not() {
        let table = [
            ("movie", Some(ContentKind::Film)),
            ("tv", Some(ContentKind::Series)),
            ("music", Some(ContentKind::Music)),
            ("other", Some(ContentKind::Other)),
            ("", None),
            ("Documentaries", None),
        ];
        for (category, kind) in table {
            assert_eq!(ContentKind::of_category(category), kind, "{category}");
        }
    }
}
