//! `GET /play/{hash}/{id}`: a file of a torrent that is in the library. These addresses stand in `.strm` files for years.

use axum::Extension;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::http::header::{self, HeaderMap, HeaderName, HeaderValue};
use axum::http::{Method, StatusCode};
use axum::response::Response;
use data_encoding::HEXLOWER;
use freshet_app::App;
use freshet_model::{ErrorCode, FileEntry, FileIndex, InfoHash, TorrentRecord, ViewedFile, WireError};

use super::wire::{self, NoFile};
use super::{Answer, Failure, content_type};
use crate::body::{self, Reopen};
use crate::file_response::{self, Content, Plan, PlannedBody};
use crate::guard::{Level, Visitor};
use crate::state::{PlacedReader, ServerState};

pub(crate) async fn get(
    State(state): State<ServerState>,
    Extension(visitor): Extension<Visitor>,
    path: Result<Path<(String, String)>, PathRejection>,
    method: Method,
    headers: HeaderMap,
) -> Answer {
    let Path((hash, id)) = path.map_err(|_| Failure::NOT_FOUND)?;
    let info_hash: InfoHash = hash.parse().map_err(|_| Failure::NOT_FOUND)?;
    // Only what is known is played: TorrServer answers 500 for an unknown one, which tells nobody anything.
    state.torrent(info_hash).await?.ok_or(unknown(&visitor))?;
    let record = state.ready(info_hash).await?;
    let file = wire::chosen_file(&record, Some(&id))?;
    serve(&state, &visitor, &record, file, &method, &headers).await
}

/// What somebody gets for a torrent that is not in the library: whoever showed no password learns no more than that.
pub(crate) fn unknown(visitor: &Visitor) -> Failure {
    if visitor.level == Level::Stranger { Failure::UNAUTHORIZED } else { Failure::NOT_FOUND }
}

impl From<NoFile> for Failure {
    fn from(error: NoFile) -> Self {
        match error {
            NoFile::NoNumber => Self::BAD_REQUEST,
            NoFile::Unknown => Self::NOT_FOUND,
        }
    }
}

/// Whether reading a file counts as watching it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Marks {
    Viewed,
    Nothing,
}

/// Whose bytes come first when the line does not carry all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Turn {
    First,
    AfterPlayers,
}

/// How programs name themselves that take whatever the line gives and show nothing of it.
const COPYING_PROGRAMS: [&str; 6] = ["aria2/", "axel/", "curl/", "rclone/", "wget/", "wget2/"];

impl Turn {
    /// Who sits at this computer and watches comes first; other devices, drives and copies follow.
    fn of(visitor: &Visitor, headers: &HeaderMap, marks: Marks) -> Self {
        if visitor.seat.is_some() || marks == Marks::Nothing || is_copying(headers) {
            Self::AfterPlayers
        } else {
            Self::First
        }
    }
}

fn is_copying(headers: &HeaderMap) -> bool {
    let agent = headers.get(header::USER_AGENT).map_or(&[][..], HeaderValue::as_bytes);
    COPYING_PROGRAMS
        .iter()
        .any(|name| agent.get(..name.len()).is_some_and(|start| start.eq_ignore_ascii_case(name.as_bytes())))
}

/// Answers a player with a file or parts of it. A HEAD request opens nothing and marks nothing as viewed.
pub(crate) async fn serve(
    state: &ServerState,
    visitor: &Visitor,
    record: &TorrentRecord,
    file: &FileEntry,
    method: &Method,
    headers: &HeaderMap,
) -> Answer {
    answer(state, visitor, record, file, method, headers, Marks::Viewed).await
}

/// The same for whoever reads.
pub(crate) async fn answer(
    state: &ServerState,
    visitor: &Visitor,
    record: &TorrentRecord,
    file: &FileEntry,
    method: &Method,
    headers: &HeaderMap,
    marks: Marks,
) -> Answer {
    let content = Content {
        etag: etag(record, file),
        modified_secs: record.added_at_secs,
        content_type: content_type::of(&file.path).to_owned(),
        length: file.length_bytes,
    };
    let mut plan = Plan::new(headers, &content, &file_response::boundary());
    dress(&mut plan, headers, &state.app);
    let body = match std::mem::replace(&mut plan.body, PlannedBody::Parts(vec![])) {
        PlannedBody::Ready(text) => text.into(),
        PlannedBody::Parts(_) if *method == Method::HEAD => axum::body::Body::empty(),
        PlannedBody::Parts(parts) => {
            let key = (record.info_hash, file.index);
            let turn = Turn::of(visitor, headers, marks);
            let reader = state.unless_stopped(open(state, visitor, key, turn)).await?;
            if let Some(seat) = &visitor.seat {
                seat.watches(ViewedFile { info_hash: record.info_hash, file_index: file.index });
            }
            // The mark is a courtesy; a film that plays is worth more than a full disk's complaint about it.
            if marks == Marks::Viewed
                && let Err(error) = state.app.client_played(record.info_hash, file.index).await
            {
                tracing::warn!(%error, "a playback could not be marked as viewed");
            }
            let (again, connection) = (state.clone(), visitor.clone());
            let reopen: Reopen<_> = Box::new(move || {
                let (state, visitor) = (again.clone(), connection.clone());
                Box::pin(async move { open(&state, &visitor, key, turn).await.map_err(into_io) })
            });
            body::from_reader(reader, reopen, parts, state.stop.clone())
        }
    };
    Ok(into_response(plan, body))
}

async fn open(
    state: &ServerState,
    visitor: &Visitor,
    (info_hash, file_index): (InfoHash, FileIndex),
    turn: Turn,
) -> Result<PlacedReader, WireError> {
    let busy = || WireError::new(ErrorCode::Busy, "too many files are open already");
    let place = state.readers.take(&visitor.connection).ok_or_else(busy)?;
    let opened = match turn {
        Turn::First => state.app.open_file(info_hash, file_index).await?,
        Turn::AfterPlayers => state.app.open_for_device(info_hash, file_index).await?,
    };
    Ok(PlacedReader::new(opened.reader, place))
}

fn into_io(error: WireError) -> std::io::Error {
    let kind = match error.code {
        ErrorCode::Busy => std::io::ErrorKind::ResourceBusy,
        _ => std::io::ErrorKind::Other,
    };
    std::io::Error::new(kind, error)
}

fn into_response(plan: Plan, body: axum::body::Body) -> Response {
    let is_bare = plan.status == StatusCode::NOT_MODIFIED;
    let mut response = plan.into_response(body);
    if is_bare {
        response.headers_mut().remove(header::LAST_MODIFIED);
    }
    response
}

/// TorrServer's formula, with its quotes.
pub(crate) fn etag(record: &TorrentRecord, file: &FileEntry) -> String {
    let path = wire::wire_path(record, file);
    format!("\"{}\"", HEXLOWER.encode(format!("{}/{path}", record.info_hash).as_bytes()))
}

/// The fields that players know TorrServer by.
fn dress(plan: &mut Plan, request: &HeaderMap, app: &App) {
    let timeout_secs = app.settings().idle_timeout_secs;
    let headers = &mut plan.headers;
    headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
    // Kodi plays without probing the whole file when it reads this name.
    headers.insert(header::SERVER, HeaderValue::from_static("TorrServer (Portable SDK for UPnP devices)"));
    headers.insert(HeaderName::from_static("x-stream-timeout"), timeout_secs.into());
    headers.insert(HeaderName::from_static("transfermode.dlna.org"), HeaderValue::from_static("Streaming"));
    if request.contains_key("getcontentfeatures.dlna.org") {
        headers.insert(
            HeaderName::from_static("contentfeatures.dlna.org"),
            HeaderValue::from_static(
                "DLNA.ORG_OP=11;DLNA.ORG_CI=0;DLNA.ORG_FLAGS=01700000000000000000000000000000",
            ),
        );
    }
}

#[cfg(test)]
mod tests {
    use freshet_model::{FileIndex, MediaKind};

    use super::*;

    #[test]
    fn a_program_that_copies_is_known_by_its_name_in_either_case() {
        let is_known = |agent: &'static str| {
            is_copying(&HeaderMap::from_iter([(header::USER_AGENT, HeaderValue::from_static(agent))]))
        };
        for agent in ["curl/7.88.1", "Wget/1.21.3", "aria2/1.36.0", "rclone/v1.60.1"] {
            assert!(is_known(agent), "{agent}");
        }
        for agent in ["mpv 0.35.1", "VLC/3.0.21 LibVLC/3.0.21", "Lavf/59.27.100", "curlew/1.0", "curl", ""] {
            assert!(!is_known(agent), "{agent}");
        }
        assert!(!is_copying(&HeaderMap::new()));
    }

    #[test]
    fn the_etag_is_the_hex_of_hash_and_path() {
        let info_hash: InfoHash = "08ada5a7a6183aae1e09d831df6748d566095a10".parse().unwrap();

        let record = TorrentRecord { name: "Show".to_owned(), ..TorrentRecord::new(info_hash, 0) };
        let file = FileEntry {
            index: FileIndex(0),
            path: "é".to_owned(),
            length_bytes: 1,
            kind: MediaKind::Other,
            torrserver_id: 1,
        };

        let tag = etag(&record, &file);

        assert_eq!(
            HEXLOWER.decode(tag.trim_matches('"').as_bytes()).unwrap(),
            "08ada5a7a6183aae1e09d831df6748d566095a10/Show/é".as_bytes()
        );
    }
}
