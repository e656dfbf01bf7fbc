//! Fetches the beginning of what comes next, so that it starts at once, while the present film lacks nothing.

use freshet_model::{FileIndex, InfoHash, Outlook, PlaybackId};
use tokio::io::AsyncReadExt as _;
use tracing::{debug, info};

use super::outlook::Standing;
use crate::App;

/// What is fetched of it plays for so long.
const FIRST_SECS: f64 = 10.0;
/// Never more than this is fetched of it, its index not counted.
const MAX_BYTES: u64 = 40 * 1000 * 1000;
/// What is fetched of a film that does not say where its moments stand.
const UNKNOWN_BYTES: u64 = 12 * 1000 * 1000;
/// Not long before it is needed: what comes next is often something else.
const NEAR_END_SECS: f64 = 600.0;
/// A film that has so much in hand, or all, is safe.
const SAFE_SECS: f64 = 60.0;
/// Between two of these it is looked whether the film is still safe.
const CHUNK_BYTES: usize = 512 * 1024;

impl App {
    /// Whether the next film may take what comes in, at this moment.
    fn has_room_for_next(&self, standing: &Standing) -> bool {
        if standing.duration_secs - standing.position_secs > NEAR_END_SECS {
            return false;
        }
        let in_hand = self.in_hand_secs(standing).unwrap_or(0.0);
        let is_all_here = standing.position_secs + in_hand >= standing.duration_secs;
        is_all_here || (in_hand >= SAFE_SECS && self.look_ahead(standing, 1.0) == Some(Outlook::PlaysThrough))
    }

    /// Begins to fetch what comes after a film, once, when there is room for it. Is told every second.
    pub(super) fn prefetch(&self) {
        let safe: Vec<(PlaybackId, InfoHash, FileIndex)> = {
            let table = self.inner.playbacks.table();
            let waiting = table.open.iter().filter(|(_, playback)| !playback.is_next_fetched);
            waiting
                .filter_map(|(id, playback)| {
                    let (info_hash, file_index) = playback.next?;
                    let is_safe = self.has_room_for_next(&Standing::of(playback)?);
                    is_safe.then(|| (id.clone(), info_hash, file_index))
                })
                .collect()
        };
        for (id, info_hash, file_index) in safe {
            if let Some(playback) = self.inner.playbacks.table().open.get_mut(&id) {
                playback.is_next_fetched = true;
            }
            let app = self.clone();
            self.inner.tasks.spawn("beginning of what comes next", async move {
                if let Err(error) = app.fetch_next(&id, info_hash, file_index).await {
                    debug!(%info_hash, %file_index, %error, "what comes next could not be fetched");
                }
            });
        }
    }

    async fn fetch_next(
        &self,
        id: &PlaybackId,
        info_hash: InfoHash,
        file_index: FileIndex,
    ) -> Result<(), String> {
        self.activate_for(info_hash, file_index).await.map_err(|error| error.message)?;
        let index = self.container_index(info_hash, file_index).await.map_err(|error| error.message)?;
        let first_bytes = index.ok().and_then(|index| {
            let times = index.time_index.ok()?;
            let start = times.points().first()?.time;
            Some(times.byte_at(start + std::time::Duration::from_secs_f64(FIRST_SECS)).value)
        });
        let first_bytes = first_bytes.unwrap_or(UNKNOWN_BYTES).min(MAX_BYTES);
        let mut left = first_bytes;
        while left > 0 && self.is_still_safe(id).await {
            // A reader that is open is fetched for, also while nobody reads: a new one for each chunk.
            let here = first_bytes - left;
            let upto = (here + CHUNK_BYTES as u64).min(first_bytes);
            let opening = self.inner.engine.open_next(info_hash, file_index, upto);
            let mut reader = opening.await.map_err(|error| error.to_string())?;
            let mut chunk = vec![0; usize::try_from(upto - here).unwrap_or(CHUNK_BYTES)];
            let reading = async {
                tokio::io::AsyncSeekExt::seek(&mut reader, std::io::SeekFrom::Start(here)).await?;
                reader.read_exact(&mut chunk).await
            };
            reading.await.map_err(|error| error.to_string())?;
            left = first_bytes - upto;
        }
        info!(%info_hash, %file_index, bytes = first_bytes - left, "the beginning of what comes next is here");
        Ok(())
    }

    /// Waits for as long as the film that plays needs all for itself; `false` if it has ended.
    async fn is_still_safe(&self, id: &PlaybackId) -> bool {
        let mut stats = self.inner.engine.watch_stats();
        loop {
            let is_safe = {
                let table = self.inner.playbacks.table();
                let Some(playback) = table.open.get(id) else { return false };
                Standing::of(playback).is_some_and(|standing| self.has_room_for_next(&standing))
            };
            if is_safe {
                return true;
            }
            if stats.changed().await.is_err() {
                return false;
            }
        }
    }
}
