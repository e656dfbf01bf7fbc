use proptest::prelude::*;
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};

use super::*;
use crate::mse::keys::PrivateKey;
use crate::mse::test_support::Dribble;

fn ciphers() -> [Cipher; 2] {
    let info_hash = freshet_model::InfoHash::new([9; 20]);
    let secret = PrivateKey::new(&[1; 20]).agree(&[7; 96]).unwrap();
    [secret.initiators_cipher(&info_hash).unwrap(), secret.acceptors_cipher(&info_hash).unwrap()]
}

/// Two ends of a connection in RC4, whose first end writes and reads so badly.
fn pair(pipe_bytes: usize, bytes_at_once: usize) -> (Stream<Dribble<DuplexStream>>, Stream<DuplexStream>) {
    let (near, far) = duplex(pipe_bytes);
    let ([near_encrypt, near_decrypt], [far_decrypt, far_encrypt]) = (ciphers(), ciphers());
    let near = Dribble::new(near, bytes_at_once);
    (
        Stream::rc4_after(near, BytesMut::new(), near_decrypt, near_encrypt),
        Stream::rc4_after(far, BytesMut::new(), far_decrypt, far_encrypt),
    )
}

fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(future)
}

#[tokio::test]
async fn what_is_sent_does_not_look_like_what_is_said() {
    let (near, mut far) = duplex(100);
    let [encrypt, decrypt] = ciphers();
    let mut near = Stream::rc4_after(near, BytesMut::new(), decrypt, encrypt);
    assert!(near.is_encrypted());
    near.write_all(&[0; 8]).await.unwrap();
    near.flush().await.unwrap();

    let (mut sent, mut expected) = ([0; 8], [0; 8]);
    far.read_exact(&mut sent).await.unwrap();
    ciphers()[0].apply(&mut expected);
    assert_ne!(sent, [0; 8]);
    assert_eq!(sent, expected);
}

#[tokio::test]
async fn what_the_connection_does_not_take_yet_is_kept_encrypted_until_a_flush() {
    let (mut near, mut far) = pair(4, 4);
    assert_eq!(near.write(b"0123456789").await.unwrap(), 10);

    let (flushed, received) = tokio::join!(near.flush(), async {
        let mut received = [0; 10];
        far.read_exact(&mut received).await.unwrap();
        received
    });
    flushed.unwrap();
    assert_eq!(&received, b"0123456789");
}

#[tokio::test]
async fn a_write_takes_no_more_than_its_buffer_may_hold() {
    let (mut near, _far) = pair(1, 1);
    let parts = [IoSlice::new(&[1; 20_000]), IoSlice::new(&[2; 20_000]), IoSlice::new(&[3; 20_000])];
    assert!(near.is_write_vectored());
    assert_eq!(near.write_vectored(&parts).await.unwrap(), MAX_PENDING_BYTES);
    // Nothing was sent off, so nothing more is taken.
    let more = futures::poll!(std::pin::pin!(near.write(b"more")));
    assert!(more.is_pending());
}

#[tokio::test]
async fn closing_sees_everything_out() {
    let (mut near, mut far) = pair(2, 1);
    let (closed, received) = tokio::join!(
        async {
            near.write_all(b"goodbye").await?;
            near.shutdown().await
        },
        async {
            let mut received = Vec::new();
            far.read_to_end(&mut received).await.unwrap();
            received
        }
    );
    closed.unwrap();
    assert_eq!(received, b"goodbye");
}

#[tokio::test]
async fn a_closed_connection_is_an_error_of_the_write() {
    let (mut near, far) = pair(1, 1);
    drop(far);
    let written = async {
        near.write_all(b"anybody there").await?;
        near.flush().await
    };
    assert_eq!(written.await.unwrap_err().kind(), io::ErrorKind::BrokenPipe);
}

#[tokio::test]
async fn a_plain_stream_gives_what_was_read_before_and_then_the_rest() {
    let (near, mut far) = duplex(100);
    let mut near = Stream::plain_after(near, BytesMut::from(&b"one "[..]));
    far.write_all(b"two").await.unwrap();
    drop(far);

    let mut two_bytes = [0; 2];
    near.read_exact(&mut two_bytes).await.unwrap();
    let mut rest = String::new();
    near.read_to_string(&mut rest).await.unwrap();
    assert_eq!((&two_bytes, rest.as_str(), near.is_encrypted()), (b"on", "e two", false));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn both_directions_carry_everything_however_it_is_cut(
        parts in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..3000), 1..8),
        vectored: bool,
        bytes_at_once in 1..500_usize,
        pipe_bytes in 1..2000_usize,
    ) {
        let said = parts.concat();
        let (mut near, mut far) = pair(pipe_bytes, bytes_at_once);
        let talk = async {
            for part in &parts {
                if vectored {
                    let (head, tail) = part.split_at(part.len() / 3);
                    let written = near.write_vectored(&[IoSlice::new(head), IoSlice::new(tail)]).await?;
                    near.write_all(&part[written..]).await?;
                } else {
                    near.write_all(part).await?;
                }
            }
            near.flush().await?;
            let mut echo = vec![0; said.len()];
            near.read_exact(&mut echo).await?;
            io::Result::Ok(echo)
        };
        let echo = async {
            let mut heard = vec![0; said.len()];
            far.read_exact(&mut heard).await?;
            far.write_all(&heard).await?;
            far.flush().await?;
            io::Result::Ok(heard)
        };
        let (echo, heard) = block_on(async { tokio::join!(talk, echo) });
        prop_assert_eq!(heard.unwrap(), said.clone());
        prop_assert_eq!(echo.unwrap(), said);
    }
}
