//! Disks that are full, read-only, or without holes.
//!
//! A small file system in memory is mounted in a mount namespace of its own, which takes the right to mount; without
//! it, there is nothing that these tests could ask.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::super::{ExportKind, ResumeFile, ResumeStore, free_space_bytes};
use super::*;
use crate::Bitfield;

const VARIABLE: &str = "FRESHET_TEST_MOUNT";

/// The mounted folder, in the second run of the test. In the first run, starts the second one and gives `None`.
fn mounted(test: &str, mount: &str) -> Option<PathBuf> {
    if let Some(folder) = std::env::var_os(VARIABLE) {
        return Some(folder.into());
    }
    let may_mount = Command::new("unshare")
        .args(["--mount", "mount", "-t", "tmpfs", "tmpfs", "/mnt"])
        .output()
        .is_ok_and(|output| output.status.success());
    if !may_mount {
        eprintln!("skipped: this user may not mount a file system");
        return None;
    }
    let place = tempfile::tempdir().unwrap();
    let script =
        format!("mount {mount} \"$1\" && exec \"$2\" --exact pieces::tests::mounts::{test} --nocapture");
    let output = Command::new("unshare")
        .args(["--mount", "sh", "-c", &script, "sh"])
        .arg(place.path())
        .arg(std::env::current_exe().unwrap())
        .env(VARIABLE, place.path())
        .output()
        .unwrap();
    let text =
        String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && text.contains("1 passed"), "{text}");
    None
}

fn remount_read_only(folder: &Path) {
    let status = Command::new("mount").args(["-o", "remount,ro"]).arg(folder).status().unwrap();
    assert!(status.success());
}

#[test]
fn a_full_disk_refuses_the_piece_and_keeps_the_others() {
    let Some(dir) =
        mounted("a_full_disk_refuses_the_piece_and_keeps_the_others", "-t tmpfs -o size=1m tmpfs")
    else {
        return;
    };
    let torrent = Torrent::new(&dir, 256 * KIB, &[file(300 * KIB), file(2000 * KIB)]);
    torrent.files.set_kept(&Bitfield::new(torrent.layout.pieces()));
    for piece in [0, 2] {
        torrent.write(piece);
    }
    let space = free_space_bytes(&dir).unwrap();
    assert!((256 * KIB..=512 * KIB).contains(&space), "{space}");
    fs::write(dir.join("ballast"), vec![1; space as usize - 100 * KIB as usize]).unwrap();

    let bytes = torrent.piece(5);
    let blocks: Vec<_> = bytes.chunks(16 * KIB as usize).collect();
    let refused = torrent.files.write_piece(PieceIndex(5), &blocks).unwrap_err();

    assert_eq!(refused.kind(), ErrorKind::StorageFull);
    assert!(free_space_bytes(&dir).unwrap() >= 100 * KIB - 4096, "the half of it gave its space back");
    assert_eq!(torrent.read(5).unwrap_err().kind(), ErrorKind::NotFound);
    for piece in [0, 2] {
        assert_eq!(torrent.read(piece).unwrap(), torrent.piece(piece));
    }
    let target = dir.join("copy");
    torrent.files.punch(PieceIndex(2)).unwrap();
    torrent.write(1);
    assert_eq!(
        torrent.files.export(0, &target, ExportKind::Copy).unwrap_err().kind(),
        ErrorKind::StorageFull
    );
    assert!(!target.exists());
    fs::remove_file(dir.join("ballast")).unwrap();
    torrent.write(5);
    assert_eq!(torrent.read(5).unwrap(), torrent.piece(5));
}

#[test]
fn a_full_disk_keeps_what_was_remembered_before() {
    let Some(dir) = mounted("a_full_disk_keeps_what_was_remembered_before", "-t tmpfs -o size=256k tmpfs")
    else {
        return;
    };
    let torrent = Torrent::new(&dir, 16 * KIB, &[file(100 * KIB)]);
    torrent.write_all();
    let store = ResumeFile::new(&dir);
    let resume = torrent.files.remember(&Bitfield::full(7), 0, 0).unwrap();
    store.save(info_hash(), &resume);
    fs::write(dir.join("ballast"), vec![1; free_space_bytes(&dir).unwrap() as usize]).unwrap();

    let later = torrent.files.remember(&Bitfield::full(7), 5, 5).unwrap();
    store.save(info_hash(), &later);

    assert_eq!(store.load(info_hash()), Some(resume));
    assert_eq!(torrent.names(), ["0", "resume"]);
}

#[test]
fn a_file_system_without_holes_is_noticed() {
    let Some(dir) = mounted("a_file_system_without_holes_is_noticed", "-t ramfs ramfs") else { return };
    let torrent = Torrent::new(&dir, 16 * KIB, &[file(48 * KIB)]);
    torrent.write_all();

    let result = torrent.files.punch(PieceIndex(1)).unwrap();

    assert_eq!(result.stuck_bytes, 16 * KIB);
    assert_eq!(torrent.read(1).unwrap_err().kind(), ErrorKind::NotFound);
    assert_eq!(torrent.files.punch(PieceIndex(2)).unwrap().stuck_bytes, 0);
    assert_eq!(fs::metadata(torrent.folder.join("0")).unwrap().len(), 16 * KIB);
    assert_eq!(torrent.read(0).unwrap(), torrent.piece(0));
}

#[test]
fn a_read_only_disk_can_be_read() {
    let Some(dir) = mounted("a_read_only_disk_can_be_read", "-t tmpfs tmpfs") else { return };
    Torrent::new(&dir, 16 * KIB, &[file(48 * KIB)]).write_all();
    remount_read_only(&dir);
    let torrent = Torrent::new(&dir, 16 * KIB, &[file(48 * KIB)]);

    assert_eq!(torrent.read(1).unwrap(), torrent.piece(1));
    let refused = torrent.files.write_piece(PieceIndex(1), &[torrent.piece(1)]).unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::ReadOnlyFilesystem);
    assert_eq!(torrent.read(1).unwrap(), torrent.piece(1));
    assert_eq!(torrent.files.punch(PieceIndex(2)).unwrap_err().kind(), ErrorKind::ReadOnlyFilesystem);
    assert!(torrent.files.delete().is_err());

    let other = TorrentFiles::new(
        &dir,
        InfoHash::new([1; 20]),
        torrent.layout,
        vec![file(48 * KIB)],
        FileHandles::new(1),
    );
    let refused = other.unwrap().write_piece(PieceIndex(1), &[torrent.piece(1)]).unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::ReadOnlyFilesystem);
}

#[test]
fn a_move_to_another_disk_is_a_copy() {
    let Some(dir) = mounted("a_move_to_another_disk_is_a_copy", "-t tmpfs tmpfs") else { return };
    let home = tempfile::tempdir().unwrap();
    let torrent = Torrent::new(home.path(), 16 * KIB, &[file(40 * KIB), file(40 * KIB)]);
    torrent.write_all();
    let target = dir.join("film.mkv");

    torrent.files.export(1, &target, ExportKind::Move).unwrap();

    assert_eq!(fs::read(&target).unwrap(), torrent.bytes(40 * KIB, 40 * KIB as usize));
    assert_eq!((torrent.names(), fs::read_dir(&dir).unwrap().count()), (vec!["0".into()], 1));
    assert!(torrent.read(0).is_ok() && torrent.read(3).is_err());
}
