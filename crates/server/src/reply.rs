//! The few shapes of answers that have no body worth a type.

use axum::Json;
use axum::body::Body;
use axum::http::StatusCode;
use axum::http::header::{self, HeaderValue};
use axum::response::{IntoResponse as _, Response};
use freshet_model::{ErrorCode, WireError};
use serde::Serialize;

/// A status and nothing else: how TorrServer says both "done" and every error.
pub(crate) fn empty(status: StatusCode) -> Response {
    (status, Body::empty()).into_response()
}

/// What an unknown path or method gets.
pub(crate) fn not_found() -> Response {
    (StatusCode::NOT_FOUND, [(header::CONTENT_TYPE, "text/plain")], "404 page not found").into_response()
}

pub(crate) fn text(status: StatusCode, text: String) -> Response {
    let content_type = [(header::CONTENT_TYPE, "text/plain; charset=utf-8")];
    (status, content_type, text).into_response()
}

/// An error as our own routes tell it: `{code, message}`.
pub(crate) fn wire_error(error: &WireError) -> Response {
    let mut response = (status_of(error.code), Json(error)).into_response();
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

const HTML_ESCAPES: [(char, &str); 5] =
    [('<', "\\u003c"), ('>', "\\u003e"), ('&', "\\u0026"), ('\u{2028}', "\\u2028"), ('\u{2029}', "\\u2029")];

/// JSON as Go writes it: no spaces, no newline, and nothing that HTML could take for markup.
pub(crate) fn go_json<T: Serialize>(value: &T) -> Response {
    let Ok(mut text) = serde_json::to_string(value) else {
        return empty(StatusCode::INTERNAL_SERVER_ERROR);
    };
    // Outside of texts these characters don't occur in JSON, so they can be replaced wherever they stand. Looking for them is
    // much cheaper than copying a long list for nothing.
    for (char, escape) in HTML_ESCAPES {
        if text.contains(char) {
            text = text.replace(char, escape);
        }
    }
    ([(header::CONTENT_TYPE, "application/json; charset=utf-8")], text).into_response()
}

pub(crate) fn status_of(code: ErrorCode) -> StatusCode {
    match code {
        ErrorCode::InvalidSource
        | ErrorCode::InvalidInfoHash
        | ErrorCode::InvalidTorrent
        | ErrorCode::V2Only
        | ErrorCode::FetchFailed
        | ErrorCode::AddressRefused
        | ErrorCode::BadRequest => StatusCode::BAD_REQUEST,
        ErrorCode::Forbidden => StatusCode::FORBIDDEN,
        ErrorCode::NotFound | ErrorCode::NoSuchFile => StatusCode::NOT_FOUND,
        ErrorCode::NotReady => StatusCode::CONFLICT,
        ErrorCode::UnreadableMedia => StatusCode::UNPROCESSABLE_ENTITY,
        ErrorCode::Busy
        | ErrorCode::Cancelled
        | ErrorCode::InterfaceMissing
        | ErrorCode::CertificatesMissing => StatusCode::SERVICE_UNAVAILABLE,
        ErrorCode::Stalled | ErrorCode::NoDetails => StatusCode::GATEWAY_TIMEOUT,
        ErrorCode::DiskFull => StatusCode::INSUFFICIENT_STORAGE,
        ErrorCode::FfmpegMissing
        | ErrorCode::StorageFailed
        | ErrorCode::FolderGone
        | ErrorCode::Damaged
        | ErrorCode::StoreFailed
        | ErrorCode::Internal => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

#[cfg(test)]
mod tests {
    use http_body_util::BodyExt as _;

    use super::*;

    #[tokio::test]
    async fn json_is_written_as_go_writes_it() {
        let response = go_json(&serde_json::json!({"a": "<b>&\u{2028}\u{2029}é"}));

        assert_eq!(response.headers()[header::CONTENT_TYPE], "application/json; charset=utf-8");
        let body = response.into_body().collect().await.unwrap().to_bytes();
        assert_eq!(body, "{\"a\":\"\\u003cb\\u003e\\u0026\\u2028\\u2029é\"}");
    }
}
