//! A swarm as a problem report tells of it, and what its readers' seeks come to there.

use std::collections::BTreeMap;

use super::random::Random;
use super::reader::ReaderSpec;
use super::seeder::{Behaviour, PeerSpec};
use super::world::{World, WorldSpec};
use super::{micros, secs};
use crate::bitfield::Bitfield;
use crate::layout::{Layout, PieceIndex};
use crate::report::{
    MAX_PEERS, PeerFailure, REPORT_VERSION, Report, ReportClass, ReportHappening, ReportPeer,
};
use crate::schedule::{Class, Config};

/// What is longer is no report.
pub(super) const MAX_REPORT_BYTES: usize = 4 << 20;
/// The timeline of a torrent has no more.
const MAX_EVENTS: usize = 512;
/// What a torrent may have; the program takes no larger one.
const MAX_PIECES: u32 = 1 << 21;
const MAX_READERS: usize = 64;
/// Time that is simulated: what lies between two events is cut to the first of these, all to the second.
const MAX_GAP_MS: u64 = 60_000;
const MAX_LASTED_MS: u64 = 3_600_000;
/// Nothing that is waited for takes longer.
const LIMIT_SECS: f64 = 60.0;
const RATES_BYTES_PER_SEC: std::ops::RangeInclusive<u64> = 1_000..=1_250_000_000;
const ROUND_TRIPS_US: std::ops::RangeInclusive<u64> = 200..=5_000_000;
const MIB: u64 = 1 << 20;
const SEED: u64 = 1;

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum ReplayError {
    #[error("more than 4 MiB are no report")]
    TooLong,
    #[error("it is no report: {0}")]
    Unreadable(String),
    #[error("a report of version {0} is not known")]
    Version(u32),
    #[error("no torrent has {0} bytes in pieces of {1}")]
    Layout(u64, u32),
    #[error("it has more peers, events or readers than a report tells of")]
    TooMany,
}

/// What one place that a reader went to comes to.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Figure {
    pub(super) reader: u64,
    pub(super) at_byte: u64,
    /// In the simulator; `None` if it went on before, or waited for a minute.
    pub(super) first_byte_secs: Option<f64>,
    pub(super) first_mib_secs: Option<f64>,
    /// What the report says that it waited.
    pub(super) reported_secs: Option<f64>,
}

/// Reads a report that a stranger may have written.
pub(super) fn parse(json: &[u8]) -> Result<Report, ReplayError> {
    if json.len() > MAX_REPORT_BYTES {
        return Err(ReplayError::TooLong);
    }
    let report: Report =
        serde_json::from_slice(json).map_err(|error| ReplayError::Unreadable(error.to_string()))?;
    if report.version != REPORT_VERSION {
        return Err(ReplayError::Version(report.version));
    }
    let is_opened = |what: &ReportHappening| matches!(what, ReportHappening::ReaderOpened { .. });
    let readers = report.events.iter().filter(|event| is_opened(&event.what)).count();
    if report.peers.len() > MAX_PEERS || report.events.len() > MAX_EVENTS || readers > MAX_READERS {
        return Err(ReplayError::TooMany);
    }
    layout(&report)?;
    Ok(report)
}

fn layout(report: &Report) -> Result<Layout, ReplayError> {
    let error = || ReplayError::Layout(report.total_bytes, report.piece_bytes);
    let layout = Layout::new(report.piece_bytes, report.total_bytes).map_err(|_| error())?;
    if layout.pieces() > MAX_PIECES { Err(error()) } else { Ok(layout) }
}

/// Replays it. Numbers that nothing real has are cut to what something could have.
pub(super) fn replay(report: &Report) -> Result<Vec<Figure>, ReplayError> {
    let layout = layout(report)?;
    let mut random = Random::new(SEED);
    let peers = report.peers.iter().map(|peer| peer_spec(peer, &layout, &mut random)).collect();
    let spec = WorldSpec {
        piece_bytes: report.piece_bytes,
        total_bytes: report.total_bytes,
        peers,
        down_bytes_per_sec: *RATES_BYTES_PER_SEC.end() as f64,
        config: Config::default(),
        seed: SEED,
    };
    let mut run = Run { world: World::new(spec), readers: BTreeMap::new(), figures: Vec::new() };
    let mut seen_ms = 0;
    for event in &report.events {
        let at_ms = event.at_ms.clamp(seen_ms, seen_ms + MAX_GAP_MS).min(MAX_LASTED_MS);
        run.until(micros(at_ms as f64 / 1e3));
        seen_ms = at_ms;
        run.happen(&event.what);
    }
    let end_us = run.world.now_us + micros(LIMIT_SECS);
    run.until(end_us);
    Ok(run.figures.into_iter().map(|waited| waited.figure).collect())
}

fn peer_spec(peer: &ReportPeer, layout: &Layout, random: &mut Random) -> PeerSpec {
    let rate = peer.rate_bytes_per_sec.clamp(*RATES_BYTES_PER_SEC.start(), *RATES_BYTES_PER_SEC.end());
    let round_trip_us = peer.round_trip_us.clamp(*ROUND_TRIPS_US.start(), *ROUND_TRIPS_US.end());
    let us = |ms: u64| ms.min(MAX_LASTED_MS) * 1000;
    let joins_at_us = us(peer.joined_ms);
    let flips: Vec<u64> = peer.flips_ms.iter().map(|ms| us(*ms).max(joins_at_us)).collect();
    // It never gave anything, or never let us.
    let opens_us = flips.first().copied().unwrap_or(u64::from(u32::MAX) * 1000);
    let silences = flips[1.min(flips.len())..].chunks(2).filter_map(|shut| match shut {
        [from, to] if from < to => Some(*from..*to),
        _ => None,
    });
    let behaviour = match (peer.failure, peer.left_ms) {
        (Some(PeerFailure::Lied), _) => Behaviour::Corrupts(1.0),
        (_, Some(left_ms)) => Behaviour::DiesAt(us(left_ms).max(joins_at_us)),
        (_, None) => Behaviour::Honest,
    };
    let has_share = f64::from(peer.has_permille.min(1000)) / 1e3;
    let has = (has_share < 1.0).then(|| {
        let mut has = Bitfield::new(layout.pieces());
        for piece in (0..layout.pieces()).map(PieceIndex) {
            if random.unit() < has_share {
                has.set(piece);
            }
        }
        has
    });
    PeerSpec {
        up_bytes_per_sec: rate as f64,
        one_way_us: round_trip_us / 2,
        jitter_us: round_trip_us / 20,
        is_fast: peer.supports_fast,
        has,
        joins_at_us,
        unchokes_after_us: opens_us - joins_at_us.min(opens_us),
        silences: silences.collect(),
        behaviour,
        ..PeerSpec::seed(1.0, 1.0)
    }
}

struct Run {
    world: World,
    /// Of the report, with the number and the end in the world.
    readers: BTreeMap<u64, (usize, u64)>,
    figures: Vec<Waited>,
}

struct Waited {
    figure: Figure,
    since_us: u64,
    mib_end: u64,
    is_over: bool,
}

impl Waited {
    fn is_news(&self, world: &World) -> bool {
        let Figure { at_byte, first_byte_secs, first_mib_secs, .. } = self.figure;
        !self.is_over
            && ((first_byte_secs.is_none() && world.has_bytes(at_byte..at_byte + 1))
                || (first_mib_secs.is_none() && world.has_bytes(at_byte..self.mib_end)))
    }
}

impl Run {
    /// Lets time pass, and notes what comes meanwhile.
    fn until(&mut self, end_us: u64) {
        while self.world.now_us < end_us {
            let left_secs = secs(end_us - self.world.now_us);
            let figures = &self.figures;
            let is_news = |world: &World| figures.iter().any(|waited| waited.is_news(world));
            if self.world.run_until(left_secs, is_news).is_none() {
                break;
            }
            self.note();
        }
    }

    fn note(&mut self) {
        let now_us = self.world.now_us;
        for waited in self.figures.iter_mut().filter(|waited| !waited.is_over) {
            let at_byte = waited.figure.at_byte;
            let took_secs = secs(now_us - waited.since_us);
            if self.world.has_bytes(at_byte..at_byte + 1) {
                waited.figure.first_byte_secs.get_or_insert(took_secs);
            }
            if self.world.has_bytes(at_byte..waited.mib_end) {
                waited.figure.first_mib_secs.get_or_insert(took_secs);
                waited.is_over = true;
            }
        }
    }

    fn happen(&mut self, what: &ReportHappening) {
        let total = self.world.layout.total_bytes();
        match *what {
            ReportHappening::ReaderOpened { reader, class, from_byte, end_byte } => {
                let end_byte = end_byte.min(total);
                if from_byte >= end_byte || self.readers.contains_key(&reader) {
                    return;
                }
                let place = self.world.read(reader_spec(class, from_byte, end_byte));
                self.readers.insert(reader, (place, end_byte));
                self.wait(reader, from_byte, end_byte);
            }
            ReportHappening::Seek { reader, to_byte } => {
                let Some((place, end_byte)) = self.readers.get(&reader).copied() else { return };
                if to_byte < end_byte {
                    self.give_up(reader);
                    self.world.seek(place, to_byte);
                    self.wait(reader, to_byte, end_byte);
                }
            }
            ReportHappening::Served { reader, waited_ms } => {
                let last = self.figures.iter_mut().rev().find(|waited| waited.figure.reader == reader);
                if let Some(waited) = last {
                    waited.figure.reported_secs.get_or_insert(waited_ms as f64 / 1e3);
                }
            }
            ReportHappening::ReaderClosed { reader } => {
                self.give_up(reader);
                if let Some((place, _)) = self.readers.remove(&reader) {
                    self.world.stop(place);
                }
            }
            // The simulated swarm makes its own.
            _ => {}
        }
    }

    fn wait(&mut self, reader: u64, at_byte: u64, end_byte: u64) {
        let figure =
            Figure { reader, at_byte, first_byte_secs: None, first_mib_secs: None, reported_secs: None };
        let mib_end = (at_byte + MIB).min(end_byte);
        self.figures.push(Waited { figure, since_us: self.world.now_us, mib_end, is_over: false });
        self.note();
    }

    fn give_up(&mut self, reader: u64) {
        let of_reader = self.figures.iter_mut().filter(|waited| waited.figure.reader == reader);
        of_reader.for_each(|waited| waited.is_over = true);
    }
}

fn reader_spec(class: ReportClass, start_byte: u64, end_byte: u64) -> ReaderSpec {
    let class = Class::from(class);
    ReaderSpec {
        class,
        start_byte,
        end_byte,
        bytes_per_sec: 1e6,
        window_bytes: if class == Class::Preview { 2 * MIB } else { 32 * MIB },
        buffer_secs: Some(30.0),
    }
}
