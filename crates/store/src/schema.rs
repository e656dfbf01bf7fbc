//! How a connection is set up, and the migrations: only ever appended, each in a transaction of its own.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;
use std::time::Duration;

use rusqlite::{Connection, OpenFlags, TransactionBehavior};

/// Nobody else writes, so only a checkpoint or a backup can be in the way, and not for long.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// `MIGRATIONS[n]` takes a database of schema `n` to schema `n + 1`.
pub(crate) const MIGRATIONS: &[&str] = &[
    include_str!("../migrations/0001_init.sql"),
    include_str!("../migrations/0002_pinned_and_origin.sql"),
    include_str!("../migrations/0003_access.sql"),
    include_str!("../migrations/0004_foretold.sql"),
    include_str!("../migrations/0005_temporary.sql"),
    include_str!("../migrations/0006_web_seeds.sql"),
    include_str!("../migrations/0007_resume.sql"),
    include_str!("../migrations/0008_container_indexes.sql"),
    include_str!("../migrations/0009_titled_by_hand.sql"),
];

/// The one writing connection. The file has to exist (an empty one is an empty database).
pub(crate) fn open_writer(path: &Path) -> rusqlite::Result<Connection> {
    let conn = Connection::open_with_flags(
        path,
        OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX,
    )?;
    conn.busy_timeout(BUSY_TIMEOUT)?;
    conn.query_row("PRAGMA journal_mode = WAL", [], |row| row.get::<_, String>(0))?;
    // FULL: a commit that was acknowledged survives a power cut. fullfsync is what that needs on macOS.
    // A fold of the log into the file makes one commit wait for it. 8,000 pages (32 MiB) make that rare, and cheap for its
    // length: marks and positions write the same few pages again and again, and only the newest of each is folded in.
    // No mmap: a disk error must come back as an error, not as a signal.
    conn.execute_batch(
        "PRAGMA synchronous = FULL;
         PRAGMA fullfsync = ON;
         PRAGMA checkpoint_fullfsync = ON;
         PRAGMA foreign_keys = ON;
         PRAGMA trusted_schema = OFF;
         PRAGMA mmap_size = 0;
         PRAGMA wal_autocheckpoint = 8000;
         PRAGMA journal_size_limit = 16777216;",
    )?;
    conn.set_prepared_statement_cache_capacity(64);
    Ok(conn)
}

/// A connection that can't change anything.
pub(crate) fn open_reader(path: &Path) -> rusqlite::Result<Connection> {
    let conn = Connection::open_with_flags(
        path,
        OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX,
    )?;
    conn.busy_timeout(BUSY_TIMEOUT)?;
    conn.execute_batch("PRAGMA query_only = ON; PRAGMA trusted_schema = OFF; PRAGMA mmap_size = 0;")?;
    Ok(conn)
}

/// A connection for backups. It writes nothing to this database, but it has to be able to: the copy it makes would be
/// read-only with it.
pub(crate) fn open_copier(path: &Path) -> rusqlite::Result<Connection> {
    let conn = Connection::open_with_flags(
        path,
        OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX,
    )?;
    conn.busy_timeout(BUSY_TIMEOUT)?;
    conn.execute_batch("PRAGMA trusted_schema = OFF; PRAGMA mmap_size = 0;")?;
    Ok(conn)
}

/// 0 for an empty database.
pub(crate) fn version(conn: &Connection) -> rusqlite::Result<u32> {
    conn.query_row("PRAGMA user_version", [], |row| row.get(0))
}

/// The same from the file itself, for a database that has no log: SQLite would put one beside it for as much as a look.
///
/// Whether it is a database at all is for others to find out.
pub(crate) fn version_in_header(path: &Path) -> io::Result<u32> {
    const OFFSET: usize = 60;
    let mut header = [0; OFFSET + 4];
    match File::open(path)?.read_exact(&mut header) {
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(0),
        Err(error) => Err(error),
        Ok(()) if !header.starts_with(b"SQLite format 3\0") => Ok(0),
        Ok(()) => {
            let [.., a, b, c, d] = header;
            Ok(u32::from_be_bytes([a, b, c, d]))
        }
    }
}

/// Brings the database from its version to that of `migrations`. Returns the version it had.
///
/// A migration that fails leaves the database at the version before it.
pub(crate) fn migrate(conn: &mut Connection, migrations: &[&str]) -> rusqlite::Result<u32> {
    let found = version(conn)?;
    for (from, sql) in (0..).zip(migrations).skip(found as usize) {
        let tx = conn.transaction_with_behavior(TransactionBehavior::Immediate)?;
        tx.execute_batch(sql)?;
        tx.pragma_update(None, "user_version", from + 1)?;
        tx.commit()?;
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(conn: &Connection) -> Vec<String> {
        let mut statement = conn.prepare("SELECT name FROM t ORDER BY name").unwrap();
        statement.query_map([], |row| row.get(0)).unwrap().collect::<Result<_, _>>().unwrap()
    }

    #[test]
    fn only_the_missing_migrations_run_and_in_order() {
        let mut conn = Connection::open_in_memory().unwrap();
        let first = ["CREATE TABLE t (name TEXT) STRICT; INSERT INTO t VALUES ('one');"];
        assert_eq!(migrate(&mut conn, &first).unwrap(), 0);

        let more = [first[0], "INSERT INTO t VALUES ('two');", "UPDATE t SET name = name || '!';"];
        assert_eq!(migrate(&mut conn, &more).unwrap(), 1);

        assert_eq!(version(&conn).unwrap(), 3);
        assert_eq!(names(&conn), ["one!", "two!"]);
        assert_eq!(migrate(&mut conn, &more).unwrap(), 3, "nothing is done twice");
        assert_eq!(names(&conn), ["one!", "two!"]);
    }

    #[test]
    fn a_migration_that_fails_half_way_leaves_the_version_before_it() {
        let mut conn = Connection::open_in_memory().unwrap();
        let migrations = [
            "CREATE TABLE t (name TEXT) STRICT;",
            "INSERT INTO t VALUES ('half'); INSERT INTO nowhere VALUES (1);",
        ];

        assert!(migrate(&mut conn, &migrations).is_err());

        assert_eq!(version(&conn).unwrap(), 1);
        assert_eq!(names(&conn), Vec::<String>::new());
    }
}
