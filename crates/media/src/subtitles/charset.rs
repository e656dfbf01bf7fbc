//! Bytes to text: by their mark, by being UTF-8, by what they look like, or as a person says.

use chardetng::{EncodingDetector, Iso2022JpDetection, Utf8Detection};
use encoding_rs::{Encoding, UTF_8, UTF_16BE, UTF_16LE};

/// What a person can choose from, by names of the Encoding Standard.
pub const CHARSETS: [&str; 27] = [
    "UTF-8",
    "UTF-16LE",
    "UTF-16BE",
    "windows-1250",
    "windows-1251",
    "windows-1252",
    "windows-1253",
    "windows-1254",
    "windows-1255",
    "windows-1256",
    "windows-1257",
    "windows-1258",
    "windows-874",
    "ISO-8859-2",
    "ISO-8859-5",
    "ISO-8859-7",
    "ISO-8859-15",
    "KOI8-R",
    "KOI8-U",
    "IBM866",
    "Shift_JIS",
    "EUC-JP",
    "ISO-2022-JP",
    "EUC-KR",
    "GBK",
    "gb18030",
    "Big5",
];

/// What tells more than the first so many bytes of a file tells the same.
const LOOKED_AT_BYTES: usize = 512 * 1024;

/// The text, and the name of the encoding it was read by. `chosen` wins if it is one of [`CHARSETS`]; `language` (such as
/// `ru`) decides where the bytes could be several. Wrong bytes become U+FFFD.
pub fn decode(bytes: &[u8], chosen: Option<&str>, language: Option<&str>) -> (String, &'static str) {
    let chosen = chosen.filter(|name| CHARSETS.contains(name));
    let encoding = chosen
        .and_then(|name| Encoding::for_label(name.as_bytes()))
        .unwrap_or_else(|| detect(bytes, language));
    // A mark of order is no part of the text, whoever chose the encoding.
    let bytes = match Encoding::for_bom(bytes) {
        Some((marked, length)) if marked == encoding => &bytes[length..],
        _ => bytes,
    };
    let (text, _) = encoding.decode_without_bom_handling(bytes);
    (text.into_owned(), encoding.name())
}

fn detect(bytes: &[u8], language: Option<&str>) -> &'static Encoding {
    if let Some((encoding, _)) = Encoding::for_bom(bytes) {
        return encoding;
    }
    let looked_at = &bytes[..bytes.len().min(LOOKED_AT_BYTES)];
    if let Some(encoding) = without_mark(looked_at) {
        return encoding;
    }
    if std::str::from_utf8(bytes).is_ok() {
        return UTF_8;
    }
    let mut detector = EncodingDetector::new(Iso2022JpDetection::Allow);
    detector.feed(looked_at, true);
    detector.guess(language.and_then(country_of), Utf8Detection::Allow)
}

/// UTF-16 that does not say so: digits and spaces have a zero beside them.
fn without_mark(bytes: &[u8]) -> Option<&'static Encoding> {
    let pairs = bytes.len() / 2;
    if pairs < 8 {
        return None;
    }
    let zeros = |side: usize| bytes.iter().skip(side).step_by(2).filter(|byte| **byte == 0).count();
    let (first, second) = (zeros(0), zeros(1));
    // Times alone are a third of a file of subtitles.
    if second > pairs / 8 && first * 8 < second {
        Some(UTF_16LE)
    } else if first > pairs / 8 && second * 8 < first {
        Some(UTF_16BE)
    } else {
        None
    }
}

/// The detector asks which country's pages it reads.
fn country_of(language: &str) -> Option<&'static [u8]> {
    let country: &'static str = match language.get(..2)?.to_ascii_lowercase().as_str() {
        "ru" => "ru",
        "uk" => "ua",
        "be" => "by",
        "bg" => "bg",
        "sr" => "rs",
        "ja" | "jp" => "jp",
        "ko" => "kr",
        "zh" | "ch" => "cn",
        "el" | "gr" => "gr",
        "he" => "il",
        "ar" => "sa",
        "fa" => "ir",
        "tr" => "tr",
        "pl" => "pl",
        "cs" => "cz",
        "sk" => "sk",
        "hu" => "hu",
        "ro" => "ro",
        "hr" => "hr",
        "sl" => "si",
        "et" => "ee",
        "lv" => "lv",
        "lt" => "lt",
        "th" => "th",
        "vi" => "vn",
        "de" => "de",
        "fr" => "fr",
        "es" => "es",
        "it" => "it",
        "pt" => "pt",
        "sv" => "se",
        "fi" => "fi",
        _ => return None,
    };
    Some(country.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    const RUSSIAN: &str =
        "1\n00:00:01,000 --> 00:00:03,000\nЗдравствуйте, дорогие друзья!\nКак поживаете сегодня?\n\n";
    const JAPANESE: &str =
        "1\n00:00:01,000 --> 00:00:03,000\nこんにちは、皆さん。お元気ですか。今日は良い天気ですね。\n\n";
    const CHINESE: &str =
        "1\n00:00:01,000 --> 00:00:03,000\n你好,我的朋友们。今天天气很好,我们去河边散步吧。\n\n";
    const GREEK: &str = "1\n00:00:01,000 --> 00:00:03,000\nΚαλημέρα σε όλους, πώς είστε σήμερα;\n\n";

    fn encoded(text: &str, name: &str) -> Vec<u8> {
        let encoding = Encoding::for_label(name.as_bytes()).unwrap();
        let (bytes, _, has_lost) = encoding.encode(text);
        assert!(!has_lost, "{name}");
        bytes.into_owned()
    }

    fn utf_16(text: &str, is_little: bool) -> Vec<u8> {
        text.encode_utf16()
            .flat_map(|unit| if is_little { unit.to_le_bytes() } else { unit.to_be_bytes() })
            .collect()
    }

    #[test]
    fn the_usual_encodings_are_recognized_without_a_hint() {
        for (text, name) in [
            (RUSSIAN, "windows-1251"),
            (RUSSIAN, "KOI8-R"),
            (RUSSIAN, "IBM866"),
            (JAPANESE, "Shift_JIS"),
            (JAPANESE, "EUC-JP"),
            (CHINESE, "GBK"),
            (CHINESE, "UTF-8"),
            (GREEK, "windows-1253"),
        ] {
            let (read, charset) = decode(&encoded(text, name), None, None);
            assert_eq!(read, text, "{name} was read as {charset}");
        }
        let traditional = "1\n00:00:01,000 --> 00:00:03,000\n今天天氣很好,我們去河邊散步吧。\n\n";
        assert_eq!(
            decode(&encoded(traditional, "Big5"), Some("Big5"), None),
            (traditional.to_owned(), "Big5")
        );
    }

    #[test]
    fn a_mark_of_order_decides_and_is_no_part_of_the_text() {
        let marked = |mark: &[u8], rest: Vec<u8>| [mark, &rest].concat();
        for (bytes, name) in [
            (marked(&[0xef, 0xbb, 0xbf], RUSSIAN.into()), "UTF-8"),
            (marked(&[0xff, 0xfe], utf_16(RUSSIAN, true)), "UTF-16LE"),
            (marked(&[0xfe, 0xff], utf_16(RUSSIAN, false)), "UTF-16BE"),
            (utf_16(RUSSIAN, true), "UTF-16LE"),
            (utf_16(RUSSIAN, false), "UTF-16BE"),
        ] {
            assert_eq!(decode(&bytes, None, None), (RUSSIAN.to_owned(), name));
            assert_eq!(decode(&bytes, Some(name), None).0, RUSSIAN, "chosen by hand");
        }
    }

    #[test]
    fn what_a_person_chooses_wins_and_a_made_up_name_does_not() {
        let bytes = encoded(RUSSIAN, "windows-1251");
        assert_eq!(decode(&bytes, Some("windows-1252"), None).1, "windows-1252");
        for unknown in ["", "replacement", "x-user-defined", "<b>"] {
            assert_eq!(decode(&bytes, Some(unknown), None).1, "windows-1251", "{unknown}");
        }
    }

    #[test]
    fn the_language_decides_where_the_bytes_do_not() {
        let short = encoded("Привет", "windows-1251");
        assert_eq!(decode(&short, None, Some("ru")).0, "Привет");
        for language in ["ru", "РУ", "x", "", "zz", "日本"] {
            decode(&short, None, Some(language));
        }
    }

    #[test]
    fn every_offered_name_is_an_encoding() {
        for name in CHARSETS {
            assert_eq!(Encoding::for_label(name.as_bytes()).unwrap().name(), name);
            assert_eq!(decode(b"abcd", Some(name), None).1, name);
        }
    }
}
