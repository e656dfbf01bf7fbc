//! What the transfer engine remembers of the pieces on the disk, for the next start.
//!
//! Only bytes here: what they mean, and whether they are still true, is for the engine to say. There are no events, and no
//! cache: each is read once, when its torrent begins.

use std::collections::HashSet;

use freshet_model::InfoHash;

use crate::Store;
use crate::error::{ReadError, WriteError};
use crate::request::{Operation, Tx};
use crate::tables::resume;

impl Store {
    /// What was remembered last of the pieces of a torrent. Reads the disk.
    ///
    /// # Errors
    /// [`ReadError`]. A damaged row is no error, but nothing.
    pub async fn resume(&self, info_hash: InfoHash) -> Result<Option<Vec<u8>>, ReadError> {
        self.read(move |conn| resume::read(conn, info_hash)).await
    }

    /// Remembers it in place of what was remembered before, whether or not the torrent is in the library.
    ///
    /// # Errors
    /// [`WriteError`]; nothing was changed.
    pub async fn put_resume(&self, info_hash: InfoHash, data: Vec<u8>) -> Result<(), WriteError> {
        self.write(PutResume(info_hash, data)).await
    }

    /// Forgets it: the pieces are gone.
    ///
    /// # Errors
    /// [`WriteError`]; nothing was changed.
    pub async fn remove_resume(&self, info_hash: InfoHash) -> Result<(), WriteError> {
        self.write(RemoveResume(info_hash)).await
    }

    /// Forgets all but these: of the others no pieces are left.
    ///
    /// # Errors
    /// [`WriteError`]; nothing was changed.
    pub async fn keep_resume_of(&self, info_hashes: HashSet<InfoHash>) -> Result<(), WriteError> {
        self.write(KeepResume(info_hashes)).await
    }
}

struct PutResume(InfoHash, Vec<u8>);

impl Operation for PutResume {
    type Output = ();
    type Error = WriteError;

    fn apply(self, tx: &mut Tx<'_>) -> Result<(), WriteError> {
        Ok(resume::put(tx.conn, self.0, &self.1)?)
    }
}

struct RemoveResume(InfoHash);

impl Operation for RemoveResume {
    type Output = ();
    type Error = WriteError;

    fn apply(self, tx: &mut Tx<'_>) -> Result<(), WriteError> {
        Ok(resume::remove(tx.conn, self.0)?)
    }
}

struct KeepResume(HashSet<InfoHash>);

impl Operation for KeepResume {
    type Output = ();
    type Error = WriteError;

    fn apply(self, tx: &mut Tx<'_>) -> Result<(), WriteError> {
        Ok(resume::keep(tx.conn, &self.0)?)
    }
}
