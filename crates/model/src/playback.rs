//! What the player page and Rust say to each other.

use serde::{Deserialize, Serialize};

use crate::{Chapter, FileIndex, InfoHash, NeighborFile, PieceStand, SubtitleTrack};

/// What the player window should show. No file index: the one that "play" means, as soon as the details are known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS), ts(optional_fields))]
pub struct PlayerTarget {
    pub info_hash: InfoHash,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file_index: Option<FileIndex>,
}

/// One opening of one file in one player page. A random text: who knows it may read that playback's media.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS), ts(type = "string"))]
#[serde(transparent)]
pub struct PlaybackId(pub String);

/// How the page gets the film.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
#[serde(rename_all = "snake_case")]
pub enum PlaybackMode {
    /// Fragmented MP4 that the page pulls into a media source; the picture is copied as it is.
    Remux,
    /// As `Remux`, but the picture is encoded anew because the view can't show it.
    Transcode,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
#[serde(rename_all = "snake_case")]
pub enum TrackKind {
    Video,
    Audio,
    Subtitle,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub struct TrackInfo {
    /// Number of the stream inside the file.
    pub stream_index: u32,
    pub kind: TrackKind,
    pub codec: String,
    /// The MSE name of the codec (RFC 6381) where it is known, such as `avc1.64001f`.
    pub mime_codec: Option<String>,
    pub language: Option<String>,
    pub title: Option<String>,
    /// Where it is on our server, if it is a file of its own beside the film.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "ts", ts(optional))]
    pub file_path: Option<String>,
}

/// Everything the player page needs to start.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub struct PlaybackTicket {
    pub playback_id: PlaybackId,
    pub info_hash: InfoHash,
    pub file_index: FileIndex,
    /// Name of the torrent.
    pub title: String,
    pub file_name: String,
    pub duration_secs: Option<f64>,
    /// Where to start; 0 is the beginning.
    pub resume_at_secs: f64,
    pub tracks: Vec<TrackInfo>,
    /// Those that can be shown: inside the film first, then files of the torrent that belong to it.
    pub subtitles: Vec<SubtitleTrack>,
    /// In their order; none where the file has none.
    pub chapters: Vec<Chapter>,
    pub previous_file: Option<NeighborFile>,
    pub next_file: Option<NeighborFile>,
    /// From when on `next_file` is offered; `None` in what is too short for that.
    pub next_up_at_secs: Option<f64>,
    /// The file as it is, for a player that reads it itself: a path on our server, for as long as the playback is open.
    pub file_path: String,
}

/// How the pieces under one stretch of a film stand.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub struct MapSpan {
    pub start_secs: f64,
    pub end_secs: f64,
    pub stand: PieceStand,
}

/// The pieces of a film on its axis of time, from its beginning to its end.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub struct PlaybackMap {
    pub spans: Vec<MapSpan>,
    /// The times are reckoned from the share of bytes, because the file's index is not known.
    pub is_estimate: bool,
}

/// A running conversion of one playback from one position on: the page asks our server for `{path}/0` (the header),
/// `{path}/1`, … in order. 200: the next bytes; 204: the file has ended; 410: a newer run has replaced this one; 502: the
/// conversion failed, the body says why. Asking once more for the newest part gives the same bytes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub struct MediaRun {
    /// What `MediaSource.addSourceBuffer` takes.
    pub mime: String,
    pub path: String,
    pub mode: PlaybackMode,
    pub start_secs: f64,
    /// What the page sets as `SourceBuffer.timestampOffset`, so that what it appends has the times of the film.
    pub timestamp_offset_secs: f64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
#[serde(rename_all = "snake_case")]
pub enum ReportKind {
    /// The film runs; sent about once a second.
    Playing,
    Paused,
    /// The position is the new one, after the jump.
    Seeked,
    /// The end of the file was reached.
    Ended,
    /// The page is about to go.
    Closed,
}

/// Where a playback stands.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub struct PlaybackReport {
    pub playback_id: PlaybackId,
    pub kind: ReportKind,
    pub position_secs: f64,
    pub duration_secs: Option<f64>,
}

/// Whether a film will play through, as far as what comes in lets foresee.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Outlook {
    PlaysThrough,
    MayPause {
        /// Where it would pause first.
        at_secs: f64,
        /// All pauses together.
        for_secs: f64,
    },
}
