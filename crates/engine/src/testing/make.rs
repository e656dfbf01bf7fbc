//! Makes a `.torrent` from a file or folder.
//!
//! Files stand in the order of their paths, so that the same folder always gives the same info hash.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use sha1::{Digest, Sha1};

/// The bytes of a `.torrent` for `path`, and the folder that its files' paths start from. Reads every byte: call it
/// where blocking is allowed.
pub(super) fn torrent_file(path: &Path, piece_bytes: u32) -> io::Result<(Vec<u8>, PathBuf)> {
    let invalid = |text: &str| io::Error::new(io::ErrorKind::InvalidInput, text.to_owned());
    let path = fs::canonicalize(path)?;
    let name = path.file_name().and_then(|name| name.to_str()).ok_or_else(|| invalid("no name"))?;
    let is_folder = path.is_dir();
    let mut files = Vec::new();
    if is_folder {
        collect(&path, &mut files)?;
        files.sort();
    } else {
        files.push(path.clone());
    }

    let mut hasher = PieceHasher::new(piece_bytes);
    let mut lengths = Vec::with_capacity(files.len());
    for file in &files {
        lengths.push(hasher.read(File::open(file)?)?);
    }
    let pieces = hasher.finish();

    let mut out = b"d4:infod".to_vec();
    if is_folder {
        out.extend_from_slice(b"5:filesl");
        for (file, length) in files.iter().zip(&lengths) {
            out.extend_from_slice(format!("d6:lengthi{length}e4:pathl").as_bytes());
            let relative = file.strip_prefix(&path).map_err(|_| invalid("outside of the folder"))?;
            for component in relative {
                string(&mut out, component.to_str().ok_or_else(|| invalid("a name is no text"))?.as_bytes());
            }
            out.extend_from_slice(b"ee");
        }
        out.push(b'e');
    } else {
        out.extend_from_slice(format!("6:lengthi{}e", lengths[0]).as_bytes());
    }
    out.extend_from_slice(b"4:name");
    string(&mut out, name.as_bytes());
    out.extend_from_slice(format!("12:piece lengthi{piece_bytes}e6:pieces").as_bytes());
    string(&mut out, &pieces);
    out.extend_from_slice(b"ee");
    let folder = if is_folder { path } else { path.parent().unwrap_or(&path).to_owned() };
    Ok((out, folder))
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let kind = entry.file_type()?;
        if kind.is_dir() {
            collect(&entry.path(), files)?;
        } else if kind.is_file() {
            files.push(entry.path());
        }
    }
    Ok(())
}

fn string(out: &mut Vec<u8>, bytes: &[u8]) {
    out.extend_from_slice(format!("{}:", bytes.len()).as_bytes());
    out.extend_from_slice(bytes);
}

/// Pieces run on from one file into the next.
struct PieceHasher {
    piece_bytes: usize,
    current: Vec<u8>,
    hashes: Vec<u8>,
}

impl PieceHasher {
    fn new(piece_bytes: u32) -> Self {
        Self { piece_bytes: piece_bytes as usize, current: Vec::new(), hashes: Vec::new() }
    }

    fn read(&mut self, mut file: File) -> io::Result<u64> {
        let mut length = 0;
        loop {
            let room = (self.piece_bytes - self.current.len()) as u64;
            let count = file.by_ref().take(room).read_to_end(&mut self.current)?;
            length += count as u64;
            if self.current.len() == self.piece_bytes {
                self.end_piece();
            } else if count == 0 {
                return Ok(length);
            }
        }
    }

    fn end_piece(&mut self) {
        self.hashes.extend_from_slice(&Sha1::digest(&self.current));
        self.current.clear();
    }

    fn finish(mut self) -> Vec<u8> {
        if !self.current.is_empty() {
            self.end_piece();
        }
        self.hashes
    }
}
