//! The client and its ceilings.

use freshet_model::AddressPolicy;
use url::Url;

use crate::FetchError;
use crate::fetch::{self, Outcome};
use crate::host::JudgingResolver;

/// What we take from a server that we do not know, in one place.
pub mod limits {
    use std::time::Duration;

    /// Of a body, as it arrives and as it is decoded.
    pub const MAX_BODY_BYTES: usize = 10 * 1024 * 1024;
    pub const MAX_REDIRECTS: usize = 5;
    pub const RESOLVE_TIMEOUT: Duration = Duration::from_secs(5);
    pub const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
    /// Between two pieces of an answer.
    pub const READ_TIMEOUT: Duration = Duration::from_secs(20);
    /// From the first connection to the last byte, redirects included.
    pub const TOTAL_TIMEOUT: Duration = Duration::from_secs(60);
}

#[derive(Debug, thiserror::Error)]
#[error("the HTTP client could not be set up: {0}")]
pub struct BuildError(String);

/// What a link to a torrent led to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TorrentLink {
    /// The bytes that were served, not yet judged.
    File(Vec<u8>),
    /// The server redirected to a magnet link.
    Magnet(String),
}

/// Fetches links that strangers wrote. Cheap to clone.
#[derive(Debug, Clone)]
pub struct WebClient {
    policy: AddressPolicy,
    /// For every hop after a public one: a public server must not send us into the private network.
    global: reqwest::Client,
    /// For the first hop, and hops after a private one.
    first: reqwest::Client,
}

impl WebClient {
    /// # Errors
    /// [`BuildError`] if the TLS back end of the system can't be used.
    pub fn new(policy: AddressPolicy) -> Result<Self, BuildError> {
        let global = build(AddressPolicy::GlobalOnly)?;
        let first = match policy {
            AddressPolicy::GlobalOnly => global.clone(),
            AddressPolicy::PrivateToo => build(policy)?,
        };
        Ok(Self { policy, global, first })
    }

    /// Which hosts this client asks.
    pub fn policy(&self) -> AddressPolicy {
        self.policy
    }

    /// Fetches a `.torrent` file; a redirect to a magnet link is an answer too. Dropping the future ends the transfer.
    ///
    /// # Errors
    /// [`FetchError`]; nothing was connected to when it is [`FetchError::AddressRefused`] for the link itself.
    pub async fn get_torrent(&self, url: &Url) -> Result<TorrentLink, FetchError> {
        match self.get(url, limits::MAX_BODY_BYTES).await? {
            Outcome::Body(bytes) => Ok(TorrentLink::File(bytes)),
            Outcome::Magnet(link) => Ok(TorrentLink::Magnet(link)),
        }
    }

    /// Fetches the body of a link, of at most `max_bytes` decoded bytes. Dropping the future ends the transfer.
    ///
    /// # Errors
    /// [`FetchError`]; a redirect to anything but http and https is [`FetchError::Scheme`].
    pub async fn get_bytes(&self, url: &Url, max_bytes: usize) -> Result<Vec<u8>, FetchError> {
        match self.get(url, max_bytes.min(limits::MAX_BODY_BYTES)).await? {
            Outcome::Body(bytes) => Ok(bytes),
            Outcome::Magnet(_) => Err(FetchError::Scheme("magnet".to_owned())),
        }
    }

    async fn get(&self, url: &Url, max_bytes: usize) -> Result<Outcome, FetchError> {
        let clients = fetch::Clients { policy: self.policy, global: &self.global, first: &self.first };
        tokio::time::timeout(limits::TOTAL_TIMEOUT, fetch::follow(clients, url, max_bytes))
            .await
            .unwrap_or(Err(FetchError::TimedOut))
    }
}

fn build(policy: AddressPolicy) -> Result<reqwest::Client, BuildError> {
    reqwest::Client::builder()
        .user_agent(concat!("Freshet/", env!("CARGO_PKG_VERSION")))
        // A proxy would resolve names itself, past the judgment; redirects are followed by hand for the same reason.
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none())
        .referer(false)
        .dns_resolver(JudgingResolver(policy))
        .connect_timeout(limits::CONNECT_TIMEOUT)
        .read_timeout(limits::READ_TIMEOUT)
        .timeout(limits::TOTAL_TIMEOUT)
        // A pooled connection would skip the judgment of the next request to the same name.
        .pool_max_idle_per_host(0)
        .build()
        .map_err(|error| BuildError(error.to_string()))
}
