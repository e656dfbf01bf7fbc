//! What the container of a film says of its moments: read from it, or from what was kept of it.

use std::time::Duration;

use freshet_media::index::{ContainerIndex, IndexError, ReadIndexError, read_index};
use freshet_model::{ErrorCode, FileIndex, InfoHash, WireError};
use tracing::{info, warn};

use crate::App;
use crate::error::Coded as _;

/// How long the head and the index of a file may take to arrive.
const TIMEOUT: Duration = Duration::from_secs(120);
/// A larger index is read anew each time; no honest one is.
const MAX_KEPT_BYTES: usize = 8 * 1024 * 1024;

impl App {
    /// What the container of a file says. Only its head and its index are fetched, once; it does not count as opened.
    ///
    /// Waits for these bytes, [`TIMEOUT`] at most. The inner error is about the file itself, and will be the same next time.
    ///
    /// # Errors
    /// As [`App::open_file`]; [`ErrorCode::Stalled`], or why the bytes can't be read.
    pub async fn container_index(
        &self,
        info_hash: InfoHash,
        file_index: FileIndex,
    ) -> Result<Result<ContainerIndex, IndexError>, WireError> {
        let store = &self.inner.store;
        match store.container_index(info_hash, file_index).await {
            Ok(kept) => {
                if let Some(index) = kept.as_deref().and_then(ContainerIndex::from_bytes) {
                    return Ok(Ok(index));
                }
            }
            Err(error) => warn!(%info_hash, %error, "what was kept of a container can't be read"),
        }
        let mut opened = self.peek_file(info_hash, file_index).await?;
        let file_bytes = opened.reader.len_bytes();
        let read = tokio::time::timeout(TIMEOUT, read_index(&mut opened.reader, file_bytes)).await;
        let index = match read {
            Ok(Ok(index)) => index,
            Ok(Err(ReadIndexError::Index(error))) => {
                info!(%info_hash, %file_index, %error, "a container has no index that can be read");
                return Ok(Err(error));
            }
            Ok(Err(error)) => return Err(error.wire()),
            Err(_) => {
                return Err(WireError::new(
                    ErrorCode::Stalled,
                    "the index of the film did not arrive in time",
                ));
            }
        };
        let bytes = index.to_bytes();
        if bytes.len() <= MAX_KEPT_BYTES
            && let Err(error) = store.put_container_index(info_hash, file_index, bytes).await
        {
            warn!(%info_hash, %error, "the index of a film could not be kept");
        }
        Ok(Ok(index))
    }
}
