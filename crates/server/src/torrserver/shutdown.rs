//! `POST /shutdown`: the end of the program.
//!
//! TorrServer ends at a GET, which any page can send by naming an image. Here only a POST of the person at the computer
//! does it.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use axum::routing::{MethodRouter, post};

use crate::reply;
use crate::state::ServerState;

pub(crate) fn handlers() -> MethodRouter<ServerState> {
    post(end).get(async || reply::empty(StatusCode::FORBIDDEN))
}

/// Answers first: the host ends the server in good order, and answers under way are finished.
async fn end(State(state): State<ServerState>) -> Response {
    tracing::info!("the end was asked for");
    state.end.cancel();
    reply::empty(StatusCode::OK)
}
