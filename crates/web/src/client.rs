//! The client and its ceilings.

use freshet_model::AddressPolicy;
use url::{Host, Url};

use crate::exit::{self, Exit, WayOut};
use crate::fetch::{self, Outcome, Question};
use crate::{FetchError, HostError, Route};

/// What we take from a server that we do not know, in one place.
pub mod limits {
    use std::time::Duration;

    /// Of a body, as it arrives and as it is decoded.
    pub const MAX_BODY_BYTES: usize = 10 * 1024 * 1024;
    /// Of a list that a server sends to whoever moves away from it.
    pub const MAX_LIST_BYTES: usize = 64 * 1024 * 1024;
    pub const MAX_REDIRECTS: usize = 5;
    pub const RESOLVE_TIMEOUT: Duration = Duration::from_secs(5);
    pub const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
    /// Between two pieces of an answer.
    pub const READ_TIMEOUT: Duration = Duration::from_secs(20);
    /// From the first connection to the last byte, redirects included.
    pub const TOTAL_TIMEOUT: Duration = Duration::from_secs(60);
    /// For the head of the answer to a question for a part of a file, redirects included.
    pub const RANGE_ANSWER_TIMEOUT: Duration = Duration::from_secs(20);
    /// How long in all is waited for the bytes of a part of a file; the time in which nobody reads does not count.
    pub const RANGE_WAIT: Duration = Duration::from_secs(60);
    /// How long a connection that gave a part of a file is kept for the next one.
    pub const KEPT_CONNECTION_TIMEOUT: Duration = Duration::from_secs(30);
    /// Connections to one server that are kept.
    pub const MAX_KEPT_CONNECTIONS: usize = 2;
    /// A server that can't give parts may send a file whole that is no longer than this.
    pub const MAX_WHOLE_FILE_BYTES: u64 = 256 * 1024;
}

#[derive(Debug, thiserror::Error)]
#[error("the HTTP client could not be set up: {0}")]
pub struct BuildError(pub(crate) String);

/// What a link to a torrent led to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TorrentLink {
    /// The bytes that were served, not yet judged.
    File(Vec<u8>),
    /// The server redirected to a magnet link.
    Magnet(String),
}

/// Fetches links that strangers wrote. Cheap to clone; clones go out by the same way.
#[derive(Debug, Clone)]
pub struct WebClient {
    exit: Exit,
}

impl WebClient {
    /// A system without certificates gets a client for which every https server is a stranger ([`WebClient::trusts_nobody`]).
    ///
    /// # Errors
    /// [`BuildError`] if the TLS back end of the system can't be used.
    pub fn new(policy: AddressPolicy) -> Result<Self, BuildError> {
        Ok(Self { exit: Exit::new(policy, finish)? })
    }

    /// Which hosts this client asks.
    pub fn policy(&self) -> AddressPolicy {
        self.exit.policy()
    }

    /// Whether the system has no certificates to know servers by: https is [`FetchError::NoCertificates`] then.
    pub fn trusts_nobody(&self) -> bool {
        self.exit.take().open().trusts_nobody()
    }

    /// On which way all goes from now on; at first it is the direct one. What is under way by another way ends with
    /// [`FetchError::Rerouted`]. While the way is not open, everything fails with [`FetchError::InterfaceMissing`].
    ///
    /// # Errors
    /// As [`WebClient::new`]; the old way stays then.
    pub fn set_route(&self, route: &Route) -> Result<(), BuildError> {
        self.exit.set_route(route)
    }

    /// The way as it is now, for those who open sockets of their own.
    pub fn way_out(&self) -> WayOut {
        self.exit.take()
    }

    /// Whether a host may be asked. Where there is a proxy nothing is looked up; else this waits for the resolver, for
    /// [`limits::RESOLVE_TIMEOUT`] at most.
    ///
    /// # Errors
    /// [`HostError::Refused`] if the host has addresses and none may be asked.
    pub async fn check_host(&self, host: &Host<&str>, port: u16) -> Result<(), HostError> {
        let way = self.way_out();
        if way.route().proxy.is_some() {
            return exit::judge_unresolved(host, self.policy());
        }
        way.addresses(host, port, self.policy()).await.map(drop)
    }

    /// Fetches a `.torrent` file; a redirect to a magnet link is an answer too. Dropping the future ends the transfer.
    ///
    /// # Errors
    /// [`FetchError`]; nothing was connected to when it is [`FetchError::AddressRefused`] for the link itself.
    pub async fn get_torrent(&self, url: &Url) -> Result<TorrentLink, FetchError> {
        self.ask(None, Question::Get, url, limits::MAX_BODY_BYTES).await.map(torrent_link)
    }

    /// The same for a link that a service gave which the person has chosen (`trusted` is its address): private addresses
    /// are asked only at the host and port of that service, whatever this client may do otherwise.
    ///
    /// # Errors
    /// As [`WebClient::get_torrent`]; [`FetchError::AddressRefused`] for a link, or a redirect, to a private address of
    /// anybody else.
    pub async fn get_torrent_of(&self, url: &Url, trusted: &Url) -> Result<TorrentLink, FetchError> {
        self.ask(Some(trusted), Question::Get, url, limits::MAX_BODY_BYTES).await.map(torrent_link)
    }

    /// Fetches the body of a link, of at most `max_bytes` decoded bytes. Dropping the future ends the transfer.
    ///
    /// # Errors
    /// [`FetchError`]; a redirect to anything but http and https is [`FetchError::Scheme`].
    pub async fn get_bytes(&self, url: &Url, max_bytes: usize) -> Result<Vec<u8>, FetchError> {
        let max_bytes = max_bytes.min(limits::MAX_BODY_BYTES);
        self.ask(None, Question::Get, url, max_bytes).await.and_then(body)
    }

    /// Sends JSON by POST and gives the body of the answer, of at most `max_bytes` decoded bytes. User name and password of
    /// the address are sent as Basic authentication. Dropping the future ends the transfer.
    ///
    /// # Errors
    /// [`FetchError`]; a redirect that would turn the question into another one is [`FetchError::BadRedirect`].
    pub async fn post_json(&self, url: &Url, json: &str, max_bytes: usize) -> Result<Vec<u8>, FetchError> {
        let max_bytes = max_bytes.min(limits::MAX_LIST_BYTES);
        self.ask(None, Question::Json(json), url, max_bytes).await.and_then(body)
    }

    async fn ask(
        &self,
        trusted: Option<&Url>,
        question: Question<'_>,
        url: &Url,
        max_bytes: usize,
    ) -> Result<Outcome, FetchError> {
        let mut way = self.exit.take();
        let open = way.open();
        let clients = open.clients(self.policy(), trusted);
        tokio::select! {
            outcome = tokio::time::timeout(limits::TOTAL_TIMEOUT, fetch::follow(clients, question, url, max_bytes)) => {
                outcome.unwrap_or(Err(FetchError::TimedOut))
            }
            rerouted = way.closed() => Err(rerouted),
        }
    }
}

fn torrent_link(outcome: Outcome) -> TorrentLink {
    match outcome {
        Outcome::Body(bytes) => TorrentLink::File(bytes),
        Outcome::Magnet(link) => TorrentLink::Magnet(link),
    }
}

fn body(outcome: Outcome) -> Result<Vec<u8>, FetchError> {
    match outcome {
        Outcome::Body(bytes) => Ok(bytes),
        Outcome::Magnet(_) => Err(FetchError::Scheme("magnet".to_owned())),
    }
}

fn finish(builder: reqwest::ClientBuilder) -> reqwest::ClientBuilder {
    // A pooled connection would skip the judgment of the next request to the same name.
    builder.timeout(limits::TOTAL_TIMEOUT).pool_max_idle_per_host(0)
}

/// What holds for every client of ours.
pub(crate) fn builder() -> reqwest::ClientBuilder {
    reqwest::Client::builder()
        .user_agent(concat!("Freshet/", env!("CARGO_PKG_VERSION")))
        // Only the person's own choice, never one that the environment makes; redirects are followed by hand, to be judged.
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none())
        .referer(false)
        .connect_timeout(limits::CONNECT_TIMEOUT)
        .read_timeout(limits::READ_TIMEOUT)
}
