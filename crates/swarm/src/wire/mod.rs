//! What goes over a connection to a peer: the messages, their extensions, and the ceilings on all of them.
//!
//! | what | by |
//! |---|---|
//! | [`Handshake`], [`Message`], [`Decoder`] | BEP 3, with the messages of BEP 5 (port) and BEP 6 (fast extension) |
//! | [`ExtendedHandshake`] | BEP 10, with the keys of BEP 9, 11, 21 and 54 |
//! | [`MetadataMessage`], [`Assembly`] | BEP 9: the metadata of a magnet link, from many peers |
//! | [`PexMessage`] | BEP 11: addresses from a peer |
//!
//! Nothing here knows sockets, clocks or torrents: numbers are as the peer sent them, and whether a piece exists is for
//! the owner of the torrent to say. What is bounded is memory: no message makes us hold more than its kind may have.

mod assembly;
mod bencode;
mod decoder;
mod extended;
mod handshake;
mod message;
mod metadata;
mod pex;

pub use assembly::{
    AGAIN_AFTER, Assembly, GIVE_UP_AFTER, LATE_AFTER, MAX_METADATA_BYTES, Progress, REFUSED_FOR,
};
pub use decoder::{
    Decoder, Limits, MAX_BITFIELD_BYTES, MAX_BLOCK_BYTES, MAX_EXTENDED_BYTES, MAX_UNKNOWN_BYTES,
    is_bitfield_of,
};
pub use extended::{ExtendedHandshake, HANDSHAKE_ID, MAX_CLIENT_CHARS, encode_dont_have, parse_dont_have};
pub use handshake::{HANDSHAKE_BYTES, Handshake, PROTOCOL, Reserved};
pub use message::Message;
pub use metadata::{METADATA_PIECE_BYTES, MetadataMessage};
pub use pex::{MAX_PEX_PEERS, PexFlags, PexMessage};

/// A peer broke the protocol. The connection can't be read any further, so the caller closes it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum WireError {
    #[error("the handshake is not BitTorrent's")]
    NotBitTorrent,
    #[error("message {id} has {bytes} bytes, which no such message may have")]
    Length { id: u8, bytes: u32 },
    #[error("a message has {0} bytes, more than any may have")]
    TooLong(u32),
    #[error("the bitfield says something about pieces that do not exist")]
    SpareBits,
    #[error("the payload of an extension {0}")]
    Bencode(#[from] freshet_model::bencode::BencodeError),
    #[error("the payload of an extension has no good {0}")]
    Field(&'static str),
}
