//! Pages of the library, searched and sorted: on a connection that only reads, from one committed state.

use std::sync::Arc;

use freshet_model::{InfoHash, Revision, TorrentMarks, TorrentRecord};
use rusqlite::{Connection, named_params};

use crate::tables::{marks, meta, torrents};

/// What to list.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ListQuery {
    /// Words that title, name or file paths begin with; all of them have to be there. Empty lists everything. Upper and lower
    /// case and accents make no difference.
    pub text: String,
    /// Only this category.
    pub category: Option<String>,
    pub order: ListOrder,
    pub offset: u32,
    /// At most [`ListQuery::MAX_LIMIT`], whatever it says.
    pub limit: u32,
}

impl ListQuery {
    pub const MAX_LIMIT: u32 = 500;
}

/// In which order; where two are equal, the newest comes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ListOrder {
    #[default]
    Newest,
    /// What was opened last; then what never was.
    LastOpened,
    Title,
    /// Best match first: a word of the title counts more than one of a file name. Without text the same as `Newest`.
    Match,
}

/// A torrent of a page, with its marks at that moment.
#[derive(Debug, Clone, PartialEq)]
pub struct ListedTorrent {
    pub torrent: Arc<TorrentRecord>,
    pub marks: TorrentMarks,
}

#[derive(Debug, Clone, PartialEq)]
pub struct ListPage {
    /// The page shows the state after this change.
    pub revision: Revision,
    pub torrents: Vec<ListedTorrent>,
    /// How many there are on all pages.
    pub total: u32,
}

pub(crate) fn list(conn: &Connection, query: &ListQuery) -> rusqlite::Result<ListPage> {
    let words = match_expression(&query.text);
    // The page's ids first: sorting whole rows would read every metainfo of the library.
    let (from, filter) = match words {
        Some(_) => {
            ("torrent_words JOIN torrents ON torrents.id = torrent_words.rowid", "torrent_words MATCH :words")
        }
        None => ("torrents", ":words IS NULL"),
    };
    let order = match query.order {
        ListOrder::Match if words.is_some() => {
            "bm25(torrent_words, 10.0, 5.0, 1.0), added_at_secs DESC, id DESC"
        }
        ListOrder::Newest | ListOrder::Match => "added_at_secs DESC, id DESC",
        ListOrder::LastOpened => "last_opened_at_secs DESC NULLS LAST, added_at_secs DESC, id DESC",
        ListOrder::Title => {
            "coalesce(nullif(torrents.title, ''), nullif(torrents.name, ''), lower(hex(info_hash))) COLLATE NOCASE, \
             added_at_secs DESC, id DESC"
        }
    };
    let found = format!("FROM {from} WHERE {filter} AND (:category IS NULL OR category = :category)");
    let total = conn
        .prepare_cached(&format!("SELECT count(*) {found}"))?
        .query_row(named_params! {":words": words, ":category": query.category}, |row| row.get(0))?;
    let ids = conn
        .prepare_cached(&format!("SELECT torrents.id {found} ORDER BY {order} LIMIT :limit OFFSET :offset"))?
        .query_map(
            named_params! {
                ":words": words,
                ":category": query.category,
                ":limit": query.limit.min(ListQuery::MAX_LIMIT),
                ":offset": query.offset,
            },
            |row| row.get(0),
        )?
        .collect::<rusqlite::Result<Vec<i64>>>()?;
    let listed = ids.into_iter().map(|id| {
        let torrent = Arc::new(torrents::read_by_id(conn, id)?);
        let marks = marks::read(conn, torrent.info_hash)?;
        Ok(ListedTorrent { torrent, marks })
    });
    Ok(ListPage {
        revision: meta::revision(conn)?,
        torrents: listed.collect::<rusqlite::Result<_>>()?,
        total,
    })
}

/// The torrents that a text is found in, best match first, without reading them.
pub(crate) fn find(conn: &Connection, text: &str, limit: u32) -> rusqlite::Result<Vec<InfoHash>> {
    let Some(words) = match_expression(text) else { return Ok(Vec::new()) };
    conn.prepare_cached(
        "SELECT info_hash FROM torrent_words JOIN torrents ON torrents.id = torrent_words.rowid
         WHERE torrent_words MATCH :words
         ORDER BY bm25(torrent_words, 10.0, 5.0, 1.0), added_at_secs DESC, torrents.id DESC LIMIT :limit",
    )?
    .query_map(named_params! {":words": words, ":limit": limit}, |row| row.get(0).map(InfoHash::new))?
    .collect()
}

/// Each word as a quoted beginning, so that nothing a person types is taken for the language of the search.
fn match_expression(text: &str) -> Option<String> {
    let words: Vec<String> = text
        .split_whitespace()
        // A word without a letter or digit would be an empty phrase.
        .filter(|word| word.chars().any(char::is_alphanumeric))
        .map(|word| format!("\"{}\"*", word.replace(['"', '\0'], " ")))
        .collect();
    (!words.is_empty()).then(|| words.join(" "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whatever_is_typed_becomes_quoted_words() {
        assert_eq!(match_expression("  the  Show.S01 "), Some("\"the\"* \"Show.S01\"*".to_owned()));
        assert_eq!(match_expression("a\"b OR NOT - *"), Some("\"a b\"* \"OR\"* \"NOT\"*".to_owned()));
        assert_eq!(match_expression(" -- \" "), None);
    }
}
