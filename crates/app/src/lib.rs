//! Freshet without a window: use cases, the one command list, events, tasks, lifecycle.
//!
//! Every host (the desktop shell, the HTTP server) stands on [`App`] and nothing below it. The wall is here so that what
//! happens to a torrent is decided, and tested, without a window and without HTTP.

mod about;
mod access;
mod activity;
mod alerts;
mod args;
#[cfg(feature = "ts")]
mod bindings;
mod blocklist;
mod browse;
mod budget;
mod clock;
mod commands;
mod config;
mod description;
mod edit;
mod error;
mod events;
mod external;
mod files;
mod glance;
mod import;
mod info;
mod interface;
mod library;
mod logging;
mod metered;
mod offers;
mod pieces;
mod playback;
mod player;
mod posters;
mod preload;
mod removal;
mod resolve;
mod resume;
mod search;
mod settings;
mod start;
mod storage;
mod tasks;
mod transfers;
mod viewed;
mod viewers;
mod watch_folder;

use std::sync::Arc;

pub use access::{DeviceAdd, DeviceAdded, DeviceRef, PasswordSet, QrCode, QrText};
pub use alerts::{Alert, Alerts};
pub use args::{
    AppInfo, ExternalPlayer, ExternalPlayers, IndexerTest, LibraryFind, LibraryFound, LinkAnswer,
    LinkOfferAnswer, NetworkInterface, NextUp, NextUpList, Nothing, PlaybackAtSpeed, PlaybackGoOn,
    PlaybackOpen, PlaybackRef, PlaybackStart, PlayerOpen, ProblemReport, Search, SearchAnswer, SearchFailure,
    SearchResult, Shell, SubtitleOpen, SubtitleRead, SubtitleWindowAsk, TorrentAdd, TorrentAddFile,
    TorrentAdded, TorrentEdit, TorrentRef, TorrentRemove, TransfersPause, ViewedSet, ViewedSetAll, VolumeSet,
};
#[cfg(feature = "ts")]
pub use bindings::typescript;
pub use commands::{Audience, COMMANDS, Caller, dispatch};
pub use config::{AppConfig, default_data_dir};
pub use description::Description as MediaDescription;
pub use events::EventStream;
pub use files::OpenFile;
pub use freshet_engine::{FileReader, ReadError};
pub use freshet_media::index::{ContainerIndex, IndexError};
pub use glance::{Continuation, Glance, Stand};
pub use import::{
    ImportLeftOut, ImportPreview, ImportReason, ImportReport, ImportRun, ImportSetting, ImportSettingKey,
    ImportTorrent, ImportUrl, ImportWhat,
};
pub use library::{Added, Description};
pub use logging::{LogGuard, start_logging};
pub use playback::{MediaPart, MediaPartError, SubtitlePart};
pub use preload::PreloadProgress;
pub use start::StartError;
pub use storage::StorageInfo;
pub use tasks::Tasks;
pub use viewed::ClientMark;
pub use viewers::{Guest, Seat, SentAway, ViewerRef};

/// The running application. Cheap to clone; ends with [`App::shutdown`].
#[derive(Debug, Clone)]
pub struct App {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    config: AppConfig,
    store: freshet_store::Store,
    engine: freshet_engine::Engine,
    tools: Option<freshet_media::Tools>,
    tasks: Tasks,
    events: events::EventHub,
    resolving: resolve::Resolving,
    preloads: preload::Preloads,
    activity: activity::Activity,
    abouts: Arc<about::Abouts>,
    listed: library::Listed,
    removals: removal::Removals,
    piece_layouts: pieces::PieceLayouts,
    descriptions: description::Descriptions,
    playbacks: playback::Playbacks,
    pictures: playback::Pictures,
    posters: posters::Posters,
    player: player::Player,
    client_plays: viewed::ClientPlays,
    /// Asks whom the person named, also in the private network.
    person_web: freshet_web::WebClient,
    offered_links: search::OfferedLinks,
    offers: offers::Offers,
    server_url: std::sync::OnceLock<String>,
    shell: std::sync::OnceLock<args::Shell>,
    viewers: Arc<viewers::Viewers>,
    passwords: access::Passwords,
}
