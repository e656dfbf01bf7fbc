//! Every reply of the API in one file, so that a changed one shows as a difference.
//!
//! Left out are the fields that differ from run to run; the address, hashes and times are replaced by words.

use std::fmt::Write as _;

use serde_json::json;

use crate::common::{Reply, World};

/// Of the head, in this order.
const FIELDS: &[&str] = &[
    "content-type",
    "content-disposition",
    "content-range",
    "accept-ranges",
    "connection",
    "etag",
    "location",
    "server",
    "transfermode.dlna.org",
    "contentfeatures.dlna.org",
    "x-stream-timeout",
];

struct Page<'a> {
    world: &'a World,
    text: String,
}

impl Page<'_> {
    fn steady(&self, text: &str) -> String {
        text.replace(&self.world.address().to_string(), "ADDRESS")
            .replace(&self.world.film.info_hash.to_string(), "FILM")
            .replace(&self.world.show.info_hash.to_string(), "SHOW")
    }

    fn write(&mut self, request: &str, reply: &Reply) {
        let _ = writeln!(self.text, "## {}\n{}", self.steady(request), reply.status);
        for name in FIELDS {
            // Names of other alphabets are not text here.
            if let Some((_, value)) = reply.fields.iter().find(|(known, _)| known == name) {
                let value = value.split("boundary=").next().unwrap_or_default();
                let _ = writeln!(self.text, "{name}: {}", self.steady(value));
            }
        }
        let is_long = reply.body.len() > 8 * 1024;
        match std::str::from_utf8(&reply.body) {
            Ok(_) if !is_long => {
                let _ = writeln!(self.text, "{}", self.steady(&reply.steady_text()));
            }
            _ => {
                let _ = writeln!(self.text, "({} bytes)", reply.body.len());
            }
        }
        self.text.push('\n');
    }

    async fn ask(&mut self, method: &str, path: &str, fields: &[(&str, &str)], body: &str) {
        let reply = self.world.ask(method, path, fields, body.as_bytes()).await;
        let shown: String = fields.iter().map(|(name, value)| format!(" [{name}: {value}]")).collect();
        self.write(&format!("{method} {path}{shown} {body}"), &reply);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_reply_is_as_it_was() {
    let world = World::start().await;
    let (film, show) = (world.film.info_hash, world.show.info_hash);
    let mut page = Page { world: &world, text: String::new() };
    let unknown = "08ada5a7a6183aae1e09d831df6748d566095a10";

    for (path, body) in [
        ("/torrents", json!({"action": "list"})),
        ("/torrents", json!({"action": "add"})),
        ("/torrents", json!({"action": "get", "hash": unknown})),
        ("/torrents", json!({"action": "set", "hash": unknown})),
        ("/torrents", json!({"action": "rem", "hash": unknown})),
        ("/torrents", json!({"action": "drop", "hash": unknown})),
        ("/viewed", json!({"action": "list"})),
        ("/viewed", json!({"action": "rem", "hash": unknown, "file_index": -1})),
        ("/cache", json!({"action": "get", "hash": unknown})),
        ("/settings", json!({"action": "get"})),
        ("/settings", json!({"action": "set"})),
        ("/settings", json!({"action": "set", "sets": {"FriendlyName": "den"}})),
        ("/settings", json!({"action": "def"})),
        ("/settings", json!({"action": "dance"})),
    ] {
        page.ask("POST", path, &[], &body.to_string()).await;
    }
    world.add(&world.film).await;
    world.add(&world.show).await;
    let described = json!({
        "action": "set", "hash": show.to_string(), "title": "Show & <more>", "category": "tv",
        "poster": "http://p.example/a.jpg", "data": "{\"lampa\":true}",
    });
    for (path, body) in [
        ("/torrents", described),
        ("/torrents", json!({"action": "add", "link": world.show.magnet().split("&x.pe").next()})),
        ("/viewed", json!({"action": "set", "hash": show.to_string(), "file_index": 3, "timecode": 61.5})),
        ("/viewed", json!({"action": "list"})),
        ("/viewed", json!({"action": "list", "hash": show.to_string()})),
        ("/cache", json!({"action": "get", "hash": film.to_string()})),
    ] {
        page.ask("POST", path, &[], &body.to_string()).await;
    }
    let get = |path: &str| path.replace("FILM", &film.to_string()).replace("SHOW", &show.to_string());
    for (method, path) in [
        ("GET", "/echo"),
        ("GET", "/stream?link=SHOW"),
        ("GET", "/stream?link=SHOW&stat"),
        ("GET", "/stream?link=SHOW&save"),
        ("GET", "/stream/list.m3u?link=SHOW&m3u"),
        ("GET", "/stream?link=SHOW&m3u&fromlast"),
        ("GET", "/stream?play"),
        ("GET", "/stream?link=SHOW&play"),
        ("GET", "/stream?link=SHOW&index=9&play"),
        ("HEAD", "/stream/e1.mkv?link=SHOW&index=1&play"),
        ("HEAD", "/play/SHOW/1"),
        ("GET", "/play/nonsense/1"),
        ("GET", "/playlist?hash=SHOW"),
        ("GET", "/playlist"),
        ("GET", "/playlistall/all.m3u?category=tv"),
        ("GET", "/magnets"),
        ("GET", "/stat"),
        ("GET", "/download/1"),
        ("GET", "/download/x"),
        ("GET", "/ffp/status"),
        ("GET", "/ffp/SHOW/9"),
        ("GET", "/gst/echo"),
        ("GET", "/gst/settings"),
        ("POST", "/gst/settings"),
        ("GET", "/storage/settings"),
        ("POST", "/storage/settings"),
        ("GET", "/tmdb/settings"),
        ("GET", "/nothing"),
        ("PUT", "/echo"),
    ] {
        page.ask(method, &get(path), &[], "").await;
    }
    page.ask("POST", "/torrents", &[], &json!({"action": "get", "hash": show.to_string()}).to_string()).await;
    let path = format!("/play/{show}/2");
    for fields in [
        vec![("range", "bytes=-3")],
        vec![("range", "bytes=0-0,2-2"), ("if-range", "\"other\"")],
        vec![("range", "bytes=500-")],
        vec![("range", "bytes=x")],
        vec![("getcontentfeatures.dlna.org", "1"), ("range", "bytes=0-0")],
    ] {
        page.ask("HEAD", &path, &fields, "").await;
    }
    // From here on files are open, and what a status says depends on the moment.
    for path in
        [format!("/play/{show}/4"), format!("/play/{show}/1"), format!("/stream/Film.mkv?link={film}&play")]
    {
        page.ask("GET", &path, &[], "").await;
    }

    insta::assert_snapshot!(page.text);
    world.end().await;
}
