//! `GET /report/{hash}`: what happened to a torrent in use, as a file that a person reads and sends.

use std::collections::HashMap;

use axum::extract::rejection::{PathRejection, QueryRejection};
use axum::extract::{Path, Query, State};
use axum::http::header;
use axum::response::{IntoResponse as _, Response};
use freshet_model::InfoHash;

use crate::reply;
use crate::state::ServerState;

const SAVED_AS: &str = "attachment; filename=\"freshet-report.json\"";

/// It names the torrent only with `?names_torrent`.
pub(crate) async fn get(
    State(state): State<ServerState>,
    path: Result<Path<String>, PathRejection>,
    query: Result<Query<HashMap<String, String>>, QueryRejection>,
) -> Response {
    let Some(info_hash) = path.ok().and_then(|Path(hash)| hash.parse::<InfoHash>().ok()) else {
        return reply::not_found();
    };
    let names_torrent = query.is_ok_and(|Query(query)| query.contains_key("names_torrent"));
    match state.app.problem_report(info_hash, names_torrent).await {
        Ok(json) => {
            let fields = [
                (header::CONTENT_TYPE, "application/json"),
                (header::CONTENT_DISPOSITION, SAVED_AS),
                (header::CACHE_CONTROL, "no-store"),
            ];
            (fields, json).into_response()
        }
        Err(error) => reply::wire_error(&error),
    }
}
