//! Blocks of one subtitle track of a Matroska film, from a window of time: through the cues that name them, or by walking
//! over the clusters of that time from header to header. Pictures and sound are stepped over.

use std::io::{self, SeekFrom};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncSeek, AsyncSeekExt as _};

use crate::index::{CLUSTER, Header, SubtitleIndex, SubtitleIndexTrack, TimeIndex};

const TIMESTAMP: u32 = 0xe7;
const SIMPLE_BLOCK: u32 = 0xa3;
const BLOCK_GROUP: u32 = 0xa0;
const BLOCK: u32 = 0xa1;
const BLOCK_DURATION: u32 = 0x9b;

/// A picture of a disc has some tens of thousands; text has hundreds.
const MAX_PACKED_BYTES: u64 = 2 * 1024 * 1024;
const MAX_BLOCK_BYTES: usize = 4 * 1024 * 1024;
const MAX_WINDOW_BYTES: usize = 32 * 1024 * 1024;
const MAX_WINDOW_BLOCKS: usize = 4000;
/// Elements that one window may walk over: an hour of film has some 400,000.
const MAX_STEPS: u32 = 50_000;
/// An element of a cluster with what tells whose it is.
const PEEK_BYTES: u64 = 48;
/// Elements of a cluster among which its time has to be.
const FRONT_ELEMENTS: u32 = 4;
/// What is read at once; the next header is often not far.
const CHUNK_BYTES: usize = 4096;
/// How far a film without an index is walked over for a window.
const MAX_WALK: Duration = Duration::from_secs(120);
/// Blocks of one moment stand a little before or behind those of another track.
const SLACK: Duration = Duration::from_secs(2);

/// What a film says at a moment, as it was before it was packed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SubtitleBlock {
    /// By the clock of the file.
    pub start: Duration,
    pub duration: Option<Duration>,
    pub data: Vec<u8>,
}

#[derive(Debug, thiserror::Error)]
pub enum ReadBlocksError {
    #[error("the film could not be read")]
    Read(#[from] io::Error),
    /// Nobody knows where in the file that moment is.
    #[error("the film has no index by which its subtitles could be found")]
    NoIndex,
    #[error("the subtitles are encrypted or packed in an unknown way")]
    Packing,
}

/// Reads blocks through `input`, which may wait for bytes; whoever calls sets a time-out.
#[derive(Debug)]
pub struct SubtitleReader<'a, R> {
    input: R,
    file_bytes: u64,
    index: &'a SubtitleIndex,
    times: Option<&'a TimeIndex>,
    start: u64,
    bytes: Vec<u8>,
    steps: u32,
    found: Vec<SubtitleBlock>,
    found_bytes: usize,
    /// Where clusters stand in a film that has no index.
    passed: Vec<(Duration, u64)>,
}

/// What one window gave.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct FoundBlocks {
    pub blocks: Vec<SubtitleBlock>,
    /// In a film without an index: where clusters stand that were passed, by time. They lead to the next window.
    pub passed: Vec<(Duration, u64)>,
}

/// What an element of a cluster turned out to be.
enum Walked {
    Next(u64),
    /// There is no cluster behind this.
    End,
}

impl<'a, R: AsyncRead + AsyncSeek + Unpin> SubtitleReader<'a, R> {
    pub fn new(input: R, file_bytes: u64, index: &'a SubtitleIndex, times: Option<&'a TimeIndex>) -> Self {
        Self {
            input,
            file_bytes,
            index,
            times,
            start: 0,
            bytes: Vec::new(),
            steps: 0,
            found: Vec::new(),
            found_bytes: 0,
            passed: Vec::new(),
        }
    }

    /// The blocks of a track that begin in `from..to`, by the clock of the file, in order. `known` are places that earlier
    /// windows passed: a film without an index is walked from there, or from its beginning, and not far.
    ///
    /// # Errors
    /// [`ReadBlocksError`]. What is damaged in the film costs what stands behind it in the cluster.
    pub async fn window(
        mut self,
        track: &SubtitleIndexTrack,
        from: Duration,
        to: Duration,
        known: &[(Duration, u64)],
    ) -> Result<FoundBlocks, ReadBlocksError> {
        if track.packing == crate::index::Packing::Unknown {
            return Err(ReadBlocksError::Packing);
        }
        if track.points.is_empty() {
            self.walk_window(track, from, to, known).await?;
        } else {
            self.follow(track, from, to).await?;
        }
        let mut found = self.found;
        found.retain(|block| (from..to).contains(&block.start));
        found.sort_by_key(|block| block.start);
        found.dedup();
        Ok(FoundBlocks { blocks: found, passed: self.passed })
    }

    fn time(&self, ticks: i128) -> Duration {
        let nanos = ticks.max(0).saturating_mul(i128::from(self.index.tick_nanos));
        Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
    }

    async fn follow(&mut self, track: &SubtitleIndexTrack, from: Duration, to: Duration) -> io::Result<()> {
        let first = track.points.partition_point(|point| self.time(point.ticks.into()) < from);
        let mut walked = None;
        for point in &track.points[first..] {
            if self.time(point.ticks.into()) >= to || self.is_full() {
                break;
            }
            if walked == Some(point.cluster) {
                continue;
            }
            if !self.read_named(track, point.cluster, point.offset).await? {
                self.walk_cluster(track, point.cluster, to).await?;
                walked = Some(point.cluster);
            }
        }
        Ok(())
    }

    /// Whether there was such a block.
    async fn read_named(
        &mut self,
        track: &SubtitleIndexTrack,
        cluster: u64,
        offset: u64,
    ) -> io::Result<bool> {
        let Some((CLUSTER, body, _)) = self.header(cluster).await? else { return Ok(false) };
        let Some(cluster_ticks) = self.cluster_ticks(body).await? else { return Ok(false) };
        let Some(at) = body.checked_add(offset) else { return Ok(false) };
        let before = self.found.len();
        self.element(track, at, self.index.segment.end, cluster_ticks).await?;
        Ok(self.found.len() > before)
    }

    /// The time from which the blocks of a cluster count. It stands at its front, behind a checksum at most.
    async fn cluster_ticks(&mut self, mut at: u64) -> io::Result<Option<u64>> {
        for _ in 0..FRONT_ELEMENTS {
            let Some((id, body, Some(length))) = self.header(at).await? else { return Ok(None) };
            if id == TIMESTAMP {
                return self.number(body, length).await;
            }
            at = body.saturating_add(length);
        }
        Ok(None)
    }

    async fn walk_window(
        &mut self,
        track: &SubtitleIndexTrack,
        from: Duration,
        to: Duration,
        known: &[(Duration, u64)],
    ) -> Result<(), ReadBlocksError> {
        let early = from.saturating_sub(SLACK);
        let mut at = match self.times.and_then(|times| times.sync_before(early)) {
            Some(point) => point.byte,
            None => {
                let passed = known.iter().filter(|(time, _)| *time <= early).max();
                let (time, byte) = passed.copied().unwrap_or((Duration::ZERO, self.index.segment.start));
                // The way there would make the swarm fetch what nobody has got to.
                if from.saturating_sub(time) > MAX_WALK {
                    return Err(ReadBlocksError::NoIndex);
                }
                byte
            }
        };
        while let Walked::Next(next) = self.walk_cluster(track, at, to + SLACK).await? {
            at = next;
        }
        Ok(())
    }

    fn is_full(&self) -> bool {
        self.steps >= MAX_STEPS
            || self.found.len() >= MAX_WINDOW_BLOCKS
            || self.found_bytes >= MAX_WINDOW_BYTES
    }

    /// Walks over what stands at `at`: a cluster that begins before `to`, or something that is stepped over.
    async fn walk_cluster(
        &mut self,
        track: &SubtitleIndexTrack,
        at: u64,
        to: Duration,
    ) -> io::Result<Walked> {
        self.steps += 1;
        let segment_end = self.index.segment.end.min(self.file_bytes);
        if at >= segment_end || self.is_full() {
            return Ok(Walked::End);
        }
        let Some((id, body, length)) = self.header(at).await? else { return Ok(Walked::End) };
        let end = length.and_then(|length| body.checked_add(length));
        if id != CLUSTER {
            return Ok(end.map_or(Walked::End, Walked::Next));
        }
        let cluster_end = end.unwrap_or(segment_end).min(segment_end);
        let (cluster_at, mut at) = (at, body);
        let mut ticks = None;
        while at < cluster_end && !self.is_full() {
            self.steps += 1;
            let Some((id, body, length)) = self.header(at).await? else { return Ok(Walked::End) };
            // One without a length ends where the next one begins.
            if end.is_none() && is_top_level(id) {
                return Ok(Walked::Next(at));
            }
            let Some(next) = length.and_then(|length| body.checked_add(length)) else {
                return Ok(Walked::End);
            };
            match (id, ticks) {
                (TIMESTAMP, _) => {
                    ticks = self.number(body, next - body).await?;
                    if ticks.is_none_or(|ticks| self.time(ticks.into()) >= to) {
                        return Ok(Walked::End);
                    }
                    if let Some(ticks) = ticks
                        && self.times.is_none()
                    {
                        let time = self.time(ticks.into());
                        self.passed.push((time, cluster_at));
                    }
                }
                (SIMPLE_BLOCK | BLOCK_GROUP, Some(ticks)) => {
                    self.element(track, at, cluster_end, ticks).await?;
                }
                _ => {}
            }
            at = next;
        }
        Ok(end.map_or(Walked::End, Walked::Next))
    }

    /// Takes the block at `at` if it is one of the track.
    async fn element(
        &mut self,
        track: &SubtitleIndexTrack,
        at: u64,
        end: u64,
        cluster_ticks: u64,
    ) -> io::Result<()> {
        let Some((id, body, Some(length))) = self.header(at).await? else { return Ok(()) };
        let Some(until) = body.checked_add(length).filter(|until| *until <= end) else { return Ok(()) };
        // In a group the block comes first; whose it is stands at its front.
        let block_at = match id {
            SIMPLE_BLOCK => body,
            BLOCK_GROUP => match self.header(body).await? {
                Some((BLOCK, block, Some(_))) => block,
                _ => return Ok(()),
            },
            _ => return Ok(()),
        };
        let Some(front) = self.get(block_at, 8.min(until.saturating_sub(block_at))).await? else {
            return Ok(());
        };
        if track_number(front) != Some(track.number) || length > MAX_PACKED_BYTES {
            return Ok(());
        }
        let Some(bytes) = self.get(body, length).await? else { return Ok(()) };
        let (block, duration) = if id == SIMPLE_BLOCK { (bytes, None) } else { group(bytes) };
        let Some((ticks, data)) = parse(block) else { return Ok(()) };
        let Some(data) = track.packing.unpack(data, MAX_BLOCK_BYTES) else { return Ok(()) };
        let start = self.time(i128::from(cluster_ticks) + i128::from(ticks));
        let duration = duration.map(|ticks| self.time(ticks.into()));
        self.found_bytes += data.len();
        self.found.push(SubtitleBlock { start, duration, data });
        Ok(())
    }

    /// Id, start of the body and its length of the element there; `None` where there is none.
    async fn header(&mut self, at: u64) -> io::Result<Option<(u32, u64, Option<u64>)>> {
        let wanted = PEEK_BYTES.min(self.file_bytes.saturating_sub(at));
        let Some(bytes) = self.get(at, wanted).await? else { return Ok(None) };
        let header = Header::parse(bytes);
        Ok(header.map(|header| (header.id, at + header.header_bytes, header.body_bytes)))
    }

    async fn number(&mut self, at: u64, length: u64) -> io::Result<Option<u64>> {
        if length > 8 {
            return Ok(None);
        }
        let bytes = self.get(at, length).await?;
        Ok(bytes.map(|bytes| bytes.iter().fold(0, |value, byte| value << 8 | u64::from(*byte))))
    }

    /// `None` where the file ends before.
    async fn get(&mut self, at: u64, length: u64) -> io::Result<Option<&[u8]>> {
        let Some(end) = at.checked_add(length).filter(|end| *end <= self.file_bytes) else { return Ok(None) };
        let Ok(wanted) = usize::try_from(length) else { return Ok(None) };
        let is_here = |start: u64, bytes: usize| at >= start && end <= start + bytes as u64;
        if !is_here(self.start, self.bytes.len()) {
            self.input.seek(SeekFrom::Start(at)).await?;
            self.start = at;
            self.bytes.clear();
            let mut chunk = vec![0; wanted.max(CHUNK_BYTES)];
            while self.bytes.len() < wanted {
                // More than is wanted comes along only if it is here.
                let count = self.input.read(&mut chunk).await?;
                if count == 0 {
                    return Ok(None);
                }
                self.bytes.extend_from_slice(&chunk[..count]);
            }
        }
        let from = usize::try_from(at - self.start).unwrap_or(usize::MAX);
        Ok(self.bytes.get(from..from.saturating_add(wanted)))
    }
}

/// What can't stand inside of a cluster.
fn is_top_level(id: u32) -> bool {
    matches!(
        id,
        CLUSTER
            | 0x114d_9b74
            | 0x1549_a966
            | 0x1654_ae6b
            | 0x1043_a770
            | 0x1941_a469
            | 0x1c53_bb6b
            | 0x1254_c367
    )
}

/// A number of variable length, without its mark, and how long it is.
fn vint(bytes: &[u8]) -> Option<(u64, usize)> {
    let length = bytes.first()?.leading_zeros() as usize + 1;
    let raw = bytes.get(..length).filter(|_| length <= 8)?;
    let value = raw.iter().fold(0_u64, |value, byte| value << 8 | u64::from(*byte));
    Some((value & !(1 << (7 * length)), length))
}

fn track_number(block: &[u8]) -> Option<u64> {
    vint(block).map(|(number, _)| number)
}

/// Ticks since the cluster's time, and the data.
fn parse(block: &[u8]) -> Option<(i16, &[u8])> {
    let (_, length) = vint(block)?;
    let [high, low, flags, data @ ..] = block.get(length..)? else { return None };
    // Several frames in one block: nobody does that to subtitles.
    (flags & 0x06 == 0).then_some((i16::from_be_bytes([*high, *low]), data))
}

/// The block of a group, and how many ticks it lasts.
fn group(mut bytes: &[u8]) -> (&[u8], Option<u64>) {
    let (mut block, mut duration) = (&[][..], None);
    while let Some(header) = Header::parse(bytes) {
        let (Ok(start), Some(Ok(length))) =
            (usize::try_from(header.header_bytes), header.body_bytes.map(usize::try_from))
        else {
            break;
        };
        let Some((body, rest)) = bytes.get(start..).and_then(|rest| rest.split_at_checked(length)) else {
            break;
        };
        match header.id {
            BLOCK if block.is_empty() => block = body,
            BLOCK_DURATION if body.len() <= 8 => {
                duration = Some(body.iter().fold(0, |value, byte| value << 8 | u64::from(*byte)));
            }
            _ => {}
        }
        bytes = rest;
    }
    (block, duration)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_of_variable_length_lose_their_mark() {
        assert_eq!(vint(&[0x81]), Some((1, 1)));
        assert_eq!(vint(&[0x40, 0x02]), Some((2, 2)));
        assert_eq!(vint(&[0x01, 0, 0, 0, 0, 0, 0, 3]), Some((3, 8)));
        for none in [&[][..], &[0], &[0x40], &[0x00, 1, 2, 3, 4, 5, 6, 7, 8]] {
            assert_eq!(vint(none), None, "{none:?}");
        }
    }

    #[test]
    fn a_block_that_is_cut_or_laced_is_none() {
        assert_eq!(parse(&[0x81, 0xff, 0xff, 0, b'x']), Some((-1, &b"x"[..])));
        assert_eq!(parse(&[0x81, 0, 0]), None);
        assert_eq!(parse(&[0x81, 0, 0, 0x02, 1]), None);
        assert_eq!(group(&[0xa1, 0x81, 7, 0x9b, 0x82, 1, 0]), (&[7][..], Some(256)));
        assert_eq!(group(&[0xa1, 0x85, 7]), (&[][..], None));
    }
}
