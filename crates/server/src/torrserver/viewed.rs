//! `POST /viewed`: marks, by 1-based file ids.

use axum::extract::State;
use axum::http::StatusCode;
use freshet_app::{App, ClientMark};
use freshet_model::{InfoHash, TorrentRecord};

use super::request::Fields;
use super::wire::Viewed;
use super::{Answer, Failure};
use crate::reply;
use crate::state::ServerState;

/// As an id it means all files of a torrent.
const ALL_FILES: i64 = -1;

pub(crate) async fn post(State(state): State<ServerState>, fields: Fields) -> Answer {
    let app = &state.app;
    match fields.text("action")?.as_str() {
        "set" => set(app, &fields).await?,
        "rem" => remove(app, &fields).await?,
        "list" => return list(app, &fields).await,
        // TorrServer has no error for it either.
        _ => {}
    }
    Ok(reply::empty(StatusCode::OK))
}

async fn set(app: &App, fields: &Fields) -> Result<(), Failure> {
    let info_hash = fields.hash()?;
    let id = fields.int("file_index")?.unwrap_or_default();
    let position_secs = fields.number("timecode")?.filter(|secs| *secs > 0.0);
    // An id that no torrent can have says nothing.
    let Ok(id) = u32::try_from(id) else { return Ok(()) };
    let position_secs = position_secs.filter(|_| app.settings().track_client_positions);
    Ok(app.client_mark(info_hash, id, position_secs).await?)
}

async fn remove(app: &App, fields: &Fields) -> Result<(), Failure> {
    let info_hash = fields.hash()?;
    let id = fields.int("file_index")?.unwrap_or_default();
    match u32::try_from(id) {
        Ok(id) => app.remove_client_marks(info_hash, Some(id)).await?,
        Err(_) if id == ALL_FILES => app.remove_client_marks(info_hash, None).await?,
        Err(_) => {}
    }
    Ok(())
}

/// Of one torrent or of all; where TorrServer gives `null` for none, this is an empty list.
async fn list(app: &App, fields: &Fields) -> Answer {
    let info_hash: Option<InfoHash> =
        if fields.text("hash")?.is_empty() { None } else { Some(fields.hash()?) };
    let viewed: Vec<Viewed> = app.client_marks(info_hash).await?.into_iter().map(viewed).collect();
    Ok(reply::go_json(&viewed))
}

fn viewed(mark: ClientMark) -> Viewed {
    Viewed { hash: mark.info_hash, file_index: mark.id, timecode: mark.position_secs }
}

/// The highest id among the viewed files of a torrent.
pub(crate) async fn last_viewed_id(app: &App, record: &TorrentRecord) -> Result<Option<u32>, Failure> {
    let marks = app.client_marks(Some(record.info_hash)).await?;
    Ok(marks.iter().map(|mark| mark.id).max())
}
