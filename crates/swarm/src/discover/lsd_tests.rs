use freshet_model::AddressPolicy;
use freshet_web::WebClient;
use proptest::prelude::*;
use tokio::sync::mpsc;

use super::*;
use crate::discover::Found;

const PATIENCE: Duration = Duration::from_secs(20);

fn hash(byte: u8) -> InfoHash {
    InfoHash::new([byte; 20])
}

fn outlet(policy: AddressPolicy) -> (Outlet, mpsc::Receiver<Found>) {
    let (found, taken) = mpsc::channel(16);
    let (_, listen_port) = watch::channel(None);
    (Outlet { found, policy, listen_port, own_ips: [].into() }, taken)
}

fn web() -> WebClient {
    WebClient::new(AddressPolicy::PrivateToo).unwrap()
}

fn lsd(port: Option<u16>) -> Lsd {
    Lsd::new(watch::channel(port).1, web(), true)
}

async fn door(targets: &[SocketAddr]) -> (Door, SocketAddr) {
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let address = socket.local_addr().unwrap();
    let targets = targets.iter().map(|group| Target { group: *group, interface: None }).collect();
    (Door { socket, targets }, address)
}

#[test]
fn an_announcement_is_understood_by_its_reader() {
    let text = announcement("239.192.152.143:6771".parse().unwrap(), 7000, &[hash(1), hash(2)], "c00kie");
    let expected = format!(
        "BT-SEARCH * HTTP/1.1\r\nHost: 239.192.152.143:6771\r\nPort: 7000\r\nInfohash: {}\r\nInfohash: {}\r\n\
         cookie: c00kie\r\n\r\n\r\n",
        hash(1),
        hash(2)
    );
    assert_eq!(String::from_utf8(text.clone()).unwrap(), expected);
    let heard = Heard { port: 7000, info_hashes: vec![hash(1), hash(2)], cookie: Some("c00kie") };
    assert_eq!(Heard::parse(&text), Some(heard));

    let v6 = announcement("[ff15::efc0:988f%3]:6771".parse().unwrap(), 7000, &[hash(1)], "c");
    assert!(String::from_utf8(v6).unwrap().contains("Host: [ff15::efc0:988f]:6771\r\n"));
}

#[test]
fn what_is_no_announcement_is_not_heard() {
    let hash = hash(1);
    let table = [
        String::new(),
        "M-SEARCH * HTTP/1.1\r\n".to_owned(),
        "BT-SEARCH * HTTP/1.1\r\nPort: 7000\r\n".to_owned(),
        format!("BT-SEARCH * HTTP/1.1\r\nInfohash: {hash}\r\n"),
        format!("BT-SEARCH * HTTP/1.1\r\nPort: 0\r\nInfohash: {hash}\r\n"),
        format!("BT-SEARCH * HTTP/1.1\r\nPort: 70000\r\nInfohash: {hash}\r\n"),
        "BT-SEARCH * HTTP/1.1\r\nPort: 7000\r\nInfohash: xyz\r\n".to_owned(),
    ];
    for datagram in table {
        assert_eq!(Heard::parse(datagram.as_bytes()), None, "{datagram}");
    }
    assert_eq!(Heard::parse(b"BT-SEARCH \xff"), None);
}

#[tokio::test]
async fn two_of_us_find_each_other_and_forget_each_other() {
    let (mine, mine_at) = door(&[]).await;
    let (theirs, _) = door(&[mine_at]).await;
    let (me, they) = (lsd(None), lsd(Some(7000)));
    let (outlet_of_me, mut found) = outlet(AddressPolicy::PrivateToo);
    let (outlet_of_them, _unused) = outlet(AddressPolicy::PrivateToo);
    let _mine = Registration::new(Arc::clone(&me.shared), hash(1), outlet_of_me);
    let registered = Registration::new(Arc::clone(&they.shared), hash(1), outlet_of_them);

    let doors = ([mine], [theirs]);
    let heard = tokio::select! {
        error = me.shared.serve(&doors.0) => panic!("{error}"),
        error = they.shared.serve(&doors.1) => panic!("{error}"),
        heard = timeout(PATIENCE, found.recv()) => heard.unwrap(),
    };

    assert_eq!(heard, Some(Found { address: "127.0.0.1:7000".parse().unwrap(), from: Source::Lsd }));
    drop(registered);
    assert!(they.shared.torrents().is_empty());
}

#[tokio::test(start_paused = true)]
async fn one_datagram_a_second_is_looked_at_for_each_torrent() {
    let lsd = lsd(None);
    let (outlet, mut found) = outlet(AddressPolicy::GlobalOnly);
    let _one = Registration::new(Arc::clone(&lsd.shared), hash(1), outlet.clone());
    let _two = Registration::new(Arc::clone(&lsd.shared), hash(2), outlet);
    let from: SocketAddr = "192.168.1.2:6771".parse().unwrap();
    let say = |info_hash, port, from, at| {
        lsd.shared.hear(&announcement(from, port, &[info_hash], "theirs"), from, at);
    };
    let now = Instant::now();

    say(hash(1), 7001, from, now);
    say(hash(1), 7002, from, now + HEAR_INTERVAL / 2);
    say(hash(2), 7003, from, now);
    say(hash(3), 7004, from, now);
    say(hash(1), 7005, from, now + HEAR_INTERVAL);
    say(hash(1), 7006, "1.1.1.1:6771".parse().unwrap(), now + 2 * HEAR_INTERVAL);
    lsd.shared.hear(&announcement(from, 7007, &[hash(1)], &lsd.shared.cookie), from, now + 3 * HEAR_INTERVAL);

    let mut ports = Vec::new();
    while let Ok(found) = found.try_recv() {
        assert_eq!(found.address.ip(), from.ip());
        ports.push(found.address.port());
    }
    assert_eq!(ports, [7001, 7003, 7005]);
}

#[tokio::test(start_paused = true)]
async fn torrents_are_announced_every_5_minutes_a_few_in_each_datagram() {
    let lsd = lsd(Some(7000));
    let (outlet, _found) = outlet(AddressPolicy::GlobalOnly);
    let _registered: Vec<Registration> =
        (0..20).map(|n| Registration::new(Arc::clone(&lsd.shared), hash(n), outlet.clone())).collect();
    let now = Instant::now();

    assert_eq!(lsd.shared.due(now).unwrap().len(), MAX_INFO_HASHES);
    assert_eq!(lsd.shared.due(now).unwrap().len(), 20 - MAX_INFO_HASHES);
    assert_eq!(lsd.shared.due(now), Err(Some(now + ANNOUNCE_INTERVAL)));
    assert_eq!(lsd.shared.due(now + ANNOUNCE_INTERVAL).unwrap().len(), MAX_INFO_HASHES);
    let longest = announcement(
        SocketAddrV6::new(GROUP_V6, PORT, 0, 1).into(),
        65_535,
        &[hash(0); MAX_INFO_HASHES],
        "12345678",
    );
    assert!(longest.len() <= MAX_DATAGRAM_BYTES, "{}", longest.len());
}

proptest! {
    #[test]
    fn no_datagram_makes_the_reader_panic(rest in "[a-zA-Z0-9: \r\n]{0,200}") {
        let _ = Heard::parse(format!("BT-SEARCH {rest}").as_bytes());
    }
}

#[tokio::test]
async fn it_runs_only_as_long_as_it_is_wanted() {
    let lsd = Lsd::new(watch::channel(None).1, web(), false);
    let (status, mut shown) = watch::channel(DiscoveryStatus::default());
    let (shared, is_wanted) = (Arc::clone(&lsd.shared), lsd.wanted.subscribe());
    let tasks = TaskTracker::new();
    drop(tasks.spawn(async move { shared.run(is_wanted, status).await }));

    for is_wanted in [true, false, true] {
        lsd.want(is_wanted);
        // Where there is no network, it tries again and again.
        let follows = shown.wait_for(|status| (status.lsd != LsdStatus::Off) == is_wanted);
        timeout(PATIENCE, follows).await.unwrap().unwrap();
    }

    drop(lsd);
    tasks.close();
    timeout(PATIENCE, tasks.wait()).await.unwrap();
}
