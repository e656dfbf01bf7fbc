//! The door to the network: shut by default, opened by a switch and a password, and what somebody gets through it.
//!
//! The network of these tests is `127.0.0.2`: what counts is through which listener a request came.

use std::net::SocketAddr;
use std::time::Duration;

use data_encoding::BASE64;
use freshet_app::Caller;
use freshet_model::{AppEvent, NetworkPatch, NetworkProblem, NetworkStatus, SettingsPatch};
use freshet_server::{Accounts, LanAddresses};
use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::common::{PATIENCE, Reply, World, ask, film_bytes, until};

pub(crate) const PASSWORD: &str = "correct horse";

pub(crate) struct Lan {
    pub(crate) world: World,
}

impl Lan {
    /// With the door shut.
    async fn start() -> Self {
        let world = World::with_options(|options| {
            options.lan = LanAddresses::These(vec!["127.0.0.2".parse().unwrap()]);
        })
        .await;
        Self { world }
    }

    /// With the door open, and a password.
    pub(crate) async fn open() -> Self {
        let lan = Self::start().await;
        lan.world.app.change_password(Some(PASSWORD.to_owned())).await.unwrap();
        lan.switch(NetworkPatch { lan_enabled: Some(true), ..NetworkPatch::default() }).await;
        lan.status(|status| !status.urls.is_empty()).await;
        lan
    }

    async fn switch(&self, network: NetworkPatch) {
        let patch = SettingsPatch { network: Some(network), ..SettingsPatch::default() };
        self.world.app.update_settings(patch).await.unwrap();
    }

    /// Waits for a state of the doors.
    async fn status(&self, is_meant: impl Fn(&NetworkStatus) -> bool) -> NetworkStatus {
        let mut events = self.world.app.subscribe(Caller::MainWindow);
        tokio::time::timeout(PATIENCE, async {
            loop {
                let status = match events.next().await.unwrap() {
                    AppEvent::Snapshot(snapshot) => snapshot.network,
                    AppEvent::NetworkChanged { network } => network,
                    _ => continue,
                };
                if is_meant(&status) {
                    return status;
                }
            }
        })
        .await
        .expect("the doors follow the settings")
    }

    pub(crate) fn address(&self) -> SocketAddr {
        SocketAddr::new("127.0.0.2".parse().unwrap(), self.world.address().port())
    }

    async fn ask(&self, method: &str, path: &str, fields: &[(&str, &str)], body: &str) -> Reply {
        ask(self.address(), method, path, fields, body.as_bytes()).await
    }

    pub(crate) async fn get(&self, path: &str) -> Reply {
        self.ask("GET", path, &[], "").await
    }

    /// The status of a path around a change that cuts everybody off, when the listener closes for a moment with everything
    /// behind it.
    async fn status_around_cut(&self, path: &str) -> u16 {
        until("the door is open again", async || {
            let mut stream = TcpStream::connect(self.address()).await.ok()?;
            let head =
                format!("GET {path} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n\r\n", self.address());
            stream.write_all(head.as_bytes()).await.ok()?;
            let mut answer = Vec::new();
            stream.read_to_end(&mut answer).await.ok()?;
            std::str::from_utf8(answer.get(9..12)?).ok()?.parse().ok()
        })
        .await
    }

    /// With the password.
    pub(crate) async fn login(&self, method: &str, path: &str, body: &str) -> Reply {
        self.ask(method, path, &[("authorization", &basic("anybody", PASSWORD))], body).await
    }

    pub(crate) async fn end(self) {
        self.world.end().await;
    }
}

pub(crate) fn basic(user: &str, password: &str) -> String {
    format!("Basic {}", BASE64.encode(format!("{user}:{password}").as_bytes()))
}

fn encoded(text: &str) -> String {
    percent_encoding::utf8_percent_encode(text, percent_encoding::NON_ALPHANUMERIC).to_string()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_door_is_shut_until_switch_and_password_open_it_and_shuts_at_once() {
    let lan = Lan::start().await;
    assert!(TcpStream::connect(lan.address()).await.is_err());

    lan.switch(NetworkPatch { lan_enabled: Some(true), ..NetworkPatch::default() }).await;
    let status = lan.status(|status| status.problem.is_some()).await;
    assert_eq!((status.problem, status.urls), (Some(NetworkProblem::NoPassword), vec![]));
    assert!(TcpStream::connect(lan.address()).await.is_err(), "no door without a password");

    lan.world.app.change_password(Some(PASSWORD.to_owned())).await.unwrap();
    let status = lan.status(|status| !status.urls.is_empty()).await;
    assert_eq!((status.problem, status.urls), (None, vec![format!("http://{}", lan.address())]));
    assert_eq!(lan.get("/echo").await.text(), "MatriX.145");
    assert_eq!(*lan.world.server.lan_addresses().borrow(), [lan.address()].into());

    let mut idle = TcpStream::connect(lan.address()).await.unwrap();
    lan.switch(NetworkPatch { lan_enabled: Some(false), ..NetworkPatch::default() }).await;
    lan.status(|status| status.urls.is_empty()).await;
    let end = tokio::time::timeout(PATIENCE, idle.read(&mut [0; 1])).await.unwrap();
    assert!(matches!(end, Ok(0) | Err(_)), "what was connected is cut");
    assert!(TcpStream::connect(lan.address()).await.is_err());
    assert!(lan.world.server.lan_addresses().borrow().is_empty());
    lan.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn users_with_passwords_of_their_own_open_the_door_as_well() {
    let world = World::with_options(|options| {
        options.lan = LanAddresses::These(vec!["127.0.0.2".parse().unwrap()]);
        options.lan_always = true;
        options.accounts = Accounts::new([("anna", "one")]);
    })
    .await;
    let lan = Lan { world };
    lan.status(|status| !status.urls.is_empty()).await;

    let list = async |user: &str, password: &str| {
        let login = basic(user, password);
        lan.ask("POST", "/torrents", &[("authorization", login.as_str())], r#"{"action":"list"}"#)
            .await
            .status
    };
    assert_eq!(list("anna", "one").await, 200);
    assert_eq!(list("ben", "one").await, 401);
    assert_eq!(list("anna", "").await, 401);
    lan.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_neighbor_without_anything_learns_that_we_are_here_and_no_more() {
    let lan = Lan::open().await;
    let hash = lan.world.add(&lan.world.film).await;

    assert_eq!(lan.get("/echo").await.status, 200);
    for (method, path) in [
        ("GET", "/".to_owned()),
        ("GET", "/index.html".to_owned()),
        ("POST", "/torrents".to_owned()),
        ("POST", "/settings".to_owned()),
        ("GET", format!("/stream?link={hash}&index=1&play")),
        ("HEAD", format!("/stream/x?link={hash}&index=1&play")),
        ("GET", format!("/play/{hash}/1")),
        ("GET", format!("/playlist?hash={hash}")),
        ("GET", "/playlistall/all.m3u".to_owned()),
        ("GET", "/download/1".to_owned()),
        ("GET", "/events".to_owned()),
        ("POST", "/shutdown".to_owned()),
    ] {
        let reply = lan.ask(method, &path, &[], r#"{"action":"list"}"#).await;
        assert_eq!(reply.status, 401, "{method} {path}");
        let challenge = reply.field("www-authenticate").unwrap();
        assert!(challenge.starts_with("Basic realm="), "{challenge}");
    }
    let reply = lan.ask("POST", "/torrents", &[("authorization", &basic("x", "wrong password"))], "{}").await;
    assert_eq!((reply.status, reply.text()), (401, ""));
    lan.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_password_opens_the_library_and_no_administration() {
    let lan = Lan::open().await;
    let hash = lan.world.add(&lan.world.film).await;

    let list = lan.login("POST", "/torrents", r#"{"action":"list"}"#).await;
    assert_eq!(list.json()[0]["hash"], hash.to_string());
    let film = lan.login("GET", &format!("/play/{hash}/1"), "").await;
    assert!(film.body == film_bytes());
    assert_eq!(lan.login("GET", "/", "").await.status, 200);

    for (method, path) in [("POST", "/shutdown"), ("GET", "/shutdown"), ("POST", "/shutdown/please")] {
        assert_eq!(lan.login(method, path, "").await.status, 403, "{method} {path}");
    }
    let login = basic("", PASSWORD);
    let command =
        [("authorization", login.as_str()), ("content-type", "application/json"), ("x-freshet", "1")];
    for name in ["settings_update", "password_set", "device_add", "device_remove"] {
        let reply = lan.ask("POST", &format!("/rpc/{name}"), &command, "{}").await;
        assert_eq!((reply.status, &reply.json()["code"]), (403, &json!("forbidden")), "{name}");
    }
    let reply = lan.ask("POST", "/rpc/app_info", &command, "{}").await;
    assert_eq!(reply.status, 200);

    // What concerns playing can be set from an armchair; the rest stays as it was, and keys are not shown.
    let sets = json!({"action": "set", "sets": {
        "TorrentDisconnectTimeout": 77, "TrackTimecode": false, "EnableDLNA": true, "DownloadRateLimit": 5,
        "FriendlyName": "evil", "NewSwitch": true,
    }});
    assert_eq!(lan.login("POST", "/settings", &sets.to_string()).await.status, 200);
    let sets = lan.login("POST", "/settings", r#"{"action":"get"}"#).await.json();
    assert_eq!(sets["TorrentDisconnectTimeout"], 77);
    assert_eq!(sets["TrackTimecode"], false);
    assert_eq!((&sets["EnableDLNA"], &sets["DownloadRateLimit"]), (&json!(false), &json!(0)));
    assert_eq!((&sets["FriendlyName"], &sets["NewSwitch"]), (&json!(""), &json!(null)));
    assert_eq!(lan.login("POST", "/settings", r#"{"action":"def"}"#).await.status, 403);
    lan.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_in_the_path_plays_what_is_there_and_nothing_else() {
    let lan = Lan::open().await;
    let film = lan.world.add(&lan.world.film).await;
    let token = lan.world.app.let_device_in("TV".to_owned()).await.unwrap().token;
    let at = |path: &str| format!("/t/{token}{path}");

    let list = lan.get(&at(&format!("/playlist?hash={film}"))).await;
    let link = list.text().lines().find(|line| line.starts_with("http")).unwrap().to_owned();
    let start = format!("http://{}/t/{token}/stream/", lan.address());
    assert!(link.starts_with(&start), "the player that gets the list has nothing but its links: {link}");
    let path = link.strip_prefix(&format!("http://{}", lan.address())).unwrap();
    assert!(lan.get(path).await.body == film_bytes());
    assert!(lan.get(&at(&format!("/play/{film}/1"))).await.body == film_bytes());
    let stat = lan.get(&at(&format!("/stream?link={film}&index=1&stat"))).await;
    assert_eq!(stat.json()["hash"], film.to_string());
    assert!(lan.get(&at("/playlistall/all.m3u")).await.text().contains(&format!("/t/{token}/stream/")));

    let magnet =
        percent_encoding::utf8_percent_encode(&lan.world.show.magnet(), percent_encoding::NON_ALPHANUMERIC)
            .to_string();
    assert_eq!(lan.get(&at(&format!("/stream?link={magnet}&play&index=1"))).await.status, 404);
    assert_eq!(lan.get(&at("/stream?link=http%3A%2F%2Fx.example%2Fa.torrent&stat")).await.status, 400);
    for (method, path) in [
        ("POST", "/torrents"),
        ("POST", "/settings"),
        ("POST", "/viewed"),
        ("GET", "/"),
        ("GET", "/events"),
        ("POST", "/shutdown"),
    ] {
        let reply = lan.ask(method, &at(path), &[], r#"{"action":"list"}"#).await;
        assert_eq!(reply.status, 403, "{method} {path}");
    }
    assert_eq!(
        lan.world.post("/torrents", json!({"action": "list"})).await.json().as_array().unwrap().len(),
        1
    );
    // On this computer a path with a token is no more than its token either.
    assert_eq!(lan.world.post(&at("/torrents"), json!({"action": "list"})).await.status, 403);
    assert_eq!(lan.get("/t/wrong/echo").await.status, 200, "open is open");
    assert_eq!(lan.get(&format!("/t/wrong/play/{film}/1")).await.status, 401);
    lan.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_device_that_is_taken_away_is_cut_off_at_once() {
    let lan = Lan::open().await;
    let film = lan.world.add(&lan.world.film).await;
    let added = lan.world.app.let_device_in("TV".to_owned()).await.unwrap();
    lan.world.app.pause_transfers(true).await;
    let mut stream = TcpStream::connect(lan.address()).await.unwrap();
    let request = format!("GET /t/{}/play/{film}/1 HTTP/1.1\r\nHost: {}\r\n\r\n", added.token, lan.address());
    stream.write_all(request.as_bytes()).await.unwrap();
    assert_ne!(stream.read(&mut [0; 1024]).await.unwrap(), 0, "it plays, and waits for bytes");

    let fields = json!({"id": added.device.id});
    assert_eq!(lan.world.rpc("device_remove", fields).await.status, 200);

    let mut rest = Vec::new();
    let _ = tokio::time::timeout(PATIENCE, stream.read_to_end(&mut rest)).await.expect("it is cut");
    let path = format!("/t/{}/play/{film}/1", added.token);
    assert_eq!(lan.status_around_cut(&path).await, 401);
    lan.end().await;
}

/// TorrServer's rules for a server with passwords (contract 1.2), for those who choose them.
#[tokio::test(flavor = "multi_thread")]
async fn c19_what_is_open_without_a_password_where_streams_are_open() {
    let lan = Lan::open().await;
    lan.switch(NetworkPatch { open_streams: Some(true), ..NetworkPatch::default() }).await;
    let film = lan.world.add(&lan.world.film).await;
    let show = lan.world.show.info_hash;

    let open = [
        ("/echo".to_owned(), 200),
        (format!("/stream?link={film}&index=1&play"), 200),
        (format!("/stream/x.m3u?link={film}&m3u"), 200),
        (format!("/play/{film}/1"), 200),
        (format!("/playlist?hash={film}"), 200),
        // Unknown torrents, and flags that do more than play.
        (format!("/stream?link={show}&index=1&play"), 401),
        (format!("/play/{show}/1"), 401),
        (format!("/playlist?hash={show}"), 401),
        (format!("/stream?link={film}&index=1&stat"), 401),
        (format!("/stream?link={film}&index=1&preload"), 401),
        (format!("/stream?link={film}&index=1&stat&play"), 401),
        (format!("/stream?link={film}&index=1&preload&play"), 401),
        (format!("/stream?link={film}&index=1&play&save"), 401),
        ("/stream?link=http%3A%2F%2Fx.example%2Fa.torrent&play".to_owned(), 400),
        ("/stream?link=file%3A%2F%2F%2Fetc%2Fpasswd&play".to_owned(), 400),
        ("/playlistall/all.m3u".to_owned(), 401),
        ("/download/1".to_owned(), 401),
        ("/magnets".to_owned(), 401),
        ("/search/?query=x".to_owned(), 401),
    ];
    for (path, status) in open {
        assert_eq!(lan.get(&path).await.status, status, "{path}");
    }
    assert_eq!(lan.ask("POST", "/torrents", &[], r#"{"action":"list"}"#).await.status, 401);
    let path = format!("/stream?link={}&index=1&stat", encoded(&lan.world.show.magnet()));
    assert_eq!(lan.login("GET", &path, "").await.status, 200, "with the password it is added");
    lan.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn ten_wrong_guesses_shut_the_door_for_ten_thousand() {
    let lan = Lan::open().await;
    let mut statuses = std::collections::BTreeMap::new();
    let mut stream = TcpStream::connect(lan.address()).await.unwrap();
    for guess in 0..10_000 {
        let login = basic("admin", &format!("guess number {guess}"));
        let request = format!(
            "POST /torrents HTTP/1.1\r\nHost: {}\r\nAuthorization: {login}\r\nContent-Length: 0\r\n\r\n",
            lan.address()
        );
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(tokio::time::timeout(PATIENCE, stream.read_u8()).await.unwrap().unwrap());
        }
        let status = String::from_utf8_lossy(&head[9..12]).into_owned();
        *statuses.entry(status).or_insert(0) += 1;
    }
    let counts: Vec<_> = statuses.iter().map(|(status, count)| (status.as_str(), *count)).collect();
    assert_eq!(counts, [("401", 10), ("429", 9_990)]);

    let right = lan.login("POST", "/torrents", r#"{"action":"list"}"#).await;
    assert_eq!(right.status, 429, "the right one too, or it could be guessed after all");
    assert!(right.field("retry-after").unwrap().parse::<u64>().unwrap() <= 60);
    let token = lan.world.app.let_device_in("TV".to_owned()).await.unwrap().token;
    assert_eq!(lan.get(&format!("/t/{token}/playlistall/all.m3u")).await.status, 429);
    assert_eq!(lan.get("/echo").await.status, 200);
    assert_eq!(lan.world.post("/torrents", json!({"action": "list"})).await.status, 200, "not for us");
    lan.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_foreign_name_that_points_here_is_refused_with_and_without_the_password() {
    let lan = Lan::open().await;
    let port = lan.address().port();
    let login = basic("", PASSWORD);
    for host in ["evil.example".to_owned(), format!("evil.example:{port}"), format!("127.0.0.3:{}", port ^ 1)]
    {
        for path in ["/echo", "/torrents", "/", "/events", "/rpc/app_info"] {
            let bare = lan.ask("GET", path, &[("host", &host)], "").await;
            assert_eq!(bare.status, 403, "{path} {host}");
            let fields = [("host", host.as_str()), ("authorization", login.as_str())];
            assert_eq!(lan.ask("GET", path, &fields, "").await.status, 403, "{path} {host}");
        }
    }
    lan.switch(NetworkPatch {
        allowed_hosts: Some(vec!["films.example".to_owned()]),
        ..NetworkPatch::default()
    })
    .await;
    assert_eq!(lan.ask("GET", "/echo", &[("host", "films.example")], "").await.status, 200);
    // A proxy on this computer must not make everybody its person.
    let proxied = [("host", "films.example")];
    assert_eq!(lan.world.ask("POST", "/torrents", &proxied, br#"{"action":"list"}"#).await.status, 401);
    // Nor do pages on other ports of that host become our own.
    let page = [("host", "films.example"), ("origin", "http://films.example:5000")];
    assert_eq!(lan.world.ask("POST", "/torrents", &page, b"{}").await.status, 403);
    let page = [("host", "films.example"), ("origin", "https://films.example")];
    assert_eq!(lan.world.ask("POST", "/torrents", &page, b"{}").await.status, 401);
    let forwarded = [("x-forwarded-for", "203.0.113.9")];
    assert_eq!(lan.world.ask("POST", "/torrents", &forwarded, br#"{"action":"list"}"#).await.status, 401);
    lan.end().await;
}

/// Over plain HTTP no browser says that a page of somebody else led here, and it sends the password along that it knows.
#[tokio::test(flavor = "multi_thread")]
async fn a_link_in_a_foreign_page_adds_nothing_in_a_browser_that_has_logged_in() {
    let lan = Lan::open().await;
    let film = lan.world.add(&lan.world.film).await;
    let login = basic("", PASSWORD);
    let browser = [("authorization", login.as_str()), ("user-agent", "Mozilla/5.0 (X11; Linux x86_64)")];
    let magnet = encoded(&lan.world.show.magnet());

    let path = format!("/stream?link={magnet}&save&stat");
    assert_eq!(lan.ask("GET", &path, &browser, "").await.status, 403);
    assert_eq!(
        lan.world.post("/torrents", json!({"action": "list"})).await.json().as_array().unwrap().len(),
        1
    );
    let known = format!("/stream?link={film}&index=1&play");
    assert!(lan.ask("GET", &known, &browser, "").await.body == film_bytes());
    let player = [("authorization", login.as_str()), ("user-agent", "Kodi/21.0 (X11; Linux x86_64)")];
    assert_eq!(lan.ask("GET", &path, &player, "").await.status, 200);
    lan.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn lists_of_addresses_decide_before_anything_else() {
    let lan = Lan::open().await;
    let deny = |list: &[&str]| NetworkPatch {
        denied_addresses: Some(list.iter().map(|entry| (*entry).to_owned()).collect()),
        ..NetworkPatch::default()
    };
    lan.switch(deny(&["203.0.113.0/24"])).await;
    let hosts = Some(vec!["films.example".to_owned()]);
    lan.switch(NetworkPatch { allowed_hosts: hosts, ..NetworkPatch::default() }).await;
    let from = |ip| [("host", "films.example"), ("x-forwarded-for", ip)];

    let banned = lan.world.ask("GET", "/echo", &from("198.51.100.1, 203.0.113.9"), b"").await;
    assert_eq!((banned.status, banned.text()), (418, "Banned"));
    assert_eq!(lan.world.ask("GET", "/echo", &from("203.0.113.9, 198.51.100.1"), b"").await.status, 200);
    // Without a proxy of the person's, nobody is believed who they come from.
    let forged = [("x-forwarded-for", "203.0.113.9")];
    assert_eq!(lan.world.ask("GET", "/echo", &forged, b"").await.status, 200);
    lan.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_device_can_not_use_up_the_places_of_the_others() {
    let lan = Lan::open().await;
    let mut crowd = Vec::new();
    for _ in 0..200 {
        let mut stream = TcpStream::connect(lan.address()).await.unwrap();
        // Half a head: held for its whole time-out, unless there is no place for it.
        let _ = stream.write_all(b"GET /echo HTTP/1.1\r\nHost: ").await;
        crowd.push(stream);
    }
    let hash = lan.world.add(&lan.world.film).await;
    assert!(lan.world.get(&format!("/play/{hash}/1")).await.body == film_bytes());

    let mut cut = 0;
    for stream in &mut crowd {
        let read = tokio::time::timeout(Duration::from_millis(20), stream.read(&mut [0; 1])).await;
        cut += usize::from(matches!(read, Ok(Ok(0) | Err(_))));
    }
    assert!(cut >= 200 - 64, "only 64 of 200 were kept: {cut} were cut");
    lan.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn https_is_spoken_with_a_certificate_of_our_own() {
    let lan = Lan::open().await;
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let https = NetworkPatch { https_enabled: Some(true), https_port: Some(port), ..NetworkPatch::default() };
    lan.switch(https).await;
    let status = lan.status(|status| !status.https_urls.is_empty()).await;
    assert_eq!(status.https_urls, [format!("https://127.0.0.2:{port}")]);
    assert_eq!(status.certificate_sha256.map(|text| text.len()), Some(95));

    let ca = lan.world.folder.path().join("data/tls/cert.pem");
    let curl = |args: &[&str]| {
        let mut command = tokio::process::Command::new("curl");
        command.args(["--silent", "--show-error", "--max-time", "20", "--cacert"]).arg(&ca).args(args);
        async move { String::from_utf8(command.output().await.unwrap().stdout).unwrap() }
    };
    let local = format!("https://localhost:{port}");
    assert_eq!(curl(&[&format!("{local}/echo")]).await, "MatriX.145");
    let list = curl(&["--data", r#"{"action":"list"}"#, &format!("{local}/torrents")]).await;
    assert_eq!(list, "[]", "the person at the computer needs no password");
    let lan_url = format!("https://127.0.0.2:{port}/torrents");
    let code = ["--insecure", "--output", "/dev/null", "--write-out", "%{http_code}"];
    assert_eq!(curl(&[&code[..], &["--data", "{}", &lan_url]].concat()).await, "401");
    // A page served over HTTPS is our own page; one that claims the other scheme is not.
    for (origin, expected) in [(local.clone(), "200"), (format!("http://localhost:{port}"), "403")] {
        let header = format!("Origin: {origin}");
        let url = format!("{local}/echo");
        assert_eq!(curl(&[&code[..], &["--header", &header, &url]].concat()).await, expected, "{origin}");
    }

    let bad =
        NetworkPatch { https_cert_path: Some("/nonexistent.pem".to_owned()), ..NetworkPatch::default() };
    lan.switch(bad).await;
    let status = lan.status(|status| status.problem.is_some()).await;
    let Some(NetworkProblem::Certificate { reason }) = status.problem else { panic!("{status:?}") };
    assert!(reason.contains("/nonexistent.pem"), "{reason}");
    assert_eq!(status.urls.len(), 1, "plain HTTP goes on");
    lan.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_dlna_lists_is_played_without_a_password_while_dlna_is_on() {
    let lan = Lan::open().await;
    let film = lan.world.add(&lan.world.film).await;
    let on = NetworkPatch { dlna_enabled: Some(true), mdns_enabled: Some(false), ..NetworkPatch::default() };
    lan.switch(on).await;
    let browse = |id: &str| {
        format!(
            "<s:Envelope xmlns:s=\"http://schemas.xmlsoap.org/soap/envelope/\"><s:Body><u:Browse \
             xmlns:u=\"urn:schemas-upnp-org:service:ContentDirectory:1\"><ObjectID>{id}</ObjectID>\
             <BrowseFlag>BrowseDirectChildren</BrowseFlag><Filter>*</Filter><StartingIndex>0</StartingIndex>\
             <RequestedCount>0</RequestedCount><SortCriteria></SortCriteria></u:Browse></s:Body></s:Envelope>"
        )
    };
    let list = async |id: &str| {
        let fields = [("content-type", "text/xml; charset=\"utf-8\"")];
        let reply = lan.ask("POST", "/dlna/cds/control", &fields, &browse(id)).await;
        (reply.status == 200)
            .then(|| reply.text().replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", "\""))
    };
    let path = until("the film is listed", async || {
        // From the root down the first container, as a person with a remote control goes.
        let mut id = "0".to_owned();
        loop {
            let text = list(&id).await?;
            if let Some((_, path)) = text.split_once(&format!("http://{}", lan.address())) {
                return path.split('<').next().map(str::to_owned);
            }
            id = text.split_once("<container id=\"")?.1.split('"').next()?.to_owned();
        }
    })
    .await;

    // Escaped once in the list, and once more as a part of the answer.
    let path = path.replace("&amp;amp;", "&").replace("&amp;", "&");
    let token = lan.world.app.dlna_token().await.unwrap();
    assert!(path.starts_with(&format!("/t/{token}/")) && path.contains(&film.to_string()), "{path}");
    assert!(lan.get(&path).await.body == film_bytes());

    // Through a proxy comes somebody from anywhere: neither the list nor what it plays is for them.
    let proxied = [("x-forwarded-for", "203.0.113.9")];
    assert_eq!(lan.ask("GET", &path, &proxied, "").await.status, 401);
    assert_eq!(lan.ask("GET", "/dlna/device.xml", &proxied, "").await.status, 401);

    lan.switch(NetworkPatch { dlna_enabled: Some(false), ..NetworkPatch::default() }).await;
    let after = until("the token is worth nothing any more", async || {
        // It is when the switch has been heard of, and what it let in is cut.
        (lan.status_around_cut(&path).await == 401).then_some(())
    });
    after.await;
    lan.end().await;
}
