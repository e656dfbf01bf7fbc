//! What of subtitles goes to the page as bytes: fonts of the film, and pictures of discs.

use std::io::SeekFrom;
use std::ops::Range;

use bytes::Bytes;
use freshet_media::index::ContainerIndex;
use freshet_media::subtitles::{MAX_SUP_BYTES, checked_sup, sup_of};
use freshet_model::{
    ErrorCode, FileIndex, PlaybackId, SubtitleFont, SubtitleForm, SubtitleSource, WireError,
};
use tokio::io::{AsyncReadExt as _, AsyncSeekExt as _};

use super::{Film, TIMEOUT, Window, film_blocks, form_of, while_asked};
use crate::{App, OpenFile};

const MAX_FONTS: usize = 64;
/// The largest honest ones have all of Chinese in them.
const MAX_FONT_BYTES: u64 = 32 * 1024 * 1024;
const MAX_ALL_FONTS_BYTES: u64 = 96 * 1024 * 1024;

/// One of the parts that a page fetches by `/media/{playback}/{name}`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SubtitlePart {
    /// `font-3`
    Font(u32),
    /// `sup-s2-30000-60000`: the pictures of a stream, from one millisecond to another.
    Stream { stream_index: u32, from_ms: u32, to_ms: u32 },
    /// `sup-f5`: a file of the torrent.
    File(FileIndex),
}

impl SubtitlePart {
    /// `None` for every other name.
    pub fn parse(name: &str) -> Option<Self> {
        let number = |text: &str| {
            let is_plain = (1..=10).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
            is_plain.then(|| text.parse::<u32>().ok()).flatten()
        };
        if let Some(rest) = name.strip_prefix("font-") {
            return Some(Self::Font(number(rest)?));
        }
        if let Some(rest) = name.strip_prefix("sup-f") {
            return Some(Self::File(FileIndex(number(rest)?)));
        }
        let mut parts = name.strip_prefix("sup-s")?.split('-').map(number);
        let (stream_index, from_ms, to_ms) = (parts.next()??, parts.next()??, parts.next()??);
        parts.next().is_none().then_some(Self::Stream { stream_index, from_ms, to_ms })
    }
}

/// Attached files that are fonts, with where they stand.
fn font_places(index: &ContainerIndex) -> impl Iterator<Item = (SubtitleFont, Range<u64>)> {
    let mut left_bytes = MAX_ALL_FONTS_BYTES;
    let attachments = index.attachments.iter().enumerate();
    let fonts = attachments.filter_map(move |(number, attachment)| {
        let length_bytes = attachment.data.end.saturating_sub(attachment.data.start);
        let name = attachment.name.to_ascii_lowercase();
        let mime = attachment.mime_type.to_ascii_lowercase();
        let is_font = mime.contains("font")
            || mime.contains("truetype")
            || mime.contains("opentype")
            || [".ttf", ".otf", ".ttc", ".otc", ".woff", ".woff2"].iter().any(|end| name.ends_with(end));
        if !is_font || length_bytes == 0 || length_bytes > MAX_FONT_BYTES || length_bytes > left_bytes {
            return None;
        }
        left_bytes -= length_bytes;
        let font =
            SubtitleFont { number: u32::try_from(number).ok()?, name: attachment.name.clone(), length_bytes };
        Some((font, attachment.data.clone()))
    });
    fonts.take(MAX_FONTS)
}

pub(super) fn fonts(index: &ContainerIndex) -> Vec<SubtitleFont> {
    font_places(index).map(|(font, _)| font).collect()
}

impl App {
    /// The bytes of a part. Waits for them, [`TIMEOUT`] at most.
    ///
    /// # Errors
    /// The playback is unknown, there is no such part, or its bytes don't come.
    pub async fn subtitle_part(&self, id: &PlaybackId, part: SubtitlePart) -> Result<Bytes, WireError> {
        let film = self.film_of(id)?;
        match part {
            SubtitlePart::Font(number) => self.font(&film, number).await,
            SubtitlePart::File(file_index) => {
                let source = SubtitleSource::File { file_index };
                let read = async {
                    let (_, bytes) = self.subtitle_file(&film, file_index, MAX_SUP_BYTES as u64).await?;
                    Ok(Bytes::from(checked_sup(&bytes)))
                };
                while_asked(&film, source, Box::pin(read)).await
            }
            SubtitlePart::Stream { stream_index, from_ms, to_ms } => {
                let secs = |ms: u32| f64::from(ms) / 1000.0;
                let window = Window::new(secs(from_ms), secs(to_ms), film.probe.start_secs)?;
                if form_of(&film, stream_index)? != SubtitleForm::Pgs {
                    return Err(WireError::new(ErrorCode::BadRequest, "this track has no pictures"));
                }
                let source = SubtitleSource::Embedded { stream_index };
                let read = async {
                    let found = film_blocks(self, &film, stream_index, &window).await?;
                    let blocks = found.map(|found| found.blocks).unwrap_or_default();
                    let start_secs = film.probe.start_secs;
                    let sup = blocks
                        .iter()
                        .flat_map(|block| sup_of(&block.data, block.start.as_secs_f64() - start_secs));
                    Ok(Bytes::from(sup.collect::<Vec<u8>>()))
                };
                while_asked(&film, source, Box::pin(read)).await
            }
        }
    }

    async fn font(&self, film: &Film, number: u32) -> Result<Bytes, WireError> {
        let read = async {
            let index = self.index_of(film).await?;
            let found =
                index.as_deref().and_then(|index| font_places(index).find(|(font, _)| font.number == number));
            let Some((_, place)) = found else {
                return Err(WireError::new(ErrorCode::NoSuchFile, "the film has no such font"));
            };
            let OpenFile { mut reader, .. } =
                self.open_subtitle_file(film.info_hash, film.file_index).await?;
            let failed = |error: std::io::Error| crate::error::read_failed(&error);
            reader.seek(SeekFrom::Start(place.start)).await.map_err(failed)?;
            let mut bytes = Vec::new();
            reader.take(place.end - place.start).read_to_end(&mut bytes).await.map_err(failed)?;
            Ok(Bytes::from(bytes))
        };
        let late = |_| Err(WireError::new(ErrorCode::Stalled, "the font did not arrive in time"));
        tokio::time::timeout(TIMEOUT, Box::pin(read)).await.unwrap_or_else(late)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_parts_are_plain_numbers() {
        assert_eq!(SubtitlePart::parse("font-3"), Some(SubtitlePart::Font(3)));
        assert_eq!(SubtitlePart::parse("sup-f5"), Some(SubtitlePart::File(FileIndex(5))));
        let stream = SubtitlePart::Stream { stream_index: 2, from_ms: 30_000, to_ms: 60_000 };
        assert_eq!(SubtitlePart::parse("sup-s2-30000-60000"), Some(stream));
        for none in [
            "",
            "0",
            "font-",
            "font--1",
            "font-+1",
            "font-99999999999",
            "sup-s1-2",
            "sup-s1-2-3-4",
            "sup-f1x",
        ] {
            assert_eq!(SubtitlePart::parse(none), None, "{none}");
        }
    }
}
