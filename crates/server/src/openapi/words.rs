//! What is said of each route: a route without words is a failing test, and so are words without a route.

/// A value in the query or in the path.
pub(super) struct Parameter {
    pub(super) name: &'static str,
    pub(super) meaning: &'static str,
}

/// A route, or one method of it, as it is described.
pub(super) struct Words {
    pub(super) path: &'static str,
    pub(super) methods: &'static [&'static str],
    pub(super) summary: &'static str,
    pub(super) query: &'static [Parameter],
    /// Media type of the body that is expected.
    pub(super) body: Option<&'static str>,
    /// Statuses that the handler gives, with the media type of each; what the guard gives is added to them.
    pub(super) answers: &'static [(u16, &'static str)],
}

const JSON: &str = "application/json";
const TEXT: &str = "text/plain";
const HTML: &str = "text/html";
const M3U: &str = "audio/x-mpegurl";
const XML: &str = "text/xml";
/// Of the file itself, of JSON or of a list, by what was asked.
const ANY: &str = "*/*";
const NOTHING: &str = "";
const GET: &[&str] = &["get"];
const GET_HEAD: &[&str] = &["get", "head"];
const POST: &[&str] = &["post"];

const fn p(name: &'static str, meaning: &'static str) -> Parameter {
    Parameter { name, meaning }
}

const STREAM_QUERY: &[Parameter] = &[
    p("link", "Magnet link, info hash, http(s) link to a .torrent file, torrs:// link or its token"),
    p("index", "Id of the file, from 1"),
    p("play", "Present: the bytes of the file, with ranges"),
    p("preload", "Present: waits until the beginning and the end of the file are here"),
    p("stat", "Present: the status of the torrent"),
    p("m3u", "Present: a playlist"),
    p("fromlast", "Present, with m3u: from the last viewed file on"),
    p("save", "Present: the torrent is kept"),
    p("title", "Of a new torrent"),
    p("category", "Of a new torrent"),
    p("poster", "Of a new torrent"),
];
const STREAM_ANSWERS: &[(u16, &str)] = &[
    (200, ANY),
    (206, ANY),
    (304, NOTHING),
    (400, NOTHING),
    (404, NOTHING),
    (412, NOTHING),
    (416, TEXT),
    (500, NOTHING),
    (503, NOTHING),
];
const PLAYLIST_QUERY: &[Parameter] = &[
    p("hash", "Info hash of a torrent of the library"),
    p("index", "Begin with this file"),
    p("fromlast", "Present: begin with the last viewed file"),
];
const PLAYLIST_ANSWERS: &[(u16, &str)] =
    &[(200, M3U), (400, NOTHING), (404, NOTHING), (500, NOTHING), (503, NOTHING)];
const SEARCH_QUERY: &[Parameter] = &[p("query", "What is looked for")];
const SEARCH_ANSWERS: &[(u16, &str)] = &[(200, JSON), (400, ANY), (503, NOTHING)];
const TORZNAB_QUERY: &[Parameter] =
    &[p("query", "What is looked for"), p("index", "Number of the search service, from 0; without it all")];
const CLIENT_JSON: &[(u16, &str)] = &[
    (200, ANY),
    (400, NOTHING),
    (403, NOTHING),
    (404, NOTHING),
    (413, NOTHING),
    (500, NOTHING),
    (503, NOTHING),
];

const fn words(
    path: &'static str,
    methods: &'static [&'static str],
    summary: &'static str,
    query: &'static [Parameter],
    body: Option<&'static str>,
    answers: &'static [(u16, &'static str)],
) -> Words {
    Words { path, methods, summary, query, body, answers }
}

const fn get(path: &'static str, summary: &'static str, answers: &'static [(u16, &'static str)]) -> Words {
    words(path, GET, summary, &[], None, answers)
}

const fn post_json(path: &'static str, summary: &'static str) -> Words {
    words(path, POST, summary, &[], Some(JSON), CLIENT_JSON)
}

pub(super) const WORDS: &[Words] = &[
    get("/echo", "The version that clients look for", &[(200, TEXT)]),
    post_json(
        "/torrents",
        "The library: add, get, set, rem, list, drop, wipe, by the field action; those that change it answer with nothing",
    ),
    words(
        "/torrent/upload",
        POST,
        "Adds .torrent files of a form, whatever its fields are called",
        &[],
        Some("multipart/form-data"),
        CLIENT_JSON,
    ),
    words("/stream", GET_HEAD, "Adds, waits, preloads, tells or plays", STREAM_QUERY, None, STREAM_ANSWERS),
    words("/stream/", GET_HEAD, "The same", STREAM_QUERY, None, STREAM_ANSWERS),
    words(
        "/stream/{*name}",
        GET_HEAD,
        "The same; the name is for the player's eyes",
        STREAM_QUERY,
        None,
        STREAM_ANSWERS,
    ),
    words("/play/{hash}/{id}", GET_HEAD, "Plays a file of a known torrent", &[], None, STREAM_ANSWERS),
    words("/playlist", GET, "The playable files of a torrent", PLAYLIST_QUERY, None, PLAYLIST_ANSWERS),
    words("/playlist/", GET, "The same", PLAYLIST_QUERY, None, PLAYLIST_ANSWERS),
    words("/playlist/{*name}", GET, "The same, under a name", PLAYLIST_QUERY, None, PLAYLIST_ANSWERS),
    words(
        "/playlistall/all.m3u",
        GET,
        "A list of the lists of all torrents",
        &[p("category", "Only this one; uncategorized: those without"), p("search", "A part of the title")],
        None,
        PLAYLIST_ANSWERS,
    ),
    post_json("/viewed", "Viewed marks and time codes: set, rem, list"),
    post_json("/settings", "TorrServer's settings: get, set, def"),
    post_json("/cache", "What of a torrent is here, and where its readers stand"),
    get("/ffp/status", "Whether files can be looked into", &[(200, JSON)]),
    get("/ffp/{hash}/{id}", "What is in a file, in ffprobe's words", &[(200, JSON), (400, NOTHING)]),
    get(
        "/download/{size}",
        "So many MiB of zeros",
        &[(200, ANY), (206, ANY), (304, NOTHING), (412, NOTHING), (416, TEXT)],
    ),
    get("/magnets", "The library as magnet links", &[(200, HTML), (500, NOTHING), (503, NOTHING)]),
    get("/stat", "What torrents do, for people", &[(200, TEXT), (500, NOTHING), (503, NOTHING)]),
    words("/search", GET, "To the address with a slash", SEARCH_QUERY, None, &[(301, NOTHING)]),
    words("/search/", GET, "Asks all search services", SEARCH_QUERY, None, SEARCH_ANSWERS),
    words("/torznab/search", GET, "To the address with a slash", TORZNAB_QUERY, None, &[(301, NOTHING)]),
    words("/torznab/search/", GET, "Asks search services", TORZNAB_QUERY, None, SEARCH_ANSWERS),
    words(
        "/torznab/test",
        POST,
        "Tries a search service",
        &[],
        Some(JSON),
        &[(200, JSON), (400, NOTHING), (413, NOTHING)],
    ),
    get("/gst/echo", "Not found: players are to play directly", &[(404, TEXT)]),
    get("/gst/settings", "That there is no GStreamer", &[(200, JSON)]),
    words("/gst/settings", POST, "Refused for the same reason", &[], Some(JSON), &[(404, JSON)]),
    get("/storage/settings", "Where things are kept", &[(200, JSON), (500, NOTHING), (503, NOTHING)]),
    words("/storage/settings", POST, "Taken note of", &[], Some(JSON), &[(200, JSON)]),
    get("/tmdb/settings", "Keys of a picture database, for pages", &[(200, JSON)]),
    get("/dav", "The library as a folder (WebDAV, RFC 4918); PROPFIND has no word in OpenAPI", DAV_ANSWERS),
    get("/dav/", "The same", DAV_ANSWERS),
    words("/dav/{*path}", GET_HEAD, "A file of the folder", &[], None, DAV_ANSWERS),
    words("/dlna/{*path}", GET, "What televisions read (UPnP)", &[], None, &[(200, XML), (404, TEXT)]),
    words(
        "/dlna/{*path}",
        POST,
        "What televisions ask (SOAP)",
        &[],
        Some(XML),
        &[(200, XML), (400, ANY), (404, TEXT), (413, NOTHING), (500, XML)],
    ),
    words("/shutdown", POST, "Ends the program", &[], None, &[(200, NOTHING)]),
    words("/shutdown/{*reason}", POST, "Ends the program", &[], None, &[(200, NOTHING)]),
    get("/openapi.json", "This description", &[(200, JSON)]),
    words(
        "/report/{hash}",
        GET,
        "A problem report on a torrent in use, to be saved: without addresses and names",
        &[p("names_torrent", "Present: the info hash is in it")],
        None,
        &[(200, JSON), (404, ANY)],
    ),
    get("/events", "A snapshot, then every change, as server-sent events", &[(200, "text/event-stream")]),
    get("/poster/{hash}/{version}", "The small picture of a torrent's card", &[(200, ANY), (404, TEXT)]),
    words(
        "/media/{token}/{part}",
        GET,
        "Parts of a film for the built-in player, and small pictures of it",
        &[p("at", "The second of the film, for a picture")],
        None,
        &[
            (200, ANY),
            (204, NOTHING),
            (206, ANY),
            (304, NOTHING),
            (400, NOTHING),
            (404, TEXT),
            (410, NOTHING),
            (412, NOTHING),
            (416, TEXT),
            (502, TEXT),
            (503, NOTHING),
        ],
    ),
];

const DAV_ANSWERS: &[(u16, &str)] = &[
    (200, ANY),
    (206, ANY),
    (304, NOTHING),
    (404, TEXT),
    (405, NOTHING),
    (412, NOTHING),
    (416, TEXT),
    (500, NOTHING),
    (503, NOTHING),
];
