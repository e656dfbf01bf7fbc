//! TorrServer's interface from the other side: a small client for a server on this computer.

use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use freshet_model::WireError;
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::header::{CONTENT_TYPE, HOST};
use hyper::{Method, Request, StatusCode};
use hyper_util::rt::TokioIo;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;

use super::torrent::{File, Torrent, Viewed};

/// Nobody, or somebody else, listens there.
const ECHO_TIMEOUT: Duration = Duration::from_secs(2);
/// A link to a .torrent file is fetched before the answer comes.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(90);
/// The server itself gives up earlier when nothing arrives.
const PRELOAD_TIMEOUT: Duration = Duration::from_secs(10 * 60);
/// Moving in opens torrents on the other server for a minute and a half.
const COMMAND_TIMEOUT: Duration = Duration::from_secs(15 * 60);
/// A torrent of twenty thousand files with long names stays below it.
const MAX_ANSWER_BYTES: usize = 64 * 1024 * 1024;
const BOUNDARY: &str = "freshet-8a2c41d0b7e6";

#[derive(Debug, thiserror::Error)]
pub(crate) enum ClientError {
    #[error("can't reach {address}: {error}")]
    Connect { address: SocketAddr, error: std::io::Error },
    #[error("{0} does not answer in time")]
    TimedOut(SocketAddr),
    #[error("{address} breaks off: {error}")]
    Broken { address: SocketAddr, error: Box<dyn std::error::Error + Send + Sync> },
    #[error("this is not a torrent that can be played")]
    Refused,
    #[error("the server asks for a password")]
    Password,
    #[error("{}", .0.message)]
    Told(WireError),
    #[error("the server answers {0}")]
    Status(StatusCode),
    #[error("the server's answer can't be read: {0}")]
    Answer(#[from] serde_json::Error),
}

/// Knows where the server is. Each request has a connection of its own.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Client {
    address: SocketAddr,
}

impl Client {
    pub(crate) fn new(address: SocketAddr) -> Self {
        Self { address }
    }

    /// Whether who listens there is the same user.
    pub(crate) async fn is_ours(&self) -> bool {
        tokio::time::timeout(ECHO_TIMEOUT, self.asks_for_owner())
            .await
            .is_ok_and(|owner| owner.unwrap_or(false))
    }

    /// A connection has no owner at its other end until somebody takes it up; who has answered has done so.
    async fn asks_for_owner(&self) -> std::io::Result<bool> {
        let mut stream = TcpStream::connect(self.address).await?;
        let question = format!("GET /echo HTTP/1.1\r\n{HOST}: {}\r\n\r\n", self.address);
        stream.write_all(question.as_bytes()).await?;
        let is_answered = stream.peek(&mut [0]).await? > 0;
        Ok(is_answered && freshet_server::is_same_user(stream.peer_addr()?, stream.local_addr()?))
    }

    /// Whether something that speaks TorrServer's interface answers.
    pub(crate) async fn is_freshet(&self) -> bool {
        let answer = self.send(Method::GET, "/echo", "text/plain", Bytes::new(), ECHO_TIMEOUT).await;
        answer.is_ok_and(|version| version.starts_with(b"MatriX."))
    }

    pub(crate) async fn add(&self, link: &str) -> Result<Torrent, ClientError> {
        self.post("/torrents", json!({"action": "add", "link": link, "save_to_db": true})).await
    }

    pub(crate) async fn upload(&self, file: &[u8]) -> Result<Torrent, ClientError> {
        let head = format!(
            "--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"save\"\r\n\r\n1\r\n\
             --{BOUNDARY}\r\nContent-Disposition: form-data; name=\"file\"; filename=\"file.torrent\"\r\n\
             Content-Type: application/x-bittorrent\r\n\r\n"
        );
        let body = [head.as_bytes(), file, format!("\r\n--{BOUNDARY}--\r\n").as_bytes()].concat();
        let content_type = format!("multipart/form-data; boundary={BOUNDARY}");
        let answer =
            self.send(Method::POST, "/torrent/upload", &content_type, body.into(), REQUEST_TIMEOUT).await?;
        serde_json::from_slice::<Option<Torrent>>(&answer)?.ok_or(ClientError::Refused)
    }

    pub(crate) async fn torrent(&self, hash: &str) -> Result<Torrent, ClientError> {
        self.post("/torrents", json!({"action": "get", "hash": hash})).await
    }

    pub(crate) async fn viewed(&self, hash: &str) -> Result<Vec<Viewed>, ClientError> {
        self.post("/viewed", json!({"action": "list", "hash": hash})).await
    }

    /// Waits until the beginning of a file is there.
    pub(crate) async fn preload(&self, hash: &str, id: u32) -> Result<(), ClientError> {
        let path = format!("/stream?link={hash}&index={id}&preload");
        self.send(Method::GET, &path, "text/plain", Bytes::new(), PRELOAD_TIMEOUT).await.map(drop)
    }

    /// Where a player finds the file.
    pub(crate) fn stream_url(&self, hash: &str, file: &File) -> String {
        let name = utf8_percent_encode(file.name(), NON_ALPHANUMERIC);
        format!("http://{}/stream/{name}?link={hash}&index={}&play", self.address, file.id)
    }

    /// Runs a command of Freshet's own list.
    pub(crate) async fn command(&self, name: &str, args: &Value) -> Result<Value, ClientError> {
        let body = Bytes::from(args.to_string());
        let path = format!("/rpc/{name}");
        let answer = self.send(Method::POST, &path, "application/json", body, COMMAND_TIMEOUT).await?;
        Ok(serde_json::from_slice(&answer)?)
    }

    async fn post<T: DeserializeOwned>(&self, path: &str, body: Value) -> Result<T, ClientError> {
        let body = Bytes::from(body.to_string());
        let answer = self.send(Method::POST, path, "application/json", body, REQUEST_TIMEOUT).await?;
        Ok(serde_json::from_slice(&answer)?)
    }

    async fn send(
        &self,
        method: Method,
        path: &str,
        content_type: &str,
        body: Bytes,
        timeout: Duration,
    ) -> Result<Bytes, ClientError> {
        let exchange = self.exchange(method, path, content_type, body);
        tokio::time::timeout(timeout, exchange).await.unwrap_or(Err(ClientError::TimedOut(self.address)))
    }

    async fn exchange(
        &self,
        method: Method,
        path: &str,
        content_type: &str,
        body: Bytes,
    ) -> Result<Bytes, ClientError> {
        let address = self.address;
        let broken = |error: Box<dyn std::error::Error + Send + Sync>| ClientError::Broken { address, error };
        let stream = TcpStream::connect(address).await;
        let stream = stream.map_err(|error| ClientError::Connect { address, error })?;
        let handshake = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await;
        let (mut sender, connection) = handshake.map_err(|error| broken(error.into()))?;
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header(HOST, address.to_string())
            .header(CONTENT_TYPE, content_type)
            // Commands are taken from nobody who can't say this.
            .header("x-freshet", "1")
            .body(Full::new(body))
            .map_err(|error| broken(error.into()))?;
        let answer = async {
            let response = sender.send_request(request).await.map_err(|error| broken(error.into()))?;
            match response.status() {
                StatusCode::OK => {}
                status if path.starts_with("/rpc/") => {
                    let body = Limited::new(response.into_body(), MAX_ANSWER_BYTES).collect().await;
                    let body = body.map_err(broken)?.to_bytes();
                    let told: Option<WireError> = serde_json::from_slice(&body).ok();
                    return Err(told.map_or(ClientError::Status(status), ClientError::Told));
                }
                StatusCode::BAD_REQUEST => return Err(ClientError::Refused),
                StatusCode::UNAUTHORIZED => return Err(ClientError::Password),
                status => return Err(ClientError::Status(status)),
            }
            let body = Limited::new(response.into_body(), MAX_ANSWER_BYTES).collect().await;
            Ok(body.map_err(broken)?.to_bytes())
        };
        // The connection is driven here and ends with this call, whatever happens to it.
        let mut answer = std::pin::pin!(answer);
        tokio::select! {
            result = &mut answer => result,
            result = connection => match result {
                Ok(()) => answer.await,
                Err(error) => Err(broken(error.into())),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::net::TcpListener;

    use super::*;

    #[tokio::test]
    async fn a_server_that_takes_its_time_is_ours_all_the_same() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let client = Client::new(listener.local_addr().unwrap());
        let mut is_ours = std::pin::pin!(client.is_ours());

        let early = tokio::time::timeout(Duration::from_millis(200), &mut is_ours).await;

        assert!(early.is_err(), "nobody has taken up the connection, so nobody can tell whose it is");
        let answer = async {
            let (mut stream, _) = listener.accept().await.unwrap();
            stream.write_all(b"HTTP/1.1 200 OK\r\n").await.unwrap();
            stream
        };
        let (is_ours, _held) = tokio::join!(is_ours, answer);
        assert!(is_ours);
    }
}
