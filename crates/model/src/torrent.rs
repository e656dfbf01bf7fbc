//! A torrent in the library, as it is stored and as it is shown.

use std::net::SocketAddr;

use serde::{Deserialize, Serialize};

use crate::{FileEntry, FileIndex, InfoHash, WireError};

/// Everything the library keeps of one torrent. The store's row; windows get [`TorrentSummary`] and [`TorrentDetail`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TorrentRecord {
    pub info_hash: InfoHash,
    /// What the person or client called it; empty until they do or the details arrive.
    pub title: String,
    /// The name in the metainfo, empty before it is known.
    pub name: String,
    pub category: String,
    pub poster: String,
    /// Opaque text of a TorrServer client; comes back byte for byte.
    pub data: String,
    /// Seconds since 1970.
    pub added_at_secs: u64,
    pub last_opened_at_secs: Option<u64>,
    pub total_bytes: u64,
    pub is_single_file: bool,
    pub is_private: bool,
    /// The checked `.torrent` without trackers; `None` while nobody has sent the details.
    pub metainfo: Option<Vec<u8>>,
    pub files: Vec<FileEntry>,
    pub trackers: Vec<String>,
    /// Peers that the magnet named (`x.pe`): asked first, next to those that trackers and DHT know.
    pub peers: Vec<SocketAddr>,
    /// Why the last attempt to get the details failed.
    pub error: Option<WireError>,
}

impl TorrentRecord {
    /// A torrent of which only the info hash is known.
    pub fn new(info_hash: InfoHash, added_at_secs: u64) -> Self {
        Self {
            info_hash,
            title: String::new(),
            name: String::new(),
            category: String::new(),
            poster: String::new(),
            data: String::new(),
            added_at_secs,
            last_opened_at_secs: None,
            total_bytes: 0,
            is_single_file: false,
            is_private: false,
            metainfo: None,
            files: Vec::new(),
            trackers: Vec::new(),
            peers: Vec::new(),
            error: None,
        }
    }

    pub fn state(&self) -> TorrentState {
        if self.metainfo.is_some() {
            TorrentState::Ready
        } else if self.error.is_some() {
            TorrentState::Failed
        } else {
            TorrentState::Resolving
        }
    }

    /// What it is called on a screen: the given title, else the torrent's own name, else the info hash.
    pub fn shown_title(&self) -> String {
        [&self.title, &self.name]
            .into_iter()
            .find(|text| !text.is_empty())
            .cloned()
            .unwrap_or_else(|| self.info_hash.to_string())
    }

    pub fn file(&self, index: FileIndex) -> Option<&FileEntry> {
        self.files.get(index.as_usize())
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
#[serde(rename_all = "snake_case")]
pub enum TorrentState {
    /// Looking for somebody who has the details.
    Resolving,
    /// Details known: it can be played.
    Ready,
    /// The details could not be had; [`TorrentSummary::error`] says why.
    Failed,
}

/// One row of the library.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub struct TorrentSummary {
    pub info_hash: InfoHash,
    pub title: String,
    pub category: String,
    pub poster: String,
    pub state: TorrentState,
    pub error: Option<WireError>,
    pub total_bytes: u64,
    pub added_at_secs: u64,
    pub last_opened_at_secs: Option<u64>,
    pub file_count: u32,
    /// Files that can be played (video, else audio).
    pub playable_count: u32,
    /// How many of those are viewed.
    pub viewed_count: u32,
    /// The file that "play" means now.
    pub play_target: Option<FileIndex>,
}

/// One torrent with its files.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub struct TorrentDetail {
    pub summary: TorrentSummary,
    pub name: String,
    pub is_private: bool,
    pub files: Vec<FileEntry>,
    /// The link that gives this torrent to somebody else.
    pub magnet: String,
}

/// What a torrent that is in use does at this moment. A torrent without these is idle.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub struct TransferStats {
    pub info_hash: InfoHash,
    pub down_bytes_per_sec: u64,
    pub up_bytes_per_sec: u64,
    pub downloaded_bytes: u64,
    pub uploaded_bytes: u64,
    /// Checked bytes that are here, of the whole torrent.
    pub have_bytes: u64,
    pub connected_peers: u32,
    /// Connected, being connected, or known and waiting.
    pub known_peers: u32,
    pub connected_seeders: u32,
    /// Peers to which a connection is being opened.
    pub connecting_peers: u32,
}
