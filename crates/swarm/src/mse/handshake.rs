//! The handshake, from both ends.
//!
//! Nothing here has a time-out of its own: the caller wraps the whole in one. What is held is bounded: a padding of 512
//! bytes each, and 64 KiB of what the peer says first.

use bytes::{Buf, BufMut, BytesMut};
use freshet_model::InfoHash;
use rand::{Rng, RngExt};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

use super::keys::{Cipher, KEY_BYTES, PRIVATE_KEY_BYTES, PrivateKey, skey_hash};
use super::stream::Stream;
use super::{CryptoProvide, MseError, PLAIN, Policy, RC4};
use crate::wire::PROTOCOL;

/// Longest padding, each way and twice.
const MAX_PADDING_BYTES: usize = 512;
/// The verification constant is so many zeros; encrypted, they show that both have the key.
const VC_BYTES: usize = 8;
/// So much is read at a time.
const READ_BYTES: usize = 1024;

/// The random numbers of one handshake. They are drawn beforehand, so that no generator has to live as long as it.
pub struct Secrets {
    private_key: [u8; PRIVATE_KEY_BYTES],
    /// Sent as it is.
    padding: Vec<u8>,
    /// Length of the second padding, of zeros, which is encrypted.
    zeros: usize,
}

impl Secrets {
    pub fn draw(rng: &mut impl Rng) -> Self {
        let mut private_key = [0; PRIVATE_KEY_BYTES];
        rng.fill_bytes(&mut private_key);
        let mut padding = vec![0; rng.random_range(0..=MAX_PADDING_BYTES)];
        rng.fill_bytes(&mut padding);
        Self { private_key, padding, zeros: rng.random_range(0..=MAX_PADDING_BYTES) }
    }
}

impl std::fmt::Debug for Secrets {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secrets")
    }
}

/// Starts encryption on a connection that we made, and says `initial_payload` (our BitTorrent handshake) with it.
///
/// # Errors
/// [`MseError`]; the connection is dropped then. A peer that knows only connections in the clear closes it.
pub async fn initiate<S: AsyncRead + AsyncWrite + Unpin>(
    stream: S,
    info_hash: InfoHash,
    provide: CryptoProvide,
    initial_payload: &[u8],
    secrets: Secrets,
) -> Result<Stream<S>, MseError> {
    let payload_bytes = u16::try_from(initial_payload.len()).map_err(|_| MseError::PayloadTooLong)?;
    let mut connection = Connection::new(stream);
    let key = PrivateKey::new(&secrets.private_key);
    connection.send(&[&key.public()[..], &secrets.padding].concat()).await?;
    let secret = key.agree(&connection.take::<KEY_BYTES>().await?)?;
    let mut encrypt = secret.initiators_cipher(&info_hash)?;
    let mut decrypt = secret.acceptors_cipher(&info_hash)?;

    let mut request = BytesMut::new();
    request.put_slice(&secret.sync_hash());
    request.put_slice(&secret.mask(skey_hash(&info_hash)));
    let clear_bytes = request.len();
    put_crypto(&mut request, provide.bits(), secrets.zeros);
    request.put_u16(payload_bytes);
    request.put_slice(initial_payload);
    encrypt.apply(&mut request[clear_bytes..]);
    connection.send(&request).await?;

    let mut verification = [0; VC_BYTES];
    decrypt.apply(&mut verification);
    connection.skip_to_end_of(&verification).await?;
    let (select, padding_bytes) = connection.take_crypto(&mut decrypt).await?;
    connection.take_encrypted(padding_bytes, &mut decrypt).await?;
    if select & provide.bits() == 0 {
        return Err(MseError::NoCommonCrypto);
    }
    connection.go_on(select, BytesMut::new(), decrypt, encrypt)
}

/// What came of a connection that a peer made to us.
#[derive(Debug)]
pub struct Accepted<S> {
    /// Where the peer's BitTorrent handshake is read from next.
    pub stream: Stream<S>,
    /// Which torrent the peer named in an encrypted handshake, of which we gave the info hash; the BitTorrent handshake has
    /// to name the same. `None` if it started in the clear.
    pub info_hash: Option<InfoHash>,
}

/// Answers a connection that a peer made, encrypted or not. `find_torrent` gives the info hash that has this
/// [`skey_hash`], if that torrent is here.
///
/// # Errors
/// [`MseError`]; the connection is dropped then.
pub async fn accept<S: AsyncRead + AsyncWrite + Unpin>(
    stream: S,
    find_torrent: impl Fn(&[u8; 20]) -> Option<InfoHash>,
    policy: Policy,
    secrets: Secrets,
) -> Result<Accepted<S>, MseError> {
    let mut connection = Connection::new(stream);
    connection.fill(PROTOCOL.len()).await?;
    if connection.received.starts_with(PROTOCOL) {
        return match policy {
            Policy::Require => Err(MseError::PlainRefused),
            Policy::Prefer | Policy::Off => Ok(Accepted { stream: connection.into_plain(), info_hash: None }),
        };
    }
    if policy == Policy::Off {
        return Err(MseError::EncryptionRefused);
    }

    let key = PrivateKey::new(&secrets.private_key);
    let secret = key.agree(&connection.take::<KEY_BYTES>().await?)?;
    connection.send(&[&key.public()[..], &secrets.padding].concat()).await?;

    connection.skip_to_end_of(&secret.sync_hash()).await?;
    let skey_hash = secret.mask(connection.take::<20>().await?);
    let info_hash = find_torrent(&skey_hash).ok_or(MseError::UnknownTorrent)?;
    let mut decrypt = secret.initiators_cipher(&info_hash)?;
    let mut encrypt = secret.acceptors_cipher(&info_hash)?;

    if connection.take_encrypted(VC_BYTES, &mut decrypt).await?[..] != [0; VC_BYTES] {
        return Err(MseError::NoSync);
    }
    let (provided, padding_bytes) = connection.take_crypto(&mut decrypt).await?;
    connection.take_encrypted(padding_bytes, &mut decrypt).await?;
    let payload_bytes = connection.take_encrypted(2, &mut decrypt).await?.get_u16();
    let payload = connection.take_encrypted(payload_bytes.into(), &mut decrypt).await?;

    let select = match policy {
        _ if provided & RC4 != 0 => RC4,
        Policy::Prefer if provided & PLAIN != 0 => PLAIN,
        Policy::Prefer | Policy::Require | Policy::Off => return Err(MseError::NoCommonCrypto),
    };
    let mut answer = BytesMut::new();
    put_crypto(&mut answer, select, secrets.zeros);
    encrypt.apply(&mut answer);
    connection.send(&answer).await?;
    let stream = connection.go_on(select, payload, decrypt, encrypt)?;
    Ok(Accepted { stream, info_hash: Some(info_hash) })
}

/// Writes what both ends send in the same way: the verification, the crypto bits, and the padding.
fn put_crypto(out: &mut BytesMut, crypto: u32, zeros: usize) {
    out.put_bytes(0, VC_BYTES);
    out.put_u32(crypto);
    out.put_u16(zeros as u16);
    out.put_bytes(0, zeros);
}

/// A connection during the handshake, with what was read and not used yet.
struct Connection<S> {
    stream: S,
    received: BytesMut,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Connection<S> {
    fn new(stream: S) -> Self {
        Self { stream, received: BytesMut::new() }
    }

    async fn send(&mut self, bytes: &[u8]) -> Result<(), MseError> {
        self.stream.write_all(bytes).await?;
        Ok(self.stream.flush().await?)
    }

    /// Reads until at least so many bytes are here.
    async fn fill(&mut self, bytes: usize) -> Result<(), MseError> {
        while self.received.len() < bytes {
            self.received.reserve(READ_BYTES);
            if self.stream.read_buf(&mut self.received).await? == 0 {
                return Err(std::io::Error::from(std::io::ErrorKind::UnexpectedEof).into());
            }
        }
        Ok(())
    }

    async fn take<const N: usize>(&mut self) -> Result<[u8; N], MseError> {
        self.fill(N).await?;
        let mut bytes = [0; N];
        self.received.copy_to_slice(&mut bytes);
        Ok(bytes)
    }

    async fn take_encrypted(&mut self, bytes: usize, decrypt: &mut Cipher) -> Result<BytesMut, MseError> {
        self.fill(bytes).await?;
        let mut taken = self.received.split_to(bytes);
        decrypt.apply(&mut taken);
        Ok(taken)
    }

    /// Takes the crypto bits and the length of the padding that follows.
    async fn take_crypto(&mut self, decrypt: &mut Cipher) -> Result<(u32, usize), MseError> {
        let mut head = self.take_encrypted(6, decrypt).await?;
        let (crypto, padding_bytes) = (head.get_u32(), usize::from(head.get_u16()));
        if padding_bytes > MAX_PADDING_BYTES {
            return Err(MseError::PaddingTooLong);
        }
        Ok((crypto, padding_bytes))
    }

    /// Throws away the first padding, whose length nobody says, and the mark that ends it.
    async fn skip_to_end_of(&mut self, mark: &[u8]) -> Result<(), MseError> {
        let longest = MAX_PADDING_BYTES + mark.len();
        let mut searched = 0;
        loop {
            let received = &self.received[..self.received.len().min(longest)];
            if let Some(at) = received[searched..].windows(mark.len()).position(|window| window == mark) {
                self.received.advance(searched + at + mark.len());
                return Ok(());
            }
            if received.len() == longest {
                return Err(MseError::NoSync);
            }
            searched = (received.len() + 1).saturating_sub(mark.len());
            self.fill(self.received.len() + 1).await?;
        }
    }

    fn into_plain(self) -> Stream<S> {
        Stream::plain_after(self.stream, self.received)
    }

    /// Goes on in the selected way; `payload` is what the peer already said, decrypted.
    fn go_on(
        mut self,
        select: u32,
        mut payload: BytesMut,
        mut decrypt: Cipher,
        encrypt: Cipher,
    ) -> Result<Stream<S>, MseError> {
        if select == RC4 {
            decrypt.apply(&mut self.received);
        }
        payload.unsplit(self.received);
        match select {
            RC4 => Ok(Stream::rc4_after(self.stream, payload, decrypt, encrypt)),
            PLAIN => Ok(Stream::plain_after(self.stream, payload)),
            _ => Err(MseError::NoCommonCrypto),
        }
    }
}

#[cfg(test)]
#[path = "handshake_tests.rs"]
mod tests;
