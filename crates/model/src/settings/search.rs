//! Where torrents are looked for.

use serde::{Deserialize, Serialize};

use super::group::settings_group;

settings_group! {
    pub struct SearchSettings / SearchPatch {
        pub torznab_enabled: bool = false,
        pub indexers: Vec<Indexer> = Vec::new(),
    }
}

/// A search service that speaks Torznab (Jackett, Prowlarr), as the person wrote it down.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
#[serde(default)]
pub struct Indexer {
    pub name: String,
    /// Address of its API, or of the service itself.
    pub url: String,
    /// A secret of the person.
    pub api_key: String,
}
