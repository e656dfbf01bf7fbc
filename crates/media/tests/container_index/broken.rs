//! Files that are cut short or wrong, as far as real files show it; what is made up byte by byte is in `src/fuzz.rs`.

use freshet_media::index::{IndexError, MAX_ASKED_BYTES, Progress, Reader};
use proptest::prelude::*;

use crate::clips::{H264, clip};
use crate::drive;

/// The heads and indexes of a film in Matroska, one in MP4, and one in fragments.
fn films() -> Vec<Vec<u8>> {
    let folder = tempfile::tempdir().unwrap();
    [("a.mkv", &[][..]), ("b.mp4", &[]), ("c.mp4", &["-movflags", "frag_keyframe+empty_moov"])]
        .iter()
        .map(|(name, args)| std::fs::read(clip(folder.path(), name, 4, &[&H264[..], args].concat())).unwrap())
        .collect()
}

/// Reads what can be read, and asks for nothing that it should not.
fn read_broken(bytes: &[u8]) {
    let mut reader = Reader::new(bytes.len() as u64);
    if let Ok(index) = drive(&mut reader, bytes, |_| {})
        && let Ok(times) = &index.time_index
    {
        assert!(times.points().iter().all(|point| point.byte < bytes.len() as u64));
    }
    assert!(reader.asked_bytes() <= MAX_ASKED_BYTES);
    assert!(reader.need().is_empty());
    assert!(matches!(reader.feed(&[]), Err(IndexError::Ended)));
}

#[test]
fn files_cut_anywhere_are_read_as_far_as_they_go() {
    for film in films() {
        let heads = 0..film.len().min(6000);
        let tail = film.len().saturating_sub(3000)..film.len();
        for length in heads.chain(tail).step_by(7) {
            read_broken(&film[..length]);
        }
    }
}

#[test]
fn wrong_bytes_anywhere_make_no_panic() {
    let films = films();
    // Where bytes matter: at the front and in the last kilobytes.
    let place = prop_oneof![0..2000_usize, (0..3000_usize).prop_map(|at| usize::MAX - at)];
    let changes = prop::collection::vec((place, any::<u8>()), 1..12);
    let config = ProptestConfig { cases: 3000, failure_persistence: None, ..ProptestConfig::default() };
    proptest!(config, |(which in 0..films.len(), changes in changes)| {
        let mut film = films[which].clone();
        let length = film.len();
        for (place, byte) in changes {
            let at = if place < length { place } else { length - 1 - (usize::MAX - place).min(length - 1) };
            film[at] = byte;
        }
        read_broken(&film);
    });
}

#[test]
fn bytes_may_come_one_at_a_time() {
    for film in films() {
        let mut at_once = Reader::new(film.len() as u64);
        let expected = drive(&mut at_once, &film, |_| {}).unwrap();
        let mut reader = Reader::new(film.len() as u64);
        let index = loop {
            let at = reader.need().start as usize;
            if let Progress::Done(index) = reader.feed(&film[at..=at]).unwrap() {
                break index;
            }
        };
        assert_eq!(*index, expected);
        assert_eq!(reader.asked_bytes(), at_once.asked_bytes());
    }
}

#[test]
fn what_is_no_film_is_refused_by_its_head() {
    for bytes in [&b""[..], b"x", b"#EXTM3U\nhttp://example.org/", &[0; 100], b"RIFF1234AVI "] {
        let mut reader = Reader::new(bytes.len() as u64);
        assert_eq!(reader.feed(bytes).unwrap_err(), IndexError::UnknownContainer, "{bytes:?}");
    }
    let mut reader = Reader::new(1000);
    assert_eq!(reader.feed(&[]).unwrap_err(), IndexError::Truncated(0));
    let mut huge = Reader::new(u64::MAX);
    let moov = [&b"\0\0\0\x01moov\x01"[..], &[0; 4000]].concat();
    while let Ok(Progress::Need(_)) = huge.feed(&moov) {}
    assert!(huge.asked_bytes() <= 4096);
}
