//! Torznab, the language of search services (Jackett, Prowlarr): how they are asked, and what of their answers is taken.
//!
//! A person writes the address of such a service down, so it may stand in the private network (the client has to be one of
//! [`freshet_model::AddressPolicy::PrivateToo`] for that). What it answers was written by strangers and is bounded in every
//! direction. Keys never get into an error.

mod address;
mod feed;

use freshet_model::{Indexer, InfoHash};
use url::Url;

pub use address::{AddressError, api_address, is_same_server};
pub use feed::FeedError;

use crate::{FetchError, WebClient};

/// What we take from a search service, in one place.
pub mod limits {
    pub const MAX_ANSWER_BYTES: usize = 4 * 1024 * 1024;
    /// Of one answer; what comes after them is not read.
    pub const MAX_ITEMS: usize = 500;
    pub const MAX_DEPTH: usize = 16;
    pub const MAX_ATTRIBUTES: usize = 32;
    /// Of a text before it is judged: as long as the longest magnet link.
    pub const MAX_TEXT_BYTES: usize = 16 * 1024;
    pub const MAX_TITLE_CHARS: usize = 512;
    pub const MAX_LINK_BYTES: usize = 4096;
    pub const MAX_CATEGORIES: usize = 16;
}

/// One thing that a service found.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TorznabItem {
    /// Without characters that mislead the eye; never empty.
    pub title: String,
    /// 0 if it was not told.
    pub size_bytes: u64,
    pub seeders: Option<u32>,
    /// Seeders and leechers together, as the services count.
    pub peers: Option<u32>,
    /// Seconds since 1970.
    pub published_at_secs: Option<i64>,
    /// What the service calls the place where it found this; empty if it does not tell.
    pub tracker: String,
    /// Numbers of Torznab's list, or words of the service.
    pub categories: Vec<String>,
    pub info_hash: Option<InfoHash>,
    /// A magnet link that we understand.
    pub magnet: Option<String>,
    /// An http or https link to a `.torrent` file. It may carry the person's key.
    pub link: Option<Url>,
    /// A page about it.
    pub details: Option<Url>,
    pub imdb_id: String,
    pub year: Option<u16>,
}

/// Why a search service gave nothing.
#[derive(Debug, thiserror::Error)]
pub enum TorznabError {
    #[error(transparent)]
    Address(#[from] AddressError),
    #[error(transparent)]
    Fetch(#[from] FetchError),
    /// The service understood the question and said no.
    #[error("the search service refused: {description} (code {code})")]
    Refused { code: String, description: String },
    #[error(transparent)]
    Feed(#[from] FeedError),
}

impl WebClient {
    /// Asks one service. Dropping the future ends the transfer.
    ///
    /// # Errors
    /// [`TorznabError`]; its text never holds the key.
    pub async fn torznab_search(
        &self,
        indexer: &Indexer,
        query: &str,
    ) -> Result<Vec<TorznabItem>, TorznabError> {
        match self.ask_indexer(indexer, &[("t", "search"), ("q", query)]).await? {
            feed::Answer::Items(items) => Ok(items),
            feed::Answer::Capabilities => Err(FeedError::NoFeed("caps".to_owned()).into()),
        }
    }

    /// Finds out whether a service works as it is written down: asks what it can do, and where that fails for an empty
    /// search, because some services know nothing else.
    ///
    /// # Errors
    /// [`TorznabError`] of the second question.
    pub async fn torznab_check(&self, indexer: &Indexer) -> Result<(), TorznabError> {
        match self.ask_indexer(indexer, &[("t", "caps")]).await {
            Ok(feed::Answer::Capabilities) => Ok(()),
            Ok(feed::Answer::Items(_)) | Err(_) => self.torznab_search(indexer, "").await.map(drop),
        }
    }

    async fn ask_indexer(
        &self,
        indexer: &Indexer,
        question: &[(&str, &str)],
    ) -> Result<feed::Answer, TorznabError> {
        let url = address::question(indexer, question)?;
        let bytes = self.get_bytes(&url, limits::MAX_ANSWER_BYTES).await?;
        match feed::parse(&bytes)? {
            feed::Document::Answer(answer) => Ok(answer),
            feed::Document::Refusal { code, description } => {
                // A service may repeat the key that it does not like.
                let hide = |text: String| address::without_secrets(&text, indexer, &url);
                Err(TorznabError::Refused { code: hide(code), description: hide(description) })
            }
        }
    }
}
