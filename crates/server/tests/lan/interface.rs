//! With a network interface chosen, no packet of the program leaves through another one.
//!
//! Two interfaces lead to the same other end ([`crate::far`]). The system prefers `lan0`; `vpn0` is chosen.

use std::net::{Ipv4Addr, UdpSocket};
use std::path::Path;
use std::time::Duration;

use freshet_app::{App, AppConfig, Caller, Description, FileReader};
use freshet_model::{
    AddressPolicy, AppEvent, ErrorCode, FileIndex, InfoHash, NoticeKind, SettingsPatch, TorrentSource,
    TransferPatch,
};
use serde_json::{Value, json};
use tokio::io::AsyncReadExt as _;

use crate::common::{PATIENCE, film_bytes};
use crate::far::{self, Far, FarTorrent, PEER, UDP_TRACKER_PORT, UTP_PEER, UTP_PORT, WEB_PORT, run};
use crate::namespace::{Witness, in_namespace};

const VPN: &str = "10.9.1.2";
const LAN: &str = "10.9.2.2";
/// The address of `lan0` while it must be silent: what is still under way to the one before is not answered then.
const QUIET_LAN: &str = "10.9.2.3";
/// The other end's addresses begin so: what comes from there is not ours.
const FAR_ADDRESSES: [&str; 3] = ["1.2.3.", "5.6.7.", "10.9.2.1"];

async fn start(data_dir: &Path) -> App {
    let config = AppConfig { addresses: AddressPolicy::GlobalOnly, ..AppConfig::new(data_dir) };
    App::start(config).await.unwrap()
}

async fn choose(app: &App, name: &str) {
    let transfers = TransferPatch { network_interface: Some(name.to_owned()), ..TransferPatch::default() };
    let patch = SettingsPatch { transfers: Some(transfers), ..SettingsPatch::default() };
    app.update_settings(patch).await.unwrap();
}

async fn shutdown(app: App) {
    tokio::time::timeout(PATIENCE, app.shutdown(Duration::from_secs(10))).await.expect("it ends");
}

/// Adds a torrent that one peer has, and whatever else the link says.
async fn add(app: &App, torrent: &FarTorrent, more: &str) -> InfoHash {
    let FarTorrent { info_hash, port } = torrent;
    let link = format!("magnet:?xt=urn:btih:{info_hash}&x.pe={PEER}:{port}{more}");
    app.add(TorrentSource::parse(&link).unwrap(), Description::default()).await.unwrap();
    info_hash.parse().unwrap()
}

async fn open(app: &App, info_hash: InfoHash) -> FileReader {
    tokio::time::timeout(PATIENCE, app.wait_until_ready(info_hash)).await.unwrap().unwrap();
    app.open_file(info_hash, FileIndex(0)).await.unwrap().reader
}

async fn read_rest(mut reader: FileReader, already: usize) {
    let mut film = Vec::new();
    tokio::time::timeout(PATIENCE, reader.read_to_end(&mut film)).await.unwrap().unwrap();
    assert!(film == film_bytes()[already..]);
}

/// Waits until people are told, or not any more, that the interface is missing.
async fn until_told(app: &App, is_told: bool) {
    let mut events = app.subscribe(Caller::MainWindow);
    let told = async {
        loop {
            let notices = match events.next().await.unwrap() {
                AppEvent::Snapshot(snapshot) => snapshot.notices,
                AppEvent::NoticesChanged { notices } => notices,
                _ => continue,
            };
            let of_vpn = notices.iter().find(|notice| notice.kind == NoticeKind::InterfaceMissing);
            assert!(of_vpn.is_none_or(|notice| notice.subject == "vpn0"));
            if of_vpn.is_some() == is_told {
                return;
            }
        }
    };
    tokio::time::timeout(PATIENCE, told).await.unwrap_or_else(|_| panic!("told: {is_told}"));
}

/// From here on nobody who was spoken to through `lan0` is heard, and so not answered by the system.
fn quiet(far: &Far) {
    run("ip", &["addr", "del", &format!("{LAN}/24"), "dev", "lan0"]);
    run("ip", &["addr", "add", &format!("{QUIET_LAN}/24"), "dev", "lan0"]);
    far.raise("lan0", 2, 10);
}

async fn capture() -> Witness {
    let mut capture = Witness::start_with("capture.py", &["lan0"]);
    capture.saw("the capture is ready", |seen| (*seen == json!("ready")).then_some(())).await;
    capture
}

/// What we have sent since the capture began.
async fn sent(mut capture: Witness) -> Vec<Value> {
    UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0)).unwrap().send_to(b"end", ("10.9.2.1", 9)).unwrap();
    let mut sent = Vec::new();
    capture
        .saw("the end", |seen| {
            if *seen == json!("end") {
                return Some(());
            }
            let from = seen.get("from").and_then(Value::as_str).unwrap_or_default();
            if !FAR_ADDRESSES.iter().any(|far| from.starts_with(far)) && seen.is_object() {
                sent.push(seen.clone());
            }
            None
        })
        .await;
    sent
}

#[test]
fn no_packet_leaves_beside_the_chosen_interface_even_when_it_is_gone() {
    const NAME: &str = "interface::no_packet_leaves_beside_the_chosen_interface_even_when_it_is_gone";
    in_namespace(NAME, || async {
        if far::is_far() {
            return far::be_far().await;
        }
        let mut far = Far::start(NAME).await;
        far.connect("lan0", 2, 10);
        far.connect("vpn0", 1, 100);
        let folder = tempfile::tempdir().unwrap();
        let data_dir = folder.path().join("data");

        // Without a choice all goes as the system likes, and is seen.
        let seen = capture().await;
        let app = start(&data_dir).await;
        let one = add(&app, &far.torrent("one"), "").await;
        read_rest(open(&app, one).await, 0).await;
        far.is_asked("peer", LAN).await;
        choose(&app, "vpn0").await;
        shutdown(app).await;
        assert!(!sent(seen).await.is_empty());

        quiet(&far);
        let silence = capture().await;
        let app = start(&data_dir).await;
        let trackers = format!(
            "&tr=http%3A%2F%2Ftracker.example%3A{WEB_PORT}%2Fannounce&tr=udp%3A%2F%2Fudp.example%3A{UDP_TRACKER_PORT}"
        );
        let two = add(&app, &far.torrent("two"), &format!("{trackers}&x.pe={UTP_PEER}:{UTP_PORT}")).await;
        read_rest(open(&app, two).await, 0).await;
        let web_seed = format!("&ws=http%3A%2F%2Fseeds.example%3A{WEB_PORT}%2Fsix.mkv");
        let six = add(&app, &far.torrent("six"), &web_seed).await;
        read_rest(open(&app, six).await, 0).await;
        for what in ["peer", "dns", "tracker", "udp tracker", "dht", "web seed", "utp"] {
            far.is_asked(what, VPN).await;
        }

        // It goes while a film comes in: nobody is asked another way, and the film goes on when it is back.
        let three = add(&app, &far.torrent("three"), "").await;
        let mut reader = open(&app, three).await;
        let mut first = [0; 1000];
        tokio::time::timeout(PATIENCE, reader.read_exact(&mut first)).await.unwrap().unwrap();
        run("ip", &["link", "set", "vpn0", "down"]);
        until_told(&app, true).await;
        let four = add(&app, &far.torrent("four"), &trackers).await;
        let link = TorrentSource::parse("http://links.example:8080/a.torrent").unwrap();
        let refused = app.add(link, Description::default()).await.unwrap_err();
        assert_eq!(refused.code, ErrorCode::InterfaceMissing);
        far.raise("vpn0", 1, 100);
        until_told(&app, false).await;
        read_rest(reader, first.len()).await;
        read_rest(open(&app, four).await, 0).await;

        // And another interface under its name is as good.
        run("ip", &["link", "del", "vpn0"]);
        until_told(&app, true).await;
        let five = add(&app, &far.torrent("five"), &trackers).await;
        far.connect("vpn0", 1, 100);
        until_told(&app, false).await;
        read_rest(open(&app, five).await, 0).await;
        shutdown(app).await;
        assert_eq!(sent(silence).await, Vec::<Value>::new());
    });
}

#[test]
fn an_interface_that_is_chosen_ends_what_went_another_way() {
    const NAME: &str = "interface::an_interface_that_is_chosen_ends_what_went_another_way";
    in_namespace(NAME, || async {
        if far::is_far() {
            return far::be_far().await;
        }
        let mut far = Far::start(NAME).await;
        far.connect("lan0", 2, 10);
        far.connect("vpn0", 1, 100);
        let folder = tempfile::tempdir().unwrap();
        let app = start(&folder.path().join("data")).await;
        let three = add(&app, &far.torrent("three"), "").await;
        let mut reader = open(&app, three).await;
        let mut first = [0; 1000];
        tokio::time::timeout(PATIENCE, reader.read_exact(&mut first)).await.unwrap().unwrap();
        far.is_asked("peer", LAN).await;
        far.is_asked("dht", LAN).await;

        choose(&app, "vpn0").await;
        far.is_asked("peer", VPN).await;
        far.is_asked("dht", VPN).await;
        quiet(&far);
        let silence = capture().await;
        read_rest(reader, first.len()).await;
        // While a proxy stands beside it, both hold: nobody answers there, and nothing goes past it.
        let proxy = TransferPatch {
            proxy_url: Some(format!("socks5://{UTP_PEER}:1080")),
            ..TransferPatch::default()
        };
        let patch = SettingsPatch { transfers: Some(proxy), ..SettingsPatch::default() };
        app.update_settings(patch).await.unwrap();
        let is_closed = async {
            while app.info().peer_port.is_some() {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        tokio::time::timeout(PATIENCE, is_closed).await.expect("nobody can call us then");
        let link = TorrentSource::parse("http://links.example:8080/a.torrent").unwrap();
        let refused = app.add(link, Description::default()).await.unwrap_err();
        assert_eq!(refused.code, ErrorCode::FetchFailed);
        shutdown(app).await;
        // The system leaves the groups of local discovery a little later.
        const IGMP: u8 = 2;
        let mut beside = sent(silence).await;
        beside.retain(|packet| packet["protocol"] != IGMP);
        assert_eq!(beside, Vec::<Value>::new());
    });
}
