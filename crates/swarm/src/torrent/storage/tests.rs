use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use tempfile::TempDir;

use super::*;
use crate::schedule::Class;

const PIECE_BYTES: u32 = 16 * 1024;
const PIECES: u32 = 16;
const PLENTY: u64 = 1 << 40;

struct Place {
    storage: Arc<Storage>,
    free_bytes: Arc<AtomicU64>,
    dir: TempDir,
}

fn place(limit_pieces: Option<u32>) -> Place {
    let dir = tempfile::tempdir().unwrap();
    let free_bytes = Arc::new(AtomicU64::new(PLENTY));
    let free = Arc::clone(&free_bytes);
    let limit_bytes = limit_pieces.map(|pieces| u64::from(pieces * PIECE_BYTES));
    let storage =
        Storage::new(dir.path().to_owned(), limit_bytes, Box::new(move |_| Ok(free.load(Ordering::Relaxed))));
    Place { storage, free_bytes, dir }
}

impl Place {
    fn torrent(&self, byte: u8) -> (Keeper, mpsc::Receiver<ToTorrent>) {
        let (inbox, heard) = mpsc::channel(64);
        let total_bytes = u64::from(PIECES * PIECE_BYTES);
        let whereabouts = Whereabouts {
            info_hash: InfoHash::new([byte; 20]),
            layout: Layout::new(PIECE_BYTES, total_bytes).unwrap(),
            files: [FileSpan { length_bytes: total_bytes, is_padding: false }].into(),
            handles: FileHandles::new(8),
        };
        let keeper = self.storage.enlist(whereabouts, inbox).unwrap();
        keeper.begin(None, false);
        (keeper, heard)
    }

    /// As if the last look at the disk was long ago.
    fn set_free(&self, bytes: u64) {
        self.free_bytes.store(bytes, Ordering::Relaxed);
        self.storage.lock().looked_at = None;
    }
}

fn write(keeper: &Keeper, piece: u32, may_displace: bool) -> Result<(), Unwritten> {
    let piece = PieceIndex(piece);
    let written = keeper.write(piece, &[Bytes::from(vec![7; PIECE_BYTES as usize])], may_displace);
    keeper.release(piece);
    written
}

fn gone(heard: &mut mpsc::Receiver<ToTorrent>) -> Vec<u32> {
    let message = || heard.try_recv().ok();
    let piece = |message| match message {
        ToTorrent::GaveUp(PieceIndex(piece)) => piece,
        _ => panic!("nothing else is told"),
    };
    std::iter::from_fn(message).map(piece).collect()
}

fn player(at: u32, ahead: u32) -> Stand {
    Stand { class: Class::Player, at, ahead, piece_bytes: PIECE_BYTES }
}

#[test]
fn what_was_not_used_for_longest_makes_room_across_torrents() {
    let place = place(Some(4));
    let (one, mut one_hears) = place.torrent(1);
    let (other, mut other_hears) = place.torrent(2);
    (0..3).for_each(|piece| write(&one, piece, true).unwrap());
    one.touch(0..1);
    (0..3).for_each(|piece| write(&other, piece, true).unwrap());

    assert_eq!((gone(&mut one_hears), gone(&mut other_hears)), (vec![1, 2], vec![]));
    assert!(!one.files().holds(PieceIndex(1)) && one.files().holds(PieceIndex(0)));
    assert_eq!(place.storage.used_bytes(), u64::from(4 * PIECE_BYTES));
    assert!(matches!(write(&other, 3, false), Err(Unwritten::NoRoom { is_disk_low: false })));
    assert!(other.has_free(0) && !other.has_free(1));
}

#[test]
fn a_window_is_cut_and_nothing_in_it_goes() {
    let place = place(Some(4));
    let (keeper, mut heard) = place.torrent(1);
    assert_eq!(keeper.stand(0, player(2, 14)), 4);
    (2..6).for_each(|piece| write(&keeper, piece, true).unwrap());
    assert!(matches!(write(&keeper, 9, true), Err(Unwritten::NoRoom { .. })));
    assert!(gone(&mut heard).is_empty());

    assert_eq!(keeper.stand(1, player(10, 1)), 1);
    assert_eq!(keeper.stand(0, player(2, 14)), 2, "what stays behind counts too");
    write(&keeper, 10, true).unwrap();
    keeper.leave(0);
    write(&keeper, 11, true).unwrap();
    assert_eq!(gone(&mut heard).len(), 2);
}

#[test]
fn on_a_disk_that_is_nearly_full_no_more_is_used_than_before() {
    let place = place(None);
    let (keeper, mut heard) = place.torrent(1);
    (0..2).for_each(|piece| write(&keeper, piece, true).unwrap());
    place.set_free(FREE_FLOOR_BYTES - 1);
    write(&keeper, 2, true).unwrap();
    assert_eq!(gone(&mut heard), [0]);
    keeper.set_pinned(true);
    assert!(matches!(write(&keeper, 3, true), Err(Unwritten::NoRoom { is_disk_low: true })));

    place.set_free(PLENTY);
    write(&keeper, 3, true).unwrap();
    assert_eq!((gone(&mut heard), place.storage.used_bytes()), (vec![], 0));
}

#[test]
fn a_disk_that_is_full_before_the_budget_is_gets_room_for_one_piece_at_a_time() {
    let place = place(None);
    let (keeper, mut heard) = place.torrent(1);
    assert!(!keeper.free(PIECE_BYTES), "nothing is there that could go");
    (0..3).for_each(|piece| write(&keeper, piece, true).unwrap());
    keeper.stand(0, player(0, 2));
    assert!(keeper.free(PIECE_BYTES));
    assert_eq!(gone(&mut heard), [2]);
    assert!(!keeper.free(PIECE_BYTES), "what a reader needs does not go");
}

#[test]
fn what_an_ended_torrent_left_counts_and_goes_and_is_known_when_it_begins_again() {
    let place = place(Some(4));
    let (ended, _) = place.torrent(1);
    (0..4).for_each(|piece| write(&ended, piece, true).unwrap());
    drop(ended);
    let (keeper, _heard) = place.torrent(2);
    write(&keeper, 0, true).unwrap();
    assert_eq!(place.storage.used_bytes(), u64::from(4 * PIECE_BYTES));
    let path = place.dir.path().join(InfoHash::new([1; 20]).to_string()).join("0");
    let bytes = std::fs::read(path).unwrap();
    assert!(bytes[..PIECE_BYTES as usize].iter().all(|byte| *byte == 0), "the piece is gone");
    assert!(bytes[PIECE_BYTES as usize..].iter().all(|byte| *byte == 7));

    let (again, mut heard) = place.torrent(1);
    assert_eq!(place.storage.used_bytes(), u64::from(4 * PIECE_BYTES));
    again.discard(PieceIndex(0));
    write(&keeper, 1, true).unwrap();
    gone(&mut heard);
    drop(again);
    place.storage.forget(InfoHash::new([1; 20]));
    assert!(place.storage.used_bytes() <= u64::from(2 * PIECE_BYTES));
}
