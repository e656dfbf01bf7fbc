//! A line that costs by the byte, as the system tells it over its bus.

#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, reason = "a test may fail")]

mod daemon;

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpStream;
use std::process::{Command, Stdio};
use std::time::Duration;

use daemon::{Daemon, Kill, exchange_bytes};
use zbus::blocking::connection::Builder;

/// Against hanging only.
const PATIENCE: Duration = Duration::from_secs(60);
const PATH: &str = "/org/freedesktop/NetworkManager";

/// What NetworkManager tells of the line, in its numbers.
#[derive(Debug)]
struct Manager {
    metered: u32,
}

#[zbus::interface(name = "org.freedesktop.NetworkManager")]
impl Manager {
    #[zbus(property)]
    fn metered(&self) -> u32 {
        self.metered
    }
}

/// What `freshetd` tells its windows.
struct Events(BufReader<TcpStream>);

impl Events {
    fn open(daemon: &Daemon) -> Self {
        let host = daemon.url.strip_prefix("http://").unwrap();
        let mut stream = TcpStream::connect(host).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        write!(stream, "GET /events HTTP/1.1\r\nHost: {host}\r\n\r\n").unwrap();
        Self(BufReader::new(stream))
    }

    /// Waits until there is word of notices, and whether it is in them that the line is spared.
    fn is_line_spared(&mut self) -> bool {
        let mut line = String::new();
        while !line.contains("\"notices\"") {
            line.clear();
            assert_ne!(self.0.read_line(&mut line).unwrap(), 0, "it tells nothing more");
        }
        line.contains("line_spared")
    }

    fn wait_until_spared(&mut self, is_spared: bool) {
        while self.is_line_spared() != is_spared {}
    }
}

#[test]
fn a_metered_line_is_spared_from_when_the_system_says_so_unless_the_person_does_not_want_it() {
    let mut bus = Command::new("dbus-daemon");
    bus.args(["--session", "--nofork", "--print-address"]).stdout(Stdio::piped());
    let mut bus = Kill(bus.spawn().unwrap());
    let mut address = String::new();
    BufReader::new(bus.0.stdout.take().unwrap()).read_line(&mut address).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let bus_of_system = ("DBUS_SYSTEM_BUS_ADDRESS", address.trim());
    let mut daemon = Daemon::start_with(folder.path(), &["--port", "0"], &[bus_of_system]);
    let mut events = Events::open(&daemon);
    assert!(!events.is_line_spared(), "nobody says so yet");

    let serve = |metered| {
        let builder =
            Builder::address(address.trim()).unwrap().name("org.freedesktop.NetworkManager").unwrap();
        builder.serve_at(PATH, Manager { metered }).unwrap().build().unwrap()
    };
    let manager = serve(1);
    events.wait_until_spared(true);

    let served = manager.object_server().interface::<_, Manager>(PATH).unwrap();
    let say = |metered| {
        let mut manager = served.get_mut();
        manager.metered = metered;
        zbus::block_on(manager.metered_changed(served.signal_emitter())).unwrap();
    };
    say(4);
    events.wait_until_spared(false);
    say(3);
    events.wait_until_spared(true);

    let choose = |rule: &str| {
        let body = format!(r#"{{"transfers": {{"spare_line": "{rule}"}}}}"#);
        let length = body.len();
        let head = format!(
            "POST /rpc/settings_update HTTP/1.1\r\nX-Freshet: 1\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n"
        );
        let answer = String::from_utf8(exchange_bytes(&daemon.url, &head, &body)).unwrap();
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    };
    choose("never");
    events.wait_until_spared(false);
    choose("when_metered");
    events.wait_until_spared(true);

    drop(served);
    manager.close().unwrap();
    events.wait_until_spared(false);
    let _again = serve(1);
    events.wait_until_spared(true);
    daemon.end_with("TERM");
}
