//! A control point of GUPnP, the library behind GNOME's players: finds us, walks down to a file, plays it, sees us go.

use freshet_app::Description;
use std::net::{SocketAddr, UdpSocket};
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

use freshet_engine::testing::{Seeder, SeederOptions, pattern};
use freshet_model::{NetworkPatch, TorrentSource};
use serde_json::json;

use crate::common::{FILM_BYTES, PATIENCE, ask, film_bytes, until};
use crate::namespace::{Announced, Witness, in_namespace};

#[test]
fn a_foreign_control_point_finds_browses_and_plays() {
    in_namespace("dlna::a_foreign_control_point_finds_browses_and_plays", || async {
        let seeds = tempfile::tempdir().unwrap();
        let show = seeds.path().join("Show & <Co>");
        std::fs::create_dir_all(show.join("Season 1")).unwrap();
        std::fs::write(show.join("Season 1/Film é.mkv"), film_bytes()).unwrap();
        std::fs::write(show.join("Season 1/Film é.srt"), pattern(12, 500)).unwrap();
        let seeder = Seeder::start(SeederOptions::default()).await.unwrap();
        let torrent = seeder.seed(&show, Some(64 * 1024)).await.unwrap();
        let world = Announced::start(NetworkPatch::default()).await;
        let source = TorrentSource::parse(&torrent.magnet()).unwrap();
        let description = Description { category: Some("tv".to_owned()), ..Description::default() };
        world.app.add(source, description).await.unwrap();
        tokio::time::timeout(PATIENCE, world.app.wait_until_ready(torrent.info_hash)).await.unwrap().unwrap();

        let mut witness = Witness::start("control_point.py");
        witness.saw("the control point is ready", |seen| (*seen == json!("ready")).then_some(())).await;
        world
            .change(NetworkPatch {
                lan_enabled: Some(true),
                dlna_enabled: Some(true),
                mdns_enabled: Some(false),
                friendly_name: Some("Den & Sons".to_owned()),
                ..NetworkPatch::default()
            })
            .await;

        let found = witness.saw("the server", |seen| seen.get("found").cloned()).await;
        assert_eq!(found["name"], "Den & Sons");
        let address = world.server.local_addr();
        assert_eq!(found["location"], format!("http://{address}/dlna/device.xml"));
        let played = witness.saw("the file", |seen| seen.get("played").cloned()).await;
        let hash = torrent.info_hash;
        assert_eq!(played["titles"], json!(["TV", "Show & <Co>", "Season 1", "Film é.mkv"]));
        assert_eq!(played["class"], "object.item.videoItem");
        assert_eq!(played["size"], FILM_BYTES);
        assert_eq!(played["mime"], "video/x-matroska");
        assert_eq!(played["operations"], "range");
        let url = played["url"].as_str().unwrap();
        assert_eq!(url, format!("http://{address}/stream/Film%20%C3%A9.mkv?link={hash}&index=1&play"));
        assert_eq!(played["subtitle_mime"], "text/srt");
        let (start, length) = (1_000_000, 65_536);
        assert_eq!(played["status"], 206);
        assert_eq!(
            played["bytes_hex"].as_str().unwrap(),
            data_encoding::HEXLOWER.encode(&film_bytes()[start..start + length])
        );

        // Off, and on again, and the end: each is told.
        let gone = |seen: &serde_json::Value| seen.get("gone").map(|name| assert_eq!(name, "Den & Sons"));
        world.change(NetworkPatch { dlna_enabled: Some(false), ..NetworkPatch::default() }).await;
        witness.saw("that it was switched off", gone).await;
        world.change(NetworkPatch { dlna_enabled: Some(true), ..NetworkPatch::default() }).await;
        witness.saw("that it was switched on", |seen| seen.get("found").cloned()).await;
        world.end().await;
        witness.saw("that it has ended", gone).await;
        seeder.stop().await;
    });
}

/// DLNA and nothing else of the network.
fn switched(on: bool) -> NetworkPatch {
    NetworkPatch {
        lan_enabled: Some(true),
        dlna_enabled: Some(on),
        mdns_enabled: Some(false),
        ..NetworkPatch::default()
    }
}

async fn until_answers(address: SocketAddr, status: u16) {
    until("DLNA follows its switch", async || {
        let reply = ask(address, "GET", "/dlna/device.xml", &[], b"").await;
        (reply.status == status).then_some(())
    })
    .await;
}

/// Searches from an address until the first answer, and gives where that leads.
async fn search(from: &'static str) -> String {
    let searching = tokio::task::spawn_blocking(move || {
        let socket = UdpSocket::bind((from, 0)).unwrap();
        socket.set_read_timeout(Some(Duration::from_millis(200))).unwrap();
        let mut answer = [0; 2048];
        let end = Instant::now() + PATIENCE;
        while Instant::now() < end {
            // Sent to the port itself, so that the way of the datagram is the one that is asked about.
            let search =
                b"M-SEARCH * HTTP/1.1\r\nHOST: 239.255.255.250:1900\r\nMAN: \"ssdp:discover\"\r\nMX: 1\r\n\
                ST: urn:schemas-upnp-org:device:MediaServer:1\r\n\r\n";
            socket.send_to(search, (from, 1900)).unwrap();
            if let Ok(length) = socket.recv(&mut answer) {
                return String::from_utf8_lossy(&answer[..length]).into_owned();
            }
        }
        panic!("no answer to a search from {from}");
    });
    let answer = searching.await.unwrap();
    let location = answer.lines().find_map(|line| line.strip_prefix("LOCATION: "));
    location.unwrap_or_else(|| panic!("{answer}")).to_owned()
}

#[test]
fn each_interface_is_told_the_address_that_it_reaches() {
    in_namespace("dlna::each_interface_is_told_the_address_that_it_reaches", || async {
        let added = Command::new("ip").args(["addr", "add", "10.99.0.1/24", "dev", "lo"]).status().unwrap();
        assert!(added.success());
        let world = Announced::start(switched(true)).await;
        let own = world.server.local_addr();
        world.lan.send_replace(Arc::from([own, "10.99.0.1:8090".parse().unwrap()]));

        assert_eq!(search("10.99.0.1").await, "http://10.99.0.1:8090/dlna/device.xml");
        assert_eq!(search("127.0.0.1").await, format!("http://{own}/dlna/device.xml"));
        world.end().await;
    });
}

#[test]
fn a_taken_port_keeps_nothing_else_from_working() {
    in_namespace("dlna::a_taken_port_keeps_nothing_else_from_working", || async {
        // Without sharing, as the only one.
        let other = UdpSocket::bind("0.0.0.0:1900").unwrap();
        let world = Announced::start(switched(true)).await;
        let own = world.server.local_addr();

        until_answers(own, 200).await;
        assert_eq!(ask(own, "GET", "/echo", &[], b"").await.text(), "MatriX.145");

        drop(other);
        world.change(switched(false)).await;
        until_answers(own, 404).await;
        world.change(switched(true)).await;
        assert_eq!(search("127.0.0.1").await, format!("http://{own}/dlna/device.xml"));
        world.end().await;
    });
}
