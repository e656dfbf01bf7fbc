use std::net::Ipv4Addr;

use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::*;
use crate::mse::skey_hash;
use crate::peer::{Doors, greet};

const INFO_HASH: InfoHash = InfoHash::new([7; 20]);

struct OneTorrent;

impl Doors for OneTorrent {
    fn knows(&self, info_hash: InfoHash) -> bool {
        info_hash == INFO_HASH
    }

    fn find(&self, hash: &[u8; 20]) -> Option<InfoHash> {
        (skey_hash(&INFO_HASH) == *hash).then_some(INFO_HASH)
    }
}

fn dialer(id: u8, encryption: Policy) -> Dialer {
    Dialer::new([id; 20], NetworkSettings { encryption, ..NetworkSettings::default() }, None)
}

async fn listener() -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    (listener, address)
}

/// Greets whoever calls, and says how each went; who was greeted stays connected.
async fn host(listener: TcpListener, dialer: Dialer) {
    let mut greeted = Vec::new();
    loop {
        let (stream, address) = listener.accept().await.unwrap();
        greeted.push(greet(Box::new(stream), Transport::Tcp, address, &dialer, &OneTorrent).await);
    }
}

/// Whether the connection is encrypted, if there is one.
async fn outcome(ours: Policy, theirs: Policy) -> Option<bool> {
    let (listener, address) = listener().await;
    let mut hosting = JoinSet::new();
    hosting.spawn(host(listener, dialer(b't', theirs)));
    let greeted = dialer(b'o', ours).dial(address, INFO_HASH).await;
    greeted.ok().map(|greeted| greeted.who.is_encrypted)
}

#[tokio::test]
async fn two_policies_find_what_both_allow() {
    use Policy::{Off, Prefer, Require};
    let table = [
        (Prefer, Prefer, Some(false)),
        (Prefer, Require, Some(true)),
        (Prefer, Off, Some(false)),
        (Require, Prefer, Some(true)),
        (Require, Require, Some(true)),
        (Require, Off, None),
        (Off, Prefer, Some(false)),
        (Off, Require, None),
        (Off, Off, Some(false)),
    ];
    for (ours, theirs, expected) in table {
        assert_eq!(outcome(ours, theirs).await, expected, "{ours:?} {theirs:?}");
    }
}

#[tokio::test]
async fn what_worked_is_tried_first_the_next_time_and_a_policy_holds_at_once() {
    let (listener, address) = listener().await;
    let mut hosting = JoinSet::new();
    hosting.spawn(host(listener, dialer(b't', Policy::Require)));
    let ours = dialer(b'o', Policy::Prefer);
    assert!(!ours.prefers_encryption(address));
    ours.dial(address, INFO_HASH).await.unwrap();
    assert!(ours.prefers_encryption(address));

    ours.set_settings(NetworkSettings { encryption: Policy::Off, ..NetworkSettings::default() });
    assert!(ours.dial(address, INFO_HASH).await.is_err());
    assert!(ours.prefers_encryption(address), "only what was tried counts");
}

#[tokio::test]
async fn who_is_said_to_prefer_encryption_hears_no_word_in_the_clear() {
    let (listener, address) = listener().await;
    let ours = dialer(b'o', Policy::Prefer);
    ours.remember(address, true);
    let hearing = async {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut first = [0; 20];
        stream.read_exact(&mut first).await.unwrap();
        first
    };
    let first = tokio::select! {
        first = hearing => first,
        _ = ours.dial(address, INFO_HASH) => panic!("nobody answers"),
    };
    assert_ne!(&first, crate::wire::PROTOCOL);
}

#[tokio::test]
async fn ourselves_and_other_torrents_are_known_as_such() {
    let (listener, address) = listener().await;
    let ours = dialer(b'o', Policy::Prefer);
    let mut hosting = JoinSet::new();
    hosting.spawn(host(listener, dialer(b't', Policy::Prefer)));
    let other = ours.dial(address, InfoHash::new([8; 20])).await;
    assert!(other.is_err());
    drop(hosting);

    let (listener, address) = self::listener().await;
    let mut mirror = JoinSet::new();
    mirror.spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut theirs = [0; HANDSHAKE_BYTES];
            stream.read_exact(&mut theirs).await.unwrap();
            stream.write_all(&theirs).await.unwrap();
        }
    });
    assert!(matches!(ours.dial(address, INFO_HASH).await, Err(PeerError::Ourselves)));
}

#[tokio::test]
async fn who_is_silent_is_let_go_and_gets_an_encrypted_word_the_next_time() {
    let (listener, address) = listener().await;
    let ours = dialer(b'o', Policy::Prefer);
    let mut holding = JoinSet::new();
    holding.spawn(async move {
        let mut held = Vec::new();
        loop {
            held.push(listener.accept().await.unwrap());
        }
    });
    // The clock runs ahead once everything waits.
    tokio::time::pause();
    assert!(matches!(ours.dial(address, INFO_HASH).await, Err(PeerError::TimedOut)));
    assert!(ours.prefers_encryption(address));
    assert!(matches!(ours.dial(address, INFO_HASH).await, Err(PeerError::TimedOut)));
    assert!(!ours.prefers_encryption(address));
}

#[tokio::test]
async fn utp_is_used_where_tcp_does_not_get_through() {
    let stop = CancellationToken::new();
    let socket = UtpSocket::open(0, &Route::default(), &stop).await.unwrap();
    // Nobody listens there over TCP.
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, socket.port()));
    let theirs = dialer(b't', Policy::Require);
    let mut hosting = JoinSet::new();
    hosting.spawn(async move {
        let mut greeted = Vec::new();
        loop {
            let (stream, address) = socket.accept().await.unwrap();
            greeted.push(greet(Box::new(stream), Transport::Utp, address, &theirs, &OneTorrent).await);
        }
    });
    let ours = UtpSocket::open(0, &Route::default(), &stop).await.unwrap();
    let ours = Dialer::new([b'o'; 20], NetworkSettings::default(), Some(ours));

    let who = ours.dial(address, INFO_HASH).await.unwrap().who;
    assert_eq!((who.transport, who.is_encrypted), (Transport::Utp, true));

    ours.set_settings(NetworkSettings { utp: false, ..NetworkSettings::default() });
    assert!(matches!(ours.dial(address, INFO_HASH).await, Err(PeerError::Io(_))));
    ours.set_settings(NetworkSettings { tcp: false, utp: false, ..NetworkSettings::default() });
    assert!(matches!(ours.dial(address, INFO_HASH).await, Err(PeerError::NoTransport)));
    stop.cancel();
}
