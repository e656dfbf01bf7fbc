//! `POST /viewed`: marks, by 1-based file ids.

use axum::extract::State;
use axum::http::StatusCode;
use freshet_app::App;
use freshet_model::{InfoHash, TorrentMarks, TorrentRecord};

use super::request::Fields;
use super::wire::{self, Viewed};
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
    let record = app.torrent(info_hash).await?;
    let Some(index) = wire::index_of_id(record.as_deref(), id) else { return Ok(()) };
    match position_secs.filter(|_| app.settings().track_client_positions) {
        Some(position_secs) => app.client_position(info_hash, index, position_secs).await?,
        None => app.set_viewed(info_hash, index, true).await?,
    };
    Ok(())
}

async fn remove(app: &App, fields: &Fields) -> Result<(), Failure> {
    let info_hash = fields.hash()?;
    let id = fields.int("file_index")?.unwrap_or_default();
    if id == ALL_FILES {
        app.remove_marks(info_hash, None).await?;
        return Ok(());
    }
    let record = app.torrent(info_hash).await?;
    if let Some(index) = wire::index_of_id(record.as_deref(), id) {
        app.remove_marks(info_hash, Some(index)).await?;
    }
    Ok(())
}

/// Of one torrent or of all; where TorrServer gives `null` for none, this is an empty list.
async fn list(app: &App, fields: &Fields) -> Answer {
    let mut viewed = Vec::new();
    if fields.text("hash")?.is_empty() {
        for marks in app.all_marks().await? {
            let record = app.torrent(marks.info_hash).await?;
            viewed.extend(of_torrent(&marks, record.as_deref()));
        }
    } else {
        let info_hash: InfoHash = fields.hash()?;
        let record = app.torrent(info_hash).await?;
        viewed.extend(of_torrent(app.marks(info_hash).await?.as_ref(), record.as_deref()));
    }
    Ok(reply::go_json(&viewed))
}

fn of_torrent(marks: &TorrentMarks, record: Option<&TorrentRecord>) -> Vec<Viewed> {
    let viewed = marks.marks.iter().filter(|mark| mark.viewed).map(|mark| Viewed {
        hash: marks.info_hash,
        file_index: wire::id_of_index(record, mark.file_index),
        timecode: mark.position_secs,
    });
    viewed.collect()
}

/// The highest id among the viewed files of a torrent.
pub(crate) async fn last_viewed_id(app: &App, record: &TorrentRecord) -> Result<Option<u32>, Failure> {
    let marks = app.marks(record.info_hash).await?;
    Ok(of_torrent(&marks, Some(record)).iter().map(|viewed| viewed.file_index).max())
}
