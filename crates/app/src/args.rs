//! Arguments and results of the commands that are not words of the model: they exist only at this door.

use freshet_model::{
    FileIndex, InfoHash, PlaybackId, SubtitleSource, TorrentAbout, TorrentSummary, WireError,
};
use serde::{Deserialize, Serialize};

/// A text that a person pasted or dropped: magnet link, info hash or web link.
#[derive(Debug, Clone, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
#[serde(deny_unknown_fields)]
pub struct TorrentAdd {
    pub source: String,
}

/// The person's word about a link that waits ([`freshet_model::LinkOffer`]).
#[derive(Debug, Clone, Copy, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
#[serde(deny_unknown_fields)]
pub struct LinkOfferAnswer {
    pub id: u64,
    pub answer: LinkAnswer,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
#[serde(rename_all = "snake_case")]
pub enum LinkAnswer {
    /// Into the library, and no more.
    Add,
    /// Into the library and into the player.
    Play,
    /// Forget it. Nothing is kept.
    Dismiss,
}

/// The content of a `.torrent` file.
#[derive(Debug, Clone, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
#[serde(deny_unknown_fields)]
pub struct TorrentAddFile {
    /// Base64 (RFC 4648 section 4, padded).
    pub base64: String,
}

#[derive(Debug, Clone, Serialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub struct TorrentAdded {
    pub torrent: TorrentSummary,
    /// `false`: it was in the library already.
    pub is_new: bool,
}

#[derive(Debug, Clone, Copy, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
#[serde(deny_unknown_fields)]
pub struct TorrentRef {
    pub info_hash: InfoHash,
}

#[derive(Debug, Clone, Copy, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
#[serde(deny_unknown_fields)]
pub struct TorrentRemove {
    pub info_hash: InfoHash,
    /// Also forget the pieces that are on the disk. Marks and positions are kept either way.
    pub delete_pieces: bool,
}

#[derive(Debug, Clone, Copy, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
#[serde(deny_unknown_fields)]
pub struct ViewedSet {
    pub info_hash: InfoHash,
    pub file_index: FileIndex,
    pub viewed: bool,
}

/// All that can be played of a torrent, seen or not seen.
#[derive(Debug, Clone, Copy, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
#[serde(deny_unknown_fields)]
pub struct ViewedSetAll {
    pub info_hash: InfoHash,
    pub viewed: bool,
}

/// What a person says of a torrent; what is left out stays as it is.
#[derive(Debug, Clone, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS), ts(optional_fields))]
#[serde(deny_unknown_fields)]
pub struct TorrentEdit {
    pub info_hash: InfoHash,
    /// Shown as it stands; empty for the name that the torrent came with.
    #[serde(default)]
    pub title: Option<String>,
    /// One of TorrServer's (`movie`, `tv`, `music`, `other`), one of the person's own, or empty.
    #[serde(default)]
    pub category: Option<String>,
    /// Keep what is here of it, whatever room others need.
    #[serde(default)]
    pub is_kept: Option<bool>,
}

/// What happened to a torrent, without addresses and names.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub struct ProblemReport {
    /// JSON, to be read before it is sent.
    pub text: String,
}

/// Words that a person looks for in titles and in the paths of files.
#[derive(Debug, Clone, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
#[serde(deny_unknown_fields)]
pub struct LibraryFind {
    pub text: String,
}

/// The torrents in which the words were found, best first.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub struct LibraryFound {
    pub info_hashes: Vec<InfoHash>,
}

/// The next episodes of the series that somebody watches, the series that was watched last first.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub struct NextUpList {
    pub episodes: Vec<NextUp>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub struct NextUp {
    pub info_hash: InfoHash,
    pub file_index: FileIndex,
    pub file_name: String,
    /// By its name, where it tells.
    pub season: Option<u32>,
    pub episode: Option<u32>,
    /// When the episode before it was seen, in milliseconds since 1970.
    pub seen_before_at_ms: u64,
}

/// A network interface that leads out of this computer.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub struct NetworkInterface {
    pub name: String,
    pub addresses: Vec<String>,
}

#[derive(Debug, Clone, Copy, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
#[serde(deny_unknown_fields)]
pub struct TransfersPause {
    pub paused: bool,
}

#[derive(Debug, Clone, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS), ts(optional_fields))]
#[serde(deny_unknown_fields)]
pub struct PlaybackOpen {
    pub info_hash: InfoHash,
    /// Without it: the file that "play" means.
    #[serde(default)]
    pub file_index: Option<FileIndex>,
    /// The MSE types (`video/mp4; codecs="…"`) that this view can play, of those in [`freshet_media::PROBED_TYPES`].
    pub playable_types: Vec<String>,
}

#[derive(Debug, Clone, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
#[serde(deny_unknown_fields)]
pub struct PlaybackRef {
    pub playback_id: PlaybackId,
}

#[derive(Debug, Clone, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
#[serde(deny_unknown_fields)]
pub struct PlaybackAtSpeed {
    pub playback_id: PlaybackId,
    /// 1 is as filmed.
    pub speed: f64,
}

#[derive(Debug, Clone, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
#[serde(deny_unknown_fields)]
pub struct PlaybackGoOn {
    pub playback_id: PlaybackId,
    pub info_hash: InfoHash,
    pub file_index: FileIndex,
}

#[derive(Debug, Clone, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS), ts(optional_fields))]
#[serde(deny_unknown_fields)]
pub struct PlaybackStart {
    pub playback_id: PlaybackId,
    pub at_secs: f64,
    /// Stream index of the audio track; the first one without it.
    #[serde(default)]
    pub audio_stream: Option<u32>,
}

/// Another player of this computer, to go on with what a playback plays.
#[derive(Debug, Clone, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
#[serde(deny_unknown_fields)]
pub struct PlayerOpen {
    /// [`ExternalPlayer::id`].
    pub player: String,
    pub playback_id: PlaybackId,
    pub position_secs: f64,
}

#[derive(Debug, Clone, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS), ts(optional_fields))]
#[serde(deny_unknown_fields)]
pub struct SubtitleOpen {
    pub playback_id: PlaybackId,
    pub source: SubtitleSource,
    /// How a file of text is read, by the name of an encoding (WHATWG); else it is found out.
    #[serde(default)]
    pub charset: Option<String>,
}

#[derive(Debug, Clone, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
#[serde(deny_unknown_fields)]
pub struct SubtitleWindowAsk {
    pub playback_id: PlaybackId,
    pub source: SubtitleSource,
    pub from_secs: f64,
    pub to_secs: f64,
}

/// A subtitle file that a person opened or dropped.
#[derive(Debug, Clone, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS), ts(optional_fields))]
#[serde(deny_unknown_fields)]
pub struct SubtitleRead {
    pub playback_id: PlaybackId,
    pub name: String,
    /// Base64 (RFC 4648 section 4, padded) of 10 MiB at most.
    pub base64: String,
    #[serde(default)]
    pub charset: Option<String>,
}

#[derive(Debug, Clone, Copy, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
#[serde(deny_unknown_fields)]
pub struct VolumeSet {
    /// 0 to 1.
    pub volume: f64,
    pub is_muted: bool,
}

#[derive(Debug, Clone, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS), ts(optional_fields))]
#[serde(deny_unknown_fields)]
pub struct Search {
    pub query: String,
    /// Number of one search service in the settings, from 0; all of them without it.
    #[serde(default)]
    pub indexer: Option<u32>,
}

/// A search service as it is being written down.
#[derive(Clone, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
#[serde(deny_unknown_fields)]
#[allow(missing_debug_implementations, reason = "it holds a secret")]
pub struct IndexerTest {
    pub url: String,
    pub api_key: String,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub struct SearchAnswer {
    /// Each torrent once, those with most seeders first.
    pub results: Vec<SearchResult>,
    /// The services that gave nothing.
    pub failures: Vec<SearchFailure>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub struct SearchResult {
    pub title: String,
    /// What the title tells.
    pub about: TorrentAbout,
    /// 0 if it was not told.
    pub size_bytes: u64,
    pub seeders: u32,
    /// Seeders and leechers together.
    pub peers: u32,
    pub published_at_secs: Option<u64>,
    pub tracker: String,
    /// A word, or nothing.
    pub category: String,
    pub info_hash: Option<InfoHash>,
    /// What to add; where there is none, it is `link`.
    pub magnet: Option<String>,
    /// Leads to a `.torrent` file. It may carry the person's key of the service.
    pub link: Option<String>,
    /// A page about it.
    pub details: Option<String>,
    /// `tt1254207`, or nothing.
    pub imdb_id: String,
    pub year: Option<u16>,
    /// Number of the search service in the settings, from 0.
    pub indexer: u32,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub struct SearchFailure {
    pub indexer: u32,
    pub name: String,
    pub error: WireError,
}

#[derive(Debug, Clone, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
#[serde(deny_unknown_fields)]
pub struct Nothing {}

/// What this program is and where it keeps things.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub struct AppInfo {
    pub version: String,
    pub data_dir: String,
    /// Where TorrServer's clients and other players find us; `None` before the server runs.
    pub server_url: Option<String>,
    pub peer_port: Option<u16>,
    /// What the desktop around the windows can do; `None` without one.
    pub shell: Option<Shell>,
    /// The MSE types that [`PlaybackOpen::playable_types`] chooses from.
    pub probed_types: Vec<String>,
}

/// What the desktop can do for the program.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub struct Shell {
    /// Whether it shows tray icons.
    pub has_tray: bool,
    /// Whether it may be told to start the program when the person logs in.
    pub can_start_at_login: bool,
    /// Whether it may be told to give links and files to the program; where an installer does that, it need not be asked.
    pub can_open_links: bool,
}

/// The players that are on this computer, in the order in which to offer them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub struct ExternalPlayers {
    pub players: Vec<ExternalPlayer>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub struct ExternalPlayer {
    pub id: String,
    pub name: String,
}
