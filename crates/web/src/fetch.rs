//! One transfer: hop by hop, each judged again, and never more bytes than agreed.

use freshet_model::{AddressPolicy, is_global};
use futures::StreamExt;
use reqwest::header::LOCATION;
use reqwest::{Response, StatusCode};
use url::{Host, Url};

use crate::{FetchError, check_host, limits};

pub(crate) enum Outcome {
    Body(Vec<u8>),
    Magnet(String),
}

#[derive(Clone, Copy)]
pub(crate) struct Clients<'a> {
    pub(crate) policy: AddressPolicy,
    pub(crate) global: &'a reqwest::Client,
    pub(crate) first: &'a reqwest::Client,
}

pub(crate) async fn follow(clients: Clients<'_>, url: &Url, max_bytes: usize) -> Result<Outcome, FetchError> {
    let mut url = url.clone();
    let mut policy = clients.policy;
    for _ in 0..=limits::MAX_REDIRECTS {
        let response = ask(clients, &url, policy).await?;
        if !is_redirect(response.status()) {
            return if response.status().is_success() {
                read_body(response, &url, max_bytes).await.map(Outcome::Body)
            } else {
                Err(FetchError::Status(response.status().as_u16()))
            };
        }
        // Once the way has led through a public server, it never leads into a private network again.
        if response.remote_addr().is_none_or(|peer| is_global(peer.ip())) {
            policy = AddressPolicy::GlobalOnly;
        }
        let target = response.headers().get(LOCATION).ok_or(FetchError::BadRedirect)?;
        let target = std::str::from_utf8(target.as_bytes()).map_err(|_| FetchError::BadRedirect)?;
        if target.get(..7).is_some_and(|scheme| scheme.eq_ignore_ascii_case("magnet:")) {
            return Ok(Outcome::Magnet(target.to_owned()));
        }
        url = url.join(target).map_err(|_| FetchError::BadRedirect)?;
    }
    Err(FetchError::TooManyRedirects)
}

async fn ask(clients: Clients<'_>, url: &Url, policy: AddressPolicy) -> Result<Response, FetchError> {
    if !matches!(url.scheme(), "http" | "https") {
        return Err(FetchError::Scheme(url.scheme().to_owned()));
    }
    let host = url.host().ok_or(FetchError::BadRedirect)?;
    let host_name = host.to_string();
    // Names are judged by the client's resolver; addresses never reach a resolver, so they are judged here.
    if !matches!(host, Host::Domain(_)) {
        let port = url.port_or_known_default().unwrap_or(80);
        check_host(&host, port, policy).await.map_err(|error| FetchError::from_host(error, &host_name))?;
    }
    let client = match policy {
        AddressPolicy::GlobalOnly => clients.global,
        AddressPolicy::PrivateToo => clients.first,
    };
    client.get(url.clone()).send().await.map_err(|error| FetchError::from_reqwest(&error, &host_name))
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
        let chunk = chunk.map_err(|error| FetchError::from_reqwest(&error, url.host_str().unwrap_or("")))?;
        if body.len() + chunk.len() > max_bytes {
            return Err(FetchError::TooLarge(max_bytes));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}
