//! Presentation graphics of Blu-ray discs: what a film holds of them, as the stream that a `.sup` file is. Sizes are looked
//! at before a page makes pictures of them.

/// A stream as a page gets it.
pub const MAX_SUP_BYTES: usize = 64 * 1024 * 1024;

/// No disc has larger pictures than these; a page would take four bytes for each point.
const MAX_SIDE: u16 = 4096;
const MAX_SEGMENTS: usize = 200_000;

const HEADER_BYTES: usize = 10;
const SEGMENT_HEADER_BYTES: usize = 3;

/// Kinds of segments.
const PALETTE: u8 = 0x14;
const OBJECT: u8 = 0x15;
const COMPOSITION: u8 = 0x16;
const WINDOWS: u8 = 0x17;
const END: u8 = 0x80;

/// Whether a page may be given this segment.
fn is_harmless(kind: u8, body: &[u8]) -> bool {
    let number = |at: usize| body.get(at..at + 2).map(|pair| u16::from_be_bytes([pair[0], pair[1]]));
    let is_small = |at: usize| number(at).is_some_and(|side| (1..=MAX_SIDE).contains(&side));
    match kind {
        COMPOSITION => {
            let count = body.get(10).copied().unwrap_or(0);
            body.len() >= 11 && is_small(0) && is_small(2) && count <= 8
        }
        OBJECT => {
            // Only the first part of a picture says how large it is.
            let is_first = body.get(3).is_some_and(|flags| flags & 0x80 != 0);
            body.len() >= 4 && (!is_first || (body.len() >= 11 && is_small(7) && is_small(9)))
        }
        WINDOWS => body.first().is_some_and(|count| body.len() > 9 * usize::from(*count)),
        PALETTE => body.len() >= 2 && (body.len() - 2).is_multiple_of(5),
        END => true,
        _ => false,
    }
}

fn push(out: &mut Vec<u8>, clock: u32, kind: u8, body: &[u8]) {
    out.extend_from_slice(b"PG");
    out.extend_from_slice(&clock.to_be_bytes());
    out.extend_from_slice(&[0; 4]);
    out.push(kind);
    // A segment has two bytes for its length, where it came from as well.
    out.extend_from_slice(&(body.len() as u16).to_be_bytes());
    out.extend_from_slice(body);
}

fn ticks(secs: f64) -> u32 {
    // The clock of 90 kHz turns over after 13 hours.
    (secs.max(0.0) * 90_000.0).min(f64::from(u32::MAX)) as u32
}

/// The block of a film, at this moment, as part of a stream. A block with anything odd in it is left out.
pub fn sup_of(block: &[u8], secs: f64) -> Vec<u8> {
    let mut out = Vec::new();
    let mut rest = block;
    let mut is_ended = false;
    while let [kind, high, low, body @ ..] = rest {
        let length = usize::from(u16::from_be_bytes([*high, *low]));
        let Some((body, after)) = body.split_at_checked(length) else { return Vec::new() };
        if !is_harmless(*kind, body) {
            return Vec::new();
        }
        push(&mut out, ticks(secs), *kind, body);
        is_ended = *kind == END;
        rest = after;
    }
    if rest.is_empty() && !out.is_empty() && !is_ended {
        push(&mut out, ticks(secs), END, &[]);
    }
    if rest.is_empty() { out } else { Vec::new() }
}

/// A `.sup` file without the sets in which something is harmful or damaged.
pub fn checked_sup(file: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    let mut set: Vec<(u32, u8, &[u8])> = Vec::new();
    let mut is_good = true;
    let mut rest = file;
    for _ in 0..MAX_SEGMENTS {
        let Some((head, body)) = rest.split_at_checked(HEADER_BYTES + SEGMENT_HEADER_BYTES) else { break };
        if !head.starts_with(b"PG") || out.len() >= MAX_SUP_BYTES {
            break;
        }
        let clock = u32::from_be_bytes([head[2], head[3], head[4], head[5]]);
        let kind = head[HEADER_BYTES];
        let length = usize::from(u16::from_be_bytes([head[11], head[12]]));
        let Some((body, after)) = body.split_at_checked(length) else { break };
        is_good &= is_harmless(kind, body);
        set.push((clock, kind, body));
        if kind == END {
            // A set is shown as one, or not at all.
            for (clock, kind, body) in set.drain(..).filter(|_| is_good) {
                push(&mut out, clock, kind, body);
            }
            is_good = true;
        }
        rest = after;
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn segment(kind: u8, body: &[u8]) -> Vec<u8> {
        [&[kind][..], &(body.len() as u16).to_be_bytes(), body].concat()
    }

    fn composition(width: u16, height: u16) -> Vec<u8> {
        let mut body = [width.to_be_bytes(), height.to_be_bytes()].concat();
        body.extend_from_slice(&[0x10, 0, 1, 0x80, 0, 0, 0]);
        segment(COMPOSITION, &body)
    }

    #[test]
    fn a_block_becomes_a_stream_with_its_time() {
        let block = [composition(1920, 1080), segment(END, &[])].concat();
        let sup = sup_of(&block, 2.0);
        assert_eq!(&sup[..6], b"PG\x00\x02\xbf\x20");
        assert_eq!(sup.len(), 2 * HEADER_BYTES + block.len());
        assert_eq!(checked_sup(&sup), sup);
        assert_eq!(sup_of(&composition(1920, 1080), 2.0), sup, "an end is added where there is none");
    }

    #[test]
    fn pictures_that_would_eat_the_memory_are_left_out() {
        for (width, height) in [(0, 100), (65535, 65535), (4097, 100)] {
            assert_eq!(sup_of(&composition(width, height), 1.0), b"");
        }
        let object = |side: u16| {
            let side = side.to_be_bytes();
            segment(OBJECT, &[0, 0, 0, 0xc0, 0, 0, 4, side[0], side[1], side[0], side[1]])
        };
        assert!(!sup_of(&object(4096), 1.0).is_empty());
        assert_eq!(sup_of(&object(4097), 1.0), b"");
        assert_eq!(sup_of(&segment(0x99, &[]), 1.0), b"", "nobody knows this one");
    }

    #[test]
    fn a_file_keeps_its_good_sets() {
        let set = |clock: u32, parts: &[Vec<u8>]| -> Vec<u8> {
            let head = |part: &Vec<u8>| [&b"PG"[..], &clock.to_be_bytes(), &[0; 4], part].concat();
            parts.iter().flat_map(head).collect()
        };
        let good = set(90_000, &[composition(720, 480), segment(END, &[])]);
        let bad = set(180_000, &[composition(65535, 480), segment(END, &[])]);
        let file = [&good[..], &bad, &good, b"PG cut"].concat();
        assert_eq!(checked_sup(&file), [&good[..], &good].concat());
        assert_eq!(checked_sup(b""), b"");
    }
}
