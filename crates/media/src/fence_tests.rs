//! A program that tries what a broken decoder could be made to do. Each attempt is made without the fence first: there it succeeds.

use std::net::{TcpListener, UdpSocket};
use std::process::{Output, Stdio};
use std::time::Duration;

use super::*;
use crate::tools::{Said, said_by};

/// Bash opens files and sockets by itself, and Perl calls the kernel.
fn bash(script: &str) -> Command {
    let mut command = Command::new("bash");
    command.args(["-c", script]).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command.kill_on_drop(true);
    command
}

async fn outside(script: &str) -> Output {
    bash(script).output().await.unwrap()
}

async fn inside(script: &str, port: Option<u16>) -> Said {
    said_by(spawn(&mut bash(script), &[], port).unwrap(), 64 * 1024).await
}

/// Whether this kernel enforces all of the fence.
fn is_whole() -> bool {
    let status = std::thread::spawn(|| keep_files_and_ports(&[], None).unwrap()).join().unwrap();
    assert_ne!(status, landlock::RulesetStatus::NotEnforced, "this kernel has no Landlock");
    status == landlock::RulesetStatus::FullyEnforced
}

/// It is done outside, and refused inside.
async fn is_refused(script: &str) {
    let outside = outside(script).await;
    assert!(outside.status.success(), "{script}: {}", String::from_utf8_lossy(&outside.stderr));
    let Said { status, err, .. } = inside(script, None).await;
    let said = String::from_utf8_lossy(&err);
    assert!(!status.unwrap().success(), "{script} went through");
    assert!(said.contains("ermission denied") || said.contains("not permitted"), "{script}: {said}");
}

#[tokio::test]
async fn a_child_opens_no_file_of_the_person_and_writes_none() {
    let folder = tempfile::tempdir().unwrap();
    let mine = folder.path().join("mine.txt");
    std::fs::write(&mine, "secret").unwrap();
    let mine = mine.display();

    for script in [
        "read line < /etc/passwd".to_owned(),
        format!("read -N 3 line < {mine}"),
        format!("ls {}", folder.path().display()),
        format!("echo more >> {mine}"),
        format!("ln -f {mine} {mine}.link"),
        format!(": > {}/new", folder.path().display()),
        "ls /proc/$PPID/fd".to_owned(),
    ] {
        is_refused(&script).await;
    }

    assert_eq!(std::fs::read_to_string(mine.to_string()).unwrap(), "secretmore\n");
}

#[tokio::test]
async fn a_child_reaches_the_port_of_its_film_and_nobody_else() {
    let film = TcpListener::bind("127.0.0.1:0").unwrap();
    let film_port = film.local_addr().unwrap().port();
    let canary = TcpListener::bind("127.0.0.1:0").unwrap();
    let canary_port = canary.local_addr().unwrap().port();
    let datagrams = UdpSocket::bind("127.0.0.1:0").unwrap();
    let udp_port = datagrams.local_addr().unwrap().port();
    let connect = |port: u16| format!("exec 3<>/dev/tcp/127.0.0.1/{port}");

    // Linux knows ports since 6.7; Debian 12 has an older one, which keeps the other kinds of sockets alone.
    if is_whole() {
        is_refused(&connect(canary_port)).await;
        canary.accept().unwrap();
    }
    is_refused(&format!("echo x > /dev/udp/127.0.0.1/{udp_port}")).await;
    // The bus of the session, the display, the agent of keys: all of them are such sockets.
    is_refused("perl -e 'socket(my $s, 1, 1, 0) or die $!'").await;
    is_refused("perl -e 'socketpair(my $a, my $b, 1, 1, 0) or die $!'").await;
    is_refused("perl -MSocket -e 'socket(my $s, 2, 1, 0); bind($s, sockaddr_in(0, INADDR_ANY)) or die $!'")
        .await;

    let allowed = inside(&connect(film_port), Some(film_port)).await;
    assert!(allowed.status.unwrap().success(), "{}", String::from_utf8_lossy(&allowed.err));
    canary.set_nonblocking(true).unwrap();
    assert_eq!(canary.accept().map(drop).map_err(|error| error.kind()), Err(io::ErrorKind::WouldBlock));
}

#[tokio::test]
async fn a_child_sends_no_signal_out_and_has_bounds() {
    is_refused("kill -0 $PPID").await;

    let mut child = spawn(&mut bash("read line; exit 7"), &[], None).unwrap();
    let limits = std::fs::read_to_string(format!("/proc/{}/limits", child.id().unwrap())).unwrap();
    child.kill().await.unwrap();

    let hard = |name: &str| {
        let line = limits.lines().find(|line| line.starts_with(name)).unwrap_or_else(|| panic!("{limits}"));
        line[name.len()..].split_whitespace().nth(1).unwrap().to_owned()
    };
    assert_eq!(hard("Max data size"), MAX_MEMORY_BYTES.to_string());
    assert_eq!((hard("Max file size").as_str(), hard("Max core file size").as_str()), ("0", "0"));
}

#[tokio::test]
async fn a_child_that_eats_memory_fails_and_ends_with_its_owner() {
    // More than it may have, of which nothing is touched.
    let greedy = "python3 -c 'import mmap; m = mmap.mmap(-1, 5 << 30, flags=0x4022); print(len(m))'";
    assert!(outside(greedy).await.status.success());
    let Said { status, out, .. } = inside(greedy, None).await;
    assert!(!status.unwrap().success() && out.is_empty(), "{}", String::from_utf8_lossy(&out));

    let child = spawn(&mut bash("while :; do :; done"), &[], None).unwrap();
    let process = format!("/proc/{}", child.id().unwrap());
    drop(child);
    let gone = async {
        while std::fs::read_to_string(format!("{process}/stat")).is_ok_and(|stat| !stat.contains(") Z ")) {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), gone).await.expect("the child ends with who waits for it");
}

#[tokio::test]
async fn the_fence_stands_around_children_alone() {
    inside("exit 0", None).await.status.unwrap();

    assert!(std::fs::read_to_string("/etc/passwd").is_ok());
    assert!(outside("read line < /etc/passwd").await.status.success());
}

#[test]
fn an_installation_of_its_own_brings_its_libraries() {
    let folder = tempfile::tempdir().unwrap();
    let root = std::fs::canonicalize(folder.path()).unwrap();
    std::fs::create_dir(root.join("bin")).unwrap();
    let program = root.join("bin/ffmpeg");
    std::fs::write(&program, "").unwrap();
    let loose = root.join("ffmpeg");
    std::fs::write(&loose, "").unwrap();

    assert_eq!(with_libraries(&program), [root.join("lib"), root.join("lib64"), program.clone()]);
    assert_eq!(with_libraries(&loose), std::slice::from_ref(&loose), "and nothing that lies beside it");
}
