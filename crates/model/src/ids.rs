//! Identities: what a torrent and a file in it are called everywhere.

use std::fmt;
use std::str::FromStr;

use data_encoding::{BASE32_NOPAD, HEXLOWER, HEXLOWER_PERMISSIVE};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// The version-1 info hash of a torrent: SHA-1 of its `info` dictionary (BEP 3).
///
/// Reads 40 hexadecimal or 32 base32 characters (BEP 9), shows 40 lower-case hexadecimal ones.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS), ts(type = "string"))]
pub struct InfoHash([u8; 20]);

impl InfoHash {
    pub const fn new(bytes: [u8; 20]) -> Self {
        Self(bytes)
    }

    pub const fn as_bytes(&self) -> &[u8; 20] {
        &self.0
    }
}

/// A text is not an info hash.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ParseInfoHashError {
    #[error("an info hash has 40 hexadecimal or 32 base32 characters, this has {0}")]
    Length(usize),
    #[error("an info hash has only hexadecimal (40) or base32 (32) characters")]
    Alphabet,
}

impl FromStr for InfoHash {
    type Err = ParseInfoHashError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let decoded = match text.len() {
            40 => HEXLOWER_PERMISSIVE.decode(text.as_bytes()),
            32 => BASE32_NOPAD.decode(text.to_ascii_uppercase().as_bytes()),
            _ => return Err(ParseInfoHashError::Length(text.chars().count())),
        };
        let bytes = decoded.map_err(|_| ParseInfoHashError::Alphabet)?;
        let bytes = bytes.try_into().map_err(|_| ParseInfoHashError::Alphabet)?;
        Ok(Self(bytes))
    }
}

impl fmt::Display for InfoHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&HEXLOWER.encode(&self.0))
    }
}

impl fmt::Debug for InfoHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "InfoHash({self})")
    }
}

impl Serialize for InfoHash {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for InfoHash {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<str>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

/// 0-based position of a file in the metainfo. TorrServer's 1-based number is a different thing, see
/// [`crate::FileEntry::torrserver_id`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS), ts(type = "number"))]
#[serde(transparent)]
pub struct FileIndex(pub u32);

impl FileIndex {
    pub const fn as_usize(self) -> usize {
        self.0 as usize
    }
}

impl fmt::Display for FileIndex {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Number of a change in the order in which it was committed; never given twice, also not after a restart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS), ts(type = "number"))]
#[serde(transparent)]
pub struct Revision(pub u64);

#[cfg(test)]
mod tests {
    use super::*;

    const HEX: &str = "08ada5a7a6183aae1e09d831df6748d566095a10";

    #[test]
    fn reads_hex_in_any_case_and_base32() {
        let from_hex: InfoHash = HEX.parse().unwrap();

        assert_eq!(HEX.to_uppercase().parse::<InfoHash>().unwrap(), from_hex);
        let base32 = BASE32_NOPAD.encode(from_hex.as_bytes());
        assert_eq!(base32.len(), 32);
        assert_eq!(base32.to_lowercase().parse::<InfoHash>().unwrap(), from_hex);
        assert_eq!(from_hex.to_string(), HEX);
    }

    #[test]
    fn says_what_is_wrong() {
        assert_eq!("abc".parse::<InfoHash>(), Err(ParseInfoHashError::Length(3)));
        assert_eq!("z".repeat(40).parse::<InfoHash>(), Err(ParseInfoHashError::Alphabet));
        assert_eq!("1".repeat(32).parse::<InfoHash>(), Err(ParseInfoHashError::Alphabet));
        assert_eq!("é".repeat(20).parse::<InfoHash>(), Err(ParseInfoHashError::Alphabet));
    }
}
