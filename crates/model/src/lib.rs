//! The words of Freshet, and nothing that does I/O.
//!
//! | word | meaning |
//! |---|---|
//! | [`InfoHash`] | the 20-byte version-1 identity of a torrent (BEP 3) |
//! | [`FileIndex`] | 0-based position of a file in the metainfo |
//! | source ([`TorrentSource`]) | what a person gave us: magnet link, info hash, web link, `.torrent` bytes |
//! | [`Metainfo`] | a checked `.torrent`: the one door that hostile metadata has to pass |
//! | viewed mark, position ([`FileMark`]) | "seen" flag of a file, seconds into it |
//! | [`AppEvent`] | what a window is told: a snapshot first, then full values in order |
//!
//! The wall stands here because every other room needs these words and none of them may need the others' libraries.

mod about;
mod access;
pub mod bencode;
mod chapters;
mod companions;
mod episodes;
mod error;
mod event;
mod file_ids;
mod files;
mod foretold;
mod ids;
mod magnet;
mod marks;
mod metainfo;
mod net;
mod offer;
mod pieces;
mod playback;
mod poster_file;
mod proxy;
mod settings;
mod source;
mod subtitles;
mod telemetry;
mod torrent;
mod torrs;
mod transfer;
mod viewers;

pub use about::{ContentKind, TorrentAbout};
pub use access::{
    Access, AccessChange, AccessError, AccessSummary, Device, DeviceId, DeviceSummary, NetworkProblem,
    NetworkStatus,
};
pub use chapters::{Chapter, ChapterKind, next_up_at_secs};
pub use companions::{sound_files, subtitle_files};
pub use episodes::{Episode, NeighborFile, neighbors};
pub use error::{ErrorCode, WireError};
pub use event::{AppEvent, Notice, NoticeKind, Snapshot, StoreChange};
pub use file_ids::assign_torrserver_ids;
pub use files::{FileEntry, MediaKind, media_kind};
pub use foretold::{Foretold, ForetoldFile, ForetoldMark, is_file_id};
pub use ids::{FileIndex, InfoHash, ParseInfoHashError, Revision};
pub use magnet::{Magnet, MagnetError};
pub use marks::{FileMark, TorrentMarks, rules};
pub use metainfo::{Metainfo, MetainfoError, clean_name, limits};
pub use net::{AddressPolicy, is_global};
pub use offer::LinkOffer;
pub use pieces::{PieceMap, PieceReader};
pub use playback::{
    MapSpan, MediaRun, Outlook, PlaybackId, PlaybackMap, PlaybackMode, PlaybackReport, PlaybackTicket,
    PlayerTarget, ReportKind, TrackInfo, TrackKind,
};
pub use poster_file::{MAX_POSTER_FILE_BYTES, poster_file};
pub use proxy::{BadProxy, Proxy, ProxyKind};
pub use settings::{
    DesktopPatch, DesktopSettings, Indexer, Language, NetworkPatch, NetworkSettings, OnClose, PlaybackPatch,
    PlaybackSettings, PlayerEngine, RateLimits, SearchPatch, SearchSettings, Settings, SettingsError,
    SettingsPatch, SkipMode, SlowPatch, SlowSettings, SpareLine, Theme, TransferPatch, TransferSettings,
};
pub use source::{SourceError, TorrentSource};
pub use subtitles::{
    CueHeight, CueSide, OpenedSubtitles, SubtitleCue, SubtitleFont, SubtitleForm, SubtitleSource,
    SubtitleTrack, SubtitleWindow, TextRun,
};
pub use telemetry::{
    IdleReason, PartialPiece, PeerCounts, PeerView, PieceRun, PieceStand, TransferCounters, TransferDetail,
    WaitReason,
};
pub use torrent::{AddedFrom, TorrentDetail, TorrentRecord, TorrentState, TorrentSummary, TransferStats};
pub use torrs::{Torrs, TorrsError};
pub use transfer::{TransferInfo, web_paths};
pub use viewers::{ViewedFile, Viewer, ViewerId, ViewerPass};
