//! What only the transfer of a torrent needs of its metainfo.

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

#[cfg(test)]
mod tests {
    use super::*;

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
