use proptest::prelude::*;

use super::*;
use crate::MediaKind;

/// Builds the text of a `.torrent` with one knob for each rule.
#[derive(Clone)]
struct Builder {
    name: Vec<u8>,
    piece_length: i64,
    pieces: Option<usize>,
    files: Option<Vec<(Vec<Vec<u8>>, i64)>>,
    length: i64,
    extra_info: String,
    outer: String,
}

impl Builder {
    fn single(length: i64) -> Self {
        Self {
            name: b"film.mkv".to_vec(),
            piece_length: 16384,
            pieces: None,
            files: None,
            length,
            extra_info: String::new(),
            outer: String::new(),
        }
    }

    fn multi(files: &[(&[&str], i64)]) -> Self {
        let files = files
            .iter()
            .map(|(path, length)| (path.iter().map(|c| c.as_bytes().to_vec()).collect(), *length));
        Self { name: b"Pack".to_vec(), files: Some(files.collect()), ..Self::single(0) }
    }

    fn build(&self) -> Vec<u8> {
        let total: i64 = self
            .files
            .as_ref()
            .map_or(self.length, |files| files.iter().map(|(_, length)| length.max(&0)).sum());
        let needed = if self.piece_length > 0 {
            (total.max(0) as u64).div_ceil(self.piece_length as u64) as usize
        } else {
            1
        };
        let pieces = self.pieces.unwrap_or(needed * 20);
        let mut out = format!("d{}4:infod", self.outer).into_bytes();
        match &self.files {
            None => out.extend(format!("6:lengthi{}e", self.length).into_bytes()),
            Some(files) => {
                out.extend(b"5:filesl");
                for (path, length) in files {
                    out.extend(format!("d6:lengthi{length}e4:pathl").into_bytes());
                    for component in path {
                        string(&mut out, component);
                    }
                    out.extend(b"ee");
                }
                out.push(b'e');
            }
        }
        out.extend(b"4:name");
        string(&mut out, &self.name);
        out.extend(format!("12:piece lengthi{}e6:pieces", self.piece_length).into_bytes());
        string(&mut out, &vec![b'h'; pieces]);
        out.extend(self.extra_info.bytes());
        out.extend(b"ee");
        out
    }
}

fn string(out: &mut Vec<u8>, text: &[u8]) {
    out.extend(format!("{}:", text.len()).into_bytes());
    out.extend(text);
}

#[test]
fn reads_a_single_file() {
    let bytes =
        Builder { outer: "8:announce18:udp://t.example:80".to_owned(), ..Builder::single(40_000) }.build();

    let metainfo = Metainfo::parse(&bytes).unwrap();

    assert_eq!(metainfo.name, "film.mkv");
    assert_eq!((metainfo.total_bytes, metainfo.piece_count, metainfo.piece_bytes), (40_000, 3, 16384));
    assert!(metainfo.is_single_file && !metainfo.is_private);
    assert_eq!(metainfo.files[0].kind, MediaKind::Video);
    assert_eq!(metainfo.files[0].torrserver_id, 1);
    assert_eq!(metainfo.trackers.len(), 1);
    let expected: [u8; 20] = Sha1::digest(&bytes[metainfo.info_range.clone()]).into();
    assert_eq!(metainfo.info_hash.as_bytes(), &expected);
}

#[test]
fn the_bare_file_has_the_same_info_hash_and_no_trackers() {
    let bytes = Builder { outer: "8:announce18:udp://t.example:80".to_owned(), ..Builder::single(1) }.build();
    let metainfo = Metainfo::parse(&bytes).unwrap();

    let bare = Metainfo::parse(&metainfo.bare_torrent_file(&bytes)).unwrap();

    assert_eq!(bare.info_hash, metainfo.info_hash);
    assert!(bare.trackers.is_empty());
}

#[test]
fn reads_several_files_with_their_kinds_and_ids() {
    let bytes =
        Builder::multi(&[(&["S01", "e2.mkv"], 10), (&["S01", "e1.mkv"], 20), (&["cover.jpg"], 5)]).build();

    let metainfo = Metainfo::parse(&bytes).unwrap();

    let seen: Vec<_> =
        metainfo.files.iter().map(|f| (f.path.as_str(), f.length_bytes, f.torrserver_id, f.kind)).collect();
    assert_eq!(
        seen,
        [
            ("S01/e2.mkv", 10, 2, MediaKind::Video),
            ("S01/e1.mkv", 20, 1, MediaKind::Video),
            ("cover.jpg", 5, 3, MediaKind::Image)
        ]
    );
    assert!(!metainfo.is_single_file);
}

#[test]
fn refuses_impossible_numbers() {
    use MetainfoError as E;
    let ok = Builder::single(40_000);
    let table = [
        (Builder { piece_length: 0, ..ok.clone() }, E::PieceLength(0)),
        (Builder { piece_length: -1, ..ok.clone() }, E::PieceLength(-1)),
        (Builder { piece_length: 1, ..ok.clone() }, E::PieceLength(1)),
        (Builder { piece_length: 16385, ..ok.clone() }, E::PieceLength(16385)),
        (Builder { piece_length: 1 << 32, ..ok.clone() }, E::PieceLength(1 << 32)),
        (Builder { length: -5, ..ok.clone() }, E::FileLength(0)),
        (Builder { length: i64::MAX, pieces: Some(20), ..ok.clone() }, E::FileLength(0)),
        (Builder { length: 0, pieces: Some(0), ..ok.clone() }, E::NoFiles),
        (Builder { pieces: Some(40), ..ok.clone() }, E::PieceCount { hashes: 40, pieces: 3 }),
        (Builder { pieces: Some(61), ..ok }, E::PieceCount { hashes: 61, pieces: 3 }),
        (
            Builder { pieces: Some(20), ..Builder::multi(&[(&["a"], 10 << 40), (&["b"], 10 << 40)]) },
            E::TotalLength,
        ),
        (Builder::multi(&[]), E::NoFiles),
    ];
    for (builder, error) in table {
        assert_eq!(Metainfo::parse(&builder.build()), Err(error.clone()), "{error}");
    }
}

#[test]
fn refuses_paths_that_lead_elsewhere() {
    let long: Vec<&str> = std::iter::repeat_n("d", 33).collect();
    let bom_dots = "\u{feff}..";
    let table: [&[&str]; 9] = [
        &[".."],
        &["a", ".."],
        &["."],
        &[""],
        &["a/b"],
        &["a\\b"],
        &[bom_dots],
        &["\u{202e}..\u{200b}"],
        &long,
    ];
    for path in table {
        let bytes = Builder::multi(&[(&["ok"], 1), (path, 1)]).build();
        assert_eq!(Metainfo::parse(&bytes), Err(MetainfoError::Path(1)), "{path:?}");
    }
}

#[test]
fn names_that_mislead_the_eye_are_cleaned() {
    let bytes = Builder::multi(&[(&["movie\u{202e}4pm.exe"], 1), (&["bad\u{7}bell.mkv"], 1)]).build();

    let metainfo = Metainfo::parse(&bytes).unwrap();

    assert_eq!(metainfo.files[0].path, "movie4pm.exe");
    assert_eq!(metainfo.files[1].path, "badbell.mkv");
}

#[test]
fn refuses_what_is_no_torrent() {
    assert!(matches!(Metainfo::parse(b"<html>"), Err(MetainfoError::Bencode(_))));
    assert_eq!(Metainfo::parse(b"le"), Err(MetainfoError::Field("the outer dictionary")));
    assert_eq!(Metainfo::parse(b"de"), Err(MetainfoError::Field("info")));
    assert_eq!(Metainfo::parse(b"d4:infodee"), Err(MetainfoError::Field("piece length")));
    let v2 = b"d4:infod9:file treed1:adee12:meta versioni2e4:name1:a12:piece lengthi16384eee";
    assert_eq!(Metainfo::parse(v2), Err(MetainfoError::V2Only));
    let large = vec![b'x'; limits::MAX_METAINFO_BYTES + 1];
    assert_eq!(Metainfo::parse(&large), Err(MetainfoError::TooLarge(large.len())));
}

#[test]
fn keeps_only_trackers_that_we_speak_to() {
    let outer = "13:announce-listll18:udp://t.example:8018:wss://t.example:80e9:not-alistl20:http://t.example/anne1:xe".replace("9:not-alist", "");
    let bytes = Builder { outer, ..Builder::single(1) }.build();

    let trackers = Metainfo::parse(&bytes).unwrap().trackers;

    assert_eq!(
        trackers.iter().map(Url::as_str).collect::<Vec<_>>(),
        ["udp://t.example:80", "http://t.example/ann"]
    );
}

proptest! {
    #[test]
    fn never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        let _ = Metainfo::parse(&bytes);
    }

    #[test]
    fn one_changed_byte_is_read_or_refused(at in 0_usize..400, byte: u8) {
        let mut bytes = Builder::multi(&[(&["S01", "e2.mkv"], 10), (&["S01", "e1.mkv"], 20)]).build();
        let at = at % bytes.len();
        bytes[at] = byte;
        if let Ok(metainfo) = Metainfo::parse(&bytes) {
            prop_assert_eq!(metainfo.total_bytes, metainfo.files.iter().map(|f| f.length_bytes).sum::<u64>());
            prop_assert_eq!(u64::from(metainfo.piece_count), metainfo.total_bytes.div_ceil(u64::from(metainfo.piece_bytes)));
        }
    }
}

#[test]
fn web_seeds_are_read_from_either_form_and_kept_in_the_bare_file() {
    let many: String = (0..40).map(|n| format!("18:http://{n:02}.example/")).collect();
    let long = format!("http://a.example/{}", "x".repeat(limits::MAX_WEB_SEED_URL_BYTES));
    let table = [
        ("8:url-list17:http://a.example/".to_owned(), vec!["http://a.example/"]),
        (
            "8:url-listl17:http://a.example/16:ftp://a.example/i7e20:https://b.example/a 17:http://a.example/e".to_owned(),
            vec!["http://a.example/", "https://b.example/a"],
        ),
        ("8:url-list0:".to_owned(), vec![]),
        (format!("8:url-list{}:{long}", long.len()), vec![]),
    ];
    for (outer, expected) in table {
        let bytes = Builder { outer: outer.clone(), ..Builder::single(10) }.build();
        let metainfo = Metainfo::parse(&bytes).unwrap();
        assert_eq!(metainfo.web_seeds.iter().map(Url::as_str).collect::<Vec<_>>(), expected, "{outer}");
        let bare = Metainfo::parse(&metainfo.bare_torrent_file(&bytes)).unwrap();
        assert_eq!((bare.web_seeds, bare.info_hash), (metainfo.web_seeds, metainfo.info_hash));
    }
    let bytes = Builder { outer: format!("8:url-listl{many}e"), ..Builder::single(10) }.build();
    assert_eq!(Metainfo::parse(&bytes).unwrap().web_seeds.len(), limits::MAX_WEB_SEEDS);
}
