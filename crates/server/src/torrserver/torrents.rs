//! `POST /torrents`: the library.

use axum::extract::State;
use axum::http::StatusCode;
use freshet_app::{App, Description};
use freshet_model::{InfoHash, TorrentRecord, WireError};

use super::request::Fields;
use super::wire::{Stat, TorrentStatus};
use super::{Answer, Failure, link};
use crate::reply;
use crate::state::ServerState;

pub(crate) async fn post(State(state): State<ServerState>, fields: Fields) -> Answer {
    let app = &state.app;
    match fields.text("action")?.as_str() {
        "add" => add(&state, &fields).await,
        "get" => get(&state, fields.hash()?).await,
        "set" => set(app, &fields).await,
        "rem" => {
            // Clients take any answer for success; an unknown torrent is as gone as a removed one.
            app.remove(fields.hash()?, true).await?;
            Ok(reply::empty(StatusCode::OK))
        }
        "drop" => {
            app.drop_transfers(fields.hash()?).await?;
            Ok(reply::empty(StatusCode::OK))
        }
        "list" => list(&state).await,
        "wipe" => {
            for record in app.torrents().await? {
                app.remove(record.info_hash, true).await?;
            }
            Ok(reply::empty(StatusCode::OK))
        }
        _ => Err(Failure::BAD_REQUEST),
    }
}

/// The status object of a torrent as it is now.
pub(crate) fn status(state: &ServerState, record: &TorrentRecord) -> TorrentStatus {
    let app = &state.app;
    let info_hash = record.info_hash;
    let stat = Stat::of(record, app.is_active(info_hash), app.is_preloading(info_hash));
    let mut status = TorrentStatus::new(record, stat, app.stats(info_hash).as_ref(), state.tokens.of(record));
    if let Some(progress) = app.preload_progress(info_hash) {
        status.preloaded_bytes = progress.here_bytes;
        status.preload_size = progress.target_bytes;
        if let Some(file) = app.known_description(info_hash, progress.file_index) {
            status.duration_seconds = file.duration_secs();
            status.bit_rate.clone_from(&file.format.bit_rate);
        }
    }
    status
}

/// Title, category, poster and data of a request; what is empty says nothing.
pub(crate) fn description(fields: &Fields) -> Result<Description, Failure> {
    let text = |key| fields.text(key).map(|text| Some(text).filter(|text| !text.is_empty()));
    Ok(Description {
        title: text("title")?,
        category: text("category")?,
        poster: text("poster")?,
        data: text("data")?,
    })
}

/// Answers as soon as the torrent is stored; the details follow. With `save_to_db` false the torrent is wanted for the moment
/// only; TorrServer takes it for false also where it is missing, here such a torrent is kept.
async fn add(state: &ServerState, fields: &Fields) -> Answer {
    let source = link::parse(&fields.text("link")?).map_err(|_| Failure::BAD_REQUEST)?;
    let description = description(fields)?;
    let is_kept = fields.flag("save_to_db")?.unwrap_or(true);
    let adding = async {
        if is_kept {
            state.app.add_for_client(source, description).await
        } else {
            state.app.add_temporarily(source, description).await
        }
    };
    let added = state.unless_stopped(adding).await?;
    Ok(reply::go_json(&status(state, &added.record)))
}

async fn get(state: &ServerState, info_hash: InfoHash) -> Answer {
    let record = state.torrent(info_hash).await?.ok_or(Failure::NOT_FOUND)?;
    // Told as it is now; a closed one is open when the client asks again.
    let status = status(state, &record);
    state.app.wake(&record);
    Ok(reply::go_json(&status))
}

/// Overwrites category and poster even with nothing, the title (nothing: the torrent's own name), `data` only with something.
async fn set(app: &App, fields: &Fields) -> Answer {
    let info_hash = fields.hash()?;
    let description = Description {
        title: Some(fields.text("title")?),
        category: Some(fields.text("category")?),
        poster: Some(fields.text("poster")?),
        data: Some(fields.text("data")?).filter(|data| !data.is_empty()),
    };
    if app.torrent(info_hash).await?.is_some() {
        app.describe(info_hash, description).await?;
    }
    Ok(reply::empty(StatusCode::OK))
}

async fn list(state: &ServerState) -> Answer {
    let torrents: Vec<TorrentStatus> =
        newest_first(&state.app).await?.iter().map(|record| status(state, record)).collect();
    Ok(reply::go_json(&torrents))
}

/// The library in the order of TorrServer's list.
pub(crate) async fn newest_first(app: &App) -> Result<Vec<std::sync::Arc<TorrentRecord>>, WireError> {
    let mut records = app.torrents().await?;
    records.sort_by(|a, b| b.added_at_secs.cmp(&a.added_at_secs).then_with(|| b.title.cmp(&a.title)));
    Ok(records)
}
