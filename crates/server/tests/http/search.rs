//! Searching, as TorrServer's clients ask for it. The search services are a server of this test.

use serde_json::{Value, json};

use crate::common::World;
use crate::site::{Site, Told, ok, status};

const HASH: &str = "08ada5a7a6183aae1e09d831df6748d566095a10";

fn feed(items: &str) -> Told {
    ok(format!("<rss><channel>{items}</channel></rss>"))
}

async fn service() -> Site {
    Site::start(|asked| {
        if !asked.target.contains("apikey=right") {
            return ok("<error code='100' description='Invalid API Key'/>");
        }
        feed(&format!(
            "<item><title>Big &lt;Film&gt;</title><jackettindexer id='t'>Tracker</jackettindexer><size>4692251770</size>\
             <pubDate>Sat, 31 May 2008 21:00:00 +0300</pubDate><category>2000</category>\
             <comments>https://t.example/1</comments>\
             <torznab:attr name='magneturl' value='magnet:?xt=urn:btih:{HASH}&amp;dn=Film'/>\
             <torznab:attr name='seeders' value='12'/><torznab:attr name='peers' value='15'/>\
             <torznab:attr name='imdbid' value='tt1254207'/><torznab:attr name='year' value='2008'/></item>\
             <item><title>Bare</title><link>https://t.example/2.torrent</link></item>"
        ))
    })
    .await
}

async fn set(world: &World, sets: Value) {
    let reply = world.post("/settings", json!({"action": "set", "sets": sets})).await;
    assert_eq!((reply.status, reply.text()), (200, ""));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_search_answers_in_the_shape_of_torrserver() {
    let world = World::start().await;
    let (service, broken) = (service().await, Site::start(|_| status("500 No")).await);
    let urls = json!([
        {"Host": service.url("/torznab"), "Key": "right", "Name": "One"},
        {"Host": broken.url("/torznab"), "Key": "", "Name": "Two"},
    ]);
    set(&world, json!({"EnableTorznabSearch": true, "TorznabUrls": urls})).await;

    let all = world.get("/torznab/search/?query=big%2520film").await;

    assert_eq!((all.status, all.field("content-type")), (200, Some("application/json; charset=utf-8")));
    insta::assert_snapshot!(all.text());
    assert!(service.asked()[0].target.contains("?t=search&q=big+film&"), "{:?}", service.asked());
    for path in ["/search/?query=x", "/torznab/search/?query=x&index=0", "/torznab/search/?query=x&index=-1"]
    {
        assert_eq!(world.get(path).await.text(), all.text(), "{path}");
    }
    for path in ["/torznab/search/?query=x&index=1", "/torznab/search/?query=x&index=7"] {
        let reply = world.get(path).await;
        assert_eq!((reply.status, reply.text()), (200, "[]"), "{path}");
    }
    assert_eq!(world.get(&format!("/search/?query={}", "x".repeat(301))).await.status, 400);
    for path in ["/search", "/torznab/search"] {
        let reply = world.get(&format!("{path}?query=a%20b&index=1")).await;
        let location = format!("{path}/?query=a%20b&index=1");
        assert_eq!((reply.status, reply.field("location")), (301, Some(location.as_str())));
    }
    set(&world, json!({"EnableTorznabSearch": false})).await;
    for path in ["/search/?query=x", "/torznab/search/?query=x"] {
        let reply = world.get(path).await;
        assert_eq!((reply.status, reply.text()), (400, "[]"), "{path}");
    }
    let sets = world.post("/settings", json!({"action": "get"})).await.json();
    assert_eq!(sets["TorznabUrls"], urls, "kept while it is switched off");
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_search_service_is_tested_with_a_reason() {
    let world = World::start().await;
    let service = service().await;
    let test = async |body: Value| {
        let reply = world.post("/torznab/test", body).await;
        (reply.status, reply.text().to_owned())
    };

    assert_eq!(
        test(json!({"host": service.url(""), "key": "right"})).await,
        (200, r#"{"success":true}"#.to_owned())
    );
    let refused = r#"{"error":"the search service refused: Invalid API Key (code 100)","success":false}"#;
    assert_eq!(test(json!({"Host": service.url(""), "Key": "wrong"})).await, (200, refused.to_owned()));
    assert_eq!(test(json!({"key": "x"})).await, (400, String::new()));
    assert_eq!(test(json!([])).await, (400, String::new()));
    world.end().await;
}
