//! `torrs://` links: a torrent with its title, poster, category and trackers in one short text, as TorrServer's clients pass
//! it on.
//!
//! The token after `torrs://` is a number in base 62, the number is a zlib stream, and the stream is the info hash with
//! fields after it. Tokens come from strangers: the length of the text, of what it inflates to, and the number of fields are
//! bounded before anything is done with them.

use miniz_oxide::deflate::compress_to_vec_zlib;
use miniz_oxide::inflate::decompress_to_vec_zlib_with_limit;
use url::Url;

use crate::{InfoHash, Magnet, TorrentRecord, limits, metainfo};

const SCHEME: &str = "torrs://";
/// A token without the scheme is told from an info hash by its length.
const MIN_BARE_CHARS: usize = 46;
/// Digits are taken apart in time that grows with the square of their number: so many take a few milliseconds.
const MAX_TOKEN_CHARS: usize = 16 * 1024;
const MAX_INFLATED_BYTES: usize = 256 * 1024;
const MAX_FIELDS: usize = 256;
/// A longer title or category is no name any more; it is left out where we write a token.
const MAX_TEXT_BYTES: usize = 1024;
const MAX_POSTER_BYTES: usize = 2048;
/// Trackers are written only as long as the whole stays readable for everybody, ourselves included.
const MAX_WRITTEN_BYTES: usize = 8 * 1024;
const ZLIB_LEVEL: u8 = 9;

const TITLE: u8 = 0;
const POSTER: u8 = 1;
const TRACKER: u8 = 2;
const CATEGORY: u8 = 3;
const TOTAL_BYTES: u8 = 4;

/// What a `torrs://` link says of a torrent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Torrs {
    pub info_hash: InfoHash,
    /// Cleaned of control and direction characters, like the category; empty if the link says nothing.
    pub title: String,
    pub category: String,
    /// An http or https link, or empty.
    pub poster: String,
    /// http, https and udp only, without repetitions, at most [`limits::MAX_TRACKERS`].
    pub trackers: Vec<Url>,
    pub total_bytes: u64,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TorrsError {
    #[error("the torrs link has more than {MAX_TOKEN_CHARS} characters")]
    TooLong,
    #[error("the torrs link has characters other than digits and Latin letters")]
    Alphabet,
    #[error("the torrs link is damaged")]
    Damaged,
    #[error("the torrs link holds more than it may")]
    TooLarge,
    #[error("the torrs link names no torrent")]
    NoInfoHash,
    #[error("the torrs link ends in the middle of a field")]
    CutOff,
}

impl Torrs {
    /// Reads a link that begins with `torrs://`; `None` if it doesn't.
    ///
    /// # Errors
    /// [`TorrsError`] says what is wrong with the token.
    pub fn parse_link(text: &str) -> Option<Result<Self, TorrsError>> {
        let scheme = text.get(..SCHEME.len())?;
        scheme.eq_ignore_ascii_case(SCHEME).then(|| Self::parse(text[SCHEME.len()..].trim_end_matches('/')))
    }

    /// Whether a text without a scheme can only be a token.
    pub fn is_bare_token(text: &str) -> bool {
        text.len() >= MIN_BARE_CHARS && text.bytes().all(|byte| byte.is_ascii_alphanumeric())
    }

    /// Reads the token of a link. Fields that we don't know end the reading: what stands before them is kept.
    ///
    /// # Errors
    /// [`TorrsError`] says what is wrong with the token.
    pub fn parse(token: &str) -> Result<Self, TorrsError> {
        if token.len() > MAX_TOKEN_CHARS {
            return Err(TorrsError::TooLong);
        }
        let zlib = base62::decode(token).ok_or(TorrsError::Alphabet)?;
        let bytes =
            decompress_to_vec_zlib_with_limit(&zlib, MAX_INFLATED_BYTES).map_err(|error| {
                match error.status {
                    miniz_oxide::inflate::TINFLStatus::HasMoreOutput => TorrsError::TooLarge,
                    _ => TorrsError::Damaged,
                }
            })?;
        let (info_hash, mut rest) = bytes.split_first_chunk::<20>().ok_or(TorrsError::NoInfoHash)?;
        let mut torrs = Self::bare(InfoHash::new(*info_hash));
        for _ in 0..MAX_FIELDS {
            let Some((&tag, after)) = rest.split_first() else { return Ok(torrs) };
            match tag {
                TITLE | POSTER | TRACKER | CATEGORY => {
                    let (length, after) = after.split_first_chunk::<2>().ok_or(TorrsError::CutOff)?;
                    let length = usize::from(u16::from_le_bytes(*length));
                    let (text, after) = after.split_at_checked(length).ok_or(TorrsError::CutOff)?;
                    torrs.take(tag, &String::from_utf8_lossy(text));
                    rest = after;
                }
                TOTAL_BYTES => {
                    let (size, after) = after.split_first_chunk::<8>().ok_or(TorrsError::CutOff)?;
                    let size = u64::try_from(i64::from_le_bytes(*size)).unwrap_or_default();
                    torrs.total_bytes = if size <= limits::MAX_TOTAL_BYTES { size } else { 0 };
                    rest = after;
                }
                _ => return Ok(torrs),
            }
        }
        if rest.is_empty() { Ok(torrs) } else { Err(TorrsError::TooLarge) }
    }

    fn bare(info_hash: InfoHash) -> Self {
        let empty = String::new;
        Self {
            info_hash,
            title: empty(),
            category: empty(),
            poster: empty(),
            trackers: Vec::new(),
            total_bytes: 0,
        }
    }

    fn take(&mut self, tag: u8, text: &str) {
        match tag {
            TITLE => self.title = metainfo::clean_name(text).unwrap_or_default(),
            CATEGORY => self.category = metainfo::clean_name(text).unwrap_or_default(),
            POSTER => {
                let is_link = Url::parse(text).is_ok_and(|url| matches!(url.scheme(), "http" | "https"));
                self.poster =
                    if is_link && text.len() <= MAX_POSTER_BYTES { text.to_owned() } else { String::new() };
            }
            _ => metainfo::push_tracker(&mut self.trackers, text),
        }
    }

    /// The token of this torrent, without `torrs://`. Texts that are too long to be read back are left out, and trackers
    /// that would make it too long.
    pub fn token(&self) -> String {
        let mut bytes = self.info_hash.as_bytes().to_vec();
        let mut push = |tag: u8, text: &str, most: usize| {
            let room = MAX_WRITTEN_BYTES.saturating_sub(bytes.len());
            let Ok(length) = u16::try_from(text.len()) else { return };
            if !text.is_empty() && text.len() <= most && text.len() + 3 <= room {
                bytes.push(tag);
                bytes.extend_from_slice(&length.to_le_bytes());
                bytes.extend_from_slice(text.as_bytes());
            }
        };
        push(TITLE, &self.title, MAX_TEXT_BYTES);
        push(POSTER, &self.poster, MAX_POSTER_BYTES);
        push(CATEGORY, &self.category, MAX_TEXT_BYTES);
        for tracker in &self.trackers {
            push(TRACKER, tracker.as_str(), limits::MAX_TRACKER_URL_BYTES);
        }
        if let Some(size) = i64::try_from(self.total_bytes).ok().filter(|size| *size > 0) {
            bytes.push(TOTAL_BYTES);
            bytes.extend_from_slice(&size.to_le_bytes());
        }
        base62::encode(&compress_to_vec_zlib(&bytes, ZLIB_LEVEL))
    }

    /// The same torrent as a magnet.
    pub fn magnet(&self) -> Magnet {
        Magnet {
            display_name: Some(self.title.clone()).filter(|title| !title.is_empty()),
            trackers: self.trackers.clone(),
            ..Magnet::bare(self.info_hash)
        }
    }
}

impl From<&TorrentRecord> for Torrs {
    fn from(record: &TorrentRecord) -> Self {
        let title = if record.title.is_empty() { &record.name } else { &record.title };
        Self {
            title: title.clone(),
            category: record.category.clone(),
            poster: record.poster.clone(),
            trackers: record.trackers.iter().filter_map(|tracker| tracker.parse().ok()).collect(),
            total_bytes: record.total_bytes,
            ..Self::bare(record.info_hash)
        }
    }
}

/// Large numbers in base 62. Five digits at a time fit into 32 bits, so a token is a short row of such numbers.
mod base62 {
    const ALPHABET: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    const GROUP_DIGITS: usize = 5;
    const GROUP: u64 = 62_u64.pow(5);

    /// The bytes of a number, the most significant first; `None` if a character is no digit.
    pub(super) fn decode(text: &str) -> Option<Vec<u8>> {
        // 32 bits each, the least significant first.
        let mut limbs: Vec<u32> = Vec::new();
        for digits in text.as_bytes().chunks(GROUP_DIGITS) {
            let mut carry = 0_u64;
            let mut scale = 1_u64;
            for digit in digits {
                carry = carry * 62 + value(*digit)?;
                scale *= 62;
            }
            for limb in &mut limbs {
                carry += u64::from(*limb) * scale;
                *limb = low(carry);
                carry >>= 32;
            }
            if carry > 0 {
                limbs.push(low(carry));
            }
        }
        let bytes = limbs.iter().rev().flat_map(|limb| limb.to_be_bytes());
        Some(bytes.skip_while(|byte| *byte == 0).collect())
    }

    pub(super) fn encode(bytes: &[u8]) -> String {
        let mut limbs: Vec<u32> = bytes
            .rchunks(4)
            .map(|bytes| bytes.iter().fold(0, |limb, byte| limb << 8 | u32::from(*byte)))
            .collect();
        let mut digits = Vec::new();
        while let Some(0) = limbs.last() {
            limbs.pop();
        }
        while !limbs.is_empty() {
            let mut rest = 0_u64;
            for limb in limbs.iter_mut().rev() {
                let part = rest << 32 | u64::from(*limb);
                *limb = low(part / GROUP);
                rest = part % GROUP;
            }
            while let Some(0) = limbs.last() {
                limbs.pop();
            }
            for _ in 0..GROUP_DIGITS {
                digits.push(char::from(ALPHABET[(rest % 62) as usize]));
                rest /= 62;
            }
        }
        while let Some('0') = digits.last() {
            digits.pop();
        }
        digits.into_iter().rev().collect()
    }

    fn value(digit: u8) -> Option<u64> {
        Some(match digit {
            b'0'..=b'9' => u64::from(digit - b'0'),
            b'A'..=b'Z' => u64::from(digit - b'A') + 10,
            b'a'..=b'z' => u64::from(digit - b'a') + 36,
            _ => return None,
        })
    }

    /// The lower half. Nothing is lost: the upper one is carried on.
    #[expect(clippy::cast_possible_truncation, reason = "that is its purpose")]
    fn low(number: u64) -> u32 {
        number as u32
    }
}

#[cfg(test)]
#[path = "torrs_tests.rs"]
mod tests;
