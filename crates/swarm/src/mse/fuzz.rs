//! Strangers' bytes as they reach the handshake, from either end. Most of it lies behind a key exchange that no random
//! bytes pass, so this plays the other end as far as that, and encrypts what is said then.

use futures::FutureExt;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use tokio::io::{join, sink};

use freshet_model::InfoHash;

use super::keys::{Cipher, PRIVATE_KEY_BYTES, PrivateKey, SharedSecret};
use super::{CryptoProvide, MseError, Policy, Secrets, accept, initiate, skey_hash};

const TORRENT: InfoHash = InfoHash::new([9; 20]);
const HELLO: &[u8] = &[5; 68];
/// Of the random numbers of our end.
const SEED: u64 = 1;

/// The first byte says who is played, the rest is said.
pub(crate) fn fuzz(bytes: &[u8]) {
    let Some((&role, said)) = bytes.split_first() else { return };
    match role % 4 {
        0 => _ = answer(said),
        1 => _ = call(said),
        2 => {
            _ = answer(&after_keys(said, |secret, said| {
                let mask = secret.mask(skey_hash(&TORRENT));
                let head = [secret.sync_hash(), mask].concat();
                (head, secret.initiators_cipher(&TORRENT), said)
            }))
        }
        _ => {
            _ = call(&after_keys(said, |secret, said| (Vec::new(), secret.acceptors_cipher(&TORRENT), said)))
        }
    }
}

/// A key, and what `then` says by the secret: some of it in the clear, the rest encrypted.
fn after_keys<'a>(
    said: &'a [u8],
    then: impl FnOnce(&SharedSecret, &'a [u8]) -> (Vec<u8>, Result<Cipher, MseError>, &'a [u8]),
) -> Vec<u8> {
    let mut ours = [0; PRIVATE_KEY_BYTES];
    StdRng::seed_from_u64(SEED).fill_bytes(&mut ours);
    let theirs = PrivateKey::new(&[3; PRIVATE_KEY_BYTES]);
    let Ok(secret) = theirs.agree(&PrivateKey::new(&ours).public()) else { return Vec::new() };
    let (clear, cipher, said) = then(&secret, said);
    let Ok(mut cipher) = cipher else { return Vec::new() };
    let mut encrypted = said.to_vec();
    cipher.apply(&mut encrypted);
    [&theirs.public()[..], &clear, &encrypted].concat()
}

fn secrets() -> Secrets {
    Secrets::draw(&mut StdRng::seed_from_u64(SEED))
}

/// Somebody calls us; gives whether they get through.
fn answer(said: &[u8]) -> bool {
    let knows = |hash: &[u8; 20]| (*hash == skey_hash(&TORRENT)).then_some(TORRENT);
    let accepting = accept(join(said, sink()), knows, Policy::Prefer, secrets());
    // What is said is all there, so nothing is waited for.
    accepting.now_or_never().is_some_and(|accepted| accepted.is_ok())
}

/// We call somebody; gives whether we get through.
fn call(said: &[u8]) -> bool {
    let calling = initiate(join(said, sink()), TORRENT, CryptoProvide::Either, HELLO, secrets());
    calling.now_or_never().is_some_and(|called| called.is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_encrypted_here_gets_through() {
        let proof_of_key = [0; 8];
        let rc4_without_padding = [0, 0, 0, 2, 0, 0];
        let nothing_first = [0, 0];
        let said = [&proof_of_key[..], &rc4_without_padding, &nothing_first].concat();
        let called = after_keys(&said, |secret, said| {
            let head = [secret.sync_hash(), secret.mask(skey_hash(&TORRENT))].concat();
            (head, secret.initiators_cipher(&TORRENT), said)
        });
        assert!(answer(&called));
        let said = [&proof_of_key[..], &rc4_without_padding].concat();
        let answered =
            after_keys(&said, |secret, said| (Vec::new(), secret.acceptors_cipher(&TORRENT), said));
        assert!(call(&answered));
        assert!(!call(&answered[..answered.len() - 1]));
    }
}
