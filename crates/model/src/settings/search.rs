//! Where torrents are looked for.

use serde::{Deserialize, Serialize};

use super::group::settings_group;

settings_group! {
    pub struct SearchSettings / SearchPatch {
        pub torznab_enabled: bool = false,
        pub indexers: Vec<Indexer> = Vec::new(),
    }
}

impl SearchSettings {
    const MAX_INDEXERS: usize = 32;
    const MAX_NAME_BYTES: usize = 256;
    const MAX_URL_BYTES: usize = 2048;
    const MAX_KEY_BYTES: usize = 512;

    /// Whether there are no more of them, and no longer ones, than a person writes down.
    pub(super) fn is_bounded(&self) -> bool {
        self.indexers.len() <= Self::MAX_INDEXERS
            && self.indexers.iter().all(|indexer| {
                indexer.name.len() <= Self::MAX_NAME_BYTES
                    && indexer.url.len() <= Self::MAX_URL_BYTES
                    && indexer.api_key.len() <= Self::MAX_KEY_BYTES
            })
    }
}

/// A search service that speaks Torznab (Jackett, Prowlarr), as the person wrote it down.
#[derive(Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
#[serde(default)]
pub struct Indexer {
    pub name: String,
    /// Address of its API, or of the service itself.
    pub url: String,
    /// A secret of the person.
    pub api_key: String,
}

impl Indexer {
    /// Leaves what may be shown to others: its name and host. Keys stand in the address too, and passwords.
    pub fn hide_secrets(&mut self) {
        self.api_key.clear();
        let host = url::Url::parse(&self.url).ok().map(|url| url.origin()).filter(url::Origin::is_tuple);
        self.url = host.map(|origin| origin.ascii_serialization()).unwrap_or_default();
    }
}

/// Without the key, and without the address, which may hold one: settings are printed when something goes wrong.
impl std::fmt::Debug for Indexer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Indexer").field("name", &self.name).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn others_see_the_host_of_a_service_and_no_more() {
        let shown = |url: &str| {
            let mut indexer = Indexer { url: url.to_owned(), api_key: "k".to_owned(), ..Indexer::default() };
            indexer.hide_secrets();
            (indexer.url, indexer.api_key)
        };
        let bare = |url: &str| (url.to_owned(), String::new());

        assert_eq!(shown("http://me:pw@nas:9117/k3y/api?apikey=k"), bare("http://nas:9117"));
        assert_eq!(shown("nas/api?apikey=k"), bare(""));
        assert_eq!(shown("data:k"), bare(""));
    }

    #[test]
    fn a_key_is_not_printed() {
        let indexer = Indexer {
            name: "Jackett".to_owned(),
            url: "http://nas?apikey=s3cret".to_owned(),
            api_key: "s3cret".to_owned(),
        };

        assert_eq!(format!("{indexer:?}"), r#"Indexer { name: "Jackett", .. }"#);
    }
}
