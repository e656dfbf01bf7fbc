//! What reading single blocks of subtitles takes: how the tracks are packed, and where the cues say that their blocks stand
//! (RFC 9559 sections 5.1.4.1.31 and 5.1.5).

use std::ops::Range;

use miniz_oxide::inflate::decompress_to_vec_zlib_with_limit;
use serde::{Deserialize, Serialize};

use super::super::ebml::{Elements, text, uint};
use super::super::limits::{MAX_PRIVATE_BYTES, MAX_SUBTITLE_POINTS, MAX_SUBTITLE_TRACKS};
use super::parts::bodies;

const SUBTITLE: u64 = 0x11;
/// Bytes that a header strips from each block.
const MAX_STRIPPED_BYTES: usize = 4096;

/// Subtitles of a Matroska film, as [`crate::subtitles::SubtitleReader`] reads them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SubtitleIndex {
    pub(crate) tick_nanos: u64,
    pub(crate) segment: Range<u64>,
    /// In the order of the file, at most [`MAX_SUBTITLE_TRACKS`].
    pub tracks: Vec<SubtitleIndexTrack>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SubtitleIndexTrack {
    pub number: u64,
    /// As Matroska calls it: `S_TEXT/UTF8`.
    pub codec: String,
    pub is_for_hearing_impaired: bool,
    /// What stands before the first block: the styles of a script.
    pub private: Vec<u8>,
    pub(crate) packing: Packing,
    /// By time; empty where the cues don't name single blocks.
    pub(crate) points: Vec<BlockPoint>,
}

/// How blocks were made smaller.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Packing {
    Plain,
    Zlib,
    Stripped(Vec<u8>),
    /// Encrypted, or by a method that nobody uses any more.
    Unknown,
}

/// Where one block stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) struct BlockPoint {
    pub(crate) ticks: u64,
    /// Of the file.
    pub(crate) cluster: u64,
    /// In the cluster, behind its header.
    pub(crate) offset: u64,
}

impl Packing {
    /// `None` if it is no such thing, or larger than `max_bytes`.
    pub(crate) fn unpack(&self, data: &[u8], max_bytes: usize) -> Option<Vec<u8>> {
        match self {
            Self::Plain => (data.len() <= max_bytes).then(|| data.to_vec()),
            Self::Zlib => decompress_to_vec_zlib_with_limit(data, max_bytes).ok(),
            Self::Stripped(front) => (front.len() + data.len() <= max_bytes).then(|| [front, data].concat()),
            Self::Unknown => None,
        }
    }
}

/// From the body of `Tracks`.
pub(super) fn tracks(body: &[u8]) -> Vec<SubtitleIndexTrack> {
    let mut left_bytes = MAX_PRIVATE_BYTES;
    bodies(body, 0xae).filter_map(|entry| track(entry, &mut left_bytes)).take(MAX_SUBTITLE_TRACKS).collect()
}

fn track(entry: &[u8], left_bytes: &mut usize) -> Option<SubtitleIndexTrack> {
    let body = |id| bodies(entry, id).next();
    let number = |id| body(id).and_then(|number| uint(number).ok());
    if number(0x83) != Some(SUBTITLE) {
        return None;
    }
    let (packing, packs_private) = packing(body(0x6d80).unwrap_or_default());
    let private = body(0x63a2).unwrap_or_default();
    let private = if packs_private {
        packing.unpack(private, *left_bytes)
    } else {
        Packing::Plain.unpack(private, *left_bytes)
    };
    let private = private.unwrap_or_default();
    *left_bytes -= private.len();
    Some(SubtitleIndexTrack {
        number: number(0xd7)?,
        codec: text(body(0x86)?).chars().take(40).collect(),
        is_for_hearing_impaired: number(0x55ab).is_some_and(|flag| flag != 0),
        private,
        packing,
        points: Vec::new(),
    })
}

/// The packing of blocks, and whether what stands before them is packed as well.
fn packing(encodings: &[u8]) -> (Packing, bool) {
    let all: Vec<&[u8]> = bodies(encodings, 0x6240).take(2).collect();
    let [encoding] = all[..] else {
        return (if all.is_empty() { Packing::Plain } else { Packing::Unknown }, false);
    };
    let number = |body: &[u8], id, default| {
        bodies(body, id).next().map_or(Some(default), |number| uint(number).ok()).unwrap_or(u64::MAX)
    };
    let scope = number(encoding, 0x5032, 1);
    if number(encoding, 0x5033, 0) != 0 {
        return (Packing::Unknown, false);
    }
    let compression = bodies(encoding, 0x5034).next().unwrap_or_default();
    let packing = match number(compression, 0x4254, 0) {
        0 => Packing::Zlib,
        3 => {
            let front = bodies(compression, 0x4255).next().unwrap_or_default();
            if front.len() > MAX_STRIPPED_BYTES {
                Packing::Unknown
            } else {
                Packing::Stripped(front.to_vec())
            }
        }
        _ => Packing::Unknown,
    };
    if scope & 1 == 0 { (Packing::Plain, false) } else { (packing, scope & 2 != 0) }
}

/// Gives each track the cues that name a single block of it. From the body of `Cues`.
pub(super) fn add_points(
    tracks: &mut [SubtitleIndexTrack],
    body: &[u8],
    file_bytes: u64,
    segment_start: u64,
) {
    let mut left = MAX_SUBTITLE_POINTS;
    for cue in bodies(body, 0xbb) {
        let Some(ticks) = bodies(cue, 0xb3).next().and_then(|time| uint(time).ok()) else { continue };
        for place in bodies(cue, 0xb7) {
            let mut found = [None; 3];
            for (id, body) in Elements::new(place).map_while(Result::ok) {
                let slot = match id {
                    0xf7 => 0,
                    0xf1 => 1,
                    0xf0 => 2,
                    _ => continue,
                };
                found[slot] = uint(body).ok();
            }
            let [Some(number), Some(position), Some(offset)] = found else { continue };
            let cluster = segment_start.checked_add(position).filter(|cluster| *cluster < file_bytes);
            let Some(track) = tracks.iter_mut().find(|track| track.number == number) else { continue };
            if left > 0
                && let Some(cluster) = cluster
                && offset < file_bytes
            {
                left -= 1;
                track.points.push(BlockPoint { ticks, cluster, offset });
            }
        }
    }
    for track in tracks {
        track.points.sort_unstable();
        track.points.dedup();
    }
}
