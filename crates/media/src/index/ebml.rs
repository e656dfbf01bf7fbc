//! Elements of EBML (RFC 8794).

/// An id of four bytes and a size of eight.
pub(super) const MAX_HEADER_BYTES: u64 = 12;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Header {
    pub(crate) id: u32,
    pub(crate) header_bytes: u64,
    /// `None` for an element that ends where the next one of its level begins.
    pub(crate) body_bytes: Option<u64>,
}

impl Header {
    /// Of bytes that begin with one. `None` if it is cut short or no header.
    pub(crate) fn parse(bytes: &[u8]) -> Option<Self> {
        let id_bytes = bytes.first()?.leading_zeros() as usize + 1;
        if id_bytes > 4 {
            return None;
        }
        let (id, rest) = bytes.split_at_checked(id_bytes)?;
        let id = id.iter().fold(0, |id, byte| id << 8 | u32::from(*byte));
        let first = *rest.first()?;
        let size_bytes = first.leading_zeros() as usize + 1;
        if size_bytes > 8 {
            return None;
        }
        let data_bits = 7 * size_bytes;
        let raw = rest.get(..size_bytes)?.iter().fold(0_u64, |size, byte| size << 8 | u64::from(*byte));
        let unknown = (1_u64 << data_bits) - 1;
        let size = raw & unknown;
        Some(Self {
            id,
            header_bytes: (id_bytes + size_bytes) as u64,
            body_bytes: (size != unknown).then_some(size),
        })
    }
}

/// An element does not fit into the one around it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Broken;

/// The elements inside a body that is in memory.
#[derive(Debug, Clone)]
pub(super) struct Elements<'a> {
    rest: &'a [u8],
}

impl<'a> Elements<'a> {
    pub(super) fn new(body: &'a [u8]) -> Self {
        Self { rest: body }
    }

    fn read(all: &'a [u8]) -> Option<(u32, &'a [u8], &'a [u8])> {
        let header = Header::parse(all)?;
        let body = all.get(usize::try_from(header.header_bytes).ok()?..)?;
        let (body, rest) = body.split_at_checked(usize::try_from(header.body_bytes?).ok()?)?;
        Some((header.id, body, rest))
    }
}

impl<'a> Iterator for Elements<'a> {
    type Item = Result<(u32, &'a [u8]), Broken>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        let read = Self::read(std::mem::take(&mut self.rest));
        Some(read.ok_or(Broken).map(|(id, body, rest)| {
            self.rest = rest;
            (id, body)
        }))
    }
}

pub(super) fn uint(body: &[u8]) -> Result<u64, Broken> {
    if body.len() > 8 {
        return Err(Broken);
    }
    Ok(body.iter().fold(0, |value, byte| value << 8 | u64::from(*byte)))
}

pub(super) fn float(body: &[u8]) -> Result<f64, Broken> {
    match *body {
        [] => Ok(0.0),
        [a, b, c, d] => Ok(f64::from(f32::from_be_bytes([a, b, c, d]))),
        [a, b, c, d, e, f, g, h] => Ok(f64::from_be_bytes([a, b, c, d, e, f, g, h])),
        _ => Err(Broken),
    }
}

/// A text up to its first zero byte.
pub(super) fn text(body: &[u8]) -> String {
    String::from_utf8_lossy(body.split(|byte| *byte == 0).next().unwrap_or_default()).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_headers_of_every_length() {
        let header = |id, header_bytes, body_bytes| Some(Header { id, header_bytes, body_bytes });
        assert_eq!(Header::parse(&[0xec, 0x81]), header(0xec, 2, Some(1)));
        assert_eq!(Header::parse(&[0x42, 0x82, 0x40, 0x02, 9]), header(0x4282, 4, Some(2)));
        let unknown = [0x18, 0x53, 0x80, 0x67, 0x01, 255, 255, 255, 255, 255, 255, 255];
        assert_eq!(Header::parse(&unknown), header(0x1853_8067, 12, None));
        let largest = [0x1f, 0x43, 0xb6, 0x75, 0x01, 255, 255, 255, 255, 255, 255, 254];
        assert_eq!(Header::parse(&largest), header(0x1f43_b675, 12, Some((1 << 56) - 2)));
        assert_eq!(Header::parse(&[0xec, 0xff]), header(0xec, 2, None));
        for none in [&[][..], &[0x08, 1, 1, 1, 1, 0x81], &[0xec], &[0xec, 0], &[0x42], &[0xec, 0x40]] {
            assert_eq!(Header::parse(none), None, "{none:?}");
        }
    }

    #[test]
    fn what_does_not_fit_ends_the_list() {
        let all: Vec<_> = Elements::new(&[0xec, 0x81, 7, 0xbf, 0x82, 1]).collect();
        assert_eq!(all, [Ok((0xec, &[7][..])), Err(Broken)]);
    }

    #[test]
    fn reads_values() {
        assert_eq!((uint(&[]), uint(&[1, 0]), uint(&[0; 9])), (Ok(0), Ok(256), Err(Broken)));
        assert_eq!(float(&1.5_f32.to_be_bytes()), Ok(1.5));
        assert_eq!(float(&2.5_f64.to_be_bytes()), Ok(2.5));
        assert_eq!(float(&[0; 3]), Err(Broken));
        assert_eq!(text(b"abc\0\0"), "abc");
    }
}
