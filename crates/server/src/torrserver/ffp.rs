//! `GET /ffp/{hash}/{id}`: what is in a file, in `ffprobe`'s words.

use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::response::Response;
use freshet_app::MediaDescription;
use freshet_model::InfoHash;
use serde::Serialize;
use serde_json::json;

use super::{Answer, Failure, wire};
use crate::reply;
use crate::state::ServerState;

/// Unlike TorrServer's, this marks nothing as viewed: being looked into is not being watched. Whatever goes wrong is 400.
pub(crate) async fn get(
    State(state): State<ServerState>,
    path: Result<Path<(String, String)>, PathRejection>,
) -> Answer {
    let Path((hash, id)) = path.map_err(|_| Failure::BAD_REQUEST)?;
    describe(&state, &hash, &id).await.map_err(|_| Failure::BAD_REQUEST)
}

async fn describe(state: &ServerState, hash: &str, id: &str) -> Answer {
    let info_hash: InfoHash = hash.parse().map_err(|_| Failure::BAD_REQUEST)?;
    state.torrent(info_hash).await?.ok_or(Failure::NOT_FOUND)?;
    let record = state.ready(info_hash).await?;
    let file = wire::chosen_file(&record, Some(id))?;
    let description = state.unless_stopped(state.app.describe_file(info_hash, file.index)).await?;
    // The address that the child read from is nobody's business; this one is good for ever.
    let filename = format!("/play/{info_hash}/{}", file.torrserver_id);
    Ok(reply::go_json(&named(&description, filename)))
}

fn named(description: &MediaDescription, filename: String) -> impl Serialize {
    let mut description = description.clone();
    description.format.filename = filename;
    description
}

/// `GET /ffp/status`
pub(crate) async fn status(State(state): State<ServerState>) -> Response {
    reply::go_json(&json!({"available": state.app.can_describe()}))
}
