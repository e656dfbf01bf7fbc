use super::*;

fn files(dir: &Path, slots: &[(bool, u64)]) -> PieceFiles {
    let slots = slots.iter().map(|(is_padding, length)| Slot::new(*is_padding, *length)).collect();
    PieceFiles::new(dir.join("torrent"), slots)
}

#[test]
fn a_file_exists_only_after_the_first_write_and_is_called_by_its_number() {
    let dir = tempfile::tempdir().unwrap();
    let files = files(dir.path(), &[(false, 10), (false, 10)]);
    let mut buf = [0; 4];
    assert!(files.pread_exact(1, 0, &mut buf).is_err());
    files.pwrite_all(0, 10, &[]).unwrap();
    assert!(!dir.path().join("torrent").exists());

    files.pwrite_all(1, 6, b"tail").unwrap();

    files.pread_exact(1, 6, &mut buf).unwrap();
    assert_eq!(&buf, b"tail");
    let names: Vec<_> =
        fs::read_dir(dir.path().join("torrent")).unwrap().map(|e| e.unwrap().file_name()).collect();
    assert_eq!(names, ["1"]);
}

#[test]
fn padding_reads_as_zeros_and_is_never_written() {
    let dir = tempfile::tempdir().unwrap();
    let files = files(dir.path(), &[(true, 10)]);
    let mut buf = [7; 4];

    files.pwrite_all(0, 0, b"junk").unwrap();
    files.pread_exact(0, 0, &mut buf).unwrap();

    assert_eq!(buf, [0; 4]);
    assert!(!dir.path().join("torrent").exists());
}

#[test]
fn ranges_outside_of_a_file_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    let files = files(dir.path(), &[(false, 10)]);

    for (index, offset) in [(0, 7), (0, u64::MAX), (1, 0)] {
        assert!(files.pwrite_all(index, offset, b"four").is_err(), "{index} {offset}");
        assert!(files.pread_exact(index, offset, &mut [0; 4]).is_err(), "{index} {offset}");
    }
}

#[test]
fn handed_on_files_work_in_their_new_place_only() {
    let dir = tempfile::tempdir().unwrap();
    let files = files(dir.path(), &[(false, 10)]);
    files.pwrite_all(0, 0, b"head").unwrap();

    let taken = files.take().unwrap();

    assert!(files.pread_exact(0, 0, &mut [0; 4]).is_err());
    assert!(files.pwrite_all(0, 0, b"late").is_err());
    let mut buf = [0; 4];
    taken.pread_exact(0, 0, &mut buf).unwrap();
    assert_eq!(&buf, b"head");
}

#[cfg(unix)]
#[test]
fn a_link_that_was_put_there_before_is_not_followed() {
    let dir = tempfile::tempdir().unwrap();
    let outside = dir.path().join("outside");
    fs::write(&outside, b"precious").unwrap();
    fs::create_dir(dir.path().join("torrent")).unwrap();
    std::os::unix::fs::symlink(&outside, dir.path().join("torrent/0")).unwrap();
    let files = files(dir.path(), &[(false, 10)]);

    assert!(files.pwrite_all(0, 0, b"evil").is_err());
    assert!(files.pread_exact(0, 0, &mut [0; 4]).is_err());
    assert_eq!(fs::read(&outside).unwrap(), b"precious");

    let other = tempfile::tempdir().unwrap();
    std::os::unix::fs::symlink(dir.path(), other.path().join("torrent")).unwrap();
    assert!(self::files(other.path(), &[(false, 10)]).pwrite_all(0, 0, b"evil").is_err());
}

#[test]
fn deleting_takes_numbered_files_only() {
    let dir = tempfile::tempdir().unwrap();
    let folder = dir.path().join("torrent");
    delete_folder(&folder).unwrap();
    fs::create_dir(&folder).unwrap();
    fs::write(folder.join("0"), b"x").unwrap();
    fs::write(folder.join("12"), b"x").unwrap();

    delete_folder(&folder).unwrap();
    assert!(!folder.exists());

    fs::create_dir(&folder).unwrap();
    fs::write(folder.join("0"), b"x").unwrap();
    fs::write(folder.join("mine.txt"), b"x").unwrap();
    assert!(delete_folder(&folder).is_err());
    assert!(folder.join("mine.txt").exists() && !folder.join("0").exists());
}

#[cfg(unix)]
#[test]
fn deleting_does_not_follow_a_link() {
    let dir = tempfile::tempdir().unwrap();
    let outside = dir.path().join("outside");
    fs::create_dir(&outside).unwrap();
    fs::write(outside.join("0"), b"x").unwrap();
    std::os::unix::fs::symlink(&outside, dir.path().join("torrent")).unwrap();

    assert!(delete_folder(&dir.path().join("torrent")).is_err());
    assert!(outside.join("0").exists());
}
