//! Fetches the end of a file right after its beginning: where the index of most films stands.
//!
//! A player that opens a film reads its first bytes and then, often, its last ones, before it shows anything or can seek. By
//! the time it asks for them they should be on their way. Not sooner, where the first bytes are enough for the first
//! picture: a line that carries both at once brings it later.

use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use freshet_swarm::schedule::Class;
use tokio::io::AsyncReadExt;

use crate::active::ActiveTorrent;

/// The index of a film of two hours is about so long.
const TAIL_BYTES: u64 = 512 * 1024;
/// In a file that is not much longer than this the end comes soon anyway.
const MIN_FILE_BYTES: u64 = 16 << 20;
/// Who has not got it by then has other trouble.
const TIMEOUT: Duration = Duration::from_secs(20);

/// The end of one file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Tail {
    /// Of the torrent.
    bytes: Range<u64>,
    /// Whether it may hold what a player needs before it can use anything else.
    is_urgent: bool,
}

impl Tail {
    /// `None` for a short file.
    pub(crate) fn of(path: &str, file: &Range<u64>) -> Option<Self> {
        // MP4 and its kin: without the index, which stands at the beginning or, as encoders write it, at the end, nothing is shown.
        let ending = path.rsplit_once('.').map_or("", |(_, ending)| ending);
        let is_urgent = ["mp4", "m4v", "mov"].iter().any(|urgent| ending.eq_ignore_ascii_case(urgent));
        (file.end - file.start >= MIN_FILE_BYTES)
            .then(|| Self { bytes: file.end - TAIL_BYTES..file.end, is_urgent })
    }

    /// Runs until these bytes are here, or nobody needs the torrent. They come as early as what `class` reads, and right
    /// behind the byte at `start`.
    pub(crate) async fn fetch(self, active: Arc<ActiveTorrent>, start: u64, class: Class) {
        let fetching = async {
            if !self.is_urgent {
                let mut beginning = active.torrent.open_reader(start..start + 1, class).await.ok()?;
                beginning.read_u8().await.ok()?;
            }
            // Whole pieces come: one byte of each is enough, and only the first and the last can differ. The last one is asked for first:
            // it holds the index if that is short, and is often short itself.
            let last = self.bytes.end - 1..self.bytes.end;
            let mut last = active.torrent.open_reader(last, class).await.ok()?;
            let mut all = active.torrent.open_reader(self.bytes, class).await.ok()?;
            let (last, all) = tokio::join!(biased; last.read_u8(), all.read_u8());
            last.and(all).ok()
        };
        if tokio::time::timeout(TIMEOUT, fetching).await.is_err() {
            tracing::debug!(info_hash = %active.info_hash, "the end of a file did not come in time");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_file_has_a_tail_inside_of_it() {
        let long = 100..100 + MIN_FILE_BYTES;
        let tail = Tail::of("a film.mkv", &long).unwrap();
        assert_eq!(tail, Tail { bytes: long.end - TAIL_BYTES..long.end, is_urgent: false });
        assert_eq!(Tail::of("a film.mkv", &(100..99 + MIN_FILE_BYTES)), None);
    }

    #[test]
    fn what_may_have_its_index_at_the_end_alone_needs_it_at_once() {
        let is_urgent = |path| Tail::of(path, &(0..MIN_FILE_BYTES)).unwrap().is_urgent;
        assert!(is_urgent("a.mp4") && is_urgent("dir/a.b.MOV") && is_urgent("a.m4v"));
        assert!(!is_urgent("a.mkv") && !is_urgent("mp4") && !is_urgent("a.mp4.avi"));
    }
}
