//! `/search` and `/torznab`: what the search services of the settings find.
//!
//! TorrServer has two searches, one over a copy of a tracker's list that it downloads, and one over Torznab. Only the second
//! is here, and it answers under both addresses: clients ask the first one when a person types a title.

use axum::extract::{RawQuery, State};
use axum::http::header::{self, HeaderValue};
use axum::http::{StatusCode, Uri};
use axum::response::{IntoResponse as _, Response};
use freshet_app::{App, SearchAnswer, SearchResult};
use freshet_model::Indexer;
use serde::Serialize;
use serde_json::json;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::request::Fields;
use super::stream::Query;
use super::{Answer, Failure, link};
use crate::reply;
use crate::state::ServerState;

/// Go's time of nothing.
const NO_DATE: &str = "0001-01-01T00:00:00Z";

/// A result in TorrServer's shape.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "PascalCase")]
struct TorrentDetails<'a> {
    title: &'a str,
    name: &'a str,
    /// Other names of it, which nobody tells us.
    names: Option<&'a [String]>,
    categories: &'a str,
    size: String,
    create_date: String,
    tracker: &'a str,
    link: &'a str,
    year: u16,
    peer: u32,
    seed: u32,
    magnet: &'a str,
    hash: String,
    #[serde(rename = "IMDBID")]
    imdb_id: &'a str,
    /// TorrServer guesses both from the title and has numbers for them; 0 is its "unknown".
    video_quality: u8,
    audio_quality: u8,
}

impl<'a> TorrentDetails<'a> {
    fn new(result: &'a SearchResult) -> Self {
        let text = |text: &'a Option<String>| text.as_deref().unwrap_or_default();
        Self {
            title: &result.title,
            name: &result.title,
            names: None,
            categories: &result.category,
            size: size_text(result.size_bytes),
            create_date: result.published_at_secs.and_then(date).unwrap_or_else(|| NO_DATE.to_owned()),
            tracker: &result.tracker,
            link: result.link.as_deref().unwrap_or_else(|| text(&result.details)),
            year: result.year.unwrap_or_default(),
            peer: result.peers,
            seed: result.seeders,
            magnet: text(&result.magnet),
            hash: result.info_hash.map(|hash| hash.to_string()).unwrap_or_default(),
            imdb_id: &result.imdb_id,
            video_quality: 0,
            audio_quality: 0,
        }
    }
}

/// `4.37 GB`: powers of 1024, which is how the readers of these texts count back.
fn size_text(bytes: u64) -> String {
    const UNITS: [&str; 5] = ["KB", "MB", "GB", "TB", "PB"];
    if bytes < 1024 {
        return format!("{bytes} B");
    }
    let (mut size, mut unit) = (bytes as f64 / 1024.0, 0);
    while size >= 1024.0 && unit + 1 < UNITS.len() {
        size /= 1024.0;
        unit += 1;
    }
    format!("{size:.2} {}", UNITS[unit])
}

fn date(secs: u64) -> Option<String> {
    OffsetDateTime::from_unix_timestamp(i64::try_from(secs).ok()?).ok()?.format(&Rfc3339).ok()
}

/// `GET /search/`: all services.
pub(crate) async fn get(State(state): State<ServerState>, RawQuery(query): RawQuery) -> Answer {
    answer(&state, &Query::parse(query.as_deref()), None).await
}

/// `GET /torznab/search/`: all services, or one by its number from 0. What is no number means all of them.
pub(crate) async fn get_torznab(State(state): State<ServerState>, RawQuery(query): RawQuery) -> Answer {
    let query = Query::parse(query.as_deref());
    let index =
        query.text("index").and_then(|index| index.trim().parse::<i64>().ok()).filter(|index| *index >= 0);
    answer(&state, &query, index).await
}

async fn answer(state: &ServerState, query: &Query, index: Option<i64>) -> Answer {
    let search = state.app.settings().search.clone();
    if !search.torznab_enabled {
        // How TorrServer says that searching is switched off.
        return Ok((StatusCode::BAD_REQUEST, reply::go_json(&json!([]))).into_response());
    }
    let text = link::decode_again(query.text("query").unwrap_or_default()).into_owned();
    let found = match index.map(u32::try_from) {
        None => state.unless_stopped(state.app.search(&text, None)).await?,
        Some(Ok(index)) if (index as usize) < search.indexers.len() => {
            state.unless_stopped(state.app.search(&text, Some(index))).await?
        }
        // A service that is not there finds nothing.
        Some(_) => SearchAnswer { results: Vec::new(), failures: Vec::new() },
    };
    let details: Vec<TorrentDetails<'_>> = found.results.iter().map(TorrentDetails::new).collect();
    Ok(reply::go_json(&details))
}

/// `POST /torznab/test`: whether a service works, with the reason where it does not.
pub(crate) async fn test(State(state): State<ServerState>, fields: Fields) -> Answer {
    let indexer = Indexer { name: String::new(), url: fields.text("host")?, api_key: fields.text("key")? };
    if indexer.url.trim().is_empty() {
        return Err(Failure::BAD_REQUEST);
    }
    Ok(test_answer(&state.app, &indexer).await)
}

async fn test_answer(app: &App, indexer: &Indexer) -> Response {
    match app.test_indexer(indexer).await {
        Ok(()) => reply::go_json(&json!({"success": true})),
        Err(error) => reply::go_json(&json!({"error": error.message, "success": false})),
    }
}

/// To the same address with a slash, keeping the query.
pub(crate) fn redirect(uri: &Uri, RawQuery(query): RawQuery) -> Response {
    let query = query.map(|query| format!("?{query}")).unwrap_or_default();
    let mut response = reply::empty(StatusCode::MOVED_PERMANENTLY);
    if let Ok(location) = HeaderValue::from_str(&format!("{}/{query}", uri.path())) {
        response.headers_mut().insert(header::LOCATION, location);
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_told_as_people_read_them() {
        let table = [
            (0, "0 B"),
            (1023, "1023 B"),
            (1024, "1.00 KB"),
            (4_692_251_770, "4.37 GB"),
            (u64::MAX, "16384.00 PB"),
        ];
        for (bytes, text) in table {
            assert_eq!(size_text(bytes), text);
        }
    }

    #[test]
    fn dates_are_those_of_go() {
        assert_eq!(date(1_212_256_800).as_deref(), Some("2008-05-31T18:00:00Z"));
        assert_eq!(date(u64::MAX), None);
    }
}
