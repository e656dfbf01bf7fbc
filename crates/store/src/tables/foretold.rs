//! Table `foretold`: what is known of files by TorrServer's ids alone.

use freshet_model::{Foretold, InfoHash};
use rusqlite::types::Type;
use rusqlite::{Connection, OptionalExtension as _, Row, params};

use super::RowCheck;
use crate::error::BadRow;

const COLUMNS: &str = "info_hash, files, marks, row_check";

pub(crate) fn read(conn: &Connection, info_hash: InfoHash) -> rusqlite::Result<Option<Foretold>> {
    conn.prepare_cached(&format!("SELECT {COLUMNS} FROM foretold WHERE info_hash = ?1"))?
        .query_row(params![info_hash.as_bytes()], from_row)
        .optional()
}

pub(crate) fn read_all(conn: &Connection) -> rusqlite::Result<Vec<Foretold>> {
    conn.prepare_cached(&format!("SELECT {COLUMNS} FROM foretold ORDER BY info_hash"))?
        .query_map([], from_row)?
        .collect()
}

/// Keeps it; what is empty needs no row.
pub(crate) fn put(conn: &Connection, foretold: &Foretold) -> rusqlite::Result<()> {
    let info_hash = foretold.info_hash;
    if foretold.is_empty() {
        conn.prepare_cached("DELETE FROM foretold WHERE info_hash = ?1")?
            .execute(params![info_hash.as_bytes()])?;
        return Ok(());
    }
    let json = |error| rusqlite::Error::ToSqlConversionFailure(Box::<serde_json::Error>::new(error));
    let files = serde_json::to_string(&foretold.files).map_err(json)?;
    let marks = serde_json::to_string(&foretold.marks).map_err(json)?;
    conn.prepare_cached(&format!("INSERT OR REPLACE INTO foretold ({COLUMNS}) VALUES (?1, ?2, ?3, ?4)"))?
        .execute(params![info_hash.as_bytes(), files, marks, row_check(info_hash, &files, &marks)])?;
    Ok(())
}

fn from_row(row: &Row<'_>) -> rusqlite::Result<Foretold> {
    let info_hash = InfoHash::new(row.get(0)?);
    let (files, marks): (String, String) = (row.get(1)?, row.get(2)?);
    if row_check(info_hash, &files, &marks) != row.get::<_, i64>(3)? {
        return Err(BadRow::error("foretold"));
    }
    let json = |error| {
        rusqlite::Error::FromSqlConversionFailure(0, Type::Text, Box::<serde_json::Error>::new(error))
    };
    Ok(Foretold {
        info_hash,
        files: serde_json::from_str(&files).map_err(json)?,
        marks: serde_json::from_str(&marks).map_err(json)?,
    })
}

fn row_check(info_hash: InfoHash, files: &str, marks: &str) -> i64 {
    RowCheck::new().field(info_hash.as_bytes()).field(files.as_bytes()).field(marks.as_bytes()).value()
}
