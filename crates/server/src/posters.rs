//! `GET /poster/{hash}/{version}`: the small picture of a torrent's card, which we have drawn ourselves.

use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::http::header;
use axum::response::{IntoResponse as _, Response};
use freshet_model::InfoHash;

use crate::reply;
use crate::state::ServerState;

/// Another picture has another address, which the summary of the torrent names.
const CACHED: &str = "private, max-age=604800, immutable";

pub(crate) async fn get(
    State(state): State<ServerState>,
    path: Result<Path<(String, String)>, PathRejection>,
) -> Response {
    let Some(info_hash) = path.ok().and_then(|Path((hash, _))| hash.parse::<InfoHash>().ok()) else {
        return reply::not_found();
    };
    match state.app.poster(info_hash).await {
        Some(picture) => {
            ([(header::CONTENT_TYPE, "image/jpeg"), (header::CACHE_CONTROL, CACHED)], picture).into_response()
        }
        None => reply::not_found(),
    }
}
