//! Files written by hand, box by box and element by element.

use std::collections::BTreeMap;

use freshet_media::index::{ContainerIndex, IndexError, Progress, Reader};

/// A file of which only some stretches are not zero.
#[derive(Default)]
pub(crate) struct Sparse {
    parts: BTreeMap<u64, Vec<u8>>,
    pub(crate) bytes: u64,
}

impl Sparse {
    pub(crate) fn of(bytes: Vec<u8>) -> Self {
        let length = bytes.len() as u64;
        Self { parts: BTreeMap::from([(0, bytes)]), bytes: length }
    }

    pub(crate) fn append(&mut self, part: Vec<u8>) {
        let at = self.bytes;
        self.bytes += part.len() as u64;
        self.parts.insert(at, part);
    }

    pub(crate) fn skip(&mut self, bytes: u64) {
        self.bytes += bytes;
    }

    pub(crate) fn read(&self) -> Result<(ContainerIndex, u64), IndexError> {
        let mut reader = Reader::new(self.bytes);
        loop {
            let need = reader.need();
            assert!(need.end <= self.bytes);
            let mut bytes = vec![0; (need.end - need.start) as usize];
            for (start, part) in &self.parts {
                let from = need.start.max(*start);
                let to = need.end.min(start + part.len() as u64);
                if from < to {
                    let here = &part[(from - start) as usize..(to - start) as usize];
                    bytes[(from - need.start) as usize..(to - need.start) as usize].copy_from_slice(here);
                }
            }
            if let Progress::Done(index) = reader.feed(&bytes)? {
                return Ok((*index, reader.asked_bytes()));
            }
        }
    }
}

pub(crate) fn mp4_box(kind: &[u8; 4], parts: &[&[u8]]) -> Vec<u8> {
    let body = parts.concat();
    [&(body.len() as u32 + 8).to_be_bytes()[..], kind, &body].concat()
}

/// A full box of words.
pub(crate) fn words(kind: &[u8; 4], words: &[u32]) -> Vec<u8> {
    let body: Vec<u8> = words.iter().flat_map(|word| word.to_be_bytes()).collect();
    mp4_box(kind, &[&[0; 4], &body])
}

/// A movie of one video track of 1000 ticks a second with these tables.
pub(crate) fn moov(tables: &[Vec<u8>]) -> Vec<u8> {
    let stbl = mp4_box(b"stbl", &[&tables.concat()]);
    let hdlr = words(b"hdlr", &[0, u32::from_be_bytes(*b"vide"), 0, 0, 0]);
    let mdia =
        mp4_box(b"mdia", &[&words(b"mdhd", &[0, 0, 1000, 60_000, 0]), &hdlr, &mp4_box(b"minf", &[&stbl])]);
    let trak = mp4_box(b"trak", &[&words(b"tkhd", &[0, 0, 1, 0, 0]), &mdia]);
    mp4_box(b"moov", &[&words(b"mvhd", &[0, 0, 1000, 60_000]), &trak])
}

pub(crate) fn ftyp() -> Vec<u8> {
    mp4_box(b"ftyp", &[b"isom", &[0; 4]])
}

pub(crate) fn in_front(tables: &[Vec<u8>]) -> Sparse {
    let mut file = Sparse::of([ftyp(), moov(tables)].concat());
    file.skip(1 << 40);
    file
}

pub(crate) fn element(id: u32, body: &[u8]) -> Vec<u8> {
    let id = id.to_be_bytes();
    let id = &id[id.iter().position(|byte| *byte != 0).unwrap()..];
    [id, &((body.len() as u64) | 1 << 56).to_be_bytes(), body].concat()
}

pub(crate) fn matroska(parts: &[Vec<u8>]) -> Vec<u8> {
    [element(0x1a45_dfa3, &element(0x4282, b"matroska")), element(0x1853_8067, &parts.concat())].concat()
}

pub(crate) fn number(id: u32, value: u64) -> Vec<u8> {
    element(id, &value.to_be_bytes())
}

pub(crate) fn video_track() -> Vec<u8> {
    element(0x1654_ae6b, &element(0xae, &[number(0xd7, 1), number(0x83, 1)].concat()))
}

pub(crate) fn seek(id: u32, position: u64) -> Vec<u8> {
    element(0x4dbb, &[element(0x53ab, &id.to_be_bytes()), number(0x53ac, position)].concat())
}
