//! `/playlist`, `/playlistall/all.m3u` and `/stream?m3u`: lists that players open.

use std::fmt::Write as _;
use std::time::SystemTime;

use axum::Extension;
use axum::extract::{RawQuery, State};
use axum::http::header::{self, HeaderMap, HeaderValue};
use axum::http::uri::{Authority, Uri};
use axum::response::{IntoResponse as _, Response};
use data_encoding::HEXLOWER;
use freshet_model::{FileEntry, InfoHash, MediaKind, TorrentRecord};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};

use super::stream::Query;
use super::{Answer, Failure, play, torrents, viewed};
use crate::guard::Visitor;
use crate::state::ServerState;

/// Go's `url.PathEscape`: of a path component everything but these is escaped.
const PATH_COMPONENT: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'_')
    .remove(b'.')
    .remove(b'~')
    .remove(b'$')
    .remove(b'&')
    .remove(b'+')
    .remove(b'=')
    .remove(b':')
    .remove(b'@');

/// `GET /playlist?hash=`: the files of one torrent.
pub(crate) async fn get(
    State(state): State<ServerState>,
    Extension(visitor): Extension<Visitor>,
    RawQuery(query): RawQuery,
    uri: Uri,
    headers: HeaderMap,
) -> Answer {
    let query = Query::parse(query.as_deref());
    let info_hash: InfoHash =
        query.text("hash").and_then(|hash| hash.parse().ok()).ok_or(Failure::BAD_REQUEST)?;
    state.torrent(info_hash).await?.ok_or(play::unknown(&visitor))?;
    let record = state.ready(info_hash).await?;
    of_torrent(&state, &visitor, &record, &uri, &headers, query.text("index"), query.has("fromlast")).await
}

/// `GET /playlistall/all.m3u`: a list of lists.
pub(crate) async fn get_all(
    State(state): State<ServerState>,
    Extension(visitor): Extension<Visitor>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Answer {
    let query = Query::parse(query.as_deref());
    let base = base_url(&visitor, &headers);
    let wanted_category = query.text("category").map(str::to_lowercase);
    let searched = query.text("search").map(str::to_lowercase);
    let mut text = String::from("#EXTM3U\n");
    for record in torrents::newest_first(&state.app).await? {
        let title = one_line(&record.shown_title());
        let is_wanted = wanted_category.as_deref().is_none_or(|wanted| {
            let category = record.category.to_lowercase();
            if wanted == "uncategorized" { category.is_empty() } else { category == wanted }
        });
        if !is_wanted || searched.as_deref().is_some_and(|part| !title.to_lowercase().contains(part)) {
            continue;
        }
        text.push_str("#EXTINF:0");
        if !record.poster.is_empty() {
            let _ = write!(text, " tvg-logo=\"{}\"", one_line(&record.poster).replace('"', "%22"));
        }
        let name = utf8_percent_encode(&title, PATH_COMPONENT);
        let hash = record.info_hash;
        let _ = writeln!(text, " type=\"playlist\",{title}");
        let _ = writeln!(text, "{base}/stream/{name}.m3u?link={hash}&m3u&fn=file.m3u");
    }
    Ok(m3u("all.m3u", "all.m3u", text))
}

/// The playable files of a torrent: all, from the one with an id on, or from the last viewed one on.
pub(crate) async fn of_torrent(
    state: &ServerState,
    visitor: &Visitor,
    record: &TorrentRecord,
    uri: &Uri,
    headers: &HeaderMap,
    index: Option<&str>,
    from_last: bool,
) -> Answer {
    let from_id = match index.and_then(|index| index.parse().ok()) {
        Some(id) => Some(id),
        None if from_last => viewed::last_viewed_id(&state.app, record).await?,
        None => None,
    };
    let name = file_name(uri.path(), record);
    let tag = format!("{}/{name}", record.info_hash);
    Ok(m3u(&name, &tag, text(record, from_id, &base_url(visitor, headers))))
}

fn text(record: &TorrentRecord, from_id: Option<u32>, base: &str) -> String {
    let mut files: Vec<&FileEntry> =
        record.files.iter().filter(|file| matches!(file.kind, MediaKind::Video | MediaKind::Audio)).collect();
    files.sort_by_key(|file| file.torrserver_id);
    let start = files.iter().position(|file| Some(file.torrserver_id) == from_id).unwrap_or(0);
    let mut text = String::from("#EXTM3U\n");
    for file in &files[start..] {
        let _ = writeln!(text, "#EXTINF:0,{}", one_line(file.name()));
        let companions = companions(record, file);
        if !companions.is_empty() {
            text.push_str("#EXTVLCOPT:input-slave=");
            for companion in companions {
                let _ = write!(text, "{}#", url(base, record, companion));
            }
            text.push('\n');
        }
        let _ = writeln!(text, "{}", url(base, record, file));
    }
    text
}

/// Subtitles and sound tracks that belong to a video: files whose name is the video's, with something behind it.
///
/// TorrServer takes every path that contains the video's name, so that `1.mkv` gets everything with a 1 in it.
fn companions<'a>(record: &'a TorrentRecord, file: &FileEntry) -> Vec<&'a FileEntry> {
    if file.kind != MediaKind::Video {
        return Vec::new();
    }
    let stem = stem(file.name());
    let belongs = |other: &&FileEntry| {
        other.index != file.index
            && matches!(other.kind, MediaKind::Subtitle | MediaKind::Audio)
            && is_companion_name(stem, other.name())
    };
    let mut companions: Vec<&FileEntry> = record.files.iter().filter(belongs).collect();
    companions.sort_by_key(|file| file.torrserver_id);
    companions
}

/// Whether a file with this name may belong to the one with this stem.
pub(crate) fn is_companion_name(stem: &str, name: &str) -> bool {
    name.strip_prefix(stem).is_some_and(|rest| !rest.starts_with(char::is_alphanumeric))
}

pub(crate) fn stem(name: &str) -> &str {
    name.rsplit_once('.').map_or(name, |(stem, _)| stem)
}

/// Parsers of clients look for these fields in this order.
pub(crate) fn url(base: &str, record: &TorrentRecord, file: &FileEntry) -> String {
    let name = utf8_percent_encode(file.name(), PATH_COMPONENT);
    format!("{base}/stream/{name}?link={}&index={}&play", record.info_hash, file.torrserver_id)
}

/// A name of a stranger must not start a line of its own.
fn one_line(text: &str) -> String {
    text.replace(char::is_control, " ")
}

/// The tail of the path, else the name of the torrent.
fn file_name(path: &str, record: &TorrentRecord) -> String {
    let tail = path.splitn(3, '/').nth(2).unwrap_or_default();
    let tail = percent_decode_str(tail).decode_utf8_lossy().into_owned();
    let tail = tail.rsplit('/').next().unwrap_or_default();
    let name = if tail.is_empty() { record.shown_title() } else { tail.to_owned() };
    let lower = name.to_lowercase();
    if lower.ends_with(".m3u") || lower.ends_with(".m3u8") { name } else { format!("{name}.m3u") }
}

/// Where this client reached us, also through a proxy that says so. A token that it came with stays in its links: the player
/// that gets the list has nothing else to show.
fn base_url(visitor: &Visitor, headers: &HeaderMap) -> String {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).map(str::trim);
    let scheme = text("x-forwarded-proto").filter(|scheme| matches!(*scheme, "http" | "https"));
    let host = text("x-forwarded-host")
        .or_else(|| text("host"))
        .and_then(|host| host.parse::<Authority>().ok())
        .filter(|host| !host.as_str().contains('@'));
    let host = host.as_ref().map_or("localhost", Authority::as_str);
    let token = visitor.token.as_deref().map(|token| format!("/t/{token}")).unwrap_or_default();
    format!("{}://{host}{token}", scheme.unwrap_or(visitor.connection.scheme()))
}

fn m3u(name: &str, tag: &str, text: String) -> Response {
    // A quoted string holds neither quotes nor backslashes, and the bytes of other alphabets are sent as they are.
    let shown = one_line(name).replace(['"', '\\'], "_");
    let disposition = format!("attachment; filename=\"{shown}\"");
    let mut response = text.into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("audio/x-mpegurl"));
    headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
    headers.insert(header::ACCEPT_RANGES, HeaderValue::from_static("none"));
    if let Ok(disposition) = HeaderValue::from_bytes(disposition.as_bytes()) {
        headers.insert(header::CONTENT_DISPOSITION, disposition);
    }
    if let Ok(tag) = HeaderValue::from_str(&format!("\"{}\"", HEXLOWER.encode(tag.as_bytes()))) {
        headers.insert(header::ETAG, tag);
    }
    if let Ok(now) = HeaderValue::from_str(&httpdate::fmt_http_date(SystemTime::now())) {
        headers.insert(header::LAST_MODIFIED, now);
    }
    response
}

#[cfg(test)]
mod tests {
    use freshet_model::{FileIndex, media_kind};

    use super::*;
    use crate::guard::{Connection, Door, Level};

    const HEX: &str = "08ada5a7a6183aae1e09d831df6748d566095a10";

    fn record(paths: &[&str]) -> TorrentRecord {
        let files = (0..).zip(paths).map(|(index, path)| FileEntry {
            index: FileIndex(index),
            path: (*path).to_owned(),
            length_bytes: 1,
            kind: media_kind(path),
            torrserver_id: index + 1,
        });
        TorrentRecord {
            name: "Show".to_owned(),
            files: files.collect(),
            ..TorrentRecord::new(HEX.parse().unwrap(), 0)
        }
    }

    #[test]
    fn a_list_names_the_playable_files_with_their_companions() {
        let record = record(&[
            "Серия 1.mkv",
            "Серия 1.ru.srt",
            "Серия 10.mkv",
            "rus/Серия 1.ac3",
            "cover.jpg",
            "1.mkv",
            "x\ny.mp3",
        ]);

        insta::assert_snapshot!(text(&record, None, "http://127.0.0.1:8090"));
    }

    #[test]
    fn a_list_starts_where_it_is_told() {
        let record = record(&["a.mkv", "b.mkv", "c.mkv"]);
        let names = |from| {
            let text = text(&record, from, "http://h");
            text.lines()
                .filter_map(|line| line.strip_prefix("#EXTINF:0,").map(str::to_owned))
                .collect::<Vec<_>>()
        };

        assert_eq!(names(Some(2)), ["b.mkv", "c.mkv"]);
        assert_eq!(names(Some(9)), ["a.mkv", "b.mkv", "c.mkv"]);
        assert_eq!(names(None), ["a.mkv", "b.mkv", "c.mkv"]);
    }

    #[test]
    fn the_name_is_the_tail_of_the_path_or_the_torrents() {
        let record = record(&[]);
        let table = [
            ("/stream", "Show.m3u"),
            ("/stream/", "Show.m3u"),
            ("/stream/My%20list.m3u", "My list.m3u"),
            ("/playlist/x.M3U8", "x.M3U8"),
            ("/playlist/%D0%BC", "м.m3u"),
            ("/stream/a/../b", "b.m3u"),
        ];
        for (path, name) in table {
            assert_eq!(file_name(path, &record), name, "{path}");
        }
    }

    fn visitor(token: Option<&str>) -> Visitor {
        let address = "127.0.0.1:8090".parse().unwrap();
        Visitor {
            level: Level::Owner,
            connection: Connection::new(Door::Own, address, address, false),
            token: token.map(str::to_owned),
            seat: None,
        }
    }

    #[test]
    fn a_token_stays_in_the_links_that_it_leads_to() {
        let headers = HeaderMap::from_iter([(header::HOST, HeaderValue::from_static("192.168.1.5:8090"))]);

        assert_eq!(base_url(&visitor(Some("abc")), &headers), "http://192.168.1.5:8090/t/abc");
    }

    #[test]
    fn links_lead_where_the_client_came_from() {
        let base = |fields: &[(&'static str, &'static str)]| {
            let fields =
                fields.iter().map(|(name, value)| (name.parse().unwrap(), HeaderValue::from_static(value)));
            base_url(&visitor(None), &fields.collect::<HeaderMap>())
        };

        assert_eq!(base(&[("host", "127.0.0.1:8090")]), "http://127.0.0.1:8090");
        assert_eq!(
            base(&[
                ("host", "127.0.0.1:8090"),
                ("x-forwarded-proto", "https"),
                ("x-forwarded-host", "films.example")
            ]),
            "https://films.example"
        );
        assert_eq!(base(&[("host", "h"), ("x-forwarded-proto", "javascript")]), "http://h");
        assert_eq!(base(&[("host", "h"), ("x-forwarded-host", "a b")]), "http://localhost");
    }

    #[test]
    fn a_name_can_not_leave_its_quotes() {
        let response = m3u("a\"; x=\"\r\nb\\.m3u", "t", String::new());

        assert_eq!(
            response.headers()[header::CONTENT_DISPOSITION],
            "attachment; filename=\"a_; x=_  b_.m3u\""
        );
    }
}
