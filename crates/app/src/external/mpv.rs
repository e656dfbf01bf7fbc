//! mpv's socket: it is asked where the film stands.

use std::io;
use std::time::Duration;

use serde::Deserialize;
use serde_json::json;
use tokio::io::{
    AsyncBufReadExt as _, AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, BufReader,
};
use tokio::time::timeout;

const ANSWER_TIMEOUT: Duration = Duration::from_secs(5);
/// No answer to these questions is longer, nor a line of news between.
const MAX_LINE_BYTES: u64 = 64 * 1024;
const MAX_NEWS: usize = 1000;

#[derive(Debug, Deserialize)]
struct Answer {
    request_id: Option<u64>,
    data: Option<serde_json::Value>,
}

/// One conversation.
pub(super) struct Ipc<S> {
    stream: BufReader<S>,
    asked: u64,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Ipc<S> {
    pub(super) fn new(stream: S) -> Self {
        Self { stream: BufReader::new(stream), asked: 0 }
    }

    /// A number that mpv knows by this name; `None` while it knows none.
    ///
    /// # Errors
    /// It has ended, or does not answer.
    pub(super) async fn number(&mut self, property: &str) -> io::Result<Option<f64>> {
        timeout(ANSWER_TIMEOUT, self.ask(property)).await.map_err(|_| io::ErrorKind::TimedOut)?
    }

    async fn ask(&mut self, property: &str) -> io::Result<Option<f64>> {
        self.asked += 1;
        let question = json!({"command": ["get_property", property], "request_id": self.asked});
        self.stream.write_all(format!("{question}\n").as_bytes()).await?;
        for _ in 0..MAX_NEWS {
            let mut line = Vec::new();
            (&mut self.stream).take(MAX_LINE_BYTES).read_until(b'\n', &mut line).await?;
            if line.is_empty() {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            match serde_json::from_slice::<Answer>(&line) {
                Ok(answer) if answer.request_id == Some(self.asked) => {
                    return Ok(answer
                        .data
                        .and_then(|data| data.as_f64())
                        .filter(|number| number.is_finite()));
                }
                // Its own news.
                Ok(_) => {}
                Err(error) => return Err(io::Error::new(io::ErrorKind::InvalidData, error)),
            }
        }
        Err(io::ErrorKind::InvalidData.into())
    }
}

#[cfg(unix)]
pub(super) async fn connect(path: &str) -> io::Result<Ipc<tokio::net::UnixStream>> {
    Ok(Ipc::new(tokio::net::UnixStream::connect(path).await?))
}

#[cfg(windows)]
#[expect(clippy::unused_async, reason = "elsewhere it waits")]
pub(super) async fn connect(path: &str) -> io::Result<Ipc<tokio::net::windows::named_pipe::NamedPipeClient>> {
    Ok(Ipc::new(tokio::net::windows::named_pipe::ClientOptions::new().open(path)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn news_between_are_passed_over_and_an_end_is_an_error() {
        let (ours, theirs) = tokio::io::duplex(4096);
        let mut theirs = BufReader::new(theirs);
        let mut ipc = Ipc::new(ours);
        let mpv = async {
            let mut question = String::new();
            theirs.read_line(&mut question).await.unwrap();
            let question: serde_json::Value = serde_json::from_str(&question).unwrap();
            assert_eq!(question["command"], json!(["get_property", "time-pos"]));
            let lines = "{\"event\":\"seek\"}\n{\"request_id\":1,\"error\":\"success\",\"data\":62.5}\n";
            theirs.write_all(lines.as_bytes()).await.unwrap();
            theirs.read_line(&mut String::new()).await.unwrap();
            theirs.write_all(b"{\"request_id\":2,\"error\":\"property unavailable\"}\n").await.unwrap();
        };
        let person = async {
            assert_eq!(ipc.number("time-pos").await.unwrap(), Some(62.5));
            assert_eq!(ipc.number("duration").await.unwrap(), None);
        };
        tokio::join!(mpv, person);
        drop(theirs);
        assert!(ipc.number("time-pos").await.is_err());
    }
}
