//! Cuts the output of `ffmpeg` at the borders of MP4 boxes (ISO/IEC 14496-12 section 4.2): a header, then fragments.

use bytes::{Bytes, BytesMut};
use tokio::io::{AsyncRead, AsyncReadExt as _};

use crate::boxes::{BodySize, BoxHeader, HeaderError, MAX_HEADER_BYTES};

/// A fragment is half a second of film; this is more than any real one has.
const MAX_BOX_BYTES: u64 = 256 * 1024 * 1024;
#[derive(Debug, thiserror::Error)]
pub enum FragmentError {
    #[error("the converted film could not be read")]
    Read(#[from] std::io::Error),
    #[error("the converted film has a box of {0} bytes")]
    BoxSize(u64),
    #[error("the converted film ends in the middle of a box")]
    Truncated,
}

/// Reads whole pieces of fragmented MP4 from a stream.
#[derive(Debug)]
pub struct Fragments<R> {
    input: R,
    has_header: bool,
}

impl<R: AsyncRead + Unpin> Fragments<R> {
    pub fn new(input: R) -> Self {
        Self { input, has_header: false }
    }

    /// The next bytes that a media source can take: first everything up to the end of `moov`, then one `moof`+`mdat`
    /// pair at a time. `None` at the end.
    ///
    /// # Errors
    /// [`FragmentError`]. Not cancel-safe: a dropped call loses bytes.
    pub async fn next_part(&mut self) -> Result<Option<Bytes>, FragmentError> {
        let mut part = BytesMut::new();
        loop {
            let Some(kind) = self.read_box(&mut part).await? else {
                return if part.is_empty() { Ok(None) } else { Ok(Some(part.freeze())) };
            };
            // The page waits for each part, so a fragment that is here goes out at once.
            if &kind == if self.has_header { b"mdat" } else { b"moov" } {
                self.has_header = true;
                return Ok(Some(part.freeze()));
            }
        }
    }

    /// Appends one whole box and tells its type; `None` at a clean end.
    async fn read_box(&mut self, part: &mut BytesMut) -> Result<Option<[u8; 4]>, FragmentError> {
        let mut header = [0; 8];
        let mut have = 0;
        while have < header.len() {
            match self.input.read(&mut header[have..]).await? {
                0 if have == 0 => return Ok(None),
                0 => return Err(FragmentError::Truncated),
                count => have += count,
            }
        }
        part.extend_from_slice(&header);
        let mut parsed = BoxHeader::parse(&header);
        if parsed == Err(HeaderError::CutShort) {
            let large = self.input.read_u64().await.map_err(truncated)?.to_be_bytes();
            part.extend_from_slice(&large);
            let mut whole = [0; MAX_HEADER_BYTES];
            whole[..8].copy_from_slice(&header);
            whole[8..].copy_from_slice(&large);
            parsed = BoxHeader::parse(&whole);
        }
        let (kind, body_bytes) = match parsed {
            Ok(BoxHeader { kind, body: BodySize::Bytes(bytes), .. }) => (kind, bytes),
            // A box up to the end would be a film that is never complete.
            Ok(BoxHeader { body: BodySize::ToTheEnd, .. }) => return Err(FragmentError::BoxSize(0)),
            Err(HeaderError::Size(bytes)) => return Err(FragmentError::BoxSize(bytes)),
            Err(HeaderError::CutShort) => return Err(FragmentError::Truncated),
        };
        if body_bytes > MAX_BOX_BYTES {
            return Err(FragmentError::BoxSize(body_bytes));
        }
        let end = part.len() as u64 + body_bytes;
        while (part.len() as u64) < end {
            let left = end - part.len() as u64;
            if (&mut self.input).take(left).read_buf(part).await? == 0 {
                return Err(FragmentError::Truncated);
            }
        }
        Ok(Some(kind))
    }
}

fn truncated(error: std::io::Error) -> FragmentError {
    if error.kind() == std::io::ErrorKind::UnexpectedEof { FragmentError::Truncated } else { error.into() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mp4_box(kind: &[u8; 4], body: usize) -> Vec<u8> {
        let mut out = u32::try_from(body + 8).unwrap().to_be_bytes().to_vec();
        out.extend(kind);
        out.extend(vec![b'.'; body]);
        out
    }

    #[tokio::test]
    async fn cuts_header_and_fragments() {
        let header = [mp4_box(b"ftyp", 12), mp4_box(b"moov", 100)].concat();
        let first = [mp4_box(b"moof", 20), mp4_box(b"mdat", 5000)].concat();
        let second = [mp4_box(b"moof", 20), mp4_box(b"mdat", 0)].concat();
        let tail = mp4_box(b"mfra", 8);
        let all = [header.clone(), first.clone(), second.clone(), tail.clone()].concat();
        // One byte at a time is the worst that a pipe can do.
        let input = tokio_util::io::StreamReader::new(byte_by_byte(all));
        let mut fragments = Fragments::new(input);

        assert_eq!(fragments.next_part().await.unwrap().unwrap(), header);
        assert_eq!(fragments.next_part().await.unwrap().unwrap(), first);
        assert_eq!(fragments.next_part().await.unwrap().unwrap(), second);
        assert_eq!(fragments.next_part().await.unwrap().unwrap(), tail);
        assert!(fragments.next_part().await.unwrap().is_none());
    }

    fn byte_by_byte(bytes: Vec<u8>) -> impl futures::Stream<Item = std::io::Result<Bytes>> + Unpin {
        futures::stream::iter(bytes.into_iter().map(|byte| Ok(Bytes::from(vec![byte]))))
    }

    #[tokio::test]
    async fn refuses_impossible_boxes() {
        let table: [&[u8]; 3] =
            [b"\0\0\0\x04moov", b"\xff\xff\xff\xffmoov", b"\0\0\0\x01moov\xff\xff\xff\xff\xff\xff\xff\xff"];
        for input in table {
            assert!(
                matches!(Fragments::new(input).next_part().await, Err(FragmentError::BoxSize(_))),
                "{input:?}"
            );
        }
        for input in [&b"\0\0"[..], b"\0\0\0\x10moov\0", b"\0\0\0\x01moov\0"] {
            assert!(
                matches!(Fragments::new(input).next_part().await, Err(FragmentError::Truncated)),
                "{input:?}"
            );
        }
    }
}
