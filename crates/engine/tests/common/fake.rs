//! Servers and peers that say what a test tells them.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use freshet_model::InfoHash;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;

/// A TCP server on 127.0.0.1 that counts its connections; it ends when it is dropped.
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    connections: Arc<AtomicUsize>,
    _task: JoinSet<()>,
}

/// Heads of HTTP requests, in order.
pub(crate) type Requests = Arc<Mutex<Vec<String>>>;

impl Server {
    pub(crate) fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }

    /// Answers every HTTP request with these bytes.
    pub(crate) async fn http(answer: Vec<u8>) -> Self {
        Self::http_noting(answer, &Requests::default()).await
    }

    /// As [`Server::http`], and notes what it was asked.
    pub(crate) async fn http_noting(answer: Vec<u8>, requests: &Requests) -> Self {
        let requests = Arc::clone(requests);
        Self::start(move |mut stream| {
            let answer = answer.clone();
            let requests = Arc::clone(&requests);
            async move {
                let mut request = Vec::new();
                while !request.ends_with(b"\r\n\r\n") {
                    let Ok(byte) = stream.read_u8().await else { return };
                    request.push(byte);
                }
                requests.lock().unwrap().push(String::from_utf8_lossy(&request).into_owned());
                let _ = stream.write_all(&answer).await;
                let _ = stream.shutdown().await;
            }
        })
        .await
    }

    /// A peer that shakes hands properly, sends `script` and then stays silent; with `None` it is silent at once.
    pub(crate) async fn peer(info_hash: InfoHash, script: Option<Vec<u8>>) -> Self {
        Self::start(move |mut stream| {
            let script = script.clone();
            async move {
                let Some(script) = script else {
                    let _ = stream.read_to_end(&mut Vec::new()).await;
                    return;
                };
                let mut handshake = [0; 68];
                if stream.read_exact(&mut handshake).await.is_err() {
                    return;
                }
                let mut answer = b"\x13BitTorrent protocol\0\0\0\0\0\x10\0\0".to_vec();
                answer.extend_from_slice(info_hash.as_bytes());
                answer.extend_from_slice(b"-XX0001-abcdefghijkl");
                answer.extend_from_slice(&script);
                let _ = stream.write_all(&answer).await;
                let _ = stream.read_to_end(&mut Vec::new()).await;
            }
        })
        .await
    }

    /// A door in front of a peer: `lets_in` says for each connection, counted from 0, whether it goes through or is
    /// closed at once. A value sent through `cut` ends those that went through.
    pub(crate) async fn door(
        peer: SocketAddr,
        lets_in: impl Fn(usize) -> bool + Send + 'static,
        cut: &watch::Sender<()>,
    ) -> Self {
        let cut = cut.subscribe();
        let count = AtomicUsize::new(0);
        Self::start(move |mut stream| {
            let is_let_in = lets_in(count.fetch_add(1, Ordering::SeqCst));
            let mut cut = cut.clone();
            cut.mark_unchanged();
            async move {
                if !is_let_in {
                    return;
                }
                let Ok(mut inside) = TcpStream::connect(peer).await else { return };
                tokio::select! {
                    _ = tokio::io::copy_bidirectional(&mut stream, &mut inside) => {}
                    Ok(()) = cut.changed() => {}
                }
            }
        })
        .await
    }

    async fn start<F>(serve: impl Fn(TcpStream) -> F + Send + 'static) -> Self
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let connections = Arc::new(AtomicUsize::new(0));
        let counter = Arc::clone(&connections);
        let mut task = JoinSet::new();
        task.spawn(async move {
            let mut serving = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                counter.fetch_add(1, Ordering::SeqCst);
                serving.spawn(serve(stream));
            }
        });
        Self { address, connections, _task: task }
    }
}

/// An HTTP answer with a body.
pub(crate) fn ok(body: &[u8]) -> Vec<u8> {
    let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\nconnection: close\r\n\r\n", body.len());
    [head.as_bytes(), body].concat()
}

pub(crate) fn redirect(location: &str) -> Vec<u8> {
    let head = format!("HTTP/1.1 302 Found\r\nlocation: {location}\r\ncontent-length: 0\r\n");
    format!("{head}connection: close\r\n\r\n").into_bytes()
}

/// A peer message of the extension protocol (BEP 10).
pub(crate) fn extended(id: u8, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len() + 2).unwrap();
    [&length.to_be_bytes()[..], &[20, id], payload].concat()
}
