//! Posters for the cards of the library: a picture of the torrent, else one inside the film, else a frame of it.
//!
//! Nothing but the torrent's own small picture is ever fetched for a card, and only when a person opens or plays the torrent.

mod kept;

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use freshet_media::index::{Attachment, ContainerIndex};
use freshet_media::{PictureSize, picture, poster};
use freshet_model::{
    FileEntry, FileIndex, InfoHash, MAX_POSTER_FILE_BYTES, TorrentRecord, WireError, poster_file, rules,
};
use tokio::io::{AsyncReadExt as _, AsyncSeekExt as _};
use tokio::sync::Semaphore;
use tracing::{debug, warn};

pub(crate) use kept::Kept;
use kept::Origin;

use crate::playback::Reads;
use crate::{App, OpenFile, clock};

/// How long the picture of a torrent may take to arrive.
const FETCH_TIMEOUT: Duration = Duration::from_secs(30);
/// The frame that is wanted: here, or at a tenth of what is shorter.
const FRAME_AT: Duration = Duration::from_secs(5 * 60);
/// One so near is as good.
const NEAR: Duration = Duration::from_secs(30);
/// So many frames are tried.
const TRIED_FRAMES: usize = 4;
/// A picture of this size has less in it: black, or a title on black.
const DULL_BYTES: usize = 6 * 1024;

/// The posters there are, and those that are being made.
#[derive(Debug)]
pub(crate) struct Posters {
    kept: Arc<Kept>,
    turn: Semaphore,
    work: Mutex<Work>,
}

#[derive(Debug, Default)]
struct Work {
    /// Somebody is at it.
    busy: HashSet<InfoHash>,
    /// What turned out to be no picture; not tried again before the next start.
    refused: HashMap<InfoHash, HashSet<FileIndex>>,
}

/// What is the occasion.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Occasion {
    /// A person opens the torrent, or begins to play it: its own picture may be fetched.
    Opened,
    /// The film plays: the frame that is wanted may have come.
    Plays,
    /// It was closed: no better frame comes for now.
    Closed,
}

impl Posters {
    pub(crate) fn new(kept: Arc<Kept>) -> Self {
        Self { kept, turn: Semaphore::new(1), work: Mutex::default() }
    }

    fn work(&self) -> std::sync::MutexGuard<'_, Work> {
        self.work.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn is_refused(&self, info_hash: InfoHash, file: FileIndex) -> bool {
        self.work().refused.get(&info_hash).is_some_and(|files| files.contains(&file))
    }

    fn refuse(&self, info_hash: InfoHash, file: FileIndex) {
        self.work().refused.entry(info_hash).or_default().insert(file);
    }

    pub(crate) fn kept(&self) -> &Kept {
        &self.kept
    }
}

/// See [`Work::busy`].
struct Busy<'a> {
    posters: &'a Posters,
    info_hash: InfoHash,
}

impl Drop for Busy<'_> {
    fn drop(&mut self) {
        self.posters.work().busy.remove(&self.info_hash);
    }
}

impl App {
    /// The poster of a torrent, a small JPEG; `None` if it has none.
    pub async fn poster(&self, info_hash: InfoHash) -> Option<Bytes> {
        let kept = Arc::clone(&self.inner.posters.kept);
        tokio::task::spawn_blocking(move || kept.read(info_hash)).await.ok()?.map(Bytes::from)
    }

    /// Looks for a better poster than there is. Nothing waits for it.
    pub(crate) fn look_for_poster(&self, info_hash: InfoHash, film: Option<FileIndex>, occasion: Occasion) {
        if self.inner.tools.is_none() || self.inner.posters.kept.origin(info_hash) == Some(Origin::File) {
            return;
        }
        if !self.inner.posters.work().busy.insert(info_hash) {
            return;
        }
        let app = self.clone();
        self.inner.tasks.spawn("poster", async move {
            let _busy = Busy { posters: &app.inner.posters, info_hash };
            if let Err(error) = app.make_poster(info_hash, film, occasion).await {
                debug!(%info_hash, %error, "no poster");
            }
        });
    }

    /// The poster of a torrent that has left the library goes too.
    pub(crate) async fn forget_poster(&self, info_hash: InfoHash) {
        self.inner.posters.work().refused.remove(&info_hash);
        let kept = Arc::clone(&self.inner.posters.kept);
        let _ = tokio::task::spawn_blocking(move || kept.forget(info_hash)).await;
    }

    async fn make_poster(
        &self,
        info_hash: InfoHash,
        film: Option<FileIndex>,
        occasion: Occasion,
    ) -> Result<(), WireError> {
        let Some(record) = self.torrent(info_hash).await? else { return Ok(()) };
        let had = self.inner.posters.kept.origin(info_hash);
        let is_better = |origin: Origin| had.is_none_or(|had| had < origin);
        if is_better(Origin::File)
            && let Some(made) = self.poster_of_picture(&record, occasion).await?
        {
            return self.keep_poster(info_hash, Origin::File, made).await;
        }
        let film = match film {
            Some(index) => record.file(index),
            None => rules::play_target(&record.files, &self.marks(info_hash).await?.marks),
        };
        let Some(film) = film.map(|film| film.index) else { return Ok(()) };
        // Of a film that nobody has looked into, its index is not fetched for this.
        let stored = self.inner.store.container_index(info_hash, film).await.ok().flatten();
        let Some(index) = stored.as_deref().and_then(ContainerIndex::from_bytes) else { return Ok(()) };
        if is_better(Origin::Cover)
            && let Some(made) = self.poster_of_cover(info_hash, film, &index).await?
        {
            return self.keep_poster(info_hash, Origin::Cover, made).await;
        }
        if is_better(Origin::Frame) {
            // While it plays, a better one may come; there is no second one from just anywhere.
            let takes_any = is_better(Origin::AnyFrame) && occasion != Occasion::Plays;
            if let Some((origin, made)) = self.poster_of_frame(info_hash, film, &index, takes_any).await? {
                return self.keep_poster(info_hash, origin, made).await;
            }
        }
        Ok(())
    }

    async fn poster_of_picture(
        &self,
        record: &TorrentRecord,
        occasion: Occasion,
    ) -> Result<Option<Bytes>, WireError> {
        let info_hash = record.info_hash;
        let Some(&FileEntry { index, length_bytes, .. }) = poster_file(&record.files) else {
            return Ok(None);
        };
        if self.inner.posters.is_refused(info_hash, index) {
            return Ok(None);
        }
        let source = match occasion {
            Occasion::Opened => {
                let fetched =
                    async { read_range(self.peek_file(info_hash, index).await?, 0, length_bytes).await };
                match tokio::time::timeout(FETCH_TIMEOUT, fetched).await {
                    Ok(fetched) => fetched?,
                    Err(_) => None,
                }
            }
            Occasion::Plays | Occasion::Closed => {
                self.read_what_is_here(info_hash, index, 0, length_bytes).await
            }
        };
        let Some(source) = source else { return Ok(None) };
        Ok(self.draw_poster(info_hash, index, source).await)
    }

    async fn poster_of_cover(
        &self,
        info_hash: InfoHash,
        film: FileIndex,
        index: &ContainerIndex,
    ) -> Result<Option<Bytes>, WireError> {
        let Some(cover) = cover(&index.attachments) else { return Ok(None) };
        let length = cover.data.end - cover.data.start;
        if self.inner.posters.is_refused(info_hash, film) {
            return Ok(None);
        }
        let Some(source) = self.read_what_is_here(info_hash, film, cover.data.start, length).await else {
            return Ok(None);
        };
        Ok(self.draw_poster(info_hash, film, source).await)
    }

    async fn draw_poster(&self, info_hash: InfoHash, file: FileIndex, source: Bytes) -> Option<Bytes> {
        let _turn = self.inner.posters.turn.acquire().await.ok()?;
        match poster(self.inner.tools.as_ref()?, source).await {
            Ok(made) => Some(made),
            Err(error) => {
                debug!(%info_hash, %file, %error, "a picture can't be drawn");
                self.inner.posters.refuse(info_hash, file);
                None
            }
        }
    }

    /// The frame nearest to where one is wanted, of those that are here.
    async fn poster_of_frame(
        &self,
        info_hash: InfoHash,
        film: FileIndex,
        index: &ContainerIndex,
        takes_any: bool,
    ) -> Result<Option<(Origin, Bytes)>, WireError> {
        let Ok(times) = &index.time_index else { return Ok(None) };
        let (Some(first), Some((end, _))) = (times.points().first(), times.end()) else { return Ok(None) };
        let length = index.duration.unwrap_or(end);
        let wanted = FRAME_AT.min(length / 10);
        let distance = |time: Duration| time.abs_diff(wanted);
        let mut frames: Vec<_> =
            times.points().iter().filter_map(|point| times.sync_span(point.time)).collect();
        frames.dedup_by_key(|(point, _)| point.byte);
        let Some(here) = self.what_is_here(info_hash, film) else { return Ok(None) };
        frames
            .retain(|(point, end)| here.has(point.byte, *end) && (takes_any || distance(point.time) <= NEAR));
        frames.sort_by_key(|(point, _)| distance(point.time));
        let look = self.look(info_hash, film, Reads::WhatIsHere);
        let url = look.input_url()?;
        let mut best: Option<(Origin, Bytes)> = None;
        for (point, _) in frames.into_iter().take(TRIED_FRAMES) {
            let Ok(_turn) = self.inner.posters.turn.acquire().await else { break };
            let at_secs = point.time.saturating_sub(first.time).as_secs_f64();
            let Ok(made) = picture(self.tools()?, &url, at_secs, PictureSize::Poster).await else { continue };
            let origin = if distance(point.time) <= NEAR { Origin::Frame } else { Origin::AnyFrame };
            let is_bright = made.len() > DULL_BYTES;
            // The nearest one, unless another shows clearly more.
            if best.as_ref().is_none_or(|(_, best)| best.len() * 3 / 2 < made.len()) {
                best = Some((origin, made));
            }
            if is_bright {
                break;
            }
        }
        Ok(best)
    }

    /// Bytes of a file that is in use; `None` if they are not all here.
    async fn read_what_is_here(
        &self,
        info_hash: InfoHash,
        file: FileIndex,
        start: u64,
        length: u64,
    ) -> Option<Bytes> {
        let opened = self.open_what_is_here(info_hash, file).await.ok()?;
        read_range(opened, start, length).await.ok()?
    }

    async fn keep_poster(&self, info_hash: InfoHash, origin: Origin, made: Bytes) -> Result<(), WireError> {
        // Somebody may have taken it out while the picture came.
        if self.torrent(info_hash).await?.is_none() {
            return Ok(());
        }
        let kept = Arc::clone(&self.inner.posters.kept);
        let put = move || kept.put(info_hash, origin, clock::now_secs(), &made);
        if let Ok(Err(error)) = tokio::task::spawn_blocking(put).await {
            warn!(%info_hash, %error, "a poster could not be kept");
            return Ok(());
        }
        self.inner.events.set_poster(info_hash).await;
        Ok(())
    }
}

/// `None`: it is not here, or longer than a picture may be.
async fn read_range(mut opened: OpenFile, start: u64, length: u64) -> Result<Option<Bytes>, WireError> {
    if length > MAX_POSTER_FILE_BYTES {
        return Ok(None);
    }
    let mut bytes = Vec::new();
    let read = async {
        opened.reader.seek(std::io::SeekFrom::Start(start)).await?;
        opened.reader.take(length).read_to_end(&mut bytes).await
    };
    let read = read.await.map_err(|error| crate::error::read_failed(&error))?;
    Ok((read as u64 == length).then(|| bytes.into()))
}

/// The picture inside a film that stands for it: the portrait one by the custom of Matroska (`cover.jpg`), else the first that is
/// called so, else the first picture.
fn cover(attachments: &[Attachment]) -> Option<&Attachment> {
    let is_picture = |file: &&Attachment| {
        matches!(file.mime_type.as_str(), "image/jpeg" | "image/jpg" | "image/png")
            && (1..=MAX_POSTER_FILE_BYTES).contains(&file.data.end.saturating_sub(file.data.start))
    };
    let rank = |file: &&Attachment| {
        let name = file.name.to_ascii_lowercase();
        let stem = name.rsplit_once('.').map_or(name.as_str(), |(stem, _)| stem).to_owned();
        match stem.as_str() {
            "cover" => 0,
            "small_cover" => 1,
            other if other.contains("cover") || other.contains("poster") => 2,
            _ => 3,
        }
    };
    attachments.iter().filter(is_picture).min_by_key(rank)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_portrait_cover_of_a_film_is_chosen_and_fonts_are_not() {
        let file = |name: &str, mime_type: &str, length: u64| Attachment {
            name: name.to_owned(),
            mime_type: mime_type.to_owned(),
            data: 100..100 + length,
        };
        let font = file("cover.ttf", "font/ttf", 10);
        let chosen = |files: &[Attachment]| cover(files).map(|file| file.name.clone());

        let all = [
            font.clone(),
            file("shot.png", "image/png", 10),
            file("cover_land.jpg", "image/jpeg", 10),
            file("small_cover.png", "image/png", 10),
            file("Cover.JPG", "image/jpeg", 10),
        ];
        assert_eq!(chosen(&all).as_deref(), Some("Cover.JPG"));
        assert_eq!(chosen(&all[..4]).as_deref(), Some("small_cover.png"));
        assert_eq!(chosen(&all[..3]).as_deref(), Some("cover_land.jpg"));
        assert_eq!(chosen(&all[..2]).as_deref(), Some("shot.png"));
        assert_eq!(chosen(&[font, file("cover.jpg", "image/jpeg", MAX_POSTER_FILE_BYTES + 1)]), None);
    }
}
