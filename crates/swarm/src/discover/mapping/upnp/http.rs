//! As much of HTTP as routers need: one question on one connection, and an answer with a ceiling.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use freshet_web::Route;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::timeout;

use super::UpnpError;

/// From connecting to the last byte.
const EXCHANGE_TIMEOUT: Duration = Duration::from_secs(5);
/// Real descriptions are below 16 KiB.
const MAX_ANSWER_BYTES: usize = 128 * 1024;

#[derive(Debug, Clone, Copy)]
pub(super) enum Request<'a> {
    Get { path: &'a str },
    Soap { path: &'a str, action: &'a str, body: &'a str },
}

#[derive(Debug, PartialEq, Eq)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) body: String,
    /// Ours, as the router sees it.
    pub(super) own_ip: IpAddr,
}

/// Follows no redirect.
pub(super) async fn ask(
    route: &Route,
    address: SocketAddr,
    request: Request<'_>,
) -> Result<Answer, UpnpError> {
    timeout(EXCHANGE_TIMEOUT, exchange(route, address, request)).await.map_err(|_| UpnpError::TimedOut)?
}

async fn exchange(route: &Route, address: SocketAddr, request: Request<'_>) -> Result<Answer, UpnpError> {
    let mut stream = route.connect(address).await?;
    let own_ip = stream.local_addr()?.ip().to_canonical();
    stream.write_all(request.to_text(address).as_bytes()).await?;
    let mut bytes = Vec::new();
    while !is_whole(&bytes) {
        if bytes.len() > MAX_ANSWER_BYTES {
            return Err(UpnpError::TooLarge);
        }
        if stream.read_buf(&mut bytes).await? == 0 {
            break;
        }
    }
    let (status, body) = parse(&bytes).ok_or(UpnpError::Answer)?;
    Ok(Answer { status, body, own_ip })
}

impl Request<'_> {
    /// The older version of HTTP, so that the answer comes in one part and ends with the connection.
    fn to_text(self, address: SocketAddr) -> String {
        match self {
            Self::Get { path } => {
                format!("GET {path} HTTP/1.0\r\nHost: {address}\r\nConnection: close\r\n\r\n")
            }
            Self::Soap { path, action, body } => format!(
                "POST {path} HTTP/1.0\r\nHost: {address}\r\nConnection: close\r\n\
                 Content-Type: text/xml; charset=\"utf-8\"\r\nContent-Length: {}\r\nSOAPAction: \"{action}\"\r\n\r\n{body}",
                body.len()
            ),
        }
    }
}

fn split_head(bytes: &[u8]) -> Option<(&str, &[u8])> {
    let end = bytes.windows(4).position(|window| window == b"\r\n\r\n")?;
    Some((std::str::from_utf8(&bytes[..end]).ok()?, &bytes[end + 4..]))
}

fn header<'a>(head: &'a str, wanted: &str) -> Option<&'a str> {
    let named = head.lines().skip(1).filter_map(|line| line.split_once(':'));
    named
        .into_iter()
        .find(|(name, _)| name.trim().eq_ignore_ascii_case(wanted))
        .map(|(_, value)| value.trim())
}

/// Whether the announced length has come: some routers leave the connection open.
fn is_whole(bytes: &[u8]) -> bool {
    split_head(bytes).is_some_and(|(head, body)| {
        header(head, "content-length")
            .and_then(|length| length.parse().ok())
            .is_some_and(|length: usize| body.len() >= length)
    })
}

fn parse(bytes: &[u8]) -> Option<(u16, String)> {
    let (head, body) = split_head(bytes)?;
    if !head.starts_with("HTTP/1.") {
        return None;
    }
    let status = head.split(' ').nth(1)?.parse().ok()?;
    let is_chunked = header(head, "transfer-encoding").is_some_and(|how| how.eq_ignore_ascii_case("chunked"));
    let body = if is_chunked { unchunked(body) } else { body.to_vec() };
    Some((status, String::from_utf8_lossy(&body).into_owned()))
}

/// For routers that answer in the newer version of HTTP anyhow; what is broken ends the text.
fn unchunked(mut body: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    while let Some(end) = body.windows(2).position(|window| window == b"\r\n") {
        let line = String::from_utf8_lossy(&body[..end]);
        let length = line.split(';').next().and_then(|length| usize::from_str_radix(length.trim(), 16).ok());
        let Some(chunk) =
            length.filter(|length| *length > 0).and_then(|length| body[end + 2..].get(..length))
        else {
            break;
        };
        out.extend_from_slice(chunk);
        body = body[end + 2 + chunk.len()..].strip_prefix(b"\r\n").unwrap_or_default();
    }
    out
}

/// Gives the body of an answer, if it is one.
#[cfg(any(test, feature = "fuzzing"))]
pub(super) fn fuzz(bytes: &[u8]) -> Option<String> {
    let _ = is_whole(bytes);
    parse(bytes).map(|(_, body)| body)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn an_answer_is_read_whole_or_in_chunks() {
        let whole = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello";
        assert_eq!(parse(whole), Some((200, "hello".to_owned())));
        let chunked =
            b"HTTP/1.1 500 No\r\ntransfer-encoding: Chunked\r\n\r\n3;x=y\r\nhel\r\n2\r\nlo\r\n0\r\n\r\n";
        assert_eq!(parse(chunked), Some((500, "hello".to_owned())));
        let broken =
            b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nhel\r\nffffffffffffffff\r\nlo";
        assert_eq!(parse(broken), Some((200, "hel".to_owned())));
        assert_eq!(parse(b"SSH-2.0\r\n\r\n"), None);
        assert_eq!(parse(b"HTTP/1.1 200 OK\r\n"), None);
    }

    #[test]
    fn the_announced_length_ends_an_answer() {
        let whole = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello";
        assert!(is_whole(whole));
        assert!(!is_whole(&whole[..whole.len() - 1]));
        assert!(!is_whole(b"HTTP/1.1 200 OK\r\n\r\nhello"));
    }

    proptest! {
        #[test]
        fn no_answer_makes_the_reader_panic(body in proptest::collection::vec(any::<u8>(), 0..100)) {
            let chunked = [&b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"[..], &body].concat();
            let _ = (parse(&chunked), parse(&body), is_whole(&chunked), is_whole(&body));
        }
    }
}
