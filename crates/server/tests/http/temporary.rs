//! Torrents that a client wants for the moment only.

use std::time::Duration;

use freshet_model::{InfoHash, TorrentRecord};
use serde_json::json;

use crate::common::{World, start_app, until};

async fn record(world: &World, info_hash: InfoHash) -> Option<std::sync::Arc<TorrentRecord>> {
    world.app.torrent(info_hash).await.unwrap()
}

async fn set_idle_time(world: &World, secs: u32) {
    world.post("/settings", json!({"action": "set", "sets": {"TorrentDisconnectTimeout": secs}})).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_not_saved_leaves_when_it_is_idle_and_what_was_saved_stays() {
    let world = World::start().await;
    let add =
        |link: String| world.post("/torrents", json!({"action": "add", "link": link, "save_to_db": false}));
    let nobody: InfoHash = "08ada5a7a6183aae1e09d831df6748d566095a10".parse().unwrap();
    add(world.film.magnet()).await;
    add(world.show.magnet()).await;
    add(nobody.to_string()).await;
    let (film, show) = (world.film.info_hash, world.show.info_hash);
    assert_eq!(world.post("/torrents", json!({"action": "list"})).await.json().as_array().unwrap().len(), 3);
    assert_eq!(world.get(&format!("/play/{show}/2")).await.body.len(), 500, "it plays like any other");
    assert_eq!(world.get(&format!("/stream?link={film}&save")).await.status, 200);
    let pieces = world.folder.path().join("data/pieces").join(show.to_string());
    assert!(pieces.is_dir());

    set_idle_time(&world, 1).await;

    until("the unsaved ones leave", async || {
        let gone = record(&world, show).await.is_none() && record(&world, nobody).await.is_none();
        gone.then_some(())
    })
    .await;
    until("its pieces too", async || (!pieces.exists()).then_some(())).await;
    assert!(!record(&world, film).await.unwrap().is_temporary, "saved by a client");
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_not_saved_does_not_outlive_the_program() {
    let world = World::start().await;
    let magnet = |torrent: &freshet_engine::testing::SeededTorrent| {
        percent_encoding::utf8_percent_encode(&torrent.magnet(), percent_encoding::NON_ALPHANUMERIC)
            .to_string()
    };
    let (film, show) = (world.film.info_hash, world.show.info_hash);
    world.get(&format!("/stream?link={}", magnet(&world.show))).await;
    world.get(&format!("/stream?link={}&save", magnet(&world.film))).await;
    assert!(record(&world, show).await.unwrap().is_temporary);

    let World { folder, app, server, seeder, .. } = world;
    server.shutdown(Duration::from_secs(10)).await;
    app.shutdown(Duration::from_secs(10)).await;
    let app = start_app(folder.path().join("data")).await;

    let kept: Vec<InfoHash> = app.torrents().await.unwrap().iter().map(|record| record.info_hash).collect();
    assert_eq!(kept, [film]);
    app.shutdown(Duration::from_secs(10)).await;
    seeder.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_torrent_of_a_person_is_never_temporary() {
    let world = World::start().await;
    let unsaved = json!({"action": "add", "link": world.show.magnet(), "save_to_db": false});
    let show = world.show.info_hash;

    world.post("/torrents", unsaved.clone()).await;
    assert!(record(&world, show).await.unwrap().is_temporary);
    world.rpc("torrent_add", json!({"source": world.show.magnet()})).await;
    assert!(!record(&world, show).await.unwrap().is_temporary, "a person added it");
    world.post("/torrents", unsaved).await;
    assert!(!record(&world, show).await.unwrap().is_temporary, "and no client makes it temporary again");

    // Dropping an unsaved one is the end of it, dropping a saved one is not.
    world.post("/torrents", json!({"action": "add", "link": world.film.magnet(), "save_to_db": false})).await;
    for hash in [world.film.info_hash, show] {
        world.post("/torrents", json!({"action": "drop", "hash": hash.to_string()})).await;
    }
    assert!(record(&world, world.film.info_hash).await.is_none());
    assert!(record(&world, show).await.is_some());
    world.end().await;
}
