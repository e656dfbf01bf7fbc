//! `POST /settings`: TorrServer's settings. What means something here is our own setting; the rest is kept and given back.

mod fields;
mod ours;

use std::sync::Arc;

use axum::Extension;
use axum::extract::State;
use axum::http::StatusCode;
use freshet_model::{Settings, SettingsPatch};
use serde::Serialize;
use serde::ser::{SerializeMap as _, Serializer};
use serde_json::{Map, Value};

use self::fields::{
    CACHE_SIZE, DISCONNECT_TIMEOUT, FIELDS, PRELOAD_CACHE, TRACK_TIMECODE, field, tmdb_defaults,
};
pub(crate) use self::ours::cache_size_bytes;
use self::ours::{apply, defaults, preload_bytes, preload_percent, value_of};
use super::request::Fields;
use super::{Answer, Failure};
use crate::guard::{Level, Visitor};
use crate::reply;
use crate::state::ServerState;

/// What a client on another device may set: how its own films are played. The rest is administration, and stays as it is.
const PLAYBACK: &[&str] =
    &[CACHE_SIZE, "ReaderReadAHead", "PreloadCache", DISCONNECT_TIMEOUT, "ResponsiveMode", TRACK_TIMECODE];

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
    shown.torrserver.retain(|name, _| field(name).is_some());
    shown.network.https_key_path.clear();
    for indexer in &mut shown.search.indexers {
        indexer.hide_secrets();
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
    use freshet_model::TransferSettings;
    use serde_json::json;

    use super::fields::MAX_DISCONNECT_SECS;
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
        assert_eq!(sets["ConnectionsLimit"], 300);
        assert_eq!(cache_size_bytes(&after), 1_048_576);
    }

    #[test]
    fn what_means_something_here_becomes_our_setting() {
        let after = set(
            &Settings::default(),
            json!({"DownloadRateLimit": 2048, "UploadRateLimit": 3, "TrackTimecode": false}),
        );

        assert_eq!(after.download_limit_bytes_per_sec, 2048 * 1024);
        assert_eq!(after.upload_limit_bytes_per_sec, 3 * 1024);
        assert!(!after.track_client_positions);
        assert!(after.torrserver.is_empty());
        let sets = get(&after);
        assert_eq!((&sets["DownloadRateLimit"], &sets["UploadRateLimit"]), (&json!(2048), &json!(3)));
        assert_eq!(set(&after, json!({"DownloadRateLimit": -5})).download_limit_bytes_per_sec, 0);
        assert_eq!(
            set(&after, json!({"DownloadRateLimit": 1e15})).download_limit_bytes_per_sec,
            1_024_000_000_000_000_000
        );
    }

    #[test]
    fn a_limit_of_less_than_a_kib_is_not_shown_as_none() {
        let settings = Settings { upload_limit_bytes_per_sec: 1, ..Settings::default() };

        assert_eq!(get(&settings)["UploadRateLimit"], 1);
    }

    #[test]
    fn how_torrents_are_transferred_is_a_setting_of_ours() {
        let sets = json!({
            "ForceEncrypt": true, "DisableTCP": false, "DisableUTP": true, "DisableUPNP": true, "DisableDHT": true,
            "DisablePEX": true, "DisableUpload": true, "EnableLPD": false, "ConnectionsLimit": 40, "PeersListenPort": 6881,
        });

        let after = set(&Settings::default(), sets.clone());

        let expected = TransferSettings {
            encryption_required: true,
            tcp_enabled: true,
            utp_enabled: false,
            dht_enabled: false,
            pex_enabled: false,
            lsd_enabled: false,
            port_mapping_enabled: false,
            uploads_enabled: false,
            max_connections: 40,
            peer_port: 6881,
            ..TransferSettings::default()
        };
        assert_eq!(after.transfers, expected);
        assert!(after.torrserver.is_empty());
        let shown = get(&after);
        for (name, value) in sets.as_object().unwrap() {
            assert_eq!(&shown[name], value, "{name}");
        }
        let many = set(&after, json!({"ConnectionsLimit": 1e9, "PeersListenPort": 0}));
        assert_eq!((many.transfers.max_connections, many.transfers.peer_port), (5000, 0));
        assert_eq!(get(&after.with(defaults()).unwrap()), get(&Settings::default()));
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
        assert_eq!(sets["ConnectionsLimit"], 300);
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
    fn what_televisions_and_https_need_are_settings_of_ours() {
        let after = set(
            &Settings::default(),
            json!({"EnableDLNA": true, "EnableBonjour": false, "FriendlyName": "den", "SslPort": 9443, "SslCert": "/c"}),
        );

        let network = &after.network;
        assert!(network.dlna_enabled && !network.mdns_enabled && network.https_enabled);
        assert_eq!((network.https_port, network.friendly_name.as_str()), (9443, "den"));
        assert!(!network.lan_enabled, "the door itself is no setting of clients");
        assert!(after.torrserver.is_empty());
        let sets = get(&after);
        assert_eq!(
            (&sets["EnableDLNA"], &sets["SslPort"], &sets["SslCert"]),
            (&json!(true), &json!(9443), &json!("/c"))
        );
        assert!(!set(&after, json!({"SslPort": 0})).network.https_enabled);
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
