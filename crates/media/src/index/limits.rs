//! Ceilings on what a container may make us ask for and keep.

/// What the first request asks for: the head of nearly every film, and less than a block of a torrent.
pub(super) const HEAD_BYTES: u64 = 4096;

/// All that is ever asked for of one file. The index of a film of a day is smaller.
pub const MAX_ASKED_BYTES: u64 = 64 * 1024 * 1024;

/// Elements or boxes whose headers are looked at one by one.
pub(super) const MAX_STEPS: u32 = 20_000;

/// Points of time that are kept; of more, every second one is left out.
pub(super) const MAX_POINTS: usize = 1 << 17;

pub(super) const MAX_TRACKS: usize = 256;
pub(super) const MAX_EDITIONS: usize = 32;
/// In all editions together.
pub(super) const MAX_CHAPTERS: usize = 4096;
pub(super) const MAX_CHAPTER_NAMES: usize = 16;
pub(super) const MAX_CHAPTER_DEPTH: u32 = 8;
pub(super) const MAX_ATTACHMENTS: usize = 512;
pub(super) const MAX_SUBTITLE_TRACKS: usize = 64;
/// Of all tracks together.
pub(super) const MAX_SUBTITLE_POINTS: usize = 100_000;
/// Styles of scripts, of all tracks together.
pub(super) const MAX_PRIVATE_BYTES: usize = 1024 * 1024;
