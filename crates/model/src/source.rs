//! What a person gives us when they add a torrent.

use url::Url;

use crate::{InfoHash, Magnet, MagnetError, ParseInfoHashError, Torrs, TorrsError, limits};

/// A torrent as it was given, checked as far as that is possible without asking anybody.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TorrentSource {
    Magnet(Magnet),
    /// A `torrs://` link, which also says what the torrent is to be called.
    Torrs(Torrs),
    /// An http or https link to a `.torrent` file.
    Web(Url),
    /// The bytes of a `.torrent` file; [`crate::Metainfo::parse`] judges them.
    TorrentFile(Vec<u8>),
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SourceError {
    #[error("nothing was given")]
    Empty,
    #[error(transparent)]
    Magnet(#[from] MagnetError),
    #[error(transparent)]
    Torrs(#[from] TorrsError),
    #[error("not an info hash: {0}")]
    InfoHash(ParseInfoHashError),
    #[error("not a magnet link, a torrs link, an info hash or a web link")]
    Unknown,
}

impl TorrentSource {
    /// Reads a pasted text: a magnet link, a `torrs://` link, a bare info hash or a web link.
    ///
    /// # Errors
    /// [`SourceError`], which names what is wrong with the text.
    pub fn parse(text: &str) -> Result<Self, SourceError> {
        let text = text.trim();
        if text.is_empty() {
            return Err(SourceError::Empty);
        }
        if text.get(..7).is_some_and(|scheme| scheme.eq_ignore_ascii_case("magnet:")) {
            return Ok(Self::Magnet(Magnet::parse(text)?));
        }
        if let Some(torrs) = Torrs::parse_link(text) {
            return Ok(Self::Torrs(torrs?));
        }
        if text.len() <= limits::MAX_MAGNET_BYTES
            && let Ok(url) = Url::parse(text)
            && matches!(url.scheme(), "http" | "https")
            && url.has_host()
        {
            return Ok(Self::Web(url));
        }
        // Something close to a hash deserves the answer that a hash would get.
        if (30..=44).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
            let info_hash: InfoHash = text.parse().map_err(SourceError::InfoHash)?;
            return Ok(Self::Magnet(Magnet::bare(info_hash)));
        }
        Err(SourceError::Unknown)
    }

    /// Which torrent it is, where the source itself says so.
    pub fn info_hash(&self) -> Option<InfoHash> {
        match self {
            Self::Magnet(magnet) => Some(magnet.info_hash),
            Self::Torrs(torrs) => Some(torrs.info_hash),
            Self::Web(_) | Self::TorrentFile(_) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEX: &str = "08ada5a7a6183aae1e09d831df6748d566095a10";

    #[test]
    fn knows_the_forms_a_person_pastes() {
        let bare = TorrentSource::Magnet(Magnet::bare(HEX.parse().unwrap()));

        assert_eq!(TorrentSource::parse(&format!("  {HEX}\n")), Ok(bare.clone()));
        assert_eq!(TorrentSource::parse(&format!("MAGNET:?xt=urn:btih:{HEX}")), Ok(bare));
        let torrs = Torrs::parse("PEuqBT13Zm6CfdpbaIfw0nNZkDIfWNaJNoetoV2").unwrap();
        assert_eq!(
            TorrentSource::parse(" Torrs://PEuqBT13Zm6CfdpbaIfw0nNZkDIfWNaJNoetoV2"),
            Ok(TorrentSource::Torrs(torrs))
        );
        assert_eq!(
            TorrentSource::parse("https://example.org/a.torrent"),
            Ok(TorrentSource::Web("https://example.org/a.torrent".parse().unwrap()))
        );
    }

    #[test]
    fn says_what_is_wrong() {
        let table = [
            (" ", SourceError::Empty),
            ("hello", SourceError::Unknown),
            ("file:///etc/passwd", SourceError::Unknown),
            ("ftp://example.org/a.torrent", SourceError::Unknown),
            ("torrs://", SourceError::Torrs(TorrsError::Damaged)),
            ("magnet:?dn=x", SourceError::Magnet(MagnetError::NoInfoHash)),
            (&HEX[..39], SourceError::InfoHash(ParseInfoHashError::Length(39))),
        ];
        for (text, error) in table {
            assert_eq!(TorrentSource::parse(text), Err(error), "{text}");
        }
    }
}
