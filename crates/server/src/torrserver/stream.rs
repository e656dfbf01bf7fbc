//! `GET /stream`: adding, waiting, preloading and playing by one address, as players need it.

use std::collections::HashMap;

use axum::Extension;
use axum::extract::{RawQuery, State};
use axum::http::uri::Uri;
use axum::http::{HeaderMap, Method, StatusCode, header};
use freshet_app::Description;
use freshet_model::{ErrorCode, InfoHash, TorrentSource};

use super::{Answer, Failure, link, play, playlist, torrents, wire};
use crate::guard::{Door, Level, Visitor};
use crate::reply;
use crate::state::ServerState;

/// The query: the last value of each name, and flags by their mere presence.
#[derive(Debug, Default)]
pub(crate) struct Query(HashMap<String, String>);

impl Query {
    pub(crate) fn parse(query: Option<&str>) -> Self {
        let pairs = url_pairs(query.unwrap_or_default());
        // Go takes the first of several.
        let mut fields = HashMap::new();
        for (name, value) in pairs {
            fields.entry(name).or_insert(value);
        }
        Self(fields)
    }

    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str).filter(|text| !text.is_empty())
    }

    pub(crate) fn has(&self, name: &str) -> bool {
        self.0.contains_key(name)
    }

    fn description(&self) -> Description {
        let text = |name| self.text(name).map(|text| link::decode_again(text).into_owned());
        Description { title: text("title"), category: text("category"), poster: text("poster"), data: None }
    }
}

fn url_pairs(query: &str) -> impl Iterator<Item = (String, String)> {
    query.split('&').filter(|pair| !pair.is_empty()).map(|pair| {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        (decode(name), decode(value))
    })
}

fn decode(text: &str) -> String {
    let text = text.replace('+', " ");
    percent_encoding::percent_decode_str(&text).decode_utf8_lossy().into_owned()
}

pub(crate) async fn get(
    State(state): State<ServerState>,
    Extension(visitor): Extension<Visitor>,
    RawQuery(query): RawQuery,
    uri: Uri,
    method: Method,
    headers: HeaderMap,
) -> Answer {
    let query = Query::parse(query.as_deref());
    // TorrServer answers 500 for a link it can't read; 400 says whose fault it is.
    let source =
        query.text("link").and_then(|text| link::parse_or_token(text).ok()).ok_or(Failure::BAD_REQUEST)?;
    let [preload, stat, m3u, play] = ["preload", "stat", "m3u", "play"].map(|flag| query.has(flag));
    // Without a password or token, if the person allows it at all, one can only play what is there.
    if visitor.level == Level::Stranger && (query.has("save") || stat || preload || !(m3u || play)) {
        return Err(Failure::UNAUTHORIZED);
    }
    if visitor.level < Level::Member && query.has("save") {
        return Err(Failure::FORBIDDEN);
    }
    let info_hash = known_or_added(&state, &visitor, &headers, source, &query).await?;
    state.app.touch(info_hash);
    if !(preload || stat || m3u || play || query.has("save")) {
        return Ok(reply::empty(StatusCode::OK));
    }

    let record = state.ready(info_hash).await?;
    if query.has("save") {
        state.app.save(info_hash).await?;
    }
    let index = query.text("index");
    if preload {
        let file = wire::chosen_file(&record, index)?;
        match state.unless_stopped(state.app.preload(info_hash, file.index)).await {
            // What comes now can be had all the same: a status, a list, a stream that waits for its bytes.
            Err(error) if error.code == ErrorCode::Stalled && (stat || m3u || play) => {
                tracing::debug!(%info_hash, %error, "a preload came to nothing");
            }
            ended => ended?,
        }
    }
    if stat {
        return Ok(reply::go_json(&torrents::status(&state, &record)));
    }
    if m3u {
        let from_last = query.has("fromlast");
        return playlist::of_torrent(&state, &visitor, &record, &uri, &headers, index, from_last).await;
    }
    if play {
        let file = wire::chosen_file(&record, index)?;
        return play::serve(&state, &visitor, &record, file, &method, &headers).await;
    }
    Ok(reply::empty(StatusCode::OK))
}

/// The torrent that a link means, taken into the library if it is new.
///
/// What is stored about a known torrent wins over the query.
async fn known_or_added(
    state: &ServerState,
    visitor: &Visitor,
    headers: &HeaderMap,
    source: TorrentSource,
    query: &Query,
) -> Result<InfoHash, Failure> {
    let link = if let TorrentSource::Web(url) = &source { Some(url.to_string()) } else { None };
    let named = source.info_hash().or_else(|| state.links.get(link.as_deref()?));
    if let Some(info_hash) = named
        && let Some(record) = state.torrent(info_hash).await?
    {
        return Ok(record.info_hash);
    }
    if visitor.level < Level::Member {
        let is_named = named.is_some();
        return Err(if is_named { play::unknown(visitor) } else { Failure::BAD_REQUEST });
    }
    // Over plain HTTP a browser does not say that a foreign page led here; but programs that add something are no browsers,
    // and pages that may are named by `Origin`.
    if visitor.connection.door == Door::Network && is_nameless_browser(headers) {
        return Err(Failure::FORBIDDEN);
    }
    // Without `save` it is wanted for the moment only.
    let adding = state.app.add_temporarily(source, query.description());
    let info_hash = state.unless_stopped(adding).await?.record.info_hash;
    if let Some(link) = link {
        state.links.put(link, info_hash);
    }
    Ok(info_hash)
}

fn is_nameless_browser(headers: &HeaderMap) -> bool {
    let is_browser =
        headers.get(header::USER_AGENT).is_some_and(|name| name.as_bytes().starts_with(b"Mozilla/"));
    let is_named = headers.contains_key(header::ORIGIN) || headers.contains_key("sec-fetch-site");
    is_browser && !is_named
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_count_by_presence_and_texts_by_their_first_value() {
        let query = Query::parse(Some("link=a%20b&play&stat=0&index=2&index=3&title=A%2520B+C&m3u="));

        assert_eq!(query.text("link"), Some("a b"));
        assert!(query.has("play") && query.has("stat") && query.has("m3u") && !query.has("save"));
        assert_eq!(query.text("index"), Some("2"));
        assert_eq!(query.description().title.as_deref(), Some("A B C"));
        assert_eq!(query.description().poster, None);
    }

    #[test]
    fn an_empty_query_has_nothing() {
        assert!(!Query::parse(None).has("play"));
        assert!(!Query::parse(Some("&&")).has(""));
    }
}
