//! Byte ranges over real sockets, compared with the file that is seeded.

use std::ops::Range;

use crate::common::{FILM_BYTES, Reply, World, film_bytes, find};

async fn playing() -> (World, String) {
    let world = World::start().await;
    let hash = world.add(&world.film).await;
    (world, format!("/play/{hash}/1"))
}

#[tokio::test(flavor = "multi_thread")]
async fn every_form_of_a_range_gives_the_bytes_of_the_file() {
    let (world, path) = playing().await;
    let film = film_bytes();
    let length = FILM_BYTES;
    let table: [(&str, Range<usize>); 9] = [
        ("bytes=0-0", 0..1),
        ("bytes=0-", 0..length),
        ("bytes=65535-65536", 65_535..65_537),
        ("bytes=1000000-1299999", 1_000_000..1_300_000),
        ("bytes=-1", length - 1..length),
        ("bytes=-70000", length - 70_000..length),
        ("bytes=-99999999", 0..length),
        ("bytes=2000000-99999999", 2_000_000..length),
        ("bytes=9999999-,5-9", 5..10),
    ];
    for (field, range) in table {
        let reply = world.get_with(&path, &[("range", field)]).await;
        assert_eq!(reply.status, 206, "{field}");
        let named = format!("bytes {}-{}/{length}", range.start, range.end - 1);
        assert_eq!(reply.field("content-range"), Some(named.as_str()), "{field}");
        assert!(reply.body == film[range], "{field}: other bytes");
    }
    for field in ["bytes=0-9,5-14", "pieces=1-2", "bytes=0-,0-"] {
        let reply = world.get_with(&path, &[("range", field)]).await;
        assert_eq!((reply.status, reply.field("content-range")), (200, None), "{field}");
        assert!(reply.body == film, "{field}: other bytes");
    }
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn several_ranges_come_as_one_multipart_body() {
    let (world, path) = playing().await;
    let film = film_bytes();

    let reply = world.get_with(&path, &[("range", "bytes=1900000-1900009, 0-4,-3")]).await;

    assert_eq!(reply.status, 206);
    let boundary =
        reply.field("content-type").unwrap().strip_prefix("multipart/byteranges; boundary=").unwrap();
    let mut rest = reply.body.as_slice();
    for range in [1_900_000..1_900_010, 0..5, FILM_BYTES - 3..FILM_BYTES] {
        let head = format!(
            "--{boundary}\r\nContent-Range: bytes {}-{}/{FILM_BYTES}\r\nContent-Type: video/x-matroska\r\n\r\n",
            range.start,
            range.end - 1
        );
        let at = find(rest, head.as_bytes()).unwrap();
        let content = &rest[at + head.len()..];
        assert!(content.starts_with(&film[range.clone()]), "{range:?}");
        rest = &content[range.len()..];
    }
    assert_eq!(rest, format!("\r\n--{boundary}--\r\n").as_bytes());
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_lies_outside_is_416() {
    let (world, path) = playing().await;

    let outside = world.get_with(&path, &[("range", "bytes=2000003-")]).await;
    assert_eq!(outside.status, 416);
    assert_eq!(outside.field("content-range"), Some("bytes */2000003"));
    assert_eq!(outside.text(), "invalid range: failed to overlap");

    let nonsense = world.get_with(&path, &[("range", "bytes=a-")]).await;
    assert_eq!(
        (nonsense.status, nonsense.field("content-range"), nonsense.text()),
        (416, None, "invalid range")
    );
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_head_says_what_players_know_torrserver_by() {
    let (world, path) = playing().await;
    let hash = world.film.info_hash;

    let plain = world.get(&path).await;

    let etag = data_encoding::HEXLOWER.encode(format!("{hash}/Film é.mkv").as_bytes());
    for (name, value) in [
        ("accept-ranges", "bytes"),
        ("connection", "close"),
        ("content-length", "2000003"),
        ("content-type", "video/x-matroska"),
        ("etag", &format!("\"{etag}\"")),
        ("server", "TorrServer (Portable SDK for UPnP devices)"),
        ("transfermode.dlna.org", "Streaming"),
        ("x-stream-timeout", "600"),
    ] {
        assert_eq!(plain.field(name), Some(value), "{name}");
    }
    assert!(plain.field("last-modified").is_some());
    for absent in
        ["content-disposition", "cache-control", "contentfeatures.dlna.org", "access-control-allow-origin"]
    {
        assert_eq!(plain.field(absent), None, "{absent}");
    }
    let asked = world.get_with(&path, &[("getcontentFeatures.dlna.org", "1"), ("range", "bytes=0-0")]).await;
    assert_eq!(
        asked.field("contentfeatures.dlna.org"),
        Some("DLNA.ORG_OP=11;DLNA.ORG_CI=0;DLNA.ORG_FLAGS=01700000000000000000000000000000")
    );
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn head_has_the_same_fields_and_opens_nothing() {
    let (world, path) = playing().await;
    let head = async |fields: &[(&str, &str)]| world.ask("HEAD", &path, fields, b"").await;

    let (whole, part) = (head(&[]).await, head(&[("range", "bytes=5-9")]).await);
    assert!(!world.app.is_active(world.film.info_hash), "nothing was opened");

    let without_body = |reply: Reply| Reply { body: Vec::new(), ..reply };
    assert_eq!(whole, without_body(world.get(&path).await));
    assert_eq!(part, without_body(world.get_with(&path, &[("range", "bytes=5-9")]).await));
    assert_eq!((part.status, part.field("content-length")), (206, Some("5")));
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tag_decides_whether_to_send_and_whether_in_part() {
    let (world, path) = playing().await;
    let whole = world.head(&path).await;
    let (etag, date) = (whole.field("etag").unwrap(), whole.field("last-modified").unwrap());
    let range = ("range", "bytes=0-9");

    for condition in [("if-none-match", etag), ("if-modified-since", date)] {
        let reply = world.get_with(&path, &[condition, range]).await;
        assert_eq!(
            (reply.status, reply.body.len(), reply.field("etag")),
            (304, 0, Some(etag)),
            "{condition:?}"
        );
    }
    for (condition, status) in [
        (("if-range", etag), 206),
        (("if-range", "\"other\""), 200),
        (("if-range", date), 200),
        (("if-none-match", "\"other\""), 206),
        (("if-match", "\"other\""), 412),
        (("if-match", etag), 206),
    ] {
        assert_eq!(world.get_with(&path, &[condition, range]).await.status, status, "{condition:?}");
    }
    world.end().await;
}
