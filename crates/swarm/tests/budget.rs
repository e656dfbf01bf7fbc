//! The budget of all torrents, held with real files while films that are larger are read.

#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, reason = "what prepares a test fails with it")]

mod support;

use std::io::SeekFrom;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use bytes::BytesMut;
use freshet_swarm::schedule::Class;
use freshet_swarm::wire::{Decoder, HANDSHAKE_BYTES, Handshake, Limits, Message, Reserved};
use freshet_swarm::{Bitfield, PeerSource, PieceIndex, Reader, Swarm, SwarmConfig, Torrent};
use support::{Film, PATIENCE, PIECE_BYTES, address_of, config, film, read_all, seed, swarm};
use tokio::io::{AsyncReadExt, AsyncSeekExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

const MIB: usize = 1 << 20;
/// Extended attributes, tails of blocks: what a file system adds to a file.
const SLACK_BYTES: u64 = 64 * 1024;

async fn budgeted(dir: &Path, budget_bytes: usize) -> Swarm {
    let budget_bytes = Some(budget_bytes as u64);
    Swarm::start(SwarmConfig { budget_bytes, ..config(dir, b'l') }).await.unwrap()
}

/// What a film takes up in this folder.
fn allocated_bytes(dir: &Path, film: &Film) -> u64 {
    let path = dir.join(film.spec.info_hash.to_string()).join("0");
    std::fs::metadata(path).map_or(0, |metadata| metadata.blocks() * 512)
}

/// Reads on, piece by piece; calls `look` after each.
async fn read_on(reader: &mut Reader, film: &Film, bytes: usize, mut look: impl FnMut()) {
    let mut part = vec![0; PIECE_BYTES as usize];
    let end = (reader.position() as usize).saturating_add(bytes).min(film.content.len());
    while (reader.position() as usize) < end {
        let at = reader.position() as usize;
        let part = &mut part[..(end - at).min(PIECE_BYTES as usize)];
        timeout(PATIENCE, reader.read_exact(part))
            .await
            .unwrap_or_else(|_| panic!("nothing comes at {at}"))
            .unwrap();
        assert!(*part == film.content[at..at + part.len()], "wrong bytes at {at}");
        look();
    }
}

async fn join(swarm: &Swarm, film: &Film, seeder: &Swarm) -> Torrent {
    let torrent = swarm.add(film.spec.clone()).unwrap();
    torrent.add_peers(vec![address_of(seeder)], PeerSource::Given).await;
    torrent
}

async fn wait_for_bytes(torrent: &Torrent, is_right: impl Fn(u64) -> bool) -> u64 {
    let mut stats = torrent.stats();
    let stats = timeout(PATIENCE, stats.wait_for(|stats| is_right(stats.have_bytes))).await;
    stats.expect("it comes in time").unwrap().have_bytes
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_film_of_five_times_the_budget_is_read_within_it() {
    let film = film(64 * MIB);
    let budget_bytes = 12 * MIB;
    let (there, here) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (seeder, leecher) = (swarm(there.path(), b's').await, budgeted(here.path(), budget_bytes).await);
    let _seeding = seed(&seeder, there.path(), &film).await;
    let torrent = join(&leecher, &film, &seeder).await;
    // The whole film is wanted besides, as by somebody who keeps what is watched.
    torrent.set_rest(Some(Bitfield::full(film.spec.layout.pieces()))).await;
    let most_bytes = (budget_bytes + PIECE_BYTES as usize) as u64 + SLACK_BYTES;
    let mut seen_bytes = 0;
    let look = || {
        let bytes = allocated_bytes(here.path(), &film);
        assert!(bytes <= most_bytes, "{bytes} bytes are allocated");
        seen_bytes = seen_bytes.max(bytes);
    };
    let mut look = look;

    let mut reader = torrent.open_reader(0..u64::MAX, Class::Player).await.unwrap();
    read_on(&mut reader, &film, usize::MAX, &mut look).await;
    for at in [5, 60, 0, 33, 30, 63] {
        reader.seek(SeekFrom::Start((at * MIB + 77) as u64)).await.unwrap();
        read_on(&mut reader, &film, 2 * MIB, &mut look).await;
    }
    assert!(seen_bytes > budget_bytes as u64 / 2, "the budget is used: {seen_bytes}");
    assert!(leecher.kept_bytes() <= budget_bytes as u64);
    let mut stats = torrent.stats();
    let came_again = stats.wait_for(|stats| stats.downloaded_bytes > film.content.len() as u64);
    let downloaded_bytes = timeout(PATIENCE, came_again).await.unwrap().unwrap().downloaded_bytes;
    // Little came in vain: nothing is fetched that has no room.
    assert!(downloaded_bytes < 2 * film.content.len() as u64, "{downloaded_bytes} bytes came");
    drop((reader, torrent));
    assert!(leecher.shutdown(PATIENCE).await);

    // The next run knows what is here, and keeps to a smaller budget.
    let again = budgeted(here.path(), 4 * MIB).await;
    let torrent = again.add(film.spec.clone()).unwrap();
    wait_for_bytes(&torrent, |bytes| bytes > 2 * MIB as u64).await;
    assert!(allocated_bytes(here.path(), &film) <= 4 * MIB as u64 + SLACK_BYTES);
    let picture = torrent.picture();
    let have = picture.have.as_ref().unwrap();
    let piece = have.iter_ones().next_back().unwrap();
    let at = film.spec.layout.start_of(piece);
    let mut reader = torrent.open_reader(at..at + 100, Class::Player).await.unwrap();
    let mut part = Vec::new();
    timeout(PATIENCE, reader.read_to_end(&mut part)).await.unwrap().unwrap();
    assert!(part == film.content[at as usize..][..100]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_torrents_share_the_budget_and_the_older_pieces_go() {
    let films = [film(10 * MIB), film(10 * MIB + 1)];
    let budget_bytes = 8 * MIB;
    let (there, here) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (seeder, leecher) = (swarm(there.path(), b's').await, budgeted(here.path(), budget_bytes).await);
    let look = || {
        // One file can shrink and the other grow between two looks: only what stays for three of them was so at once.
        let bytes = loop {
            let [one, other, again] = [0, 1, 0].map(|film| allocated_bytes(here.path(), &films[film]));
            if one == again {
                break one + other;
            }
        };
        let most_bytes = (budget_bytes + PIECE_BYTES as usize) as u64 + 2 * SLACK_BYTES;
        assert!(bytes <= most_bytes, "{bytes} bytes are allocated");
    };
    let (mut seeding, mut torrents) = (Vec::new(), Vec::new());
    for film in &films {
        seeding.push(seed(&seeder, there.path(), film).await);
        torrents.push(join(&leecher, film, &seeder).await);
    }
    let mut readers = Vec::new();
    for torrent in &torrents {
        readers.push(torrent.open_reader(0..u64::MAX, Class::Player).await.unwrap());
    }
    for _ in 0..5 {
        for (reader, film) in readers.iter_mut().zip(&films) {
            read_on(reader, film, 2 * MIB, look).await;
        }
    }
    // Who reads on alone takes the room of the other.
    drop(readers.remove(0));
    readers[0].seek(SeekFrom::Start(0)).await.unwrap();
    read_on(&mut readers[0], &films[1], usize::MAX, look).await;
    wait_for_bytes(&torrents[0], |bytes| bytes < MIB as u64).await;

    // One that has ended counts on, and its pieces can go too.
    torrents.remove(1);
    readers.clear();
    wait_for_bytes(&torrents[0], |bytes| bytes < MIB as u64).await;
    let mut reader = torrents[0].open_reader(0..u64::MAX, Class::Player).await.unwrap();
    read_on(&mut reader, &films[0], usize::MAX, look).await;
    leecher.set_budget(Some(2 * MIB as u64)).await;
    // The last pieces may still be on their way to the disk.
    let mut stats = torrents[0].stats();
    while leecher.kept_bytes() > 2 * MIB as u64 {
        timeout(PATIENCE, stats.changed()).await.unwrap().unwrap();
    }
    let bytes: u64 = films.iter().map(|film| allocated_bytes(here.path(), film)).sum();
    assert!(bytes <= 2 * MIB as u64 + 2 * SLACK_BYTES, "{bytes} bytes are allocated");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_nobody_reads_stops_at_the_budget_and_what_is_pinned_does_not() {
    let film = film(6 * MIB);
    let (there, here) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (seeder, leecher) = (swarm(there.path(), b's').await, budgeted(here.path(), 4 * MIB).await);
    let _seeding = seed(&seeder, there.path(), &film).await;
    let torrent = join(&leecher, &film, &seeder).await;
    torrent.set_rest(Some(Bitfield::full(film.spec.layout.pieces()))).await;

    let near = 3 * MIB as u64;
    wait_for_bytes(&torrent, |bytes| bytes >= near).await;
    assert!(leecher.kept_bytes() <= 4 * MIB as u64);
    torrent.set_pinned(true).await;
    wait_for_bytes(&torrent, |bytes| bytes == film.content.len() as u64).await;
    assert_eq!(leecher.kept_bytes(), 0);
    assert!(read_all(&torrent).await == film.content);
    torrent.set_pinned(false).await;
    wait_for_bytes(&torrent, |bytes| bytes <= 4 * MIB as u64).await;
    assert!(leecher.kept_bytes() <= 4 * MIB as u64);
}

/// A peer of ours own making, in the clear.
struct Asking {
    stream: TcpStream,
    decoder: Decoder,
    buf: BytesMut,
}

impl Asking {
    async fn join(swarm: &Swarm, film: &Film) -> Self {
        let mut stream = TcpStream::connect(address_of(swarm)).await.unwrap();
        let reserved = Reserved([0, 0, 0, 0, 0, 0, 0, 4]);
        let ours = Handshake { reserved, info_hash: film.spec.info_hash, peer_id: [b'a'; 20] };
        stream.write_all(&ours.encode()).await.unwrap();
        let mut theirs = [0; HANDSHAKE_BYTES];
        stream.read_exact(&mut theirs).await.unwrap();
        assert!(Handshake::decode(&theirs).is_ok());
        let decoder = Decoder::new(Limits { pieces: Some(film.spec.layout.pieces()) });
        let mut asking = Self { stream, decoder, buf: BytesMut::new() };
        asking.say(Message::Interested).await;
        asking
    }

    async fn say(&mut self, message: Message) {
        let mut out = BytesMut::new();
        message.encode(&mut out);
        self.stream.write_all(&out).await.unwrap();
    }

    async fn hear(&mut self) -> Message {
        loop {
            if let Some(message) = self.decoder.decode(&mut self.buf).unwrap() {
                return message;
            }
            let bytes = timeout(PATIENCE, self.stream.read_buf(&mut self.buf)).await.unwrap().unwrap();
            assert!(bytes > 0, "the connection is closed");
        }
    }

    /// Asks for the first block of a piece; gives what is sent, or nothing if that is refused.
    async fn ask(&mut self, piece: PieceIndex) -> Option<Vec<u8>> {
        self.say(Message::Request { piece: piece.0, begin: 0, length: 16 * 1024 }).await;
        loop {
            match self.hear().await {
                Message::Piece { piece: sent, data, .. } if sent == piece.0 => return Some(data.to_vec()),
                Message::Reject { piece: refused, .. } if refused == piece.0 => return None,
                _ => {}
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_piece_that_was_given_up_is_not_sent_to_anybody() {
    let film = film(8 * MIB);
    let (there, here) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (seeder, leecher) = (swarm(there.path(), b's').await, budgeted(here.path(), 2 * MIB).await);
    let _seeding = seed(&seeder, there.path(), &film).await;
    let torrent = join(&leecher, &film, &seeder).await;
    let mut reader = torrent.open_reader(0..u64::MAX, Class::Player).await.unwrap();
    read_on(&mut reader, &film, 4 * PIECE_BYTES as usize, || {}).await;
    let mut asking = Asking::join(&leecher, &film).await;
    while asking.hear().await != Message::Unchoke {}
    let first = PieceIndex(0);
    assert!(asking.ask(first).await.is_some_and(|data| data == film.content[..16 * 1024]));

    read_on(&mut reader, &film, usize::MAX, || {}).await;
    let is_gone = |torrent: &Torrent| !torrent.picture().have.as_ref().unwrap().get(first);
    assert!(is_gone(&torrent));
    assert_eq!(asking.ask(first).await, None);
    let last = film.spec.layout.piece_at(u64::MAX);
    let start = film.spec.layout.start_of(last) as usize;
    assert!(asking.ask(last).await.is_some_and(|data| data == film.content[start..][..16 * 1024]));

    reader.seek(SeekFrom::Start(0)).await.unwrap();
    read_on(&mut reader, &film, PIECE_BYTES as usize, || {}).await;
    assert!(asking.ask(first).await.is_some_and(|data| data == film.content[..16 * 1024]));
}

/// A run of its own that fetches all of each film and ends.
async fn left_by_an_earlier_run(dir: &Path, films: &[Film]) {
    let there = tempfile::tempdir().unwrap();
    let (seeder, leecher) = (swarm(there.path(), b's').await, swarm(dir, b'l').await);
    for film in films {
        let _seeding = seed(&seeder, there.path(), film).await;
        let torrent = join(&leecher, film, &seeder).await;
        torrent.set_rest(Some(Bitfield::full(film.spec.layout.pieces()))).await;
        wait_for_bytes(&torrent, |bytes| bytes == film.content.len() as u64).await;
    }
    assert!(leecher.shutdown(PATIENCE).await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_earlier_runs_left_goes_when_it_is_too_much_and_the_first_counted_goes_first() {
    let films = [film(6 * MIB), film(6 * MIB + 1), film(6 * MIB + 2)];
    let dir = tempfile::tempdir().unwrap();
    left_by_an_earlier_run(dir.path(), &films).await;
    let [old, kept, new] = &films;

    let swarm = swarm(dir.path(), b'l').await;
    swarm.count_pieces(&old.spec, false).await;
    swarm.count_pieces(&kept.spec, false).await;
    swarm.count_pieces(&new.spec, false).await;
    assert_eq!(swarm.kept_bytes(), (18 * MIB + 3) as u64);
    swarm.set_pinned(kept.spec.info_hash, true).await;
    assert_eq!(swarm.kept_bytes(), (12 * MIB + 2) as u64);
    swarm.set_budget(Some(7 * MIB as u64)).await;

    assert!(swarm.kept_bytes() <= 7 * MIB as u64);
    assert!(allocated_bytes(dir.path(), old) <= MIB as u64 + SLACK_BYTES);
    assert!(allocated_bytes(dir.path(), kept) >= 6 * MIB as u64);
    assert!(allocated_bytes(dir.path(), new) >= 6 * MIB as u64);

    // Once in the books is enough, and what was deleted is off them.
    swarm.count_pieces(&new.spec, false).await;
    assert!(swarm.kept_bytes() <= 7 * MIB as u64);
    freshet_swarm::pieces::delete(dir.path(), new.spec.info_hash).unwrap();
    swarm.forget_pieces(new.spec.info_hash).await;
    assert!(swarm.kept_bytes() <= MIB as u64);

    // It takes part as if it had not been counted.
    let torrent = swarm.add_pinned(kept.spec.clone()).unwrap();
    let mut reader = torrent.open_reader(0..u64::MAX, Class::Player).await.unwrap();
    let mut all = Vec::new();
    timeout(PATIENCE, reader.read_to_end(&mut all)).await.unwrap().unwrap();
    assert!(all == kept.content);
}
