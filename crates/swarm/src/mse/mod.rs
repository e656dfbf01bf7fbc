//! The encryption of peer connections, known as MSE or PE.
//!
//! It hides what the connection is from those who only look at it; it proves nothing about who is at the other end, and is
//! no secret to whoever knows the info hash. Many peers take no connection without it. There is no BEP; the description is
//! in the wiki of Vuze, "Message Stream Encryption":
//!
//! ```text
//! A -> B  Ya, PadA                                              Diffie-Hellman keys, random padding
//! B -> A  Yb, PadB
//! A -> B  H('req1', S), H('req2', SKEY) ^ H('req3', S),         S: the shared secret; SKEY: the info hash
//!         rc4(VC, crypto_provide, len(PadC), PadC, len(IA), IA) VC: 8 zeros; IA: what A says first
//! B -> A  rc4(VC, crypto_select, len(PadD), PadD), ...          then both go on, in RC4 or in the clear
//! ```

#[cfg(any(test, feature = "fuzzing"))]
pub(crate) mod fuzz;
mod handshake;
mod keys;
mod stream;
#[cfg(test)]
mod test_support;

pub use handshake::{Accepted, Secrets, accept, initiate};
pub use keys::skey_hash;
pub use stream::Stream;

/// What we let those who connect to us do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Policy {
    /// RC4 if the peer can, else in the clear.
    #[default]
    Prefer,
    /// RC4, or no connection.
    Require,
    /// Only connections in the clear.
    Off,
}

/// What we offer a peer that we connect to; the peer selects.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CryptoProvide {
    Rc4,
    /// Only the handshake is encrypted.
    Plain,
    Either,
}

impl CryptoProvide {
    fn bits(self) -> u32 {
        match self {
            Self::Plain => PLAIN,
            Self::Rc4 => RC4,
            Self::Either => PLAIN | RC4,
        }
    }
}

/// The bits of `crypto_provide` and `crypto_select`.
const PLAIN: u32 = 1;
const RC4: u32 = 2;

/// Why no connection came about.
#[derive(Debug, thiserror::Error)]
pub enum MseError {
    #[error(transparent)]
    Io(#[from] std::io::Error),
    #[error("the peer speaks in the clear, which is not allowed")]
    PlainRefused,
    #[error("the peer wants encryption, which is off")]
    EncryptionRefused,
    #[error("the peer's key is none")]
    BadKey,
    #[error("the peer sent no sign that it knows the key")]
    NoSync,
    #[error("the peer asks for a torrent that is not here")]
    UnknownTorrent,
    #[error("the peer and we allow no common way to go on")]
    NoCommonCrypto,
    #[error("the peer's padding is too long")]
    PaddingTooLong,
    #[error("what is to be said first does not fit into the handshake")]
    PayloadTooLong,
}
