//! `GET /download/{size}`: so many MiB of zeros, for the speed tests of clients.

use axum::body::Body;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};

use super::Answer;
use crate::body::{self, Reopen, Zeros};
use crate::file_response::{self, Content, Plan, PlannedBody};
use crate::reply;
use crate::state::ServerState;

const MIB: u64 = 1024 * 1024;

pub(crate) async fn get(
    State(state): State<ServerState>,
    size: Result<Path<String>, PathRejection>,
    headers: HeaderMap,
) -> Answer {
    let mib = size.ok().and_then(|Path(size)| size.parse::<u64>().ok());
    let Some(length) = mib.and_then(|mib| mib.checked_mul(MIB)) else {
        return Ok(reply::empty(StatusCode::OK));
    };
    let content = Content {
        etag: format!("\"{length:x}\""),
        modified_secs: 0,
        content_type: "application/octet-stream".to_owned(),
        length,
    };
    let mut plan = Plan::new(&headers, &content, &file_response::boundary());
    let body = match std::mem::replace(&mut plan.body, PlannedBody::Parts(vec![])) {
        PlannedBody::Ready(text) => Body::from(text),
        PlannedBody::Parts(parts) => {
            let reopen: Reopen<_> = Box::new(|| Box::pin(async { Ok(Zeros) }));
            body::from_reader(Zeros, reopen, parts, state.stop.clone())
        }
    };
    Ok(plan.into_response(body))
}
