//! Peers that break the rules in different ways.
#![allow(dead_code, reason = "each test file uses a part")]
#![allow(clippy::unwrap_used, reason = "what prepares a test fails with it")]

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use freshet_model::InfoHash;
use freshet_swarm::wire::{
    HANDSHAKE_ID, Handshake, METADATA_PIECE_BYTES, Message, MetadataMessage, PexFlags, PexMessage, Reserved,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::hostile::{UT_METADATA, UT_PEX, data, extended, introduction, say, shake_as};
use super::{Film, PIECE_BYTES};

const BLOCK_BYTES: u32 = 16 * 1024;
/// There is no such piece.
const FAR: u32 = 1_000_000;

pub(crate) type Acting = Pin<Box<dyn Future<Output = io::Result<TcpStream>> + Send>>;

/// What becomes of a peer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fate {
    /// Never called again.
    SentAway,
    /// As it sent wrong bytes.
    Banned,
    /// Let go, and maybe called again after a pause.
    Dropped,
    /// It does nothing that no honest peer could do.
    Borne,
}

pub(crate) type Villain = (&'static str, Fate, fn(TcpStream, Arc<Film>) -> Acting);

pub(crate) const VILLAINS: [Villain; 22] = [
    ("garbage for a handshake", Fate::Dropped, |mut stream, _| {
        Box::pin(async move {
            stream.write_all(&[0xa5; 4096]).await?;
            Ok(stream)
        })
    }),
    ("the handshake of another torrent", Fate::SentAway, |mut stream, _| {
        Box::pin(async move {
            let theirs = Handshake {
                info_hash: InfoHash::new([1; 20]),
                peer_id: [1; 20],
                reserved: Reserved::default(),
            };
            stream.write_all(&theirs.encode()).await?;
            Ok(stream)
        })
    }),
    ("no handshake", Fate::Dropped, |stream, _| Box::pin(async move { Ok(stream) })),
    ("a handshake drop by drop", Fate::Dropped, |mut stream, film| {
        Box::pin(async move {
            let theirs =
                Handshake { info_hash: film.spec.info_hash, peer_id: [2; 20], reserved: Reserved([0xff; 8]) };
            for byte in theirs.encode() {
                stream.write_all(&[byte]).await?;
                tokio::time::sleep(Duration::from_secs(2)).await;
            }
            Ok(stream)
        })
    }),
    ("all reserved bits, and silence", Fate::Borne, |mut stream, film| {
        Box::pin(async move {
            let theirs =
                Handshake { info_hash: film.spec.info_hash, peer_id: [3; 20], reserved: Reserved([0xff; 8]) };
            stream.write_all(&theirs.encode()).await?;
            Ok(stream)
        })
    }),
    ("everything, and no answer", Fate::Borne, |stream, film| {
        Box::pin(offering(stream, film, 4, Vec::new()))
    }),
    ("half a message", Fate::Borne, |stream, film| {
        Box::pin(offering(stream, film, 5, vec![0, 0, 64, 9, 7, 0, 0]))
    }),
    ("a message of two GiB", Fate::SentAway, |stream, film| {
        Box::pin(offering(stream, film, 6, vec![0x7f, 0xff, 0xff, 0xff, 20, 0]))
    }),
    ("a have of five bytes", Fate::SentAway, |stream, film| {
        Box::pin(offering(stream, film, 7, vec![0, 0, 0, 6, 4, 0, 0, 0, 0, 1]))
    }),
    ("a block longer than any", Fate::SentAway, |stream, film| {
        Box::pin(offering(stream, film, 8, vec![0, 1, 0, 9, 7, 0, 0, 0, 0, 0, 0, 0, 0]))
    }),
    ("unknown messages", Fate::Borne, |stream, film| {
        let unknown = [&[0_u8, 0, 0x10, 1, 99][..], &[7; 4096]].concat();
        Box::pin(offering(stream, film, 9, unknown.repeat(500)))
    }),
    ("extension messages as long as they may be, too early", Fate::Borne, |mut stream, film| {
        Box::pin(async move {
            greet(&mut stream, &film, 10).await?;
            for id in [HANDSHAKE_ID, UT_METADATA, UT_PEX, 200] {
                say(&mut stream, &[extended(id, Bytes::from(vec![b'l'; 1024 * 1024]))]).await?;
            }
            Ok(stream)
        })
    }),
    ("a bitfield that is too long", Fate::SentAway, |mut stream, film| {
        Box::pin(async move {
            greet(&mut stream, &film, 11).await?;
            let bits = Bytes::from(vec![0xff; film.spec.piece_hashes.len().div_ceil(8) + 1]);
            say(&mut stream, &[Message::Bitfield(bits)]).await?;
            Ok(stream)
        })
    }),
    ("bits of pieces that there are not", Fate::SentAway, |mut stream, film| {
        Box::pin(async move {
            greet(&mut stream, &film, 12).await?;
            let bits = Bytes::from(vec![0xff; film.spec.piece_hashes.len().div_ceil(8)]);
            say(&mut stream, &[Message::Bitfield(bits)]).await?;
            Ok(stream)
        })
    }),
    ("a flood of pieces that there are not", Fate::SentAway, |mut stream, film| {
        Box::pin(async move {
            greet(&mut stream, &film, 13).await?;
            let haves: Vec<Message> = (0..50_000).map(|n| Message::Have(FAR + n)).collect();
            say(&mut stream, &haves).await?;
            Ok(stream)
        })
    }),
    ("having all, ten thousand times", Fate::SentAway, |mut stream, film| {
        Box::pin(async move {
            greet(&mut stream, &film, 14).await?;
            say(&mut stream, &vec![Message::HaveAll; 10_000]).await?;
            Ok(stream)
        })
    }),
    ("blocks that nobody asked for", Fate::SentAway, |mut stream, film| {
        Box::pin(async move {
            greet(&mut stream, &film, 15).await?;
            let data = Bytes::from(vec![7; BLOCK_BYTES as usize]);
            let block = Message::Piece { piece: FAR, begin: 1, data };
            say(&mut stream, &vec![block; 200]).await?;
            Ok(stream)
        })
    }),
    ("wrong bytes, at once", Fate::Banned, |stream, film| Box::pin(lying(stream, film, 16))),
    ("wrong bytes, from a second one", Fate::Banned, |stream, film| Box::pin(lying(stream, film, 17))),
    ("metadata that nobody asked for", Fate::Borne, |mut stream, film| {
        Box::pin(async move {
            greet(&mut stream, &film, 18).await?;
            say(&mut stream, &[data(0, &film, b'x'), introduction(&film), data(0, &film, b'x')]).await?;
            let reject = MetadataMessage::Reject { piece: u32::MAX }.encode();
            let long = vec![b'x'; METADATA_PIECE_BYTES as usize + 1];
            say(&mut stream, &[extended(UT_METADATA, reject), extended(UT_METADATA, long.into())]).await?;
            Ok(stream)
        })
    }),
    ("twenty thousand addresses", Fate::Borne, |mut stream, film| {
        Box::pin(async move {
            greet(&mut stream, &film, 19).await?;
            say(&mut stream, &[introduction(&film)]).await?;
            for start in 0..100 {
                // Nobody is there.
                let address =
                    |port: u16| (SocketAddr::from(([127, 0, 9, 9], start * 200 + port)), PexFlags(0x1f));
                let message = PexMessage { added: (1..=200).map(address).collect(), dropped: Vec::new() };
                say(&mut stream, &[extended(UT_PEX, message.encode())]).await?;
            }
            Ok(stream)
        })
    }),
    ("questions without end, and no ear for the answers", Fate::Dropped, |mut stream, film| {
        Box::pin(async move {
            greet(&mut stream, &film, 20).await?;
            say(&mut stream, &[introduction(&film), Message::HaveNone, Message::Interested]).await?;
            let metadata = extended(UT_METADATA, MetadataMessage::Request { piece: 0 }.encode());
            let block = Message::Request { piece: 0, begin: 0, length: BLOCK_BYTES };
            let questions: Vec<Message> = [metadata, block].into_iter().cycle().take(1000).collect();
            // Until it is hung up.
            while say(&mut stream, &questions).await.is_ok() {}
            Err(io::ErrorKind::BrokenPipe.into())
        })
    }),
];

async fn greet(stream: &mut TcpStream, film: &Film, name: u8) -> io::Result<()> {
    shake_as(stream, film, [name; 20]).await
}

/// Has all, lets us ask, and then says something.
async fn offering(mut stream: TcpStream, film: Arc<Film>, name: u8, then: Vec<u8>) -> io::Result<TcpStream> {
    greet(&mut stream, &film, name).await?;
    say(&mut stream, &[Message::HaveAll, Message::Unchoke]).await?;
    stream.write_all(&then).await?;
    Ok(stream)
}

/// Answers whatever is asked with wrong bytes.
async fn lying(stream: TcpStream, film: Arc<Film>, name: u8) -> io::Result<TcpStream> {
    let mut stream = offering(stream, Arc::clone(&film), name, Vec::new()).await?;
    loop {
        let length = stream.read_u32().await? as usize;
        let mut message = vec![0; length];
        stream.read_exact(&mut message).await?;
        if let [6, a, b, c, d, e, f, g, h, ..] = message[..] {
            let (piece, begin) = (u32::from_be_bytes([a, b, c, d]), u32::from_be_bytes([e, f, g, h]));
            let left =
                film.spec.layout.total_bytes() - u64::from(piece) * u64::from(PIECE_BYTES) - u64::from(begin);
            let data = Bytes::from(vec![name; left.min(u64::from(BLOCK_BYTES)) as usize]);
            say(&mut stream, &[Message::Piece { piece, begin, data }]).await?;
        }
    }
}
