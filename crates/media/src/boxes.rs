//! Boxes of MP4 and MOV (ISO/IEC 14496-12 section 4.2).

/// The largest header that is looked at: size, type, and a size of 64 bits.
pub(crate) const MAX_HEADER_BYTES: usize = 16;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct BoxHeader {
    pub(crate) kind: [u8; 4],
    pub(crate) header_bytes: u8,
    pub(crate) body: BodySize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum BodySize {
    Bytes(u64),
    ToTheEnd,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum HeaderError {
    CutShort,
    /// A box says that it is smaller than its own header.
    Size(u64),
}

impl BoxHeader {
    pub(crate) fn parse(bytes: &[u8]) -> Result<Self, HeaderError> {
        let (size, rest) = bytes.split_first_chunk::<4>().ok_or(HeaderError::CutShort)?;
        let (kind, rest) = rest.split_first_chunk::<4>().ok_or(HeaderError::CutShort)?;
        let (size, header_bytes) = match u32::from_be_bytes(*size) {
            0 => return Ok(Self { kind: *kind, header_bytes: 8, body: BodySize::ToTheEnd }),
            1 => (u64::from_be_bytes(*rest.first_chunk::<8>().ok_or(HeaderError::CutShort)?), 16),
            size => (u64::from(size), 8),
        };
        let body = size.checked_sub(u64::from(header_bytes)).ok_or(HeaderError::Size(size))?;
        Ok(Self { kind: *kind, header_bytes, body: BodySize::Bytes(body) })
    }
}

/// The boxes inside a body that is in memory. Ends at the first that does not fit.
#[derive(Debug, Clone)]
pub(crate) struct Boxes<'a> {
    rest: &'a [u8],
}

impl<'a> Boxes<'a> {
    pub(crate) fn new(body: &'a [u8]) -> Self {
        Self { rest: body }
    }

    /// The body of the first box of that type.
    pub(crate) fn find(body: &'a [u8], kind: &[u8; 4]) -> Option<&'a [u8]> {
        Self::new(body).find(|(found, _)| found == kind).map(|(_, body)| body)
    }
}

impl<'a> Iterator for Boxes<'a> {
    type Item = ([u8; 4], &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        // QuickTime ends some lists with four zero bytes, so a rest that is no box is an end.
        let all = std::mem::take(&mut self.rest);
        let header = BoxHeader::parse(all).ok()?;
        let body = all.get(usize::from(header.header_bytes)..)?;
        let (body, rest) = match header.body {
            BodySize::ToTheEnd => (body, &[][..]),
            BodySize::Bytes(bytes) => body.split_at_checked(usize::try_from(bytes).ok()?)?,
        };
        self.rest = rest;
        Some((header.kind, body))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_boxes_of_every_way_to_write_a_size() {
        let small = b"\0\0\0\x0aabcd..".to_vec();
        let large = b"\0\0\0\x01efgh\0\0\0\0\0\0\0\x11.".to_vec();
        let last = b"\0\0\0\0ijkl...".to_vec();
        let all = [small, large, last].concat();

        let found: Vec<_> = Boxes::new(&all).map(|(kind, body)| (kind, body.len())).collect();

        assert_eq!(found, [(*b"abcd", 2), (*b"efgh", 1), (*b"ijkl", 3)]);
        assert_eq!(Boxes::find(&all, b"efgh"), Some(&b"."[..]));
    }

    #[test]
    fn what_does_not_fit_is_no_box() {
        assert_eq!(BoxHeader::parse(b"\0\0\0\x07abcd"), Err(HeaderError::Size(7)));
        assert_eq!(BoxHeader::parse(b"\0\0\0\x01abcd\0\0\0\0\0\0\0\x0f"), Err(HeaderError::Size(15)));
        for bytes in [&b""[..], b"\0\0\0\x08abc", b"\0\0\0\x01abcd\0\0\0\0\0\0\0"] {
            assert_eq!(BoxHeader::parse(bytes), Err(HeaderError::CutShort));
        }
        assert_eq!(Boxes::new(b"\0\0\0\x0aabcd.").count(), 0);
        assert_eq!(Boxes::new(b"\0\0\0\x08abcd\0\0\0\0").count(), 1);
    }
}
