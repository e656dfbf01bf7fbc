//! The SQL of each table, and nothing else: rows in, rows out, on whatever connection is given.
//!
//! Every row carries a checksum. SQLite finds damage to its own structures, but a flipped bit inside a title or a mark
//! would come back as if somebody had written it.

pub(crate) mod marks;
pub(crate) mod meta;
pub(crate) mod settings;
pub(crate) mod torrents;

/// FNV-1a with 64 bits: changes with any single byte, is the same on every machine and in every version.
pub(crate) struct RowCheck(u64);

impl RowCheck {
    pub(crate) fn new() -> Self {
        Self(0xcbf2_9ce4_8422_2325)
    }

    fn byte(&mut self, byte: u8) {
        self.0 = (self.0 ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
    }

    /// Adds one field; its length keeps neighbors apart.
    #[must_use]
    pub(crate) fn field(mut self, bytes: &[u8]) -> Self {
        for byte in (bytes.len() as u64).to_le_bytes() {
            self.byte(byte);
        }
        for byte in bytes {
            self.byte(*byte);
        }
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
