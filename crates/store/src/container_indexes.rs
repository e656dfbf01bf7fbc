//! What was read from the containers of files: bytes whose meaning is `media`'s. There are no events and no cache: each is read
//! once, when its film opens.

use freshet_model::{FileIndex, InfoHash};

use crate::Store;
use crate::error::{ReadError, WriteError};
use crate::request::{Operation, Tx};
use crate::tables::container_indexes;

impl Store {
    /// What was kept of the container of a file. Reads the disk.
    ///
    /// # Errors
    /// [`ReadError`]. A damaged row is no error, but nothing.
    pub async fn container_index(
        &self,
        info_hash: InfoHash,
        file_index: FileIndex,
    ) -> Result<Option<Vec<u8>>, ReadError> {
        self.read(move |conn| container_indexes::read(conn, info_hash, file_index)).await
    }

    /// Keeps it for as long as its torrent is in the library, in place of what was kept before. Does nothing if the torrent is
    /// not there. Of more than 512 files, those that were kept first go.
    ///
    /// # Errors
    /// [`WriteError`]; nothing was changed.
    pub async fn put_container_index(
        &self,
        info_hash: InfoHash,
        file_index: FileIndex,
        data: Vec<u8>,
    ) -> Result<(), WriteError> {
        self.write(PutContainerIndex(info_hash, file_index, data)).await
    }
}

struct PutContainerIndex(InfoHash, FileIndex, Vec<u8>);

impl Operation for PutContainerIndex {
    type Output = ();
    type Error = WriteError;

    fn apply(self, tx: &mut Tx<'_>) -> Result<(), WriteError> {
        Ok(container_indexes::put(tx.conn, self.0, self.1, &self.2)?)
    }
}
