//! One operation at a time per torrent, others side by side.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use freshet_model::InfoHash;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Hands out the turn of a torrent: activating, pausing and removing the same one never overlap.
#[derive(Debug, Default)]
pub(crate) struct Turns {
    waiting: Mutex<HashMap<InfoHash, Arc<Semaphore>>>,
}

/// Until this is dropped, nobody else has the torrent's turn.
#[derive(Debug)]
pub(crate) struct Turn {
    turns: Arc<Turns>,
    info_hash: InfoHash,
    semaphore: Arc<Semaphore>,
    permit: Option<OwnedSemaphorePermit>,
}

impl Turns {
    /// Waits for the turn of one torrent.
    pub(crate) async fn take(self: &Arc<Self>, info_hash: InfoHash) -> Turn {
        let semaphore = {
            let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(waiting.entry(info_hash).or_insert_with(|| Arc::new(Semaphore::new(1))))
        };
        let mut turn = Turn { turns: Arc::clone(self), info_hash, semaphore, permit: None };
        // The semaphore is never closed; if it were, the turn would be free.
        turn.permit = Arc::clone(&turn.semaphore).acquire_owned().await.ok();
        turn
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        self.permit.take();
        let mut waiting = self.turns.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        // The map and this turn are the last that know the semaphore: nobody waits.
        if Arc::strong_count(&self.semaphore) == 2 {
            waiting.remove(&self.info_hash);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[tokio::test]
    async fn the_same_torrent_waits_and_others_do_not() {
        let turns = Arc::new(Turns::default());
        let one = InfoHash::new([1; 20]);
        let first = turns.take(one).await;

        let second = turns.take(one);
        tokio::pin!(second);
        assert!(futures::poll!(second.as_mut()).is_pending());
        drop(turns.take(InfoHash::new([2; 20])).await);
        drop(first);

        let second = tokio::time::timeout(Duration::from_secs(5), second).await.unwrap();
        drop(second);
        assert!(turns.waiting.lock().unwrap().is_empty());
    }

    #[tokio::test]
    async fn who_gives_up_waiting_leaves_nothing_behind() {
        let turns = Arc::new(Turns::default());
        let one = InfoHash::new([1; 20]);
        let first = turns.take(one).await;
        {
            let waiting = turns.take(one);
            tokio::pin!(waiting);
            assert!(futures::poll!(waiting.as_mut()).is_pending());
        }
        drop(first);

        assert!(turns.waiting.lock().unwrap().is_empty());
    }
}
