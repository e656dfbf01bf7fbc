use std::collections::BTreeSet;
use std::io::ErrorKind;
use std::sync::atomic::Ordering;

use proptest::prelude::*;

use super::*;
use crate::Bitfield;

fn used(torrent: &Torrent, file: u32) -> u64 {
    super::super::disk::allocated_bytes(&fs::metadata(torrent.folder.join(file.to_string())).unwrap())
}

#[cfg(target_os = "linux")]
#[test]
fn a_piece_gives_back_its_blocks_and_its_neighbors_stay() {
    let dir = tempfile::tempdir().unwrap();
    let torrent = Torrent::new(dir.path(), 64 * KIB, &[file(256 * KIB)]);
    torrent.write_all();
    let before = used(&torrent, 0);

    let result = torrent.files.punch(PieceIndex(1)).unwrap();

    assert_eq!((result.freed_bytes, result.stuck_bytes), (64 * KIB, 0));
    assert_eq!(used(&torrent, 0), before - 64 * KIB);
    assert_eq!(torrent.files.allocated_bytes(), before - 64 * KIB);
    assert_eq!(torrent.read(1).unwrap_err().kind(), ErrorKind::NotFound);
    for piece in [0, 2, 3] {
        assert_eq!(torrent.read(piece).unwrap(), torrent.piece(piece));
    }
    assert_eq!(torrent.files.punch(PieceIndex(1)).unwrap().freed_bytes, 0);
    torrent.write(1);
    assert_eq!(torrent.read(1).unwrap(), torrent.piece(1));
    assert_eq!(torrent.files.punch(PieceIndex(4)).unwrap_err().kind(), ErrorKind::InvalidInput);
}

#[cfg(target_os = "linux")]
#[test]
fn a_block_that_pieces_share_is_free_when_the_last_of_them_goes() {
    let dir = tempfile::tempdir().unwrap();
    // Piece borders lie in the middle of the second file's blocks.
    let torrent = Torrent::new(dir.path(), 16 * KIB, &[file(1000), file(79_000)]);
    torrent.write_all();

    torrent.files.punch(PieceIndex(1)).unwrap();
    assert_eq!(torrent.read(0).unwrap(), torrent.piece(0));
    assert_eq!(torrent.read(2).unwrap(), torrent.piece(2));
    for piece in [3, 0, 4, 2] {
        torrent.files.punch(PieceIndex(piece)).unwrap();
    }

    assert_eq!((used(&torrent, 0), used(&torrent, 1)), (0, 0));
}

#[test]
fn without_holes_the_tail_is_cut_and_the_rest_is_told_to_stay() {
    let dir = tempfile::tempdir().unwrap();
    let torrent = Torrent::new(dir.path(), 16 * KIB, &[file(64 * KIB)]);
    torrent.files.inner().can_punch.store(false, Ordering::Relaxed);
    torrent.write_all();
    let punch = |piece| {
        let result = torrent.files.punch(PieceIndex(piece)).unwrap();
        (result.freed_bytes, result.stuck_bytes)
    };
    let length = || fs::metadata(torrent.folder.join("0")).unwrap().len();

    assert_eq!((punch(2), length()), ((0, 16 * KIB), 64 * KIB));
    assert_eq!(torrent.read(2).unwrap_err().kind(), ErrorKind::NotFound, "it is given up all the same");
    assert_eq!((punch(3), length()), ((32 * KIB, 0), 32 * KIB));
    assert_eq!(torrent.read(1).unwrap(), torrent.piece(1));
    assert_eq!((punch(0), length()), ((0, 16 * KIB), 32 * KIB));
    assert_eq!((punch(1), length()), ((32 * KIB, 0), 0));
    torrent.write(3);
    assert_eq!(torrent.read(3).unwrap(), torrent.piece(3));
}

#[cfg(target_os = "linux")]
#[test]
fn what_a_crash_left_over_is_given_back() {
    let dir = tempfile::tempdir().unwrap();
    let spans = [file(33 * KIB), padding(31 * KIB), file(64 * KIB), file(16 * KIB)];
    let before = Torrent::new(dir.path(), 16 * KIB, &spans);
    before.write_all();
    let torrent = Torrent::new(dir.path(), 16 * KIB, &spans);
    let mut kept = Bitfield::new(torrent.layout.pieces());
    for piece in [0, 5] {
        kept.set(PieceIndex(piece));
    }
    torrent.files.set_kept(&kept);

    torrent.files.punch_unkept().unwrap();

    assert_eq!([0, 2, 3].map(|file| used(&torrent, file)), [16 * KIB, 16 * KIB, 0]);
    assert_eq!(torrent.read(0).unwrap(), torrent.piece(0));
    assert_eq!(torrent.read(5).unwrap(), torrent.piece(5));
}

#[test]
fn a_piece_is_never_lost_to_its_neighbor_in_another_thread() {
    let dir = tempfile::tempdir().unwrap();
    // Not a multiple of a block: all borders are shared.
    let torrent = Torrent::new(dir.path(), 5000, &[file(40_000)]);
    torrent.files.set_kept(&Bitfield::new(8));
    std::thread::scope(|scope| {
        for first in 0..2 {
            let torrent = &torrent;
            scope.spawn(move || {
                for round in 0..200_u32 {
                    let piece = (first + 2 * round) % 8;
                    torrent.write(piece);
                    assert_eq!(torrent.read(piece).unwrap(), torrent.piece(piece), "round {round}");
                    torrent.files.punch(PieceIndex(piece)).unwrap();
                }
            });
        }
    });
    assert_eq!(torrent.files.allocated_bytes(), 0);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn kept_pieces_keep_their_bytes_whatever_goes_around_them(
        lengths in prop::collection::vec(0_u64..60_000, 1..6),
        piece_bytes in 500_u64..30_000,
        steps in prop::collection::vec((any::<bool>(), any::<prop::sample::Index>()), 1..60),
        has_holes in prop::bool::weighted(0.7),
    ) {
        let spans: Vec<_> = lengths.iter().map(|length| file(*length)).collect();
        prop_assume!(lengths.iter().sum::<u64>() > 0);
        let dir = tempfile::tempdir().unwrap();
        let torrent = Torrent::new(dir.path(), piece_bytes, &spans);
        torrent.files.set_kept(&Bitfield::new(torrent.layout.pieces()));
        torrent.files.inner().can_punch.store(has_holes, Ordering::Relaxed);
        let mut here = BTreeSet::new();
        for (is_write, piece) in steps {
            let piece = piece.index(torrent.layout.pieces() as usize) as u32;
            if is_write {
                torrent.write(piece);
                here.insert(piece);
            } else {
                torrent.files.punch(PieceIndex(piece)).unwrap();
                here.remove(&piece);
            }
            for piece in 0..torrent.layout.pieces() {
                match torrent.read(piece) {
                    Ok(bytes) => prop_assert!(here.contains(&piece) && bytes == torrent.piece(piece), "piece {piece}"),
                    Err(_) => prop_assert!(!here.contains(&piece), "piece {piece}"),
                }
            }
        }
        for piece in here {
            torrent.files.punch(PieceIndex(piece)).unwrap();
        }
        prop_assert_eq!(torrent.files.allocated_bytes(), 0);
    }
}
