//! What the standards allow and `ffmpeg` does not write.

use std::time::Duration;

use freshet_media::index::{ContainerIndex, ContainerTrackKind, TimeIndex};

use crate::made::{Sparse, element, ftyp, in_front, matroska, mp4_box, number, video_track, words};

/// Milliseconds, bytes and whether decoding can begin.
fn points(times: &TimeIndex) -> Vec<(u128, u64, bool)> {
    times.points().iter().map(|point| (point.time.as_millis(), point.byte, point.is_sync)).collect()
}

fn times_of(file: &Sparse) -> TimeIndex {
    file.read().unwrap().0.time_index.unwrap()
}

#[test]
fn small_sample_sizes_are_of_4_8_or_16_bits() {
    let compact = |bits: u32, sizes: &[u8]| {
        let count = 4_u32.to_be_bytes();
        mp4_box(b"stz2", &[&[0; 4], &bits.to_be_bytes(), &count, sizes])
    };
    let table = [
        (4, &[0x12, 0x34][..], [1000, 1001, 1003, 1006]),
        (8, &[10, 20, 30, 40], [1000, 1010, 1030, 1060]),
        (16, &[1, 0, 2, 0, 3, 0, 4, 0], [1000, 1256, 1768, 2536]),
    ];
    for (bits, sizes, bytes) in table {
        let file = in_front(&[
            words(b"stts", &[1, 4, 1000]),
            compact(bits, sizes),
            words(b"stsc", &[1, 1, 4, 1]),
            words(b"stco", &[1, 1000]),
        ]);
        let found: Vec<_> = points(&times_of(&file)).iter().map(|(_, byte, _)| *byte).collect();
        assert_eq!(found, bytes, "{bits}");
    }
}

/// A movie with an edit list; ticks of the movie and of the track are milliseconds.
fn edited(elst: &[u8], ctts: &[u32]) -> Sparse {
    let stbl = [
        words(b"stts", &[1, 3, 1000]),
        words(b"ctts", ctts),
        words(b"stss", &[2, 1, 3]),
        words(b"stsz", &[10, 3]),
        words(b"stsc", &[1, 1, 3, 1]),
        words(b"stco", &[1, 1000]),
    ];
    let hdlr = words(b"hdlr", &[0, u32::from_be_bytes(*b"vide"), 0, 0, 0]);
    let minf = mp4_box(b"minf", &[&mp4_box(b"stbl", &[&stbl.concat()])]);
    let mdia = mp4_box(b"mdia", &[&words(b"mdhd", &[0, 0, 1000, 3000, 0]), &hdlr, &minf]);
    let edts = mp4_box(b"edts", &[&mp4_box(b"elst", &[elst])]);
    let trak = mp4_box(b"trak", &[&words(b"tkhd", &[0, 0, 1, 0, 0]), &edts, &mdia]);
    let moov = mp4_box(b"moov", &[&words(b"mvhd", &[0, 0, 1000, 3000]), &trak]);
    let mut file = Sparse::of([ftyp(), moov].concat());
    file.skip(1 << 20);
    file
}

#[test]
fn edits_and_shifts_move_what_is_shown() {
    let big = |numbers: &[u32]| numbers.iter().flat_map(|number| number.to_be_bytes()).collect::<Vec<_>>();
    let no_shift = [1, 3, 0];
    let nothing = u32::MAX;
    // Half a second of nothing, then from 200 ms of the track on.
    let short = big(&[0, 2, 500, nothing, 0x1_0000, 3000, 200, 0x1_0000]);
    let long = big(&[1 << 24, 2, 0, 500, nothing, nothing, 0x1_0000, 0, 3000, 0, 200, 0x1_0000]);
    for elst in [&short, &long] {
        let found = points(&times_of(&edited(elst, &no_shift)));
        // The frame between stands less than a second behind the first.
        assert_eq!(found, [(500, 1000, true), (2300, 1020, true)]);
    }
    // Frames that are shown 300 ms after, and 100 ms before, they are decoded.
    let shifts = [2, 2, 300, 1, (-100_i32).cast_unsigned()];
    let found = points(&times_of(&edited(&big(&[0, 0]), &shifts)));
    assert_eq!(found, [(300, 1000, true), (1300, 1010, false), (1900, 1020, true)]);
}

fn sidx(references: &[(u32, u32)], first_offset: u32) -> Vec<u8> {
    let count = references.len() as u32;
    let entries = references.iter().flat_map(|(size, millis)| [*size, *millis, 0x9000_0000]);
    let all: Vec<u32> = [1, 1000, 0, first_offset, count].into_iter().chain(entries).collect();
    words(b"sidx", &all)
}

#[test]
fn an_index_of_segments_may_name_others() {
    const INDEX: u32 = 1 << 31;
    let mvex = mp4_box(b"mvex", &[&words(b"trex", &[1, 1, 0, 0, 0])]);
    let hdlr = words(b"hdlr", &[0, u32::from_be_bytes(*b"vide"), 0, 0, 0]);
    let mdia = mp4_box(b"mdia", &[&words(b"mdhd", &[0, 0, 1000, 0, 0]), &hdlr]);
    let trak = mp4_box(b"trak", &[&words(b"tkhd", &[0, 0, 1, 0, 0]), &mdia]);
    let moov = mp4_box(b"moov", &[&words(b"mvhd", &[0, 0, 1000, 0]), &trak, &mvex]);

    let first = sidx(&[(5000, 2000), (6000, 2000)], 0);
    let mut second = sidx(&[(7000, 3000)], 0);
    // Its first moment is that of its first segment.
    second[20..24].copy_from_slice(&4000_u32.to_be_bytes());
    let (first_bytes, second_bytes) = (first.len() as u32 + 11_000, second.len() as u32 + 7000);
    let top = sidx(&[(INDEX | first_bytes, 4000), (INDEX | second_bytes, 3000)], 0);
    let start = (ftyp().len() + moov.len() + top.len()) as u64;
    let mut file = Sparse::of([ftyp(), moov, top].concat());
    let first_at = file.bytes + first.len() as u64;
    file.append(first);
    file.skip(11_000);
    let second_at = file.bytes + second.len() as u64;
    file.append(second);
    file.skip(7000);
    assert_eq!(first_at - start, u64::from(first_bytes) - 11_000);

    let (index, asked) = file.read().unwrap();

    assert_eq!(index.duration, Some(Duration::from_secs(7)));
    let found = points(&index.time_index.unwrap());
    assert_eq!(found, [(0, first_at, true), (2000, first_at + 5000, true), (4000, second_at, true)]);
    assert!(asked < 4096 + 200, "{asked}");
}

fn chapter(start: u64, more: &[Vec<u8>]) -> Vec<u8> {
    element(0xb6, &[number(0x91, start * 1_000_000_000), more.concat()].concat())
}

fn named(text: &str, language: &str) -> Vec<u8> {
    element(0x80, &[element(0x85, text.as_bytes()), element(0x437c, language.as_bytes())].concat())
}

fn read_chapters(editions: &[Vec<u8>]) -> ContainerIndex {
    let bytes = matroska(&[video_track(), element(0x1043_a770, &editions.concat())]);
    Sparse::of(bytes).read().unwrap().0
}

#[test]
fn the_edition_that_is_shown_is_the_default_one_without_what_is_hidden() {
    let hidden = element(0x45b9, &[number(0x45bd, 1), chapter(0, &[])].concat());
    let other = element(0x45b9, &chapter(7, &[named("Other", "eng")]));
    let inner = chapter(12, &[named("Inner", "eng")]);
    let default = [
        number(0x45db, 1),
        chapter(20, &[named("End", "eng")]),
        chapter(10, &[named("Mitte", "ger"), named("Middle", "und"), inner, number(0x92, 19_000_000_000)]),
        chapter(0, &[]),
        chapter(15, &[number(0x98, 1)]),
        chapter(16, &[number(0x4598, 0)]),
    ];
    let index = read_chapters(&[hidden, other, element(0x45b9, &default.concat())]);

    assert_eq!(index.editions.len(), 2);
    let shown: Vec<_> = index
        .chapters()
        .iter()
        .map(|it| (it.start.as_secs(), it.end.map(|end| end.as_secs()), it.depth, it.names.len()))
        .collect();
    assert_eq!(shown, [(0, Some(10), 0, 0), (10, Some(19), 0, 2), (12, Some(20), 1, 1), (20, None, 0, 1)]);
    let names: Vec<_> =
        index.chapters()[1].names.iter().map(|name| (name.text.as_str(), name.language.as_deref())).collect();
    assert_eq!(names, [("Mitte", Some("ger")), ("Middle", None)]);
}

#[test]
fn an_ordered_edition_keeps_its_order() {
    let ordered = [number(0x45dd, 1), chapter(9, &[]), chapter(3, &[])].concat();
    let index = read_chapters(&[element(0x45b9, &ordered)]);
    assert!(index.editions[0].is_ordered);
    let starts: Vec<_> = index.chapters().iter().map(|chapter| chapter.start.as_secs()).collect();
    assert_eq!(starts, [9, 3]);
}

#[test]
fn a_track_that_says_nothing_is_english_and_the_newer_way_to_name_a_language_wins() {
    let entry = |number_of: u64, kind: u64, more: &[Vec<u8>]| {
        element(0xae, &[number(0xd7, number_of), number(0x83, kind), more.concat()].concat())
    };
    let tracks = [
        entry(1, 2, &[]),
        entry(2, 2, &[element(0x0022_b59c, b"chi"), element(0x0022_b59d, b"zh-Hant")]),
        entry(3, 0x11, &[element(0x0022_b59c, b"und\0"), number(0x88, 0)]),
        entry(4, 0x12, &[]),
    ];
    let bytes = matroska(&[element(0x1654_ae6b, &tracks.concat())]);

    let index = Sparse::of(bytes).read().unwrap().0;

    let found: Vec<_> =
        index.tracks.iter().map(|it| (it.kind, it.language.as_deref(), it.is_default)).collect();
    assert_eq!(
        found,
        [
            (ContainerTrackKind::Audio, Some("eng"), true),
            (ContainerTrackKind::Audio, Some("zh-Hant"), true),
            (ContainerTrackKind::Subtitle, None, false),
            (ContainerTrackKind::Other, Some("eng"), true),
        ]
    );
}
