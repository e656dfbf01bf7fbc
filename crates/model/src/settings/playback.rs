//! How films are played.

use serde::{Deserialize, Serialize};

use super::group::settings_group;

/// What happens when an opening or the credits begin.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
#[serde(rename_all = "snake_case")]
pub enum SkipMode {
    /// A button offers to skip them.
    #[default]
    Button,
    /// They are skipped.
    Automatic,
    Never,
}

settings_group! {
    pub struct PlaybackSettings / PlaybackPatch {
        /// How fast a film begins; 1 is as filmed.
        pub default_speed: f64 = 1.0,
        pub skip_mode: SkipMode = SkipMode::Button,
        /// Whether the next file is offered near the end, and begins by itself.
        pub next_enabled: bool = true,
        /// Whether a film goes on where it was left.
        pub resume_enabled: bool = true,
        /// Whether pictures of the place below the pointer are made for the seek bar.
        pub pictures_enabled: bool = true,
        /// Language of the sound, as a tag (`ru`, `pt-BR`); empty: the file's first track.
        pub audio_language: String = String::new(),
        /// Language of the subtitles; empty: the one of the pages.
        pub subtitle_language: String = String::new(),
    }
}

impl PlaybackSettings {
    /// Views play no film slower or faster than this.
    pub const SPEEDS: std::ops::RangeInclusive<f64> = 0.25..=4.0;
    /// No tag that names a language alone, or with a region, is longer.
    const MAX_LANGUAGE_BYTES: usize = 35;

    pub(super) fn has_sound_speed(&self) -> bool {
        Self::SPEEDS.contains(&self.default_speed)
    }

    /// The language that is none, if there is one.
    pub(super) fn unsound_language(&self) -> Option<&str> {
        let is_sound = |tag: &str| {
            tag.len() <= Self::MAX_LANGUAGE_BYTES
                && tag.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
        };
        [&self.audio_language, &self.subtitle_language]
            .into_iter()
            .map(String::as_str)
            .find(|tag| !is_sound(tag))
    }
}
