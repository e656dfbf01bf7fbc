//! Which picture of a torrent is its poster, by its name.

use crate::{FileEntry, MediaKind};

/// What posters are called, the best first.
const NAMES: [&str; 4] = ["poster", "cover", "folder", "front"];
const EXTENSIONS: [&str; 3] = ["jpg", "jpeg", "png"];
/// A smaller file is no picture of a film.
const MIN_BYTES: u64 = 256;
/// A larger one is not worth fetching for a card.
pub const MAX_POSTER_FILE_BYTES: u64 = 4 * 1024 * 1024;

/// The picture that a torrent brings along for its card: one that is called so, or whose name ends so (`Film-poster.jpg`). The
/// better name counts, then the shorter way to it.
pub fn poster_file(files: &[FileEntry]) -> Option<&FileEntry> {
    let is_small = |file: &&FileEntry| (MIN_BYTES..=MAX_POSTER_FILE_BYTES).contains(&file.length_bytes);
    let pictures = files.iter().filter(|file| file.kind == MediaKind::Image).filter(is_small);
    let ranked = pictures.filter_map(|file| Some((rank(file)?, file)));
    ranked.min_by_key(|(rank, file)| (*rank, file.index)).map(|(_, file)| file)
}

/// By name, whether something stands before it, and depth.
fn rank(file: &FileEntry) -> Option<(usize, bool, usize)> {
    let (stem, extension) = file.name().rsplit_once('.')?;
    let (stem, extension) = (stem.to_lowercase(), extension.to_ascii_lowercase());
    if !EXTENSIONS.contains(&extension.as_str()) {
        return None;
    }
    let name = NAMES.iter().position(|name| {
        stem.strip_suffix(name).is_some_and(|before| !before.ends_with(char::is_alphanumeric))
    })?;
    Some((name, stem != NAMES[name], file.path.matches('/').count()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{FileIndex, media_kind};

    fn found(files: &[(&str, u64)]) -> Option<usize> {
        let entry = |(index, (path, length_bytes)): (usize, &(&str, u64))| FileEntry {
            index: FileIndex(index as u32),
            path: (*path).to_owned(),
            length_bytes: *length_bytes,
            kind: media_kind(path),
            torrserver_id: index as u32 + 1,
        };
        let files: Vec<_> = files.iter().enumerate().map(entry).collect();
        poster_file(&files).map(|file| file.index.as_usize())
    }

    #[test]
    fn the_name_decides_and_then_the_way_to_it() {
        let of = |paths: &[&str]| found(&paths.iter().map(|path| (*path, 50_000)).collect::<Vec<_>>());

        assert_eq!(of(&["film.mkv", "folder.jpg", "Cover.PNG", "sub/poster.jpeg"]), Some(3));
        assert_eq!(of(&["a/b/poster.jpg", "a/poster.jpg"]), Some(1));
        assert_eq!(of(&["Film-poster.jpg", "cover.jpg"]), Some(0));
        assert_eq!(of(&["Film-poster.jpg", "poster.jpg"]), Some(1));
        assert_eq!(of(&["Обложка cover.jpg"]), Some(0));
        assert_eq!(of(&["recover.jpg", "cover2.jpg", "shot01.png", "poster.webp", "poster.mkv"]), None);
    }

    #[test]
    fn what_is_too_large_or_too_small_is_no_poster() {
        let at = |length| found(&[("poster.jpg", length)]);

        assert_eq!(at(MAX_POSTER_FILE_BYTES), Some(0));
        assert_eq!(at(MAX_POSTER_FILE_BYTES + 1), None);
        assert_eq!(at(MIN_BYTES - 1), None);
        assert_eq!(found(&[("poster.jpg", MAX_POSTER_FILE_BYTES + 1), ("folder.jpg", 9_000)]), Some(1));
    }
}
