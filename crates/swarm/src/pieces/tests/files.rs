use std::io::ErrorKind;

use proptest::prelude::*;

use super::super::{Resume, ResumeFile, ResumeStore};
use super::*;
use crate::Bitfield;

#[test]
fn a_file_exists_only_after_the_first_write_and_is_called_by_its_number() {
    let dir = tempfile::tempdir().unwrap();
    let torrent = Torrent::new(dir.path(), 16 * KIB, &[file(16 * KIB), file(0), file(20 * KIB)]);
    assert_eq!(torrent.read(0).unwrap_err().kind(), ErrorKind::NotFound);
    assert!(!torrent.folder.exists());

    torrent.write(2);

    assert_eq!(torrent.names(), ["2"]);
    assert_eq!(torrent.read(2).unwrap(), torrent.piece(2));
    assert_eq!(torrent.read(0).unwrap_err().kind(), ErrorKind::NotFound);
}

#[test]
fn pieces_cross_the_borders_of_files_and_leave_out_padding() {
    let dir = tempfile::tempdir().unwrap();
    let spans = [file(10_000), file(3), padding(6381), file(40_000)];
    let torrent = Torrent::new(dir.path(), 16 * KIB, &spans);
    torrent.write_all();

    let mut first = torrent.piece(0);
    first[10_003..].fill(0);
    assert_eq!(torrent.read(0).unwrap(), first);
    assert_eq!(torrent.names(), ["0", "1", "3"]);
    assert_eq!(fs::read(torrent.folder.join("1")).unwrap(), torrent.bytes(10_000, 3));
    assert_eq!(fs::read(torrent.folder.join("3")).unwrap(), torrent.bytes(16_384, 40_000));
}

#[test]
fn only_whole_pieces_of_the_torrent_are_written_and_only_its_bytes_read() {
    let dir = tempfile::tempdir().unwrap();
    let torrent = Torrent::new(dir.path(), 16 * KIB, &[file(20 * KIB)]);
    let (short, whole) = (vec![0; 4 * KIB as usize], vec![0; 16 * KIB as usize]);
    for (piece, bytes) in [(0, &short), (1, &whole), (2, &short), (2, &vec![]), (u32::MAX, &short)] {
        let written = torrent.files.write_piece(PieceIndex(piece), &[bytes]);
        assert_eq!(written.unwrap_err().kind(), ErrorKind::InvalidInput, "{piece}");
    }
    torrent.write_all();
    for offset in [20 * KIB - 3, 20 * KIB, u64::MAX] {
        let read = torrent.files.read(offset, &mut [0; 4]);
        assert_eq!(read.unwrap_err().kind(), ErrorKind::InvalidInput, "{offset}");
    }
    torrent.files.read(20 * KIB, &mut []).unwrap();
}

#[test]
fn five_thousand_files_need_few_handles() {
    let dir = tempfile::tempdir().unwrap();
    let handles = FileHandles::new(16);
    let torrent = Torrent::with_handles(dir.path(), 16 * KIB, &[file(100); 5000], handles.clone());
    std::thread::scope(|scope| {
        for thread in 0..4 {
            let torrent = &torrent;
            scope.spawn(move || {
                for piece in (thread..torrent.layout.pieces()).step_by(4) {
                    torrent.write(piece);
                    assert_eq!(torrent.read(piece).unwrap(), torrent.piece(piece));
                }
            });
        }
    });
    assert_eq!(torrent.names().len(), 5000);
    assert_eq!(handles.open_count(), 16);
    #[cfg(target_os = "linux")]
    {
        let fds = fs::read_dir("/proc/self/fd").unwrap();
        let ours = fds.filter_map(|fd| fs::read_link(fd.unwrap().path()).ok());
        assert_eq!(ours.filter(|target| target.starts_with(&torrent.folder)).count(), 16);
    }
    drop(torrent);
    assert_eq!(handles.open_count(), 0);
}

#[test]
fn deleting_takes_our_files_only_and_ends_all_use() {
    let dir = tempfile::tempdir().unwrap();
    let torrent = Torrent::new(dir.path(), 16 * KIB, &[file(20 * KIB), file(20 * KIB)]);
    torrent.write_all();
    let resume = torrent.files.remember(&Bitfield::full(3), 1, 2).unwrap();
    ResumeFile::new(dir.path()).save(info_hash(), &resume);
    fs::write(torrent.folder.join("resume.part"), b"x").unwrap();
    fs::write(torrent.folder.join("mine.txt"), b"x").unwrap();
    fs::write(torrent.folder.join("007"), b"x").unwrap();

    assert!(torrent.files.delete().is_err());
    assert_eq!(torrent.names(), ["007", "mine.txt"]);
    fs::remove_file(torrent.folder.join("mine.txt")).unwrap();
    fs::remove_file(torrent.folder.join("007")).unwrap();
    torrent.files.delete().unwrap();
    torrent.files.delete().unwrap();

    assert!(!torrent.folder.exists());
    assert_eq!(torrent.read(0).unwrap_err().kind(), ErrorKind::NotFound);
    let late = torrent.files.write_piece(PieceIndex(0), &[torrent.piece(0)]);
    assert_eq!(late.unwrap_err().kind(), ErrorKind::NotFound);
    assert_eq!(torrent.files.punch(PieceIndex(0)).unwrap_err().kind(), ErrorKind::NotFound);
    assert!(!torrent.folder.exists(), "nothing comes back");
}

#[cfg(unix)]
#[test]
fn planted_links_and_pipes_are_not_followed() {
    let dir = tempfile::tempdir().unwrap();
    let outside = dir.path().join("outside");
    fs::write(&outside, b"precious").unwrap();
    let torrent = Torrent::new(dir.path(), 16 * KIB, &[file(16 * KIB), file(16 * KIB)]);
    fs::create_dir(&torrent.folder).unwrap();
    std::os::unix::fs::symlink(&outside, torrent.folder.join("0")).unwrap();
    let made = std::process::Command::new("mkfifo").arg(torrent.folder.join("1")).status().unwrap();
    assert!(made.success());

    for piece in [0, 1] {
        let bytes = torrent.piece(piece);
        assert!(torrent.files.write_piece(PieceIndex(piece), &[bytes]).is_err());
        assert!(torrent.read(piece).is_err());
    }
    assert_eq!(fs::read(&outside).unwrap(), b"precious");

    let other = tempfile::tempdir().unwrap();
    let linked = Torrent::new(other.path(), 16 * KIB, &[file(16 * KIB)]);
    let folder = dir.path().join("folder");
    fs::create_dir(&folder).unwrap();
    fs::write(folder.join("0"), vec![1; 16 * KIB as usize]).unwrap();
    std::os::unix::fs::symlink(&folder, &linked.folder).unwrap();
    assert!(linked.files.write_piece(PieceIndex(0), &[linked.piece(0)]).is_err());
    assert!(linked.read(0).is_err());
    assert!(linked.files.delete().is_err());
    assert_eq!(fs::read(folder.join("0")).unwrap(), vec![1; 16 * KIB as usize]);
}

#[cfg(unix)]
#[test]
fn only_the_owner_may_look() {
    use std::os::unix::fs::PermissionsExt;

    let dir = tempfile::tempdir().unwrap();
    let torrent = Torrent::new(dir.path(), 16 * KIB, &[file(16 * KIB)]);
    torrent.write(0);
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode(&torrent.folder), mode(&torrent.folder.join("0"))), (0o700, 0o600));
}

/// The same files, as a new start finds them.
fn restarted(dir: &Path, spans: &[FileSpan]) -> (Torrent, Option<Resume>) {
    (Torrent::new(dir, 16 * KIB, spans), ResumeFile::new(dir).load(info_hash()))
}

#[test]
fn a_start_trusts_what_was_saved_and_doubts_what_changed_since() {
    let dir = tempfile::tempdir().unwrap();
    let spans = [file(32 * KIB), file(32 * KIB), file(32 * KIB)];
    let torrent = Torrent::new(dir.path(), 16 * KIB, &spans);
    (0..5).for_each(|piece| torrent.write(piece));
    let mut have = Bitfield::full(6);
    have.clear(PieceIndex(5));
    have.clear(PieceIndex(1));
    let resume = torrent.files.remember(&have, 10, 20).unwrap();
    ResumeFile::new(dir.path()).save(info_hash(), &resume);

    let (again, resume) = restarted(dir.path(), &spans);
    let checked = again.files.check(resume.as_ref());
    assert_eq!((checked.trusted, checked.doubtful.count()), (have, 0));
    assert_eq!(again.read(3).unwrap(), again.piece(3));
    assert_eq!(again.read(1).unwrap_err().kind(), ErrorKind::NotFound, "it was not verified");

    // Right after the save, within one tick of the kernel's clock.
    torrent.files.punch(PieceIndex(2)).unwrap();
    fs::remove_file(torrent.folder.join("2")).unwrap();
    let (again, resume) = restarted(dir.path(), &spans);
    let checked = again.files.check(resume.as_ref());
    let ones = |pieces: &Bitfield| pieces.iter_ones().map(|piece| piece.0).collect::<Vec<_>>();
    assert_eq!((ones(&checked.trusted), ones(&checked.doubtful)), (vec![0], vec![2, 3]));
    assert_eq!(ones(&checked.may_be_here()), [0, 2, 3]);
}

#[test]
fn a_stamp_is_newer_than_every_write_before_it() {
    let dir = tempfile::tempdir().unwrap();
    let torrent = Torrent::new(dir.path(), 16 * KIB, &[file(16 * KIB)]);
    torrent.write(0);
    let written = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();

    let first = torrent.files.remember(&Bitfield::full(1), 0, 0).unwrap().files[0].unwrap();
    assert!(i128::from(first.modified_ns) >= written.as_nanos() as i128);

    let again = torrent.files.remember(&Bitfield::full(1), 0, 0).unwrap().files[0].unwrap();
    assert_eq!(again, first, "nothing was written, so nothing is synced");
}

#[test]
fn what_was_given_up_before_the_save_is_not_remembered() {
    let dir = tempfile::tempdir().unwrap();
    let torrent = Torrent::new(dir.path(), 16 * KIB, &[file(64 * KIB)]);
    torrent.write_all();
    let have = Bitfield::full(4);
    torrent.files.punch(PieceIndex(1)).unwrap();
    let resume = torrent.files.remember(&have, 0, 0).unwrap();
    assert_eq!(resume.have.iter_ones().map(|piece| piece.0).collect::<Vec<_>>(), [0, 2, 3]);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn it_is_one_long_row_of_bytes(
        lengths in prop::collection::vec((0_u64..9000, prop::bool::weighted(0.2)), 1..8),
        piece_bytes in 1000_u64..9000,
        reads in prop::collection::vec((any::<prop::sample::Index>(), any::<prop::sample::Index>()), 1..8),
    ) {
        let spans: Vec<_> =
            lengths.iter().map(|(length_bytes, is_padding)| FileSpan { length_bytes: *length_bytes, is_padding: *is_padding }).collect();
        let total: u64 = spans.iter().map(|span| span.length_bytes).sum();
        prop_assume!(total > 0);
        let dir = tempfile::tempdir().unwrap();
        let torrent = Torrent::with_handles(dir.path(), piece_bytes, &spans, FileHandles::new(1));
        torrent.write_all();
        let mut all = torrent.bytes(0, total as usize);
        let mut start = 0;
        for span in &spans {
            let end = start + span.length_bytes as usize;
            if span.is_padding {
                all[start..end].fill(0);
            }
            start = end;
        }
        for (from, length) in reads {
            let from = from.index(all.len());
            let mut buf = vec![7; length.index(all.len() - from + 1)];
            torrent.files.read(from as u64, &mut buf).unwrap();
            prop_assert_eq!(&buf[..], &all[from..from + buf.len()]);
        }
    }
}
