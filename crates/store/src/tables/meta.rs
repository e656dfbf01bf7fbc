//! Table `meta`: the number of the last change, and who wrote here last.

use freshet_model::Revision;
use rusqlite::{Connection, OptionalExtension, params};

use super::{from_sql, to_sql};

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
