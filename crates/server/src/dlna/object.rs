//! The ids under which a control point knows our containers and items.
//!
//! A television keeps ids over days, so each is made of what it names (info hash, file, category), never of a position in
//! a list that changes. Whatever comes in as an id is a stranger's text: it is parsed, and nothing else is done with it.

use freshet_model::InfoHash;
use percent_encoding::{NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};

/// Longer ids are not ours.
const MAX_ID_BYTES: usize = 1024;
/// So many characters of a category make its id; categories that differ later are one container.
const MAX_CATEGORY_CHARS: usize = 64;

/// Under which of the two lists a torrent was found: the way back up leads there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shelf {
    All,
    Category,
}

/// A category as it is compared: without outer blanks, in lower case, of bounded length; empty is "uncategorized".
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct CategoryKey(String);

impl CategoryKey {
    pub(super) fn of(category: &str) -> Self {
        // The bound comes first: a category may be as long as a request.
        let start: String = category.trim().chars().take(MAX_CATEGORY_CHARS).collect();
        Self(start.trim_end().to_lowercase())
    }

    pub(super) fn as_str(&self) -> &str {
        &self.0
    }
}

/// What an id names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum ObjectId {
    Root,
    All,
    Category(CategoryKey),
    Torrent(Shelf, InfoHash),
    /// The folder of this depth (1 is the uppermost) that holds the file with this TorrServer id.
    Folder(Shelf, InfoHash, FolderId),
    /// A file, by its TorrServer id, which is frozen when the details arrive.
    File(Shelf, InfoHash, u32),
}

/// A folder of a torrent, by the first file in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct FolderId {
    pub(super) first_file: u32,
    pub(super) depth: usize,
}

impl ObjectId {
    /// `None` for what was never an id of ours.
    pub(super) fn parse(text: &str) -> Option<Self> {
        if text.len() > MAX_ID_BYTES {
            return None;
        }
        let mut parts = text.split(':');
        let id = match parts.next()? {
            "0" => Self::Root,
            "all" => Self::All,
            "category" => {
                let name = percent_decode_str(parts.next()?).decode_utf8().ok()?;
                Self::Category(CategoryKey::of(&name))
            }
            kind @ ("a" | "c") => {
                let shelf = if kind == "a" { Shelf::All } else { Shelf::Category };
                let info_hash = parts.next()?.parse().ok()?;
                match (parts.next(), parts.next()) {
                    (None, _) => Self::Torrent(shelf, info_hash),
                    (Some(file), None) => Self::File(shelf, info_hash, file.parse().ok()?),
                    (Some(file), Some(depth)) => {
                        let folder = FolderId { first_file: file.parse().ok()?, depth: depth.parse().ok()? };
                        Self::Folder(shelf, info_hash, folder)
                    }
                }
            }
            _ => return None,
        };
        parts.next().is_none().then_some(id)
    }
}

impl std::fmt::Display for ObjectId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let letter = |shelf: &Shelf| match shelf {
            Shelf::All => 'a',
            Shelf::Category => 'c',
        };
        match self {
            Self::Root => f.write_str("0"),
            Self::All => f.write_str("all"),
            Self::Category(key) => {
                write!(f, "category:{}", utf8_percent_encode(key.as_str(), NON_ALPHANUMERIC))
            }
            Self::Torrent(shelf, info_hash) => write!(f, "{}:{info_hash}", letter(shelf)),
            Self::Folder(shelf, info_hash, FolderId { first_file, depth }) => {
                write!(f, "{}:{info_hash}:{first_file}:{depth}", letter(shelf))
            }
            Self::File(shelf, info_hash, id) => write!(f, "{}:{info_hash}:{id}", letter(shelf)),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const HEX: &str = "08ada5a7a6183aae1e09d831df6748d566095a10";

    #[test]
    fn ids_say_what_they_name() {
        let info_hash = HEX.parse().unwrap();
        let folder = FolderId { first_file: 3, depth: 2 };
        let table = [
            (ObjectId::Root, "0".to_owned()),
            (ObjectId::All, "all".to_owned()),
            (ObjectId::Category(CategoryKey::of(" Movie ")), "category:movie".to_owned()),
            (ObjectId::Category(CategoryKey::of("")), "category:".to_owned()),
            (ObjectId::Category(CategoryKey::of("a:b/ö")), "category:a%3Ab%2F%C3%B6".to_owned()),
            (ObjectId::Torrent(Shelf::All, info_hash), format!("a:{HEX}")),
            (ObjectId::Folder(Shelf::Category, info_hash, folder), format!("c:{HEX}:3:2")),
            (ObjectId::File(Shelf::Category, info_hash, 7), format!("c:{HEX}:7")),
        ];
        for (id, text) in table {
            assert_eq!(id.to_string(), text);
            assert_eq!(ObjectId::parse(&text), Some(id), "{text}");
        }
    }

    #[test]
    fn what_is_no_id_of_ours_is_none() {
        let long = format!("category:{}", "x".repeat(MAX_ID_BYTES));
        let more = format!("a:{HEX}:1:2:3");
        let negative = format!("a:{HEX}:-1");
        for text in
            ["", "1", "-1", "0:0", "all:x", "a:", "a:zz", "category", "category:a:b", &long, &more, &negative]
        {
            assert_eq!(ObjectId::parse(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn every_category_has_an_id_that_leads_back(category in "\\PC{0,200}") {
            let id = ObjectId::Category(CategoryKey::of(&category));
            prop_assert_eq!(ObjectId::parse(&id.to_string()), Some(id));
        }

        #[test]
        fn no_text_is_too_strange_to_parse(text in "\\PC*") {
            let _ = ObjectId::parse(&text);
        }
    }
}
