//! What the program is started with, before any setting is read.

use std::path::PathBuf;
use std::time::Duration;

use freshet_model::{AddressPolicy, SettingsPatch};

/// Longer than the offer to undo is on the screen.
const UNDO_TIME: Duration = Duration::from_secs(15);

/// Where things are kept and what the person at the computer decided on the command line.
#[derive(Debug, Clone, PartialEq)]
pub struct AppConfig {
    /// Holds `freshet.db`, its backups, `pieces/`, `posters/` and `logs/`.
    pub data_dir: PathBuf,
    /// Where peers reach us, whatever the settings say; 0: as they say.
    pub peer_port: u16,
    /// Whether peers are looked for beyond trackers, as far as the settings want it: by the DHT, in the local network, and
    /// by asking the router to let them in.
    pub enable_dht: bool,
    pub addresses: AddressPolicy,
    /// For how long a torrent that was taken out can come back with its pieces.
    pub undo_time: Duration,
    /// Changed in the settings before anything leaves this computer; they stay changed.
    pub settings: Option<SettingsPatch>,
}

impl AppConfig {
    pub fn new(data_dir: impl Into<PathBuf>) -> Self {
        Self {
            data_dir: data_dir.into(),
            peer_port: 0,
            enable_dht: true,
            addresses: AddressPolicy::GlobalOnly,
            undo_time: UNDO_TIME,
            settings: None,
        }
    }

    pub(crate) fn database(&self) -> PathBuf {
        self.data_dir.join("freshet.db")
    }

    pub(crate) fn pieces(&self) -> PathBuf {
        self.data_dir.join("pieces")
    }

    /// Small pictures for the cards of torrents.
    pub(crate) fn posters(&self) -> PathBuf {
        self.data_dir.join("posters")
    }

    /// A certificate that we made ourselves, and its key.
    pub(crate) fn tls(&self) -> PathBuf {
        self.data_dir.join("tls")
    }

    pub(crate) fn dht_state(&self) -> PathBuf {
        self.data_dir.join("dht.json")
    }
}

/// The folder for this person's data by the customs of the system (`~/.local/share/freshet` on Linux).
pub fn default_data_dir() -> Option<PathBuf> {
    Some(directories::ProjectDirs::from("", "", "freshet")?.data_dir().to_owned())
}
