//! The description of our routes, held against what they answer.

use serde_json::Value;

use crate::network::Lan;

/// A path with values in the place of its parameters, and a query that makes the route do something.
fn filled(path: &str, hash: &str) -> String {
    let path = path.replace("{hash}", hash).replace("{id}", "1").replace("{size}", "1");
    let path = path.replace("{token}", "x").replace("{part}", "1");
    let path = path.replace("{name}", "x").replace("{path}", "x");
    let query = match path.split('/').nth(1).unwrap() {
        "stream" => format!("?link={hash}&index=1&stat"),
        "playlist" => format!("?hash={hash}"),
        "search" | "torznab" => "?query=film".to_owned(),
        _ => String::new(),
    };
    path + &query
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_answered_is_described() {
    let lan = Lan::open().await;
    let hash = lan.world.add(&lan.world.film).await.to_string();
    let document = lan.world.get("/openapi.json").await;
    assert_eq!(document.field("content-type"), Some("application/json; charset=utf-8"));
    let document = document.json();

    let mut asked = 0;
    for (path, item) in document["paths"].as_object().unwrap() {
        let Some(operation) = item.get("get") else { continue };
        // It ends with the program.
        if path == "/events" {
            continue;
        }
        let is_described = |status: u16| operation["responses"].get(status.to_string()).is_some();
        for target in [filled(path, &hash), filled(path, &hash).split('?').next().unwrap().to_owned()] {
            let replies = [
                ("this computer", lan.world.get(&target).await),
                ("a neighbor", lan.get(&target).await),
                ("the password", lan.login("GET", &target, "").await),
            ];
            for (who, reply) in replies {
                assert!(is_described(reply.status), "{target} for {who}: {}", reply.status);
                let media_types = operation["responses"][reply.status.to_string()].get("content");
                assert!(fits(media_types, &reply), "{target} for {who}: {:?}", reply.fields);
                asked += 1;
            }
        }
    }
    assert!(asked > 100, "{asked}");
    assert_eq!(lan.get("/openapi.json").await.status, 401);
    lan.end().await;
}

/// Whether the type of a body is among the described ones; an empty body needs none.
fn fits(described: Option<&Value>, reply: &crate::common::Reply) -> bool {
    if reply.body.is_empty() {
        return true;
    }
    let given = reply.field("content-type").unwrap_or_default().split(';').next().unwrap_or_default();
    let types = described.and_then(Value::as_object).map(|types| types.keys().cloned().collect::<Vec<_>>());
    types.is_some_and(|types| types.iter().any(|known| known == "*/*" || known == given))
}
