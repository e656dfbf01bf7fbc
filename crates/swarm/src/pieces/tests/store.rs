use std::io::ErrorKind;

use bytes::Bytes;

use super::super::{PieceStore, RamPieces};
use super::*;

fn blocks(torrent: &Torrent, piece: u32) -> Vec<Bytes> {
    torrent.piece(piece).chunks(16 * KIB as usize).map(Bytes::copy_from_slice).collect()
}

#[test]
fn every_kind_of_store_gives_back_what_was_written() {
    let dir = tempfile::tempdir().unwrap();
    let spans = [file(50_000), file(150_000)];
    let torrent = Torrent::new(dir.path(), 40 * KIB, &spans);
    torrent.files.check(None);
    let stores = [
        PieceStore::Disk(torrent.files.clone()),
        PieceStore::Ram(RamPieces::new(torrent.layout, u64::MAX)),
        PieceStore::RamThenDisk(RamPieces::new(torrent.layout, 90 * KIB), torrent.files.clone()),
    ];
    for store in stores {
        for piece in [3, 0, 4, 2, 1] {
            store.write_piece(PieceIndex(piece), &blocks(&torrent, piece)).unwrap();
        }
        let mut all = vec![7; 199_000];
        store.read(500, &mut all).unwrap();
        assert!(all == torrent.bytes(500, 199_000), "{store:?}");

        assert_eq!(store.punch(PieceIndex(2)).unwrap().stuck_bytes, 0);
        assert_eq!(store.read(80 * KIB - 1, &mut [0; 3]).unwrap_err().kind(), ErrorKind::NotFound);
        store.read(80 * KIB - 3, &mut [0; 3]).unwrap();
        assert_eq!(store.read(200_000, &mut [0; 1]).unwrap_err().kind(), ErrorKind::InvalidInput);
        for piece in [0, 1, 3, 4] {
            store.punch(PieceIndex(piece)).unwrap();
        }
        assert_eq!(store.allocated_bytes(), 0, "{store:?}");
    }
}

#[test]
fn memory_takes_no_more_than_it_may() {
    let dir = tempfile::tempdir().unwrap();
    let torrent = Torrent::new(dir.path(), 16 * KIB, &[file(64 * KIB)]);
    let ram = RamPieces::new(torrent.layout, 40 * KIB);
    for piece in [0, 1, 1] {
        ram.write_piece(PieceIndex(piece), &blocks(&torrent, piece)).unwrap();
    }
    let full = ram.write_piece(PieceIndex(2), &blocks(&torrent, 2));
    assert_eq!(full.unwrap_err().kind(), ErrorKind::StorageFull);
    assert_eq!(ram.allocated_bytes(), 32 * KIB);

    for wrong in [&blocks(&torrent, 2)[..0], &[Bytes::from_static(b"x")]] {
        let refused = ram.write_piece(PieceIndex(2), wrong);
        assert_eq!(refused.unwrap_err().kind(), ErrorKind::InvalidInput);
    }
    ram.delete();
    assert_eq!((ram.allocated_bytes(), ram.holds(PieceIndex(0))), (0, false));
}

#[test]
fn what_does_not_fit_into_memory_goes_to_the_disk() {
    let dir = tempfile::tempdir().unwrap();
    let torrent = Torrent::new(dir.path(), 16 * KIB, &[file(64 * KIB)]);
    torrent.files.check(None);
    let ram = RamPieces::new(torrent.layout, 32 * KIB);
    let store = PieceStore::RamThenDisk(ram.clone(), torrent.files.clone());
    let write = |piece: u32| store.write_piece(PieceIndex(piece), &blocks(&torrent, piece)).unwrap();
    (0..3).for_each(write);
    assert_eq!([0, 1, 2].map(|piece| ram.holds(PieceIndex(piece))), [true, true, false]);

    store.punch(PieceIndex(0)).unwrap();
    (2..4).for_each(write);
    assert_eq!([0, 1, 2, 3].map(|piece| ram.holds(PieceIndex(piece))), [false, true, false, true]);
    store.delete().unwrap();
    assert!(!torrent.folder.exists() && ram.allocated_bytes() == 0);
}
