//! Links and texts in the query of `/stream`, which TorrServer decodes twice.

use std::borrow::Cow;

use freshet_model::{SourceError, TorrentSource, Torrs};
use percent_encoding::percent_decode_str;

/// Reads a link from a query that has been decoded once already.
///
/// Only if it makes no sense as it is, it is decoded once more: TorrServer always does that, which breaks the escapes inside
/// of a magnet that was encoded once.
///
/// # Errors
/// [`SourceError`] if it makes no sense either way. Links to local files are refused with all unknown ones: everybody who
/// reaches this port could read files with them.
pub(crate) fn parse(link: &str) -> Result<TorrentSource, SourceError> {
    // Pages that copy a magnet out of HTML forget to decode this one.
    let link = link.replace("&amp;", "&");
    TorrentSource::parse(&link).or_else(|error| match decode_again(&link) {
        Cow::Owned(decoded) => TorrentSource::parse(&decoded.replace("&amp;", "&")),
        Cow::Borrowed(_) => Err(error),
    })
}

/// The same, and a token of a `torrs://` link without its scheme, which TorrServer takes on `/stream`.
///
/// # Errors
/// As [`parse`].
pub(crate) fn parse_or_token(link: &str) -> Result<TorrentSource, SourceError> {
    let token = link.trim();
    if Torrs::is_bare_token(token) { Ok(TorrentSource::Torrs(Torrs::parse(token)?)) } else { parse(link) }
}

/// Decodes the escapes of a text once more, if all of them are ones and the result is a text.
pub(crate) fn decode_again(text: &str) -> Cow<'_, str> {
    let escapes = text.split('%').skip(1);
    let mut are_escapes =
        escapes.map(|rest| rest.len() >= 2 && rest.bytes().take(2).all(|byte| byte.is_ascii_hexdigit()));
    if !text.contains('%') || !are_escapes.all(|is_escape| is_escape) {
        return Cow::Borrowed(text);
    }
    percent_decode_str(text).decode_utf8().unwrap_or(Cow::Borrowed(text))
}

#[cfg(test)]
mod tests {
    use freshet_model::Magnet;
    use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

    use super::*;

    const HEX: &str = "08ada5a7a6183aae1e09d831df6748d566095a10";

    fn encode(text: &str) -> String {
        utf8_percent_encode(text, NON_ALPHANUMERIC).to_string()
    }

    #[test]
    fn a_magnet_is_understood_plain_encoded_and_out_of_html() {
        let magnet = format!(
            "magnet:?xt=urn:btih:{HEX}&dn=A%2BB%20%26%20C&tr=http%3A%2F%2Ft.example%2Fa%3Fk%3D1%26l%3D2"
        );
        let expected = Ok(TorrentSource::Magnet(Magnet::parse(&magnet).unwrap()));

        assert_eq!(parse(&magnet), expected);
        assert_eq!(parse(&encode(&magnet)), expected);
        assert_eq!(parse(&magnet.replace('&', "&amp;")), expected);
        assert_eq!(parse(&encode(&magnet.replace('&', "&amp;"))), expected);
    }

    #[test]
    fn hashes_and_web_links_are_understood() {
        assert_eq!(parse(HEX), TorrentSource::parse(HEX));
        let web = "https://t.example/a%20b.torrent?x=1&y=%2B";
        assert_eq!(parse(web), TorrentSource::parse(web));
        assert_eq!(parse(&encode(web)), TorrentSource::parse(web));
    }

    #[test]
    fn local_files_and_nonsense_are_refused() {
        for link in
            ["file:///etc/passwd", "file%3A%2F%2F%2Fetc%2Fpasswd", "/etc/passwd", "%", "%zz", "%ff", ""]
        {
            assert!(parse(link).is_err(), "{link}");
        }
    }

    #[test]
    fn a_text_is_decoded_again_only_if_that_makes_sense() {
        let table = [
            ("A%20B", "A B"),
            ("100% fun", "100% fun"),
            ("50%", "50%"),
            ("A+B", "A+B"),
            ("%D0%9C", "М"),
            ("%ff", "%ff"),
        ];
        for (text, expected) in table {
            assert_eq!(decode_again(text), expected, "{text}");
        }
    }
}
