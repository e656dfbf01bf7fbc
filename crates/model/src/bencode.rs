//! A bounded bencode reader (BEP 3) for everything that strangers send: metainfo, answers of trackers.
//!
//! It borrows from the input, never recurses deeper than it is told, and counts its tokens, so that the memory a hostile
//! file can make it use is a small multiple of the file's own (bounded) size.

use std::ops::Range;

/// A value that borrows from the bytes it was read from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value<'a> {
    Int(i64),
    Bytes(&'a [u8]),
    List(Vec<Value<'a>>),
    Dict(Dict<'a>),
}

/// A dictionary in the order of the file. Keys are unique; each value knows which bytes of the input it came from.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Dict<'a>(Vec<Entry<'a>>);

#[derive(Debug, Clone, PartialEq, Eq)]
struct Entry<'a> {
    key: &'a [u8],
    value: Value<'a>,
    range: Range<usize>,
}

impl<'a> Dict<'a> {
    fn entry(&self, key: &str) -> Option<&Entry<'a>> {
        self.0.iter().find(|entry| entry.key == key.as_bytes())
    }

    /// The value of a key; the other readers answer `None` for a value of another kind too.
    pub fn get(&self, key: &str) -> Option<&Value<'a>> {
        self.entry(key).map(|entry| &entry.value)
    }

    /// The bytes of the input that a value was read from.
    pub fn range(&self, key: &str) -> Option<Range<usize>> {
        self.entry(key).map(|entry| entry.range.clone())
    }

    pub fn bytes(&self, key: &str) -> Option<&'a [u8]> {
        match self.get(key)? {
            Value::Bytes(bytes) => Some(bytes),
            Value::Int(_) | Value::List(_) | Value::Dict(_) => None,
        }
    }

    pub fn int(&self, key: &str) -> Option<i64> {
        match self.get(key)? {
            Value::Int(number) => Some(*number),
            Value::Bytes(_) | Value::List(_) | Value::Dict(_) => None,
        }
    }

    pub fn list(&self, key: &str) -> Option<&[Value<'a>]> {
        match self.get(key)? {
            Value::List(items) => Some(items),
            Value::Int(_) | Value::Bytes(_) | Value::Dict(_) => None,
        }
    }

    pub fn dict(&self, key: &str) -> Option<&Dict<'a>> {
        match self.get(key)? {
            Value::Dict(dict) => Some(dict),
            Value::Int(_) | Value::Bytes(_) | Value::List(_) => None,
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BencodeError {
    #[error("ends in the middle of a value, at byte {0}")]
    Truncated(usize),
    #[error("is not bencode at byte {0}")]
    Syntax(usize),
    #[error("is nested too deeply")]
    TooDeep,
    #[error("has too many values")]
    TooManyValues,
    #[error("names a dictionary key twice, at byte {0}")]
    DuplicateKey(usize),
    #[error("goes on after its end, at byte {0}")]
    TrailingBytes(usize),
}

/// Reads exactly one value that fills the whole input.
///
/// # Errors
/// [`BencodeError`], also when one of the limits is passed.
pub fn parse(input: &[u8], max_depth: usize, max_values: usize) -> Result<Value<'_>, BencodeError> {
    let mut reader = Reader { input, at: 0, values_left: max_values };
    let value = reader.value(max_depth)?;
    if reader.at != input.len() {
        return Err(BencodeError::TrailingBytes(reader.at));
    }
    Ok(value)
}

struct Reader<'a> {
    input: &'a [u8],
    at: usize,
    values_left: usize,
}

impl<'a> Reader<'a> {
    fn peek(&self) -> Result<u8, BencodeError> {
        self.input.get(self.at).copied().ok_or(BencodeError::Truncated(self.at))
    }

    fn value(&mut self, depth_left: usize) -> Result<Value<'a>, BencodeError> {
        self.values_left = self.values_left.checked_sub(1).ok_or(BencodeError::TooManyValues)?;
        match self.peek()? {
            b'i' => {
                self.at += 1;
                self.number(b'e').map(Value::Int)
            }
            b'0'..=b'9' => self.bytes().map(Value::Bytes),
            b'l' => {
                let depth_left = depth_left.checked_sub(1).ok_or(BencodeError::TooDeep)?;
                self.at += 1;
                let mut items = Vec::new();
                while self.peek()? != b'e' {
                    items.push(self.value(depth_left)?);
                }
                self.at += 1;
                Ok(Value::List(items))
            }
            b'd' => {
                let depth_left = depth_left.checked_sub(1).ok_or(BencodeError::TooDeep)?;
                self.at += 1;
                self.dict(depth_left).map(Value::Dict)
            }
            _ => Err(BencodeError::Syntax(self.at)),
        }
    }

    fn dict(&mut self, depth_left: usize) -> Result<Dict<'a>, BencodeError> {
        let mut entries: Vec<Entry<'a>> = Vec::new();
        // Sorted keys (the rule of BEP 3) make a repeated key a neighbour; unsorted files exist, so those pay for a set.
        let mut seen = std::collections::HashSet::new();
        while self.peek()? != b'e' {
            let key_at = self.at;
            let key = self.bytes()?;
            if !seen.insert(key) {
                return Err(BencodeError::DuplicateKey(key_at));
            }
            let start = self.at;
            let value = self.value(depth_left)?;
            entries.push(Entry { key, value, range: start..self.at });
        }
        self.at += 1;
        Ok(Dict(entries))
    }

    fn bytes(&mut self) -> Result<&'a [u8], BencodeError> {
        let start = self.at;
        let length = self.number(b':')?;
        let length = usize::try_from(length).map_err(|_| BencodeError::Syntax(start))?;
        let end = self.at.checked_add(length).ok_or(BencodeError::Syntax(start))?;
        let bytes = self.input.get(self.at..end).ok_or(BencodeError::Truncated(self.at))?;
        self.at = end;
        Ok(bytes)
    }

    fn number(&mut self, end: u8) -> Result<i64, BencodeError> {
        // 20 characters hold every i64; a longer run is not searched for its end.
        let rest = &self.input[self.at..];
        let digits = rest.iter().take(21).position(|byte| *byte == end).ok_or(if rest.len() < 21 {
            BencodeError::Truncated(self.at)
        } else {
            BencodeError::Syntax(self.at)
        })?;
        let number = std::str::from_utf8(&rest[..digits])
            .ok()
            .filter(|text| !text.starts_with('+'))
            .and_then(|text| text.parse().ok())
            .ok_or(BencodeError::Syntax(self.at))?;
        self.at += digits + 1;
        Ok(number)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(input: &[u8]) -> Result<Value<'_>, BencodeError> {
        parse(input, 8, 1000)
    }

    #[test]
    fn reads_every_kind_and_remembers_where_it_stood() {
        let Ok(Value::Dict(dict)) = read(b"d1:ai-7e1:bli1e2:xye1:cd1:zi0eee") else {
            panic!("no dictionary")
        };

        assert_eq!(dict.int("a"), Some(-7));
        assert_eq!(dict.list("b"), Some(&[Value::Int(1), Value::Bytes(b"xy")][..]));
        assert_eq!(dict.dict("c").and_then(|inner| inner.int("z")), Some(0));
        assert_eq!(dict.range("c"), Some(23..31));
        assert_eq!(dict.bytes("missing"), None);
    }

    #[test]
    fn refuses_what_is_not_bencode() {
        assert_eq!(read(b""), Err(BencodeError::Truncated(0)));
        assert_eq!(read(b"hello"), Err(BencodeError::Syntax(0)));
        assert_eq!(read(b"5:abc"), Err(BencodeError::Truncated(2)));
        assert_eq!(read(b"i12"), Err(BencodeError::Truncated(1)));
        assert_eq!(read(b"i+1e"), Err(BencodeError::Syntax(1)));
        assert_eq!(read(b"i99999999999999999999e"), Err(BencodeError::Syntax(1)));
        assert_eq!(read(b"99999999999999999999999:"), Err(BencodeError::Syntax(0)));
        assert_eq!(read(b"i1ei2e"), Err(BencodeError::TrailingBytes(3)));
        assert_eq!(read(b"d1:ai1e1:ai2ee"), Err(BencodeError::DuplicateKey(7)));
    }

    #[test]
    fn stops_at_its_limits() {
        let deep = [b"l".repeat(9), b"e".repeat(9)].concat();
        assert_eq!(read(&deep), Err(BencodeError::TooDeep));
        let many = [b"l".to_vec(), b"i1e".repeat(1000), b"e".to_vec()].concat();
        assert_eq!(read(&many), Err(BencodeError::TooManyValues));
    }

    proptest! {
        #[test]
        fn never_panics(input in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = read(&input);
        }
    }
}
