use freshet_model::{FileIndex, InfoHash, media_kind};

use super::*;

fn record(number: u8, title: &str, category: &str, paths: &[&str]) -> Arc<TorrentRecord> {
    let files = (0..).zip(paths).map(|(index, path)| FileEntry {
        index: FileIndex(index),
        path: (*path).to_owned(),
        length_bytes: 10,
        kind: media_kind(path),
        torrserver_id: index + 1,
    });
    Arc::new(TorrentRecord {
        title: title.to_owned(),
        category: category.to_owned(),
        metainfo: Some(vec![1]),
        files: files.collect(),
        ..TorrentRecord::new(InfoHash::new([number; 20]), u64::from(number))
    })
}

fn hrefs(library: &Library, path: &str) -> Vec<String> {
    let node = library.find(path).unwrap_or_else(|| panic!("{path} is there"));
    library.entries(&node, true).into_iter().map(|entry| entry.href).collect()
}

#[test]
fn every_address_that_is_listed_leads_to_what_it_names() {
    let library = Library::new(vec![
        record(1, "A/B: 50% #1?&", "movie", &["film é.mkv"]),
        record(2, "Сериал", "", &["s1/e 1.mkv", "s1/sub/e1.srt", "about.txt"]),
        record(3, "", "Movie", &["x"]),
    ]);
    let mut left = vec!["/dav".to_owned()];
    let mut files = Vec::new();
    while let Some(path) = left.pop() {
        let node = library.find(&path).unwrap();
        if let Node::File { file, .. } = node {
            files.push((path, file.path.clone()));
            continue;
        }
        left.extend(library.entries(&node, true).into_iter().skip(1).map(|entry| entry.href));
    }
    files.sort();
    let hash = InfoHash::new([3; 20]).to_string();
    let expected = [
        (format!("/dav/movie/{hash}/x"), "x"),
        ("/dav/movie/A-B%3A%2050%25%20%231%3F%26/film%20%C3%A9.mkv".to_owned(), "film é.mkv"),
        ("/dav/uncategorized/%D0%A1%D0%B5%D1%80%D0%B8%D0%B0%D0%BB/about.txt".to_owned(), "about.txt"),
        ("/dav/uncategorized/%D0%A1%D0%B5%D1%80%D0%B8%D0%B0%D0%BB/s1/e%201.mkv".to_owned(), "s1/e 1.mkv"),
        ("/dav/uncategorized/%D0%A1%D0%B5%D1%80%D0%B8%D0%B0%D0%BB/s1/sub/e1.srt".to_owned(), "s1/sub/e1.srt"),
    ];
    assert_eq!(files, expected.map(|(href, path)| (href, path.to_owned())));
}

#[test]
fn the_first_of_two_titles_keeps_the_name() {
    let both = vec![record(2, "film", "", &["b"]), record(1, "Film", "", &["a"])];
    let library = Library::new(both);

    assert_eq!(
        hrefs(&library, "/dav/uncategorized/"),
        ["/dav/uncategorized/", "/dav/uncategorized/Film/", "/dav/uncategorized/film%20%5B02020202%5D/"]
    );
    assert_eq!(hrefs(&library, "/dav/uncategorized/FILM")[1], "/dav/uncategorized/Film/a");
}

#[test]
fn a_stranger_s_title_is_a_harmless_name() {
    let table = [
        ("../../etc/passwd", Some("..-..-etc-passwd")),
        ("a\\b/c", Some("a-b-c")),
        ("..", None),
        (" . ", None),
        ("", None),
        ("a\u{202e}b\0c\n", Some("abc")),
        ("dots...", Some("dots")),
    ];
    for (title, name) in table {
        assert_eq!(safe_name(title).as_deref(), name, "{title:?}");
    }
    assert_eq!(safe_name(&"é".repeat(5000)).unwrap(), "é".repeat(100));
}

#[test]
fn torrents_without_details_are_not_there() {
    let bare =
        Arc::new(TorrentRecord { title: "T".to_owned(), ..TorrentRecord::new(InfoHash::new([1; 20]), 1) });
    assert_eq!(hrefs(&Library::new(vec![bare]), "/dav"), ["/dav/"]);
}

#[test]
fn names_that_are_taken_get_their_number() {
    let library = Library::new(vec![record(1, "T", "", &["a.b", "a.b/c", "a.b", "a.b", "d", "d", "d [6]"])]);

    let base = "/dav/uncategorized/T";
    let expected = [
        "/",
        "/a%20%5B1%5D.b",
        "/a.b/",
        "/a%20%5B3%5D.b",
        "/a%20%5B4%5D.b",
        "/d",
        "/d%20%5B6%5D",
        "/d%20%5B6%5D%20%5B7%5D",
    ];
    assert_eq!(hrefs(&library, base), expected.map(|path| format!("{base}{path}")));
}

#[test]
fn paths_that_lead_nowhere_are_not_found() {
    let library = Library::new(vec![record(1, "T", "", &["a/b.mkv"])]);
    for path in [
        "/davos",
        "/dav//uncategorized",
        "/dav/uncategorized//T",
        "/dav/uncategorized/T/..",
        "/dav/uncategorized/T/a/../a/b.mkv",
        "/dav/uncategorized/T/a/b.mkv/c",
        "/dav/uncategorized/T/a%2Fb.mkv",
        "/dav/uncategorized/T/%ff",
        "/dav/other",
        "/dav/uncategorized/t2",
    ] {
        assert!(library.find(path).is_none(), "{path}");
    }
    assert!(library.find(&format!("/dav{}", "/x".repeat(100_000))).is_none());
}
