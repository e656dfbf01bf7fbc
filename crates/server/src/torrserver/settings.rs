//! `POST /settings`: TorrServer's settings. What means something here is our own setting; the rest is kept and given back.

use std::sync::Arc;

use axum::Extension;
use axum::extract::State;
use axum::http::StatusCode;
use freshet_model::{Indexer, SearchPatch, SearchSettings, Settings, SettingsPatch};
use serde::Serialize;
use serde::ser::{SerializeMap as _, Serializer};
use serde_json::{Map, Value, json};

use super::request::{Fields, as_bool, as_int, as_text};
use super::{Answer, Failure};
use crate::guard::{Level, Visitor};
use crate::reply;
use crate::state::ServerState;

/// Type, default and bounds of a field.
#[derive(Debug, Clone, Copy)]
enum Kind {
    Bool(bool),
    Int {
        default: i64,
        bounds: Bounds,
    },
    Text(&'static str),
    /// A list or object, taken as it comes.
    Json(fn() -> Value),
    /// Search services: `null` or a list of `{Host, Key, Name}`.
    Indexers,
}

/// What a number outside its range becomes.
#[derive(Debug, Clone, Copy)]
enum Bounds {
    /// Nothing below zero.
    NotNegative,
    /// Zero means the default.
    Positive,
    Between(i64, i64),
}

const fn int(default: i64, bounds: Bounds) -> Kind {
    Kind::Int { default, bounds }
}

const CACHE_SIZE: &str = "CacheSize";
const PRELOAD_CACHE: &str = "PreloadCache";
const DISCONNECT_TIMEOUT: &str = "TorrentDisconnectTimeout";
const DOWNLOAD_LIMIT: &str = "DownloadRateLimit";
const UPLOAD_LIMIT: &str = "UploadRateLimit";
const TORZNAB_ENABLED: &str = "EnableTorznabSearch";
const TORZNAB_URLS: &str = "TorznabUrls";
const TRACK_TIMECODE: &str = "TrackTimecode";
const KIB: u64 = 1024;
/// Longer than a month is as good as for ever.
const MAX_DISCONNECT_SECS: u32 = 30 * 24 * 3600;

/// In the order of the wire. Units: sizes in bytes, rates in KiB/s, times in seconds, shares in percent.
const FIELDS: &[(&str, Kind)] = &[
    (CACHE_SIZE, int(64 * 1024 * 1024, Bounds::Positive)),
    ("ReaderReadAHead", int(95, Bounds::Between(5, 100))),
    (PRELOAD_CACHE, int(50, Bounds::Between(0, 100))),
    ("UseDisk", Kind::Bool(false)),
    ("TorrentsSavePath", Kind::Text("")),
    ("RemoveCacheOnDrop", Kind::Bool(false)),
    ("ForceEncrypt", Kind::Bool(false)),
    ("RetrackersMode", int(1, Bounds::Between(0, 3))),
    // Ours is longer than TorrServer's 30 s.
    (DISCONNECT_TIMEOUT, int(600, Bounds::Positive)),
    ("EnableDebug", Kind::Bool(false)),
    ("EnableDLNA", Kind::Bool(false)),
    ("EnableBonjour", Kind::Bool(true)),
    ("FriendlyName", Kind::Text("")),
    ("EnableRutorSearch", Kind::Bool(false)),
    (TORZNAB_ENABLED, Kind::Bool(false)),
    (TORZNAB_URLS, Kind::Indexers),
    ("TMDBSettings", Kind::Json(tmdb_defaults)),
    ("EnableIPv6", Kind::Bool(false)),
    ("DisableTCP", Kind::Bool(false)),
    ("DisableUTP", Kind::Bool(false)),
    ("DisableUPNP", Kind::Bool(false)),
    ("DisableDHT", Kind::Bool(false)),
    ("DisablePEX", Kind::Bool(false)),
    ("DisableUpload", Kind::Bool(false)),
    (DOWNLOAD_LIMIT, int(0, Bounds::NotNegative)),
    (UPLOAD_LIMIT, int(0, Bounds::NotNegative)),
    ("ConnectionsLimit", int(25, Bounds::Positive)),
    ("PeersListenPort", int(0, Bounds::Between(0, 65535))),
    ("EnableLPD", Kind::Bool(true)),
    ("LPDIPv6", Kind::Bool(false)),
    ("SslPort", int(0, Bounds::Between(0, 65535))),
    ("SslCert", Kind::Text("")),
    ("SslKey", Kind::Text("")),
    ("ResponsiveMode", Kind::Bool(true)),
    ("ShowFSActiveTorr", Kind::Bool(true)),
    ("StoreSettingsInJson", Kind::Bool(true)),
    ("StoreViewedInJson", Kind::Bool(false)),
    (TRACK_TIMECODE, Kind::Bool(true)),
];

/// What a client on another device may set: how its own films are played. The rest is administration, and stays as it is.
const PLAYBACK: &[&str] =
    &[CACHE_SIZE, "ReaderReadAHead", "PreloadCache", DISCONNECT_TIMEOUT, "ResponsiveMode", TRACK_TIMECODE];

/// What a client asks for when it says `def`, of the fields that are settings of ours.
const OURS: &[&str] =
    &[DISCONNECT_TIMEOUT, DOWNLOAD_LIMIT, UPLOAD_LIMIT, TRACK_TIMECODE, TORZNAB_ENABLED, TORZNAB_URLS];

pub(crate) fn tmdb_defaults() -> Value {
    json!({
        "APIKey": "",
        "APIURL": "https://api.themoviedb.org",
        "ImageURL": "https://image.tmdb.org",
        "ImageURLRu": "https://imagetmdb.com",
    })
}

pub(crate) async fn post(
    State(state): State<ServerState>,
    Extension(visitor): Extension<Visitor>,
    mut fields: Fields,
) -> Answer {
    let is_owner = visitor.level == Level::Owner;
    let patch = match fields.text("action")?.as_str() {
        "get" => {
            let settings = state.app.settings();
            let shown = if is_owner { settings } else { Arc::new(without_secrets(&settings)) };
            return Ok(reply::go_json(&BtSets(&shown)));
        }
        "set" => match fields.take("sets") {
            Some(Value::Object(mut sets)) => {
                if !is_owner {
                    sets.retain(|name, _| PLAYBACK.iter().any(|known| known.eq_ignore_ascii_case(name)));
                }
                patch(&state.app.settings(), sets)?
            }
            _ => return Err(Failure::BAD_REQUEST),
        },
        "def" if !is_owner => return Err(Failure::FORBIDDEN),
        "def" => defaults(),
        _ => return Err(Failure::BAD_REQUEST),
    };
    state.app.update_settings(patch).await?;
    Ok(reply::empty(StatusCode::OK))
}

/// As other devices see them: without keys, and without fields of which we don't know what they hold. (TMDB's is made for
/// pages, and they need it.)
fn without_secrets(settings: &Settings) -> Settings {
    let mut shown = settings.clone();
    shown.torrserver.retain(|name, _| field(name).is_some() && name != "SslKey");
    for indexer in &mut shown.search.indexers {
        indexer.api_key.clear();
    }
    shown
}

/// The object of the wire, made of our settings and the kept ones.
struct BtSets<'a>(&'a Settings);

impl Serialize for BtSets<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        for (name, kind) in FIELDS {
            map.serialize_entry(name, &value_of(self.0, name, *kind))?;
        }
        // Newer clients have more fields; they get back what they sent.
        for (name, value) in self.0.torrserver.iter().filter(|(name, _)| field(name).is_none()) {
            map.serialize_entry(name, value)?;
        }
        map.end()
    }
}

fn value_of(settings: &Settings, name: &str, kind: Kind) -> Value {
    match name {
        DOWNLOAD_LIMIT => (settings.download_limit_bytes_per_sec / KIB).into(),
        UPLOAD_LIMIT => (settings.upload_limit_bytes_per_sec / KIB).into(),
        TRACK_TIMECODE => settings.track_client_positions.into(),
        TORZNAB_ENABLED => settings.search.torznab_enabled.into(),
        TORZNAB_URLS => indexers_value(&settings.search),
        DISCONNECT_TIMEOUT => settings.idle_timeout_secs.into(),
        PRELOAD_CACHE => preload_percent(settings).into(),
        _ => settings.torrserver.get(name).cloned().unwrap_or_else(|| kind.default_value()),
    }
}

/// Search services as clients know them; none at all is `null`, as TorrServer has it.
fn indexers_value(search: &SearchSettings) -> Value {
    let one = |indexer: &Indexer| json!({"Host": indexer.url, "Key": indexer.api_key, "Name": indexer.name});
    match &search.indexers[..] {
        [] => Value::Null,
        several => several.iter().map(one).collect(),
    }
}

/// The other way round; one without an address is none.
fn read_indexers(value: &Value) -> Option<Vec<Indexer>> {
    let read = |value: &Value| {
        let Value::Object(fields) = value else { return None };
        let fields = Fields::from_object(fields.clone());
        let text = |key| fields.text(key).ok();
        Some(Indexer { name: text("name")?, url: text("host")?, api_key: text("key")? })
    };
    match value {
        Value::Null => Some(Vec::new()),
        Value::Array(list) => {
            let all: Option<Vec<Indexer>> = list.iter().map(read).collect();
            all.map(|all| all.into_iter().filter(|indexer| !indexer.url.trim().is_empty()).collect())
        }
        Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Object(_) => None,
    }
}

/// The field that a client means, in whatever case it writes it.
fn field(name: &str) -> Option<&'static (&'static str, Kind)> {
    FIELDS.iter().find(|(known, _)| known.eq_ignore_ascii_case(name))
}

/// A partial object changes only what it names. (TorrServer sets everything else to zero, and old clients know only some
/// fields.)
fn patch(settings: &Settings, sets: Map<String, Value>) -> Result<SettingsPatch, Failure> {
    let mut patch = SettingsPatch::default();
    let mut kept = Map::new();
    for (name, value) in sets {
        let Some((name, kind)) = field(&name) else {
            kept.insert(name, value);
            continue;
        };
        let value = if value.is_null() {
            kind.default_value()
        } else {
            kind.read(&value).ok_or(Failure::BAD_REQUEST)?
        };
        if !apply(&mut patch, name, &value) {
            kept.insert((*name).to_owned(), value);
        }
    }
    // TorrServer's own safety catch: no folder, no cache on the disk.
    if kept.get("TorrentsSavePath").is_some_and(|path| path == "") && kept.contains_key("UseDisk") {
        kept.insert("UseDisk".to_owned(), false.into());
    }
    if kept.contains_key(CACHE_SIZE) || kept.contains_key(PRELOAD_CACHE) {
        let named = |name| kept.get(name).and_then(Value::as_i64);
        let cache_bytes = named(CACHE_SIZE).unwrap_or_else(|| cache_size_bytes(settings));
        let percent = named(PRELOAD_CACHE).unwrap_or_else(|| preload_percent(settings));
        patch.preload_bytes = Some(preload_bytes(cache_bytes, percent));
        // Kept too: other shares may come to the same number of bytes.
        kept.insert(PRELOAD_CACHE.to_owned(), percent.into());
    }
    patch.torrserver = Some(kept).filter(|kept| !kept.is_empty());
    Ok(patch)
}

/// Puts a field that is a setting of ours into the patch; `false` if it is none.
fn apply(patch: &mut SettingsPatch, name: &str, value: &Value) -> bool {
    let limit = || {
        let bytes = value.as_u64().unwrap_or_default().saturating_mul(KIB);
        // 0 is no limit; under our lowest one nothing would ever move.
        Some(if bytes == 0 { 0 } else { bytes.max(Settings::MIN_LIMIT_BYTES_PER_SEC) })
    };
    match name {
        DOWNLOAD_LIMIT => patch.download_limit_bytes_per_sec = limit(),
        UPLOAD_LIMIT => patch.upload_limit_bytes_per_sec = limit(),
        TRACK_TIMECODE => patch.track_client_positions = value.as_bool(),
        TORZNAB_ENABLED => patch.search.get_or_insert_default().torznab_enabled = value.as_bool(),
        TORZNAB_URLS => patch.search.get_or_insert_default().indexers = read_indexers(value),
        DISCONNECT_TIMEOUT => {
            let secs = value.as_u64().and_then(|secs| u32::try_from(secs).ok()).unwrap_or(u32::MAX);
            patch.idle_timeout_secs = Some(secs.min(MAX_DISCONNECT_SECS));
        }
        _ => return false,
    }
    true
}

/// Everything that a client can set, as it is on the first start.
fn defaults() -> SettingsPatch {
    let ours = Settings::default();
    let kept = FIELDS.iter().filter(|(name, _)| !OURS.contains(name));
    SettingsPatch {
        download_limit_bytes_per_sec: Some(ours.download_limit_bytes_per_sec),
        upload_limit_bytes_per_sec: Some(ours.upload_limit_bytes_per_sec),
        track_client_positions: Some(ours.track_client_positions),
        search: Some(SearchPatch {
            torznab_enabled: Some(ours.search.torznab_enabled),
            indexers: Some(ours.search.indexers),
        }),
        idle_timeout_secs: Some(ours.idle_timeout_secs),
        preload_bytes: Some(ours.preload_bytes),
        torrserver: Some(kept.map(|(name, kind)| ((*name).to_owned(), kind.default_value())).collect()),
        ..SettingsPatch::default()
    }
}

/// How much is fetched before a film is shown, of a cache and a share in percent.
fn preload_bytes(cache_bytes: i64, percent: i64) -> u64 {
    let bytes =
        u64::try_from(cache_bytes).unwrap_or(0).saturating_mul(u64::try_from(percent).unwrap_or(0)) / 100;
    bytes.min(Settings::MAX_PRELOAD_BYTES)
}

/// The share that a client set, or the nearest one if somebody else has set the bytes.
fn preload_percent(settings: &Settings) -> i64 {
    let cache_bytes = cache_size_bytes(settings);
    let kept = int_kept(settings, PRELOAD_CACHE);
    if preload_bytes(cache_bytes, kept) == settings.preload_bytes {
        return kept;
    }
    if settings.preload_bytes == 0 {
        return 0;
    }
    let cache_bytes = u64::try_from(cache_bytes).unwrap_or(0).max(1);
    let percent = settings.preload_bytes.saturating_mul(100).div_ceil(cache_bytes);
    i64::try_from(percent).unwrap_or(100).clamp(1, 100)
}

impl Kind {
    fn default_value(self) -> Value {
        match self {
            Self::Bool(default) => default.into(),
            Self::Int { default, .. } => default.into(),
            Self::Text(default) => default.into(),
            Self::Json(default) => default(),
            Self::Indexers => Value::Null,
        }
    }

    /// The value of a client in our type and range; `None` if it has no sense.
    fn read(self, value: &Value) -> Option<Value> {
        match self {
            Self::Bool(_) => as_bool(value).map(Value::from),
            Self::Int { default, bounds } => as_int(value).map(|number| bounds.fit(number, default).into()),
            Self::Text(_) => as_text(value).map(Value::from),
            Self::Json(_) => Some(value.clone()),
            Self::Indexers => read_indexers(value).map(|_| value.clone()),
        }
    }
}

impl Bounds {
    fn fit(self, number: i64, default: i64) -> i64 {
        match self {
            Self::NotNegative => number.max(0),
            Self::Positive if number <= 0 => default,
            Self::Positive => number,
            Self::Between(low, high) => number.clamp(low, high),
        }
    }
}

/// A number among the kept settings, or its default.
fn int_kept(settings: &Settings, wanted: &str) -> i64 {
    let Some((name, kind)) = field(wanted) else { return 0 };
    let value = settings.torrserver.get(*name).cloned().unwrap_or_else(|| kind.default_value());
    value.as_i64().unwrap_or_default()
}

/// What clients take for the capacity of a torrent's cache.
pub(crate) fn cache_size_bytes(settings: &Settings) -> i64 {
    int_kept(settings, CACHE_SIZE)
}

/// The keys of the picture database that a client's UI asks for.
pub(crate) fn tmdb(settings: &Settings) -> Value {
    settings
        .torrserver
        .get("TMDBSettings")
        .filter(|value| value.is_object())
        .cloned()
        .unwrap_or_else(tmdb_defaults)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(settings: &Settings, sets: Value) -> Settings {
        let Value::Object(sets) = sets else { panic!("an object") };
        settings.with(patch(settings, sets).unwrap()).unwrap()
    }

    fn get(settings: &Settings) -> Value {
        serde_json::to_value(BtSets(settings)).unwrap()
    }

    #[test]
    fn every_field_is_there_with_its_default_in_the_order_of_the_wire() {
        let text = serde_json::to_string(&BtSets(&Settings::default())).unwrap();

        insta::assert_snapshot!(text);
    }

    #[test]
    fn a_partial_set_keeps_the_rest_and_reads_any_case_and_type() {
        let before = set(&Settings::default(), json!({"FriendlyName": "den", "NewField": {"a": 1}}));

        let after = set(
            &before,
            json!({"cachesize": "1048576", "UseDisk": 1, "TorrentsSavePath": "/x", "PreloadCache": 500.0}),
        );

        let sets = get(&after);
        assert_eq!(sets["FriendlyName"], "den");
        assert_eq!(sets["NewField"], json!({"a": 1}));
        assert_eq!(sets["CacheSize"], 1_048_576);
        assert_eq!(sets["UseDisk"], true);
        assert_eq!(sets["PreloadCache"], 100);
        assert_eq!(sets["ConnectionsLimit"], 25);
        assert_eq!(cache_size_bytes(&after), 1_048_576);
    }

    #[test]
    fn what_means_something_here_becomes_our_setting() {
        let after = set(
            &Settings::default(),
            json!({"DownloadRateLimit": 2048, "UploadRateLimit": 3, "TrackTimecode": false}),
        );

        assert_eq!(after.download_limit_bytes_per_sec, 2048 * 1024);
        assert_eq!(after.upload_limit_bytes_per_sec, Settings::MIN_LIMIT_BYTES_PER_SEC);
        assert!(!after.track_client_positions);
        assert!(after.torrserver.is_empty());
        let sets = get(&after);
        assert_eq!((&sets["DownloadRateLimit"], &sets["UploadRateLimit"]), (&json!(2048), &json!(16)));
        assert_eq!(set(&after, json!({"DownloadRateLimit": -5})).download_limit_bytes_per_sec, 0);
        assert_eq!(
            set(&after, json!({"DownloadRateLimit": 1e15})).download_limit_bytes_per_sec,
            1_024_000_000_000_000_000
        );
    }

    #[test]
    fn search_services_are_ours_and_a_partial_set_keeps_them() {
        let jackett = json!({"Host": "http://nas:9117", "Key": "k", "Name": "Jackett"});
        let before = set(
            &Settings::default(),
            json!({"enabletorznabsearch": "true", "TorznabUrls": [jackett, {"host": " "}, {"HOST": "http://b"}]}),
        );

        assert!(before.search.torznab_enabled);
        assert_eq!(before.search.indexers[0].api_key, "k");
        assert!(before.torrserver.is_empty());
        let after = set(&before, json!({"CacheSize": 1_048_576}));
        assert_eq!(after.search, before.search);
        assert_eq!(get(&after)["TorznabUrls"], json!([jackett, {"Host": "http://b", "Key": "", "Name": ""}]));
        assert_eq!(get(&after)["EnableTorznabSearch"], true);
        for nothing in [json!(null), json!([])] {
            let cleared = set(&after, json!({"TorznabUrls": nothing}));
            assert_eq!((&cleared.search.indexers[..], cleared.search.torznab_enabled), (&[][..], true));
            assert_eq!(get(&cleared)["TorznabUrls"], Value::Null);
        }
    }

    #[test]
    fn the_share_to_preload_becomes_bytes_and_comes_back_as_it_was() {
        let default = Settings::default();
        assert_eq!(
            (get(&default)["PreloadCache"].clone(), default.preload_bytes),
            (json!(50), 32 * 1024 * 1024)
        );
        for percent in 0..=100 {
            for cache_bytes in [1_i64, 99, 1_000_003, 67_108_864, 4 << 30, i64::MAX] {
                let after = set(&default, json!({"CacheSize": cache_bytes, "PreloadCache": percent}));
                let sets = get(&after);
                assert_eq!(
                    (&sets["CacheSize"], &sets["PreloadCache"]),
                    (&json!(cache_bytes), &json!(percent))
                );
            }
        }
        assert_eq!(set(&default, json!({"PreloadCache": 25})).preload_bytes, 16 * 1024 * 1024);
        assert_eq!(set(&default, json!({"PreloadCache": 0})).preload_bytes, 0);
        assert_eq!(set(&default, json!({"CacheSize": 1024 * 1024})).preload_bytes, 512 * 1024);

        // Set elsewhere, as bytes: the nearest share, and none only for nothing.
        let elsewhere = |bytes| {
            let patch = SettingsPatch { preload_bytes: Some(bytes), ..SettingsPatch::default() };
            get(&default.with(patch).unwrap())["PreloadCache"].clone()
        };
        assert_eq!([elsewhere(0), elsewhere(1), elsewhere(16 << 20), elsewhere(1 << 30)], [0, 1, 25, 100]);
    }

    #[test]
    fn the_time_to_disconnect_is_our_idle_time() {
        let after = set(&Settings::default(), json!({"TorrentDisconnectTimeout": 45}));
        assert_eq!((after.idle_timeout_secs, &get(&after)["TorrentDisconnectTimeout"]), (45, &json!(45)));
        let forever = set(&Settings::default(), json!({"TorrentDisconnectTimeout": i64::MAX}));
        assert_eq!(forever.idle_timeout_secs, MAX_DISCONNECT_SECS);
    }

    #[test]
    fn zero_means_the_default_where_zero_makes_no_sense() {
        let after = set(
            &Settings::default(),
            json!({"CacheSize": 0, "ConnectionsLimit": 0, "TorrentDisconnectTimeout": -1, "ReaderReadAHead": 0,
                   "UseDisk": true, "TorrentsSavePath": "", "TorznabUrls": null}),
        );

        let sets = get(&after);
        assert_eq!(sets["CacheSize"], 67_108_864);
        assert_eq!(sets["ConnectionsLimit"], 25);
        assert_eq!(sets["TorrentDisconnectTimeout"], 600);
        assert_eq!(sets["ReaderReadAHead"], 5);
        assert_eq!(sets["UseDisk"], false);
        assert_eq!(sets["TorznabUrls"], Value::Null);
    }

    #[test]
    fn def_brings_back_every_known_field() {
        let changed = set(
            &Settings::default(),
            json!({"CacheSize": 1, "TrackTimecode": false, "UploadRateLimit": 99, "EnableTorznabSearch": true,
                   "TorznabUrls": [{"Host": "nas"}]}),
        );

        assert_eq!(get(&changed.with(defaults()).unwrap()), get(&Settings::default()));
    }

    #[test]
    fn other_devices_see_no_keys() {
        let mut settings = set(
            &Settings::default(),
            json!({"SslKey": "/secret", "NewField": "secret", "TMDBSettings": {"APIKey": "t"}, "CacheSize": 5}),
        );
        let indexer = freshet_model::Indexer { api_key: "secret".to_owned(), ..Default::default() };
        settings.search.indexers.push(indexer);

        let shown = without_secrets(&settings);

        assert!(!serde_json::to_string(&shown).unwrap().contains("secret"));
        assert_eq!(
            (&get(&shown)["CacheSize"], &get(&shown)["TMDBSettings"]["APIKey"]),
            (&json!(5), &json!("t"))
        );
    }

    #[test]
    fn a_hopeless_value_changes_nothing() {
        for sets in [
            json!({"CacheSize": "big"}),
            json!({"UseDisk": []}),
            json!({"FriendlyName": {}}),
            json!({"TorznabUrls": {}}),
            json!({"TorznabUrls": ["http://nas"]}),
            json!({"TorznabUrls": [{"Host": []}]}),
        ] {
            let Value::Object(sets) = sets else { panic!("an object") };
            assert_eq!(patch(&Settings::default(), sets), Err(Failure::BAD_REQUEST));
        }
    }
}
