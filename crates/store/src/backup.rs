//! Backups beside the database: made whole or not at all, the newest three kept.
//!
//! A backup is a `VACUUM INTO` from a connection of its own: it is one consistent state, the owner goes on writing
//! meanwhile, and since every page is read on the way, a damaged database never replaces a good backup.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use rusqlite::params;

use crate::{files, schema};

const KEPT: usize = 3;

/// A backup file, known by its name: `freshet-<seconds since 1970>-v<schema>.db`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Backup {
    pub(crate) made_at_secs: u64,
    pub(crate) schema: u32,
    pub(crate) path: PathBuf,
}

#[derive(Debug, thiserror::Error)]
pub(crate) enum BackupError {
    #[error(transparent)]
    Sqlite(#[from] rusqlite::Error),
    #[error(transparent)]
    Io(#[from] io::Error),
}

/// Where the backups of a database are.
pub(crate) fn folder_of(database: &Path) -> PathBuf {
    database.with_file_name("backups")
}

/// Newest first. A folder that is not there has none.
pub(crate) fn list(database: &Path) -> Vec<Backup> {
    let Ok(entries) = fs::read_dir(folder_of(database)) else { return Vec::new() };
    let mut backups: Vec<Backup> =
        entries.filter_map(Result::ok).filter_map(|entry| parse(&entry.path())).collect();
    backups.sort_unstable_by(|a, b| b.cmp(a));
    backups
}

fn parse(path: &Path) -> Option<Backup> {
    let name = path.file_name()?.to_str()?;
    let (secs, schema) = name.strip_prefix("freshet-")?.strip_suffix(".db")?.split_once("-v")?;
    Some(Backup { made_at_secs: secs.parse().ok()?, schema: schema.parse().ok()?, path: path.to_owned() })
}

/// Writes a backup of the database's last committed state, and removes all but the newest three.
///
/// # Errors
/// Nothing is left behind, and the older backups are untouched.
pub(crate) fn make(database: &Path, now_secs: u64) -> Result<Backup, BackupError> {
    let folder = folder_of(database);
    files::create_folder(&folder)?;
    let unfinished = folder.join("unfinished.db");
    remove_if_there(&unfinished)?;
    let made = write(database, &unfinished).and_then(|schema| {
        let path = folder.join(format!("freshet-{now_secs}-v{schema}.db"));
        fs::rename(&unfinished, &path)?;
        files::sync_folder(&folder)?;
        Ok(Backup { made_at_secs: now_secs, schema, path })
    });
    if made.is_err() {
        remove_if_there(&unfinished)?;
    }
    let made = made?;
    for old in list(database).into_iter().skip(KEPT) {
        remove_if_there(&old.path)?;
    }
    Ok(made)
}

fn write(database: &Path, target: &Path) -> Result<u32, BackupError> {
    let source = schema::open_copier(database)?;
    let schema = schema::version(&source)?;
    // Made here so that it is ours alone from its first byte; SQLite takes an empty file for an empty database.
    let file = files::open_private(target)?;
    source.execute("VACUUM INTO ?1", params![target.to_string_lossy()])?;
    file.sync_all()?;
    Ok(schema)
}

fn remove_if_there(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// Moves the database and what belongs to it into a folder of its own, for whoever wants to look at it.
pub(crate) fn move_aside(database: &Path, now_secs: u64) -> io::Result<PathBuf> {
    let folder = (0..1000)
        .map(|n| database.with_file_name(format!("damaged-{now_secs}-{n}")))
        .find(|folder| !folder.exists())
        .ok_or_else(|| io::Error::other("too many folders of damaged databases"))?;
    files::create_folder(&folder)?;
    // The log first: a main file without its log must never be found beside a restored one.
    for suffix in ["-wal", "-shm", ""] {
        let from = files::with_suffix(database, suffix);
        if let (true, Some(name)) = (from.exists(), from.file_name()) {
            fs::rename(&from, folder.join(name))?;
        }
    }
    Ok(folder)
}

/// Puts a copy of the backup in the place of the database, which must have been moved aside.
pub(crate) fn restore(backup: &Backup, database: &Path) -> io::Result<()> {
    let unfinished = files::with_suffix(database, "-restoring");
    remove_if_there(&unfinished)?;
    let mut target = files::open_private(&unfinished)?;
    io::copy(&mut fs::File::open(&backup.path)?, &mut target)?;
    target.sync_all()?;
    fs::rename(&unfinished, database)?;
    files::sync_folder(database.parent().unwrap_or(Path::new(".")))
}

#[cfg(test)]
mod tests {
    use freshet_model::Revision;

    use super::*;
    use crate::common::{Place, bare, schema};
    use crate::tables::{meta, torrents};

    #[tokio::test]
    async fn a_backup_holds_the_committed_state_while_the_owner_goes_on() {
        let place = Place::new();
        let store = place.open();
        store.add_torrent(bare(1)).await.unwrap();

        let backup = make(&place.database(), 77).unwrap();
        store.add_torrent(bare(2)).await.unwrap();

        assert_eq!(list(&place.database()).as_slice(), std::slice::from_ref(&backup));
        assert_eq!((backup.made_at_secs, backup.schema), (77, schema()));
        let conn = schema::open_reader(&backup.path).unwrap();
        assert_eq!(torrents::read_all(&conn).unwrap(), [bare(1)]);
        assert_eq!(meta::revision(&conn).unwrap(), Revision(1));
        store.close().await.unwrap();
    }

    #[tokio::test]
    async fn a_damaged_database_gives_no_backup_and_leaves_the_old_one() {
        let place = Place::new();
        let store = place.open();
        store.add_torrent(bare(1)).await.unwrap();
        store.close().await.unwrap();
        let good = make(&place.database(), 1).unwrap();
        let mut bytes = fs::read(place.database()).unwrap();
        let half = bytes.len() / 2;
        bytes[half..].fill(0x55);
        fs::write(place.database(), bytes).unwrap();

        assert!(make(&place.database(), 2).is_err());

        assert_eq!(list(&place.database()), [good]);
        assert_eq!(
            fs::read_dir(folder_of(&place.database())).unwrap().count(),
            1,
            "nothing unfinished is left"
        );
    }
}
