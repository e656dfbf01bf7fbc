//! The one list of commands.
//!
//! From it come the dispatcher of both hosts (Tauri's `rpc` and `POST /rpc/{command}`), the TypeScript types and the
//! list of what each window may call. No second list of these names exists anywhere.

use freshet_model::{
    ErrorCode, InfoHash, MediaRun, OpenedSubtitles, Outlook, PlaybackMap, PlaybackReport, PlaybackTicket,
    PlayerTarget, Settings, SettingsPatch, SubtitleWindow, TorrentDetail, TorrentSummary, TransferDetail,
    WireError,
};
use serde_json::Value;

use crate::App;
use crate::access::{DeviceAdd, DeviceAdded, DeviceRef, PasswordSet, QrCode, QrText};
use crate::args::{
    AppInfo, ExternalPlayers, IndexerTest, LibraryFind, LibraryFound, LinkOfferAnswer, NetworkInterface,
    NextUpList, Nothing, PlaybackAtSpeed, PlaybackGoOn, PlaybackOpen, PlaybackRef, PlaybackStart, PlayerOpen,
    ProblemReport, Search, SearchAnswer, SubtitleOpen, SubtitleRead, SubtitleWindowAsk, TorrentAdd,
    TorrentAddFile, TorrentAdded, TorrentEdit, TorrentRef, TorrentRemove, TransfersPause, ViewedSet,
    ViewedSetAll, VolumeSet,
};
use crate::import::{ImportPreview, ImportReport, ImportRun, ImportUrl};
use crate::storage::StorageInfo;
use crate::viewers::ViewerRef;

/// Who calls. The player shows names, subtitles and pictures of strangers, so it gets only what playing needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Caller {
    MainWindow,
    PlayerWindow,
    /// The UI in a browser on this computer: library and player are pages of one origin there.
    Browser,
    /// The same on another device, let in by the password. It may use everything and administer nothing.
    NetworkBrowser,
}

impl Caller {
    fn name(self) -> &'static str {
        match self {
            Self::MainWindow => "the main window",
            Self::PlayerWindow => "the player window",
            Self::Browser => "a page on this computer",
            Self::NetworkBrowser => "a page on another device",
        }
    }

    /// Whether this is the person at the computer, with all they have open for administration.
    pub(crate) fn is_owner(self) -> bool {
        matches!(self, Self::MainWindow | Self::Browser)
    }
}

/// Which windows a command is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Audience {
    /// Administration: the person at this computer alone.
    Owner,
    /// The windows and pages of this computer.
    Here,
    Main,
    Both,
}

impl Audience {
    fn admits(self, caller: Caller) -> bool {
        match self {
            Self::Owner => caller.is_owner(),
            Self::Here => caller != Caller::NetworkBrowser,
            Self::Main => caller != Caller::PlayerWindow,
            Self::Both => true,
        }
    }
}

macro_rules! commands {
    ($($(#[doc = $doc:literal])* $audience:ident $name:ident: $room:ident::$body:ident($args:ty) -> $result:ty;)*) => {
        /// Every command with the windows it is for.
        pub const COMMANDS: &[(&str, Audience)] = &[$((stringify!($name), Audience::$audience)),*];

        /// Runs a command: checks the caller, reads the arguments, answers with the result as JSON.
        ///
        /// # Errors
        /// [`ErrorCode::BadRequest`] for an unknown name or unreadable arguments, [`ErrorCode::Forbidden`] if the window may
        /// not call it, else what the command says.
        pub async fn dispatch(app: &App, caller: Caller, name: &str, payload: Value) -> Result<Value, WireError> {
            match name {
                $(stringify!($name) => {
                    admit(Audience::$audience, caller, name)?;
                    let args: $args = serde_json::from_value(payload)
                        .map_err(|error| WireError::new(ErrorCode::BadRequest, format!("{name}: {error}")))?;
                    let result: $result = crate::$room::$body(app, args).await?;
                    serde_json::to_value(result)
                        .map_err(|error| WireError::new(ErrorCode::Internal, format!("{name}: {error}")))
                })*
                _ => Err(WireError::new(ErrorCode::BadRequest, format!("no command {name:?}"))),
            }
        }

        /// The TypeScript side of the list.
        #[cfg(feature = "ts")]
        pub(crate) fn typescript(bindings: &mut crate::bindings::Bindings) {
            $(bindings.command::<$args, $result>(stringify!($name), &[$($doc),*]);)*
        }
    };
}

commands! {
    /// What this program is, and which media types the page should probe.
    Both app_info: info::app_info(Nothing) -> AppInfo;

    /// What becomes of a link that another program handed over. Gives the torrent, unless there is none now.
    Owner link_offer_answer: offers::answer(LinkOfferAnswer) -> Option<InfoHash>;
    /// Adds what a person pasted; answers as soon as the row is stored, details follow as events.
    Main torrent_add: library::add_text(TorrentAdd) -> TorrentAdded;
    /// Adds the content of a `.torrent` file.
    Main torrent_add_file: library::add_file(TorrentAddFile) -> TorrentAdded;
    /// A torrent with its files.
    Both torrent_detail: library::detail(TorrentRef) -> TorrentDetail;
    /// Looks for the details once more.
    Both torrent_retry: library::retry(TorrentRef) -> TorrentSummary;
    /// Takes a torrent out of the library. Its marks and positions are kept, and for some seconds it can come back as it was.
    Main torrent_remove: removal::remove(TorrentRemove) -> ();
    /// Brings back what was taken out a moment ago.
    Main torrent_restore: removal::restore(TorrentRef) -> TorrentSummary;
    /// Gives a torrent another title or category, or keeps what is here of it.
    Main torrent_edit: edit::edit(TorrentEdit) -> TorrentSummary;
    /// The torrents whose titles and files have all these words, best first.
    Main library_find: browse::find(LibraryFind) -> LibraryFound;
    /// What comes next in the series that somebody watches.
    Main library_next_up: browse::next_up(Nothing) -> NextUpList;
    /// How the peers and pieces of a torrent stand; nothing while it is not in use.
    Main torrent_transfer: transfers::detail(TorrentRef) -> Option<TransferDetail>;
    /// A problem report on a torrent that is in use.
    Main torrent_report: transfers::report(TorrentRef) -> ProblemReport;
    /// Stops all transfers, or lets them go on.
    Main transfers_pause: transfers::pause(TransfersPause) -> ();

    /// Sets or takes away the viewed mark of a file.
    Both viewed_set: viewed::set(ViewedSet) -> ();
    /// The same for all that can be played of a torrent.
    Main viewed_set_all: edit::set_viewed_all(ViewedSetAll) -> ();

    /// Shows a file in the player window.
    Main player_show: player::show(PlayerTarget) -> ();
    /// Opens a file for the player page: probes it and chooses how the page will get it. Waits for the first bytes.
    Both playback_open: playback::open(PlaybackOpen) -> PlaybackTicket;
    /// Starts delivering from a position; an earlier run of the same playback ends.
    Both playback_start: playback::start(PlaybackStart) -> MediaRun;
    /// Where the playback stands.
    Both playback_report: playback::report(PlaybackReport) -> ();
    /// Goes on with another file of the torrent that a playback is of, or with what follows on it in the library.
    Both playback_go_on: playback::go_on(PlaybackGoOn) -> ();
    /// How the pieces of the film stand on its axis of time; nothing while its length or its pieces are not known.
    Both playback_map: playback::map(PlaybackRef) -> Option<PlaybackMap>;
    /// Whether the film will play through at this speed; nothing while too little is known for that.
    Both playback_outlook: playback::outlook(PlaybackAtSpeed) -> Option<Outlook>;
    /// Other players of this computer.
    Here players_list: external::list(Nothing) -> ExternalPlayers;
    /// Goes on in one of them; where it stands then is followed.
    Here player_open: external::open(PlayerOpen) -> ();
    /// Opens a subtitle track of a playback. Waits for a file of text, or for the head of the film.
    Both subtitle_open: playback::open_subtitles(SubtitleOpen) -> OpenedSubtitles;
    /// What is said in a window of time. Waits for its bytes; a newer call for the same track ends it.
    Both subtitle_window: playback::subtitle_window(SubtitleWindowAsk) -> SubtitleWindow;
    /// Reads a subtitle file of the person's own.
    Both subtitle_read: playback::read_own_subtitles(SubtitleRead) -> OpenedSubtitles;
    /// Remembers the volume.
    Both volume_set: settings::set_volume(VolumeSet) -> ();

    /// Asks the search services of the settings, or one of them.
    Main search: search::search(Search) -> SearchAnswer;
    /// Finds out whether a search service works as it is written down.
    Owner indexer_test: search::test(IndexerTest) -> ();

    /// What would come over from a TorrServer (or another Freshet) that runs.
    Owner import_preview: import::preview(ImportUrl) -> ImportPreview;
    /// Takes it over. A second run changes nothing.
    Owner import_run: import::run(ImportRun) -> ImportReport;

    /// Changes settings; answers with all of them.
    Owner settings_update: settings::update(SettingsPatch) -> Settings;
    /// Sets everything back to how it was at first, but for what clients keep here, the password and the devices.
    Owner settings_reset: settings::reset(Nothing) -> Settings;
    /// What lies on the disk, and what more may.
    Owner storage_info: storage::info(Nothing) -> StorageInfo;
    /// The network interfaces of this computer, without loopback: what `transfers.network_interface` can name.
    Owner network_interfaces: interface::list(Nothing) -> Vec<NetworkInterface>;

    /// Sets the password of the local network, or takes it away, which shuts the door.
    Owner password_set: access::set_password(PasswordSet) -> ();
    /// Lets a device play by an address with a token in it. The token is told this once.
    Owner device_add: access::add_device(DeviceAdd) -> DeviceAdded;
    /// Takes a device's token away. What it plays at this moment ends.
    Owner device_remove: access::remove_device(DeviceRef) -> ();
    /// Ends what a device of the local network is doing here, and keeps it out for ten minutes.
    Owner viewer_kick: viewers::kick(ViewerRef) -> ();
    /// A text as a QR code.
    Owner qr_code: access::qr_code(QrText) -> QrCode;
}

fn admit(audience: Audience, caller: Caller, name: &str) -> Result<(), WireError> {
    if audience.admits(caller) {
        Ok(())
    } else {
        Err(WireError::new(ErrorCode::Forbidden, format!("{} may not call {name}", caller.name())))
    }
}
