//! From a path to a healthy database of the right schema: folder, lock, version, damage, backup, migrations.
//!
//! The order matters. The lock comes before anything is looked at; a newer database is recognized before anything is
//! written; a backup is made before a migration touches anything.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use freshet_model::{Access, Revision, Settings};
use rusqlite::{Connection, ErrorCode};

use crate::backup::{self, Backup, BackupError};
use crate::error::{Meaning, OpenError, meaning};
use crate::files::{self, FolderLock, Identity, LockError};
use crate::schema;
use crate::tables::{access, foretold, marks, meta, settings, torrents};

/// What [`crate::Store::open`] needs to know.
#[derive(Debug, Clone)]
pub struct StoreOptions {
    /// The database file, `freshet.db` in a folder of its own; the folder is made if it is missing.
    pub path: PathBuf,
    /// How much memory the cache may take. Too little makes the store slower, never wrong.
    pub cache_bytes: u64,
    /// Written down to notice an update of the program, which makes a backup due.
    pub app_version: String,
    /// A newest backup older than this makes the next one due.
    pub backup_every: Duration,
    /// Milliseconds since 1970.
    pub now_ms: fn() -> u64,
    #[cfg(test)]
    pub(crate) hooks: crate::hooks::Hooks,
    #[cfg(test)]
    pub(crate) migrations: &'static [&'static str],
}

impl StoreOptions {
    pub const DEFAULT_CACHE_BYTES: u64 = 32 * 1024 * 1024;

    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self {
            path: path.into(),
            cache_bytes: Self::DEFAULT_CACHE_BYTES,
            app_version: env!("CARGO_PKG_VERSION").to_owned(),
            backup_every: Duration::from_secs(24 * 60 * 60),
            now_ms: system_now_ms,
            #[cfg(test)]
            hooks: crate::hooks::Hooks::default(),
            #[cfg(test)]
            migrations: schema::MIGRATIONS,
        }
    }

    fn migrations(&self) -> &'static [&'static str] {
        #[cfg(test)]
        return self.migrations;
        #[cfg(not(test))]
        schema::MIGRATIONS
    }

    fn known_schema(&self) -> u32 {
        u32::try_from(self.migrations().len()).unwrap_or(u32::MAX)
    }

    pub(crate) fn now_secs(&self) -> u64 {
        (self.now_ms)() / 1000
    }
}

fn system_now_ms() -> u64 {
    let since_1970 = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since_1970.as_millis()).unwrap_or(u64::MAX)
}

/// What happened while the store was opened.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct OpenReport {
    /// There was no database; this is a new one.
    pub is_new: bool,
    /// The schema the database had, if it was an older one.
    pub migrated_from: Option<u32>,
    /// The database was damaged, and a backup took its place.
    pub restored_from_backup: Option<RestoredBackup>,
    /// The index for searching was damaged and has been made anew; nothing is lost.
    pub search_was_rebuilt: bool,
    /// Settings with values that this version does not know; they have their defaults now.
    pub reset_settings: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RestoredBackup {
    /// When the backup was made, in seconds since 1970. Changes since then are lost.
    pub made_at_secs: u64,
    /// The folder that now holds the damaged files.
    pub damaged_files: PathBuf,
}

/// After a restore, numbers go on from here above the backup's: further than any change that the backup does not know.
const REVISIONS_SKIPPED_BY_RESTORE: u64 = 1 << 32;

/// An open database, ready for the owner thread.
#[derive(Debug)]
pub(crate) struct Opened {
    pub(crate) conn: Connection,
    pub(crate) lock: FolderLock,
    pub(crate) identity: Identity,
    pub(crate) revision: Revision,
    pub(crate) settings: Settings,
    pub(crate) access: Access,
    /// When the next backup is due, in seconds since 1970.
    pub(crate) next_backup_at_secs: u64,
}

/// Why this file can't be used as it is.
enum Unusable {
    Damaged(String),
    Refused(OpenError),
}

pub(crate) fn open(options: &StoreOptions) -> Result<(Opened, OpenReport), OpenError> {
    let path = options.path.as_path();
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let not_writable = |error: io::Error| folder_error(folder, &error);

    files::create_folder(folder).map_err(not_writable)?;
    let lock = FolderLock::take(&path.with_extension("lock")).map_err(|error| match error {
        LockError::Held => OpenError::Locked { folder: folder.to_owned() },
        LockError::Io(error) => folder_error(folder, &error),
    })?;

    let mut report = OpenReport::default();
    let mut conn = match open_file(path, options, &mut report) {
        Ok(conn) => conn,
        Err(Unusable::Refused(error)) => return Err(error),
        Err(Unusable::Damaged(reason)) => {
            let conn = open_backup(path, options, &mut report, &reason)?;
            tracing::error!(reason, ?report, "the database was damaged, a backup has taken its place");
            conn
        }
    };
    files::sync_folder(folder).map_err(not_writable)?;

    let failed = |error: rusqlite::Error| refuse(path, error);
    let read = settings::read(&conn).map_err(failed)?;
    report.reset_settings = read.reset_fields;
    if report.restored_from_backup.is_some() {
        skip_revisions(&mut conn).map_err(failed)?;
    }
    let is_other_version =
        meta::app_version(&conn).map_err(failed)?.is_none_or(|version| version != options.app_version);
    if is_other_version {
        meta::put_app_version(&conn, &options.app_version).map_err(failed)?;
    }
    let opened = Opened {
        identity: Identity::of(path).map_err(not_writable)?,
        revision: meta::revision(&conn).map_err(failed)?,
        settings: read.settings,
        access: access::read(&conn).map_err(failed)?,
        next_backup_at_secs: next_backup_at_secs(options, &report, is_other_version),
        conn,
        lock,
    };
    Ok((opened, report))
}

/// Opens the file, or makes a new one if there is none.
fn open_file(path: &Path, options: &StoreOptions, report: &mut OpenReport) -> Result<Connection, Unusable> {
    let folder_error = |error: io::Error| {
        Unusable::Refused(self::folder_error(path.parent().unwrap_or(Path::new(".")), &error))
    };
    let judge = |error: rusqlite::Error| match meaning(&error) {
        Meaning::Damaged => Unusable::Damaged(error.to_string()),
        Meaning::DiskFull | Meaning::FolderGone | Meaning::Other => Unusable::Refused(refuse(path, error)),
    };
    let is_empty = |path: &Path| fs::metadata(path).map_or(true, |metadata| metadata.len() == 0);
    // Without a log everything is in the file.
    let is_whole = is_empty(&files::with_suffix(path, "-wal"));
    let is_new = is_empty(path) && is_whole;
    if !is_new {
        // Nothing here writes, or leaves a file behind: a newer database must stay as it is, to the byte.
        let found =
            match is_whole.then(|| schema::version_in_header(path)).transpose().map_err(folder_error)? {
                Some(found) => found,
                None => schema::open_reader(path).and_then(|conn| schema::version(&conn)).map_err(judge)?,
            };
        let known = options.known_schema();
        if found > known {
            return Err(Unusable::Refused(OpenError::NewerSchema { found, known }));
        }
    }
    // The plain error without a kind: a header or a definition of a table that makes no sense.
    let judge_definition = |error: rusqlite::Error| match (&error, error.sqlite_error_code()) {
        (rusqlite::Error::SqlInputError { .. }, _) | (_, Some(ErrorCode::Unknown)) => {
            Unusable::Damaged(error.to_string())
        }
        _ => judge(error),
    };
    files::open_private(path).map_err(folder_error)?;
    let mut conn = schema::open_writer(path).map_err(judge_definition)?;
    check(&conn, report)?;
    let found = schema::version(&conn).map_err(judge)?;
    check_header(&conn, found)?;
    if found > 0 && found < options.known_schema() {
        backup::make(path, options.now_secs()).map_err(|error| match error {
            BackupError::Sqlite(error) => judge(error),
            BackupError::Io(error) => folder_error(error),
        })?;
        report.migrated_from = Some(found);
    }
    schema::migrate(&mut conn, options.migrations()).map_err(judge)?;
    check_rows(&conn).map_err(judge_definition)?;
    if !torrents::words_are_whole(&conn).map_err(judge_definition)? {
        torrents::rebuild_words(&conn).map_err(judge_definition)?;
        report.search_was_rebuilt = true;
    }
    if !meta::check_definitions(&conn).map_err(judge_definition)? {
        return Err(Unusable::Damaged("the definition of a table has changed".into()));
    }
    report.is_new = is_new;
    Ok(conn)
}

/// SQLite's view: pages, indexes, types and the constraints of the schema; empty if all is well.
fn faults(conn: &Connection) -> rusqlite::Result<Vec<String>> {
    conn.prepare("PRAGMA integrity_check(20)")?
        .query_map([], |row| row.get(0))?
        .filter(|line| !matches!(line, Ok(line) if line == "ok"))
        .collect()
}

/// The words for searching can be made again from the rows; any other fault is damage.
fn check(conn: &Connection, report: &mut OpenReport) -> Result<(), Unusable> {
    let damaged = |error: rusqlite::Error| Unusable::Damaged(error.to_string());
    let found = faults(conn).map_err(damaged)?;
    if found.is_empty() {
        return Ok(());
    }
    let is_of_words = |fault: &String| fault.contains(torrents::WORDS);
    if found.iter().all(is_of_words) {
        torrents::rebuild_words(conn).map_err(damaged)?;
        if faults(conn).map_err(damaged)?.is_empty() {
            report.search_was_rebuilt = true;
            return Ok(());
        }
    }
    Err(Unusable::Damaged(found.join("; ")))
}

/// What a flipped bit in the first bytes of the file does, and SQLite takes for somebody's intention.
fn check_header(conn: &Connection, version: u32) -> Result<(), Unusable> {
    let damaged = |reason: &str| Err(Unusable::Damaged(reason.to_owned()));
    if conn.is_readonly("main").unwrap_or(true) {
        return damaged("its header forbids writing");
    }
    let tables: u32 = conn
        .query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))
        .map_err(|error| Unusable::Damaged(error.to_string()))?;
    if version == 0 && tables > 0 { damaged("it has tables and no schema version") } else { Ok(()) }
}

/// Our view: every row says what was written.
fn check_rows(conn: &Connection) -> rusqlite::Result<()> {
    meta::revision(conn)?;
    settings::read(conn)?;
    access::read(conn)?;
    marks::read_all(conn)?;
    foretold::read_all(conn)?;
    torrents::check_all(conn)
}

fn open_backup(
    path: &Path,
    options: &StoreOptions,
    report: &mut OpenReport,
    reason: &str,
) -> Result<Connection, OpenError> {
    let damaged = |reason: &str| OpenError::Damaged { path: path.to_owned(), reason: reason.to_owned() };
    let Some(backup) = backup::list(path).into_iter().find(|backup| is_good(backup, options)) else {
        return Err(damaged(reason));
    };
    let io_error = |error: io::Error| folder_error(path.parent().unwrap_or(Path::new(".")), &error);

    let damaged_files = backup::move_aside(path, options.now_secs()).map_err(io_error)?;
    backup::restore(&backup, path).map_err(io_error)?;
    report.restored_from_backup = Some(RestoredBackup { made_at_secs: backup.made_at_secs, damaged_files });
    open_file(path, options, report).map_err(|error| match error {
        Unusable::Damaged(reason) => damaged(&reason),
        Unusable::Refused(error) => error,
    })
}

fn is_good(backup: &Backup, options: &StoreOptions) -> bool {
    let Ok(conn) = schema::open_reader(&backup.path) else { return false };
    backup.schema <= options.known_schema()
        && faults(&conn).is_ok_and(|faults| faults.is_empty())
        && (backup.schema < options.known_schema() || check_rows(&conn).is_ok())
        && meta::check_definitions(&conn).is_ok_and(|is_same| is_same)
}

/// No number of a change is given twice, also not one that the backup knows nothing of.
fn skip_revisions(conn: &mut Connection) -> rusqlite::Result<()> {
    let revision = meta::revision(conn)?;
    meta::put_revision(conn, Revision(revision.0.saturating_add(REVISIONS_SKIPPED_BY_RESTORE)))
}

fn next_backup_at_secs(options: &StoreOptions, report: &OpenReport, is_other_version: bool) -> u64 {
    let now = options.now_secs();
    if report.is_new {
        // Soon, but not before there is anything worth keeping.
        return now + options.backup_every.as_secs().min(10 * 60);
    }
    match backup::list(&options.path).first() {
        // A backup from the future says that the clock was wrong, not that all is well.
        Some(newest) if newest.made_at_secs <= now && !is_other_version => {
            newest.made_at_secs + options.backup_every.as_secs()
        }
        _ => now,
    }
}

fn folder_error(folder: &Path, error: &io::Error) -> OpenError {
    match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
            OpenError::DiskFull { folder: folder.to_owned() }
        }
        _ => OpenError::FolderNotWritable { folder: folder.to_owned(), reason: error.to_string() },
    }
}

fn refuse(path: &Path, error: rusqlite::Error) -> OpenError {
    let folder = path.parent().unwrap_or(Path::new(".")).to_owned();
    let reason = error.to_string();
    match meaning(&error) {
        Meaning::DiskFull => OpenError::DiskFull { folder },
        Meaning::FolderGone => OpenError::FolderNotWritable { folder, reason },
        Meaning::Damaged => OpenError::Damaged { path: path.to_owned(), reason },
        Meaning::Other => OpenError::Failed { path: path.to_owned(), reason },
    }
}

#[cfg(test)]
mod tests {
    use freshet_model::{AddedFrom, TorrentRecord};

    use super::*;
    use crate::common::{Place, bare, full, hash};
    use crate::{ListQuery, Store, TorrentChange};

    const NEWER: &str = "ALTER TABLE torrents ADD COLUMN stars INTEGER NOT NULL DEFAULT 3;";
    const FAILING: &str = "DROP TABLE marks; DROP TABLE nothing;";

    /// Options of a version that has one migration more.
    fn with(place: &Place, migration: &'static str) -> StoreOptions {
        let migrations: Vec<&'static str> = schema::MIGRATIONS.iter().copied().chain([migration]).collect();
        StoreOptions { migrations: migrations.leak(), ..place.options() }
    }

    async fn with_a_torrent(place: &Place) {
        let store = place.open();
        store.add_torrent(bare(1)).await.unwrap();
        store.close().await.unwrap();
    }

    #[tokio::test]
    async fn an_older_database_is_backed_up_and_migrated() {
        let place = Place::new();
        with_a_torrent(&place).await;

        let known = u32::try_from(schema::MIGRATIONS.len()).unwrap();
        let newer = with(&place, NEWER);
        let (store, report) = Store::open(newer.clone()).unwrap();

        assert_eq!(report, OpenReport { migrated_from: Some(known), ..OpenReport::default() });
        assert_eq!(store.torrent(hash(1)).await.unwrap().as_deref(), Some(&bare(1)));
        store.close().await.unwrap();
        let backup = backup::list(&place.database()).pop().unwrap();
        let conn = schema::open_reader(&backup.path).unwrap();
        assert_eq!((backup.schema, schema::version(&conn).unwrap()), (known, known));
        assert_eq!(torrents::read_all(&conn).unwrap(), [bare(1)]);
        let (store, report) = Store::open(newer).unwrap();
        assert_eq!(report, OpenReport::default());
        store.close().await.unwrap();
    }

    #[tokio::test]
    async fn a_migration_that_fails_leaves_the_database_for_the_older_version() {
        let place = Place::new();
        with_a_torrent(&place).await;

        let error = Store::open(with(&place, FAILING)).unwrap_err();

        assert!(matches!(error, OpenError::Failed { .. }), "{error}");
        let store = place.open();
        assert_eq!(store.torrent(hash(1)).await.unwrap().as_deref(), Some(&bare(1)));
        assert_eq!(store.marks(hash(1)).await.unwrap().marks, []);
        store.close().await.unwrap();
    }

    #[tokio::test]
    async fn an_older_backup_is_migrated_when_it_takes_the_place_of_a_damaged_database() {
        let place = Place::new();
        with_a_torrent(&place).await;
        backup::make(&place.database(), 5).unwrap();
        fs::write(place.database(), vec![7; 10_000]).unwrap();

        let (store, report) = Store::open(with(&place, NEWER)).unwrap();

        assert_eq!(report.migrated_from, u32::try_from(schema::MIGRATIONS.len()).ok());
        assert_eq!(report.restored_from_backup.unwrap().made_at_secs, 5);
        assert_eq!(store.torrent(hash(1)).await.unwrap().as_deref(), Some(&bare(1)));
        store.close().await.unwrap();
    }

    /// As the first schema's version wrote it, with the checksums that it computed.
    const ROWS_OF_THE_FIRST_SCHEMA: &str = r#"
        INSERT INTO meta VALUES ('revision', 2);
        INSERT INTO torrents (id, info_hash, title, name, category, poster, data, added_at_secs, last_opened_at_secs,
            total_bytes, is_single_file, is_private, error, trackers, peers, row_check, metainfo_check, files, metainfo)
        VALUES
            (3, x'000000015a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a', 'title 1', '', '', '', '', 1001, NULL, 0, 0, 0, NULL,
                '[]', '[]', -5155372792719163278, NULL, '[]', NULL),
            (7, x'000000025a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a', 'title 2', 'Name.2', 'movie',
                'http://example.org/poster.jpg', '{"opaque":"' || char(0) || '"}', 1002, 2000, 1 << 41, 1, 1, NULL,
                '["http://tracker.example.org/announce"]', '["192.0.2.1:6881"]', -3408440257579186686,
                -1659983544347474523,
                '[{"index":0,"path":"Name/Film.mkv","length_bytes":1000,"kind":"video","torrserver_id":1},' ||
                '{"index":1,"path":"Name/Sample.mkv","length_bytes":1001,"kind":"video","torrserver_id":2}]',
                x'000102ff');
        INSERT INTO torrent_words (rowid, title, name, paths) VALUES (3, 'title 1', '', '');
        INSERT INTO torrent_words (rowid, title, name, paths) VALUES (7, 'title 2', 'Name.2', 'Name/Film.mkv');
    "#;

    #[tokio::test]
    async fn torrents_of_the_first_schema_come_over_whole() {
        let place = Place::new();
        fs::create_dir_all(place.folder()).unwrap();
        files::open_private(&place.database()).unwrap();
        let mut old = schema::open_writer(&place.database()).unwrap();
        schema::migrate(&mut old, &schema::MIGRATIONS[..1]).unwrap();
        old.execute_batch(ROWS_OF_THE_FIRST_SCHEMA).unwrap();
        old.close().unwrap();

        let (store, report) = Store::open(place.options()).unwrap();

        assert_eq!(report, OpenReport { migrated_from: Some(1), ..OpenReport::default() });
        let unmarked = TorrentRecord { added_from: AddedFrom::Unknown, is_pinned: false, ..full(2) };
        assert_eq!(*store.torrent(hash(1)).await.unwrap().unwrap(), bare(1));
        assert_eq!(*store.torrent(hash(2)).await.unwrap().unwrap(), unmarked);
        let words = ListQuery { text: "film".to_owned(), limit: 9, ..ListQuery::default() };
        let found = store.list(words).await.unwrap();
        assert_eq!(found.torrents.iter().map(|listed| &*listed.torrent).collect::<Vec<_>>(), [&unmarked]);
        let pinned = store.change_torrent(hash(1), TorrentChange::Pinned(true)).await.unwrap().unwrap();
        assert!(pinned.is_pinned);
        store.close().await.unwrap();
        assert_eq!(backup::list(&place.database()).pop().unwrap().schema, 1);
        let (store, report) = Store::open(place.options()).unwrap();
        assert_eq!(report, OpenReport::default());
        assert_eq!(store.torrent(hash(1)).await.unwrap(), Some(pinned));
        store.close().await.unwrap();
    }
}
