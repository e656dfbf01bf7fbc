//! Table `container_indexes`: what was read from the containers of files.

use freshet_model::{FileIndex, InfoHash};
use rusqlite::{Connection, OptionalExtension as _, params};

use super::RowCheck;

/// A film of two hours has about 100 KB.
const MAX_ROWS: u32 = 512;

/// A damaged row is as good as none, and no reason for a backup: the container is read again.
pub(crate) fn read(
    conn: &Connection,
    info_hash: InfoHash,
    file_index: FileIndex,
) -> rusqlite::Result<Option<Vec<u8>>> {
    let row = conn
        .prepare_cached(
            "SELECT row_check, data FROM container_indexes WHERE info_hash = ?1 AND file_index = ?2",
        )?
        .query_row(params![info_hash.as_bytes(), file_index.0], |row| {
            Ok((row.get::<_, i64>(0)?, row.get::<_, Vec<u8>>(1)?))
        })
        .optional()?;
    Ok(row.filter(|(check, data)| *check == row_check(info_hash, file_index, data)).map(|(_, data)| data))
}

/// Only for a torrent in the library.
pub(crate) fn put(
    conn: &Connection,
    info_hash: InfoHash,
    file_index: FileIndex,
    data: &[u8],
) -> rusqlite::Result<()> {
    conn.prepare_cached(
        "INSERT OR REPLACE INTO container_indexes (info_hash, file_index, row_check, data)
         SELECT ?1, ?2, ?3, ?4 WHERE EXISTS (SELECT 1 FROM torrents WHERE info_hash = ?1)",
    )?
    .execute(params![
        info_hash.as_bytes(),
        file_index.0,
        row_check(info_hash, file_index, data),
        data
    ])?;
    conn.prepare_cached(
        "DELETE FROM container_indexes
         WHERE id <= (SELECT id FROM container_indexes ORDER BY id DESC LIMIT 1 OFFSET ?1)",
    )?
    .execute(params![MAX_ROWS])?;
    Ok(())
}

pub(crate) fn delete(conn: &Connection, info_hash: InfoHash) -> rusqlite::Result<()> {
    conn.prepare_cached("DELETE FROM container_indexes WHERE info_hash = ?1")?
        .execute(params![info_hash.as_bytes()])?;
    Ok(())
}

fn row_check(info_hash: InfoHash, file_index: FileIndex, data: &[u8]) -> i64 {
    RowCheck::new().field(info_hash.as_bytes()).number(i64::from(file_index.0)).field(data).value()
}
