//! Subtitles between Rust and the player page: what tracks there are, and their words as data, never as markup.

use serde::{Deserialize, Serialize};

use crate::FileIndex;

/// Where a subtitle track comes from. It names the track within one playback.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum SubtitleSource {
    /// A stream inside the film, by its number there.
    Embedded { stream_index: u32 },
    /// A file of the same torrent.
    File { file_index: FileIndex },
}

/// How a track is drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
#[serde(rename_all = "snake_case")]
pub enum SubtitleForm {
    /// By the page, from cues.
    Text,
    /// A script of Advanced SubStation Alpha; its cues are for where it can't be drawn.
    Ass,
    /// Pictures of a Blu-ray disc.
    Pgs,
}

/// A track that a person can choose.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub struct SubtitleTrack {
    pub source: SubtitleSource,
    pub form: SubtitleForm,
    /// The short name of the format, such as `srt`.
    pub format: String,
    /// BCP 47 or ISO 639, as it was told.
    pub language: Option<String>,
    pub title: Option<String>,
    pub is_default: bool,
    /// Only what a person who knows the language of the film does not understand, such as signs.
    pub is_forced: bool,
    pub is_for_hearing_impaired: bool,
}

/// Some words with one look. A line break in them is `\n`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub struct TextRun {
    pub text: String,
    pub is_italic: bool,
    pub is_bold: bool,
    pub is_underlined: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
#[serde(rename_all = "snake_case")]
pub enum CueHeight {
    Top,
    Middle,
    #[default]
    Bottom,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
#[serde(rename_all = "snake_case")]
pub enum CueSide {
    Left,
    #[default]
    Center,
    Right,
}

/// What is said from one moment to another, by the clock of the page.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub struct SubtitleCue {
    pub start_secs: f64,
    pub end_secs: f64,
    pub runs: Vec<TextRun>,
    pub height: CueHeight,
    pub side: CueSide,
}

/// A font that the film brings along: `/media/{playback}/font-{number}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub struct SubtitleFont {
    pub number: u32,
    pub name: String,
    pub length_bytes: u64,
}

/// A track that was opened.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub struct OpenedSubtitles {
    /// Everything is here; else the page asks for one window of time after another.
    pub is_whole: bool,
    /// Of a whole track.
    pub cues: Vec<SubtitleCue>,
    /// The script of ASS: all of it, or what stands before its events.
    pub script: Option<String>,
    /// How a file of text was read: the name of an encoding (WHATWG).
    pub charset: Option<String>,
    /// For ASS.
    pub fonts: Vec<SubtitleFont>,
}

/// What begins within a window of time.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub struct SubtitleWindow {
    pub cues: Vec<SubtitleCue>,
    /// The events of an ASS script, each a line of its own.
    pub events: Vec<String>,
}
