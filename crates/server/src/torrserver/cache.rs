//! `POST /cache`: what of a torrent is here. Clients draw their buffer bars from it.

use std::collections::BTreeMap;

use axum::extract::State;
use freshet_model::{Metainfo, TorrentRecord};
use serde::Serialize;

use super::request::Fields;
use super::wire::TorrentStatus;
use super::{Answer, Failure, settings, torrents};
use crate::reply;
use crate::state::ServerState;

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct CacheState {
    hash: String,
    capacity: i64,
    filled: u64,
    pieces_length: u32,
    pieces_count: u32,
    torrent: TorrentStatus,
    /// Always there: clients take its length without looking.
    pieces: BTreeMap<String, Piece>,
    readers: Vec<Reader>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct Piece {
    id: u32,
    length: u32,
    size: u32,
    completed: bool,
    priority: u8,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct Reader {
    start: u32,
    end: u32,
    reader: u32,
}

pub(crate) async fn post(State(state): State<ServerState>, fields: Fields) -> Answer {
    if fields.text("action")? != "get" {
        return Err(Failure::BAD_REQUEST);
    }
    let record = state.app.torrent(fields.hash()?).await?.ok_or(Failure::NOT_FOUND)?;
    let (pieces_length, pieces_count) = pieces_of(&record);
    let torrent = torrents::status(&state, &record);
    Ok(reply::go_json(&CacheState {
        hash: record.info_hash.to_string(),
        capacity: settings::cache_size_bytes(&state.app.settings()),
        filled: torrent.loaded_size,
        pieces_length,
        pieces_count,
        torrent,
        // The engine does not tell its pieces yet.
        pieces: BTreeMap::new(),
        readers: Vec::new(),
    }))
}

fn pieces_of(record: &TorrentRecord) -> (u32, u32) {
    let metainfo = record.metainfo.as_deref().and_then(|bytes| Metainfo::parse(bytes).ok());
    metainfo.map_or((0, 0), |metainfo| (metainfo.piece_bytes, metainfo.piece_count))
}
