//! What a window is told, in order.

use serde::{Deserialize, Serialize};

use crate::{
    Access, AccessSummary, InfoHash, LinkOffer, NetworkStatus, PlayerTarget, Revision, Settings,
    TorrentMarks, TorrentRecord, TorrentSummary, TransferStats, Viewer,
};

/// A change that is on the disk, as the store tells it: always the full new value.
#[derive(Debug, Clone, PartialEq)]
pub enum StoreChange {
    TorrentPut(std::sync::Arc<TorrentRecord>),
    TorrentRemoved(InfoHash),
    Marks(std::sync::Arc<TorrentMarks>),
    Settings(std::sync::Arc<Settings>),
    Access(std::sync::Arc<Access>),
}

/// The state a window starts from.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub struct Snapshot {
    /// Changes up to this one are in the snapshot.
    pub revision: Revision,
    pub torrents: Vec<TorrentSummary>,
    /// Only torrents that have marks.
    pub marks: Vec<TorrentMarks>,
    pub settings: Settings,
    pub access: AccessSummary,
    pub network: NetworkStatus,
    /// Who of the local network is here; told to the person at the computer alone.
    pub viewers: Vec<Viewer>,
    pub stats: Vec<TransferStats>,
    pub notices: Vec<Notice>,
    /// Links that wait for a word of the person at the computer; told to nobody else.
    pub link_offers: Vec<LinkOffer>,
    pub player_target: Option<PlayerTarget>,
    pub transfers_paused: bool,
}

/// One message of the stream that `subscribe` opens. The first is always a snapshot, and a listener that was too slow to
/// follow gets another one. A value with a revision not above the last seen one of the same key is old news.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum AppEvent {
    Snapshot(Box<Snapshot>),
    TorrentChanged {
        revision: Revision,
        torrent: TorrentSummary,
    },
    TorrentRemoved {
        revision: Revision,
        info_hash: InfoHash,
    },
    MarksChanged {
        revision: Revision,
        marks: TorrentMarks,
    },
    SettingsChanged {
        revision: Revision,
        settings: Box<Settings>,
    },
    AccessChanged {
        revision: Revision,
        access: AccessSummary,
    },
    NetworkChanged {
        network: NetworkStatus,
    },
    ViewersChanged {
        viewers: Vec<Viewer>,
    },
    /// All torrents in use; the ones that are not named are idle.
    StatsChanged {
        stats: Vec<TransferStats>,
    },
    NoticesChanged {
        notices: Vec<Notice>,
    },
    LinkOffersChanged {
        link_offers: Vec<LinkOffer>,
    },
    /// A torrent has another picture for its card, or none any more.
    PosterChanged {
        info_hash: InfoHash,
        poster: String,
    },
    PlayerTargetChanged {
        target: Option<PlayerTarget>,
    },
    TransfersPaused {
        paused: bool,
    },
}

/// A state of the program that a person should know about.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub struct Notice {
    pub kind: NoticeKind,
    /// The port, path or name that the words of the UI speak of.
    pub subject: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
#[serde(rename_all = "snake_case")]
pub enum NoticeKind {
    /// Another program has port 8090; `subject` is the port that is used instead.
    PortTaken,
    /// The port for peers could not be opened: others can't reach us, everything else works.
    PeerPortTaken,
    /// No `ffmpeg`: the built-in player can't play.
    FfmpegMissing,
    /// The list of blocked addresses can't be read, and the one before it stays; `subject` is its path.
    BlocklistUnread,
    /// The network interface of the settings is not there or can't be used, and nothing is transferred until it is; `subject` is its
    /// name.
    InterfaceMissing,
    /// The line costs by the byte: only what is watched is fetched, and nothing is given. There is no subject.
    LineSpared,
    /// The system has no certificates to know servers by: https links and trackers can't be asked. There is no subject.
    CertificatesMissing,
    /// The database was damaged and its newest backup was put in its place; `subject` is its time in seconds since 1970.
    DatabaseRestored,
    /// The store has ended by a fault: nothing can be read or saved before the next start; `subject` says why.
    StoreFailed,
}
