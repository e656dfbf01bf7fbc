//! Parts of files, as a web seed gives them (BEP 19): many questions to the same server, each for bytes that are known exactly.

use std::ops::Range;
use std::time::Duration;

use bytes::Bytes;
use freshet_model::AddressPolicy;
use futures::StreamExt;
use futures::stream::BoxStream;
use reqwest::header::{CONTENT_ENCODING, CONTENT_RANGE};
use reqwest::{Response, StatusCode};
use tokio::time::{Instant, timeout};
use url::Url;

use crate::client::{BuildError, limits};
use crate::exit::{Exit, WayOut};
use crate::fetch::{self, Question, Reached};
use crate::{FetchError, Route, WebClient};

/// Fetches parts of files, and keeps connections for the next part. Cheap to clone; clones share the connections.
///
/// A connection is kept only among those of the same policy, and was judged by it when it was made.
#[derive(Debug, Clone)]
pub struct RangeClient {
    exit: Exit,
}

impl WebClient {
    /// A client for parts of files, by the same policy.
    ///
    /// # Errors
    /// As [`WebClient::new`].
    pub fn ranges(&self) -> Result<RangeClient, BuildError> {
        RangeClient::new(self.policy())
    }
}

impl RangeClient {
    /// # Errors
    /// As [`WebClient::new`].
    pub fn new(policy: AddressPolicy) -> Result<Self, BuildError> {
        Ok(Self { exit: Exit::new(policy, finish)? })
    }

    /// As [`WebClient::set_route`].
    ///
    /// # Errors
    /// As there.
    pub fn set_route(&self, route: &Route) -> Result<(), BuildError> {
        self.exit.set_route(route)
    }

    /// Asks for these bytes of a file that has `file_bytes`, and waits for the head of the answer, for
    /// [`limits::RANGE_ANSWER_TIMEOUT`] at most. Dropping the future, or the body, ends the transfer.
    ///
    /// # Errors
    /// [`FetchError::WrongRange`] unless the server promises exactly these bytes; a whole file is taken for an answer only if
    /// it was asked for whole, or has at most [`limits::MAX_WHOLE_FILE_BYTES`].
    pub async fn get(&self, url: &Url, bytes: Range<u64>, file_bytes: u64) -> Result<RangeBody, FetchError> {
        if bytes.start >= bytes.end || bytes.end > file_bytes {
            return Err(FetchError::WrongRange("it has no such part"));
        }
        let mut way = self.exit.take();
        let open = way.open();
        let clients = open.clients(self.exit.policy(), None);
        let question = Question::Range { first: bytes.start, last: bytes.end - 1 };
        let reached = tokio::select! {
            reached = timeout(limits::RANGE_ANSWER_TIMEOUT, fetch::reach(clients, question, url)) => {
                reached.unwrap_or(Err(FetchError::TimedOut))?
            }
            rerouted = way.closed() => return Err(rerouted),
        };
        match reached {
            Reached::Answer(response, url) => answered(response, way, &url, &bytes, file_bytes),
            Reached::Magnet(_) => Err(FetchError::Scheme("magnet".to_owned())),
        }
    }
}

fn answered(
    response: Response,
    way: WayOut,
    url: &Url,
    bytes: &Range<u64>,
    file_bytes: u64,
) -> Result<RangeBody, FetchError> {
    let status = response.status();
    let is_whole = *bytes == (0..file_bytes);
    let skip = match status {
        StatusCode::PARTIAL_CONTENT if is_promised(&response, bytes, file_bytes) => 0,
        StatusCode::PARTIAL_CONTENT => return Err(FetchError::WrongRange("it promises another part")),
        StatusCode::OK if is_whole || file_bytes <= limits::MAX_WHOLE_FILE_BYTES => bytes.start,
        StatusCode::OK => return Err(FetchError::WrongRange("it sends the whole file")),
        _ => return Err(FetchError::Status(status.as_u16())),
    };
    if response.headers().get(CONTENT_ENCODING).is_some_and(|encoding| encoding != "identity") {
        return Err(FetchError::WrongRange("it sends it packed"));
    }
    let length = bytes.end - bytes.start;
    let body_bytes = if status == StatusCode::OK { file_bytes } else { length };
    if response.content_length().is_some_and(|announced| announced != body_bytes) {
        return Err(FetchError::WrongRange("it announces another length"));
    }
    Ok(RangeBody {
        skip,
        left: length,
        may_end: status == StatusCode::OK,
        host: url.host_str().unwrap_or_default().to_owned(),
        wait: limits::RANGE_WAIT,
        way,
        chunks: response.bytes_stream().boxed(),
    })
}

/// Whether `Content-Range` names just these bytes (RFC 9110, 14.4).
fn is_promised(response: &Response, bytes: &Range<u64>, file_bytes: u64) -> bool {
    let Some(text) = response.headers().get(CONTENT_RANGE).and_then(|value| value.to_str().ok()) else {
        return false;
    };
    let Some(("bytes", promised)) = text.trim().split_once(' ') else { return false };
    let Some((range, total)) = promised.trim().split_once('/') else { return false };
    let Some((first, last)) = range.split_once('-') else { return false };
    first.parse() == Ok(bytes.start)
        && last.parse() == Ok(bytes.end - 1)
        && (total == "*" || total.parse() == Ok(file_bytes))
}

fn finish(builder: reqwest::ClientBuilder) -> reqwest::ClientBuilder {
    builder
        .no_gzip()
        .pool_max_idle_per_host(limits::MAX_KEPT_CONNECTIONS)
        .pool_idle_timeout(limits::KEPT_CONNECTION_TIMEOUT)
}

/// The bytes of one part, as they come. Dropping it ends the transfer.
pub struct RangeBody {
    /// Bytes that come before those that were asked for.
    skip: u64,
    left: u64,
    /// Bytes may come after those that were asked for.
    may_end: bool,
    host: String,
    /// How long may still be waited.
    wait: Duration,
    way: WayOut,
    chunks: BoxStream<'static, reqwest::Result<Bytes>>,
}

impl RangeBody {
    /// The next bytes, never none of them; `None` once all that were asked for have come, and the connection is free again.
    ///
    /// # Errors
    /// [`FetchError::WrongRange`] if fewer bytes come than were promised, or more.
    pub async fn next(&mut self) -> Result<Option<Bytes>, FetchError> {
        loop {
            if self.left == 0 && self.may_end {
                return Ok(None);
            }
            let Some(mut chunk) = self.chunk().await? else {
                let is_all = self.left == 0;
                return if is_all { Ok(None) } else { Err(FetchError::WrongRange("it sends too little")) };
            };
            let skipped = self.skip.min(chunk.len() as u64);
            self.skip -= skipped;
            let mut part = chunk.split_off(skipped as usize);
            if part.len() as u64 > self.left {
                if !self.may_end {
                    return Err(FetchError::WrongRange("it sends too much"));
                }
                part.truncate(self.left as usize);
            }
            self.left -= part.len() as u64;
            if !part.is_empty() {
                return Ok(Some(part));
            }
        }
    }

    async fn chunk(&mut self) -> Result<Option<Bytes>, FetchError> {
        let begun = Instant::now();
        let chunk = tokio::select! {
            chunk = timeout(self.wait, self.chunks.next()) => chunk.map_err(|_| FetchError::TimedOut)?,
            rerouted = self.way.closed() => return Err(rerouted),
        };
        self.wait = self.wait.saturating_sub(begun.elapsed());
        chunk.transpose().map_err(|error| FetchError::from_reqwest(error, &self.host))
    }
}

impl std::fmt::Debug for RangeBody {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RangeBody").field("left", &self.left).finish_non_exhaustive()
    }
}
