//! Pictures for who looks along the seek bar, made of pieces that are here: nothing is fetched for them.

use bytes::Bytes;
use freshet_media::picture;
use freshet_model::{FileIndex, InfoHash, PlaybackId, WireError};
use moka::sync::Cache;
use tokio::sync::Semaphore;
use tracing::debug;

use super::moments::KeyFrame;
use super::{Reads, unknown_playback};
use crate::App;

/// About a thousand pictures.
const KEPT_BYTES: u64 = 8 * 1024 * 1024;
/// What an entry costs beside its picture.
const ENTRY_BYTES: u32 = 128;

/// A file and where the key frame stands in it.
type Place = (InfoHash, FileIndex, u64);

/// Pictures that were made, and the turn of who makes the next one.
#[derive(Debug)]
pub(crate) struct Pictures {
    /// `None` where a key frame can't be shown.
    made: Cache<Place, Option<Bytes>>,
    turn: Semaphore,
}

impl Default for Pictures {
    fn default() -> Self {
        let weight = |_: &Place, picture: &Option<Bytes>| {
            let bytes = picture.as_ref().map_or(0, Bytes::len);
            u32::try_from(bytes).unwrap_or(u32::MAX).saturating_add(ENTRY_BYTES)
        };
        let made = Cache::builder().max_capacity(KEPT_BYTES).weigher(weight).build();
        Self { made, turn: Semaphore::new(1) }
    }
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
        let Some(frame) = moments.key_frame(at_secs) else { return Ok(None) };
        let pictures = &self.inner.pictures;
        let place = (info_hash, file_index, frame.start_byte);
        let known = || pictures.made.get(&place);
        if let Some(picture) = known() {
            return Ok(picture);
        }
        let Ok(_turn) = pictures.turn.acquire().await else { return Ok(None) };
        // Somebody who waited for a turn may find the work done.
        if let Some(picture) = known() {
            return Ok(picture);
        }
        if !self.is_here(info_hash, file_index, frame) {
            return Ok(None);
        }
        let look = self.look(info_hash, file_index, Reads::WhatIsHere);
        let made = picture(self.tools()?, &look.input_url()?, frame.secs).await;
        drop(look);
        let made = made.inspect_err(|error| debug!(%info_hash, %error, "no picture for the seek bar")).ok();
        // What went away meanwhile may be back one day.
        if made.is_some() || self.is_here(info_hash, file_index, frame) {
            pictures.made.insert(place, made.clone());
        }
        Ok(made)
    }

    fn is_here(&self, info_hash: InfoHash, file_index: FileIndex, frame: KeyFrame) -> bool {
        let engine = &self.inner.engine;
        let (Some(map), Some(file)) = (engine.pieces(info_hash), engine.file_range(info_hash, file_index))
        else {
            return false;
        };
        let start = file.start.saturating_add(frame.start_byte);
        let end = frame.end_byte.map_or(file.end, |end| file.start.saturating_add(end).min(file.end));
        start < end && map.have_bytes_in(start..end) == end - start
    }
}
