//! Just enough HTTP to talk to a freshetd on this machine; a client library would be this tool's largest dependency.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use crate::failure::{During, Failure, Result};

const ANSWER_TIMEOUT: Duration = Duration::from_secs(60);

/// What the server answered.
#[derive(Debug, Eq, PartialEq)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) body: Vec<u8>,
}

/// Sends one request to `authority` (`127.0.0.1:8090`) and reads the whole answer.
///
/// # Errors
/// The server cannot be reached, is silent for a minute, or answers with something else than HTTP.
pub(crate) fn request(
    authority: &str,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: &str,
) -> Result<Answer> {
    let what = format!("{method} http://{authority}{path}");
    let mut stream = TcpStream::connect(authority).during(&what)?;
    stream.set_read_timeout(Some(ANSWER_TIMEOUT)).during(&what)?;
    let mut head = format!("{method} {path} HTTP/1.1\r\nHost: {authority}\r\nConnection: close\r\n");
    for (name, value) in headers {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    head.push_str(&format!("Content-Length: {}\r\n\r\n", body.len()));
    stream.write_all(head.as_bytes()).during(&what)?;
    stream.write_all(body.as_bytes()).during(&what)?;
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes).during(&what)?;
    parse(&bytes).ok_or_else(|| Failure::new(format!("{what}: not an HTTP answer")))
}

fn parse(bytes: &[u8]) -> Option<Answer> {
    let end = bytes.windows(4).position(|window| window == b"\r\n\r\n")?;
    let head = std::str::from_utf8(&bytes[..end]).ok()?;
    let status = head.strip_prefix("HTTP/1.")?.split(' ').nth(1)?.parse().ok()?;
    let body = &bytes[end + 4..];
    let is_chunked = head.lines().any(|line| line.eq_ignore_ascii_case("transfer-encoding: chunked"));
    let body = if is_chunked { unchunk(body)? } else { body.to_vec() };
    Some(Answer { status, body })
}

fn unchunk(mut rest: &[u8]) -> Option<Vec<u8>> {
    let mut body = Vec::new();
    loop {
        let end = rest.windows(2).position(|window| window == b"\r\n")?;
        let size = std::str::from_utf8(&rest[..end]).ok()?.split(';').next()?;
        let size = usize::from_str_radix(size.trim(), 16).ok()?;
        if size == 0 {
            return Some(body);
        }
        rest = &rest[end + 2..];
        body.extend_from_slice(rest.get(..size)?);
        rest = rest.get(size + 2..)?;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_and_chunked_answers_are_read() {
        let plain = b"HTTP/1.1 206 Partial Content\r\nContent-Length: 3\r\n\r\nabc";
        let chunked =
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n1;x=y\r\nd\r\n0\r\n\r\n";

        assert_eq!(parse(plain), Some(Answer { status: 206, body: b"abc".to_vec() }));
        assert_eq!(parse(chunked), Some(Answer { status: 200, body: b"abcd".to_vec() }));
    }

    #[test]
    fn a_cut_answer_is_none() {
        assert_eq!(parse(b"HTTP/1.1 200 OK\r\n"), None);
        assert_eq!(parse(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab"), None);
        assert_eq!(parse(b"SSH-2.0\r\n\r\n"), None);
    }
}
