//! The arithmetic: Diffie-Hellman with 768 bits, the hashes, and the ciphers made of them.

use std::fmt;

use freshet_model::InfoHash;
use num_bigint::BigUint;
use rc4::{KeyInit, Rc4, StreamCipher};
use sha1::{Digest, Sha1};

use super::MseError;

/// Length of a public key, and of the shared secret.
pub(super) const KEY_BYTES: usize = 96;
/// A private key needs no more than 160 bits.
pub(super) const PRIVATE_KEY_BYTES: usize = 20;
const GENERATOR: u8 = 2;
/// The prime of the first Oakley group (RFC 2409, 6.1), but for its end.
#[rustfmt::skip]
const PRIME: [u8; KEY_BYTES] = [
    0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xc9, 0x0f, 0xda, 0xa2, 0x21, 0x68, 0xc2, 0x34,
    0xc4, 0xc6, 0x62, 0x8b, 0x80, 0xdc, 0x1c, 0xd1, 0x29, 0x02, 0x4e, 0x08, 0x8a, 0x67, 0xcc, 0x74,
    0x02, 0x0b, 0xbe, 0xa6, 0x3b, 0x13, 0x9b, 0x22, 0x51, 0x4a, 0x08, 0x79, 0x8e, 0x34, 0x04, 0xdd,
    0xef, 0x95, 0x19, 0xb3, 0xcd, 0x3a, 0x43, 0x1b, 0x30, 0x2b, 0x0a, 0x6d, 0xf2, 0x5f, 0x14, 0x37,
    0x4f, 0xe1, 0x35, 0x6d, 0x6d, 0x51, 0xc2, 0x45, 0xe4, 0x85, 0xb5, 0x76, 0x62, 0x5e, 0x7e, 0xc6,
    0xf4, 0x4c, 0x42, 0xe9, 0xa6, 0x3a, 0x36, 0x21, 0x00, 0x00, 0x00, 0x00, 0x00, 0x09, 0x05, 0x63,
];
/// The first bytes of RC4's keystream tell about its key, so they are thrown away.
const DISCARDED_BYTES: usize = 1024;

/// By which a peer that connects to us names a torrent: `accept` asks which info hash has this one.
pub fn skey_hash(info_hash: &InfoHash) -> [u8; 20] {
    hash(&[b"req2", info_hash.as_bytes()])
}

/// Our half of the key exchange.
pub(super) struct PrivateKey(BigUint);

impl PrivateKey {
    pub(super) fn new(bytes: &[u8; PRIVATE_KEY_BYTES]) -> Self {
        Self(BigUint::from_bytes_be(bytes))
    }

    pub(super) fn public(&self) -> [u8; KEY_BYTES] {
        to_bytes(&BigUint::from(GENERATOR).modpow(&self.0, &BigUint::from_bytes_be(&PRIME)))
    }

    /// # Errors
    /// [`MseError::BadKey`] for a public key that makes the secret known to everybody: 0, 1, -1, or outside of the group.
    pub(super) fn agree(&self, their_public: &[u8; KEY_BYTES]) -> Result<SharedSecret, MseError> {
        let prime = BigUint::from_bytes_be(&PRIME);
        let key = BigUint::from_bytes_be(their_public);
        if key <= BigUint::from(1_u8) || key >= &prime - 1_u8 {
            return Err(MseError::BadKey);
        }
        Ok(SharedSecret(to_bytes(&key.modpow(&self.0, &prime))))
    }
}

pub(super) struct SharedSecret([u8; KEY_BYTES]);

impl SharedSecret {
    /// What the initiator sends to show where its padding ends.
    pub(super) fn sync_hash(&self) -> [u8; 20] {
        hash(&[b"req1", &self.0])
    }

    /// Hides a [`skey_hash`], and uncovers a hidden one.
    pub(super) fn mask(&self, skey_hash: [u8; 20]) -> [u8; 20] {
        let mask = hash(&[b"req3", &self.0]);
        std::array::from_fn(|at| skey_hash[at] ^ mask[at])
    }

    /// The cipher of what the initiator sends.
    pub(super) fn initiators_cipher(&self, info_hash: &InfoHash) -> Result<Cipher, MseError> {
        Cipher::new(&hash(&[b"keyA", &self.0, info_hash.as_bytes()]))
    }

    /// The cipher of what the other one sends.
    pub(super) fn acceptors_cipher(&self, info_hash: &InfoHash) -> Result<Cipher, MseError> {
        Cipher::new(&hash(&[b"keyB", &self.0, info_hash.as_bytes()]))
    }
}

/// RC4 in one direction. Encrypting and decrypting is the same, and each byte may be done once only.
pub(super) struct Cipher(Rc4);

impl Cipher {
    fn new(key: &[u8; 20]) -> Result<Self, MseError> {
        let mut cipher = Self(Rc4::new_from_slice(key).map_err(|_| MseError::BadKey)?);
        cipher.apply(&mut [0; DISCARDED_BYTES]);
        Ok(cipher)
    }

    pub(super) fn apply(&mut self, bytes: &mut [u8]) {
        self.0.apply_keystream(bytes);
    }
}

impl fmt::Debug for Cipher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Cipher")
    }
}

fn to_bytes(number: &BigUint) -> [u8; KEY_BYTES] {
    let mut bytes = [0; KEY_BYTES];
    for (byte, digit) in bytes.iter_mut().rev().zip(number.to_bytes_le()) {
        *byte = digit;
    }
    bytes
}

fn hash(parts: &[&[u8]]) -> [u8; 20] {
    let mut sha1 = Sha1::new();
    for part in parts {
        sha1.update(part);
    }
    sha1.finalize().into()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Made with another implementation (Python's `pow` and `hashlib`): private keys of twenty 1 and 2, an info hash of 9.
    #[test]
    fn keys_hashes_and_ciphers_are_those_of_the_description() {
        let (a, b) = (PrivateKey::new(&[1; 20]), PrivateKey::new(&[2; 20]));
        let info_hash = InfoHash::new([9; 20]);
        let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
        assert_eq!(hex(&hash(&[&a.public()])), "5bd409f611a4d480d9633c484980636997739ddf");
        assert_eq!(hex(&hash(&[&b.public()])), "8320c6c7ff03ea7e6537478a479c81d869c79273");

        for secret in [a.agree(&b.public()).unwrap(), b.agree(&a.public()).unwrap()] {
            assert_eq!(hex(&hash(&[&secret.0])), "c7d24be603a528b6ee64e4823a5441fa36ef7f06");
            assert_eq!(hex(&secret.sync_hash()), "0a6d483c3bc61484a210fa0f37d99062fd569483");
            let masked = secret.mask(skey_hash(&info_hash));
            assert_eq!(hex(&masked), "8285e8428672ace2a55e490e88aa5cc456271711");
            assert_eq!(secret.mask(masked), skey_hash(&info_hash));

            let (mut initiators, mut acceptors) = ([0; 8], [0; 8]);
            secret.initiators_cipher(&info_hash).unwrap().apply(&mut initiators);
            secret.acceptors_cipher(&info_hash).unwrap().apply(&mut acceptors);
            assert_eq!(hex(&initiators), "4a556c720c99614f");
            assert_eq!(hex(&acceptors), "b54c78e478a83068");
        }
    }

    #[test]
    fn a_public_key_that_gives_the_secret_away_is_refused() {
        let key = PrivateKey::new(&[1; 20]);
        let number = |number: u8| to_bytes(&BigUint::from(number));
        let below_prime = |less: u8| to_bytes(&(BigUint::from_bytes_be(&PRIME) - less));
        for bad in [number(0), number(1), below_prime(1), PRIME, [0xff; KEY_BYTES]] {
            assert!(matches!(key.agree(&bad), Err(MseError::BadKey)));
        }
        assert!(key.agree(&number(2)).is_ok());
        assert!(key.agree(&below_prime(2)).is_ok());
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(16))]

        #[test]
        fn both_ends_come_to_the_same_secret(a: [u8; 20], b: [u8; 20]) {
            prop_assume!(a != [0; 20] && b != [0; 20]);
            let (a, b) = (PrivateKey::new(&a), PrivateKey::new(&b));
            prop_assert_eq!(a.agree(&b.public()).unwrap().0, b.agree(&a.public()).unwrap().0);
        }
    }
}
