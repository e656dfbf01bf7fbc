//! Chapters and moments of a film of which nothing is here yet.

#![allow(clippy::unwrap_used, reason = "a test that meets an error has failed")]

mod common;

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use common::{shutdown, soon, start};
use freshet_app::{App, Description, IndexError};
use freshet_engine::testing::{SeededTorrent, Seeder, SeederOptions};
use freshet_model::{ErrorCode, FileIndex, TorrentSource};

const PIECE_BYTES: u32 = 32 * 1024;
const FILE: FileIndex = FileIndex(0);

/// Twenty seconds and some megabytes with two chapters. Its index stands at its end.
fn make_film(folder: &Path) -> std::path::PathBuf {
    let (chapters, film) = (folder.join("chapters.txt"), folder.join("film.mp4"));
    let chapter = |from, to, name| format!("[CHAPTER]\nTIMEBASE=1/1\nSTART={from}\nEND={to}\ntitle={name}\n");
    let text = format!(";FFMETADATA1\n{}{}", chapter(0, 8, "Opening"), chapter(8, 20, "The rest"));
    std::fs::write(&chapters, text).unwrap();
    let made = Command::new("ffmpeg")
        .args(["-v", "error", "-f", "lavfi", "-i", "testsrc2=s=320x180:r=25:d=20", "-i"])
        .arg(&chapters)
        .args(["-map_chapters", "1", "-c:v", "libx264", "-preset", "ultrafast", "-g", "50", "-b:v", "1500k"])
        .arg(&film)
        .status();
    assert!(made.unwrap().success());
    film
}

async fn add(app: &App, torrent: &SeededTorrent) {
    let magnet = TorrentSource::parse(&torrent.magnet()).unwrap();
    app.add(magnet, Description::default()).await.unwrap();
    soon("the details", app.wait_until_ready(torrent.info_hash)).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_index_costs_the_ends_of_the_file_once_and_is_kept() {
    let folder = tempfile::tempdir().unwrap();
    let film = make_film(folder.path());
    assert!(film.metadata().unwrap().len() > 1_000_000);
    let seeder = Seeder::start(SeederOptions::default()).await.unwrap();
    let torrent = soon("seeding", seeder.seed(&film, Some(PIECE_BYTES))).await.unwrap();
    let hash = torrent.info_hash;
    let data = folder.path().join("data");
    let app = start(&data).await;
    add(&app, &torrent).await;

    let index = soon("the index", app.container_index(hash, FILE)).await.unwrap().unwrap();

    let names: Vec<_> =
        index.chapters().iter().map(|it| (it.start.as_secs(), it.names[0].text.clone())).collect();
    assert_eq!(names, [(0, "Opening".to_owned()), (8, "The rest".to_owned())]);
    let times = index.time_index.as_ref().unwrap();
    let ten = times.sync_before(Duration::from_secs(10)).unwrap();
    assert_eq!((ten.time, ten.is_sync), (Duration::from_secs(10), true));
    let record = app.torrent(hash).await.unwrap().unwrap();
    let pieces = app.pieces(&record);
    let here: Vec<_> = pieces.complete().collect();
    // A look fetches 256 KiB ahead of its place, and reads some of the head before it goes to the end.
    let is_end = |piece: u32| piece < 16 || piece + 2 >= pieces.piece_count;
    assert!(pieces.piece_count > 100 && here.iter().all(|piece| is_end(*piece)), "{here:?}");
    assert_eq!(record.last_opened_at_secs, None, "a look is no opening");
    shutdown(app).await;
    seeder.stop().await;

    // With nobody there and nothing on the disk.
    std::fs::remove_dir_all(data.join("pieces")).unwrap();
    let app = start(&data).await;
    assert_eq!(soon("the kept index", app.container_index(hash, FILE)).await.unwrap().unwrap(), index);
    shutdown(app).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_is_no_film_says_so_and_one_that_is_not_there_is_an_error() {
    let swarm = common::Swarm::seed(&[("film.mkv", 300_000)]).await;
    let folder = tempfile::tempdir().unwrap();
    let app = start(folder.path()).await;
    add(&app, &swarm.torrent).await;
    let hash = swarm.torrent.info_hash;

    let read = soon("the head", app.container_index(hash, FILE)).await.unwrap();
    assert_eq!(read.unwrap_err(), IndexError::UnknownContainer);
    let missing = app.container_index(hash, FileIndex(5)).await.unwrap_err();
    assert_eq!(missing.code, ErrorCode::NoSuchFile);
    shutdown(app).await;
}
