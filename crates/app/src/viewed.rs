//! Viewed marks and positions, as windows and clients set them.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use freshet_model::{
    FileIndex, Foretold, ForetoldMark, InfoHash, TorrentMarks, TorrentRecord, WireError, is_file_id,
};

use crate::args::ViewedSet;
use crate::error::Coded as _;
use crate::{App, clock};

/// Requests of one client for the same file within this time are one playback: players open many ranges.
const SAME_PLAYBACK: Duration = Duration::from_secs(30 * 60);
const REMEMBERED_PLAYBACKS: usize = 1024;

/// A viewed file as clients of TorrServer's interface know it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ClientMark {
    pub info_hash: InfoHash,
    /// TorrServer's id, from 1.
    pub id: u32,
    pub position_secs: f64,
}

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

    /// A client says by id that a file was viewed, and where its playback stands if it knows. Of a torrent that is not here, or
    /// has no details yet, this waits for them; an id that the torrent does not have says nothing.
    ///
    /// # Errors
    /// The store can't read or write.
    pub async fn client_mark(
        &self,
        info_hash: InfoHash,
        id: u32,
        position_secs: Option<f64>,
    ) -> Result<(), WireError> {
        let record = self.torrent(info_hash).await?.filter(|record| record.metainfo.is_some());
        let Some(record) = record else {
            if !is_file_id(id) {
                return Ok(());
            }
            let mark = ForetoldMark {
                id,
                viewed: true,
                position_secs: position_secs.unwrap_or_default(),
                at_ms: clock::now_ms(),
                is_report: true,
            };
            let told = Foretold { marks: vec![mark], ..Foretold::new(info_hash) };
            return self.inner.store.foretell(told).await.map(drop).map_err(|error| error.wire());
        };
        let Some(file_index) = index_of(&record, id) else { return Ok(()) };
        match position_secs {
            Some(position_secs) => self.client_position(info_hash, file_index, position_secs).await,
            None => self.set_viewed(info_hash, file_index, true).await,
        }
    }

    /// The viewed files of one torrent, or of all, by the ids of their clients.
    ///
    /// # Errors
    /// The store can't be read.
    pub async fn client_marks(&self, info_hash: Option<InfoHash>) -> Result<Vec<ClientMark>, WireError> {
        let store = &self.inner.store;
        let mut told = match info_hash {
            Some(info_hash) => store.foretold(info_hash).await.map(Vec::from_iter),
            None => store.all_foretold().await,
        }
        .map_err(|error| error.wire())?;
        let mut all = Vec::new();
        let known = match info_hash {
            Some(info_hash) => vec![(*self.marks(info_hash).await?).clone()],
            None => self.all_marks().await?,
        };
        for marks in known {
            let record = self.torrent(marks.info_hash).await?;
            let of_this = told.iter().position(|told| told.info_hash == marks.info_hash);
            let told = of_this.map(|at| told.swap_remove(at));
            all.extend(client_marks(&marks, record.as_deref(), told.as_ref()));
        }
        for told in told {
            all.extend(waiting_marks(&told));
        }
        Ok(all)
    }

    /// Forgets what is known of a file by its id, or of all files of a torrent.
    ///
    /// # Errors
    /// The store can't read or write.
    pub async fn remove_client_marks(&self, info_hash: InfoHash, id: Option<u32>) -> Result<(), WireError> {
        let store = &self.inner.store;
        store.remove_foretold_marks(info_hash, id).await.map_err(|error| error.wire())?;
        let Some(id) = id else { return self.remove_marks(info_hash, None).await };
        let record = self.torrent(info_hash).await?.filter(|record| record.metainfo.is_some());
        let file_index = match record {
            Some(record) => index_of(&record, id),
            None => {
                let told = store.foretold(info_hash).await.map_err(|error| error.wire())?;
                told.and_then(|told| told.index_of(id)).or_else(|| id.checked_sub(1).map(FileIndex))
            }
        };
        match file_index {
            Some(file_index) => self.remove_marks(info_hash, Some(file_index)).await,
            None => Ok(()),
        }
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

fn index_of(record: &TorrentRecord, id: u32) -> Option<FileIndex> {
    record.files.iter().find(|file| file.torrserver_id == id).map(|file| file.index)
}

/// Marks of files by their ids. Of a torrent that is not here its ids are remembered where they are not in the order of its
/// files; what waits for its return is newer than what is known from before.
fn client_marks(
    marks: &TorrentMarks,
    record: Option<&TorrentRecord>,
    told: Option<&Foretold>,
) -> Vec<ClientMark> {
    let id_of = |index: FileIndex| {
        let of_record = record.and_then(|record| record.file(index)).map(|file| file.torrserver_id);
        of_record.or_else(|| told?.id_of(index)).unwrap_or_else(|| index.0.saturating_add(1))
    };
    let mut all: Vec<ClientMark> = told.map(waiting_marks).unwrap_or_default();
    for mark in marks.marks.iter().filter(|mark| mark.viewed) {
        let id = id_of(mark.file_index);
        if !all.iter().any(|known| known.id == id) {
            all.push(ClientMark { info_hash: marks.info_hash, id, position_secs: mark.position_secs });
        }
    }
    all.sort_by_key(|mark| mark.id);
    all
}

fn waiting_marks(told: &Foretold) -> Vec<ClientMark> {
    let of_mark = |mark: &ForetoldMark| ClientMark {
        info_hash: told.info_hash,
        id: mark.id,
        position_secs: mark.position_secs,
    };
    let mut marks: Vec<ClientMark> = told.marks.iter().filter(|mark| mark.viewed).map(of_mark).collect();
    marks.sort_by_key(|mark| mark.id);
    marks
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
