//! The fields that are settings of our own, under another name and in another unit.

use freshet_model::{
    Indexer, NetworkPatch, NetworkSettings, SearchPatch, SearchSettings, Settings, SettingsPatch,
    TransferPatch, TransferSettings,
};
use serde_json::{Value, json};

use super::super::request::Fields;
use super::fields::*;

/// What a client asks for when it says `def`, of the fields that are settings of ours.
pub(super) const OURS: &[&str] = &[
    CONNECTIONS_LIMIT,
    DISABLE_DHT,
    DISABLE_PEX,
    DISABLE_TCP,
    DISABLE_UPLOAD,
    DISABLE_UPNP,
    DISABLE_UTP,
    DISCONNECT_TIMEOUT,
    DLNA,
    DOWNLOAD_LIMIT,
    FORCE_ENCRYPT,
    FRIENDLY_NAME,
    HTTPS_CERT,
    HTTPS_KEY,
    HTTPS_PORT,
    LPD,
    MDNS,
    PEER_PORT,
    UPLOAD_LIMIT,
    TRACK_TIMECODE,
    TORZNAB_ENABLED,
    TORZNAB_URLS,
];

pub(super) fn value_of(settings: &Settings, name: &str, kind: Kind) -> Value {
    let (network, transfers) = (&settings.network, &settings.transfers);
    match name {
        FORCE_ENCRYPT => transfers.encryption_required.into(),
        DISABLE_TCP => (!transfers.tcp_enabled).into(),
        DISABLE_UTP => (!transfers.utp_enabled).into(),
        DISABLE_UPNP => (!transfers.port_mapping_enabled).into(),
        DISABLE_DHT => (!transfers.dht_enabled).into(),
        DISABLE_PEX => (!transfers.pex_enabled).into(),
        DISABLE_UPLOAD => (!transfers.uploads_enabled).into(),
        LPD => transfers.lsd_enabled.into(),
        CONNECTIONS_LIMIT => transfers.max_connections.into(),
        PEER_PORT => transfers.peer_port.into(),
        // 0 would be no limit, so part of a KiB is one.
        DOWNLOAD_LIMIT => settings.download_limit_bytes_per_sec.div_ceil(KIB).into(),
        UPLOAD_LIMIT => settings.upload_limit_bytes_per_sec.div_ceil(KIB).into(),
        TRACK_TIMECODE => settings.track_client_positions.into(),
        TORZNAB_ENABLED => settings.search.torznab_enabled.into(),
        TORZNAB_URLS => indexers_value(&settings.search),
        DISCONNECT_TIMEOUT => settings.idle_timeout_secs.into(),
        DLNA => network.dlna_enabled.into(),
        MDNS => network.mdns_enabled.into(),
        FRIENDLY_NAME => network.friendly_name.as_str().into(),
        // Clients know no switch: a port is one.
        HTTPS_PORT => if network.https_enabled { network.https_port } else { 0 }.into(),
        HTTPS_CERT => network.https_cert_path.as_str().into(),
        HTTPS_KEY => network.https_key_path.as_str().into(),
        PRELOAD_CACHE => preload_percent(settings).into(),
        _ => settings.torrserver.get(name).cloned().unwrap_or_else(|| kind.default_value()),
    }
}

/// Search services as clients know them; none at all is `null`, as TorrServer has it.
pub(super) fn indexers_value(search: &SearchSettings) -> Value {
    let one = |indexer: &Indexer| json!({"Host": indexer.url, "Key": indexer.api_key, "Name": indexer.name});
    match &search.indexers[..] {
        [] => Value::Null,
        several => several.iter().map(one).collect(),
    }
}

/// The other way round; one without an address is none.
pub(super) fn read_indexers(value: &Value) -> Option<Vec<Indexer>> {
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

/// Puts a field that is a setting of ours into the patch; `false` if it is none.
pub(super) fn apply(patch: &mut SettingsPatch, name: &str, value: &Value) -> bool {
    let limit = || Some(value.as_u64().unwrap_or_default().saturating_mul(KIB));
    let is_left_on = || value.as_bool().map(|is_disabled| !is_disabled);
    match name {
        FORCE_ENCRYPT => transfers(patch).encryption_required = value.as_bool(),
        DISABLE_TCP => transfers(patch).tcp_enabled = is_left_on(),
        DISABLE_UTP => transfers(patch).utp_enabled = is_left_on(),
        DISABLE_UPNP => transfers(patch).port_mapping_enabled = is_left_on(),
        DISABLE_DHT => transfers(patch).dht_enabled = is_left_on(),
        DISABLE_PEX => transfers(patch).pex_enabled = is_left_on(),
        DISABLE_UPLOAD => transfers(patch).uploads_enabled = is_left_on(),
        LPD => transfers(patch).lsd_enabled = value.as_bool(),
        CONNECTIONS_LIMIT => {
            let count = value.as_u64().and_then(|count| u32::try_from(count).ok()).unwrap_or(u32::MAX);
            transfers(patch).max_connections = Some(count.min(TransferSettings::MAX_CONNECTIONS));
        }
        PEER_PORT => transfers(patch).peer_port = value.as_u64().and_then(|port| u16::try_from(port).ok()),
        DOWNLOAD_LIMIT => patch.download_limit_bytes_per_sec = limit(),
        UPLOAD_LIMIT => patch.upload_limit_bytes_per_sec = limit(),
        TRACK_TIMECODE => patch.track_client_positions = value.as_bool(),
        TORZNAB_ENABLED => patch.search.get_or_insert_default().torznab_enabled = value.as_bool(),
        TORZNAB_URLS => patch.search.get_or_insert_default().indexers = read_indexers(value),
        DISCONNECT_TIMEOUT => {
            let secs = value.as_u64().and_then(|secs| u32::try_from(secs).ok()).unwrap_or(u32::MAX);
            patch.idle_timeout_secs = Some(secs.min(MAX_DISCONNECT_SECS));
        }
        DLNA => network(patch).dlna_enabled = value.as_bool(),
        MDNS => network(patch).mdns_enabled = value.as_bool(),
        FRIENDLY_NAME => network(patch).friendly_name = value.as_str().map(str::to_owned),
        HTTPS_PORT => {
            let port = value.as_u64().and_then(|port| u16::try_from(port).ok()).unwrap_or(0);
            network(patch).https_enabled = Some(port != 0);
            network(patch).https_port = Some(port).filter(|port| *port != 0);
        }
        HTTPS_CERT => network(patch).https_cert_path = value.as_str().map(str::to_owned),
        HTTPS_KEY => network(patch).https_key_path = value.as_str().map(str::to_owned),
        _ => return false,
    }
    true
}

fn network(patch: &mut SettingsPatch) -> &mut NetworkPatch {
    patch.network.get_or_insert_default()
}

fn transfers(patch: &mut SettingsPatch) -> &mut TransferPatch {
    patch.transfers.get_or_insert_default()
}

/// Everything that a client can set, as it is on the first start.
pub(super) fn defaults() -> SettingsPatch {
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
        transfers: Some(transfer_defaults(&ours.transfers)),
        network: Some(network_defaults(ours.network)),
        idle_timeout_secs: Some(ours.idle_timeout_secs),
        preload_bytes: Some(ours.preload_bytes),
        torrserver: Some(kept.map(|(name, kind)| ((*name).to_owned(), kind.default_value())).collect()),
        ..SettingsPatch::default()
    }
}

fn transfer_defaults(ours: &TransferSettings) -> TransferPatch {
    TransferPatch {
        encryption_required: Some(ours.encryption_required),
        tcp_enabled: Some(ours.tcp_enabled),
        utp_enabled: Some(ours.utp_enabled),
        dht_enabled: Some(ours.dht_enabled),
        pex_enabled: Some(ours.pex_enabled),
        lsd_enabled: Some(ours.lsd_enabled),
        port_mapping_enabled: Some(ours.port_mapping_enabled),
        uploads_enabled: Some(ours.uploads_enabled),
        max_connections: Some(ours.max_connections),
        // No client knows these.
        spare_line: None,
        seed_ratio_limit: None,
        proxy_url: None,
        network_interface: None,
        blocklist_path: None,
        seed_time_limit_secs: None,
        peer_port: Some(ours.peer_port),
    }
}

/// Of what clients know; the doors to the network stay as they are.
fn network_defaults(ours: NetworkSettings) -> NetworkPatch {
    NetworkPatch {
        dlna_enabled: Some(ours.dlna_enabled),
        mdns_enabled: Some(ours.mdns_enabled),
        friendly_name: Some(ours.friendly_name),
        https_enabled: Some(ours.https_enabled),
        https_port: Some(ours.https_port),
        https_cert_path: Some(ours.https_cert_path),
        https_key_path: Some(ours.https_key_path),
        ..NetworkPatch::default()
    }
}

/// How much is fetched before a film is shown, of a cache and a share in percent.
pub(super) fn preload_bytes(cache_bytes: i64, percent: i64) -> u64 {
    let bytes =
        u64::try_from(cache_bytes).unwrap_or(0).saturating_mul(u64::try_from(percent).unwrap_or(0)) / 100;
    bytes.min(Settings::MAX_PRELOAD_BYTES)
}

/// The share that a client set, or the nearest one if somebody else has set the bytes.
pub(super) fn preload_percent(settings: &Settings) -> i64 {
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

/// A number among the kept settings, or its default.
pub(super) fn int_kept(settings: &Settings, wanted: &str) -> i64 {
    let Some((name, kind)) = field(wanted) else { return 0 };
    let value = settings.torrserver.get(*name).cloned().unwrap_or_else(|| kind.default_value());
    value.as_i64().unwrap_or_default()
}

/// What clients take for the capacity of a torrent's cache.
pub(crate) fn cache_size_bytes(settings: &Settings) -> i64 {
    int_kept(settings, CACHE_SIZE)
}
