//! `freshetd` as a process: its flags, its readiness, its refusals, its end.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test may fail")]

mod daemon;

use std::net::TcpListener;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use daemon::{Daemon, fails, freshetd, http_get};

#[test]
fn it_says_when_it_is_ready_and_ends_at_a_signal() {
    for signal in ["TERM", "INT"] {
        let folder = tempfile::tempdir().unwrap();
        let mut daemon = Daemon::start(folder.path(), &["--port", "0"]);

        assert!(daemon.url.starts_with("http://127.0.0.1:"), "{}", daemon.url);
        assert!(http_get(&daemon.url, "/echo").ends_with("MatriX.145"));
        assert!(folder.path().join("freshet.db").is_file());

        let status = daemon.end_with(signal);
        assert!(status.success(), "{signal}: {status}");
    }
}

#[test]
fn what_was_added_is_there_after_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let hash = "08ada5a7a6183aae1e09d831df6748d566095a10";
    let mut daemon = Daemon::start(folder.path(), &["--port", "0"]);
    daemon.post("/torrents", &format!("{{\"action\":\"add\",\"link\":\"{hash}\",\"title\":\"Kept\"}}"));
    daemon.end_with("TERM");

    let mut daemon = Daemon::start(folder.path(), &["--port", "0"]);

    let list = daemon.post("/torrents", "{\"action\":\"list\"}");
    assert!(list.contains(hash) && list.contains("Kept"), "{list}");
    daemon.end_with("TERM");
}

#[test]
fn a_port_given_by_hand_and_taken_is_a_clear_failure() {
    let folder = tempfile::tempdir().unwrap();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();

    let error = fails(&mut freshetd(folder.path(), &["-p", &port]));

    // Lines of the log may stand before it.
    let sentence = format!("freshetd: port {port} is taken by another program; choose another one");
    assert_eq!(error.lines().last(), Some(sentence.as_str()));
}

#[test]
fn the_default_port_gives_way_to_who_has_it() {
    // Whoever has it, us or another: it is taken.
    let _taken = TcpListener::bind("127.0.0.1:8090");
    let folder = tempfile::tempdir().unwrap();

    let mut daemon = Daemon::start(folder.path(), &[]);

    assert!(!daemon.url.ends_with(":8090"), "{}", daemon.url);
    assert!(http_get(&daemon.url, "/echo").ends_with("MatriX.145"));
    daemon.end_with("TERM");
}

#[test]
fn a_second_start_on_the_same_folder_is_a_clear_failure() {
    let folder = tempfile::tempdir().unwrap();
    let mut daemon = Daemon::start(folder.path(), &["--port", "0"]);

    let error = fails(&mut freshetd(folder.path(), &["--port", "0"]));

    assert_eq!(
        error,
        format!("freshetd: another instance is using the data folder {}\n", folder.path().display())
    );
    assert!(http_get(&daemon.url, "/echo").ends_with("MatriX.145"), "the first one goes on");
    daemon.end_with("TERM");
}

#[test]
fn the_door_to_the_network_wants_a_password() {
    let folder = tempfile::tempdir().unwrap();
    for flags in [["--ip", "0.0.0.0"], ["--ip", "127.0.0.1"]] {
        let error = fails(&mut freshetd(folder.path(), &[&flags[..], &["--lan", "--port", "0"]].concat()));
        let sentence = "freshetd: other devices need a password; choose one with --password-file FILE";
        assert_eq!(error.lines().last(), Some(sentence));
    }
    let password = folder.path().join("password");
    std::fs::write(&password, "correct horse\n").unwrap();
    let flags = ["--httpauth", "--port", "0", "--password-file", password.to_str().unwrap()];

    let mut daemon = Daemon::start(folder.path(), &flags);

    assert!(http_get(&daemon.url, "/echo").ends_with("MatriX.145"));
    let refused = daemon.post("/torrents", "{\"action\":\"list\"}");
    assert!(refused.starts_with("HTTP/1.1 401"), "{refused}");
    daemon.end_with("TERM");
    let log = folder.path().join("logs");
    for file in std::fs::read_dir(log).unwrap() {
        let text = std::fs::read_to_string(file.unwrap().path()).unwrap();
        assert!(!text.contains("correct horse"), "a secret in the log");
    }
}

#[test]
fn torrservers_accounts_are_let_in() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("accs.db"), r#"{"anna": "secret", "ben": "other"}"#).unwrap();
    let mut daemon = Daemon::start(folder.path(), &["-a", "--port", "0"]);
    let list = |login: &str| {
        let url = daemon.url.replacen("http://", &format!("http://{login}@"), 1);
        let mut curl = Command::new("curl");
        curl.args(["--silent", "--max-time", "20", "--data", "{\"action\":\"list\"}"]);
        String::from_utf8(curl.arg(format!("{url}/torrents")).output().unwrap().stdout).unwrap()
    };

    assert_eq!(list("anna:secret"), "[]");
    assert_eq!(list("ben:other"), "[]");
    assert_eq!(list("anna:other"), "");
    daemon.end_with("TERM");
    std::fs::write(folder.path().join("accs.db"), "anna: secret").unwrap();
    let error = fails(&mut freshetd(folder.path(), &["-a", "--port", "0"]));
    assert!(error.contains("accs.db is no JSON object of users and passwords"), "{error}");
}

#[test]
fn another_user_of_this_computer_needs_the_password() {
    use std::os::unix::fs::MetadataExt as _;
    use std::os::unix::fs::PermissionsExt as _;

    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let mut daemon = Daemon::start(&data, &["--port", "0"]);
    assert_eq!(std::fs::metadata(&data).unwrap().permissions().mode() & 0o077, 0, "the folder is private");
    let list = |command: &mut Command| {
        command.args(["curl", "--silent", "--max-time", "20", "--output", "/dev/null"]);
        command.args(["--write-out", "%{http_code}", "--data", "{\"action\":\"list\"}"]);
        let output = command.arg(format!("{}/torrents", daemon.url)).output().unwrap();
        String::from_utf8(output.stdout).unwrap()
    };
    assert_eq!(list(&mut Command::new("env")), "200");
    // Only root can become somebody else; without it there is nobody else here to be refused.
    if std::fs::metadata("/proc/self").unwrap().uid() == 0 {
        let mut nobody = Command::new("setpriv");
        nobody.args(["--reuid=65534", "--regid=65534", "--clear-groups"]);
        assert_eq!(list(&mut nobody), "401");
        let mut look = Command::new("setpriv");
        look.args(["--reuid=65534", "--regid=65534", "--clear-groups", "ls"]).arg(&data);
        assert!(!look.output().unwrap().status.success(), "nor can it look into the folder");
    }
    daemon.end_with("TERM");
}

#[test]
fn a_system_without_certificates_gets_a_program_that_says_so() {
    use std::io::{BufRead as _, BufReader, Write as _};

    let folder = tempfile::tempdir().unwrap();
    let nothing = folder.path().join("nothing");
    let nothing = nothing.to_str().unwrap();
    let env = [("SSL_CERT_FILE", nothing), ("SSL_CERT_DIR", nothing)];
    let mut daemon = Daemon::start_with(folder.path(), &["--port", "0"], &env);

    let address = daemon.url.strip_prefix("http://").unwrap();
    let mut stream = std::net::TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    stream.write_all(format!("GET /events HTTP/1.1\r\nHost: {address}\r\n\r\n").as_bytes()).unwrap();
    let told = BufReader::new(stream).lines().map(Result::unwrap).find(|line| line.starts_with("data:"));
    let told = told.unwrap();
    assert!(told.contains("\"certificates_missing\""), "{told}");
    daemon.end_with("TERM");
}

#[test]
fn a_post_of_the_person_ends_it_in_good_order() {
    let folder = tempfile::tempdir().unwrap();
    let mut daemon = Daemon::start(folder.path(), &["--port", "0"]);

    assert!(daemon.post("/shutdown", "").starts_with("HTTP/1.1 200"));

    assert!(daemon.wait().success());
}

#[test]
fn the_other_loopback_address_works() {
    if TcpListener::bind("[::1]:0").is_err() {
        // A machine without IPv6 has nothing to show here but the refusal.
        let folder = tempfile::tempdir().unwrap();
        assert!(fails(&mut freshetd(folder.path(), &["--ip", "::1", "-p", "0"])).contains("can't listen"));
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let mut daemon = Daemon::start(folder.path(), &["--ip", "::1", "-p", "0"]);

    assert!(daemon.url.starts_with("http://[::1]:"), "{}", daemon.url);
    assert!(http_get(&daemon.url, "/echo").ends_with("MatriX.145"));
    daemon.end_with("TERM");
}

#[test]
fn a_folder_without_a_ui_is_a_clear_failure() {
    let folder = tempfile::tempdir().unwrap();
    let ui = folder.path().join("nothing");

    let error = fails(&mut freshetd(folder.path(), &["--pages", ui.to_str().unwrap()]));

    assert_eq!(error, format!("freshetd: the UI folder {} has no index.html\n", ui.display()));
}

#[test]
fn flags_that_make_no_sense_are_named() {
    let folder = tempfile::tempdir().unwrap();
    for (flags, named) in [
        (["--port", "70000"], "--port"),
        (["--ip", "localhost"], "--ip"),
        (["--log", "loud"], "--log"),
        (["--dance", "1"], "--dance"),
    ] {
        let output = freshetd(folder.path(), &flags).output().unwrap();
        assert_eq!(output.status.code(), Some(2), "{flags:?}");
        assert!(String::from_utf8(output.stderr).unwrap().contains(named), "{flags:?}");
    }
    let help = freshetd(folder.path(), &["--help"]).output().unwrap();
    let help = String::from_utf8(help.stdout).unwrap();
    for flag in [
        "-p, --port",
        "-i, --ip",
        "-d, --path",
        "--peer-port",
        "--no-dht",
        "--allow-private-networks",
        "--log",
        "--pages",
    ] {
        assert!(help.contains(flag), "{flag}: {help}");
    }
}

#[test]
fn a_file_in_the_place_of_the_folder_is_a_clear_failure() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    std::fs::write(&file, "mine").unwrap();

    let error = fails(&mut freshetd(&file, &["-p", "0"]));

    assert!(error.starts_with("freshetd: the data folder"), "{error}");
    assert!(error.contains(file.to_str().unwrap()), "{error}");
    assert_eq!(error.lines().count(), 1, "{error}");
    assert_eq!(std::fs::read_to_string(file).unwrap(), "mine");
}

#[cfg(target_os = "linux")]
#[test]
fn a_folder_that_can_not_be_written_is_a_clear_failure() {
    use std::os::unix::fs::PermissionsExt as _;

    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    std::fs::create_dir(&data).unwrap();
    std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(0o755)).unwrap();
    std::fs::set_permissions(&data, std::fs::Permissions::from_mode(0o555)).unwrap();

    let error = fails(&mut as_ordinary_user(folder.path(), &data));

    assert!(
        error.starts_with(&format!("freshetd: the data folder {} can't be written", data.display())),
        "{error}"
    );
    assert_eq!(error.lines().count(), 1, "{error}");
}

/// Root may write everywhere, so it steps down for this test.
#[cfg(target_os = "linux")]
fn as_ordinary_user(public: &Path, data: &Path) -> Command {
    use std::os::unix::fs::PermissionsExt as _;

    let flags = ["-p", "0", "--no-dht"];
    let id = Command::new("id").arg("-u").output().unwrap();
    if id.stdout != b"0\n" {
        return freshetd(data, &flags);
    }
    // The build folder may lie where nobody else can look.
    let copy = public.join("freshetd");
    std::fs::copy(env!("CARGO_BIN_EXE_freshetd"), &copy).unwrap();
    std::fs::set_permissions(&copy, std::fs::Permissions::from_mode(0o755)).unwrap();
    let mut command = Command::new("setpriv");
    command
        .args(["--reuid=65534", "--regid=65534", "--clear-groups"])
        .arg(copy)
        .args(flags)
        .arg("-d")
        .arg(data);
    command
}

#[test]
fn a_newer_database_is_left_as_it_is() {
    let folder = tempfile::tempdir().unwrap();
    Daemon::start(folder.path(), &["--port", "0"]).end_with("TERM");
    let path = folder.path().join("freshet.db");
    let mut bytes = std::fs::read(&path).unwrap();
    // The user version stands at byte 60 of an SQLite file, big-endian.
    bytes[60..64].copy_from_slice(&9_999_u32.to_be_bytes());
    std::fs::write(&path, &bytes).unwrap();

    let error = fails(&mut freshetd(folder.path(), &["--port", "0"]));

    assert!(error.contains("newer version") && error.contains("9999"), "{error}");
    assert_eq!(error.lines().count(), 1, "{error}");
    assert!(std::fs::read(&path).unwrap() == bytes, "the file is unchanged");
}

#[test]
fn a_library_moves_in_from_a_terminal_shown_first() {
    let (old, new) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let hash = "08ada5a7a6183aae1e09d831df6748d566095a10";
    let mut other = Daemon::start(old.path(), &["--port", "0"]);
    other.post("/torrents", &format!("{{\"action\":\"add\",\"link\":\"{hash}\",\"title\":\"Kept\"}}"));
    other.post("/viewed", &format!("{{\"action\":\"set\",\"hash\":\"{hash}\",\"file_index\":1}}"));
    let address = other.url.strip_prefix("http://").unwrap().to_owned();
    let import = |port: &str, more: &[&str]| {
        let mut command = freshetd(new.path(), &[&["--port", port, "import", &address], more].concat());
        let output = command.output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    };

    let preview = import("0", &[]);
    assert!(preview.contains("MatriX.145: 1 torrents (0 are here already), 1 viewed marks"), "{preview}");
    assert!(preview.contains("  + Kept\n") && preview.contains("Nothing was changed"), "{preview}");

    // Into a Freshet that runs, and once more.
    let mut running = Daemon::start(new.path(), &["--port", "0"]);
    assert!(running.post("/torrents", "{\"action\":\"list\"}").ends_with("[]"));
    let port = running.url.rsplit(':').next().unwrap().to_owned();
    let first = import(&port, &["--yes"]);
    assert!(
        first.contains("Taken over: 1 new torrents, 0 completed, 0 were here already; 1 marks"),
        "{first}"
    );
    let second = import(&port, &["--yes"]);
    assert!(
        second.contains("Taken over: 0 new torrents, 0 completed, 1 were here already; 0 marks"),
        "{second}"
    );
    assert!(running.post("/torrents", "{\"action\":\"list\"}").contains("\"title\":\"Kept\""));
    let wrong = fails(&mut freshetd(new.path(), &["--port", &port, "import", "127.0.0.1:1"]));
    assert!(wrong.starts_with("freshetd: "), "{wrong}");
    for daemon in [&mut other, &mut running] {
        daemon.end_with("TERM");
    }
}
