//! Peers that do what a script says, and what they say.
#![allow(dead_code, reason = "each test file uses a part")]
#![allow(clippy::unwrap_used, reason = "what prepares a test fails with it")]

use std::future::Future;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::{Bytes, BytesMut};
use freshet_swarm::wire::{
    ExtendedHandshake, HANDSHAKE_BYTES, HANDSHAKE_ID, Handshake, METADATA_PIECE_BYTES, Message,
    MetadataMessage, PROTOCOL, Reserved,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use super::Film;

/// The number by which we are told to be sent metadata; any number.
pub(crate) const THEIR_UT_METADATA: u8 = 9;
/// Ours, as we introduce ourselves.
pub(crate) const UT_METADATA: u8 = 1;
pub(crate) const UT_PEX: u8 = 2;

/// A hostile peer at an address, with word of each connection on which it has done its worst, and of each that was closed.
pub(crate) struct Hostile {
    pub(crate) address: SocketAddr,
    pub(crate) acted: mpsc::Receiver<()>,
    pub(crate) let_go: mpsc::Receiver<()>,
    /// Connections on which it acts, from the first to now.
    pub(crate) calls: Arc<AtomicUsize>,
    /// Of these, those that are open.
    pub(crate) open: Arc<AtomicUsize>,
    _connections: JoinSet<()>,
}

/// Runs the script on each connection in the clear, then reads until the connection is closed.
pub(crate) async fn hostile<F>(film: &Film, script: fn(TcpStream, Arc<Film>) -> F) -> Hostile
where
    F: Future<Output = io::Result<TcpStream>> + Send + 'static,
{
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    let (gone, let_go) = mpsc::channel(16);
    let (act, acted) = mpsc::channel(16);
    let film = Arc::new(film.clone());
    let (calls, open) = (Arc::<AtomicUsize>::default(), Arc::<AtomicUsize>::default());
    let (called, opened) = (Arc::clone(&calls), Arc::clone(&open));
    let mut connections = JoinSet::new();
    connections.spawn(async move {
        let mut running = JoinSet::new();
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            let (film, act, gone) = (Arc::clone(&film), act.clone(), gone.clone());
            called.fetch_add(1, Ordering::SeqCst);
            opened.fetch_add(1, Ordering::SeqCst);
            let opened = Arc::clone(&opened);
            running.spawn(async move {
                let done = script(stream, film).await;
                let _ = act.try_send(());
                // A reset is an end like any other.
                if let Ok(stream) = done {
                    drain(stream).await;
                }
                opened.fetch_sub(1, Ordering::SeqCst);
                let _ = gone.try_send(());
            });
        }
    });
    Hostile { address, acted, let_go, calls, open, _connections: connections }
}

pub(crate) async fn drain(mut stream: TcpStream) {
    let mut buf = vec![0; 64 * 1024];
    while stream.read(&mut buf).await.is_ok_and(|bytes| bytes != 0) {}
}

/// Shakes hands, and says what it has.
pub(crate) async fn shake(stream: &mut TcpStream, film: &Film) -> io::Result<()> {
    shake_as(stream, film, *b"-EV0000-000000000000").await
}

/// The same under a name of its own: who has the name of one that is connected is not let in.
pub(crate) async fn shake_as(stream: &mut TcpStream, film: &Film, peer_id: [u8; 20]) -> io::Result<()> {
    let mut theirs = [0; HANDSHAKE_BYTES];
    stream.read_exact(&mut theirs).await?;
    if !theirs.starts_with(PROTOCOL) {
        return Err(io::ErrorKind::InvalidData.into());
    }
    let reserved = Reserved::default().with_extended().with_fast();
    let ours = Handshake { info_hash: film.spec.info_hash, peer_id, reserved };
    stream.write_all(&ours.encode()).await
}

pub(crate) async fn say(stream: &mut TcpStream, messages: &[Message]) -> io::Result<()> {
    let mut out = BytesMut::new();
    messages.iter().for_each(|message| message.encode(&mut out));
    stream.write_all(&out).await
}

pub(crate) fn extended(id: u8, payload: Bytes) -> Message {
    Message::Extended { id, payload }
}

pub(crate) fn introduction(film: &Film) -> Message {
    let handshake = ExtendedHandshake {
        ut_metadata: Some(THEIR_UT_METADATA),
        ut_pex: Some(UT_PEX),
        metadata_bytes: Some(film.info.len() as u32),
        ..ExtendedHandshake::default()
    };
    extended(HANDSHAKE_ID, handshake.encode())
}

pub(crate) fn data(piece: u32, film: &Film, fill: u8) -> Message {
    let total_bytes = film.info.len() as u32;
    let bytes = (total_bytes - piece * METADATA_PIECE_BYTES).min(METADATA_PIECE_BYTES);
    let data = Bytes::from(vec![fill; bytes as usize]);
    extended(UT_METADATA, MetadataMessage::Data { piece, total_bytes, data }.encode())
}
