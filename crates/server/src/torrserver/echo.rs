//! `GET /echo`: what we say we are.

use axum::http::header;
use axum::response::{IntoResponse as _, Response};

/// Clients take the digits after `MatriX.` for a number and compare it, so only digits may stand there.
pub(crate) const VERSION: &str = "MatriX.145";

pub(crate) fn get() -> Response {
    ([(header::CONTENT_TYPE, "text/plain; charset=utf-8")], VERSION).into_response()
}
