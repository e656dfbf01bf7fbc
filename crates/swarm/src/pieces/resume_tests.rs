use proptest::prelude::*;

use super::*;

const KIB: u64 = 1024;

fn stamp(length_bytes: u64, modified_ns: i64) -> FileStamp {
    FileStamp { length_bytes, modified_ns, allocated_bytes: length_bytes }
}

pub(in crate::pieces) fn some_resume() -> Resume {
    let mut have = Bitfield::new(10);
    have.set(PieceIndex(3));
    have.set(PieceIndex(9));
    Resume {
        layout: LayoutFingerprint([5; 20]),
        have,
        files: vec![Some(stamp(7, -3)), None, Some(stamp(u64::MAX, i64::MAX))],
        uploaded_bytes: 11,
        downloaded_bytes: u64::MAX,
        seeded_secs: 13,
    }
}

/// Files of 24, 8 (padding), and 40 KiB in pieces of 16 KiB: piece 1 lies in file 0 and the padding.
fn torrent() -> (Layout, Spans) {
    let file = |kib: u64, is_padding| FileSpan { length_bytes: kib * KIB, is_padding };
    let spans = Spans::new(vec![file(24, false), file(8, true), file(40, false)], 72 * KIB).unwrap();
    (Layout::new(16 * KIB as u32, 72 * KIB).unwrap(), spans)
}

fn remembered(layout: &Layout, spans: &Spans) -> Resume {
    Resume {
        layout: LayoutFingerprint::of(layout, spans.files()),
        have: Bitfield::full(layout.pieces()),
        files: vec![Some(stamp(24 * KIB, 1)), None, Some(stamp(40 * KIB, 2))],
        uploaded_bytes: 0,
        downloaded_bytes: 0,
        seeded_secs: 0,
    }
}

fn ones(pieces: &Bitfield) -> Vec<u32> {
    pieces.iter_ones().map(|piece| piece.0).collect()
}

fn checked(resume: Option<&Resume>, on_disk: &[Option<FileStamp>]) -> (Vec<u32>, Vec<u32>) {
    let (layout, spans) = torrent();
    let checked = check(&layout, &spans, resume, on_disk);
    (ones(&checked.trusted), ones(&checked.doubtful))
}

#[test]
fn only_pieces_in_unchanged_files_are_trusted() {
    let (layout, spans) = torrent();
    let resume = remembered(&layout, &spans);
    let (first, last) = (Some(stamp(24 * KIB, 1)), Some(stamp(40 * KIB, 2)));
    let reallocated = first.map(|stamp| FileStamp { allocated_bytes: 0, ..stamp });
    type Row = ([Option<FileStamp>; 3], &'static [u32], &'static [u32]);
    let table: [Row; 6] = [
        ([first, None, last], &[0, 1, 2, 3, 4], &[]),
        ([reallocated, None, last], &[0, 1, 2, 3, 4], &[]),
        ([Some(stamp(24 * KIB, 9)), None, last], &[2, 3, 4], &[0, 1]),
        ([Some(stamp(20 * KIB, 1)), None, last], &[2, 3, 4], &[0]),
        ([None, None, last], &[2, 3, 4], &[]),
        ([first, None, Some(stamp(39 * KIB, 2))], &[0, 1], &[2, 3]),
    ];
    for (on_disk, trusted, doubtful) in table {
        assert_eq!(checked(Some(&resume), &on_disk), (trusted.to_vec(), doubtful.to_vec()), "{on_disk:?}");
    }
}

#[test]
fn what_was_not_verified_is_missing() {
    let (layout, spans) = torrent();
    let mut resume = remembered(&layout, &spans);
    resume.have.clear(PieceIndex(2));
    assert_eq!(checked(Some(&resume), &resume.files), (vec![0, 1, 3, 4], vec![]));
}

#[test]
fn without_a_memory_of_this_torrent_all_that_can_be_there_is_doubtful() {
    let (layout, spans) = torrent();
    let on_disk = [Some(stamp(24 * KIB, 1)), None, Some(stamp(17 * KIB, 2))];
    let expected = (vec![], vec![0, 1, 2]);
    assert_eq!(checked(None, &on_disk), expected);

    let good = remembered(&layout, &spans);
    let others = [
        Resume { layout: LayoutFingerprint([0; 20]), ..good.clone() },
        Resume { have: Bitfield::full(6), ..good.clone() },
        Resume { files: vec![None; 2], ..good },
    ];
    for other in others {
        assert_eq!(checked(Some(&other), &on_disk), expected);
    }
    assert_eq!(checked(None, &[]), (vec![], vec![]));
}

#[test]
fn the_fingerprint_changes_with_whatever_moves_bytes() {
    let file = |length_bytes, is_padding| FileSpan { length_bytes, is_padding };
    let of = |piece_bytes, files: &[FileSpan]| {
        let total = files.iter().map(|file| file.length_bytes).sum();
        LayoutFingerprint::of(&Layout::new(piece_bytes, total).unwrap(), files)
    };
    let all = [
        of(16, &[file(10, false), file(20, false)]),
        of(32, &[file(10, false), file(20, false)]),
        of(16, &[file(20, false), file(10, false)]),
        of(16, &[file(10, true), file(20, false)]),
        of(16, &[file(30, false)]),
    ];
    for (n, one) in all.iter().enumerate() {
        assert!(!all[..n].contains(one), "{n}");
    }
}

#[test]
fn bytes_give_back_what_went_in() {
    let resume = some_resume();
    assert_eq!(Resume::from_bytes(&resume.to_bytes()), Some(resume));
}

/// With a right checksum, as only a newer version or somebody who means harm would write.
fn signed(mut body: Vec<u8>) -> Vec<u8> {
    let checksum = Sha1::digest(&body);
    body.extend_from_slice(&checksum);
    body
}

#[test]
fn a_right_checksum_does_not_make_nonsense_good() {
    let bytes = some_resume().to_bytes();
    let body = &bytes[..bytes.len() - CHECKSUM_BYTES];
    assert!(Resume::from_bytes(&signed(body.to_vec())).is_some());
    let with = |at: usize, value: &[u8]| {
        let mut body = body.to_vec();
        body[at..at + value.len()].copy_from_slice(value);
        signed(body)
    };
    let pieces_at = 4 + 4 + 20 + 8 + 8 + 8;
    let files_at = pieces_at + 4 + 2;
    assert_eq!(Resume::from_bytes(&with(4, &3_u32.to_be_bytes())), None, "a newer version");
    assert_eq!(Resume::from_bytes(&with(0, b"X")), None, "another file");
    assert_eq!(Resume::from_bytes(&with(pieces_at, &[0xff; 4])), None, "too many pieces");
    assert_eq!(Resume::from_bytes(&with(files_at, &[0xff; 4])), None, "too many files");
    assert_eq!(Resume::from_bytes(&with(files_at + 4, &[2])), None, "a file that is neither there nor not");
    assert_eq!(Resume::from_bytes(&signed([body, &[0]].concat())), None, "more bytes");
    assert_eq!(Resume::from_bytes(&signed(vec![0; MAX_RESUME_BYTES])), None, "too long");
}

#[test]
fn the_largest_torrent_fits() {
    let resume =
        Resume { have: Bitfield::full(1 << 21), files: vec![Some(stamp(1, 1)); 20_000], ..some_resume() };
    assert_eq!(Resume::from_bytes(&resume.to_bytes()), Some(resume));
}

proptest! {
    #[test]
    fn any_other_bytes_are_refused(at in any::<prop::sample::Index>(), flip in 1_u8.., cut in any::<prop::sample::Index>()) {
        let good = some_resume().to_bytes();
        let mut bytes = good.clone();
        bytes[at.index(good.len())] ^= flip;
        prop_assert_eq!(Resume::from_bytes(&bytes), None);
        prop_assert_eq!(Resume::from_bytes(&good[..cut.index(good.len())]), None);
    }

    #[test]
    fn signed_nonsense_does_not_panic(body in prop::collection::vec(any::<u8>(), 0..200), keep in 0_usize..80) {
        let good = some_resume().to_bytes();
        let body = [&good[..keep.min(good.len())], &body[..]].concat();
        if let Some(resume) = Resume::from_bytes(&signed(body.clone())) {
            prop_assert_eq!(resume.to_bytes(), signed(body));
        }
    }
}
