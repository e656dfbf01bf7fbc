//! The index of real files, made by `ffmpeg`, against what `ffprobe` finds by reading all of them.

#![allow(clippy::unwrap_used, reason = "helpers of a test may fail the test")]

mod broken;
mod clips;
mod hostile;
mod made;
mod matroska;
mod mp4;
mod rare;
mod time;

use std::ops::Range;
use std::path::Path;

use freshet_media::index::{ContainerIndex, IndexError, Progress, Reader};

/// What the reader found, and what it asked for.
struct Read {
    index: ContainerIndex,
    asked: Vec<Range<u64>>,
    asked_bytes: u64,
}

fn read(path: &Path) -> Read {
    let bytes = std::fs::read(path).unwrap();
    let mut asked = Vec::new();
    let mut reader = Reader::new(bytes.len() as u64);
    let index = drive(&mut reader, &bytes, |need| asked.push(need)).unwrap();
    let asked_bytes = asked.iter().map(|range| range.end - range.start).sum();
    assert_eq!(asked_bytes, reader.asked_bytes());
    Read { index, asked, asked_bytes }
}

/// Feeds the reader with just what it asks for.
fn drive(
    reader: &mut Reader,
    bytes: &[u8],
    mut on_need: impl FnMut(Range<u64>),
) -> Result<ContainerIndex, IndexError> {
    loop {
        let need = reader.need();
        on_need(need.clone());
        let part = bytes.get(need.start as usize..need.end as usize).expect("only what is in the file");
        match reader.feed(part)? {
            Progress::Done(index) => return Ok(*index),
            Progress::Need(range) => assert!(!range.is_empty()),
        }
    }
}
