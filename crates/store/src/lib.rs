//! Settings, library, viewed marks and positions: SQLite behind one owner thread, with a cache in front.
//!
//! What is promised:
//!
//! - An acknowledged change is on the disk (write-ahead log, `synchronous = FULL`), and every later read sees it or something
//!   newer. Changes that wait together share one commit.
//! - A read never sees a change that is not on the disk.
//! - Events come in the order of the commits, each with the full new value and a revision that is never given twice.
//! - A caller that goes away does not undo its change.
//! - Marks and positions outlive the removal of their torrent.
//!
//! The wall stands here because these promises hold only as long as nobody else has a writing connection or a way into the
//! cache: both are private to [`owner`], and the types of SQLite and of the cache do not leave this crate.

#[cfg(test)]
extern crate self as freshet_store;

mod backup;
mod cache;
mod container_indexes;
mod error;
mod events;
mod files;
mod foretold;
mod hooks;
mod library;
mod listing;
mod open;
mod owner;
mod preferences;
mod readers;
mod request;
mod resume;
mod schema;
mod store;
mod tables;
mod viewed;

#[cfg(test)]
#[path = "../tests/common/mod.rs"]
mod common;
#[cfg(test)]
mod gates;
#[cfg(test)]
mod interleavings;
#[cfg(test)]
mod machine;

pub use error::{ChangeAccessError, CloseError, OpenError, ReadError, UpdateSettingsError, WriteError};
pub use events::{Lagged, StoreEvent, StoreEvents};
pub use foretold::Foretelling;
pub use library::{Added, TorrentChange};
pub use listing::{ListOrder, ListPage, ListQuery, ListedTorrent};
pub use open::{OpenReport, RestoredBackup, StoreOptions};
pub use owner::StoreState;
pub use store::{Store, StoreSnapshot};
