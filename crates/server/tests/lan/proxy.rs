//! Every packet of the program is seen, and goes to the proxy of the settings or comes from there.
//!
//! In this network all addresses are this computer's, so what goes past the proxy arrives somewhere, and is seen.

use std::io;
use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4, UdpSocket};
use std::path::Path;
use std::process::Command;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use freshet_app::{App, AppConfig, Description};
use freshet_engine::testing::{Seeder, SeederOptions};
use freshet_model::{AddressPolicy, FileIndex, InfoHash, SettingsPatch, TorrentSource, TransferPatch};
use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, copy_bidirectional};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::common::{PATIENCE, film_bytes};
use crate::namespace::{Witness, in_namespace};

const PROXY: Ipv4Addr = Ipv4Addr::new(5, 6, 7, 8);
const PROXY_PORT: u16 = 1080;
const PEER: Ipv4Addr = Ipv4Addr::new(1, 2, 3, 4);
const OTHER_PEER: Ipv4Addr = Ipv4Addr::new(1, 2, 3, 5);

/// A proxy that leads every host to loopback, from its own address; knows whom it was asked for.
struct Proxy {
    asked: watch::Receiver<Vec<String>>,
    _tasks: JoinSet<()>,
}

impl Proxy {
    async fn start() -> Self {
        let listener = TcpListener::bind((PROXY, PROXY_PORT)).await.unwrap();
        let (asking, asked) = watch::channel(Vec::new());
        let mut tasks = JoinSet::new();
        tasks.spawn(async move {
            let mut served = JoinSet::new();
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let asking = asking.clone();
                served.spawn(async move { drop(serve(stream, &asking).await) });
            }
        });
        Self { asked, _tasks: tasks }
    }

    async fn is_asked_for(&mut self, host: &str) {
        let asked = self.asked.wait_for(|asked| asked.iter().any(|asked| asked == host));
        let is_asked = tokio::time::timeout(PATIENCE, asked).await.map(drop);
        assert!(is_asked.is_ok(), "{host} was not among {:?}", self.asked.borrow());
    }
}

async fn serve(mut stream: TcpStream, asking: &watch::Sender<Vec<String>>) -> io::Result<()> {
    let mut greeting = [0; 2];
    stream.read_exact(&mut greeting).await?;
    let mut methods = vec![0; greeting[1].into()];
    stream.read_exact(&mut methods).await?;
    assert!(methods.contains(&2), "a login is wanted");
    stream.write_all(&[5, 2]).await?;
    let mut login = [0; 8];
    stream.read_exact(&mut login).await?;
    assert_eq!(&login, b"\x01\x02me\x03pw!");
    stream.write_all(&[1, 0]).await?;
    let mut request = [0; 4];
    stream.read_exact(&mut request).await?;
    let host = match request[3] {
        1 => Ipv4Addr::from(stream.read_u32().await?).to_string(),
        3 => {
            let mut name = vec![0; stream.read_u8().await?.into()];
            stream.read_exact(&mut name).await?;
            String::from_utf8(name).unwrap()
        }
        kind => panic!("an address of kind {kind}"),
    };
    let port = stream.read_u16().await?;
    asking.send_modify(|asked| asked.push(host));
    let socket = TcpSocket::new_v4()?;
    socket.bind(SocketAddr::from((PROXY, 0)))?;
    let mut target = socket.connect(SocketAddr::from((Ipv4Addr::LOCALHOST, port))).await?;
    stream.write_all(&[5, 0, 0, 1, 0, 0, 0, 0, 0, 0]).await?;
    copy_bidirectional(&mut stream, &mut target).await?;
    Ok(())
}

/// A web server that is a tracker, which names one peer, and has one torrent file.
async fn web(peer: SocketAddrV4, torrent_file: Vec<u8>) -> (u16, JoinSet<()>) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let mut announced = b"d8:intervali1800e5:peers6:".to_vec();
    announced.extend_from_slice(&peer.ip().octets());
    announced.extend_from_slice(&peer.port().to_be_bytes());
    announced.push(b'e');
    let mut tasks = JoinSet::new();
    tasks.spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut head = Vec::new();
            while !head.ends_with(b"\r\n\r\n") {
                let Ok(byte) = stream.read_u8().await else { break };
                head.push(byte);
            }
            let body = if head.starts_with(b"GET /announce?") { &announced } else { &torrent_file };
            let answer =
                format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\nConnection: close\r\n\r\n", body.len());
            let _ = stream.write_all(answer.as_bytes()).await;
            let _ = stream.write_all(body).await;
        }
    });
    (port, tasks)
}

async fn start(data_dir: &Path, enable_dht: bool, settings: Option<SettingsPatch>) -> App {
    let defaults = AppConfig::new(data_dir);
    let config = AppConfig { enable_dht, settings, addresses: AddressPolicy::GlobalOnly, ..defaults };
    App::start(config).await.unwrap()
}

fn with_proxy() -> SettingsPatch {
    let url = format!("socks5://me:pw!@{PROXY}:{PROXY_PORT}");
    let transfers = TransferPatch { proxy_url: Some(url), ..TransferPatch::default() };
    SettingsPatch { transfers: Some(transfers), ..SettingsPatch::default() }
}

async fn shutdown(app: App) {
    tokio::time::timeout(PATIENCE, app.shutdown(Duration::from_secs(10))).await.expect("it ends");
}

async fn add(app: &App, link: &str) {
    app.add(TorrentSource::parse(link).unwrap(), Description::default()).await.unwrap();
}

async fn read_all(app: &App, info_hash: InfoHash) {
    tokio::time::timeout(PATIENCE, app.wait_until_ready(info_hash)).await.unwrap().unwrap();
    let mut film = Vec::new();
    let mut file = app.open_file(info_hash, FileIndex(0)).await.unwrap();
    tokio::time::timeout(PATIENCE, file.reader.read_to_end(&mut film)).await.unwrap().unwrap();
    assert!(film == film_bytes());
}

#[test]
fn no_packet_goes_past_the_proxy_even_when_it_is_gone() {
    in_namespace("proxy::no_packet_goes_past_the_proxy_even_when_it_is_gone", || async {
        let route = Command::new("ip").args(["route", "add", "local", "default", "dev", "lo"]).status();
        assert!(route.unwrap().success());
        let folder = tempfile::tempdir().unwrap();
        let seeder = Seeder::start(SeederOptions::default()).await.unwrap();
        let mut torrents = Vec::new();
        for name in ["one", "two", "three"] {
            std::fs::create_dir(folder.path().join(name)).unwrap();
            let path = folder.path().join(name).join(format!("{name}.mkv"));
            std::fs::write(&path, film_bytes()).unwrap();
            torrents.push(seeder.seed(&path, Some(64 * 1024)).await.unwrap());
        }
        let [one, two, three] = torrents.try_into().unwrap();
        let seeder_port = one.peer.port();
        let (web_port, _web) = web(SocketAddrV4::new(PEER, seeder_port), two.torrent_file.clone()).await;
        let data_dir = folder.path().join("data");
        let mut capture = Witness::start("capture.py");
        capture.saw("the capture is ready", |seen| (*seen == json!("ready")).then_some(())).await;
        let mut proxy = Proxy::start().await;
        // With everything that may find peers.
        let app = start(&data_dir, true, Some(with_proxy())).await;
        let trackers = format!(
            "tr=http%3A%2F%2Ftracker.example%3A{web_port}%2Fannounce&tr=udp%3A%2F%2Fudp.example%3A6969&tr=udp%3A%2F%2F1.2.3.9%3A6969"
        );
        let magnet = |info_hash: InfoHash| format!("magnet:?xt=urn:btih:{info_hash}&{trackers}");
        add(&app, &magnet(one.info_hash)).await;
        read_all(&app, one.info_hash).await;
        proxy.is_asked_for("tracker.example").await;
        proxy.is_asked_for(&PEER.to_string()).await;
        add(&app, &format!("http://links.example:{web_port}/two.torrent")).await;
        proxy.is_asked_for("links.example").await;

        // Without it all stands still, and nothing finds another way.
        drop(proxy);
        let named = format!("{}&x.pe={OTHER_PEER}:{seeder_port}", magnet(three.info_hash));
        add(&app, &named).await;
        let link = TorrentSource::parse(&format!("http://links.example:{web_port}/two.torrent")).unwrap();
        app.add(link, Description::default()).await.expect_err("nobody leads there");
        // Back again, it is found: until then the calls were in vain.
        let mut proxy = Proxy::start().await;
        read_all(&app, three.info_hash).await;
        proxy.is_asked_for(&OTHER_PEER.to_string()).await;
        shutdown(app).await;
        seeder.stop().await;

        UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().send_to(b"end", (Ipv4Addr::LOCALHOST, 9)).unwrap();
        let mut past = Vec::new();
        let mut through = 0;
        capture
            .saw("the end", |seen| {
                if *seen == json!("end") {
                    return Some(());
                }
                let is_proxied = [&seen["from"], &seen["to"]].contains(&&json!(PROXY.to_string()));
                if is_proxied {
                    through += 1;
                } else {
                    past.push(seen.clone());
                }
                None
            })
            .await;
        assert_eq!(past, Vec::<serde_json::Value>::new());
        assert!(through >= 2, "{through}");
    });
}

#[test]
fn a_proxy_that_is_turned_on_ends_what_went_past_it() {
    in_namespace("proxy::a_proxy_that_is_turned_on_ends_what_went_past_it", || async {
        let route = Command::new("ip").args(["route", "add", "local", "default", "dev", "lo"]).status();
        assert!(route.unwrap().success());
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("film.mkv"), film_bytes()).unwrap();
        let slow = SeederOptions { upload_limit_bytes_per_sec: 200_000, ..SeederOptions::default() };
        let (seeder, torrent) = Seeder::seeding(&folder.path().join("film.mkv"), slow).await.unwrap();
        let app = start(&folder.path().join("data"), false, None).await;
        // This way leads to the seeder directly, as to any other address here.
        let direct = format!("magnet:?xt=urn:btih:{}&x.pe={PEER}:{}", torrent.info_hash, torrent.peer.port());
        let relay = Relay::start(torrent.peer).await;
        add(&app, &direct).await;
        tokio::time::timeout(PATIENCE, app.wait_until_ready(torrent.info_hash)).await.unwrap().unwrap();
        let mut file = app.open_file(torrent.info_hash, FileIndex(0)).await.unwrap();
        let mut first = [0; 1000];
        tokio::time::timeout(PATIENCE, file.reader.read_exact(&mut first)).await.unwrap().unwrap();
        relay.has_open(1).await;

        let mut proxy = Proxy::start().await;
        app.update_settings(with_proxy()).await.unwrap();
        relay.has_open(0).await;
        proxy.is_asked_for(&PEER.to_string()).await;
        let mut rest = Vec::new();
        tokio::time::timeout(PATIENCE, file.reader.read_to_end(&mut rest)).await.unwrap().unwrap();
        assert!(rest == film_bytes()[1000..]);
        shutdown(app).await;
        seeder.stop().await;
    });
}

/// Stands at the address of the peer, and counts who comes directly.
struct Relay {
    open: watch::Receiver<usize>,
    _tasks: JoinSet<()>,
}

impl Relay {
    async fn start(seeder: SocketAddr) -> Self {
        let listener = TcpListener::bind((PEER, seeder.port())).await.unwrap();
        let (count, open) = watch::channel(0);
        let mut tasks = JoinSet::new();
        tasks.spawn(async move {
            let mut served = JoinSet::new();
            let count = Arc::new(Mutex::new(count));
            loop {
                let (mut stream, _) = listener.accept().await.unwrap();
                let count = Arc::clone(&count);
                served.spawn(async move {
                    count.lock().unwrap().send_modify(|open| *open += 1);
                    if let Ok(mut target) = TcpStream::connect(seeder).await {
                        let _ = copy_bidirectional(&mut stream, &mut target).await;
                    }
                    count.lock().unwrap().send_modify(|open| *open -= 1);
                });
            }
        });
        Self { open, _tasks: tasks }
    }

    async fn has_open(&self, wanted: usize) {
        let mut open = self.open.clone();
        let is_so = tokio::time::timeout(PATIENCE, open.wait_for(|open| *open == wanted)).await.map(drop);
        assert!(is_so.is_ok(), "{} are open, not {wanted}", *self.open.borrow());
    }
}
