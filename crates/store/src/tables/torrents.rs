//! Tables `torrents` and `torrent_words`.

use freshet_model::{AddedFrom, InfoHash, TorrentRecord};
use rusqlite::types::Type;
use rusqlite::{Connection, ErrorCode, OptionalExtension, Row, params};
use serde_json::to_string;

use super::{RowCheck, from_sql, to_sql};
use crate::error::BadRow;

const COLUMNS: &str = "info_hash, title, name, category, poster, data, added_at_secs, last_opened_at_secs, \
                       total_bytes, is_single_file, is_private, error, trackers, row_check, files, metainfo, peers, metainfo_check, \
                       added_from, is_pinned, is_temporary, web_seeds, is_titled_by_hand";
/// The same in the same order, but for the metainfo, of which only the place is there.
const OUTLINE: &str = "info_hash, title, name, category, poster, data, added_at_secs, last_opened_at_secs, \
                       total_bytes, is_single_file, is_private, error, trackers, row_check, files, \
                       iif(metainfo_check IS NULL, NULL, x''), peers, metainfo_check, added_from, is_pinned, is_temporary, \
                       web_seeds, is_titled_by_hand";

/// The name of the table for searching, as SQLite's reports of damage have it.
pub(crate) const WORDS: &str = "torrent_words";
const PUT_WORDS: &str =
    "INSERT OR REPLACE INTO torrent_words (rowid, title, name, paths) VALUES (?1, ?2, ?3, ?4)";

pub(crate) fn read(conn: &Connection, info_hash: InfoHash) -> rusqlite::Result<Option<TorrentRecord>> {
    conn.prepare_cached(&format!("SELECT {COLUMNS} FROM torrents WHERE info_hash = ?1"))?
        .query_row(params![info_hash.as_bytes()], from_row)
        .optional()
}

pub(crate) fn read_by_id(conn: &Connection, id: i64) -> rusqlite::Result<TorrentRecord> {
    conn.prepare_cached(&format!("SELECT {COLUMNS} FROM torrents WHERE id = ?1"))?
        .query_row(params![id], from_row)
}

/// Newest first; of two added in the same second, the one added later comes first.
pub(crate) fn read_all(conn: &Connection) -> rusqlite::Result<Vec<TorrentRecord>> {
    shape_all(conn, |torrent| torrent)
}

/// What `shape` makes of each; only one of them is in memory at a time.
pub(crate) fn shape_all<T>(
    conn: &Connection,
    shape: impl Fn(TorrentRecord) -> T,
) -> rusqlite::Result<Vec<T>> {
    conn.prepare_cached(&format!("SELECT {COLUMNS} FROM torrents ORDER BY added_at_secs DESC, id DESC"))?
        .query_map([], |row| from_row(row).map(&shape))?
        .collect()
}

/// As [`read_all`], without reading any metainfo: where one is, the record has an empty one.
pub(crate) fn read_outlines(conn: &Connection) -> rusqlite::Result<Vec<TorrentRecord>> {
    conn.prepare_cached(&format!("SELECT {OUTLINE} FROM torrents ORDER BY added_at_secs DESC, id DESC"))?
        .query_map([], outline_from_row)?
        .collect()
}

/// Reads every row once, to find those that are not what was written.
pub(crate) fn check_all(conn: &Connection) -> rusqlite::Result<()> {
    let mut statement = conn.prepare(&format!("SELECT {COLUMNS} FROM torrents"))?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        from_row(row)?;
    }
    Ok(())
}

/// Inserts the torrent, or gives the row of the known one its new values.
pub(crate) fn put(
    conn: &Connection,
    known: Option<&TorrentRecord>,
    torrent: &TorrentRecord,
) -> rusqlite::Result<()> {
    let json = |error| rusqlite::Error::ToSqlConversionFailure(Box::new(error));
    let texts = Texts {
        error: torrent.error.as_ref().map(to_string).transpose().map_err(json)?,
        trackers: to_string(&torrent.trackers).map_err(json)?,
        files: to_string(&torrent.files).map_err(json)?,
        peers: to_string(&torrent.peers).map_err(json)?,
        web_seeds: to_string(&torrent.web_seeds).map_err(json)?,
    };
    let check = metainfo_check(torrent.metainfo.as_deref());
    let id: i64 = conn
        .prepare_cached(&format!(
            "INSERT INTO torrents ({COLUMNS})
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20, ?21, ?22, ?23)
             ON CONFLICT (info_hash) DO UPDATE SET
                title = ?2, name = ?3, category = ?4, poster = ?5, data = ?6, added_at_secs = ?7,
                last_opened_at_secs = ?8, total_bytes = ?9, is_single_file = ?10, is_private = ?11, error = ?12,
                trackers = ?13, row_check = ?14, files = ?15, metainfo = ?16, peers = ?17, metainfo_check = ?18,
                added_from = ?19, is_pinned = ?20, is_temporary = ?21, web_seeds = ?22,
                is_titled_by_hand = ?23
             RETURNING id"
        ))?
        .query_row(
            params![
                torrent.info_hash.as_bytes(),
                torrent.title,
                torrent.name,
                torrent.category,
                torrent.poster,
                torrent.data,
                to_sql(torrent.added_at_secs),
                torrent.last_opened_at_secs.map(to_sql),
                to_sql(torrent.total_bytes),
                torrent.is_single_file,
                torrent.is_private,
                texts.error,
                texts.trackers,
                row_check(torrent, &texts, check),
                texts.files,
                torrent.metainfo,
                texts.peers,
                check,
                torrent.added_from.as_str(),
                torrent.is_pinned,
                torrent.is_temporary,
                texts.web_seeds,
                torrent.is_titled_by_hand,
            ],
            |row| row.get(0),
        )?;
    let words = |torrent: &TorrentRecord| (torrent.title.clone(), torrent.name.clone(), paths(torrent));
    if known.is_some_and(|known| words(known) == words(torrent)) {
        return Ok(());
    }
    put_words(conn, id, torrent)
}

fn paths(torrent: &TorrentRecord) -> String {
    let mut paths = String::new();
    for file in &torrent.files {
        paths.push_str(&file.path);
        paths.push('\n');
    }
    paths
}

fn put_words(conn: &Connection, id: i64, torrent: &TorrentRecord) -> rusqlite::Result<()> {
    conn.prepare_cached(PUT_WORDS)?.execute(params![id, torrent.title, torrent.name, paths(torrent)])?;
    Ok(())
}

/// Whether there are words of every torrent and of no other, and the table takes more. SQLite's check looks neither at whose
/// the words are, nor into the table's own books.
pub(crate) fn words_are_whole(conn: &Connection) -> rusqlite::Result<bool> {
    let trial = conn.unchecked_transaction()?;
    let is_whole = conn.query_row(
        "SELECT NOT EXISTS (SELECT id FROM torrents EXCEPT SELECT id FROM torrent_words_docsize)
            AND NOT EXISTS (SELECT id FROM torrent_words_docsize EXCEPT SELECT id FROM torrents)",
        [],
        |row| row.get(0),
    )?;
    // The table writes its books before the next savepoint begins.
    let put = conn
        .execute_batch("SAVEPOINT put")
        .and_then(|()| conn.prepare(PUT_WORDS)?.execute(params![i64::MAX, "trial", "trial", "trial"]))
        .and_then(|_| conn.execute_batch("SAVEPOINT written"));
    trial.rollback()?;
    match put {
        Ok(()) => Ok(is_whole),
        Err(error) if error.sqlite_error_code() == Some(ErrorCode::ConstraintViolation) => Ok(false),
        Err(error) => Err(error),
    }
}

/// Makes the table for searching anew, from the rows.
pub(crate) fn rebuild_words(conn: &Connection) -> rusqlite::Result<()> {
    let tx = conn.unchecked_transaction()?;
    tx.execute_batch("INSERT INTO torrent_words (torrent_words) VALUES ('delete-all')")?;
    put_all_words(&tx)?;
    tx.commit()
}

fn put_all_words(conn: &Connection) -> rusqlite::Result<()> {
    let mut statement = conn.prepare(&format!("SELECT {COLUMNS}, id FROM torrents"))?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        put_words(conn, row.get("id")?, &from_row(row)?)?;
    }
    Ok(())
}

/// Returns whether there was one.
pub(crate) fn delete(conn: &Connection, info_hash: InfoHash) -> rusqlite::Result<bool> {
    let id: Option<i64> = conn
        .prepare_cached("DELETE FROM torrents WHERE info_hash = ?1 RETURNING id")?
        .query_row(params![info_hash.as_bytes()], |row| row.get(0))
        .optional()?;
    if let Some(id) = id {
        conn.prepare_cached("DELETE FROM torrent_words WHERE rowid = ?1")?.execute(params![id])?;
    }
    Ok(id.is_some())
}

/// The columns that hold JSON, as they stand in the row.
struct Texts {
    error: Option<String>,
    trackers: String,
    files: String,
    peers: String,
    web_seeds: String,
}

fn from_row(row: &Row<'_>) -> rusqlite::Result<TorrentRecord> {
    let torrent = outline_from_row(row)?;
    if metainfo_check(torrent.metainfo.as_deref()) != row.get::<_, Option<i64>>(17)? {
        return Err(BadRow::error("torrents"));
    }
    Ok(torrent)
}

/// Checks everything but the bytes of the metainfo, which may be left out.
fn outline_from_row(row: &Row<'_>) -> rusqlite::Result<TorrentRecord> {
    let texts = Texts {
        error: row.get(11)?,
        trackers: row.get(12)?,
        files: row.get(14)?,
        peers: row.get(16)?,
        web_seeds: row.get(21)?,
    };
    let json = |error| {
        rusqlite::Error::FromSqlConversionFailure(0, Type::Text, Box::<serde_json::Error>::new(error))
    };
    let torrent = TorrentRecord {
        info_hash: InfoHash::new(row.get(0)?),
        title: row.get(1)?,
        is_titled_by_hand: row.get(22)?,
        name: row.get(2)?,
        category: row.get(3)?,
        poster: row.get(4)?,
        data: row.get(5)?,
        added_at_secs: from_sql(row.get(6)?),
        added_from: AddedFrom::from_name(row.get_ref(18)?.as_str()?)
            .ok_or_else(|| BadRow::error("torrents"))?,
        last_opened_at_secs: row.get::<_, Option<i64>>(7)?.map(from_sql),
        is_pinned: row.get(19)?,
        is_temporary: row.get(20)?,
        total_bytes: from_sql(row.get(8)?),
        is_single_file: row.get(9)?,
        is_private: row.get(10)?,
        metainfo: row.get(15)?,
        files: serde_json::from_str(&texts.files).map_err(json)?,
        trackers: serde_json::from_str(&texts.trackers).map_err(json)?,
        peers: serde_json::from_str(&texts.peers).map_err(json)?,
        web_seeds: serde_json::from_str(&texts.web_seeds).map_err(json)?,
        error: texts.error.as_deref().map(serde_json::from_str).transpose().map_err(json)?,
    };
    if row_check(&torrent, &texts, row.get(17)?) != row.get::<_, i64>(13)? {
        return Err(BadRow::error("torrents"));
    }
    Ok(torrent)
}

fn row_check(torrent: &TorrentRecord, texts: &Texts, metainfo_check: Option<i64>) -> i64 {
    let mut check = RowCheck::new()
        .field(torrent.info_hash.as_bytes())
        .field(torrent.title.as_bytes())
        .field(torrent.name.as_bytes())
        .field(torrent.category.as_bytes())
        .field(torrent.poster.as_bytes())
        .field(torrent.data.as_bytes())
        .number(to_sql(torrent.added_at_secs))
        .optional(
            torrent
                .last_opened_at_secs
                .map(|secs| to_sql(secs).to_le_bytes())
                .as_ref()
                .map(<[u8; 8]>::as_slice),
        )
        .number(to_sql(torrent.total_bytes))
        .number(i64::from(torrent.is_single_file))
        .number(i64::from(torrent.is_private))
        .optional(texts.error.as_deref().map(str::as_bytes))
        .field(texts.trackers.as_bytes())
        .field(texts.files.as_bytes())
        .field(texts.peers.as_bytes())
        .optional(metainfo_check.map(i64::to_le_bytes).as_ref().map(<[u8; 8]>::as_slice));
    // Rows from before these columns have a checksum without them.
    if torrent.is_pinned || torrent.added_from != AddedFrom::Unknown {
        check = check.number(i64::from(torrent.is_pinned)).field(torrent.added_from.as_str().as_bytes());
    }
    if torrent.is_temporary {
        check = check.field(b"temporary");
    }
    if !torrent.web_seeds.is_empty() {
        check = check.field(texts.web_seeds.as_bytes());
    }
    if torrent.is_titled_by_hand {
        check = check.field(b"titled by hand");
    }
    check.value()
}

fn metainfo_check(metainfo: Option<&[u8]>) -> Option<i64> {
    metainfo.map(|metainfo| RowCheck::new().field(metainfo).value())
}
