//! A control point of GUPnP, the library behind GNOME's players: finds us, walks down to a file, plays it, sees us go.

use freshet_app::Description;
use freshet_engine::testing::{Seeder, SeederOptions, pattern};
use freshet_model::{NetworkPatch, TorrentSource};
use serde_json::json;

use crate::common::{FILM_BYTES, PATIENCE, film_bytes};
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
