//! Table `access`: one row of JSON.

use freshet_model::Access;
use rusqlite::{Connection, OptionalExtension, params};

use super::RowCheck;
use crate::error::BadRow;

/// What is stored, or nothing at all if nobody has been let in yet. Unlike settings it is not read in parts: half of a list
/// of who may come in is worse than a restored backup.
pub(crate) fn read(conn: &Connection) -> rusqlite::Result<Access> {
    let row: Option<(String, i64)> = conn
        .prepare_cached("SELECT value, row_check FROM access WHERE id = 1")?
        .query_row([], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()?;
    let Some((text, row_check)) = row else { return Ok(Access::default()) };
    if RowCheck::new().field(text.as_bytes()).value() != row_check {
        return Err(BadRow::error("access"));
    }
    serde_json::from_str(&text).map_err(|_| BadRow::error("access"))
}

pub(crate) fn put(conn: &Connection, access: &Access) -> rusqlite::Result<()> {
    let text = serde_json::to_string(access)
        .map_err(|error| rusqlite::Error::ToSqlConversionFailure(Box::new(error)))?;
    conn.prepare_cached("INSERT OR REPLACE INTO access (id, value, row_check) VALUES (1, ?1, ?2)")?
        .execute(params![text, RowCheck::new().field(text.as_bytes()).value()])?;
    Ok(())
}
