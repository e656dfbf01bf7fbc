//! The doors at which a stranger's container and the names of his releases come in, as plain functions: `fuzz/` runs it with bytes that cargo-fuzz makes
//! up, and the test below with the corpus that lies there.
//!
//! They panic if what they are given breaks a promise of the reader behind them.

use std::io::Cursor;
use std::pin::pin;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use freshet_model::SubtitleCue;

use crate::index::{ContainerIndex, IndexError, MAX_ASKED_BYTES, Progress, Reader, TimeIndex};
use crate::names::{MAX_NAME_BYTES, ReleaseKind, ReleaseName, of_torrent};
use crate::subtitles::{
    MAX_CUES, SubtitleReader, TimedFormat, checked_sup, decode, event_line, script_cues, sup_of, timed_cues,
};

/// A name, by which its corpus and its binary are called, and the door.
pub type Target = (&'static str, fn(&[u8]));

pub const TARGETS: [Target; 4] = [
    ("container_index", container_index),
    ("subtitle_text", subtitle_text),
    ("subtitle_blocks", subtitle_blocks),
    ("release_name", release_name),
];

/// A whole file.
pub fn container_index(bytes: &[u8]) {
    let file_bytes = bytes.len() as u64;
    let found = read(Reader::new(file_bytes), bytes);
    // Whether a part comes with the head or is asked for by itself makes no difference.
    assert_eq!(found, read(Reader::with_head(file_bytes, 16), bytes));
    if let Ok(index) = found {
        check(&index, file_bytes);
    }
}

/// A file of subtitles, by each of its readers.
pub fn subtitle_text(bytes: &[u8]) {
    for (charset, language) in [(None, None), (Some("UTF-16LE"), None), (None, Some("ru"))] {
        let (text, _) = decode(bytes, charset, language);
        for format in [TimedFormat::Srt, TimedFormat::WebVtt] {
            check_cues(&timed_cues(&text, format));
        }
        check_cues(&script_cues(&text));
        if let Some(line) = event_line(&text, 1.0, 2.0) {
            assert!(!line.contains(['\n', '\r', '\0']));
        }
    }
    let sup = checked_sup(bytes);
    assert_eq!(checked_sup(&sup), sup, "what was looked through is as it should be");
    let block = sup_of(bytes, 1.0);
    assert_eq!(checked_sup(&block).is_empty(), block.is_empty());
}

fn check_cues(cues: &[SubtitleCue]) {
    assert!(cues.len() <= MAX_CUES);
    for cue in cues {
        assert!(cue.start_secs.is_finite() && cue.start_secs >= 0.0 && cue.end_secs > cue.start_secs);
        assert!(!cue.runs.is_empty() && cue.runs.iter().all(|run| !run.text.is_empty()));
        assert!(cue.runs.iter().all(|run| !run.text.contains(|c: char| c.is_control() && c != '\n')));
    }
}

/// A whole film, the subtitles of which are read.
pub fn subtitle_blocks(bytes: &[u8]) {
    let Ok(index) = read(Reader::new(bytes.len() as u64), bytes) else { return };
    let Some(subtitles) = &index.subtitles else { return };
    let times = index.time_index.as_ref().ok();
    for track in &subtitles.tracks {
        for (from, to) in [(0, 5), (3, 600), (0, u64::MAX)] {
            let (from, to) = (Duration::from_secs(from), Duration::from_secs(to.min(1 << 40)));
            let reader = SubtitleReader::new(Cursor::new(bytes), bytes.len() as u64, subtitles, times);
            let Ok(found) = at_once(reader.window(track, from, to, &[])) else { continue };
            let blocks = found.blocks;
            assert!(blocks.is_sorted_by_key(|block| block.start));
            assert!(blocks.iter().all(|block| (from..to).contains(&block.start)));
        }
    }
}

/// The name of a torrent, alone and as that of its files too.
pub fn release_name(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    check_name(&ReleaseName::of(&text));
    let files: Vec<&str> = text.split('/').collect();
    check_name(&of_torrent(&text, &files));
}

pub(crate) fn check_name(name: &ReleaseName) {
    // Some signs become two letters.
    let longest = MAX_NAME_BYTES * 2;
    let texts = [Some(&name.title), name.original_title.as_ref(), name.group.as_ref(), name.aired.as_ref()];
    for text in texts.into_iter().flatten() {
        assert!(text.len() <= longest && text.trim() == text, "{name:?}");
    }
    let ranges = [(name.first_season, name.last_season), (name.first_episode, name.last_episode)];
    for range in ranges {
        let is_right = matches!(range, (None, None))
            || matches!(range, (Some(first), Some(last)) if first <= last && last <= 9999);
        assert!(is_right, "{name:?}");
        assert!(range == (None, None) || name.kind == ReleaseKind::Series, "{name:?}");
    }
}

/// What waits for nothing.
fn at_once<F: Future>(future: F) -> F::Output {
    let mut future = pin!(future);
    let mut context = Context::from_waker(Waker::noop());
    loop {
        if let Poll::Ready(output) = future.as_mut().poll(&mut context) {
            return output;
        }
    }
}

fn read(mut reader: Reader, bytes: &[u8]) -> Result<ContainerIndex, IndexError> {
    loop {
        let need = reader.need();
        assert!(need.end <= bytes.len() as u64 && reader.asked_bytes() <= MAX_ASKED_BYTES);
        match reader.feed(&bytes[need.start as usize..need.end as usize]) {
            Ok(Progress::Need(range)) => assert!(!range.is_empty() && range == reader.need()),
            Ok(Progress::Done(index)) => {
                assert!(reader.need().is_empty());
                return Ok(*index);
            }
            Err(error) => {
                assert!(reader.need().is_empty());
                return Err(error);
            }
        }
    }
}

fn check(index: &ContainerIndex, file_bytes: u64) {
    for attachment in &index.attachments {
        assert!(attachment.data.start <= attachment.data.end && attachment.data.end <= file_bytes);
    }
    for chapter in index.editions.iter().flat_map(|edition| &edition.chapters) {
        assert!(chapter.end.is_none_or(|end| end > chapter.start));
    }
    assert_eq!(ContainerIndex::from_bytes(&index.to_bytes()).as_ref(), Some(index), "as it was kept");
    if let Ok(times) = &index.time_index {
        check_times(times, file_bytes);
    }
}

fn check_times(times: &TimeIndex, file_bytes: u64) {
    let points = times.points();
    assert!(points.windows(2).all(|pair| pair[0].time < pair[1].time && pair[0].byte < pair[1].byte));
    for point in points {
        assert!(point.byte < file_bytes);
        let (byte, time) = (times.byte_at(point.time), times.time_at(point.byte));
        assert!(byte.is_exact && byte.value == point.byte);
        assert!(time.is_exact && time.value == point.time);
    }
    let mut latest = Duration::ZERO;
    for byte in (0..=file_bytes).step_by(1 + file_bytes as usize / 64) {
        let time = times.time_at(byte).value;
        assert!(time >= latest, "{time:?} at {byte} after {latest:?}: {times:?}");
        assert!(times.byte_at(time).value <= file_bytes, "{time:?}: {times:?}");
        latest = time;
    }
    for shortest in [Duration::ZERO, Duration::from_secs(4)] {
        let rates = times.bit_rates(shortest);
        assert!(rates.windows(2).all(|pair| pair[0].span.end == pair[1].span.start));
        assert!(rates.iter().all(|rate| rate.bits_per_second.is_finite() && rate.bits_per_second >= 0.0));
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::fs;
    use std::path::{Path, PathBuf};

    use super::*;

    /// What matters stands at the front and at the end of a file.
    const FRONT_BYTES: usize = 700;
    const END_BYTES: usize = 500;

    fn fuzz_dir() -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz")
    }

    fn names_in(dir: &Path) -> BTreeSet<String> {
        let stem = |path: PathBuf| path.file_stem().unwrap().to_str().unwrap().to_owned();
        fs::read_dir(dir).unwrap().map(|entry| stem(entry.unwrap().path())).collect()
    }

    fn seeds_of(name: &str) -> Vec<Vec<u8>> {
        let files = fs::read_dir(fuzz_dir().join("corpus").join(name)).unwrap();
        let mut paths: Vec<PathBuf> = files.map(|entry| entry.unwrap().path()).collect();
        paths.sort();
        paths.into_iter().map(|path| fs::read(path).unwrap()).collect()
    }

    fn places(seed: &[u8]) -> impl Iterator<Item = usize> + use<> {
        let front = seed.len().min(FRONT_BYTES);
        (0..front).chain(front.max(seed.len().saturating_sub(END_BYTES))..seed.len())
    }

    #[test]
    fn every_door_has_a_binary_and_a_corpus() {
        let doors: BTreeSet<String> = TARGETS.iter().map(|(name, _)| (*name).to_owned()).collect();
        assert_eq!(names_in(&fuzz_dir().join("fuzz_targets")), doors);
        assert_eq!(names_in(&fuzz_dir().join("corpus")), doors);
        for name in doors {
            assert!(seeds_of(&name).len() >= 3, "{name}");
        }
    }

    #[test]
    fn no_seed_and_no_part_of_one_makes_a_door_panic() {
        for (name, door) in TARGETS {
            for seed in seeds_of(name) {
                door(&seed);
                places(&seed).for_each(|end| door(&seed[..end]));
            }
        }
    }

    #[test]
    fn no_seed_with_a_wrong_byte_makes_a_door_panic() {
        for (name, door) in TARGETS {
            for mut seed in seeds_of(name) {
                for at in places(&seed) {
                    let right = seed[at];
                    for wrong in [0xff, right ^ 1] {
                        seed[at] = wrong;
                        door(&seed);
                    }
                    seed[at] = right;
                }
            }
        }
    }
}
