//! How the files of a torrent lie in its bytes: one after another (BEP 3), some of them padding (BEP 47).

use std::io;
use std::ops::Range;

use crate::layout::{Layout, PieceIndex};

/// One file of a torrent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FileSpan {
    pub length_bytes: u64,
    /// Made of zeros, to let the next file begin with a piece (BEP 47). It is never on the disk.
    pub is_padding: bool,
}

/// Bytes that lie in one file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Segment {
    /// Number of the file.
    pub(super) file: u32,
    pub(super) is_padding: bool,
    /// Where they begin in the file.
    pub(super) offset: u64,
    pub(super) length_bytes: u64,
}

/// The files of one torrent, in its order.
#[derive(Debug, Clone)]
pub(super) struct Spans {
    files: Vec<FileSpan>,
    /// Where each file begins in the torrent.
    starts: Vec<u64>,
}

impl Spans {
    /// # Errors
    /// `InvalidInput` if the files together are not as long as the torrent, or are too many.
    pub(super) fn new(files: Vec<FileSpan>, total_bytes: u64) -> io::Result<Self> {
        let mut starts = Vec::with_capacity(files.len());
        let mut end = 0_u64;
        for file in &files {
            starts.push(end);
            end = end.checked_add(file.length_bytes).ok_or(io::ErrorKind::InvalidInput)?;
        }
        if end != total_bytes || u32::try_from(files.len()).is_err() {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "the files don't make up the torrent"));
        }
        Ok(Self { files, starts })
    }

    pub(super) fn files(&self) -> &[FileSpan] {
        &self.files
    }

    /// The numbers of the files that can be on the disk: not the padding, and not the empty ones.
    pub(super) fn on_disk(&self) -> impl Iterator<Item = u32> + '_ {
        (0_u32..)
            .zip(&self.files)
            .filter(|(_, file)| !file.is_padding && file.length_bytes != 0)
            .map(|(n, _)| n)
    }

    pub(super) fn get(&self, file: u32) -> Option<FileSpan> {
        self.files.get(file as usize).copied()
    }

    /// Where the file lies in the torrent; empty if there is no such file.
    pub(super) fn range_of(&self, file: u32) -> Range<u64> {
        let (Some(start), Some(span)) = (self.starts.get(file as usize), self.get(file)) else { return 0..0 };
        *start..start + span.length_bytes
    }

    /// These bytes of the torrent, file by file. What lies after the torrent's end is left out.
    pub(super) fn segments(&self, bytes: Range<u64>) -> impl Iterator<Item = Segment> + '_ {
        // Empty files share their start with the next one; the last to start at or before these bytes holds them.
        let first = self.starts.partition_point(|start| *start <= bytes.start).saturating_sub(1);
        (first as u32..)
            .zip(&self.files[first..])
            .zip(&self.starts[first..])
            .take_while({
                let end = bytes.end;
                move |(_, start)| **start < end
            })
            .filter_map(move |((file, span), start)| {
                let begin = bytes.start.max(*start);
                let end = bytes.end.min(start + span.length_bytes);
                (begin < end).then(|| Segment {
                    file,
                    is_padding: span.is_padding,
                    offset: begin - start,
                    length_bytes: end - begin,
                })
            })
    }

    pub(super) fn segments_of(
        &self,
        layout: &Layout,
        piece: PieceIndex,
    ) -> impl Iterator<Item = Segment> + '_ {
        let start = layout.start_of(piece);
        self.segments(start..start + u64::from(layout.bytes_of(piece)))
    }
}

/// # Errors
/// `InvalidInput` if the torrent does not have all of these bytes.
pub(super) fn range_in(layout: &Layout, offset: u64, length_bytes: usize) -> io::Result<Range<u64>> {
    let end = offset.checked_add(length_bytes as u64).filter(|end| *end <= layout.total_bytes());
    end.map(|end| offset..end).ok_or_else(|| io::ErrorKind::InvalidInput.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spans(lengths: &[u64]) -> Spans {
        let files =
            lengths.iter().map(|length| FileSpan { length_bytes: *length, is_padding: false }).collect();
        Spans::new(files, lengths.iter().sum()).unwrap()
    }

    #[test]
    fn bytes_are_cut_at_the_borders_of_files() {
        let spans = spans(&[10, 0, 0, 5, 20, 0]);
        type Row = (Range<u64>, &'static [(u32, u64, u64)]);
        let table: [Row; 7] = [
            (0..10, &[(0, 0, 10)]),
            (9..11, &[(0, 9, 1), (3, 0, 1)]),
            (10..15, &[(3, 0, 5)]),
            (4..30, &[(0, 4, 6), (3, 0, 5), (4, 0, 15)]),
            (30..90, &[(4, 15, 5)]),
            (35..90, &[]),
            (7..7, &[]),
        ];
        for (bytes, expected) in table {
            let segments: Vec<_> =
                spans.segments(bytes.clone()).map(|s| (s.file, s.offset, s.length_bytes)).collect();
            assert_eq!(segments, expected, "{bytes:?}");
        }
        assert!(spans.on_disk().eq([0, 3, 4]));
        assert_eq!((spans.range_of(3), spans.range_of(9)), (10..15, 0..0));
    }

    #[test]
    fn files_that_are_not_as_long_as_the_torrent_are_refused() {
        let file = |length_bytes| FileSpan { length_bytes, is_padding: false };
        assert!(Spans::new(vec![file(3), file(4)], 8).is_err());
        assert!(Spans::new(vec![file(u64::MAX), file(2)], 1).is_err());
        assert!(Spans::new(vec![], 0).is_ok_and(|spans| spans.segments(0..9).next().is_none()));
    }
}
