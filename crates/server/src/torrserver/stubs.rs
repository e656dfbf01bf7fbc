//! Endpoints of things that are not here, with the answers by which clients notice.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use serde_json::json;

use super::{Answer, settings};
use crate::reply;
use crate::state::ServerState;

/// Any JSON here would make Lampa play by HLS only.
pub(crate) fn gst_echo() -> Response {
    reply::not_found()
}

pub(crate) fn gst_settings() -> Response {
    reply::go_json(&json!({"built_in": false}))
}

pub(crate) fn gst_settings_set() -> Response {
    (StatusCode::NOT_FOUND, reply::go_json(&json!({"error": "gstreamer is not built in"}))).into_response()
}

pub(crate) async fn storage_settings(State(state): State<ServerState>) -> Answer {
    let marks = state.app.all_marks().await?;
    let viewed = marks.iter().flat_map(|torrent| &torrent.marks).filter(|mark| mark.viewed).count();
    Ok(reply::go_json(&json!({"settings": "json", "viewed": "json", "viewedCount": viewed})))
}

/// There is one storage, and it can't be changed: taken note of.
pub(crate) fn storage_settings_set() -> Response {
    reply::go_json(&json!({"status": "ok"}))
}

pub(crate) async fn tmdb_settings(State(state): State<ServerState>) -> Response {
    reply::go_json(&settings::tmdb(&state.app.settings()))
}
