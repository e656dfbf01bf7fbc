//! Connections: accepted, bounded, timed and ended in order.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::http::Request;
use axum::{BoxError, Router};
use bytes::Bytes;
use futures::{Stream, StreamExt as _, stream};
use hyper::body::{Body as _, Incoming};
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower::ServiceExt as _;

/// The head of a request has to be here in this time, counted also from the end of the last answer.
pub(crate) const HEADER_TIMEOUT: Duration = Duration::from_secs(10);
/// And its whole body in this.
const BODY_TIMEOUT: Duration = Duration::from_secs(60);
/// A television, some players with a connection for each seek, and the UI are far below it.
const MAX_CONNECTIONS: usize = 512;
/// Accepting fails when file descriptors run out; the ones in use have to end first.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// What a connection looks at.
#[derive(Debug, Clone)]
pub(crate) struct Stops {
    /// Answer what is being answered, then end.
    pub(crate) graceful: CancellationToken,
    /// End now.
    pub(crate) at_once: CancellationToken,
}

/// Accepts until it is told to stop. Each connection is a task of `tasks`.
pub(crate) async fn accept(listener: TcpListener, router: Router, stops: Stops, tasks: TaskTracker) {
    let places = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    let accept_one = async || {
        // Beyond the last place, connections wait in the queue of the system.
        let place = places.clone().acquire_owned().await.ok()?;
        loop {
            match listener.accept().await {
                Ok((stream, _)) => return Some((stream, place)),
                Err(error) => {
                    tracing::warn!(%error, "a connection could not be accepted");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            }
        }
    };
    while let Some(Some((stream, place))) = stops.graceful.run_until_cancelled(accept_one()).await {
        let (router, stops) = (router.clone(), stops.clone());
        tasks.spawn(async move {
            serve(stream, router, &stops).await;
            drop(place);
        });
    }
}

async fn serve(stream: TcpStream, router: Router, stops: &Stops) {
    // Answers are written in one go; waiting for more to send would only delay them.
    let _ = stream.set_nodelay(true);
    let service = service_fn(move |request: Request<Incoming>| {
        let router = router.clone();
        async move {
            let Ok(response) = router.oneshot(request.map(|body| in_time(body, BODY_TIMEOUT))).await;
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

    #[tokio::test(start_paused = true)]
    async fn a_body_in_time_comes_whole() {
        let chunks =
            stream::iter([Ok::<_, BoxError>(Bytes::from_static(b"a")), Ok(Bytes::from_static(b"b"))]);

        let chunks: Vec<_> =
            until(chunks, Instant::now() + Duration::from_secs(1)).map(Result::unwrap).collect().await;

        assert_eq!(chunks, ["a", "b"]);
    }
}
