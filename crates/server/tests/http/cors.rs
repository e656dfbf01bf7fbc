//! Pages that a person lets in by name, and all the others.

use freshet_model::{NetworkPatch, SettingsPatch};
use serde_json::json;

use crate::common::{Reply, World};

const LAMPA: &str = "http://lampa.mx";

async fn let_lampa_in(world: &World) {
    let network = NetworkPatch {
        allow_lampa: Some(true),
        allowed_origins: Some(vec!["https://page.example".to_owned()]),
        ..NetworkPatch::default()
    };
    let patch = SettingsPatch { network: Some(network), ..SettingsPatch::default() };
    world.app.update_settings(patch).await.unwrap();
}

fn cors(reply: &Reply) -> Vec<(&str, &str)> {
    let is_cors = |name: &str| name.starts_with("access-control-") || name.starts_with("cross-origin-");
    let fields = reply.fields.iter().filter(|(name, _)| is_cors(name));
    fields.map(|(name, value)| (name.as_str(), value.as_str())).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn c18_a_preflight_is_answered_for_pages_that_were_let_in() {
    let world = World::start().await;
    let ask = async |origin: &str, path: &str| {
        let fields = [("origin", origin), ("access-control-request-method", "POST")];
        world.ask("OPTIONS", path, &fields, b"").await
    };
    assert_eq!(ask(LAMPA, "/torrents").await.status, 403, "nobody was let in yet");
    let_lampa_in(&world).await;

    let reply = ask(LAMPA, "/torrents").await;

    assert_eq!((reply.status, reply.text()), (204, ""));
    assert_eq!(
        cors(&reply),
        [
            ("access-control-allow-methods", "GET,POST,HEAD,OPTIONS"),
            (
                "access-control-allow-headers",
                "Origin,Content-Length,Content-Type,X-Requested-With,Accept,Authorization,Range"
            ),
            ("access-control-max-age", "43200"),
            ("access-control-allow-private-network", "true"),
            ("access-control-allow-origin", LAMPA),
            ("access-control-expose-headers", "Content-Range, Accept-Ranges, Content-Length, ETag"),
        ]
    );
    assert_eq!(ask("https://page.example", "/stream/x").await.status, 204);
    for (origin, path) in [
        ("https://evil.example", "/torrents"),
        ("null", "/torrents"),
        (LAMPA, "/rpc/app_info"),
        (LAMPA, "/events"),
        (LAMPA, "/"),
        (LAMPA, "/shutdown"),
    ] {
        let reply = ask(origin, path).await;
        assert_eq!(
            (reply.status, reply.field("access-control-allow-origin")),
            (403, None),
            "{origin} {path}"
        );
    }
    // Without an origin it is an unknown method of the route, as in TorrServer.
    assert_eq!(world.ask("OPTIONS", "/torrents", &[], b"").await.status, 404);
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_that_was_let_in_uses_the_clients_routes_and_administers_nothing() {
    let world = World::start().await;
    let_lampa_in(&world).await;
    let hash = world.add(&world.film).await;
    let lampa = [
        ("origin", LAMPA),
        ("sec-fetch-site", "cross-site"),
        ("content-type", "application/x-www-form-urlencoded; charset=UTF-8"),
    ];

    let list = world.ask("POST", "/torrents", &lampa, br#"{"action":"list"}"#).await;
    assert_eq!(list.json()[0]["hash"], hash.to_string());
    assert_eq!(list.field("access-control-allow-origin"), Some(LAMPA));
    assert_eq!(list.field("vary"), Some("origin"));
    assert_eq!(list.field("access-control-allow-credentials"), None);
    assert_eq!(list.field("cross-origin-resource-policy"), None);
    let part = [("origin", LAMPA), ("range", "bytes=0-9")];
    let part = world.get_with(&format!("/stream/x?link={hash}&index=1&play"), &part).await;
    assert_eq!((part.status, part.field("access-control-allow-origin")), (206, Some(LAMPA)));
    let missing = world.ask("POST", "/torrents", &lampa, br#"{"action":"dance"}"#).await;
    assert_eq!((missing.status, missing.field("access-control-allow-origin")), (400, Some(LAMPA)));

    let set = json!({"action": "set", "sets": {"EnableDLNA": true, "TrackTimecode": false}}).to_string();
    assert_eq!(world.ask("POST", "/settings", &lampa, set.as_bytes()).await.status, 200);
    let sets = world.post("/settings", json!({"action": "get"})).await.json();
    assert_eq!((&sets["EnableDLNA"], &sets["TrackTimecode"]), (&json!(false), &json!(false)));
    assert_eq!(world.ask("POST", "/shutdown", &lampa, b"").await.status, 403);
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_film_in_a_page_that_was_let_in_may_be_shown_there() {
    let world = World::start().await;
    let hash = world.add(&world.film).await;
    let path = format!("/stream/x?link={hash}&index=1&play");
    let film = |referrer| {
        [
            ("referer", referrer),
            ("sec-fetch-site", "cross-site"),
            ("sec-fetch-mode", "no-cors"),
            ("sec-fetch-dest", "video"),
            ("range", "bytes=0-9"),
        ]
    };
    assert_eq!(world.get_with(&path, &film("http://lampa.mx/")).await.status, 403);
    let_lampa_in(&world).await;

    let shown = world.get_with(&path, &film("http://lampa.mx/")).await;

    assert_eq!((shown.status, cors(&shown)), (206, vec![]));
    assert_eq!(world.get_with(&path, &film("https://evil.example/")).await.status, 403);
    let alone = world.get_with(&path, &[("range", "bytes=0-9")]).await;
    assert_eq!(cors(&alone), [("cross-origin-resource-policy", "same-origin")]);
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn only_a_post_of_the_person_ends_the_program() {
    let world = World::start().await;
    let end = world.server.end_requested();
    assert_eq!(world.get("/shutdown").await.status, 403);
    assert_eq!(world.get("/shutdown/reason").await.status, 403);
    let foreign = [("origin", "https://evil.example")];
    assert_eq!(world.ask("POST", "/shutdown", &foreign, b"").await.status, 403);
    let mut end = std::pin::pin!(end);
    assert!(futures::poll!(end.as_mut()).is_pending());

    let reply = world.ask("POST", "/shutdown", &[], b"").await;

    assert_eq!((reply.status, reply.text()), (200, ""));
    tokio::time::timeout(crate::common::PATIENCE, end).await.expect("the host is told");
    world.end().await;
}
