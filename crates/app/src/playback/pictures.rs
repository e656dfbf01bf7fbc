//! Pictures for who looks along the seek bar, made of pieces that are here: nothing is fetched for them.

use std::collections::VecDeque;
use std::ops::Range;
use std::sync::{Mutex, PoisonError};

use bytes::Bytes;
use freshet_media::{PictureSize, picture};
use freshet_model::{FileIndex, InfoHash, PieceMap, PlaybackId, WireError};
use tokio::sync::Semaphore;
use tracing::debug;

use super::moments::KeyFrame;
use super::{Reads, unknown_playback};
use crate::App;

/// About a thousand pictures.
const KEPT_BYTES: usize = 8 * 1024 * 1024;
/// What an entry costs beside its picture.
const ENTRY_BYTES: usize = 128;

/// A file and where the key frame stands in it.
type Place = (InfoHash, FileIndex, u64);

/// Pictures that were made, and the turn of who makes the next one.
#[derive(Debug)]
pub(crate) struct Pictures {
    made: Mutex<Made>,
    turn: Semaphore,
}

/// The one that was looked at longest ago comes first.
#[derive(Debug, Default)]
struct Made {
    /// `None` where a key frame can't be shown.
    pictures: VecDeque<(Place, Option<Bytes>)>,
    bytes: usize,
}

impl Default for Pictures {
    fn default() -> Self {
        Self { made: Mutex::default(), turn: Semaphore::new(1) }
    }
}

impl Pictures {
    fn made(&self) -> std::sync::MutexGuard<'_, Made> {
        self.made.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Made {
    fn get(&mut self, place: Place) -> Option<Option<Bytes>> {
        let at = self.pictures.iter().rposition(|(known, _)| *known == place)?;
        let found = self.pictures.remove(at)?;
        self.pictures.push_back(found.clone());
        Some(found.1)
    }

    fn put(&mut self, place: Place, picture: Option<Bytes>) {
        self.bytes += cost(picture.as_ref());
        self.pictures.push_back((place, picture));
        while self.bytes > KEPT_BYTES
            && let Some((_, oldest)) = self.pictures.pop_front()
        {
            self.bytes -= cost(oldest.as_ref());
        }
    }
}

fn cost(picture: Option<&Bytes>) -> usize {
    picture.map_or(0, Bytes::len) + ENTRY_BYTES
}

impl App {
    /// A picture of a playback at about this time, a JPEG; `None` if its bytes are not all here, or the film does not say where
    /// they are.
    ///
    /// Waits for its turn: one picture is made at a time. Dropping the future ends the work.
    ///
    /// # Errors
    /// The playback is unknown, or there is no `ffmpeg`.
    pub async fn playback_picture(&self, id: &PlaybackId, at_secs: f64) -> Result<Option<Bytes>, WireError> {
        let (info_hash, file_index, moments) = {
            let table = self.inner.playbacks.table();
            let playback = table.open.get(id).ok_or_else(unknown_playback)?;
            (playback.info_hash, playback.file_index, playback.moments.clone())
        };
        if !self.settings().playback.pictures_enabled {
            return Ok(None);
        }
        let Some(frame) = moments.key_frame(at_secs) else { return Ok(None) };
        let is_here = |frame: KeyFrame| {
            let here = self.what_is_here(info_hash, file_index);
            here.is_some_and(|here| here.has(frame.start_byte, frame.end_byte))
        };
        let pictures = &self.inner.pictures;
        let place = (info_hash, file_index, frame.start_byte);
        let known = || pictures.made().get(place);
        if let Some(picture) = known() {
            return Ok(picture);
        }
        let Ok(_turn) = pictures.turn.acquire().await else { return Ok(None) };
        // Somebody who waited for a turn may find the work done.
        if let Some(picture) = known() {
            return Ok(picture);
        }
        if !is_here(frame) {
            return Ok(None);
        }
        let look = self.look(info_hash, file_index, Reads::WhatIsHere);
        let made = picture(self.tools()?, &look.input_url()?, frame.secs, PictureSize::Seek).await;
        drop(look);
        let made = made.inspect_err(|error| debug!(%info_hash, %error, "no picture for the seek bar")).ok();
        // What went away meanwhile may be back one day.
        if made.is_some() || is_here(frame) {
            pictures.made().put(place, made.clone());
        }
        Ok(made)
    }

    /// Which bytes of a file are here at this moment; `None` while the torrent is not active.
    pub(crate) fn what_is_here(&self, info_hash: InfoHash, file_index: FileIndex) -> Option<Here> {
        let engine = &self.inner.engine;
        Some(Here { map: engine.pieces(info_hash)?, file: engine.file_range(info_hash, file_index)? })
    }
}

/// See [`App::what_is_here`].
pub(crate) struct Here {
    map: PieceMap,
    file: Range<u64>,
}

impl Here {
    /// Whether all bytes of the file between these are here; `None` is its end.
    pub(crate) fn has(&self, start_byte: u64, end_byte: Option<u64>) -> bool {
        let start = self.file.start.saturating_add(start_byte);
        let end =
            end_byte.map_or(self.file.end, |end| self.file.start.saturating_add(end).min(self.file.end));
        start < end && self.map.have_bytes_in(start..end) == end - start
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(byte: u64) -> Place {
        (InfoHash::new([1; 20]), FileIndex(0), byte)
    }

    #[test]
    fn what_was_looked_at_longest_ago_goes_when_there_are_too_many() {
        let mut made = Made::default();
        let large = Bytes::from(vec![0; KEPT_BYTES / 2 - 2 * ENTRY_BYTES]);
        made.put(place(1), Some(large.clone()));
        made.put(place(2), Some(large.clone()));
        assert_eq!(made.get(place(1)), Some(Some(large.clone())));
        made.put(place(3), None);
        made.put(place(4), Some(large.clone()));

        assert_eq!(made.get(place(2)), None);
        assert_eq!((made.get(place(1)), made.get(place(3))), (Some(Some(large)), Some(None)));
        assert!(made.bytes <= KEPT_BYTES);
    }
}
