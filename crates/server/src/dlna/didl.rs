//! DIDL-Lite: containers and items as control points read them.

use std::fmt::Write as _;

use freshet_model::{FileEntry, MediaKind, TorrentRecord};

use super::object::ObjectId;
use super::xml;
use crate::torrserver::{content_type, playlist};

const HEAD: &str = "<DIDL-Lite xmlns=\"urn:schemas-upnp-org:metadata-1-0/DIDL-Lite/\" \
    xmlns:dc=\"http://purl.org/dc/elements/1.1/\" xmlns:upnp=\"urn:schemas-upnp-org:metadata-1-0/upnp/\" \
    xmlns:dlna=\"urn:schemas-dlna-org:metadata-1-0/\" xmlns:sec=\"http://www.sec.co.kr/\">";
/// Streams: seekable by bytes (`OP=01`), not converted; streaming and background transfer, connections may stall, DLNA 1.5.
const STREAM_FLAGS: &str = "DLNA.ORG_OP=01;DLNA.ORG_CI=0;DLNA.ORG_FLAGS=01700000000000000000000000000000";
/// Pictures and texts: fetched as a whole.
const WHOLE_FLAGS: &str = "DLNA.ORG_OP=01;DLNA.ORG_CI=0;DLNA.ORG_FLAGS=00f00000000000000000000000000000";
/// A document of some entries.
pub(super) fn document(entries: &[String]) -> String {
    format!("{HEAD}{}</DIDL-Lite>", entries.concat())
}

/// A list that can be opened.
pub(super) fn container(
    id: &ObjectId,
    parent: Option<&ObjectId>,
    title: &str,
    child_count: Option<usize>,
) -> String {
    let mut entry = format!("<container id=\"{id}\" parentID=\"{}\" restricted=\"1\"", parent_text(parent));
    if let Some(count) = child_count {
        let _ = write!(entry, " childCount=\"{count}\"");
    }
    let _ = write!(
        entry,
        "><dc:title>{}</dc:title><upnp:class>object.container</upnp:class></container>",
        xml::text(title)
    );
    entry
}

/// A file that can be played, with its subtitles. `base` is where our routes for players begin.
pub(super) fn item(
    id: &ObjectId,
    parent: &ObjectId,
    record: &TorrentRecord,
    file: &FileEntry,
    subtitles: &[&FileEntry],
    base: &str,
) -> String {
    let class = match file.kind {
        MediaKind::Audio => "object.item.audioItem.musicTrack",
        MediaKind::Image => "object.item.imageItem.photo",
        MediaKind::Video | MediaKind::Subtitle | MediaKind::Other => "object.item.videoItem",
    };
    let mut entry = format!(
        "<item id=\"{id}\" parentID=\"{parent}\" restricted=\"1\"><dc:title>{}</dc:title><upnp:class>{class}</upnp:class>",
        xml::text(file.name())
    );
    entry.push_str(&resource(record, file, base));
    for (place, subtitle) in subtitles.iter().enumerate() {
        entry.push_str(&resource(record, subtitle, base));
        // Samsung's sets look here, and for one only.
        if place == 0 {
            let extension = subtitle.name().rsplit('.').next().unwrap_or_default().to_lowercase();
            let url = xml::nested(&playlist::url(base, record, subtitle));
            let kind = xml::text(&extension);
            let _ = write!(entry, "<sec:CaptionInfoEx sec:type=\"{kind}\">{url}</sec:CaptionInfoEx>");
        }
    }
    entry.push_str("</item>");
    entry
}

fn resource(record: &TorrentRecord, file: &FileEntry, base: &str) -> String {
    let flags = match file.kind {
        MediaKind::Video | MediaKind::Audio => STREAM_FLAGS,
        MediaKind::Subtitle | MediaKind::Image | MediaKind::Other => WHOLE_FLAGS,
    };
    format!(
        "<res protocolInfo=\"http-get:*:{}:{flags}\" size=\"{}\">{}</res>",
        mime(file),
        file.length_bytes,
        // An address is made of escapes, so it is bounded by the name that it holds.
        xml::nested(&playlist::url(base, record, file)),
    )
}

/// The type alone: a parameter (`; charset=`) would end the field too early.
fn mime(file: &FileEntry) -> &'static str {
    let content_type = content_type::of(&file.path);
    content_type.split(';').next().unwrap_or(content_type)
}

fn parent_text(parent: Option<&ObjectId>) -> String {
    parent.map_or_else(|| "-1".to_owned(), ToString::to_string)
}

/// What [`content_type`] can say of a file that is listed, for `GetProtocolInfo`.
pub(super) fn protocols() -> String {
    const TYPES: &[&str] = &[
        "video/x-matroska",
        "video/mp4",
        "video/avi",
        "video/mpeg",
        "video/x-quicktime",
        "video/webm",
        "video/ogg",
        "video/x-ms-vob",
        "video/x-ms-wmv",
        "video/x-flv",
        "video/3gpp",
        "video/dv",
        "application/vnd.rn-realmedia-vbr",
        "audio/mpeg",
        "audio/flac",
        "audio/ogg",
        "audio/opus",
        "audio/x-wav",
        "audio/x-ape",
        "audio/x-aac",
        "audio/ac3",
        "audio/vnd.dts",
        "audio/x-matroska",
        "audio/dsd",
        "audio/weba",
        "image/jpeg",
        "image/png",
        "image/gif",
        "image/webp",
        "image/avif",
        "image/bmp",
        "text/srt",
        "text/vtt",
        "text/smi",
        "text/x-ssa",
        "application/octet-stream",
    ];
    TYPES.iter().map(|kind| format!("http-get:*:{kind}:*")).collect::<Vec<_>>().join(",")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_type_that_is_listed_is_offered() {
        let offered = protocols();
        let extensions = "3gp aac ac3 ape avi avif bmp dsf dts dv flac flv gif jpg m2ts m4a m4v mka mkv mov mp3 mp4 mpg ogg \
            ogv opus png rmvb smi srt ssa ts vob vtt wav weba webm webp wmv xyz";
        for extension in extensions.split_whitespace() {
            let content_type = content_type::of(&format!("a.{extension}"));
            let kind = content_type.split(';').next().unwrap();
            assert!(offered.split(',').any(|offer| offer == format!("http-get:*:{kind}:*")), "{kind}");
        }
    }
}
