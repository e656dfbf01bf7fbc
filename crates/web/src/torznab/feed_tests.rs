use proptest::prelude::*;

use super::*;

const HEX: &str = "08ada5a7a6183aae1e09d831df6748d566095a10";

fn items(xml: &str) -> Vec<TorznabItem> {
    match parse(xml.as_bytes()).unwrap() {
        Document::Answer(Answer::Items(items)) => items,
        other => panic!("{other:?}"),
    }
}

fn feed(items: &str) -> String {
    format!(
        r#"<?xml version="1.0" encoding="UTF-8"?>
<rss version="2.0" xmlns:atom="http://www.w3.org/2005/Atom" xmlns:torznab="http://torznab.com/schemas/2015/feed">
<channel><atom:link href="http://localhost/" rel="self"/><title>All</title><link>http://127.0.0.1/</link>{items}</channel></rss>"#
    )
}

#[test]
fn an_item_of_jackett_is_read_whole() {
    let item = r#"
<item>
  <title>Big &amp; &#x431;ig <![CDATA[<Film>]]> 2008</title>
  <guid>https://tracker.example/topic?t=1</guid>
  <jackettindexer id="tracker">Tracker.Example</jackettindexer>
  <type>public</type>
  <comments>https://tracker.example/topic?t=1&amp;c</comments>
  <pubDate>Sat, 31 May 2008 21:00:00 +0300</pubDate>
  <size>4692251770</size>
  <link>http://localhost:9117/dl/tracker/?jackett_apikey=k&amp;path=p&amp;file=f</link>
  <category>2000</category>
  <category>100001</category>
  <enclosure url="http://localhost:9117/dl/other" length="1" type="application/x-bittorrent" />
  <torznab:attr name="category" value="2000" />
  <torznab:attr name="seeders" value="12" />
  <torznab:attr name="peers" value="15" />
  <torznab:attr name="infohash" value="08ADA5A7A6183AAE1E09D831DF6748D566095A10" />
  <torznab:attr name="imdbid" value="1254207" />
  <torznab:attr name="year" value="2008" />
  <torznab:attr name="downloadvolumefactor" value="0" />
</item>"#;

    assert_eq!(
        items(&feed(item)),
        [TorznabItem {
            title: "Big & бig <Film> 2008".to_owned(),
            size_bytes: 4_692_251_770,
            seeders: Some(12),
            peers: Some(15),
            published_at_secs: Some(1_212_256_800),
            tracker: "Tracker.Example".to_owned(),
            categories: vec!["2000".to_owned(), "100001".to_owned()],
            info_hash: Some(HEX.parse().unwrap()),
            magnet: None,
            link: Some("http://localhost:9117/dl/tracker/?jackett_apikey=k&path=p&file=f".parse().unwrap()),
            details: Some("https://tracker.example/topic?t=1&c".parse().unwrap()),
            imdb_id: "tt1254207".to_owned(),
            year: Some(2008),
        }]
    );
}

#[test]
fn the_way_to_a_torrent_is_found_wherever_it_stands() {
    let magnet = format!("magnet:?xt=urn:btih:{HEX}&amp;dn=x");
    let plain = format!("magnet:?xt=urn:btih:{HEX}&dn=x");
    let table = [
        (format!("<link>{magnet}</link>"), Some(plain.clone()), None),
        (format!("<guid>{magnet}</guid>"), Some(plain.clone()), None),
        (format!("<enclosure url=\"{magnet}\"/>"), Some(plain.clone()), None),
        (format!("<newznab:attr name=\"magneturl\" value=\"{magnet}\"/>"), Some(plain.clone()), None),
        (
            format!("<torznab:attr name=\"infohash\" value=\"{HEX}\"/>"),
            Some(format!("magnet:?xt=urn:btih:{HEX}")),
            None,
        ),
        ("<link>https://a.example/1.torrent</link>".to_owned(), None, Some("https://a.example/1.torrent")),
        (
            "<enclosure url='https://a.example/2.torrent'/>".to_owned(),
            None,
            Some("https://a.example/2.torrent"),
        ),
    ];
    for (way, magnet, link) in table {
        let found = items(&feed(&format!("<item><title>T</title>{way}</item>")));
        assert_eq!(found.len(), 1, "{way}");
        assert_eq!(found[0].magnet, magnet, "{way}");
        assert_eq!(found[0].info_hash.is_some(), magnet.is_some(), "{way}");
        assert_eq!(found[0].link.as_ref().map(Url::as_str), link, "{way}");
    }
}

#[test]
fn what_nobody_could_add_or_name_is_left_out() {
    for item in [
        "<title>T</title>",
        "<title>T</title><link>ftp://a.example/1.torrent</link>",
        "<title>T</title><link>magnet:?xt=urn:btih:12</link>",
        "<title> \u{202e} </title><link>https://a.example/1.torrent</link>",
        "<nested><title>T</title><link>https://a.example/1.torrent</link></nested>",
    ] {
        assert_eq!(items(&feed(&format!("<item>{item}</item>"))), [], "{item}");
    }
}

#[test]
fn values_without_sense_are_as_good_as_none() {
    let item = r#"<item><title>T</title><link>https://a.example/1</link><size>-5</size><pubDate>soon</pubDate>
        <torznab:attr name="seeders" value="many"/><torznab:attr name="peers" value="99999999999"/>
        <torznab:attr name="infohash" value="zz"/><torznab:attr name="imdbid" value="tt0000000"/><torznab:attr/></item>"#;

    let expected = TorznabItem {
        title: "T".to_owned(),
        link: Some("https://a.example/1".parse().unwrap()),
        ..TorznabItem::default()
    };
    assert_eq!(items(&feed(item)), [expected]);
}

#[test]
fn refusals_and_capabilities_are_known_by_their_first_element() {
    let refused = |code: &str, description: &str| {
        Ok(Document::Refusal { code: code.to_owned(), description: description.to_owned() })
    };
    let wrong = r#"<?xml version="1.0"?><error code="100" description="Invalid &lt;API&gt; Key"/>"#;
    assert_eq!(parse(wrong.as_bytes()), refused("100", "Invalid <API> Key"));
    assert_eq!(parse(b"<error/>"), refused("", "no reason"));
    assert_eq!(parse(feed("<error code='5' description='later'/>").as_bytes()), refused("5", "later"));
    let caps = b"<caps><server title='Jackett'/><limits max='100'/></caps>";
    assert_eq!(parse(caps), Ok(Document::Answer(Answer::Capabilities)));
    assert_eq!(parse(feed("").as_bytes()), Ok(Document::Answer(Answer::Items(Vec::new()))));
}

#[test]
fn what_is_no_answer_is_named() {
    let bomb = r#"<!DOCTYPE rss [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;">]><rss>&b;</rss>"#;
    let deep = format!("<rss>{}", "<a>".repeat(100_000));
    let table: [(&[u8], FeedError); 11] = [
        (b"", FeedError::Incomplete),
        (b"{\"results\":[]}", FeedError::Incomplete),
        (b"<!DOCTYPE html><html></html>", FeedError::Page),
        (b"<html><body/></html>", FeedError::Page),
        (b"<feed/>", FeedError::NoFeed("feed".to_owned())),
        (bomb.as_bytes(), FeedError::Dtd),
        (deep.as_bytes(), FeedError::TooDeep),
        (b"<rss><channel>", FeedError::Incomplete),
        (
            b"<?xml version='1.0' encoding='windows-1251'?><rss/>",
            FeedError::Charset("windows-1251".to_owned()),
        ),
        (b"\xff\xfe<\0r\0s\0s\0/\0>\0", FeedError::Charset("UTF-16".to_owned())),
        (
            b"<rss></rs>",
            FeedError::Xml("ill-formed document: expected `</rss>`, but `</rs>` was found".to_owned()),
        ),
    ];
    for (bytes, error) in table {
        assert_eq!(parse(bytes), Err(error), "{:?}", String::from_utf8_lossy(&bytes[..bytes.len().min(60)]));
    }
}

#[test]
fn an_entity_of_somebody_else_is_not_expanded_and_a_wrong_byte_spoils_one_letter() {
    let item = "<item><title>A &nbsp;&unknown; B</title><link>https://a.example/1</link></item>";
    assert_eq!(items(&feed(item))[0].title, "A &nbsp;&unknown; B");

    let mut bytes = feed("<item><title>A@B</title><link>https://a.example/1</link></item>").into_bytes();
    let at = bytes.iter().position(|byte| *byte == b'@').unwrap();
    bytes[at] = 0xe4;
    match parse(&bytes).unwrap() {
        Document::Answer(Answer::Items(items)) => assert_eq!(items[0].title, "A\u{fffd}B"),
        other => panic!("{other:?}"),
    }
}

#[test]
fn everything_has_an_end() {
    let link = "<link>https://a.example/1</link>";
    let many = feed(&format!("<item><title>T</title>{link}</item>").repeat(limits::MAX_ITEMS + 100));
    assert_eq!(items(&many).len(), limits::MAX_ITEMS);

    let long = feed(&format!("<item><title>{}</title>{link}</item>", "x".repeat(10_000)));
    assert_eq!(items(&long)[0].title.len(), limits::MAX_TITLE_CHARS);

    let endless = feed(&format!("<item><title>{}</title>{link}</item>", "x".repeat(100_000)));
    assert_eq!(items(&endless), [], "a text beyond its bound is none");

    let attributes: String = (0..100_000).map(|number| format!(" a{number}='1'")).collect();
    let wide = feed(&format!(
        "<item><title>T</title>{link}<torznab:attr{attributes} name='seeders' value='7'/></item>"
    ));
    assert_eq!(items(&wide)[0].seeders, None);

    let categories: String = (0..100).map(|number| format!("<category>{number}</category>")).collect();
    let categorized = feed(&format!("<item><title>T</title>{link}{categories}</item>"));
    assert_eq!(items(&categorized)[0].categories.len(), limits::MAX_CATEGORIES);
}

proptest! {
    #[test]
    fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _ = parse(&bytes);
    }

    #[test]
    fn no_mixture_of_its_own_words_makes_it_panic(
        words in proptest::collection::vec(
            prop::sample::select(vec![
                "<rss>", "</rss>", "<item>", "</item>", "<title>", "</title>", "<link>", "</link>", "<item/>",
                "<error code='1'/>", "<torznab:attr name='size' value='&#0;'/>", "<torznab:attr name=size/>",
                "<![CDATA[", "]]>", "&amp;", "&#x110000;", "&", "<", ">", "text", "<!DOCTYPE a>", "<?xml?>",
                "<enclosure url='magnet:?'/>", "\u{feff}", "<pubDate>", "Sat, 31 Feb 2008 21:00:00 GMT",
            ]),
            0..40,
        )
    ) {
        let _ = parse(words.concat().as_bytes());
        let _ = parse(feed(&words.concat()).as_bytes());
    }
}
