//! One transfer: hop by hop, each judged again, and never more bytes than agreed.

use freshet_model::{AddressPolicy, is_global};
use futures::StreamExt;
use reqwest::header::{ACCEPT_ENCODING, CONTENT_TYPE, LOCATION, RANGE};
use reqwest::{Response, StatusCode};
use url::{Host, Url};

use crate::exit::{self, Open};
use crate::host::check_host;
use crate::{FetchError, limits};

pub(crate) enum Outcome {
    Body(Vec<u8>),
    Magnet(String),
}

#[derive(Clone, Copy)]
pub(crate) struct Clients<'a> {
    pub(crate) policy: AddressPolicy,
    /// Where given, the policy holds for the host and port of this address alone; every other one has to be public.
    pub(crate) trusted: Option<&'a Url>,
    pub(crate) open: &'a Open,
}

impl Clients<'_> {
    fn policy_for(&self, url: &Url) -> AddressPolicy {
        match self.trusted {
            Some(trusted) if !is_same_server(trusted, url) => AddressPolicy::GlobalOnly,
            Some(_) | None => self.policy,
        }
    }
}

/// Whether two addresses name the same host, by the same word, and the same port.
pub(crate) fn is_same_server(a: &Url, b: &Url) -> bool {
    let server = |url: &Url| (url.host().map(|host| host.to_owned()), url.port_or_known_default());
    a.has_host() && server(a) == server(b)
}

/// What is sent.
#[derive(Clone, Copy)]
pub(crate) enum Question<'a> {
    Get,
    Json(&'a str),
    /// Bytes as they are, from the first to the last of these.
    Range {
        first: u64,
        last: u64,
    },
}

/// Where the way of redirects ended.
pub(crate) enum Reached {
    /// Whatever its status; with the address that gave it.
    Answer(Response, Url),
    Magnet(String),
}

pub(crate) async fn follow(
    clients: Clients<'_>,
    question: Question<'_>,
    url: &Url,
    max_bytes: usize,
) -> Result<Outcome, FetchError> {
    match reach(clients, question, url).await? {
        Reached::Magnet(link) => Ok(Outcome::Magnet(link)),
        Reached::Answer(response, url) if response.status().is_success() => {
            read_body(response, &url, max_bytes).await.map(Outcome::Body)
        }
        Reached::Answer(response, _) => Err(FetchError::Status(response.status().as_u16())),
    }
}

/// Asks hop by hop, until somebody answers with more than a redirect.
pub(crate) async fn reach(
    clients: Clients<'_>,
    question: Question<'_>,
    url: &Url,
) -> Result<Reached, FetchError> {
    let mut url = url.clone();
    let mut was_public = false;
    for _ in 0..=limits::MAX_REDIRECTS {
        let policy = if was_public { AddressPolicy::GlobalOnly } else { clients.policy_for(&url) };
        let response = ask(clients, question, &url, policy).await?;
        if !is_redirect(response.status()) {
            return Ok(Reached::Answer(response, url));
        }
        // Once the way has led through a public server, it never leads into a private network again.
        was_public |=
            clients.open.has_proxy() || response.remote_addr().is_none_or(|peer| is_global(peer.ip()));
        // The other redirects turn a question with a body into one without, which is another question.
        if matches!(question, Question::Json(_)) && !matches!(response.status().as_u16(), 307 | 308) {
            return Err(FetchError::BadRedirect);
        }
        let target = response.headers().get(LOCATION).ok_or(FetchError::BadRedirect)?;
        let target = std::str::from_utf8(target.as_bytes()).map_err(|_| FetchError::BadRedirect)?;
        if target.get(..7).is_some_and(|scheme| scheme.eq_ignore_ascii_case("magnet:")) {
            return Ok(Reached::Magnet(target.to_owned()));
        }
        url = url.join(target).map_err(|_| FetchError::BadRedirect)?;
    }
    Err(FetchError::TooManyRedirects)
}

async fn ask(
    clients: Clients<'_>,
    question: Question<'_>,
    url: &Url,
    policy: AddressPolicy,
) -> Result<Response, FetchError> {
    if !matches!(url.scheme(), "http" | "https") {
        return Err(FetchError::Scheme(url.scheme().to_owned()));
    }
    let host = url.host().ok_or(FetchError::BadRedirect)?;
    let host_name = host.to_string();
    // Names are judged by the client's resolver; addresses never reach a resolver, so they are judged here.
    if clients.open.has_proxy() {
        exit::judge_unresolved(&host, policy).map_err(|error| FetchError::from_host(error, &host_name))?;
    } else if !matches!(host, Host::Domain(_)) {
        let port = url.port_or_known_default().unwrap_or(80);
        let lookup = clients.open.lookup();
        check_host(&host, port, policy, lookup)
            .await
            .map_err(|error| FetchError::from_host(error, &host_name))?;
    }
    if url.scheme() == "https" && clients.open.trusts_nobody() {
        return Err(FetchError::NoCertificates);
    }
    let client = clients.open.client(policy, &host)?;
    let request = match question {
        Question::Get => client.get(url.clone()),
        Question::Range { first, last } => client
            .get(url.clone())
            .header(RANGE, format!("bytes={first}-{last}"))
            .header(ACCEPT_ENCODING, "identity"),
        Question::Json(body) => {
            client.post(url.clone()).header(CONTENT_TYPE, "application/json").body(body.to_owned())
        }
    };
    request.send().await.map_err(|error| FetchError::from_reqwest(error, &host_name))
}

fn is_redirect(status: StatusCode) -> bool {
    matches!(status.as_u16(), 301 | 302 | 303 | 307 | 308)
}

async fn read_body(response: Response, url: &Url, max_bytes: usize) -> Result<Vec<u8>, FetchError> {
    let announced = response.content_length().unwrap_or(0);
    if announced > max_bytes as u64 {
        return Err(FetchError::TooLarge(max_bytes));
    }
    let mut body = Vec::new();
    let mut chunks = response.bytes_stream();
    while let Some(chunk) = chunks.next().await {
        let chunk = chunk.map_err(|error| FetchError::from_reqwest(error, url.host_str().unwrap_or("")))?;
        if body.len() + chunk.len() > max_bytes {
            return Err(FetchError::TooLarge(max_bytes));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}
