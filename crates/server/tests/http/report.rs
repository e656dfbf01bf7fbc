//! The problem report, and how a transfer stands.

use serde_json::json;

use crate::common::World;

#[tokio::test(flavor = "multi_thread")]
async fn a_problem_report_is_a_file_without_addresses_and_names() {
    let world = World::start().await;
    let hash = world.add(&world.film).await;
    let path = format!("/report/{hash}");
    let played = world.get(&format!("/stream/x?link={hash}&index=1&play")).await;
    assert_eq!(played.status, 200);

    let reply = world.get(&path).await;
    assert_eq!((reply.status, reply.field("content-type")), (200, Some("application/json")));
    let saved_as = "attachment; filename=\"freshet-report.json\"";
    assert_eq!(reply.field("content-disposition"), Some(saved_as));
    assert_eq!(reply.field("cache-control"), Some("no-store"));
    let report = reply.json();
    assert_eq!((&report["version"], report["peers"].as_array().unwrap().len()), (&json!(1), 1));
    assert!(report["events"].as_array().unwrap().iter().any(|event| event["what"] == "first_piece"));
    for secret in ["127.0.0.1", &hash.to_string(), &world.film.metainfo.name] {
        assert!(!reply.text().contains(secret), "{secret} in {}", reply.text());
    }
    let named = world.get(&format!("{path}?names_torrent")).await;
    assert_eq!(named.json()["info_hash"], hash.to_string());

    let idle = world.get(&format!("/report/{}", world.show.info_hash)).await;
    assert_eq!((idle.status, &idle.json()["code"]), (404, &json!("not_found")));
    assert_eq!(world.get("/report/film").await.status, 404);
    let foreign = world.get_with(&path, &[("Origin", "https://evil.example")]).await;
    assert_eq!(foreign.status, 403);
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn peers_and_pieces_of_a_torrent_in_use_can_be_looked_at() {
    let world = World::start().await;
    let hash = world.add(&world.film).await;
    assert_eq!(world.get(&format!("/stream/x?link={hash}&index=1&play")).await.status, 200);

    let detail = world.rpc("torrent_transfer", json!({"info_hash": hash.to_string()})).await.json();

    assert_eq!(detail["runs"].as_array().unwrap().len(), 1, "{detail}");
    assert_eq!(detail["runs"][0]["stand"], "have");
    assert_eq!(detail["peers"][0]["address"], world.film.peer.to_string());
    let idle = world.show.info_hash.to_string();
    assert!(world.rpc("torrent_transfer", json!({"info_hash": idle})).await.json().is_null());
    world.end().await;
}
