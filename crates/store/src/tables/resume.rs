//! Table `resume`: what is remembered of the pieces on the disk.

use std::collections::HashSet;

use freshet_model::InfoHash;
use rusqlite::{Connection, OptionalExtension as _, params};

use super::RowCheck;

/// A damaged row is as good as none, and no reason for a backup: pieces are hashed again where it is missing.
pub(crate) fn read(conn: &Connection, info_hash: InfoHash) -> rusqlite::Result<Option<Vec<u8>>> {
    let row = conn
        .prepare_cached("SELECT row_check, data FROM resume WHERE info_hash = ?1")?
        .query_row(params![info_hash.as_bytes()], |row| {
            Ok((row.get::<_, i64>(0)?, row.get::<_, Vec<u8>>(1)?))
        })
        .optional()?;
    Ok(row.filter(|(check, data)| *check == row_check(info_hash, data)).map(|(_, data)| data))
}

pub(crate) fn put(conn: &Connection, info_hash: InfoHash, data: &[u8]) -> rusqlite::Result<()> {
    conn.prepare_cached(
        "INSERT INTO resume (info_hash, row_check, data) VALUES (?1, ?2, ?3)
         ON CONFLICT (info_hash) DO UPDATE SET row_check = ?2, data = ?3",
    )?
    .execute(params![info_hash.as_bytes(), row_check(info_hash, data), data])?;
    Ok(())
}

pub(crate) fn remove(conn: &Connection, info_hash: InfoHash) -> rusqlite::Result<()> {
    conn.prepare_cached("DELETE FROM resume WHERE info_hash = ?1")?.execute(params![info_hash.as_bytes()])?;
    Ok(())
}

/// Removes all but those.
pub(crate) fn keep(conn: &Connection, kept: &HashSet<InfoHash>) -> rusqlite::Result<()> {
    let mut all = conn.prepare_cached("SELECT info_hash FROM resume")?;
    let all =
        all.query_map([], |row| row.get(0).map(InfoHash::new))?.collect::<rusqlite::Result<Vec<_>>>()?;
    all.into_iter().filter(|info_hash| !kept.contains(info_hash)).try_for_each(|gone| remove(conn, gone))
}

fn row_check(info_hash: InfoHash, data: &[u8]) -> i64 {
    RowCheck::new().field(info_hash.as_bytes()).field(data).value()
}
