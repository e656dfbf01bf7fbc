//! How the program behaves on the desktop. It means nothing to the headless one.

use serde::{Deserialize, Serialize};

use super::group::settings_group;

/// What closing the last window does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
#[serde(rename_all = "snake_case")]
pub enum OnClose {
    /// The program stays in the tray; where the desktop shows none, it asks.
    #[default]
    Tray,
    /// It goes on without a window, tray or not; another start brings the window back.
    Stay,
    Quit,
}

settings_group! {
    pub struct DesktopSettings / DesktopPatch {
        /// Whether the program starts, hidden, when the person logs in.
        pub start_at_login: bool = false,
        /// Whether the desktop gives magnet links and `.torrent` files to the program.
        pub opens_links: bool = false,
        pub on_close: OnClose = OnClose::Tray,
        /// A torrent that was added without playing can be watched.
        pub notify_ready: bool = true,
        /// Everything of a torrent is here.
        pub notify_complete: bool = true,
        /// Nobody has shared a torrent in use for ten minutes.
        pub notify_no_peers: bool = true,
        /// Something needs attention: a folder that is gone, a full disk.
        pub notify_problems: bool = true,
    }
}
