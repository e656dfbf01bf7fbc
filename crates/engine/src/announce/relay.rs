//! Announces of the session to HTTP trackers pass through here.
//!
//! The session has an HTTP client of its own. It is given links to this relay on loopback instead of the trackers'; the
//! relay asks the tracker through the guarded client and hands on only what was understood: peers that may be asked.

use std::collections::HashMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use freshet_model::AddressPolicy;
use freshet_web::WebClient;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio::time::timeout;
use url::Url;

use super::{AnnounceError, http};
use crate::peers;
use crate::tasks::Tasks;

const MAX_REQUEST_BYTES: usize = 8 * 1024;
const REQUEST_TIMEOUT: Duration = Duration::from_secs(5);
const MAX_CONNECTIONS: usize = 64;
/// The session asks anew whenever it dials again; a tracker is spared questions that follow each other this closely.
const ANSWER_LIFETIME: Duration = Duration::from_secs(60);

#[derive(Debug)]
pub(crate) struct Relay {
    address: SocketAddr,
    /// Nobody else on this computer announces through us.
    token: String,
    routes: Arc<Mutex<Routes>>,
}

#[derive(Debug, Default)]
struct Routes {
    next: u64,
    trackers: HashMap<u64, Tracker>,
}

#[derive(Debug)]
struct Tracker {
    url: Url,
    last_answer: Option<(Instant, Arc<[u8]>)>,
}

/// A tracker that can be reached through the relay as long as this lives.
#[derive(Debug)]
pub(crate) struct Route {
    pub(crate) url: Url,
    number: u64,
    routes: Arc<Mutex<Routes>>,
}

impl Drop for Route {
    fn drop(&mut self) {
        lock(&self.routes).trackers.remove(&self.number);
    }
}

impl Relay {
    /// Opens a port on loopback; it closes with the engine's tasks.
    pub(crate) async fn start(web: WebClient, policy: AddressPolicy, tasks: &Tasks) -> std::io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        let token = format!("{:032x}", rand::random::<u128>());
        let routes = Arc::new(Mutex::new(Routes::default()));
        let desk = Desk { web, policy, token: token.clone(), routes: Arc::clone(&routes) };
        drop(tasks.spawn("tracker relay".to_owned(), serve(listener, Arc::new(desk))));
        Ok(Self { address, token, routes })
    }

    /// The link that stands for a vetted tracker.
    pub(crate) fn route(&self, tracker: Url) -> Option<Route> {
        let number = {
            let mut routes = lock(&self.routes);
            routes.next += 1;
            let number = routes.next;
            routes.trackers.insert(number, Tracker { url: tracker, last_answer: None });
            number
        };
        let link = format!("http://{}/{}/{number}", self.address, self.token);
        // A guard first, so that a link that can't be read takes its number back.
        let mut route =
            Route { url: Url::parse("http://127.0.0.1").ok()?, number, routes: Arc::clone(&self.routes) };
        route.url = Url::parse(&link).ok()?;
        Some(route)
    }
}

/// What a request needs.
struct Desk {
    web: WebClient,
    policy: AddressPolicy,
    token: String,
    routes: Arc<Mutex<Routes>>,
}

async fn serve(listener: TcpListener, desk: Arc<Desk>) {
    let mut connections = JoinSet::new();
    loop {
        while connections.len() >= MAX_CONNECTIONS {
            connections.join_next().await;
        }
        tokio::select! {
            Some(_) = connections.join_next() => {}
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => {
                    let desk = Arc::clone(&desk);
                    connections.spawn(async move { desk.serve(stream).await });
                }
                Err(error) => {
                    tracing::debug!(%error, "the tracker relay could not accept");
                    tokio::time::sleep(REQUEST_TIMEOUT).await;
                }
            },
        }
    }
}

impl Desk {
    async fn serve(&self, mut stream: TcpStream) {
        let Ok(Some(target)) = timeout(REQUEST_TIMEOUT, read_target(&mut stream)).await else { return };
        let (status, body) = match self.tracker_url(&target) {
            None => ("404 Not Found", Arc::from([])),
            Some((number, url)) => match self.answer(number, &url).await {
                Ok(body) => ("200 OK", body),
                Err(error) => {
                    tracing::debug!(host = url.host_str(), %error, "announce failed");
                    ("502 Bad Gateway", Arc::from([]))
                }
            },
        };
        let head =
            format!("HTTP/1.1 {status}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n", body.len());
        // The session hears of a lost answer by itself.
        let _ = stream.write_all(&[head.as_bytes(), &body].concat()).await;
        let _ = stream.shutdown().await;
    }

    /// What the tracker said just now, or says.
    async fn answer(&self, number: u64, url: &Url) -> Result<Arc<[u8]>, AnnounceError> {
        let last = lock(&self.routes).trackers.get(&number).and_then(|tracker| tracker.last_answer.clone());
        if let Some((answered_at, body)) = last
            && answered_at.elapsed() < ANSWER_LIFETIME
        {
            return Ok(body);
        }
        let body: Arc<[u8]> = match http::ask(&self.web, url).await {
            Ok(answer) => answer.judged(|peer| peers::is_allowed(peer, self.policy)).to_bencode().into(),
            Err(AnnounceError::Refused(reason)) => http::refusal(&reason).into(),
            Err(error) => return Err(error),
        };
        if let Some(tracker) = lock(&self.routes).trackers.get_mut(&number) {
            tracker.last_answer = Some((Instant::now(), Arc::clone(&body)));
        }
        Ok(body)
    }

    /// The number of a tracker, and its link with the announce; its own query (passkeys stand there) stays in front.
    fn tracker_url(&self, target: &str) -> Option<(u64, Url)> {
        let (path, query) = target.split_once('?')?;
        let (token, number) = path.strip_prefix('/')?.split_once('/')?;
        if token != self.token {
            return None;
        }
        let number = number.parse().ok()?;
        let mut url = lock(&self.routes).trackers.get(&number)?.url.clone();
        let query = url.query().map_or_else(|| query.to_owned(), |own| format!("{own}&{query}"));
        url.set_query(Some(&query));
        Some((number, url))
    }
}

/// The target of a GET request.
async fn read_target(stream: &mut TcpStream) -> Option<String> {
    let mut request = Vec::new();
    let mut buf = [0; 1024];
    while !request.windows(4).any(|window| window == b"\r\n\r\n") {
        let count = stream.read(&mut buf).await.ok()?;
        if count == 0 || request.len() + count > MAX_REQUEST_BYTES {
            return None;
        }
        request.extend_from_slice(&buf[..count]);
    }
    let line = request.split(|byte| *byte == b'\r').next()?;
    let line = std::str::from_utf8(line).ok()?;
    let target = line.strip_prefix("GET ")?.strip_suffix(" HTTP/1.1")?;
    Some(target.to_owned())
}

fn lock(routes: &Mutex<Routes>) -> std::sync::MutexGuard<'_, Routes> {
    routes.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn only_who_knows_the_token_reaches_a_tracker_and_only_while_its_torrent_is_active() {
        let web = WebClient::new(AddressPolicy::PrivateToo).unwrap();
        let routes = Arc::new(Mutex::new(Routes::default()));
        let relay = Relay {
            address: (Ipv4Addr::LOCALHOST, 9).into(),
            token: "token".to_owned(),
            routes: Arc::clone(&routes),
        };
        let desk = Desk { web, policy: AddressPolicy::PrivateToo, token: "token".to_owned(), routes };
        let route = relay.route("http://t.example/announce?key=1".parse().unwrap()).unwrap();
        assert_eq!(route.url.as_str(), "http://127.0.0.1:9/token/1");

        let (number, url) = desk.tracker_url("/token/1?info_hash=%ab").unwrap();
        assert_eq!(number, 1);
        assert_eq!(url.as_str(), "http://t.example/announce?key=1&info_hash=%ab");
        for target in ["/guess/1?a=1", "/token/2?a=1", "/token/1", "/1?a=1", "http://t.example/token/1?a=1"] {
            assert_eq!(desk.tracker_url(target), None, "{target}");
        }
        drop(route);
        assert_eq!(desk.tracker_url("/token/1?info_hash=%ab"), None);
    }
}
