//! Why an operation of the store failed, in words that the caller can act on. SQLite's own codes stay inside.

use std::path::PathBuf;
use std::sync::Arc;

use freshet_model::{AccessError, SettingsError};
use rusqlite::ErrorCode;

/// The store can't be opened. Except for [`OpenError::Damaged`] nothing was written.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    #[error("the data folder {folder} can't be written: {reason}")]
    FolderNotWritable { folder: PathBuf, reason: String },
    #[error("another instance is using the data folder {folder}")]
    Locked { folder: PathBuf },
    /// The file is exactly as it was.
    #[error(
        "the database is of a newer version of the program (schema {found}, this one knows up to {known})"
    )]
    NewerSchema { found: u32, known: u32 },
    #[error("no room on the disk for the database in {folder}")]
    DiskFull { folder: PathBuf },
    /// Neither the file nor any backup of it can be read. The damaged file is still there.
    #[error("the database {path} is damaged and there is no good backup: {reason}")]
    Damaged { path: PathBuf, reason: String },
    #[error("the database {path} can't be opened: {reason}")]
    Failed { path: PathBuf, reason: String },
}

/// A value could not be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ReadError {
    #[error("the store is closed")]
    Closed,
    /// The owner thread ended by a fault; nothing will work until the store is opened again.
    #[error("the store has failed: {0}")]
    Fatal(Arc<str>),
    /// What is on the disk is not what was written. The next start puts a backup in its place.
    #[error("the database is damaged: {0}")]
    Damaged(Arc<str>),
    #[error("the database can't be read: {0}")]
    Database(Arc<str>),
}

/// A change was not made; everything is as before.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum WriteError {
    #[error("the store is closed")]
    Closed,
    /// The owner thread ended by a fault. Whether the change is on the disk is unknown.
    #[error("the store has failed: {0}")]
    Fatal(Arc<str>),
    #[error("no room on the disk")]
    DiskFull,
    /// The folder or the file was removed, replaced, or made read-only.
    #[error("the data folder is gone or can't be written: {0}")]
    FolderGone(Arc<str>),
    /// What is on the disk is not what was written. The next start puts a backup in its place.
    #[error("the database is damaged: {0}")]
    Damaged(Arc<str>),
    #[error("the database refused the change: {0}")]
    Database(Arc<str>),
}

/// Settings were not changed.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum UpdateSettingsError {
    #[error(transparent)]
    Invalid(#[from] SettingsError),
    #[error(transparent)]
    Store(#[from] WriteError),
}

/// Who may come in was not changed.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum ChangeAccessError {
    #[error(transparent)]
    Invalid(#[from] AccessError),
    #[error(transparent)]
    Store(#[from] WriteError),
}

/// [`crate::Store::close`] could not end in good order. What was acknowledged is on the disk all the same.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CloseError {
    #[error("the store has failed: {0}")]
    Fatal(Arc<str>),
}

/// A row whose content does not fit its checksum or its type.
#[derive(Debug, thiserror::Error)]
#[error("a row of {table} is not what was written")]
pub(crate) struct BadRow {
    pub(crate) table: &'static str,
}

impl BadRow {
    pub(crate) fn error(table: &'static str) -> rusqlite::Error {
        rusqlite::Error::FromSqlConversionFailure(0, rusqlite::types::Type::Blob, Box::new(Self { table }))
    }
}

/// What a failure inside SQLite means for us.
pub(crate) enum Meaning {
    DiskFull,
    FolderGone,
    Damaged,
    Other,
}

pub(crate) fn meaning(error: &rusqlite::Error) -> Meaning {
    match error {
        rusqlite::Error::FromSqlConversionFailure(..)
        | rusqlite::Error::IntegralValueOutOfRange(..)
        | rusqlite::Error::InvalidColumnType(..)
        | rusqlite::Error::Utf8Error(..) => Meaning::Damaged,
        other => match other.sqlite_error_code() {
            Some(ErrorCode::DiskFull) => Meaning::DiskFull,
            Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => Meaning::Damaged,
            Some(
                ErrorCode::ReadOnly
                | ErrorCode::CannotOpen
                | ErrorCode::SystemIoFailure
                | ErrorCode::PermissionDenied,
            ) => Meaning::FolderGone,
            _ => Meaning::Other,
        },
    }
}

impl From<rusqlite::Error> for ReadError {
    fn from(error: rusqlite::Error) -> Self {
        let text = Arc::from(error.to_string());
        match meaning(&error) {
            Meaning::Damaged => Self::Damaged(text),
            Meaning::DiskFull | Meaning::FolderGone | Meaning::Other => Self::Database(text),
        }
    }
}

impl From<rusqlite::Error> for WriteError {
    fn from(error: rusqlite::Error) -> Self {
        let text = Arc::from(error.to_string());
        match meaning(&error) {
            Meaning::DiskFull => Self::DiskFull,
            Meaning::FolderGone => Self::FolderGone(text),
            Meaning::Damaged => Self::Damaged(text),
            Meaning::Other => Self::Database(text),
        }
    }
}
