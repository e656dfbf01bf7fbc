//! One `trak`.

use std::time::Duration;

use super::super::{ContainerTrack, ContainerTrackKind};
use super::fields::{Fields, table, ticks_to_duration};
use super::samples::Tables;
use crate::boxes::Boxes;
use crate::text::{language, shown};

/// How the clock of a track becomes that of the film (edit list, section 8.6.6): the first edit with pictures, and how long
/// nothing is shown before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct TrackClock {
    pub(super) ticks_per_second: u32,
    start_ticks: i64,
    delay: Duration,
}

impl TrackClock {
    pub(super) fn time_of(&self, ticks: i128) -> Duration {
        let ticks = (ticks - i128::from(self.start_ticks)).max(0);
        let ticks = u64::try_from(ticks).unwrap_or(u64::MAX);
        ticks_to_duration(ticks, self.ticks_per_second).saturating_add(self.delay)
    }
}

#[derive(Debug)]
pub(super) struct ParsedTrack<'a> {
    pub(super) track: ContainerTrack,
    pub(super) clock: TrackClock,
    pub(super) duration: Duration,
    pub(super) tables: Option<Tables<'a>>,
    /// Tracks that hold the chapters of this one.
    pub(super) chapter_tracks: Vec<u32>,
}

impl<'a> ParsedTrack<'a> {
    /// `None` if it lacks what every track has.
    pub(super) fn parse(trak: &'a [u8], movie_ticks_per_second: u32) -> Option<Self> {
        let mut tkhd = Fields(Boxes::find(trak, b"tkhd")?);
        let (version, flags) = tkhd.version()?;
        tkhd.by_version(version)?;
        tkhd.by_version(version)?;
        let number = tkhd.u32()?;

        let mdia = Boxes::find(trak, b"mdia")?;
        let mut mdhd = Fields(Boxes::find(mdia, b"mdhd")?);
        let (version, _) = mdhd.version()?;
        mdhd.by_version(version)?;
        mdhd.by_version(version)?;
        let ticks_per_second = mdhd.u32()?;
        let ticks = mdhd.by_version(version)?;
        let duration = ticks_to_duration(ticks, ticks_per_second);
        let packed = mdhd.u16().unwrap_or(0);

        let mut hdlr = Fields(Boxes::find(mdia, b"hdlr").unwrap_or_default());
        let handler = hdlr.bytes(8).and_then(|_| hdlr.bytes(4)).unwrap_or_default();
        let kind = match handler {
            b"vide" => ContainerTrackKind::Video,
            b"soun" => ContainerTrackKind::Audio,
            b"sbtl" | b"subt" | b"text" | b"clcp" => ContainerTrackKind::Subtitle,
            _ => ContainerTrackKind::Other,
        };
        let stbl = Boxes::find(mdia, b"minf").and_then(|minf| Boxes::find(minf, b"stbl"));
        let tables = stbl.and_then(Tables::new);
        let codec = stbl.and_then(|stbl| Boxes::find(stbl, b"stsd")).and_then(|stsd| {
            let (kind, _) = Boxes::new(stsd.get(8..)?).next()?;
            shown(&String::from_utf8_lossy(&kind))
        });
        let tagged = Boxes::find(mdia, b"elng").and_then(|elng| text(elng.get(4..)?));
        let name = Boxes::find(trak, b"udta").and_then(|udta| Boxes::find(udta, b"name")).and_then(text);

        let samples = tables.map_or(0, |tables| u32::try_from(tables.sample_count).unwrap_or(u32::MAX));
        let is_film = kind == ContainerTrackKind::Video;
        let frame_duration = (is_film && samples > 0).then(|| duration / samples);
        Some(Self {
            track: ContainerTrack {
                number: u64::from(number),
                kind,
                codec: codec.unwrap_or_default(),
                language: tagged.as_deref().and_then(language).or_else(|| unpack_language(packed)),
                name: name.as_deref().and_then(shown),
                is_default: flags & 1 != 0,
                is_forced: false,
                frame_duration: frame_duration.filter(|frame| !frame.is_zero()),
            },
            clock: clock(trak, ticks_per_second, movie_ticks_per_second),
            duration,
            tables,
            chapter_tracks: Boxes::find(trak, b"tref")
                .and_then(|tref| Boxes::find(tref, b"chap"))
                .map(|chap| {
                    chap.as_chunks::<4>().0.iter().take(16).map(|id| u32::from_be_bytes(*id)).collect()
                })
                .unwrap_or_default(),
        })
    }
}

fn text(body: &[u8]) -> Option<String> {
    let text = body.split(|byte| *byte == 0).next()?;
    Some(String::from_utf8_lossy(text).into_owned())
}

/// The languages of old Macintosh by number (QuickTime File Format, "Language Code Values"), as far as such files are met.
const MACINTOSH: [&str; 57] = [
    "eng", "fre", "ger", "ita", "dut", "swe", "spa", "dan", "por", "nor", "heb", "jpn", "ara", "fin", "gre",
    "ice", "mlt", "tur", "hrv", "chi", "urd", "hin", "tha", "kor", "lit", "pol", "hun", "est", "lav", "smi",
    "fao", "per", "rus", "chi", "dut", "gle", "alb", "rum", "cze", "slo", "slv", "yid", "srp", "mac", "bul",
    "ukr", "bel", "uzb", "kaz", "aze", "aze", "arm", "geo", "rum", "kir", "tgk", "tuk",
];

/// Three letters of five bits each (section 8.4.2), or a number below all of these. A zero is left there by those who do not
/// know.
fn unpack_language(packed: u16) -> Option<String> {
    if packed < 0x400 {
        let known = MACINTOSH.get(usize::from(packed)).filter(|_| packed != 0);
        return known.map(|name| (*name).to_owned());
    }
    let letters = [packed >> 10, packed >> 5, packed].map(|letter| (letter & 31) as u8);
    if !letters.iter().all(|letter| (1..=26).contains(letter)) {
        return None;
    }
    language(&letters.iter().map(|letter| char::from(letter + 0x60)).collect::<String>())
}

fn clock(trak: &[u8], ticks_per_second: u32, movie_ticks_per_second: u32) -> TrackClock {
    let mut clock = TrackClock { ticks_per_second, start_ticks: 0, delay: Duration::ZERO };
    let Some(elst) = Boxes::find(trak, b"edts").and_then(|edts| Boxes::find(edts, b"elst")) else {
        return clock;
    };
    let is_long = elst.first() == Some(&1);
    let long = table::<5>(elst.get(..).filter(|_| is_long));
    let long = long.map(|[d1, d0, t1, t0, _]| (wide(d1, d0), wide(t1, t0).cast_signed()));
    let short = table::<3>(elst.get(..).filter(|_| !is_long));
    let short = short.map(|[duration, time, _]| (u64::from(duration), i64::from(time.cast_signed())));
    for (duration, time) in long.chain(short) {
        if time >= 0 {
            clock.start_ticks = time;
            break;
        }
        clock.delay = clock.delay.saturating_add(ticks_to_duration(duration, movie_ticks_per_second));
    }
    clock
}

fn wide(high: u32, low: u32) -> u64 {
    u64::from(high) << 32 | u64::from(low)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unpacks_languages() {
        assert_eq!(unpack_language(0x4a7).as_deref(), Some("aeg"));
        assert_eq!(unpack_language(0x55c4), None, "und");
        assert_eq!((unpack_language(0), unpack_language(0x7fff)), (None, None));
        assert_eq!((unpack_language(32).as_deref(), unpack_language(0x3ff)), (Some("rus"), None));
    }
}
