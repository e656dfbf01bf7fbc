//! Table `marks`: one row for each file that somebody watched.

use freshet_model::{FileIndex, FileMark, InfoHash, TorrentMarks};
use rusqlite::{Connection, Row, params};

use super::{RowCheck, from_sql, to_sql};
use crate::error::BadRow;

const COLUMNS: &str =
    "info_hash, file_index, viewed, position_secs, duration_secs, play_count, updated_at_ms, row_check";

/// All marks of one torrent; an empty list if there are none.
pub(crate) fn read(conn: &Connection, info_hash: InfoHash) -> rusqlite::Result<TorrentMarks> {
    let mut statement = conn
        .prepare_cached(&format!("SELECT {COLUMNS} FROM marks WHERE info_hash = ?1 ORDER BY file_index"))?;
    let marks = statement
        .query_map(params![info_hash.as_bytes()], |row| from_row(row).map(|(_, mark)| mark))?
        .collect::<rusqlite::Result<Vec<_>>>()?;
    Ok(TorrentMarks { info_hash, marks })
}

/// The marks of all torrents that have any, in the order of their info hashes.
pub(crate) fn read_all(conn: &Connection) -> rusqlite::Result<Vec<TorrentMarks>> {
    let mut statement =
        conn.prepare_cached(&format!("SELECT {COLUMNS} FROM marks ORDER BY info_hash, file_index"))?;
    let mut rows = statement.query([])?;
    let mut all: Vec<TorrentMarks> = Vec::new();
    while let Some(row) = rows.next()? {
        let (info_hash, mark) = from_row(row)?;
        match all.last_mut() {
            Some(last) if last.info_hash == info_hash => last.marks.push(mark),
            _ => all.push(TorrentMarks { info_hash, marks: vec![mark] }),
        }
    }
    Ok(all)
}

pub(crate) fn put(conn: &Connection, info_hash: InfoHash, mark: &FileMark) -> rusqlite::Result<()> {
    conn.prepare_cached(&format!(
        "INSERT OR REPLACE INTO marks ({COLUMNS}) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)"
    ))?
    .execute(params![
        info_hash.as_bytes(),
        mark.file_index.0,
        mark.viewed,
        mark.position_secs,
        mark.duration_secs,
        mark.play_count,
        to_sql(mark.updated_at_ms),
        row_check(info_hash, mark),
    ])?;
    Ok(())
}

/// Returns how many rows there were.
pub(crate) fn delete(
    conn: &Connection,
    info_hash: InfoHash,
    file_index: Option<FileIndex>,
) -> rusqlite::Result<usize> {
    match file_index {
        Some(file_index) => conn
            .prepare_cached("DELETE FROM marks WHERE info_hash = ?1 AND file_index = ?2")?
            .execute(params![info_hash.as_bytes(), file_index.0]),
        None => conn
            .prepare_cached("DELETE FROM marks WHERE info_hash = ?1")?
            .execute(params![info_hash.as_bytes()]),
    }
}

fn from_row(row: &Row<'_>) -> rusqlite::Result<(InfoHash, FileMark)> {
    let info_hash = InfoHash::new(row.get(0)?);
    let mark = FileMark {
        file_index: FileIndex(row.get(1)?),
        viewed: row.get(2)?,
        position_secs: row.get(3)?,
        duration_secs: row.get(4)?,
        play_count: row.get(5)?,
        updated_at_ms: from_sql(row.get(6)?),
    };
    if row_check(info_hash, &mark) != row.get::<_, i64>(7)? {
        return Err(BadRow::error("marks"));
    }
    Ok((info_hash, mark))
}

fn row_check(info_hash: InfoHash, mark: &FileMark) -> i64 {
    RowCheck::new()
        .field(info_hash.as_bytes())
        .number(i64::from(mark.file_index.0))
        .number(i64::from(mark.viewed))
        .field(&number_bits(mark.position_secs))
        .optional(mark.duration_secs.map(number_bits).as_ref().map(<[u8; 8]>::as_slice))
        .number(i64::from(mark.play_count))
        .number(to_sql(mark.updated_at_ms))
        .value()
}

/// SQLite does not keep the sign of a zero.
fn number_bits(number: f64) -> [u8; 8] {
    (number + 0.0).to_le_bytes()
}
