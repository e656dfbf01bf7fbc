//! The units in `extras/systemd`, checked by systemd itself.

#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test may fail")]

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

const INSTALLED: &str = "/usr/local/bin/freshetd";

/// The unit with the program of this build, in a folder of its own.
fn unit(folder: &Path, name: &str) -> PathBuf {
    let source = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../extras/systemd").join(name);
    let text = std::fs::read_to_string(source).unwrap();
    assert_eq!(text.matches(INSTALLED).count(), 1);
    let path = folder.join("freshetd.service");
    std::fs::write(&path, text.replace(INSTALLED, env!("CARGO_BIN_EXE_freshetd"))).unwrap();
    path
}

/// Runs `systemd-analyze`, and gives its exit code and all that it says.
fn analyze(folder: &Path, arguments: &[&str], unit: &Path) -> (Option<i32>, String) {
    let mut command = Command::new("systemd-analyze");
    command.args(arguments).arg(unit).env("HOME", folder).env("XDG_RUNTIME_DIR", folder).stdin(Stdio::null());
    let output = command.output().expect("systemd is installed");
    let text = [output.stdout, output.stderr].concat();
    (output.status.code(), String::from_utf8_lossy(&text).into_owned())
}

#[test]
fn systemd_has_nothing_to_say_against_the_units() {
    for (name, scope) in [("freshetd.service", "--user"), ("system/freshetd.service", "--system")] {
        let folder = tempfile::tempdir().unwrap();
        let path = unit(folder.path(), name);
        // A key that it does not know is only a warning to it.
        let answer = analyze(folder.path(), &["verify", "--man=no", scope], &path);
        assert_eq!(answer, (Some(0), String::new()), "{name}");

        let text = std::fs::read_to_string(&path).unwrap().replace("MemoryDenyWriteExecute", "MemoryDeny");
        std::fs::write(&path, text).unwrap();
        let (_, words) = analyze(folder.path(), &["verify", "--man=no", scope], &path);
        assert!(words.contains("MemoryDeny"), "the check sees mistakes: {words}");
    }
}

#[test]
fn little_is_left_that_a_break_in_could_use() {
    // systemd's own measure, from 0 (nothing) to 100. A person's service manager can't drop capabilities, since it has none.
    for (name, most) in [("freshetd.service", "40"), ("system/freshetd.service", "20")] {
        let folder = tempfile::tempdir().unwrap();
        let path = unit(folder.path(), name);
        let threshold = format!("--threshold={most}");
        let (code, words) =
            analyze(folder.path(), &["security", "--offline=yes", "--no-pager", &threshold], &path);
        assert_eq!(code, Some(0), "{name}: {words}");
    }
}

#[test]
fn the_flags_in_the_units_are_ones_that_freshetd_has() {
    for name in ["freshetd.service", "system/freshetd.service"] {
        let folder = tempfile::tempdir().unwrap();
        let text = std::fs::read_to_string(unit(folder.path(), name)).unwrap();
        let line = text.lines().find_map(|line| line.strip_prefix("ExecStart=")).unwrap();
        let mut words = line.split(' ');
        let mut command = Command::new(words.next().unwrap());
        // With this one it only reads its flags.
        command.args(words).arg("--help").stdin(Stdio::null()).stdout(Stdio::null());
        assert!(command.status().unwrap().success(), "{line}");
    }
}
