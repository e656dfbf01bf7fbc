//! What is in a file, for clients that show it: `ffprobe`'s words, asked once.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use freshet_model::{ErrorCode, FileIndex, InfoHash, WireError};
use tokio::sync::Semaphore;

use crate::App;
use crate::error::Coded as _;
use crate::playback::Reads;

pub use freshet_media::Description;

/// How long the beginning of a file may take to arrive.
const TIMEOUT: Duration = Duration::from_secs(120);
/// Children at the same time; more wait for their turn within [`TIMEOUT`].
const AT_ONCE: usize = 3;
const REMEMBERED: usize = 128;

type Key = (InfoHash, FileIndex);

#[derive(Debug)]
pub(crate) struct Descriptions {
    known: Mutex<Known>,
    turns: Semaphore,
}

/// The oldest goes first.
#[derive(Debug, Default)]
struct Known {
    by_file: HashMap<Key, Arc<Description>>,
    order: VecDeque<Key>,
}

impl Default for Descriptions {
    fn default() -> Self {
        Self { known: Mutex::default(), turns: Semaphore::new(AT_ONCE) }
    }
}

impl Descriptions {
    fn known(&self) -> std::sync::MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn put(&self, key: Key, description: Arc<Description>) {
        let mut known = self.known();
        if known.by_file.insert(key, description).is_some() {
            return;
        }
        known.order.push_back(key);
        if known.order.len() > REMEMBERED
            && let Some(oldest) = known.order.pop_front()
        {
            known.by_file.remove(&oldest);
        }
    }
}

impl App {
    /// Whether files can be described: `ffprobe` is there.
    pub fn can_describe(&self) -> bool {
        self.inner.tools.is_some()
    }

    /// What was found in a file by an earlier [`App::describe_file`].
    pub fn known_description(&self, info_hash: InfoHash, file_index: FileIndex) -> Option<Arc<Description>> {
        self.inner.descriptions.known().by_file.get(&(info_hash, file_index)).cloned()
    }

    /// Asks `ffprobe` what is in a file. Only what it reads is fetched, and nothing is marked as viewed.
    ///
    /// Waits for the beginning of the file, [`TIMEOUT`] at most. Dropping the future ends the child.
    ///
    /// # Errors
    /// As [`App::open_file`]; [`ErrorCode::FfmpegMissing`], [`ErrorCode::UnreadableMedia`], [`ErrorCode::Stalled`].
    pub async fn describe_file(
        &self,
        info_hash: InfoHash,
        file_index: FileIndex,
    ) -> Result<Arc<Description>, WireError> {
        let asked = async {
            if let Some(known) = self.known_description(info_hash, file_index) {
                return Ok(known);
            }
            let _turn = self.inner.descriptions.turns.acquire().await.map_err(|_| ended())?;
            // Somebody who waited for a turn may find the work done.
            if let Some(known) = self.known_description(info_hash, file_index) {
                return Ok(known);
            }
            let tools = self.tools()?;
            // Errors of the torrent itself are told as such; the open reader keeps it active meanwhile.
            let opened = self.peek_file(info_hash, file_index).await?;
            let look = self.look(info_hash, file_index, Reads::Look);
            let described = freshet_media::describe(tools, &look.input_url()?, TIMEOUT).await;
            drop((look, opened));
            let description = Arc::new(described.map_err(|error| error.wire())?);
            self.inner.descriptions.put((info_hash, file_index), Arc::clone(&description));
            Ok(description)
        };
        tokio::time::timeout(TIMEOUT, asked).await.unwrap_or_else(|_| {
            Err(WireError::new(ErrorCode::Stalled, "the beginning of the file did not arrive in time"))
        })
    }
}

fn ended() -> WireError {
    WireError::new(ErrorCode::Cancelled, "the program ends")
}
