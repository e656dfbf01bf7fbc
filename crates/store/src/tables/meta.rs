//! Table `meta`: the number of the last change, who wrote here last, and a checksum of how the tables are defined.

use freshet_model::Revision;
use rusqlite::{Connection, OptionalExtension, params};

use super::{RowCheck, from_sql, to_sql};

/// The last change that is on the disk; 0 before the first.
pub(crate) fn revision(conn: &Connection) -> rusqlite::Result<Revision> {
    let stored = conn
        .prepare_cached("SELECT value FROM meta WHERE key = 'revision'")?
        .query_row([], |row| row.get::<_, i64>(0))
        .optional()?;
    Ok(Revision(stored.map_or(0, from_sql)))
}

pub(crate) fn put_revision(conn: &Connection, revision: Revision) -> rusqlite::Result<()> {
    conn.prepare_cached("INSERT OR REPLACE INTO meta (key, value) VALUES ('revision', ?1)")?
        .execute(params![to_sql(revision.0)])?;
    Ok(())
}

pub(crate) fn app_version(conn: &Connection) -> rusqlite::Result<Option<String>> {
    conn.prepare_cached("SELECT value FROM meta WHERE key = 'app_version'")?
        .query_row([], |row| row.get(0))
        .optional()
}

pub(crate) fn put_app_version(conn: &Connection, version: &str) -> rusqlite::Result<()> {
    conn.prepare_cached("INSERT OR REPLACE INTO meta (key, value) VALUES ('app_version', ?1)")?
        .execute(params![version])?;
    Ok(())
}

/// Whether the tables are defined as they were when this was first asked of this schema. A flipped bit in a definition
/// can leave every page and row in order, and change what may be written.
///
/// Keeps a checksum of the definitions where there is none yet, on a connection that may write.
pub(crate) fn check_definitions(conn: &Connection) -> rusqlite::Result<bool> {
    let version: u32 = conn.query_row("PRAGMA user_version", [], |row| row.get(0))?;
    let key = format!("definitions_{version}");
    let mut check = RowCheck::new();
    let mut statement = conn.prepare(
        "SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL AND name NOT LIKE 'sqlite%' ORDER BY type, name",
    )?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        check = check.field(row.get::<_, String>(0)?.as_bytes());
    }
    let kept: Option<i64> =
        conn.query_row("SELECT value FROM meta WHERE key = ?1", [&key], |row| row.get(0)).optional()?;
    match kept {
        Some(kept) => Ok(kept == check.value()),
        None if conn.is_readonly("main")? => Ok(true),
        None => {
            conn.execute("INSERT INTO meta (key, value) VALUES (?1, ?2)", params![key, check.value()])?;
            Ok(true)
        }
    }
}
