//! What a person can choose. Every change is applied at once.

mod desktop;
mod group;
mod limits;
mod network;
mod playback;
mod search;
mod transfers;

use serde::{Deserialize, Serialize};

use crate::{BadProxy, Proxy};

pub use desktop::{DesktopPatch, DesktopSettings, OnClose};
pub use limits::{RateLimits, SlowPatch, SlowSettings};
pub use network::{NetworkPatch, NetworkSettings};
pub use playback::{PlaybackPatch, PlaybackSettings, SkipMode};
pub use search::{Indexer, SearchPatch, SearchSettings};
pub use transfers::{SpareLine, TransferPatch, TransferSettings};

/// All settings, always complete: a field that an older file lacks gets its default.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
#[serde(default)]
pub struct Settings {
    pub language: Language,
    pub theme: Theme,
    /// How large everything outside the player is drawn; 100 is as designed.
    pub ui_scale_percent: u16,
    /// Whether the person has left the first screen, with its questions, or watched something from it.
    pub is_welcomed: bool,
    /// 0: no limit.
    pub download_limit_bytes_per_sec: u64,
    /// 0: no limit.
    pub upload_limit_bytes_per_sec: u64,
    pub slow: SlowSettings,
    pub volume: f64,
    pub is_muted: bool,
    pub player_engine: PlayerEngine,
    /// Whether positions that TorrServer's clients report are kept (TorrServer's `TrackTimecode`).
    pub track_client_positions: bool,
    /// A torrent that nobody reads is closed after so long.
    pub idle_timeout_secs: u32,
    /// How much of a film is fetched before it is shown, at most; 0: nothing.
    pub preload_bytes: u64,
    /// What the pieces of all torrents may take of the disk, but for those of pinned torrents; 0: a quarter of what is free, 20 GB
    /// at most.
    pub disk_budget_bytes: u64,
    /// A folder whose `.torrent` files are taken into the library; empty: none.
    pub watch_dir: String,
    pub playback: PlaybackSettings,
    pub desktop: DesktopSettings,
    pub transfers: TransferSettings,
    pub network: NetworkSettings,
    pub search: SearchSettings,
    /// Settings of TorrServer's clients that mean nothing here: kept and given back as they came.
    #[cfg_attr(feature = "ts", ts(type = "Record<string, unknown>"))]
    pub torrserver: serde_json::Map<String, serde_json::Value>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            language: Language::System,
            theme: Theme::System,
            ui_scale_percent: 100,
            is_welcomed: false,
            download_limit_bytes_per_sec: 0,
            upload_limit_bytes_per_sec: 0,
            slow: SlowSettings::default(),
            volume: 1.0,
            is_muted: false,
            player_engine: PlayerEngine::Libmpv,
            track_client_positions: true,
            idle_timeout_secs: 600,
            preload_bytes: 32 * 1024 * 1024,
            disk_budget_bytes: 0,
            watch_dir: String::new(),
            playback: PlaybackSettings::default(),
            desktop: DesktopSettings::default(),
            transfers: TransferSettings::default(),
            network: NetworkSettings::default(),
            search: SearchSettings::default(),
            torrserver: serde_json::Map::new(),
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
#[serde(rename_all = "snake_case")]
pub enum Language {
    System,
    En,
    Ru,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
#[serde(rename_all = "snake_case")]
pub enum Theme {
    System,
    Light,
    Dark,
}

/// What plays films in the program's own windows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
#[serde(rename_all = "snake_case")]
pub enum PlayerEngine {
    /// libmpv where it is there and works; elsewhere the web view.
    Libmpv,
    WebView,
}

/// A change of some settings; what is `None` stays as it is.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS), ts(optional_fields))]
#[serde(default, deny_unknown_fields)]
pub struct SettingsPatch {
    pub language: Option<Language>,
    pub theme: Option<Theme>,
    pub ui_scale_percent: Option<u16>,
    pub is_welcomed: Option<bool>,
    pub download_limit_bytes_per_sec: Option<u64>,
    pub upload_limit_bytes_per_sec: Option<u64>,
    pub slow: Option<SlowPatch>,
    pub volume: Option<f64>,
    pub is_muted: Option<bool>,
    pub player_engine: Option<PlayerEngine>,
    pub track_client_positions: Option<bool>,
    pub idle_timeout_secs: Option<u32>,
    pub preload_bytes: Option<u64>,
    pub disk_budget_bytes: Option<u64>,
    pub watch_dir: Option<String>,
    pub playback: Option<PlaybackPatch>,
    pub desktop: Option<DesktopPatch>,
    pub transfers: Option<TransferPatch>,
    pub network: Option<NetworkPatch>,
    pub search: Option<SearchPatch>,
    /// Fields to set; fields that are not named stay.
    #[cfg_attr(feature = "ts", ts(optional, type = "Record<string, unknown>"))]
    pub torrserver: Option<serde_json::Map<String, serde_json::Value>>,
}

#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum SettingsError {
    #[error("the volume goes from 0 to 1, not {0}")]
    Volume(f64),
    #[error("the settings kept for clients are larger than 64 KiB")]
    TooLarge,
    #[error("a torrent is kept open for 1 second to 30 days after its last reader, not for {0} s")]
    IdleTimeout(u32),
    #[error("at most 32 search services are kept, with names, addresses and keys of sensible length")]
    Indexers,
    #[error("at most 1 GiB is fetched before a film is shown, not {0} bytes")]
    Preload(u64),
    #[error("films need at least 64 MiB of the disk, not {0} bytes")]
    DiskBudget(u64),
    #[error("1 to 5000 peers are spoken to at the same time, not {0}")]
    Connections(u32),
    #[error(transparent)]
    Proxy(#[from] BadProxy),
    #[error("no network interface has the name {0:?}")]
    Interface(String),
    #[error("a ratio is 0 (no limit) or more, not {0}")]
    SeedRatio(f64),
    #[error("pages are drawn at 80 to 200 percent, not at {0}")]
    UiScale(u16),
    #[error("films play at 0.25 to 4 times their speed, not at {0}")]
    Speed(f64),
    #[error("no language has the tag {0:?}")]
    Language(String),
}

impl Settings {
    pub const MAX_PRELOAD_BYTES: u64 = 1024 * 1024 * 1024;
    /// Two of the largest pieces there are, and a window to play from.
    pub const MIN_DISK_BUDGET_BYTES: u64 = 64 * 1024 * 1024;
    pub const UI_SCALES_PERCENT: std::ops::RangeInclusive<u16> = 80..=200;
    const MAX_CLIENT_SETTINGS_BYTES: usize = 64 * 1024;

    /// These settings with a change applied.
    ///
    /// # Errors
    /// [`SettingsError`] if a value is outside its range; nothing is changed then.
    pub fn with(&self, patch: SettingsPatch) -> Result<Self, SettingsError> {
        let mut torrserver = self.torrserver.clone();
        torrserver.extend(patch.torrserver.unwrap_or_default());
        let settings = Self {
            language: patch.language.unwrap_or(self.language),
            theme: patch.theme.unwrap_or(self.theme),
            ui_scale_percent: patch.ui_scale_percent.unwrap_or(self.ui_scale_percent),
            is_welcomed: patch.is_welcomed.unwrap_or(self.is_welcomed),
            download_limit_bytes_per_sec: patch
                .download_limit_bytes_per_sec
                .unwrap_or(self.download_limit_bytes_per_sec),
            upload_limit_bytes_per_sec: patch
                .upload_limit_bytes_per_sec
                .unwrap_or(self.upload_limit_bytes_per_sec),
            slow: self.slow.with(patch.slow.unwrap_or_default()),
            volume: patch.volume.unwrap_or(self.volume),
            is_muted: patch.is_muted.unwrap_or(self.is_muted),
            player_engine: patch.player_engine.unwrap_or(self.player_engine),
            track_client_positions: patch.track_client_positions.unwrap_or(self.track_client_positions),
            idle_timeout_secs: patch.idle_timeout_secs.unwrap_or(self.idle_timeout_secs),
            preload_bytes: patch.preload_bytes.unwrap_or(self.preload_bytes),
            disk_budget_bytes: patch.disk_budget_bytes.unwrap_or(self.disk_budget_bytes),
            watch_dir: patch.watch_dir.unwrap_or_else(|| self.watch_dir.clone()),
            playback: self.playback.with(patch.playback.unwrap_or_default()),
            desktop: self.desktop.with(patch.desktop.unwrap_or_default()),
            transfers: self.transfers.with(patch.transfers.unwrap_or_default()),
            network: self.network.with(patch.network.unwrap_or_default()),
            search: self.search.with(patch.search.unwrap_or_default()),
            torrserver,
        };
        settings.check()?;
        Ok(settings)
    }

    /// Blanks what only the person at this computer may see: the keys of their accounts elsewhere.
    pub fn hide_secrets(&mut self) {
        for indexer in &mut self.search.indexers {
            indexer.hide_secrets();
        }
        // It may hold a password, and who may see it could not send it back without.
        self.transfers.proxy_url.clear();
        // Among them are keys of services that clients ask.
        self.torrserver.clear();
    }

    fn check(&self) -> Result<(), SettingsError> {
        if !(1..=30 * 24 * 3600).contains(&self.idle_timeout_secs) {
            return Err(SettingsError::IdleTimeout(self.idle_timeout_secs));
        }
        if self.preload_bytes > Self::MAX_PRELOAD_BYTES {
            return Err(SettingsError::Preload(self.preload_bytes));
        }
        if (1..Self::MIN_DISK_BUDGET_BYTES).contains(&self.disk_budget_bytes) {
            return Err(SettingsError::DiskBudget(self.disk_budget_bytes));
        }
        if !self.transfers.is_bounded() {
            return Err(SettingsError::Connections(self.transfers.max_connections));
        }
        Proxy::of_setting(&self.transfers.proxy_url)?;
        if !self.transfers.has_sound_interface() {
            return Err(SettingsError::Interface(self.transfers.network_interface.clone()));
        }
        if !self.transfers.has_sound_ratio() {
            return Err(SettingsError::SeedRatio(self.transfers.seed_ratio_limit));
        }
        if !Self::UI_SCALES_PERCENT.contains(&self.ui_scale_percent) {
            return Err(SettingsError::UiScale(self.ui_scale_percent));
        }
        if !self.playback.has_sound_speed() {
            return Err(SettingsError::Speed(self.playback.default_speed));
        }
        if let Some(tag) = self.playback.unsound_language() {
            return Err(SettingsError::Language(tag.to_owned()));
        }
        if !(0.0..=1.0).contains(&self.volume) {
            return Err(SettingsError::Volume(self.volume));
        }
        if !self.search.is_bounded() {
            return Err(SettingsError::Indexers);
        }
        let kept = serde_json::to_string(&self.torrserver).map_or(usize::MAX, |text| text.len());
        if kept > Self::MAX_CLIENT_SETTINGS_BYTES {
            return Err(SettingsError::TooLarge);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_patch_changes_only_what_it_names() {
        let before = Settings { theme: Theme::Dark, ..Settings::default() };

        let after = before.with(SettingsPatch { volume: Some(0.5), ..SettingsPatch::default() }).unwrap();

        assert_eq!(after, Settings { volume: 0.5, ..before });
    }

    #[test]
    fn a_patch_of_a_group_keeps_the_rest_of_the_group() {
        let network = NetworkSettings { lan_enabled: true, https_port: 9443, ..NetworkSettings::default() };
        let before = Settings { network: network.clone(), ..Settings::default() };
        let patch: SettingsPatch =
            serde_json::from_str(r#"{"network":{"friendly_name":"den"},"idle_timeout_secs":30}"#).unwrap();

        let after = before.with(patch).unwrap();

        let network = NetworkSettings { friendly_name: "den".to_owned(), ..network };
        assert_eq!(after, Settings { network, idle_timeout_secs: 30, ..before });
        assert!(serde_json::from_str::<SettingsPatch>(r#"{"network":{"lan":true}}"#).is_err());
    }

    #[test]
    fn values_outside_their_range_are_refused() {
        let with = |patch| Settings::default().with(patch);

        for (count, is_fine) in [(0, false), (1, true), (5000, true), (5001, false)] {
            let transfers = TransferPatch { max_connections: Some(count), ..TransferPatch::default() };
            let patch = SettingsPatch { transfers: Some(transfers), ..SettingsPatch::default() };
            assert_eq!(with(patch).is_ok(), is_fine, "{count} connections");
        }
        for (ratio, is_fine) in [(0.0, true), (1.5, true), (-0.1, false), (f64::INFINITY, false)] {
            let transfers = TransferPatch { seed_ratio_limit: Some(ratio), ..TransferPatch::default() };
            let patch = SettingsPatch { transfers: Some(transfers), ..SettingsPatch::default() };
            assert_eq!(with(patch).is_ok(), is_fine, "a ratio of {ratio}");
        }
        let longest = "x".repeat(TransferSettings::MAX_INTERFACE_BYTES);
        let longer = format!("{longest}x");
        for (name, is_fine) in [
            ("", true),
            ("wg0", true),
            (longest.as_str(), true),
            (longer.as_str(), false),
            (" wg0", false),
            ("wg0\0", false),
            ("wg\n0", false),
        ] {
            let transfers =
                TransferPatch { network_interface: Some(name.to_owned()), ..TransferPatch::default() };
            let patch = SettingsPatch { transfers: Some(transfers), ..SettingsPatch::default() };
            assert_eq!(with(patch).is_ok(), is_fine, "the interface {name:?}");
        }
        for secs in [0, 30 * 24 * 3600 + 1] {
            let patch = SettingsPatch { idle_timeout_secs: Some(secs), ..SettingsPatch::default() };
            assert_eq!(with(patch), Err(SettingsError::IdleTimeout(secs)));
        }
        let indexers = |count, length| SearchPatch {
            indexers: Some(vec![Indexer { url: "x".repeat(length), ..Indexer::default() }; count]),
            ..SearchPatch::default()
        };
        for (count, length, is_fine) in [(32, 2048, true), (33, 1, false), (1, 2049, false)] {
            let patch = SettingsPatch { search: Some(indexers(count, length)), ..SettingsPatch::default() };
            assert_eq!(with(patch).is_ok(), is_fine, "{count} of {length}");
        }
        for (percent, is_fine) in [(79, false), (80, true), (200, true), (201, false)] {
            let patch = SettingsPatch { ui_scale_percent: Some(percent), ..SettingsPatch::default() };
            assert_eq!(with(patch).is_ok(), is_fine, "{percent} percent");
        }
        for (speed, is_fine) in [(0.25, true), (4.0, true), (0.2, false), (f64::NAN, false)] {
            let playback = PlaybackPatch { default_speed: Some(speed), ..PlaybackPatch::default() };
            let patch = SettingsPatch { playback: Some(playback), ..SettingsPatch::default() };
            assert_eq!(with(patch).is_ok(), is_fine, "speed {speed}");
        }
        for (tag, is_fine) in [("", true), ("pt-BR", true), ("../x", false), ("русский", false)] {
            let playback = PlaybackPatch { audio_language: Some(tag.to_owned()), ..PlaybackPatch::default() };
            let patch = SettingsPatch { playback: Some(playback), ..SettingsPatch::default() };
            assert_eq!(with(patch).is_ok(), is_fine, "language {tag:?}");
        }
        let much = SettingsPatch { preload_bytes: Some(1 << 31), ..SettingsPatch::default() };
        assert_eq!(with(much), Err(SettingsError::Preload(1 << 31)));
        assert!(with(SettingsPatch { volume: Some(f64::NAN), ..SettingsPatch::default() }).is_err());
        let slow = SettingsPatch { download_limit_bytes_per_sec: Some(1), ..SettingsPatch::default() };
        assert!(with(slow).is_ok(), "however slow, it is a limit");
    }

    #[test]
    fn settings_of_an_older_version_read_with_defaults() {
        let settings: Settings = serde_json::from_str(r#"{"theme":"dark"}"#).unwrap();

        assert_eq!(settings, Settings { theme: Theme::Dark, ..Settings::default() });
    }
}
