//! `POST /torrent/upload`: `.torrent` files as a form.

use axum::extract::{FromRequest as _, Multipart, Request, State};
use axum::http::StatusCode;
use bytes::Bytes;
use freshet_app::Description;
use freshet_model::{TorrentSource, limits};

use super::request::as_bool;
use super::{Answer, Failure, torrents, wire::TorrentStatus};
use crate::reply;
use crate::state::ServerState;

/// Of one upload; each may be as large as a `.torrent` can be.
const MAX_FILES: usize = 16;
/// Of one upload, files and fields together.
pub(crate) const MAX_BYTES: usize = 2 * limits::MAX_METAINFO_BYTES;

/// Adds every file of the form, under whatever name, and describes them with its other fields. What can't be read as a
/// torrent is skipped. Without `save` they are wanted for the moment only. One torrent gives an object, several a list, none `null`.
pub(crate) async fn post(State(state): State<ServerState>, request: Request) -> Answer {
    let mut form = Multipart::from_request(request, &state).await.map_err(|_| Failure::BAD_REQUEST)?;
    let mut files: Vec<Bytes> = Vec::new();
    let mut description = Description::default();
    let mut is_kept = false;
    while let Some(field) = form.next_field().await.map_err(failure)? {
        let name = field.name().unwrap_or_default().to_ascii_lowercase();
        if field.file_name().is_some() {
            files.push(field.bytes().await.map_err(failure)?);
            if files.len() > MAX_FILES {
                return Err(Failure::BAD_REQUEST);
            }
            continue;
        }
        let text = Some(field.text().await.map_err(failure)?).filter(|text| !text.is_empty());
        match name.as_str() {
            "title" => description.title = text,
            "category" => description.category = text,
            "poster" => description.poster = text,
            "data" => description.data = text,
            // By its presence, as in a query; some clients call it as in the JSON of `/torrents`.
            "save" => is_kept = true,
            "save_to_db" => is_kept = as_bool(&text.unwrap_or_default().into()).unwrap_or(false),
            _ => {}
        }
    }

    let mut added: Vec<TorrentStatus> = Vec::new();
    for file in files {
        let (source, description) = (TorrentSource::TorrentFile(file.into()), description.clone());
        let adding = async {
            if is_kept {
                state.app.add_for_client(source, description).await
            } else {
                state.app.add_temporarily(source, description).await
            }
        };
        match adding.await {
            Ok(torrent) => added.push(torrents::status(&state, &torrent.record)),
            Err(error) if reply::status_of(error.code) == StatusCode::BAD_REQUEST => {
                tracing::debug!(%error, "skipped an uploaded file");
            }
            Err(error) => return Err(error.into()),
        }
    }
    Ok(match &added[..] {
        [] => reply::go_json(&()),
        [only] => reply::go_json(only),
        several => reply::go_json(&several),
    })
}

fn failure(error: axum::extract::multipart::MultipartError) -> Failure {
    Failure(match error.status() {
        StatusCode::PAYLOAD_TOO_LARGE => StatusCode::PAYLOAD_TOO_LARGE,
        _ => StatusCode::BAD_REQUEST,
    })
}
