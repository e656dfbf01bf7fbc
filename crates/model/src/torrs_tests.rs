use proptest::prelude::*;

use super::*;

const HEX: &str = "08ada5a7a6183aae1e09d831df6748d566095a10";

fn bare() -> Torrs {
    Torrs::bare(HEX.parse().unwrap())
}

fn urls(texts: &[&str]) -> Vec<Url> {
    texts.iter().map(|text| text.parse().unwrap()).collect()
}

fn token_of(bytes: &[u8]) -> String {
    base62::encode(&compress_to_vec_zlib(bytes, 6))
}

/// An info hash with these bytes after it.
fn token_with(fields: &[u8]) -> String {
    token_of(&[&bare().info_hash.as_bytes()[..], fields].concat())
}

/// The tokens were made by another program: Python's `zlib` and its long integers.
#[test]
fn reads_tokens_that_others_have_made() {
    let full = Torrs {
        title: "Sintel (2010)".to_owned(),
        category: "movie".to_owned(),
        poster: "https://img.example/sintel.jpg".to_owned(),
        trackers: urls(&["udp://tracker.example:1337/announce", "http://t.example/ann?x=1&y=2"]),
        total_bytes: 129_302_391,
        ..bare()
    };
    let table = [
        ("nothing but the hash", "PEuqBT13Zm6CfdpbaIfw0nNZkDIfWNaJNoetoV2", bare()),
        (
            "every field",
            "ApIfcjfhWwPPUxv6YochReQPafd4yFsNYwxDFWC6xKiHE8rKdcidY3vTxV4jRXKOfyltLbWkQfROs73tqt2PNsgzD20YzdMe2KQrgMVYANLCE70NDjhbL0UbGmfcJOocEzVZLLXFzuGJ2LgJ56KkqVDWmUDrspFysU5hk1yCmunIWZMcLfmAnT2s2e4",
            full,
        ),
        (
            "other scripts, zlib level 1",
            "kIwBsvK2hRyQ0Qe9kCUnh8h5SrHTvvuIDRSekwUkvIUHvbxheuHKPwWYaMcN7rktOLtXIDVFTCcieXr6zQqr0XkCrOaQsoJy9fFaYe",
            Torrs {
                title: "Фильм «Лёд» №1 🎬".to_owned(), category: "кино".to_owned(), ..bare()
            },
        ),
        (
            "fields in another order",
            "1e2g4QwcoU0AjcvJbzWcESgVXGXYRsM6qiyQqRnfXOwjCeekQb7kA050p3LvKxkcnFp2yNvGHuQUmOxGnXZb",
            Torrs {
                title: "T".to_owned(),
                category: "tv".to_owned(),
                trackers: urls(&["udp://a.example:1"]),
                total_bytes: 5,
                ..bare()
            },
        ),
        ("empty texts", "WXQO2IXv3SpxXihuIwgjCZBDwbyYN7NuNlEGPBRAVWXFhGn", bare()),
        (
            "a field of a later version",
            "awbf092riI6L7NfeLNzGkswRUReuySeegttHUJa4DUTkoCkQo6O",
            Torrs { title: "T".to_owned(), ..bare() },
        ),
        (
            "a tracker that we don't speak to, and one twice",
            "1e2g4QwcoU0AjcvJbzWcESgVXGXYRsM6rMPXKHkmWTKUC4Rp9EDDavx8f3vZu4fsY2cHByHC4rbdufwgdNdg",
            Torrs { trackers: urls(&["udp://a.example:1"]), ..bare() },
        ),
        (
            "a title that misleads, a poster that is a script",
            "6nL3iJG4GRsiKOieys2friRWDMIYF6RIKI031eIItqsRDYaEPttULM1GRGRiPFnCFomfNKLHMgY48DvoD3wa8",
            Torrs { title: "abcd".to_owned(), ..bare() },
        ),
        ("a negative size", "Sep58KnoNoH0lXERiRr0jop7AvRIthQ6qX7es93WR8a", bare()),
        (
            "a title that is no UTF-8",
            "WXQO2IXv3SpxXihuIwgjCZBDwbyYN7NuNlNv0agTmfyQZMu",
            Torrs { title: "\u{fffd}\u{fffd}T".to_owned(), ..bare() },
        ),
    ];
    for (what, token, expected) in table {
        assert_eq!(Torrs::parse(token), Ok(expected.clone()), "{what}");
        assert_eq!(Torrs::parse_link(&format!("TORRS://{token}/")), Some(Ok(expected.clone())), "{what}");
        // What we write of it means the same.
        assert_eq!(Torrs::parse(&expected.token()), Ok(expected), "{what}");
    }
}

#[test]
fn says_what_is_wrong() {
    let table = [
        ("", TorrsError::Damaged),
        ("0", TorrsError::Damaged),
        ("zzzz", TorrsError::Damaged),
        ("a-b", TorrsError::Alphabet),
        ("Ю", TorrsError::Alphabet),
        // A wrong checksum, no checksum.
        ("PEuqBT13Zm6CfdpbaIfw0nNZkDIfWNaJNoetoV3", TorrsError::Damaged),
        ("5NnlYqrvZjti3oQyvBT4UXvw9f8nCQX4Ai", TorrsError::Damaged),
        ("66F76Yr3XmrVxmXK6RHBqk7AhcSffjLjk6HKSK", TorrsError::NoInfoHash),
        ("6wK7XVC3y12BKELQ5R5ZXNRsXA2FiUNH6dM2G3KJqb", TorrsError::CutOff),
        ("WXQO2IXv3SpxXihuIwgjCZBDwbyYN7NuNlLRcPoP5xPiQsp", TorrsError::CutOff),
        ("Sep58KnoNoH0lXERiRr0jop7AvRIthQ6dVnUUCzK2rD", TorrsError::CutOff),
        // Three hundred trackers.
        ("fwmQeb9OSc2t4S7RnMvuXEdm7MHiIZiu4on3PQ6FUZsjsI7SwpVOAHU", TorrsError::TooLarge),
    ];
    for (token, error) in table {
        assert_eq!(Torrs::parse(token), Err(error), "{token}");
    }
    assert_eq!(Torrs::parse_link("magnet:?xt=x"), None);
    assert_eq!(Torrs::parse_link("torrs:/"), None);
}

#[test]
fn what_is_too_much_is_refused_before_it_is_there() {
    // Two thousand characters that inflate to two million bytes.
    let bomb = token_with(&vec![0; 2_000_000]);
    assert!(bomb.len() < 4000);
    assert_eq!(Torrs::parse(&bomb), Err(TorrsError::TooLarge));

    assert_eq!(Torrs::parse(&"z".repeat(MAX_TOKEN_CHARS + 1)), Err(TorrsError::TooLong));
    assert_eq!(Torrs::parse(&"z".repeat(MAX_TOKEN_CHARS)), Err(TorrsError::Damaged));
}

#[test]
fn texts_without_measure_do_not_get_in_or_out() {
    let long = [&[TITLE, 0xff, 0xff][..], &[b'x'; 0xffff]].concat();
    assert_eq!(Torrs::parse(&token_with(&long)), Ok(bare()));

    let many: Vec<String> = (0..60).map(|number| format!("udp://{number}.{}/", "x".repeat(400))).collect();
    let torrs = Torrs {
        title: "x".repeat(MAX_TEXT_BYTES + 1),
        category: "c".repeat(100_000),
        trackers: urls(&many.iter().map(String::as_str).collect::<Vec<_>>()),
        total_bytes: 7,
        ..bare()
    };
    let read = Torrs::parse(&torrs.token()).unwrap();
    assert_eq!((read.title.as_str(), read.category.as_str(), read.total_bytes), ("", "", 7));
    assert!((10..60).contains(&read.trackers.len()), "{}", read.trackers.len());
}

#[test]
fn a_token_without_its_scheme_is_known_by_its_length() {
    assert!(!Torrs::is_bare_token(HEX));
    assert!(!Torrs::is_bare_token(&"a".repeat(45)));
    assert!(Torrs::is_bare_token(&"a".repeat(46)));
    assert!(!Torrs::is_bare_token(&format!("{}-", "a".repeat(46))));
}

#[test]
fn numbers_are_written_as_everybody_writes_them() {
    let table: [(&[u8], &str); 6] = [
        (&[], ""),
        (&[1], "1"),
        (&[61], "z"),
        (&[62], "10"),
        (&[1, 0, 0, 0, 0], "4gfFC4"),
        (&[0xff; 8], "LygHa16AHYF"),
    ];
    for (bytes, text) in table {
        assert_eq!(base62::encode(bytes), text);
        assert_eq!(base62::decode(text).as_deref(), Some(bytes));
    }
}

proptest! {
    #[test]
    fn what_is_written_is_read_back(
        hash in any::<[u8; 20]>(), title in "[\\PC&&[^\\p{C}\\s]]{0,60}", category in "[a-zа-я]{0,10}",
        has_poster in any::<bool>(), trackers in 0_usize..20, total_bytes in 0..=limits::MAX_TOTAL_BYTES,
    ) {
        let torrs = Torrs {
            info_hash: InfoHash::new(hash),
            title: metainfo::clean_name(&title).unwrap(),
            category,
            poster: if has_poster { format!("https://p.example/{hash:?}.jpg") } else { String::new() },
            trackers: (0..trackers).map(|number| format!("udp://{number}.example:80").parse().unwrap()).collect(),
            total_bytes,
        };
        prop_assert_eq!(Torrs::parse(&torrs.token()), Ok(torrs));
    }

    #[test]
    fn numbers_come_back(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let significant = bytes.iter().position(|byte| *byte != 0).map_or(&[][..], |first| &bytes[first..]);
        prop_assert_eq!(base62::decode(&base62::encode(&bytes)).unwrap(), significant);
    }

    #[test]
    fn never_panics(text in "\\PC{0,60}", fields in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _ = Torrs::parse(&text);
        let _ = Torrs::parse_link(&format!("torrs://{text}"));
        let _ = Torrs::parse(&token_with(&fields));
        let _ = Torrs::parse(&token_of(&fields));
    }
}
