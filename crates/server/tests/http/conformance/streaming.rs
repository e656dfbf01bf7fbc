//! Bytes for players: points 10, 11, 15, 17 and 21. More about ranges is in `ranges`.

use std::time::Duration;

use freshet_engine::testing::{Seeder, SeederOptions, pattern};
use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::common::{FILM_BYTES, PATIENCE, Reply, World, film_bytes, show_files, until};

#[tokio::test(flavor = "multi_thread")]
async fn c10_a_stream_has_the_head_that_players_know() {
    let world = World::start().await;
    let hash = world.add(&world.film).await;
    let path = format!("/stream/Film.mkv?link={hash}&index=1&play");

    let whole = world.get(&path).await;
    let etag = format!("\"{}\"", data_encoding::HEXLOWER.encode(format!("{hash}/Film é.mkv").as_bytes()));
    assert_eq!((whole.status, whole.field("etag")), (200, Some(etag.as_str())));
    assert_eq!(whole.field("server"), Some("TorrServer (Portable SDK for UPnP devices)"));
    assert_eq!(whole.field("contentfeatures.dlna.org"), None);
    assert!(whole.body == film_bytes());
    let head = world.head(&path).await;
    assert_eq!(head, Reply { body: Vec::new(), ..whole });

    let suffix = world.get_with(&path, &[("range", "bytes=-3")]).await;
    let named = format!("bytes {}-{}/{FILM_BYTES}", FILM_BYTES - 3, FILM_BYTES - 1);
    assert_eq!((suffix.status, suffix.field("content-range")), (206, Some(named.as_str())));
    assert!(suffix.body == film_bytes()[FILM_BYTES - 3..]);
    let several = world.get_with(&path, &[("range", "bytes=0-1,5-6")]).await;
    assert!(several.field("content-type").unwrap().starts_with("multipart/byteranges; boundary="));
    let outside = world.get_with(&path, &[("range", "bytes=9999999-")]).await;
    assert_eq!((outside.status, outside.field("content-range")), (416, Some("bytes */2000003")));
    for (fields, status) in [
        ([("if-none-match", etag.as_str()), ("range", "bytes=0-1")], 304),
        ([("if-range", etag.as_str()), ("range", "bytes=0-1")], 206),
        ([("if-range", "\"other\""), ("range", "bytes=0-1")], 200),
    ] {
        assert_eq!(world.get_with(&path, &fields).await.status, status, "{fields:?}");
    }
    let dlna = world.get_with(&path, &[("getcontentfeatures.dlna.org", "1"), ("range", "bytes=0-0")]).await;
    assert!(dlna.field("contentfeatures.dlna.org").unwrap().starts_with("DLNA.ORG_OP=11;"));
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn c11_a_single_file_plays_under_any_number() {
    let world = World::start().await;
    let hash = world.add(&world.film).await;

    for path in [
        format!("/stream?link={hash}&play"),
        format!("/stream/x?link={hash}&index=0&play"),
        format!("/play/{hash}/7"),
    ] {
        assert!(world.get(&path).await.body == film_bytes(), "{path}");
    }
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn c15_the_cache_shows_its_pieces_and_readers() {
    let world = World::start().await;
    let hash = world.add(&world.film).await;
    let ask = json!({"action": "get", "hash": hash.to_string()});
    let cache = async || world.post("/cache", ask.clone()).await.json();

    let idle = cache().await;
    assert_eq!(
        (&idle["Hash"], &idle["Capacity"], &idle["Filled"]),
        (&json!(hash.to_string()), &json!(67_108_864), &json!(0))
    );
    assert_eq!((&idle["PiecesLength"], &idle["PiecesCount"]), (&json!(65_536), &json!(31)));
    assert_eq!((&idle["Pieces"], &idle["Readers"]), (&json!({}), &json!([])), "always there");
    assert_eq!(idle["Torrent"]["hash"], hash.to_string());

    // A player that has read some and holds the rest of its answer back.
    let mut reader = world.app.open_file(hash, freshet_model::FileIndex(0)).await.unwrap().reader;
    let mut some = vec![0; 70_000];
    tokio::time::timeout(PATIENCE, reader.read_exact(&mut some)).await.unwrap().unwrap();
    let full = until("all of it is here", async || {
        let cache = cache().await;
        (cache["Filled"] == FILM_BYTES).then_some(cache)
    })
    .await;
    assert_eq!(full["Readers"], json!([{"Start": 0, "End": 30, "Reader": 1}]));
    let pieces = full["Pieces"].as_object().unwrap();
    assert_eq!(pieces.len(), 31);
    let piece = |id: u32, size: u32, priority: u32| json!({"Id": id, "Length": 65_536, "Size": size, "Completed": true, "Priority": priority});
    for (id, size, priority) in [(0, 65_536, 0), (1, 65_536, 5), (2, 65_536, 4), (30, 33_923, 3)] {
        assert_eq!(pieces[&id.to_string()], piece(id, size, priority));
    }

    drop(reader);
    assert_eq!(cache().await["Readers"], json!([]));
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn c17_a_preload_goes_on_without_its_client_and_says_how_far_it_is() {
    const SMALL_BYTES: usize = 3 * 1024 * 1024;
    let world = World::start().await;
    let path = world.folder.path().join("Small.mkv");
    std::fs::write(&path, pattern(5, SMALL_BYTES)).unwrap();
    let options = SeederOptions { upload_limit_bytes_per_sec: 1024 * 1024, ..SeederOptions::default() };
    let (seeder, small) = Seeder::seeding(&path, options).await.unwrap();
    let hash = world.add(&small).await;
    let status = async || world.get(&format!("/stream?link={hash}&index=1&stat")).await.json();
    assert_eq!(status().await.get("preload_size"), None, "nobody has asked for one");

    let mut client = TcpStream::connect(world.address()).await.unwrap();
    let request =
        format!("GET /stream/x?link={hash}&index=1&preload HTTP/1.1\r\nHost: {}\r\n\r\n", world.address());
    client.write_all(request.as_bytes()).await.unwrap();
    let begun = until("it has begun", async || {
        let status = status().await;
        (status["stat"] == 2).then_some(status)
    })
    .await;
    assert_eq!(
        (&begun["preload_size"], &begun["stat_string"]),
        (&json!(SMALL_BYTES), &json!("Torrent preload"))
    );
    drop(client);

    // HEAD joins it, and blocks until all is here.
    let head = world.head(&format!("/stream?link={hash}&index=1&preload")).await;
    assert_eq!(head.status, 200);
    let done = status().await;
    assert_eq!(
        (&done["preloaded_bytes"], &done["preload_size"], &done["stat"]),
        (&json!(SMALL_BYTES), &json!(SMALL_BYTES), &json!(3))
    );
    assert_eq!(world.post("/viewed", json!({"action": "list"})).await.text(), "[]", "that is not watching");
    world.end().await;
    seeder.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn c17_without_preload_in_the_settings_nothing_is_waited_for() {
    let world = World::start().await;
    let hash = world.add(&world.film).await;
    world.post("/settings", json!({"action": "set", "sets": {"PreloadCache": 0}})).await;

    let reply = world.get(&format!("/stream?link={hash}&index=1&preload&stat")).await;

    assert_eq!((reply.json().get("preload_size"), reply.json()["stat"].clone()), (None, json!(5)));
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn c21_two_players_read_one_torrent() {
    let world = World::start().await;
    let hash = world.add(&world.show).await;
    let [(_, first_seed, first_bytes), _, (_, second_seed, second_bytes), _] = show_files();
    let play = async |id: u32| world.get(&format!("/stream/x?link={hash}&index={id}&play")).await;
    let path = format!("/play/{hash}/1");
    let ranges = [[("range", "bytes=100000-")], [("range", "bytes=0-99999")]];

    let (first, second, tail, head) = tokio::time::timeout(Duration::from_secs(60), async {
        tokio::join!(play(1), play(3), world.get_with(&path, &ranges[0]), world.get_with(&path, &ranges[1]))
    })
    .await
    .unwrap();

    let episode = pattern(first_seed, first_bytes);
    assert!(first.body == episode && second.body == pattern(second_seed, second_bytes));
    assert!(tail.body == episode[100_000..] && head.body == episode[..100_000]);
    world.end().await;
}
