//! The pictures of the library's cards.

use std::path::{Path, PathBuf};
use std::process::Command;

use freshet_engine::testing::SeededTorrent;
use freshet_model::{FileIndex, InfoHash};
use serde_json::{Value, json};

use crate::common::{PATIENCE, Reply, World, until};
use crate::pictures::{COLORS, color_of, is_near, make_clip};

const POSTER_RGB: [i32; 3] = [0, 128, 128];

fn draw(path: &Path, color: &str, size: &str) {
    let source = format!("color={color}:s={size}");
    let made = Command::new("ffmpeg")
        .args(["-v", "error", "-f", "lavfi", "-i", &source, "-frames:v", "1"])
        .arg(path)
        .status();
    assert!(made.expect("ffmpeg is installed").success());
}

fn folder_with(world: &World, files: &[&str]) -> PathBuf {
    let folder = world.folder.path().join("seeds/With pictures");
    std::fs::create_dir_all(&folder).unwrap();
    for file in files {
        let path = folder.join(file);
        if path.extension().is_some_and(|extension| extension == "mkv") {
            make_clip(&path, &COLORS.map(|(color, _)| color));
        } else {
            draw(&path, "0x008080", "600x900");
        }
    }
    folder
}

async fn row(world: &World, hash: InfoHash) -> Value {
    world.rpc("torrent_detail", json!({"info_hash": hash.to_string()})).await.json()["summary"].clone()
}

/// Waits until the row of a torrent names a poster whose address has this in it.
async fn poster(world: &World, hash: InfoHash, part: &str) -> (String, Reply) {
    let address = until("the row names a poster", async || {
        let address = row(world, hash).await["poster"].as_str().unwrap().to_owned();
        address.contains(part).then_some(address)
    })
    .await;
    let reply = world.get(&address).await;
    (address, reply)
}

fn assert_color(reply: &Reply, rgb: [i32; 3], world: &World) {
    assert_eq!((reply.status, reply.field("content-type")), (200, Some("image/jpeg")));
    let seen = color_of(&reply.body, world.folder.path());
    assert!(is_near(seen, rgb), "{seen:?} and not {rgb:?}");
}

async fn open(world: &World, torrent: &SeededTorrent, file_index: u32) -> String {
    let args = json!({
        "info_hash": torrent.info_hash.to_string(), "file_index": file_index,
        "playable_types": ["video/mp4; codecs=\"avc1.42C01E\""],
    });
    let ticket = world.rpc("playback_open", args).await.json();
    ticket["playback_id"].as_str().unwrap_or_else(|| panic!("{ticket}")).to_owned()
}

async fn report(world: &World, playback: &str, kind: &str) {
    let report = json!({"playback_id": playback, "kind": kind, "position_secs": 1.0, "duration_secs": 10.0});
    assert_eq!(world.rpc("playback_report", report).await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_torrent_that_is_opened_gets_the_picture_it_brings_along_and_nothing_else_of_it_comes() {
    let world = World::start().await;
    let folder = folder_with(&world, &["film.mkv", "Poster.jpg"]);
    let torrent = world.seeder.seed(&folder, Some(16 * 1024)).await.unwrap();
    let hash = world.add(&torrent).await;
    let record = world.app.torrent(hash).await.unwrap().unwrap();
    let picture_bytes = record.files.iter().find(|file| file.name() == "Poster.jpg").unwrap().length_bytes;

    let (address, reply) = poster(&world, hash, "/file-").await;

    assert_eq!(address.strip_prefix(&format!("/poster/{hash}/file-")).map(str::is_empty), Some(false));
    assert_color(&reply, POSTER_RGB, &world);
    assert_eq!(reply.field("cache-control"), Some("private, max-age=604800, immutable"));
    let here = world.app.pieces(&record).have_bytes_in(0..record.total_bytes);
    assert!(here <= picture_bytes + 2 * 16 * 1024, "{here} bytes came for a picture of {picture_bytes}");
    // It is drawn anew: what was served is not the file.
    assert_ne!(reply.body, std::fs::read(folder.join("Poster.jpg")).unwrap());

    for unknown in ["/poster/no/file-1", &format!("/poster/{}/file-1", world.film.info_hash)] {
        assert_eq!(world.get(unknown).await.status, 404, "{unknown}");
    }
    let from_elsewhere = [("origin", "http://evil.example"), ("sec-fetch-site", "cross-site")];
    assert_eq!(world.get_with(&address, &from_elsewhere).await.status, 403);
    assert_eq!(world.get_with(&address, &[("sec-fetch-site", "cross-site")]).await.status, 403);
    let desktop = world.get_with(&address, &[("origin", "tauri://localhost")]).await;
    assert_eq!(desktop.field("access-control-allow-origin"), Some("tauri://localhost"));

    world.rpc("torrent_remove", json!({"info_hash": hash.to_string(), "delete_pieces": true})).await;
    assert_eq!(world.get(&address).await.status, 200, "it may come back as it was");
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_film_without_pictures_gets_the_frame_that_was_wanted_from_what_is_here() {
    let world = World::start().await;
    let clip = world.folder.path().join("colors.mkv");
    make_clip(&clip, &COLORS.map(|(color, _)| color));
    let torrent = world.seeder.seed(&clip, None).await.unwrap();
    world.rpc("settings_update", json!({"download_limit_bytes_per_sec": 8 << 20})).await;
    let hash = world.add(&torrent).await;
    assert_eq!(row(&world, hash).await["poster"], "");
    let playback = open(&world, &torrent, 0).await;
    let started = world.rpc("playback_start", json!({"playback_id": playback, "at_secs": 0.0})).await;
    assert_eq!(started.status, 200, "{}", started.text());
    let index = world.app.container_index(hash, FileIndex(0)).await.unwrap().unwrap();
    let third = index.time_index.as_ref().unwrap().points()[2].byte;
    let record = world.app.torrent(hash).await.unwrap().unwrap();
    let here = |end| world.app.pieces(&record).have_bytes_in(0..end);
    until("the beginning is here", async || (here(third) == third).then_some(())).await;
    // From here on, whoever waits for a byte waits in vain.
    world.rpc("transfers_pause", json!({"paused": true})).await;
    let mut same = (0, 0);
    until("what was on its way is here", async || {
        let now = here(record.total_bytes);
        same = (now, if now == same.0 { same.1 + 1 } else { 0 });
        (same.1 == 20).then_some(())
    })
    .await;
    let before = same.0;
    assert!(before < record.total_bytes, "the film is only partly here");

    report(&world, &playback, "closed").await;

    // A tenth of ten seconds: the second color.
    let (_, reply) = poster(&world, hash, "/frame-").await;
    assert_color(&reply, COLORS[1].1, &world);
    assert_eq!(here(record.total_bytes), before, "nothing came for it");
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_cover_inside_a_film_comes_before_a_frame_of_it() {
    for name in ["covered.mkv", "covered.mp4"] {
        let world = World::start().await;
        let [plain, cover, clip] =
            ["plain.mkv", "cover.jpg", name].map(|name| world.folder.path().join(name));
        make_clip(&plain, &["red", "blue"]);
        draw(&cover, "0x008080", "400x600");
        let mut command = Command::new("ffmpeg");
        command.args(["-v", "error", "-i"]).arg(&plain);
        if name.ends_with("mkv") {
            command.arg("-attach").arg(&cover).args(["-metadata:s:t", "mimetype=image/jpeg", "-c", "copy"]);
        } else {
            command.arg("-i").arg(&cover).args(["-map", "0:v", "-map", "1", "-c", "copy"]);
            command.args(["-disposition:v:1", "attached_pic", "-movflags", "+faststart"]);
        }
        assert!(command.arg(&clip).status().unwrap().success());
        let torrent = world.seeder.seed(&clip, None).await.unwrap();
        let hash = world.add(&torrent).await;
        let playback = open(&world, &torrent, 0).await;
        let started = world.rpc("playback_start", json!({"playback_id": playback, "at_secs": 0.0})).await;
        assert_eq!(started.status, 200, "{}", started.text());
        let index = world.app.container_index(hash, FileIndex(0)).await.unwrap().unwrap();
        assert_eq!(index.attachments.len(), 1, "{name}");
        let record = world.app.torrent(hash).await.unwrap().unwrap();
        let data = index.attachments[0].data.clone();
        let length = data.end - data.start;
        let is_here = || world.app.pieces(&record).have_bytes_in(data.clone()) == length;
        until("the cover is here", async || is_here().then_some(())).await;

        report(&world, &playback, "closed").await;

        let (_, reply) = poster(&world, hash, "/cover-").await;
        assert_color(&reply, POSTER_RGB, &world);
        world.end().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_picture_that_is_none_leaves_the_card_as_it_was_and_a_window_hears_of_a_good_one() {
    let world = World::start().await;
    let folder = world.folder.path().join("seeds/Hostile");
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join("poster.jpg"), "<svg onload='alert(1)'/>".repeat(40)).unwrap();
    std::fs::write(folder.join("film.mkv"), vec![0; 40_000]).unwrap();
    let torrent = world.seeder.seed(&folder, Some(16 * 1024)).await.unwrap();
    let hash = world.add(&torrent).await;
    let record = world.app.torrent(hash).await.unwrap().unwrap();
    assert_eq!(row(&world, hash).await["poster"], "");
    let picture = record.files.iter().position(|file| file.name() == "poster.jpg").unwrap();
    let start: u64 = record.files[..picture].iter().map(|file| file.length_bytes).sum();
    let span = start..start + record.files[picture].length_bytes;
    let length = span.end - span.start;
    let is_here = || world.app.pieces(&record).have_bytes_in(span.clone()) == length;
    until("the hostile picture is here", async || is_here().then_some(())).await;

    let good = world.folder.path().join("seeds/Good");
    std::fs::create_dir_all(&good).unwrap();
    std::fs::write(good.join("film.mkv"), vec![0; 40_000]).unwrap();
    draw(&good.join("cover.png"), "0x008080", "300x450");
    let good = world.seeder.seed(&good, Some(16 * 1024)).await.unwrap();
    let mut events = world.app.subscribe(freshet_app::Caller::MainWindow);
    let good = world.add(&good).await;
    row(&world, good).await;
    let heard = async {
        loop {
            if let Some(freshet_model::AppEvent::PosterChanged { info_hash, poster }) = events.next().await {
                break (info_hash, poster);
            }
        }
    };
    let (info_hash, address) = tokio::time::timeout(PATIENCE, heard).await.expect("a window hears of it");

    assert_eq!(info_hash, good, "and of no other");
    assert_eq!(world.get(&address).await.status, 200);
    assert_eq!(row(&world, hash).await["poster"], "");
    world.end().await;
}
