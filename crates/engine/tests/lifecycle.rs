//! Torrents come and go, side by side and again, and leave only what they should.

#![allow(clippy::unwrap_used, reason = "what prepares a test fails with it")]

mod common;

use std::collections::BTreeSet;
use std::net::Ipv4Addr;
use std::path::Path;
use std::time::Duration;

use common::fake::{Server, ok, redirect};
use common::{Bench, PATIENCE, film, soon, spec, until};
use freshet_engine::testing::{Seeder, SeederOptions, pattern};
use freshet_engine::{ActivateError, Engine, FailureKind, OpenFileError, ReadError};
use freshet_model::{AddressPolicy, FileIndex, InfoHash, TorrentSource};
use futures::future::join_all;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_util::sync::CancellationToken;

const MIB: usize = 1024 * 1024;

async fn read_whole(engine: &Engine, info_hash: InfoHash, file: u32) -> Vec<u8> {
    let mut reader = soon("open", engine.open_file(info_hash, FileIndex(file))).await.unwrap();
    let mut whole = Vec::new();
    soon("read", reader.read_to_end(&mut whole)).await.unwrap();
    whole
}

/// Every path below `dir`, files and folders, relative to it.
fn paths(dir: &Path) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let mut folders = vec![dir.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            found.insert(path.strip_prefix(dir).unwrap().to_str().unwrap().to_owned());
            if path.is_dir() {
                folders.push(path);
            }
        }
    }
    found
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn torrents_that_are_added_side_by_side_are_not_mixed_up() {
    const COUNT: u64 = 24;
    let dir = tempfile::tempdir().unwrap();
    let seeder = soon("seeder", Seeder::start(SeederOptions::default())).await.unwrap();
    let mut films = Vec::new();
    for number in 0..COUNT {
        let bytes = pattern(100 + number, 100_000);
        let path = dir.path().join(format!("{number}.mkv"));
        std::fs::write(&path, &bytes).unwrap();
        let torrent = soon("seed", seeder.seed(&path, Some(16 * 1024))).await.unwrap();
        films.push((torrent, bytes));
    }
    let bench = Bench::start().await;

    let one = |number: usize| {
        let (torrent, bytes) = &films[number];
        let engine = bench.engine.clone();
        async move {
            let source = TorrentSource::parse(&torrent.magnet()).unwrap();
            let resolved = soon("resolve", engine.resolve(source, CancellationToken::new())).await.unwrap();
            assert_eq!(resolved.metainfo.name, format!("{number}.mkv"));
            let (first, second) =
                tokio::join!(engine.activate(spec(torrent)), engine.activate(spec(torrent)));
            first.unwrap();
            second.unwrap();
            assert!(read_whole(&engine, torrent.info_hash, 0).await == *bytes, "bytes of {number}");
        }
    };
    join_all((0..films.len()).map(one)).await;

    until("all are in the stats", || bench.engine.stats().len() == films.len()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pieces_lie_under_info_hash_and_index_and_nothing_else_is_written() {
    let dir = tempfile::tempdir().unwrap();
    let folder = dir.path().join("A pack");
    std::fs::create_dir_all(folder.join("Season 1")).unwrap();
    let files =
        [("Season 1/e1.mkv", 3 * MIB + 5), ("Season 1/e2.mkv", MIB), ("empty.nfo", 0), ("z.srt", 900)];
    for (number, (name, length)) in files.iter().enumerate() {
        std::fs::write(folder.join(name), pattern(number as u64, *length)).unwrap();
    }
    let (_seeder, torrent) = soon("seed", Seeder::seeding(&folder, SeederOptions::default())).await.unwrap();
    let bench = Bench::start().await;
    bench.activate(&torrent).await;
    let pieces = bench.dir.path().join("pieces");
    assert_eq!(paths(&pieces), BTreeSet::new());

    for (number, (name, length)) in files.iter().enumerate() {
        let index = torrent.metainfo.files.iter().position(|file| file.path == *name).unwrap();
        let whole = read_whole(&bench.engine, torrent.info_hash, u32::try_from(index).unwrap()).await;
        assert!(whole == pattern(number as u64, *length), "{name}");
    }

    let hash = torrent.info_hash.to_string();
    let allowed = ["", "/0", "/1", "/2", "/3"].map(|end| format!("{hash}{end}"));
    assert!(paths(&pieces).iter().all(|path| allowed.contains(path)), "{:?}", paths(&pieces));
    assert!(soon("delete", bench.engine.deactivate(torrent.info_hash, true)).await.unwrap());
    assert_eq!(paths(&pieces), BTreeSet::new());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_opened_film_goes_on_downloading_and_other_files_do_not() {
    let dir = tempfile::tempdir().unwrap();
    let folder = dir.path().join("pack");
    std::fs::create_dir(&folder).unwrap();
    // Larger than any read-ahead, and the other file far enough away.
    std::fs::write(folder.join("a.mkv"), pattern(1, 48 * MIB)).unwrap();
    std::fs::write(folder.join("b.mkv"), pattern(2, 8 * MIB)).unwrap();
    let (_seeder, torrent) = soon("seed", Seeder::seeding(&folder, SeederOptions::default())).await.unwrap();
    let bench = Bench::start().await;
    bench.activate(&torrent).await;

    let mut reader = soon("open", bench.engine.open_file(torrent.info_hash, FileIndex(0))).await.unwrap();
    soon("read", reader.read_exact(&mut [0; 1000])).await.unwrap();
    let have = || bench.engine.stats().first().map_or(0, |stats| stats.have_bytes);
    until("the whole film is here", || have() >= 48 * MIB as u64).await;

    assert_eq!(have(), 48 * MIB as u64);
    let stats = bench.engine.stats()[0].clone();
    assert_eq!(stats.info_hash, torrent.info_hash);
    assert!(stats.downloaded_bytes >= 48 * MIB as u64);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_idle_time_can_be_changed_and_who_asks_extends_it() {
    let film = film(41, MIB, SeederOptions::default()).await;
    let bench = Bench::start().await;
    let info_hash = film.torrent.info_hash;
    bench.activate(&film.torrent).await;
    let mut idle = bench.engine.watch_idle();
    let mut stats = bench.engine.watch_stats();

    bench.engine.keep_active(info_hash, PATIENCE);
    bench.engine.set_idle_timeout(Duration::from_millis(1));
    for _ in 0..2 {
        // Each time the supervisor has looked at all torrents.
        soon("stats", stats.changed()).await.unwrap();
    }
    assert!(bench.engine.is_active(info_hash), "somebody asked after it");

    bench.engine.deactivate(info_hash, false).await.unwrap();
    bench.activate(&film.torrent).await;
    assert_eq!(soon("idle", idle.recv()).await, Ok(info_hash), "only what was idle is told");
    assert!(!bench.engine.is_active(info_hash));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_idle_torrent_is_deactivated_and_keeps_its_pieces() {
    let film = film(40, 2 * MIB, SeederOptions::default()).await;
    let bench = Bench::with(|config| config.limits.idle_timeout = Duration::from_millis(100)).await;
    let info_hash = film.torrent.info_hash;
    bench.activate(&film.torrent).await;
    let mut reader = soon("open", bench.engine.open_file(info_hash, FileIndex(0))).await.unwrap();
    let mut whole = Vec::new();
    soon("read", reader.read_to_end(&mut whole)).await.unwrap();
    let mut stats = bench.engine.watch_stats();
    for _ in 0..2 {
        // Each time the supervisor has looked at all torrents.
        soon("stats", stats.changed()).await.unwrap();
    }
    assert!(bench.engine.is_active(info_hash), "a reader keeps it active");

    drop(reader);
    until("it is deactivated", || !bench.engine.is_active(info_hash)).await;
    until("it has left the stats", || bench.engine.stats().is_empty()).await;

    // Without anybody to ask: what is read now comes from the disk.
    film.seeder.stop().await;
    let mut offline = spec(&film.torrent);
    offline.peers.clear();
    soon("activate", bench.engine.activate(offline)).await.unwrap();
    assert!(read_whole(&bench.engine, info_hash, 0).await == film.bytes);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pieces_of_an_inactive_torrent_are_deleted() {
    let film = film(41, MIB, SeederOptions::default()).await;
    let bench = Bench::start().await;
    let info_hash = film.torrent.info_hash;
    bench.activate(&film.torrent).await;
    read_whole(&bench.engine, info_hash, 0).await;
    assert!(soon("deactivate", bench.engine.deactivate(info_hash, false)).await.unwrap());
    let folder = bench.dir.path().join("pieces").join(info_hash.to_string());
    assert!(folder.join("0").is_file());

    soon("delete", bench.engine.delete_pieces(info_hash)).await.unwrap();

    assert!(!folder.exists());
    assert!(!soon("deactivate", bench.engine.deactivate(info_hash, true)).await.unwrap());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pieces_that_cannot_be_written_fail_that_torrent_until_it_is_activated_anew() {
    let film = film(42, MIB, SeederOptions::default()).await;
    let other = common::film(43, MIB, SeederOptions::default()).await;
    let bench = Bench::start().await;
    let info_hash = film.torrent.info_hash;
    let folder = bench.dir.path().join("pieces").join(info_hash.to_string());
    // Something that is no folder stands where the pieces should lie.
    std::fs::write(&folder, b"").unwrap();
    bench.activate(&film.torrent).await;
    let mut reader = soon("open", bench.engine.open_file(info_hash, FileIndex(0))).await.unwrap();

    // What came is served before it is written.
    let error = soon("read", reader.read_to_end(&mut Vec::new())).await.unwrap_err();
    let Some(ReadError::Failed(failure)) = ReadError::from_io(&error) else { panic!("{error:?}") };
    assert_eq!(failure.kind, FailureKind::Storage, "{failure}");
    until("it is known as failed", || bench.engine.is_active(info_hash)).await;
    let refused = soon("open", bench.engine.open_file(info_hash, FileIndex(0))).await;
    assert!(matches!(refused, Err(OpenFileError::Failed(_))), "{refused:?}");
    bench.activate(&other.torrent).await;
    assert!(read_whole(&bench.engine, other.torrent.info_hash, 0).await == other.bytes);

    std::fs::remove_file(&folder).unwrap();
    bench.activate(&film.torrent).await;
    assert!(read_whole(&bench.engine, info_hash, 0).await == film.bytes);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_of_another_torrent_is_refused() {
    let film = film(44, MIB, SeederOptions::default()).await;
    let bench = Bench::start().await;
    let mut wrong = spec(&film.torrent);
    wrong.info_hash = InfoHash::new([1; 20]);

    let refused = soon("activate", bench.engine.activate(wrong)).await;

    let expected = film.torrent.info_hash;
    assert!(matches!(refused, Err(ActivateError::WrongInfoHash(hash)) if hash == expected), "{refused:?}");
    assert!(!bench.engine.is_active(InfoHash::new([1; 20])));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_taken_port_is_a_state_and_not_a_failed_start() {
    let taken = std::net::TcpListener::bind("[::]:0").unwrap();
    let wanted = taken.local_addr().unwrap().port();

    let bench = Bench::with(|config| config.transfers.peer_port = wanted).await;

    let status = bench.engine.status();
    assert!(status.wanted_port_taken);
    assert!(status.peer_port.is_some_and(|port| port != wanted), "{status:?}");
    let free = Bench::start().await.engine.status();
    assert!(free.peer_port.is_some() && !free.wanted_port_taken, "{free:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_shutdown_ends_readers_and_frees_the_port() {
    let slow = SeederOptions { upload_limit_bytes_per_sec: 1, ..SeederOptions::default() };
    let film = film(45, MIB, slow).await;
    let bench = Bench::start().await;
    bench.activate(&film.torrent).await;
    let open = bench.engine.open_file(film.torrent.info_hash, FileIndex(0));
    let mut reader = soon("open", open).await.unwrap();
    let mut buf = [0; 10];
    let mut read = std::pin::pin!(reader.read(&mut buf));
    assert!(futures::poll!(read.as_mut()).is_pending());

    let missed = soon("shutdown", bench.engine.shutdown(Duration::from_secs(20))).await;

    assert_eq!(missed, Vec::<String>::new());
    let error = soon("read", read).await.unwrap_err();
    assert_eq!(ReadError::from_io(&error), Some(&ReadError::Removed));
    let refused = soon("activate", bench.engine.activate(spec(&film.torrent))).await;
    assert!(matches!(refused, Err(ActivateError::ShuttingDown)), "{refused:?}");
    let port = bench.engine.status().peer_port.unwrap();
    until("the port is free", || std::net::TcpListener::bind(("::", port)).is_ok()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_download_limit_holds_and_can_be_lifted_while_it_runs() {
    let film = film(46, 2 * MIB, SeederOptions::default()).await;
    let bench = Bench::with(|config| config.download_limit_bytes_per_sec = 1).await;
    bench.activate(&film.torrent).await;
    let open = bench.engine.open_file(film.torrent.info_hash, FileIndex(0));
    let mut reader = soon("open", open).await.unwrap();

    let early = tokio::time::timeout(Duration::from_millis(1500), reader.read(&mut [0; 10])).await;
    assert!(early.is_err(), "one byte a second");
    bench.engine.set_limits(0, 0);
    let mut whole = Vec::new();
    soon("read", reader.read_to_end(&mut whole)).await.unwrap();
    assert!(whole == film.bytes);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn peers_in_private_networks_are_neither_asked_nor_let_in_unless_allowed() {
    let film = film(47, MIB, SeederOptions::default()).await;
    let handshake = [
        &b"\x13BitTorrent protocol\0\0\0\0\0\x10\0\0"[..],
        film.torrent.info_hash.as_bytes(),
        b"-XX0001-abcdefghijkl",
    ]
    .concat();
    for (addresses, is_let_in) in [(AddressPolicy::GlobalOnly, false), (AddressPolicy::PrivateToo, true)] {
        let peer = Server::peer(film.torrent.info_hash, None).await;
        let bench = Bench::with(|config| config.addresses = addresses).await;
        let mut named = spec(&film.torrent);
        named.peers = vec![peer.address];
        soon("activate", bench.engine.activate(named)).await.unwrap();
        let open = bench.engine.open_file(film.torrent.info_hash, FileIndex(0));
        let _reader = soon("open", open).await.unwrap();

        let port = bench.engine.status().peer_port.unwrap();
        let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await.unwrap();
        stream.write_all(&handshake).await.unwrap();
        let mut answer = [0; 68];
        let answered = soon("answer", stream.read_exact(&mut answer)).await.is_ok();

        assert_eq!(answered, is_let_in, "{addresses:?}");
        if is_let_in {
            until("the named peer is asked", || peer.connections() > 0).await;
        } else {
            assert_eq!(peer.connections(), 0);
        }
        assert_eq!(paths(&bench.dir.path().join("pieces")), BTreeSet::new());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_active_torrent_gets_its_peers_from_an_http_tracker() {
    let film = film(48, MIB, SeederOptions::default()).await;
    let bench = Bench::start().await;
    // Impatient, and it names a peer that nobody could be.
    let mut answer = b"d8:intervali0e5:peers12:\x7f\0\0\x01\0\0\x7f\0\0\x01".to_vec();
    answer.extend_from_slice(&film.torrent.peer.port().to_be_bytes());
    answer.push(b'e');
    let tracker = Server::http(ok(&answer)).await;
    let moved = Server::http(redirect(&format!("http://{}/moved", tracker.address))).await;
    let mut announced = spec(&film.torrent);
    announced.peers.clear();
    announced.trackers = vec![format!("http://{}/announce?key=1", moved.address).parse().unwrap()];
    soon("activate", bench.engine.activate(announced)).await.unwrap();
    assert_eq!(moved.connections(), 0, "nobody is asked before somebody reads");

    assert!(read_whole(&bench.engine, film.torrent.info_hash, 0).await == film.bytes);

    assert_eq!((moved.connections(), tracker.connections()), (1, 1));
}
