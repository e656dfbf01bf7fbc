//! What programs of others do that no specification names, each by a peer that does nothing else.

#![allow(clippy::unwrap_used, reason = "what prepares a test fails with it")]

mod support;

use std::io;
use std::net::{Ipv4Addr, SocketAddr};

use bytes::{Bytes, BytesMut};
use freshet_swarm::PeerSource;
use freshet_swarm::wire::{
    Decoder, ExtendedHandshake, HANDSHAKE_BYTES, HANDSHAKE_ID, Handshake, Limits, METADATA_PIECE_BYTES,
    Message, MetadataMessage, Reserved,
};
use support::{Film, PATIENCE, film, read_all, resolve, swarm};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio::time::timeout;

/// The number by which we are told to ask for metadata; any number.
const THEIR_UT_METADATA: u8 = 9;

/// The other end of our first connection, after the handshake.
struct Peer {
    stream: TcpStream,
    decoder: Decoder,
    received: BytesMut,
}

impl Peer {
    async fn greet(mut stream: TcpStream, film: &Film) -> io::Result<Self> {
        stream.read_exact(&mut [0; HANDSHAKE_BYTES]).await?;
        let reserved = Reserved::default().with_extended().with_fast();
        let ours = Handshake { info_hash: film.spec.info_hash, peer_id: *b"-XX0000-000000000000", reserved };
        stream.write_all(&ours.encode()).await?;
        Ok(Self { stream, decoder: Decoder::new(Limits::default()), received: BytesMut::new() })
    }

    /// All in one packet.
    async fn say(&mut self, messages: &[Message]) -> io::Result<()> {
        let mut out = BytesMut::new();
        messages.iter().for_each(|message| message.encode(&mut out));
        self.stream.write_all(&out).await
    }

    async fn hear(&mut self) -> io::Result<Message> {
        loop {
            if let Some(message) = self.decoder.decode(&mut self.received).map_err(io::Error::other)? {
                return Ok(message);
            }
            if self.stream.read_buf(&mut self.received).await? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
    }

    /// Answers every request, for as long as the connection lasts.
    async fn serve(mut self, film: &Film) -> io::Result<()> {
        loop {
            if let Message::Request { piece, begin, length } = self.hear().await? {
                let start = (piece * film.spec.layout.piece_bytes() + begin) as usize;
                let data = Bytes::copy_from_slice(&film.content[start..start + length as usize]);
                self.say(&[Message::Piece { piece, begin, data }]).await?;
            }
        }
    }
}

async fn listen() -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    (listener, address)
}

/// transmission does.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_unchoke_in_one_packet_with_the_end_of_the_metadata_counts() {
    let film = film(300_000);
    let (listener, address) = listen().await;
    let mut peers = JoinSet::new();
    let theirs = film.clone();
    peers.spawn(async move {
        let (stream, _) = listener.accept().await?;
        let mut peer = Peer::greet(stream, &theirs).await?;
        let total_bytes = theirs.info.len() as u32;
        assert!(total_bytes <= METADATA_PIECE_BYTES);
        let handshake = ExtendedHandshake {
            ut_metadata: Some(THEIR_UT_METADATA),
            metadata_bytes: Some(total_bytes),
            ..ExtendedHandshake::default()
        };
        let introduction = Message::Extended { id: HANDSHAKE_ID, payload: handshake.encode() };
        peer.say(&[Message::HaveAll, introduction]).await?;
        let mut their_id = None;
        let asked = loop {
            match peer.hear().await? {
                Message::Extended { id: HANDSHAKE_ID, payload } => {
                    their_id = ExtendedHandshake::parse(&payload).unwrap().ut_metadata;
                }
                Message::Extended { id: THEIR_UT_METADATA, payload } => break payload,
                _ => {}
            }
        };
        assert_eq!(MetadataMessage::parse(&asked).unwrap(), Some(MetadataMessage::Request { piece: 0 }));
        let data = MetadataMessage::Data { piece: 0, total_bytes, data: theirs.info.clone() };
        let data = Message::Extended { id: their_id.unwrap(), payload: data.encode() };
        peer.say(&[data, Message::Unchoke]).await?;
        peer.serve(&theirs).await
    });
    let here = tempfile::tempdir().unwrap();
    let ours = swarm(here.path(), b'o').await;
    let metadata = resolve(&ours, film.spec.info_hash, &[address]).await;
    let torrent = ours.add(film.spec.clone()).unwrap();
    torrent.adopt(metadata.peers).await;
    assert!(read_all(&torrent).await == film.content);
}

/// aria2 does, each time when that is shorter.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_bitfield_in_place_of_many_single_pieces_counts() {
    let film = film(300_000);
    let (listener, address) = listen().await;
    let mut peers = JoinSet::new();
    let theirs = film.clone();
    peers.spawn(async move {
        let (stream, _) = listener.accept().await?;
        let mut peer = Peer::greet(stream, &theirs).await?;
        // 10 pieces.
        let first = Message::Bitfield(Bytes::from_static(&[0xf0, 0]));
        let all = Message::Bitfield(Bytes::from_static(&[0xff, 0xc0]));
        peer.say(&[Message::HaveNone, first, all, Message::Unchoke]).await?;
        peer.serve(&theirs).await
    });
    let here = tempfile::tempdir().unwrap();
    let ours = swarm(here.path(), b'o').await;
    let torrent = ours.add(film.spec.clone()).unwrap();
    torrent.add_peers(vec![address], PeerSource::Given).await;
    assert!(timeout(PATIENCE, read_all(&torrent)).await.unwrap() == film.content);
}
