//! Fetches the end of a file right after its beginning: where the index of most films stands.
//!
//! A player that opens a film reads its first bytes and then, often, its last ones, before it shows anything or can seek. By
//! the time it asks for them they should be on their way. Not sooner: a line that carries both at once brings the
//! first picture later.

use std::io::SeekFrom;
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use freshet_swarm::schedule::Class;
use tokio::io::{AsyncReadExt, AsyncSeekExt};

use crate::active::ActiveTorrent;

/// The index of a film of two hours is about so long.
const TAIL_BYTES: u64 = 512 * 1024;
/// In a file that is not much longer than this the end comes soon anyway.
const MIN_FILE_BYTES: u64 = 16 << 20;
/// Who has not got it by then has other trouble.
const TIMEOUT: Duration = Duration::from_secs(20);

/// The bytes of the torrent to fetch for a file that lies there; `None` for a short one.
pub(crate) fn of(file: &Range<u64>) -> Option<Range<u64>> {
    (file.end - file.start >= MIN_FILE_BYTES).then(|| file.end - TAIL_BYTES..file.end)
}

/// Runs until these bytes are here, once the byte at `start` is, or nobody needs the torrent.
pub(crate) async fn fetch(active: Arc<ActiveTorrent>, start: u64, bytes: Range<u64>) {
    let fetching = async {
        let mut beginning = active.torrent.open_reader(start..start + 1, Class::Player).await.ok()?;
        beginning.read_u8().await.ok()?;
        drop(beginning);
        let mut reader = active.torrent.open_reader(bytes, Class::Player).await.ok()?;
        // Whole pieces come: the last byte of each is enough, and only the first and the last can differ.
        reader.read_u8().await.ok()?;
        reader.seek(SeekFrom::End(-1)).await.ok()?;
        reader.read_u8().await.ok()
    };
    if tokio::time::timeout(TIMEOUT, fetching).await.is_err() {
        tracing::debug!(info_hash = %active.info_hash, "the end of a file did not come in time");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_file_has_a_tail_inside_of_it() {
        let long = 100..100 + MIN_FILE_BYTES;
        assert_eq!(of(&long), Some(long.end - TAIL_BYTES..long.end));
        assert_eq!(of(&(100..99 + MIN_FILE_BYTES)), None);
    }
}
