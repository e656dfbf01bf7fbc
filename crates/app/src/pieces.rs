//! The picture of a torrent's pieces that clients draw.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use freshet_model::{InfoHash, Metainfo, PieceMap, TorrentRecord};

use crate::App;

/// Idle torrents that are asked about again and again; when there are more, all are forgotten.
const REMEMBERED: usize = 1024;

/// Piece length in bytes and piece count of torrents that are not active: reading a metainfo hashes all of it, which is too
/// much for somebody who asks ten times a second.
#[derive(Debug, Default)]
pub(crate) struct PieceLayouts(Mutex<HashMap<InfoHash, (u32, u32)>>);

impl App {
    /// What a torrent has and who reads it. Of one that is not active nothing is known to be here.
    pub fn pieces(&self, record: &TorrentRecord) -> PieceMap {
        self.inner.engine.pieces(record.info_hash).unwrap_or_else(|| {
            let (piece_bytes, piece_count) = self.piece_layout(record);
            PieceMap::empty(piece_bytes, piece_count, record.total_bytes)
        })
    }

    /// Piece length in bytes and piece count; zeros without details.
    pub(crate) fn piece_layout(&self, record: &TorrentRecord) -> (u32, u32) {
        let layouts = || self.inner.piece_layouts.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = layouts().get(&record.info_hash) {
            return *known;
        }
        let metainfo = record.metainfo.as_deref().and_then(|bytes| Metainfo::parse(bytes).ok());
        let Some(layout) = metainfo.map(|metainfo| (metainfo.piece_bytes, metainfo.piece_count)) else {
            return (0, 0);
        };
        let mut layouts = layouts();
        if layouts.len() >= REMEMBERED {
            layouts.clear();
        }
        layouts.insert(record.info_hash, layout);
        layout
    }
}
