//! The other server: how it is asked, and what of its answers is taken. It may be old, somebody else, or a fake.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use freshet_model::{ErrorCode, ForetoldFile, ForetoldMark, InfoHash, is_file_id, limits};
use freshet_web::{FetchError, WebClient};
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Map, Value, json};
use tokio::time::Instant;
use url::Url;

use super::bounded::Bounded;
use crate::error::Coded;

const DEFAULT_PORT: u16 = 8090;
const MAX_ADDRESS_BYTES: usize = 2048;
const MAX_ECHO_BYTES: usize = 4096;
const MAX_LIST_BYTES: usize = 64 * 1024 * 1024;
const MAX_SMALL_BYTES: usize = 4 * 1024 * 1024;
const MAX_TORRENTS: usize = 20_000;
const MAX_MARKS: usize = 200_000;
/// Of a title, a category or a poster's address.
const MAX_TEXT_BYTES: usize = 64 * 1024;
/// As much as our own interface takes from a client.
const MAX_DATA_BYTES: usize = 2 * 1024 * 1024;
/// Torrents that the other server is made to open at a time, to learn their files.
const OPEN_AT_ONCE: usize = 8;
const LOOKS: usize = 4;
const BETWEEN_LOOKS: Duration = Duration::from_millis(1500);
/// For all of them.
const FILES_DEADLINE: Duration = Duration::from_secs(90);

/// Why nothing can be taken over. No text holds the password.
#[derive(Debug, thiserror::Error)]
pub(super) enum ImportError {
    #[error("this is no address of a server; write it like 192.168.1.5:8090")]
    Address,
    #[error("{server} can't be asked: {error}")]
    Unreachable { server: String, error: FetchError },
    #[error(
        "{server} wants a user name and a password: write them in front of the address, as http://name:password@{server}"
    )]
    NeedsPassword { server: String },
    #[error("{server} does not accept this user name and password")]
    WrongPassword { server: String },
    #[error("{server} answers, but it is no TorrServer")]
    NoTorrServer { server: String },
    #[error("{server} is TorrServer {version}, which is too old: it has to be a MatriX version")]
    TooOld { server: String, version: String },
    #[error("{server} gives no list of its {what} that can be read")]
    Answer { server: String, what: &'static str },
}

impl Coded for ImportError {
    fn code(&self) -> ErrorCode {
        match self {
            Self::Address => ErrorCode::BadRequest,
            Self::Unreachable { error, .. } => error.code(),
            Self::NeedsPassword { .. } | Self::WrongPassword { .. } => ErrorCode::Forbidden,
            Self::NoTorrServer { .. } | Self::TooOld { .. } | Self::Answer { .. } => ErrorCode::FetchFailed,
        }
    }
}

/// What the other server has.
#[derive(Debug)]
pub(super) struct Library {
    pub(super) version: String,
    pub(super) torrents: Vec<RemoteTorrent>,
    pub(super) unreadable_torrents: usize,
    pub(super) viewed: Vec<RemoteViewed>,
    pub(super) unreadable_marks: usize,
    pub(super) settings: Option<Map<String, Value>>,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) struct RemoteTorrent {
    pub(super) info_hash: InfoHash,
    pub(super) title: String,
    pub(super) name: String,
    pub(super) category: String,
    pub(super) poster: String,
    pub(super) data: String,
    /// Seconds since 1970; 0 if it is not told.
    pub(super) added_at_secs: u64,
    pub(super) total_bytes: u64,
    /// Empty if they are not told.
    pub(super) files: Vec<ForetoldFile>,
}

impl RemoteTorrent {
    pub(super) fn shown_title(&self) -> String {
        let given = [&self.title, &self.name].into_iter().find(|text| !text.is_empty());
        given.cloned().unwrap_or_else(|| self.info_hash.to_string())
    }
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct RemoteViewed {
    pub(super) info_hash: InfoHash,
    pub(super) id: u32,
    pub(super) position_secs: f64,
}

#[derive(Deserialize)]
struct WireTorrent {
    hash: InfoHash,
    #[serde(default)]
    title: String,
    #[serde(default)]
    name: String,
    #[serde(default)]
    category: String,
    #[serde(default)]
    poster: String,
    #[serde(default)]
    data: String,
    #[serde(default)]
    timestamp: i64,
    #[serde(default)]
    torrent_size: i64,
    #[serde(default)]
    file_stats: Bounded<WireFile, { limits::MAX_FILES }>,
}

#[derive(Deserialize)]
struct WireFile {
    #[serde(default)]
    id: u64,
    #[serde(default)]
    path: String,
    #[serde(default)]
    length: u64,
}

/// The list of files that TorrServer keeps in the `data` of a torrent whose client gave none.
#[derive(Deserialize)]
struct DataFiles {
    #[serde(rename = "TorrServer")]
    server: DataFilesInner,
}

#[derive(Deserialize)]
struct DataFilesInner {
    #[serde(rename = "Files")]
    files: Bounded<WireFile, { limits::MAX_FILES }>,
}

#[derive(Deserialize)]
struct WireViewed {
    hash: InfoHash,
    file_index: u32,
    #[serde(default)]
    timecode: f64,
}

/// A server that a person named.
pub(super) struct Remote {
    client: WebClient,
    base: Url,
    /// Host and port: what may be said of it.
    server: String,
}

impl Remote {
    pub(super) fn new(client: WebClient, written: &str) -> Result<Self, ImportError> {
        let base = address(written).ok_or(ImportError::Address)?;
        let port = base.port().map(|port| format!(":{port}")).unwrap_or_default();
        let server = format!("{}{port}", base.host_str().unwrap_or_default());
        Ok(Self { client, base, server })
    }

    /// Asks for everything there is. Waits for five answers, for a minute each at most.
    pub(super) async fn library(&self) -> Result<Library, ImportError> {
        let version = self.version().await?;
        let torrents = self.post("torrents", &json!({"action": "list"}), MAX_LIST_BYTES).await?;
        let torrents: Bounded<&RawValue, MAX_TORRENTS> = self.read(&torrents, "torrents")?;
        let (torrents, unreadable_torrents) = torrents_of(torrents);
        let (viewed, unreadable_marks) =
            match self.post("viewed", &json!({"action": "list"}), MAX_LIST_BYTES).await {
                Ok(viewed) => {
                    // Nothing is `null` there.
                    let viewed: Option<Bounded<&RawValue, MAX_MARKS>> = self.read(&viewed, "viewed marks")?;
                    viewed_of(viewed.unwrap_or_default())
                }
                Err(error) if is_missing(&error) => (Vec::new(), 0),
                Err(error) => return Err(error),
            };
        let settings = match self.post("settings", &json!({"action": "get"}), MAX_SMALL_BYTES).await {
            Ok(settings) => serde_json::from_slice(&settings).ok(),
            Err(error) if is_missing(&error) => None,
            Err(error) => return Err(error),
        };
        Ok(Library { version, torrents, unreadable_torrents, viewed, unreadable_marks, settings })
    }

    /// Learns the files of torrents that are only kept there: asking for one opens it, and it is closed again after. Gives
    /// how many wanted ones stayed unknown. What has marks comes first; a server that does not answer costs no more than
    /// these.
    pub(super) async fn ask_for_files(
        &self,
        torrents: &mut [RemoteTorrent],
        marks: &HashMap<InfoHash, Vec<ForetoldMark>>,
        is_wanted: impl Fn(&RemoteTorrent) -> bool,
    ) -> usize {
        let mut wanted: Vec<&mut RemoteTorrent> =
            torrents.iter_mut().filter(|torrent| torrent.files.is_empty() && is_wanted(torrent)).collect();
        wanted.sort_by_key(|torrent| !marks.contains_key(&torrent.info_hash));
        let deadline = Instant::now() + FILES_DEADLINE;
        for batch in wanted.chunks_mut(OPEN_AT_ONCE) {
            let learn = batch.iter_mut().map(|torrent| async move {
                if let Some(files) = self.files_of(torrent.info_hash).await {
                    torrent.files = files;
                }
            });
            let all = futures::future::join_all(learn);
            if tokio::time::timeout_at(deadline, all).await.is_err() {
                break;
            }
        }
        wanted.iter().filter(|torrent| torrent.files.is_empty()).count()
    }

    async fn files_of(&self, info_hash: InfoHash) -> Option<Vec<ForetoldFile>> {
        let ask = |action: &str| json!({"action": action, "hash": info_hash});
        let mut found = None;
        for look in 0..LOOKS {
            if look > 0 {
                tokio::time::sleep(BETWEEN_LOOKS).await;
            }
            let status = self.post("torrents", &ask("get"), MAX_SMALL_BYTES).await.ok()?;
            let status: WireTorrent = serde_json::from_slice(&status).ok()?;
            found = Some(files_of(&status)).filter(|files| !files.is_empty());
            if found.is_some() {
                break;
            }
        }
        // Only kept there before: so it is again. Whether that works is the other server's affair.
        let _ = self.post("torrents", &ask("drop"), MAX_SMALL_BYTES).await;
        found
    }

    async fn version(&self) -> Result<String, ImportError> {
        let url = self.base.join("echo").map_err(|_| ImportError::Address)?;
        let no_torrserver = || ImportError::NoTorrServer { server: self.server.clone() };
        let echo = self.client.get_bytes(&url, MAX_ECHO_BYTES).await.map_err(|error| match error {
            FetchError::Status(404) | FetchError::TooLarge(_) => no_torrserver(),
            error => self.failed(error),
        })?;
        let echo = String::from_utf8(echo).map_err(|_| no_torrserver())?;
        let version: String = echo.trim().chars().take(40).collect();
        match &*version {
            known if known.starts_with("MatriX") => Ok(version),
            old if old.starts_with("1.1.") || old.starts_with("1.2.") => {
                Err(ImportError::TooOld { server: self.server.clone(), version })
            }
            _ => Err(no_torrserver()),
        }
    }

    async fn post(&self, path: &str, question: &Value, max_bytes: usize) -> Result<Vec<u8>, ImportError> {
        let url = self.base.join(path).map_err(|_| ImportError::Address)?;
        let answer = self.client.post_json(&url, &question.to_string(), max_bytes).await;
        answer.map_err(|error| self.failed(error))
    }

    fn read<'a, T: Deserialize<'a>>(&self, bytes: &'a [u8], what: &'static str) -> Result<T, ImportError> {
        serde_json::from_slice(bytes).map_err(|_| ImportError::Answer { server: self.server.clone(), what })
    }

    fn failed(&self, error: FetchError) -> ImportError {
        let server = self.server.clone();
        match error {
            FetchError::Status(401 | 403) if self.base.username().is_empty() => {
                ImportError::NeedsPassword { server }
            }
            FetchError::Status(401 | 403) => ImportError::WrongPassword { server },
            error => ImportError::Unreachable { server, error },
        }
    }
}

fn is_missing(error: &ImportError) -> bool {
    matches!(error, ImportError::Unreachable { error: FetchError::Status(404), .. })
}

/// The address as people write it. Without `http://` the port is TorrServer's own, unless one is written.
fn address(written: &str) -> Option<Url> {
    let written = written.trim();
    if written.len() > MAX_ADDRESS_BYTES || written.starts_with('/') {
        return None;
    }
    let has_scheme = written.contains("://");
    let text = if has_scheme { written.to_owned() } else { format!("http://{written}") };
    let mut url = Url::parse(&text).ok()?;
    if !matches!(url.scheme(), "http" | "https") || !url.has_host() {
        return None;
    }
    if !has_scheme && url.port().is_none() {
        url.set_port(Some(DEFAULT_PORT)).ok()?;
    }
    url.set_query(None);
    url.set_fragment(None);
    let path = format!("{}/", url.path().trim_end_matches('/'));
    url.set_path(&path);
    Some(url)
}

/// Entries are read one by one, so that one that makes no sense costs no other and is never in memory as a whole tree.
fn torrents_of(entries: Bounded<&RawValue, MAX_TORRENTS>) -> (Vec<RemoteTorrent>, usize) {
    let mut known = HashSet::new();
    let mut torrents = Vec::new();
    let mut unreadable = entries.more;
    for entry in entries.kept {
        match serde_json::from_str::<WireTorrent>(entry.get()) {
            Ok(torrent) if known.insert(torrent.hash) => torrents.push(remote_torrent(torrent)),
            Ok(_) => {}
            Err(_) => unreadable += 1,
        }
    }
    (torrents, unreadable)
}

fn remote_torrent(torrent: WireTorrent) -> RemoteTorrent {
    let files = files_of(&torrent);
    let bounded = |text: String, max: usize| Some(text).filter(|text| text.len() <= max).unwrap_or_default();
    RemoteTorrent {
        info_hash: torrent.hash,
        title: bounded(torrent.title, MAX_TEXT_BYTES),
        name: freshet_model::clean_name(&torrent.name).unwrap_or_default(),
        category: bounded(torrent.category, MAX_TEXT_BYTES),
        poster: bounded(torrent.poster, MAX_TEXT_BYTES),
        data: bounded(torrent.data, MAX_DATA_BYTES),
        added_at_secs: u64::try_from(torrent.timestamp).unwrap_or(0),
        total_bytes: u64::try_from(torrent.torrent_size).unwrap_or(0),
        files,
    }
}

/// The files with their ids: as they are told, else as they are kept in `data`.
fn files_of(torrent: &WireTorrent) -> Vec<ForetoldFile> {
    let told = &torrent.file_stats;
    let from_data: DataFiles;
    let told = if told.kept.is_empty() && torrent.data.contains("\"TorrServer\"") {
        let Ok(data) = serde_json::from_str(&torrent.data) else { return Vec::new() };
        from_data = data;
        &from_data.server.files
    } else {
        told
    };
    // With more than a torrent can have, none of it is to be believed.
    if told.more > 0 {
        return Vec::new();
    }
    told.kept.iter().filter_map(|file| ForetoldFile::from_wire(file.id, &file.path, file.length)).collect()
}

fn viewed_of(entries: Bounded<&RawValue, MAX_MARKS>) -> (Vec<RemoteViewed>, usize) {
    let mut viewed = Vec::new();
    let mut unreadable = entries.more;
    for entry in entries.kept {
        match serde_json::from_str::<WireViewed>(entry.get()) {
            Ok(mark) if is_file_id(mark.file_index) => {
                let position_secs = if mark.timecode.is_finite() { mark.timecode.max(0.0) } else { 0.0 };
                viewed.push(RemoteViewed { info_hash: mark.hash, id: mark.file_index, position_secs });
            }
            Ok(_) | Err(_) => unreadable += 1,
        }
    }
    (viewed, unreadable)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_taken_as_people_write_it() {
        let table = [
            ("192.168.1.5", "http://192.168.1.5:8090/"),
            (" nas:8091 ", "http://nas:8091/"),
            ("http://nas", "http://nas/"),
            ("https://me:word@nas.example/torrserver/#/list?x", "https://me:word@nas.example/torrserver/"),
            ("me:word@[::1]", "http://me:word@[::1]:8090/"),
        ];
        for (written, asked) in table {
            assert_eq!(address(written).map(String::from).as_deref(), Some(asked), "{written}");
        }
        for written in ["", "ftp://nas", "http://", "/etc/passwd", &"x".repeat(3000)] {
            assert_eq!(address(written), None, "{written}");
        }
    }

    #[test]
    fn files_come_from_the_status_or_from_the_data_that_torrserver_wrote() {
        let hash = "08ada5a7a6183aae1e09d831df6748d566095a10";
        let ids = |value: Value| -> Vec<(u32, String)> {
            let torrent: WireTorrent = serde_json::from_value(value).unwrap();
            files_of(&torrent).into_iter().map(|file| (file.id, file.path)).collect()
        };
        let files =
            json!([{"id": 2, "path": "P/a", "length": 1}, {"path": "P/no id"}, {"id": 1, "path": "P/b"}]);
        let expected = [(2, "P/a".to_owned()), (1, "P/b".to_owned())];

        assert_eq!(ids(json!({"hash": hash, "file_stats": files})), expected);
        let data = json!({"TorrServer": {"Files": files}}).to_string();
        assert_eq!(ids(json!({"hash": hash, "data": data})), expected);
        for data in ["", "x\"TorrServer\"", "{\"TorrServer\":{}}", "{\"lampa\":true}"] {
            assert_eq!(ids(json!({"hash": hash, "data": data})), [], "{data}");
        }
    }
}
