//! What only the transfer of a torrent needs of its metainfo.

use percent_encoding::{AsciiSet, percent_encode};

use crate::bencode::{self, Value};
use crate::limits;
use crate::{Metainfo, MetainfoError};

/// See the module. It belongs to a [`Metainfo`], and its counts are the same.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TransferInfo {
    /// SHA-1 of each piece, in order (BEP 3).
    pub piece_hashes: Vec<[u8; 20]>,
    /// For each file whether it is padding, which nobody has to keep (BEP 47).
    pub paddings: Vec<bool>,
}

impl TransferInfo {
    /// Reads it from the bytes that `metainfo` was read from.
    ///
    /// # Errors
    /// [`MetainfoError`], if these are other bytes.
    pub fn parse(metainfo: &Metainfo, bytes: &[u8]) -> Result<Self, MetainfoError> {
        let Value::Dict(root) = bencode::parse(bytes, limits::MAX_DEPTH, limits::MAX_VALUES)? else {
            return Err(MetainfoError::Field("the outer dictionary"));
        };
        let info = root.dict("info").ok_or(MetainfoError::Field("info"))?;
        let hashes = info.bytes("pieces").ok_or(MetainfoError::Field("pieces"))?;
        let (piece_hashes, rest) = hashes.as_chunks::<20>();
        if !rest.is_empty() || piece_hashes.len() != metainfo.piece_count as usize {
            let pieces = u64::from(metainfo.piece_count);
            return Err(MetainfoError::PieceCount { hashes: hashes.len(), pieces });
        }
        let is_padding = |file: &Value<'_>| match file {
            Value::Dict(file) => file.bytes("attr").is_some_and(|attr| attr.contains(&b'p')),
            _ => false,
        };
        let paddings = match info.list("files") {
            Some(files) => files.iter().map(is_padding).collect(),
            None => vec![false],
        };
        if paddings.len() != metainfo.files.len() {
            return Err(MetainfoError::Field("files"));
        }
        Ok(Self { piece_hashes: piece_hashes.to_vec(), paddings })
    }
}

/// Everything but what never needs it (RFC 3986, 2.3).
const ESCAPED: &AsciiSet =
    &percent_encoding::NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// For each file of a torrent its path on a web seed (BEP 19): the name of the torrent and the path of the file, byte for byte
/// as they stand in the bytes that `metainfo` was read from, percent-encoded.
///
/// # Errors
/// [`MetainfoError::Path`], if the name could lead elsewhere on the server; another one if these are other bytes.
pub fn web_paths(metainfo: &Metainfo, bytes: &[u8]) -> Result<Vec<String>, MetainfoError> {
    let Value::Dict(root) = bencode::parse(bytes, limits::MAX_DEPTH, limits::MAX_VALUES)? else {
        return Err(MetainfoError::Field("the outer dictionary"));
    };
    let info = root.dict("info").ok_or(MetainfoError::Field("info"))?;
    let name = info.bytes("name.utf-8").or_else(|| info.bytes("name")).ok_or(MetainfoError::Field("name"))?;
    let name = escaped(name).ok_or(MetainfoError::Path(0))?;
    let Some(files) = info.list("files") else { return Ok(vec![name]) };
    let mut paths = Vec::with_capacity(files.len());
    for (number, file) in files.iter().enumerate() {
        let Value::Dict(file) = file else { return Err(MetainfoError::Field("files")) };
        let components =
            file.list("path.utf-8").or_else(|| file.list("path")).ok_or(MetainfoError::Field("path"))?;
        let mut path = name.clone();
        for component in components {
            let Value::Bytes(component) = component else { return Err(MetainfoError::Field("path")) };
            path.push('/');
            path.push_str(&escaped(component).ok_or(MetainfoError::Path(number))?);
        }
        paths.push(path);
    }
    if paths.len() != metainfo.files.len() {
        return Err(MetainfoError::Field("files"));
    }
    Ok(paths)
}

/// `None` for a word that means another folder.
fn escaped(component: &[u8]) -> Option<String> {
    let is_a_name = !matches!(component, b"" | b"." | b"..");
    is_a_name.then(|| percent_encode(component, ESCAPED).to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_on_the_web_are_the_raw_bytes_escaped() {
        let torrent = |name: &str, component: &str| {
            let file = format!("d6:lengthi9e4:pathl6:extras{}:{component}ee", component.len());
            let mut bytes = format!("d4:infod5:filesl{file}e4:name{}:{name}", name.len()).into_bytes();
            bytes.extend_from_slice(b"12:piece lengthi16384e6:pieces20:01234567890123456789ee");
            bytes
        };
        let paths = |bytes: &[u8]| web_paths(&Metainfo::parse(bytes).unwrap(), bytes);

        assert_eq!(
            paths(&torrent("Ф 1", "a%2f#?.mkv")),
            Ok(vec!["%D0%A4%201/extras/a%252f%23%3F.mkv".to_owned()])
        );
        // It is cleaned for people only.
        assert_eq!(paths(&torrent("a/b", " \u{200b}x")), Ok(vec!["a%2Fb/extras/%20%E2%80%8Bx".to_owned()]));
        assert_eq!(paths(&torrent("..", "x")), Err(MetainfoError::Path(0)));
        let single =
            b"d4:infod6:lengthi9e4:name5:a.mkv12:piece lengthi16384e6:pieces20:01234567890123456789ee";
        assert_eq!(paths(single), Ok(vec!["a.mkv".to_owned()]));
    }

    #[test]
    fn hashes_and_paddings_are_read_in_order() {
        let hashes = [[b'1'; 20], [b'2'; 20]].concat();
        let file = |name: &str, length: u32, attr: &str| {
            format!("d{attr}6:lengthi{length}e4:pathl{}:{name}ee", name.len())
        };
        let files =
            [file("a.mkv", 10_000, ""), file("pad", 6384, "4:attr1:p"), file("b.mkv", 9000, "")].concat();
        let torrent = format!(
            "d4:infod5:filesl{files}e4:name4:pack12:piece lengthi16384e6:pieces40:{}ee",
            String::from_utf8(hashes).unwrap()
        );
        let metainfo = Metainfo::parse(torrent.as_bytes()).unwrap();

        let transfer = TransferInfo::parse(&metainfo, torrent.as_bytes()).unwrap();

        assert_eq!(transfer.piece_hashes, [[b'1'; 20], [b'2'; 20]]);
        assert_eq!(transfer.paddings, [false, true, false]);
        let other = torrent.replace("40:", "20:").replace(&"2".repeat(20), "");
        assert!(TransferInfo::parse(&metainfo, other.as_bytes()).is_err());
    }
}
