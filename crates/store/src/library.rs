//! Changes to torrents: what adding twice means, and what each later event in a torrent's life does to its record.

use std::collections::{HashMap, HashSet};
use std::net::SocketAddr;
use std::sync::Arc;

use freshet_model::{FileEntry, FileIndex, InfoHash, StoreChange, TorrentRecord, WireError};

use crate::error::WriteError;
use crate::foretold;
use crate::request::{Operation, Tx};
use crate::tables::{container_indexes, torrents};

/// What [`crate::Store::add_torrent`] gives.
#[derive(Debug, Clone, PartialEq)]
pub struct Added {
    /// The torrent as it is in the library now.
    pub record: Arc<TorrentRecord>,
    pub is_new: bool,
}

/// An event in the life of a torrent of the library.
#[derive(Debug, Clone, PartialEq)]
pub enum TorrentChange {
    /// The details have arrived. Ids that TorrServer's clients know a file by stay as they were first given.
    Resolved {
        name: String,
        total_bytes: u64,
        is_single_file: bool,
        is_private: bool,
        metainfo: Vec<u8>,
        files: Vec<FileEntry>,
        /// All trackers from now on; an empty list leaves the known ones.
        trackers: Vec<String>,
    },
    /// The details could not be had. Means nothing for a torrent that has them.
    Failed(WireError),
    /// They are being looked for again: the error goes.
    Retrying,
    /// Somebody described it anew; what is `None` stays, what is empty is cleared.
    Described {
        title: Option<String>,
        category: Option<String>,
        poster: Option<String>,
        data: Option<String>,
    },
    /// A person named it; an empty title gives it back the name that it came with.
    Named { title: String },
    /// Somebody played something of it. An older time than the known one changes nothing.
    Opened { at_secs: u64 },
    /// Somebody wants it at hand, or no more.
    Pinned(bool),
    /// It is wanted for good: temporary no more.
    Saved,
    /// Its transfers ended, and these peers had sent something right. They take the place of the known ones.
    Served { peers: Vec<SocketAddr> },
}

pub(crate) struct AddTorrent(pub(crate) TorrentRecord);

impl Operation for AddTorrent {
    type Output = Added;
    type Error = WriteError;

    fn apply(self, tx: &mut Tx<'_>) -> Result<Added, WriteError> {
        let (record, is_new) = match torrents::read(tx.conn, self.0.info_hash)? {
            None => (put(tx, None, self.0)?, true),
            Some(known) => (put_if_changed(tx, &known, fill_blanks(&known, self.0))?, false),
        };
        Ok(Added { record, is_new })
    }
}

pub(crate) struct ChangeTorrent(pub(crate) InfoHash, pub(crate) TorrentChange);

impl Operation for ChangeTorrent {
    type Output = Option<Arc<TorrentRecord>>;
    type Error = WriteError;

    fn apply(self, tx: &mut Tx<'_>) -> Result<Self::Output, WriteError> {
        let Some(known) = torrents::read(tx.conn, self.0)? else { return Ok(None) };
        let changed = with_change(&known, self.1);
        put_if_changed(tx, &known, changed).map(Some)
    }
}

pub(crate) struct RemoveTorrent(pub(crate) InfoHash);

impl Operation for RemoveTorrent {
    type Output = bool;
    type Error = WriteError;

    fn apply(self, tx: &mut Tx<'_>) -> Result<bool, WriteError> {
        if let Some(known) = torrents::read(tx.conn, self.0)? {
            foretold::remember(tx, &known)?;
        }
        container_indexes::delete(tx.conn, self.0)?;
        let was_there = torrents::delete(tx.conn, self.0)?;
        if was_there {
            tx.changed(StoreChange::TorrentRemoved(self.0));
        }
        Ok(was_there)
    }
}

pub(crate) struct RemoveIfTemporary(pub(crate) InfoHash);

impl Operation for RemoveIfTemporary {
    type Output = bool;
    type Error = WriteError;

    fn apply(self, tx: &mut Tx<'_>) -> Result<bool, WriteError> {
        let is_temporary = torrents::read(tx.conn, self.0)?.is_some_and(|torrent| torrent.is_temporary);
        if is_temporary { RemoveTorrent(self.0).apply(tx) } else { Ok(false) }
    }
}

fn put(
    tx: &mut Tx<'_>,
    known: Option<&TorrentRecord>,
    mut torrent: TorrentRecord,
) -> Result<Arc<TorrentRecord>, WriteError> {
    if torrent.metainfo.is_some() && known.is_none_or(|known| known.files.is_empty()) {
        foretold::settle(tx, &mut torrent)?;
    }
    torrents::put(tx.conn, known, &torrent)?;
    let torrent = Arc::new(torrent);
    tx.changed(StoreChange::TorrentPut(Arc::clone(&torrent)));
    Ok(torrent)
}

/// A change that changes nothing is no write and no event.
fn put_if_changed(
    tx: &mut Tx<'_>,
    known: &TorrentRecord,
    changed: TorrentRecord,
) -> Result<Arc<TorrentRecord>, WriteError> {
    if *known == changed { Ok(Arc::new(changed)) } else { put(tx, Some(known), changed) }
}

/// The known torrent, with what it lacks taken from the one that was added again.
fn fill_blanks(known: &TorrentRecord, added: TorrentRecord) -> TorrentRecord {
    let mut filled = known.clone();
    let blanks = [
        (&mut filled.title, added.title),
        (&mut filled.category, added.category),
        (&mut filled.poster, added.poster),
        (&mut filled.data, added.data),
    ];
    for (blank, text) in blanks {
        if blank.is_empty() {
            *blank = text;
        }
    }
    filled.is_temporary &= added.is_temporary;
    if filled.trackers.is_empty() {
        filled.trackers = added.trackers;
    }
    if filled.peers.is_empty() {
        filled.peers = added.peers;
    }
    if filled.web_seeds.is_empty() {
        filled.web_seeds = added.web_seeds;
    }
    // The details go together: half of them from here and half from there would describe no torrent at all.
    if filled.metainfo.is_none() && added.metainfo.is_some() {
        filled.name = added.name;
        filled.total_bytes = added.total_bytes;
        filled.is_single_file = added.is_single_file;
        filled.is_private = added.is_private;
        filled.metainfo = added.metainfo;
        filled.files = keep_frozen_ids(&known.files, added.files);
        filled.error = None;
    } else if filled.name.is_empty() {
        filled.name = added.name;
    }
    filled
}

fn with_change(known: &TorrentRecord, change: TorrentChange) -> TorrentRecord {
    let mut changed = known.clone();
    match change {
        TorrentChange::Resolved {
            name,
            total_bytes,
            is_single_file,
            is_private,
            metainfo,
            files,
            trackers,
        } => {
            changed.name = name;
            changed.total_bytes = total_bytes;
            changed.is_single_file = is_single_file;
            changed.is_private = is_private;
            changed.metainfo = Some(metainfo);
            changed.files = keep_frozen_ids(&known.files, files);
            if !trackers.is_empty() {
                changed.trackers = trackers;
            }
            changed.error = None;
        }
        TorrentChange::Failed(error) => {
            if changed.metainfo.is_none() {
                changed.error = Some(error);
            }
        }
        TorrentChange::Retrying => changed.error = None,
        TorrentChange::Named { title } => {
            changed.is_titled_by_hand = !title.is_empty();
            changed.title = title;
        }
        TorrentChange::Described { title, category, poster, data } => {
            // A client that sends back what it was told has not named it anew.
            changed.is_titled_by_hand &= title.as_ref().is_none_or(|title| *title == changed.title);
            let fields = [
                (&mut changed.title, title),
                (&mut changed.category, category),
                (&mut changed.poster, poster),
                (&mut changed.data, data),
            ];
            for (field, text) in fields {
                if let Some(text) = text {
                    *field = text;
                }
            }
        }
        TorrentChange::Opened { at_secs } => {
            changed.last_opened_at_secs = changed.last_opened_at_secs.max(Some(at_secs));
        }
        TorrentChange::Pinned(is_pinned) => {
            changed.is_pinned = is_pinned;
            changed.is_temporary &= !is_pinned;
        }
        TorrentChange::Saved => changed.is_temporary = false,
        TorrentChange::Served { peers } => changed.peers = peers,
    }
    changed
}

/// The new files with the ids that the known ones have: clients have written those into lasting addresses.
///
/// A file without a known id keeps the offered one, or takes the first free one where that is taken.
fn keep_frozen_ids(known: &[FileEntry], mut files: Vec<FileEntry>) -> Vec<FileEntry> {
    let frozen: HashMap<FileIndex, u32> = known.iter().map(|file| (file.index, file.torrserver_id)).collect();
    let mut taken: HashSet<u32> = frozen.values().copied().collect();
    let mut next_free = 1;
    for file in &mut files {
        file.torrserver_id = match frozen.get(&file.index) {
            Some(id) => *id,
            None if taken.insert(file.torrserver_id) => file.torrserver_id,
            None => {
                while !taken.insert(next_free) {
                    next_free += 1;
                }
                next_free
            }
        };
    }
    files
}

#[cfg(test)]
mod tests {
    use freshet_model::MediaKind;

    use super::*;

    fn file(index: u32, torrserver_id: u32) -> FileEntry {
        FileEntry {
            index: FileIndex(index),
            path: format!("{index}.mkv"),
            length_bytes: 1,
            kind: MediaKind::Video,
            torrserver_id,
        }
    }

    fn ids(files: &[FileEntry]) -> Vec<u32> {
        files.iter().map(|file| file.torrserver_id).collect()
    }

    #[test]
    fn ids_once_given_stay_and_new_files_take_free_ones() {
        let known = [file(0, 2), file(1, 1)];

        let same = keep_frozen_ids(&known, vec![file(0, 1), file(1, 2)]);
        let more = keep_frozen_ids(&known, vec![file(0, 1), file(1, 2), file(2, 2), file(3, 9)]);

        assert_eq!(ids(&same), [2, 1]);
        assert_eq!(ids(&more), [2, 1, 3, 9]);
        assert_eq!(ids(&keep_frozen_ids(&[], vec![file(0, 7), file(1, 3)])), [7, 3]);
    }
}
