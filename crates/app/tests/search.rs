//! Searching over several services, and adding what they found. Jackett and Prowlarr can't be had in a test, so a server of
//! ours says what they say.

#![allow(clippy::unwrap_used, reason = "a test may fail")]

mod common;

use common::site::{Site, Told, ok, redirect, status};
use common::{Swarm, call, config, shutdown, soon};
use freshet_app::{App, AppConfig};
use freshet_model::{AddressPolicy, ErrorCode};
use serde_json::{Value, json};

const HASH: &str = "08ada5a7a6183aae1e09d831df6748d566095a10";

fn feed(items: &str) -> Told {
    ok(format!("<rss><channel>{items}</channel></rss>"))
}

fn item(title: &str, seeders: u32, hash: &str) -> String {
    format!(
        "<item><title>{title}</title><size>1000</size><torznab:attr name='infohash' value='{hash}'/>\
         <torznab:attr name='seeders' value='{seeders}'/></item>"
    )
}

/// An app that asks public addresses only, as it is started by people.
async fn start(folder: &std::path::Path) -> App {
    let config = AppConfig { addresses: AddressPolicy::GlobalOnly, ..config(folder) };
    soon("the start", App::start(config)).await.unwrap()
}

async fn use_services(app: &App, services: &[(&str, String)]) {
    let indexers: Vec<Value> =
        services.iter().map(|(name, url)| json!({"name": name, "url": url, "api_key": "s3cret"})).collect();
    let search = json!({"search": {"torznab_enabled": true, "indexers": indexers}});
    call(app, "settings_update", search).await.unwrap();
}

fn titles(answer: &Value) -> Vec<&str> {
    answer["results"].as_array().unwrap().iter().map(|result| result["title"].as_str().unwrap()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn services_are_asked_side_by_side_and_each_torrent_comes_once() {
    let other = "1".repeat(40);
    let first = Site::start(move |_| feed(&(item("Film few", 3, HASH) + &item("Other", 5, &other)))).await;
    let second = Site::start(|_| feed(&item("Film many", 9, &HASH.to_uppercase()))).await;
    let folder = tempfile::tempdir().unwrap();
    let app = start(folder.path()).await;
    use_services(&app, &[("One", first.url("/t")), ("Two", second.url("/t"))]).await;

    let answer = call(&app, "search", json!({"query": " film "})).await.unwrap();

    assert_eq!(titles(&answer), ["Film many", "Other"]);
    assert_eq!(answer["failures"], json!([]));
    assert_eq!(
        answer["results"][0],
        json!({
            "title": "Film many",
            "about": {
                "title": "Film many", "original_title": null, "year": null, "kind": "other", "first_season": null,
                "last_season": null, "resolution_lines": null, "is_hdr": false, "source": null,
            },
            "size_bytes": 1000, "seeders": 9, "peers": 9, "published_at_secs": null,
            "tracker": "Two", "category": "", "info_hash": HASH,
            "magnet": format!("magnet:?xt=urn:btih:{HASH}"),
            "link": null, "details": null, "imdb_id": "", "year": null, "indexer": 1,
        })
    );
    assert!(first.asked()[0].target.ends_with("/t/api?t=search&q=film&apikey=s3cret"), "{:?}", first.asked());
    let one = call(&app, "search", json!({"query": "film", "indexer": 0})).await.unwrap();
    assert_eq!(titles(&one), ["Other", "Film few"]);
    assert_eq!(second.asked().len(), 1);
    shutdown(app).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn services_that_fail_are_named_and_the_others_are_heard() {
    let works = Site::start(|_| feed(&item("Film", 1, HASH))).await;
    let fails = Site::start(|_| status("500 Oops")).await;
    let refuses = Site::start(|_| ok("<error code='100' description='Invalid API Key s3cret'/>")).await;
    let bomb = Site::start(|_| ok("<!DOCTYPE a [<!ENTITY a 'a'>]><rss>&a;</rss>")).await;
    let hangs = Site::start(|_| Told::Silence).await;
    let folder = tempfile::tempdir().unwrap();
    let app = start(folder.path()).await;
    let services = [
        ("Hangs", hangs.url("")),
        ("Fails", fails.url("")),
        ("Works", works.url("")),
        ("Refuses", refuses.url("")),
        ("", bomb.url("")),
        ("Nonsense", "ftp://nas".to_owned()),
    ];
    use_services(&app, &services).await;

    let answer = call(&app, "search", json!({"query": "film"})).await.unwrap();

    assert_eq!(titles(&answer), ["Film"]);
    let failures: Vec<(u64, &str, &str)> = answer["failures"]
        .as_array()
        .unwrap()
        .iter()
        .map(|failure| {
            let text = |value: &'static str| failure.pointer(value).unwrap().as_str().unwrap();
            (failure["indexer"].as_u64().unwrap(), text("/name"), text("/error/message"))
        })
        .collect();
    assert_eq!(
        failures,
        [
            (0, "Hangs", "the search service did not answer within 15 seconds"),
            (1, "Fails", "the server answered with status 500"),
            (3, "Refuses", "the search service refused: Invalid API Key … (code 100)"),
            (4, "127.0.0.1", "the answer has a DTD, which no Torznab answer has"),
            (5, "Nonsense", "the address of the search service is no http or https address"),
        ]
    );
    shutdown(app).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_can_not_be_searched_is_a_bad_request() {
    let folder = tempfile::tempdir().unwrap();
    let app = start(folder.path()).await;
    let refused = async |args: Value| call(&app, "search", args).await.unwrap_err();

    assert_eq!(refused(json!({"query": "x"})).await.message, "searching is switched off");
    use_services(&app, &[]).await;
    assert_eq!(refused(json!({"query": "x", "indexer": 0})).await.code, ErrorCode::BadRequest);
    assert_eq!(refused(json!({"query": "x".repeat(301)})).await.code, ErrorCode::BadRequest);
    let nothing = call(&app, "search", json!({"query": "x"})).await.unwrap();
    assert_eq!(nothing, json!({"results": [], "failures": []}));
    shutdown(app).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_can_be_tested_before_it_is_kept() {
    let site = Site::start(|asked| {
        if asked.target.contains("apikey=right") { ok("<caps/>") } else { status("401 Unauthorized") }
    })
    .await;
    let folder = tempfile::tempdir().unwrap();
    let app = start(folder.path()).await;

    call(&app, "indexer_test", json!({"url": site.url("/1"), "api_key": "right"})).await.unwrap();
    let wrong =
        call(&app, "indexer_test", json!({"url": site.url("/1"), "api_key": "wr0ng"})).await.unwrap_err();

    assert_eq!(
        (wrong.code, &*wrong.message),
        (ErrorCode::FetchFailed, "the server answered with status 401")
    );
    shutdown(app).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_link_of_a_result_is_fetched_from_its_service_though_that_is_in_private() {
    let swarm = Swarm::seed(&[("film.mkv", 100_000)]).await;
    let file = swarm.torrent.torrent_file.clone();
    let stranger_file = file.clone();
    let stranger = Site::start(move |_| ok(stranger_file.clone())).await;
    let elsewhere = stranger.url("/dl?n=1");
    let to_elsewhere = elsewhere.clone();
    let site = Site::start(move |asked| {
        let host = asked.head.lines().find_map(|line| line.strip_prefix("host: ")).unwrap();
        let link = |path: &str| format!("http://{host}{path}");
        let item =
            |title: &str, link: String| format!("<item><title>{title}</title><link>{link}</link></item>");
        match asked.target.as_str() {
            "/dl/own" => ok(file.clone()),
            "/dl/astray" => redirect(&to_elsewhere),
            "/dl/magnet" => redirect(&format!("magnet:?xt=urn:btih:{HASH}")),
            "/dl/secret" => ok("secret"),
            _ => feed(
                &[
                    item("Own", link("/dl/own")),
                    item("Astray", link("/dl/astray")),
                    item("Magnet", link("/dl/magnet")),
                    item("Stranger", to_elsewhere.clone()),
                ]
                .concat(),
            ),
        }
    })
    .await;
    let folder = tempfile::tempdir().unwrap();
    let app = start(folder.path()).await;
    let add = async |url: String| call(&app, "torrent_add", json!({"source": url})).await;
    let refused = async |url: String| add(url).await.unwrap_err().code;
    use_services(&app, &[("Own", site.url(""))]).await;
    assert_eq!(refused(site.url("/dl/own")).await, ErrorCode::AddressRefused, "nobody has offered it yet");

    let answer = call(&app, "search", json!({"query": "film"})).await.unwrap();

    let mut found = titles(&answer);
    found.sort_unstable();
    assert_eq!(found, ["Astray", "Magnet", "Own", "Stranger"]);
    assert_eq!(refused(site.url("/dl/own?x=1")).await, ErrorCode::AddressRefused, "not the very link");
    assert_eq!(refused(site.url("/dl/secret")).await, ErrorCode::AddressRefused, "nobody offered it");
    assert_eq!(refused(site.url("/dl/astray")).await, ErrorCode::AddressRefused, "it leads elsewhere");
    assert_eq!(refused(elsewhere).await, ErrorCode::AddressRefused, "offered by one who is not there");
    assert_eq!(stranger.asked().len(), 0);
    assert!(app.torrents().await.unwrap().is_empty());
    let added = add(site.url("/dl/own")).await.unwrap();
    assert_eq!(added["torrent"]["info_hash"], swarm.torrent.info_hash.to_string());
    assert_eq!(added["torrent"]["state"], "ready");
    let added = add(site.url("/dl/magnet")).await.unwrap();
    assert_eq!(added["torrent"]["info_hash"], HASH);
    shutdown(app).await;
}
