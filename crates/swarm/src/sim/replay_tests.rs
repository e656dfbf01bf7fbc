//! Reports of real transfers, and of what nobody ever transferred.

use std::io::SeekFrom;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use freshet_model::InfoHash;
use sha1::{Digest, Sha1};
use tokio::io::{AsyncReadExt, AsyncSeekExt};
use tokio::time::timeout;

use super::replay::{Figure, MAX_REPORT_BYTES, ReplayError, parse, replay};
use crate::pieces::{FileSpan, ResumeFile};
use crate::report::{PeerFailure, Report, ReportClass, ReportEvent, ReportHappening, ReportPeer};
use crate::schedule::Class;
use crate::{Layout, NetworkSettings, PeerSource, Swarm, SwarmConfig, TorrentSpec};

const PATIENCE: Duration = Duration::from_secs(30);
const PIECE_BYTES: u32 = 64 * 1024;
const TOTAL_BYTES: usize = 8 << 20;
const SEEK_TO: u64 = 6 << 20;

async fn swarm(dir: &Path, id: u8) -> Swarm {
    let config = SwarmConfig {
        pieces_dir: dir.to_owned(),
        listen_port: Some(0),
        peer_id: [id; 20],
        accepts: Arc::new(|_| true),
        budget_bytes: None,
        resume: Arc::new(ResumeFile::new(dir)),
        download_limit_bytes_per_sec: None,
        upload_limit_bytes_per_sec: None,
        network: NetworkSettings::default(),
        route: freshet_web::Route::default(),
        blocklist: Arc::default(),
    };
    Swarm::start(config).await.unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_real_transfer_is_replayed_with_figures_of_its_kind() {
    let content: Vec<u8> =
        (0..TOTAL_BYTES as u32).map(|at| (at.wrapping_mul(0x9E37_79B1) >> 24) as u8).collect();
    let hashes: Vec<[u8; 20]> =
        content.chunks(PIECE_BYTES as usize).map(|piece| Sha1::digest(piece).into()).collect();
    let spec = TorrentSpec {
        info_hash: InfoHash::new([7; 20]),
        layout: Layout::new(PIECE_BYTES, TOTAL_BYTES as u64).unwrap(),
        piece_hashes: hashes.into(),
        files: [FileSpan { length_bytes: TOTAL_BYTES as u64, is_padding: false }].into(),
        is_private: false,
        info: None,
    };
    let (there, here) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let folder = there.path().join(spec.info_hash.to_string());
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join("0"), &content).unwrap();
    let (seeder, leecher) = (swarm(there.path(), b's').await, swarm(here.path(), b'l').await);
    // The seek finds nothing of its place yet.
    leecher.set_limits(Some(2 << 20), None);
    let seeding = seeder.add(spec.clone()).unwrap();
    let mut stats = seeding.stats();
    let is_here = stats.wait_for(|stats| stats.have_bytes == TOTAL_BYTES as u64);
    timeout(PATIENCE, is_here).await.unwrap().unwrap();
    let torrent = leecher.add(spec).unwrap();
    let port = seeder.listen_port().unwrap();
    torrent.add_peers(vec![([127, 0, 0, 1], port).into()], PeerSource::Given).await;
    let mut reader = torrent.open_reader(0..u64::MAX, Class::Player).await.unwrap();
    let mut first = vec![0; PIECE_BYTES as usize];
    timeout(PATIENCE, reader.read_exact(&mut first)).await.unwrap().unwrap();
    reader.seek(SeekFrom::Start(SEEK_TO)).await.unwrap();
    timeout(PATIENCE, reader.read_exact(&mut first)).await.unwrap().unwrap();
    assert!(first == content[SEEK_TO as usize..][..first.len()]);

    let report = torrent.report(false).await.unwrap();
    let json = serde_json::to_string_pretty(&report).unwrap();

    assert_eq!(parse(json.as_bytes()), Ok(report.clone()));
    for secret in ["127.0.0.1", &port.to_string(), &"07".repeat(20)] {
        assert!(!json.contains(&format!("\"{secret}")), "{secret} in {json}");
    }
    assert!(!json.contains("127.0.0.1"), "{json}");
    assert_eq!(torrent.report(true).await.unwrap().info_hash, Some("07".repeat(20)));
    assert_eq!(report.peers.len(), 1);
    let peer = &report.peers[0];
    assert!(peer.rate_bytes_per_sec > 0 && peer.received_bytes > 0, "{peer:?}");
    assert_eq!((peer.has_permille, peer.left_ms, peer.flips_ms.len()), (1000, None, 1));
    let figures = replay(&report).unwrap();
    let places: Vec<u64> = figures.iter().map(|figure| figure.at_byte).collect();
    assert_eq!(places, [0, SEEK_TO]);
    assert!(figures[1].reported_secs.is_some(), "{figures:?}");
    let first_byte_secs = figures[1].first_byte_secs.unwrap();
    let first_mib_secs = figures[1].first_mib_secs.unwrap();
    // At the measured rate, a piece and a MiB take at least so long, and not ten times longer.
    let rate = peer.rate_bytes_per_sec as f64;
    let mib_secs = f64::from(1 << 20) / rate;
    assert!((0.0..10.0 * mib_secs + 1.0).contains(&first_byte_secs), "{figures:?} at {rate}");
    assert!(first_mib_secs >= first_byte_secs && first_mib_secs < 10.0 * mib_secs + 2.0, "{figures:?}");
}

fn some_peer() -> ReportPeer {
    ReportPeer {
        number: 0,
        joined_ms: 0,
        left_ms: None,
        failure: None,
        is_incoming: false,
        is_encrypted: true,
        is_utp: false,
        supports_fast: true,
        round_trip_us: 50_000,
        rate_bytes_per_sec: 1_000_000,
        received_bytes: 0,
        has_permille: 1000,
        flips_ms: vec![100],
    }
}

fn some_report() -> Report {
    let event = |at_ms, what| ReportEvent { at_ms, what };
    Report {
        version: 1,
        info_hash: None,
        piece_bytes: 1 << 20,
        total_bytes: 1 << 30,
        lasted_ms: 20_000,
        have_bytes: 0,
        downloaded_bytes: 0,
        uploaded_bytes: 0,
        duplicate_bytes: 0,
        unwanted_bytes: 0,
        corrupt_bytes: 0,
        hedges: 0,
        hedges_won: 0,
        banned_peers: 0,
        peers: vec![some_peer(); 4],
        events: vec![
            event(
                0,
                ReportHappening::ReaderOpened {
                    reader: 0,
                    class: ReportClass::Player,
                    from_byte: 0,
                    end_byte: 1 << 30,
                },
            ),
            event(10_000, ReportHappening::Seek { reader: 0, to_byte: 1 << 29 }),
            event(10_900, ReportHappening::Served { reader: 0, waited_ms: 900 }),
        ],
    }
}

#[test]
fn a_seek_takes_what_its_piece_takes_at_the_rates_of_the_report() {
    let figures = replay(&some_report()).unwrap();

    assert_eq!(figures.len(), 2);
    let Figure { at_byte, first_byte_secs, first_mib_secs, reported_secs, .. } = figures[1];
    assert_eq!((at_byte, reported_secs), (1 << 29, Some(0.9)));
    // 1 MiB from four peers of 1 MB/s, and the way there and back.
    assert!((0.3..1.0).contains(&first_byte_secs.unwrap()), "{figures:?}");
    assert_eq!(first_byte_secs, first_mib_secs, "its first MiB is one piece");
}

#[test]
fn who_never_let_us_or_left_or_lied_gives_nothing_in_the_replay_either() {
    let waits = |change: &dyn Fn(&mut ReportPeer)| {
        let mut report = some_report();
        report.peers.iter_mut().for_each(change);
        replay(&report).unwrap()[1].first_byte_secs
    };
    assert_eq!(waits(&|peer| peer.flips_ms.clear()), None);
    assert_eq!(waits(&|peer| peer.left_ms = Some(5_000)), None);
    assert_eq!(waits(&|peer| peer.has_permille = 0), None);
    assert_eq!(waits(&|peer| peer.failure = Some(PeerFailure::Lied)), None);
    // They choke from the seek on, for three seconds.
    let late = waits(&|peer| peer.flips_ms.extend([9_900, 13_000]));
    assert!((3.0..4.5).contains(&late.unwrap()), "{late:?}");
}

#[test]
fn what_no_report_tells_is_refused() {
    let parsed = |report: &Report| parse(&serde_json::to_vec(report).unwrap());
    let with = |change: &dyn Fn(&mut Report)| {
        let mut report = some_report();
        change(&mut report);
        parsed(&report)
    };
    assert_eq!(with(&|_| {}), Ok(some_report()));
    assert_eq!(with(&|report| report.version = 2), Err(ReplayError::Version(2)));
    assert_eq!(with(&|report| report.piece_bytes = 0), Err(ReplayError::Layout(1 << 30, 0)));
    let huge = Err(ReplayError::Layout(u64::MAX, 1 << 20));
    assert_eq!(with(&|report| report.total_bytes = u64::MAX), huge);
    assert_eq!(with(&|report| report.peers = vec![some_peer(); 201]), Err(ReplayError::TooMany));
    let opened = some_report().events[0].clone();
    assert_eq!(with(&|report| report.events = vec![opened.clone(); 65]), Err(ReplayError::TooMany));
    assert_eq!(parse(&vec![b' '; MAX_REPORT_BYTES + 1]), Err(ReplayError::TooLong));
    assert!(matches!(parse(b"{\"version\": 1e400}"), Err(ReplayError::Unreadable(_))));
}

#[test]
fn numbers_that_nothing_has_are_cut_to_some_that_something_could_have() {
    let mut report = some_report();
    for (place, peer) in report.peers.iter_mut().enumerate() {
        peer.rate_bytes_per_sec = if place % 2 == 0 { u64::MAX } else { 0 };
        peer.round_trip_us = u64::MAX;
        peer.has_permille = u32::MAX;
        peer.flips_ms = vec![u64::MAX, 0, 5, 1];
        peer.left_ms = Some(u64::MAX);
    }
    for event in &mut report.events {
        event.at_ms = u64::MAX;
    }
    report
        .events
        .push(ReportEvent { at_ms: 0, what: ReportHappening::Seek { reader: 0, to_byte: u64::MAX } });
    report.events.push(ReportEvent {
        at_ms: 0,
        what: ReportHappening::Served { reader: u64::MAX, waited_ms: u64::MAX },
    });

    let figures = replay(&report).unwrap();

    assert_eq!(figures.len(), 2, "a place outside of the torrent is none");
}

/// The report that `FRESHET_REPORT` names, else one that was made up; prints its figures.
#[test]
fn the_named_report_is_replayed() {
    let report = match std::env::var_os("FRESHET_REPORT") {
        Some(path) => parse(&std::fs::read(path).unwrap()).unwrap(),
        None => some_report(),
    };
    let secs = |secs: Option<f64>| secs.map_or("-".to_owned(), |secs| format!("{secs:.2} s"));
    let figures = replay(&report).unwrap();
    for figure in &figures {
        println!(
            "reader {} at {}: first byte {}, first MiB {}, reported {}",
            figure.reader,
            figure.at_byte,
            secs(figure.first_byte_secs),
            secs(figure.first_mib_secs),
            secs(figure.reported_secs)
        );
    }
    let is_place = |what: &ReportHappening| {
        matches!(what, ReportHappening::ReaderOpened { .. } | ReportHappening::Seek { .. })
    };
    assert!(figures.len() <= report.events.iter().filter(|event| is_place(&event.what)).count());
}
