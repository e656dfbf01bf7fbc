//! What an index holds.

use std::ops::Range;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{SubtitleIndex, TimeIndex};

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Container {
    Matroska,
    WebM,
    /// MP4 and its relatives, MOV among them.
    Mp4,
}

/// What a container says of the film inside it. Names are cut, and without what cannot be seen.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ContainerIndex {
    pub container: Container,
    pub duration: Option<Duration>,
    pub tracks: Vec<ContainerTrack>,
    /// Ways to cut the film into chapters, in the order of the file; most have one or none.
    pub editions: Vec<Edition>,
    pub attachments: Vec<Attachment>,
    /// Where single blocks of subtitles stand, in Matroska.
    pub subtitles: Option<SubtitleIndex>,
    /// Where each moment stands, or why that is not known.
    pub time_index: Result<TimeIndex, NoTimeIndex>,
}

impl ContainerIndex {
    /// The chapters of the edition that the file wants to be shown.
    pub fn chapters(&self) -> &[Chapter] {
        let shown = self.editions.iter().find(|edition| edition.is_default).or(self.editions.first());
        shown.map_or(&[], |edition| &edition.chapters)
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum ContainerTrackKind {
    Video,
    Audio,
    Subtitle,
    Other,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ContainerTrack {
    /// As the container counts: `TrackNumber` in Matroska, `track_ID` in MP4.
    pub number: u64,
    pub kind: ContainerTrackKind,
    /// The container's own name for it: `V_MPEG4/ISO/AVC`, `avc1`.
    pub codec: String,
    /// ISO 639 or BCP 47; none if the file does not know.
    pub language: Option<String>,
    pub name: Option<String>,
    pub is_default: bool,
    pub is_forced: bool,
    /// How long one frame is shown, where it is told or follows from the tables.
    pub frame_duration: Option<Duration>,
}

#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Edition {
    pub is_default: bool,
    /// The chapters stand in the order of play, which is not that of the file; they may lie in other files.
    pub is_ordered: bool,
    /// Sorted by start if the edition is not ordered. Chapters inside chapters stand behind the one around them.
    pub chapters: Vec<Chapter>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Chapter {
    pub start: Duration,
    pub end: Option<Duration>,
    pub names: Vec<ChapterName>,
    /// 0 for a chapter of the film, 1 for one inside such a chapter, and so on.
    pub depth: u32,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChapterName {
    pub text: String,
    pub language: Option<String>,
}

/// A file inside the file, such as a font or a cover. Its data is not given, and in Matroska never asked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attachment {
    pub name: String,
    pub mime_type: String,
    /// Where its data stands.
    pub data: Range<u64>,
}

/// Why a file has no time index.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error, Serialize, Deserialize)]
pub enum NoTimeIndex {
    #[error("the file has no index")]
    Absent,
    #[error("the index of the file is damaged")]
    Damaged,
    #[error("the index of the file would stand behind its end")]
    BeyondEnd,
    #[error("the index of the file is too large")]
    TooLarge,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum IndexError {
    #[error("the file is neither Matroska nor MP4")]
    UnknownContainer,
    #[error("the header of the file is damaged at byte {0}")]
    Damaged(u64),
    #[error("the file ends before its header does, at byte {0}")]
    Truncated(u64),
    #[error("the header of the file is too large")]
    TooLarge,
    #[error("the reader has already ended")]
    Ended,
}
