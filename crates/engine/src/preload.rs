//! Fetches the first and the last bytes of a file, which players ask for before anything else.

use std::io::SeekFrom;

use freshet_model::{FileIndex, InfoHash};
use tokio::io::{AsyncReadExt, AsyncSeekExt};
use tokio_util::sync::CancellationToken;

use crate::{Engine, FileReader, PreloadError};

const CHUNK_BYTES: usize = 256 * 1024;

impl Engine {
    /// Waits until the first `head_bytes` and the last `tail_bytes` of a file are here. Like opening the file it
    /// selects it for download; two readers are taken meanwhile.
    ///
    /// # Errors
    /// [`PreloadError`]; the read's error holds a [`crate::ReadError`], among them the one for a stall.
    pub async fn preload(
        &self,
        info_hash: InfoHash,
        file: FileIndex,
        head_bytes: u64,
        tail_bytes: u64,
        cancel: CancellationToken,
    ) -> Result<(), PreloadError> {
        let part = async |is_tail: bool, bytes: u64| {
            if bytes == 0 {
                return Ok(());
            }
            let reader = self.open_file(info_hash, file).await?;
            let length = reader.len_bytes();
            let start = if is_tail { length.saturating_sub(bytes) } else { 0 };
            read_through(reader, start, bytes.min(length)).await.map_err(PreloadError::Read)
        };
        let both = async { tokio::try_join!(part(false, head_bytes), part(true, tail_bytes)) };
        match cancel.run_until_cancelled(both).await {
            Some(result) => result.map(drop),
            None => Err(PreloadError::Cancelled),
        }
    }
}

async fn read_through(mut reader: FileReader, start: u64, bytes: u64) -> std::io::Result<()> {
    reader.seek(SeekFrom::Start(start)).await?;
    let mut buf = vec![0; CHUNK_BYTES];
    let mut left = bytes;
    while left > 0 {
        let wanted = usize::try_from(left).unwrap_or(usize::MAX).min(buf.len());
        let count = reader.read(&mut buf[..wanted]).await?;
        if count == 0 {
            break;
        }
        left -= count as u64;
    }
    Ok(())
}
