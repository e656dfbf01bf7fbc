use std::io::ErrorKind;

use super::super::ExportKind;
use super::*;

fn setup() -> (tempfile::TempDir, Torrent, PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    let spans = [file(20_000), padding(12_768), file(50_000), file(0)];
    let torrent = Torrent::new(&dir.path().join("pieces"), 16 * KIB, &spans);
    fs::create_dir(dir.path().join("pieces")).unwrap();
    torrent.write_all();
    let target = dir.path().join("film.mkv");
    (dir, torrent, target)
}

fn names(dir: &Path) -> Vec<String> {
    let mut names: Vec<_> =
        fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn a_copy_leaves_the_pieces_where_they_are() {
    let (dir, torrent, target) = setup();
    torrent.files.export(2, &target, ExportKind::Copy).unwrap();
    assert_eq!(fs::read(&target).unwrap(), torrent.bytes(32 * KIB, 50_000));
    assert_eq!(torrent.read(2).unwrap(), torrent.piece(2));
    assert_eq!(names(dir.path()), ["film.mkv", "pieces"]);
}

#[test]
fn a_move_takes_the_pieces_along() {
    let (dir, torrent, target) = setup();
    torrent.files.export(2, &target, ExportKind::Move).unwrap();
    assert_eq!(fs::read(&target).unwrap(), torrent.bytes(32 * KIB, 50_000));
    assert_eq!(torrent.read(2).unwrap_err().kind(), ErrorKind::NotFound);
    assert!(torrent.read(0).is_ok());
    assert_eq!(
        (torrent.names(), names(dir.path())),
        (vec!["0".into()], vec!["film.mkv".into(), "pieces".into()])
    );

    torrent.write(2);
    assert_eq!(fs::read(&target).unwrap(), torrent.bytes(32 * KIB, 50_000), "it is the user's now");
    assert_eq!(torrent.read(2).unwrap(), torrent.piece(2));
}

#[cfg(unix)]
#[test]
fn the_users_file_has_the_permissions_of_new_files() {
    use std::os::unix::fs::PermissionsExt;

    let (dir, torrent, target) = setup();
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode();
    let usual = dir.path().join("usual");
    fs::write(&usual, b"").unwrap();
    torrent.files.export(2, &target, ExportKind::Copy).unwrap();
    torrent.files.export(0, &dir.path().join("moved"), ExportKind::Move).unwrap();
    assert_eq!((mode(&target), mode(&dir.path().join("moved"))), (mode(&usual), mode(&usual)));
}

#[test]
fn an_existing_file_is_never_replaced() {
    let (dir, torrent, target) = setup();
    for taken in ["film.mkv", "film.mkv.part"] {
        fs::write(dir.path().join(taken), b"precious").unwrap();
        let copied = torrent.files.export(2, &target, ExportKind::Copy);
        assert_eq!(copied.unwrap_err().kind(), ErrorKind::AlreadyExists);
        assert_eq!(names(dir.path()), [taken, "pieces"]);
        assert_eq!(fs::read(dir.path().join(taken)).unwrap(), b"precious");
        fs::remove_file(dir.path().join(taken)).unwrap();
    }
    fs::write(&target, b"precious").unwrap();
    let moved = torrent.files.export(2, &target, ExportKind::Move);
    assert_eq!(moved.unwrap_err().kind(), ErrorKind::AlreadyExists);
    assert_eq!(fs::read(&target).unwrap(), b"precious");
    assert!(torrent.read(2).is_ok());

    #[cfg(unix)]
    {
        fs::remove_file(&target).unwrap();
        std::os::unix::fs::symlink(dir.path().join("elsewhere"), &target).unwrap();
        let copied = torrent.files.export(2, &target, ExportKind::Copy);
        assert_eq!(copied.unwrap_err().kind(), ErrorKind::AlreadyExists);
        assert!(!dir.path().join("elsewhere").exists());
    }
}

#[test]
fn a_file_that_is_not_whole_leaves_nothing_behind() {
    let (dir, torrent, target) = setup();
    torrent.files.punch(PieceIndex(3)).unwrap();
    for kind in [ExportKind::Copy, ExportKind::Move] {
        let refused = torrent.files.export(2, &target, kind);
        assert_eq!(refused.unwrap_err().kind(), ErrorKind::NotFound);
    }
    // The books say that it is here, the disk has less.
    torrent.write(3);
    fs::File::options().write(true).open(torrent.folder.join("2")).unwrap().set_len(40_000).unwrap();
    for kind in [ExportKind::Copy, ExportKind::Move] {
        let refused = torrent.files.export(2, &target, kind);
        assert_eq!(refused.unwrap_err().kind(), ErrorKind::UnexpectedEof);
    }
    for file in [1, 9] {
        let refused = torrent.files.export(file, &target, ExportKind::Copy);
        assert_eq!(refused.unwrap_err().kind(), ErrorKind::InvalidInput);
    }
    assert_eq!(names(dir.path()), ["pieces"]);
    assert!(torrent.folder.join("2").exists());
}

#[test]
fn an_empty_file_is_made() {
    let (_dir, torrent, target) = setup();
    torrent.files.export(3, &target, ExportKind::Move).unwrap();
    assert_eq!(fs::read(&target).unwrap(), b"");
}
