//! A web server with the files of a torrent, that counts what it is asked and sends.
#![allow(dead_code, reason = "each test file uses a part")]
#![allow(clippy::unwrap_used, reason = "what prepares a test fails with it")]

use std::net::SocketAddr;
use std::path::Path;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::middleware::{Next, from_fn};
use axum::response::Response;
use axum::serve::ListenerExt;
use freshet_model::AddressPolicy;
use freshet_swarm::WebSeeds;
use freshet_web::RangeClient;
use futures::StreamExt;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tower_http::services::ServeDir;

use crate::support::local;

pub(crate) struct WebServer {
    pub(crate) address: SocketAddr,
    pub(crate) connections: Arc<AtomicUsize>,
    sent_bytes: Arc<AtomicU64>,
    requests: Arc<Mutex<Vec<String>>>,
    /// Answers whose bytes are not all sent.
    pub(crate) open: watch::Receiver<usize>,
    _serving: JoinSet<()>,
}

/// Counts as open while it lives.
struct Open(watch::Sender<usize>);

impl Drop for Open {
    fn drop(&mut self) {
        self.0.send_modify(|open| *open -= 1);
    }
}

impl WebServer {
    /// Serves a folder as web servers do.
    pub(crate) async fn of(folder: &Path) -> Self {
        Self::answering(Router::new().fallback_service(ServeDir::new(folder))).await
    }

    pub(crate) async fn answering(router: Router) -> Self {
        let listener = TcpListener::bind(local(0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let connections = Arc::<AtomicUsize>::default();
        let counter = Arc::clone(&connections);
        let listener = listener.tap_io(move |_| {
            counter.fetch_add(1, Ordering::SeqCst);
        });
        let (sent_bytes, requests) = (Arc::<AtomicU64>::default(), Arc::<Mutex<Vec<String>>>::default());
        let (opened, open) = watch::channel(0);
        let (sent, heard) = (Arc::clone(&sent_bytes), Arc::clone(&requests));
        let count = move |request: Request, next: Next| {
            heard.lock().unwrap().push(request.uri().to_string());
            let (sent, opened) = (Arc::clone(&sent), opened.clone());
            async move {
                opened.send_modify(|open| *open += 1);
                let guard = Open(opened);
                let answer: Response = next.run(request).await;
                answer.map(|body| {
                    Body::from_stream(body.into_data_stream().inspect(move |chunk| {
                        let _is_open = &guard;
                        let bytes = chunk.as_ref().map_or(0, |chunk| chunk.len() as u64);
                        sent.fetch_add(bytes, Ordering::SeqCst);
                    }))
                })
            }
        };
        let router = router.layer(from_fn(count));
        let mut serving = JoinSet::new();
        serving.spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { address, connections, sent_bytes, requests, open, _serving: serving }
    }

    pub(crate) fn sent_bytes(&self) -> u64 {
        self.sent_bytes.load(Ordering::SeqCst)
    }

    /// What was asked for.
    pub(crate) fn requests(&self) -> Vec<String> {
        self.requests.lock().unwrap().clone()
    }

    /// As the web seed of a torrent of one file.
    pub(crate) fn seeds(&self) -> WebSeeds {
        self.seeds_of(&["film"])
    }

    pub(crate) fn seeds_of(&self, paths: &[&str]) -> WebSeeds {
        WebSeeds {
            urls: vec![format!("http://{}/", self.address).parse().unwrap()],
            paths: paths.iter().map(|path| (*path).to_owned()).collect(),
            is_single_file: paths.len() == 1,
            client: RangeClient::new(AddressPolicy::PrivateToo).unwrap(),
        }
    }
}
