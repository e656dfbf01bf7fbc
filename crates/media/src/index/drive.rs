//! Feeds a reader from a file.

use std::io::SeekFrom;

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncSeek, AsyncSeekExt as _};

use super::{ContainerIndex, IndexError, Progress, Reader};

const CHUNK_BYTES: usize = 64 * 1024;

#[derive(Debug, thiserror::Error)]
pub enum ReadIndexError {
    #[error("the file could not be read")]
    Read(#[from] std::io::Error),
    #[error(transparent)]
    Index(#[from] IndexError),
}

/// Reads the index of a file of `file_bytes` through `input`.
///
/// Waits as long as `input` does for each of a few stretches, mostly at the beginning and at the end of the file; whoever calls
/// this sets a time-out. Dropping the future leaves `input` at some place. A film is left in peace: of its pictures nothing is
/// read, beyond what follows a header within 4 KiB.
///
/// # Errors
/// [`ReadIndexError`].
pub async fn read_index<R: AsyncRead + AsyncSeek + Unpin>(
    input: &mut R,
    file_bytes: u64,
) -> Result<ContainerIndex, ReadIndexError> {
    let mut reader = Reader::new(file_bytes);
    let mut chunk = vec![0; CHUNK_BYTES];
    let mut at = None;
    loop {
        let need = reader.need();
        if at != Some(need.start) {
            input.seek(SeekFrom::Start(need.start)).await?;
        }
        let wanted = usize::try_from(need.end - need.start).unwrap_or(CHUNK_BYTES).min(CHUNK_BYTES);
        let count = if wanted == 0 { 0 } else { input.read(&mut chunk[..wanted]).await? };
        at = Some(need.start + count as u64);
        if let Progress::Done(index) = reader.feed(&chunk[..count])? {
            return Ok(*index);
        }
    }
}
