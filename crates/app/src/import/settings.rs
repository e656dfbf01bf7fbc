//! From TorrServer's settings to proposals for ours.

use freshet_model::{Indexer, NetworkPatch, SearchPatch, Settings, SettingsPatch, TransferPatch};
use serde_json::{Map, Value, json};

use super::report::{ImportLeftOut, ImportReason, ImportSetting, ImportSettingKey};

const KIB: u64 = 1024;
const MAX_INDEXERS: usize = 32;
const MAX_NAME_CHARS: usize = 100;
/// What TorrServer has as long as nobody chose: no wish that could be taken over.
const DEFAULT_IDLE_SECS: u64 = 30;

/// Settings that mean nothing here, with the values that nobody chose.
const MEANINGLESS: &[(&str, &[&str])] = &[
    ("UseDisk", &["false"]),
    ("TorrentsSavePath", &["\"\""]),
    ("RetrackersMode", &["1"]),
    // There it is for each torrent, here for all together.
    ("ConnectionsLimit", &["25"]),
    ("EnableIPv6", &["false"]),
    ("EnableRutorSearch", &["false"]),
    ("SslCert", &["\"\""]),
    ("SslKey", &["\"\""]),
];

/// A setting that would be different, and how it becomes so.
pub(super) struct Proposal {
    pub(super) shown: ImportSetting,
    pub(super) patch: SettingsPatch,
}

pub(super) fn proposals(
    current: &Settings,
    remote: Option<&Map<String, Value>>,
) -> (Vec<Proposal>, Vec<ImportLeftOut>) {
    let Some(remote) = remote else {
        return (Vec::new(), vec![ImportLeftOut::of(ImportReason::NoSettings, "")]);
    };
    let mut found = Vec::new();
    let mut propose = |key, now: Value, proposed: Value, patch: SettingsPatch| {
        // What can't be set here is no proposal.
        if now != proposed && current.with(patch.clone()).is_ok() {
            found.push(Proposal { shown: ImportSetting { key, current: now, proposed }, patch });
        }
    };
    if let Some(limit) = limit(remote, "DownloadRateLimit") {
        let patch = SettingsPatch { download_limit_bytes_per_sec: Some(limit), ..SettingsPatch::default() };
        propose(
            ImportSettingKey::DownloadLimit,
            current.download_limit_bytes_per_sec.into(),
            limit.into(),
            patch,
        );
    }
    if let Some(limit) = limit(remote, "UploadRateLimit") {
        let patch = SettingsPatch { upload_limit_bytes_per_sec: Some(limit), ..SettingsPatch::default() };
        propose(
            ImportSettingKey::UploadLimit,
            current.upload_limit_bytes_per_sec.into(),
            limit.into(),
            patch,
        );
    }
    if let Some(track) = remote.get("TrackTimecode").and_then(Value::as_bool) {
        let patch = SettingsPatch { track_client_positions: Some(track), ..SettingsPatch::default() };
        propose(
            ImportSettingKey::ClientPositions,
            current.track_client_positions.into(),
            track.into(),
            patch,
        );
    }
    if let Some(secs) = number(remote, "TorrentDisconnectTimeout").filter(|secs| *secs != DEFAULT_IDLE_SECS)
        && let Ok(secs) = u32::try_from(secs)
    {
        let patch = SettingsPatch { idle_timeout_secs: Some(secs), ..SettingsPatch::default() };
        propose(ImportSettingKey::IdleTimeout, current.idle_timeout_secs.into(), secs.into(), patch);
    }
    if let (Some(cache), Some(percent)) = (number(remote, "CacheSize"), number(remote, "PreloadCache")) {
        let bytes = (cache / 100).saturating_mul(percent.min(100)) + cache % 100 * percent.min(100) / 100;
        let bytes = bytes.min(Settings::MAX_PRELOAD_BYTES);
        let patch = SettingsPatch { preload_bytes: Some(bytes), ..SettingsPatch::default() };
        propose(ImportSettingKey::Preload, current.preload_bytes.into(), bytes.into(), patch);
    }
    let patch = SettingsPatch { transfers: Some(transfers(remote)), ..SettingsPatch::default() };
    if let Ok(changed) = current.with(patch.clone()) {
        propose(ImportSettingKey::Transfers, json!(current.transfers), json!(changed.transfers), patch);
    }
    let (enabled, indexers) = merged_search(current, remote);
    let shown = |enabled: bool, indexers: &[Indexer]| {
        let names: Vec<&str> = indexers.iter().map(|indexer| indexer.name.as_str()).collect();
        json!({"enabled": enabled, "services": names})
    };
    let search = SearchPatch { torznab_enabled: Some(enabled), indexers: Some(indexers.clone()) };
    propose(
        ImportSettingKey::Search,
        shown(current.search.torznab_enabled, &current.search.indexers),
        shown(enabled, &indexers),
        SettingsPatch { search: Some(search), ..SettingsPatch::default() },
    );
    let name = remote.get("FriendlyName").and_then(Value::as_str).unwrap_or_default().trim();
    if !name.is_empty() && name.chars().count() <= MAX_NAME_CHARS {
        let network = NetworkPatch { friendly_name: Some(name.to_owned()), ..NetworkPatch::default() };
        let patch = SettingsPatch { network: Some(network), ..SettingsPatch::default() };
        propose(
            ImportSettingKey::FriendlyName,
            current.network.friendly_name.as_str().into(),
            name.into(),
            patch,
        );
    }
    (found, left_out(current, remote))
}

fn left_out(current: &Settings, remote: &Map<String, Value>) -> Vec<ImportLeftOut> {
    let is_on = |name: &str| remote.get(name).and_then(Value::as_bool) == Some(true);
    let mut left_out = Vec::new();
    if is_on("EnableDLNA") && !current.network.dlna_enabled {
        left_out.push(ImportLeftOut::of(ImportReason::OpensNetwork, "EnableDLNA"));
    }
    if number(remote, "SslPort").is_some_and(|port| port != 0) && !current.network.https_enabled {
        left_out.push(ImportLeftOut::of(ImportReason::OpensNetwork, "SslPort"));
    }
    for (name, unchosen) in MEANINGLESS {
        if remote.get(*name).is_some_and(|value| !unchosen.contains(&&*value.to_string())) {
            left_out.push(ImportLeftOut::of(ImportReason::NoMeaning, name));
        }
    }
    left_out
}

fn number(remote: &Map<String, Value>, name: &str) -> Option<u64> {
    remote.get(name)?.as_u64()
}

/// Bytes a second of KiB a second.
fn limit(remote: &Map<String, Value>, name: &str) -> Option<u64> {
    Some(number(remote, name)?.saturating_mul(KIB))
}

/// What somebody chose there; what is as it came is no wish.
fn transfers(remote: &Map<String, Value>) -> TransferPatch {
    let chosen =
        |name: &str, choice: bool| remote.get(name).and_then(Value::as_bool).filter(|on| *on == choice);
    let disabled = |name: &str| chosen(name, true).map(|_| false);
    TransferPatch {
        encryption_required: chosen("ForceEncrypt", true),
        tcp_enabled: disabled("DisableTCP"),
        utp_enabled: disabled("DisableUTP"),
        dht_enabled: disabled("DisableDHT"),
        pex_enabled: disabled("DisablePEX"),
        lsd_enabled: chosen("EnableLPD", false),
        port_mapping_enabled: disabled("DisableUPNP"),
        uploads_enabled: disabled("DisableUpload"),
        spare_line: None,
        max_connections: None,
        seed_ratio_limit: None,
        proxy_url: None,
        network_interface: None,
        blocklist_path: None,
        seed_time_limit_secs: None,
        peer_port: number(remote, "PeersListenPort")
            .and_then(|port| u16::try_from(port).ok())
            .filter(|port| *port != 0),
    }
}

/// Our search services and those of the other server that are not among them.
fn merged_search(current: &Settings, remote: &Map<String, Value>) -> (bool, Vec<Indexer>) {
    let enabled = remote.get("EnableTorznabSearch").and_then(Value::as_bool).unwrap_or(false);
    let mut indexers = current.search.indexers.clone();
    for service in remote.get("TorznabUrls").and_then(Value::as_array).into_iter().flatten() {
        let text = |name| service.get(name).and_then(Value::as_str).unwrap_or_default().trim().to_owned();
        let indexer = Indexer { name: text("Name"), url: text("Host"), api_key: text("Key") };
        let address = |indexer: &Indexer| freshet_web::torznab::api_address(&indexer.url).ok();
        let is_known = indexers.iter().any(|known| address(known) == address(&indexer));
        if address(&indexer).is_some() && !is_known && indexers.len() < MAX_INDEXERS {
            indexers.push(indexer);
        }
    }
    (current.search.torznab_enabled || enabled, indexers)
}

#[cfg(test)]
mod tests {
    use freshet_model::TransferSettings;

    use super::*;

    fn of(
        current: &Settings,
        remote: Value,
    ) -> (Vec<(ImportSettingKey, Value)>, Vec<ImportLeftOut>, Settings) {
        let Value::Object(remote) = remote else { panic!("an object") };
        let (proposals, left_out) = proposals(current, Some(&remote));
        let after = proposals
            .iter()
            .fold(current.clone(), |settings, proposal| settings.with(proposal.patch.clone()).unwrap());
        let shown = proposals.into_iter().map(|proposal| (proposal.shown.key, proposal.shown.proposed));
        (shown.collect(), left_out, after)
    }

    #[test]
    fn of_the_transfers_only_what_somebody_chose_is_proposed() {
        let remote = json!({
            "ForceEncrypt": true, "DisableUTP": true, "DisableTCP": false, "EnableLPD": false, "PeersListenPort": 0,
        });
        let own =
            TransferPatch { pex_enabled: Some(false), peer_port: Some(6881), ..TransferPatch::default() };
        let patch = SettingsPatch { transfers: Some(own), ..SettingsPatch::default() };
        let current = Settings::default().with(patch).unwrap();

        let (shown, _, after) = of(&current, remote.clone());

        let expected = TransferSettings {
            encryption_required: true,
            utp_enabled: false,
            lsd_enabled: false,
            ..current.transfers
        };
        assert_eq!(after.transfers, expected);
        assert_eq!(shown, [(ImportSettingKey::Transfers, json!(expected))]);
        assert_eq!(of(&after, remote).0, []);
    }

    #[test]
    fn what_has_a_meaning_is_proposed_once_and_nothing_is_left_to_propose_then() {
        let remote = json!({
            "DownloadRateLimit": 1000, "UploadRateLimit": 1, "TrackTimecode": false, "TorrentDisconnectTimeout": 60,
            "CacheSize": 209_715_200, "PreloadCache": 25, "EnableTorznabSearch": true, "FriendlyName": " den ",
            "TorznabUrls": [{"Host": "nas:9117", "Key": "s3cret", "Name": "Jackett"}, {"Host": ""}, 7],
            "EnableDLNA": true, "SslPort": 8091, "ConnectionsLimit": 50, "UseDisk": false, "NewField": [1],
        });

        let (shown, left_out, after) = of(&Settings::default(), remote.clone());

        assert_eq!(
            shown,
            [
                (ImportSettingKey::DownloadLimit, json!(1_024_000)),
                (ImportSettingKey::UploadLimit, json!(1024)),
                (ImportSettingKey::ClientPositions, json!(false)),
                (ImportSettingKey::IdleTimeout, json!(60)),
                (ImportSettingKey::Preload, json!(52_428_800)),
                (ImportSettingKey::Search, json!({"enabled": true, "services": ["Jackett"]})),
                (ImportSettingKey::FriendlyName, json!("den")),
            ]
        );
        assert_eq!(
            left_out,
            [
                ImportLeftOut::of(ImportReason::OpensNetwork, "EnableDLNA"),
                ImportLeftOut::of(ImportReason::OpensNetwork, "SslPort"),
                ImportLeftOut::of(ImportReason::NoMeaning, "ConnectionsLimit"),
            ]
        );
        assert_eq!(after.search.indexers[0].api_key, "s3cret");
        let network = after.network.clone();
        assert!(!network.dlna_enabled && !network.https_enabled && !network.lan_enabled);
        assert_eq!(of(&after, remote).0, []);
    }

    #[test]
    fn what_nobody_chose_and_what_makes_no_sense_is_no_proposal() {
        let untouched = json!({
            "CacheSize": 67_108_864, "PreloadCache": 50, "TorrentDisconnectTimeout": 30, "DownloadRateLimit": 0,
            "UploadRateLimit": 0, "TrackTimecode": true, "TorznabUrls": null, "EnableDLNA": false, "FriendlyName": "",
        });
        let nonsense = json!({
            "CacheSize": -1, "PreloadCache": "x", "TorrentDisconnectTimeout": 99_999_999, "DownloadRateLimit": {},
            "TrackTimecode": 1, "TorznabUrls": "x", "FriendlyName": [], "EnableTorznabSearch": "yes",
        });
        for remote in [json!({}), untouched, nonsense] {
            let (shown, left_out, _) = of(&Settings::default(), remote.clone());
            assert_eq!((shown, left_out), (vec![], vec![]), "{remote}");
        }
        let (_, left_out) = proposals(&Settings::default(), None);
        assert_eq!(left_out, [ImportLeftOut::of(ImportReason::NoSettings, "")]);
    }
}
