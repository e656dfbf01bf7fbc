//! TorrServer's JSON shapes, and the way from our words to them and back.

use std::sync::Arc;

use freshet_model::{FileEntry, InfoHash, TorrentRecord, TorrentState, TransferStats};
use serde::{Serialize, Serializer};

/// `stat` of a torrent with the text that belongs to it. Clients compare both.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stat {
    GettingInfo,
    Preload,
    Working,
    InDb,
}

impl Stat {
    pub(crate) fn of(record: &TorrentRecord, is_active: bool, is_preloading: bool) -> Self {
        match record.state() {
            TorrentState::Resolving => Self::GettingInfo,
            TorrentState::Failed => Self::InDb,
            TorrentState::Ready if is_preloading => Self::Preload,
            TorrentState::Ready if is_active => Self::Working,
            TorrentState::Ready => Self::InDb,
        }
    }

    fn code(self) -> u8 {
        match self {
            Self::GettingInfo => 1,
            Self::Preload => 2,
            Self::Working => 3,
            Self::InDb => 5,
        }
    }

    fn text(self) -> &'static str {
        match self {
            Self::GettingInfo => "Torrent getting info",
            Self::Preload => "Torrent preload",
            Self::Working => "Torrent working",
            Self::InDb => "Torrent in db",
        }
    }
}

/// The status object. What is zero or empty is left out, as Go's `omitempty` does.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct TorrentStatus {
    pub(crate) title: String,
    pub(crate) category: String,
    pub(crate) poster: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(crate) data: String,
    pub(crate) timestamp: u64,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(crate) name: String,
    pub(crate) hash: InfoHash,
    /// The token of the torrent's `torrs://` link.
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "shared_text")]
    pub(crate) torrs_hash: Option<Arc<str>>,
    pub(crate) stat: u8,
    pub(crate) stat_string: &'static str,
    #[serde(skip_serializing_if = "is_zero")]
    pub(crate) loaded_size: u64,
    #[serde(skip_serializing_if = "is_zero")]
    pub(crate) torrent_size: u64,
    /// Of the last preload: in the end as much as `preload_size`.
    #[serde(skip_serializing_if = "is_zero")]
    pub(crate) preloaded_bytes: u64,
    #[serde(skip_serializing_if = "is_zero")]
    pub(crate) preload_size: u64,
    /// Bytes a second. Whole, which is how Go writes a float without a fraction.
    #[serde(skip_serializing_if = "is_zero")]
    pub(crate) download_speed: u64,
    #[serde(skip_serializing_if = "is_zero")]
    pub(crate) upload_speed: u64,
    #[serde(skip_serializing_if = "is_zero")]
    pub(crate) total_peers: u64,
    #[serde(skip_serializing_if = "is_zero")]
    pub(crate) pending_peers: u64,
    #[serde(skip_serializing_if = "is_zero")]
    pub(crate) active_peers: u64,
    #[serde(skip_serializing_if = "is_zero")]
    pub(crate) connected_seeders: u64,
    #[serde(skip_serializing_if = "is_zero")]
    pub(crate) half_open_peers: u64,
    /// What was sent to peers. TorrServer counts from the socket's side.
    #[serde(skip_serializing_if = "is_zero")]
    pub(crate) bytes_written: u64,
    #[serde(skip_serializing_if = "is_zero")]
    pub(crate) bytes_written_data: u64,
    #[serde(skip_serializing_if = "is_zero")]
    pub(crate) bytes_read: u64,
    #[serde(skip_serializing_if = "is_zero")]
    pub(crate) bytes_read_data: u64,
    #[serde(skip_serializing_if = "is_zero")]
    pub(crate) bytes_read_useful_data: u64,
    /// Of the file that was preloaded last, if it was looked into.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) duration_seconds: Option<f64>,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(crate) bit_rate: String,
    /// Also for torrents that are only stored, where TorrServer leaves it out.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) file_stats: Vec<FileStat>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct FileStat {
    pub(crate) id: u32,
    pub(crate) path: String,
    #[serde(skip_serializing_if = "is_zero")]
    pub(crate) length: u64,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it with a reference")]
fn is_zero(number: &u64) -> bool {
    *number == 0
}

fn shared_text<S: Serializer>(text: &Option<Arc<str>>, serializer: S) -> Result<S::Ok, S::Error> {
    text.as_deref().serialize(serializer)
}

impl TorrentStatus {
    pub(crate) fn new(
        record: &TorrentRecord,
        stat: Stat,
        stats: Option<&TransferStats>,
        torrs_hash: Option<Arc<str>>,
    ) -> Self {
        let count = |get: fn(&TransferStats) -> u64| stats.map_or(0, get);
        let title = if record.title.is_empty() { &record.name } else { &record.title };
        let mut files: Vec<&FileEntry> = record.files.iter().collect();
        files.sort_by_key(|file| file.torrserver_id);
        let file_stats: Vec<FileStat> = files
            .into_iter()
            .map(|file| FileStat {
                id: file.torrserver_id,
                path: wire_path(record, file),
                length: file.length_bytes,
            })
            .collect();
        Self {
            title: title.clone(),
            category: record.category.clone(),
            poster: record.poster.clone(),
            data: data(record, &file_stats),
            timestamp: record.added_at_secs,
            name: record.name.clone(),
            hash: record.info_hash,
            torrs_hash,
            stat: stat.code(),
            stat_string: stat.text(),
            loaded_size: count(|stats| stats.have_bytes),
            torrent_size: record.total_bytes,
            preloaded_bytes: 0,
            preload_size: 0,
            download_speed: count(|stats| stats.down_bytes_per_sec),
            upload_speed: count(|stats| stats.up_bytes_per_sec),
            total_peers: count(|stats| stats.known_peers.into()),
            pending_peers: count(|stats| {
                stats.known_peers.saturating_sub(stats.connected_peers + stats.connecting_peers).into()
            }),
            active_peers: count(|stats| stats.connected_peers.into()),
            connected_seeders: count(|stats| stats.connected_seeders.into()),
            half_open_peers: count(|stats| stats.connecting_peers.into()),
            bytes_written: count(|stats| stats.uploaded_bytes),
            bytes_written_data: count(|stats| stats.uploaded_bytes),
            bytes_read: count(|stats| stats.downloaded_bytes),
            bytes_read_data: count(|stats| stats.downloaded_bytes),
            bytes_read_useful_data: count(|stats| stats.downloaded_bytes),
            duration_seconds: None,
            bit_rate: String::new(),
            file_stats,
        }
    }
}

/// What the client left with the torrent. For a saved one without anything it is TorrServer's own list of the files: bridges
/// to other programs look for the files of a stored torrent in there, and not in `file_stats`.
fn data(record: &TorrentRecord, files: &[FileStat]) -> String {
    #[derive(Serialize)]
    #[serde(rename_all = "PascalCase")]
    struct Data<'a> {
        #[serde(rename = "TorrServer")]
        torrserver: Files<'a>,
    }
    #[derive(Serialize)]
    #[serde(rename_all = "PascalCase")]
    struct Files<'a> {
        files: &'a [FileStat],
    }
    if !record.data.is_empty() || files.is_empty() || record.is_temporary {
        return record.data.clone();
    }
    serde_json::to_string(&Data { torrserver: Files { files } }).unwrap_or_default()
}

/// The path of a file as clients know it: with the torrent's name in front if it has a folder.
pub(crate) fn wire_path(record: &TorrentRecord, file: &FileEntry) -> String {
    if record.is_single_file { file.path.clone() } else { format!("{}/{}", record.name, file.path) }
}

/// The file with a 1-based id.
pub(crate) fn file_by_id(record: &TorrentRecord, id: i64) -> Option<&FileEntry> {
    record.files.iter().find(|file| i64::from(file.torrserver_id) == id)
}

/// The file a client means on `/stream` and `/play`: in a torrent of one file always that one.
pub(crate) fn chosen_file<'a>(record: &'a TorrentRecord, id: Option<&str>) -> Result<&'a FileEntry, NoFile> {
    if let [only] = &record.files[..] {
        return Ok(only);
    }
    let id = id.and_then(|id| id.trim().parse().ok()).ok_or(NoFile::NoNumber)?;
    file_by_id(record, id).ok_or(NoFile::Unknown)
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NoFile {
    /// There are several, and the id is no number.
    NoNumber,
    Unknown,
}

/// A viewed file.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct Viewed {
    pub(crate) hash: InfoHash,
    pub(crate) file_index: u32,
    #[serde(serialize_with = "go_float")]
    pub(crate) timecode: f64,
}

/// A float as Go writes it: without a fraction if it has none.
fn go_float<S: Serializer>(number: &f64, serializer: S) -> Result<S::Ok, S::Error> {
    if number.fract() == 0.0 && (0.0..=1e15).contains(number) {
        serializer.serialize_u64(*number as u64)
    } else {
        serializer.serialize_f64(*number)
    }
}

#[cfg(test)]
mod tests {
    use freshet_model::{FileIndex, media_kind};

    use super::*;

    const HEX: &str = "08ada5a7a6183aae1e09d831df6748d566095a10";

    fn record(paths: &[(&str, u32)]) -> TorrentRecord {
        let files = (0..).zip(paths).map(|(index, (path, id))| FileEntry {
            index: FileIndex(index),
            path: (*path).to_owned(),
            length_bytes: u64::from(index) * 10,
            kind: media_kind(path),
            torrserver_id: *id,
        });
        TorrentRecord {
            name: "Show".to_owned(),
            is_single_file: paths.len() == 1,
            metainfo: Some(vec![1]),
            files: files.collect(),
            total_bytes: 30,
            ..TorrentRecord::new(HEX.parse().unwrap(), 1_700_000_000)
        }
    }

    fn json(status: &TorrentStatus) -> String {
        serde_json::to_string(status).unwrap()
    }

    #[test]
    fn a_fresh_torrent_has_only_what_is_known() {
        let record = TorrentRecord {
            title: "T".to_owned(),
            category: "tv".to_owned(),
            ..TorrentRecord::new(HEX.parse().unwrap(), 1_700_000_000)
        };

        let status = TorrentStatus::new(&record, Stat::of(&record, false, false), None, None);

        assert_eq!(
            json(&status),
            format!(
                r#"{{"title":"T","category":"tv","poster":"","timestamp":1700000000,"hash":"{HEX}","stat":1,"stat_string":"Torrent getting info"}}"#
            )
        );
    }

    #[test]
    fn files_come_by_id_below_the_name_of_the_torrent() {
        let record = record(&[("b/2.mkv", 2), ("a.mkv", 1)]);

        let status = TorrentStatus::new(&record, Stat::of(&record, false, false), None, Some("1aZ".into()));

        assert!(json(&status).ends_with(
            r#""torrs_hash":"1aZ","stat":5,"stat_string":"Torrent in db","torrent_size":30,"file_stats":[{"id":1,"path":"Show/a.mkv","length":10},{"id":2,"path":"Show/b/2.mkv"}]}"#
        ));
        assert_eq!(status.title, "Show");
        let single = record_of_one();
        assert_eq!(wire_path(&single, &single.files[0]), "film.mkv");
    }

    fn record_of_one() -> TorrentRecord {
        record(&[("film.mkv", 1)])
    }

    #[test]
    fn the_stat_follows_what_the_torrent_does() {
        let ready = record_of_one();
        let resolving = TorrentRecord { metainfo: None, ..ready.clone() };

        assert_eq!(Stat::of(&ready, true, true), Stat::Preload);
        assert_eq!(Stat::of(&ready, true, false), Stat::Working);
        assert_eq!(Stat::of(&ready, false, false), Stat::InDb);
        assert_eq!(Stat::of(&resolving, true, false), Stat::GettingInfo);
    }

    #[test]
    fn the_only_file_is_meant_by_any_id() {
        let single = record_of_one();
        for id in [None, Some("0"), Some("7"), Some("x")] {
            assert_eq!(chosen_file(&single, id), Ok(&single.files[0]), "{id:?}");
        }
        let several = record(&[("b.mkv", 2), ("a.mkv", 1)]);
        assert_eq!(chosen_file(&several, Some("2")), Ok(&several.files[0]));
        assert_eq!(chosen_file(&several, Some("3")), Err(NoFile::Unknown));
        assert_eq!(chosen_file(&several, Some("0")), Err(NoFile::Unknown));
        assert_eq!(chosen_file(&several, Some("x")), Err(NoFile::NoNumber));
        assert_eq!(chosen_file(&several, None), Err(NoFile::NoNumber));
    }

    #[test]
    fn floats_are_written_as_go_writes_them() {
        let viewed = |timecode| {
            serde_json::to_string(&Viewed { hash: HEX.parse().unwrap(), file_index: 1, timecode }).unwrap()
        };
        assert!(viewed(90.0).ends_with("\"timecode\":90}"));
        assert!(viewed(90.25).ends_with("\"timecode\":90.25}"));
    }
}
