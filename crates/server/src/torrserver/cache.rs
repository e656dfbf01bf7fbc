//! `POST /cache`: what of a torrent is here. Clients draw their buffer bars from it, some of them ten times a second.

use std::collections::BTreeMap;

use axum::extract::State;
use freshet_model::{PartialPiece, PieceMap};
use serde::Serialize;

use super::request::Fields;
use super::wire::TorrentStatus;
use super::{Answer, Failure, settings, torrents};
use crate::reply;
use crate::state::ServerState;

/// A torrent may have two million pieces; more than so many are never listed, and then those around the readers.
const LISTED_PIECES: usize = 2000;
/// What follows the position of a reader within so many bytes is wanted before everything behind it.
const READ_AHEAD_BYTES: u64 = 16 * 1024 * 1024;

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
    /// Of any piece, also for a shorter last one.
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
    state.app.touch(record.info_hash);
    let map = state.app.pieces(&record);
    let readers = map.readers.iter().map(|reader| Reader {
        start: *reader.window.start(),
        end: *reader.window.end(),
        reader: reader.current,
    });
    Ok(reply::go_json(&CacheState {
        hash: record.info_hash.to_string(),
        capacity: settings::cache_size_bytes(&state.app.settings()),
        filled: map.have_bytes(),
        pieces_length: map.piece_bytes,
        pieces_count: map.piece_count,
        torrent: torrents::status(&state, &record),
        pieces: pieces(&map, &state.app.partial_pieces(record.info_hash).await),
        readers: readers.collect(),
    }))
}

/// Whole pieces, and those of which a part is here.
fn pieces(map: &PieceMap, partial: &[PartialPiece]) -> BTreeMap<String, Piece> {
    let piece = |id| {
        let piece = Piece {
            id,
            length: map.piece_bytes,
            size: map.length_of(id),
            completed: true,
            priority: priority(map, id),
        };
        (id.to_string(), piece)
    };
    let mut pieces: BTreeMap<String, Piece> =
        map.complete_near_readers(LISTED_PIECES).into_iter().map(piece).collect();
    for part in partial.iter().filter(|part| part.blocks_here > 0).take(LISTED_PIECES) {
        let here = u64::from(part.blocks_here) * u64::from(map.length_of(part.piece));
        let size = u32::try_from(here / u64::from(part.blocks.max(1))).unwrap_or(u32::MAX);
        // It may have become whole since the map was made.
        pieces.entry(part.piece.to_string()).or_insert(Piece {
            id: part.piece,
            length: map.piece_bytes,
            size,
            completed: false,
            priority: priority(map, part.piece),
        });
    }
    pieces
}

/// How urgent a piece is to the reader that wants it most: 5 now, 4 next, 3 read ahead, 1 later in its window, 0 not at all.
fn priority(map: &PieceMap, piece: u32) -> u8 {
    let ahead = u32::try_from(READ_AHEAD_BYTES / u64::from(map.piece_bytes.max(1))).unwrap_or(u32::MAX);
    let of_reader = |reader: &freshet_model::PieceReader| {
        let distance = piece.checked_sub(reader.current).filter(|_| reader.window.contains(&piece));
        match distance {
            None => 0,
            Some(0) => 5,
            Some(1) => 4,
            Some(distance) if distance <= ahead => 3,
            Some(_) => 1,
        }
    };
    map.readers.iter().map(of_reader).max().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use freshet_model::{FileIndex, PieceReader};

    use super::*;

    #[test]
    fn a_piece_is_as_urgent_as_its_reader_needs_it() {
        let mut map = PieceMap::empty(8 * 1024 * 1024, 20, 160 * 1024 * 1024).with_bitfield(&[0xff; 3]);
        let reader = |current, window| PieceReader { file_index: FileIndex(0), current, window };
        map.readers = vec![reader(5, 4..=9), reader(8, 8..=12)];

        let priorities: Vec<u8> = (3..14).map(|piece| priority(&map, piece)).collect();

        assert_eq!(priorities, [0, 0, 5, 4, 3, 5, 4, 3, 1, 1, 0]);
        let listed = pieces(&map, &[]);
        assert_eq!((listed.len(), listed["19"].size, listed["8"].priority), (20, 8 * 1024 * 1024, 5));
    }

    #[test]
    fn a_piece_that_is_here_in_part_is_listed_with_that_part() {
        let map = PieceMap::empty(64 * 1024, 3, 3 * 64 * 1024).with_bitfield(&[0b1000_0000]);
        let part = |piece, blocks_here| PartialPiece { piece, blocks: 4, blocks_here, blocks_requested: 1 };

        let listed = pieces(&map, &[part(0, 2), part(1, 3), part(2, 0)]);

        let seen: Vec<_> = listed.values().map(|piece| (piece.id, piece.size, piece.completed)).collect();
        assert_eq!(seen, [(0, 64 * 1024, true), (1, 48 * 1024, false)]);
    }
}
