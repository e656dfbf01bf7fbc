//! What the pieces of all torrents may take of the disk.

use freshet_model::{InfoHash, Metainfo};

use crate::lifecycle::swarm_spec;
use crate::{ActivateError, Engine};

/// What is used at most if the person did not say how much.
const MAX_AUTOMATIC_BYTES: u64 = 20_000_000_000;
/// The share of what the disk could give.
const AUTOMATIC_SHARE: u64 = 4;

/// Of one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StorageUse {
    /// What counts against the budget.
    pub used_bytes: u64,
    /// `None` before [`Engine::set_disk_budget`].
    pub budget_bytes: Option<u64>,
    /// `None` where the system does not tell.
    pub free_bytes: Option<u64>,
}

impl Engine {
    /// Changes what the pieces of all torrents together may take of the disk, but for the pinned ones. 0 leaves it to the
    /// disk: a quarter of what is free or in use by pieces, 20 GB at most. Returns when what is too much was given up.
    pub async fn set_disk_budget(&self, budget_bytes: u64) {
        let swarm = &self.inner.swarm;
        let budget = match budget_bytes {
            0 => {
                let swarm = swarm.clone();
                let room = tokio::task::spawn_blocking(move || swarm.room_bytes()).await;
                automatic_bytes(room.ok().and_then(Result::ok))
            }
            chosen => chosen,
        };
        swarm.set_budget(Some(budget)).await;
    }

    /// What the pieces take of the disk now, and what more they may.
    pub async fn storage(&self) -> StorageUse {
        let swarm = self.inner.swarm.clone();
        let room = tokio::task::spawn_blocking(move || swarm.room_bytes()).await;
        let used_bytes = self.inner.swarm.kept_bytes();
        StorageUse {
            used_bytes,
            budget_bytes: self.inner.swarm.budget_bytes(),
            free_bytes: room.ok().and_then(Result::ok).map(|room| room.saturating_sub(used_bytes)),
        }
    }

    /// Lets the pieces of a torrent that nobody has activated since the start count against the budget. Those that this is
    /// called for first are given up first.
    ///
    /// # Errors
    /// As of [`Engine::activate`], if the `.torrent` file is none.
    pub async fn count_pieces(
        &self,
        info_hash: InfoHash,
        torrent_file: &[u8],
        is_pinned: bool,
    ) -> Result<(), ActivateError> {
        let metainfo = Metainfo::parse(torrent_file)?;
        if metainfo.info_hash != info_hash {
            return Err(ActivateError::WrongInfoHash(metainfo.info_hash));
        }
        self.inner.swarm.count_pieces(&swarm_spec(&metainfo, torrent_file)?, is_pinned).await;
        Ok(())
    }

    /// Info hashes of torrents of which something may lie on the disk. Blocks.
    pub fn torrents_on_disk(&self) -> Vec<InfoHash> {
        freshet_swarm::pieces::on_disk(&self.inner.config.pieces_dir)
    }
}

/// Where the system does not tell what is free, the free-space floor still holds.
fn automatic_bytes(room_bytes: Option<u64>) -> u64 {
    room_bytes.map_or(MAX_AUTOMATIC_BYTES, |room| (room / AUTOMATIC_SHARE).min(MAX_AUTOMATIC_BYTES))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_disk_gives_a_quarter_and_twenty_gigabytes_at_most() {
        assert_eq!(automatic_bytes(Some(8_000_000_000)), 2_000_000_000);
        assert_eq!(automatic_bytes(Some(1 << 50)), 20_000_000_000);
        assert_eq!(automatic_bytes(None), 20_000_000_000);
    }
}
