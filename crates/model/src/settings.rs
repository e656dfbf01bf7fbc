//! What a person can choose. Every change is applied at once.

use serde::{Deserialize, Serialize};

/// All settings, always complete: a field that an older file lacks gets its default.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
#[serde(default)]
pub struct Settings {
    pub language: Language,
    pub theme: Theme,
    /// 0: no limit.
    pub download_limit_bytes_per_sec: u64,
    /// 0: no limit.
    pub upload_limit_bytes_per_sec: u64,
    pub volume: f64,
    pub is_muted: bool,
    /// Whether positions that TorrServer's clients report are kept (TorrServer's `TrackTimecode`).
    pub track_client_positions: bool,
    /// Settings of TorrServer's clients that mean nothing here: kept and given back as they came.
    #[cfg_attr(feature = "ts", ts(type = "Record<string, unknown>"))]
    pub torrserver: serde_json::Map<String, serde_json::Value>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            language: Language::System,
            theme: Theme::System,
            download_limit_bytes_per_sec: 0,
            upload_limit_bytes_per_sec: 0,
            volume: 1.0,
            is_muted: false,
            track_client_positions: true,
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

/// A change of some settings; what is `None` stays as it is.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS), ts(optional_fields))]
#[serde(default, deny_unknown_fields)]
pub struct SettingsPatch {
    pub language: Option<Language>,
    pub theme: Option<Theme>,
    pub download_limit_bytes_per_sec: Option<u64>,
    pub upload_limit_bytes_per_sec: Option<u64>,
    pub volume: Option<f64>,
    pub is_muted: Option<bool>,
    pub track_client_positions: Option<bool>,
    /// Fields to set; fields that are not named stay.
    #[cfg_attr(feature = "ts", ts(optional, type = "Record<string, unknown>"))]
    pub torrserver: Option<serde_json::Map<String, serde_json::Value>>,
}

#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum SettingsError {
    #[error("a speed limit is 0 (none) or at least 16 KiB/s, not {0} bytes/s")]
    LimitTooLow(u64),
    #[error("the volume goes from 0 to 1, not {0}")]
    Volume(f64),
    #[error("the settings kept for clients are larger than 64 KiB")]
    TooLarge,
}

impl Settings {
    /// One block (16 KiB) a second: under this no block could ever be sent whole.
    pub const MIN_LIMIT_BYTES_PER_SEC: u64 = 16 * 1024;
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
            download_limit_bytes_per_sec: patch
                .download_limit_bytes_per_sec
                .unwrap_or(self.download_limit_bytes_per_sec),
            upload_limit_bytes_per_sec: patch
                .upload_limit_bytes_per_sec
                .unwrap_or(self.upload_limit_bytes_per_sec),
            volume: patch.volume.unwrap_or(self.volume),
            is_muted: patch.is_muted.unwrap_or(self.is_muted),
            track_client_positions: patch.track_client_positions.unwrap_or(self.track_client_positions),
            torrserver,
        };
        settings.check()?;
        Ok(settings)
    }

    fn check(&self) -> Result<(), SettingsError> {
        for limit in [self.download_limit_bytes_per_sec, self.upload_limit_bytes_per_sec] {
            if limit != 0 && limit < Self::MIN_LIMIT_BYTES_PER_SEC {
                return Err(SettingsError::LimitTooLow(limit));
            }
        }
        if !(0.0..=1.0).contains(&self.volume) {
            return Err(SettingsError::Volume(self.volume));
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
    fn values_outside_their_range_are_refused() {
        let with = |patch| Settings::default().with(patch);

        let low = SettingsPatch { upload_limit_bytes_per_sec: Some(16_383), ..SettingsPatch::default() };
        assert_eq!(with(low), Err(SettingsError::LimitTooLow(16_383)));
        assert!(with(SettingsPatch { volume: Some(f64::NAN), ..SettingsPatch::default() }).is_err());
        assert!(
            with(SettingsPatch { download_limit_bytes_per_sec: Some(16_384), ..SettingsPatch::default() })
                .is_ok()
        );
    }

    #[test]
    fn settings_of_an_older_version_read_with_defaults() {
        let settings: Settings = serde_json::from_str(r#"{"theme":"dark"}"#).unwrap();

        assert_eq!(settings, Settings { theme: Theme::Dark, ..Settings::default() });
    }
}
