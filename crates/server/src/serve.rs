//! Connections: accepted, bounded, timed and ended in order.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::http::{Request, Uri};
use axum::{BoxError, Router};
use bytes::Bytes;
use futures::{Stream, StreamExt as _, stream};
use hyper::body::{Body as _, Incoming};
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::Instant;
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower::ServiceExt as _;

use crate::guard::{Connection, Door, PathToken};
use crate::local_user::is_same_user;
use crate::shares::{PerAddress, Share};

/// The head of a request has to be here in this time, counted also from the end of the last answer.
pub(crate) const HEADER_TIMEOUT: Duration = Duration::from_secs(10);
/// And its whole body in this.
const BODY_TIMEOUT: Duration = Duration::from_secs(60);
/// A TLS handshake takes two round trips.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);
/// Connections of this computer: some players with a connection for each seek, and the UI, are far below it.
const MAX_OWN_CONNECTIONS: usize = 640;
/// And of all other devices together. They have places of their own, so that no neighbor can use up those of this computer.
const MAX_NETWORK_CONNECTIONS: usize = 512;
/// And of each of them.
const MAX_CONNECTIONS_PER_ADDRESS: usize = 64;
/// Accepting fails when file descriptors run out; the ones in use have to end first.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);
/// A path that begins so has a device's token in its next part.
const TOKEN_PREFIX: &str = "/t/";

/// What a connection looks at.
#[derive(Debug, Clone)]
pub(crate) struct Stops {
    /// Answer what is being answered, then end.
    pub(crate) graceful: CancellationToken,
    /// End now.
    pub(crate) at_once: CancellationToken,
}

/// Places for connections of all listeners. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Places {
    own: Arc<Semaphore>,
    network: Arc<Semaphore>,
    per_address: PerAddress,
}

impl Places {
    pub(crate) fn new() -> Self {
        Self {
            own: Arc::new(Semaphore::new(MAX_OWN_CONNECTIONS)),
            network: Arc::new(Semaphore::new(MAX_NETWORK_CONNECTIONS)),
            per_address: PerAddress::new(MAX_CONNECTIONS_PER_ADDRESS),
        }
    }

    /// `None` if all are taken, or this device has as many as it may.
    fn take(&self, connection: &Connection) -> Option<(OwnedSemaphorePermit, Option<Share>)> {
        let (places, share) = match connection.door {
            Door::Own => (&self.own, None),
            Door::Network => (&self.network, Some(self.per_address.take(connection.peer_key())?)),
        };
        Some((Arc::clone(places).try_acquire_owned().ok()?, share))
    }
}

/// How a listener serves.
#[derive(Clone)]
pub(crate) struct Listening {
    pub(crate) door: Door,
    /// Every user of this computer is taken for its person.
    pub(crate) trusts_local_users: bool,
    pub(crate) tls: Option<TlsAcceptor>,
    pub(crate) stops: Stops,
    pub(crate) places: Places,
}

/// Accepts until it is told to stop. Each connection is a task of `tasks`.
pub(crate) async fn accept(listener: TcpListener, router: Router, listening: Listening, tasks: TaskTracker) {
    let stops = listening.stops.clone();
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = stops.graceful.cancelled() => return,
            () = stops.at_once.cancelled() => return,
        };
        let (stream, peer) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                tracing::warn!(%error, "a connection could not be accepted");
                tokio::time::sleep(ACCEPT_PAUSE).await;
                continue;
            }
        };
        let Ok(local) = stream.local_addr() else { continue };
        // Who it is comes before the place: another user of this computer must not use up those of its person.
        let is_owners =
            listening.door == Door::Own && (listening.trusts_local_users || is_same_user(peer, local));
        let door = if is_owners { Door::Own } else { Door::Network };
        let connection = Connection::new(door, peer, local, listening.tls.is_some());
        // Whoever has as many as they may gets no more; saying so would cost as much as serving.
        let Some(place) = listening.places.take(&connection) else { continue };
        let (router, listening) = (router.clone(), listening.clone());
        tasks.spawn(async move {
            serve(stream, connection, router, &listening).await;
            drop(place);
        });
    }
}

async fn serve(stream: TcpStream, connection: Connection, router: Router, listening: &Listening) {
    // Answers are written in one go; waiting for more to send would only delay them.
    let _ = stream.set_nodelay(true);
    notice_vanishing(&stream);
    match &listening.tls {
        None => talk(stream, connection, router, &listening.stops).await,
        Some(acceptor) => {
            let handshake = tokio::time::timeout(HANDSHAKE_TIMEOUT, acceptor.accept(stream));
            match listening.stops.at_once.run_until_cancelled(handshake).await {
                Some(Ok(Ok(stream))) => talk(stream, connection, router, &listening.stops).await,
                Some(Ok(Err(error))) => tracing::debug!(%error, "a handshake failed"),
                Some(Err(_)) | None => {}
            }
        }
    }
}

/// A device that was switched off says nothing any more; the system asks it whether it is there, and ends the connection.
fn notice_vanishing(stream: &TcpStream) {
    let keep_alive = socket2::TcpKeepalive::new()
        .with_time(Duration::from_secs(60))
        .with_interval(Duration::from_secs(20));
    if let Err(error) = socket2::SockRef::from(stream).set_tcp_keepalive(&keep_alive) {
        tracing::debug!(%error, "a vanished client will not be noticed");
    }
}

async fn talk<S>(stream: S, connection: Connection, router: Router, stops: &Stops)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let service = service_fn(move |request: Request<Incoming>| {
        let router = router.clone();
        async move {
            let mut request = request.map(|body| in_time(body, BODY_TIMEOUT));
            take_token(&mut request);
            request.extensions_mut().insert(connection);
            let Ok(response) = router.oneshot(request).await;
            Ok::<_, Infallible>(response)
        }
    });
    let connection = hyper::server::conn::http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADER_TIMEOUT)
        .serve_connection(TokioIo::new(stream), service);
    let mut connection = std::pin::pin!(connection);
    let result = tokio::select! {
        result = connection.as_mut() => result,
        () = stops.at_once.cancelled() => return,
        () = stops.graceful.cancelled() => {
            connection.as_mut().graceful_shutdown();
            tokio::select! {
                result = connection.as_mut() => result,
                () = stops.at_once.cancelled() => return,
            }
        }
    };
    if let Err(error) = result {
        // Players cut their connections at every seek: that is no news.
        tracing::debug!(%error, "a connection ended");
    }
}

/// Takes `/t/<token>` from the front of the path, before anything reads or logs it.
fn take_token<B>(request: &mut Request<B>) {
    let uri = request.uri();
    let Some((token, rest)) = uri
        .path()
        .strip_prefix(TOKEN_PREFIX)
        .map(|rest| rest.find('/').map_or((rest, "/"), |slash| rest.split_at(slash)))
    else {
        return;
    };
    let query = uri.query().map(|query| format!("?{query}")).unwrap_or_default();
    let mut parts = uri.clone().into_parts();
    let token = PathToken(token.to_owned());
    // What was a path before is one after its first parts are gone.
    parts.path_and_query = format!("{rest}{query}").parse().ok();
    if let Ok(uri) = Uri::from_parts(parts) {
        *request.uri_mut() = uri;
        request.extensions_mut().insert(token);
    }
}

/// A body that fails if it is not here in time: nobody gets to hold a connection by sending a byte now and then.
fn in_time(body: Incoming, timeout: Duration) -> Body {
    if body.is_end_stream() {
        return Body::empty();
    }
    Body::from_stream(until(Body::new(body).into_data_stream(), Instant::now() + timeout))
}

fn until<E: Into<BoxError>>(
    chunks: impl Stream<Item = Result<Bytes, E>> + Unpin,
    deadline: Instant,
) -> impl Stream<Item = Result<Bytes, BoxError>> {
    stream::unfold(Some(chunks), move |chunks| async move {
        let mut chunks = chunks?;
        match tokio::time::timeout_at(deadline, chunks.next()).await {
            Ok(chunk) => Some((chunk?.map_err(Into::into), Some(chunks))),
            Err(late) => Some((Err(late.into()), None)),
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_body_that_drips_is_cut_at_its_deadline() {
        let drip = stream::unfold((), |()| async {
            tokio::time::sleep(Duration::from_secs(9)).await;
            Some((Ok::<_, BoxError>(Bytes::from_static(b"x")), ()))
        });
        let start = Instant::now();

        let chunks: Vec<_> = until(Box::pin(drip), start + Duration::from_secs(60)).collect().await;

        assert_eq!(chunks.len(), 7);
        assert!(chunks[..6].iter().all(Result::is_ok) && chunks[6].is_err());
        assert_eq!(start.elapsed(), Duration::from_secs(60));
    }

    #[test]
    fn a_token_is_taken_from_the_front_of_the_path() {
        let take = |target: &str| {
            let mut request = Request::builder().uri(target).body(()).unwrap();
            take_token(&mut request);
            let token = request.extensions().get::<PathToken>().map(|token| token.0.clone());
            (token, request.uri().to_string())
        };
        let with = |token: &str, uri: &str| (Some(token.to_owned()), uri.to_owned());

        assert_eq!(take("/t/abc/stream/a%20b?link=x&play"), with("abc", "/stream/a%20b?link=x&play"));
        assert_eq!(take("/t/abc"), with("abc", "/"));
        assert_eq!(take("/t/abc?x"), with("abc", "/?x"));
        assert_eq!(take("/t//echo"), with("", "/echo"));
        assert_eq!(take("/t/a//echo"), with("a", "//echo"));
        assert_eq!(take("http://h:1/t/abc/echo"), with("abc", "http://h:1/echo"));
        for other in ["/torrents", "/t", "/x/t/abc/echo", "/T/abc/echo"] {
            assert_eq!(take(other), (None, other.to_owned()));
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_body_in_time_comes_whole() {
        let chunks =
            stream::iter([Ok::<_, BoxError>(Bytes::from_static(b"a")), Ok(Bytes::from_static(b"b"))]);

        let chunks: Vec<_> =
            until(chunks, Instant::now() + Duration::from_secs(1)).map(Result::unwrap).collect().await;

        assert_eq!(chunks, ["a", "b"]);
    }
}
