//! The cache in front of SQLite, split into the half that everybody may have and the half that only the owner has.
//!
//! The wall stands here because one insert from anywhere else brings stale values back: a reader that loads the old row,
//! is overtaken by a write, and then fills the cache with what it loaded. [`CacheWriter`] can't be cloned, and lives in
//! the owner thread, where fills and writes come one after the other. For the same reason nothing here fills on demand,
//! expires, or is invalidated as a whole.

use std::net::SocketAddr;
use std::sync::Arc;

use freshet_model::{FileEntry, FileMark, InfoHash, TorrentMarks, TorrentRecord};
use moka::sync::Cache;

/// What an entry costs beyond its own bytes: moka's node, the key, two counters.
const ENTRY_OVERHEAD_BYTES: usize = 200;

/// A torrent, or the knowledge that there is none.
pub(crate) type CachedTorrent = Option<Arc<TorrentRecord>>;

/// Looks up; never loads, never inserts.
#[derive(Debug, Clone)]
pub(crate) struct CacheReader {
    torrents: Cache<InfoHash, CachedTorrent>,
    marks: Cache<InfoHash, Arc<TorrentMarks>>,
}

/// The only thing that puts values in.
#[derive(Debug)]
pub(crate) struct CacheWriter(CacheReader);

/// A cache of about `bytes`, three quarters of it for torrents.
pub(crate) fn cache(bytes: u64) -> (CacheReader, CacheWriter) {
    let reader = CacheReader {
        torrents: Cache::builder()
            .max_capacity(bytes / 4 * 3)
            .weigher(|_, torrent: &CachedTorrent| weight(torrent.as_deref().map_or(0, torrent_bytes)))
            .build(),
        marks: Cache::builder()
            .max_capacity(bytes / 4)
            .weigher(|_, marks: &Arc<TorrentMarks>| {
                weight(size_of::<TorrentMarks>() + marks.marks.len() * size_of::<FileMark>())
            })
            .build(),
    };
    (reader.clone(), CacheWriter(reader))
}

fn weight(bytes: usize) -> u32 {
    u32::try_from(bytes + ENTRY_OVERHEAD_BYTES).unwrap_or(u32::MAX)
}

fn torrent_bytes(torrent: &TorrentRecord) -> usize {
    let texts = [&torrent.title, &torrent.name, &torrent.category, &torrent.poster, &torrent.data];
    size_of::<TorrentRecord>()
        + texts.into_iter().map(String::len).sum::<usize>()
        + torrent.trackers.iter().map(|tracker| size_of::<String>() + tracker.len()).sum::<usize>()
        + torrent.web_seeds.iter().map(|url| size_of::<String>() + url.len()).sum::<usize>()
        + torrent.files.iter().map(|file| size_of::<FileEntry>() + file.path.len()).sum::<usize>()
        + torrent.peers.len() * size_of::<SocketAddr>()
        + torrent.metainfo.as_ref().map_or(0, Vec::len)
}

impl CacheReader {
    pub(crate) fn torrent(&self, info_hash: InfoHash) -> Option<CachedTorrent> {
        self.torrents.get(&info_hash)
    }

    pub(crate) fn marks(&self, info_hash: InfoHash) -> Option<Arc<TorrentMarks>> {
        self.marks.get(&info_hash)
    }
}

impl CacheWriter {
    pub(crate) fn reader(&self) -> &CacheReader {
        &self.0
    }

    pub(crate) fn put_torrent(&self, info_hash: InfoHash, torrent: CachedTorrent) {
        self.0.torrents.insert(info_hash, torrent);
    }

    pub(crate) fn put_marks(&self, marks: Arc<TorrentMarks>) {
        self.0.marks.insert(marks.info_hash, marks);
    }
}
