//! Viewed marks and positions, as windows and clients set them.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use freshet_model::{FileIndex, InfoHash, TorrentMarks, WireError};

use crate::args::ViewedSet;
use crate::error::Coded as _;
use crate::{App, clock};

/// Requests of one client for the same file within this time are one playback: players open many ranges.
const SAME_PLAYBACK: Duration = Duration::from_secs(30 * 60);
const REMEMBERED_PLAYBACKS: usize = 1024;

/// When a client last read a file, to mark it once per playback and not once per range.
#[derive(Debug, Default)]
pub(crate) struct ClientPlays(Mutex<HashMap<(InfoHash, FileIndex), Instant>>);

impl ClientPlays {
    /// Whether this is the beginning of a playback.
    fn begins(&self, key: (InfoHash, FileIndex), now: Instant) -> bool {
        let mut plays = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        plays.retain(|_, last| now.duration_since(*last) < SAME_PLAYBACK);
        if plays.len() >= REMEMBERED_PLAYBACKS {
            plays.clear();
        }
        plays.insert(key, now).is_none()
    }
}

impl App {
    /// # Errors
    /// The store can't be read.
    pub async fn marks(&self, info_hash: InfoHash) -> Result<Arc<TorrentMarks>, WireError> {
        self.inner.store.marks(info_hash).await.map_err(|error| error.wire())
    }

    /// # Errors
    /// The store can't be read.
    pub async fn all_marks(&self) -> Result<Vec<TorrentMarks>, WireError> {
        self.inner.store.all_marks().await.map_err(|error| error.wire())
    }

    /// # Errors
    /// The store can't write.
    pub async fn set_viewed(
        &self,
        info_hash: InfoHash,
        file_index: FileIndex,
        viewed: bool,
    ) -> Result<(), WireError> {
        let set = self.inner.store.set_viewed(info_hash, file_index, viewed, clock::now_ms());
        set.await.map(drop).map_err(|error| error.wire())
    }

    /// A client of TorrServer's interface tells where its playback stands: the file counts as viewed, the position is kept.
    ///
    /// # Errors
    /// The store can't write.
    pub async fn client_position(
        &self,
        info_hash: InfoHash,
        file_index: FileIndex,
        position_secs: f64,
    ) -> Result<(), WireError> {
        self.set_viewed(info_hash, file_index, true).await?;
        let put = self.inner.store.put_position(
            info_hash,
            file_index,
            position_secs.max(0.0),
            None,
            clock::now_ms(),
        );
        put.await.map(drop).map_err(|error| error.wire())
    }

    /// A client reads a file for playing: marks it viewed, once for each playback.
    ///
    /// # Errors
    /// The store can't write.
    pub async fn client_played(&self, info_hash: InfoHash, file_index: FileIndex) -> Result<(), WireError> {
        if self.inner.client_plays.begins((info_hash, file_index), Instant::now()) {
            self.set_viewed(info_hash, file_index, true).await?;
        }
        Ok(())
    }

    /// Forgets mark and position of a file, or of all files of a torrent.
    ///
    /// # Errors
    /// The store can't write.
    pub async fn remove_marks(
        &self,
        info_hash: InfoHash,
        file_index: Option<FileIndex>,
    ) -> Result<(), WireError> {
        self.inner.store.remove_marks(info_hash, file_index).await.map(drop).map_err(|error| error.wire())
    }
}

pub(crate) async fn set(app: &App, args: ViewedSet) -> Result<(), WireError> {
    app.set_viewed(args.info_hash, args.file_index, args.viewed).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_ranges_are_one_playback_until_a_long_break() {
        let plays = ClientPlays::default();
        let key = (InfoHash::new([1; 20]), FileIndex(0));
        let start = Instant::now();

        assert!(plays.begins(key, start));
        assert!(!plays.begins(key, start + Duration::from_secs(60)));
        assert!(!plays.begins(key, start + Duration::from_secs(60) + SAME_PLAYBACK - Duration::from_secs(1)));
        assert!(plays.begins(key, start + Duration::from_secs(60) + SAME_PLAYBACK * 2));
        assert!(plays.begins((key.0, FileIndex(1)), start));
    }
}
