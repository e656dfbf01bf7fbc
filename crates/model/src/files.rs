//! The files of a torrent, and what kind of thing each one is by its name.

use serde::{Deserialize, Serialize};

use crate::FileIndex;

/// One file of a torrent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub struct FileEntry {
    pub index: FileIndex,
    /// `/`-separated, below the torrent's own folder, cleaned of characters that mislead the eye. For showing only: it
    /// never becomes a path on the disk.
    pub path: String,
    pub length_bytes: u64,
    pub kind: MediaKind,
    /// The 1-based id under which TorrServer's clients know the file; frozen when the details first arrive.
    pub torrserver_id: u32,
}

impl FileEntry {
    /// The last component of the path.
    pub fn name(&self) -> &str {
        self.path.rsplit('/').next().unwrap_or(&self.path)
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
#[serde(rename_all = "snake_case")]
pub enum MediaKind {
    Video,
    Audio,
    Subtitle,
    Image,
    Other,
}

const VIDEO: &[&str] = &[
    "3g2", "3gp", "asf", "avi", "divx", "dv", "f4v", "flv", "m2ts", "m2v", "m4v", "mkv", "mov", "mp4", "mpe",
    "mpeg", "mpg", "mpv", "mts", "mxf", "ogm", "ogv", "qt", "rm", "rmvb", "ts", "vob", "webm", "wmv",
];
const AUDIO: &[&str] = &[
    "aac", "ac3", "aiff", "ape", "dsf", "dts", "flac", "m4a", "m4b", "mka", "mp2", "mp3", "mpga", "oga",
    "ogg", "opus", "spx", "tta", "wav", "weba", "wma", "wv",
];
const SUBTITLE: &[&str] = &["ass", "idx", "smi", "srt", "ssa", "sub", "sup", "vtt"];
const IMAGE: &[&str] = &["avif", "bmp", "gif", "jpeg", "jpg", "png", "webp"];

/// What a file is, judged by its extension alone.
pub fn media_kind(path: &str) -> MediaKind {
    let name = path.rsplit('/').next().unwrap_or(path);
    let Some((_, extension)) = name.rsplit_once('.') else { return MediaKind::Other };
    let extension = extension.to_ascii_lowercase();
    let is_in = |list: &[&str]| list.contains(&extension.as_str());
    if is_in(VIDEO) {
        MediaKind::Video
    } else if is_in(AUDIO) {
        MediaKind::Audio
    } else if is_in(SUBTITLE) {
        MediaKind::Subtitle
    } else if is_in(IMAGE) {
        MediaKind::Image
    } else {
        MediaKind::Other
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_extension_of_the_last_component_decides() {
        let table = [
            ("Film/Film.2020.MKV", MediaKind::Video),
            ("a.mp4/readme", MediaKind::Other),
            ("x.flac", MediaKind::Audio),
            ("x.ru.srt", MediaKind::Subtitle),
            ("cover.JPG", MediaKind::Image),
            ("setup.mkv.exe", MediaKind::Other),
            ("", MediaKind::Other),
        ];
        for (path, kind) in table {
            assert_eq!(media_kind(path), kind, "{path}");
        }
    }
}
