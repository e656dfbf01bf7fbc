//! What is measured of a swarm, as ratios to what it could do at best.

use std::ops::Range;
use std::slice;

use super::bound;
use super::random::Random;
use super::reader::ReaderSpec;
use super::seeder::PeerSpec;
use super::swarms::{self, TOTAL_BYTES};
use super::world::{World, WorldSpec};
use crate::schedule::Class;

pub(super) const MIB: u64 = 1 << 20;
/// Nothing that is waited for takes longer.
const LIMIT_SECS: f64 = 60.0;
const SEEKS: usize = 16;
const STARTS: u64 = 5;

/// Somebody who takes all that there is, as a player does after a seek.
pub(super) fn viewer(start_byte: u64) -> ReaderSpec {
    ReaderSpec {
        class: Class::Player,
        start_byte,
        end_byte: TOTAL_BYTES,
        bytes_per_sec: 1e6,
        window_bytes: 32 * MIB,
        buffer_secs: None,
    }
}

/// Times as ratios to the bound; 1 is perfect.
#[derive(Debug, Clone, Copy)]
pub(super) struct Ratios {
    /// The first MiB (or the first piece, if it is larger), from nothing; this and the next two are medians.
    pub(super) first: f64,
    /// The first 8 MiB and the last 2 MiB, from nothing.
    pub(super) start: f64,
    /// 48 MiB in a row, from nothing.
    pub(super) steady: f64,
    /// From a seek to the first piece; the median of many.
    pub(super) seek_piece: f64,
    /// From a seek to the first MiB; the median of many, and what 95 of 100 stay below.
    pub(super) seek: f64,
    pub(super) seek_p95: f64,
}

/// What a swarm of these peers does with pieces of this size. Prints it, and holds it against what it may waste.
pub(super) fn measure(name: &str, peers: &[PeerSpec], piece_bytes: u64) -> Ratios {
    let mut spec = swarms::world(piece_bytes, peers.to_vec(), 1);
    if name == "lan" {
        spec.down_bytes_per_sec = 125e6;
    }
    let seeks = seeks(&spec);
    let ratios = Ratios {
        first: from_nothing(&spec, slice::from_ref(&(0..MIB))),
        start: from_nothing(&spec, &[0..8 * MIB, TOTAL_BYTES - 2 * MIB..TOTAL_BYTES]),
        steady: from_nothing(&spec, slice::from_ref(&(0..48 * MIB))),
        ..seeks
    };
    let Ratios { first, start, steady, seek_piece, seek, seek_p95 } = ratios;
    println!(
        "{name:<12} {:>4} KiB: first {first:.2} start {start:.2} steady {steady:.2} \
         seek to piece {seek_piece:.2} to MiB {seek:.2} p95 {seek_p95:.2}",
        piece_bytes / 1024
    );
    ratios
}

/// All of these bytes, from nothing: the median of several worlds, as the luck of the first second decides much.
fn from_nothing(spec: &WorldSpec, ranges: &[Range<u64>]) -> f64 {
    let seeds = spec.seed..spec.seed + STARTS;
    let mut ratios: Vec<f64> =
        seeds.map(|seed| once_from_nothing(&WorldSpec { seed, ..spec.clone() }, ranges)).collect();
    at_share(&mut ratios, 0.5)
}

fn once_from_nothing(spec: &WorldSpec, ranges: &[Range<u64>]) -> f64 {
    let mut world = World::new(spec.clone());
    for range in ranges {
        // It knows its end only if there is another place to read.
        let end_byte = if ranges.len() > 1 { range.end } else { TOTAL_BYTES };
        world.read(ReaderSpec { end_byte, ..viewer(range.start) });
    }
    let is_here = |world: &World| ranges.iter().all(|range| world.has_bytes(range.clone()));
    let secs = world.run_until(LIMIT_SECS, is_here).unwrap_or(LIMIT_SECS);
    let pieces: usize = ranges.iter().map(|range| world.layout.pieces_of(range.clone()).len()).sum();
    secs / bound::secs_for(spec, 0, pieces as u64 * u64::from(spec.piece_bytes))
}

/// 1 MiB at each of many places, with half a second between.
fn seeks(spec: &WorldSpec) -> Ratios {
    let mut world = World::new(spec.clone());
    let mut random = Random::new(spec.seed ^ 0x5eed);
    let reader = world.read(viewer(0));
    world.run_until(LIMIT_SECS, |world| world.has_bytes(0..8 * MIB));
    let before = world.client.scheduler.counters();
    let (mut to_piece, mut to_mib) = (Vec::new(), Vec::new());
    for _ in 0..SEEKS {
        let to = std::iter::repeat_with(|| random.below(TOTAL_BYTES - 64 * MIB))
            .find(|to| !world.has_bytes(*to..to + 1))
            .unwrap();
        let start_us = world.now_us;
        world.seek(reader, to);
        let piece = world.run_until(LIMIT_SECS, |world| world.has_bytes(to..to + 1)).unwrap_or(LIMIT_SECS);
        let rest = world.run_until(LIMIT_SECS, |world| world.has_bytes(to..to + MIB)).unwrap_or(LIMIT_SECS);
        let piece_bytes = u64::from(spec.piece_bytes);
        let pieces = world.layout.pieces_of(to..to + MIB).len() as u64;
        to_piece.push(piece / bound::secs_for(spec, start_us, piece_bytes));
        to_mib.push((piece + rest) / bound::secs_for(spec, start_us, pieces * piece_bytes));
        world.run_for(0.5);
    }
    let after = world.client.scheduler.counters();
    let received = after.received_bytes - before.received_bytes;
    let duplicate = after.duplicate_bytes - before.duplicate_bytes;
    let unwanted_per_seek = (after.unwanted_bytes - before.unwanted_bytes) / SEEKS as u64;
    println!(
        "duplicates {:.1} %, unwanted {unwanted_per_seek} a seek",
        100.0 * duplicate as f64 / received as f64
    );
    // A little more than what is aimed at: what was on its way when the share was reached comes too.
    assert!(duplicate * 100 <= received * 6, "{duplicate} of {received} bytes came twice");
    let most = (4 * MIB).max(2 * u64::from(spec.piece_bytes));
    assert!(unwanted_per_seek <= most, "{unwanted_per_seek} bytes a seek came for nothing");
    let honest_banned: Vec<_> = world.client.banned.iter().filter(|id| !spec.peers[**id].lies()).collect();
    assert!(honest_banned.is_empty(), "{honest_banned:?} did not lie");
    Ratios {
        first: 0.0,
        start: 0.0,
        steady: 0.0,
        seek_piece: at_share(&mut to_piece, 0.5),
        seek: at_share(&mut to_mib, 0.5),
        seek_p95: at_share(&mut to_mib, 0.95),
    }
}

pub(super) fn at_share(values: &mut [f64], share: f64) -> f64 {
    values.sort_by(f64::total_cmp);
    values[((values.len() as f64 * share) as usize).min(values.len() - 1)]
}
