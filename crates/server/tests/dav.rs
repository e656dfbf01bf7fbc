//! The WebDAV folder, seen by clients that nobody here wrote: curl, rclone and cadaver.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test may fail")]

mod common;

use std::path::Path;
use std::process::Stdio;

use common::{EPISODE_BYTES, PATIENCE, World, film_bytes};
use freshet_engine::testing::pattern;
use freshet_model::{NetworkPatch, SettingsPatch};
use serde_json::json;
use tokio::process::Command;

const SHOW_TITLE: &str = "Лёд & «fire» 50% #1?";

async fn switch(world: &World, is_on: bool) {
    let network = NetworkPatch { webdav_enabled: Some(is_on), ..NetworkPatch::default() };
    let patch = SettingsPatch { network: Some(network), ..SettingsPatch::default() };
    world.app.update_settings(patch).await.unwrap();
}

/// A world with a film without category and a show with a name that has to be escaped everywhere.
async fn world() -> World {
    let world = World::start().await;
    world.add(&world.film).await;
    let hash = world.add(&world.show).await.to_string();
    let set = json!({"action": "set", "hash": hash, "title": SHOW_TITLE, "category": "tv shows"});
    world.post("/torrents", set).await;
    switch(&world, true).await;
    world
}

async fn find(world: &World, path: &str, depth: &str, body: &str) -> common::Reply {
    world
        .ask(
            "PROPFIND",
            path,
            &[("depth", depth), ("content-length", &body.len().to_string())],
            body.as_bytes(),
        )
        .await
}

async fn run(command: &mut Command) -> Vec<u8> {
    let output = command.stdin(Stdio::null()).kill_on_drop(true).output();
    let output = tokio::time::timeout(PATIENCE, output).await.expect("it ends in time").unwrap();
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    output.stdout
}

/// `rclone` with nothing but the address of the folder, and no settings of this account.
fn rclone(world: &World, arguments: &[&str]) -> Command {
    let mut command = Command::new("rclone");
    command.env("RCLONE_CONFIG", "/dev/null").args(["--retries", "1", "--low-level-retries", "1"]);
    command.arg(format!("--webdav-url=http://{}/dav", world.address())).args(arguments);
    command
}

#[tokio::test(flavor = "multi_thread")]
async fn the_folder_is_there_only_while_it_is_switched_on() {
    let world = World::start().await;
    assert_eq!(find(&world, "/dav/", "0", "").await.status, 404);
    assert_eq!(world.ask("OPTIONS", "/dav/", &[], b"").await.status, 404);

    switch(&world, true).await;
    assert_eq!(find(&world, "/dav", "0", "").await.status, 207);
    let options = world.ask("OPTIONS", "/dav/", &[], b"").await;
    assert_eq!((options.status, options.field("dav")), (200, Some("1")));
    assert_eq!(options.field("allow"), Some("OPTIONS, GET, HEAD, PROPFIND"));

    switch(&world, false).await;
    assert_eq!(find(&world, "/dav", "0", "").await.status, 404);
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_folder_says_what_is_in_it() {
    let world = world().await;
    let folder = "/dav/tv%20shows/%D0%9B%D1%91%D0%B4%20%26%20%C2%ABfire%C2%BB%2050%25%20%231%3F";

    let reply = find(&world, folder, "1", "").await;
    assert_eq!((reply.status, reply.field("content-type")), (207, Some("application/xml; charset=utf-8")));
    let text = without_dates(reply.text());
    insta::assert_snapshot!(text);

    let asked = "<propfind xmlns='DAV:'><prop><getcontentlength/><quota-used-bytes/><x xmlns='urn:a&amp;b'/><y xmlns=''/></prop></propfind>";
    let reply = find(&world, &format!("{folder}/e1.mkv"), "0", asked).await;
    insta::assert_snapshot!(reply.text());
    let names = "<d:propfind xmlns:d='DAV:'><d:propname/></d:propfind>";
    insta::assert_snapshot!(find(&world, "/dav/", "1", names).await.text());
    world.end().await;
}

fn without_dates(text: &str) -> String {
    let mut parts = text.split("<D:getlastmodified>");
    let mut steady = parts.next().unwrap().to_owned();
    for part in parts {
        let (date, rest) = part.split_once("</D:getlastmodified>").unwrap();
        assert!(date.ends_with(" GMT"), "{date}");
        steady += "<D:getlastmodified>(a date)</D:getlastmodified>";
        steady += rest;
    }
    steady
}

#[tokio::test(flavor = "multi_thread")]
async fn what_would_write_or_ask_for_everything_is_refused() {
    let world = world().await;
    let file = "/dav/uncategorized/Film%20%C3%A9.mkv/Film%20%C3%A9.mkv";
    for method in ["PUT", "DELETE", "MKCOL", "MOVE", "COPY", "PROPPATCH", "LOCK", "UNLOCK", "POST", "PATCH"] {
        for path in [file, "/dav/new", "/dav/"] {
            let reply = world.ask(method, path, &[("content-length", "3")], b"abc").await;
            assert_eq!(reply.status, 405, "{method} {path}");
            assert_eq!(reply.field("allow"), Some("OPTIONS, GET, HEAD, PROPFIND"));
        }
    }
    for depth in ["infinity", "2", ""] {
        let reply = find(&world, "/dav/", depth, "").await;
        assert_eq!(reply.status, 403, "{depth}");
        assert!(reply.text().contains("<D:propfind-finite-depth/>"));
    }
    assert_eq!(world.ask("PROPFIND", "/dav/", &[], b"").await.status, 403, "no depth is infinity");
    assert_eq!(find(&world, "/dav/nothing", "0", "").await.status, 404);
    assert_eq!(find(&world, "/dav/", "0", "<x/>").await.status, 400);
    let deep = "<a>".repeat(20_000);
    assert_eq!(find(&world, "/dav/", "0", &format!("<propfind xmlns='DAV:'>{deep}")).await.status, 400);
    assert_eq!(find(&world, "/dav/", "0", &" ".repeat(70_000)).await.status, 413);
    assert_eq!(world.get("/dav/").await.status, 405);
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn looking_around_starts_no_transfer_and_reading_marks_nothing() {
    let world = world().await;
    let file = "/dav/uncategorized/Film%20%C3%A9.mkv/Film%20%C3%A9.mkv";
    let hash = world.film.info_hash;

    find(&world, file, "0", "").await;
    let head = world.head(file).await;
    assert_eq!((head.status, head.field("content-length")), (200, Some("2000003")));
    assert!(!world.app.is_active(hash));

    let part = world.get_with(file, &[("range", "bytes=1000000-1000999")]).await;
    assert_eq!((part.status, &part.body[..]), (206, &film_bytes()[1_000_000..1_001_000]));
    assert!(world.app.is_active(hash));
    assert_eq!(world.post("/viewed", json!({"action": "list"})).await.text(), "[]");
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_torrents_of_one_title_are_two_folders() {
    let world = world().await;
    let hash = world.show.info_hash.to_string();
    let set = json!({"action": "set", "hash": hash, "title": "Film é.mkv", "category": ""});
    world.post("/torrents", set).await;

    let reply = find(&world, "/dav/uncategorized/", "1", "").await;
    let hrefs: Vec<&str> =
        reply.text().split("<D:href>").skip(1).map(|part| part.split_once('<').unwrap().0).collect();
    let tags = [&hash[..8], &world.film.info_hash.to_string()[..8]];
    let second = tags.map(|tag| format!("/dav/uncategorized/Film%20%C3%A9.mkv%20%5B{tag}%5D/"));
    assert_eq!(hrefs[..2], ["/dav/uncategorized/", "/dav/uncategorized/Film%20%C3%A9.mkv/"]);
    assert!(hrefs.len() == 3 && second.iter().any(|href| href == hrefs[2]), "{hrefs:?}");
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn rclone_lists_reads_and_copies() {
    let world = world().await;

    let listed = run(&mut rclone(&world, &["lsf", "-R", "--format", "ps", ":webdav:"])).await;
    let mut lines: Vec<_> = String::from_utf8(listed).unwrap().lines().map(str::to_owned).collect();
    lines.sort();
    // rclone shows some characters as look-alikes that every file system takes.
    let show = format!("tv shows/{SHOW_TITLE}");
    let mut expected = vec![
        "tv shows/;-1".to_owned(),
        "uncategorized/;-1".to_owned(),
        "uncategorized/Film é.mkv/;-1".to_owned(),
        "uncategorized/Film é.mkv/Film é.mkv;2000003".to_owned(),
        format!("{show}/;-1"),
        format!("{show}/e1.mkv;300001"),
        format!("{show}/e1.srt;500"),
        format!("{show}/e2.mkv;200000"),
        format!("{show}/extras/;-1"),
        format!("{show}/extras/about.txt;0"),
    ];
    expected.sort();
    assert_eq!(lines, expected);

    let film = ":webdav:uncategorized/Film é.mkv/Film é.mkv";
    assert!(run(&mut rclone(&world, &["cat", film])).await == film_bytes());
    let part = run(&mut rclone(&world, &["cat", "--offset", "1500000", "--count", "777", film])).await;
    assert_eq!(part, film_bytes()[1_500_000..1_500_777]);

    let copy = world.folder.path().join("copy");
    run(&mut rclone(&world, &["copy", &format!(":webdav:{show}"), copy.to_str().unwrap()])).await;
    assert!(std::fs::read(copy.join("e1.mkv")).unwrap() == pattern(11, EPISODE_BYTES));
    assert_eq!(std::fs::read(copy.join("e1.srt")).unwrap(), pattern(12, 500));
    assert_eq!(std::fs::read(copy.join("extras/about.txt")).unwrap(), b"");
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn cadaver_walks_and_fetches() {
    let world = world().await;
    let home = world.folder.path().join("home");
    std::fs::create_dir(&home).unwrap();
    let script =
        format!("cd \"tv shows\"\nls\ncd \"{SHOW_TITLE}\"\nls\nget e2.mkv\nput e2.mkv new.mkv\nquit\n");

    let output = cadaver(&home, &format!("http://{}/dav/", world.address()), &script).await;

    assert!(std::fs::read(home.join("e2.mkv")).unwrap() == pattern(13, 200_000), "{output}");
    for expected in ["Coll:   extras", "e1.mkv", "300001", "200000"] {
        assert!(output.contains(expected), "{expected} in {output}");
    }
    assert!(output.contains("405 Method Not Allowed"), "{output}");
    world.end().await;
}

async fn cadaver(home: &Path, url: &str, script: &str) -> String {
    use tokio::io::AsyncWriteExt as _;

    let mut command = Command::new("cadaver");
    command.arg(url).env("HOME", home).env("LC_ALL", "C.UTF-8").current_dir(home).kill_on_drop(true);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    child.stdin.take().unwrap().write_all(script.as_bytes()).await.unwrap();
    let output =
        tokio::time::timeout(PATIENCE, child.wait_with_output()).await.expect("it ends in time").unwrap();
    String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn curl_finds_and_reads_parts() {
    let world = world().await;
    let url = format!("http://{}/dav/uncategorized/Film%20%C3%A9.mkv/Film%20%C3%A9.mkv", world.address());
    let curl = |arguments: &[&str]| {
        let mut command = Command::new("curl");
        command.args(["--silent", "--show-error", "--noproxy", "*"]).args(arguments).arg(&url);
        command
    };

    let found = run(&mut curl(&["-X", "PROPFIND", "-H", "Depth: 0"])).await;
    let found = String::from_utf8(found).unwrap();
    assert!(found.contains("<D:getcontentlength>2000003</D:getcontentlength>"), "{found}");
    let parts = run(&mut curl(&["--range", "0-9,1999999-"])).await;
    let film = film_bytes();
    for part in [&film[..10], &film[1_999_999..]] {
        assert!(common::find(&parts, part).is_some());
    }
    assert!(run(&mut curl(&[])).await == film);
    world.end().await;
}
