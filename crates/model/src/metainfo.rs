//! The door that every `.torrent` has to pass: files, downloads, and what peers sent for a magnet.
//!
//! The rest of the program sees only a [`Metainfo`], so sizes add up, counts are bounded and names are decoded once and
//! checked after that. Names stay words for people: nothing here is ever used as a path of the cache.

use sha1::{Digest, Sha1};
use url::Url;

use crate::bencode::{self, BencodeError, Dict, Value};
use crate::{FileEntry, FileIndex, InfoHash, assign_torrserver_ids, media_kind};

/// What we accept from a stranger, in one place.
pub mod limits {
    pub const MAX_METAINFO_BYTES: usize = 10 * 1024 * 1024;
    pub const MAX_DEPTH: usize = 64;
    /// A file entry is about ten values; 20 000 files with long paths stay well below this.
    pub const MAX_VALUES: usize = 1_000_000;
    pub const MAX_FILES: usize = 20_000;
    pub const MAX_PATH_DEPTH: usize = 32;
    pub const MAX_NAME_CHARS: usize = 1024;
    pub const MIN_PIECE_BYTES: u64 = 16 * 1024;
    pub const MAX_PIECE_BYTES: u64 = 64 * 1024 * 1024;
    pub const MAX_TOTAL_BYTES: u64 = 16 << 40;
    pub const MAX_PIECES: u64 = 1 << 21;
    pub const MAX_TRACKERS: usize = 64;
    pub const MAX_TRACKER_URL_BYTES: usize = 2048;
    pub const MAX_WEB_SEEDS: usize = 16;
    pub const MAX_WEB_SEED_URL_BYTES: usize = 2048;
    pub const MAX_MAGNET_BYTES: usize = 16 * 1024;
    pub const MAX_MAGNET_PEERS: usize = 32;
}

/// A `.torrent` that kept every rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Metainfo {
    pub info_hash: InfoHash,
    /// Cleaned for showing; never empty.
    pub name: String,
    pub piece_bytes: u32,
    pub piece_count: u32,
    pub total_bytes: u64,
    /// Every file of the torrent in its order, padding files (BEP 47) among them as [`crate::MediaKind::Other`].
    pub files: Vec<FileEntry>,
    /// Whether the torrent is one file without a folder of its own.
    pub is_single_file: bool,
    /// BEP 27: peers come from its trackers only.
    pub is_private: bool,
    pub trackers: Vec<Url>,
    /// BEP 19: where its files are on the web; http and https only, at most [`limits::MAX_WEB_SEEDS`].
    pub web_seeds: Vec<Url>,
    /// Where the `info` dictionary stands in the bytes that were read.
    pub info_range: std::ops::Range<usize>,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MetainfoError {
    #[error("the file has {0} bytes; at most {max} are accepted", max = limits::MAX_METAINFO_BYTES)]
    TooLarge(usize),
    #[error("the file {0}")]
    Bencode(#[from] BencodeError),
    #[error("the file is no torrent: {0} is missing or of the wrong kind")]
    Field(&'static str),
    #[error("the torrent is for BitTorrent version 2 only")]
    V2Only,
    #[error("the piece length {0} is not a power of two from 16 KiB to 64 MiB")]
    PieceLength(i64),
    #[error("the torrent has no files")]
    NoFiles,
    #[error("the torrent has more than {} files", limits::MAX_FILES)]
    TooManyFiles,
    #[error("file {0} has an impossible length")]
    FileLength(usize),
    #[error("the torrent is larger than 16 TiB")]
    TotalLength,
    #[error("the torrent has {hashes} bytes of piece hashes, its files need {pieces} pieces")]
    PieceCount { hashes: usize, pieces: u64 },
    #[error("file {0} has a path that leads out of its folder or is too deep")]
    Path(usize),
}

impl Metainfo {
    /// Reads and checks the bytes of a `.torrent` file.
    ///
    /// # Errors
    /// [`MetainfoError`]; a version-2-only torrent is [`MetainfoError::V2Only`], a hybrid is read by its version-1 part.
    pub fn parse(bytes: &[u8]) -> Result<Self, MetainfoError> {
        if bytes.len() > limits::MAX_METAINFO_BYTES {
            return Err(MetainfoError::TooLarge(bytes.len()));
        }
        let Value::Dict(root) = bencode::parse(bytes, limits::MAX_DEPTH, limits::MAX_VALUES)? else {
            return Err(MetainfoError::Field("the outer dictionary"));
        };
        let info = root.dict("info").ok_or(MetainfoError::Field("info"))?;
        let info_range = root.range("info").ok_or(MetainfoError::Field("info"))?;
        if info.get("pieces").is_none() && info.get("file tree").is_some() {
            return Err(MetainfoError::V2Only);
        }

        let piece_length = info.int("piece length").ok_or(MetainfoError::Field("piece length"))?;
        let piece_bytes = u64::try_from(piece_length)
            .ok()
            .filter(|length| {
                (limits::MIN_PIECE_BYTES..=limits::MAX_PIECE_BYTES).contains(length)
                    && length.is_power_of_two()
            })
            .ok_or(MetainfoError::PieceLength(piece_length))?;
        let name = text(info, "name").ok_or(MetainfoError::Field("name"))?;
        let (files, is_single_file) = match info.list("files") {
            Some(list) => (read_files(list)?, false),
            None => (vec![single_file(info, &name)?], true),
        };
        let total_bytes = files
            .iter()
            .try_fold(0_u64, |sum, file| sum.checked_add(file.length_bytes))
            .filter(|total| *total <= limits::MAX_TOTAL_BYTES)
            .ok_or(MetainfoError::TotalLength)?;
        if total_bytes == 0 {
            return Err(MetainfoError::NoFiles);
        }
        let pieces = total_bytes.div_ceil(piece_bytes);
        let hashes = info.bytes("pieces").ok_or(MetainfoError::Field("pieces"))?.len();
        if pieces > limits::MAX_PIECES || hashes as u64 != pieces * 20 {
            return Err(MetainfoError::PieceCount { hashes, pieces });
        }

        let info_hash = InfoHash::new(Sha1::digest(&bytes[info_range.clone()]).into());
        Ok(Self {
            info_hash,
            name: clean_name(&name).filter(|name| !name.is_empty()).unwrap_or_else(|| info_hash.to_string()),
            piece_bytes: u32::try_from(piece_bytes).map_err(|_| MetainfoError::PieceLength(piece_length))?,
            piece_count: u32::try_from(pieces).map_err(|_| MetainfoError::PieceCount { hashes, pieces })?,
            total_bytes,
            files,
            is_single_file,
            is_private: info.int("private") == Some(1),
            trackers: read_trackers(&root),
            web_seeds: read_web_seeds(&root),
            info_range,
        })
    }

    /// The same torrent as the smallest valid `.torrent` file: its `info` dictionary, untouched, the web seeds of this value,
    /// and nothing else.
    ///
    /// `bytes` are those this value was read from. Trackers and whatever else stood beside `info` are left behind.
    pub fn bare_torrent_file(&self, bytes: &[u8]) -> Vec<u8> {
        let mut file = [b"d4:info", &bytes[self.info_range.clone()]].concat();
        if !self.web_seeds.is_empty() {
            file.extend_from_slice(b"8:url-listl");
            for url in &self.web_seeds {
                let url = url.as_str();
                file.extend_from_slice(format!("{}:{url}", url.len()).as_bytes());
            }
            file.push(b'e');
        }
        file.push(b'e');
        file
    }
}

fn single_file(info: &Dict<'_>, name: &str) -> Result<FileEntry, MetainfoError> {
    if info.get("files").is_some() {
        return Err(MetainfoError::Field("files"));
    }
    let path = check_component(name).ok_or(MetainfoError::Path(0))?;
    let length_bytes = length(info).ok_or(MetainfoError::FileLength(0))?;
    let kind = media_kind(&path);
    Ok(FileEntry { index: FileIndex(0), path, length_bytes, kind, torrserver_id: 1 })
}

fn read_files(list: &[Value<'_>]) -> Result<Vec<FileEntry>, MetainfoError> {
    if list.is_empty() {
        return Err(MetainfoError::NoFiles);
    }
    if list.len() > limits::MAX_FILES {
        return Err(MetainfoError::TooManyFiles);
    }
    let mut files = Vec::with_capacity(list.len());
    for (number, item) in list.iter().enumerate() {
        let Value::Dict(file) = item else { return Err(MetainfoError::Field("files")) };
        let length_bytes = length(file).ok_or(MetainfoError::FileLength(number))?;
        let components =
            file.list("path.utf-8").or_else(|| file.list("path")).ok_or(MetainfoError::Field("path"))?;
        if components.is_empty() || components.len() > limits::MAX_PATH_DEPTH {
            return Err(MetainfoError::Path(number));
        }
        let mut path = String::new();
        for component in components {
            let Value::Bytes(bytes) = component else { return Err(MetainfoError::Field("path")) };
            let component =
                check_component(&String::from_utf8_lossy(bytes)).ok_or(MetainfoError::Path(number))?;
            if !path.is_empty() {
                path.push('/');
            }
            path.push_str(&component);
        }
        let is_padding = file.bytes("attr").is_some_and(|attr| attr.contains(&b'p'));
        let kind = if is_padding { crate::MediaKind::Other } else { media_kind(&path) };
        let index = FileIndex(u32::try_from(number).map_err(|_| MetainfoError::TooManyFiles)?);
        files.push(FileEntry { index, path, length_bytes, kind, torrserver_id: 0 });
    }
    let paths: Vec<&str> = files.iter().map(|file| file.path.as_str()).collect();
    let ids = assign_torrserver_ids(&paths);
    for (file, id) in files.iter_mut().zip(ids) {
        file.torrserver_id = id;
    }
    Ok(files)
}

fn length(dict: &Dict<'_>) -> Option<u64> {
    u64::try_from(dict.int("length")?).ok().filter(|length| *length <= limits::MAX_TOTAL_BYTES)
}

fn text(dict: &Dict<'_>, key: &str) -> Option<String> {
    let bytes = dict.bytes(&format!("{key}.utf-8")).or_else(|| dict.bytes(key))?;
    Some(String::from_utf8_lossy(bytes).into_owned())
}

/// One component of a path: cleaned first, checked after, so that nothing that is cleaned away can hide a `..`.
fn check_component(component: &str) -> Option<String> {
    let cleaned = clean_name(component)?;
    let is_path = matches!(cleaned.as_str(), "" | "." | "..") || cleaned.contains(['/', '\\']);
    (!is_path).then_some(cleaned)
}

/// A name without control characters, direction marks and invisible characters; `None` if it is absurdly long.
pub fn clean_name(name: &str) -> Option<String> {
    let misleads = |c: char| {
        c.is_control()
            || matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{061c}')
    };
    let cleaned: String = name.chars().filter(|c| !misleads(*c)).collect();
    (cleaned.chars().count() <= limits::MAX_NAME_CHARS).then(|| cleaned.trim().to_owned())
}

fn read_trackers(root: &Dict<'_>) -> Vec<Url> {
    let mut trackers = Vec::new();
    let mut push = |value: &Value<'_>| {
        if let Value::Bytes(bytes) = value
            && let Ok(text) = std::str::from_utf8(bytes)
        {
            push_tracker(&mut trackers, text);
        }
    };
    if let Some(announce) = root.get("announce") {
        push(announce);
    }
    for tier in root.list("announce-list").unwrap_or_default() {
        if let Value::List(tier) = tier {
            tier.iter().for_each(&mut push);
        }
    }
    trackers
}

fn read_web_seeds(root: &Dict<'_>) -> Vec<Url> {
    let mut seeds = Vec::new();
    let mut push = |value: &Value<'_>| {
        if let Value::Bytes(bytes) = value
            && let Ok(text) = std::str::from_utf8(bytes)
        {
            push_web_seed(&mut seeds, text);
        }
    };
    match root.get("url-list") {
        Some(Value::List(list)) => list.iter().for_each(push),
        Some(one) => push(one),
        None => {}
    }
    seeds
}

/// Adds a web seed if it is one that we speak to and there is room; silently drops it if not.
pub(crate) fn push_web_seed(seeds: &mut Vec<Url>, text: &str) {
    if seeds.len() >= limits::MAX_WEB_SEEDS || text.len() > limits::MAX_WEB_SEED_URL_BYTES {
        return;
    }
    let Ok(url) = Url::parse(text.trim()) else { return };
    // What has to be escaped makes it longer.
    let is_short = url.as_str().len() <= limits::MAX_WEB_SEED_URL_BYTES;
    let is_spoken = matches!(url.scheme(), "http" | "https") && url.has_host();
    if is_short && is_spoken && !seeds.contains(&url) {
        seeds.push(url);
    }
}

/// Adds a tracker if it is one that we speak to and there is room; silently drops it if not.
pub(crate) fn push_tracker(trackers: &mut Vec<Url>, text: &str) {
    if trackers.len() >= limits::MAX_TRACKERS || text.len() > limits::MAX_TRACKER_URL_BYTES {
        return;
    }
    let Ok(url) = Url::parse(text.trim()) else { return };
    let is_spoken = matches!(url.scheme(), "http" | "https" | "udp") && url.has_host();
    if is_spoken && !trackers.contains(&url) {
        trackers.push(url);
    }
}

#[cfg(test)]
#[path = "metainfo_tests.rs"]
mod tests;
