//! Peers that break the rules, one after the other, beside an honest one that has the film: each is let go or ignored, and
//! neither the metadata nor the film suffers.

#![allow(clippy::unwrap_used, reason = "what prepares a test fails with it")]

mod support;

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use bytes::Bytes;
use freshet_swarm::wire::{
    HANDSHAKE_ID, Handshake, METADATA_PIECE_BYTES, Message, MetadataMessage, PexFlags, PexMessage, Reserved,
};
use freshet_swarm::{Metadata, PeerSource, Swarm, Torrent};
use support::hostile::{Hostile, UT_METADATA, UT_PEX, data, extended, hostile, introduction, say, shake};
use support::process::peak_memory_bytes;
use support::{Film, PATIENCE, address_of, film, local, read_all, seed, swarm};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use tokio::time::timeout;

const FILM_BYTES: usize = 1_000_001;
const MAX_MEMORY_BYTES: u64 = 100 << 20;

/// Metadata and film come from an honest peer that is called once this one has done its worst, each time.
async fn beside<F>(script: fn(TcpStream, Arc<Film>) -> F) -> (Hostile, Torrent)
where
    F: Future<Output = io::Result<TcpStream>> + Send + 'static,
{
    let film = film(FILM_BYTES);
    let (there, here) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (seeder, leecher) = (swarm(there.path(), b's').await, swarm(here.path(), b'l').await);
    let _seeding = seed(&seeder, there.path(), &film).await;
    let mut hostile = hostile(&film, script).await;

    let metadata = resolve_beside(&leecher, &film, &mut hostile, address_of(&seeder)).await;
    assert_eq!(metadata.info, film.info);
    drop(metadata);
    while hostile.acted.try_recv().is_ok() {}
    let torrent = leecher.add(film.spec.clone()).unwrap();
    torrent.add_peers(vec![hostile.address], PeerSource::Given).await;
    has_acted(&mut hostile).await;
    torrent.add_peers(vec![address_of(&seeder)], PeerSource::Given).await;
    assert!(read_all(&torrent).await == film.content);
    let peak_bytes = peak_memory_bytes();
    assert!(peak_bytes < MAX_MEMORY_BYTES, "{peak_bytes}");
    (hostile, torrent)
}

async fn has_acted(hostile: &mut Hostile) {
    timeout(PATIENCE, hostile.acted.recv()).await.expect("it is called").unwrap();
}

async fn resolve_beside(leecher: &Swarm, film: &Film, hostile: &mut Hostile, honest: SocketAddr) -> Metadata {
    let (found, finding) = mpsc::channel(2);
    let (progress, _) = watch::channel(Default::default());
    let finding_peers = async {
        found.send(hostile.address).await.unwrap();
        has_acted(hostile).await;
        found.send(honest).await.unwrap();
    };
    let resolving = timeout(PATIENCE, leecher.resolve(film.spec.info_hash, finding, progress));
    let (metadata, ()) = tokio::join!(resolving, finding_peers);
    metadata.expect("it comes in time").unwrap()
}

/// Such a peer is let go, by a torrent that knows nobody else, and not called again.
async fn is_sent_away<F>(script: fn(TcpStream, Arc<Film>) -> F)
where
    F: Future<Output = io::Result<TcpStream>> + Send + 'static,
{
    let film = film(FILM_BYTES);
    let here = tempfile::tempdir().unwrap();
    let leecher = swarm(here.path(), b'l').await;
    let mut hostile = hostile(&film, script).await;
    let torrent = leecher.add(film.spec.clone()).unwrap();
    torrent.add_peers(vec![hostile.address], PeerSource::Given).await;
    timeout(PATIENCE, hostile.let_go.recv()).await.expect("it is let go").unwrap();
    let mut stats = torrent.stats();
    let is_alone = stats.wait_for(|stats| stats.connected_peers == 0);
    timeout(PATIENCE, is_alone).await.unwrap().unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn garbage_instead_of_a_handshake() {
    async fn script(mut stream: TcpStream, _film: Arc<Film>) -> io::Result<TcpStream> {
        stream.write_all(&[0xa5; 4096]).await?;
        Ok(stream)
    }
    is_sent_away(script).await;
    beside(script).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn silence_after_the_handshake() {
    async fn script(mut stream: TcpStream, film: Arc<Film>) -> io::Result<TcpStream> {
        shake(&mut stream, &film).await?;
        Ok(stream)
    }
    beside(script).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn half_a_message() {
    async fn script(mut stream: TcpStream, film: Arc<Film>) -> io::Result<TcpStream> {
        shake(&mut stream, &film).await?;
        say(&mut stream, &[Message::HaveAll, Message::Unchoke]).await?;
        stream.write_all(&[0, 0, 64, 9, 7, 0, 0]).await?;
        Ok(stream)
    }
    beside(script).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_message_without_measure() {
    async fn script(mut stream: TcpStream, film: Arc<Film>) -> io::Result<TcpStream> {
        shake(&mut stream, &film).await?;
        stream.write_all(&[0x7f, 0xff, 0xff, 0xff, 20, 0]).await?;
        Ok(stream)
    }
    is_sent_away(script).await;
    beside(script).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn extension_messages_as_long_as_they_may_be() {
    async fn script(mut stream: TcpStream, film: Arc<Film>) -> io::Result<TcpStream> {
        shake(&mut stream, &film).await?;
        for id in [HANDSHAKE_ID, UT_METADATA, UT_PEX, 200] {
            say(&mut stream, &[extended(id, Bytes::from(vec![b'l'; 1024 * 1024]))]).await?;
        }
        Ok(stream)
    }
    beside(script).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn metadata_that_is_a_lie() {
    async fn script(mut stream: TcpStream, film: Arc<Film>) -> io::Result<TcpStream> {
        shake(&mut stream, &film).await?;
        say(&mut stream, &[Message::HaveAll, introduction(&film)]).await?;
        // To whatever is asked it answers all pieces.
        let mut asked = [0; 1024];
        while stream.read(&mut asked).await? != 0 {
            for piece in 0..(film.info.len() as u32).div_ceil(METADATA_PIECE_BYTES) {
                say(&mut stream, &[data(piece, &film, b'x')]).await?;
            }
        }
        Ok(stream)
    }
    let film = film(FILM_BYTES);
    let (there, here) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (seeder, leecher) = (swarm(there.path(), b's').await, swarm(here.path(), b'l').await);
    let _seeding = seed(&seeder, there.path(), &film).await;
    let mut hostile = hostile(&film, script).await;
    let metadata = resolve_beside(&leecher, &film, &mut hostile, address_of(&seeder)).await;
    assert_eq!((metadata.info, metadata.asked), (film.info, 2));
    assert_eq!(metadata.addresses, [address_of(&seeder)], "the liar is named to nobody");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn metadata_before_the_extended_handshake_and_without_a_question() {
    async fn script(mut stream: TcpStream, film: Arc<Film>) -> io::Result<TcpStream> {
        shake(&mut stream, &film).await?;
        say(&mut stream, &[data(0, &film, b'x'), introduction(&film), data(0, &film, b'x')]).await?;
        let reject = MetadataMessage::Reject { piece: u32::MAX }.encode();
        say(&mut stream, &[extended(UT_METADATA, reject)]).await?;
        Ok(stream)
    }
    beside(script).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_bitfield_of_another_length() {
    async fn script(mut stream: TcpStream, film: Arc<Film>) -> io::Result<TcpStream> {
        shake(&mut stream, &film).await?;
        let bits = Bytes::from(vec![0xff; film.spec.piece_hashes.len().div_ceil(8) + 1]);
        say(&mut stream, &[Message::Bitfield(bits), Message::Unchoke]).await?;
        Ok(stream)
    }
    is_sent_away(script).await;
    beside(script).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_flood_of_pieces_that_there_are_not() {
    async fn script(mut stream: TcpStream, film: Arc<Film>) -> io::Result<TcpStream> {
        shake(&mut stream, &film).await?;
        for start in 0..100 {
            let haves: Vec<Message> = (0..10_000).map(|n| Message::Have(start * 10_000 + n)).collect();
            say(&mut stream, &haves).await?;
        }
        Ok(stream)
    }
    is_sent_away(script).await;
    beside(script).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn telling_again_and_again_what_it_has() {
    async fn script(mut stream: TcpStream, film: Arc<Film>) -> io::Result<TcpStream> {
        shake(&mut stream, &film).await?;
        say(&mut stream, &vec![Message::HaveAll; 10_000]).await?;
        Ok(stream)
    }
    is_sent_away(script).await;
    beside(script).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn blocks_that_nobody_asked_for() {
    async fn script(mut stream: TcpStream, film: Arc<Film>) -> io::Result<TcpStream> {
        shake(&mut stream, &film).await?;
        say(&mut stream, &[Message::HaveAll, Message::Unchoke]).await?;
        let data = Bytes::from(vec![0; 16 * 1024]);
        for _ in 0..1000 {
            say(&mut stream, &[Message::Piece { piece: 0, begin: 7, data: data.clone() }]).await?;
        }
        Ok(stream)
    }
    is_sent_away(script).await;
    beside(script).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn thousands_of_addresses() {
    async fn script(mut stream: TcpStream, film: Arc<Film>) -> io::Result<TcpStream> {
        shake(&mut stream, &film).await?;
        say(&mut stream, &[introduction(&film)]).await?;
        for start in 0..100 {
            // Nobody is there.
            let address =
                |port: u16| (SocketAddr::from(([127, 0, 9, 9], start * 200 + port)), PexFlags(0x1f));
            let message = PexMessage { added: (1..=200).map(address).collect(), dropped: Vec::new() };
            say(&mut stream, &[extended(UT_PEX, message.encode())]).await?;
        }
        Ok(stream)
    }
    let (_hostile, torrent) = beside(script).await;
    let known = torrent.stats().borrow().known_peers;
    assert!((2..=502).contains(&known), "{known}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn questions_without_end_and_no_ear_for_the_answers() {
    let film = film(FILM_BYTES);
    let (there, here) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (seeder, leecher) = (swarm(there.path(), b's').await, swarm(here.path(), b'l').await);
    let seeding = seed(&seeder, there.path(), &film).await;
    let mut callers = JoinSet::new();
    for _ in 0..3 {
        let mut stream = TcpStream::connect(address_of(&seeder)).await.unwrap();
        let film = film.clone();
        callers.spawn(async move {
            let reserved = Reserved::default().with_extended().with_fast();
            let peer_id: [u8; 20] = std::array::from_fn(|_| rand::random());
            let ours = Handshake { info_hash: film.spec.info_hash, peer_id, reserved };
            stream.write_all(&ours.encode()).await?;
            say(&mut stream, &[introduction(&film), Message::HaveNone, Message::Interested]).await?;
            let request = extended(UT_METADATA, MetadataMessage::Request { piece: 0 }.encode());
            let block = Message::Request { piece: 0, begin: 0, length: 16 * 1024 };
            // Until it is hung up.
            loop {
                say(&mut stream, &vec![request.clone(); 1000]).await?;
                say(&mut stream, &vec![block.clone(); 1000]).await?;
            }
        });
    }
    while let Some(ended) = timeout(PATIENCE, callers.join_next()).await.expect("all are hung up on") {
        let ended: io::Result<()> = ended.unwrap();
        assert!(ended.is_err());
    }
    let peak_bytes = peak_memory_bytes();
    assert!(peak_bytes < MAX_MEMORY_BYTES, "{peak_bytes}");
    assert!(seeding.stats().borrow().uploaded_bytes < 200 * 16 * 1024, "what is not taken is not read");

    let torrent = leecher.add(film.spec.clone()).unwrap();
    torrent.add_peers(vec![address_of(&seeder)], PeerSource::Given).await;
    assert!(read_all(&torrent).await == film.content);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn callers_that_say_nothing_or_nonsense_do_not_shut_the_door() {
    let film = film(FILM_BYTES);
    let (there, here) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (seeder, leecher) = (swarm(there.path(), b's').await, swarm(here.path(), b'l').await);
    let _seeding = seed(&seeder, there.path(), &film).await;
    let mut held = Vec::new();
    for at in 0..40 {
        let mut stream = TcpStream::connect(address_of(&seeder)).await.unwrap();
        if at % 2 == 0 {
            stream.write_all(&[at; 700]).await.unwrap();
        }
        held.push(stream);
    }
    let torrent = leecher.add(film.spec.clone()).unwrap();
    torrent.add_peers(vec![local(seeder.listen_port().unwrap())], PeerSource::Given).await;
    assert!(read_all(&torrent).await == film.content);
}
