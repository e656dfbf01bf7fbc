//! Who comes from the network: given a seat for the time of each answer, and kept out after being sent away.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use axum::body::{Body, HttpBody};
use axum::http::header::{self, HeaderMap};
use axum::response::Response;
use bytes::Bytes;
use freshet_app::{App, Guest, Seat, SentAway};
use freshet_model::ViewerPass;
use hyper::body::{Frame, SizeHint};
use tokio_util::sync::WaitForCancellationFutureOwned;

use super::{Door, Level, Scope, Visitor};

/// A seat for whoever is no stranger and comes from the network.
///
/// # Errors
/// [`SentAway`].
pub(super) fn seat(
    app: &App,
    scope: Scope,
    visitor: &Visitor,
    headers: &HeaderMap,
) -> Result<Option<Arc<Seat>>, SentAway> {
    if visitor.connection.door == Door::Own {
        return Ok(None);
    }
    let address = visitor.connection.peer.ip().to_canonical();
    let Some(pass) = pass(app, scope, visitor) else {
        // What needs no pass may be a part of a film that was opened with one.
        return if app.is_kept_out(address) { Err(SentAway) } else { Ok(None) };
    };
    let agent = headers.get(header::USER_AGENT).and_then(|value| value.to_str().ok());
    let guest = Guest { address, pass, client: agent.unwrap_or_default().to_owned() };
    app.let_viewer_in(guest).map(|seat| Some(Arc::new(seat)))
}

fn pass(app: &App, scope: Scope, visitor: &Visitor) -> Option<ViewerPass> {
    match (&visitor.token, visitor.level) {
        (_, Level::Stranger) => (scope == Scope::Known).then_some(ViewerPass::Nothing),
        (None, _) => Some(ViewerPass::Password),
        (Some(token), _) => {
            let device = app.device_of_token(token);
            Some(device.map_or(ViewerPass::Dlna, |id| ViewerPass::Device { id }))
        }
    }
}

/// An answer that ends when its guest is sent away; their seat is free when it has ended.
pub(super) fn held(response: Response, seat: Option<Arc<Seat>>) -> Response {
    let Some(seat) = seat else { return response };
    response.map(|body| {
        Body::new(Held { body, gone: Box::pin(seat.gone().clone().cancelled_owned()), _seat: seat })
    })
}

struct Held {
    body: Body,
    gone: Pin<Box<WaitForCancellationFutureOwned>>,
    _seat: Arc<Seat>,
}

impl HttpBody for Held {
    type Data = Bytes;
    type Error = axum::BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        if self.gone.as_mut().poll(cx).is_ready() {
            return Poll::Ready(Some(Err(SentAway.into())));
        }
        Pin::new(&mut self.body).poll_frame(cx).map_err(Into::into)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
