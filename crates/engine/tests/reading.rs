//! Bytes arrive, and they are the right ones.

mod common;

use std::io::SeekFrom;

use common::{Bench, film, soon};
use freshet_engine::testing::SeederOptions;
use freshet_engine::{OpenFileError, ReadError, TorrentSpec};
use freshet_model::{FileIndex, InfoHash, PieceMap};
use tokio::io::{AsyncReadExt, AsyncSeekExt};

const MIB: usize = 1024 * 1024;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_magnet_is_resolved_and_its_file_read_from_any_position() {
    let film = film(1, 12 * MIB + 4321, SeederOptions::default()).await;
    let bench = Bench::start().await;

    let resolved = bench.resolve(&film.torrent).await;
    assert_eq!(resolved.metainfo.info_hash, film.torrent.info_hash);
    assert_eq!(resolved.metainfo.files, film.torrent.metainfo.files);
    let spec = TorrentSpec {
        info_hash: resolved.metainfo.info_hash,
        torrent_file: resolved.torrent_file.into(),
        trackers: resolved.trackers,
        peers: resolved.peers,
        is_pinned: false,
    };
    soon("activate", bench.engine.activate(spec)).await.unwrap();
    let open = bench.engine.open_file(film.torrent.info_hash, FileIndex(0));
    let mut reader = soon("open", open).await.unwrap();

    assert_eq!(reader.len_bytes(), film.bytes.len() as u64);
    let last = film.bytes.len();
    for position in [last / 2, last - 10, 0, 7 * MIB + 17, MIB - 1, 3 * MIB, last - MIB] {
        soon("seek", reader.seek(SeekFrom::Start(position as u64))).await.unwrap();
        let mut buf = vec![0; (last - position).min(100_000)];
        soon("read", reader.read_exact(&mut buf)).await.unwrap();
        assert!(buf == film.bytes[position..position + buf.len()], "bytes at {position}");
        assert_eq!(reader.position(), (position + buf.len()) as u64);
    }
    soon("seek to the end", reader.seek(SeekFrom::End(0))).await.unwrap();
    assert_eq!(soon("read at the end", reader.read(&mut [0; 10])).await.unwrap(), 0);
    assert!(reader.seek(SeekFrom::End(1)).await.is_err());
    soon("rewind", reader.seek(SeekFrom::Start(0))).await.unwrap();
    let mut whole = Vec::new();
    soon("read all", reader.read_to_end(&mut whole)).await.unwrap();
    assert!(whole == film.bytes);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_not_there_is_not_opened() {
    let film = film(2, MIB, SeederOptions::default()).await;
    let bench = Bench::start().await;

    let absent = bench.engine.open_file(InfoHash::new([7; 20]), FileIndex(0)).await;
    assert!(matches!(absent, Err(OpenFileError::NotActive)), "{absent:?}");
    bench.activate(&film.torrent).await;
    let no_file = bench.engine.open_file(film.torrent.info_hash, FileIndex(1)).await;
    assert!(matches!(no_file, Err(OpenFileError::NoSuchFile(FileIndex(1)))), "{no_file:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pieces_and_readers_can_be_seen() {
    let film = film(60, 3 * MIB + 5, SeederOptions::default()).await;
    let bench = Bench::start().await;
    let info_hash = film.torrent.info_hash;
    assert_eq!(bench.engine.pieces(info_hash), None, "it is not active");
    bench.activate(&film.torrent).await;
    let mut reader = soon("open", bench.engine.open_file(info_hash, FileIndex(0))).await.unwrap();
    let piece_bytes = u64::from(film.torrent.metainfo.piece_bytes);
    let last = film.torrent.metainfo.piece_count - 1;

    let current = |map: &PieceMap| map.readers.iter().map(|reader| reader.current).collect::<Vec<_>>();
    let before = bench.engine.pieces(info_hash).unwrap();
    assert_eq!((before.piece_bytes, before.piece_count), (film.torrent.metainfo.piece_bytes, last + 1));
    assert_eq!(current(&before), [0]);
    assert_eq!(before.readers[0].window, 0..=last);

    let mut whole = Vec::new();
    soon("read", reader.read_to_end(&mut whole)).await.unwrap();
    let after = bench.engine.pieces(info_hash).unwrap();
    assert_eq!(after.complete().collect::<Vec<_>>(), (0..=last).collect::<Vec<_>>());
    assert_eq!(after.have_bytes(), 3 * MIB as u64 + 5);
    assert_eq!(current(&after), [last]);

    soon("seek", reader.seek(SeekFrom::Start(piece_bytes + 1))).await.unwrap();
    let second = soon("open", bench.engine.peek_file(info_hash, FileIndex(0))).await.unwrap();
    assert_eq!(current(&bench.engine.pieces(info_hash).unwrap()), [1, 0]);
    drop((reader, second));
    assert_eq!(current(&bench.engine.pieces(info_hash).unwrap()), [0_u32; 0]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_here_is_read_and_nothing_is_fetched_for_it() {
    let film = film(61, 12 * MIB, SeederOptions::default()).await;
    let bench = Bench::start().await;
    let info_hash = film.torrent.info_hash;
    bench.activate(&film.torrent).await;
    let mut buf = vec![0; 100_000];
    let mut look = soon("open", bench.engine.peek_file(info_hash, FileIndex(0))).await.unwrap();
    soon("read", look.read_exact(&mut buf)).await.unwrap();

    let opening = bench.engine.open_what_is_here(info_hash, FileIndex(0));
    let mut here = soon("open", opening).await.unwrap();
    soon("read", here.read_exact(&mut buf)).await.unwrap();
    assert!(buf == film.bytes[..100_000]);
    soon("seek", here.seek(SeekFrom::Start(6 * MIB as u64))).await.unwrap();
    let error = soon("read", here.read(&mut buf)).await.unwrap_err();
    assert_eq!(ReadError::from_io(&error), Some(&ReadError::NotHere));

    // What is fetched after it comes, and what it asked for does not.
    soon("seek", look.seek(SeekFrom::Start(9 * MIB as u64))).await.unwrap();
    soon("read", look.read_exact(&mut buf)).await.unwrap();
    let map = bench.engine.pieces(info_hash).unwrap();
    assert_eq!(map.have_bytes_in(6 * MIB as u64..7 * MIB as u64), 0);
    soon("seek", here.seek(SeekFrom::Start(9 * MIB as u64))).await.unwrap();
    soon("read", here.read_exact(&mut buf)).await.unwrap();
    assert!(buf == film.bytes[9 * MIB..9 * MIB + 100_000]);
}
