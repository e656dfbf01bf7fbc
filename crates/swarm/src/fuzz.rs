//! The doors at which strangers' bytes come in, as plain functions: `fuzz/` runs each with bytes that cargo-fuzz makes up,
//! and the test below with the corpus that lies there.
//!
//! Each panics if what it is given breaks a promise of the parser behind it.

use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};
use freshet_model::{InfoHash, Magnet, Metainfo, TorrentSource};
use sha1::{Digest, Sha1};

use crate::pieces::Resume;
use crate::wire::{
    Assembly, Decoder, ExtendedHandshake, HANDSHAKE_BYTES, Handshake, Limits, MAX_BLOCK_BYTES,
    MAX_CLIENT_CHARS, MAX_EXTENDED_BYTES, MAX_PEX_PEERS, METADATA_PIECE_BYTES, Message, MetadataMessage,
    PexMessage, Progress, parse_dont_have,
};

/// A name, by which its corpus and its binary are called, and the door.
pub type Target = (&'static str, fn(&[u8]));

pub const TARGETS: [Target; 12] = [
    ("assembly", assembly),
    ("decoder", decoder),
    ("extensions", extensions),
    ("handshake", handshake),
    ("lsd", lsd),
    ("magnet", magnet),
    ("metainfo", metainfo),
    ("mse", mse),
    ("resume", resume),
    ("tracker_http", tracker_http),
    ("tracker_udp", tracker_udp),
    ("upnp", upnp),
];

/// The messages of a peer. The first byte says how many pieces there are, the second how much comes at a time.
pub fn decoder(bytes: &[u8]) {
    let [pieces, step, stream @ ..] = bytes else { return };
    let pieces = u32::from(*pieces);
    let limits = Limits { pieces: (pieces != 0).then_some(pieces) };
    let at_once = decoded(limits, [stream]);
    let in_steps = decoded(limits, stream.chunks(usize::from(*step) + 1));
    assert_eq!(at_once, in_steps, "how it is cut makes no difference");
    for message in at_once.iter().filter(|message| !matches!(message, Message::Unknown(_))) {
        let mut again = BytesMut::new();
        message.encode(&mut again);
        assert_eq!(decoded(limits, [&again[..]]).first(), Some(message));
    }
}

/// Up to the first error.
fn decoded<'a>(limits: Limits, parts: impl IntoIterator<Item = &'a [u8]>) -> Vec<Message> {
    let mut decoder = Decoder::new(limits);
    let (mut buf, mut messages) = (BytesMut::new(), Vec::new());
    for part in parts {
        buf.extend_from_slice(part);
        loop {
            match decoder.decode(&mut buf) {
                Ok(Some(message)) => messages.push(message),
                Ok(None) => break,
                Err(_) => return messages,
            }
        }
        // Length, ids, and the longest payload: more is never waited for.
        assert!(buf.len() < 6 + MAX_EXTENDED_BYTES as usize);
    }
    for message in &messages {
        if let Message::Piece { data, .. } = message {
            assert!(data.len() <= MAX_BLOCK_BYTES as usize);
        }
    }
    messages
}

/// The first bytes of a peer.
pub fn handshake(bytes: &[u8]) {
    let Some(bytes) = bytes.first_chunk::<HANDSHAKE_BYTES>() else { return };
    if let Ok(handshake) = Handshake::decode(bytes) {
        assert_eq!(handshake.encode(), *bytes);
    }
}

/// The payload of an extension message. The first byte says of which.
pub fn extensions(bytes: &[u8]) {
    let Some((&kind, payload)) = bytes.split_first() else { return };
    match kind % 4 {
        0 => {
            let Ok(read) = ExtendedHandshake::parse(payload) else { return };
            assert!(read.client.as_ref().is_none_or(|name| name.chars().count() <= MAX_CLIENT_CHARS));
            assert_eq!(ExtendedHandshake::parse(&read.encode()), Ok(read));
        }
        1 => {
            let Ok(read) = PexMessage::parse(payload) else { return };
            assert!(read.added.len() <= MAX_PEX_PEERS && read.dropped.len() <= MAX_PEX_PEERS);
            // Addresses of the two families go into lists of their own.
            let sorted = |mut message: PexMessage| {
                message.added.sort_by_key(|(address, flags)| (*address, flags.0));
                message.dropped.sort();
                message
            };
            assert_eq!(PexMessage::parse(&read.encode()).map(sorted), Ok(sorted(read)));
        }
        2 => {
            if let Ok(Some(read)) = MetadataMessage::parse(&Bytes::copy_from_slice(payload)) {
                assert_eq!(MetadataMessage::parse(&read.encode()), Ok(Some(read)));
            }
        }
        _ => drop(parse_dont_have(payload)),
    }
}

/// Peers that give us metadata, right or wrong or not at all: three bytes are what one of them does. An honest one that
/// comes last is always enough.
pub fn assembly(bytes: &[u8]) {
    const HONEST: u64 = 100;
    const STEP: Duration = Duration::from_secs(1);
    let info: Vec<u8> = (0..40_000_u32).map(|at| (at % 251) as u8).collect();
    let total_bytes = info.len() as u32;
    let part = |piece: u32| {
        let start = (piece.saturating_mul(METADATA_PIECE_BYTES) as usize).min(info.len());
        &info[start..info.len().min(start + METADATA_PIECE_BYTES as usize)]
    };
    let mut assembly = Assembly::new(InfoHash::new(Sha1::digest(&info).into()));
    let mut now = Instant::now();
    let mut is_done = false;
    let mut hear = |progress: Progress| match progress {
        Progress::Done(whole) => {
            assert!(whole == info);
            is_done = true;
        }
        Progress::Wrong { peers } => assert!(!peers.contains(&HONEST) || peers.len() > 1),
        Progress::More => {}
    };
    for action in bytes.as_chunks::<3>().0.iter().take(1000) {
        let [kind, peer, number] = *action;
        let (peer, piece) = (u64::from(peer % 16), u32::from(number));
        match kind % 7 {
            0 => _ = assembly.peer_offers(peer, total_bytes),
            1 => _ = assembly.peer_offers(peer, piece * 1_000_000),
            2 => _ = assembly.next_request(peer, now),
            3 => hear(assembly.received(peer, piece % 4, part(piece % 4))),
            4 => hear(assembly.received(peer, piece % 4, &vec![number; part(piece % 4).len()])),
            5 => assembly.rejected(peer, piece % 4, now),
            _ if number < 128 => assembly.peer_left(peer),
            _ => now += STEP * u32::from(number),
        }
    }
    assert!(assembly.peer_offers(HONEST, total_bytes));
    for _ in 0..200 {
        now += STEP;
        for peer in 0..16 {
            let _ = assembly.next_request(peer, now);
        }
        while let Some(piece) = assembly.next_request(HONEST, now) {
            hear(assembly.received(HONEST, piece, part(piece)));
        }
    }
    assert!(is_done, "an honest peer is enough");
}

/// A connection, encrypted or not.
pub fn mse(bytes: &[u8]) {
    crate::mse::fuzz::fuzz(bytes);
}

/// The answer of a tracker over HTTP.
pub fn tracker_http(bytes: &[u8]) {
    crate::discover::tracker::http::fuzz(bytes);
}

/// The answer of a tracker over UDP, after action and transaction.
pub fn tracker_udp(bytes: &[u8]) {
    crate::discover::tracker::udp::fuzz(bytes);
}

/// A datagram of local discovery.
pub fn lsd(bytes: &[u8]) {
    crate::discover::lsd::fuzz(bytes);
}

/// What calls itself a router.
pub fn upnp(bytes: &[u8]) {
    crate::discover::mapping::upnp::fuzz(bytes);
}

/// What is remembered of pieces, as it is and with a right checksum.
pub fn resume(bytes: &[u8]) {
    let signed = [bytes, &Sha1::digest(bytes)[..]].concat();
    for bytes in [bytes, &signed] {
        if let Some(read) = Resume::from_bytes(bytes) {
            assert_eq!(Resume::from_bytes(&read.to_bytes()), Some(read));
        }
    }
}

/// A `.torrent` file.
pub fn metainfo(bytes: &[u8]) {
    let Ok(read) = Metainfo::parse(bytes) else { return };
    assert_eq!(read.total_bytes, read.files.iter().map(|file| file.length_bytes).sum::<u64>());
    assert_eq!(u64::from(read.piece_count), read.total_bytes.div_ceil(read.piece_bytes.into()));
    let again = Metainfo::parse(&read.bare_torrent_file(bytes)).map(|again| (again.info_hash, again.files));
    assert_eq!(again, Ok((read.info_hash, read.files)));
}

/// What a person may hand over: a magnet link, an info hash, another link.
pub fn magnet(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    drop(TorrentSource::parse(text));
    let Ok(read) = Magnet::parse(text) else { return };
    let again = Magnet::parse(&read.to_uri());
    // The link that we write can be longer than the one that we take.
    let is_same = |again: &Magnet| again.info_hash == read.info_hash && again.trackers == read.trackers;
    assert!(again.as_ref().map_or_else(|error| *error == freshet_model::MagnetError::TooLong, is_same));
}

#[cfg(test)]
#[path = "fuzz_tests.rs"]
mod tests;
