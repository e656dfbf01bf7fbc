//! A web server on loopback that a test writes the answers of.

#![allow(dead_code, clippy::unwrap_used, reason = "every test takes what it needs, and may fail")]

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

/// A request, as far as a test looks at it.
#[derive(Debug, Clone)]
pub(crate) struct Asked {
    pub(crate) method: String,
    /// Path and query.
    pub(crate) target: String,
    pub(crate) head: String,
    pub(crate) body: String,
}

#[derive(Debug, Clone)]
pub(crate) enum Told {
    /// First line behind the version, further fields each with their line end, body.
    Answer(String, String, Vec<u8>),
    /// Nothing, as long as the other side waits.
    Silence,
}

pub(crate) fn ok(body: impl Into<Vec<u8>>) -> Told {
    Told::Answer("200 OK".to_owned(), String::new(), body.into())
}

pub(crate) fn status(line: &str) -> Told {
    Told::Answer(line.to_owned(), String::new(), Vec::new())
}

pub(crate) fn redirect(location: &str) -> Told {
    Told::Answer("302 Found".to_owned(), format!("location: {location}\r\n"), Vec::new())
}

/// Ends when it is dropped.
pub(crate) struct Site {
    pub(crate) address: SocketAddr,
    asked: Arc<Mutex<Vec<Asked>>>,
    _connections: JoinSet<()>,
}

impl Site {
    pub(crate) async fn start(answer: impl Fn(&Asked) -> Told + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let asked = Arc::<Mutex<Vec<Asked>>>::default();
        let (heard, answer) = (Arc::clone(&asked), Arc::new(answer));
        let mut connections = JoinSet::new();
        connections.spawn(async move {
            let mut open = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                open.spawn(serve(stream, Arc::clone(&heard), Arc::clone(&answer)));
            }
        });
        Self { address, asked, _connections: connections }
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// All requests so far.
    pub(crate) fn asked(&self) -> Vec<Asked> {
        self.asked.lock().unwrap().clone()
    }
}

async fn serve(
    mut stream: TcpStream,
    heard: Arc<Mutex<Vec<Asked>>>,
    answer: Arc<impl Fn(&Asked) -> Told + Send + Sync>,
) {
    let mut bytes = Vec::new();
    while !bytes.ends_with(b"\r\n\r\n") {
        match stream.read_u8().await {
            Ok(byte) => bytes.push(byte),
            Err(_) => return,
        }
    }
    let head = String::from_utf8(bytes).unwrap();
    let length = head
        .lines()
        .find_map(|line| line.to_ascii_lowercase().strip_prefix("content-length: ")?.parse().ok());
    let mut body = vec![0; length.unwrap_or(0)];
    stream.read_exact(&mut body).await.unwrap();
    let mut first = head.split(' ');
    let asked = Asked {
        method: first.next().unwrap().to_owned(),
        target: first.next().unwrap().to_owned(),
        body: String::from_utf8(body).unwrap(),
        head: head.clone(),
    };
    heard.lock().unwrap().push(asked.clone());
    match answer(&asked) {
        Told::Silence => std::future::pending().await,
        Told::Answer(status, fields, body) => {
            let head = format!(
                "HTTP/1.1 {status}\r\nconnection: close\r\ncontent-length: {}\r\n{fields}\r\n",
                body.len()
            );
            // A client that has heard enough goes away.
            let _ = stream.write_all(&[head.as_bytes(), &body].concat()).await;
            let _ = stream.shutdown().await;
        }
    }
}
