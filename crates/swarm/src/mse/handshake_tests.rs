use std::time::Duration;

use proptest::prelude::*;
use rand::SeedableRng;
use rand::rngs::StdRng;
use tokio::io::{DuplexStream, duplex};

use super::*;
use crate::mse::test_support::Dribble;

/// Only against a test that hangs.
const TIME_OUT: Duration = Duration::from_secs(20);
const PIPE_BYTES: usize = 8 * 1024;

fn info_hash() -> InfoHash {
    InfoHash::new([9; 20])
}

/// The BitTorrent handshake, as far as encryption cares.
fn hello() -> Vec<u8> {
    [&PROTOCOL[..], &[5; 48]].concat()
}

fn find_torrent(hash: &[u8; 20]) -> Option<InfoHash> {
    (*hash == skey_hash(&info_hash())).then(info_hash)
}

fn secrets(padding_bytes: usize, zeros: usize) -> Secrets {
    Secrets { private_key: [zeros as u8 + 1; 20], padding: vec![0x55; padding_bytes], zeros }
}

async fn knock<S: AsyncRead + AsyncWrite + Unpin>(
    stream: S,
    info_hash: InfoHash,
    provide: CryptoProvide,
    secrets: Secrets,
) -> Result<Stream<S>, MseError> {
    initiate(stream, info_hash, provide, &hello(), secrets).await
}

/// Both handshakes, each over a connection that carries so many bytes at a time.
async fn shake_hands(
    provide: CryptoProvide,
    policy: Policy,
    bytes_at_once: usize,
    [ours, theirs]: [Secrets; 2],
) -> (Result<Stream<Dribble<DuplexStream>>, MseError>, Result<Accepted<Dribble<DuplexStream>>, MseError>) {
    let (near, far) = duplex(PIPE_BYTES);
    let (near, far) = (Dribble::new(near, bytes_at_once), Dribble::new(far, bytes_at_once));
    let both = async {
        tokio::join!(knock(near, info_hash(), provide, ours), accept(far, find_torrent, policy, theirs))
    };
    tokio::time::timeout(TIME_OUT, both).await.unwrap()
}

/// What both say after the handshake arrives, and the first thing said is what was given to it.
async fn assert_they_talk<S: AsyncRead + AsyncWrite + Unpin>(mut near: Stream<S>, mut far: Stream<S>) {
    near.write_all(b"ping").await.unwrap();
    near.flush().await.unwrap();
    let mut heard = vec![0; hello().len() + 4];
    far.read_exact(&mut heard).await.unwrap();
    assert_eq!(heard, [hello(), b"ping".to_vec()].concat());

    far.write_all(b"pong").await.unwrap();
    far.flush().await.unwrap();
    let mut heard = [0; 4];
    near.read_exact(&mut heard).await.unwrap();
    assert_eq!(&heard, b"pong");
}

#[tokio::test]
async fn every_offer_meets_every_policy() {
    use CryptoProvide::{Either, Plain, Rc4};
    // Whether both go on, and in RC4.
    let table = [
        (Rc4, Policy::Prefer, Some(true)),
        (Rc4, Policy::Require, Some(true)),
        (Rc4, Policy::Off, None),
        (Either, Policy::Prefer, Some(true)),
        (Either, Policy::Require, Some(true)),
        (Either, Policy::Off, None),
        (Plain, Policy::Prefer, Some(false)),
        (Plain, Policy::Require, None),
        (Plain, Policy::Off, None),
    ];
    for (provide, policy, is_encrypted) in table {
        for bytes_at_once in [1, 7, 5000] {
            let pads = [secrets(17, 3), secrets(500, 0)];
            let (near, far) = shake_hands(provide, policy, bytes_at_once, pads).await;
            assert_eq!(near.as_ref().ok().map(Stream::is_encrypted), is_encrypted, "{provide:?} {policy:?}");
            match (near, far) {
                (Ok(near), Ok(far)) => {
                    assert_eq!(Some(far.stream.is_encrypted()), is_encrypted);
                    assert_eq!(far.info_hash, Some(info_hash()));
                    assert_they_talk(near, far.stream).await;
                }
                (Err(_), Err(MseError::EncryptionRefused)) => assert_eq!(policy, Policy::Off),
                (Err(_), Err(MseError::NoCommonCrypto)) => assert_eq!(policy, Policy::Require),
                (near, far) => panic!("{near:?} {far:?}"),
            }
        }
    }
}

#[tokio::test]
async fn a_connection_in_the_clear_is_handed_on_unless_encryption_is_required() {
    for policy in [Policy::Prefer, Policy::Require, Policy::Off] {
        for bytes_at_once in [1, 5000] {
            let (mut near, far) = duplex(PIPE_BYTES);
            near.write_all(&hello()).await.unwrap();
            let accepted =
                accept(Dribble::new(far, bytes_at_once), find_torrent, policy, secrets(0, 0)).await;
            if policy == Policy::Require {
                assert!(matches!(accepted, Err(MseError::PlainRefused)));
                continue;
            }
            let accepted = accepted.unwrap();
            assert_eq!((accepted.info_hash, accepted.stream.is_encrypted()), (None, false));
            let near = Dribble::new(near, bytes_at_once);
            assert_they_talk(Stream::plain(near), accepted.stream).await;
        }
    }
}

#[tokio::test]
async fn the_longest_paddings_are_taken() {
    for pads in [[secrets(512, 512), secrets(512, 512)], [secrets(0, 0), secrets(0, 0)]] {
        let (near, far) = shake_hands(CryptoProvide::Either, Policy::Prefer, 1, pads).await;
        assert_they_talk(near.unwrap(), far.unwrap().stream).await;
    }
}

#[tokio::test]
async fn a_longer_padding_is_refused() {
    let pads = [secrets(513, 0), secrets(0, 0)];
    let (_, far) = shake_hands(CryptoProvide::Rc4, Policy::Prefer, 5000, pads).await;
    assert!(matches!(far, Err(MseError::NoSync)));
    let pads = [secrets(0, 513), secrets(0, 0)];
    let (_, far) = shake_hands(CryptoProvide::Rc4, Policy::Prefer, 5000, pads).await;
    assert!(matches!(far, Err(MseError::PaddingTooLong)));
    let pads = [secrets(0, 0), secrets(513, 0)];
    let (near, _) = shake_hands(CryptoProvide::Rc4, Policy::Prefer, 5000, pads).await;
    assert!(matches!(near, Err(MseError::NoSync)));
    let pads = [secrets(0, 0), secrets(0, 513)];
    let (near, _) = shake_hands(CryptoProvide::Rc4, Policy::Prefer, 5000, pads).await;
    assert!(matches!(near, Err(MseError::PaddingTooLong)));
}

#[tokio::test]
async fn a_torrent_that_is_not_here_is_refused() {
    let (near, far) = duplex(PIPE_BYTES);
    let (near, far) = tokio::join!(
        knock(near, InfoHash::new([8; 20]), CryptoProvide::Either, secrets(5, 5)),
        accept(far, find_torrent, Policy::Prefer, secrets(5, 5))
    );
    assert!(matches!(far, Err(MseError::UnknownTorrent)));
    assert!(matches!(near, Err(MseError::Io(_))));
}

/// Answers a handshake with these crypto bits.
async fn answer_with(select: u32) -> Result<Stream<DuplexStream>, MseError> {
    let (near, far) = duplex(PIPE_BYTES);
    let answer = async {
        let mut connection = Connection::new(far);
        let key = PrivateKey::new(&[3; 20]);
        let secret = key.agree(&connection.take::<KEY_BYTES>().await?)?;
        connection.send(&key.public()).await?;
        let mut answer = BytesMut::new();
        put_crypto(&mut answer, select, 0);
        secret.acceptors_cipher(&info_hash())?.apply(&mut answer);
        connection.send(&answer).await?;
        Ok::<_, MseError>(connection)
    };
    let (near, far) = tokio::join!(knock(near, info_hash(), CryptoProvide::Rc4, secrets(0, 0)), answer);
    far.unwrap();
    near
}

#[tokio::test]
async fn a_peer_may_select_only_what_was_offered_and_one_thing() {
    for select in [0, PLAIN, PLAIN | RC4, 4, u32::MAX] {
        assert!(matches!(answer_with(select).await, Err(MseError::NoCommonCrypto)), "{select}");
    }
    assert!(answer_with(RC4).await.unwrap().is_encrypted());
}

#[tokio::test]
async fn a_key_that_is_none_is_refused_by_both() {
    let (mut near, far) = duplex(PIPE_BYTES);
    near.write_all(&[0; KEY_BYTES]).await.unwrap();
    let accepted = accept(far, find_torrent, Policy::Prefer, secrets(0, 0)).await;
    assert!(matches!(accepted, Err(MseError::BadKey)));

    let (near, mut far) = duplex(PIPE_BYTES);
    far.write_all(&[0xff; KEY_BYTES]).await.unwrap();
    let initiated = knock(near, info_hash(), CryptoProvide::Rc4, secrets(0, 0)).await;
    assert!(matches!(initiated, Err(MseError::BadKey)));
}

#[tokio::test]
async fn what_does_not_fit_is_not_sent() {
    let (near, _far) = duplex(PIPE_BYTES);
    let payload = vec![0; 1 << 16];
    let initiated = initiate(near, info_hash(), CryptoProvide::Rc4, &payload, secrets(0, 0)).await;
    assert!(matches!(initiated, Err(MseError::PayloadTooLong)));
}

/// How much of endless noise is read before a handshake gives it up.
async fn noise_bytes_read(handshake: impl AsyncFnOnce(&mut DuplexStream) -> Result<(), MseError>) -> usize {
    const NOISE_BYTES: usize = 1 << 19;
    let (mut near, mut far) = duplex(2 * NOISE_BYTES);
    far.write_all(&[7; NOISE_BYTES]).await.unwrap();
    far.shutdown().await.unwrap();
    assert!(matches!(handshake(&mut near).await, Err(MseError::NoSync)));
    NOISE_BYTES - near.read_to_end(&mut Vec::new()).await.unwrap()
}

#[tokio::test]
async fn noise_is_given_up_after_the_longest_padding() {
    let accepting = noise_bytes_read(async |near| {
        accept(near, find_torrent, Policy::Prefer, secrets(0, 0)).await.map(drop)
    });
    let initiating = noise_bytes_read(async |near| {
        knock(near, info_hash(), CryptoProvide::Rc4, secrets(0, 0)).await.map(drop)
    });
    let most = KEY_BYTES + MAX_PADDING_BYTES + 20 + 2 * READ_BYTES;
    assert!(accepting.await < most);
    assert!(initiating.await < most);
}

#[test]
fn secrets_are_drawn_within_their_bounds_and_differ() {
    let mut rng = StdRng::seed_from_u64(1);
    let drawn: Vec<Secrets> = (0..2000).map(|_| Secrets::draw(&mut rng)).collect();
    let longest = |length: fn(&Secrets) -> usize| drawn.iter().map(length).max();
    assert_eq!(longest(|secrets| secrets.padding.len()), Some(MAX_PADDING_BYTES));
    assert_eq!(longest(|secrets| secrets.zeros), Some(MAX_PADDING_BYTES));
    assert_ne!(drawn[0].private_key, drawn[1].private_key);
    assert_eq!(format!("{:?}", drawn[0]), "Secrets");
}

/// All that an initiator sends to an acceptor with these secrets.
async fn recording() -> Vec<u8> {
    let key = PrivateKey::new(&secrets(9, 9).private_key);
    let (near, far) = duplex(PIPE_BYTES);
    let record = async {
        let mut connection = Connection::new(far);
        connection.send(&key.public()).await.unwrap();
        let mut all = Vec::new();
        connection.stream.read_to_end(&mut all).await.unwrap();
        all
    };
    let initiate = async {
        // Nobody answers the second time, so the time runs out.
        let initiated = knock(near, info_hash(), CryptoProvide::Either, secrets(40, 20));
        tokio::time::timeout(Duration::from_secs(1), initiated).await.unwrap_err();
    };
    let (all, ()) = tokio::join!(record, initiate);
    all
}

#[tokio::test(start_paused = true)]
async fn a_handshake_that_breaks_off_or_is_damaged_ends_in_an_error() {
    let recording = recording().await;
    let replay = async |bytes: &[u8]| {
        let (mut near, far) = duplex(PIPE_BYTES);
        near.write_all(bytes).await.unwrap();
        near.shutdown().await.unwrap();
        let accepted = accept(far, find_torrent, Policy::Prefer, secrets(9, 9));
        tokio::time::timeout(TIME_OUT, accepted).await.unwrap()
    };
    let mut accepted = replay(&recording).await.unwrap();
    let mut heard = Vec::new();
    accepted.stream.read_to_end(&mut heard).await.unwrap();
    assert_eq!(heard, hello());

    for length in 0..recording.len() {
        assert!(matches!(replay(&recording[..length]).await, Err(MseError::Io(_))), "{length}");
    }
    // The mark, the name of the torrent, the verification.
    for damaged in [KEY_BYTES + 40, KEY_BYTES + 40 + 20, KEY_BYTES + 40 + 40] {
        let mut bytes = recording.clone();
        bytes[damaged] ^= 1;
        assert!(replay(&bytes).await.is_err(), "{damaged}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn noise_does_not_panic(bytes in proptest::collection::vec(any::<u8>(), 0..900), is_acceptor: bool) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let (near, mut far) = duplex(PIPE_BYTES);
            far.write_all(&bytes).await.unwrap();
            far.shutdown().await.unwrap();
            if is_acceptor {
                assert!(accept(near, find_torrent, Policy::Prefer, secrets(0, 0)).await.is_err());
            } else {
                let initiated = knock(near, info_hash(), CryptoProvide::Either, secrets(0, 0));
                assert!(initiated.await.is_err());
            }
        });
    }
}
