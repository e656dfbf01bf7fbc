//! TorrServer's HTTP API, so that the programs written for it work here unchanged.
//!
//! The wall stands here because its habits (1-based file ids, empty error bodies, JSON in any content type, folder names in
//! paths) must not leak into the rest: they are translated in `wire`, `request` and `link`, and known nowhere else. Each
//! endpoint has a file of its own; what differs from TorrServer on purpose is said where it differs.

pub(crate) mod cache;
pub(crate) mod content_type;
pub(crate) mod download;
pub(crate) mod echo;
pub(crate) mod ffp;
pub(crate) mod link;
pub(crate) mod overview;
pub(crate) mod play;
pub(crate) mod playlist;
pub(crate) mod request;
pub(crate) mod search;
pub(crate) mod settings;
pub(crate) mod shutdown;
pub(crate) mod stream;
pub(crate) mod stubs;
pub(crate) mod torrents;
pub(crate) mod torrs;
pub(crate) mod upload;
pub(crate) mod viewed;
pub(crate) mod wire;

use axum::http::StatusCode;
use axum::response::Response;
use freshet_model::WireError;

use crate::reply;

/// What an endpoint gives: an answer, or the status of an empty one.
pub(crate) type Answer = Result<Response, Failure>;

/// An error as these clients get it: a status without a body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Failure(pub(crate) StatusCode);

impl Failure {
    pub(crate) const BAD_REQUEST: Self = Self(StatusCode::BAD_REQUEST);
    pub(crate) const UNAUTHORIZED: Self = Self(StatusCode::UNAUTHORIZED);
    pub(crate) const FORBIDDEN: Self = Self(StatusCode::FORBIDDEN);
    pub(crate) const NOT_FOUND: Self = Self(StatusCode::NOT_FOUND);
}

impl From<WireError> for Failure {
    fn from(error: WireError) -> Self {
        tracing::debug!(code = ?error.code, %error, "a client's request failed");
        let status = reply::status_of(error.code);
        // These clients know 400, 404 and 500; the finer ones would be news to them.
        Self(match status {
            StatusCode::BAD_REQUEST | StatusCode::NOT_FOUND | StatusCode::SERVICE_UNAVAILABLE => status,
            _ => StatusCode::INTERNAL_SERVER_ERROR,
        })
    }
}

impl axum::response::IntoResponse for Failure {
    fn into_response(self) -> Response {
        reply::empty(self.0)
    }
}
