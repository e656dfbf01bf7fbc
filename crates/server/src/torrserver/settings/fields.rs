//! The fields of TorrServer's settings: names, types, defaults, bounds.

use serde_json::{Value, json};

use super::super::request::{as_bool, as_int, as_text};
use super::ours::read_indexers;

/// Type, default and bounds of a field.
#[derive(Debug, Clone, Copy)]
pub(super) enum Kind {
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
pub(super) enum Bounds {
    /// Nothing below zero.
    NotNegative,
    /// Zero means the default.
    Positive,
    Between(i64, i64),
}

pub(super) const fn int(default: i64, bounds: Bounds) -> Kind {
    Kind::Int { default, bounds }
}

pub(super) const CACHE_SIZE: &str = "CacheSize";
pub(super) const PRELOAD_CACHE: &str = "PreloadCache";
pub(super) const FORCE_ENCRYPT: &str = "ForceEncrypt";
pub(super) const DISABLE_TCP: &str = "DisableTCP";
pub(super) const DISABLE_UTP: &str = "DisableUTP";
pub(super) const DISABLE_UPNP: &str = "DisableUPNP";
pub(super) const DISABLE_DHT: &str = "DisableDHT";
pub(super) const DISABLE_PEX: &str = "DisablePEX";
pub(super) const DISABLE_UPLOAD: &str = "DisableUpload";
pub(super) const CONNECTIONS_LIMIT: &str = "ConnectionsLimit";
pub(super) const PEER_PORT: &str = "PeersListenPort";
pub(super) const LPD: &str = "EnableLPD";
pub(super) const DISCONNECT_TIMEOUT: &str = "TorrentDisconnectTimeout";
pub(super) const DOWNLOAD_LIMIT: &str = "DownloadRateLimit";
pub(super) const DLNA: &str = "EnableDLNA";
pub(super) const MDNS: &str = "EnableBonjour";
pub(super) const FRIENDLY_NAME: &str = "FriendlyName";
pub(super) const HTTPS_PORT: &str = "SslPort";
pub(super) const HTTPS_CERT: &str = "SslCert";
pub(super) const HTTPS_KEY: &str = "SslKey";
pub(super) const UPLOAD_LIMIT: &str = "UploadRateLimit";
pub(super) const TORZNAB_ENABLED: &str = "EnableTorznabSearch";
pub(super) const TORZNAB_URLS: &str = "TorznabUrls";
pub(super) const TRACK_TIMECODE: &str = "TrackTimecode";
pub(super) const KIB: u64 = 1024;
/// Longer than a month is as good as for ever.
pub(super) const MAX_DISCONNECT_SECS: u32 = 30 * 24 * 3600;

/// In the order of the wire. Units: sizes in bytes, rates in KiB/s, times in seconds, shares in percent.
pub(super) const FIELDS: &[(&str, Kind)] = &[
    (CACHE_SIZE, int(64 * 1024 * 1024, Bounds::Positive)),
    ("ReaderReadAHead", int(95, Bounds::Between(5, 100))),
    (PRELOAD_CACHE, int(50, Bounds::Between(0, 100))),
    ("UseDisk", Kind::Bool(false)),
    ("TorrentsSavePath", Kind::Text("")),
    ("RemoveCacheOnDrop", Kind::Bool(false)),
    (FORCE_ENCRYPT, Kind::Bool(false)),
    ("RetrackersMode", int(1, Bounds::Between(0, 3))),
    // Ours is longer than TorrServer's 30 s.
    (DISCONNECT_TIMEOUT, int(600, Bounds::Positive)),
    ("EnableDebug", Kind::Bool(false)),
    (DLNA, Kind::Bool(false)),
    (MDNS, Kind::Bool(true)),
    (FRIENDLY_NAME, Kind::Text("")),
    ("EnableRutorSearch", Kind::Bool(false)),
    (TORZNAB_ENABLED, Kind::Bool(false)),
    (TORZNAB_URLS, Kind::Indexers),
    ("TMDBSettings", Kind::Json(tmdb_defaults)),
    ("EnableIPv6", Kind::Bool(false)),
    (DISABLE_TCP, Kind::Bool(false)),
    (DISABLE_UTP, Kind::Bool(false)),
    (DISABLE_UPNP, Kind::Bool(false)),
    (DISABLE_DHT, Kind::Bool(false)),
    (DISABLE_PEX, Kind::Bool(false)),
    (DISABLE_UPLOAD, Kind::Bool(false)),
    (DOWNLOAD_LIMIT, int(0, Bounds::NotNegative)),
    (UPLOAD_LIMIT, int(0, Bounds::NotNegative)),
    // Of all torrents together, where TorrServer's 25 are for each.
    (CONNECTIONS_LIMIT, int(300, Bounds::Positive)),
    (PEER_PORT, int(0, Bounds::Between(0, 65535))),
    (LPD, Kind::Bool(true)),
    ("LPDIPv6", Kind::Bool(false)),
    (HTTPS_PORT, int(0, Bounds::Between(0, 65535))),
    (HTTPS_CERT, Kind::Text("")),
    (HTTPS_KEY, Kind::Text("")),
    ("ResponsiveMode", Kind::Bool(true)),
    ("ShowFSActiveTorr", Kind::Bool(true)),
    ("StoreSettingsInJson", Kind::Bool(true)),
    ("StoreViewedInJson", Kind::Bool(false)),
    (TRACK_TIMECODE, Kind::Bool(true)),
];

pub(super) fn tmdb_defaults() -> Value {
    json!({
        "APIKey": "",
        "APIURL": "https://api.themoviedb.org",
        "ImageURL": "https://image.tmdb.org",
        "ImageURLRu": "https://imagetmdb.com",
    })
}

/// The field that a client means, in whatever case it writes it.
pub(super) fn field(name: &str) -> Option<&'static (&'static str, Kind)> {
    FIELDS.iter().find(|(known, _)| known.eq_ignore_ascii_case(name))
}

impl Kind {
    pub(super) fn default_value(self) -> Value {
        match self {
            Self::Bool(default) => default.into(),
            Self::Int { default, .. } => default.into(),
            Self::Text(default) => default.into(),
            Self::Json(default) => default(),
            Self::Indexers => Value::Null,
        }
    }

    /// The value of a client in our type and range; `None` if it has no sense.
    pub(super) fn read(self, value: &Value) -> Option<Value> {
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
