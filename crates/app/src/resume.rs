//! What the engine remembers of pieces, kept in the store.

use freshet_engine::{Resume, ResumeStore};
use freshet_model::InfoHash;
use freshet_store::Store;
use tokio::runtime::Handle;
use tracing::warn;

/// The engine asks and tells on threads that may block.
#[derive(Debug)]
pub(crate) struct StoredResume {
    store: Store,
    runtime: Handle,
}

impl StoredResume {
    pub(crate) fn new(store: Store) -> Self {
        Self { store, runtime: Handle::current() }
    }
}

impl ResumeStore for StoredResume {
    fn load(&self, info_hash: InfoHash) -> Option<Resume> {
        match self.runtime.block_on(self.store.resume(info_hash)) {
            Ok(data) => data.and_then(|data| Resume::from_bytes(&data)),
            Err(error) => {
                warn!(%info_hash, %error, "what was remembered of the pieces can't be read: they are hashed again");
                None
            }
        }
    }

    fn save(&self, info_hash: InfoHash, resume: &Resume) {
        if let Err(error) = self.runtime.block_on(self.store.put_resume(info_hash, resume.to_bytes())) {
            warn!(%info_hash, %error, "what the pieces are could not be remembered");
        }
    }

    fn forget(&self, info_hash: InfoHash) {
        if let Err(error) = self.runtime.block_on(self.store.remove_resume(info_hash)) {
            warn!(%info_hash, %error, "what was remembered of deleted pieces is not forgotten");
        }
    }
}
