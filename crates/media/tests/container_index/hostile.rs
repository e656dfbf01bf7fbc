//! Files that no program writes: tables that claim more than there is, sizes at the edge of numbers, parts that name each
//! other. And films larger than a test could hold.

use std::time::Duration;

use freshet_media::index::{IndexError, NoTimeIndex};

use crate::made::{
    Sparse, element, ftyp, in_front, matroska, moov, mp4_box, number, seek, video_track, words,
};

#[test]
fn a_film_of_a_terabyte_is_stepped_over() {
    let mut file = Sparse::of(ftyp());
    let film_bytes = 1_u64 << 40;
    let size = (film_bytes + 16).to_be_bytes();
    file.append([&1_u32.to_be_bytes()[..], b"mdat", &size].concat());
    file.skip(film_bytes);
    let half = (film_bytes / 2) as u128;
    file.append(moov(&[
        words(b"stts", &[1, 60, 1000]),
        words(b"stss", &[2, 1, 31]),
        words(b"stsz", &[4096, 60]),
        words(b"stsc", &[1, 1, 30, 1]),
        words(b"co64", &[2, 0, 64, (half >> 32) as u32, half as u32]),
    ]));

    let (index, asked) = file.read().unwrap();

    let times = index.time_index.unwrap();
    let syncs: Vec<_> = times
        .points()
        .iter()
        .filter(|point| point.is_sync)
        .map(|point| (point.time.as_secs(), point.byte))
        .collect();
    assert_eq!(syncs, [(0, 64), (30, half as u64)]);
    assert!(asked < 5000, "{asked}");
}

#[test]
fn tables_that_claim_billions_of_samples_take_no_longer_than_their_bytes() {
    let all = u32::MAX;
    let table: [(&str, &[Vec<u8>]); 4] = [
        (
            "one chunk",
            &[
                words(b"stts", &[1, all, 1]),
                words(b"stsz", &[1, all]),
                words(b"stsc", &[1, 1, all, 1]),
                words(b"stco", &[1, 99]),
            ],
        ),
        (
            "times that overflow",
            &[
                words(b"stts", &[4, all, all, all, all, all, all, all, all]),
                words(b"ctts", &[1, all, 0x8000_0000]),
                words(b"stss", &[3, 1, all - 1, all]),
                words(b"stsz", &[all, all]),
                words(b"stsc", &[1, 1, all, 1]),
                words(b"co64", &[1, all, all]),
            ],
        ),
        (
            "tables without entries",
            &[
                words(b"stts", &[all]),
                words(b"stsz", &[0, all]),
                words(b"stsc", &[all]),
                words(b"stco", &[all]),
            ],
        ),
        (
            "chunks of nothing",
            &[
                words(b"stts", &[2, 0, 0, all, 1]),
                words(b"stsz", &[0, 2, 10, 10]),
                words(b"stsc", &[2, 5, 0, 1, 1, 1, 1]),
                words(b"stco", &[3, 1, 2, 3]),
            ],
        ),
    ];
    for (name, tables) in table {
        let (index, _) = in_front(tables).read().unwrap();
        let points = index.time_index.map_or(0, |times| times.points().len());
        assert!(points <= 1, "{name}: {points}");
    }
}

#[test]
fn long_tables_are_read_in_one_pass() {
    let count = 1_000_000_u32;
    let sizes: Vec<u32> = [0, count].into_iter().chain((0..count).map(|_| 1)).collect();
    let chunks: Vec<u32> = [count].into_iter().chain((0..count).map(|at| 10_000_000 + at)).collect();
    let times: Vec<u32> = [count].into_iter().chain((0..count).flat_map(|_| [1, 40])).collect();
    let syncs: Vec<u32> = [count].into_iter().chain(1..=count).collect();
    let runs: Vec<u32> = [count].into_iter().chain((1..=count).flat_map(|at| [at, 1, 1])).collect();
    let file = in_front(&[
        words(b"stts", &times),
        words(b"stss", &syncs),
        words(b"stsz", &sizes),
        words(b"stsc", &runs),
        words(b"stco", &chunks),
    ]);

    let (index, _) = file.read().unwrap();

    let times = index.time_index.unwrap();
    assert!((60_000..=140_000).contains(&times.points().len()), "{}", times.points().len());
    assert!(times.points().last().unwrap().byte >= 10_999_980);
}

#[test]
fn a_movie_larger_than_all_that_may_be_asked_for_is_refused() {
    let mut file = Sparse::of([&ftyp()[..], &(100_u32 << 20).to_be_bytes(), b"moov"].concat());
    file.skip(1 << 30);
    assert_eq!(file.read().unwrap_err(), IndexError::TooLarge);
}

#[test]
fn boxes_without_end_are_an_error() {
    let many = (0..30_000).flat_map(|_| mp4_box(b"free", &[])).collect();
    assert_eq!(Sparse::of([ftyp(), many].concat()).read().unwrap_err(), IndexError::TooLarge);
    let none = [&ftyp()[..], b"\0\0\0\x07moov"].concat();
    assert_eq!(Sparse::of(none).read().unwrap_err(), IndexError::Damaged(16));
    let past_end = [&ftyp()[..], b"\0\0\0\x01mdat\xff\xff\xff\xff\xff\xff\xff\xff"].concat();
    assert_eq!(Sparse::of(past_end).read().unwrap_err(), IndexError::Truncated(32));
}

const SEEK_HEAD: u32 = 0x114d_9b74;
const CUES: u32 = 0x1c53_bb6b;

#[test]
fn parts_that_name_each_other_are_read_once() {
    let all: Vec<u8> = (0..200).flat_map(|at| [seek(SEEK_HEAD, at * 50), seek(CUES, at)].concat()).collect();
    let head = element(SEEK_HEAD, &all);
    let bytes = matroska(&[head.clone(), video_track(), head]);
    let length = bytes.len() as u64;
    let (index, asked) = Sparse::of(bytes).read().unwrap();
    assert_eq!(index.time_index, Err(NoTimeIndex::Damaged));
    assert!(asked <= 4 * length, "{asked} of {length}");
}

#[test]
fn positions_at_the_edge_of_numbers_are_behind_the_end() {
    for position in [u64::MAX, u64::MAX - 100, 1 << 63, 1_000_000] {
        let head = element(SEEK_HEAD, &seek(CUES, position));
        let (index, _) = Sparse::of(matroska(&[head, video_track()])).read().unwrap();
        let why = index.time_index.unwrap_err();
        assert!(matches!(why, NoTimeIndex::BeyondEnd | NoTimeIndex::Absent), "{position}: {why}");
    }
}

#[test]
fn cues_that_lie_are_left_out() {
    let cue = |time, position| {
        element(
            0xbb,
            &[number(0xb3, time), element(0xb7, &[number(0xf7, 1), number(0xf1, position)].concat())]
                .concat(),
        )
    };
    let cues = [
        cue(0, 10),
        cue(1000, u64::MAX),
        cue(u64::MAX, 20),
        cue(2000, 300),
        cue(3000, 200),
        cue(4000, 100_000),
        cue(5000, 400),
    ];
    let bytes = matroska(&[element(0x1549_a966, &[]), video_track(), element(CUES, &cues.concat())]);
    let mut file = Sparse::of(bytes);
    file.skip(1000);

    let (index, _) = file.read().unwrap();

    let times = index.time_index.unwrap();
    let secs: Vec<_> = times.points().iter().map(|point| point.time.as_secs()).collect();
    assert_eq!(secs.first(), Some(&0));
    assert!(secs == [0, 2, 5] || secs == [0, 3, 5], "{secs:?}");
    assert_eq!(times.sync_before(Duration::from_secs(9)).map(|point| point.time.as_secs()), Some(5));
}

#[test]
fn chapters_inside_chapters_and_names_have_an_end() {
    let mut nested = Vec::new();
    for _ in 0..3000 {
        nested = element(0xb6, &[number(0x91, 5), nested].concat());
    }
    let wide: Vec<u8> = (0..10_000).flat_map(|at| element(0xb6, &number(0x91, at * 1_000_000))).collect();
    let edition = element(0x45b9, &[nested, wide].concat());
    let bytes = matroska(&[video_track(), element(0x1043_a770, &edition)]);

    let (index, _) = Sparse::of(bytes).read().unwrap();

    assert_eq!(index.chapters().len(), 4096);
    assert_eq!(index.chapters().iter().map(|chapter| chapter.depth).max(), Some(7));
    let ends = index.chapters().iter().filter_map(|chapter| Some((chapter.start, chapter.end?)));
    assert!(ends.into_iter().all(|(start, end)| end > start));
}

#[test]
fn attached_data_is_stepped_over_however_large() {
    let font_bytes = 1_u64 << 36;
    let mut inside = element(0x466e, b"font.ttf");
    // More than is looked at together with the header.
    inside.extend(element(0x4660, &[b'm'; 1000]));
    inside.extend([0x46, 0x5c]);
    inside.extend((font_bytes | 1 << 56).to_be_bytes());
    let file_bytes = inside.len() as u64 + font_bytes;
    let header = |id: u32, skip: usize, bytes: u64| {
        [&id.to_be_bytes()[skip..], &(bytes | 1 << 56).to_be_bytes()].concat()
    };
    let attachments =
        [header(0x1941_a469, 0, file_bytes + 10), header(0x61a7, 2, file_bytes), inside].concat();
    let parts = [video_track(), attachments].concat();
    let ebml = element(0x1a45_dfa3, &element(0x4282, b"matroska"));
    let segment = header(0x1853_8067, 0, parts.len() as u64 + font_bytes);
    let mut file = Sparse::of([ebml, segment, parts].concat());
    file.skip(font_bytes);

    let (index, asked) = file.read().unwrap();

    assert_eq!(index.attachments.len(), 1);
    assert_eq!(index.attachments[0].name, "font.ttf");
    assert_eq!(index.attachments[0].mime_type, "m".repeat(200));
    assert_eq!(index.attachments[0].data.end, file.bytes);
    assert!(asked <= 4096, "{asked}");
}
