//! DLNA as a control point sees it: SOAP over a real socket.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use freshet_app::{App, Description};
use freshet_model::{InfoHash, NetworkPatch, SettingsPatch, TorrentSource};
use freshet_server::{PortChoice, Server, ServerOptions};
use serde_json::json;
use tempfile::TempDir;
use tokio::sync::watch;

use crate::common::{PATIENCE, Reply, ask, start_app, until};

const DIRECTORY: &str = "ContentDirectory";

/// A server that is announced on loopback, in place of a local network.
struct Announced {
    _folder: TempDir,
    app: App,
    server: Server,
    prefix: watch::Sender<Arc<str>>,
    _lan: watch::Sender<Arc<[SocketAddr]>>,
}

impl Announced {
    async fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let app = start_app(folder.path().join("data")).await;
        let (lan_sender, lan) = watch::channel(Arc::from([]));
        let (prefix, prefix_receiver) = watch::channel(Arc::from(""));
        let options = ServerOptions { port: PortChoice::Exact(0), ..ServerOptions::default() };
        let server = Server::bind_announced(app.clone(), options, lan, prefix_receiver).await.unwrap();
        lan_sender.send_replace(Arc::from([server.local_addr()]));
        // Names in the network are a matter of other tests.
        switch(&app, NetworkPatch { mdns_enabled: Some(false), ..NetworkPatch::default() }).await;
        Self { _folder: folder, app, server, prefix, _lan: lan_sender }
    }

    async fn start_on() -> Self {
        let world = Self::start().await;
        world.switch_dlna(true).await;
        world
    }

    async fn switch_dlna(&self, on: bool) {
        let patch = NetworkPatch {
            lan_enabled: Some(on),
            dlna_enabled: Some(on),
            friendly_name: Some("Den <TV> & \"Sons\"".to_owned()),
            ..NetworkPatch::default()
        };
        switch(&self.app, patch).await;
        let expected = if on { 200 } else { 404 };
        until("DLNA follows its switch", async || {
            (self.get("device.xml").await.status == expected).then_some(())
        })
        .await;
    }

    async fn get(&self, path: &str) -> Reply {
        ask(self.server.local_addr(), "GET", &format!("/dlna/{path}"), &[], b"").await
    }

    async fn control(&self, path: &str, body: &[u8]) -> Reply {
        let fields = [("content-type", "text/xml; charset=\"utf-8\"")];
        ask(self.server.local_addr(), "POST", &format!("/dlna/{path}/control"), &fields, body).await
    }

    async fn action(&self, path: &str, service: &str, action: &str, arguments: &[(&str, &str)]) -> Reply {
        let arguments: String =
            arguments.iter().map(|(name, value)| format!("<{name}>{value}</{name}>")).collect();
        let body = format!(
            "<?xml version=\"1.0\"?><s:Envelope xmlns:s=\"http://schemas.xmlsoap.org/soap/envelope/\"><s:Body>\
             <u:{action} xmlns:u=\"urn:schemas-upnp-org:service:{service}:1\">{arguments}</u:{action}></s:Body></s:Envelope>"
        );
        self.control(path, body.as_bytes()).await
    }

    async fn browse(&self, id: &str, flag: &str, start: usize, count: usize) -> Reply {
        let [start, count] = [start, count].map(|number| number.to_string());
        let arguments = [
            ("ObjectID", id),
            ("BrowseFlag", flag),
            ("Filter", "*"),
            ("StartingIndex", &start),
            ("RequestedCount", &count),
            ("SortCriteria", ""),
        ];
        self.action("cds", DIRECTORY, "Browse", &arguments).await
    }

    /// The DIDL-Lite of a container's children, one entry a line, with our port put to 8090.
    async fn children(&self, id: &str) -> String {
        let reply = self.browse(id, "BrowseDirectChildren", 0, 0).await;
        assert_eq!(reply.status, 200, "{id}: {}", reply.text());
        self.steady(&element(reply.text(), "Result"))
    }

    fn steady(&self, didl: &str) -> String {
        let didl = didl.replace(&self.server.local_addr().to_string(), "127.0.0.1:8090");
        didl.replace("<container ", "\n<container ")
            .replace("<item ", "\n<item ")
            .replace("</DIDL", "\n</DIDL")
    }

    async fn add(&self, bytes: Vec<u8>, title: &str, category: &str) -> InfoHash {
        let description = Description {
            title: Some(title.to_owned()),
            category: Some(category.to_owned()),
            ..Description::default()
        };
        let added = self.app.add(TorrentSource::TorrentFile(bytes), description).await.unwrap();
        added.record.info_hash
    }

    async fn until_listed(&self, count: usize) {
        until("the torrents are listed", async || {
            let reply = self.browse("all", "BrowseDirectChildren", 0, 1).await;
            (element(reply.text(), "TotalMatches") == count.to_string()).then_some(())
        })
        .await;
    }

    async fn end(self) {
        tokio::time::timeout(PATIENCE, async {
            self.server.shutdown(Duration::from_secs(10)).await;
            self.app.shutdown(Duration::from_secs(10)).await;
        })
        .await
        .expect("everything ends in time");
    }
}

async fn switch(app: &App, network: NetworkPatch) {
    app.update_settings(SettingsPatch { network: Some(network), ..SettingsPatch::default() }).await.unwrap();
}

/// The unescaped text of the first element with this name.
fn element(document: &str, name: &str) -> String {
    let (_, rest) = document.split_once(&format!("<{name}>")).unwrap_or_else(|| panic!("{name}: {document}"));
    let (text, _) = rest.split_once(&format!("</{name}>")).unwrap();
    quick_xml::escape::unescape(text).unwrap().into_owned()
}

/// A `.torrent` file of nothing, with these paths and lengths.
fn torrent(name: &str, files: &[(&str, u64)]) -> Vec<u8> {
    const PIECE_BYTES: u64 = 16 * 1024 * 1024;
    let text = |text: &str| format!("{}:{text}", text.len());
    let file = |(path, length): &(&str, u64)| {
        let path: String = path.split('/').map(text).collect();
        format!("d6:lengthi{length}e4:pathl{path}ee")
    };
    let total: u64 = files.iter().map(|(_, length)| length).sum();
    let pieces = "x".repeat(20 * usize::try_from(total.div_ceil(PIECE_BYTES)).unwrap());
    let files: String = files.iter().map(file).collect();
    format!(
        "d4:infod5:filesl{files}e4:name{}12:piece lengthi{PIECE_BYTES}e6:pieces{}ee",
        text(name),
        text(&pieces)
    )
    .into_bytes()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_library_of_hostile_names_is_listed_as_plain_text() {
    let world = Announced::start_on().await;
    let hostile = torrent(
        "Show",
        &[
            ("S1/<1> & \"x\".mkv", 700_000_000),
            ("S1/<1> & \"x\".en.srt", 40_000),
            ("S1/extras/]]>.mp3", 3_000_000),
            ("2.mp4", 5),
            ("poster.jpg", 6),
            ("readme.txt", 7),
        ],
    );
    let show = world.add(hostile, "</dc:title><evil>\u{1b}\u{202e}'&amp;", "TV").await;
    world.add(torrent("Film", &[("Film.mkv", 9)]), "Film", "").await;
    world.add(torrent("Own", &[("a.flac", 9)]), "Own", "a:b<c>").await;
    world.until_listed(3).await;
    world.prefix.send_replace(Arc::from("t/secret"));

    let root = world.children("0").await;
    let category = world.children("category:tv").await;
    let files = world.children(&format!("c:{show}")).await;
    let folder = world.children(&format!("c:{show}:3:1")).await;
    let own = world.children("category:a%3Ab%3Cc%3E").await;
    insta::assert_snapshot!([root, category, files, folder, own].join("\n\n"));
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_object_leads_to_its_parent_and_every_address_to_its_file() {
    let world = Announced::start_on().await;
    let pack = torrent("Pack", &[("a/b/1.mkv", 1), ("a/2.mkv", 2), ("3.mkv", 3)]);
    let hash = world.add(pack, "Pack", "movie").await;
    world.until_listed(1).await;

    let mut waiting = vec!["0".to_owned()];
    let mut seen = Vec::new();
    while let Some(id) = waiting.pop() {
        let metadata = world.browse(&id, "BrowseMetadata", 0, 0).await;
        let itself = element(metadata.text(), "Result");
        assert!(itself.contains(&format!(" id=\"{id}\" ")), "{id}: {itself}");
        if itself.contains("<container") {
            let children = world.children(&id).await;
            for entry in children.lines().filter(|line| line.contains(" parentID=")) {
                assert!(entry.contains(&format!(" parentID=\"{id}\" ")), "{id}: {entry}");
                let (_, rest) = entry.split_once(" id=\"").unwrap();
                let child = rest.split_once('"').unwrap().0.to_owned();
                let again = world.browse(&child, "BrowseMetadata", 0, 0).await;
                // A list may leave out how much is in a container, but what it says is the same.
                assert_eq!(world.steady(&element(again.text(), "Result")).lines().nth(1), Some(entry));
                waiting.push(child);
            }
        }
        seen.push(id);
    }

    seen.sort();
    // The numbers are TorrServer's: 1 is `3.mkv`, 2 is `a/2.mkv`, 3 is `a/b/1.mkv`.
    let mut expected = vec!["0".to_owned(), "all".to_owned(), "category:movie".to_owned()];
    for shelf in ["a", "c"] {
        expected.push(format!("{shelf}:{hash}"));
        expected.extend(["1", "2", "3", "2:1", "3:2"].map(|rest| format!("{shelf}:{hash}:{rest}")));
    }
    expected.sort();
    assert_eq!(seen, expected);
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_large_library_comes_in_pages_and_no_torrent_wakes() {
    const COUNT: usize = 520;
    let world = Announced::start_on().await;
    for number in 0..COUNT {
        let name = format!("Film {number:04}");
        world.add(torrent(&name, &[("a.mkv", 1)]), &name, "movie").await;
    }
    world.until_listed(COUNT).await;

    let page = async |start, count| {
        let reply = world.browse("category:movie", "BrowseDirectChildren", start, count).await;
        let text = reply.text();
        let first = element(text, "Result").split_once("<dc:title>").map(|(_, rest)| rest[..9].to_owned());
        (element(text, "NumberReturned"), element(text, "TotalMatches"), first)
    };
    let expected = |returned: &str, first: Option<&str>| {
        (returned.to_owned(), COUNT.to_string(), first.map(str::to_owned))
    };
    assert_eq!(page(0, 10).await, expected("10", Some("Film 0000")));
    assert_eq!(page(510, 100).await, expected("10", Some("Film 0510")));
    assert_eq!(page(0, 0).await, expected("500", Some("Film 0000")));
    assert_eq!(page(500, 0).await, expected("20", Some("Film 0500")));
    assert_eq!(page(520, 5).await, expected("0", None));
    assert_eq!(page(4_000_000_000, 4_000_000_000).await, expected("0", None));
    let body = json!({"action": "list"}).to_string();
    let list = ask(world.server.local_addr(), "POST", "/torrents", &[], body.as_bytes()).await.json();
    // 5: in the library, not in use.
    assert!(list.as_array().unwrap().iter().all(|torrent| torrent["stat"] == 5));
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_update_id_moves_with_the_library_and_ids_stay() {
    let world = Announced::start_on().await;
    let first = world.add(torrent("One", &[("1.mkv", 1)]), "One", "tv").await;
    world.until_listed(1).await;
    let update_id = async || {
        let reply = world.action("cds", DIRECTORY, "GetSystemUpdateID", &[]).await;
        element(reply.text(), "Id").parse::<u32>().unwrap()
    };
    let before = update_id().await;
    let files = world.children(&format!("a:{first}")).await;

    let second = world.add(torrent("Two", &[("2.mkv", 1)]), "Two", "tv").await;
    world.until_listed(2).await;

    assert!(update_id().await > before);
    assert_eq!(world.children(&format!("a:{first}")).await, files);
    world.app.remove(second, true).await.unwrap();
    world.until_listed(1).await;
    let gone = world.browse(&format!("a:{second}"), "BrowseMetadata", 0, 0).await;
    assert_eq!((gone.status, element(gone.text(), "errorCode")), (500, "701".to_owned()));
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn switched_off_it_is_not_there() {
    let world = Announced::start().await;
    for path in ["device.xml", "cds.xml", "cms.xml", "nothing", "cds/control"] {
        assert_eq!(world.get(path).await.status, 404, "{path}");
    }
    assert_eq!(world.browse("0", "BrowseMetadata", 0, 0).await.status, 404);

    world.switch_dlna(true).await;
    let device = world.get("device.xml").await;
    assert_eq!(device.field("content-type"), Some("text/xml; charset=\"utf-8\""));
    assert!(device.text().contains("<friendlyName>Den &lt;TV&gt; &amp; &quot;Sons&quot;</friendlyName>"));
    assert_eq!(world.get("nothing").await.status, 404);

    world.switch_dlna(false).await;
    assert_eq!(world.browse("0", "BrowseMetadata", 0, 0).await.status, 404);
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_can_not_be_meant_is_refused_with_its_code() {
    let world = Announced::start_on().await;
    let code = async |id: &str, flag: &str| {
        let reply = world.browse(id, flag, 0, 0).await;
        assert_eq!(reply.status, 500, "{id} {flag}");
        element(reply.text(), "errorCode")
    };
    assert_eq!(code("17", "BrowseMetadata").await, "701");
    assert_eq!(code("category:none", "BrowseDirectChildren").await, "701");
    assert_eq!(code("0", "BrowseEverything").await, "402");
    let unknown = world.action("cds", DIRECTORY, "DestroyObject", &[("ObjectID", "0")]).await;
    assert_eq!(element(unknown.text(), "errorCode"), "401");
    let protocols = world.action("cms", "ConnectionManager", "GetProtocolInfo", &[]).await;
    assert!(element(protocols.text(), "Source").contains("http-get:*:video/x-matroska:*"));

    let bomb = b"<!DOCTYPE x [<!ENTITY a \"aaaa\">]><s:Envelope><s:Body><Browse><ObjectID>&a;</ObjectID></Browse></s:Body></s:Envelope>";
    for (body, status) in
        [(&b""[..], 400), (b"\xff\xfe", 400), (b"{}", 400), (bomb, 400), (&[b' '; 65_537], 413)]
    {
        assert_eq!(world.control("cds", body).await.status, status);
    }
    world.end().await;
}
