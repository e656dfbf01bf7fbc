//! Fills a data folder with a library that looks like somebody's, for looks and measurements:
//! `cargo run -p freshet-store --example fill -- FOLDER COUNT`. The same count gives the same library. Nothing of it can be played.
#![allow(clippy::print_stderr, reason = "a command line tool speaks to who started it")]

use std::error::Error;

use freshet_model::{FileEntry, FileIndex, InfoHash, TorrentRecord, media_kind};
use freshet_store::{Store, StoreOptions};
use tokio::task::JoinSet;

const FIRST: &[&str] =
    &["Silent", "Northern", "Paper", "Hollow", "Amber", "Winter", "Second", "Glass", "Distant", "Copper"];
const SECOND: &[&str] =
    &["River", "Harbor", "Lantern", "Orchard", "Signal", "Meridian", "Garden", "Station", "Letters", "Tide"];
const FIRST_RU: &[&str] = &["Тихая", "Белая", "Последняя", "Старая", "Дальняя"];
const SECOND_RU: &[&str] = &["река", "гавань", "станция", "зима", "дорога"];
const GROUPS: &[&str] = &["EXAMPLE", "SAMPLE", "DEMO"];
/// Added at once, so that the disk is asked rarely.
const AT_ONCE: u64 = 500;

type Failure = Box<dyn Error + Send + Sync>;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Failure> {
    let mut arguments = std::env::args().skip(1);
    let (Some(folder), Some(count)) = (arguments.next(), arguments.next()) else {
        return Err("usage: fill FOLDER COUNT".into());
    };
    let count: u64 = count.parse()?;
    std::fs::create_dir_all(&folder)?;
    let (store, _) = Store::open(StoreOptions::new(std::path::Path::new(&folder).join("freshet.db")))?;
    for first in (0..count).step_by(usize::try_from(AT_ONCE)?) {
        let mut adding: JoinSet<_> =
            (first..count.min(first + AT_ONCE)).map(|number| add(store.clone(), number)).collect();
        while let Some(added) = adding.join_next().await {
            added??;
        }
    }
    store.close().await?;
    eprintln!("{count} torrents in {folder}");
    Ok(())
}

async fn add(store: Store, number: u64) -> Result<(), Failure> {
    let torrent = torrent(number);
    let (info_hash, episodes) = (torrent.info_hash, u32::try_from(torrent.files.len())?);
    store.add_torrent(torrent).await?;
    // Every third one was looked at, and some to the end.
    let seen = match number % 6 {
        0 => episodes / 2,
        3 => episodes,
        _ => 0,
    };
    for index in 0..seen {
        store.set_viewed(info_hash, FileIndex(index), true, 1_700_000_000_000 + number).await?;
    }
    Ok(())
}

fn torrent(number: u64) -> TorrentRecord {
    let pick = |words: &[&'static str], by: u64| words[usize::try_from(by % words.len() as u64).unwrap_or(0)];
    let (first, second) = if number.is_multiple_of(3) { (FIRST_RU, SECOND_RU) } else { (FIRST, SECOND) };
    let title = format!("{} {}", pick(first, number / 7), pick(second, number / 3));
    let (dotted, year, group) = (title.replace(' ', "."), 1950 + number % 75, pick(GROUPS, number));
    let (name, paths): (String, Vec<String>) = match number % 10 {
        0 | 1 | 5 | 6 => {
            let season = 1 + number % 4;
            let paths = (1..=8 + number % 5)
                .map(|episode| format!("{dotted}.S{season:02}E{episode:02}.1080p.WEB-DL-{group}.mkv"));
            (format!("{dotted}.S{season:02}.1080p.WEB-DL.H.264-{group}"), paths.collect())
        }
        4 => {
            let paths = (1..=10).map(|track| format!("{track:02} - Track {track}.flac"));
            (format!("{title} - {} ({year}) [FLAC]", pick(SECOND, number)), paths.collect())
        }
        _ => {
            let lines = if number.is_multiple_of(2) { 2160 } else { 1080 };
            let name = format!("{dotted}.{year}.{lines}p.BluRay.x265-{group}");
            (name.clone(), vec![format!("{name}.mkv")])
        }
    };
    let files: Vec<_> = (0..)
        .zip(&paths)
        .map(|(index, path)| FileEntry {
            index: FileIndex(index),
            path: path.clone(),
            length_bytes: 700_000_000 + 1_000_003 * (number % 997),
            kind: media_kind(path),
            torrserver_id: index + 1,
        })
        .collect();
    let mut info_hash = [0; 20];
    // Scattered, so that the tiles have all colors.
    info_hash[..8].copy_from_slice(&number.wrapping_mul(0x9e37_79b9_7f4a_7c15).to_be_bytes());
    info_hash[12..].copy_from_slice(&number.to_be_bytes());
    TorrentRecord {
        name,
        category: if number % 50 == 7 { "Kids".to_owned() } else { String::new() },
        is_pinned: number % 25 == 3,
        total_bytes: files.iter().map(|file| file.length_bytes).sum(),
        is_single_file: files.len() == 1,
        metainfo: Some(b"d4:infodee".to_vec()),
        files,
        ..TorrentRecord::new(InfoHash::new(info_hash), 1_700_000_000 + number)
    }
}
