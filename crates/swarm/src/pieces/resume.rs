//! What is remembered of a torrent's pieces, so that a start needs no hashing.

use std::fs::Metadata;
use std::time::UNIX_EPOCH;

use freshet_model::InfoHash;
use sha1::{Digest, Sha1};

use super::disk;
use super::spans::{FileSpan, Spans};
use crate::Bitfield;
use crate::layout::{Layout, PieceIndex};

/// More than the largest torrent that we take (2^21 pieces, 20,000 files) needs; what is longer is not read.
pub const MAX_RESUME_BYTES: usize = 2 * 1024 * 1024;

const MAGIC: &[u8; 4] = b"FRES";
const VERSION: u32 = 2;
const CHECKSUM_BYTES: usize = 20;

/// Keeps what is remembered of torrents. All methods block.
pub trait ResumeStore: std::fmt::Debug + Send + Sync {
    /// `None` if nothing is remembered, or nothing that can be read.
    fn load(&self, info_hash: InfoHash) -> Option<Resume>;

    /// Replaces what is remembered, whole or not at all. A failure is logged: it only costs hashing at the next start.
    fn save(&self, info_hash: InfoHash, resume: &Resume);

    /// The pieces of the torrent were deleted.
    fn forget(&self, info_hash: InfoHash);
}

/// What is remembered of one torrent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resume {
    /// Of the torrent whose pieces these are.
    pub layout: LayoutFingerprint,
    /// Pieces whose hash was right.
    pub have: Bitfield,
    /// How each file looked like when all pieces of `have` were in it; `None` for one that was not there.
    pub files: Vec<Option<FileStamp>>,
    /// In all its life here.
    pub uploaded_bytes: u64,
    pub downloaded_bytes: u64,
    /// How long it was offered since it was complete.
    pub seeded_secs: u64,
}

/// A short name of how a torrent is cut into pieces and files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LayoutFingerprint([u8; 20]);

impl LayoutFingerprint {
    pub fn of(layout: &Layout, files: &[FileSpan]) -> Self {
        let mut hash = Sha1::new();
        hash.update(layout.piece_bytes().to_be_bytes());
        hash.update(layout.total_bytes().to_be_bytes());
        for file in files {
            hash.update(file.length_bytes.to_be_bytes());
            hash.update([u8::from(file.is_padding)]);
        }
        Self(hash.finalize().into())
    }
}

/// How a file looks like from outside.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FileStamp {
    pub length_bytes: u64,
    /// Of the last change, since 1970; what lies before or after the 292 years around it is cut off.
    pub modified_ns: i64,
    /// Says nothing about a change, since file systems allocate ahead and later by themselves.
    pub allocated_bytes: u64,
}

impl FileStamp {
    /// `None` for what is not a regular file.
    pub(super) fn of(metadata: &Metadata) -> Option<Self> {
        let modified_ns = match metadata.modified().ok()?.duration_since(UNIX_EPOCH) {
            Ok(after) => i64::try_from(after.as_nanos()).unwrap_or(i64::MAX),
            Err(before) => i64::try_from(before.duration().as_nanos()).map_or(i64::MIN, |ns| -ns),
        };
        metadata.is_file().then(|| Self {
            length_bytes: metadata.len(),
            modified_ns,
            allocated_bytes: disk::allocated_bytes(metadata),
        })
    }

    fn is_unchanged(&self, earlier: &Self) -> bool {
        (self.length_bytes, self.modified_ns) == (earlier.length_bytes, earlier.modified_ns)
    }
}

/// What a torrent has at a start. A piece in neither set is missing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checked {
    /// Verified, and nothing has touched their files since.
    pub trusted: Bitfield,
    /// May be here: they have to be hashed before they are served or offered.
    pub doubtful: Bitfield,
}

impl Checked {
    /// The pieces of both sets.
    pub fn may_be_here(&self) -> Bitfield {
        let mut pieces = self.trusted.clone();
        for piece in self.doubtful.iter_ones() {
            pieces.set(piece);
        }
        pieces
    }
}

/// Without a memory of this very torrent, everything that can be on the disk is doubtful.
pub(super) fn check(
    layout: &Layout,
    spans: &Spans,
    resume: Option<&Resume>,
    on_disk: &[Option<FileStamp>],
) -> Checked {
    let resume = resume.filter(|resume| {
        resume.layout == LayoutFingerprint::of(layout, spans.files())
            && resume.have.pieces() == layout.pieces()
            && resume.files.len() == spans.files().len()
    });
    let mut checked =
        Checked { trusted: Bitfield::new(layout.pieces()), doubtful: Bitfield::new(layout.pieces()) };
    for piece in (0..layout.pieces()).map(PieceIndex) {
        if resume.is_some_and(|resume| !resume.have.get(piece)) {
            continue;
        }
        let mut is_here = true;
        let mut is_unchanged = resume.is_some();
        for segment in spans.segments_of(layout, piece).filter(|segment| !segment.is_padding) {
            let file = segment.file as usize;
            let now = on_disk.get(file).copied().flatten();
            let before = resume.and_then(|resume| resume.files[file]);
            is_here &= now.is_some_and(|now| now.length_bytes >= segment.offset + segment.length_bytes);
            is_unchanged &= now.zip(before).is_some_and(|(now, before)| now.is_unchanged(&before));
        }
        match (is_here, is_unchanged) {
            (true, true) => checked.trusted.set(piece),
            (true, false) => checked.doubtful.set(piece),
            (false, _) => false,
        };
    }
    checked
}

/// In network byte order: magic, version, fingerprint, totals, pieces, bits, count of files; for each file whether it
/// was there, length, time, allocation; SHA-1 of all that.
impl Resume {
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(128 + self.have.as_wire().len() + 25 * self.files.len());
        bytes.extend_from_slice(MAGIC);
        bytes.extend_from_slice(&VERSION.to_be_bytes());
        bytes.extend_from_slice(&self.layout.0);
        bytes.extend_from_slice(&self.uploaded_bytes.to_be_bytes());
        bytes.extend_from_slice(&self.downloaded_bytes.to_be_bytes());
        bytes.extend_from_slice(&self.seeded_secs.to_be_bytes());
        bytes.extend_from_slice(&self.have.pieces().to_be_bytes());
        bytes.extend_from_slice(self.have.as_wire());
        // A torrent has less than 2^32 files, `Spans` made sure.
        bytes.extend_from_slice(&(self.files.len() as u32).to_be_bytes());
        for file in &self.files {
            bytes.push(u8::from(file.is_some()));
            if let Some(stamp) = file {
                bytes.extend_from_slice(&stamp.length_bytes.to_be_bytes());
                bytes.extend_from_slice(&stamp.modified_ns.to_be_bytes());
                bytes.extend_from_slice(&stamp.allocated_bytes.to_be_bytes());
            }
        }
        let checksum = Sha1::digest(&bytes);
        bytes.extend_from_slice(&checksum);
        bytes
    }

    /// `None` for bytes that are too many, damaged, or of a version that is not ours. Never takes more memory than a
    /// few times the bytes.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        if bytes.len() > MAX_RESUME_BYTES {
            return None;
        }
        let (body, checksum) = bytes.split_at_checked(bytes.len().checked_sub(CHECKSUM_BYTES)?)?;
        if Sha1::digest(body)[..] != *checksum {
            return None;
        }
        let mut rest = Parser(body);
        if rest.array()? != *MAGIC || rest.u32()? != VERSION {
            return None;
        }
        let layout = LayoutFingerprint(rest.array()?);
        let uploaded_bytes = rest.u64()?;
        let downloaded_bytes = rest.u64()?;
        let seeded_secs = rest.u64()?;
        let pieces = rest.u32()?;
        let have = Bitfield::from_wire(rest.take(pieces.div_ceil(8) as usize)?, pieces)?;
        let count = rest.u32()? as usize;
        // Each takes a byte at least.
        if count > rest.0.len() {
            return None;
        }
        let files = (0..count).map(|_| rest.file()).collect::<Option<Vec<_>>>()?;
        rest.0.is_empty().then_some(Self {
            layout,
            have,
            files,
            uploaded_bytes,
            downloaded_bytes,
            seeded_secs,
        })
    }
}

/// The bytes that are not yet parsed.
struct Parser<'a>(&'a [u8]);

impl<'a> Parser<'a> {
    fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(taken)
    }

    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (taken, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(*taken)
    }

    fn u32(&mut self) -> Option<u32> {
        self.array().map(u32::from_be_bytes)
    }

    fn u64(&mut self) -> Option<u64> {
        self.array().map(u64::from_be_bytes)
    }

    fn file(&mut self) -> Option<Option<FileStamp>> {
        match self.array()? {
            [0] => Some(None),
            [1] => Some(Some(FileStamp {
                length_bytes: self.u64()?,
                modified_ns: self.array().map(i64::from_be_bytes)?,
                allocated_bytes: self.u64()?,
            })),
            _ => None,
        }
    }
}

#[cfg(test)]
#[path = "resume_tests.rs"]
pub(super) mod tests;
