//! Pictures of the film inside its tags (`moov/udta/meta/ilst/covr`), as places in the file.

use super::super::Attachment;
use crate::boxes::Boxes;

const MAX_COVERS: usize = 16;

/// Pictures in the body of a `moov` that begins at byte `start` of the file.
pub(super) fn covers(moov: &[u8], start: u64) -> Vec<Attachment> {
    let Some(meta) = Boxes::find(moov, b"udta").and_then(|udta| Boxes::find(udta, b"meta")) else {
        return Vec::new();
    };
    // A full box in MP4, a plain one in MOV.
    let ilst =
        meta.get(4..).and_then(|body| Boxes::find(body, b"ilst")).or_else(|| Boxes::find(meta, b"ilst"));
    let Some(covr) = ilst.and_then(|ilst| Boxes::find(ilst, b"covr")) else { return Vec::new() };
    let pictures = Boxes::new(covr).filter(|(kind, _)| kind == b"data").take(MAX_COVERS);
    pictures.filter_map(|(_, data)| cover(data, moov, start)).collect()
}

/// Of the body of `data`: what it is, a locale, the picture.
fn cover(data: &[u8], moov: &[u8], start: u64) -> Option<Attachment> {
    let (kind, rest) = data.split_first_chunk::<4>()?;
    let picture = rest.get(4..).filter(|picture| !picture.is_empty())?;
    let (name, mime_type) = match u32::from_be_bytes(*kind) {
        13 => ("cover.jpg", "image/jpeg"),
        14 => ("cover.png", "image/png"),
        27 => ("cover.bmp", "image/bmp"),
        _ => return None,
    };
    let offset = picture.as_ptr().addr().checked_sub(moov.as_ptr().addr())?;
    let from = start.checked_add(offset as u64)?;
    let data = from..from.checked_add(picture.len() as u64)?;
    Some(Attachment { name: name.to_owned(), mime_type: mime_type.to_owned(), data })
}
