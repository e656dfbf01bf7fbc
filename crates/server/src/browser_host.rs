//! The UI in a browser: commands, events and the media of the built-in player. (Its files: `ui`.)

use std::convert::Infallible;
use std::time::Duration;

use axum::extract::rejection::{BytesRejection, PathRejection, QueryRejection};
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::http::header::{self, HeaderMap, HeaderValue};
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse as _, Response};
use axum::{Extension, Json};
use bytes::Bytes;
use freshet_app::{App, Caller, EventStream, MediaPart, MediaPartError, OpenFile, SubtitlePart};
use freshet_model::{ErrorCode, FileIndex, PlaybackId, WireError};
use futures::stream::{self, Stream};
use serde::Deserialize;
use serde_json::Value;

use crate::body::{self, Reopen};
use crate::file_response::{self, Content, Plan, PlannedBody};
use crate::guard::{Level, Visitor};
use crate::reply;
use crate::state::ServerState;

/// Shows a silent connection to be alive, to both ends.
const KEEP_ALIVE_EVERY: Duration = Duration::from_secs(15);

/// `POST /rpc/{command}` with the arguments as JSON: the result, or `{code, message}`.
pub(crate) async fn rpc(
    State(state): State<ServerState>,
    Extension(visitor): Extension<Visitor>,
    command: Result<Path<String>, PathRejection>,
    payload: Result<Bytes, BytesRejection>,
) -> Response {
    let Ok(Path(command)) = command else { return reply::not_found() };
    match run(&state, caller(&state, &visitor), &command, payload).await {
        Ok(result) => no_store(Json(result).into_response()),
        Err(error) => reply::wire_error(&error),
    }
}

fn caller(state: &ServerState, visitor: &Visitor) -> Caller {
    match visitor.level {
        _ if state.is_film_door => Caller::PlayerWindow,
        Level::Owner => Caller::Browser,
        Level::Stranger | Level::Player | Level::Member => Caller::NetworkBrowser,
    }
}

async fn run(
    state: &ServerState,
    caller: Caller,
    command: &str,
    payload: Result<Bytes, BytesRejection>,
) -> Result<Value, WireError> {
    let bad = |message: String| WireError::new(ErrorCode::BadRequest, message);
    let payload = payload.map_err(|rejection| bad(rejection.body_text()))?;
    let payload: Value =
        serde_json::from_slice(&payload).map_err(|error| bad(format!("{command}: {error}")))?;
    freshet_app::dispatch(&state.app, caller, command, payload).await
}

/// `GET /events`: a snapshot, then every change, until the client goes or the server stops.
pub(crate) async fn events(
    State(state): State<ServerState>,
    Extension(visitor): Extension<Visitor>,
) -> Response {
    let stream = until_stopped(state.app.subscribe(caller(&state, &visitor)), state);
    no_store(Sse::new(stream).keep_alive(KeepAlive::new().interval(KEEP_ALIVE_EVERY)).into_response())
}

fn until_stopped(events: EventStream, state: ServerState) -> impl Stream<Item = Result<Event, Infallible>> {
    stream::unfold((events, state), |(mut events, state)| async move {
        loop {
            let event = state.stop.run_until_cancelled(events.next()).await??;
            match Event::default().json_data(&event) {
                Ok(event) => return Some((Ok(event), (events, state))),
                Err(error) => tracing::error!(%error, "an event could not be written"),
            }
        }
    })
}

/// The file of a playback, or a sound beside it.
async fn open_of(app: &App, playback: &PlaybackId, sound: Option<FileIndex>) -> Result<OpenFile, WireError> {
    match sound {
        Some(file_index) => app.open_playback_sound(playback, file_index).await,
        None => app.open_playback_file(playback).await,
    }
}

/// `GET /media/{playback}/file` and `/sound-{file}`: the file of a playback or a sound beside it as it is, for the programs that
/// probe and convert it. Unlike the clients' addresses it marks nothing as viewed: being probed is not being watched.
async fn playback_file(
    state: ServerState,
    playback: String,
    sound: Option<FileIndex>,
    request: &HeaderMap,
) -> Response {
    let playback = PlaybackId(playback);
    let opened = match state.stop.run_until_cancelled(open_of(&state.app, &playback, sound)).await {
        Some(Ok(opened)) => opened,
        Some(Err(error)) => return reply::text(StatusCode::NOT_FOUND, error.message),
        None => return reply::empty(StatusCode::SERVICE_UNAVAILABLE),
    };
    let content = Content {
        etag: format!("\"{}-{}\"", opened.record.info_hash, opened.file.index),
        modified_secs: opened.record.added_at_secs,
        content_type: "application/octet-stream".to_owned(),
        length: opened.file.length_bytes,
    };
    let mut plan = Plan::new(request, &content, &file_response::boundary());
    let body = match std::mem::replace(&mut plan.body, PlannedBody::Parts(vec![])) {
        PlannedBody::Ready(text) => text.into(),
        PlannedBody::Parts(parts) => {
            let app = state.app.clone();
            let reopen: Reopen<_> = Box::new(move || {
                let (app, playback) = (app.clone(), playback.clone());
                Box::pin(async move {
                    let opened = open_of(&app, &playback, sound).await;
                    opened.map(|opened| opened.reader).map_err(std::io::Error::other)
                })
            });
            body::from_reader(opened.reader, reopen, parts, state.stop)
        }
    };
    no_store(plan.into_response(body))
}

#[derive(Debug, Deserialize)]
pub(crate) struct At {
    /// Seconds of the film.
    at: Option<f64>,
}

/// `GET /media/{playback}/picture?at=`: a small picture of the film at about this second, if all that it needs is here.
async fn playback_picture(state: ServerState, playback: String, at_secs: f64) -> Response {
    let playback = PlaybackId(playback);
    let making = state.app.playback_picture(&playback, at_secs);
    no_store(match state.stop.run_until_cancelled(making).await {
        Some(Ok(Some(picture))) => ([(header::CONTENT_TYPE, "image/jpeg")], picture).into_response(),
        Some(Ok(None)) => StatusCode::NO_CONTENT.into_response(),
        Some(Err(error)) => reply::text(StatusCode::NOT_FOUND, error.message),
        None => reply::empty(StatusCode::SERVICE_UNAVAILABLE),
    })
}

/// `GET /media/{playback}/font-…` and `/sup-…`: what of subtitles is no text. 404: there is no such thing; 502: it did not come.
async fn subtitle_part(state: ServerState, playback: String, part: SubtitlePart) -> Response {
    let playback = PlaybackId(playback);
    let Some(answer) = state.stop.run_until_cancelled(state.app.subtitle_part(&playback, part)).await else {
        return reply::empty(StatusCode::SERVICE_UNAVAILABLE);
    };
    no_store(match answer {
        Ok(bytes) => ([(header::CONTENT_TYPE, "application/octet-stream")], bytes).into_response(),
        Err(error) if matches!(error.code, ErrorCode::NotFound | ErrorCode::NoSuchFile) => reply::not_found(),
        Err(error) => reply::text(StatusCode::BAD_GATEWAY, error.message),
    })
}

/// `GET /media/{token}/{part}`: the next bytes of a running conversion, see [`freshet_model::MediaRun`].
pub(crate) async fn media(
    State(state): State<ServerState>,
    path: Result<Path<(String, String)>, PathRejection>,
    at: Result<Query<At>, QueryRejection>,
    Extension(visitor): Extension<Visitor>,
    request: HeaderMap,
) -> Response {
    let Ok(Path((token, part))) = path else { return reply::not_found() };
    if part == "file" {
        return playback_file(state, token, None, &request).await;
    }
    if let Some(sound) = part.strip_prefix("sound-").and_then(|index| index.parse().ok()) {
        return playback_file(state, token, Some(FileIndex(sound)), &request).await;
    }
    if part == "picture" {
        let Ok(Query(At { at })) = at else { return reply::empty(StatusCode::BAD_REQUEST) };
        return playback_picture(state, token, at.unwrap_or(0.0)).await;
    }
    if let Some(part) = SubtitlePart::parse(&part) {
        return subtitle_part(state, token, part).await;
    }
    let Ok(part) = part.parse() else { return reply::not_found() };
    if let (Some(seat), Some(file)) = (&visitor.seat, state.app.media_file(&token)) {
        seat.watches(file);
    }
    let Some(answer) = state.stop.run_until_cancelled(state.app.media_part(&token, part)).await else {
        return reply::empty(StatusCode::SERVICE_UNAVAILABLE);
    };
    no_store(match answer {
        Ok(MediaPart::Bytes(bytes)) => ([(header::CONTENT_TYPE, "video/mp4")], bytes).into_response(),
        Ok(MediaPart::End) => StatusCode::NO_CONTENT.into_response(),
        Ok(MediaPart::Replaced) => reply::empty(StatusCode::GONE),
        Err(MediaPartError::Unknown) => reply::not_found(),
        Err(error) => reply::text(StatusCode::BAD_GATEWAY, error.to_string()),
    })
}

fn no_store(mut response: Response) -> Response {
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}
