//! A torrent in the library, as it is stored and as it is shown.

use std::net::SocketAddr;

use serde::{Deserialize, Serialize};

use crate::{
    FileEntry, FileIndex, InfoHash, Magnet, PeerCounts, TorrentAbout, TorrentSource, TransferCounters,
    WaitReason, WireError,
};

/// Everything the library keeps of one torrent. The store's row; windows get [`TorrentSummary`] and [`TorrentDetail`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TorrentRecord {
    pub info_hash: InfoHash,
    /// What the person or client called it; empty until they do or the details arrive.
    pub title: String,
    /// The title was given by a person, to be shown as it stands.
    pub is_titled_by_hand: bool,
    /// The name in the metainfo, empty before it is known.
    pub name: String,
    pub category: String,
    pub poster: String,
    /// Opaque text of a TorrServer client; comes back byte for byte.
    pub data: String,
    /// Seconds since 1970.
    pub added_at_secs: u64,
    /// How it came here first; adding it again by another way changes nothing.
    pub added_from: AddedFrom,
    pub last_opened_at_secs: Option<u64>,
    /// A person wants it at hand.
    pub is_pinned: bool,
    /// A client wanted it for the moment only: it leaves when nobody uses it any more, and with the program.
    pub is_temporary: bool,
    pub total_bytes: u64,
    pub is_single_file: bool,
    pub is_private: bool,
    /// The checked `.torrent` without trackers, with its web seeds; `None` while nobody has sent the details. Lists leave the bytes out: then it
    /// is `Some` and empty.
    pub metainfo: Option<Vec<u8>>,
    pub files: Vec<FileEntry>,
    pub trackers: Vec<String>,
    /// Peers that the magnet named (`x.pe`): asked first, next to those that trackers and DHT know.
    pub peers: Vec<SocketAddr>,
    /// Web servers that the magnet named (`ws`); once the details are here, [`TorrentRecord::metainfo`] has those that count.
    pub web_seeds: Vec<String>,
    /// Why the last attempt to get the details failed.
    pub error: Option<WireError>,
}

impl TorrentRecord {
    /// A torrent of which only the info hash is known.
    pub fn new(info_hash: InfoHash, added_at_secs: u64) -> Self {
        Self {
            info_hash,
            title: String::new(),
            is_titled_by_hand: false,
            name: String::new(),
            category: String::new(),
            poster: String::new(),
            data: String::new(),
            added_at_secs,
            added_from: AddedFrom::Unknown,
            last_opened_at_secs: None,
            is_pinned: false,
            is_temporary: false,
            total_bytes: 0,
            is_single_file: false,
            is_private: false,
            metainfo: None,
            files: Vec::new(),
            trackers: Vec::new(),
            peers: Vec::new(),
            web_seeds: Vec::new(),
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

/// How a torrent came into the library. The store keeps the name of each by its text, so one that is new needs a migration.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AddedFrom {
    /// Nobody kept account of it yet when it was added.
    #[default]
    Unknown,
    /// A magnet link, or a `torrs://` link, which names the torrent in the same way.
    Magnet,
    /// Nothing but an info hash, bare or in a magnet link.
    InfoHash,
    /// An http or https link to a `.torrent` file.
    Web,
    /// A `.torrent` file.
    File,
    /// A client of TorrServer's API, whatever it gave.
    Client,
}

impl AddedFrom {
    pub const ALL: [Self; 6] =
        [Self::Unknown, Self::Magnet, Self::InfoHash, Self::Web, Self::File, Self::Client];

    /// What a person did who gave this source.
    pub fn source(source: &TorrentSource) -> Self {
        match source {
            TorrentSource::Magnet(magnet) if *magnet == Magnet::bare(magnet.info_hash) => Self::InfoHash,
            TorrentSource::Magnet(_) | TorrentSource::Torrs(_) => Self::Magnet,
            TorrentSource::Web(_) => Self::Web,
            TorrentSource::TorrentFile(_) => Self::File,
        }
    }

    /// The name that is stored.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::Magnet => "magnet",
            Self::InfoHash => "info_hash",
            Self::Web => "web",
            Self::File => "file",
            Self::Client => "client",
        }
    }

    /// The one with this stored name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|origin| origin.as_str() == name)
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
    /// As it was given.
    pub title: String,
    pub about: TorrentAbout,
    pub category: String,
    /// Path of the poster on our own server; empty if there is none. What a client calls the poster is an address of strangers.
    pub poster: String,
    pub state: TorrentState,
    pub error: Option<WireError>,
    pub total_bytes: u64,
    pub added_at_secs: u64,
    pub last_opened_at_secs: Option<u64>,
    /// It is kept: its pieces do not go for others.
    pub is_kept: bool,
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

/// What a torrent that is in use does at this moment, or one whose details are looked for. A torrent without these is idle.
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
    /// The connected ones, by what comes from them.
    pub peers: PeerCounts,
    pub counters: TransferCounters,
    /// Why the reader that is needed most waits, if one does.
    pub waiting: Option<WaitReason>,
    /// Why no tracker names anybody, in a tracker's words; a stranger's text of one line.
    pub tracker_refusal: Option<String>,
}

impl TransferStats {
    /// Of a torrent of which nothing is known.
    pub fn new(info_hash: InfoHash) -> Self {
        Self {
            info_hash,
            down_bytes_per_sec: 0,
            up_bytes_per_sec: 0,
            downloaded_bytes: 0,
            uploaded_bytes: 0,
            have_bytes: 0,
            connected_peers: 0,
            known_peers: 0,
            connected_seeders: 0,
            connecting_peers: 0,
            peers: PeerCounts::default(),
            counters: TransferCounters::default(),
            waiting: None,
            tracker_refusal: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_is_known_by_its_stored_name_and_by_its_source() {
        const HEX: &str = "08ada5a7a6183aae1e09d831df6748d566095a10";
        for origin in AddedFrom::ALL {
            assert_eq!(AddedFrom::from_name(origin.as_str()), Some(origin));
        }
        assert_eq!(AddedFrom::from_name("Magnet"), None);
        let table = [
            (HEX.to_owned(), AddedFrom::InfoHash),
            (format!("magnet:?xt=urn:btih:{HEX}"), AddedFrom::InfoHash),
            (format!("magnet:?xt=urn:btih:{HEX}&dn=Film"), AddedFrom::Magnet),
            ("https://example.org/a.torrent".to_owned(), AddedFrom::Web),
        ];
        for (text, origin) in table {
            assert_eq!(AddedFrom::source(&TorrentSource::parse(&text).unwrap()), origin, "{text}");
        }
        assert_eq!(AddedFrom::source(&TorrentSource::TorrentFile(Vec::new())), AddedFrom::File);
    }
}
