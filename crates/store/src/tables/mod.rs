//! The SQL of each table, and nothing else: rows in, rows out, on whatever connection is given.
//!
//! Every row carries a checksum. SQLite finds damage to its own structures, but a flipped bit inside a title or a mark
//! would come back as if somebody had written it.

pub(crate) mod access;
pub(crate) mod container_indexes;
pub(crate) mod foretold;
pub(crate) mod marks;
pub(crate) mod meta;
pub(crate) mod resume;
pub(crate) mod settings;
pub(crate) mod torrents;

/// The scheme of FNV-1a over 64-bit words, the last one filled up with zeros: each step can be undone, so a change inside one
/// word is always seen. It is the same on every machine and must stay so in every version.
pub(crate) struct RowCheck(u64);

impl RowCheck {
    pub(crate) fn new() -> Self {
        Self(0xcbf2_9ce4_8422_2325)
    }

    fn word(&mut self, word: u64) {
        self.0 = (self.0 ^ word).wrapping_mul(0x0000_0100_0000_01b3).rotate_left(23);
    }

    /// Adds one field; its length keeps neighbors apart.
    #[must_use]
    pub(crate) fn field(mut self, bytes: &[u8]) -> Self {
        self.word(bytes.len() as u64);
        let (words, rest) = bytes.as_chunks::<8>();
        for word in words {
            self.word(u64::from_le_bytes(*word));
        }
        let mut last = [0; 8];
        last[..rest.len()].copy_from_slice(rest);
        self.word(u64::from_le_bytes(last));
        self
    }

    #[must_use]
    pub(crate) fn number(self, number: i64) -> Self {
        self.field(&number.to_le_bytes())
    }

    #[must_use]
    pub(crate) fn optional(self, bytes: Option<&[u8]>) -> Self {
        match bytes {
            Some(bytes) => self.number(1).field(bytes),
            None => self.number(0),
        }
    }

    /// As SQLite stores it.
    pub(crate) fn value(&self) -> i64 {
        i64::from_le_bytes(self.0.to_le_bytes())
    }
}

/// SQLite's integers are signed: what is above their range is stored as their largest.
pub(crate) fn to_sql(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// Back again; a negative number was never written by us and fails the row's checksum anyway.
pub(crate) fn from_sql(number: i64) -> u64 {
    u64::try_from(number).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_check_changes_with_every_byte_and_border_and_never_with_the_version() {
        let text = b"twenty-one bytes long";
        let whole = RowCheck::new().field(text).value();
        for at in 0..text.len() {
            let mut flipped = *text;
            flipped[at] ^= 0x10;
            assert_ne!(RowCheck::new().field(&flipped).value(), whole, "byte {at}");
        }
        let joined = |a: &[u8], b: &[u8]| RowCheck::new().field(a).field(b).value();
        assert_ne!(joined(b"ab", b"c"), joined(b"a", b"bc"));
        assert_ne!(joined(b"ab", b""), joined(b"ab\0", b""));
        assert_eq!(whole, 4_619_195_791_419_448_426, "databases out there have it");
    }
}
