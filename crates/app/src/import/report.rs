//! What the commands of the import are given and give.

use freshet_model::InfoHash;
use serde::{Deserialize, Serialize};

/// Where the other server is: `192.168.1.5:8090`, `http://name:password@nas:8090`.
#[derive(Clone, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
#[serde(deny_unknown_fields)]
#[allow(missing_debug_implementations, reason = "it may hold a password")]
pub struct ImportUrl {
    pub url: String,
}

#[derive(Clone, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
#[serde(deny_unknown_fields)]
#[allow(missing_debug_implementations, reason = "it may hold a password")]
pub struct ImportRun {
    pub url: String,
    pub what: ImportWhat,
}

#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
#[serde(deny_unknown_fields)]
pub struct ImportWhat {
    pub torrents: bool,
    /// Viewed marks and positions.
    pub marks: bool,
    pub settings: Vec<ImportSettingKey>,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub struct ImportPreview {
    /// What the other server calls itself (`MatriX.145`).
    pub version: String,
    pub torrents: Vec<ImportTorrent>,
    pub viewed_count: u32,
    pub position_count: u32,
    /// Only those that would be different.
    pub settings: Vec<ImportSetting>,
    pub left_out: Vec<ImportLeftOut>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub struct ImportTorrent {
    pub info_hash: InfoHash,
    pub title: String,
    pub category: String,
    pub poster: String,
    /// `None`: the other server does not tell.
    pub file_count: Option<u32>,
    /// 0 if it is not known.
    pub total_bytes: u64,
    /// It is in the library; what is said of it here stays.
    pub is_here: bool,
}

/// A setting of the other server that means something here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
#[serde(rename_all = "snake_case")]
pub enum ImportSettingKey {
    /// Bytes a second; 0: none.
    DownloadLimit,
    /// Bytes a second; 0: none.
    UploadLimit,
    /// Whether positions that clients report are kept.
    ClientPositions,
    /// Seconds.
    IdleTimeout,
    /// Bytes.
    Preload,
    /// All of them together, as the settings have them.
    Transfers,
    /// Whether searching is on, and the names of the services.
    Search,
    FriendlyName,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub struct ImportSetting {
    pub key: ImportSettingKey,
    /// In the unit of the key.
    #[cfg_attr(feature = "ts", ts(type = "unknown"))]
    pub current: serde_json::Value,
    #[cfg_attr(feature = "ts", ts(type = "unknown"))]
    pub proposed: serde_json::Value,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub struct ImportLeftOut {
    pub reason: ImportReason,
    /// The name of a setting, or how many there are.
    pub subject: String,
}

impl ImportLeftOut {
    pub(super) fn of(reason: ImportReason, subject: impl ToString) -> Self {
        Self { reason, subject: subject.to_string() }
    }
}

/// Why something does not come over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
#[serde(rename_all = "snake_case")]
pub enum ImportReason {
    /// It would open a door to the network, which only the person does, in the settings.
    OpensNetwork,
    /// A setting of something that is not here.
    NoMeaning,
    /// The other server does not tell its settings.
    NoSettings,
    UnreadableTorrents,
    UnreadableMarks,
    /// The other server did not tell the files of so many torrents: these get the ids that we give. Names in order get the
    /// same ones everywhere.
    IdsUnknown,
}

#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub struct ImportReport {
    pub added: u32,
    /// They were here, and something that was blank is no longer.
    pub completed: u32,
    pub unchanged: u32,
    /// Marks and positions that are new, those that wait for the details of their torrent among them.
    pub marks: u32,
    pub settings: Vec<ImportSettingKey>,
    pub left_out: Vec<ImportLeftOut>,
}
