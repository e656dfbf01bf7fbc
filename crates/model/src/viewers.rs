//! Who of the local network is here now.

use serde::{Deserialize, Serialize};

use crate::{DeviceId, FileIndex, InfoHash};

/// Counts viewers; never given twice while the program runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
#[serde(transparent)]
pub struct ViewerId(pub u32);

/// A device that asks for something now, or did a moment ago.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub struct Viewer {
    pub id: ViewerId,
    pub address: String,
    pub pass: ViewerPass,
    /// What its program calls itself: a stranger's words, cut short.
    pub client: String,
    pub since_secs: u64,
    /// The files that are being sent to it, each once.
    pub watching: Vec<ViewedFile>,
}

/// By what it was let in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum ViewerPass {
    Password,
    /// By the token of this device.
    Device {
        id: DeviceId,
    },
    /// As a television, by DLNA.
    Dlna,
    /// By the switch that lets players in without anything.
    Nothing,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub struct ViewedFile {
    pub info_hash: InfoHash,
    pub file_index: FileIndex,
}
